"""Default-deny access: a view without a rule does not answer.

A rule says who may knock; which rows they may see is said by each room's queries.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request
from flask_login import current_user

View = TypeVar("View", bound=Callable[..., Any])
Rule = Callable[[Any], bool]

ATTRIBUTE = "access_rule"


class NoAccessRule(RuntimeError):
    """A view was written without saying who may reach it."""


def public(view: View) -> View:
    """Let anybody reach the view, signed in or not."""
    setattr(view, ATTRIBUTE, "public")
    return view


def signed_in(view: View) -> View:
    """Let any person who is signed in reach the view."""
    setattr(view, ATTRIBUTE, frozenset({"*"}))
    return view


def allow(*roles: str) -> Callable[[View], View]:
    """Let the people of these roles, and nobody else, reach the view."""

    def mark(view: View) -> View:
        setattr(view, ATTRIBUTE, frozenset(str(role) for role in roles))
        return view

    return mark


def rule_of(view: Callable[..., Any]) -> str | frozenset[str] | None:
    """Return the view's rule: "public", a set of roles ({"*"} for any), or None when it has none."""
    rule: str | frozenset[str] | None = getattr(view, ATTRIBUTE, None)
    return rule


def person() -> Any:
    """Return the account of this request (a row of the request's session), or None when nobody is signed in."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def has_role(*roles: str) -> bool:
    """Say whether the person of this request has one of `roles`; false when nobody is signed in."""
    return bool(current_user.is_authenticated and current_user.role in roles)


def init_app(app: Flask) -> None:
    """Ask the question before each view. Must come before the CSRF check: an expired session is told as such."""
    app.before_request(guard)


def guard() -> Any:
    """Answer for the view when the person of this request may not reach it; None when they may."""
    if request.endpoint is None:
        return None  # unknown address: the 404 answers
    if any("\x00" in value for values in request.args.lists() for value in values[1]):
        abort(400)  # PostgreSQL keeps no such character, and nobody types it
    if request.endpoint == "static":
        return None
    rule = rule_of(current_app.view_functions[request.endpoint])
    if rule is None:
        raise NoAccessRule(f"{request.endpoint} has no access rule: add @public, @signed_in or @allow(…)")
    if rule == "public":
        return None
    if not current_user.is_authenticated:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    if "*" not in rule and current_user.role not in rule:
        abort(403)
    return None
