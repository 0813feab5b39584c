"""Who may ask the API, how often, and what every answer of it carries.

Errors are said as data.inclusion's API says them: `{"detail": …}`.
"""

import logging
import secrets
import time
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import HTTPException

from portal.accounts.tokens import Keyring, Known, Scope
from portal.config import Config
from portal.exchanges.api.parameters import Refused
from portal.web import access, failures
from portal.web.application import Portal
from portal.web.session import database, db
from portal.web.throttle import limiter

log = logging.getLogger("portal.api")

# Endpoint -> the scope its key needs; those that are not named need `api`.
_SCOPES: dict[str, Scope] = {"api.places": Scope.PLACES}
_OPEN = frozenset({"api.doc", "api.openapi"})
# A page elsewhere may read every answer: none of them depends on who looks at it through a cookie.
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Max-Age": "600",
    "Vary": "Access-Control-Request-Headers",
}


def init_app(app: Portal, *, https: bool) -> None:
    """Give the application its keyring, and the API its short way; HSTS only when people come over TLS."""
    app.extensions["api_keyring"] = Keyring()
    app.extensions["api_headers"] = _HEADERS | (_OVER_TLS if https else {})
    app.apart.add("api")
    # No view of the API, then no blueprint either: the same words and the same headers all the same.
    failures.leave_to(app, "/api/v1/", lambda error: _share(_on_http(error)))


def guard(blueprint: Blueprint) -> None:
    """Ask each request of `blueprint` for its key, count it, and say what goes wrong in its own words."""
    blueprint.before_request(access.guard)
    blueprint.before_request(_enter)
    blueprint.after_request(_share)
    blueprint.register_error_handler(Refused, _on_refused)
    blueprint.register_error_handler(HTTPException, _on_http)
    blueprint.register_error_handler(Exception, _on_surprise)


def problem(status: int, detail: Any, **headers: str) -> Response:
    """Return the answer that says why there is no other; underscores of header names stand for hyphens."""
    body = orjson.dumps({"detail": detail})
    response = Response(body, status, mimetype="application/json")
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    response.headers["Cache-Control"] = "no-store"
    return response


def _enter() -> Response | None:
    if request.method == "OPTIONS" or request.endpoint in _OPEN:
        return None
    config: Config = current_app.config["PORTAL"]
    key = _key()
    too_many = _count(config.api_rate, key) if config.api_rate else None
    if too_many is not None:
        return too_many
    if config.api_open:
        return None
    if key is None:
        said = "Not authenticated" if not request.headers.get("Authorization") else "Unauthorized"
        return problem(401, said, WWW_Authenticate="Bearer")
    if _SCOPES.get(request.endpoint or "", Scope.API) not in key.scopes:
        return problem(403, "Forbidden")
    return None


def _key() -> Known | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    keyring: Keyring = current_app.extensions["api_keyring"]
    return keyring.recognise(secret.strip(), db(), database())


def _count(rate: int, key: Known | None) -> Response | None:
    # An unknown key counts for its address: making keys up gives no more requests.
    who = ("api", str(key.id)) if key is not None else ("api", get_remote_address())
    limit = _per_minute(rate)
    if limiter.limiter.hit(limit, *who):
        return None
    wait = max(1, int(limiter.limiter.get_window_stats(limit, *who).reset_time - time.time()) + 1)
    return problem(429, "Too Many Requests", Retry_After=str(wait))


@cache
def _per_minute(rate: int) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(rate)


def _on_refused(refused: Refused) -> Response:
    return problem(422, refused.detail)


def _on_http(error: HTTPException) -> Response:
    headers = {n.replace("-", "_"): v for n, v in error.get_headers() if n in {"Allow", "Retry-After"}}
    return problem(error.code or 500, error.name, **headers)


def _on_surprise(error: Exception) -> Response:
    # The query is not in the log: what people look for is nobody's business.
    reference = secrets.token_hex(4).upper()
    log.exception("reference=%s endpoint=%s", reference, request.endpoint, exc_info=error)
    return problem(500, "Internal Server Error", X_Reference=reference)


def _share(response: Response) -> Response:
    headers = response.headers
    headers.extend(current_app.extensions["api_headers"])
    if request.method == "OPTIONS":
        headers.update(_PREFLIGHT)
        # A star does not stand for Authorization: the names are given back.
        headers["Access-Control-Allow-Headers"] = (
            request.headers.get("Access-Control-Request-Headers") or "Authorization"
        )
    return response
