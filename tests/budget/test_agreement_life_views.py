"""The pages of the convention with the State: its life, who reads what, how much they cost."""

import uuid
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import agreement, history
from portal.budget.models import StateConvention, Volet
from tests.budget.agreement_hands import IBAN, SignIn, convention_of_two_years, url
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention
from tests.statements import count_statements


@pytest.fixture(autouse=True)
def _today(move_clock: Callable[..., datetime]) -> None:
    move_clock(2024, 6, 3, 10)


@pytest.fixture
def convention(session: Session) -> StateConvention:
    return convention_of_two_years(session)


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
