"""Who is asked to confirm an offer, and what moves the day of its last change."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.offers import notifications, rules
from portal.offers.models import Offer, OfferState
from portal.structures import history, members
from portal.structures.models import Validation
from tests.factories.accounts import make_user
from tests.factories.offers import COMPLETE, make_offer
from tests.factories.structures import make_partner, make_structure
from tests.offers.reminding import LINK, MoveClock, at, link_of, mails, scene, set_rules
from tests.pages import Browser


def test_one_message_to_a_person_for_all_their_offers(
    session: Session, move_clock: MoveClock, run: Callable[[], None], browser: Browser
) -> None:
    at(move_clock, date(2026, 1, 15))
    both, first = make_partner(session)
    second = make_structure(session, nom="Association Voisine")
    members.join(session, second, both)
    colleague, _ = make_partner(session, second)
    here, there = (
        make_offer(session, first, nom="Atelier d’ici"),
        make_offer(session, second, nom="Atelier de là"),
    )
    at(move_clock, date(2026, 7, 15))
    run()
    (mail,) = mails(session, both)
    assert {"Atelier d’ici", "Atelier de là"} <= set(re.findall(r"Atelier d(?:’ici|e là)", mail.body))
    links = LINK.findall(mail.body)
    assert len(set(links)) == 2
    (theirs,) = mails(session, colleague)
    assert "Atelier d’ici" not in theirs.body
    browser.get(links[0]).form(links[0]).submit()
    session.refresh(here)
    session.refresh(there)
    assert [here.date_maj, there.date_maj].count(date(2026, 7, 15)) == 1, "each link confirms its own offer"


def test_no_more_than_one_message_a_week_to_a_person(
    session: Session, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    partner, structure = make_partner(session)
    for day in (3, 5, 9):
        at(move_clock, date(2026, 1, day))
        make_offer(session, structure, nom=f"Atelier du {day}")
    sent = [day for day, _ in days(date(2026, 7, 1), date(2026, 8, 15))]
    assert sent and len(mails(session, partner)) == len(sent)
    assert all(later - earlier >= timedelta(days=7) for earlier, later in zip(sent, sent[1:], strict=False))
    reminded = session.exec(select(Offer.reminders).where(col(Offer.structure_id) == structure.id)).all()
    assert all(number >= 1 for number in reminded), "each of them was asked about"


@pytest.mark.parametrize("member", [None, "inactive"])
def test_without_anybody_to_ask_the_animators_are_told_and_may_confirm(
    session: Session, browser: Browser, move_clock: MoveClock, days: Callable[..., Any], member: str | None
) -> None:
    at(move_clock, date(2026, 1, 15))
    structure = make_structure(session)
    offer = make_offer(session, structure)
    animator = make_user(session, Role.ANIMATION)
    make_user(session, Role.ANIMATION, is_active=False)
    if member:
        gone, _ = make_partner(session, structure)
        gone.is_active = False
    left = days(date(2026, 7, 15), date(2026, 9, 14))
    assert len(left) == 4 == len(mails(session, animator)), (
        "reminders and the suspension, to the animator alone"
    )
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE
    link = link_of(mails(session, animator)[-1])
    browser.get(link).form(link).submit()
    session.refresh(offer)
    assert offer.state is OfferState.PUBLIEE


def test_the_animators_are_not_told_of_what_has_its_people(
    session: Session, move_clock: MoveClock, run: Callable[[], None]
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, _ = scene(session)
    animator = make_user(session, Role.ANIMATION)
    at(move_clock, date(2026, 7, 15))
    run()
    assert (len(mails(session, partner)), len(mails(session, animator))) == (1, 0)


def test_a_long_list_names_the_first_ones_and_counts_the_others(
    session: Session, move_clock: MoveClock, run: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "MOST_LISTED", 2)
    at(move_clock, date(2026, 1, 15))
    partner, structure = make_partner(session)
    made = [make_offer(session, structure, nom=f"Atelier {n}") for n in range(5)]
    at(move_clock, date(2026, 7, 15))
    run()
    (mail,) = mails(session, partner)
    assert len(LINK.findall(mail.body)) == 2 and "Et 3 autres offres" in mail.body
    for offer in made:
        session.refresh(offer)
        assert offer.reminders == 1


def test_the_day_moves_with_a_change_or_a_confirmation_and_with_nothing_else(
    session: Session, move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    set_rules(session, offres_validees=Validation.AVANT)
    partner, structure = make_partner(session)
    animator = make_user(session, Role.ANIMATION)
    offer = make_offer(session, structure, published=False)
    at(move_clock, date(2026, 3, 3))
    acts: list[Callable[[], Any]] = [
        lambda: rules.publish_offer(session, offer, structure=structure, by=partner),
        lambda: rules.send_back_offer(session, offer, note="Précisez le lieu.", by=animator),
        lambda: rules.publish_offer(session, offer, structure=structure, by=partner),
        lambda: rules.validate_offer(session, offer, structure=structure, by=animator),
        lambda: rules.change_offer(session, offer, {"nom": offer.nom}, structure=structure, by=partner),
        lambda: rules.suspend_offer(session, offer),
        lambda: rules.publish_offer(session, offer, structure=structure, by=animator),
        lambda: rules.withdraw_offer(session, offer, by=partner),
        lambda: rules.archive_offer(session, offer, by=partner),
        lambda: rules.resume_offer(session, offer, by=partner),
        lambda: rules.publish_offer(session, offer, structure=structure, by=animator),
    ]
    for number, act in enumerate(acts):
        act()
        session.flush()
        assert offer.date_maj == date(2026, 1, 15), number
    assert offer.state is OfferState.PUBLIEE
    rules.confirm_offer(session, offer, by=partner)
    assert offer.date_maj == date(2026, 3, 3)
    at(move_clock, date(2026, 4, 4))
    rules.change_offer(session, offer, {"nombre_semaines": 3}, structure=structure, by=partner)
    assert offer.date_maj == date(2026, 4, 4)


def test_opening_the_form_and_saving_it_moves_nothing(
    session: Session, sign_in: Callable[[User], Browser], move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    # As people write it: the form trims.
    partner, offer = scene(session, description=COMPLETE["description"].strip())
    lines = len(list(session.execute(history.of_offer(offer.id)).scalars()))
    at(move_clock, date(2026, 3, 3))
    sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form").submit(
        "Enregistrer les changements"
    )
    session.refresh(offer)
    assert (offer.date_maj, offer.version) == (date(2026, 1, 15), 1)
    assert len(list(session.execute(history.of_offer(offer.id)).scalars())) == lines
