"""Searches that are kept, and the messages they bring."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

from sqlmodel import Session, select
from werkzeug.datastructures import MultiDict

from portal.accounts.models import OutgoingMail, User
from portal.catalogue import address, saved
from portal.catalogue.models import Frequence, SavedSearch

MoveClock = Callable[..., datetime]
Run = Callable[[], str]
WEEKLY, MONTHLY, NEVER = Frequence.HEBDOMADAIRE, Frequence.MENSUELLE, Frequence.JAMAIS
BEGUN = (2026, 3, 3, 9)
LATER = (2026, 3, 3, 10)


def keep(
    session: Session,
    user: User,
    query: str = "quoi=permis",
    frequence: Frequence = WEEKLY,
    nom: str = "Permis",
) -> SavedSearch:
    pairs = [(k, v) for k, values in parse_qs(query).items() for v in values]
    typed = address.read(MultiDict(pairs))
    assert not typed.errors, typed.errors
    found = saved.save_search(session, typed, nom=nom, frequence=frequence, by=user)
    session.flush()
    return found


def mails(session: Session) -> list[OutgoingMail]:
    session.expire_all()
    return list(session.exec(select(OutgoingMail).order_by(OutgoingMail.created_at)))  # type: ignore[arg-type]
