"""The demo loads, once, on an empty database."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from portal import clock, demo
from portal.accounts.models import OutgoingMail
from portal.beneficiaries.models import Beneficiary
from portal.budget.models import BudgetEvent
from portal.budget.spending_models import Expense
from portal.conventions.engagements import (
    PartnerPayment,
)
from portal.conventions.models import Convention, PlaceChange
from portal.demo.offers import LATER_OFFERS
from portal.demo.partners import NEW_STRUCTURE
from portal.errors import RuleBroken
from portal.offers.models import Offer, OfferState, Signalement
from portal.prescriptions.models import (
    Prescription,
    Transition,
)
from portal.programme.models import Activity
from portal.structures.models import Revision, Structure
from tests.demo.reading import INVENTED_NAMES, everyone
from tests.factories.accounts import make_user

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")


class TestLoading:
    def test_it_fills_an_empty_database(self, loaded: Session) -> None:
        assert len(everyone(loaded, Structure)) == len(demo.STRUCTURES) + 1
        assert len(everyone(loaded, Offer)) == len(demo.OFFERS) + len(LATER_OFFERS)
        # Two more: a draft, and one that is over.
        assert len(everyone(loaded, Convention)) == len(demo.CONVENTIONS) + 2
        assert len(everyone(loaded, Beneficiary)) == len(INVENTED_NAMES)

    def test_it_shows_what_waits_for_the_animator(self, loaded: Session) -> None:
        offers = everyone(loaded, Offer)
        assert [o.nom for o in offers if o.state is OfferState.SUSPENDUE] == ["Café des créateurs"]
        assert any(o.reviewed_at is None and o.state is OfferState.PUBLIEE for o in offers)
        assert [s.answered_at for s in everyone(loaded, Signalement)] == [None]
        lines = everyone(loaded, Revision)
        assert max(line.at for line in lines) <= clock.now()
        assert min(line.at for line in lines) < clock.now() - timedelta(days=365)

    def test_it_refuses_where_there_are_people(self, session: Session) -> None:
        make_user(session)
        with pytest.raises(RuleBroken, match="contient déjà des personnes"):
            demo.load(session)
        assert everyone(session, Structure) == []

    def test_loading_twice_changes_nothing(self, loaded: Session) -> None:
        before = {
            table: everyone(loaded, table)
            for table in (
                Prescription,
                Transition,
                PlaceChange,
                Activity,
                PartnerPayment,
                Expense,
                BudgetEvent,
            )
        }
        with pytest.raises(RuleBroken):
            demo.load(loaded)
        assert not loaded.new
        assert {table: everyone(loaded, table) for table in before} == before

    def test_no_mail_is_waiting_to_leave(self, loaded: Session) -> None:
        assert everyone(loaded, OutgoingMail) == []

    def test_two_machines_show_the_same_demo(self, loaded: Session) -> None:
        ids = {row.id for table in (Structure, Offer, Beneficiary) for row in everyone(loaded, table)}
        assert ids == {
            *(demo.demo_id("structure", s.slug) for s in (*demo.STRUCTURES, NEW_STRUCTURE)),
            *(demo.demo_id("offre", o.slug) for o in (*demo.OFFERS, *LATER_OFFERS)),
            *(demo.demo_id("beneficiaire", f"DEMO-{n:04d}") for n in range(1, len(INVENTED_NAMES) + 1)),
        }
