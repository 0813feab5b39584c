"""Around the person one looks for: the commune of their file, for their référent and nobody else."""

import uuid
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session, col, exists, select

from portal import clock, geography
from portal.accounts.models import User
from portal.beneficiaries import queries, rules
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.catalogue.address import Typed
from portal.catalogue.place import place_of
from portal.geography import Commune
from portal.web.session import database

# A search is made of many requests (each letter, each filter): together they read the file once.
ONE_READING = timedelta(minutes=30)


def commune_of(session: Session, user: User | None, beneficiary_id: uuid.UUID) -> Commune | None:
    """Return the commune of a person's file; None when it is not known, or when `user` does not follow the person.

    The reading is written in the access journal, once in ONE_READING. To be called from a request: the journal is
    written in a transaction of its own, because the session of a page only reads.
    """
    return _read(session, user, beneficiary_id)[1]


def around_the_person(session: Session, user: User | None, typed: Typed) -> Typed:
    """Return the search around the commune of the person it is for; to be called from a request, as `commune_of`.

    Unchanged when it is for nobody, or when their commune is not known; without the person when `user` does not
    follow them: an address sent by a colleague still finds offers, and says nothing.
    """
    if typed.beneficiaire is None:
        return typed
    followed, commune = _read(session, user, typed.beneficiaire)
    if not followed:
        return replace(typed, beneficiaire=None)
    return typed.at(place_of(commune)) if commune else typed


def _read(session: Session, user: User | None, beneficiary_id: uuid.UUID) -> tuple[bool, Commune | None]:
    """Return whether `user` follows the person, and the commune of their file."""
    if user is None:
        return False, None
    followed = queries.visible_to(user, beneficiary_id).with_only_columns(col(Beneficiary.code_insee))
    row = session.execute(followed).one_or_none()
    if row is None:
        return False, None
    _journal(session, user, beneficiary_id)
    return True, geography.commune(row.code_insee) if row.code_insee else None


def _journal(session: Session, user: User, beneficiary_id: uuid.UUID) -> None:
    lately = select(
        exists().where(
            col(AccessEntry.beneficiary_id) == beneficiary_id,
            col(AccessEntry.user_id) == user.id,
            col(AccessEntry.kind) == AccessKind.LECTURE,
            col(AccessEntry.at) > clock.now() - ONE_READING,
        )
    )
    if session.execute(lately).scalar_one():
        return
    with database().writing() as apart:
        rules.journal(apart, beneficiary_id, by=user, kind=AccessKind.LECTURE)
