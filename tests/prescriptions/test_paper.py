"""An answer on paper, written down by the référent with the sheet that says it."""

from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import queries as convention_queries
from portal.prescriptions import answers
from portal.prescriptions.models import (
    ContractType,
    DocumentKind,
    ExitReason,
    Prescription,
    PrescriptionDocument,
    RefusalReason,
    Transition,
)
from portal.prescriptions.states import State
from tests import multipart
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser, Page
from tests.prescriptions.hands import SignIn, address, mails

SHEET = ("feuille.pdf", b"%PDF-1.7\nUne feuille fictive.")


def write_down(
    browser: Browser,
    prescription: Prescription,
    said: str,
    file: tuple[str, bytes] | None = SHEET,
    *,
    status: int = 303,
    **fields: Any,
) -> Page:
    response = browser.client.post(
        address(prescription, f"papier?reponse={said}"),
        data=multipart.encode({"csrf_token": browser.token(), **fields}, file),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return browser._page(response, status, follow=False)


def last(session: Session) -> Transition:
    return session.exec(select(Transition).order_by(col(Transition.at).desc())).all()[0]


def sheets(session: Session) -> list[PrescriptionDocument]:
    return list(session.exec(select(PrescriptionDocument)))


def test_the_whole_way_on_paper(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    referent = sign_in(scene.referent)
    page = referent.get(address(prescription, "papier"))
    assert page.h1 == "Noter une réponse sur papier"
    page = page.form("/papier").submit("Continuer", reponse="accepter")
    assert page.h1 == "Écrire ce que dit la feuille"
    today = clock.today().isoformat()

    write_down(referent, prescription, "accepter", message="Lundi à 9 h.")
    session.refresh(prescription)
    assert prescription.state is State.ACCEPTEE
    line = last(session)
    assert (line.sur_papier, line.by_id, line.message) == (True, scene.referent.id, "Lundi à 9 h.")
    place = convention_queries.place_of(session, prescription.id)
    assert place is not None
    assert place[0].value == "retenue"

    write_down(referent, prescription, "entrer", jour=today)
    session.refresh(prescription)
    assert (prescription.state, prescription.date_entree) == (State.ENTREE, clock.today())

    write_down(
        referent, prescription, "terminer", jour=today, motif_sortie="emploi", type_contrat="cdi", message=""
    )
    session.refresh(prescription)
    assert (prescription.state, prescription.motif_sortie, prescription.type_contrat) == (
        State.TERMINEE,
        ExitReason.EMPLOI,
        ContractType.CDI,
    )
    assert [sheet.kind for sheet in sheets(session)] == [DocumentKind.REPONSE] * 3
    # What the référent wrote down themselves is not told to them.
    assert scene.referent.courriel not in {mail.recipient for mail in mails(session)}


def test_a_refusal_has_its_reason_and_its_words(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    referent = sign_in(scene.referent)
    page = write_down(referent, prescription, "refuser", motif_refus="", message="", status=422)
    assert set(page.errors) == {"motif_refus", "message"}
    assert sheets(session) == []
    write_down(referent, prescription, "refuser", motif_refus="session-complete", message="Revenez en mars.")
    session.refresh(prescription)
    assert (prescription.state, prescription.motif_refus) == (State.REFUSEE, RefusalReason.COMPLET)


def test_somebody_who_never_came(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    today = clock.today().isoformat()
    write_down(sign_in(scene.referent), prescription, "abandonner", jour=today, motif_sortie="jamais-venue")
    session.refresh(prescription)
    assert (prescription.state, prescription.motif_sortie) == (State.ABANDONNEE, ExitReason.JAMAIS_VENUE)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (None, "Choisissez d’abord un fichier"),
        (("feuille.pdf", b""), "est vide"),
        (("feuille.png", b"%PDF-1.7"), "pas un vrai fichier PNG"),
    ],
)
def test_without_its_sheet_nothing_is_written(
    session: Session, sign_in: SignIn, file: tuple[str, bytes] | None, said: str
) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    page = write_down(sign_in(scene.referent), prescription, "accepter", file, status=422, message="Oui.")
    assert said in page.errors["fichier"]
    assert "Oui." in page.text
    session.refresh(prescription)
    assert prescription.state is State.ENVOYEE


def test_a_rule_that_refuses_keeps_no_sheet(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    page = write_down(sign_in(scene.referent), prescription, "entrer", jour="2020-01-01", status=422)
    assert "avant l’envoi" in page.errors["jour"]
    assert sheets(session) == []


def test_no_place_left_is_said_and_somebody_may_pass_first_with_a_reason(
    session: Session, sign_in: SignIn
) -> None:
    scene = make_scene(session, places=1)
    first = make_prescription(session, scene, State.ACCEPTEE)
    waiting, other = make_prescription(session, scene), make_prescription(session, scene)
    answers.put_on_waiting_list(session, waiting, by=scene.partner)
    referent = sign_in(scene.referent)
    page = write_down(referent, other, "accepter", status=422)
    assert page.errors == {} or "passer_avant" not in page.errors
    assert sheets(session) == []
    answers.give_up(session, first, by=scene.partner, day=clock.today(), reason=ExitReason.JAMAIS_VENUE)
    session.commit()
    page = write_down(referent, other, "accepter", status=422)
    assert "Pourquoi passer avant" in page.text
    write_down(referent, other, "accepter", passer_avant="La structure le demande.")
    session.refresh(other)
    assert other.state is State.ACCEPTEE


def test_what_is_over_is_not_answered_again(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.REFUSEE)
    page = sign_in(scene.referent).get(address(prescription, "papier"))
    assert page.path == address(prescription)
    assert "plus de réponse à noter" in page.text


def test_a_page_left_open_asks_again_what_the_sheet_says(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    page = write_down(sign_in(scene.referent), prescription, "accepter", status=422)
    assert page.h1 == "Noter une réponse sur papier"
    session.refresh(prescription)
    assert prescription.state is State.ACCEPTEE
    assert sheets(session) == []


def test_it_is_the_referents_own(session: Session, sign_in: SignIn) -> None:
    scene, other = make_scene(session), make_scene(session)
    prescription = make_prescription(session, scene, beneficiary=make_beneficiary(session, scene.referent))
    draft = make_prescription(session, scene, State.BROUILLON)

    def status(user: User, one: Prescription) -> int:
        return sign_in(user).client.get(address(one, "papier")).status_code

    assert status(scene.partner, prescription) == 403
    assert status(other.referent, prescription) == 404
    assert status(scene.referent, draft) == 404
