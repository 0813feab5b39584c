"""Documents of a convention with the State: of the whole, of an avenant, an expense, a payment or a bilan.

Officers add them; whoever sees the convention reads them.
"""

import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal.accounts.models import User
from portal.budget import checks, history
from portal.budget.bilan_models import Bilan, BilanState
from portal.budget.models import BudgetDocument, StateAmendment, StateConvention
from portal.budget.spending_models import Expense, StatePayment
from portal.conventions.states import ConventionState
from portal.documents import recognised
from portal.errors import AlreadyDone, RuleBroken

# Of one thing: a convention, an avenant, an expense…
MAX_DOCUMENTS = 30


class Kind(StrEnum):
    """What a document is about; the value is the word of the address."""

    CONVENTION = "convention"
    AVENANT = "avenant"
    DEPENSE = "depense"
    VERSEMENT = "versement"
    BILAN = "bilan"


_OWNERS: dict[Kind, tuple[str, Any]] = {
    Kind.AVENANT: ("amendment_id", StateAmendment),
    Kind.DEPENSE: ("expense_id", Expense),
    Kind.VERSEMENT: ("payment_id", StatePayment),
    Kind.BILAN: ("bilan_id", Bilan),
}
_COLUMNS = tuple(column for column, _ in _OWNERS.values())


def owner_of(
    session: Session, convention: StateConvention, kind: Kind, thing_id: uuid.UUID
) -> StateConvention | StateAmendment | Expense | StatePayment | Bilan | None:
    """Return what the documents of (`kind`, `thing_id`) are about; None when it is nothing of this convention."""
    if kind is Kind.CONVENTION:
        return convention if thing_id == convention.id else None
    found: Any = session.get(_OWNERS[kind][1], thing_id)
    return found if found is not None and found.convention_id == convention.id else None


def of(
    session: Session,
    convention: StateConvention,
    *,
    amendment_id: uuid.UUID | None = None,
    expense_id: uuid.UUID | None = None,
    payment_id: uuid.UUID | None = None,
    bilan_id: uuid.UUID | None = None,
) -> Sequence[BudgetDocument]:
    """Return the documents of one thing, the oldest first, without their content; with no id, those of the convention itself."""
    wanted = dict(zip(_COLUMNS, (amendment_id, expense_id, payment_id, bilan_id), strict=True))
    return session.exec(
        select(BudgetDocument)
        .where(
            col(BudgetDocument.convention_id) == convention.id,
            *(_is(column, value) for column, value in wanted.items()),
        )
        .options(defer(BudgetDocument.contenu))  # type: ignore[arg-type]
        .order_by(col(BudgetDocument.added_at), col(BudgetDocument.id))
    ).all()


def all_of(session: Session, convention: StateConvention) -> Sequence[BudgetDocument]:
    """Return every document of a convention, whatever it is about, the oldest first, without their content."""
    return session.exec(
        select(BudgetDocument)
        .where(col(BudgetDocument.convention_id) == convention.id)
        .options(defer(BudgetDocument.contenu))  # type: ignore[arg-type]
        .order_by(col(BudgetDocument.added_at), col(BudgetDocument.id))
    ).all()


def content_of(
    session: Session, convention: StateConvention, document_id: uuid.UUID
) -> BudgetDocument | None:
    """Return a document of this convention with its content, whatever it is about; None when it is none of its own."""
    return session.exec(
        select(BudgetDocument).where(
            col(BudgetDocument.id) == document_id,
            col(BudgetDocument.convention_id) == convention.id,
        )
    ).one_or_none()


def kind_of(document: BudgetDocument) -> tuple[Kind, uuid.UUID]:
    """Return what a document is about, as `owner_of` takes it."""
    for kind, (column, _) in _OWNERS.items():
        if (owner := getattr(document, column)) is not None:
            return kind, owner
    return Kind.CONVENTION, document.convention_id


def is_of_a_draft(session: Session, convention: StateConvention, document: BudgetDocument) -> bool:
    """Say whether a document is about what the State's services do not read yet: an unsigned text, a bilan in preparation."""
    return _is_draft(owner_of(session, convention, *kind_of(document)))


