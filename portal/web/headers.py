"""Security headers, the same on every answer."""

from flask import Flask, Response, request

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:{images}",
        "script-src 'self'",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def init_app(app: Flask, *, https: bool, images: str = "") -> None:
    """Add the headers; Strict-Transport-Security only when people come over TLS.

    `images` is the one other origin that may give images: that of the map's background.
    """
    policy = _POLICY.format(images=f" {images}" if images else "")

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # Pages speak of people: no shared computer keeps them after sign-out.
        if request.endpoint != "static":
            headers.setdefault("Cache-Control", "no-store")
        return response
