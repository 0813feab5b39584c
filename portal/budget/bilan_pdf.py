"""A bilan as a PDF, made of its plain data."""

from collections.abc import Sequence
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from portal.budget.bilan_workbook import day_of, identity, indicators
from portal.money import etp, euros, units

_FONTS = Path(__file__).resolve().parents[1] / "prescriptions" / "fonts"
_PLAIN, _BOLD = "Bilan", "Bilan-Bold"


def as_pdf(told: dict[str, Any], texts: Sequence[tuple[str, str]], *, portal: str, standing: str) -> bytes:
    """Return the bilan as a PDF. `standing` says where it stands ("En préparation", "Remis le …"), on every page."""
    _fonts()
    out = BytesIO()
    title = f"{told['titre']}, convention {told['convention']['numero']}"
    document = SimpleDocTemplate(
        out,
        pagesize=landscape(A4),
        leftMargin=14 * mm,
        rightMargin=14 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=title,
        author=portal,
        lang="fr-FR",
    )

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(_PLAIN, 7)
        canvas.drawString(14 * mm, 9 * mm, f"{title} – {standing}")
        canvas.drawRightString(landscape(A4)[0] - 14 * mm, 9 * mm, f"Page {canvas.getPageNumber()}")

    story: list[Any] = [_text(told["titre"], "title"), _text(standing, "lead")]
    story += [_table([], [[label, value] for label, value in identity(told)], (60, 205)), Spacer(1, 8)]
    for label, value in texts:
        if value:
            story += [
                _text(label, "head"),
                *(_text(line, "plain") for line in value.split("\n") if line.strip()),
            ]
    for year in told["etats"]:
        story += [PageBreak(), _text(f"État des dépenses {year['annee']}", "head"), _statement_table(year)]
        if year["apart"]:
            story.append(
                _text(f"À part, à la charge du département seul : {euros(year['montant_apart'])}.", "plain")
            )
    for account in told["comptes"]:
        story += [_text(f"Comptes {account['annee']}", "head"), _account_table(account), Spacer(1, 6)]
        rows = [
            [label, euros(account[name])]
            for label, name in (
                ("Avance prévue", "avance_brute"),
                ("Déduit de l’année d’avant", "deduction"),
                ("Avance due", "avance_due"),
                ("Solde dû", "solde_du"),
                ("Trop-perçu", "trop_percu"),
                ("À déduire de l’année suivante", "reporte"),
                ("À reverser à l’État", "reversement"),
            )
            if account[name]
        ]
        if rows:
            story.append(_table([], rows, (80, 45), numbers={1}))
    for year in told["plan"]:
        if year["volets"]:
            story += [_text(f"Plan de financement {year['annee']}", "head"), _plan_table(year)]
    if told["fiches"]:
        rows = [
            [f"{fiche['titre']} ({fiche['annee']})", label, "" if target is None else target, done]
            for fiche in told["fiches"]
            for label, target, done, _ in indicators(fiche)
        ]
        story += [
            _text("Fiches action et indicateurs", "head"),
            _table(
                ["Fiche action", "Indicateur", "Cible", "Réalisé"], rows, (100, 85, 40, 40), numbers={2, 3}
            ),
        ]
    if told["places"]["conventions"]:
        story += [_text("Places et partenaires", "head"), _places_table(told["places"])]
    story += [
        _text("Pièces jointes", "head"),
        *(_text(name, "plain") for name in told["pieces"] or ["Aucune."]),
    ]
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _statement_table(year: dict[str, Any]) -> LongTable:
    rows: list[list[Any]] = []
    strong: list[int] = []
    for bloc in year["blocs"]:
        for nature in bloc["natures"]:
            for line in nature["lignes"]:
                rows.append(
                    [
                        f"{line['objet']} ({line['lien']})" if line["lien"] else line["objet"],
                        line["volet"],
                        f"{day_of(line['du'])} au {day_of(line['au'])}",
                        f"{units(line['nombre'])} {line['unite']}",
                        euros(line["cout_unitaire"]),
                        euros(line["montant"]),
                        euros(line["part_etat"]),
                    ]
                )
            strong.append(len(rows))
            rows.append(_sum(f"Sous-total, {nature['titre']}", nature))
        strong.append(len(rows))
        rows.append(_sum(f"Total, {bloc['titre']}", bloc))
    strong.append(len(rows))
    rows.append(_sum(f"Total {year['annee']}", year))
    head = ["Objet", "Volet", "Période", "Nombre", "Coût unitaire", "Montant", "Part de l’État"]
    return _table(head, rows, (90, 14, 46, 33, 28, 29, 29), numbers={4, 5, 6}, strong=strong)


def _sum(label: str, told: dict[str, Any]) -> list[Any]:
    return [label, "", "", "", "", euros(told["montant"]), euros(told["part_etat"])]


