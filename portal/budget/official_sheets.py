"""The official layouts of a workbook: statement of expenses, financing plan, accounts; every total is a live formula."""

from collections.abc import Sequence

from xlsxwriter.utility import xl_rowcol_to_cell

from portal.budget.accounts import Year
from portal.budget.models import Volet
from portal.budget.plan import Plan, Sums, of_line
from portal.budget.sheets import Book, Sheet
from portal.budget.statement import Line, Statement

# --- The statement of expenses -----------------------------------------------------------------------------------------

_STATEMENT = (
    ("Nature", 30),
    ("Objet", 42),
    ("Volet", 7),
    ("Unité", 12),
    ("Nombre d’unités", 11),
    ("Coût unitaire", 15),
    ("Du", 12),
    ("Au", 12),
    ("Montant", 17),
    ("Part de l’État", 17),
    ("Part du département", 17),
    ("Convention ou poste", 34),
)
_AMOUNT, _STATE, _OWN = 8, 9, 10


def add_statement(book: Book, told: Statement, heading: str, *, name: str | None = None) -> tuple[Sheet, int]:
    """Add the statement of a year by block and nature, then by volet; return the sheet and the row of its total."""
    sheet = book.sheet(name or f"État des dépenses {told.annee}", heading, _STATEMENT)
    first = sheet.row
    blocs = []
    for bloc in told.blocs:
        sheet.band(bloc.bloc.label)
        natures = []
        for group in bloc.natures:
            rows = [_expense(sheet, line) for line in group.lines]
            natures.append(
                _statement_sum(
                    sheet, f"Sous-total, {group.nature.label}", rows, group.montant, group.part_etat, "sub"
                )
            )
        blocs.append(
            _statement_sum(sheet, f"Total, {bloc.bloc.label}", natures, bloc.montant, bloc.part_etat, "total")
        )
    total = _statement_sum(sheet, f"Total {told.annee}", blocs, told.montant, told.part_etat, "head")
    _by_volet(sheet, told, first, total)
    if told.apart:
        _apart(sheet, told)
    return sheet, total


def _expense(sheet: Sheet, line: Line) -> int:
    sheet.put(0, line.nature.label)
    sheet.put(1, line.objet)
    sheet.put(2, line.volet.value, "whole")
    sheet.put(3, line.unite)
    sheet.put(4, line.nombre, "units")
    sheet.put(5, line.cout_unitaire, "euros")
    sheet.put(6, line.date_debut, "day")
    sheet.put(7, line.date_fin, "day")
    sheet.compute(_AMOUNT, f"=ROUND({sheet.cell(4)}*{sheet.cell(5)},2)", line.montant)
    sheet.put(_STATE, line.part_etat, "euros")
    sheet.compute(_OWN, f"={sheet.cell(_AMOUNT)}-{sheet.cell(_STATE)}", line.montant - line.part_etat)
    sheet.put(11, line.lien)
    sheet.row += 1
    return sheet.row - 1


def _statement_sum(
    sheet: Sheet, label: str, rows: Sequence[int], montant: int, part_etat: int, strength: str
) -> int:
    sheet.fill(strength)
    sheet.put(0, label, "text", strength)
    for place, value in ((_AMOUNT, montant), (_STATE, part_etat), (_OWN, montant - part_etat)):
        sheet.sum_of(place, rows, value, "euros", strength)
    sheet.row += 1
    return sheet.row - 1


def _by_volet(sheet: Sheet, told: Statement, first: int, total: int) -> None:
    sheet.row += 1
    sheet.band("Par volet", "head")
    rows = []
    for volet in Volet:
        spent = told.of_volet(volet)
        sheet.put(0, volet.label)
        sheet.put(2, volet.value, "whole")
        for place, value in (
            (_AMOUNT, spent.total),
            (_STATE, spent.part_etat),
            (_OWN, spent.total - spent.part_etat),
        ):
            # Sums bear no volet: only lines are counted.
            kept = f"{_fixed(sheet, 2, first)}:{_fixed(sheet, 2, total)}"
            summed = f"{_fixed(sheet, place, first)}:{_fixed(sheet, place, total)}"
            sheet.compute(place, f"=SUMIF({kept},{sheet.cell(2)},{summed})", value)
        rows.append(sheet.row)
        sheet.row += 1
    _statement_sum(sheet, "Total des volets", rows, told.montant, told.part_etat, "total")


