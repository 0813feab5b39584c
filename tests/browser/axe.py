"""axe-core on the page in front of us: no violation is let through."""

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Page

VENDOR = Path(__file__).resolve().parent / "vendor" / "axe-core-4.14.1"


@lru_cache
def _script() -> str:
    return (VENDOR / "axe.min.js").read_text()


@lru_cache
def _french() -> str:
    return (VENDOR / "locales" / "fr.json").read_text()


# What changes from one visit to the next without changing the page.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TOKEN = re.compile(r'(name="csrf_token"[^>]* value=")[^"]*')
_PORT = re.compile(r"127\.0\.0\.1:\d+")
_LINK = re.compile(r"/reponse/[\w.~-]+")
# Where the marks of the pages found good are left, for every worker of a run: a page that comes back as it was, at the
# same width, is not looked at again. Given by conftest.
good: Path | None = None


# True while a long journey is walked on the second engine: what axe reads is HTML, the same from both, and it has seen
# these pages on the first. Given by conftest.
rests = False


def check(page: Page, *, contrast: bool = True) -> None:
    """Fail with every violation: its rule, its help in French, and where.

    Contrasts are more than half of the work: a page whose colours were looked at elsewhere may do without.
    """
    if rests:
        return
    seen = page.evaluate(
        """() => {
            const here = document.activeElement;
            return [innerWidth, here && here.tagName, here && here.id, here && here.name,
                    document.documentElement.outerHTML].join(" ");
        }"""
    )
    mark = _mark(seen)
    assert good is not None, "conftest says where the marks go"
    whole, part = good / mark, good / f"{mark}-contrasts-apart"
    if whole.exists() or (part.exists() and not contrast):
        return
    # evaluate() runs outside the page's content policy, which forbids scripts that are not its own.
    if not page.evaluate("() => !!window.axe"):
        page.evaluate(_script() + "; undefined")
        page.evaluate("locale => axe.configure({locale: JSON.parse(locale)})", _french())
    found = page.evaluate(
        """async contrast => {
            const rules = {"color-contrast": {enabled: contrast}};
            const result = await axe.run(document, {resultTypes: ["violations"], rules});
            return result.violations.map(v => `${v.id} (${v.impact}) ${v.help}: ` +
                v.nodes.slice(0, 5).map(n => n.html.slice(0, 160)).join(" | "));
        }""",
        contrast,
    )
    assert not found, f"{page.url}:\n" + "\n".join(found)
    (whole if contrast else part).touch()


def _mark(seen: str) -> str:
    names: dict[str, str] = {}
    told = _UUID.sub(lambda found: names.setdefault(found[0], f"id{len(names)}"), seen)
    told = _LINK.sub("/reponse/link", _PORT.sub("here", _TOKEN.sub(r"\1", told)))
    return sha256(told.encode()).hexdigest()
