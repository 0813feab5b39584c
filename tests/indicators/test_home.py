"""The first page: what each person can do now, with numbers counted another way."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import report_schedule, report_writing, reports
from portal.conventions.engagements import ReportKind
from portal.conventions.models import Convention
from portal.prescriptions import answers, due, rules
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.statements import count_statements


def tallies(page: Page) -> dict[str, str]:
    """{words: number} of the tiles."""
    return {
        a.span.get_text(" ", strip=True): a.strong.get_text(strip=True) for a in page.soup.select("a.tally")
    }


def test_nobody_finds_the_search(browser: Browser) -> None:
    page = browser.get("/")
    assert page.h1 == "Trouver une solution d’insertion"
    found = page.form("/offres").submit("Chercher", ou="Redon (35600)", quoi="permis")
    assert found.path == "/offres"
    assert page.click("Mobilité").path == "/offres"


def test_a_partner_reads_what_awaits_an_answer(sign_in: Callable[[User], Browser], session: Session) -> None:
    scene = make_scene(session)
    for state in (
        State.ENVOYEE,
        State.ENVOYEE,
        State.A_L_ETUDE,
        State.ACCEPTEE,
        State.ENTREE,
        State.BROUILLON,
    ):
        make_prescription(session, scene, state)
    page = sign_in(scene.partner).get("/")
    assert tallies(page) == {
        "à répondre": "2",
        "à l’étude": "1",
        "acceptées, entrée à venir": "1",
        "en cours": "1",
    }
    assert scene.structure.nom in page.text
    assert page.click("Écrire une offre").response.status_code == 200


def test_a_partner_reads_which_reports_are_due(sign_in: Callable[[User], Browser], session: Session) -> None:
    scene = make_scene(session)
    assert scene.action is not None
    convention = session.get_one(Convention, scene.action.convention_id)
    officer = make_user(session, Role.CONVENTIONNEMENT)
    for days in (-1, 30, 31):
        report_schedule.ask(
            session,
            convention,
            {
                "kind": ReportKind.ACTIVITE,
                "debut": clock.today() - timedelta(days=50 + days),
                "fin": clock.today() - timedelta(days=10),
                "du_le": clock.today() + timedelta(days=days),
            },
            by=officer,
        )
        assert tallies(sign_in(scene.partner).get("/")).get("rapport en retard") == "1"
    page = sign_in(scene.partner).get("/")
    assert tallies(page)["rapport à remettre"] == "1", "not what is due in more than thirty days"
    report = reports.of_convention(session, convention.id)[0]
    report_writing.hand_in(session, convention, report.id, {"realise": "Fait."}, {}, by=scene.partner)
    session.flush()
    assert "rapport en retard" not in tallies(sign_in(scene.partner).get("/"))
    assert sign_in(officer).get("/").click("Rapports à lire (1)").path == "/conventions/rapports"


def test_a_partner_without_structure_is_told_the_first_step(
    sign_in: Callable[[User], Browser], session: Session
) -> None:
    page = sign_in(make_user(session, Role.PARTENAIRE)).get("/")
    assert page.click("Rejoindre ou créer une structure").path == "/structures/rejoindre"


def test_a_referent_reads_their_own(sign_in: Callable[[User], Browser], session: Session) -> None:
    scene = make_scene(session)
    make_prescription(session, scene, State.BROUILLON)
    make_prescription(session, scene, State.ENVOYEE)
    make_prescription(session, scene, State.A_L_ETUDE)
    make_beneficiary(session)  # somebody else's
    page = sign_in(scene.referent).get("/")
    assert tallies(page) == {
        "en brouillon": "1",
        "en attente de réponse": "2",
        "acceptées": "0",
        "en cours": "0",
    }
    assert "Mes bénéficiaires (3)" in page.text


def test_a_referent_is_told_first_that_a_place_is_proposed(
    sign_in: Callable[[User], Browser], session: Session
) -> None:
    scene = make_scene(session, places=1)
    inside, waits, colleague = (make_prescription(session, scene) for _ in range(3))
    answers.accept(session, inside, by=scene.partner)
    for prescription in (waits, colleague):
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
    rules.cancel(session, inside, by=scene.referent)
    assert due.propose_places(session) == [waits]
    page = sign_in(scene.referent).get("/")
    assert next(iter(tallies(page).items())) == ("place proposée, à prendre ou à laisser", "1")
    page = page.click("1 place proposée, à prendre ou à laisser")
    assert page.response.request.args["retard"] == "place-proposee"
    # Somebody else's is not theirs to take.
    assert len(tallies(sign_in(make_user(session)).get("/"))) == 4


def test_the_officer_reads_the_places(sign_in: Callable[[User], Browser], session: Session) -> None:
    scene = make_scene(session, places=5)
    make_prescription(session, scene, State.ACCEPTEE)
    make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.TERMINEE)
    page = sign_in(make_user(session, Role.CONVENTIONNEMENT)).get("/")
    legend = {
        li.span.get_text(strip=True): li.strong.get_text(strip=True)
        for li in page.soup.select(".meter-legend li")
    }
    assert legend == {"Occupées": "1", "Utilisées": "1", "Retenues": "1", "Libres": "2"}


@pytest.mark.parametrize(
    ("role", "first", "links"),
    [(Role.ANIMATION, "/referencement", 3), (Role.ADMINISTRATION, "/comptes", 2)],
)
def test_the_others_find_their_work(
    sign_in: Callable[[User], Browser], session: Session, role: Role, first: str, links: int
) -> None:
    page = sign_in(make_user(session, role)).get("/")
    found = [link["href"] for link in page.soup.select("main .actions a")]
    assert (found[0], len(found)) == (first, links)


def test_the_cost_does_not_grow(sign_in: Callable[[User], Browser], session: Session) -> None:
    partner, structure = make_partner(session)
    visitor = sign_in(partner)
    with count_statements(session) as few:
        visitor.get("/")
    scene = make_scene(session)
    for _ in range(5):
        make_prescription(session, scene)
    with count_statements(session) as many:
        visitor.get("/")
    assert len(few) == len(many)
    assert structure.nom
