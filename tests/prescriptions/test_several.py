"""Several prescriptions answered at once: each stands or falls alone, and the page says which and why."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import Role
from portal.prescriptions import answers, wording
from portal.prescriptions.models import Prescription, RefusalReason, Transition
from portal.prescriptions.states import Act, State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.prescriptions.hands import Knocker, SignIn, address, kept, mails
from tests.prescriptions.ledger import everything, lines

ALL = "/prescriptions/plusieurs"


def choose(browser: Browser, act: str, *chosen: Prescription, **values: Any) -> Page:
    """Tick these in the inbox and press the button."""
    ids = [str(p.id) for p in chosen]
    return browser.post(ALL, {"acte": act, "prescription": ids, **values})


def confirm(page: Page, button: str, *, status: int = 200, **values: Any) -> Page:
    """Press the button of the page that asks, with everything it kept."""
    chosen = kept(page, "prescription")
    return page.form("/plusieurs").submit(button, status=status, prescription=chosen, **values)


class TestJourney:
    def test_the_inbox_offers_it(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        first, second = (make_prescription(session, scene) for _ in range(2))
        ended = make_prescription(session, scene, State.REFUSEE)
        page = sign_in(scene.partner).get("/prescriptions")
        boxes = page.soup.select("input[name=prescription][form=several]")
        assert {str(box["value"]) for box in boxes} == {str(first.id), str(second.id)}
        assert page.buttons()[-4:] == ["Accepter", "Mettre à l’étude", "Refuser", "Choisir qui les suit"]
        assert str(ended.id) not in {str(box["value"]) for box in boxes}
        assert sign_in(scene.referent).get("/prescriptions").soup.select("#several") == []

    def test_accepted_until_no_place_is_left(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        move_clock(2026, 3, 1, 9)
        scene = make_scene(session, places=2)
        made = []
        for day in (3, 1, 2):
            move_clock(2026, 3, day, 10)
            made.append(make_prescription(session, scene))
        late, first, second = made
        browser = sign_in(scene.partner)
        page = choose(browser, "accepter", late, first, second)
        assert page.h1 == "Accepter 3 prescriptions"
        assert all(p.state is State.ENVOYEE for p in made)
        page = confirm(page, "Accepter 3 prescriptions", message="Lundi à 9 h.")
        assert page.h1 == "2 acceptées, 1 non"
        # The oldest first, whatever the order of the ticks.
        assert [p.state for p in (first, second, late)] == [State.ACCEPTEE, State.ACCEPTEE, State.ENVOYEE]
        refused = page.soup.select_one("[aria-labelledby=refused]")
        assert refused is not None
        assert "toutes les places financées de cette offre sont prises" in refused.get_text()
        assert address(late) in refused.decode()
        assert [line[0] for line in lines(session, late)] == [None, "envoyer"]
        assert len([m for m in mails(session) if m.recipient == scene.referent.courriel]) == 2

    def test_refused_with_one_reason_and_one_message(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = [make_prescription(session, scene) for _ in range(2)]
        browser = sign_in(scene.partner)
        page = choose(browser, "refuser", *made)
        page = confirm(page, "Refuser 2 prescriptions", status=422)
        assert page.errors == {
            "motif_refus": "Choisissez la raison du refus.",
            "message": "Écrivez un mot aux référents : ils chercheront une autre solution.",
        }
        page = confirm(
            page, "Refuser 2 prescriptions", motif_refus="session-complete", message="Redemandez en mai."
        )
        assert page.h1 == "2 refusées"
        assert {p.motif_refus for p in made} == {RefusalReason.COMPLET}
        for p in made:
            assert "Redemandez en mai." in sign_in(scene.referent).get(address(p)).text

    def test_each_person_is_written_to_as_by_one_refusal(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        ada, bob, eve = (
            make_beneficiary(
                session, scene.referent, prenom=name, courriel=f"{name}@exemple.example.org".lower()
            )
            for name in ("Ada", "Bob", "Eve")
        )
        made = {one.prenom: make_prescription(session, scene, State.ENVOYEE, one) for one in (ada, bob, eve)}
        for one in (ada, bob):
            one.courriel_accord = made[one.prenom].ecrire_personne = True
        session.commit()
        browser = sign_in(scene.partner)
        page = choose(browser, "refuser", *made.values())
        form = page.form("/plusieurs")
        words = {name: f"p-{p.id}-message_personne" for name, p in made.items()}
        put_forward = wording.to_person(Act.REFUSER, scene.offer.nom)
        assert [form.values[field] for field in words.values()] == [put_forward] * 3
        for one, (name, field) in zip((ada, bob, eve), words.items(), strict=True):
            (label,) = page.soup.select(f'label[for="{field}"]')
            assert f"Message à {one.full_name}" in label.get_text()
            hint = page.soup.select_one(f'[id="{field}-hint"]')
            assert hint is not None
            assert ("par courriel, ou" in hint.get_text()) is (name != "Eve")
        typed: dict[str, Any] = {words["Bob"]: "Bonjour Bob, pas cette fois."}
        page = confirm(
            page, "Refuser 3 prescriptions", motif_refus="autre", message="Pour les référents.", **typed
        )
        assert page.h1 == "3 refusées"
        letters = {
            m.recipient: m.body for m in mails(session) if m.subject == "Votre demande d’accompagnement"
        }
        assert letters.keys() == {ada.courriel, bob.courriel}
        assert put_forward in letters[ada.courriel or ""]
        assert "Bonjour Bob, pas cette fois." in letters[bob.courriel or ""]
        for body in letters.values():
            assert "Pour les référents." not in body
        told = session.exec(
            select(Transition.message_personne).where(
                col(Transition.prescription_id) == made["Eve"].id, col(Transition.act) == Act.REFUSER
            )
        ).one()
        assert told == put_forward

    def test_the_words_to_the_person_stay_when_something_is_missing(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        page = choose(sign_in(scene.partner), "refuser", made)
        field = f"p-{made.id}-message_personne"
        typed: dict[str, Any] = {field: "a" * 2001}
        page = confirm(
            page, "Refuser 1 prescription", status=422, motif_refus="autre", message="Non.", **typed
        )
        assert page.errors == {field: "Raccourcissez de 1 caractère : 2000 au plus."}
        assert page.soup.select_one("details[open]") is not None
        assert page.form("/plusieurs").values[field] == "a" * 2001
        assert made.state is State.ENVOYEE

    def test_accepting_writes_to_the_person_too_and_studying_does_not(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        field = f"p-{made.id}-message_personne"
        assert field not in choose(browser, "etudier", made).form("/plusieurs").names()
        page = choose(browser, "accepter", made)
        assert page.form("/plusieurs").values[field] == wording.to_person(Act.ACCEPTER, scene.offer.nom)

    def test_studied_and_the_second_time_nothing_changes(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = [make_prescription(session, scene) for _ in range(2)]
        browser = sign_in(scene.partner)
        asked = choose(browser, "etudier", *made, etat="envoyee")
        page = confirm(asked, "Mettre à l’étude 2 prescriptions")
        assert page.h1 == "2 mises à l’étude"
        back = page.soup.select_one("main .actions a")
        assert back is not None
        assert back["href"] == "/prescriptions?etat=envoyee"
        before = everything(session)
        page = confirm(asked, "Mettre à l’étude 2 prescriptions")
        assert page.h1 == "2 non"
        assert page.text.count("maintenant à l’état « à l’étude »") == 2
        assert everything(session) == before

    def test_given_to_a_colleague(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        stranger, _ = make_partner(session)
        made = [make_prescription(session, scene) for _ in range(2)]
        browser = sign_in(scene.partner)
        page = choose(browser, "suivre", *made)
        names = [o.get_text() for o in page.soup.select("select[name=suivi_par] option")]
        assert names[0] == "Personne en particulier"
        assert set(names[1:]) == {colleague.full_name, scene.partner.full_name}
        bad = {"acte": "suivre", "confirme": "1", "suivi_par": str(stranger.id)}
        browser.post(ALL, bad | {"prescription": [str(p.id) for p in made]}, status=422)
        page = confirm(page, "Enregistrer", suivi_par=str(colleague.id))
        assert page.h1 == "2 confiées"
        assert {p.suivi_par_id for p in made} == {colleague.id}

    def test_what_a_colleague_just_did_is_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=None)
        colleague, _ = make_partner(session, scene.structure)
        one, two = (make_prescription(session, scene) for _ in range(2))
        page = choose(sign_in(scene.partner), "accepter", one, two)
        answers.refuse(session, one, by=colleague, reason=RefusalReason.AUTRE, message="Non.")
        session.commit()
        page = confirm(page, "Accepter 2 prescriptions")
        assert page.h1 == "1 acceptée, 1 non"
        assert f"à l’état « refusée », par {colleague.full_name}" in page.text
        assert (one.state, two.state) == (State.REFUSEE, State.ACCEPTEE)


class TestBadInput:
    def test_nothing_ticked(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        make_prescription(session, scene)
        page = sign_in(scene.partner).post(ALL, {"acte": "accepter", "etat": "envoyee"})
        assert page.path == "/prescriptions"
        assert "Cochez au moins une prescription" in page.text

    @pytest.mark.parametrize(
        "data",
        [
            {"acte": "expirer"},
            {"acte": "annuler"},
            {"acte": "rien"},
            {},
            {"acte": "accepter", "prescription": "x"},
            {"acte": "accepter", "etat": "perdue"},
        ],
    )
    def test_what_does_not_exist(self, session: Session, sign_in: SignIn, data: dict[str, str]) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        assert Knocker(sign_in(scene.partner)).post(ALL, **({"prescription": str(made.id)} | data)) == 404
        assert made.state is State.ENVOYEE

    def test_those_of_others_are_left_alone(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        theirs, mine = make_prescription(session, other), make_prescription(session, scene)
        browser = sign_in(scene.partner)
        ids = [str(theirs.id), str(mine.id), str(uuid.uuid4())]
        page = browser.post(ALL, {"acte": "etudier", "prescription": ids, "confirme": "1"})
        assert page.h1 == "1 mise à l’étude"
        assert (theirs.state, mine.state) == (State.ENVOYEE, State.A_L_ETUDE)
        page = browser.post(ALL, {"acte": "etudier", "prescription": str(theirs.id), "confirme": "1"})
        assert "Cochez au moins une prescription" in page.text

    def test_a_message_of_100_000_characters(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        page = sign_in(scene.partner).post(
            ALL,
            {"acte": "accepter", "prescription": str(made.id), "confirme": "1", "message": "a" * 100_000},
            status=422,
        )
        assert page.errors == {"message": "Raccourcissez de 98000 caractères : 2000 au plus."}
        assert page.form("/plusieurs").values["message"] == "a" * 100_000
        assert made.state is State.ENVOYEE

    def test_only_partners(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        for user in (scene.referent, make_user(session, Role.CONVENTIONNEMENT)):
            assert Knocker(sign_in(user)).post(ALL, acte="accepter") == 403
        assert Knocker(sign_in(scene.partner)).get(ALL) == 405
