"""The database itself refuses what cannot be, whoever writes it, on both engines."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from portal import clock
from portal.conventions.models import Waiting
from portal.prescriptions.models import Prescription, RefusalReason, Transition
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene


def write(session: Session, prescription: Prescription, **values: Any) -> None:
    """Change the row behind the rules' back."""
    session.flush()
    with session.begin_nested():
        session.execute(update(Prescription).where(col(Prescription.id) == prescription.id).values(**values))


YESTERDAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("state", "values", "constraint"),
    [
        (State.ENVOYEE, {"state": State.REFUSEE}, "refusal_has_reason"),
        (State.REFUSEE, {"motif_refus": None}, "refusal_has_reason"),
        (State.ENVOYEE, {"motif_refus": RefusalReason.COMPLET}, "refusal_has_reason"),
        (State.BROUILLON, {"state": State.ENVOYEE}, "sent_with_consent"),
        (State.ENVOYEE, {"consentement_at": None}, "sent_with_consent"),
        (State.A_L_ETUDE, {"sent_at": None}, "sent_with_consent"),
        (State.BROUILLON, {"state": State.EXPIREE}, "sent_with_consent"),
        (State.ACCEPTEE, {"state": State.ENTREE}, "entry_has_date"),
        (State.ENTREE, {"date_entree": None}, "entry_has_date"),
        (State.TERMINEE, {"date_sortie": None}, "end_has_date"),
        (State.ENTREE, {"state": State.TERMINEE}, "end_has_date"),
    ],
)
def test_impossible_rows_are_refused(
    session: Session, state: State, values: dict[str, Any], constraint: str
) -> None:
    prescription = make_prescription(session, make_scene(session), state)
    with pytest.raises(IntegrityError, match=constraint):
        write(session, prescription, **values)


def test_an_exit_before_the_entry_is_refused(session: Session) -> None:
    prescription = make_prescription(session, make_scene(session), State.TERMINEE)
    with pytest.raises(IntegrityError, match="end_after_entry"):
        write(session, prescription, date_sortie=clock.today() - YESTERDAY)


@pytest.mark.parametrize("column", ["state", "motif_refus"])
def test_a_word_that_is_not_in_the_table_is_refused(session: Session, column: str) -> None:
    prescription = make_prescription(session, make_scene(session), State.REFUSEE)
    session.flush()
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(f"UPDATE prescription SET {column} = 'perdue' WHERE id = :id").bindparams(
                id=prescription.id.hex if session.get_bind().dialect.name == "sqlite" else prescription.id
            )
        )


def test_one_open_prescription_of_a_person_on_an_offer(session: Session) -> None:
    scene = make_scene(session)
    person = make_beneficiary(session, scene.referent)
    waiting_to_leave = make_prescription(session, scene, State.BROUILLON, person)
    make_prescription(session, scene, State.ACCEPTEE, person)
    now = clock.now()
    with pytest.raises(IntegrityError):
        write(session, waiting_to_leave, state=State.ENVOYEE, consentement_at=now, sent_at=now)
    # The same change passes for somebody else, so it is the twin that was refused.
    other = make_prescription(session, scene, State.BROUILLON)
    write(session, other, state=State.ENVOYEE, consentement_at=now, sent_at=now)


def test_as_many_ended_ones_as_it_took(session: Session) -> None:
    scene = make_scene(session)
    person = make_beneficiary(session, scene.referent)
    for state in (State.REFUSEE, State.ABANDONNEE, State.TERMINEE, State.EXPIREE, State.ENVOYEE):
        assert make_prescription(session, scene, state, person).state is state


def test_one_draft_by_form(session: Session) -> None:
    scene = make_scene(session)
    first, second = (make_prescription(session, scene, State.BROUILLON) for _ in range(2))
    with pytest.raises(IntegrityError):
        write(session, second, form_key=first.form_key)


def test_one_rank_at_most_on_a_waiting_list(session: Session) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.A_L_ETUDE)
    session.add(Waiting(offer_id=scene.offer.id, prescription_id=prescription.id, left_at=clock.now()))
    session.add(Waiting(offer_id=scene.offer.id, prescription_id=prescription.id))
    session.flush()
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(Waiting(offer_id=scene.offer.id, prescription_id=prescription.id))


@pytest.mark.parametrize("column", ["beneficiary_id", "offer_id", "structure_id", "referent_id"])
def test_who_and_what_must_exist(session: Session, column: str) -> None:
    prescription = make_prescription(session, make_scene(session))
    with pytest.raises(IntegrityError):
        write(session, prescription, **{column: uuid.uuid4()})


def test_a_line_of_history_belongs_to_a_prescription(session: Session) -> None:
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(Transition(prescription_id=uuid.uuid4(), to_state=State.BROUILLON))


def test_what_was_shared_comes_back_as_it_was_written(session: Session) -> None:
    prescription = make_prescription(session, make_scene(session))
    shared = [{"piece": "identite", "label": "Prénom et nom", "value": "Éloïse d’Œuvre « démo »"}]
    write(session, prescription, donnees_partagees=shared)
    session.expire_all()
    assert session.get_one(Prescription, prescription.id).donnees_partagees == shared
