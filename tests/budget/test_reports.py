"""Reports: asked for, prefilled, written, handed in, given back, accepted; frozen while they are handed in."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import life, report_due, report_schedule, report_writing, reports
from portal.conventions.engagements import ReportKind, ReportState
from portal.conventions.models import Convention
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.budget.report_hands import WRITTEN, MoveClock, asked, of, scene_of_2030
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.prescriptions import Scene
from tests.factories.structures import make_partner
from tests.statements import count_statements


@pytest.fixture
def scene(session: Session, move_clock: MoveClock) -> Scene:
    return scene_of_2030(session, move_clock)


# --- The schedule ---


def slots(first: date, last: date, months: int, grace: int = 60) -> list[tuple[str, date, date, date]]:
    convention = Convention(
        numero="X",
        intitule="X",
        structure_id=uuid.uuid4(),
        date_debut=first,
        date_fin=last,
        montant_centimes=0,
        grace_jours=grace,
    )
    return [
        (one.kind.value, one.debut, one.fin, one.du_le)
        for one in report_schedule.proposed(convention, months)
    ]


def test_what_the_period_calls_for() -> None:
    year = (date(2030, 1, 1), date(2030, 12, 31))
    assert slots(*year, 12) == [("final", *year, date(2031, 3, 1))]
    assert slots(*year, 6) == [
        ("activite", date(2030, 1, 1), date(2030, 6, 30), date(2030, 8, 29)),
        ("final", *year, date(2031, 3, 1)),
    ]
    assert [slot[:3] for slot in slots(date(2029, 9, 15), date(2031, 8, 31), 12)] == [
        ("activite", date(2029, 9, 15), date(2029, 12, 31)),
        ("activite", date(2030, 1, 1), date(2030, 12, 31)),
        ("final", date(2029, 9, 15), date(2031, 8, 31)),
    ]
    assert slots(date(2030, 1, 1), date(2031, 1, 10), 12, grace=10)[0][3] == date(2031, 1, 20)
    # Nobody is asked for anything once the grace is over.
    assert slots(*year, 12, grace=10)[0][3] == date(2031, 1, 10)


def test_a_schedule_is_asked_for_once(session: Session, scene: Scene, officer: User) -> None:
    convention = of(session, scene)
    assert report_schedule.schedule(session, convention, 6, by=officer) == 2
    assert report_schedule.schedule(session, convention, 6, by=officer) == 0
    assert report_schedule.schedule(session, convention, 12, by=officer) == 0
    with pytest.raises(NotAllowed):
        report_schedule.schedule(session, convention, 12, by=scene.partner)


def test_without_any_grace_no_final_report_is_asked_for(
    session: Session, scene: Scene, officer: User
) -> None:
    convention = of(session, scene)
    convention.grace_jours = 0
    with pytest.raises(RuleBroken, match="Sans délai de grâce"):
        report_schedule.schedule(session, convention, 12, by=officer)
    assert reports.of_convention(session, convention.id) == []


def test_reports_of_a_closed_convention_wait_for_nobody(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    move_clock(2031, 1, 10, 10)
    report_writing.hand_in(session, convention, report.id, WRITTEN, {}, by=scene.partner)
    assert reports.number_to_read(session) == 1
    life.close(session, convention, by=officer)
    assert reports.number_to_read(session) == 0
    life.reopen(session, convention, motif="À lire", by=officer)
    assert reports.number_to_read(session) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"fin": date(2029, 12, 31)}, "fin"),
        ({"fin": date(2031, 1, 1)}, "fin"),
        ({"debut": date(2029, 12, 31)}, "debut"),
        ({"du_le": date(2030, 6, 30)}, "du_le"),
        ({"du_le": date(2031, 3, 2)}, "du_le"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    session: Session, scene: Scene, officer: User, values: dict[str, Any], field: str
) -> None:
    right = {
        "kind": ReportKind.ACTIVITE,
        "debut": date(2030, 1, 1),
        "fin": date(2030, 6, 30),
        "du_le": date(2030, 8, 31),
    }
    with pytest.raises(RuleBroken) as broken:
        report_schedule.ask(session, of(session, scene), right | values, by=officer)
    assert broken.value.field == field
    report_schedule.ask(session, of(session, scene), right, by=officer)
    with pytest.raises(RuleBroken, match="déjà demandé") as broken:
        report_schedule.ask(session, of(session, scene), right, by=officer)
    assert broken.value.field == "debut"


def test_a_report_that_was_begun_is_not_withdrawn(session: Session, scene: Scene, officer: User) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner)
    with pytest.raises(AlreadyDone, match="commencé"):
        report_schedule.withdraw(session, convention, report.id, by=officer)
    other = asked(session, scene, officer, ReportKind.FINANCIER)
    assert report_schedule.withdraw(session, convention, other.id, by=officer) == "Compte rendu financier"
    with pytest.raises(AlreadyDone):
        report_schedule.withdraw(session, convention, other.id, by=officer)


# --- Writing and reading ---


def test_figures_are_frozen_while_a_report_is_handed_in(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    with pytest.raises(RuleBroken, match="court jusqu’au 30/06/2030"):
        report_writing.hand_in(session, convention, report.id, WRITTEN, {"x": 1}, by=scene.partner)
    move_clock(2030, 7, 1, 10)
    with pytest.raises(RuleBroken) as broken:
        report_writing.hand_in(
            session, convention, report.id, WRITTEN | {"realise": " "}, {}, by=scene.partner
        )
    assert broken.value.field == "realise"
    report_writing.hand_in(session, convention, report.id, WRITTEN, {"x": 1}, by=scene.partner)
    assert (report.state, report.figures, report.depenses_centimes) == (ReportState.REMIS, {"x": 1}, 12_345)
    with pytest.raises(AlreadyDone, match="déjà remis"):
        report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner)
    with pytest.raises(RuleBroken) as broken:
        report_writing.ask_correction(
            session, convention, report.id, demande=" ", du_le=clock.today(), by=officer
        )
    assert broken.value.field == "demande"
    report_writing.ask_correction(
        session, convention, report.id, demande="Précisez.", du_le=date(2030, 9, 30), by=officer
    )
    session.flush()
    assert (report.state, report.figures, report.du_le) == (ReportState.A_CORRIGER, None, date(2030, 9, 30))
    assert report.realise == "Deux modules.", "what was written stays"
    report_writing.hand_in(session, convention, report.id, WRITTEN, {"x": 2}, by=scene.partner)
    report_writing.accept(session, convention, report.id, by=officer)
    for act in (
        lambda: report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner),
        lambda: report_writing.hand_in(session, convention, report.id, WRITTEN, {}, by=scene.partner),
        lambda: report_writing.accept(session, convention, report.id, by=officer),
        lambda: report_writing.ask_correction(
            session, convention, report.id, demande="x", du_le=clock.today(), by=officer
        ),
        lambda: report_schedule.withdraw(session, convention, report.id, by=officer),
        lambda: report_schedule.change_days(session, convention, report.id, {}, by=officer),
    ):
        with pytest.raises(AlreadyDone):
            act()
    session.refresh(report)
    assert report.figures == {"x": 2}


def test_only_the_partner_writes_and_only_the_officer_reads(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    stranger, _ = make_partner(session)
    for other in (officer, stranger, make_user(session, Role.ETAT)):
        with pytest.raises(NotAllowed):
            report_writing.save(session, convention, report.id, WRITTEN, by=other)
    move_clock(2030, 7, 1, 10)
    report_writing.hand_in(session, convention, report.id, WRITTEN, {}, by=scene.partner)
    with pytest.raises(NotAllowed):
        report_writing.accept(session, convention, report.id, by=scene.partner)


def test_two_colleagues_at_once(session: Session, scene: Scene, officer: User) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner, version=1)
    with pytest.raises(ChangedMeanwhile):
        report_writing.save(session, convention, report.id, {"realise": "Autre"}, by=scene.partner, version=1)
    assert report.realise == "Deux modules."


def test_what_is_over_is_read_only(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    move_clock(2031, 3, 1, 10)
    report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner)
    move_clock(2031, 3, 2, 10)
    assert not reports.still_written(convention, report, clock.today())
    with pytest.raises(AlreadyDone, match="délai de grâce"):
        report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner)
    life.close(session, convention, by=officer)
    with pytest.raises(AlreadyDone, match="close"):
        report_writing.save(session, convention, report.id, WRITTEN, by=scene.partner)


def test_a_convention_ended_before_its_time_still_gets_its_report(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    convention, report = of(session, scene), asked(session, scene, officer)
    later = report_schedule.ask(
        session,
        convention,
        {
            "kind": ReportKind.ACTIVITE,
            "debut": date(2030, 7, 1),
            "fin": date(2030, 12, 31),
            "du_le": date(2031, 2, 1),
        },
        by=officer,
    )
    move_clock(2030, 5, 2, 10)
    life.terminate(session, convention, last_day=date(2030, 4, 30), motif="Fin", by=officer)
    assert reports.last_day(convention, report) == date(2030, 4, 30)
    # What never began is never owed.
    assert [one.sujet_id for one in report_due.due(session, date(2030, 8, 30))] == [report.id]
    assert later.state is ReportState.A_REMETTRE
    report_writing.hand_in(session, convention, report.id, WRITTEN, {}, by=scene.partner)
    report_writing.accept(session, convention, report.id, by=officer)


# --- What is due ---


def test_reminders_before_and_after(session: Session, scene: Scene, officer: User) -> None:
    report = asked(session, scene, officer)
    last = report.du_le

    def told(days: int) -> list[tuple[str, int]]:
        return [(one.kind, one.jours) for one in report_due.due(session, last + timedelta(days=days))]

    assert told(-16) == []
    assert told(-15) == [("rapport-15", 15)]
    assert told(-4) == [("rapport-15", 4)], "a day that no job saw"
    assert told(-3) == told(-3) and told(-3)[0][0] == "rapport-3"
    assert told(0) == [("rapport-3", 0)]
    assert told(1) == [("rapport-retard-1", -1)]
    assert told(7) == [("rapport-retard-1", -7)]
    assert told(8) == [("rapport-retard-2", -8)]
    assert told(55) == [("rapport-retard-8", -55)]
    assert told(56) == []
    with count_statements(session) as sent:
        report_due.due(session, last)
    assert len(sent) == 1


def test_drafts_and_reports_handed_in_are_not_due(
    session: Session, scene: Scene, officer: User, move_clock: MoveClock
) -> None:
    report = asked(session, scene, officer)
    draft = make_convention(session, scene.structure, signee_le=None)
    report_schedule.schedule(session, draft, 12, by=officer)
    session.flush()
    far = date(2030, 8, 31)
    assert [one.sujet_id for one in report_due.due(session, far)] == [report.id]
    assert reports.owed_by(session, scene.partner, far) == (0, 1)
    assert reports.owed_by(session, scene.partner, far + timedelta(days=1)) == (1, 0)
    assert reports.owed_by(session, make_partner(session)[0], far) == (0, 0)
    move_clock(2030, 7, 1, 10)
    report_writing.hand_in(session, of(session, scene), report.id, WRITTEN, {}, by=scene.partner)
    assert report_due.due(session, far) == []
    assert reports.owed_by(session, scene.partner, far) == (0, 0)
