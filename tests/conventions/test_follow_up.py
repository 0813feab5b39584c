"""The département's rules of prescriptions and places: set on one page, told with what they were, never overwritten unseen."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select, text

from portal.accounts.models import User
from portal.conventions import follow_up
from portal.conventions.models import ChoiceOfAction, FollowUpEvent, FollowUpRules
from portal.errors import ChangedMeanwhile, NotAllowed
from tests.conventions.hands import OFFICER, SignIn
from tests.factories.accounts import make_user
from tests.pages import Browser, Form
from tests.statements import count_statements

RULES = "/conventions/regles"


def opened(browser: Browser) -> Form:
    return browser.get(RULES).form("rules-form")


def test_the_rules_are_set_on_their_page(session: Session, officer: User, sign_in: SignIn) -> None:
    page = sign_in(officer).get("/conventions").click("Règles de suivi")
    page = page.form("rules-form").submit(
        choix_action=ChoiceOfAction.MOINS_CHERE.value, proposition_jours="3", heures_max="18"
    )
    kept = session.get_one(FollowUpRules, 1)
    session.refresh(kept)
    assert (kept.choix_action, kept.proposition_jours, kept.heures_max) == (ChoiceOfAction.MOINS_CHERE, 3, 18)
    assert kept.relance_partenaire_jours == 10, "the others are as they were"
    assert officer.full_name in page.text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("proposition_jours", "0"),
        ("proposition_jours", ""),
        ("expiration_envoyee_jours", "6"),
        # The référent is told at thirty days: nothing expires before.
        ("expiration_envoyee_jours", "30"),
        ("expiration_etude_jours", "29"),
        ("documents_mois", "deux"),
        ("heures_max", "14"),
    ],
)
def test_a_delay_that_makes_no_sense_is_refused(
    session: Session, officer: User, sign_in: SignIn, field: str, typed: str
) -> None:
    form = sign_in(officer).get("/conventions/regles").form("rules-form")
    assert list(form.submit(status=422, **{field: typed}).errors) == [field]
    assert session.get(FollowUpRules, 1) is None


def test_an_officer_alone_sets_the_rules(session: Session) -> None:
    with pytest.raises(NotAllowed):
        follow_up.change(session, {}, by=make_user(session))


def test_every_change_is_told_with_who_when_why_and_what(
    session: Session, officer: User, sign_in: SignIn, move_clock: Callable[..., datetime]
) -> None:
    other = make_user(session, OFFICER)
    move_clock(2030, 3, 4, 9)
    assert "Historique" not in sign_in(officer).get(RULES).text
    opened(sign_in(officer)).submit("Enregistrer", proposition_jours="3", motif="Décision du 4 mars")
    move_clock(2030, 3, 5, 9)
    page = opened(sign_in(other)).submit("Enregistrer", choix_action=ChoiceOfAction.MOINS_CHERE.value)
    lines = [" ".join(line.get_text(" ").split()) for line in page.soup.select(".timeline li")]
    assert len(lines) == 2
    assert other.full_name in lines[0] and "mardi 5 mars 2030" in lines[0]
    assert "Celle dont la convention finit la première" in lines[0]
    assert "Celle dont la place coûte le moins" in lines[0]
    assert officer.full_name in lines[1] and "Décision du 4 mars" in lines[1]
    cells = [cell.get_text() for cell in page.soup.select(".timeline li:nth-child(2) tbody tr > *")]
    assert cells == ["Place proposée à la première personne, en jours", "5", "3"]
    # Why the last one changed is not why the next one will.
    assert page.form("rules-form").values["motif"] == ""


def test_what_changes_nothing_is_no_line(session: Session, officer: User, sign_in: SignIn) -> None:
    page = opened(sign_in(officer)).submit("Enregistrer", motif="Pour voir")
    assert "Rien n’a changé" in page.text
    assert session.exec(select(FollowUpEvent)).all() == []


def test_two_officers_at_once_are_told_and_nothing_is_lost(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    other = make_user(session, OFFICER)
    first, second = opened(sign_in(officer)), opened(sign_in(other))
    first.submit("Enregistrer", proposition_jours="3", lien_jours="6")
    page = second.submit("Enregistrer", status=409, proposition_jours="4", lien_jours="6", motif="Trop long")
    # What both said alike, and the reason of the second, are no difference.
    told = [cell.get_text() for cell in page.soup.select("#error-summary tbody tr > *")]
    assert told == ["Place proposée à la première personne, en jours", "3", "4"]
    assert officer.full_name in page.soup.select("#error-summary")[0].get_text()
    assert session.get_one(FollowUpRules, 1).proposition_jours == 3
    again = page.form("rules-form")
    assert (again.values["proposition_jours"], again.values["motif"]) == ("4", "Trop long")
    page = again.submit("Enregistrer")
    kept = session.get_one(FollowUpRules, 1)
    session.refresh(kept)
    assert (kept.proposition_jours, kept.lien_jours, kept.version) == (4, 6, 3)
    assert len(page.soup.select(".timeline li")) == 2


def test_one_may_start_over_from_what_the_other_saved(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    first, second = opened(browser), opened(browser)
    first.submit("Enregistrer", proposition_jours="3")
    page = second.submit("Enregistrer", status=409, proposition_jours="4")
    shown = page.form(RULES).submit("Repartir de la fiche enregistrée")
    assert shown.form("rules-form").values["proposition_jours"] == "3"


def test_what_is_not_sensible_is_said_before_anything_is_written(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    follow_up.change(session, {"proposition_jours": 3}, by=officer)
    page = opened(sign_in(officer)).submit("Enregistrer", status=422, heures_max="14", motif="Moins d’heures")
    assert page.form("rules-form").values["motif"] == "Moins d’heures"
    assert session.get_one(FollowUpRules, 1).version == 2
    with pytest.raises(ChangedMeanwhile):
        follow_up.change(session, {"proposition_jours": 4}, by=officer, version=1)


def test_the_page_takes_as_many_statements_for_many_changes_as_for_one(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    follow_up.change(session, {"proposition_jours": 3}, by=officer)
    session.commit()
    browser.get(RULES)
    with count_statements(session) as few:
        browser.get(RULES)
    for days in [4, 5, 6] * 7:
        follow_up.change(session, {"proposition_jours": days}, by=make_user(session, OFFICER))
    session.commit()
    with count_statements(session) as many:
        page = browser.get(RULES)
    assert len(many) == len(few)
    assert len(page.soup.select(".timeline li")) == 20, "the older ones are on the next page"
    assert len(browser.get(f"{RULES}?page=2").soup.select(".timeline li")) == 2


@pytest.mark.parametrize(
    "statement", ["UPDATE follow_up_event SET motif = 'Autre'", "DELETE FROM follow_up_event"]
)
def test_the_database_refuses_to_change_a_line(session: Session, officer: User, statement: str) -> None:
    follow_up.change(session, {"proposition_jours": 3}, by=officer)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.connection().execute(text(statement))
