"""Reports: asked for, prefilled, written, handed in, given back, accepted; frozen while they are handed in."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, Role, User
from portal.beneficiaries.models import Beneficiary
from portal.budget import activity
from portal.conventions import ledger, life, report_due, report_schedule, report_writing, reports, taking
from portal.conventions.engagements import PartnerReport, ReportKind, ReportState
from portal.conventions.models import Convention, PlaceMode
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from portal.prescriptions import answers
from portal.prescriptions.models import ExitReason
from portal.prescriptions.states import State
from tests.conventions.hands import SignIn, made
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.statements import count_statements

MoveClock = Callable[..., datetime]
WRITTEN: dict[str, Any] = {
    "realise": "Deux modules.",
    "difficultes": None,
    "perspectives": None,
    "personnes_hors_portail": 3,
    "minutes_hors_portail": 90,
    "depenses_centimes": 12_345,
}


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def scene(session: Session, move_clock: MoveClock) -> Scene:
    """A convention of 2030, seen in March."""
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=5, mode=PlaceMode.FILE_ACTIVE)
    convention = of(session, scene)
    convention.date_debut, convention.date_fin = date(2030, 1, 1), date(2030, 12, 31)
    convention.signee_le = date(2030, 1, 1)
    session.flush()
    return scene


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def asked(
    session: Session, scene: Scene, officer: User, kind: ReportKind = ReportKind.ACTIVITE
) -> PartnerReport:
    """A report on the first half of 2030."""
    return report_schedule.ask(
        session,
        of(session, scene),
        {"kind": kind, "debut": date(2030, 1, 1), "fin": date(2030, 6, 30), "du_le": date(2030, 8, 31)},
        by=officer,
    )


def address(report: PartnerReport, end: str = "") -> str:
    return f"/conventions/{report.convention_id}/rapports/{report.id}{end}"


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


# --- What the portal knows ---


def test_figures_of_a_period(session: Session, scene: Scene, move_clock: MoveClock) -> None:
    first = make_prescription(session, scene, State.ENTREE)
    held = make_prescription(session, scene, State.ACCEPTEE)
    answers.note_presence(session, held, by=scene.partner, day=date(2030, 3, 1), came=False)
    move_clock(2030, 3, 12, 10)
    answers.declare_hours(session, first, by=scene.partner, week=date(2030, 3, 4), minutes=600)
    answers.declare_hours(session, first, by=scene.partner, week=date(2030, 3, 11), minutes=90)
    answers.finish(session, first, by=scene.partner, day=date(2030, 3, 12), reason=ExitReason.FORMATION)
    move_clock(2030, 3, 20, 10)
    # The same person comes again: one person, two entries.
    again = make_prescription(
        session, scene, State.ENTREE, session.get_one(Beneficiary, first.beneficiary_id)
    )
    assert again.beneficiary_id == first.beneficiary_id
    convention = of(session, scene)
    session.refresh(convention, ["actions"])

    def told(since: date, until: date) -> dict[str, Any]:
        return activity.report_figures(session, convention, since, until)

    march = told(date(2030, 3, 1), date(2030, 3, 31))
    assert march["actions"] == [
        {
            "intitule": "Action d’exemple",
            "mode": "file_active",
            "financees": 5,
            "retenues": 1,
            "occupees": 1,
            "utilisees": 0,
            "libres": 3,
            "entrees": 2,
            "sorties": {"formation": 1},
            "absences": 1,
            "personnes": 1,
            "minutes": 690,
        }
    ]
    assert {key: march["ensemble"][key] for key in ("entrees", "sorties", "personnes", "minutes")} == {
        "entrees": 2,
        "sorties": {"formation": 1},
        "personnes": 1,
        "minutes": 690,
    }
    early = told(date(2030, 3, 5), date(2030, 3, 11))["actions"][0]
    assert (early["entrees"], early["personnes"], early["minutes"], early["occupees"]) == (0, 1, 90, 1)
    gap = told(date(2030, 3, 13), date(2030, 3, 19))["actions"][0]
    assert (gap["personnes"], gap["minutes"], gap["occupees"]) == (0, 0, 0)


def test_a_place_carried_to_the_following_convention_is_counted_on_each_side(
    session: Session, scene: Scene, move_clock: MoveClock
) -> None:
    inside = make_prescription(session, scene, State.ENTREE)
    answers.declare_hours(session, inside, by=scene.partner, week=date(2030, 2, 25), minutes=60)
    after = make_action(
        session, make_convention(session, scene.structure), [scene.offer], mode=PlaceMode.FILE_ACTIVE
    )
    move_clock(2030, 4, 10, 10)
    # On a Wednesday: its week is the former action's.
    for n, day in enumerate((date(2030, 4, 1), date(2030, 4, 8)), start=1):
        answers.declare_hours(session, inside, by=scene.partner, week=day, minutes=100 * n)
    line = ledger.last_movement(session, inside.id)
    assert line is not None
    taking.carry(
        session,
        line,
        action_id=after.id,
        first_day=date(2030, 4, 10),
        left_for="Renouvelée",
        come_from="Renouvelée",
        by=None,
    )
    move_clock(2030, 4, 20, 10)
    answers.declare_hours(session, inside, by=scene.partner, week=date(2030, 4, 15), minutes=5)
    answers.note_presence(session, inside, by=scene.partner, day=date(2030, 4, 20), came=False)
    answers.finish(session, inside, by=scene.partner, day=date(2030, 4, 20), reason=ExitReason.EMPLOI)
    ids, since, until = [made(scene).id, after.id], date(2030, 1, 1), date(2030, 4, 30)
    assert activity.entries(session, ids, since, until) == {ids[0]: 1}
    assert activity.exits(session, ids, since, until) == {ids[1]: {"emploi": 1}}
    assert activity.minutes(session, ids, since, until) == {ids[0]: 360, ids[1]: 5}
    assert activity.absences(session, ids, since, until) == {ids[1]: 1}
    assert activity.people(session, ids, since, until) == {ids[0]: 1, ids[1]: 1}
    assert activity.people_of_all(session, ids, since, until) == 1


# --- Pages ---


def test_from_the_schedule_to_the_acceptance(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    make_prescription(session, scene, State.ENTREE)
    convention = of(session, scene)
    session.commit()
    board = sign_in(officer)
    page = board.get(f"/conventions/{convention.id}").click("Calendrier des rapports")
    page = page.form("schedule-form").submit("Demander ces rapports", mois="6")
    assert "2 rapports ajoutés au calendrier." in page.text
    report = reports.of_convention(session, convention.id)[0]
    page = board.get(address(report))
    assert "Le rapport n’est pas remis" in page.text

    partner = sign_in(scene.partner)
    page = partner.get(f"/conventions/{convention.id}")
    assert "Ce que vous devez remettre" in page.text
    page = partner.get(address(report))
    assert page.buttons().count("Remettre au département") == 0, "the period is not over"
    page = page.form("report-form").submit(
        "Enregistrer le brouillon",
        realise="Un module.",
        personnes_hors_portail="-1",
        minutes_hors_portail="douze",
        depenses_centimes="1.500",
        status=422,
    )
    assert set(page.errors) >= {"personnes_hors_portail", "minutes_hors_portail", "depenses_centimes"}
    page = page.form("report-form").submit(
        "Enregistrer le brouillon",
        personnes_hors_portail="2",
        minutes_hors_portail="1 200,5 h",
        depenses_centimes="1 500,01",
    )
    values = page.form("report-form").values
    assert values["realise"] == "Un module."
    assert (values["minutes_hors_portail"], values["depenses_centimes"]) == ("1\u202f200,5", "1\u202f500,01")
    assert "Un module." not in sign_in(officer).get(address(report)).text, "a draft is the partner's own"

    move_clock(2030, 7, 2, 10)
    page = sign_in(scene.partner).get(address(report))
    page = page.form("report-form").submit("Remettre au département")
    assert "Le rapport est remis au département." in page.text and not page.soup.select("#report-form")

    board = sign_in(officer)
    page = board.get("/conventions/rapports?etat=remis")
    assert convention.numero in page.text
    page = board.get(address(report)).click("Demander une correction")
    page = page.form("correction-form").submit("Demander la correction", demande="", status=422)
    page.form("correction-form").submit("Demander la correction", demande="Dites combien de séances.")
    mails = session.exec(select(OutgoingMail).where(col(OutgoingMail.recipient) == scene.partner.courriel))
    mail = list(mails)[-1]
    assert mail.subject == "Un rapport est à corriger" and "combien de séances" in mail.body

    page = sign_in(scene.partner).get(address(report))
    assert "Dites combien de séances." in page.text
    page.form("report-form").submit("Remettre au département", realise="Un module, huit séances.")
    page = sign_in(officer).get(address(report)).form("accept-form").submit("Accepter le rapport")
    assert "Accepté" in page.text and "huit séances" in page.text
    assert "huit séances" in sign_in(make_user(session, Role.ETAT)).get(address(report)).text


def test_frozen_figures_are_those_shown_afterwards(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    first = make_prescription(session, scene, State.ENTREE)
    report = asked(session, scene, officer)
    move_clock(2030, 7, 2, 10)
    partner = sign_in(scene.partner)
    session.commit()
    partner.get(address(report)).form("report-form").submit("Remettre au département", realise="Fait.")
    before = _figures(sign_in(officer).get(address(report)))
    # Told late, of a day of the period.
    answers.finish(session, first, by=scene.partner, day=date(2030, 5, 1), reason=ExitReason.EMPLOI)
    session.commit()
    assert _figures(sign_in(officer).get(address(report))) == before
    report_writing.ask_correction(
        session,
        of(session, scene),
        report.id,
        demande="Les sorties.",
        du_le=date(2030, 9, 1),
        by=officer,
    )
    session.commit()
    assert _figures(sign_in(officer).get(address(report))) != before


def test_a_colleague_is_told_and_loses_nothing(
    session: Session, scene: Scene, officer: User, sign_in: SignIn
) -> None:
    report = asked(session, scene, officer)
    session.commit()
    partner = sign_in(scene.partner)
    page = partner.get(address(report))
    report_writing.save(session, of(session, scene), report.id, WRITTEN, by=scene.partner)
    session.commit()
    page = page.form("report-form").submit("Enregistrer le brouillon", realise="Mon texte.", status=409)
    assert "Deux modules." in page.text and page.form("report-form").values["realise"] == "Mon texte."
    page.form("report-form").submit("Enregistrer le brouillon")
    session.expire_all()
    assert session.get_one(PartnerReport, report.id).realise == "Mon texte."


def test_what_was_typed_is_shown_when_the_report_no_longer_changes(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    report = asked(session, scene, officer)
    session.commit()
    move_clock(2030, 7, 2, 10)
    partner = sign_in(scene.partner)
    page, other = partner.get(address(report)), partner.get(address(report))
    other.form("report-form").submit("Remettre au département", realise="Deux modules.")
    page = page.form("report-form").submit(
        "Enregistrer le brouillon", realise="Mon texte.", depenses_centimes="12,50", status=422
    )
    assert "déjà remis" in page.text
    assert "Ce n’est pas enregistré" in page.text and "Mon texte." in page.text and "12,50" in page.text
    assert "Ce n’est pas enregistré" not in partner.get(address(report)).text


def test_each_partner_its_own(session: Session, scene: Scene, officer: User, sign_in: SignIn) -> None:
    report = asked(session, scene, officer)
    session.commit()
    stranger, _ = make_partner(session)
    browser = sign_in(stranger)
    browser.get(address(report), status=404)
    browser.post(address(report), {"realise": "x", "version": "1"}, status=404)
    assert "Pas encore de rapport" in browser.get("/conventions/rapports").text
    assert of(session, scene).numero in sign_in(scene.partner).get("/conventions/rapports").text
    other = make_convention(session, make_partner(session)[1])
    session.commit()
    sign_in(officer).get(f"/conventions/{other.id}/rapports/{report.id}", status=404)


def test_dates_are_changed_and_a_report_withdrawn(
    session: Session, scene: Scene, officer: User, sign_in: SignIn
) -> None:
    convention = of(session, scene)
    board = sign_in(officer)
    page = board.get(f"/conventions/{convention.id}/rapports").click("Demander un autre rapport")
    page = page.form("dates-form").submit(
        kind="financier", debut="2030-01-01", fin="2029-01-01", du_le="2030-09-01", status=422
    )
    assert "fin" in page.errors
    page.form("dates-form").submit(fin="2030-06-30")
    report = reports.of_convention(session, convention.id)[0]
    page = board.get(address(report, "/dates"))
    page.form("dates-form").submit("Enregistrer", du_le="2030-10-01")
    session.expire_all()
    assert session.get_one(PartnerReport, report.id).du_le == date(2030, 10, 1)
    page = page.form("dates-form").submit("Enregistrer", du_le="2030-11-01", status=409)
    assert "1er octobre 2030" in page.text
    board.get(address(report, "/dates")).form("withdraw-form").submit("Ne plus demander ce rapport")
    assert reports.of_convention(session, convention.id) == []


def test_the_cost_does_not_grow(session: Session, scene: Scene, officer: User, sign_in: SignIn) -> None:
    report = asked(session, scene, officer)
    session.commit()
    board = sign_in(officer)
    pages = (address(report), f"/conventions/{report.convention_id}/rapports", "/conventions/rapports")

    def cost() -> list[int]:
        numbers = []
        for page in pages:
            with count_statements(session) as sent:
                board.get(page)
            numbers.append(len(sent))
        return numbers

    few = cost()
    for _ in range(4):
        make_prescription(session, scene, State.ENTREE)
    for n in range(2, 6):
        report_schedule.ask(
            session,
            of(session, scene),
            {
                "kind": ReportKind.ACTIVITE,
                "debut": date(2030, n, 1),
                "fin": date(2030, n, 28),
                "du_le": date(2030, 12, 1),
            },
            by=officer,
        )
    session.commit()
    assert cost() == few


def _figures(page: Any) -> list[str]:
    return [" ".join(cell.get_text(" ").split()) for cell in page.soup.select("table td")]
