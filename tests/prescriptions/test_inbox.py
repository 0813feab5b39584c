"""The partner's inbox: what waits for the structure, sorted by what waits longest, and what is new in it."""

from typing import Any

from sqlmodel import Session

from portal.prescriptions import answers, attention, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Page
from tests.prescriptions.hands import SignIn, address
from tests.statements import count_statements


def chips(page: Page) -> list[str]:
    return [" ".join(a.get_text(" ").split()) for a in page.soup.select("nav.chips a")]


def tags(page: Page, prescription: Prescription) -> list[str]:
    """The tags of a prescription's card."""
    link = page.soup.select_one(f'.result-title a[href$="{prescription.id}"]')
    assert link is not None
    card = link.find_parent("article")
    assert card is not None
    return [" ".join(tag.get_text(" ").split()) for tag in card.select(".result-tags > *")]


def order(page: Page) -> list[str]:
    return [str(a["href"]).rsplit("/", 1)[1] for a in page.soup.select(".result-title a")]


class TestBuckets:
    def test_each_with_its_count(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=3)
        for state in (State.ENTREE, State.ACCEPTEE, State.ACCEPTEE):
            make_prescription(session, scene, state)
        waits = make_prescription(session, scene)
        answers.put_on_waiting_list(session, waits, by=scene.partner)
        studied = make_prescription(session, scene, State.A_L_ETUDE)
        for state in (State.ENVOYEE, State.REFUSEE, State.EXPIREE, State.BROUILLON, State.ANNULEE):
            make_prescription(session, scene, state)
        browser = sign_in(scene.partner)
        page = browser.get("/prescriptions")
        assert chips(page) == [
            "Toutes 8",
            "À répondre 1",
            "À l’étude 1",
            "En attente d’une place 1",
            "Entrée à venir 2",
            "En cours 1",
            "Terminées 2",
        ]
        assert order(page.click("En attente d’une place 1")) == [str(waits.id)]
        assert order(page.click("À l’étude 1")) == [str(studied.id)]
        assert len(order(page.click("Terminées 2"))) == 2
        assert "En liste d’attente" in tags(page, waits)

    def test_what_waits_longest_is_first(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        scene = make_scene(session, places=None)
        made = []
        for day in (3, 1, 2):
            move_clock(2025, 3, day, 10)
            made.append(make_prescription(session, scene))
        move_clock(2025, 3, 4, 10)
        page = sign_in(scene.partner).get("/prescriptions?etat=envoyee")
        assert order(page) == [str(made[n].id) for n in (1, 2, 0)]
        # A word, or a look at it, does not send it to the end.
        answers.study(session, made[1], by=scene.partner)
        answers.study(session, made[2], by=scene.partner)
        move_clock(2025, 3, 5, 10)
        answers.agree_meeting(session, made[1], answers.Meeting(place="Ici"), by=scene.partner)
        page = sign_in(scene.partner).get("/prescriptions?etat=a_l_etude")
        assert order(page) == [str(made[n].id) for n in (1, 2)]

    def test_the_front_page_counts_as_the_inbox_does(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=0)
        waits = make_prescription(session, scene)
        answers.put_on_waiting_list(session, waits, by=scene.partner)
        make_prescription(session, scene, State.A_L_ETUDE)
        text = sign_in(scene.partner).get("/").text
        assert "1 à l’étude" in text
        assert "1 en attente d’une place" in text


class TestMine:
    def test_followed_by_me(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        mine, theirs, nobodys = (make_prescription(session, scene) for _ in range(3))
        answers.assign(session, mine, by=colleague, to=scene.partner)
        answers.assign(session, theirs, by=colleague, to=colleague)
        browser = sign_in(scene.partner)
        page = browser.get("/prescriptions")
        assert set(order(page)) == {str(p.id) for p in (mine, theirs, nobodys)}
        assert f"Suivie par {colleague.full_name}" in page.text
        page = browser.get("/prescriptions?suivi=moi")
        assert order(page) == [str(mine.id)]
        assert chips(page) == ["Toutes 1", "À répondre 1"]
        assert order(page.click("Retirer le filtre Suivies par moi")) != [str(mine.id)]
        # A référent follows none in this sense: it is left unread.
        assert len(order(sign_in(scene.referent).get("/prescriptions?suivi=moi"))) == 3


class TestNews:
    def test_new_until_it_is_opened_and_again_when_something_comes(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        made = make_prescription(session, scene)
        partner, referent = sign_in(scene.partner), sign_in(scene.referent)
        assert "Du nouveau" in tags(partner.get("/prescriptions"), made)
        # One's own acts are no news.
        assert "Du nouveau" not in tags(referent.get("/prescriptions"), made)
        move_clock(2025, 3, 1, 11)
        partner.get(address(made))
        assert tags(partner.get("/prescriptions"), made) == ["Envoyée"]
        move_clock(2025, 3, 1, 12)
        rules.write_message(session, made, by=scene.referent, text="Un mot.")
        rules.write_message(session, made, by=scene.referent, text="Un autre.")
        assert tags(sign_in(scene.partner).get("/prescriptions"), made) == ["Envoyée", "2 nouveaux messages"]
        answers.study(session, made, by=scene.partner)
        assert tags(sign_in(scene.referent).get("/prescriptions"), made) == ["À l’étude", "Du nouveau"]

    def test_a_colleague_s_answer_is_news_too(self, session: Session, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        made = make_prescription(session, scene, State.BROUILLON)
        assert attention.news_among(session, scene.partner, [made.id]) == {}
        rules.send(session, made, by=scene.referent, consent=True)
        answers.study(session, made, by=scene.partner)
        assert attention.news_among(session, scene.partner, [made.id]) == {made.id: attention.News(acts=1)}
        assert attention.news_among(session, colleague, [made.id]) == {made.id: attention.News(acts=2)}

    def test_in_one_statement(self, session: Session) -> None:
        scene = make_scene(session)
        ids = [make_prescription(session, scene).id for _ in range(5)]
        session.commit()
        with count_statements(session) as sent:
            assert set(attention.news_among(session, scene.partner, ids)) == set(ids)
        assert len(sent) == 1
        assert attention.news_among(session, scene.partner, []) == {}