def _fixed(sheet: Sheet, place: int, row: int) -> str:
    return str(xl_rowcol_to_cell(row, place, row_abs=True, col_abs=True))


def _apart(sheet: Sheet, told: Statement) -> None:
    sheet.row += 1
    sheet.band("À la charge du département, hors de tout total de la convention", "head")
    first = sheet.row
    for line in told.apart:
        sheet.put(0, line.non_eligible.label if line.non_eligible else "Choix du département")
        sheet.put(1, line.objet)
        sheet.put(3, line.unite)
        sheet.put(4, line.nombre, "units")
        sheet.put(5, line.cout_unitaire, "euros")
        sheet.put(6, line.date_debut, "day")
        sheet.put(7, line.date_fin, "day")
        sheet.compute(_AMOUNT, f"=ROUND({sheet.cell(4)}*{sheet.cell(5)},2)", line.montant)
        sheet.row += 1
    sheet.fill("sub")
    sheet.put(0, "Total à part", "text", "sub")
    sheet.sum_of(_AMOUNT, range(first, sheet.row), told.montant_apart, "euros", "sub")
    sheet.row += 1


# --- The financing plan --------------------------------------------------------------------------------------------------

_PLAN = (
    ("Nature", 30),
    ("Objet", 40),
    ("Détail", 40),
    ("Existant, ETP", 10),
    ("Existant", 16),
    ("Cible, ETP", 10),
    ("Cible", 16),
    ("Différence, ETP", 11),
    ("Différence", 16),
    ("Montant demandé à l’État", 17),
    ("Autres sources", 16),
    ("Qui paie les autres sources", 26),
    ("Fiche action", 30),
)
_PLAN_KINDS = {3: "etp", 4: "euros", 5: "etp", 6: "euros", 7: "etp", 8: "euros", 9: "euros", 10: "euros"}
_ASKED = 9


def add_plan(
    book: Book, plan: Plan, heading: str, *, name: str | None = None
) -> tuple[Sheet, dict[Volet, int]]:
    """Add the plan of a year, then a sheet that holds it against the amounts; return the sheet and each volet's row."""
    sheet = book.sheet(name or f"Plan {plan.annee}", heading, _PLAN)
    volets: dict[Volet, int] = {}
    for own in plan.volets:
        sheet.band(own.volet.label, "head")
        blocs = []
        for bloc in own.blocs:
            sheet.band(bloc.bloc.label)
            natures = []
            for group in bloc.natures:
                rows = []
                for line in group.lines:
                    fiche = plan.fiches.get(line.fiche_id) if line.fiche_id else None
                    for place, text in (
                        (0, group.nature.label),
                        (1, line.objet),
                        (2, line.detail),
                        (11, line.autres_sources),
                        (12, fiche.titre if fiche else None),
                    ):
                        sheet.put(place, text)
                    values = _columns(of_line(line))
                    for place, kind in _PLAN_KINDS.items():
                        if place in (7, 8):
                            formula = f"={sheet.cell(place - 2)}-{sheet.cell(place - 4)}"
                            sheet.compute(place, formula, values[place], kind)
                        else:
                            sheet.put(place, values[place], kind)
                    rows.append(sheet.row)
                    sheet.row += 1
                natures.append(_plan_sum(sheet, f"Sous-total, {group.nature.label}", rows, group.sums, "sub"))
            blocs.append(_plan_sum(sheet, f"Total, {bloc.bloc.label}", natures, bloc.sums, "total"))
        volets[own.volet] = _plan_sum(sheet, f"Total, {own.volet.short.lower()}", blocs, own.sums, "total")
    _plan_sum(sheet, f"Total {plan.annee}", list(volets.values()), plan.sums, "head")
    _ceilings(book, plan, sheet, volets)
    return sheet, volets


