"""The application: Flask, with a shorter way for the addresses that software reads."""

from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class Portal(Flask):
    """Flask, where a blueprint of `apart` runs its own functions around requests and none of the pages'.

    What pages need (the cookie, the token of forms, htmx, compression at a high level) is most of the time of an answer
    that a piece of software reads. Such a blueprint must ask for the access rule itself (`access.guard`).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.apart: set[str] = set()
        self.session_interface = _Cookies()

    def preprocess_request(self) -> Any:
        """Run what comes before the view; stop at the first answer."""
        name = request.blueprint
        if name not in self.apart:
            return super().preprocess_request()
        for function in self.before_request_funcs.get(name, ()):
            answer = function()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Run what comes after the view."""
        name = request.blueprint
        if name not in self.apart:
            return super().process_response(response)
        for function in self.after_request_funcs.get(name, ()):
            response = function(response)  # type: ignore[assignment]
        return response


class _Cookies(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        # None: Flask makes an empty session that cannot be written to.
        return None if request.path.startswith("/api/") else super().open_session(app, request)
