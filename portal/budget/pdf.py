"""The statement of expenses, the financing plan and an action sheet as PDF. Nothing here names a beneficiary."""

from collections.abc import Collection, Sequence
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
from reportlab.platypus import KeepInFrame, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from portal.budget.fiches import Told, period
from portal.budget.models import FicheAction
from portal.budget.plan import Plan, Sums, of_line
from portal.budget.statement import Statement
from portal.money import etp, euros, units

_FONTS = Path(__file__).resolve().parents[1] / "prescriptions" / "fonts"
_PLAIN, _BOLD = "Budget", "Budget-Bold"
_MARGIN = 14 * mm
_GREY = colors.HexColor("#D5DDEA")
_PALE = colors.HexColor("#F0F2F6")


def statement_pdf(told: Statement, heading: str, *, portal: str) -> bytes:
    """Return the statement of expenses of a year, by block and nature, with its totals."""
    rows: list[list[str]] = []
    strong: set[int] = set()
    for bloc in told.blocs:
        for group in bloc.natures:
            rows += [
                [
                    group.nature.label,
                    line.objet,
                    str(line.volet.value),
                    line.unite,
                    units(line.nombre),
                    euros(line.cout_unitaire),
                    f"{line.date_debut:%d/%m/%Y} au {line.date_fin:%d/%m/%Y}",
                    euros(line.montant),
                    euros(line.part_etat),
                ]
                for line in group.lines
            ]
            rows.append(_spending(f"Sous-total, {group.nature.label}", group.montant, group.part_etat))
            strong.add(len(rows))
        rows.append(_spending(f"Total, {bloc.bloc.label}", bloc.montant, bloc.part_etat))
        strong.add(len(rows))
    rows.append(_spending(f"Total {told.annee}", told.montant, told.part_etat))
    strong.add(len(rows))
    titles = [
        "Nature",
        "Objet",
        "Volet",
        "Unité",
        "Nombre",
        "Coût unitaire",
        "Période",
        "Montant",
        "Part de l’État",
    ]
    story = [
        _table(titles, rows, (42, 58, 11, 18, 16, 27, 43, 27, 27), numbers={4, 5, 7, 8}, strong=strong),
    ]
    if told.apart:
        story += [
            _text("À la charge du département, hors de tout total de la convention", "head"),
            _table(
                ["Objet", "Pourquoi", "Montant"],
                [
                    [
                        line.objet,
                        line.non_eligible.label if line.non_eligible else "Choix du département",
                        euros(line.montant),
                    ]
                    for line in told.apart
                ]
                + [["Total à part", "", euros(told.montant_apart)]],
                (120, 119, 30),
                numbers={2},
                strong={len(told.apart) + 1},
            ),
        ]
    return _document(f"État des dépenses {told.annee}", heading, story, portal=portal)


def plan_pdf(plan: Plan, heading: str, *, portal: str) -> bytes:
    """Return the financing plan of a year, by volet, block and nature, with its totals."""
    titles = [
        "Objet",
        "ETP existants",
        "Existant",
        "ETP visés",
        "Cible",
        "ETP en plus",
        "Différence",
        "Montant (État)",
        "Autres sources",
    ]
    story: list[Any] = []
    for own in plan.volets:
        if not own.blocs:
            continue
        rows: list[list[str]] = []
        strong: set[int] = set()
        for bloc in own.blocs:
            for group in bloc.natures:
                for line in group.lines:
                    said = line.objet + (f" – {line.detail}" if line.detail else "")
                    who = f" ({line.autres_sources})" if line.autres_sources else ""
                    cells = _sums(said, of_line(line))
                    rows.append([*cells[:-1], cells[-1] + who])
                rows.append(_sums(f"Sous-total, {group.nature.label}", group.sums))
                strong.add(len(rows))
            rows.append(_sums(f"Total, {bloc.bloc.label}", bloc.sums))
            strong.add(len(rows))
        rows.append(_sums(f"Total, {own.volet.short.lower()}", own.sums))
        strong.add(len(rows))
        story += [
            _text(own.volet.label, "head"),
            _text(
                f"Montant de la convention : {euros(own.plafond)}. {_against(own.depassement, own.reste)}",
                "plain",
            ),
            _table(
                titles, rows, (80, 17, 27, 17, 27, 17, 27, 28, 29), numbers=set(range(1, 9)), strong=strong
            ),
        ]
    story.append(_text(f"Total {plan.annee} : {euros(plan.sums.montant)}", "head"))
    return _document(f"Plan de financement {plan.annee}", heading, story, portal=portal)


