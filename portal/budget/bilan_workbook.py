"""A bilan as a workbook in the official layout, with live formulas, made of its plain data."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from portal.budget import official_sheets, plan, sheets, statement
from portal.budget.accounts import Due, Year
from portal.budget.bilan_models import Bilan
from portal.budget.bilan_parts import lines_of
from portal.budget.models import Nature, PlanLine, Volet
from portal.budget.settlement import Spent, VoletAccount, YearAccount
from portal.budget.spending_models import NonEligible, PaymentKind, StatePayment
from portal.web.formats import hours

_NOBODY = uuid.UUID(int=0)


# --- The plain data as the shapes that the official layout is made of --------------------------------------------------


def statement_of(told: dict[str, Any]) -> statement.Statement:
    """Return the statement of a year that plain data tell (`bilan_figures.gather`, "etats")."""
    return statement.grouped(told["annee"], map(_line, lines_of(told)), map(_line, told["apart"]))


def plan_of(told: dict[str, Any]) -> plan.Plan:
    """Return the financing plan of a year that plain data tell ("plan")."""
    annee = told["annee"]
    lines = [
        PlanLine(
            # Lines of one rank would be told in the order of their ids.
            id=uuid.UUID(int=number),
            amendment_id=_NOBODY,
            annee=annee,
            volet=volet["volet"],
            rang=number,
            nature=Nature(line["code"]),
            objet=line["objet"],
            detail=line["detail"],
            existant_etp=line["existant_etp"],
            existant_centimes=line["existant"],
            cible_etp=line["cible_etp"],
            cible_centimes=line["cible"],
            montant_centimes=line["montant"],
            autres_centimes=line["autres"],
            autres_sources=line["autres_sources"],
        )
        for volet in told["volets"]
        for number, line in enumerate(volet["lignes"])
    ]
    ceilings = {(annee, Volet(volet["volet"])): volet["plafond"] for volet in told["volets"]}
    return plan.grouped(annee, lines, ceilings)


def year_of(told: dict[str, Any], bilan: Bilan) -> Year:
    """Return the account of a year that plain data tell ("comptes")."""
    annee = told["annee"]
    volets = {
        Volet(one["volet"]): VoletAccount(
            one["montant"], Spent(one["depense"], one["part_etat"]), one["retenu"]
        )
        for one in told["volets"]
    }
    account = YearAccount(
        annee=annee,
        volets=volets,
        **{
            name: told[name]
            for name in (
                "montant",
                "avance_brute",
                "deduction",
                "avance_due",
                "avance_acquise",
                "retenu",
                "solde_du",
                "trop_percu",
                "reporte",
                "reversement",
            )
        },
    )
    known = {payment["genre"]: payment for payment in told["versements"]}
    dues = {}
    for kind in PaymentKind:
        mine = known.get(kind.value)
        payment = StatePayment(
            convention_id=_NOBODY, annee=annee, kind=kind, verse_centimes=mine["verse"] if mine else None
        )
        dues[kind] = Due(_NOBODY, annee, kind, mine["du"] if mine else 0, None, payment)
    return Year(account, dues, bilan, told["taux_departement"])


def _line(told: dict[str, Any]) -> statement.Line:
    return statement.Line(
        id=_NOBODY,
        volet=Volet(told["volet"]),
        nature=Nature(told["code"]),
        objet=told["objet"],
        unite=told["unite"],
        nombre=told["nombre"],
        cout_unitaire=told["cout_unitaire"],
        date_debut=date.fromisoformat(told["du"]),
        date_fin=date.fromisoformat(told["au"]),
        montant=told["montant"],
        part_etat=told["part_etat"],
        non_eligible=NonEligible(told["non_eligible"]) if told["non_eligible"] else None,
        lien=told["lien"],
    )


# --- The workbook ------------------------------------------------------------------------------------------------------


def as_xlsx(bilan: Bilan, told: dict[str, Any], texts: Sequence[tuple[str, str]]) -> bytes:
    """Return the bilan as a workbook: a sheet for each part, with live formulas. `texts` are (title of a part, its text)."""
    heading = f"{told['titre']}, convention {told['convention']['numero']}"
    with sheets.Book(heading) as book:
        _texts_sheet(book, heading, told, texts)
        for year in told["etats"]:
            official_sheets.add_statement(
                book, statement_of(year), f"{heading} : état des dépenses {year['annee']}"
            )
        official_sheets.add_accounts(
            book, [year_of(year, bilan) for year in told["comptes"]], f"{heading} : comptes"
        )
        for year in told["plan"]:
            official_sheets.add_plan(book, plan_of(year), f"{heading} : plan de financement {year['annee']}")
        _fiches_sheet(book, heading, told["fiches"])
        _places_sheet(book, heading, told["places"])
    return book.content


def _texts_sheet(
    book: sheets.Book, heading: str, told: dict[str, Any], texts: Sequence[tuple[str, str]]
) -> None:
    sheet = book.sheet("Bilan", heading, [("Partie", 34), ("Texte", 110)])
    for label, value in (*identity(told), *texts):
        sheet.put(0, label)
        # What a cell may hold.
        sheet.put(1, value[:32_000])
        sheet.row += 1
    for name in told["pieces"]:
        sheet.put(0, "Pièce jointe")
        sheet.put(1, name)
        sheet.row += 1


def _fiches_sheet(book: sheets.Book, heading: str, fiches: Sequence[dict[str, Any]]) -> None:
    sheet = book.sheet(
        "Fiches action",
        f"{heading} : fiches action et indicateurs",
        [("Fiche action", 44), ("Année", 8), ("Indicateur", 34), ("Cible", 16), ("Réalisé", 16)],
    )
    for fiche in fiches:
        for label, target, done, kind in indicators(fiche):
            sheet.put(0, fiche["titre"])
            sheet.put(1, str(fiche["annee"]))
            sheet.put(2, label)
            sheet.put(3, target, kind)
            sheet.put(4, done, kind)
            sheet.row += 1


def _places_sheet(book: sheets.Book, heading: str, places: dict[str, Any]) -> None:
    sheet = book.sheet(
        "Places et partenaires",
        f"{heading} : places et partenaires",
        [
            ("Partenaire", 40),
            ("Convention", 34),
            ("Dépenses", 18),
            ("Places financées", 12),
            ("Places occupées", 12),
            ("Entrées", 12),
            ("Sorties", 12),
            ("Personnes", 12),
        ],
    )
    first = sheet.row
    columns = ("financees", "occupees", "entrees", "sorties", "personnes")
    for one in places["conventions"]:
        sheet.put(0, one["partenaire"])
        sheet.put(1, f"{one['numero']}, {one['intitule']}")
        sheet.put(2, one["depense"], "euros")
        for place, name in enumerate(columns, 3):
            sheet.put(place, one[name], "whole")
        sheet.row += 1
    rows = range(first, sheet.row)
    sheet.fill("total")
    sheet.put(0, "Ensemble (une personne y compte une fois)", "text", "total")
    sheet.sum_of(2, rows, places["depense"], "euros", "total")
    for place, name in enumerate(columns, 3):
        value = places["total"][name]
        if name == "personnes" or value != sum(one[name] for one in places["conventions"]):
            sheet.put(place, value, "whole", "total")
        else:
            sheet.sum_of(place, rows, value, "whole", "total")
    sheet.row += 1


def identity(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a bilan says of itself and of its convention: (label, words)."""
    convention = told["convention"]
    return [
        ("Convention", f"{convention['numero']}, {convention['intitule']}"),
        ("Parties", f"{convention['etat']} et {convention['departement']}"),
        (
            "Période de la convention",
            f"du {day_of(convention['date_debut'])} au {day_of(convention['date_fin'])}",
        ),
        ("Période du bilan", f"du {day_of(told['du'])} au {day_of(told['au'])}"),
        ("Objet", convention["objet"]),
        *([("Cible", convention["cible"])] if convention["cible"] else []),
        *(
            (
                found["nom"],
                f"signé{'e' if found['nom'].startswith('Convention') else ''} le {day_of(found['signe_le'])}",
            )
            for found in convention["avenants"]
        ),
    ]


def indicators(fiche: dict[str, Any]) -> list[tuple[str, Any, Any, str]]:
    """Return (label, target, done, kind of cell)."""
    done = fiche["realise"]
    return [
        ("Nouveaux entrants", fiche["cible_entrants"], done["entrees"], "whole"),
        ("Personnes accueillies", fiche["cible_allocataires"], done["personnes"], "whole"),
        ("Heures d’activité", None, hours(done["minutes"] / 60), "text"),
        *((one["libelle"], one["cible"], one["realise"], "text") for one in fiche["indicateurs"]),
    ]


def day_of(text: str) -> str:
    """Return a day of the data, "2023-12-31", as people write it."""
    return date.fromisoformat(text).strftime("%d/%m/%Y")
