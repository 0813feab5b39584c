"""An avenant in draft when its convention ends: it never stays for ever, and what became of it is told."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import agreement, amendments, history
from portal.budget.models import StateAmendment, StateConvention, Volet
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention
from tests.pages import Browser


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 6, 3, 10)
    return make_state_convention(session, {(2023, Volet.INGENIERIE): 100, (2024, Volet.SOLUTIONS): 200})


@pytest.fixture
def draft(session: Session, convention: StateConvention) -> StateAmendment:
    return make_state_amendment(
        session, convention, {(2024, Volet.SOLUTIONS): 300}, numero=1, signe_le=None, objet="Plus de places"
    )


def terminate(session: Session, convention: StateConvention, officer: User) -> None:
    agreement.terminate(session, convention, last_day=date(2024, 6, 30), motif="Accord", by=officer)


def said(session: Session, convention: StateConvention) -> list[str]:
    return [line.fait for line, _ in history.lines(session, convention)]


def test_a_convention_with_a_draft_is_not_closed(
    session: Session,
    convention: StateConvention,
    draft: StateAmendment,
    officer: User,
    move_clock: Callable[..., datetime],
) -> None:
    move_clock(2025, 1, 10, 10)
    with pytest.raises(RuleBroken, match="avenant n° 1 est en brouillon : signez-le ou retirez-le"):
        agreement.close(session, convention, by=officer)
    amendments.remove(session, convention, draft, by=officer)
    agreement.close(session, convention, by=officer)
    assert convention.state is ConventionState.CLOSE


def test_a_draft_is_told_as_no_longer_signable_then_taken_away(
    session: Session, convention: StateConvention, draft: StateAmendment, officer: User
) -> None:
    terminate(session, convention, officer)
    line = next(line for line, _ in history.lines(session, convention) if line.brouillon)
    assert line.fait == "Avenant n° 1 : ne peut plus être signé (brouillon)" and line.by_id == officer.id
    assert "résiliée" in (amendments.why_not_signed(convention, clock.today()) or "")
    with pytest.raises(AlreadyDone, match="ses textes ne changent plus"):
        amendments.sign(session, convention, draft, signe_le=date(2024, 6, 3), by=officer)
    with pytest.raises(ChangedMeanwhile):
        amendments.remove(session, convention, draft, by=officer, version=9)
    amendments.remove(session, convention, draft, by=officer, version=1)
    assert [text.numero for text in session.exec(select(StateAmendment))] == [0]
    assert "Avenant n° 1 retiré (brouillon)" in said(session, convention)


def test_without_a_draft_the_end_says_nothing_of_it(
    session: Session, convention: StateConvention, officer: User
) -> None:
    terminate(session, convention, officer)
    assert said(session, convention) == ["Convention résiliée"]


def test_beyond_the_days_of_grace_a_draft_is_taken_away_too(
    session: Session,
    convention: StateConvention,
    draft: StateAmendment,
    officer: User,
    move_clock: Callable[..., datetime],
) -> None:
    assert amendments.why_not_signed(convention, clock.today()) is None
    move_clock(2025, 6, 1, 10)
    assert "délai de grâce" in (amendments.why_not_signed(convention, clock.today()) or "")
    # One left in a convention that was closed before drafts were asked about.
    convention.state = ConventionState.CLOSE
    assert "est close" in (amendments.why_not_signed(convention, clock.today()) or "")
    amendments.remove(session, convention, draft, by=officer)
    assert session.get(StateAmendment, draft.id) is None


def test_the_way_out_is_on_the_pages(
    session: Session,
    convention: StateConvention,
    draft: StateAmendment,
    officer: User,
    sign_in: Callable[[User], Browser],
) -> None:
    me, home = sign_in(officer), f"/budget/{convention.id}"
    ending = me.get(f"{home}/resilier")
    assert "il ne pourra plus être signé ensuite" in ending.text
    page = ending.form("terminate-form").submit(resiliee_le="2024-06-30", motif="Accord des parties")
    assert "L’avenant n° 1, en brouillon, ne peut plus être signé" in page.text
    assert "Brouillon, ne peut plus être signé" in page.text
    # The State reads nothing of a draft.
    theirs = sign_in(make_user(session, Role.ETAT))
    told = theirs.get(home)
    assert "ne peut plus être signé" not in told.text and "Plus de places" not in told.text
    theirs.get(f"{home}/avenants/1", status=404)
    for act in ("modifier", "signer"):
        page = me.get(f"{home}/avenants/1/{act}")
        assert page.path == f"{home}/avenants/1"
        assert "cet avenant ne sera pas signé" in page.text and "Modifier l’objet" not in page.text
    page = page.form("/avenants/1/retirer").submit()
    assert "L’avenant n° 1 est retiré" in page.text and "Avenant n° 1 retiré (brouillon)" in page.text