def fiche_pdf(fiche: FicheAction, told: Told, heading: str, *, portal: str) -> bytes:
    """Return an action sheet on one page: it is made smaller when it is long."""
    debut, fin = period(fiche)
    story: list[Any] = []
    for label, text in (
        ("Contexte", fiche.contexte),
        ("Enjeux et objectifs", fiche.enjeux),
        ("Description", fiche.description),
        ("Partenaires et cofinanceurs", fiche.partenaires),
    ):
        story += _said(label, text)
    story += [
        _text("Dates et budget", "head"),
        _table(
            [],
            [
                ["Date de début", f"{fiche.date_debut:%d/%m/%Y}" if fiche.date_debut else "Non dite"],
                ["Durée", f"{fiche.duree_mois} mois" if fiche.duree_mois else "Non dite"],
                ["Part de l’État", euros(fiche.budget_etat_centimes)],
                ["Part de la collectivité", euros(fiche.budget_collectivite_centimes)],
                ["Budget", euros(fiche.budget_etat_centimes + fiche.budget_collectivite_centimes)],
                ["Au plan de financement", euros(told.prevu)],
                [f"Dépensé par ces actions en {fiche.annee}", euros(told.depense)],
            ],
            (70, 112),
        ),
    ]
    story += _said("Détail du budget", fiche.budget_detail) + _said("Calendrier", fiche.calendrier)
    counted = told.figures
    rows = [
        ["Nouveaux entrants", _number(fiche.cible_entrants), str(counted.nouveaux)],
        ["Allocataires concernés", _number(fiche.cible_allocataires), str(counted.personnes)],
        ["Entrées", "", str(counted.entrees)],
        ["Heures faites", "", f"{counted.minutes // 60} h {counted.minutes % 60:02d}"],
        ["Places financées", "", str(counted.financees)],
        ["Places occupées à la fin", "", str(counted.occupees)],
        *([one["libelle"], one["cible"], one["realise"]] for one in fiche.indicateurs or []),
    ]
    story += [
        _text("Indicateurs", "head"),
        _text(
            f"Comptés par le portail du {debut:%d/%m/%Y} au {fin:%d/%m/%Y}. Un nouvel entrant est une personne dont la "
            "première entrée dans une offre du portail tombe dans ces dates.",
            "plain",
        ),
        _table(["Indicateur", "Cible", "Réalisé"], rows, (102, 40, 40), numbers={1, 2}),
    ]
    if told.actions:
        names = " ; ".join(f"{one.structure}, {one.numero} : {one.intitule}" for one in told.actions)
        story += _said("Actions des partenaires", names)
    return _document(fiche.titre, heading, story, portal=portal, one_page=True)


def _said(label: str, text: str | None) -> list[Any]:
    if not text:
        return []
    return [_text(label, "head"), *(_text(line, "plain") for line in text.split("\n") if line.strip())]


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _spending(label: str, montant: int, part_etat: int) -> list[str]:
    return [label, "", "", "", "", "", "", euros(montant), euros(part_etat)]


def _sums(label: str, told: Sums) -> list[str]:
    sign = "-" if told.difference_etp < 0 else ""
    return [
        label,
        # What is zero is left out, but for what is asked of the State.
        etp(told.existant_etp or None),
        euros(told.existant or None),
        etp(told.cible_etp or None),
        euros(told.cible or None),
        sign + etp(abs(told.difference_etp) or None),
        euros(told.difference or None),
        euros(told.montant),
        euros(told.autres or None),
    ]


def _against(over: int, left: int) -> str:
    if over:
        return f"Le plan le dépasse de {euros(over)}."
    return f"Reste à planifier : {euros(left)}." if left else "Tout est au plan."


