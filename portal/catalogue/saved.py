"""Searches that people keep: their name, and how often they write."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, links
from portal.accounts.models import User
from portal.catalogue import address
from portal.catalogue.address import Typed
from portal.catalogue.models import Frequence, SavedSearch
from portal.errors import AlreadyDone, RuleBroken

# More than anybody reads; fewer than would weigh on the alerts.
MOST = 50
NAME_LENGTH = 150
LINK_DAYS = 400
_PURPOSE = "arreter-alerte"


def save_search(
    session: Session,
    typed: Typed,
    *,
    nom: str,
    frequence: Frequence,
    by: User,
    departement: str | None = None,
    id: uuid.UUID | None = None,
) -> SavedSearch:
    """Keep a search for `by`. What appears from now on is what its alerts will tell.

    Neither the page, nor the beneficiary one looked for, nor a place that came from them is kept. `id` is made with
    the form: a second press returns the search already kept. Raises RuleBroken when the search says nothing, when the
    person keeps MOST already, AlreadyDone when they keep the same.
    """
    written = _written(session, id, by)
    if written is not None:
        return written
    kept = typed.kept()
    again = address.from_kept(kept, departement=departement)
    if again.is_blank or again.errors:
        raise RuleBroken(
            "Choisissez d’abord un lieu, des mots ou un filtre : vous pourrez garder la recherche."
        )
    # Two windows at once are told in turn.
    session.execute(select(User.id).where(col(User.id) == by.id).with_for_update())
    theirs = session.exec(select(SavedSearch).where(col(SavedSearch.user_id) == by.id)).all()
    same = next((other for other in theirs if other.criteres == kept), None)
    if same is not None:
        raise AlreadyDone(f"Vous gardez déjà cette recherche, sous le nom « {same.nom} ».")
    if len(theirs) >= MOST:
        raise RuleBroken(f"Vous gardez déjà {MOST} recherches : supprimez-en une d’abord.")
    now = clock.now()
    search = SavedSearch(
        user_id=by.id, nom=_name(nom), criteres=kept, frequence=frequence, created_at=now, seen_until=now
    )
    if id is not None:
        search.id = id
    try:
        with session.begin_nested():
            session.add(search)
    except IntegrityError:
        # The first press was written between our look and our writing.
        written = _written(session, id, by)
        if written is None:
            raise
        return written
    return search


def change_search(session: Session, search: SavedSearch, *, nom: str, frequence: Frequence) -> None:
    """Rename a search and set how often it writes. Alerts that begin again tell what appears from now on."""
    search.nom = _name(nom)
    if search.frequence is Frequence.JAMAIS and frequence is not Frequence.JAMAIS:
        search.seen_until = clock.now()
    search.frequence = frequence
    session.flush()


def stop_alerts(session: Session, search: SavedSearch) -> None:
    """Write no more about a search; it is kept."""
    search.frequence = Frequence.JAMAIS
    session.flush()


def delete_search(session: Session, search: SavedSearch) -> None:
    """Forget a search."""
    session.delete(search)
    session.flush()


def of_user(user: User) -> Select[Any]:
    """The searches that `user` keeps, by name."""
    return (
        select(SavedSearch)
        .where(col(SavedSearch.user_id) == user.id)
        .order_by(func.lower(col(SavedSearch.nom)), col(SavedSearch.id))
    )


def proposed_name(typed: Typed, names: Mapping[str, str] | None = None) -> str:
    """Return a name for a search, made of what it asks for. `names`: labels of structures and sources, by value."""
    labels = [label for _, _, label in typed.tags(names)]
    while len(", ".join(labels)) > NAME_LENGTH and len(labels) > 1:
        labels.pop()
    return ", ".join(labels)[:NAME_LENGTH]


def make_stop_link(secret: str, search: SavedSearch) -> str:
    """Return the signed words with which whoever reads an alert stops it."""
    return links.sign(secret, _PURPOSE, [str(search.id), str(search.user_id)])


def open_stop_link(session: Session, secret: str, text: str) -> SavedSearch | None:
    """Return the search of a link, None when it was deleted since. Raises portal.links.DeadLink."""
    try:
        search_id, user_id = (
            uuid.UUID(value) for value in links.read(secret, _PURPOSE, text, days=LINK_DAYS)
        )
    except ValueError:
        raise links.DeadLink(expired=False) from None
    return session.exec(
        select(SavedSearch).where(col(SavedSearch.id) == search_id, col(SavedSearch.user_id) == user_id)
    ).one_or_none()


def _written(session: Session, id: uuid.UUID | None, by: User) -> SavedSearch | None:
    found = session.get(SavedSearch, id) if id is not None else None
    if found is not None and found.user_id != by.id:
        raise RuleBroken("Cette page n’est plus à jour : rouvrez la recherche et recommencez.")
    return found


def _name(nom: str) -> str:
    nom = " ".join(nom.split())
    if not nom:
        raise RuleBroken("Donnez un nom à cette recherche.", field="nom")
    if len(nom) > NAME_LENGTH:
        raise RuleBroken(f"Raccourcissez : {NAME_LENGTH} caractères au plus.", field="nom")
    return nom
