"""The history of a convention with the State, kept as that of a convention with a partner."""

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlmodel import col

from portal.budget.models import BudgetEvent
from portal.conventions.history import History, changed

__all__ = ["changed", "last", "lines", "record", "statement", "without_drafts"]

_STATE = History(BudgetEvent)
record, statement, lines, last = _STATE.record, _STATE.statement, _STATE.lines, _STATE.last


def without_drafts() -> ColumnElement[bool]:
    """The condition of the lines that the State's services may read: what a text was before its signature is not theirs."""
    fait = col(BudgetEvent.fait)
    return not_(
        or_(
            fait == "Convention écrite (brouillon)",
            fait.startswith("Convention initiale : "),
            # A plan changes only while its text is a draft.
            fait.like("Plan ____, %"),
            fait.endswith(" : document ajouté"),
            fait.endswith(" : document retiré"),
            and_(fait.startswith("Avenant n° "), not_(fait.endswith(" signé"))),
        )
    )