def attach(
    session: Session,
    convention: StateConvention,
    kind: Kind,
    thing_id: uuid.UUID,
    *,
    filename: str,
    content: bytes,
    by: User | None,
    id: uuid.UUID | None = None,
) -> BudgetDocument:
    """Keep a document and return it; the same `id` again returns the one kept. Whether it is safe was asked before.

    Raises NotAllowed when `by` is no officer; AlreadyDone when the convention is closed, its thing was taken away, or is a
    bilan that was handed in;
    RuleBroken, at the field "fichier", when the file is empty, too big, one too many, or not what its name says.
    """
    checks.check_officer(by)
    checks.take(session, convention)
    written = checks.written_before(session, BudgetDocument, id, convention.id)
    if written is not None:
        return written
    _check_not_closed(convention)
    owner = owner_of(session, convention, kind, thing_id)
    if owner is None:
        raise AlreadyDone("Ce que ce document devait accompagner n’existe plus : rouvrez la convention.")
    if isinstance(owner, Bilan):
        session.refresh(owner)
        if owner.state is not BilanState.PREPARATION:
            raise AlreadyDone("Ce bilan est remis à l’État : ses documents ne changent plus.")
    name, content_type = recognised(filename, content)
    here: dict[str, Any] = {} if kind is Kind.CONVENTION else {_OWNERS[kind][0]: thing_id}
    kept = session.execute(
        select(func.count())
        .select_from(BudgetDocument)
        .where(
            col(BudgetDocument.convention_id) == convention.id,
            *(_is(column, here.get(column)) for column in _COLUMNS),
        )
    ).scalar_one()
    if kept >= MAX_DOCUMENTS:
        raise RuleBroken(
            f"Il y a déjà {MAX_DOCUMENTS} documents ici : retirez-en un avant d’en ajouter.", field="fichier"
        )
    document = BudgetDocument(
        convention_id=convention.id,
        nom=name,
        content_type=content_type,
        taille=len(content),
        contenu=content,
        added_by_id=by.id if by else None,
        **here,
    )
    if id is not None:
        document.id = id
    session.add(document)
    history.record(
        session,
        convention,
        "Document ajouté",
        by=by,
        detail={"document": (None, name)},
        draft=_is_draft(owner),
    )
    session.flush()
    return document


def withdraw(
    session: Session, convention: StateConvention, document_id: uuid.UUID, *, by: User | None
) -> str | None:
    """Withdraw a document and return its name; None when it is gone already. Its name stays in the history.

    Raises NotAllowed when `by` is no officer; AlreadyDone when the convention is closed; RuleBroken when what it
    proves was handed in to the State.
    """
    checks.check_officer(by)
    checks.take(session, convention)
    document = content_of(session, convention, document_id)
    if document is None:
        return None
    _check_not_closed(convention)
    kind, owner_id = kind_of(document)
    owner = owner_of(session, convention, kind, owner_id)
    if isinstance(owner, Bilan):
        session.refresh(owner)
    if isinstance(owner, Bilan) and owner.state is not BilanState.PREPARATION:
        raise RuleBroken("Ce bilan est remis à l’État : ses documents restent avec lui.")
    if isinstance(owner, Expense):
        checks.check_year_open(session, convention, owner.annee)
    name = document.nom
    session.delete(document)
    history.record(
        session,
        convention,
        "Document retiré",
        by=by,
        detail={"document": (name, None)},
        draft=_is_draft(owner),
    )
    session.flush()
    return name


def _is_draft(owner: object) -> bool:
    """True for an unsigned text and a bilan in preparation."""
    if isinstance(owner, StateAmendment):
        return owner.signe_le is None
    return isinstance(owner, Bilan) and owner.state is BilanState.PREPARATION


def _check_not_closed(convention: StateConvention) -> None:
    if convention.state is ConventionState.CLOSE:
        raise AlreadyDone(
            "Cette convention est close : plus rien ne s’y écrit. Rouvrez-la d’abord, en disant pourquoi."
        )


def _is(column: str, value: uuid.UUID | None) -> ColumnElement[bool]:
    told: Any = col(getattr(BudgetDocument, column))
    found: ColumnElement[bool] = told.is_(None) if value is None else told == value
    return found
