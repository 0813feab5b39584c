"""Payments to a partner: planned within the amount of the convention, then paid; read by the partner, written by officers."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import amendments, life, payments, rules
from portal.conventions.engagements import ConventionAmendment
from portal.conventions.models import Convention
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.conventions.hands import SignIn
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.structures import make_partner
from tests.pages import Browser
from tests.statements import count_statements


@pytest.fixture
def convention(session: Session) -> Convention:
    _, structure = make_partner(session)
    return make_convention(session, structure, montant_centimes=3_000_000)


def planned(**values: Any) -> dict[str, Any]:
    return {"intitule": "Acompte", "prevu_le": clock.today(), "montant_centimes": 1_000_000, **values}


def address(convention: Convention, end: str = "") -> str:
    return f"/conventions/{convention.id}/versements{end}"


# --- Rules ---


def test_a_signature_is_not_corrected_to_after_a_payment(
    session: Session, convention: Convention, officer: User
) -> None:
    made = payments.plan(session, convention, planned(), by=officer)
    paid_on = clock.today() - timedelta(days=10)
    payments.pay(session, convention, made.id, verse_le=paid_on, verse_centimes=1, reference=None, by=officer)
    kept = {
        name: getattr(convention, name)
        for name in ("numero", "intitule", "structure_id", "date_debut", "date_fin", "montant_centimes")
    }
    with pytest.raises(RuleBroken, match="ne peut pas être signée après lui") as refused:
        rules.change_convention(
            session, convention, {**kept, "signee_le": paid_on + timedelta(days=1)}, by=officer
        )
    assert refused.value.field == "signee_le"
    assert rules.change_convention(session, convention, {**kept, "signee_le": paid_on}, by=officer)


def test_what_is_planned_stays_within_the_amount_with_its_amendments(
    session: Session, convention: Convention, officer: User
) -> None:
    payments.plan(session, convention, planned(montant_centimes=2_999_999), by=officer)
    with pytest.raises(RuleBroken, match="0,01\u00a0€ de trop") as broken:
        payments.plan(session, convention, planned(montant_centimes=2), by=officer)
    assert broken.value.field == "montant"
    amendments.amend(
        session,
        convention,
        {
            "signe_le": clock.today(),
            "effet_le": clock.today(),
            "objet": "Plus",
            "d_montant_centimes": 1,
        },
        by=officer,
    )
    payments.plan(session, convention, planned(montant_centimes=2), by=officer)
    assert payments.to_come(payments.of_convention(session, convention.id)) == 3_000_001


def test_what_was_paid_takes_the_place_of_what_was_planned(
    session: Session, convention: Convention, officer: User
) -> None:
    first = payments.plan(session, convention, planned(montant_centimes=2_000_000), by=officer)
    payments.pay(
        session,
        convention,
        first.id,
        verse_le=clock.today(),
        verse_centimes=1_500_000,
        reference=" M-12 ",
        by=officer,
    )
    assert first.reference == "M-12"
    payments.plan(session, convention, planned(montant_centimes=1_500_000), by=officer)
    with pytest.raises(RuleBroken):
        payments.pay(
            session,
            convention,
            first.id,
            verse_le=clock.today(),
            verse_centimes=1_500_001,
            reference=None,
            by=officer,
        )
    with pytest.raises(RuleBroken, match="de trop"):
        # Planned again at 20 000 €, it would no longer go beside the other.
        payments.undo(session, convention, first.id, motif="Erreur", by=officer)


def test_nothing_is_paid_before_the_money_is_there(
    session: Session, convention: Convention, officer: User
) -> None:
    amendments.amend(
        session,
        convention,
        {
            "signe_le": clock.today(),
            "effet_le": clock.today() + timedelta(days=30),
            "objet": "Plus",
            "d_montant_centimes": 1_000_000,
        },
        by=officer,
    )
    whole = payments.plan(session, convention, planned(montant_centimes=4_000_000), by=officer)
    with pytest.raises(RuleBroken, match="10\u202f000,00") as broken:
        payments.pay(
            session,
            convention,
            whole.id,
            verse_le=clock.today(),
            verse_centimes=4_000_000,
            reference=None,
            by=officer,
        )
    assert broken.value.field == "montant"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"intitule": "  "}, "intitule"),
        ({"montant_centimes": 0}, "montant"),
        ({"prevu_le": date(2001, 1, 1)}, "prevu_le"),
        ({"action_id": uuid.uuid4()}, "action_id"),
    ],
)
def test_a_payment_that_says_nothing_is_refused(
    session: Session, convention: Convention, officer: User, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleBroken) as broken:
        payments.plan(session, convention, planned(**values), by=officer)
    assert broken.value.field == field


def test_who_may_and_when(session: Session, convention: Convention, officer: User) -> None:
    made = payments.plan(session, convention, planned(), by=officer)
    for role in (Role.PARTENAIRE, Role.ETAT, Role.ADMINISTRATION):
        other = make_user(session, role)
        with pytest.raises(NotAllowed):
            payments.plan(session, convention, planned(), by=other)
        with pytest.raises(NotAllowed):
            payments.remove(session, convention, made.id, by=other)
    for day, field in (
        (clock.today() + timedelta(days=1), "verse_le"),
        (clock.today() - timedelta(days=101), "verse_le"),
    ):
        with pytest.raises(RuleBroken) as broken:
            payments.pay(
                session, convention, made.id, verse_le=day, verse_centimes=1, reference=None, by=officer
            )
        assert broken.value.field == field
    draft = make_convention(session, make_partner(session)[1], signee_le=None)
    waiting = payments.plan(session, draft, planned(), by=officer)
    with pytest.raises(RuleBroken, match="brouillon"):
        payments.pay(
            session,
            draft,
            waiting.id,
            verse_le=clock.today(),
            verse_centimes=1,
            reference=None,
            by=officer,
        )


def test_a_closed_convention_pays_no_more(
    session: Session, convention: Convention, officer: User, move_clock: Any
) -> None:
    made = payments.plan(session, convention, planned(), by=officer)
    long_after = convention.date_fin + timedelta(days=300)
    move_clock(long_after.year, long_after.month, long_after.day, 10)
    payments.pay(
        session,
        convention,
        made.id,
        verse_le=clock.today(),
        verse_centimes=500_000,
        reference=None,
        by=officer,
    )
    life.close(session, convention, by=officer)
    for act in (
        lambda: payments.plan(session, convention, planned(), by=officer),
        lambda: payments.undo(session, convention, made.id, motif="x", by=officer),
        lambda: payments.pay(
            session,
            convention,
            made.id,
            verse_le=clock.today(),
            verse_centimes=1,
            reference=None,
            by=officer,
        ),
    ):
        with pytest.raises(AlreadyDone, match="close"):
            act()


def test_two_people_at_once_and_a_double_press(
    session: Session, convention: Convention, officer: User
) -> None:
    key = uuid.uuid4()
    made = payments.plan(session, convention, planned(), by=officer, id=key)
    assert payments.plan(session, convention, planned(intitule="Autre"), by=officer, id=key) is made
    payments.change(session, convention, made.id, planned(intitule="Solde"), by=officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        payments.change(session, convention, made.id, planned(intitule="Autre"), by=officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        payments.remove(session, convention, made.id, by=officer, version=1)
    assert payments.remove(session, convention, made.id, by=officer, version=2) == "Solde"
    with pytest.raises(AlreadyDone):
        payments.remove(session, convention, made.id, by=officer, version=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    amount=st.integers(0, 100),
    changes=st.lists(st.tuples(st.integers(0, 30), st.integers(-50, 50)), max_size=4),
    paid=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 60)), max_size=5),
)
def test_what_is_left_is_the_least_over_all_days(
    amount: int, changes: list[tuple[int, int]], paid: list[tuple[int, int]]
) -> None:
    first = date(2030, 1, 1)
    convention = Convention(
        numero="X",
        intitule="X",
        structure_id=uuid.uuid4(),
        date_debut=first,
        date_fin=first,
        montant_centimes=amount,
    )
    written = [
        ConventionAmendment(
            convention_id=convention.id,
            numero=n,
            signe_le=first,
            effet_le=first + timedelta(days=day),
            objet="x",
            d_montant_centimes=change,
        )
        for n, (day, change) in enumerate(changes, start=1)
    ]
    lines = [(first + timedelta(days=day), cents) for day, cents in paid]
    told = payments.least_left(convention, written, lines)
    if not lines:
        assert told == 0
        return
    begins = min(day for day, _ in lines)
    days = [begins + timedelta(days=n) for n in range(40)]
    assert told == min(
        amount
        + sum(c for d, c in changes if first + timedelta(days=d) <= day)
        - sum(cents for when, cents in lines if when <= day)
        for day in days
    )


# --- Pages ---


def test_from_planned_to_paid_and_back(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    page = browser.get(address(convention)).click("Prévoir un versement")
    page = page.form("payment-form").submit(
        "Enregistrer", intitule="", montant="30 000,01", prevu_le="31/12/2030", status=422
    )
    assert "intitule" in page.errors
    page = page.form("payment-form").submit("Enregistrer", intitule="Acompte", prevu_le="", status=422)
    assert "prevu_le" in page.errors
    day = clock.today().isoformat()
    page = page.form("payment-form").submit("Enregistrer", prevu_le=day, montant="30 000,01", status=422)
    assert "0,01" in page.errors["montant"]
    page = page.form("payment-form").submit("Enregistrer", montant="18 000")
    assert "18\u202f000,00" in page.soup.get_text() and "À venir" in page.text
    made = payments.of_convention(session, convention.id)[0]
    page = browser.get(address(convention, f"/{made.id}/verse"))
    page = page.form("paid-form").submit("Enregistrer", montant="17 000,50", reference="Mandat 4")
    assert "17\u202f000,50" in page.soup.get_text() and "Mandat 4" in page.text
    page = browser.get(address(convention, f"/{made.id}/annuler"))
    page = page.form("undo-form").submit("Annuler ce versement", status=422)
    assert "motif" in page.errors
    page.form("undo-form").submit("Annuler ce versement", motif="erreur de saisie")
    page = browser.get(address(convention, f"/{made.id}/modifier"))
    page.form("remove-form").submit("Ôter du calendrier")
    assert payments.of_convention(session, convention.id) == []
    shown = browser.get(f"/conventions/{convention.id}").text
    assert "Versement ôté du calendrier : Acompte" in shown and "erreur de saisie" in shown


def test_an_old_tab_is_told_and_loses_nothing(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    made = payments.plan(session, convention, planned(), by=officer)
    session.commit()
    browser = sign_in(officer)
    page = browser.get(address(convention, f"/{made.id}/modifier"))
    payments.change(session, convention, made.id, planned(intitule="Premier acompte"), by=officer)
    session.commit()
    page = page.form("payment-form").submit("Enregistrer", intitule="Mon acompte", status=409)
    assert "Premier acompte" in page.text
    assert page.form("payment-form").values["intitule"] == "Mon acompte"
    page.form("payment-form").submit("Enregistrer")
    session.expire_all()
    assert payments.of_convention(session, convention.id)[0].intitule == "Mon acompte"


def test_two_people_write_one_payment_down(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    made = payments.plan(session, convention, planned(), by=officer)
    session.commit()
    page = sign_in(officer).get(address(convention, f"/{made.id}/verse"))
    payments.pay(
        session,
        convention,
        made.id,
        verse_le=clock.today(),
        verse_centimes=900_000,
        reference="M-1",
        by=officer,
    )
    session.commit()
    page = page.form("paid-form").submit("Enregistrer", status=409)
    rows = [
        [cell.get_text(strip=True) for cell in row.select("th, td")]
        for row in page.soup.select("#error-summary tbody tr")
    ]
    assert rows == [
        ["Montant versé, en euros", "9\u202f000,00\u00a0€", "10\u202f000,00\u00a0€"],
        ["Référence", "M-1", "Rien"],
    ]
    page.form("paid-form").submit("Enregistrer")
    session.expire_all()
    assert payments.of_convention(session, convention.id)[0].verse_centimes == 1_000_000


def test_the_partner_reads_its_own_and_writes_nothing(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    mine = make_convention(session, structure)
    made = payments.plan(session, mine, planned(intitule="Premier acompte"), by=officer)
    session.commit()
    browser: Browser = sign_in(partner)
    page = browser.get(address(mine))
    assert "Premier acompte" in page.text and "Prévoir un versement" not in page.text
    browser.get(address(convention), status=404)
    browser.get(address(mine, f"/{made.id}/verse"), status=403)
    assert "Premier acompte" in sign_in(make_user(session, Role.ETAT)).get(address(mine)).text


def test_a_payment_of_another_convention_is_not_there(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    other = make_convention(session, make_partner(session)[1])
    made = payments.plan(session, other, planned(), by=officer)
    session.commit()
    for end in ("modifier", "verse", "annuler"):
        sign_in(officer).get(address(convention, f"/{made.id}/{end}"), status=404)


def test_the_cost_does_not_grow(
    session: Session, convention: Convention, officer: User, sign_in: SignIn
) -> None:
    browser = sign_in(officer)
    with count_statements(session) as few:
        browser.get(address(convention))
    for n in range(12):
        payments.plan(session, convention, planned(montant_centimes=100 + n), by=officer)
    session.commit()
    with count_statements(session) as many:
        browser.get(address(convention))
    assert len(few) == len(many)