def _account_table(account: dict[str, Any]) -> LongTable:
    names = ("montant", "depense", "retenu", "part_departement", "disponible")
    rows = [[one["titre"], *(euros(one[name]) for name in names)] for one in account["volets"]]
    rows.append([f"Total {account['annee']}", *(euros(account[name]) for name in names)])
    head = [
        "Volet",
        "Crédits de l’État",
        "Dépensé",
        "Part de l’État retenue",
        "Part du département",
        "Disponible",
    ]
    return _table(head, rows, (89, 36, 36, 36, 36, 36), numbers=range(1, 6), strong=[len(rows) - 1])


def _plan_table(year: dict[str, Any]) -> LongTable:
    rows: list[list[Any]] = []
    strong = []
    for volet in year["volets"]:
        for line in volet["lignes"]:
            rows.append(
                [
                    line["nature"],
                    line["objet"],
                    etp(line["existant_etp"]),
                    euros(line["existant"]),
                    etp(line["cible_etp"]),
                    euros(line["cible"]),
                    euros(line["montant"]),
                    euros(line["autres"]),
                ]
            )
        strong.append(len(rows))
        rows.append(
            [
                f"Total, {volet['titre']}",
                f"pour {euros(volet['plafond'])} de crédits",
                *("" for _ in range(4)),
                euros(volet["montant"]),
                euros(volet["autres"]),
            ]
        )
    strong.append(len(rows))
    rows.append(
        [
            f"Total {year['annee']}",
            f"pour {euros(year['plafond'])} de crédits",
            *("" for _ in range(4)),
            euros(year["montant"]),
            euros(year["autres"]),
        ]
    )
    head = [
        "Nature",
        "Objet",
        "Existant, ETP",
        "Existant",
        "Cible, ETP",
        "Cible",
        "Montant de l’État",
        "Autres sources",
    ]
    return _table(head, rows, (48, 65, 17, 28, 17, 28, 33, 33), numbers=range(2, 8), strong=strong)


def _places_table(places: dict[str, Any]) -> LongTable:
    names = ("financees", "occupees", "entrees", "sorties", "personnes")
    rows = [
        [
            one["partenaire"],
            f"{one['numero']}, {one['intitule']}",
            euros(one["depense"]),
            *(str(one[name]) for name in names),
        ]
        for one in places["conventions"]
    ]
    rows.append(["Ensemble", "", euros(places["depense"]), *(str(places["total"][name]) for name in names)])
    head = [
        "Partenaire",
        "Convention",
        "Dépenses",
        "Places financées",
        "Occupées",
        "Entrées",
        "Sorties",
        "Personnes",
    ]
    return _table(head, rows, (65, 65, 34, 21, 21, 21, 21, 21), numbers=range(2, 8), strong=[len(rows) - 1])


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    widths: Sequence[int],
    *,
    numbers: Any = (),
    strong: Sequence[int] = (),
) -> LongTable:
    """Return a table; `widths` in millimetres, `numbers` are the columns set to the right, `strong` the rows of totals."""
    right = frozenset(numbers)
    bold = frozenset(strong)
    cells = [
        [
            _text(str(value), ("strong" if number in bold else "cell") + ("-right" if place in right else ""))
            for place, value in enumerate(row)
        ]
        for number, row in enumerate(rows)
    ]
    if head:
        titles = [
            _text(title, "strong-right" if place in right else "strong") for place, title in enumerate(head)
        ]
        cells.insert(0, titles)
    style = [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#9AA5B1")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    if head:
        style.append(("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#D5DDEA")))
    for number in bold:
        place = number + bool(head)
        style.append(("BACKGROUND", (0, place), (-1, place), colors.HexColor("#EEF1F5")))
    return LongTable(
        cells,
        colWidths=[width * mm for width in widths],
        repeatRows=1 if head else 0,
        style=TableStyle(style),
        hAlign="LEFT",
    )


def _text(text: str, style: str) -> Paragraph:
    return Paragraph(escape(_clean(text)), _styles()[style])


def _clean(text: str) -> str:
    # The font has no narrow space of its own.
    return text.replace("\u202f", "\u00a0")


@cache
def _styles() -> dict[str, ParagraphStyle]:
    def style(name: str, font: str, size: float, **others: Any) -> ParagraphStyle:
        return ParagraphStyle(name, fontName=font, fontSize=size, leading=size * 1.3, **others)

    return {
        "title": style("title", _BOLD, 17, spaceAfter=2),
        "lead": style("lead", _PLAIN, 10, spaceAfter=8),
        "head": style("head", _BOLD, 12, spaceBefore=10, spaceAfter=4, keepWithNext=True),
        "plain": style("plain", _PLAIN, 9.5, spaceAfter=3),
        "cell": style("cell", _PLAIN, 7.5),
        "cell-right": style("cell-right", _PLAIN, 7.5, alignment=2),
        "strong": style("strong", _BOLD, 7.5),
        "strong-right": style("strong-right", _BOLD, 7.5, alignment=2),
    }


@cache
def _fonts() -> None:
    pdfmetrics.registerFont(TTFont(_PLAIN, str(_FONTS / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(_BOLD, str(_FONTS / "DejaVuSans-Bold.ttf")))
