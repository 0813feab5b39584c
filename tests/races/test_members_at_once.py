"""Invitations, requests and departures settled at once by processes of their own, on both engines."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from portal.accounts.models import Role, User
from portal.db import Database
from portal.structures import invitations, members
from portal.structures.models import JoinRequest, JoinState, Membership, MembershipLevel
from tests.factories.accounts import make_user
from tests.factories.structures import make_chief
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")
SECRET = "s" * 40
GUEST = "alix@association.example.org"


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_one_link_pressed_by_four_at_once_opens_one_account(arena: Database) -> None:
    with arena.writing() as session:
        chief, structure = make_chief(session)
        made = invitations.invite(session, structure, courriel=GUEST, level=MembershipLevel.MEMBRE, by=chief)
        session.flush()
        entrants = [(invitations.link_of(made, SECRET), SECRET, number) for number in range(4)]

    said = Counter(race(url_of(arena), workers.accept_invitation, entrants))

    assert said == {"joined": 1, "used": 3}
    with arena.session(read_only=True) as session:
        guest = session.exec(select(User).where(col(User.courriel) == GUEST)).one()
        assert session.exec(select(Membership).where(col(Membership.user_id) == guest.id)).one()


def test_two_links_to_two_structures_open_one_account(arena: Database) -> None:
    with arena.writing() as session:
        entrants = []
        for number in range(2):
            chief, structure = make_chief(session)
            made = invitations.invite(
                session, structure, courriel=GUEST, level=MembershipLevel.MEMBRE, by=chief
            )
            session.flush()
            entrants.append((invitations.link_of(made, SECRET), SECRET, number))

    said = Counter(race(url_of(arena), workers.accept_invitation, entrants))

    # The second is told that the address has an account: signed in, the same link still serves.
    assert said == {"joined": 1, "RuleBroken": 1}
    with arena.session(read_only=True) as session:
        assert session.exec(select(User).where(col(User.courriel) == GUEST)).one()


def test_a_request_accepted_and_refused_at_once_has_one_answer(arena: Database) -> None:
    with arena.writing() as session:
        chief, structure = make_chief(session)
        partner = make_user(session, Role.PARTENAIRE)
        asked = invitations.ask_to_join(session, structure, by=partner, message=None)
        session.flush()
        entrants = [(asked.id, chief.id, accepts) for accepts in (True, False, True, False)]
        asked_id, partner_id = asked.id, partner.id

    said = Counter(race(url_of(arena), workers.answer_request, entrants))

    assert said["AlreadyDone"] == 3
    with arena.session(read_only=True) as session:
        state = session.get_one(JoinRequest, asked_id).state
        member = session.exec(select(Membership).where(col(Membership.user_id) == partner_id)).first()
    assert said == {"AlreadyDone": 3, "accepted" if member else "refused": 1}
    assert state is (JoinState.ACCEPTEE if member else JoinState.REFUSEE)


def test_two_administrators_who_leave_at_once_do_not_both_go(arena: Database) -> None:
    with arena.writing() as session:
        _, structure = make_chief(session)
        make_chief(session, structure)
        members.join(session, structure, make_user(session, Role.PARTENAIRE))
        chiefs = session.exec(
            select(Membership).where(
                col(Membership.structure_id) == structure.id,
                col(Membership.level) == MembershipLevel.ADMINISTRATEUR,
            )
        ).all()
        entrants = [(structure.id, membership.id) for membership in chiefs]

    said = Counter(race(url_of(arena), workers.leave_structure, entrants))

    assert said == {"left": 1, "RuleBroken": 1}
