"""A document is joined to something: one page asks for it, and the same page says why it was refused."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import flash, make_response, redirect, request

from portal.errors import RuleBroken
from portal.web import uploads
from portal.web.fields import posted_key
from portal.web.session import db

Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as it was sent; `key` is the id that its row will have, made with the page."""

    filename: str
    content: bytes
    key: uuid.UUID | None


def join(
    opened: Callable[[], Opened],
    attach: Callable[[Opened, Sent], uploads.Document],
    home: Callable[[Opened], str],
    page: Callable[[Opened, dict[str, Any]], str],
) -> Any:
    """Answer the page of a document to join: shown, kept and led `home`, or shown again with the reason of the refusal.

    `opened` gives what the document is about, as it is when asked: the transaction is given back while the antivirus
    reads, and after a refusal. `page` renders it with what `components/papers.html` needs.
    """
    found = opened()
    wrong = None
    if request.method == "POST":
        try:
            filename, content = uploads.sent_document()
            uploads.checked(content)
            found = opened()
            kept = attach(found, Sent(filename, content, posted_key("cle_document")))
        except RuleBroken as broken:
            db().rollback()
            found = opened()
            wrong = broken.message
        else:
            db().commit()
            flash(f"« {kept.nom} » est ajouté.", "success")
            return redirect(home(found), 303)
    told = {"wrong": wrong, "key": uuid.uuid4(), "accept": uploads.KINDS, "megabytes": uploads.MEGABYTES}
    return make_response(page(found, told), 422 if wrong else 200)
