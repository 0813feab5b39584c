"""The convention with the State on its pages: written, signed, amended, read as it stood, by whom it concerns."""

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import agreement, history
from portal.budget.models import StateAmendment, StateConvention, Volet
from portal.conventions.states import ConventionState
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
IBAN = "FR7630006000011234567890189"
SHOWN_IBAN = "FR76 3000 6000 0112 3456 7890 189"
IDENTITY = {
    "numero": "CD35-2023",
    "intitule": "Convention France Travail 2023-2024",
    "date_debut": "2023-01-01",
    "date_fin": "2024-12-31",
    "etat": "Le préfet d’Ille-et-Vilaine",
    "departement": "Le département d’Ille-et-Vilaine",
    "objet": "Expérimenter l’accompagnement rénové.",
    "cible": "3 050 allocataires",
    "iban": SHOWN_IBAN,
    "bic": "BDFEFRPPCCT",
}


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture(autouse=True)
def _today(move_clock: Callable[..., datetime]) -> None:
    move_clock(2024, 6, 3, 10)


@pytest.fixture
def convention(session: Session) -> StateConvention:
    return make_state_convention(
        session, {(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.SOLUTIONS): 20_000_000}, iban=IBAN
    )


def url(convention: StateConvention, rest: str = "") -> str:
    return f"/budget/{convention.id}{rest}"


def plain(text: str) -> str:
    return re.sub(r"[\u202f\u00a0]", " ", text)


def row(page: Page, label: str) -> list[str]:
    """The cells of the first row that `label` heads."""
    for line in page.soup.select("main tr"):
        head = line.select_one("th")
        if head is not None and plain(head.get_text(" ", strip=True)).startswith(label):
            return [plain(cell.get_text(" ", strip=True)) for cell in line.select("td")]
    raise AssertionError(f"no row {label}: {page.text[:2000]}")


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
    page = mine.submit(comptable="DRFiP 2", status=422)
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
    page = mine.submit(montant_2024_2="30", status=422)
    assert "Quelqu’un d’autre" in page.text and "20" in page.text
    assert page.form("text-form").values["montant_2024_2"] == "30"
    # Taken away meanwhile.
    colleague.get(url(convention, "/avenants/1")).form("/avenants/1/retirer").submit()
    assert [a.numero for a in session.exec(select(StateAmendment))] == [0]
    other.submit(status=404)


# --- The life of a convention ----------------------------------------------------------------------------------------


def test_closed_opened_again_and_ended(
    session: Session,
    sign_in: SignIn,
    officer: User,
    move_clock: Callable[..., datetime],
    convention: StateConvention,
) -> None:
    me = sign_in(officer)
    page = me.get(url(convention, "/clore")).form("close-form").submit(status=422)
    assert "court jusqu’au 31/12/2024" in page.text
    move_clock(2025, 1, 10, 10)
    page = me.get(url(convention))
    assert "délai de grâce" in page.text and "2 avril 2025" in page.text
    page = page.click("Clore la convention").form("close-form").submit(motif="Bilan final arrêté")
    assert "Close" in page.text and "Modifier l’imputation" not in page.text
    form = me.get(url(convention, "/rouvrir")).form("reopen-form")
    assert "Écrivez pourquoi" in form.submit(status=422).errors["motif"]
    form.submit(motif="Une pièce manque")
    form = me.get(url(convention, "/resilier")).form("terminate-form")
    page = form.submit(resiliee_le="2026-01-01", motif="Accord", status=422)
    assert "choisissez un jour de cette période" in page.errors["resiliee_le"]
    page = form.submit(resiliee_le="2024-06-30", motif="Accord des parties")
    assert "Résiliée" in page.text and "Accord des parties" in page.text
    assert "30 juin 2024" in page.text
    page = form.submit(resiliee_le="2024-06-30", motif="Accord des parties", status=422)
    assert "déjà close ou résiliée" in page.text


def test_a_draft_without_amount_is_not_signed(session: Session, sign_in: SignIn, officer: User) -> None:
    convention = make_state_convention(session, signe_le=None)
    me = sign_in(officer)
    page = me.get(url(convention, "/signer")).form("sign-form").submit(signe_le="2023-05-02", status=422)
    assert "pas encore de montant" in page.text


