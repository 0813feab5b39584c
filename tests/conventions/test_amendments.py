"""Amendments of a convention: money, places and end from a day on; what is refused; the convention as it stood."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import amendments, ledger, life
from portal.conventions.engagements import ConventionAmendment, PartnerPayment
from portal.conventions.models import Convention, PlaceChange
from portal.errors import NotAllowed, RuleBroken
from portal.prescriptions.states import State
from tests.conventions.hands import SignIn, made
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_structure
from tests.statements import count_statements

MoveClock = Callable[..., datetime]


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def amend(session: Session, convention: Convention, by: User, **values: Any) -> ConventionAmendment:
    today = clock.today()
    return amendments.amend(
        session, convention, {"objet": "Avenant", "signe_le": today, "effet_le": today, **values}, by=by
    )


def test_one_amendment_changes_money_end_and_places(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session, places=3)
    convention, today = of(session, scene), clock.today()
    other = make_action(session, convention, [make_offer(session, scene.structure)], places=5)
    session.commit()
    end = convention.date_fin + timedelta(days=30)
    form = (
        sign_in(officer)
        .get(f"/conventions/{convention.id}")
        .click("Inscrire un avenant")
        .form("amendment-form")
    )
    for _ in range(2):
        page = form.submit(
            objet="Plus de modules",
            effet_le=(today + timedelta(days=10)).isoformat(),
            d_montant="-1 000,50",
            date_fin=end.isoformat(),
            **{f"places_{made(scene).id.hex}": "2", f"places_{other.id.hex}": "-1"},
        )
    assert "N° 1 : Plus de modules" in page.text and "−1 000,50 €" in page.text
    (amendment,) = session.exec(select(ConventionAmendment)).all()
    session.refresh(convention)
    assert (amendment.d_montant_centimes, convention.date_fin) == (-100_050, end)
    assert sorted(session.exec(select(PlaceChange.d_financees)).all()) == [-1, 2]
    assert {line.amendment_id for line in session.exec(select(PlaceChange))} == {amendment.id}
    assert amendments.amount_on(convention, [amendment], today) == 3_000_000
    assert amendments.amount_on(convention, [amendment], today + timedelta(days=10)) == 2_899_950
    assert "Avenant n° 1 inscrit" in page.text
    assert "Plus de modules" in sign_in(scene.partner).get(f"/conventions/{convention.id}").text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"objet": ""}, "objet"),
        ({"signe_le": "2001-01-01"}, "signe_le"),
        ({"signe_le": "demain"}, "signe_le"),
        ({"effet_le": "2001-01-01"}, "effet_le"),
        ({"d_montant": "beaucoup"}, "d_montant"),
        ({"d_montant": "-30 000,01"}, "d_montant"),
        ({"d_montant": ""}, "d_montant"),
        ({"date_fin": "2001-01-01"}, "date_fin"),
        ({"places": "-3"}, "places"),
        ({"places": "1,5"}, "places"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    session: Session, officer: User, sign_in: SignIn, typed: dict[str, str], field: str
) -> None:
    scene = make_scene(session, places=3)
    make_prescription(session, scene, State.ENTREE)
    name = f"places_{made(scene).id.hex}"
    form = sign_in(officer).get(f"/conventions/{of(session, scene).id}/avenant").form("amendment-form")
    sent = {"objet": "Avenant", "d_montant": "1", **typed}
    if "places" in sent:
        sent[name] = sent.pop("places")
    page = form.submit(status=422, **sent)
    assert list(page.errors) == [name if field == "places" else field]
    assert page.form("amendment-form").values["objet"] == sent["objet"], "nothing typed is lost"
    assert session.exec(select(ConventionAmendment)).all() == []


def test_it_is_not_dated_before_the_signature_nor_before_the_former(session: Session, officer: User) -> None:
    convention = make_convention(session, make_structure(session))
    assert convention.signee_le is not None
    with pytest.raises(RuleBroken, match="signée du") as refused:
        amend(
            session,
            convention,
            officer,
            signe_le=convention.signee_le - timedelta(days=1),
            d_montant_centimes=1,
        )
    assert refused.value.field == "signe_le"
    amend(
        session, convention, officer, signe_le=convention.signee_le + timedelta(days=9), d_montant_centimes=1
    )
    with pytest.raises(RuleBroken, match="avenant n° 1") as refused:
        amend(session, convention, officer, signe_le=convention.signee_le, d_montant_centimes=1)
    assert refused.value.field == "signe_le"


def test_never_less_than_was_paid(session: Session, officer: User) -> None:
    convention = make_convention(session, make_structure(session), montant_centimes=100_000)
    today = clock.today()
    session.add(
        PartnerPayment(
            convention_id=convention.id,
            intitule="Acompte",
            prevu_le=today,
            montant_centimes=60_000,
            verse_le=today,
            verse_centimes=60_000,
        )
    )
    amend(session, convention, officer, d_montant_centimes=-40_000)
    with pytest.raises(RuleBroken, match="déjà reçu") as refused:
        amend(session, convention, officer, d_montant_centimes=-1)
    assert refused.value.field == "d_montant"


def test_money_taken_away_later_counts_on_the_days_between(session: Session, officer: User) -> None:
    convention = make_convention(session, make_structure(session), montant_centimes=1_000)
    later = clock.today() + timedelta(days=20)
    amend(session, convention, officer, d_montant_centimes=-900, effet_le=later)
    with pytest.raises(RuleBroken, match="au-dessous de zéro"):
        amend(session, convention, officer, d_montant_centimes=-200)
    amend(session, convention, officer, d_montant_centimes=-100)


def test_a_draft_and_a_reader_write_none(session: Session, officer: User) -> None:
    scene = make_scene(session)
    with pytest.raises(NotAllowed):
        amend(session, of(session, scene), scene.partner, d_montant_centimes=1)
    draft = make_convention(session, scene.structure, signee_le=None)
    with pytest.raises(RuleBroken, match="brouillon"):
        amend(session, draft, officer, d_montant_centimes=1)


def test_the_end_that_an_amendment_moved_is_not_corrected_by_hand(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = make_convention(session, make_structure(session))
    amend(session, convention, officer, date_fin=convention.date_fin + timedelta(days=9))
    session.commit()
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    page = form.submit(status=422, date_fin=(convention.date_fin + timedelta(days=1)).isoformat())
    assert list(page.errors) == ["date_fin"]


def test_the_places_of_one_action_are_an_amendment_too(session: Session, officer: User) -> None:
    scene = make_scene(session)
    line = amendments.change_places(
        session,
        made(scene),
        of(session, scene),
        change=2,
        effet_le=clock.today(),
        motif="Deux de plus",
        by=officer,
    )
    (amendment,) = amendments.of_convention(session, of(session, scene).id)
    assert (line.amendment_id, amendment.objet, amendment.d_montant_centimes) == (
        amendment.id,
        "Deux de plus",
        0,
    )


def test_the_convention_as_it_stood_on_any_day(
    session: Session, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=3)
    convention = of(session, scene)
    convention.date_fin = date(2030, 9, 30)
    move_clock(2030, 4, 1, 10)
    amend(
        session,
        convention,
        officer,
        effet_le=date(2030, 4, 15),
        d_montant_centimes=500_000,
        date_fin=date(2030, 12, 31),
        places={made(scene).id: 4},
    )
    move_clock(2030, 6, 1, 10)
    life.terminate(session, convention, last_day=date(2030, 6, 15), motif="Fin", by=officer)
    session.commit()
    move_clock(2030, 7, 1, 10)
    for day, end, amount, signed, places in (
        (date(2030, 3, 20), date(2030, 9, 30), 3_000_000, 0, 3),
        (date(2030, 4, 10), date(2030, 12, 31), 3_000_000, 1, 3),
        (date(2030, 5, 1), date(2030, 12, 31), 3_500_000, 1, 7),
        (date(2030, 6, 1), date(2030, 6, 15), 3_500_000, 1, 7),
    ):
        terms = amendments.terms_on(session, convention, day)
        assert (terms.date_fin, terms.montant_centimes, len(terms.amendments)) == (end, amount, signed)
        assert ledger.places_on_days(session, made(scene), [day])[0].financees == places
    browser = sign_in(officer)
    page = browser.get(f"/conventions/{convention.id}").form("day-form").submit(le="2030-05-01")
    told = page.soup.select_one("#ce-jour")
    assert told is not None
    text = " ".join(told.get_text(" ").split())
    assert "31 décembre 2030" in text and "35 000,00 €" in text and "7" in text
    assert list(page.form("day-form").submit(le="2030-07-02", status=422).errors) == ["le"]


def test_the_pages_take_as_many_statements_whatever_they_hold(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = make_scene(session, places=3)
    convention = of(session, scene)
    amend(session, convention, officer, d_montant_centimes=1, places={made(scene).id: 1})
    make_prescription(session, scene, State.ENTREE)
    browser = sign_in(officer)
    base = f"/conventions/{convention.id}"
    paths = (base, f"{base}?le={clock.today()}", f"{base}/avenant", f"{base}/actions/{made(scene).id}")

    def sent() -> list[int]:
        numbers = []
        for path in paths:
            session.commit()
            session.expire_all()
            with count_statements(session) as statements:
                browser.get(path)
            numbers.append(len(statements))
        return numbers

    one = sent()
    for n in range(4):
        action = make_action(session, convention, [make_offer(session, scene.structure)], places=2)
        amend(session, convention, officer, d_montant_centimes=1, places={action.id: 1})
        if n < 2:
            make_prescription(session, scene, State.ACCEPTEE)
    assert sent() == one
