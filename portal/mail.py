"""The two parts of an e-mail, made from the one text that was written: lines that fit a screen, and simple HTML."""

import re
import textwrap
from html import escape

_WIDTH = 76
_LONGEST_SHOWN = 60
# A space at which no line ends; of no alphabet, so that nobody writes it.
_HELD = "\ue000"
_ACCENT = "#0b5563"
_ADDRESS = r"https?://[^\s<>\"«»]+"
_NAMED = re.compile(rf"(?P<words>\S.*?)\s*:\s(?P<address>{_ADDRESS})")
_ITEM = re.compile(r"[-•]\s+(?P<text>\S.*)")

_PAGE = "margin:0;padding:24px 12px;background-color:#f8f6f3;color:#25211d"
_SHEET = (
    "max-width:600px;margin:0 auto;padding:24px;background-color:#ffffff;border:1px solid #ddd6cd;"
    "font-family:Arial,Helvetica,sans-serif;font-size:17px;line-height:1.6"
)
_NAME = "margin:0 0 24px;padding:0 0 12px;border-bottom:1px solid #ddd6cd;font-size:20px;font-weight:bold"
_TEXT = "margin:0 0 16px;overflow-wrap:anywhere"
_LIST = "margin:0 0 16px;padding:0 0 0 24px"
_FOOT = "margin:32px 0 0;padding:12px 0 0;border-top:1px solid #ddd6cd;font-size:15px;color:#5b544c"


def as_text(body: str) -> str:
    """Return `body` with its long lines folded under 78 characters; an address is never cut."""
    return "\n".join(_folded(line) for line in body.split("\n"))


def as_html(body: str, *, name: str, public_url: str, accent: str = "") -> str:
    """Return `body` as a whole HTML page that bears the portal's `name` and colour (`accent`, "#rrggbb").

    An empty line parts paragraphs, lines that begin with "- " are a list, addresses are links. In "Words : address"
    the words become the link when the address is the portal's own (`public_url`, no slash at its end): they may have
    been written by anybody, and must not hide where another site is.
    """
    colour = accent or _ACCENT
    blocks = (block for block in re.split(r"\n\s*\n", body.strip().replace("\r\n", "\n")) if block.strip())
    written = "\n".join(_block(block.strip("\n"), public_url, colour) for block in blocks)
    return (
        '<!DOCTYPE html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n</head>\n"
        f'<body style="{_PAGE}">\n<div style="{_SHEET}">\n'
        f'<p style="{_NAME};color:{colour}">{escape(name)}</p>\n{written}\n'
        f'<p style="{_FOOT}">{escape(name)}<br>{_link(public_url, public_url, colour)}</p>\n'
        "</div>\n</body>\n</html>\n"
    )


def _folded(line: str) -> str:
    if len(line) <= _WIDTH:
        return line
    # A sign that French parts from its word by a space stays on the word's line.
    held = re.sub(r"(?<=«) | (?=[:;!?»])", _HELD, line)
    return textwrap.fill(
        held,
        _WIDTH,
        subsequent_indent="  " if _ITEM.fullmatch(line) else "",
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_HELD, " ")


def _block(block: str, public_url: str, colour: str) -> str:
    """Write one paragraph; the lines of a list within it are a list of their own."""
    written: list[str] = []
    items: list[str] = []
    lines: list[str] = []

    def close() -> None:
        if items:
            written.append(f'<ul style="{_LIST}">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
        if lines:
            written.append(f'<p style="{_TEXT}">' + "<br>\n".join(lines) + "</p>")
        items.clear()
        lines.clear()

    for line in block.split("\n"):
        item = _ITEM.fullmatch(line.strip())
        if (item and lines) or (items and not item):
            close()
        if item:
            items.append(_line(item["text"], public_url, colour))
        else:
            lines.append(_line(line.strip(), public_url, colour))
    close()
    return "\n".join(written)


def _line(line: str, public_url: str, colour: str) -> str:
    named = _NAMED.fullmatch(line)
    if named and _is_ours(named["address"], public_url) and "://" not in named["words"]:
        return _link(named["address"], named["words"], colour)
    # Split keeps what it finds: every second piece is an address.
    pieces = re.split(f"({_ADDRESS})", line)
    return "".join(
        _address(piece, colour) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def _address(address: str, colour: str) -> str:
    # The stop that ends a sentence is not part of the address.
    end = len(address.rstrip(".,;:!?)"))
    address, after = address[:end], address[end:]
    shown = address if len(address) <= _LONGEST_SHOWN else address.split("?")[0]
    return _link(address, shown, colour) + escape(after)


def _link(address: str, words: str, colour: str) -> str:
    return f'<a href="{escape(address)}" style="color:{colour}">{escape(words)}</a>'


def _is_ours(address: str, public_url: str) -> bool:
    return address == public_url or address.startswith(f"{public_url}/")
