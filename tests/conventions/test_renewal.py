"""Renewing a convention: what goes on, who goes on, who has no room, and only with a yes."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import (
    amendments,
    ledger,
    life,
    payments,
    queries,
    renewal,
    report_schedule,
    reports,
    rules,
)
from portal.conventions.engagements import PartnerPayment, PartnerReport, ReportKind
from portal.conventions.models import Convention, FinancedAction, Movement, PlaceMode, PlaceMovement
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.prescriptions import answers, due
from portal.prescriptions.exports import places_of
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.conventions.hands import SignIn, made
from tests.factories.accounts import make_user
from tests.factories.prescriptions import Scene, make_prescription, make_scene

MoveClock = Callable[..., datetime]
NEXT = {
    "numero": "R-2031",
    "date_debut": date(2031, 1, 1),
    "date_fin": date(2031, 12, 31),
    "montant_centimes": 3_000_000,
}


@pytest.fixture
def scene(session: Session, move_clock: MoveClock) -> Scene:
    """A convention of the year 2030, in December."""
    move_clock(2030, 12, 1, 10)
    scene = make_scene(session, places=3, mode=PlaceMode.FILE_ACTIVE)
    convention = of(session, scene)
    convention.date_debut, convention.date_fin = date(2030, 1, 1), date(2030, 12, 31)
    convention.signee_le = date(2029, 12, 1)
    session.flush()
    return scene


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def renewed(session: Session, scene: Scene, by: User, *, signed: bool = True, **values: Any) -> Convention:
    following = renewal.renew(session, of(session, scene), {**NEXT, **values}, by=by)
    if signed:
        life.sign(session, following, signee_le=clock.today(), by=by)
    return following


def action_in(session: Session, convention: Convention) -> FinancedAction:
    return session.exec(
        select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
    ).one()


def tallies(session: Session, action: FinancedAction, day: date | None = None) -> tuple[int, int, int]:
    places = ledger.places_of_actions(session, [action], day)[action.id]
    return places.retenues, places.occupees, places.utilisees


# --- The draft ---


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2030, 1, 1), date(2030, 12, 31), (date(2031, 1, 1), date(2031, 12, 31))),
        (date(2030, 3, 1), date(2031, 2, 28), (date(2031, 3, 1), date(2032, 2, 29))),
        (date(2030, 1, 10), date(2030, 1, 19), (date(2030, 1, 20), date(2030, 1, 29))),
        (date(2030, 9, 15), date(2031, 3, 14), (date(2031, 3, 15), date(2031, 9, 14))),
    ],
)
def test_the_next_period_is_as_long(first: date, last: date, expected: tuple[date, date]) -> None:
    assert renewal.next_period(Convention(date_debut=first, date_fin=last)) == expected


def test_what_should_be_carried_is(session: Session, officer: User, scene: Scene) -> None:
    convention = of(session, scene)
    convention.objectifs, convention.grace_jours, convention.delai_entree_jours = "Vingt permis", 45, 15
    convention.financeurs = ["etat"]
    amendments.change_places(
        session, made(scene), convention, change=4, effet_le=date(2030, 12, 10), motif="Plus", by=officer
    )
    for begins, ends, due_on in (
        (date(2030, 1, 1), date(2030, 6, 30), date(2030, 7, 31)),
        (date(2030, 7, 1), date(2030, 12, 31), date(2031, 1, 31)),
    ):
        session.add(
            PartnerReport(
                convention_id=convention.id, kind=ReportKind.ACTIVITE, debut=begins, fin=ends, du_le=due_on
            )
        )
    for day, cents in ((date(2030, 1, 31), 1_000_000), (date(2030, 11, 30), 2_000_000)):
        session.add(
            PartnerPayment(
                convention_id=convention.id,
                action_id=made(scene).id,
                intitule="Acompte",
                prevu_le=day,
                montant_centimes=cents,
            )
        )
    session.flush()
    following = renewed(session, scene, officer, signed=False, montant_centimes=1_000_001)
    assert (following.structure_id, following.objectifs, following.grace_jours) == (
        convention.structure_id,
        "Vingt permis",
        45,
    )
    assert (following.financeurs, following.delai_entree_jours) == (["etat"], 15)
    assert following.renouvelle_id == convention.id and following.signee_le is None
    action = action_in(session, following)
    assert (action.places_financees, action.mode) == (7, PlaceMode.FILE_ACTIVE)
    assert [offer.id for offer in queries_offers(session, action)] == [scene.offer.id]
    reports = session.exec(
        select(PartnerReport)
        .where(col(PartnerReport.convention_id) == following.id)
        .order_by(col(PartnerReport.debut))
    ).all()
    assert [(r.debut, r.fin, r.du_le) for r in reports] == [
        (date(2031, 1, 1), date(2031, 6, 30), date(2031, 7, 31)),
        (date(2031, 7, 1), date(2031, 12, 31), date(2032, 1, 31)),
    ]
    payments = session.exec(
        select(PartnerPayment)
        .where(col(PartnerPayment.convention_id) == following.id)
        .order_by(col(PartnerPayment.prevu_le))
    ).all()
    assert [(p.prevu_le, p.montant_centimes) for p in payments] == [
        (date(2031, 1, 31), 333_333),
        (date(2031, 11, 30), 666_668),
    ]
    assert {p.action_id for p in payments} == {action.id} and all(p.verse_le is None for p in payments)


def queries_offers(session: Session, action: FinancedAction) -> Any:
    session.refresh(action, ["offers"])
    return action.offers


def test_it_is_renewed_once_on_its_page(
    session: Session, officer: User, scene: Scene, sign_in: SignIn
) -> None:
    convention = of(session, scene)
    session.commit()
    browser = sign_in(officer)
    form = browser.get(f"/conventions/{convention.id}").click("Renouveler").form("renew-form")
    assert (form.values["date_debut"], form.values["date_fin"]) == ("2031-01-01", "2031-12-31")
    for _ in range(2):
        page = form.submit(numero="R-2031")
    assert page.h1 == "Convention R-2031" and "Brouillon" in page.text
    assert "déjà renouvelée" in browser.get(f"/conventions/{convention.id}/renouveler").text
    with pytest.raises(AlreadyDone):
        renewal.renew(session, convention, {**NEXT, "numero": "AUTRE"}, by=officer)
    assert "R-2031" not in sign_in(scene.partner).get(f"/conventions/{convention.id}").text, (
        "a draft is not shown"
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"date_debut": "2030-12-31"}, "date_debut"),
        ({"date_fin": "2030-06-01"}, "date_fin"),
        ({"numero": ""}, "numero"),
        ({"montant": "12,345"}, "montant"),
    ],
)
def test_what_is_wrong_in_a_renewal_is_said(
    session: Session, officer: User, scene: Scene, sign_in: SignIn, wrong: dict[str, str], field: str
) -> None:
    session.commit()
    form = sign_in(officer).get(f"/conventions/{of(session, scene).id}/renouveler").form("renew-form")
    page = form.submit(status=422, **{"numero": "R-2031", **wrong})
    assert list(page.errors) == [field]


def test_it_does_not_overlap_what_it_renews(session: Session, officer: User, scene: Scene) -> None:
    following = renewed(session, scene, officer)
    with pytest.raises(RuleBroken, match="renouvelle celle-ci") as refused:
        amendments.amend(
            session,
            of(session, scene),
            {
                "objet": "Prolongation",
                "signe_le": clock.today(),
                "effet_le": clock.today(),
                "date_fin": date(2031, 1, 1),
            },
            by=officer,
        )
    assert refused.value.field == "date_fin"
    values = {
        "numero": following.numero,
        "intitule": following.intitule,
        "structure_id": following.structure_id,
        "date_fin": following.date_fin,
        "montant_centimes": 1,
        "date_debut": date(2030, 12, 31),
    }
    with pytest.raises(RuleBroken, match="que celle-ci renouvelle"):
        rules.change_convention(session, following, values, by=officer)


# --- The people ---


def test_those_who_are_there_go_on_from_the_first_day(
    session: Session, officer: User, scene: Scene, move_clock: MoveClock
) -> None:
    inside, expected = (make_prescription(session, scene, state) for state in (State.ENTREE, State.ACCEPTEE))
    following = renewed(session, scene, officer)
    with pytest.raises(RuleBroken, match="commence le"):
        renewal.carry_people(session, following, by=officer)
    move_clock(2031, 1, 8, 10)
    with pytest.raises(NotAllowed):
        renewal.carry_people(session, following, by=scene.partner)
    with pytest.raises(RuleBroken, match="ont bougé"):
        renewal.carry_people(session, following, by=officer, expected=1)
    renewal.carry_people(session, following, by=officer, expected=2)
    old, new = made(scene), action_in(session, following)
    for day, before, after in (
        (date(2030, 12, 31), (1, 1, 0), (0, 0, 0)),
        (date(2031, 1, 1), (0, 0, 0), (1, 1, 0)),
        (None, (0, 0, 0), (1, 1, 0)),
    ):
        assert (tallies(session, old, day), tallies(session, new, day)) == (before, after)
    for prescription, movement in ((inside, Movement.OCCUPEE), (expected, Movement.RETENUE)):
        last = ledger.last_movement(session, prescription.id)
        assert last is not None and (last.action_id, last.movement) == (new.id, movement)
        place = queries.place_of(session, prescription.id)
        assert place is not None and (place[0], place[1].id) == (movement, new.id)
        assert places_of(session, [prescription.id])[prescription.id][2] == "R-2031"
    with pytest.raises(RuleBroken, match="Personne"):
        renewal.carry_people(session, following, by=officer)
    answers.enter(session, expected, by=scene.partner, day=date(2031, 1, 8))
    answers.finish(session, inside, by=scene.partner, day=date(2031, 1, 8))
    assert tallies(session, new) == (0, 1, 0) and tallies(session, old) == (0, 0, 0)
    last = ledger.last_movement(session, inside.id)
    assert last is not None and last.action_id == new.id


def test_who_has_no_room_is_said_and_stays(
    session: Session, officer: User, scene: Scene, sign_in: SignIn, move_clock: MoveClock
) -> None:
    people = [make_prescription(session, scene, State.ENTREE) for _ in range(3)]
    following = renewed(session, scene, officer, signed=False)
    new = action_in(session, following)
    new.places_financees = 2
    life.sign(session, following, signee_le=clock.today(), by=officer)
    session.commit()
    move_clock(2031, 1, 2, 10)
    page = sign_in(officer).get(f"/conventions/{following.id}").click("Reporter les personnes présentes")
    assert "1 personne sans place" in page.text
    named = [p for p in people if str(p.id)[:8].upper() in page.text]
    assert len(named) == 1
    done = page.form("carry-form").submit()
    assert "2 personnes reportées" in done.text
    assert (tallies(session, new)[1], tallies(session, made(scene))[1]) == (2, 1)
    assert (
        "Reportée de la convention"
        in sign_in(officer).get(f"/conventions/{following.id}/actions/{new.id}").text
    )


def test_a_module_that_began_ends_where_it_was_paid(
    session: Session, officer: User, scene: Scene, move_clock: MoveClock
) -> None:
    action = made(scene)
    action.mode = PlaceMode.ENTREE
    inside, expected = (make_prescription(session, scene, state) for state in (State.ENTREE, State.ACCEPTEE))
    following = renewed(session, scene, officer)
    move_clock(2031, 1, 2, 10)
    (found,) = renewal.carry_people(session, following, by=officer)
    assert [line.prescription_id for line in found.going] == [expected.id]
    assert tallies(session, action)[1] == 1
    answers.finish(session, inside, by=scene.partner, day=date(2031, 1, 2))
    assert tallies(session, action) == (0, 0, 1)


def test_somebody_who_entered_after_the_end_is_carried_from_that_day(
    session: Session, officer: User, scene: Scene, move_clock: MoveClock
) -> None:
    expected = make_prescription(session, scene, State.ACCEPTEE)
    following = renewed(session, scene, officer)
    move_clock(2031, 1, 10, 10)
    answers.enter(session, expected, by=scene.partner, day=date(2031, 1, 5))
    renewal.carry_people(session, following, by=officer)
    old, new = made(scene), action_in(session, following)
    for day in (date(2031, 1, 2), date(2031, 1, 5), date(2031, 1, 10)):
        places = [ledger.places_on_days(session, action, [day])[0] for action in (old, new)]
        assert sum(p.prises for p in places) == 1
        assert all(min(p.retenues, p.occupees) >= 0 for p in places)


def test_the_delay_of_absence_is_that_of_the_convention_it_is_in_now(
    session: Session, officer: User, scene: Scene, move_clock: MoveClock
) -> None:
    of(session, scene).delai_entree_jours = 5
    expected = make_prescription(session, scene, State.ACCEPTEE)
    following = renewed(session, scene, officer, signed=False)
    following.delai_entree_jours = None
    life.sign(session, following, signee_le=clock.today(), by=officer)
    move_clock(2031, 1, 2, 10)
    renewal.carry_people(session, following, by=officer)
    assert due.release_absent(session) == []
    session.refresh(expected)
    assert expected.state is State.ACCEPTEE


def test_nobody_goes_on_without_a_yes(
    session: Session, officer: User, scene: Scene, sign_in: SignIn, move_clock: MoveClock
) -> None:
    make_prescription(session, scene, State.ENTREE)
    following = renewed(session, scene, officer)
    session.commit()
    early = sign_in(officer).get(f"/conventions/{following.id}/reporter")
    assert "Pas encore" in early.text and not early.soup.select("#carry-form")
    move_clock(2031, 1, 2, 10)
    due.release_absent(session)
    due.propose_places(session)
    due.expire_unanswered(session)
    assert tallies(session, made(scene)) == (0, 1, 0)
    assert len(session.exec(select(PlaceMovement)).all()) == 2
    page = sign_in(officer).get(f"/conventions/{following.id}/reporter")
    assert page.form("carry-form").values["nombre"] == "1"
    assert session.exec(select(Prescription.state)).one() is State.ENTREE
    assert timedelta(0) < following.date_debut - of(session, scene).date_fin


def test_a_shorter_renewal_asks_for_nothing_after_its_grace_and_pays_no_more_than_its_amount(
    session: Session, officer: User, scene: Scene
) -> None:
    convention = of(session, scene)
    convention.grace_jours = 30
    report_schedule.schedule(session, convention, 12, by=officer)
    payments.plan(
        session,
        convention,
        {"intitule": "Acompte", "prevu_le": convention.date_debut, "montant_centimes": 3_000_000},
        by=officer,
    )
    amendments.amend(
        session,
        convention,
        {
            "signe_le": clock.today(),
            "effet_le": clock.today(),
            "objet": "Moins",
            "d_montant_centimes": -1_000_000,
        },
        by=officer,
    )
    made = renewed(
        session, scene, officer, signed=False, date_fin=date(2031, 3, 31), montant_centimes=600_000
    )
    last = made.date_fin + timedelta(days=30)
    owed = reports.of_convention(session, made.id)
    assert owed and all(report.fin < report.du_le <= last for report in owed)
    assert [one.montant_centimes for one in payments.of_convention(session, made.id)] == [600_000]


def test_the_state_reads_nothing_of_a_renewal_that_is_a_draft(
    session: Session, officer: User, scene: Scene, sign_in: SignIn
) -> None:
    made = renewed(session, scene, officer, signed=False)
    session.commit()
    path = f"/conventions/{made.renouvelle_id}"
    assert made.numero in sign_in(officer).get(path).text
    assert made.numero not in sign_in(make_user(session, Role.ETAT)).get(path).text
