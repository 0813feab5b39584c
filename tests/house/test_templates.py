"""Templates: they compile, they take macros from components, and no script or style hides in them."""

import re
from pathlib import Path

import pytest
from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
IDS = [str(path.relative_to(ROOT / "templates")) for path in TEMPLATES]


@pytest.mark.parametrize("path", TEMPLATES, ids=IDS)
def test_nothing_hides_in_a_template(path: Path) -> None:
    # What macros are called with is not markup.
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.S)
    assert not re.search(r"\sstyle\s*=", text), "the content policy forbids style attributes: use a class"
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "the content policy forbids inline scripts"
    assert not re.search(r"<style\b", text), "styles live in static/theme.css"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "handlers live in static/portal.js"
    assert "hx-on" not in text and "hx-vars" not in text and "hx-ext" not in text
    assert "|safe" not in re.sub(r"\s", "", text), "what people wrote is always escaped"
    for url in re.findall(r"(?:src|href)=\"(https?:)?//[^\"]+", text):
        raise AssertionError(f"{url}: nothing is fetched from elsewhere at page load")


@pytest.mark.parametrize(
    "path", [p for p in TEMPLATES if p.parent.name == "components"], ids=lambda p: p.name
)
def test_components_read_no_context(path: Path) -> None:
    for name in ("current_user", "request", "session", "g."):
        assert not re.search(rf"\{{[{{%][^}}]*\b{re.escape(name)}", path.read_text()), (
            f"{name} in a component: pass it as an argument"
        )


def test_every_template_compiles(app: Flask) -> None:
    for name in IDS:
        app.jinja_env.get_template(name)


def test_every_page_has_a_title_and_a_heading(app: Flask) -> None:
    for path in TEMPLATES:
        if path.name.startswith("_") or path.parent.name == "components" or path.name == "base.html":
            continue
        text = path.read_text()
        assert "{% block title %}" in text, f"{path.name} has no title"
        assert "page.heading(" in text or "<h1" in text, f"{path.name} has no h1"
