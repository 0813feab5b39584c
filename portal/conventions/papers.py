"""Documents of a convention with a partner, of its reports and of its payments.

Officers add the signed act and amendments, and whoever sees the convention reads them; those of a payment (the bill, the
proof of the transfer) once it is paid. The partner adds those of a report as long as it writes it; the others read them
once it is handed in.
"""

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement
from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal.accounts.models import Role, User
from portal.conventions import history, payments, report_writing, reports
from portal.conventions.engagements import ConventionDocument, PartnerPayment, PartnerReport
from portal.conventions.models import Convention
from portal.conventions.writing import check_officer, take, written_before
from portal.documents import recognised
from portal.errors import RuleBroken

MAX_DOCUMENTS = 30
# Of one report, of one payment.
MAX_OF_REPORT = MAX_OF_PAYMENT = 10


def of_convention(
    session: Session, convention_id: uuid.UUID, report_id: uuid.UUID | None = None
) -> Sequence[ConventionDocument]:
    """Return the documents of a convention itself (or of one of its reports), the oldest first, without their content."""
    return _without_content(
        session,
        col(ConventionDocument.convention_id) == convention_id,
        col(ConventionDocument.report_id) == report_id
        if report_id
        else col(ConventionDocument.report_id).is_(None),
        col(ConventionDocument.payment_id).is_(None),
    )


def of_payments(
    session: Session, convention_id: uuid.UUID, of: Iterable[PartnerPayment], user: User
) -> dict[uuid.UUID, list[ConventionDocument]]:
    """Return {payment: its documents, the oldest first} as `user` may read them, without their content, in one statement.

    `of` are the payments of this convention; one without a document that may be read is left out.
    """
    told = {payment.id for payment in of if _is_told(payment, user)}
    found: dict[uuid.UUID, list[ConventionDocument]] = {}
    for document in _without_content(
        session,
        col(ConventionDocument.convention_id) == convention_id,
        col(ConventionDocument.payment_id).is_not(None),
    ):
        if document.payment_id in told:
            found.setdefault(document.payment_id, []).append(document)
    return found


def content_of(
    session: Session, convention_id: uuid.UUID, document_id: uuid.UUID
) -> ConventionDocument | None:
    """Return a document of this convention with its content, whatever it is of; None when it is none of its own."""
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
    report = report_writing.to_write(session, convention, report_id, by)
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
        draft=True,
    )
    session.flush()
    return kept


def attach_to_payment(
    session: Session,
    convention: Convention,
    payment_id: uuid.UUID,
    *,
    filename: str,
    content: bytes,
    by: User,
    id: uuid.UUID | None = None,
) -> ConventionDocument:
    """Keep a document with a payment and return it, as `attach` does. Raises AlreadyDone too when the payment is gone."""
    check_officer(by)
    take(session, convention)
    written = written_before(session, ConventionDocument, id, convention.id)
    if written is not None:
        return written
    payment = payments.one(session, convention, payment_id)
    kept = _kept(
        session,
        convention,
        payment,
        filename,
        content,
        by,
        id,
        f"Un versement porte {MAX_OF_PAYMENT} documents au plus : retirez-en un avant d’en ajouter.",
    )
    history.record(
        session,
        convention,
        f"Document ajouté au versement : {payment.intitule}"[:150],
        by=by,
        detail={"document": (None, kept.nom)},
        draft=payment.verse_le is None,
    )
    session.flush()
    return kept


def withdraw_from_report(
    session: Session, convention: Convention, report_id: uuid.UUID, document_id: uuid.UUID, *, by: User
) -> str | None:
    """Withdraw a document of a report that the partner writes, and return its name; None when it is gone already.

    Raises as `attach_to_report` does.
    """
    report = report_writing.to_write(session, convention, report_id, by)
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
        draft=True,
    )
    session.flush()
    return name


def may_read(session: Session, document: ConventionDocument, user: User) -> bool:
    """Say whether somebody who sees the convention reads this document of it.

    Of a report that is not handed in, its partner alone; of a payment that is not paid, officers alone.
    """
    if document.report_id is not None:
        report = session.get_one(PartnerReport, document.report_id)
        return user.role is Role.PARTENAIRE or report.state in reports.FROZEN
    if document.payment_id is not None:
        return _is_told(session.get_one(PartnerPayment, document.payment_id), user)
    return True


def withdraw(session: Session, convention: Convention, document_id: uuid.UUID, *, by: User) -> str | None:
    """Withdraw a document of the convention or of a payment and return its name; None when it is gone already.

    Its name stays in the history. Raises NotAllowed when `by` is no officer.
    """
    check_officer(by)
    take(session, convention)
    document = content_of(session, convention.id, document_id)
    if document is None or document.report_id is not None:
        return None
    fact, draft = "Document retiré", False
    if document.payment_id is not None:
        payment = payments.one(session, convention, document.payment_id)
        fact, draft = f"{fact} du versement : {payment.intitule}", payment.verse_le is None
    name = document.nom
    session.delete(document)
    history.record(session, convention, fact[:150], by=by, detail={"document": (name, None)}, draft=draft)
    session.flush()
    return name


def _is_told(payment: PartnerPayment, user: User) -> bool:
    """Say whether the documents of a payment are read by `user`: what is not paid yet may still change."""
    return user.role is Role.CONVENTIONNEMENT or payment.verse_le is not None


def _kept(
    session: Session,
    convention: Convention,
    owner: PartnerReport | PartnerPayment | None,
    filename: str,
    content: bytes,
    by: User,
    id: uuid.UUID | None,
    too_many: str,
) -> ConventionDocument:
    name, content_type = recognised(filename, content)
    report_id = owner.id if isinstance(owner, PartnerReport) else None
    payment_id = owner.id if isinstance(owner, PartnerPayment) else None
    here = session.execute(
        select(func.count())
        .select_from(ConventionDocument)
        .where(
            col(ConventionDocument.convention_id) == convention.id,
            col(ConventionDocument.report_id).is_not_distinct_from(report_id),
            col(ConventionDocument.payment_id).is_not_distinct_from(payment_id),
        )
    ).scalar_one()
    if here >= (MAX_DOCUMENTS if owner is None else MAX_OF_REPORT):
        raise RuleBroken(too_many, field="fichier")
    kept = ConventionDocument(
        convention_id=convention.id,
        report_id=report_id,
        payment_id=payment_id,
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


def _without_content(session: Session, *conditions: ColumnElement[bool]) -> Sequence[ConventionDocument]:
    return session.exec(
        select(ConventionDocument)
        .where(*conditions)
        .options(defer(ConventionDocument.contenu))  # type: ignore[arg-type]
        .order_by(col(ConventionDocument.added_at), col(ConventionDocument.id))
    ).all()
