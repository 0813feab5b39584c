"""Asking the API as another piece of software does; every answer is held against what the API says of itself."""

import re
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
from flask import Flask
from sqlmodel import Session
from werkzeug.test import TestResponse

from portal import geography
from portal.exchanges.api.description import document
from tests.factories.catalogue import index

OWN = "portail-test--"
VITRE, LILLE = "35360", "59350"


def ask(app: Flask, path: str, status: int = 200, **headers: str) -> TestResponse:
    """Ask for an address under `/api/v1`; underscores of header names stand for hyphens."""
    path = path if path.startswith("/api/") else f"/api/v1/{path}"
    response = app.test_client().get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    assert response.status_code == status, f"{path}: {response.status_code} {response.text[:400]}"
    check(path, response)
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


def check(path: str, response: TestResponse) -> None:
    """Fail unless the description of the API has this address, this status, and this shape of answer."""
    if response.status_code == 304:
        return
    assert response.mimetype == "application/json"
    operation = _operation(path.partition("?")[0])
    if operation is None or response.content_encoding:
        return
    answers = described()["paths"][operation]["get"]["responses"]
    assert str(response.status_code) in answers, (
        f"{operation} does not say that it answers {response.status_code}"
    )
    _validator(operation, str(response.status_code)).validate(orjson.loads(response.data))


@cache
def described() -> dict[str, Any]:
    """Return the description of the API."""
    return document("http://localhost", "Portail")


def _operation(path: str) -> str | None:
    for template in described()["paths"]:
        if re.fullmatch(re.sub(r"\\?\{id\\?\}", ".+", template), path.rstrip("/"), re.S):
            return str(template)
    return None


@cache
def _validator(operation: str, status: str) -> Any:
    schema = described()["paths"][operation]["get"]["responses"][status]["content"]["application/json"][
        "schema"
    ]
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": described()["components"]}, validate_formats=True
    )


def place(code: str) -> dict[str, Any]:
    """The fields of an address at the centre of a commune."""
    commune = geography.commune(code)
    assert commune is not None
    return {
        "code_insee": code,
        "commune": commune.nom,
        "code_postal": commune.codes_postaux[0],
        "latitude": commune.latitude,
        "longitude": commune.longitude,
    }


def kept(session: Session) -> None:
    """Make the index, as an import does, and let the requests see everything."""
    index(session)
    session.commit()
