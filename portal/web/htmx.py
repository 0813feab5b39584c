"""The only file that reads or writes an `HX-` header."""

from typing import Any

from flask import Flask, Response, make_response, render_template
from htmx_flask import Htmx, request

_htmx = Htmx()


def init_app(app: Flask) -> None:
    """Teach requests to know htmx, and caches that the answer depends on it."""
    _htmx.init_app(app)
    app.after_request(_vary)


def is_htmx() -> bool:
    """Say whether htmx sent this request."""
    return bool(request.htmx)


def wants(fragment_id: str) -> bool:
    """Say whether only the element `fragment_id` is to be replaced; plain, boosted and history requests get the page."""
    htmx: Any = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request and htmx.target == fragment_id


def page_or_fragment(
    page: str,
    fragment: str,
    fragment_id: str,
    status: int = 200,
    *,
    address: str | None = None,
    **context: Any,
) -> Response:
    """Render the fragment's file when htmx asks for it, the page (which includes that file) otherwise.

    `address` is what the browser shows after the fragment, in place of the one that was asked.
    """
    template = fragment if wants(fragment_id) else page
    response = make_response(render_template(template, as_fragment=template == fragment, **context), status)
    if address is not None and template == fragment:
        response.headers["HX-Push-Url"] = address
    return response


def redirect_browser(url: str) -> Response:
    """Tell htmx to leave for `url` (a whole page), as a 303 does for a plain form."""
    response = make_response("", 200)
    response.headers["HX-Redirect"] = url
    return response


def _vary(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.vary.update(("HX-Request", "HX-Target"))
    return response
