"""Asking the API as another piece of software does, and checking what it says of itself."""

from typing import Any

import orjson
from flask import Flask
from werkzeug.test import TestResponse


def ask(app: Flask, path: str, status: int = 200, **headers: str) -> TestResponse:
    """Ask for an address under `/api/v1`; underscores of header names stand for hyphens."""
    response = app.test_client().get(
        path if path.startswith("/api/") else f"/api/v1/{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    assert response.status_code == status, f"{path}: {response.status_code} {response.text[:400]}"
    if status != 304:
        assert response.mimetype == "application/json"
    return response


def read(app: Flask, path: str, status: int = 200, **headers: str) -> Any:
    """Return what an address answers, read as JSON."""
    return orjson.loads(ask(app, path, status, **headers).data)


def items(app: Flask, path: str) -> list[Any]:
    """Return the items of a page; its envelope is checked against them."""
    page = read(app, path)
    assert list(page) == ["items", "total", "page", "size", "pages"]
    assert page["size"] == len(page["items"])
    found: list[Any] = page["items"]
    return found


def ids(app: Flask, path: str) -> list[str]:
    """Return the ids of a page of services or structures, in order."""
    return [(item.get("service") or item)["id"] for item in items(app, path)]