def _document(
    title: str, heading: str, story: Sequence[Any], *, portal: str, one_page: bool = False
) -> bytes:
    _fonts()
    out = BytesIO()
    size = A4 if one_page else landscape(A4)
    document = SimpleDocTemplate(
        out,
        pagesize=size,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=16 * mm,
        title=_clean(f"{title} – {heading}"),
        author=_clean(portal),
        lang="fr-FR",
    )

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(_PLAIN, 7)
        canvas.drawString(_MARGIN, 9 * mm, _clean(f"{portal} – {heading}")[:120])
        canvas.drawRightString(size[0] - _MARGIN, 9 * mm, f"Page {canvas.getPageNumber()}")

    whole: list[Any] = [_text(title, "title"), _text(heading, "lead"), Spacer(1, 6), *story]
    if one_page:
        # A frame keeps six points of its own on each side.
        room = (size[0] - 2 * _MARGIN - 12, size[1] - _MARGIN - 16 * mm - 12)
        whole = [KeepInFrame(*room, whole, mode="shrink")]
    document.build(whole, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    numbers: Collection[int] = (),
    strong: Collection[int] = (),
) -> LongTable:
    """Make a table of `widths` in millimetres; `strong` are the rows in bold, from 1."""
    cells: list[list[Any]] = []
    if titles:
        cells.append(
            [_text(title, "number-bold" if n in numbers else "bold") for n, title in enumerate(titles)]
        )
    for position, row in enumerate(rows, start=1):
        end = "-bold" if position in strong else ""
        cells.append(
            [
                _text(text, f"number{end}" if n in numbers else "bold" if end else "cell")
                for n, text in enumerate(row)
            ]
        )
    shift = 0 if titles else -1
    look: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.grey),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ]
    if titles:
        look.append(("BACKGROUND", (0, 0), (-1, 0), _GREY))
    for row_number in strong:
        look.append(("BACKGROUND", (0, row_number + shift), (-1, row_number + shift), _PALE))
        filled = [n for n in range(1, len(widths)) if rows[row_number - 1][n]]
        if filled and filled[0] > 1:
            # The words of a total take the empty cells beside them.
            empty = filled[0]
            look.append(("SPAN", (0, row_number + shift), (empty - 1, row_number + shift)))
    return LongTable(
        cells,
        colWidths=[width * mm for width in widths],
        repeatRows=1 if titles else 0,
        style=TableStyle(look),
        hAlign="LEFT",
    )


def _text(text: str, style: str) -> Paragraph:
    return Paragraph(escape(_clean(text)), _styles()[style])


def _clean(text: str) -> str:
    """Leave out what the font cannot draw; the narrow space becomes one that does not break."""
    return "".join(c for c in text.replace("\u202f", "\u00a0") if c.isprintable() or c == "\u00a0")


@cache
def _styles() -> dict[str, ParagraphStyle]:
    _fonts()
    cell = ParagraphStyle("cell", fontName=_PLAIN, fontSize=7.5, leading=9.5)
    bold = ParagraphStyle("bold", parent=cell, fontName=_BOLD)
    return {
        "title": ParagraphStyle("title", fontName=_BOLD, fontSize=15, leading=19),
        "lead": ParagraphStyle("lead", fontName=_PLAIN, fontSize=9.5, leading=13),
        "head": ParagraphStyle(
            "head", fontName=_BOLD, fontSize=10.5, leading=14, spaceBefore=8, spaceAfter=3
        ),
        "plain": ParagraphStyle("plain", fontName=_PLAIN, fontSize=8.5, leading=11.5, spaceAfter=2),
        "cell": cell,
        "bold": bold,
        "number": ParagraphStyle("number", parent=cell, alignment=2),
        "number-bold": ParagraphStyle("number-bold", parent=bold, alignment=2),
    }


@cache
def _fonts() -> None:
    pdfmetrics.registerFont(TTFont(_PLAIN, str(_FONTS / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(_BOLD, str(_FONTS / "DejaVuSans-Bold.ttf")))
