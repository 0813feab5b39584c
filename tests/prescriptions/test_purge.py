"""Documents are removed at the end of their time: content gone, name kept."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from portal import clock
from portal.conventions.models import FollowUpRules
from portal.prescriptions import answers, reminders
from portal.prescriptions.models import DocumentKind, Prescription, PrescriptionDocument
from portal.prescriptions.states import Side, State
from tests.factories.prescriptions import make_prescription, make_scene

LIVE = (State.BROUILLON, State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE, State.ENTREE)
NOTHING_CAME = (State.REFUSEE, State.EXPIREE, State.ANNULEE)


def attach(
    session: Session, prescription: Prescription, kind: DocumentKind = DocumentKind.PIECE
) -> PrescriptionDocument:
    document = PrescriptionDocument(
        prescription_id=prescription.id,
        kind=kind,
        nom="cv.pdf",
        content_type="application/pdf",
        taille=9,
        contenu=b"%PDF-1.7\n",
        side=Side.REFERENT,
    )
    session.add(document)
    session.flush()
    return document


def purge(session: Session) -> int:
    purged = reminders.purge_documents(session)
    session.expire_all()
    return purged


@pytest.mark.parametrize("state", NOTHING_CAME)
def test_what_came_to_nothing_loses_its_documents_at_once(session: Session, state: State) -> None:
    document = attach(session, make_prescription(session, make_scene(session), state))
    assert purge(session) == 1
    assert (document.nom, document.taille, document.contenu) == ("cv.pdf", 9, None)
    assert document.purged_at is not None
    stored = session.execute(text("SELECT contenu FROM prescription_document")).scalar_one()
    assert stored is None, "not even an empty JSON"
    assert purge(session) == 0


@pytest.mark.parametrize("state", LIVE)
def test_what_is_under_way_keeps_them(
    session: Session, state: State, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2024, 1, 10, 10)
    document = attach(session, make_prescription(session, make_scene(session), state))
    move_clock(2026, 1, 10, 10)
    assert purge(session) == 0
    assert document.contenu == b"%PDF-1.7\n"


@pytest.mark.parametrize("state", [State.TERMINEE, State.ABANDONNEE])
def test_six_months_after_the_end(
    session: Session, state: State, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2025, 8, 31, 10)
    document = attach(session, make_prescription(session, make_scene(session), state))
    # February has no 31st: its last day stands for it.
    move_clock(2026, 2, 27, 22)
    assert purge(session) == 0
    move_clock(2026, 2, 28, 1)
    assert purge(session) == 1
    assert document.contenu is None


def test_the_end_is_the_day_the_person_left_even_told_late(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2025, 1, 10, 10)
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ENTREE)
    attach(session, prescription)
    move_clock(2025, 7, 5, 10)
    answers.finish(session, prescription, by=scene.partner, day=clock.today() - timedelta(days=170))
    assert purge(session) == 0
    move_clock(2025, 7, 20, 10)
    assert purge(session) == 1


def test_the_number_of_months_is_the_departments(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    session.add(FollowUpRules(documents_mois=2))
    move_clock(2026, 1, 10, 10)
    attach(session, make_prescription(session, make_scene(session), State.TERMINEE))
    move_clock(2026, 3, 9, 10)
    assert purge(session) == 0
    move_clock(2026, 3, 10, 10)
    assert purge(session) == 1


def test_a_scanned_refusal_is_kept_as_any_answer(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2026, 1, 10, 10)
    prescription = make_prescription(session, make_scene(session), State.REFUSEE)
    attach(session, prescription)
    answer = attach(session, prescription, DocumentKind.REPONSE)
    assert purge(session) == 1
    assert answer.contenu is not None
    move_clock(2026, 7, 10, 10)
    assert purge(session) == 1
    assert answer.contenu is None


def test_many_go_in_one_run(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "BATCH", 2)
    prescription = make_prescription(session, make_scene(session), State.REFUSEE)
    for _ in range(5):
        attach(session, prescription)
    assert purge(session) == 5