def _columns(told: Sums) -> dict[int, int]:
    return {
        3: told.existant_etp,
        4: told.existant,
        5: told.cible_etp,
        6: told.cible,
        7: told.difference_etp,
        8: told.difference,
        9: told.montant,
        10: told.autres,
    }


def _plan_sum(sheet: Sheet, label: str, rows: Sequence[int], told: Sums, strength: str) -> int:
    sheet.fill(strength)
    sheet.put(0, label, "text", strength)
    for place, value in _columns(told).items():
        sheet.sum_of(place, rows, value, _PLAN_KINDS[place], strength)
    sheet.row += 1
    return sheet.row - 1


def _ceilings(book: Book, plan: Plan, source: Sheet, volets: dict[Volet, int]) -> None:
    sheet = book.sheet(
        f"Montants {plan.annee}",
        f"Plan {plan.annee} et montants de la convention",
        [("Volet", 46), ("Montant de la convention", 20), ("Plan", 18), ("Reste", 18)],
    )
    rows = []
    for own in plan.volets:
        sheet.put(0, own.volet.label)
        sheet.put(1, own.plafond, "euros")
        sheet.compute(2, f"={source.elsewhere(_ASKED, volets[own.volet])}", own.sums.montant)
        sheet.compute(3, f"={sheet.cell(1)}-{sheet.cell(2)}", own.plafond - own.sums.montant)
        rows.append(sheet.row)
        sheet.row += 1
    sheet.fill("total")
    sheet.put(0, f"Total {plan.annee}", "text", "total")
    for place, value in (
        (1, plan.plafond),
        (2, plan.sums.montant),
        (3, plan.plafond - plan.sums.montant),
    ):
        sheet.sum_of(place, rows, value, "euros", "total")
    sheet.row += 1


# --- The accounts --------------------------------------------------------------------------------------------------------


def add_accounts(book: Book, years: Sequence[Year], heading: str, *, name: str = "Comptes") -> Sheet:
    """Add the accounts: by year and volet what was given, spent, and borne by whom; then advance, balance and payments."""
    sheet = book.sheet(
        name,
        heading,
        [
            ("Année", 34),
            ("Crédits de l’État", 18),
            ("Dépensé", 18),
            ("Part de l’État retenue", 18),
            ("Part du département", 18),
            ("Disponible", 18),
        ],
    )
    for year in years:
        sheet.band(f"{year.annee}")
        rows = []
        for volet, told in year.account.volets.items():
            sheet.put(0, volet.label)
            sheet.put(1, told.montant, "euros")
            sheet.put(2, told.spent.total, "euros")
            sheet.put(3, told.retenu, "euros")
            sheet.compute(4, f"={sheet.cell(2)}-{sheet.cell(3)}", told.part_departement)
            sheet.compute(5, f"={sheet.cell(1)}-{sheet.cell(3)}", told.disponible)
            rows.append(sheet.row)
            sheet.row += 1
        account = year.account
        sheet.fill("sub")
        sheet.put(0, f"Total {year.annee}", "text", "sub")
        for place, value in (
            (1, account.montant),
            (2, account.depense),
            (3, account.retenu),
            (4, account.part_departement),
            (5, account.disponible),
        ):
            sheet.sum_of(place, rows, value, "euros", "sub")
        sheet.row += 1
        for label, value in (
            ("Avance prévue", account.avance_brute),
            ("Déduit, laissé par l’année d’avant", account.deduction),
            *(
                [("Laissé maintenant par l’année d’avant, bilan remis à corriger", account.laisse)]
                if account.laisse != account.repris
                else []
            ),
            ("Avance due", account.avance_due),
            ("Solde dû" if year.closed else "Solde à ce jour", account.solde_du),
            ("Versé par l’État", year.verse),
            ("Trop-perçu", account.trop_percu),
            ("Reporté sur l’année suivante", account.reporte),
            ("À reverser à l’État", account.reversement),
        ):
            sheet.put(0, label)
            sheet.put(1, value, "euros")
            sheet.row += 1
        sheet.row += 1
    return sheet
