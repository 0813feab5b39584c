"""The cards of the lists are written apart from the templates: they are made of the same pieces."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from markupsafe import Markup

from portal.prescriptions.listed import Listed
from portal.prescriptions.states import Side, State
from portal.prescriptions.views import cards
from portal.prescriptions.views.blueprint import BADGES


def pieces(app: Flask, name: str) -> Any:
    return app.jinja_env.get_template(f"components/{name}.html").module


def flat(html: str) -> str:
    """The same HTML without the spaces between its lines."""
    return "".join(line.strip() for line in html.splitlines())


@pytest.mark.parametrize("state", State)
def test_a_badge_is_that_of_the_pages(app: Flask, state: State) -> None:
    with app.test_request_context():
        assert cards.badge(state) == str(pieces(app, "states").badge(state.label, *BADGES[state]))


def test_a_tag_and_a_fact_are_those_of_the_pages(app: Flask) -> None:
    words = 'Il y a <b>du</b> nouveau & "plus" d\'une fois'
    with app.test_request_context():
        page = pieces(app, "page")
        written = flat(str(page.points([("clock", words)])))
        ours = Markup('<ul class="points">') + Markup(cards.point("clock", words)) + Markup("</ul>")
        assert read(ours) == read(written)
        assert read(cards.tag(words, "warning", "clock")) == read(
            flat(str(page.tag(words, "warning", "clock")))
        )
        assert "<b>" not in cards.point("clock", words)


def read(html: str) -> str:
    """The same HTML whichever way its quotation marks are written."""
    return str(html).replace("&#x27;", "'").replace("&#39;", "'").replace("&#34;", '"').replace("&quot;", '"')


def test_a_card_is_that_of_the_pages(app: Flask) -> None:
    sent = datetime(2025, 3, 3, 9, tzinfo=UTC)
    line = Listed(
        id=UUID(int=7),
        state=State.TERMINEE,
        name="Zoé <Martin>",
        by_file=True,
        offre_nom="Atelier d'écriture",
        structure="L’Étape & Cie",
        structure_closed=False,
        referent_id=UUID(int=8),
        referent="Nina Petit",
        organisation=None,
        follower=None,
        created_at=sent,
        updated_at=sent,
        sent_at=sent,
        rendez_vous_at=sent,
        session_day=None,
        waits=False,
        proposed=False,
    )
    template = (
        '{% import "components/page.html" as page %}{% call page.card(line.name, "/p/" ~ line.id, level=3,'
        " subtitle=line.offre_nom, tags=tags) %}{{ page.points(points) }}{% endcall %}"
    )
    points = [
        ("people", "L’Étape & Cie"),
        ("person", "Référent : Nina Petit"),
        ("send", "Envoyée le 3 mars 2025"),
        ("clock", "Terminée depuis le 3 mars 2025"),
    ]
    with app.test_request_context():
        tags = Markup(cards.badge(State.TERMINEE))
        written = app.jinja_env.from_string(template).render(line=line, tags=tags, points=points)
        ours = cards.show(
            [line], side=Side.REFERENT, team=True, base="/p", news={}, late_words=lambda _line: None
        )
    assert read(flat(ours)) == read(flat(written))
