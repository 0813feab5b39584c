"""Documents of a convention with a partner: the signed act, amendments. Officers add them, whoever sees the convention reads them."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal.accounts.models import User
from portal.conventions import history
from portal.conventions.engagements import ConventionDocument
from portal.conventions.models import Convention
from portal.conventions.writing import STALE, check_officer, take
from portal.documents import recognised
from portal.errors import RuleBroken

MAX_DOCUMENTS = 30


def of_convention(
    session: Session, convention_id: uuid.UUID, report_id: uuid.UUID | None = None
) -> Sequence[ConventionDocument]:
    """Return the documents of a convention (or of one of its reports), the oldest first, without their content."""
    return session.exec(
        select(ConventionDocument)
        .where(
            col(ConventionDocument.convention_id) == convention_id,
            col(ConventionDocument.report_id) == report_id
            if report_id
            else col(ConventionDocument.report_id).is_(None),
        )
        .options(defer(ConventionDocument.contenu))  # type: ignore[arg-type]
        .order_by(col(ConventionDocument.added_at), col(ConventionDocument.id))
    ).all()


def content_of(
    session: Session, convention_id: uuid.UUID, document_id: uuid.UUID
) -> ConventionDocument | None:
    """Return a document of this convention with its content, those of its reports included; None when it is none of its own."""
    return session.exec(
        select(ConventionDocument).where(
            col(ConventionDocument.id) == document_id,
            col(ConventionDocument.convention_id) == convention_id,
        )
    ).one_or_none()


def attach(
    session: Session,
    convention: Convention,
    *,
    filename: str,
    content: bytes,
    by: User,
    id: uuid.UUID | None = None,
) -> ConventionDocument:
    """Keep a document with the convention and return it; the same `id` again returns the one kept.

    A closed convention still takes the documents that prove it. Whether it is safe was asked before. Raises
    NotAllowed when `by` is no officer; RuleBroken when the file is empty, too big, one too many, or not what its
    name says.
    """
    check_officer(by)
    take(session, convention)
    written = session.get(ConventionDocument, id) if id is not None else None
    if written is not None:
        if written.convention_id != convention.id:
            raise RuleBroken(STALE, field="fichier")
        return written
    name, content_type = recognised(filename, content)
    here = session.execute(
        select(func.count())
        .select_from(ConventionDocument)
        .where(
            col(ConventionDocument.convention_id) == convention.id,
            col(ConventionDocument.report_id).is_(None),
        )
    ).scalar_one()
    if here >= MAX_DOCUMENTS:
        raise RuleBroken(
            f"Une convention porte {MAX_DOCUMENTS} documents au plus : retirez-en un avant d’en ajouter.",
            field="fichier",
        )
    kept = ConventionDocument(
        convention_id=convention.id,
        nom=name,
        content_type=content_type,
        taille=len(content),
        contenu=content,
        added_by_id=by.id,
    )
    if id is not None:
        kept.id = id
    session.add(kept)
    history.record(session, convention, "Document ajouté", by=by, detail={"document": (None, name)})
    session.flush()
    return kept


def withdraw(session: Session, convention: Convention, document_id: uuid.UUID, *, by: User) -> str | None:
    """Withdraw a document of the convention and return its name; None when it is gone already.

    Its name stays in the history. Raises NotAllowed when `by` is no officer.
    """
    check_officer(by)
    take(session, convention)
    document = content_of(session, convention.id, document_id)
    if document is None or document.report_id is not None:
        return None
    name = document.nom
    session.delete(document)
    history.record(session, convention, "Document retiré", by=by, detail={"document": (name, None)})
    session.flush()
    return name
