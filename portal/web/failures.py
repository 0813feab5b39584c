"""What people see when something goes wrong: a sentence, what to do, and a way on."""

import json
import logging
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, make_response, render_template, request, url_for
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.errors import RuleBroken
from portal.web import htmx, uploads
from portal.web.conflicts import given
from portal.web.forms import Form
from portal.web.session import db

log = logging.getLogger("portal.failures")

# status → (title, what happened, what to do)
_SENTENCES: dict[int, tuple[str, str, str]] = {
    400: (
        "Cette demande est incomplète",
        "Le portail n’a pas compris ce qui lui a été envoyé.",
        "Revenez à la page précédente et recommencez.",
    ),
    403: (
        "Cette page ne vous est pas ouverte",
        "Votre compte ne donne pas accès à cette page.",
        "Si vous en avez besoin pour votre travail, demandez-le à l’administrateur du portail.",
    ),
    404: (
        "Cette page n’existe pas",
        "L’adresse est incomplète, la page a été retirée, ou elle ne vous est pas destinée.",
        "Vérifiez l’adresse, ou repartez de l’accueil.",
    ),
    405: (
        "Cette action passe par un bouton",
        "L’adresse a été ouverte directement.",
        "Revenez à la page précédente et utilisez le bouton.",
    ),
    413: (
        "L’envoi est trop gros",
        "Ce que vous avez envoyé dépasse la taille acceptée.",
        "Raccourcissez les textes, puis recommencez.",
    ),
    429: (
        "Trop d’essais",
        "Par sécurité, les essais sont suspendus quelques minutes.",
        "Attendez un quart d’heure, ou demandez un lien pour choisir un nouveau mot de passe.",
    ),
    500: (
        "Le portail a rencontré un problème",
        "Ce n’est pas de votre fait, et rien n’a été enregistré à moitié.",
        "Recommencez dans un instant. Si cela se reproduit, donnez la référence ci-dessous à l’administrateur.",
    ),
}


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(CSRFError, _on_stale_form)
    app.register_error_handler(RateLimitExceeded, lambda _: answer(429))
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(RuleBroken, _on_rule)
    app.register_error_handler(Exception, _on_surprise)


def leave_to(app: Flask, prefix: str, told: Callable[[HTTPException], Response]) -> None:
    """Let `told` say what is wrong with an address below `prefix` that no view answers (404, 405…)."""
    app.extensions.setdefault("failures_apart", {})[prefix] = told


def answer(
    status: int, *, title: str = "", message: str = "", what_to_do: str = "", reference: str | None = None
) -> Response:
    """Return the page (or, for htmx, the fragment; for addresses of data, JSON) that says what happened."""
    default = _SENTENCES.get(status, _SENTENCES[400 if status < 500 else 500])
    context = {
        "title": title or default[0],
        "message": message or default[1],
        "what_to_do": what_to_do or default[2],
        "reference": reference,
        "actions": [(url_for("indicators.home"), "Retour à l’accueil")],
    }
    if request.path.startswith(("/export/", "/api/", "/sante")):
        body = {"detail": context["message"], **({"reference": reference} if reference else {})}
        return Response(json.dumps(body, ensure_ascii=False), status, mimetype="application/json")
    template = "errors/_fragment.html" if htmx.is_htmx() else "errors/error.html"
    return make_response(render_template(template, **context), status)


def gone(title: str, message: str, way_on: tuple[str, str], form: Form | None = None) -> Response:
    """Return the page (410) that says what became of the thing which a posted page was about, and the way on (url, label).

    What was typed in `form` is given back: nothing of it is saved.
    """
    page = render_template(
        "errors/gone.html", title=title, message=message, way_on=way_on, typed=given(form) if form else []
    )
    return make_response(page, 410)


def kept_fields() -> list[tuple[str, str]]:
    """Return what the person typed in the form of this request, passwords and the token left out."""
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != "csrf_token" and not name.startswith("mot_de_passe")
    ]


def came_from_here() -> bool:
    """Say whether the form was on one of our pages: only then is it given back filled in."""
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return urlsplit(origin).netloc == request.host


def _on_stale_form(_error: CSRFError) -> Response:
    # The page stayed open longer than its token lives, or cookies are refused.
    if came_from_here() and kept_fields():
        page = render_template(
            "errors/resume.html", target=request.full_path.rstrip("?"), fields=kept_fields()
        )
        return make_response(page, 400)
    return answer(
        400,
        title="Cette page était ouverte depuis trop longtemps",
        message="Par sécurité, le bouton n’agit plus.",
        what_to_do="Rouvrez la page et recommencez. Si cela se répète, acceptez les cookies de ce site.",
    )


def _on_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    for prefix, told in current_app.extensions.get("failures_apart", {}).items():
        if request.path.startswith(prefix):
            return told(error)
    if error.code == 413:
        uploads.drain(request)
    response = answer(error.code, **_about_upload(error.code))
    # Keep what the protocol asks for (Allow, Retry-After).
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _about_upload(code: int) -> dict[str, str]:
    sentence = uploads.too_big() if code == 413 else None
    if sentence is None:
        return {}
    return {
        "title": "Ce fichier est trop gros",
        "message": sentence,
        "what_to_do": "Revenez à la page précédente : ce que vous aviez écrit y est toujours.",
    }


def _on_rule(broken: RuleBroken) -> Response:
    db().rollback()
    return answer(
        409, title="Ce n’est pas possible", message=broken.message, what_to_do="Revenez à la page précédente."
    )


def _on_surprise(error: Exception) -> Response:
    reference = secrets.token_hex(4).upper()
    log.exception("reference=%s endpoint=%s", reference, request.endpoint, exc_info=error)
    try:
        db().rollback()
    except Exception:
        log.exception("reference=%s rollback failed", reference)
    return answer(500, reference=reference)
