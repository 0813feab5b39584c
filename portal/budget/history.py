"""The history of a convention with the State, kept as that of a convention with a partner."""

from portal.budget.models import BudgetEvent
from portal.conventions.history import History, changed

__all__ = ["changed", "last", "lines", "record", "statement", "without_drafts"]

_STATE = History(BudgetEvent)
record, statement, lines, last = _STATE.record, _STATE.statement, _STATE.lines, _STATE.last
without_drafts = _STATE.without_drafts
