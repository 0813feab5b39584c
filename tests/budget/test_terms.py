"""What the convention says on a day, folded, against the same thing told naively."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import agreement, amendments, bilan_figures, bilan_writing
from portal.budget.bilan_models import BilanKind
from portal.budget.models import Nature, PlanLine, StateAmendment, StateAmount, StateConvention, Volet
from portal.budget.terms import Texts, terms_on, texts_of, told, totals_on
from portal.conventions.states import ConventionState
from portal.errors import RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention
from tests.statements import count_statements

YEARS = [2023, 2024, 2025]
FIRST = date(2023, 1, 1)
DAYS = st.integers(-30, 1200).map(lambda days: FIRST + timedelta(days=days))
CENTS = st.integers(0, 10**11)


@st.composite
def written(draw: st.DrawFn) -> Texts:
    """A convention whose texts were signed one after the other, the last ones perhaps drafts."""
    convention = StateConvention(
        id=uuid.uuid4(),
        numero="1",
        intitule="Exemple",
        date_debut=FIRST,
        date_fin=date(2024, 12, 31),
        etat="É",
        departement="D",
        state=ConventionState.SIGNEE,
    )
    number = draw(st.integers(1, 5))
    days: list[Any] = sorted(draw(st.lists(DAYS, min_size=number, max_size=number)))
    drafts = draw(st.integers(0, number - 1))
    days[number - drafts :] = [None] * drafts
    texts = Texts(convention, [], [], [])
    for numero, day in enumerate(days):
        amendment = StateAmendment(
            id=uuid.uuid4(),
            convention_id=convention.id,
            numero=numero,
            signe_le=day,
            objet=f"Objet {numero}",
            cible=draw(st.none() | st.just(f"Cible {numero}")),
            date_fin=draw(st.none() | DAYS.filter(lambda day: day >= FIRST)),
        )
        texts.amendments.append(amendment)
        for annee in sorted(draw(st.sets(st.sampled_from(YEARS)))):
            texts.amounts.extend(
                StateAmount(
                    amendment_id=amendment.id, annee=annee, volet=int(volet), montant_centimes=draw(CENTS)
                )
                for volet in Volet
            )
            if draw(st.booleans()):
                texts.plan_years.append((amendment.id, annee))
    return texts


@given(texts=written(), day=st.none() | DAYS, order=st.randoms(use_true_random=False))
def test_any_day_is_what_the_texts_signed_by_then_say_the_last_one_first(
    texts: Texts, day: date | None, order: Any
) -> None:
    found = texts.on(day)
    counted = [a for a in texts.amendments if day is None or (a.signe_le and a.signe_le <= day)]
    newest = counted[::-1]

    def last_word(name: str, otherwise: Any) -> Any:
        return next((getattr(a, name) for a in newest if getattr(a, name) is not None), otherwise)

    assert found.amendments == counted
    assert found.objet == last_word("objet", texts.convention.intitule)
    assert found.cible == last_word("cible", None)
    assert found.date_fin == last_word("date_fin", texts.convention.date_fin)
    total = 0
    for annee in YEARS:
        of_year = 0
        for volet in Volet:
            said = [
                amount.montant_centimes
                for a in newest
                for amount in texts.amounts
                if (amount.amendment_id, amount.annee, amount.volet) == (a.id, annee, volet)
            ]
            assert found.of_volet(annee, volet) == (said[0] if said else 0)
            of_year += said[0] if said else 0
        assert found.of_year(annee) == of_year
        total += of_year
        holders = [a.id for a in newest if (a.id, annee) in texts.plan_years]
        assert found.plans.get(annee) == (holders[0] if holders else None)
    assert found.total == sum(found.whole_volet(volet) for volet in Volet) == total
    # Whatever the order in which the rows come.
    shuffled = list(texts.amendments), list(texts.amounts), list(texts.plan_years)
    for rows in shuffled:
        order.shuffle(rows)
    assert told(texts.convention, *shuffled, day) == found


@given(texts=written())
def test_what_an_avenant_changes_adds_up(texts: Texts) -> None:
    for amendment in texts.amendments[1:]:
        compared = amendments.compared(texts, amendment)
        assert compared.total.avant == compared.before.total
        assert compared.total.apres == compared.after.total
        parts = [compared.of(annee, volet) for annee in compared.annees for volet in Volet]
        assert sum(part.ecart for part in parts) == compared.total.ecart
        assert sum(compared.of_year(annee).ecart for annee in compared.annees) == compared.total.ecart
        assert sum(compared.of_volet(volet).ecart for volet in Volet) == compared.total.ecart
        assert compared.after == texts.until(amendment.numero)


# --- The same through what people do ---------------------------------------------------------------------------------


@pytest.fixture
def officer(session: Session, move_clock: Callable[..., datetime]) -> User:
    move_clock(2024, 6, 3, 10)
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, officer: User) -> StateConvention:
    """Two years, from the draft to the signature of 2 May 2023."""
    made = agreement.create(
        session,
        {
            "numero": "CD35",
            "intitule": "Exemple",
            "date_debut": FIRST,
            "date_fin": date(2024, 12, 31),
            "etat": "Le préfet",
            "departement": "Le département",
        },
        objet="Expérimenter",
        cible="3 050 allocataires",
        by=officer,
    )
    initial = agreement.initial_text(session, made)
    amendments.change(
        session,
        made,
        initial,
        objet="Expérimenter",
        cible="3 050 allocataires",
        date_fin=None,
        amounts={(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.SOLUTIONS): 100},
        by=officer,
    )
    agreement.sign(session, made, signe_le=date(2023, 5, 2), by=officer)
    return made


def amended(
    session: Session, convention: StateConvention, officer: User, day: date, **values: Any
) -> StateAmendment:
    made = amendments.create(session, convention, objet="Avenant", by=officer, **values)
    amendments.sign(session, convention, made, signe_le=day, by=officer)
    return made


def test_an_avenant_moves_the_end_and_the_past_is_told_as_it_was(
    session: Session, convention: StateConvention, officer: User
) -> None:
    amended(session, convention, officer, date(2024, 2, 1), date_fin=date(2025, 12, 31))
    assert convention.date_fin == date(2025, 12, 31)
    assert convention.annees == [2023, 2024, 2025]
    assert terms_on(session, convention, date(2024, 1, 31)).date_fin == date(2024, 12, 31)
    assert terms_on(session, convention, date(2024, 2, 1)).date_fin == date(2025, 12, 31)
    assert terms_on(session, convention, date(2023, 5, 1)).amendments == []
    amended(session, convention, officer, date(2024, 3, 1), date_fin=date(2024, 12, 31))
    assert convention.date_fin == date(2024, 12, 31)
    agreement.terminate(session, convention, last_day=date(2024, 5, 31), motif="Accord", by=officer)
    assert terms_on(session, convention, date(2024, 6, 3)).date_fin == date(2024, 5, 31)
    assert terms_on(session, convention, date(2024, 2, 15)).date_fin == date(2025, 12, 31)


def test_an_avenant_takes_up_the_years_that_are_chosen(
    session: Session, convention: StateConvention, officer: User
) -> None:
    made = amendments.create(session, convention, objet="2024", years=[2024, 2031], by=officer)
    texts = texts_of(session, [convention])[convention.id]
    kept = {(a.annee, a.volet): a.montant_centimes for a in texts.amounts if a.amendment_id == made.id}
    assert kept == {(2024, 1): 0, (2024, 2): 100, (2024, 3): 0}
    amendments.change(
        session,
        convention,
        made,
        objet="2024",
        cible=None,
        date_fin=None,
        amounts={(2024, Volet.INGENIERIE): 5, (2024, Volet.SOLUTIONS): 7},
        by=officer,
    )
    amendments.sign(session, convention, made, signe_le=date(2024, 3, 1), by=officer)
    now = terms_on(session, convention, date(2024, 6, 3))
    assert (now.of_year(2023), now.of_year(2024), now.total) == (71_968_900, 12, 71_968_912)
    # The target is not said again: the former one stands.
    assert now.cible == "3 050 allocataires"


def test_a_signed_text_never_changes(session: Session, convention: StateConvention, officer: User) -> None:
    made = amended(session, convention, officer, date(2024, 2, 1))
    for text in (made, agreement.initial_text(session, convention)):
        with pytest.raises(RuleBroken, match="signé"):
            amendments.change(
                session, convention, text, objet="x", cible=None, date_fin=None, amounts={}, by=officer
            )
    with pytest.raises(RuleBroken, match="signé"):
        amendments.remove(session, convention, made, by=officer)
    with pytest.raises(RuleBroken, match="déjà signé"):
        amendments.sign(session, convention, made, signe_le=date(2024, 3, 1), by=officer)


def test_one_draft_at_a_time_and_a_draft_may_be_taken_away(
    session: Session, convention: StateConvention, officer: User
) -> None:
    made = amendments.create(session, convention, objet="Un", years=[2023, 2024], by=officer)
    with pytest.raises(RuleBroken, match="en brouillon"):
        amendments.create(session, convention, objet="Deux", by=officer)
    amendments.remove(session, convention, made, by=officer)
    assert amendments.create(session, convention, objet="Deux", by=officer).numero == 1


def test_others_write_nothing(session: Session, convention: StateConvention) -> None:
    for role in (Role.ETAT, Role.ADMINISTRATION, Role.PARTENAIRE):
        by = make_user(session, role)
        with pytest.raises(RuleBroken, match="chargés de conventionnement"):
            amendments.create(session, convention, objet="x", by=by)
        with pytest.raises(RuleBroken, match="chargés de conventionnement"):
            agreement.change(session, convention, {"comptable": "x"}, by=by)
        with pytest.raises(RuleBroken, match="chargés de conventionnement"):
            agreement.close(session, convention, by=by)


def test_texts_of_many_conventions_are_read_in_three_statements(session: Session) -> None:
    made = [make_state_convention(session, {(2023, Volet.SOLUTIONS): 1}) for _ in range(4)]
    make_state_amendment(session, made[0], {(2023, Volet.SOLUTIONS): 5}, numero=1, signe_le=date(2024, 1, 1))
    with count_statements(session) as sent:
        found = texts_of(session, made)
    assert len(sent) == 3
    assert [found[c.id].on(date(2024, 1, 1)).total for c in made] == [5, 1, 1, 1]


@pytest.mark.parametrize("day", [date(2023, 5, 1), date(2023, 12, 31), date(2024, 1, 1), date(2024, 6, 3)])
def test_the_total_of_a_list_is_that_of_the_terms(session: Session, day: date) -> None:
    made = [
        make_state_convention(session, {(2023, Volet.SOLUTIONS): 3, (2024, Volet.SOLUTIONS): 4}) for _ in "ab"
    ]
    make_state_amendment(session, made[0], {(2023, Volet.SOLUTIONS): 50}, numero=1, signe_le=date(2024, 1, 1))
    make_state_amendment(session, made[0], {(2023, Volet.SOLUTIONS): 900}, numero=2, signe_le=None)
    draft = make_state_convention(session, {(2023, Volet.SOLUTIONS): 7}, signe_le=None)
    with count_statements(session) as sent:
        told_totals = totals_on(session, [*made, draft], day)
    assert len(sent) == 1
    assert told_totals == {
        **{c.id: terms_on(session, c, day).total for c in made},
        draft.id: terms_on(session, draft, None).total,
    }


def test_an_avenant_whose_plan_exceeds_its_ceiling_is_not_signed(
    session: Session, convention: StateConvention, officer: User
) -> None:
    made = amendments.create(session, convention, objet="2024", years=[2024], by=officer)
    session.add(
        PlanLine(
            amendment_id=made.id,
            annee=2024,
            volet=2,
            rang=1,
            nature=Nature.MOBILITE,
            objet="Permis",
            cible_centimes=101,
            montant_centimes=101,
        )
    )
    session.flush()
    with pytest.raises(RuleBroken, match="0,01"):
        amendments.sign(session, convention, made, signe_le=date(2024, 3, 1), by=officer)
    assert made.signe_le is None
    # Taken up by the next one once it holds.
    session.exec(select(PlanLine)).one().montant_centimes = 100
    amendments.sign(session, convention, made, signe_le=date(2024, 3, 1), by=officer)
    taken = amendments.create(session, convention, objet="Suite", years=[2024], by=officer)
    assert {line.amendment_id for line in session.exec(select(PlanLine))} == {made.id, taken.id}


def test_the_object_and_the_target_of_a_year_are_those_of_the_text_that_speaks_of_it(
    session: Session,
) -> None:
    convention = make_state_convention(
        session, {(2023, Volet.DEPLOIEMENT): 71_968_900}, signe_le=date(2023, 5, 2)
    )
    initial = session.exec(select(StateAmendment)).one()
    initial.objet, initial.cible = "Le pilote.", "1 400 personnes"
    avenant = make_state_amendment(
        session, convention, {(2024, Volet.DEPLOIEMENT): 99_812_624}, numero=1, signe_le=date(2024, 3, 21)
    )
    avenant.objet, avenant.cible = "Une année de plus.", "3 050 personnes"
    session.flush()
    says = terms_on(session, convention, date(2024, 4, 1))
    assert says.said_of(2023) == ("Le pilote.", "1 400 personnes")
    assert says.said_of(2024) == ("Une année de plus.", "3 050 personnes") == (says.objet, says.cible)
    assert says.said_of(2025) == (says.objet, says.cible)
    # One that changes the target alone speaks of its year and of those that follow.
    other = make_state_amendment(session, convention, {}, numero=2, signe_le=date(2024, 9, 1))
    other.objet, other.cible = "Une autre cible.", "3 500 personnes"
    session.flush()
    says = terms_on(session, convention, date(2024, 9, 1))
    assert says.said_of(2023) == ("Le pilote.", "1 400 personnes")
    assert says.said_of(2024) == ("Une autre cible.", "3 500 personnes")


def test_a_bilan_tells_the_object_of_its_year(session: Session, move_clock: Callable[..., datetime]) -> None:
    move_clock(2024, 3, 22, 10)
    officer = make_user(session, Role.CONVENTIONNEMENT)
    convention = make_state_convention(
        session, {(2023, Volet.DEPLOIEMENT): 71_968_900}, signe_le=date(2023, 5, 2)
    )
    initial = session.exec(select(StateAmendment)).one()
    initial.cible = "1 400 personnes"
    avenant = make_state_amendment(
        session, convention, {(2024, Volet.DEPLOIEMENT): 99_812_624}, numero=1, signe_le=date(2024, 3, 21)
    )
    avenant.cible = "3 050 personnes"
    session.flush()
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    told_by = bilan_figures.gather(session, convention, bilan)
    assert told_by["convention"]["cible"] == "1 400 personnes"
