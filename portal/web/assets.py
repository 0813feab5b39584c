"""Addresses of static files that change with their content, so that browsers may keep them for a year."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, url_for


def init_app(app: Flask) -> None:
    """Give templates `asset("theme.css")`."""
    folder = Path(str(app.static_folder))
    debug = app.debug

    @cache
    def mark(filename: str) -> str:
        return hashlib.sha256((folder / filename).read_bytes()).hexdigest()[:12]

    def asset(filename: str) -> str:
        if debug:
            mark.cache_clear()
        return url_for("static", filename=filename, v=mark(filename))

    app.add_template_global(asset)
