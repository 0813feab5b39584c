"""The link of the message that asks whether an offer is still valid: what it does, and when it no longer acts."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import User
from portal.config import Config
from portal.offers import freshness, rules
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner
from tests.pages import Browser

MoveClock = Callable[..., datetime]


def at(move_clock: MoveClock, day: date) -> None:
    move_clock(day.year, day.month, day.day, 10)


def scene(session: Session, **values: Any) -> tuple[User, Offer]:
    partner, structure = make_partner(session)
    return partner, make_offer(session, structure, **values)


def link_for(session: Session, config: Config, offer: Offer, user: User) -> str:
    session.commit()
    return f"/offres/toujours-valable/{freshness.make_link(config.secret_key, offer, user.id)}"


def refused(browser: Browser, session: Session, offer: Offer, link: str) -> str:
    """Open and press a link that no longer acts; return what the page says."""
    session.commit()
    before = (offer.state, offer.date_maj)
    said = browser.get(link, status=410)
    assert not said.soup.select(f'main form[action="{link}"]')
    browser.post(link, {}, status=410)
    session.refresh(offer)
    assert (offer.state, offer.date_maj) == before
    return said.text


def test_a_link_lives_sixty_days(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    link = link_for(session, config, offer, partner)
    at(move_clock, date(2026, 3, 15))
    browser.get(link)
    at(move_clock, date(2026, 3, 18))
    assert "plus de deux mois" in refused(browser, session, offer, link)


def test_a_link_that_was_cut_or_forged_opens_nothing(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    link = link_for(session, config, offer, partner)
    at(move_clock, date(2026, 2, 15))
    for broken in (link[:-3], "/offres/toujours-valable/x", link_with("autre" * 8, offer, partner)):
        said = refused(browser, session, offer, broken)
        assert "pas complet" in said and offer.nom not in said


def link_with(secret: str, offer: Offer, user: User) -> str:
    return f"/offres/toujours-valable/{freshness.make_link(secret, offer, user.id)}"


def test_a_link_of_who_left_the_structure_opens_nothing(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    stranger, _ = make_partner(session)
    at(move_clock, date(2026, 2, 15))
    said = refused(browser, session, offer, link_for(session, config, offer, stranger))
    assert offer.nom not in said
    link = link_for(session, config, offer, partner)
    browser.get(link)
    partner.is_active = False
    assert offer.nom not in refused(browser, session, offer, link)


@pytest.mark.parametrize("act", ["change", "confirm", "withdraw", "archive"])
def test_a_link_about_what_moved_since_says_so(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock, act: str
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    structure = session.get_one(Structure, offer.structure_id)
    link = link_for(session, config, offer, partner)
    at(move_clock, date(2026, 2, 15))
    if act == "change":
        rules.change_offer(session, offer, {"nombre_semaines": 3}, structure=structure, by=partner)
    elif act == "confirm":
        rules.confirm_offer(session, offer, by=partner)
    elif act == "withdraw":
        rules.withdraw_offer(session, offer, by=partner)
    else:
        rules.archive_offer(session, offer, by=partner)
    said = refused(browser, session, offer, link)
    assert ("déjà fait" if act in {"change", "confirm"} else "n’est plus à confirmer") in said


def test_a_suspended_offer_that_lacks_something_by_now_is_sent_to_its_form(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock
) -> None:
    at(move_clock, date(2026, 1, 15))
    partner, offer = scene(session)
    rules.suspend_offer(session, offer)
    offer.description = "Trop court."
    link = link_for(session, config, offer, partner)
    page = browser.get(link).form(link).submit(status=422)
    assert "50 caractères" in page.text
    assert page.soup.select_one(f'main a[href="/offres/{offer.id}/modifier"]') is not None
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE
