"""Action sheets: written, tied to partners' actions, filled with the portal's own figures; their pages and PDF."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import expenses, fiches, planning
from portal.budget.fiche_forms import FicheForm, fiche_as_typed
from portal.budget.models import FicheAction, Nature, StateAmendment, StateConvention, Volet
from portal.conventions.models import Convention
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def values(**changes: Any) -> dict[str, Any]:
    return {
        "titre": "Mobilité solidaire",
        "description": "Des navettes et des permis.",
        "budget_etat_centimes": 1_000_000,
        "budget_collectivite_centimes": 1_000_000,
        "cible_entrants": 2,
        "cible_allocataires": 1,
        "indicateurs": [{"libelle": "Permis", "cible": "3", "realise": "1"}, {"libelle": " ", "cible": "x"}],
        **changes,
    }


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def scene(session: Session, move_clock: Callable[..., datetime]) -> Scene:
    move_clock(2026, 3, 2, 10)
    return make_scene(session)


@pytest.fixture
def convention(session: Session, scene: Scene) -> StateConvention:
    return make_state_convention(
        session,
        {(2026, Volet.SOLUTIONS): 5_000_000},
        signe_le=date(2026, 1, 5),
        date_debut=date(2026, 1, 1),
        date_fin=date(2027, 12, 31),
    )


@pytest.fixture
def sheet(session: Session, convention: StateConvention, officer: User) -> FicheAction:
    return fiches.write(session, convention, 2026, values(), by=officer)


def partner_of(session: Session, scene: Scene) -> Convention:
    assert scene.action is not None
    return session.get_one(Convention, scene.action.convention_id)


def tie(session: Session, scene: Scene, sheet: FicheAction, convention: StateConvention, by: User) -> int:
    assert scene.action is not None
    return fiches.tie(session, sheet, convention, [scene.action], by=by)


def test_a_sheet_is_filled_with_the_portals_figures(
    session: Session, scene: Scene, convention: StateConvention, sheet: FicheAction, officer: User
) -> None:
    assert scene.action is not None
    make_prescription(session, scene, State.ENTREE)
    assert tie(session, scene, sheet, convention, officer) == 1
    assert tie(session, scene, sheet, convention, officer) == 0
    expenses.write(
        session,
        convention,
        2026,
        expense_values(
            volet=Volet.SOLUTIONS,
            nature=Nature.MOBILITE,
            nombre=1_000,
            cout_unitaire_centimes=150_000,
            date_debut=date(2026, 2, 1),
            date_fin=date(2026, 2, 28),
            partner_convention_id=scene.action.convention_id,
            action_id=scene.action.id,
        ),
        by=officer,
    )
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    for amount in (600_000, 400_000):
        planning.write(
            session,
            avenant,
            2026,
            {
                "volet": Volet.SOLUTIONS,
                "nature": Nature.MOBILITE,
                "objet": "Navettes",
                "montant_centimes": amount,
                "fiche_id": sheet.id,
            },
            by=officer,
        )
    told = fiches.told_of(session, convention, 2026, [sheet])[sheet.id]
    assert (told.figures.entrees, told.figures.nouveaux, told.figures.personnes) == (1, 1, 1)
    assert told.figures.financees == 3
    assert [one.action_id for one in told.actions] == [scene.action.id]
    assert (told.prevu, told.depense) == (1_000_000, 150_000)
    assert sheet.indicateurs == [{"libelle": "Permis", "cible": "3", "realise": "1"}]
    assert fiches.period(sheet) == (date(2026, 1, 1), date(2026, 3, 2))
    # A later signed text is the plan in force, whatever a draft says.
    avenant.signe_le = date(2026, 2, 1)
    assert fiches.told_of(session, convention, 2026, [sheet])[sheet.id].prevu == 1_000_000


def test_as_many_statements_whatever_the_sheets(
    session: Session, scene: Scene, convention: StateConvention, officer: User
) -> None:
    counts, made = [], []
    for number in range(6):
        made.append(fiches.write(session, convention, 2026, values(titre=f"Fiche {number}"), by=officer))
        tie(session, scene, made[-1], convention, officer)
        with count_statements(session) as sent:
            fiches.told_of(session, convention, 2026, made)
        counts.append(len(sent))
    assert len(set(counts)) == 1 and counts[0] <= 16


def test_two_people_on_one_sheet(
    session: Session, convention: StateConvention, sheet: FicheAction, officer: User
) -> None:
    fiches.change(session, sheet, convention, values(titre="Un"), by=officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        fiches.change(session, sheet, convention, values(titre="Deux"), by=officer, version=1)
    assert (sheet.titre, sheet.version) == ("Un", 2)
    with pytest.raises(NotAllowed):
        fiches.change(session, sheet, convention, values(), by=make_user(session, Role.ETAT))
    key = uuid.uuid4()
    made = fiches.write(session, convention, 2026, values(), by=officer, id=key)
    assert fiches.write(session, convention, 2026, values(titre="Autre"), by=officer, id=key) is made


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"titre": " "}, "titre"),
        ({"budget_etat_centimes": 10**13}, "budget_etat"),
        ({"duree_mois": 121}, "duree_mois"),
        ({"cible_entrants": -1}, "cible_entrants"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    session: Session, convention: StateConvention, officer: User, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleBroken) as refused:
        fiches.write(session, convention, 2026, values(**changes), by=officer)
    assert refused.value.field == field


def test_a_sheet_that_a_signed_plan_finances_stays(
    session: Session, scene: Scene, convention: StateConvention, sheet: FicheAction, officer: User
) -> None:
    text = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    line = {"volet": Volet.SOLUTIONS, "nature": Nature.MOBILITE, "objet": "Navettes", "fiche_id": sheet.id}
    planning.write(session, text, 2026, line, by=officer)
    text.signe_le = date(2026, 2, 1)
    with pytest.raises(RuleBroken, match="Le plan signé de « Avenant n° 1 »"):
        fiches.remove(session, sheet, convention, by=officer)
    other = fiches.write(session, convention, 2026, values(titre="Autre"), by=officer)
    tie(session, scene, other, convention, officer)
    draft = make_state_amendment(session, convention, {}, numero=2, signe_le=None)
    kept = planning.write(session, draft, 2026, {**line, "fiche_id": other.id}, by=officer)
    fiches.remove(session, other, convention, by=officer)
    session.refresh(kept)
    assert kept.fiche_id is None
    convention.state = ConventionState.CLOSE
    with pytest.raises(RuleBroken, match="close"):
        fiches.change(session, sheet, convention, values(titre="Trop tard"), by=officer)


def test_only_running_actions_of_the_year_are_tied(
    session: Session, scene: Scene, convention: StateConvention, sheet: FicheAction, officer: User
) -> None:
    assert scene.action is not None
    partner = partner_of(session, scene)
    late = fiches.write(session, convention, 2027, values(), by=officer)
    with pytest.raises(RuleBroken, match="elle n’a pas de jour en 2027"):
        tie(session, scene, late, convention, officer)
    partner.state, partner.signee_le = ConventionState.BROUILLON, None
    with pytest.raises(RuleBroken, match="en brouillon"):
        tie(session, scene, sheet, convention, officer)
    assert not fiches.untie(session, sheet, convention, scene.action.id, by=officer)


def test_a_draft_that_adds_a_year_has_its_sheets(
    session: Session, convention: StateConvention, officer: User, sign_in: SignIn
) -> None:
    with pytest.raises(RuleBroken, match="va de 2026 à 2027 : 2028 n’a pas de fiche"):
        fiches.write(session, convention, 2028, values(), by=officer)
    make_state_amendment(session, convention, {}, numero=1, signe_le=None, date_fin=date(2028, 6, 30))
    made = fiches.write(session, convention, 2028, values(), by=officer)
    browser = sign_in(officer)
    assert made.titre in browser.get(f"/budget/{convention.id}/fiches/2028").text
    browser.get(f"/budget/{convention.id}/fiches/2029", status=404)


def test_the_form_loses_nothing_of_a_sheet(session: Session, sheet: FicheAction) -> None:
    written = FicheForm(None, data=fiche_as_typed(sheet)).to_values()
    assert written["indicateurs"][0] == {"libelle": "Permis", "cible": "3", "realise": "1"}
    assert {name: getattr(sheet, name) for name in fiches.FIELDS if name != "indicateurs"} == {
        name: value for name, value in written.items() if name != "indicateurs"
    }


def test_an_officer_writes_a_sheet_and_reads_its_indicators(
    session: Session, scene: Scene, convention: StateConvention, officer: User, sign_in: SignIn
) -> None:
    assert scene.action is not None
    person = make_beneficiary(session, scene.referent, nom="Nomsecret")
    make_prescription(session, scene, State.ENTREE, person)
    numero = partner_of(session, scene).numero
    browser = sign_in(officer)
    page = browser.get(f"/budget/{convention.id}/fiches/2026")
    form = page.click("Ajouter une fiche").form("fiche-form")
    wrong = form.submit("Enregistrer", status=422, duree_mois="mille", cible_entrants="-1")
    assert {"titre", "duree_mois", "cible_entrants"} <= set(wrong.errors)
    made = wrong.form("fiche-form").submit(
        "Enregistrer",
        titre="Mobilité",
        contexte="Un territoire\nrural",
        duree_mois="12",
        cible_entrants="2",
        libelle_1="Permis obtenus",
        cible_1="4",
    )
    assert made.h1 == "Mobilité" and "Permis obtenus" in made.text and "1 personne" not in made.h1
    refused = made.form("tie-form").submit("Ajouter", status=422, partenaire="INCONNU")
    assert "relisez-le" in refused.errors["partenaire"]
    refused = refused.form("tie-form").submit("Ajouter", status=422, partenaire=numero, action="Autre")
    assert "Action d’exemple" in refused.errors["action"]
    tied = refused.form("tie-form").submit("Ajouter", partenaire=numero, action="action D’EXEMPLE")
    assert "1 personne de moins que la cible" in tied.text
    assert "dont la première entrée dans une offre du portail" in tied.text
    assert "Nomsecret" not in tied.text
    pdf = browser.get(f"/budget/{convention.id}/fiche/{only(session).id}.pdf").response
    assert pdf.data.startswith(b"%PDF") and pdf.data.count(b"/Type /Page\n") == 1
    listed = browser.get(f"/budget/{convention.id}/fiches/2026")
    assert "1 sur 2" in listed.text
    # Two people.
    edit = browser.get(f"/budget/{convention.id}/fiche/{only(session).id}/modifier")
    fiches.change(
        session,
        only(session),
        session.get_one(StateConvention, convention.id),
        values(titre="De l’autre"),
        by=make_user(session, Role.CONVENTIONNEMENT),
    )
    session.commit()
    told = edit.form("fiche-form").submit("Enregistrer", status=409, titre="Le mien")
    assert "De l’autre" in told.text and told.form("fiche-form").values["titre"] == "Le mien"
    untied = browser.get(f"/budget/{convention.id}/fiche/{only(session).id}").form("oter").submit()
    assert "ôtée de la fiche" in untied.text
    edit = untied.click("Modifier la fiche")
    assert "est ôtée" in edit.form("supprimer").submit("Ôter la fiche").text


def test_a_sheet_taken_away_meanwhile_loses_nothing_typed(
    session: Session, convention: StateConvention, sheet: FicheAction, officer: User, sign_in: SignIn
) -> None:
    session.commit()
    edit = sign_in(officer).get(f"/budget/{convention.id}/fiche/{sheet.id}/modifier")
    fiches.remove(session, sheet, convention, by=officer)
    session.commit()
    told = edit.form("fiche-form").submit("Enregistrer", status=422, contexte="Un long texte")
    assert "a été ôtée pendant que vous écriviez" in told.text
    again = told.form("fiche-form").submit("Enregistrer")
    assert "Un long texte" in again.text and only(session).id != sheet.id


def only(session: Session) -> FicheAction:
    return session.exec(select(FicheAction)).one()


def test_the_state_reads_and_writes_nothing(
    session: Session, convention: StateConvention, sheet: FicheAction, sign_in: SignIn
) -> None:
    browser = sign_in(make_user(session, Role.ETAT))
    page = browser.get(f"/budget/{convention.id}/fiche/{sheet.id}")
    assert "Modifier la fiche" not in page.text and page.buttons() == ["Imprimer"]
    browser.get(f"/budget/{convention.id}/fiche/{sheet.id}/modifier", status=403)
    other = make_state_convention(session, {})
    browser.get(f"/budget/{other.id}/fiche/{sheet.id}", status=404)
    assert session.exec(select(StateAmendment)).all()


@pytest.mark.parametrize(("role", "followed"), [(Role.ETAT, True), (Role.ADMINISTRATION, False)])
def test_who_reads_the_conventions_of_partners_follows_them(
    session: Session,
    convention: StateConvention,
    sheet: FicheAction,
    sign_in: SignIn,
    officer: User,
    role: Role,
    followed: bool,
) -> None:
    scene = make_scene(session, places=5)
    tie(session, scene, sheet, convention, officer)
    page = sign_in(make_user(session, role)).get(f"/budget/{convention.id}/fiche/{sheet.id}")
    partner = partner_of(session, scene)
    assert partner.numero in page.text
    assert bool(page.soup.select(f"main a[href='/conventions/{partner.id}']")) is followed


def test_a_long_sheet_still_fits_one_page(
    session: Session, convention: StateConvention, sheet: FicheAction, sign_in: SignIn
) -> None:
    sheet.description = "Un paragraphe assez long pour tenir sur plusieurs lignes de la page. " * 130
    sheet.contexte = "Une ligne\n" * 300
    answer = (
        sign_in(make_user(session, Role.ETAT)).get(f"/budget/{convention.id}/fiche/{sheet.id}.pdf").response
    )
    assert answer.data.count(b"/Type /Page\n") == 1
