"""Accept and refuse by the pages: a meeting, a session and its seats, reasons and words for each reader."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.conventions.models import PlaceMovement
from portal.prescriptions import answers, wording
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, State
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.answered import ACCEPT, AGREE, labels, make_session
from tests.prescriptions.hands import SignIn, address, badge, reasoned
from tests.prescriptions.ledger import everything, last, movements, waits


class TestAccepting:
    def test_with_a_meeting_and_words_for_each(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, "accepter"))
        form = page.form("/accepter")
        assert form.values["message_personne"] == wording.to_person(Act.ACCEPTER, prescription.offre_nom)
        assert {"passer_avant", "sans_place", "session_id"}.isdisjoint(form.names())
        day = clock.today() + timedelta(days=5)
        page = form.submit(
            ACCEPT,
            rendez_vous=day.isoformat(),
            heure="9h30",
            lieu="3 rue de l’Exemple",
            message="Qu’elle apporte son CV.",
            message_personne="À bientôt.",
        )
        assert badge(page) == "Acceptée"
        assert prescription.rendez_vous_at == datetime(
            day.year, day.month, day.day, 9, 30, tzinfo=clock.PARIS
        )
        assert prescription.rendez_vous_lieu == "3 rue de l’Exemple"
        line = last(session, prescription)
        assert (line.message, line.message_personne) == ("Qu’elle apporte son CV.", "À bientôt.")

    @pytest.mark.parametrize(
        ("typed", "field", "sentence"),
        [
            ({"rendez_vous": "2099-03-03"}, "heure", "Écrivez aussi l’heure du rendez-vous."),
            ({"heure": "9 h"}, "rendez_vous", "Écrivez aussi le jour du rendez-vous."),
            (
                {"rendez_vous": "2099-03-03", "heure": "matin"},
                "heure",
                "Écrivez l’heure comme ceci : 9 h 30.",
            ),
            (
                {"rendez_vous": "2020-03-03", "heure": "9h"},
                "rendez_vous",
                "Ce rendez-vous est dans le passé : corrigez la date.",
            ),
        ],
    )
    def test_a_meeting_that_cannot_be(
        self, session: Session, sign_in: SignIn, typed: dict[str, Any], field: str, sentence: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        before = everything(session)
        page = form.submit(ACCEPT, message="Oui.", **typed, status=422)
        assert page.errors == {field: sentence}
        kept = page.form("/accepter").values
        assert kept["message"] == "Oui."
        assert {name: kept[name] for name in typed} == typed
        assert everything(session) == before

    def test_a_session_by_its_seats(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        full, free = make_session(session, scene), make_session(session, scene, places=4, in_days=50)
        first = make_prescription(session, scene)
        answers.accept(session, first, by=scene.partner, meeting=Meeting(session_id=full.id))
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, "accepter"))
        offered = labels(page, "session_id")
        assert offered[0] == "Sans session"
        assert offered[1].endswith(" : complète")
        assert offered[2].endswith(" : 4 places libres")
        before = everything(session)
        page = page.form("/accepter").submit(ACCEPT, session_id=str(full.id), message="Oui.", status=422)
        assert list(page.errors) == ["session_id"]
        assert "est complète" in page.errors["session_id"]
        assert everything(session) == before
        page = page.form("/accepter").submit(ACCEPT, session_id=str(free.id))
        assert badge(page) == "Acceptée"
        assert prescription.session_id == free.id

    def test_a_session_withdrawn_meanwhile(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        gone = make_session(session, scene)
        make_session(session, scene, in_days=60)
        prescription = make_prescription(session, scene)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        session.delete(gone)
        session.commit()
        page = form.submit(ACCEPT, session_id=str(gone.id), status=422)
        assert page.errors == {"session_id": "Cette session n’existe plus : choisissez-en une autre."}
        page = form.submit(ACCEPT, session_id="n’importe quoi", status=422)
        assert list(page.errors) == ["session_id"]

    def test_the_last_seat_proposed_to_two_goes_to_one(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        chosen = make_session(session, scene)
        two = [make_prescription(session, scene) for _ in range(2)]
        partner = sign_in(scene.partner)
        for prescription in two:
            page = partner.get(address(prescription, "rendez-vous"))
            page.form("/rendez-vous").submit(AGREE, session_id=str(chosen.id))
            assert prescription.session_id == chosen.id
        forms = [partner.get(address(p, "accepter")).form("/accepter") for p in two]
        assert badge(forms[0].submit(ACCEPT)) == "Acceptée"
        page = forms[1].submit(ACCEPT, status=422)
        assert list(page.errors) == ["session_id"]
        assert movements(session, two[1]) == []

    def test_before_those_who_wait_needs_a_reason(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=1)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        waiting, other = make_prescription(session, scene), make_prescription(session, scene)
        answers.put_on_waiting_list(session, waiting, by=scene.partner)
        answers.give_up(session, taken, by=scene.partner, day=clock.today())
        page = sign_in(scene.partner).get(address(other, "accepter"))
        page = page.form("/accepter").submit(ACCEPT, message="Oui.", status=409)
        assert "attend depuis plus longtemps" in page.text
        form = page.form("/accepter")
        assert form.values["message"] == "Oui."
        page = form.submit(ACCEPT, passer_avant="Elle perd son logement le 30.")
        assert badge(page) == "Acceptée"
        line = session.exec(select(PlaceMovement).where(col(PlaceMovement.prescription_id) == other.id)).one()
        assert line.motif == "Elle perd son logement le 30."
        assert waits(session, waiting)

    def test_after_the_convention_without_a_place(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=None)
        today = clock.today()
        ended = make_convention(
            session,
            scene.structure,
            date_debut=today - timedelta(days=90),
            date_fin=today - timedelta(days=1),
        )
        make_action(session, ended, [scene.offer])
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, "accepter"))
        assert "sans_place" not in page.form("/accepter").names()
        page = page.form("/accepter").submit(ACCEPT, status=409)
        assert "La convention qui finançait cette offre est finie" in page.text
        page = page.form("/accepter").submit(ACCEPT, sans_place="y")
        assert badge(page) == "Acceptée"
        assert movements(session, prescription) == []

    def test_what_was_agreed_before_is_shown_and_can_be_taken_back(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        at = datetime.combine(
            clock.today() + timedelta(days=3), datetime.min.time(), tzinfo=clock.PARIS
        ) + timedelta(hours=14)
        answers.agree_meeting(session, prescription, Meeting(at=at, place="Salle B"), by=scene.partner)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        assert (form.values["heure"], form.values["lieu"]) == ("14 h 00", "Salle B")
        form.submit(ACCEPT, rendez_vous="", heure="", lieu="")
        assert (prescription.rendez_vous_at, prescription.rendez_vous_lieu) == (None, None)

    def test_a_past_meeting_does_not_stand_in_the_way(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        at = clock.now() + timedelta(days=2)
        answers.agree_meeting(session, prescription, Meeting(at=at), by=scene.partner)
        later = clock.now() + timedelta(days=9)
        move_clock(later.year, later.month, later.day, 10)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        assert form.values["rendez_vous"] == ""
        assert badge(form.submit(ACCEPT)) == "Acceptée"
        assert prescription.rendez_vous_at == at


class TestRefusing:
    def test_the_reason_then_its_words(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, "refuser"))
        assert page.form("/refuser").names() == {"csrf_token", "motif_refus", "etape"}
        page = page.form("/refuser").submit("Continuer", status=422)
        assert page.errors == {"motif_refus": "Choisissez la raison du refus."}
        before = everything(session)
        page = reasoned(page, "session-complete")
        assert everything(session) == before
        values = page.form("/refuser").values
        assert values["message"] == wording.to_referent(RefusalReason.COMPLET)
        assert "Plus de place" in page.text

        # Another reason: words put forward follow it, those written by hand stay.
        page = page.form("/refuser").submit("Changer la raison", message_personne="Courage.")
        assert page.form("/refuser").values["motif_refus"] == "session-complete"
        page = reasoned(page, "beneficiaire-en-emploi")
        values = page.form("/refuser").values
        assert values["message"] == wording.to_referent(RefusalReason.EN_EMPLOI)
        assert values["message_personne"] == "Courage."
        page = page.form("/refuser").submit("Changer la raison", message="Mes mots.")
        page = reasoned(page, "autre")
        assert page.form("/refuser").values["message"] == "Mes mots."

        page = page.form("/refuser").submit("Refuser la prescription")
        assert badge(page) == "Refusée"
        assert prescription.motif_refus is RefusalReason.AUTRE
        line = last(session, prescription)
        assert (line.message, line.message_personne) == ("Mes mots.", "Courage.")

    @pytest.mark.parametrize("reason", list(RefusalReason))
    def test_the_person_never_reads_the_reason(self, reason: RefusalReason) -> None:
        told = wording.to_person(Act.REFUSER, "Atelier")
        assert reason.label not in told
        assert bool(wording.to_referent(reason)) is (reason is not RefusalReason.AUTRE)
        assert wording.to_referent(reason) not in told or reason is RefusalReason.AUTRE

    def test_words_without_a_reason_are_kept(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        for wrong in ({}, {"motif_refus": "inconnue"}):
            page = browser.post(
                address(prescription, "refuser"), {"message": "Mes mots.", **wrong}, status=422
            )
            assert list(page.errors) == ["motif_refus"]
            assert page.form("/refuser").values["message"] == "Mes mots."
        page = reasoned(page, "autre")
        assert page.form("/refuser").values["message"] == "Mes mots."
        assert prescription.state is State.ENVOYEE

    def test_the_referent_needs_a_word(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = reasoned(sign_in(scene.partner).get(address(prescription, "refuser")), "autre")
        page = page.form("/refuser").submit("Refuser la prescription", message=" ", status=422)
        assert page.errors == {"message": "Écrivez un mot au référent : il cherchera une autre solution."}
        assert page.form("/refuser").values["motif_refus"] == "autre"


class TestTwoAtOnce:
    def _pair(self, session: Session) -> tuple[Scene, Prescription]:
        scene = make_scene(session)
        return scene, make_prescription(session, scene)

    def test_the_second_is_told_what_the_first_did_and_keeps_their_words(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene, prescription = self._pair(session)
        colleague, _ = make_partner(session, scene.structure)
        second = sign_in(colleague).get(address(prescription, "accepter")).form("/accepter")
        page = sign_in(scene.partner).get(address(prescription, "refuser"))
        reasoned(page, "autre").form("/refuser").submit("Refuser la prescription", message="Non.")
        before = everything(session)
        page = second.submit(ACCEPT, message="Un long mot.", status=409)
        assert page.h1 == "Quelqu’un a répondu avant vous"
        assert f"« refusée », par {scene.partner.full_name} : rien n’a été changé" in page.text
        assert "Un long mot." in page.text
        assert everything(session) == before


@pytest.mark.parametrize(
    ("act", "state"),
    [
        ("accepter", State.ENVOYEE),
        ("etudier", State.ENVOYEE),
        ("rendez-vous", State.ENVOYEE),
        ("absence", State.ACCEPTEE),
        ("entrer", State.ACCEPTEE),
        ("terminer", State.ENTREE),
    ],
)
def test_a_hundred_thousand_characters(session: Session, sign_in: SignIn, act: str, state: State) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, state)
    before = everything(session)
    form = sign_in(scene.partner).get(address(prescription, act)).form(f"/{act}")
    page = form.submit(message="a" * 100_000, status=422)
    assert page.errors["message"] == "Raccourcissez de 98000 caractères : 2000 au plus."
    assert page.form(f"/{act}").values["message"] == "a" * 100_000
    assert everything(session) == before
