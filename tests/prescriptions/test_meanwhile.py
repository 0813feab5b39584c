"""A draft sent or thrown away in another tab: who still types in the first is told, and gets their text back."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session

from portal.prescriptions import lots, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Page
from tests.prescriptions.hands import SignIn, address, badge, kept, mails, new_address, prescriptions, walk
from tests.prescriptions.ledger import everything

TYPED = "Une embauche « à Redon »,\nà condition d’avoir le permis."


def quoted(page: Page) -> list[str]:
    return [tag.get_text() for tag in page.soup.select("main blockquote")]


def send(session: Session, scene: Scene, draft: Prescription) -> None:
    rules.send(session, draft, by=scene.referent, consent=True)
    session.commit()


class TestSentMeanwhile:
    def test_what_was_typed_is_given_back_and_leaves_as_a_message(
        self, session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 9, 12)
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "modifier")).form("/modifier")
        send(session, scene, draft)
        before = everything(session)
        page = form.submit("Continuer", motif=TYPED, partage=["contact", "freins"], status=409)
        assert page.h1 == "Cette prescription est déjà partie"
        assert "Vous avez envoyé cette prescription mardi 3 mars 2026 à 10 h 12" in page.text.replace(
            "\xa0", " "
        )
        assert "la structure ne le lit pas : Freins" in page.text
        assert "la structure le lit : Commune" in page.text
        assert everything(session) == before
        assert page.click("Voir la prescription comme elle est partie").path == address(draft)
        # As it stands, or mended first.
        form = page.form("/messages")
        assert str(form.values["texte"]).replace("\r\n", "\n").strip() == TYPED
        page = form.submit("Envoyer ce texte en message")
        assert page.path == address(draft)
        assert "Votre message est envoyé." in page.text
        assert "Une embauche « à Redon »" in page.text
        assert draft.motif != TYPED

    def test_where_it_stands_now_is_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "modifier")).form("/modifier")
        send(session, scene, draft)
        walk(session, scene, draft, State.ACCEPTEE)
        session.commit()
        page = form.submit("Enregistrer le brouillon", motif=TYPED, status=409)
        assert "Elle est maintenant à l’état « acceptée »." in page.text

    def test_nothing_lost_leads_to_the_prescription(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        browser = sign_in(scene.referent)
        form = browser.get(address(draft, "modifier")).form("/modifier")
        sending = browser.get(address(draft, "envoi")).form("/envoi")
        send(session, scene, draft)
        told = len(mails(session))
        for page in (form.submit("Continuer"), sending.submit("Envoyer la prescription", consentement="y")):
            assert page.path == address(draft)
            assert "Vous avez envoyé cette prescription" in page.text
        assert len(mails(session)) == told

    def test_the_first_page_of_a_prescription(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        browser = sign_in(scene.referent)
        url = new_address(scene, make_beneficiary(session, scene.referent))
        form = browser.get(url).form("/nouvelle")
        form.submit("Enregistrer le brouillon", motif="Le permis.")
        (draft,) = prescriptions(session)
        send(session, scene, draft)
        page = form.submit("Continuer", motif=TYPED, status=409)
        assert "Vous avez envoyé cette prescription" in page.text
        assert str(page.form("/messages").values["texte"]).strip() == TYPED
        told = browser.fragment(
            url.replace("/nouvelle?", "/nouvelle/garder?"),
            "kept",
            {"cle": str(form.values["cle"]), "motif": TYPED},
        )
        assert "Non enregistré" in told.get_text()
        assert draft.motif == "Le permis."

    def test_given_to_a_colleague_since(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        draft = make_prescription(session, scene, State.BROUILLON)
        browser = sign_in(scene.referent)
        form = browser.get(address(draft, "modifier")).form("/modifier")
        sending = browser.get(address(draft, "envoi")).form("/envoi")
        send(session, scene, draft)
        rules.hand_over(session, draft, by=scene.referent, to=colleague)
        session.commit()
        page = form.submit("Continuer", motif=TYPED, status=409)
        assert f"{colleague.full_name} la suit maintenant" in page.text
        assert quoted(page) == [TYPED]
        assert page.soup.select("form[action$=messages]") == []
        assert sending.submit("Envoyer la prescription", consentement="y").path == address(draft)
        # The colleague never typed a draft of it: for them there is no such page.
        data = {"motif": TYPED}
        sign_in(colleague).post(address(draft, "envoi"), {}, status=200)
        stranger = make_user(session, organisation_id=scene.referent.organisation_id)
        sign_in(stranger).post(address(draft, "modifier"), data, status=404)
        sign_in(make_scene(session).referent).post(address(draft, "modifier"), data, status=404)


class TestThrownAwayMeanwhile:
    @pytest.mark.parametrize("page_of", ["modifier", "envoi"])
    def test_one_begins_again_with_what_was_typed(
        self, session: Session, sign_in: SignIn, page_of: str
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, page_of)).form(f"/{page_of}")
        rules.cancel(session, draft, by=scene.referent)
        session.commit()
        told = len(mails(session))
        if page_of == "modifier":
            page = form.submit("Continuer", motif=TYPED, partage=["freins"], status=409)
            assert quoted(page) == [TYPED]
        else:
            page = form.submit("Envoyer la prescription", consentement="y", status=409)
        assert page.h1 == "Ce brouillon a été retiré"
        assert "Vous avez retiré ce brouillon" in page.text
        assert len(mails(session)) == told
        page = page.form("/nouvelle").submit(
            "Recommencer un brouillon avec ce texte", partage=kept(page, "partage")
        )
        assert badge(page) == "Brouillon"
        (again,) = [one for one in prescriptions(session) if one.id != draft.id]
        assert (again.state, draft.state) == (State.BROUILLON, State.ANNULEE)
        typed = page_of == "modifier"
        assert again.motif == (TYPED if typed else draft.motif)
        assert again.partage == (["freins", "identite"] if typed else draft.partage)


class TestLot:
    @pytest.fixture
    def scene(self, session: Session) -> Scene:
        return make_scene(session)

    @pytest.fixture
    def lot_id(self, session: Session, scene: Scene) -> uuid.UUID:
        made = uuid.uuid4()
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        session.refresh(scene.offer, ["structure"])
        lots.create_lot(
            session, lot_id=made, people=people, offers=[scene.offer], by=scene.referent, partage=["contact"]
        )
        for draft in lots.of_lot(session, made, scene.referent):
            draft.motif = "Pour tous."
        session.commit()
        return made

    def test_all_left(self, session: Session, sign_in: SignIn, scene: Scene, lot_id: uuid.UUID) -> None:
        form = sign_in(scene.referent).get(f"/prescriptions/lots/{lot_id}").form("prescribe-form")
        for draft in lots.of_lot(session, lot_id, scene.referent):
            send(session, scene, draft)
        page = form.submit("Enregistrer les brouillons", motif=TYPED, status=409)
        assert page.h1 == "Prescriptions préparées ensemble"
        assert quoted(page) == [TYPED]
        assert page.text.count("Vous avez envoyé cette prescription") == 2
        assert {one.motif for one in prescriptions(session)} == {"Pour tous."}

    def test_one_left(self, session: Session, sign_in: SignIn, scene: Scene, lot_id: uuid.UUID) -> None:
        first, second = lots.of_lot(session, lot_id, scene.referent)
        browser = sign_in(scene.referent)
        form = browser.get(f"/prescriptions/lots/{lot_id}").form("prescribe-form")
        rules.cancel(session, first, by=scene.referent)
        session.commit()
        told = len(mails(session))
        typed = {f"p-{first.id}-motif": "Pour elle.", f"q-{second.beneficiary_id}-consentement": "y"}
        page = form.submit("Envoyer les 2 prescriptions", motif=TYPED, status=409, **typed)
        assert quoted(page) == ["Pour elle."]
        assert "Vous avez retiré ce brouillon" in page.text
        assert "Rien n’a été changé ni envoyé." in page.text
        assert (second.state, second.motif, len(mails(session))) == (State.BROUILLON, "Pour tous.", told)
        # The rest is as it was typed, and leaves once it is read over again.
        form = page.form("prescribe-form")
        assert str(form.values["motif"]).strip() == TYPED
        form.submit("Envoyer la prescription")
        assert (second.state, first.state) == (State.ENVOYEE, State.ANNULEE)

    def test_what_is_kept_while_typing_is_not_said_of_what_left(
        self, session: Session, sign_in: SignIn, scene: Scene, lot_id: uuid.UUID
    ) -> None:
        first, second = lots.of_lot(session, lot_id, scene.referent)
        send(session, scene, first)
        data = {"motif": TYPED, "avant": "contact", f"p-{first.id}-motif": "", f"p-{second.id}-motif": ""}
        browser = sign_in(scene.referent)
        told = browser.fragment(f"/prescriptions/lots/{lot_id}/garder", "kept", data)
        assert f"Non enregistré : « {first.offre_nom} »" in " ".join(told.get_text().split())
        session.refresh(first)
        session.refresh(second)
        assert (first.motif, second.motif) == ("Pour tous.", TYPED)
