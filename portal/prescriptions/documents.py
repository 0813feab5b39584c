"""Documents that go with a prescription: who adds them, who reads them, and what stays of them once removed."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal import clock
from portal.documents import recognised
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.prescriptions.acting import By, lock, stand
from portal.prescriptions.models import DocumentKind, Prescription, PrescriptionDocument
from portal.prescriptions.sharing import motif_for_partner
from portal.prescriptions.states import OPEN, Side, State

MAX_DOCUMENTS = 10
# Names of documents that were removed stay: of them too there is an end.
_MAX_LINES = 50


def of_prescription(
    session: Session, prescription: Prescription, side: Side
) -> Sequence[PrescriptionDocument]:
    """Return the documents of a prescription that `side` may read, the oldest first, without their content."""
    if not _may_read(prescription, side):
        return []
    return session.exec(
        select(PrescriptionDocument)
        .where(col(PrescriptionDocument.prescription_id) == prescription.id)
        .options(defer(PrescriptionDocument.contenu))  # type: ignore[arg-type]
        .order_by(col(PrescriptionDocument.added_at), col(PrescriptionDocument.id))
    ).all()


def content_of(
    session: Session, prescription: Prescription, document_id: uuid.UUID, side: Side
) -> PrescriptionDocument | None:
    """Return a document with its content; None when `side` may not read it, or when its content was removed."""
    if not _may_read(prescription, side):
        return None
    return session.exec(
        select(PrescriptionDocument).where(
            col(PrescriptionDocument.id) == document_id,
            col(PrescriptionDocument.prescription_id) == prescription.id,
            col(PrescriptionDocument.purged_at).is_(None),
        )
    ).one_or_none()


def may_add(prescription: Prescription, side: Side) -> bool:
    """Say whether `side` may add a document in the state things are in."""
    return prescription.state in OPEN or (prescription.state is State.BROUILLON and side is Side.REFERENT)


def may_withdraw(prescription: Prescription, document: PrescriptionDocument, side: Side) -> bool:
    """Say whether `side` may withdraw this document: its own, while things are open; a sheet signed by hand stays."""
    return (
        may_add(prescription, side)
        and document.side is side
        and document.kind is DocumentKind.PIECE
        and document.purged_at is None
    )


def attach(
    session: Session,
    prescription: Prescription,
    *,
    filename: str,
    content: bytes,
    by: By,
    side: Side,
    kind: DocumentKind = DocumentKind.PIECE,
    id: uuid.UUID | None = None,
) -> PrescriptionDocument:
    """Keep a document with the prescription, for `side`, and return it; the same `id` again returns the one kept.

    Raises RuleBroken when it is empty, too big (5 MB), the eleventh, or not what its name says; AlreadyDone once the
    prescription is closed; NotAllowed when the prescription is not theirs. Whether it is safe was asked before.
    """
    lock(session, prescription)
    actor = stand(session, prescription, by, side, on_paper=True)
    if not may_add(prescription, side):
        raise AlreadyDone(
            "Cette prescription est close : on ne peut plus y ajouter de document.", field="fichier"
        )
    if id is not None:
        before = session.get(PrescriptionDocument, id)
        if before is not None and before.prescription_id != prescription.id:
            raise NotAllowed("Cette prescription n’est pas la vôtre.")
        if before is not None:
            return before
    name, content_type = recognised(filename, content)
    lines, here = session.execute(
        select(func.count(), func.count().filter(col(PrescriptionDocument.purged_at).is_(None)))
        .select_from(PrescriptionDocument)
        .where(col(PrescriptionDocument.prescription_id) == prescription.id)
    ).one()
    # The sheet that the partner signed is never one too many.
    if kind is DocumentKind.PIECE and (here >= MAX_DOCUMENTS or lines >= _MAX_LINES):
        raise RuleBroken(
            f"Une prescription porte {MAX_DOCUMENTS} documents au plus : retirez-en un avant d’en ajouter.",
            field="fichier",
        )
    kept = PrescriptionDocument(
        prescription_id=prescription.id,
        kind=kind,
        nom=name,
        content_type=content_type,
        taille=len(content),
        contenu=content,
        side=Side.REFERENT if actor.on_paper else side,
        added_by_id=actor.user.id if actor.user else None,
    )
    if id is not None:
        kept.id = id
    session.add(kept)
    session.flush()
    return kept


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of one document for several prescriptions: kept now, kept `again` by a second press, refused and why."""

    kept: list[tuple[Prescription, PrescriptionDocument]] = field(default_factory=list)
    again: list[Prescription] = field(default_factory=list)
    refused: list[tuple[Prescription, RuleBroken]] = field(default_factory=list)


