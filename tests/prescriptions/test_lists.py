"""The lists of prescriptions: who finds what, in which order, and how many statements it takes."""

from typing import Any

from sqlmodel import Session

from portal.accounts.models import Role
from portal.conventions import queries as convention_queries
from portal.prescriptions import answers, queries
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import SignIn
from tests.statements import count_statements


class TestList:
    def test_empty_it_says_what_will_come(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        assert "sa prescription apparaîtra ici" in sign_in(scene.referent).get("/prescriptions").text
        assert "vous serez prévenu par courriel" in sign_in(scene.partner).get("/prescriptions").text

    def test_what_waits_comes_first_and_states_are_counted(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=9)
        made = {
            state: make_prescription(session, scene, state)
            for state in reversed(State)
            if state is not State.ANNULEE
        }
        page = sign_in(scene.referent).get("/prescriptions")
        badges = [words.get_text(strip=True) for words in page.soup.select(".result-tags .state")]
        assert badges[:5] == ["Brouillon", "Envoyée", "À l’étude", "Acceptée", "Entrée"]
        assert "Toutes 9" in page.text
        page = page.click("Envoyée 1")
        assert page.soup.select_one('nav.chips [aria-current="page"]') is not None
        assert str(made[State.ENVOYEE].id) in page.response.text
        assert str(made[State.ENTREE].id) not in page.response.text
        assert "Toutes 8" in sign_in(scene.partner).get("/prescriptions").text
        page = sign_in(scene.referent).get("/prescriptions?etat=annulee")
        assert "Aucune prescription à cet état" in page.text

    def test_the_oldest_answer_due_is_first(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        old = make_prescription(session, scene)
        move_clock(2025, 3, 8, 10)
        new = make_prescription(session, scene)
        html = sign_in(scene.partner).get("/prescriptions").response.text
        assert html.index(str(old.id)) < html.index(str(new.id))
        assert "Envoyée il y a 7 jours" in html

    def test_twenty_a_page(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = {str(make_prescription(session, scene).id) for _ in range(21)}
        browser = sign_in(scene.partner)
        shown = []
        for number in (1, 2):
            html = browser.get(f"/prescriptions?page={number}").response.text
            shown.append({one for one in made if one in html})
        assert [len(some) for some in shown] == [20, 1]
        assert shown[0] | shown[1] == made
        browser.get("/prescriptions?page=3", status=404)

    def test_the_number_of_statements_does_not_grow_with_the_list(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session, places=30)
        for user in (scene.referent, scene.partner):
            make_prescription(session, scene, State.ENVOYEE)
            browser = sign_in(user)
            browser.get("/prescriptions")
            with count_statements(session) as few:
                browser.get("/prescriptions")
            for _ in range(6):
                make_prescription(session, scene, State.ACCEPTEE)
            session.commit()
            with count_statements(session) as many:
                browser.get("/prescriptions")
            assert len(many) == len(few), many
            assert len(few) <= 6

    def test_counts_are_those_of_the_list(self, session: Session) -> None:
        scene = make_scene(session)
        for state in (State.BROUILLON, State.ENVOYEE, State.ENVOYEE, State.REFUSEE):
            make_prescription(session, scene, state)
        make_prescription(session, make_scene(session))
        assert queries.counts(session, scene.referent) == {
            State.BROUILLON: 1,
            State.ENVOYEE: 2,
            State.REFUSEE: 1,
        }
        assert queries.counts(session, scene.partner) == {State.ENVOYEE: 2, State.REFUSEE: 1}
        assert queries.counts(session, make_user(session, Role.ADMINISTRATION)) == {}

    def test_the_waiting_are_told_apart_in_one_statement(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        waiting, other = (make_prescription(session, scene) for _ in range(2))
        answers.put_on_waiting_list(session, waiting, by=scene.partner)
        session.flush()
        with count_statements(session) as sent:
            found = convention_queries.waiting_among(session, [waiting.id, other.id])
        assert found == {waiting.id}
        assert len(sent) == 1
