"""Documents of a prescription: added and withdrawn by either side, downloaded by both, always to be saved.

`add_to`, `withdrawn`, `downloaded` and `board_of` serve whoever stands at a desk: signed in, or by the link of an e-mail.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request

from portal.accounts.models import Role
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind
from portal.clock import PARIS
from portal.db import new_id
from portal.errors import RuleBroken
from portal.prescriptions import documents
from portal.prescriptions.actors import Actor
from portal.prescriptions.models import DocumentKind, Prescription, PrescriptionDocument
from portal.prescriptions.states import Side
from portal.prescriptions.views import telling
from portal.prescriptions.views.answer import own_desk
from portal.prescriptions.views.blueprint import blueprint, visible
from portal.prescriptions.views.desk import Desk
from portal.web import uploads
from portal.web.access import allow
from portal.web.fields import posted_key
from portal.web.formats import short_day
from portal.web.session import database, db

for _endpoint in ("prescriptions.add_document", "reponse.add_document", "prescriptions.paper"):
    uploads.accept_document(_endpoint)


@dataclass(frozen=True, slots=True)
class Line:
    """A document as its reader sees it: `removed` is the day its content left, `address` downloads it, `remove` withdraws it; None when that is not possible."""

    document: PrescriptionDocument
    kind: str | None
    who: str
    removed: str | None
    address: str | None
    remove: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """The documents of a prescription for one reader; `add` is where one more is sent, None when none may be.

    `before_sending`: shown while the sending is checked, where one comes back to.
    """

    lines: list[Line]
    add: str | None
    key: uuid.UUID
    before_sending: bool = False
    accept: str = uploads.KINDS
    most: int = documents.MAX_DOCUMENTS
    megabytes: int = uploads.MEGABYTES

    @property
    def room(self) -> bool:
        """True while one more is not one too many."""
        return sum(line.address is not None for line in self.lines) < self.most


def board_of(prescription: Prescription, desk: Desk, *, before_sending: bool = False) -> Board:
    """Return what `prescriptions/_documents.html` shows to whoever stands at `desk` (as the variable `documents`)."""
    return Board(
        [
            Line(
                document=document,
                kind="Réponse sur papier" if document.kind is DocumentKind.REPONSE else None,
                who=_WHO[document.side],
                removed=short_day(document.purged_at.astimezone(PARIS).date())
                if document.purged_at
                else None,
                address=None if document.purged_at else desk.address(f"documents/{document.id}"),
                remove=(
                    desk.address(f"documents/{document.id}/retirer")
                    if documents.may_withdraw(prescription, document, desk.side)
                    else None
                ),
            )
            for document in documents.of_prescription(db(), prescription, desk.side)
        ],
        add=desk.address("documents") if documents.may_add(prescription, desk.side) else None,
        key=new_id(),
        before_sending=before_sending,
    )


@blueprint.post("/<uuid:prescription_id>/documents")
@allow(Role.REFERENT, Role.PARTENAIRE)
def add_document(prescription_id: uuid.UUID) -> Any:
    """Keep a document with the prescription."""
    prescription = visible(prescription_id)
    return add_to(prescription, own_desk(prescription))


@blueprint.post("/<uuid:prescription_id>/documents/<uuid:document_id>/retirer")
@allow(Role.REFERENT, Role.PARTENAIRE)
def withdraw_document(prescription_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Withdraw a document of one's own side."""
    prescription = visible(prescription_id)
    return withdrawn(prescription, document_id, own_desk(prescription))


@blueprint.get("/<uuid:prescription_id>/documents/<uuid:document_id>")
@allow(Role.REFERENT, Role.PARTENAIRE)
def document(prescription_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """The document itself. Reading it is written in the access journal of the person."""
    prescription = visible(prescription_id)
    return downloaded(prescription, document_id, own_desk(prescription))


def add_to(prescription: Prescription, desk: Desk) -> Any:
    """Keep the document that was sent, or say what is wrong with it."""
    try:
        name, content = uploads.sent_document()
        uploads.checked(content)
        prescription = desk.read_again()
        again = documents.is_kept(db(), prescription, key := posted_key("cle_document"))
        kept = documents.attach(
            db(),
            prescription,
            filename=name,
            content=content,
            by=desk.by,
            side=desk.side,
            id=key,
        )
        if not again:
            telling.tell_document(prescription, kept)
    except RuleBroken as broken:
        db().rollback()
        return _refused(desk, broken.message)
    db().commit()
    flash(f"« {kept.nom} » est ajouté.", "success")
    return redirect(_back(desk), 303)


def withdrawn(prescription: Prescription, document_id: uuid.UUID, desk: Desk) -> Any:
    """Withdraw a document."""
    try:
        name = documents.withdraw(db(), prescription, document_id, by=desk.by, side=desk.side)
    except RuleBroken as broken:
        db().rollback()
        return _refused(desk, broken.message)
    db().commit()
    flash(f"« {name} » est retiré." if name else "Ce document est déjà retiré.", "success")
    return redirect(_back(desk), 303)


def downloaded(prescription: Prescription, document_id: uuid.UUID, desk: Desk) -> Any:
    """Send a document to be saved: a browser shows nothing that somebody sent. 404 when it is not for this reader."""
    found = documents.content_of(db(), prescription, document_id, desk.side)
    if found is None or found.contenu is None:
        abort(404)
    note_reading_of(prescription, desk)
    return uploads.to_save(found, found.contenu)


def note_reading_of(prescription: Prescription, desk: Desk) -> None:
    """Write in the person's access journal that somebody at `desk` read what goes with the prescription."""
    # Apart: a page that shows may not write, and the line must stay even if the answer then fails.
    with database().writing() as apart:
        beneficiary_rules.journal(
            apart,
            prescription.beneficiary_id,
            by=desk.by.user if isinstance(desk.by, Actor) else desk.by,
            kind=AccessKind.PRESCRIPTION,
            prescription_id=prescription.id,
        )


_WHO = {Side.REFERENT: "le référent", Side.PARTENAIRE: "la structure", Side.PORTAIL: "le portail"}


def _back(desk: Desk) -> str:
    """Return the address of the documents on the page that the form was on."""
    checking = not desk.by_link and request.form.get("retour") == "envoi"
    return (desk.address("envoi") if checking else desk.page) + "#documents"


def _refused(desk: Desk, sentence: str) -> Any:
    page = render_template(
        "prescriptions/document_refused.html", desk=desk, sentence=sentence, back=_back(desk)
    )
    return make_response(page, 422)