def attach_to_each(
    session: Session,
    prescriptions: Collection[Prescription],
    *,
    filename: str,
    content: bytes,
    by: By,
    side: Side,
    key: uuid.UUID,
) -> Joined:
    """Keep a document with each of these prescriptions of one person that still takes some; each has its own from then on.

    Read, withdrawn and removed apart from the others'. The same `key` again keeps nothing twice. Raises RuleBroken
    when they are several people's, and as `attach` does for what is wrong with the file itself.
    """
    if len({one.beneficiary_id for one in prescriptions}) > 1:
        raise RuleBroken("Un document est personnel : joignez-le pour une personne à la fois.")
    recognised(filename, content)
    joined = Joined()
    # In one order for all: two who join at once wait for each other and never across.
    for prescription in sorted(prescriptions, key=lambda one: one.id):
        own = uuid.uuid5(key, str(prescription.id))
        again = is_kept(session, prescription, own)
        if not may_add(prescription, side):
            continue
        try:
            with session.begin_nested():
                kept = attach(
                    session, prescription, filename=filename, content=content, by=by, side=side, id=own
                )
        except RuleBroken as broken:
            joined.refused.append((prescription, broken))
        else:
            if again:
                joined.again.append(prescription)
            else:
                joined.kept.append((prescription, kept))
    return joined


def names_of(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Return the names of the documents there are with each of these prescriptions, in one statement."""
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    if ids:
        rows = session.execute(
            select(PrescriptionDocument.prescription_id, PrescriptionDocument.nom)
            .where(
                col(PrescriptionDocument.prescription_id).in_(list(ids)),
                col(PrescriptionDocument.purged_at).is_(None),
            )
            .order_by(col(PrescriptionDocument.added_at), col(PrescriptionDocument.id))
        )
        for id, name in rows:
            found[id].append(name)
    return dict(found)


def is_kept(session: Session, prescription: Prescription, id: uuid.UUID | None) -> bool:
    """Say whether the document `id` was added before; of two presses at once, the second waits here for the first."""
    lock(session, prescription)
    return (
        session.exec(select(PrescriptionDocument.id).where(col(PrescriptionDocument.id) == id)).first()
        is not None
    )


def withdraw(
    session: Session, prescription: Prescription, document_id: uuid.UUID, *, by: By, side: Side
) -> str | None:
    """Withdraw a document that `side` added and return its name; None when it is gone already.

    Nobody has read that of a draft: it leaves whole. Of the others the content leaves, the name and the day stay.
    Raises NotAllowed for somebody else's, or once the prescription is closed.
    """
    lock(session, prescription)
    stand(session, prescription, by, side)
    document = content_of(session, prescription, document_id, side)
    if document is None:
        return None
    if not may_withdraw(prescription, document, side):
        raise NotAllowed("Ce document ne peut pas être retiré.")
    if prescription.state is State.BROUILLON:
        session.delete(document)
    else:
        document.contenu, document.purged_at = None, clock.now()
    session.flush()
    return document.nom


def _may_read(prescription: Prescription, side: Side) -> bool:
    """Say whether this side may read the documents: the structure only what was sent, while it is concerned."""
    if side is Side.REFERENT:
        return True
    return (
        side is Side.PARTENAIRE
        and prescription.sent_at is not None
        and motif_for_partner(prescription) is not None
    )
