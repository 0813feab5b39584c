"""Demo data."""

from sqlmodel import Session


def load(session: Session) -> None:
    """Load."""


def accounts_told() -> str:
    """Return the accounts."""
    return ""
