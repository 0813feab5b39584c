"""Parcours types: a row for each financed action of the period, what offers do not say, and the files."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import delete
from sqlmodel import Session, col

from portal.accounts.models import Role, User
from portal.budget import parcours
from portal.budget.parcours import Parcours
from portal.conventions.models import ActionOffer, PlaceChange
from portal.conventions.states import ConventionState
from portal.offers.models import OfferState
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser
from tests.statements import count_statements
from tests.xlsx import Workbook

SignIn = Callable[[User], Browser]
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture(autouse=True)
def _in_march(move_clock: Callable[..., datetime]) -> None:
    move_clock(2026, 3, 2, 10)


def rows(session: Session, debut: date = YEAR[0], fin: date = YEAR[1]) -> list[Parcours]:
    return parcours.told(session, session.execute(parcours.statement(debut, fin)).all(), fin)


def test_a_row_says_what_action_and_offers_say(session: Session) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure, date_fin=date(2026, 12, 31))
    offers = [
        make_offer(
            session, structure, nom="Atelier A", type="atelier", nombre_semaines=8, frequence="le mardi"
        ),
        make_offer(session, structure, nom="Suivi B", description="Suivre " * 60),
    ]
    action = make_action(session, convention, offers, places=10, intitule="Remobilisation")
    session.add(
        PlaceChange(action_id=action.id, d_financees=2, effet_le=date(2026, 6, 1), motif="Avenant d’exemple")
    )
    session.flush()
    (row,) = rows(session)
    assert (row.nom, row.duree, row.cout_unitaire, row.places) == (
        "Remobilisation",
        "8 à 12 semaines",
        150_000,
        12,
    )
    assert row.modalites == (
        "Atelier A : 6 h par semaine, 48 h en tout, collectif, le mardi, en présentiel\n"
        "Suivi B : 6 h par semaine, 72 h en tout, individuel, en présentiel"
    )
    assert row.contenu.startswith("Atelier A : Un atelier") and row.contenu_court.endswith("…")
    assert row.public == "Bénéficiaires des minimas sociaux" and row.manques == []
    assert rows(session, *(YEAR[0], date(2026, 5, 31)))[0].places == 10


def test_what_is_missing_is_said_offer_by_offer(session: Session) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure)
    bare = make_offer(
        session,
        structure,
        nom="Offre nue",
        type="information",
        nombre_semaines=None,
        volume_horaire_hebdomadaire=None,
    )
    make_action(session, convention, [bare], intitule="Une")
    # Its only offer was taken away since.
    gone = make_action(session, convention, [bare], intitule="Deux")
    session.execute(delete(ActionOffer).where(col(ActionOffer.action_id) == gone.id))
    two, one = rows(session)
    assert two.manque == "Aucune offre n’est liée à l’action" and two.contenu == ""
    assert (
        one.manque
        == "Durée (Offre nue) ; Heures par semaine (Offre nue) ; Individuel ou collectif (Offre nue)"
    )
    assert (one.duree, one.modalites) == ("", "en présentiel")


def test_what_is_not_published_is_named_and_nothing_of_it_is_told(session: Session, sign_in: SignIn) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure, date_fin=date(2026, 12, 31))
    public, draft = (
        make_offer(session, structure, nom=nom, publics_precisions=nom) for nom in ("Atelier A", "Secret B")
    )
    public.description, draft.description = "Ce que fait A.", "Ce que fera B."
    draft.nombre_semaines = 40
    draft.state = OfferState.BROUILLON
    make_action(session, convention, [public, draft])
    (row,) = rows(session)
    # Alone to speak, the published one needs no name.
    assert row.contenu == "Ce que fait A."
    assert row.duree == "12 semaines" and row.public.endswith("Atelier A")
    assert row.manque == "Offre en brouillon, rien n’en est repris (Secret B)"
    public.state = OfferState.A_VALIDER
    (row,) = rows(session)
    assert (row.contenu, row.duree, row.modalites, row.public) == ("", "", "", "")
    assert [one.offer for one in row.manques] == ["Atelier A", "Secret B"]
    session.commit()
    for role in (Role.CONVENTIONNEMENT, Role.ETAT):
        browser = sign_in(make_user(session, role))
        assert "Secret B" in browser.get("/budget/parcours-types").text
        text = browser.get("/budget/parcours-types.csv").response.data.decode("utf-8-sig")
        assert "Secret B" in text and "Ce que f" not in text


@pytest.mark.parametrize(
    ("state", "published", "told"),
    [
        (OfferState.PUBLIEE, True, True),
        (OfferState.SUSPENDUE, True, True),
        (OfferState.ARCHIVEE, True, True),
        (OfferState.ARCHIVEE, False, False),
        (OfferState.BROUILLON, True, False),
    ],
)
def test_what_was_published_once_still_tells_what_was_done(
    session: Session, state: OfferState, published: bool, told: bool
) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure, published=published)
    make_action(session, make_convention(session, structure, date_fin=date(2026, 12, 31)), [offer])
    offer.state = state
    session.flush()
    (row,) = rows(session)
    assert bool(row.contenu) is told


def test_only_signed_conventions_that_run_in_the_period(session: Session) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure)
    for number, values in enumerate(
        (
            {"date_debut": date(2026, 1, 1), "date_fin": date(2026, 1, 1)},
            {"date_debut": date(2025, 1, 1), "date_fin": date(2025, 12, 31), "signee_le": date(2025, 1, 1)},
            {"date_debut": date(2026, 12, 31), "date_fin": date(2027, 12, 31)},
            {"date_debut": date(2026, 1, 1), "date_fin": date(2026, 12, 31)},
        )
    ):
        convention = make_convention(session, structure, **{"signee_le": date(2025, 12, 1), **values})
        make_action(session, convention, [offer], intitule=f"Action {number}")
    convention.state, convention.signee_le = ConventionState.BROUILLON, None
    session.flush()
    assert [row.nom for row in rows(session)] == ["Action 0", "Action 2"]


def test_the_page_and_its_files(session: Session, sign_in: SignIn) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure)
    offer = make_offer(session, structure, nombre_semaines=None)
    make_action(session, convention, [offer], intitule="=1+1", places=7)
    make_action(session, convention, [offer], intitule="Autre", places=5)
    browser = sign_in(make_user(session, Role.CONVENTIONNEMENT))
    page = browser.get("/budget").click("Parcours types : le fichier que l’État demande")
    assert "2 actions" in page.text and "À compléter" in page.text
    assert page.soup.find("a", href=f"/offres/{offer.id}") or offer.nom in page.text
    book = Workbook(browser.get("/budget/parcours-types.xlsx?du=2026-01-01&au=2026-12-31").response.data)
    assert book.disagreements() == []
    assert book.number("Parcours types", book.beside("Parcours types", "Total", "I")) == 12
    text = browser.get("/budget/parcours-types.csv").response.data.decode("utf-8-sig")
    lines = text.split("\r\n")
    assert len(lines) == 4 and lines[1].startswith("'=1+1;") and ";1500,00;7;" in lines[1]
    wrong = browser.get("/budget/parcours-types?du=2026-12-31&au=2026-01-01", status=422)
    assert wrong.errors == {"au": "Le dernier jour vient avant le premier : relisez les deux."}
    wrong = browser.get("/budget/parcours-types?du=hier&au=2026-01-01", status=422)
    assert "Écrivez une date complète" in wrong.errors["du"]
    none = browser.get("/budget/parcours-types?du=2020-01-01&au=2020-12-31")
    assert "Aucune action dans cette période" in none.text
    sign_in(make_user(session, Role.ETAT)).get("/budget/parcours-types")
    sign_in(make_user(session, Role.PARTENAIRE)).get("/budget/parcours-types", status=403)


def test_as_many_statements_whatever_the_actions(session: Session, sign_in: SignIn) -> None:
    browser = sign_in(make_user(session, Role.ETAT))
    structure = make_structure(session)
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_action(session, make_convention(session, structure), [make_offer(session, structure)])
        session.commit()
        with count_statements(session) as sent:
            browser.get("/budget/parcours-types")
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 8
