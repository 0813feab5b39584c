"""What tests of answers need: a session of an offer, and what a page lets one choose."""

from datetime import timedelta

from sqlmodel import Session

from portal import clock
from portal.offers.models import OfferSession
from tests.factories.prescriptions import Scene
from tests.pages import Page

ACCEPT, AGREE = "Accepter la prescription", "Proposer un rendez-vous"


def make_session(
    session: Session, scene: Scene, *, places: int | None = 1, in_days: int = 20
) -> OfferSession:
    made = OfferSession(offer_id=scene.offer.id, debut=clock.today() + timedelta(days=in_days), places=places)
    session.add(made)
    session.flush()
    return made


def labels(page: Page, name: str) -> list[str]:
    return [str(o.get_text()) for o in page.soup.select(f"select[name={name}] option")]
