"""Sign-in, as the web sees it: who is in this request, and what happens to those who are not signed in."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, render_template, request, session, url_for
from flask_login import LoginManager, login_user

from portal.accounts import rules
from portal.accounts.forms import SignInForm
from portal.accounts.models import User
from portal.web import failures, htmx
from portal.web.session import db

SESSION_LIFE = timedelta(hours=12)


def init_app(app: Flask) -> None:
    """Tell the sign-in library how to find people and what to answer those who are not signed in."""
    manager = LoginManager(app)
    manager.user_loader(lambda kept: rules.user_of_session(db(), kept))
    manager.unauthorized_handler(_ask_to_sign_in)


def begin(user: User) -> None:
    """Open a new session for `user`. What an earlier visitor of this browser left in the session is dropped,

    so that a session known to somebody else before the sign-in is worth nothing after it.
    """
    session.clear()
    session.permanent = True
    login_user(user)


def safe_target(address: str | None) -> str | None:
    """Return `address` when it is a path of this portal, None otherwise (another site, another scheme, `//host`)."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or len(address) > 2000:
        return None
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or any(ord(c) < 32 or c == "\\" for c in address):
        return None
    return address


def kept_form(target: str | None, text: str | None) -> tuple[str, list[tuple[str, str]]] | None:
    """Read back a form kept through a sign-in: (path, [(name, value), …]), or None when there is none or it is odd."""
    path = safe_target(target)
    if path is None or not text:
        return None
    try:
        fields = json.loads(text)
        return path, [(str(name), str(value)) for name, value in fields]
    except (ValueError, TypeError):
        return None


def _ask_to_sign_in() -> Response | Any:
    here = request.full_path.rstrip("?")
    if request.method in {"GET", "HEAD"}:
        address = url_for("accounts.sign_in", next=here)
        return htmx.redirect_browser(address) if htmx.is_htmx() else redirect(address, 303)
    form = SignInForm()
    kept = failures.kept_fields() if failures.came_from_here() else []
    if kept:
        form.resume_target.data = here
        form.resume_fields.data = json.dumps(kept, ensure_ascii=False)
    return make_response(render_template("accounts/sign_in.html", form=form, expired=True), 401)
