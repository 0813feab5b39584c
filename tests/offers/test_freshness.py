"""Fresh by itself: when an offer is to be confirmed, who is asked, suspension."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.offers import freshness
from portal.offers.freshness import Due
from portal.offers.models import Offer, OfferState
from portal.structures import history
from portal.structures import rules as structures
from portal.structures.models import Act, CatalogueRules, Structure
from tests.offers.reminding import MoveClock, at, in_catalogue, link_of, mails, scene, set_rules
from tests.pages import Browser

# --- Days ---


@pytest.mark.parametrize(
    ("day", "months", "wanted"),
    [
        (date(2026, 1, 15), 6, date(2026, 7, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 3), 12, date(2027, 3, 3)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_the_same_day_some_months_later(day: date, months: int, wanted: date) -> None:
    assert freshness.months_after(day, months) == wanted


def test_an_offer_s_own_rhythm_goes_before_the_departement_s() -> None:
    settings = CatalogueRules(confirmation_mois=6, suspension_jours=30)
    offer = Offer(structure_id=uuid.uuid4(), nom="Atelier", date_maj=date(2026, 1, 31))
    assert freshness.due_on(offer, settings) == date(2026, 7, 31)
    assert freshness.suspends_on(offer, settings) == date(2026, 8, 30)
    offer.confirmation_mois = 1
    assert freshness.due_on(offer, settings) == date(2026, 2, 28)


@pytest.mark.parametrize("state", [state for state in OfferState if state is not OfferState.PUBLIEE])
def test_only_a_published_offer_is_owed_anything(state: OfferState, move_clock: MoveClock) -> None:
    move_clock(2028, 1, 1, 10)
    offer = Offer(structure_id=uuid.uuid4(), nom="Atelier", date_maj=date(2026, 1, 1), state=state)
    assert freshness.owed(offer, CatalogueRules()) is Due.RIEN
    offer.state = OfferState.PUBLIEE
    assert freshness.owed(offer, CatalogueRules()) is Due.RAPPEL


@pytest.mark.parametrize(
    "today", [date(2026, 2, 28), date(2024, 2, 29), date(2026, 4, 30), date(2026, 3, 30)]
)
@pytest.mark.parametrize("months", [1, 2, 6, 12])
def test_the_list_and_the_job_agree_on_the_day(
    session: Session, sign_in: Callable[[User], Browser], move_clock: MoveClock, today: date, months: int
) -> None:
    at(move_clock, today)
    partner, offer = scene(session, nom="Atelier au bon jour", confirmation_mois=months)
    settings = structures.catalogue_rules(session)
    browser = sign_in(partner)
    around = freshness.months_after(today, -months)
    for shift in range(-4, 5):
        offer.date_maj = around + timedelta(days=shift)
        session.commit()
        shown = "Atelier au bon jour" in browser.get("/mes-offres?etat=a-confirmer").text
        assert shown == freshness.is_due(offer, settings), (offer.date_maj, today)


# --- The whole cycle ---


def test_asked_when_due_confirmed_by_the_link_and_never_suspended(
    session: Session, browser: Browser, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session, nom="Atelier vélo")
    assert days(date(2026, 7, 10), date(2026, 7, 15)) == [
        (date(2026, 7, 15), "Vos offres sont-elles toujours valables ?")
    ]
    (mail,) = mails(session, partner)
    assert "Atelier vélo" in mail.body and "Atelier vélo" not in mail.subject
    assert "13 septembre 2026" in mail.body, "the day of the suspension is told"
    link = link_of(mail)
    assert partner.courriel not in link and partner.nom not in link

    move_clock(2026, 7, 20, 9)
    page = browser.get(link)
    assert "Atelier vélo" in page.text
    session.refresh(offer)
    assert offer.date_maj == date(2026, 1, 15), "whoever opens a link for its reader writes nothing"
    page = page.form(link).submit("Oui, toujours valable")
    assert page.h1.startswith("C’est noté")
    session.refresh(offer)
    assert (offer.date_maj, offer.reminders, offer.reminded_at) == (date(2026, 7, 20), 0, None)
    last = session.execute(history.of_offer(offer.id)).scalars().first()
    assert last is not None and (last.act, last.by_id) == (Act.CONFIRMATION, partner.id)

    assert "déjà fait" in browser.get(link, status=410).text
    assert days(date(2026, 9, 10), date(2026, 9, 20)) == []
    session.refresh(offer)
    assert offer.state is OfferState.PUBLIEE
    assert len(list(session.execute(history.of_offer(offer.id)).scalars())) == 3, (
        "created, published, confirmed"
    )


def test_never_answered_reminded_three_times_suspended_and_back_by_the_link(
    session: Session, browser: Browser, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    left = days(date(2026, 7, 14), date(2026, 9, 12))
    assert [day for day, _ in left] == [date(2026, 7, 15), date(2026, 8, 14), date(2026, 8, 30)]
    session.refresh(offer)
    assert (offer.state, offer.reminders, in_catalogue(session, offer)) == (OfferState.PUBLIEE, 3, True)

    assert days(date(2026, 9, 13), date(2026, 10, 13)) == [(date(2026, 9, 13), "Des offres sont suspendues")]
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE and not in_catalogue(session, offer)
    assert offer.date_maj == date(2026, 1, 15), "a suspension is not a change"
    assert offer.thematiques and offer.description, "nothing is erased"
    last = session.execute(history.of_offer(offer.id)).scalars().first()
    assert last is not None and (last.act, last.by_id) == (Act.SUSPENSION, None)

    link = link_of(mails(session, partner)[-1])
    browser.get(link).form(link).submit("Oui, toujours valable")
    session.refresh(offer)
    assert (offer.state, offer.suspended_at) == (OfferState.PUBLIEE, None)
    assert offer.date_maj == clock.today() and in_catalogue(session, offer)


def test_no_suspension_without_a_message_a_week_before(
    session: Session, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    at(move_clock, date(2025, 1, 15))
    _, offer = scene(session)
    # Nobody ran the jobs for a year.
    assert [day for day, _ in days(date(2026, 7, 1), date(2026, 7, 7))] == [date(2026, 7, 1)]
    session.refresh(offer)
    assert offer.state is OfferState.PUBLIEE
    assert [day for day, _ in days(date(2026, 7, 8), date(2026, 7, 9))] == [date(2026, 7, 8)]
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE


def test_twice_in_a_day_writes_nothing_more(
    session: Session, move_clock: MoveClock, run: Callable[[], None]
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    for day, messages in ((date(2026, 7, 15), 1), (date(2026, 9, 20), 2), (date(2026, 9, 27), 2)):
        at(move_clock, day)
        run()
        lines = len(list(session.execute(history.of_offer(offer.id)).scalars()))
        before = (offer.state, offer.reminders, offer.reminded_at)
        run()
        assert len(mails(session, partner)) == messages
        assert len(list(session.execute(history.of_offer(offer.id)).scalars())) == lines
        session.refresh(offer)
        assert (offer.state, offer.reminders, offer.reminded_at) == before
    assert offer.state is OfferState.SUSPENDUE


def test_the_departement_sets_the_rhythm_and_the_delay(
    session: Session, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    at(move_clock, date(2026, 1, 15))
    set_rules(session, confirmation_mois=3, suspension_jours=7)
    _, slow = scene(session, nom="Atelier lent", confirmation_mois=12)
    _, usual = scene(session, nom="Atelier comme les autres")
    left = days(date(2026, 4, 10), date(2026, 5, 10))
    assert [day for day, _ in left] == [date(2026, 4, 15), date(2026, 4, 22)]
    session.refresh(slow)
    session.refresh(usual)
    assert (slow.state, usual.state) == (OfferState.PUBLIEE, OfferState.SUSPENDUE)


def test_an_imported_offer_follows_the_same_rule(
    session: Session, move_clock: MoveClock, days: Callable[..., Any]
) -> None:
    at(move_clock, date(2026, 1, 15))
    _, offer = scene(session)
    offer.import_source, offer.import_id = "annuaire-exemple", "12"
    assert len(days(date(2026, 7, 15), date(2026, 9, 14))) == 4
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE


@pytest.mark.parametrize("hidden", ["structure", "date_fin"])
def test_nobody_is_asked_about_an_offer_that_nobody_sees(
    session: Session, move_clock: MoveClock, days: Callable[..., Any], hidden: str
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    if hidden == "structure":
        structures.withdraw_structure(session, session.get_one(Structure, offer.structure_id), by=partner)
    else:
        offer.date_fin = date(2026, 6, 30)
    assert days(date(2026, 7, 15), date(2026, 7, 16)) == []
