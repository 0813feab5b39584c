"""The follow of actions: places, people, hours, money at a date; what is to be watched; files; who reads what."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import expenses, follow
from portal.budget.follow import ActionFollow, Reason, Source
from portal.budget.models import Volet
from portal.budget.projection import Outlook
from portal.conventions import amendments, payments
from portal.conventions.models import Convention, PlaceMode
from portal.prescriptions import answers
from portal.prescriptions.states import State
from tests.conventions.hands import SignIn, made
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.statements import count_statements

MoveClock = Callable[..., datetime]


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def told(session: Session, scene: Scene, day: date | None = None) -> ActionFollow:
    rows = [(made(scene), of(session, scene), scene.structure.nom)]
    return follow.of_actions(session, rows, day or clock.today())[0]


def spend(session: Session, scene: Scene, officer: User, cents: int, **values: Any) -> None:
    today = clock.today()
    state = make_state_convention(
        session,
        {(today.year, Volet.SOLUTIONS): 100_000_000},
        signe_le=date(today.year, 1, 1),
        date_debut=date(today.year, 1, 1),
        date_fin=date(today.year, 12, 31),
    )
    expenses.write(
        session,
        state,
        today.year,
        expense_values(
            date_debut=date(today.year, 1, 1),
            date_fin=today,
            nombre=1000,
            cout_unitaire_centimes=cents,
            part_etat_centimes=0,
            partner_convention_id=made(scene).convention_id,
            action_id=made(scene).id,
            **values,
        ),
        by=officer,
    )


def test_costs_by_entry_by_person_by_hour(session: Session, officer: User, move_clock: MoveClock) -> None:
    move_clock(2030, 6, 3, 10)
    scene = make_scene(session, places=10)
    first = make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.ACCEPTEE)
    answers.declare_hours(session, first, by=scene.partner, week=date(2030, 6, 3), minutes=90)
    money = told(session, scene).money
    assert (money.prevu, money.depense, money.source, money.by_entry) == (1_500_000, None, None, None)
    payment = payments.plan(
        session,
        of(session, scene),
        {
            "intitule": "Acompte",
            "prevu_le": clock.today(),
            "montant_centimes": 20_001,
            "action_id": made(scene).id,
        },
        by=officer,
    )
    assert told(session, scene).money.depense is None, "planned is not spent"
    payments.pay(
        session,
        of(session, scene),
        payment.id,
        verse_le=clock.today(),
        verse_centimes=20_001,
        reference=None,
        by=officer,
    )
    money = told(session, scene).money
    assert (money.depense, money.source) == (20_001, Source.VERSEMENTS)
    # To the nearest cent, a half upwards: 100,005 €; 200,01 € over an hour and a half.
    assert (money.by_entry, money.by_person, money.by_hour) == (10_001, 10_001, 13_334)
    spend(session, scene, officer, 2_000_000)
    found = told(session, scene)
    assert (found.money.depense, found.money.source) == (2_000_000, Source.DEPENSES)
    assert (found.money.reste, Reason.DEPASSEMENT in found.reasons) == (-500_000, True)
    whole = follow.of_convention(session, of(session, scene), [found], 3_000_000, clock.today())
    assert (whole.depense, whole.prevu, whole.reste, whole.personnes) == (2_000_000, 3_000_000, 1_000_000, 2)


def test_any_past_day_is_told_again(session: Session, officer: User, move_clock: MoveClock) -> None:
    move_clock(2030, 6, 3, 10)
    scene = make_scene(session, places=2, mode=PlaceMode.FILE_ACTIVE)
    inside = [make_prescription(session, scene, State.ENTREE) for _ in range(2)]
    waiting = make_prescription(session, scene, State.A_L_ETUDE)
    answers.put_on_waiting_list(session, waiting, by=scene.partner)
    before = told(session, scene)
    assert (before.places.libres, before.en_attente, before.projection.outlook) == (0, 1, Outlook.COMPLETE)
    assert before.reasons == [Reason.PETITE, Reason.ATTENTE]
    move_clock(2030, 6, 20, 10)
    answers.finish(session, inside[0], by=scene.partner, day=date(2030, 6, 20))
    answers.accept(session, waiting, by=scene.partner)
    now = told(session, scene)
    assert (now.places.retenues, now.places.occupees, now.en_attente) == (1, 1, 0)
    again = told(session, scene, date(2030, 6, 3))
    assert (again.places.occupees, again.en_attente, again.pace.entrees, again.pace.sorties) == (2, 1, 2, 0)
    assert again.projection == before.projection
    assert told(session, scene, date(2030, 6, 2)).money.entrees == 0


def test_an_amendment_counts_from_its_day(session: Session, officer: User, move_clock: MoveClock) -> None:
    move_clock(2030, 6, 3, 10)
    scene = make_scene(session, places=6)
    amendments.change_places(
        session,
        made(scene),
        of(session, scene),
        change=4,
        effet_le=date(2030, 6, 10),
        motif="Avenant",
        by=officer,
    )
    move_clock(2030, 6, 20, 10)
    assert (told(session, scene).places.financees, told(session, scene).money.prevu) == (10, 1_500_000)
    assert told(session, scene, date(2030, 6, 9)).money.prevu == 900_000


def test_tiny_actions_are_named(session: Session) -> None:
    def petite(mode: PlaceMode, places: int, people: int) -> int | None:
        scene = make_scene(session, places=places, mode=mode)
        for _ in range(people):
            make_prescription(session, scene, State.ENTREE)
        return told(session, scene).petite

    assert petite(PlaceMode.FILE_ACTIVE, 12, 4) == 4
    assert petite(PlaceMode.FILE_ACTIVE, 12, 5) is None
    assert petite(PlaceMode.ENTREE, 4, 0) == 4
    assert petite(PlaceMode.ENTREE, 5, 0) is None


def test_eight_statements_whatever_the_number(session: Session) -> None:
    scene = make_scene(session)
    convention = of(session, scene)
    rows = [(made(scene), convention, "A")]
    with count_statements(session) as few:
        follow.of_actions(session, rows, clock.today())
    assert len(few) == 8
    for n in range(12):
        rows.append(
            (make_action(session, convention, [scene.offer], intitule=f"Action {n}"), convention, "B")
        )
    session.flush()
    with count_statements(session) as many:
        follow.of_actions(session, rows, clock.today())
    assert len(many) == 8


# --- Pages ---


def test_the_page_of_a_convention_and_of_an_action(
    session: Session, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    move_clock(2030, 6, 3, 10)
    scene = make_scene(session, places=12)
    make_prescription(session, scene, State.ENTREE)
    person = make_prescription(session, scene, State.ENTREE)
    session.commit()
    root = f"/conventions/{made(scene).convention_id}"
    for user in (officer, scene.partner, make_user(session, Role.ETAT)):
        browser = sign_in(user)
        page = browser.get(root).click("Suivi des places et des coûts")
        assert "6 places vont dormir." in page.text, "200 days are left, two entries in ninety days"
        page = page.click("Action d’exemple")
        assert "Sur les 90 derniers jours" in page.text and "2 entrées" in page.text
        page = browser.get(f"{root}/actions/{made(scene).id}/suivi?le=2030-06-02")
        assert "Aucune entrée depuis 90 jours : 12 places vont dormir." in page.text
        assert str(person.beneficiary_id) not in page.response.text
    for end in ("/suivi", f"/actions/{made(scene).id}/suivi"):
        page = browser.get(f"{root}{end}?le=2030-06-04", status=422)
        assert "le" in page.errors
        browser.get(f"{root}{end}?le=hier", status=422)
    stranger, _ = make_partner(session)
    for end in ("/suivi", "/suivi.csv", f"/actions/{made(scene).id}/suivi"):
        sign_in(stranger).get(root + end, status=404)
    browser.get(f"{root}/actions/{uuid.uuid4()}/suivi", status=404)


def test_actions_to_watch(session: Session, officer: User, sign_in: SignIn) -> None:
    busy = make_scene(session, places=5, mode=PlaceMode.FILE_ACTIVE)
    for _ in range(5):
        make_prescription(session, busy, State.ENTREE)
    sleeping = make_scene(session, places=30)
    over = make_convention(
        session, busy.structure, date_fin=clock.today() - timedelta(days=1), numero="FINIE-1"
    )
    make_action(session, over, [busy.offer], intitule="Action finie")
    draft = make_convention(session, busy.structure, signee_le=None, numero="BROUILLON-1")
    make_action(session, draft, [busy.offer], intitule="Action en brouillon")
    session.commit()
    numbers = [of(session, scene).numero for scene in (busy, sleeping)]
    for user in (officer, make_user(session, Role.ETAT)):
        browser = sign_in(user)
        page = browser.get("/conventions/a-surveiller")
        assert all(number in page.text for number in numbers)
        assert "FINIE-1" not in page.text and "BROUILLON-1" not in page.text
        page = page.form("watch-form").submit("Voir", raison="dormantes")
        assert numbers[1] in page.text and numbers[0] not in page.text
        assert "30 places vont dormir" in page.text
        page = page.form("watch-form").submit("Voir", raison="attente")
        assert "Aucune action ne répond" in page.text
        page = browser.get(f"/conventions/a-surveiller?mots={numbers[0]}&mode=file_active")
        assert numbers[0] in page.text and numbers[1] not in page.text
        page = browser.get("/conventions/a-surveiller?raison=toutes")
        assert "30 places vont dormir" in page.text and numbers[0] not in page.text
    for wrong in ("raison=x", "mode=x", "page=2", "raison=toutes&page=2"):
        browser.get(f"/conventions/a-surveiller?{wrong}", status=404)
    sign_in(busy.partner).get("/conventions/a-surveiller", status=403)


def test_files_tell_what_the_page_tells(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session, places=3)
    made(scene).intitule = "=1+1"
    make_prescription(session, scene, State.ENTREE)
    spend(session, scene, officer, 123_456)
    session.commit()
    browser = sign_in(officer)
    rows = list(
        csv.DictReader(
            io.StringIO(
                browser.client.get("/conventions/a-surveiller.csv").data.decode("utf-8-sig"), newline=""
            ),
            delimiter=";",
        )
    )
    assert len(rows) == 1
    row = rows[0]
    assert row["Action"] == "'=1+1"
    assert (row["Dépensé en euros"], row["Prévu en euros"]) == ("1234,56", "4500,00")
    assert (row["Places financées"], row["Entrées"], row["Coût par entrée en euros"]) == ("3", "1", "1234,56")
    root = f"/conventions/{made(scene).convention_id}"
    for address in (
        "/conventions/a-surveiller.xlsx",
        f"{root}/suivi.xlsx?le={clock.today().isoformat()}",
    ):
        answer = browser.client.get(address)
        assert answer.status_code == 200
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0).to_python()
        titles, line, total = sheet
        assert line[titles.index("Action")] == "=1+1"
        assert (line[titles.index("Dépensé en euros")], total[titles.index("Dépensé en euros")]) == (
            1234.56,
            1234.56,
        )
    assert "Dépensé en euros" in browser.client.get(f"{root}/suivi.csv").text


def test_the_cost_of_pages_does_not_grow(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session)
    session.commit()
    browser = sign_in(officer)
    pages = (
        f"/conventions/{made(scene).convention_id}/suivi",
        f"/conventions/{made(scene).convention_id}/actions/{made(scene).id}/suivi",
        f"/conventions/{made(scene).convention_id}",
        "/conventions/a-surveiller",
        "/conventions/a-surveiller?raison=toutes",
        "/conventions/a-surveiller.csv",
    )

    def cost() -> list[int]:
        numbers = []
        for page in pages:
            with count_statements(session) as sent:
                browser.client.get(page)
            numbers.append(len(sent))
        return numbers

    few = cost()
    for n in range(6):
        make_action(session, of(session, scene), [scene.offer], intitule=f"Action {n}")
        other = make_scene(session, places=8)
        make_prescription(session, other, State.ENTREE)
    session.commit()
    assert cost() == few
