"""The convention with the State on its pages: written, signed, amended, read as it stood, by whom it concerns."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import agreement
from portal.budget.models import StateAmendment, StateConvention, Volet
from portal.conventions.states import ConventionState
from tests.budget.agreement_hands import IBAN, IDENTITY, SHOWN_IBAN, SignIn, convention_of_two_years, row, url
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention


@pytest.fixture(autouse=True)
def _today(move_clock: Callable[..., datetime]) -> None:
    move_clock(2024, 6, 3, 10)


@pytest.fixture
def convention(session: Session) -> StateConvention:
    return convention_of_two_years(session)


# --- From draft to avenant -------------------------------------------------------------------------------------------


def test_the_real_convention_and_its_avenant_from_draft_to_signature(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    me = sign_in(officer)
    page = me.get("/budget").click("Écrire une convention avec l’État")
    page = page.form("agreement-form").submit(**IDENTITY)
    assert page.h1 == "Objet et montants : convention initiale"
    page = page.form("text-form").submit(
        montant_2023_1="419 689", montant_2023_2="300 000,00 €", montant_2024_1=""
    )
    assert row(page, "Total") == ["719 689,00 €", "719 689,00 €"]
    page = page.click("Signature").form("sign-form").submit(signe_le="2023-05-02")
    made = session.exec(select(StateConvention)).one()
    assert made.state is ConventionState.SIGNEE and made.iban == IBAN
    assert "Active" in page.text and SHOWN_IBAN in page.text

    page = page.click("Écrire un avenant")
    form = page.form("avenant-form")
    page = form.submit(objet="Année 2024", annees=["2023"])
    assert page.h1 == "Objet et montants : avenant n° 1"
    assert page.form("text-form").values["montant_2023_2"] == "300\u202f000"
    page = page.form("text-form").submit(
        montant_2023_1="",
        montant_2023_2="",
        montant_2023_3="",
        montant_2024_1="744 126,24",
        montant_2024_2="214 000",
        montant_2024_3="40 000",
    )
    assert row(page, "2024, volet 1") == ["0,00 €", "744 126,24 €", "+744 126,24 €"]
    assert row(page, "Total 2024") == ["0,00 €", "998 126,24 €", "+998 126,24 €"]
    assert row(page, "2023, volet 2")[2] == "Inchangé"
    assert row(page, "Total de la convention") == ["719 689,00 €", "1 717 815,24 €", "+998 126,24 €"]
    assert "Total de la convention" not in me.get(url(made)).text
    assert row(me.get(url(made)), "Total") == ["719 689,00 €", "719 689,00 €"]

    page = page.click("Signer").form("sign-amendment-form").submit(signe_le="2024-03-01")
    assert "Signé le 1er mars 2024" in page.text
    page = page.click("Revenir à la convention")
    assert row(page, "Total") == ["719 689,00 €", "998 126,24 €", "1 717 815,24 €"]
    # As it stood before the avenant, and before anything was signed.
    page = page.form(url(made)).submit("Lire", le="2024-02-29")
    assert row(page, "Total") == ["719 689,00 €", "719 689,00 €"]
    assert "Rien n’était encore signé" in page.form(url(made)).submit("Lire", le="2023-05-01").text
    told = me.get(url(made, "/historique"))
    for line in ("Convention signée", "Avenant n° 1 écrit (brouillon)", "Avenant n° 1 signé"):
        assert line in told.text


def test_a_second_press_writes_nothing_twice(session: Session, sign_in: SignIn, officer: User) -> None:
    me = sign_in(officer)
    form = me.get("/budget/nouvelle").form("agreement-form")
    first, second = form.submit(**IDENTITY), form.submit(**IDENTITY)
    assert first.path == second.path
    assert len(session.exec(select(StateConvention)).all()) == 1
    made = session.exec(select(StateConvention)).one()
    first.form("text-form").submit(montant_2023_1="1")
    me.get(url(made, "/signer")).form("sign-form").submit(signe_le="2023-05-02")
    form = me.get(url(made, "/avenants/nouveau")).form("avenant-form")
    form.submit(objet="Année 2024"), form.submit(objet="Année 2024")
    assert [a.numero for a in session.exec(select(StateAmendment)).all()] == [0, 1]


# --- Bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"date_fin": "2022-12-31"}, "date_fin", "finit avant de commencer"),
        ({"date_fin": "31/31/2024"}, "date_fin", "date complète"),
        ({"taux_avance": "100,01"}, "taux_avance", "de 0 à 100 %"),
        ({"taux_departement": "cinquante"}, "taux_departement", "Écrivez un nombre"),
        ({"iban": "FR76 3000 6000 0112 3456 7890 188"}, "iban", "erreur de frappe"),
        ({"iban": "mon compte"}, "iban", "Ce n’est pas un IBAN"),
        ({"bic": "BDF"}, "bic", "8 ou 11 caractères"),
        ({"grace_jours": "900"}, "grace_jours", "de 0 à 730"),
        ({"numero": ""}, "numero", "Écrivez le numéro"),
        ({"objet": ""}, "objet", "Écrivez l’objet"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    session: Session, sign_in: SignIn, officer: User, changes: dict[str, str], field: str, sentence: str
) -> None:
    form = sign_in(officer).get("/budget/nouvelle").form("agreement-form")
    page = form.submit(**{**IDENTITY, "comptable": "DRFiP de Bretagne", **changes}, status=422)
    assert sentence in page.errors[field]
    again = page.form("agreement-form").values
    assert again["comptable"] == "DRFiP de Bretagne"
    assert again[field] == changes[field]
    assert session.exec(select(StateConvention)).all() == []


def test_errors_are_listed_in_the_order_of_the_page(session: Session, sign_in: SignIn, officer: User) -> None:
    form = sign_in(officer).get("/budget/nouvelle").form("agreement-form")
    page = form.submit(**{**IDENTITY, "numero": "", "taux_avance": "160", "iban": "FR76"}, status=422)
    assert list(page.errors) == ["numero", "taux_avance", "iban"]


def test_a_number_is_given_once(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    form = sign_in(officer).get("/budget/nouvelle").form("agreement-form")
    page = form.submit(**{**IDENTITY, "numero": convention.numero}, status=422)
    assert "porte déjà ce numéro" in page.errors["numero"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("1 234,567", "montant en euros"), ("1.500", "montant en euros"), ("-3", "positif")],
)
def test_an_amount_that_cannot_be_read_is_asked_again(
    session: Session, sign_in: SignIn, officer: User, typed: str, sentence: str
) -> None:
    convention = make_state_convention(session, signe_le=None)
    form = sign_in(officer).get(url(convention, "/avenants/0/modifier")).form("text-form")
    page = form.submit(montant_2023_1=typed, montant_2024_3="12", status=422)
    assert sentence in page.errors["montant_2023_1"]
    assert page.form("text-form").values["montant_2024_3"] == "12"


def test_an_avenant_dated_before_the_signature_is_refused_at_its_field(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    make_state_amendment(session, convention, {(2024, Volet.SOLUTIONS): 1}, numero=1, signe_le=None)
    me = sign_in(officer)
    form = me.get(url(convention, "/avenants/1/signer")).form("sign-amendment-form")
    page = form.submit(signe_le="2023-05-01", status=422)
    assert "La convention est signée le 02/05/2023" in page.errors["signe_le"]
    assert page.form("sign-amendment-form").values["signe_le"] == "2023-05-01"
    assert "pas encore venu" in form.submit(signe_le="2024-06-04", status=422).errors["signe_le"]
    form.submit(signe_le="2024-05-02")
    make_state_amendment(session, convention, {(2024, Volet.SOLUTIONS): 2}, numero=2, signe_le=None)
    page = (
        me.get(url(convention, "/avenants/2/signer"))
        .form("sign-amendment-form")
        .submit(signe_le="2024-05-01", status=422)
    )
    assert "L’avenant n° 1 est signé le 02/05/2024" in page.errors["signe_le"]


def test_an_avenant_that_ends_before_the_beginning_or_forgets_a_year_is_refused(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me = sign_in(officer)
    form = me.get(url(convention, "/avenants/nouveau")).form("avenant-form")
    assert (
        "ne peut pas finir avant"
        in form.submit(objet="Fin", date_fin="2022-12-31", status=422).errors["date_fin"]
    )
    page = form.submit(objet="Fin", date_fin="2023-12-31", annees=[])
    form = page.form("text-form")
    page = form.submit(montant_2024_2="10", status=422)
    assert "2024 n’en est pas" in page.errors["montant_2024_2"]
    page = form.submit(status=422)
    assert "2024 a des montants" in page.errors["date_fin"]
    form.submit(montant_2024_2="0")


def test_a_closed_convention_edited_from_an_old_tab(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me = sign_in(officer)
    form = me.get(url(convention, "/modifier")).form("agreement-form")
    convention.date_fin = date(2024, 5, 31)
    agreement.close(session, convention, by=officer)
    page = form.submit(comptable="DRFiP de Bretagne", status=422)
    assert "close : plus rien ne s’y écrit" in page.soup.select_one("#error-summary").get_text()  # type: ignore[union-attr]
    assert page.form("agreement-form").values["comptable"] == "DRFiP de Bretagne"
    session.refresh(convention)
    assert convention.comptable is None


def test_a_convention_signed_meanwhile_keeps_what_an_avenant_alone_changes(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    convention = make_state_convention(session, {(2023, Volet.INGENIERIE): 1}, signe_le=None)
    form = sign_in(officer).get(url(convention, "/modifier")).form("agreement-form")
    agreement.sign(session, convention, signe_le=date(2023, 5, 2), by=officer)
    session.flush()
    values = {**form.values, "version": str(convention.version), "intitule": "Autre"}
    page = sign_in(officer).post(url(convention, "/modifier"), values, status=422)
    assert "ne change que par un avenant" in page.errors["intitule"]


def test_two_people_on_one_convention(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me, colleague = sign_in(officer), sign_in(make_user(session, Role.CONVENTIONNEMENT))
    mine = me.get(url(convention, "/modifier")).form("agreement-form")
    colleague.get(url(convention, "/modifier")).form("agreement-form").submit(comptable="DRFiP 1")
    page = mine.submit(comptable="DRFiP 2", status=409)
    assert "Quelqu’un d’autre a modifié cette fiche" in page.text and "DRFiP 1" in page.text
    page.form("agreement-form").submit()
    session.refresh(convention)
    assert convention.comptable == "DRFiP 2"


def test_two_people_on_one_draft_avenant(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    make_state_amendment(session, convention, {(2024, Volet.SOLUTIONS): 100}, numero=1, signe_le=None)
    me, colleague = sign_in(officer), sign_in(make_user(session, Role.CONVENTIONNEMENT))
    address = url(convention, "/avenants/1/modifier")
    mine, other = me.get(address).form("text-form"), me.get(address).form("text-form")
    colleague.get(address).form("text-form").submit(montant_2024_2="20")
    page = mine.submit(montant_2024_2="30", status=409)
    assert "Quelqu’un d’autre" in page.text and "20" in page.text
    assert page.form("text-form").values["montant_2024_2"] == "30"
    # Taken away meanwhile.
    colleague.get(url(convention, "/avenants/1")).form("/avenants/1/retirer").submit()
    assert [a.numero for a in session.exec(select(StateAmendment))] == [0]
    page = other.submit(status=410, objet="Tout un texte", montant_2024_2="40")
    assert "Cet avenant a été retiré" in page.text and "Tout un texte" in page.text and "40" in page.text