# --- Who reads -------------------------------------------------------------------------------------------------------


def test_bank_details_are_for_officers_and_the_state(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    agreement.change(session, convention, {"iban": "FR1420041010050500013M02606"}, by=officer)
    shown = "FR14 2004 1010 0505 0001 3M02 606"
    for role, sees in ((Role.CONVENTIONNEMENT, True), (Role.ETAT, True), (Role.ADMINISTRATION, False)):
        page = sign_in(make_user(session, role)).get(url(convention))
        assert (shown in page.text) is sees
        # The history says that it changed, never what it was.
        assert IBAN not in page.response.text and "0189" not in page.response.text
    assert "IBAN" in str(history.lines(session, convention)[0][0].detail).upper()


def test_the_state_reads_what_is_signed_and_writes_nothing(
    session: Session, sign_in: SignIn, convention: StateConvention
) -> None:
    draft = make_state_convention(session, signe_le=None)
    make_state_amendment(session, convention, {(2024, Volet.SOLUTIONS): 99}, numero=1, signe_le=None)
    me = sign_in(make_user(session, Role.ETAT))
    page = me.get("/budget")
    assert convention.numero in page.text and draft.numero not in page.text
    page = page.click(convention.numero)
    assert "Avenant n° 1" not in page.text
    assert page.soup.select('main form[method="post"]') == []
    assert not page.soup.select(
        'main a[href$="/modifier"], main a[href$="/resilier"], main a[href*="/ajouter"]'
    )
    me.get(url(draft), status=404)
    me.get(url(convention, "/avenants/1"), status=404)
    me.get(url(convention, "/avenants/0"))
    for rest in ("/modifier", "/signer", "/avenants/nouveau", "/avenants/1/modifier"):
        me.get(url(convention, rest), status=403)


def test_a_day_that_cannot_be_read_is_asked_again(
    sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me = sign_in(officer)
    page = me.get(url(convention, "?le=hier"), status=422)
    assert "Écrivez une date complète" in page.text
    assert "au 1er mars 2024" in me.get(url(convention, "?le=01/03/2024")).text
    me.get(url(convention, "/avenants/7"), status=404)
    me.get(f"/budget/{uuid.uuid4()}", status=404)


# --- How much it costs -----------------------------------------------------------------------------------------------


def test_pages_ask_as_much_of_the_database_whatever_they_show(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    me = sign_in(officer)
    asked: dict[str, list[int]] = {"list": [], "one": [], "text": []}
    convention = make_state_convention(session, {(2023, Volet.INGENIERIE): 1})
    for wave in range(3):
        for what, address in (
            ("list", "/budget"),
            ("one", url(convention)),
            ("text", url(convention, "/avenants/0")),
        ):
            session.expire_all()
            with count_statements(session) as sent:
                me.client.get(address)
            asked[what].append(len(sent))
        for number in range(1 + 5 * wave, 6 + 5 * wave):
            make_state_convention(session, {(2024, Volet.SOLUTIONS): 2})
            make_state_amendment(
                session,
                convention,
                {(2024, Volet.SOLUTIONS): number},
                numero=number,
                signe_le=date(2024, 1, number),
            )
            history.record(session, convention, "Note", by=officer)
        session.flush()
    assert all(len(set(counts)) == 1 for counts in asked.values()), asked


def test_the_list_is_chosen_by_standing(session: Session, sign_in: SignIn, officer: User) -> None:
    running = make_state_convention(session, {(2023, Volet.INGENIERIE): 1})
    over = make_state_convention(session, date_debut=date(2020, 1, 1), date_fin=date(2020, 12, 31))
    make_state_convention(session, signe_le=None)
    me = sign_in(officer)
    page = me.get("/budget")
    assert "Toutes (3)" in page.text and "Active (1)" in page.text and "Échue (1)" in page.text
    page = me.get("/budget?etat=echue")
    assert over.numero in page.text and running.numero not in page.text
