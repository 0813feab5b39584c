"""An offer that nobody confirms: asked by e-mail, suspended, back by one click; and many confirmed at once."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from portal import clock, jobs
from portal.accounts import rules as accounts
from portal.accounts.models import OutgoingMail, Role
from portal.config import load_config
from portal.offers.models import Offer, OfferState
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure

PASSWORD = "une phrase longue pour essayer"
_LINK = re.compile(r"https?://\S+/offres/toujours-valable/\S+")


class Story:
    """A partner with offers that became due, then suspended, while the clock moved; the last day is today."""

    def __init__(self, portal: Portal, tmp_path: object, *names: str) -> None:
        self.portal = portal
        environ = {"PORTAL_SECRET_KEY": "b" * 40, "PORTAL_PUBLIC_URL": portal.url}
        config = load_config(environ, tmp_path)  # type: ignore[arg-type]
        # Due after the shortest rhythm, suspended after sixty days: both behind us, the link still good.
        self.written = clock.now() - timedelta(days=100)
        with clock.stopped_at(self.written), portal.database.writing() as session:
            structure = make_structure(session, nom=f"Association {uuid.uuid4().hex[:8]}")
            partner, _ = make_partner(session, structure)
            accounts.give_password(partner, PASSWORD)
            make_user(session, Role.ANIMATION)
            self.ids = [make_offer(session, structure, nom=nom, confirmation_mois=1).id for nom in names]
            self.courriel = partner.courriel
        self.states = []
        for days in (35, 70, 99):
            with clock.stopped_at(self.written + timedelta(days=days)):
                jobs.keep_offers_fresh(portal.database, config)
            self.states.append([offer.state for offer in self.offers()])

    def offers(self) -> list[Offer]:
        with self.portal.database.session() as session:
            found = {o.id: o for o in session.exec(select(Offer).where(col(Offer.id).in_(self.ids)))}
        return [found[offer_id] for offer_id in self.ids]

    def links(self) -> list[str]:
        """Return the links of the latest message, in the order of the offers' names."""
        with self.portal.database.session() as session:
            mail = session.exec(
                select(OutgoingMail)
                .where(col(OutgoingMail.recipient) == self.courriel)
                .order_by(col(OutgoingMail.created_at).desc())
            ).first()
        assert mail is not None
        return sorted(_LINK.findall(mail.body), key=mail.body.index)


@pytest.fixture
def story(portal: Portal, tmp_path: object) -> Story:
    return Story(portal, tmp_path, "Atelier du lundi", "Atelier du mardi", "Atelier du mercredi")


def test_the_link_of_the_message_puts_a_suspended_offer_back(
    open_page: Callable[..., Page], story: Story
) -> None:
    published, suspended = OfferState.PUBLIEE, OfferState.SUSPENDUE
    assert story.states == [[published] * 3, [published] * 3, [suspended] * 3]
    first, second, _ = story.links()

    # The page presses its own button.
    page = open_page(375)
    page.goto(first)
    expect(page.locator("h1")).to_have_text("C’est noté, merci")
    check(page)
    # Without the script, the reader does; what a scanner of mail opens changes nothing.
    plain = open_page(javascript=False)
    plain.goto(second)
    expect(plain.locator("h1")).to_have_text("Cette offre est-elle toujours valable ?")
    confirmed = [offer for offer in story.offers() if offer.state is published]
    assert len(confirmed) == 1
    plain.get_by_role("button", name="Oui, toujours valable").click()
    expect(plain.locator("h1")).to_have_text("C’est noté, merci")
    assert [o.date_maj for o in story.offers()].count(clock.today()) == 2
    assert [o.state for o in story.offers()].count(suspended) == 1


def test_many_are_confirmed_at_once(
    open_page: Callable[..., Page], story: Story, hand: type[Mouse], portal: Portal
) -> None:
    page = open_page()
    user = hand(page)
    user.goto("/connexion")
    user.fill("Adresse électronique", story.courriel)
    user.fill("Mot de passe", PASSWORD)
    user.press("Se connecter")
    user.goto("/mes-offres")
    user.tick("Rien n’a changé : Atelier du lundi")
    user.tick("Rien n’a changé : Atelier du mercredi")
    user.press("Confirmer les offres cochées")
    assert "2 offres sont à jour" in user.words
    user.follow("Suspendues 1")
    assert "Atelier du mardi" in user.words and "Atelier du lundi" not in user.words
    assert [o.state for o in story.offers()] == [
        OfferState.PUBLIEE,
        OfferState.SUSPENDUE,
        OfferState.PUBLIEE,
    ]
    user.press("Toujours valable : Atelier du mardi")
    assert all(offer.is_public for offer in story.offers())
