"""The lists of prescriptions: who finds what, in which order, and how many statements it takes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role
from portal.prescriptions import answers, due, queries, rules, seats
from portal.prescriptions.buckets import BUCKETS, bucket_of
from portal.prescriptions.listing import Asked, numbers, page_of
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side, State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Page
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
        page = page.click("Envoyées 1")
        assert page.soup.select_one('nav.chips [aria-current="page"]') is not None
        assert str(made[State.ENVOYEE].id) in page.response.text
        assert str(made[State.ENTREE].id) not in page.response.text
        assert "Toutes 8" in sign_in(scene.partner).get("/prescriptions").text
        page = sign_in(scene.referent).get("/prescriptions?etat=annulee")
        assert "Aucune prescription ici" in page.text
        current = page.soup.select_one('nav.chips [aria-current="page"]')
        assert current is not None
        assert current.get_text(" ", strip=True) == "Annulée 0"

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
            assert len(few) <= 10

    def test_pages_go_through_the_states_in_order_whatever_the_page(
        self, session: Session, move_clock: Any
    ) -> None:
        scene = make_scene(session, places=None)
        states = [State.TERMINEE, State.ENVOYEE, State.REFUSEE, State.A_L_ETUDE, State.BROUILLON] * 3
        for day, state in enumerate(states, 1):
            move_clock(2025, 3, day, 10)
            make_prescription(session, scene, state)
        asked = Asked(side=Side.REFERENT)
        known = numbers(session, scene.referent, asked)
        whole = page_of(session, scene.referent, asked, known, offset=0, size=100)
        assert [p.state for p in whole] == (
            [State.BROUILLON] * 3
            + [State.ENVOYEE] * 3
            + [State.A_L_ETUDE] * 3
            + [State.REFUSEE, State.TERMINEE] * 3
        )
        waited = [p.updated_at for p in whole]
        for start in (0, 3, 6):
            assert waited[start : start + 3] == sorted(waited[start : start + 3])
        assert waited[9:] == sorted(waited[9:], reverse=True)
        for size in (2, 4, 7):
            pages = [
                page_of(session, scene.referent, asked, known, offset=offset, size=size)
                for offset in range(0, 15, size)
            ]
            assert [p.id for some in pages for p in some] == [p.id for p in whole]
        ended = Asked(side=Side.REFERENT, bucket=bucket_of(Side.REFERENT, "sans_suite"))
        found = page_of(session, scene.referent, ended, known, offset=1, size=5)
        assert [p.state for p in found] == [State.REFUSEE] * 2

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


def shown(page: Page, *made: Prescription) -> list[bool]:
    """Which of these prescriptions the page lists."""
    return [page.soup.select_one(f'.result-title a[href$="{p.id}"]') is not None for p in made]


class TestBuckets:
    @pytest.mark.parametrize("side", [Side.REFERENT, Side.PARTENAIRE])
    def test_every_state_stands_in_one_bucket(self, side: Side) -> None:
        for state in State:
            holding = [bucket for bucket in BUCKETS[side] if state in bucket.states]
            if state is State.A_L_ETUDE:
                assert {bucket.waiting for bucket in holding} == {True, False}
            elif state is not State.BROUILLON or side is Side.REFERENT:
                assert len(holding) == 1, state
        assert len({bucket.slug for bucket in BUCKETS[side]}) == len(BUCKETS[side])

    def test_a_state_alone_has_its_address(self) -> None:
        assert bucket_of(Side.REFERENT, "refusee").states == (State.REFUSEE,)
        assert bucket_of(Side.PARTENAIRE, "a_l_etude").waiting is False
        with pytest.raises(ValueError, match="perdue"):
            bucket_of(Side.REFERENT, "perdue")


class TestFilters:
    def test_by_structure_and_offer_in_the_address(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        other = replace(make_scene(session), referent=scene.referent)
        second = replace(scene, offer=make_offer(session, scene.structure))
        here, there, also = (make_prescription(session, one) for one in (scene, other, second))
        browser = sign_in(scene.referent)
        page = browser.get("/prescriptions")
        assert shown(page, here, there, also) == [True] * 3
        form = page.form("/prescriptions")
        assert form.tag.get("method") == "post", "the search by name comes first"
        filters = next(tag for tag in page.soup.select("form[method=get].panel"))
        names = [o.get_text() for o in filters.select("select[name=structure] option")]
        assert names == ["Toutes", *sorted([scene.structure.nom, other.structure.nom])]
        page = browser.get(f"/prescriptions?structure={scene.structure.id}&offre=")
        assert shown(page, here, there, also) == [True, False, True]
        assert "Toutes 2" in page.text
        page = browser.get(f"/prescriptions?structure={scene.structure.id}&offre={second.offer.id}")
        assert shown(page, here, there, also) == [False, False, True]
        page = page.click(f"Retirer le filtre Offre : {second.offer.nom}")
        assert shown(page, here, there, also) == [True, False, True]

    def test_what_is_late_is_counted_and_found(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene = make_scene(session, places=None)
        move_clock(2025, 3, 1, 10)
        silent, met = make_prescription(session, scene), make_prescription(session, scene)
        answers.accept(
            session, met, by=scene.partner, meeting=seats.Meeting(at=clock.now() + timedelta(days=4))
        )
        move_clock(2025, 3, 11, 9)
        page = sign_in(scene.referent).get("/prescriptions")
        assert "Sans réponse depuis" not in page.text
        assert "Entrée attendue passée 1" in page.text
        move_clock(2025, 3, 11, 11)
        fresh = make_prescription(session, scene)
        for user in (scene.referent, scene.partner):
            page = sign_in(user).get("/prescriptions").click("Sans réponse depuis 10 jours ou plus 1")
            assert page.response.request.args["retard"] == "sans-reponse"
            assert shown(page, silent, met, fresh) == [True, False, False]
            page = page.click("Retirer le filtre Sans réponse depuis 10 jours ou plus")
            page = page.click("Entrée attendue passée 1")
            assert shown(page, silent, met, fresh) == [False, True, False]

    def test_a_place_that_is_proposed_waits_for_the_referent(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=1)
        inside, waits, other = (make_prescription(session, scene) for _ in range(3))
        answers.accept(session, inside, by=scene.partner)
        answers.put_on_waiting_list(session, waits, by=scene.partner)
        rules.cancel(session, inside, by=scene.referent)
        assert due.propose_places(session) != []
        page = sign_in(scene.referent).get("/prescriptions").click("Place proposée 1")
        assert shown(page, waits, other) == [True, False]
        assert "Place proposée : à prendre ou à laisser" in page.text
        # It is not for the structure to answer.
        browser = sign_in(scene.partner)
        page = browser.get("/prescriptions")
        assert "Place proposée au référent" in page.text
        assert "à prendre ou à laisser" not in page.text and "Place proposée 1" not in page.text
        browser.get("/prescriptions?retard=place-proposee", status=404)

    def test_unknown_criteria_do_not_exist(self, session: Session, sign_in: SignIn) -> None:
        browser = sign_in(make_scene(session).referent)
        for query in ("etat=perdue", "retard=hier", "structure=1", "offre=x", "page=0", "page=2"):
            browser.get(f"/prescriptions?{query}", status=404)

    def test_the_fragment_is_the_list_of_the_page(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        make_prescription(session, scene)
        for user in (scene.referent, scene.partner):
            browser = sign_in(user)
            page = browser.get("/prescriptions?etat=envoyee")
            whole = page.soup.select_one("#prescriptions-list")
            part = browser.fragment("/prescriptions?etat=envoyee", "prescriptions-list").select_one(
                "#prescriptions-list"
            )
            assert whole is not None
            assert part is not None
            for tag in (*whole.select("[name=csrf_token]"), *part.select("[name=csrf_token]")):
                tag.decompose()
            assert part.decode() == whole.decode()


class TestSearch:
    def test_by_name_and_the_name_is_in_no_address(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        wanted, other = (
            make_prescription(
                session, scene, State.ENVOYEE, make_beneficiary(session, scene.referent, nom=name)
            )
            for name in ("Éloïse-Marie", "Autrui")
        )
        for user in (scene.referent, scene.partner):
            browser = sign_in(user)
            page = (
                browser.get("/prescriptions")
                .form("prescriptions-search")
                .submit("Chercher", q="eloise marie")
            )
            assert shown(page, wanted, other) == [True, False]
            assert "1 prescription pour « eloise marie »" in page.text
            assert "eloise" not in page.response.request.url
            page = page.form("prescriptions-search").submit("Chercher", q="Personne")
            assert "Aucune prescription à ce nom" in page.text
            part = browser.fragment("/prescriptions", "prescriptions-list", {"q": "autrui"})
            assert str(other.id) in part.decode()
            assert str(wanted.id) not in part.decode()

    def test_a_partner_finds_by_nothing_that_was_not_shared(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent, nom="Discret", numero_allocataire="SECRET77")
        made = make_prescription(session, scene, State.ENVOYEE, person)
        partner, referent = sign_in(scene.partner), sign_in(scene.referent)
        for words, found in (("secret77", False), ("discret", True), ("%", False), ("_", False)):
            assert shown(partner.post("/prescriptions", {"q": words}), made) == [found], words
        assert shown(referent.post("/prescriptions", {"q": "secret77"}), made) == [True]

    def test_it_stays_within_what_one_may_see(self, session: Session, sign_in: SignIn) -> None:
        scene, elsewhere = make_scene(session), make_scene(session)
        made = make_prescription(
            session, scene, State.ENVOYEE, make_beneficiary(session, scene.referent, nom="Lointain")
        )
        for user in (elsewhere.referent, elsewhere.partner):
            page = sign_in(user).post("/prescriptions?equipe=1", {"q": "lointain"})
            assert shown(page, made) == [False]


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
