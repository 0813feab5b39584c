"""The financing plan: lines on a draft only, totals that are their parts', ceilings, what changed; its pages and files."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import history, plan, planning
from portal.budget.models import FicheAction, Nature, PlanLine, StateAmendment, StateConvention, Volet
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention
from tests.pages import Browser
from tests.statements import count_statements
from tests.xlsx import Workbook

SignIn = Callable[[User], Browser]
AMOUNTS = {(2024, Volet.INGENIERIE): 20_000_000, (2024, Volet.SOLUTIONS): 50_000_000}


def values(**changes: Any) -> dict[str, Any]:
    return {
        "volet": Volet.INGENIERIE,
        "nature": Nature.INGENIERIE,
        "objet": "Chefferie de projet",
        "cible_etp": 200,
        "cible_centimes": 15_000_000,
        "montant_centimes": 15_000_000,
        **changes,
    }


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 2, 1, 10)
    return make_state_convention(session, AMOUNTS, signe_le=None)


@pytest.fixture
def draft(session: Session, convention: StateConvention) -> StateAmendment:
    return session.exec(select(StateAmendment).where(StateAmendment.convention_id == convention.id)).one()


def sign(session: Session, convention: StateConvention, text: StateAmendment) -> None:
    text.signe_le = date(2024, 1, 15)
    convention.state = ConventionState.SIGNEE
    session.flush()


def fiche(session: Session, convention: StateConvention, annee: int = 2024) -> FicheAction:
    made = FicheAction(convention_id=convention.id, annee=annee, titre="Mobilité")
    session.add(made)
    session.flush()
    return made


# --- Writing ---------------------------------------------------------------------------------------------------------


def test_lines_are_added_changed_moved_and_taken_away(
    session: Session, draft: StateAmendment, officer: User
) -> None:
    first = planning.write(session, draft, 2024, values(), by=officer)
    second = planning.write(session, draft, 2024, values(objet="Pilotage", montant_centimes=1), by=officer)
    other = planning.write(session, draft, 2024, values(objet="SI", nature=Nature.SI), by=officer)

    def objets() -> list[str]:
        return [line.objet for line in plan.of(session, draft, 2024).lines]

    assert objets() == ["Chefferie de projet", "Pilotage", "SI"]
    assert planning.move(session, second, draft, up=True, by=officer)
    assert not planning.move(session, second, draft, up=True, by=officer)
    # Lines of another nature are not passed.
    assert not planning.move(session, other, draft, up=True, by=officer)
    assert objets() == ["Pilotage", "Chefferie de projet", "SI"]
    planning.change(session, first, draft, values(objet="Direction", existant_etp=150), by=officer)
    assert plan.of_line(first).difference_etp == 50
    planning.remove(session, second, draft, by=officer)
    assert objets() == ["Direction", "SI"]
    assert plan.of(session, draft, 2023).lines == []
    convention = session.get_one(StateConvention, draft.convention_id)
    assert sorted(event.fait for event, _ in history.lines(session, convention)) == [
        "Plan 2024, Convention initiale : ligne ajoutée, Chefferie de projet",
        "Plan 2024, Convention initiale : ligne ajoutée, Pilotage",
        "Plan 2024, Convention initiale : ligne ajoutée, SI",
        "Plan 2024, Convention initiale : ligne déplacée, Pilotage",
        "Plan 2024, Convention initiale : ligne modifiée, Direction",
        "Plan 2024, Convention initiale : ligne ôtée, Pilotage",
    ]


def test_a_signed_plan_never_changes(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    line = planning.write(session, draft, 2024, values(), by=officer)
    sign(session, convention, draft)
    with pytest.raises(AlreadyDone, match="Écrivez un avenant"):
        planning.write(session, draft, 2024, values(), by=officer)
    with pytest.raises(AlreadyDone):
        planning.change(session, line, draft, values(objet="Autre"), by=officer)
    with pytest.raises(AlreadyDone):
        planning.move(session, line, draft, up=True, by=officer)
    with pytest.raises(AlreadyDone):
        planning.remove(session, line, draft, by=officer)
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    convention.state = ConventionState.CLOSE
    with pytest.raises(RuleBroken, match="close"):
        planning.write(session, avenant, 2024, values(), by=officer)


def test_only_officers_write_and_a_second_press_writes_once(
    session: Session, draft: StateAmendment, officer: User
) -> None:
    for role in (Role.ETAT, Role.ADMINISTRATION, Role.PARTENAIRE):
        with pytest.raises(NotAllowed):
            planning.write(session, draft, 2024, values(), by=make_user(session, role))
    key = uuid.uuid4()
    made = planning.write(session, draft, 2024, values(), by=officer, id=key)
    assert planning.write(session, draft, 2024, values(), by=officer, id=key) is made
    assert len(plan.of(session, draft, 2024).lines) == 1


def test_two_people_on_one_line(session: Session, draft: StateAmendment, officer: User) -> None:
    line = planning.write(session, draft, 2024, values(), by=officer)
    opened = plan.state_of(line)
    planning.change(session, line, draft, values(objet="Un"), by=officer, state=opened)
    with pytest.raises(ChangedMeanwhile):
        planning.change(session, line, draft, values(objet="Deux"), by=officer, state=opened)
    with pytest.raises(ChangedMeanwhile):
        planning.remove(session, line, draft, by=officer, state=opened)
    # What is already so is no conflict.
    planning.change(session, line, draft, values(objet="Un"), by=officer, state=opened)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"objet": "  "}, "objet"),
        ({"montant_centimes": 10**12 + 1}, "montant"),
        ({"cible_etp": 10**6 + 1}, "cible_etp"),
        ({"autres_centimes": 1}, "autres_sources"),
        ({"fiche_id": uuid.UUID(int=1), "volet": Volet.SOLUTIONS}, "fiche"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    session: Session, draft: StateAmendment, officer: User, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleBroken) as refused:
        planning.write(session, draft, 2024, values(**changes), by=officer)
    assert refused.value.field == field


def test_a_line_stays_within_the_convention_and_its_sheets(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    with pytest.raises(RuleBroken, match="2022 n’a pas de plan"):
        planning.write(session, draft, 2022, values(), by=officer)
    with pytest.raises(RuleBroken, match="va de 2023 à 2024"):
        planning.write(session, draft, 2025, values(), by=officer)
    draft.date_fin = date(2025, 12, 31)
    planning.write(session, draft, 2025, values(), by=officer)
    made = fiche(session, convention)
    with pytest.raises(RuleBroken, match="volet 2"):
        planning.write(session, draft, 2024, values(fiche_id=made.id), by=officer)
    with pytest.raises(RuleBroken, match="pas de cette année"):
        planning.write(session, draft, 2023, values(fiche_id=made.id, volet=Volet.SOLUTIONS), by=officer)
    for objet in ("Navettes", "Permis"):
        planning.write(
            session,
            draft,
            2024,
            values(fiche_id=made.id, volet=Volet.SOLUTIONS, nature=Nature.MOBILITE, objet=objet),
            by=officer,
        )
    assert plan.of(session, draft, 2024).fiches == {made.id: made}


# --- Ceilings and what changed ------------------------------------------------------------------------------------------


def test_a_plan_above_its_amounts_is_not_signed(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    planning.write(session, draft, 2024, values(montant_centimes=20_000_000), by=officer)
    assert plan.problems(session, draft) == []
    over = planning.write(session, draft, 2024, values(nature=Nature.SI, montant_centimes=1), by=officer)
    told = plan.of(session, draft, 2024)
    assert (told.volets[0].depassement, told.volets[0].reste, told.volets[1].reste) == (1, 0, 50_000_000)
    # What is left on another volet is of no help.
    assert [wrong.message for wrong in plan.problems(session, draft)] == [
        "Le plan 2024 demande 200\u202f000,01\u00a0€ à l’État sur le volet 1, pour 200\u202f000,00\u00a0€ : ôtez-en "
        "0,01\u00a0€, ou augmentez le montant du volet."
    ]
    planning.remove(session, over, draft, by=officer)
    sign(session, convention, draft)
    # An avenant that lowers the amount, its plan not restated: the former plan does not hold any more.
    lower = make_state_amendment(
        session, convention, {(2024, Volet.INGENIERIE): 19_000_000}, numero=1, signe_le=None
    )
    assert ["Le plan 2024 (Convention initiale)" in w.message for w in plan.problems(session, lower)] == [
        True
    ]
    assert planning.restate(session, lower, 2024, by=officer) == 1
    line = plan.of(session, lower, 2024).lines[0]
    planning.change(session, line, lower, values(montant_centimes=19_000_000), by=officer)
    assert plan.problems(session, lower) == []
    former, differences = plan.compared(session, lower, 2024) or (None, [])
    assert former is not None and former.id == draft.id
    assert [(d.nature, d.avant, d.apres, d.ecart) for d in differences] == [
        (Nature.INGENIERIE, 20_000_000, 19_000_000, -1_000_000)
    ]
    assert plan.compared(session, draft, 2024) is None
    # The plan of another avenant, whose year it does not name, is not its matter.
    later = make_state_amendment(session, convention, {(2023, Volet.SOLUTIONS): 0}, numero=2, signe_le=None)
    assert plan.problems(session, later) == []


def test_engineering_is_capped_in_the_plan(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    planning.write(session, draft, 2024, values(cible_etp=300), by=officer)
    # What the State pays nothing of is the département's own matter.
    planning.write(session, draft, 2024, values(cible_etp=500, montant_centimes=0), by=officer)
    assert plan.problems(session, draft) == []
    planning.write(session, draft, 2024, values(cible_etp=25, montant_centimes=1), by=officer)
    assert [wrong.message for wrong in plan.problems(session, draft)] == [
        "Le plan 2024 vise 3,25 ETP d’ingénierie, pour 3 au plus : ôtez-en 0,25."
    ]
    convention.etp_ingenierie_max = None
    assert plan.problems(session, draft) == []


def test_a_plan_is_taken_over_whole_and_once(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    with pytest.raises(RuleBroken, match="Aucun texte plus ancien"):
        planning.restate(session, draft, 2024, by=officer)
    planning.write(session, draft, 2024, values(), by=officer)
    planning.write(session, draft, 2024, values(objet="Deux"), by=officer)
    sign(session, convention, draft)
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    assert planning.restate(session, avenant, 2024, by=officer) == 2
    assert plan.of(session, avenant, 2024).sums == plan.of(session, draft, 2024).sums
    with pytest.raises(AlreadyDone):
        planning.restate(session, avenant, 2024, by=officer)


# --- Pages and files ----------------------------------------------------------------------------------------------------


def url(draft: StateAmendment, more: str = "") -> str:
    return f"/budget/{draft.convention_id}/textes/{draft.id}/plan/2024{more}"


def test_an_officer_writes_the_plan(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    page = browser.get(f"/budget/{convention.id}/plan/2024")
    assert page.path == url(draft) and page.h1 == "Plan de financement 2024"
    form = page.click("Ajouter une ligne").form("line-form")
    wrong = form.submit("Enregistrer", status=422, objet="Chefferie", montant="1.500", existant="abc")
    assert {"volet", "nature", "montant", "existant"} <= set(wrong.errors)
    saved = wrong.form("line-form").submit(
        "Enregistrer",
        volet="1",
        nature="equipes-ingenierie",
        montant="200 000,01",
        existant="",
        cible_etp="3,5",
    )
    assert "Dépassé de 0,01" in saved.text and "3,5 ETP visés sur 3" in saved.text
    assert "Au-dessus de ce que la convention permet" in saved.text
    edit = saved.click("Chefferie").form("line-form")
    # Somebody else saves meanwhile: both are shown, nothing is lost.
    line = session.exec(select(PlanLine)).one()
    planning.change(
        session,
        line,
        draft,
        values(objet="De l’autre", cible_etp=300),
        by=make_user(session, Role.CONVENTIONNEMENT),
    )
    session.commit()
    told = edit.submit("Enregistrer", status=409, objet="Le mien")
    assert "De l’autre" in told.text and told.form("line-form").values["objet"] == "Le mien"
    mine = told.form("line-form").submit("Enregistrer", montant="200 000")
    assert "Le mien" in mine.text and "Dans le montant" in mine.text
    gone = mine.click("Le mien").form("supprimer").submit("Ôter la ligne")
    assert "est ôtée du plan" in gone.text and "Pas de plan pour 2024" in gone.text


def test_an_avenant_begins_with_the_former_plan(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User, sign_in: SignIn
) -> None:
    for objet in ("Un", "Deux"):
        planning.write(session, draft, 2024, values(objet=objet, montant_centimes=100), by=officer)
    sign(session, convention, draft)
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    browser = sign_in(officer)
    page = browser.get(url(avenant)).form("reprendre").submit()
    assert (
        "2 lignes sont reprises" in page.text and "Ce qui change depuis « Convention initiale »" in page.text
    )
    lines = plan.of(session, avenant, 2024).lines
    moved = page.form(f"{lines[1].id}/deplacer").submit("Monter : Deux")
    assert moved.path == url(avenant)
    assert [line.objet for line in plan.of(session, avenant, 2024).lines] == ["Deux", "Un"]
    # The plan in force is that of the signed text, which nobody changes.
    signed = browser.get(f"/budget/{convention.id}/plan/2024")
    assert signed.path == url(draft) and "Ce plan ne change plus" in signed.text
    assert "Ajouter une ligne" not in signed.text
    browser.get(url(draft, "/nouvelle"))
    # The State reads what is signed, and no draft.
    state = sign_in(make_user(session, Role.ETAT))
    read = state.get(f"/budget/{convention.id}/plan/2024")
    assert read.path == url(draft) and "Avenant n° 1" not in read.text
    state.get(url(avenant), status=404)
    state.get(url(avenant, ".xlsx"), status=404)


def test_the_plan_leaves_as_files(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User, sign_in: SignIn
) -> None:
    planning.write(session, draft, 2024, values(detail="<b>Détail</b> & suite\u202f!"), by=officer)
    browser = sign_in(officer)
    answer = browser.get(url(draft, ".xlsx")).response
    book = Workbook(answer.data)
    assert book.disagreements() == []
    assert book.number("Plan 2024", book.beside("Plan 2024", "Total 2024", "J")) == 150_000
    assert 'filename="plan-2024-etat-' in answer.headers["Content-Disposition"].lower()
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.get(url(draft, ".pdf")).response.data.startswith(b"%PDF")
    browser.get(url(draft, ".odt"), status=404)


def test_as_many_statements_whatever_the_lines(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    counts = []
    for _ in range(2):
        for number in range(8):
            planning.write(session, draft, 2024, values(objet=f"Ligne {number}"), by=officer)
        session.commit()
        with count_statements(session) as sent:
            browser.get(url(draft))
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 12
