"""The prescription as one sheet of paper, for a partner who answers by hand (docs/adr/0016).

One A4 page whatever is written: long texts are cut and say where the rest is. The part to fill in keeps its place.
"""

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

_FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "Fiche", "Fiche-Bold"
_LEFT, _RIGHT = 50.0, A4[0] - 50.0
_WIDTH = _RIGHT - _LEFT
_TOP, _BOTTOM = A4[1] - 46.0, 40.0
# Where the part to fill in begins, from the foot of the page.
_ANSWER = 318.0
_SIZE, _LEADING = 9.5, 13.0
CUT = "… (suite sur le portail)"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the sheet says: everything is what the partner may read, and nothing else.

    `facts` and `shared` are (label, value); `send_back` says, in lines, to whom the sheet goes back.
    """

    portal: str
    reference: str
    offer: str
    structure: str
    facts: Sequence[tuple[str, str]]
    motif: str
    shared: Sequence[tuple[str, str]]
    consent: str
    send_back: Sequence[str]


def reference(prescription_id: uuid.UUID) -> str:
    """Return the short number by which people tell a prescription on paper: "4F2A-91C3", the head of its id."""
    text = prescription_id.hex[:8].upper()
    return f"{text[:4]}-{text[4:]}"


def make_pdf(sheet: Sheet) -> bytes:
    """Return the sheet as a PDF of one page."""
    _fonts()
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, lang="fr-FR", pageCompression=1)
    # Nothing of the person goes into what a file tells of itself.
    canvas.setTitle(f"Fiche de prescription {sheet.reference}")
    canvas.setAuthor(_clean(sheet.portal))
    canvas.setSubject("Fiche de prescription")
    _head(canvas, sheet)
    _answer(canvas, sheet)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def wrap(text: str, font: str, size: float, width: float) -> list[str]:
    """Return the lines of `text` in `width` points; its own line breaks are kept, a word too long is cut in two."""
    _fonts()
    lines: list[str] = []
    for paragraph in _clean(text).split("\n"):
        line = ""
        for word in paragraph.split():
            candidate = f"{line} {word}" if line else word
            if pdfmetrics.stringWidth(candidate, font, size) <= width:
                line = candidate
                continue
            if line:
                lines.append(line)
            line = word
            while pdfmetrics.stringWidth(line, font, size) > width:
                fits = _fitting(line, font, size, width)
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def shorten(lines: Sequence[str], most: int, font: str, size: float, width: float) -> list[str]:
    """Return `most` lines at most; when some are left out, the last one says where they are."""
    if len(lines) <= most:
        return list(lines)
    if most < 1:
        return []
    last = lines[most - 1]
    while last and pdfmetrics.stringWidth(last + CUT, font, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + CUT]


def _head(canvas: Canvas, sheet: Sheet) -> None:
    y = _TOP
    _text(canvas, _LEFT, y, _one(sheet.portal, BOLD, _SIZE, _WIDTH * 0.6), BOLD, _SIZE)
    _text(canvas, _RIGHT, y, f"N° {sheet.reference}", BOLD, _SIZE, right=True)
    y -= 26
    _text(canvas, _LEFT, y, "Fiche de prescription", BOLD, 17)
    y -= 20
    for font, size, text in ((BOLD, 12.0, sheet.offer), (PLAIN, _SIZE + 1, sheet.structure)):
        for line in shorten(wrap(text, font, size, _WIDTH), 2, font, size, _WIDTH):
            _text(canvas, _LEFT, y, line, font, size)
            y -= size + 4
    y -= 2
    y = _pairs(canvas, y, sheet.facts, most_lines=2)
    y = _title(canvas, y, "Qui est concerné")
    y = _pairs(canvas, y, sheet.shared, most_lines=3)
    floor = _ANSWER + 24
    # What is left is for the words of the référent, which may be long.
    consent = wrap(sheet.consent, PLAIN, 8, _WIDTH)
    room = int((y - 22 - floor - len(consent) * 11) / _LEADING)
    if sheet.motif:
        y = _title(canvas, y, "Pourquoi")
        for line in shorten(wrap(sheet.motif, PLAIN, _SIZE, _WIDTH), room, PLAIN, _SIZE, _WIDTH):
            _text(canvas, _LEFT, y, line, PLAIN, _SIZE)
            y -= _LEADING
    for line in consent:
        _text(canvas, _LEFT, y, line, PLAIN, 8)
        y -= 11


def _pairs(canvas: Canvas, y: float, pairs: Sequence[tuple[str, str]], *, most_lines: int) -> float:
    label_width = 130.0
    for label, value in pairs:
        lines = wrap(value, PLAIN, _SIZE, _WIDTH - label_width)
        _text(canvas, _LEFT, y, _one(label, BOLD, _SIZE, label_width - 6), BOLD, _SIZE)
        for line in shorten(lines, most_lines, PLAIN, _SIZE, _WIDTH - label_width) or [""]:
            _text(canvas, _LEFT + label_width, y, line, PLAIN, _SIZE)
            y -= _LEADING
    return y


def _title(canvas: Canvas, y: float, text: str) -> float:
    y -= 8
    _text(canvas, _LEFT, y, text, BOLD, 11.5)
    return y - 15


def _answer(canvas: Canvas, sheet: Sheet) -> None:
    """Draw what the partner fills in by hand; its place never moves."""
    canvas.setLineWidth(0.8)
    canvas.roundRect(_LEFT - 10, _BOTTOM + 52, _WIDTH + 20, _ANSWER - _BOTTOM - 52, 5)
    y = _ANSWER - 20
    _text(canvas, _LEFT, y, "Votre réponse", BOLD, 12)
    _text(canvas, _RIGHT, y, f"N° {sheet.reference}", PLAIN, _SIZE, right=True)
    rows: tuple[tuple[str, ...], ...] = (
        ("Accepté", "Rendez-vous le", "à", "Lieu"),
        ("Refusé", "Raison"),
        ("Entrée le", "Nombre d’heures par semaine"),
        ("Fin ou abandon le", "Suite pour la personne"),
    )
    for row in rows:
        y -= 27
        _box(canvas, _LEFT, y)
        _blanks(canvas, y, row)
    y -= 27
    _text(canvas, _LEFT, y, "Message au référent", PLAIN, _SIZE)
    canvas.setLineWidth(0.4)
    start = _LEFT + pdfmetrics.stringWidth("Message au référent", PLAIN, _SIZE) + 6
    canvas.line(start, y - 2, _RIGHT, y - 2)
    y -= 22
    canvas.line(_LEFT, y - 2, _RIGHT, y - 2)
    y -= 27
    _blanks(canvas, y, ("Nom", "Date", "Signature et cachet"), left=_LEFT)
    y = _BOTTOM + 36
    _text(canvas, _LEFT, y, "Remettez cette feuille, remplie et signée, au référent :", BOLD, 9)
    for line in sheet.send_back[:2]:
        y -= 12
        _text(canvas, _LEFT, y, _one(line, PLAIN, 9, _WIDTH), PLAIN, 9)
    _text(
        canvas,
        _LEFT,
        _BOTTOM - 8,
        "Cette feuille parle d’une personne : rangez-la, et détruisez-la quand elle ne sert plus.",
        PLAIN,
        8,
    )


def _blanks(canvas: Canvas, y: float, labels: Sequence[str], left: float = _LEFT + 18) -> None:
    """Write labels on one line, each followed by a line to write on; the last ones share what is left."""
    taken = sum(pdfmetrics.stringWidth(label, PLAIN, _SIZE) + 10 for label in labels)
    short = {"à", "Accepté", "Refusé"}
    weights = [0.0 if label in {"Accepté", "Refusé"} else 0.5 if label in short else 1.0 for label in labels]
    unit = (_RIGHT - left - taken) / sum(weights)
    canvas.setLineWidth(0.4)
    for label, weight in zip(labels, weights, strict=True):
        font = PLAIN if weight else BOLD
        _text(canvas, left, y, label, font, _SIZE)
        left += pdfmetrics.stringWidth(label, font, _SIZE) + 5
        if weight:
            canvas.line(left, y - 2, left + unit * weight, y - 2)
        left += unit * weight + 5


def _box(canvas: Canvas, x: float, y: float) -> None:
    canvas.setLineWidth(0.8)
    canvas.rect(x, y - 1.5, 10, 10)


def _text(
    canvas: Canvas, x: float, y: float, text: str, font: str, size: float, *, right: bool = False
) -> None:
    canvas.setFont(font, size)
    draw: Any = canvas.drawRightString if right else canvas.drawString
    draw(x, y, text)


def _one(text: str, font: str, size: float, width: float) -> str:
    """Return `text` on one line, cut where it does not fit."""
    line = " ".join(_clean(text).split())
    if pdfmetrics.stringWidth(line, font, size) <= width:
        return line
    return line[: _fitting(line, font, size, width - pdfmetrics.stringWidth("…", font, size))] + "…"


def _fitting(text: str, font: str, size: float, width: float) -> int:
    """Return how many characters of `text` fit in `width`, one at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if pdfmetrics.stringWidth(text[:middle], font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _clean(text: str) -> str:
    """Return `text` with each accent and its letter as one, and without what does not print."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\t", " "))
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"})


@cache
def _fonts() -> None:
    pdfmetrics.registerFont(TTFont(PLAIN, str(_FONTS / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(_FONTS / "DejaVuSans-Bold.ttf")))
