"""The life of a convention: draft, signed, over, closed, ended before its time; two people at once; an old tab."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import endings, history, ledger, life, rules, taking, writing
from portal.conventions.engagements import ConventionEvent
from portal.conventions.models import Convention, PlaceMode
from portal.conventions.states import ConventionState, Standing
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, PlacesEnded, RuleBroken
from portal.prescriptions import answers
from portal.prescriptions.states import State
from portal.structures.models import Structure
from tests.conventions.hands import SignIn, made
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner, make_structure
from tests.statements import count_statements

MoveClock = Callable[..., datetime]


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def ended(session: Session, days: int = 5, **values: Any) -> Convention:
    today = clock.today()
    return make_convention(
        session,
        make_structure(session),
        date_debut=today - timedelta(days=365),
        date_fin=today - timedelta(days=days),
        signee_le=today - timedelta(days=370),
        **values,
    )


def facts(session: Session, convention: Convention) -> list[str]:
    session.flush()
    return [line.fait for line, _ in reversed(history.lines(session, convention))]


# --- Signed ---


def test_a_draft_gives_no_place_until_it_is_signed(session: Session, officer: User) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    convention = make_convention(session, structure, signee_le=None)
    make_action(session, convention, [offer], places=2)
    assert taking.running_actions(session, offer.id, clock.today()) == []
    life.sign(session, convention, signee_le=clock.today(), by=officer)
    assert len(taking.running_actions(session, offer.id, clock.today())) == 1
    assert convention.standing_on(clock.today()) is Standing.ACTIVE
    with pytest.raises(AlreadyDone):
        life.sign(session, convention, signee_le=clock.today(), by=officer)
    with pytest.raises(NotAllowed):
        life.sign(session, convention, signee_le=clock.today(), by=partner)


def test_a_signature_to_come_is_refused_at_its_field(session: Session, officer: User) -> None:
    convention = make_convention(session, make_structure(session), signee_le=None)
    with pytest.raises(RuleBroken) as refused:
        life.sign(session, convention, signee_le=clock.today() + timedelta(days=1), by=officer)
    assert refused.value.field == "signee_le"
    with pytest.raises(RuleBroken):
        make_convention(session, make_structure(session), signee_le=clock.today() + timedelta(days=1))


def test_a_draft_is_signed_on_its_page(session: Session, officer: User, sign_in: SignIn) -> None:
    convention = make_convention(session, make_structure(session), signee_le=None)
    page = sign_in(officer).get(f"/conventions/{convention.id}")
    assert "Brouillon" in page.text
    form = page.click("Signer").form("sign-form")
    assert list(form.submit(signee_le="", status=422).errors) == ["signee_le"]
    shown = form.submit(signee_le=clock.today().isoformat())
    assert "Ses places comptent dès maintenant" in shown.text
    assert "Convention signée" in shown.text, "the history says it"
    session.refresh(convention)
    assert (convention.state, convention.version) == (ConventionState.SIGNEE, 2)


def test_what_is_signed_is_read_before(session: Session, officer: User, sign_in: SignIn) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure, signee_le=None, montant_centimes=2_999_999)
    make_action(session, convention, [make_offer(session, structure)], places=20, intitule="Permis")
    page = sign_in(officer).get(f"/conventions/{convention.id}/signer")
    table = page.soup.select_one("main table")
    assert table is not None
    assert [cell.get_text(strip=True) for cell in table.select("tbody tr > *")] == [
        "Permis",
        "20",
        "1\u202f500,00\xa0€",
        "30\u202f000,00\xa0€",
    ]
    assert "0,01\xa0€ de plus que le montant" in str(page.soup.select_one(".alert-warning"))


def test_a_signed_convention_keeps_a_day_of_signature(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = make_convention(session, make_structure(session))
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    assert list(form.submit("Enregistrer", signee_le="", status=422).errors) == ["signee_le"]


# --- Every change with who, when, why ---


def test_a_correction_tells_before_and_after_with_who_and_why(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = make_convention(session, make_structure(session), montant_centimes=3_000_000)
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    page = form.submit("Enregistrer", montant="31 000,50", motif="Erreur de saisie")
    for said in ("Convention corrigée", "Erreur de saisie", "30 000,00 €", "31 000,50 €", officer.full_name):
        assert said in page.text
    before = len(session.exec(select(ConventionEvent)).all())
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    form.submit("Enregistrer")
    assert len(session.exec(select(ConventionEvent)).all()) == before, "nothing changed: nothing to tell"


def test_two_people_at_once_are_told_and_nothing_is_lost(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = make_convention(session, make_structure(session))
    browser = sign_in(officer)
    first, second = (
        browser.get(f"/conventions/{convention.id}/modifier").form("convention-form") for _ in range(2)
    )
    first.submit("Enregistrer", intitule="La première")
    page = second.submit("Enregistrer", status=409, intitule="La seconde", motif="Une faute")
    assert "Quelqu’un d’autre a modifié cette fiche" in page.text and "La première" in page.text
    # The reason of the second is no answer of the first.
    assert [cell.get_text() for cell in page.soup.select("#error-summary tbody th")] == ["Intitulé"]
    again = page.form("convention-form")
    assert again.values["intitule"] == "La seconde"
    again.submit("Enregistrer")
    session.refresh(convention)
    assert convention.intitule == "La seconde"


def test_an_action_changed_twice_at_once_is_told(session: Session, officer: User, sign_in: SignIn) -> None:
    action = made(make_scene(session))
    browser = sign_in(officer)
    path = f"/conventions/{action.convention_id}/actions/{action.id}/modifier"
    first, second = (browser.get(path).form("action-form") for _ in range(2))
    first.submit("Enregistrer", places_financees="9")
    page = second.submit("Enregistrer", status=409, places_financees="8")
    assert page.form("action-form").values["places_financees"] == "8"
    page.form("action-form").submit("Enregistrer")
    session.refresh(action)
    assert action.places_financees == 8


def test_a_closed_convention_edited_from_an_old_tab_is_refused_and_nothing_is_lost(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = ended(session)
    offer = make_offer(session, session.get_one(Structure, convention.structure_id))
    action = make_action(session, convention, [offer])
    browser = sign_in(officer)
    old = browser.get(f"/conventions/{convention.id}/modifier").form("convention-form")
    old_action = browser.get(f"/conventions/{convention.id}/actions/{action.id}/modifier").form("action-form")
    old_amendment = browser.get(f"/conventions/{convention.id}/avenant").form("amendment-form")
    life.close(session, convention, by=officer)
    session.commit()
    page = old.submit("Enregistrer", status=422, intitule="Trop tard")
    assert "Cette convention est close" in page.text
    assert page.form("convention-form").values["intitule"] == "Trop tard"
    assert "est close" in old_action.submit("Enregistrer", status=422, intitule="Trop tard").text
    page = old_amendment.submit(status=422, objet="Trop tard", d_montant="500")
    assert "est close" in page.text and page.form("amendment-form").values["objet"] == "Trop tard"
    session.refresh(convention)
    assert convention.intitule == "Convention d’exemple"
    fresh = browser.get(f"/conventions/{convention.id}/modifier")
    assert "Cette convention est close" in fresh.text and not fresh.soup.select("#convention-form")


# --- Over, closed, opened again ---


def test_a_convention_that_runs_is_not_closed(session: Session, officer: User) -> None:
    for values in ({}, {"signee_le": None}):
        convention = make_convention(session, make_structure(session), **values)
        with pytest.raises(RuleBroken) as refused:
            life.close(session, convention, by=officer)
        assert not isinstance(refused.value, AlreadyDone)


def test_closed_then_opened_again_with_a_reason(session: Session, officer: User, sign_in: SignIn) -> None:
    convention = ended(session)
    browser = sign_in(officer)
    page = browser.get(f"/conventions/{convention.id}").click("Clore").form("close-form").submit()
    assert "La convention est close." in page.text
    form = page.click("Rouvrir").form("reopen-form")
    assert list(form.submit(motif="", status=422).errors) == ["motif"]
    form.submit(motif="Close par erreur")
    assert facts(session, convention)[-2:] == ["Convention close", "Convention rouverte"]
    session.refresh(convention)
    assert convention.state is ConventionState.SIGNEE


def test_what_is_over_is_closed_one_tick_each(session: Session, officer: User, sign_in: SignIn) -> None:
    over, other = ended(session, 5), ended(session, 100)
    running = make_convention(session, make_structure(session))
    browser = sign_in(officer)
    page = browser.get("/conventions/a-clore")
    assert over.numero in page.text and other.numero in page.text and running.numero not in page.text
    assert "Cochez d’abord" in page.form("close-form").submit(status=422).text
    page.form("close-form").submit(convention=[str(over.id), str(running.id)])
    for convention in (over, other, running):
        session.refresh(convention)
    assert [c.state for c in (over, other, running)] == [
        ConventionState.CLOSE,
        ConventionState.SIGNEE,
        ConventionState.SIGNEE,
    ]


def test_the_list_of_what_is_over_counts_who_is_still_there(session: Session, move_clock: MoveClock) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=3, mode=PlaceMode.FILE_ACTIVE)
    make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.ACCEPTEE)
    move_clock(2031, 1, 1, 10)
    with count_statements(session) as sent:
        (found,) = endings.to_close(session, clock.today())
    assert (found.occupees, found.retenues, len(sent)) == (1, 1, 2)


# --- The days of grace ---


def test_within_the_grace_all_is_written_afterwards_nothing(session: Session, officer: User) -> None:
    within, beyond = ended(session, 60), ended(session, 61)
    today = clock.today()
    assert writing.is_open(within) and writing.grace_left(within, today) == 0
    assert not writing.is_open(beyond) and writing.grace_left(beyond, today) is None
    values = {
        "numero": beyond.numero,
        "intitule": "Autre",
        "structure_id": beyond.structure_id,
        "date_debut": beyond.date_debut,
        "date_fin": beyond.date_fin,
        "montant_centimes": 1,
    }
    with pytest.raises(AlreadyDone, match="délai de grâce"):
        rules.change_convention(session, beyond, values, by=officer)
    rules.change_convention(session, beyond, {**values, "grace_jours": 90}, by=officer)
    assert writing.grace_left(beyond, today) == 29


def test_the_partner_reads_how_many_days_are_left(
    session: Session, sign_in: SignIn, move_clock: MoveClock
) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session)
    convention = of(session, scene)
    convention.date_fin = date(2030, 4, 30)
    session.commit()
    move_clock(2030, 5, 10, 10)
    path = f"/conventions/{convention.id}"
    assert "Encore 50 jours" in sign_in(scene.partner).get(path).text
    move_clock(2030, 7, 10, 10)
    page = sign_in(scene.partner).get(path)
    assert "elle se lit seulement" in page.text and "Historique" not in page.text


# --- Ended before its time ---


def test_ending_moves_the_last_day_and_keeps_everybody(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = make_scene(session, places=3, mode=PlaceMode.FILE_ACTIVE)
    inside = make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.ACCEPTEE)
    convention = of(session, scene)
    former, today = convention.date_fin, clock.today()
    page = sign_in(officer).get(f"/conventions/{convention.id}").click("Résilier")
    assert "1 personne occupe une place" in page.text and "1 place est retenue" in page.text
    form = page.form("terminate-form")
    assert set(form.submit(status=422).errors) == {"resiliee_le", "motif"}
    wrong = form.submit(status=422, resiliee_le=(former + timedelta(days=1)).isoformat(), motif="Fin")
    assert list(wrong.errors) == ["resiliee_le"] and wrong.form("terminate-form").values["motif"] == "Fin"
    given = form.submit(status=422, resiliee_le=(today - timedelta(days=1)).isoformat(), motif="Fin")
    assert "Une place a été donnée" in given.errors["resiliee_le"]
    shown = form.submit(resiliee_le=today.isoformat(), motif="L’association ferme")
    assert "Résiliée" in shown.text and "L’association ferme" in shown.text
    session.refresh(convention)
    assert (convention.date_fin, convention.resiliee_le) == (today, today)
    places = ledger.places_of_actions(session, [made(scene)])[made(scene).id]
    assert (places.occupees, places.retenues) == (1, 1)
    with pytest.raises(PlacesEnded, match="résiliée"):
        make_prescription(session, scene, State.ACCEPTEE)
    answers.finish(session, inside, by=scene.partner, day=today)
    with pytest.raises(AlreadyDone):
        life.terminate(session, convention, last_day=today, motif="Encore", by=officer)


def test_a_stale_page_does_not_end_what_changed(session: Session, officer: User) -> None:
    convention = make_convention(session, make_structure(session))
    with pytest.raises(ChangedMeanwhile):
        life.terminate(session, convention, last_day=clock.today(), motif="Fin", by=officer, version=7)


# --- Announced three times ---


def test_the_end_is_announced_at_ninety_thirty_and_seven_days(session: Session, officer: User) -> None:
    today = clock.today()
    kinds = {}
    for left in (91, 90, 31, 30, 8, 7, 0):
        convention = make_convention(session, make_structure(session), date_fin=today + timedelta(days=left))
        kinds[convention.id] = left
    make_convention(session, make_structure(session), date_fin=today + timedelta(days=9), signee_le=None)
    session.flush()
    with count_statements(session) as sent:
        found = endings.ending_soon(session, today)
    assert len(sent) == 1
    assert [(kinds[one.sujet_id], one.kind, one.jours) for one in found] == [
        (0, "fin-7", 0),
        (7, "fin-7", 7),
        (8, "fin-30", 8),
        (30, "fin-30", 30),
        (31, "fin-90", 31),
        (90, "fin-90", 90),
    ]


def test_a_signed_renewal_is_announcement_enough(session: Session, officer: User) -> None:
    today = clock.today()
    structure = make_structure(session)
    convention = make_convention(session, structure, date_fin=today + timedelta(days=20))
    following = make_convention(
        session,
        structure,
        date_debut=today + timedelta(days=21),
        date_fin=today + timedelta(days=300),
        signee_le=None,
        renouvelle_id=convention.id,
    )
    assert len(endings.ending_soon(session, today)) == 1
    life.sign(session, following, signee_le=today, by=officer)
    assert endings.ending_soon(session, today) == []
