"""Documents of a convention with a partner, and of its reports.

Officers add the signed act and amendments, and whoever sees the convention reads them. The partner adds those of a report
as long as it writes it; the others read them once it is handed in.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal.accounts.models import User
from portal.conventions import history, reports
from portal.conventions.engagements import ConventionDocument, PartnerReport
from portal.conventions.models import Convention
from portal.conventions.writing import check_officer, take, written_before
from portal.documents import recognised
from portal.errors import RuleBroken

MAX_DOCUMENTS = 30
# Of one report.
MAX_OF_REPORT = 10


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
    written = written_before(session, ConventionDocument, id, convention.id)
    if written is not None:
        return written
    kept = _kept(
        session,
        convention,
        None,
        filename,
        content,
        by,
        id,
        f"Une convention porte {MAX_DOCUMENTS} documents au plus : retirez-en un avant d’en ajouter.",
    )
    history.record(session, convention, "Document ajouté", by=by, detail={"document": (None, kept.nom)})
    session.flush()
    return kept


def attach_to_report(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    *,
    filename: str,
    content: bytes,
    by: User,
    id: uuid.UUID | None = None,
) -> ConventionDocument:
    """Keep a document with a report that the partner writes, and return it; the same `id` again returns the one kept.

    Raises NotAllowed for anybody but a member of the partner; AlreadyDone when the report is handed in, gone, or the
    convention no longer changes; RuleBroken as `attach` does.
    """
    report = reports.to_write(session, convention, report_id, by)
    written = written_before(session, ConventionDocument, id, convention.id)
    if written is not None:
        return written
    kept = _kept(
        session,
        convention,
        report,
        filename,
        content,
        by,
        id,
        f"Un rapport porte {MAX_OF_REPORT} documents au plus : retirez-en un avant d’en ajouter.",
    )
    history.record(
        session,
        convention,
        f"{report.kind.label} : document ajouté",
        by=by,
        detail={"document": (None, kept.nom)},
    )
    session.flush()
    return kept


def withdraw_from_report(
    session: Session, convention: Convention, report_id: uuid.UUID, document_id: uuid.UUID, *, by: User
) -> str | None:
    """Withdraw a document of a report that the partner writes, and return its name; None when it is gone already.

    Raises as `attach_to_report` does.
    """
    report = reports.to_write(session, convention, report_id, by)
    document = content_of(session, convention.id, document_id)
    if document is None or document.report_id != report.id:
        return None
    name = document.nom
    session.delete(document)
    history.record(
        session,
        convention,
        f"{report.kind.label} : document retiré",
        by=by,
        detail={"document": (name, None)},
    )
    session.flush()
    return name


def is_of_a_draft(session: Session, document: ConventionDocument) -> bool:
    """Say whether a document is of a report that the partner has not handed in: nobody else reads it yet."""
    if document.report_id is None:
        return False
    return session.get_one(PartnerReport, document.report_id).state not in reports.FROZEN


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


def _kept(
    session: Session,
    convention: Convention,
    report: PartnerReport | None,
    filename: str,
    content: bytes,
    by: User,
    id: uuid.UUID | None,
    too_many: str,
) -> ConventionDocument:
    name, content_type = recognised(filename, content)
    here = session.execute(
        select(func.count())
        .select_from(ConventionDocument)
        .where(
            col(ConventionDocument.convention_id) == convention.id,
            col(ConventionDocument.report_id).is_(None)
            if report is None
            else col(ConventionDocument.report_id) == report.id,
        )
    ).scalar_one()
    if here >= (MAX_DOCUMENTS if report is None else MAX_OF_REPORT):
        raise RuleBroken(too_many, field="fichier")
    kept = ConventionDocument(
        convention_id=convention.id,
        report_id=report.id if report else None,
        nom=name,
        content_type=content_type,
        taille=len(content),
        contenu=content,
        added_by_id=by.id,
    )
    if id is not None:
        kept.id = id
    session.add(kept)
    return kept
