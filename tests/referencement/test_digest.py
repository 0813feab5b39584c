"""The daily message to the animators: once a day, and only when something waits."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, select

from portal.accounts.models import OutgoingMail, Role
from portal.referencement import notifications
from portal.structures.models import Validation
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.referencement import make_administrator, set_rules, submit_offer, submit_structure

URL = "https://portail.example.org"


def test_nothing_waits_and_nothing_leaves(session: Session) -> None:
    make_user(session, Role.ANIMATION)
    make_offer(session)
    assert notifications.remind_animators(session, public_url=URL) == 0
    assert session.exec(select(OutgoingMail)).all() == []


def test_each_animator_is_told_once_a_day(session: Session, move_clock: Callable[..., datetime]) -> None:
    move_clock(2026, 3, 3, 7)
    one, other = make_user(session, Role.ANIMATION), make_user(session, Role.ANIMATION)
    make_user(session, Role.ANIMATION, is_active=False)
    make_user(session, Role.ADMINISTRATION)
    submit_structure(session)
    partner, structure = make_administrator(session)
    submit_offer(session, partner, structure)
    set_rules(session, by=one, offres_validees=Validation.AVANT)
    for _ in range(2):
        submit_offer(session, partner, structure)
    assert notifications.remind_animators(session, public_url=URL) == 2
    mails = session.exec(select(OutgoingMail)).all()
    assert {mail.recipient for mail in mails} == {one.courriel, other.courriel}
    assert mails[0].subject == "Des fiches attendent votre lecture"
    assert (
        "- 1 structure à lire\n- 2 offres à valider avant publication\n- 1 offre publiée à relire"
        in mails[0].body
    )
    assert f"{URL}/referencement/file" in mails[0].body
    move_clock(2026, 3, 3, 22)
    assert notifications.remind_animators(session, public_url=URL) == 0
    late = make_user(session, Role.ANIMATION)
    assert notifications.remind_animators(session, public_url=URL) == 1
    # Midnight is that of Paris: 23 h in universal time.
    move_clock(2026, 3, 3, 23)
    assert notifications.remind_animators(session, public_url=URL) == 3
    assert len(session.exec(select(OutgoingMail).where(OutgoingMail.recipient == late.courriel)).all()) == 2
