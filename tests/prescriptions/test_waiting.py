"""What waits: for a place, in turn; for an answer, until it is too late."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, col, func, select

from portal import clock
from portal.conventions import queries as convention_queries
from portal.conventions.models import PlaceMode
from portal.errors import NoPlaceLeft, RuleBroken
from portal.prescriptions import answers, due, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act, State
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.ledger import everything, last, lines, movements, waits
from tests.prescriptions.verbs import places


class TestWaitingList:
    def test_not_while_a_place_is_free(self, session: Session) -> None:
        scene = make_scene(session, places=1)
        prescription = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken, match="reste une place"):
            answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_not_where_places_are_not_counted(self, session: Session) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken, match="pas de places comptées"):
            answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_not_twice(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
        before = everything(session)
        with pytest.raises(RuleBroken, match="déjà en liste d’attente"):
            answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_full_then_waiting_then_a_place_is_freed_for_the_first_in_line(self, session: Session) -> None:
        scene = make_scene(session, places=1, mode=PlaceMode.FILE_ACTIVE)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        first, second, third = (make_prescription(session, scene) for _ in range(3))
        assert answers.put_on_waiting_list(session, first, by=scene.partner, message="Bientôt.") == 1
        assert answers.put_on_waiting_list(session, second, by=scene.partner) == 2
        assert first.state is State.A_L_ETUDE
        assert lines(session, first)[-1] == ("mettre-en-attente", "envoyee", "a_l_etude")
        assert last(session, first).message == "Bientôt."
        assert places(session, scene) == (1, 0, 2)
        for person in (first, second, third):
            with pytest.raises(NoPlaceLeft):
                answers.accept(session, person, by=scene.partner)

        rules.cancel(session, taken, by=scene.referent)
        assert places(session, scene) == (1, 1, 2)
        # The place is the first one's: neither who waits behind nor who has just arrived may take it.
        for late in (second, third):
            with pytest.raises(NoPlaceLeft, match="depuis plus longtemps"):
                answers.accept(session, late, by=scene.partner)
        answers.accept(session, first, by=scene.partner)
        assert movements(session, first) == ["retenue"]
        assert not waits(session, first)
        assert convention_queries.waiting_rank(session, second.id) == 1
        with pytest.raises(NoPlaceLeft, match="Plus de place"):
            answers.accept(session, second, by=scene.partner)

        answers.enter(session, first, by=scene.partner, day=clock.today())
        answers.finish(session, first, by=scene.partner, day=clock.today())
        answers.accept(session, second, by=scene.partner)
        assert movements(session, second) == ["retenue"]
        assert places(session, scene) == (1, 0, 0)

    def test_a_place_used_up_frees_nothing(self, session: Session) -> None:
        scene = make_scene(session, places=1, mode=PlaceMode.ENTREE)
        taken = make_prescription(session, scene, State.ENTREE)
        waiting = make_prescription(session, scene)
        answers.put_on_waiting_list(session, waiting, by=scene.partner)
        answers.finish(session, taken, by=scene.partner, day=clock.today())
        with pytest.raises(NoPlaceLeft):
            answers.accept(session, waiting, by=scene.partner)

    def test_a_new_convention_lets_the_line_in_order(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        line = [make_prescription(session, scene) for _ in range(3)]
        assert [answers.put_on_waiting_list(session, p, by=scene.partner) for p in line] == [1, 2, 3]
        assert scene.action is not None
        scene.action.places_financees = 2
        session.flush()
        with pytest.raises(NoPlaceLeft):
            answers.accept(session, line[2], by=scene.partner)
        # Two places for two who wait: the second one has its own, whoever is answered first.
        answers.accept(session, line[1], by=scene.partner)
        answers.accept(session, line[0], by=scene.partner)
        assert places(session, scene) == (2, 0, 1)


class TestExpiry:
    def test_after_forty_five_days_without_answer_and_sixty_under_study(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session, places=10)
        sent, studied = (make_prescription(session, scene, s) for s in (State.ENVOYEE, State.A_L_ETUDE))
        others = [
            make_prescription(session, scene, state)
            for state in State
            if state not in {State.ENVOYEE, State.A_L_ETUDE}
        ]
        kept = {p.id: p.state for p in others}

        move_clock(2025, 2, 15, 10)
        assert due.expire_unanswered(session) == []
        now = move_clock(2025, 2, 15, 10, 0, 1)
        assert [p.id for p in due.expire_unanswered(session)] == [sent.id]
        assert (sent.state, sent.updated_at) == (State.EXPIREE, now)
        line = last(session, sent)
        assert (line.act, line.from_state, line.by_id) == (Act.EXPIRER, State.ENVOYEE, None)
        assert line.message == "Sans réponse depuis 45 jours."
        assert studied.state is State.A_L_ETUDE

        move_clock(2025, 3, 2, 10, 0, 1)
        assert [p.id for p in due.expire_unanswered(session)] == [studied.id]
        assert last(session, studied).message == "Sans réponse depuis 60 jours."
        assert {p.id: p.state for p in others} == kept

    def test_run_twice_changes_nothing(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        make_prescription(session, scene)
        move_clock(2025, 6, 1, 10)
        assert len(due.expire_unanswered(session)) == 1
        before = everything(session)
        assert due.expire_unanswered(session) == []
        assert everything(session) == before

    def test_who_waits_for_a_place_is_spared(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session, places=0)
        waiting = make_prescription(session, scene)
        answers.put_on_waiting_list(session, waiting, by=scene.partner)
        move_clock(2025, 6, 1, 10)
        assert due.expire_unanswered(session) == []
        assert waiting.state is State.A_L_ETUDE

    def test_looking_at_it_starts_the_time_again(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        move_clock(2025, 1, 29, 10)
        answers.study(session, prescription, by=scene.partner)
        move_clock(2025, 3, 29, 10)
        assert due.expire_unanswered(session) == []
        move_clock(2025, 3, 31, 10)
        assert len(due.expire_unanswered(session)) == 1

    def test_all_that_is_due_goes_together(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        sent = {make_prescription(session, scene).id for _ in range(3)}
        move_clock(2025, 6, 1, 10)
        assert {p.id for p in due.expire_unanswered(session)} == sent
        left = session.exec(select(func.count()).where(col(Prescription.state) == State.ENVOYEE)).one()
        assert left == 0
