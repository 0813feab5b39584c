"""Workbooks of the convention: formulas recomputed give the portal's totals, and a changed line changes them."""

import uuid
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.budget import official_sheets, plan, sheets
from portal.budget.accounts import Due, Year
from portal.budget.models import FicheAction, Nature, PlanLine, Rounding, UnderConsumption, Volet
from portal.budget.settlement import Spent, settle
from portal.budget.spending_models import NonEligible, PaymentKind
from portal.budget.statement import Line, Statement, grouped
from tests.xlsx import Workbook

STATEMENT = "État des dépenses 2024"


def line(
    nature: Nature, objet: str, nombre: int, cout: int, volet: Volet = Volet.SOLUTIONS, part: int = 0
) -> Line:
    montant = (nombre * cout + 500) // 1000
    return Line(
        id=uuid.uuid4(),
        volet=volet,
        nature=nature,
        objet=objet,
        unite="mois",
        nombre=nombre,
        cout_unitaire=cout,
        date_debut=date(2024, 1, 1),
        date_fin=date(2024, 12, 31),
        montant=montant,
        part_etat=montant * part // 100,
        non_eligible=None,
        lien=None,
        partner_convention_id=None,
        action_id=None,
        post_id=None,
    )


def statement_book(told: Statement) -> Workbook:
    with sheets.Book("État des dépenses") as book:
        official_sheets.add_statement(book, told, "Convention d’exemple")
    return Workbook(book.content)


def cents(number: Decimal) -> int:
    assert number * 100 == int(number * 100)
    return int(number * 100)


# The real statement of Ille-et-Vilaine for 2024 (domain §6).
REAL = grouped(
    2024,
    [
        line(Nature.INGENIERIE, "Ingénierie", 1_000, 15_005_032, Volet.INGENIERIE, 100),
        line(Nature.ACCOMPAGNEMENT, "Référents", 1_000, 40_596_088, part=50),
        line(Nature.ACCOMPAGNEMENT, "CCAS", 1_000, 4_417_750, part=50),
        line(Nature.ACCOMPAGNEMENT, "Missions locales", 12_000, 288_900, part=50),
        line(Nature.ACCOMPAGNEMENT, "Infirmières", 1_000, 10_926_954, part=50),
        line(Nature.DELEGUE, "ERVP", 1_000, 4_700_000, part=50),
        line(Nature.REMOBILISATION, "Résilience", 1_000, 200_000, part=50),
        line(Nature.COMPLEMENTAIRES, "ASL", 1_000, 4_500_000, part=50),
        line(Nature.COMPLEMENTAIRES, "BGE", 1_000, 3_000_000, part=50),
        line(Nature.GARDE_ENFANT, "Garde d’enfant", 1_000, 3_000_000, part=50),
        line(Nature.REMOBILISATION, "Jeunes", 1_000, 500_000, part=50),
        line(Nature.AUTRE_FREIN, "Enveloppe des territoires", 1_000, 5_000_000, Volet.DEPLOIEMENT, 100),
        line(Nature.AUTRE_FREIN, "Formation des professionnels", 1_000, 500_000, part=50),
        line(Nature.SI, "Système d’information", 1_000, 4_000_000, Volet.INGENIERIE, 100),
    ],
)


def test_the_real_statement_recomputes_to_the_cent() -> None:
    book = statement_book(REAL)
    assert book.disagreements() == []
    for label, montant in (
        ("Sous-total, Équipes : accompagnement", 59_407_592),
        ("Total, Renforcement des équipes locales", 74_412_624),
        ("Total, Solutions locales", 21_400_000),
        ("Total, Développement du système d’information", 4_000_000),
        ("Total 2024", 99_812_624),
        ("Total des volets", 99_812_624),
    ):
        assert cents(book.number(STATEMENT, book.beside(STATEMENT, label, "I"))) == montant, label
    own, state = (book.number(STATEMENT, book.beside(STATEMENT, "Total 2024", c)) for c in "KJ")
    assert cents(state) == REAL.part_etat and cents(own) == REAL.part_departement
    # Every sum and every product is a formula.
    assert book.beside(STATEMENT, "Total 2024", "I")[1:] > "3"
    assert (STATEMENT, book.beside(STATEMENT, "Total 2024", "I")) in book.formulas
    assert (STATEMENT, book.beside(STATEMENT, "CCAS", "I")) in book.formulas


def test_a_changed_line_changes_every_total_above_it_and_no_other() -> None:
    book = statement_book(REAL)
    sums = ("Sous-total, Équipes : accompagnement", "Total, Renforcement des équipes locales", "Total 2024")
    others = ("Sous-total, Équipes : ingénierie", "Total, Solutions locales")

    def totals(labels: tuple[str, ...]) -> list[Decimal]:
        return [book.number(STATEMENT, book.beside(STATEMENT, label, "I")) for label in labels]

    before, apart = totals(sums), totals(others)
    volet = book.beside(STATEMENT, Volet.SOLUTIONS.label, "I")
    in_volet = book.number(STATEMENT, volet)
    book.numbers[STATEMENT, book.beside(STATEMENT, "CCAS", "F")] += Decimal("10.10")
    assert totals(sums) == [value + Decimal("10.10") for value in before]
    assert totals(others) == apart
    assert book.number(STATEMENT, volet) == in_volet + Decimal("10.10")


_LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(Nature),
        st.just("Objet"),
        st.integers(0, 100_000),
        st.integers(0, 10_000_000),
        st.sampled_from(Volet),
        st.sampled_from((0, 50, 100)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(_LINES)
def test_any_statement_recomputes_to_the_cent(lines: list[Line]) -> None:
    told = grouped(2024, lines)
    book = statement_book(told)
    assert book.disagreements() == []
    assert cents(book.number(STATEMENT, book.beside(STATEMENT, "Total 2024", "I"))) == told.montant
    assert cents(book.number(STATEMENT, book.beside(STATEMENT, "Total des volets", "J"))) == told.part_etat


def test_what_is_kept_apart_is_in_no_total_and_texts_run_nothing() -> None:
    apart = [
        Line(
            **{
                **{f: getattr(REAL.lines[0], f) for f in Line.__dataclass_fields__},
                "objet": '=HYPERLINK("http://x")',
                "non_eligible": NonEligible.DEPLACEMENTS,
            }
        )
    ]
    book = statement_book(grouped(2024, REAL.lines[:2], apart))
    assert book.disagreements() == []
    total = book.number(STATEMENT, book.beside(STATEMENT, "Total 2024", "I"))
    assert cents(total) == sum(one.montant for one in REAL.lines[:2])
    assert cents(book.number(STATEMENT, book.beside(STATEMENT, "Total à part", "I"))) == 15_005_032
    assert '\'=HYPERLINK("http://x")' in book.texts.values()


# --- Plan ----------------------------------------------------------------------------------------------------------------


def planned(volet: Volet, nature: Nature, objet: str, montant: int, **values: int) -> PlanLine:
    return PlanLine(
        amendment_id=uuid.uuid4(),
        annee=2024,
        volet=volet.value,
        rang=values.pop("rang", 1),
        nature=nature,
        objet=objet,
        montant_centimes=montant,
        **values,  # type: ignore[arg-type]
    )


def plan_book(told: plan.Plan) -> Workbook:
    with sheets.Book("Plan") as book:
        official_sheets.add_plan(book, told, "Convention d’exemple")
    return Workbook(book.content)


def test_the_plan_recomputes_and_is_held_against_the_amounts() -> None:
    sheet = FicheAction(convention_id=uuid.uuid4(), annee=2024, titre="Mobilité solidaire")
    mobility = planned(Volet.SOLUTIONS, Nature.MOBILITE, "Navettes", 1_000_001, cible_centimes=2_000_002)
    mobility.fiche_id = sheet.id
    told = plan.grouped(
        2024,
        [
            planned(
                Volet.INGENIERIE,
                Nature.INGENIERIE,
                "Chefferie",
                15_005_032,
                existant_etp=100,
                cible_etp=300,
                existant_centimes=5_000_000,
                cible_centimes=15_005_032,
            ),
            planned(Volet.INGENIERIE, Nature.SI, "Portail", 4_000_000, existant_centimes=10),
            mobility,
        ],
        {(2024, Volet.INGENIERIE): 19_000_000, (2024, Volet.SOLUTIONS): 2_000_000},
        {sheet.id: sheet},
    )
    book = plan_book(told)
    assert book.sheets == ["Plan 2024", "Montants 2024"]
    assert book.disagreements() == []
    assert cents(book.number("Plan 2024", book.beside("Plan 2024", "Total 2024", "J"))) == 20_005_033
    assert book.number("Plan 2024", book.beside("Plan 2024", "Chefferie", "H")) == 2
    assert cents(book.number("Plan 2024", book.beside("Plan 2024", "Portail", "I"))) == -10
    assert "Mobilité solidaire" in book.texts.values()
    rest = book.beside("Montants 2024", Volet.INGENIERIE.label, "D")
    assert cents(book.number("Montants 2024", rest)) == -5_032
    # Live from one sheet to the other.
    book.numbers["Plan 2024", book.beside("Plan 2024", "Portail", "J")] -= Decimal("50.32")
    assert book.number("Montants 2024", rest) == 0


_PLANNED = st.lists(
    st.builds(
        planned,
        st.sampled_from(Volet),
        st.sampled_from(Nature),
        st.just("Objet"),
        st.integers(0, 10**9),
        rang=st.integers(1, 5),
        existant_etp=st.integers(0, 2_000),
        cible_etp=st.integers(0, 2_000),
        existant_centimes=st.integers(0, 10**9),
        cible_centimes=st.integers(0, 10**9),
        autres_centimes=st.integers(0, 10**9),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(_PLANNED)
def test_any_plan_recomputes_and_loses_no_line(lines: list[PlanLine]) -> None:
    told = plan.grouped(2024, lines, {})
    assert told.sums == plan.sums(plan.of_line(one) for one in lines)
    assert sorted(map(id, told.lines)) == sorted(map(id, lines))
    book = plan_book(told)
    assert book.disagreements() == []
    assert cents(book.number("Plan 2024", book.beside("Plan 2024", "Total 2024", "J"))) == told.sums.montant


# --- Accounts ------------------------------------------------------------------------------------------------------------


def test_the_accounts_recompute() -> None:
    convention = uuid.uuid4()
    accounts = settle(
        [2023, 2024],
        {(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.SOLUTIONS): 99_812_624},
        {(2023, Volet.INGENIERIE): Spent(42_327_135, 42_327_135), (2024, Volet.SOLUTIONS): Spent(101, 101)},
        {},
        taux_avance=6_000,
        arrondi=Rounding.EURO_PROCHE,
        taux_departement=5_000,
        sous_consommation=UnderConsumption.DEDUITE,
        closed=frozenset({2023}),
    )
    years = [
        Year(
            account,
            {kind: Due(convention, account.annee, kind, 0, None, None) for kind in PaymentKind},
            None,
            5_000,
        )
        for account in accounts
    ]
    with sheets.Book("Comptes") as book:
        official_sheets.add_accounts(book, years, "Convention d’exemple")
    found = Workbook(book.content)
    assert found.disagreements() == []
    assert cents(found.number("Comptes", found.beside("Comptes", "Total 2023", "F"))) == 29_641_765
    assert Decimal("8541.65") in found.numbers.values()
