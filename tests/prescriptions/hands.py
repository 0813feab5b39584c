"""What tests of the pages do again and again: read what a page shows, say an address, take a prescription to a state."""

from collections.abc import Callable
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, User
from portal.beneficiaries.models import Beneficiary
from portal.prescriptions import acting, answers
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import Act, State
from tests.factories.prescriptions import Scene
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]

ACTS = (
    "etudier",
    "mettre-en-attente",
    "accepter",
    "refuser",
    "entrer",
    "terminer",
    "abandonner",
    "annuler",
)

# The pages of acts that a partner reaches in each state.
REACHED = {
    State.ENVOYEE: {"etudier", "mettre-en-attente", "accepter", "refuser"},
    State.A_L_ETUDE: {"mettre-en-attente", "accepter", "refuser"},
    State.ACCEPTEE: {"entrer", "abandonner"},
    State.ENTREE: {"terminer", "abandonner"},
}


def ways(page: Page) -> list[str]:
    """The words of what the page lets one do."""
    return [
        " ".join(tag.get_text(" ").split())
        for tag in page.soup.select(".sticky-action a, .sticky-action button")
    ]


def reasoned(page: Page, reason: str) -> Page:
    """Choose the reason on the page of a refusal, and go on to its words."""
    return page.form("/refuser").submit("Continuer", motif_refus=reason)


def badge(page: Page) -> str:
    """The state, as the page's first tag says it."""
    tag = page.soup.select_one("main .tags > *")
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def pieces_read(page: Page) -> dict[str, str]:
    """{label: value} of what is shared."""
    return {
        str(row.dt.get_text(" ", strip=True)): str(row.dd.get_text(" ", strip=True))
        for row in page.soup.select("[aria-labelledby=partage] .answer")
        if row.dt is not None and row.dd is not None
    }


class Knocker:
    """Tries many addresses as a person would and tells the status only: the pages are looked at elsewhere."""

    def __init__(self, browser: Browser) -> None:
        self.client, self.token = browser.client, browser.token()

    def get(self, url: str) -> int:
        return self.client.get(url).status_code

    def post(self, url: str, **data: Any) -> int:
        data["csrf_token"] = self.token
        return self.client.post(url, data=data, headers={"Origin": "http://localhost"}).status_code


def mails(session: Session) -> list[OutgoingMail]:
    return list(session.exec(select(OutgoingMail).order_by(col(OutgoingMail.created_at))))


def prescriptions(session: Session) -> list[Prescription]:
    return list(session.exec(select(Prescription)))


def address(prescription: Prescription, end: str = "") -> str:
    return f"/prescriptions/{prescription.id}" + (f"/{end}" if end else "")


def new_address(scene: Scene, person: Beneficiary) -> str:
    return f"/prescriptions/nouvelle?offre={scene.offer.id}&beneficiaire={person.id}"


def kept(page: Page, name: str) -> list[str]:
    """Every value that the page kept under one name."""
    return [str(field["value"]) for field in page.soup.select(f"main input[name={name}]")]


def walk(session: Session, scene: Scene, prescription: Prescription, state: State) -> None:
    """Take a sent prescription to `state`."""
    by, today = scene.partner, clock.today()
    if state is State.A_L_ETUDE:
        answers.study(session, prescription, by=by)
    elif state is State.REFUSEE:
        answers.refuse(session, prescription, by=by, reason=RefusalReason.AUTRE, message="Non.")
    elif state is State.EXPIREE:
        acting.move(session, prescription, Act.EXPIRER, acting.PORTAL)
    elif state is not State.ENVOYEE:
        answers.accept(session, prescription, by=by)
        if state in {State.ENTREE, State.TERMINEE}:
            answers.enter(session, prescription, by=by, day=today)
        if state is State.TERMINEE:
            answers.finish(session, prescription, by=by, day=today)
        if state is State.ABANDONNEE:
            answers.give_up(session, prescription, by=by, day=today)
    session.flush()
