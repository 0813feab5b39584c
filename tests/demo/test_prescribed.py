"""The prescriptions of the demo: every state, and what each side has to do."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock, demo
from portal.accounts import rules as account_rules
from portal.conventions import waiting
from portal.conventions.ledger import places_of_actions
from portal.conventions.models import Convention, FinancedAction, PlaceChange
from portal.demo.days import workday
from portal.prescriptions import attention
from portal.prescriptions.models import (
    ContractType,
    ExitReason,
    HoursDone,
    Prescription,
    PrescriptionDocument,
    Transition,
)
from portal.prescriptions.states import Act, State
from portal.programme.models import Activity, WeeklyTarget
from tests.demo.reading import everyone

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")


class TestPrescribed:
    def test_it_shows_the_states_that_people_will_meet(self, loaded: Session) -> None:
        assert {p.state for p in everyone(loaded, Prescription)} == set(State)

    def test_what_it_tells_happened_in_order_and_in_the_past(self, loaded: Session) -> None:
        now = clock.now()
        for prescription in everyone(loaded, Prescription):
            lines = loaded.exec(
                select(Transition)
                .where(col(Transition.prescription_id) == prescription.id)
                .order_by(col(Transition.at))
            ).all()
            assert all(line.at <= now for line in lines)
            assert lines[-1].to_state is prescription.state
            assert now - lines[0].at < timedelta(days=90)

    def test_places_add_up(self, loaded: Session) -> None:
        actions = everyone(loaded, FinancedAction)
        total = {}
        for action, places in zip(actions, places_of_actions(loaded, actions).values(), strict=True):
            assert 0 <= places.libres <= places.financees
            total[action.id] = places.financees
            added = sum(
                line.d_financees for line in everyone(loaded, PlaceChange) if line.action_id == action.id
            )
            assert places.financees == action.places_financees + added
        assert sum(total.values()) > sum(action.places_financees for action in actions)
        conventions = {c.id: c for c in everyone(loaded, Convention)}
        for action in actions:
            planned = total[action.id] * action.cout_unitaire_centimes
            assert planned <= conventions[action.convention_id].montant_centimes, action.intitule

    def test_somebody_waits_behind_somebody_to_whom_a_place_is_proposed(self, loaded: Session) -> None:
        offer_id = demo.demo_id("offre", "volant")
        first, second = loaded.exec(waiting.in_order(offer_id)).all()
        proposals = waiting.proposals_of(loaded, offer_id)
        assert proposals[first.id].expires_at > clock.now()
        assert second.id not in proposals

    def test_what_happens_on_the_way_is_there(self, loaded: Session) -> None:
        told = everyone(loaded, Prescription)
        lines = everyone(loaded, Transition)
        assert {line.act for line in lines} >= {Act.RELANCER, Act.ABSENCE, Act.SUIVRE}
        assert any(line.act is Act.REFUSER and line.message and line.message_personne for line in lines)
        tomorrow = workday(clock.today() + timedelta(days=1))
        assert [
            p
            for p in told
            if p.rendez_vous_at and p.rendez_vous_at.astimezone(clock.PARIS).date() == tomorrow
        ]
        job = [p for p in told if p.motif_sortie is ExitReason.EMPLOI]
        assert [p.type_contrat for p in job] == [ContractType.CDD_LONG]
        by_id = {p.id: p for p in told}
        assert [by_id[p.origine_id].state for p in told if p.origine_id] == [State.REFUSEE]
        done = everyone(loaded, HoursDone)
        assert 3 in {
            sum(line.prescription_id == p.id for line in done) for p in told if p.state is State.ENTREE
        }
        assert len({p.lot_id for p in told if p.lot_id}) == 1
        assert [document.content_type for document in everyone(loaded, PrescriptionDocument)] == [
            "application/pdf"
        ]
        assert len({target.beneficiary_id for target in everyone(loaded, WeeklyTarget) if target.raison}) == 2
        assert len({activity.beneficiary_id for activity in everyone(loaded, Activity)}) == 2

    @pytest.mark.parametrize("local", ["referent", "partenaire"])
    def test_each_side_has_a_message_to_read(self, loaded: Session, local: str) -> None:
        user = account_rules.find_user(loaded, f"{local}@demo.example.org")
        assert user is not None
        news = attention.news_among(loaded, user, [p.id for p in everyone(loaded, Prescription)])
        assert sum(of_one.messages for of_one in news.values()) >= 1
