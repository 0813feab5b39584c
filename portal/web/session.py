"""The database session of a request: read-only when the page only shows."""

from flask import Flask, current_app, g, request
from sqlmodel import Session

from portal.db import Database

_READS = {"GET", "HEAD", "OPTIONS"}


def init_app(app: Flask, database: Database) -> None:
    """Keep `database` for the requests of `app` and close each request's session."""
    app.extensions["portal_db"] = database
    app.teardown_appcontext(_close)


def database() -> Database:
    """Return the application's database."""
    found: Database = current_app.extensions["portal_db"]
    return found


def db() -> Session:
    """Return the session of this request, opened at the first call. Views commit; nothing else does."""
    if "portal_session" not in g:
        g.portal_session = database().session(read_only=request.method in _READS)
    session: Session = g.portal_session
    return session


def _close(_exception: BaseException | None) -> None:
    session = g.pop("portal_session", None)
    if session is not None:
        session.close()
