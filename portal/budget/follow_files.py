"""The follow of actions in words and as a file: the same columns on a page, in a CSV and in a workbook."""

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter

from portal import tabular
from portal.budget.follow import ActionFollow
from portal.budget.projection import Outlook
from portal.web.formats import count, short_day

COLUMNS = (
    "Convention",
    "Partenaire",
    "Action",
    "Que devient la place",
    "Premier jour",
    "Dernier jour",
    "À la date du",
    "Places financées",
    "Places retenues",
    "Places occupées",
    "Places utilisées",
    "Places libres",
    "Personnes en attente",
    "Entrées",
    "Personnes différentes",
    "Heures faites",
    "Prévu en euros",
    "Dépensé en euros",
    "D’après",
    "Coût par entrée en euros",
    "Coût par personne en euros",
    "Coût par heure en euros",
    "Au rythme actuel",
    "Places qui vont dormir",
    "À surveiller",
)


def outlook(follow: ActionFollow) -> str:
    """Return what becomes of the places to the end of the action, in a sentence."""
    told, sleeping = follow.projection, follow.projection.dormantes
    will_sleep = count(sleeping, "place va dormir", "places vont dormir")
    if told.outlook is Outlook.A_VENIR:
        return "La convention n’a pas commencé."
    if told.outlook is Outlook.SANS_PLACE:
        return "Aucune place financée."
    if told.outlook is Outlook.TERMINEE:
        if not sleeping:
            return "Terminée : aucune place n’est restée libre."
        return f"Terminée : {count(sleeping, 'place est restée libre', 'places sont restées libres')}."
    if told.outlook is Outlook.COMPLETE:
        return "Complète."
    if told.outlook is Outlook.BIENTOT_COMPLETE:
        return f"Complète le {short_day(told.complete_le)}."
    if told.outlook is Outlook.TROP_TOT:
        return f"Trop tôt pour le dire : {count(follow.pace.jours, 'jour')} depuis le début."
    if told.outlook is Outlook.SANS_ENTREE:
        return f"Aucune entrée depuis {count(follow.pace.jours, 'jour')} : {will_sleep}."
    return f"{will_sleep}."


def row(follow: ActionFollow, day: date) -> list[Any]:
    """Return the cells of an action, in the order of COLUMNS; amounts and hours are decimals."""
    places, money = follow.places, follow.money
    return [
        follow.convention.numero,
        follow.structure,
        follow.action.intitule,
        follow.action.mode.label,
        follow.convention.date_debut,
        follow.convention.date_fin,
        day,
        places.financees,
        places.retenues,
        places.occupees,
        places.utilisees,
        max(0, places.libres),
        follow.en_attente,
        money.entrees,
        money.personnes,
        _hundredths((money.minutes * 100 + 30) // 60),
        _hundredths(money.prevu),
        _hundredths(money.depense),
        money.source.label if money.source else None,
        _hundredths(money.by_entry),
        _hundredths(money.by_person),
        _hundredths(money.by_hour),
        outlook(follow),
        follow.projection.dormantes,
        ", ".join(reason.label for reason in follow.reasons),
    ]


def as_csv(follows: Iterable[ActionFollow], day: date) -> bytes:
    """Return the table as a French spreadsheet opens it."""
    lines = (
        [str(cell).replace(".", ",") if isinstance(cell, Decimal) else cell for cell in row(follow, day)]
        for follow in follows
    )
    return tabular.french_csv(COLUMNS, lines)


def as_xlsx(follows: Sequence[ActionFollow], day: date) -> bytes:
    """Return the table as a workbook, its totals as formulas over the lines; no text of it is ever a formula."""
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        file,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    sheet = workbook.add_worksheet("Suivi des actions")
    bold = workbook.add_format({"bold": True})
    dated = workbook.add_format({"num_format": "dd/mm/yyyy"})
    exact = workbook.add_format({"num_format": "# ##0.00"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 18)
    for place, label in enumerate(COLUMNS):
        sheet.write_string(0, place, label, bold)
    rows = [row(follow, day) for follow in follows]
    for number, cells in enumerate(rows, start=1):
        for place, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write_datetime(number, place, datetime.combine(cell, time()), dated)
            elif isinstance(cell, Decimal):
                # A cell of a workbook is a float: told exact to the cent by its format.
                sheet.write_number(number, place, float(cell), exact)
            elif isinstance(cell, int):
                sheet.write_number(number, place, cell)
            elif cell is not None:
                sheet.write_string(number, place, str(cell))
    if rows:
        last = len(rows)
        sheet.write_string(last + 1, 0, "Total", bold)
        for place, label in enumerate(COLUMNS):
            if label in _SUMMED:
                letter = xlsxwriter.utility.xl_col_to_name(place)
                whole = sum((cells[place] or 0 for cells in rows), Decimal(0))
                shape = exact if isinstance(rows[0][place], Decimal) else None
                sheet.write_formula(
                    last + 1, place, f"=SUM({letter}2:{letter}{last + 1})", shape, float(whole)
                )
    workbook.close()
    return file.getvalue()


# People are not: one who is in two actions would count twice.
_SUMMED = frozenset(
    {
        "Places financées",
        "Places retenues",
        "Places occupées",
        "Places utilisées",
        "Places libres",
        "Entrées",
        "Heures faites",
        "Prévu en euros",
        "Dépensé en euros",
        "Places qui vont dormir",
    }
)


def _hundredths(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number).scaleb(-2)
