"""axe-core on the page in front of us: no violation is let through."""

from functools import lru_cache
from pathlib import Path

from playwright.sync_api import Page

VENDOR = Path(__file__).resolve().parent / "vendor" / "axe-core-4.14.1"


@lru_cache
def _script() -> str:
    return (VENDOR / "axe.min.js").read_text()


@lru_cache
def _french() -> str:
    return (VENDOR / "locales" / "fr.json").read_text()


def check(page: Page) -> None:
    """Fail with every violation: its rule, its help in French, and where."""
    # evaluate() runs outside the page's content policy, which forbids scripts that are not its own.
    page.evaluate(_script() + "; undefined")
    found = page.evaluate(
        """async (locale) => {
            axe.configure({locale: JSON.parse(locale)});
            const result = await axe.run(document, {resultTypes: ["violations"]});
            return result.violations.map(v => `${v.id} (${v.impact}) ${v.help}: ` +
                v.nodes.slice(0, 5).map(n => n.html.slice(0, 160)).join(" | "));
        }""",
        _french(),
    )
    assert not found, f"{page.url}:\n" + "\n".join(found)
