"""Nothing typed is lost and nothing is done twice: forms pressed again, refused, or sent once the session has ended."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts import rules as account_rules
from portal.offers import rules as offer_rules
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser
from tests.prescriptions.hands import (
    SignIn,
    address,
    badge,
    kept,
    mails,
    new_address,
    prescriptions,
    reasoned,
)
from tests.prescriptions.ledger import everything, movements


class TestPressedTwice:
    def test_continue(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        first = form.submit("Continuer", motif="Le permis.")
        second = form.submit("Continuer", motif="Le permis.")
        assert first.path == second.path
        assert len(prescriptions(session)) == 1

    def test_save_the_draft(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        for _ in range(2):
            page = form.submit("Enregistrer le brouillon", motif="Le permis.")
            assert badge(page) == "Brouillon"
            assert "rien n’est encore envoyé" in page.text
        assert len(prescriptions(session)) == 1

    def test_send(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "envoi")).form("/envoi")
        form.submit("Envoyer la prescription", consentement="y")
        before, told = everything(session), len(mails(session))
        page = form.submit("Envoyer la prescription", consentement="y")
        assert page.path == address(draft)
        assert "Vous avez envoyé cette prescription" in page.text
        assert everything(session) == before
        assert len(mails(session)) == told > 0

    def test_continue_once_more_after_it_was_sent(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        form.submit("Continuer", motif="Le permis.").form("/envoi").submit(
            "Envoyer la prescription", consentement="y"
        )
        page = form.submit("Continuer", motif="Le permis.")
        assert "Vous avez envoyé cette prescription" in page.text
        assert len(prescriptions(session)) == 1

    def test_accept(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        form.submit("Accepter la prescription")
        before = everything(session)
        page = form.submit("Accepter la prescription")
        assert f"est maintenant à l’état « acceptée », par {scene.partner.full_name}" in page.text
        assert everything(session) == before
        assert movements(session, prescription) == ["retenue"]

    def test_two_members_answer_differently(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        colleague, _ = make_partner(session, scene.structure)
        first = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        second = reasoned(sign_in(colleague).get(address(prescription, "refuser")), "autre").form("/refuser")
        first.submit("Accepter la prescription")
        page = second.submit("Refuser la prescription", message="Non.", status=409)
        assert "« acceptée »" in page.text
        assert "rien n’a été changé" in page.text


class TestWhatWasTypedStays:
    def test_prescribing(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        form = sign_in(scene.referent).get(new_address(scene, person)).form("/nouvelle")
        page = form.submit("Continuer", motif=" ", partage=["freins", "numero_allocataire"], status=422)
        assert list(page.errors) == ["motif"]
        kept = page.form("/nouvelle").values
        assert kept["partage"] == ["numero_allocataire", "freins"]
        assert kept["cle"] == form.values["cle"]
        page = page.form("/nouvelle").submit("Continuer", motif="x" * 2003, status=422)
        assert page.errors == {"motif": "Raccourcissez de 3 caractères : 2000 au plus."}
        assert page.form("/nouvelle").values["motif"] == "x" * 2003
        assert prescriptions(session) == []

    def test_an_unknown_piece_is_named(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser = sign_in(scene.referent)
        data = {"cle": str(uuid.uuid4()), "motif": "Le permis.", "partage": ["groupe-sanguin"]}
        page = browser.post(new_address(scene, person), data, status=422)
        assert "« groupe-sanguin » n’est pas dans la liste" in page.text
        assert page.form("/nouvelle").values["motif"] == "Le permis."

    def test_a_key_that_is_not_one_is_a_broken_form(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser = sign_in(scene.referent)
        browser.post(new_address(scene, person), {"cle": "1", "motif": "Le permis."}, status=400)

    def test_a_twin_is_told_with_the_form_kept(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, State.ENVOYEE, person)
        form = sign_in(scene.referent).get(new_address(scene, person)).form("/nouvelle")
        page = form.submit("Continuer", motif="Encore une fois.", status=422)
        assert "a déjà une prescription en cours" in page.text
        assert page.form("/nouvelle").values["motif"] == "Encore une fois."

    def test_an_offer_that_only_people_ask_for_themselves(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        scene.offer.mobilisable_par = ["usagers"]
        form = (
            sign_in(scene.referent)
            .get(new_address(scene, make_beneficiary(session, scene.referent)))
            .form("/nouvelle")
        )
        page = form.submit("Continuer", motif="Le permis.", status=422)
        assert "ne se prescrit pas" in page.text

    def test_an_offer_withdrawn_between_the_draft_and_the_sending(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "envoi")).form("/envoi")
        offer_rules.withdraw_offer(session, scene.offer, by=scene.partner)
        session.commit()
        page = form.submit("Envoyer la prescription", consentement="y", status=422)
        assert "Cette offre n’est plus proposée" in page.text
        assert page.form("/envoi").values["consentement"] == "y"
        assert draft.state is State.BROUILLON

    @pytest.mark.parametrize(
        ("state", "act", "button"),
        [
            (State.ACCEPTEE, "entrer", "Déclarer l’entrée"),
            (State.ENTREE, "terminer", "Déclarer la fin"),
            (State.ENTREE, "abandonner", "Déclarer l’abandon"),
        ],
    )
    def test_a_day_that_cannot_be(
        self, session: Session, sign_in: SignIn, state: State, act: str, button: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        page = sign_in(scene.partner).get(address(prescription, act))
        outcome: dict[str, Any] = {} if act == "entrer" else {"motif_sortie": "autre"}
        before = everything(session)
        for day in (clock.today() + timedelta(days=1), clock.today() - timedelta(days=1)):
            page = page.form(f"/{act}").submit(
                button, jour=day.isoformat(), message="Voilà.", status=422, **outcome
            )
            assert list(page.errors) == ["jour"]
            kept = page.form(f"/{act}").values
            assert (kept["jour"], kept["message"]) == (day.isoformat(), "Voilà.")
        page = page.form(f"/{act}").submit(button, jour="demain", status=422)
        assert list(page.errors) == ["jour"]
        assert everything(session) == before

    @pytest.mark.parametrize("act", ["accepter", "refuser"])
    def test_a_message_too_long(self, session: Session, sign_in: SignIn, act: str) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, act))
        if act == "refuser":
            page = reasoned(page, "autre")
        page = page.form(f"/{act}").submit(message="a" * 2001, status=422)
        assert page.errors["message"] == "Raccourcissez de 1 caractère : 2000 au plus."
        assert page.form(f"/{act}").values["message"] == "a" * 2001

    def test_a_draft_changed_is_what_leaves(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        referent = sign_in(scene.referent)
        form = referent.get(address(draft)).click("Modifier").form("/modifier")
        assert form.values["motif"] == draft.motif
        assert form.values["partage"] == ["contact", "commune"]
        page = form.submit("Continuer", motif="", status=422)
        assert list(page.errors) == ["motif"]
        page = form.submit("Continuer", motif="Mieux dit.", partage=[])
        assert "Mieux dit." in page.text
        page.form("/envoi").submit("Envoyer la prescription", consentement="y")
        assert draft.donnees_partagees is not None
        assert [entry["piece"] for entry in draft.donnees_partagees] == ["identite"]
        page = referent.get(address(draft, "modifier"))
        assert "Vous avez envoyé cette prescription" in page.text
        assert draft.motif == "Mieux dit."


class TestSessionEndedWhileWriting:
    def test_what_was_typed_is_given_back_after_signing_in(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        link = account_rules.open_password_link(
            session, account_rules.make_password_link(session, scene.referent)
        )
        assert link is not None
        account_rules.set_password(session, link, "quatre mots bien choisis")
        browser = sign_in(scene.referent)
        form = browser.get(new_address(scene, person)).form("/nouvelle")

        browser.client.delete_cookie("portail")
        typed = "Une embauche « à Redon »,\nà condition d’avoir le permis."
        page = form.submit("Enregistrer le brouillon", motif=typed, partage=["commune", "freins"], status=401)
        assert page.h1 == "Se connecter"
        assert "ce que vous avez écrit est gardé" in page.text
        assert prescriptions(session) == []

        page = page.form("/connexion").submit(
            courriel=scene.referent.courriel, mot_de_passe="un autre que le mien", status=422
        )
        page = page.form("/connexion").submit(
            courriel=scene.referent.courriel, mot_de_passe="quatre mots bien choisis"
        )
        assert page.h1 == "Rien n’est perdu"
        page = page.form("/nouvelle").submit("Reprendre et envoyer", partage=kept(page, "partage"))
        assert badge(page) == "Brouillon"
        (draft,) = prescriptions(session)
        assert draft.motif == typed
        assert draft.partage == ["commune", "freins", "identite"]
        assert draft.beneficiary_id == person.id

    def test_nothing_is_given_back_to_a_form_of_another_site(
        self, session: Session, browser: Browser
    ) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        session.commit()
        response = browser.client.post(
            new_address(scene, person), data={"motif": "glissé"}, headers={"Origin": "https://autre.example"}
        )
        assert response.status_code == 401
        assert "glissé" not in response.text
