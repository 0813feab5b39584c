"""What a list says of each prescription, as HTML: twenty of them in a template would cost more than all that is read.

The pieces are those of `components/page.html` and `components/states.html`; a test compares them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from uuid import UUID

from flask import current_app
from markupsafe import Markup

from portal.prescriptions.attention import News
from portal.prescriptions.listed import Listed
from portal.prescriptions.states import OPEN, Side, State
from portal.prescriptions.views.blueprint import BADGES
from portal.web import formats

# Whose answer is still due, or has just been given: the day they may have agreed on is told.
_TO_COME = frozenset({State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE})
_NEVER_SENT_ON = frozenset({State.BROUILLON, State.ENVOYEE})


def show(
    lines: Sequence[Listed],
    *,
    side: Side,
    team: bool,
    base: str,
    news: Mapping[UUID, News],
    late_words: Callable[[Listed], str | None],
) -> Markup:
    """Return the lines as HTML.

    `base`: the address of the list, each prescription's being below it. `team`: others' are among them. `late_words`:
    what is late about one.
    """
    return Markup(
        "".join(
            [
                f'<article class="card result"><div class="card-body">'
                f'<p class="result-tags">{_tags(line, side, news.get(line.id), late_words(line))}</p>'
                f'<h3 class="result-title"><a href="{base}/{line.id}">{escape(line.name)}</a></h3>'
                f'<p class="result-subtitle">{escape(line.offre_nom)}</p>'
                f'<div class="result-body"><ul class="points">{_points(line, side, team)}</ul>'
                f"{_choice(line) if side is Side.PARTENAIRE and line.state in OPEN else ''}"
                f"</div></div></article>"
                for line in lines
            ]
        )
    )


@lru_cache(maxsize=64)
def drawing(icon: str) -> str:
    """Return a drawing of `components/page.html` as HTML."""
    pieces: Any = current_app.jinja_env.get_template("components/page.html").module
    return str(pieces.icon(icon))


@lru_cache(maxsize=64)
def badge(state: State) -> str:
    """Return a state, as the word and the icon it has everywhere."""
    kind, icon = BADGES[state]
    return f'<span class="state state-{kind}">{drawing(icon)}<span>{escape(state.label)}</span></span>'


@lru_cache(maxsize=512)
def tag(words: str, kind: str, icon: str) -> str:
    """Return a tag: a few words, which say nothing of a person."""
    return f'<span class="tag tag-{kind}">{drawing(icon)}<span>{escape(words)}</span></span>'


def point(icon: str, words: str) -> str:
    """Return a fact on a line of its own."""
    return f"<li>{drawing(icon)}<span>{escape(words)}</span></li>"


def _tags(line: Listed, side: Side, news: News | None, late: str | None) -> str:
    tags = badge(line.state)
    if news is not None and news.messages:
        tags += " " + tag(
            formats.count(news.messages, "nouveau message", "nouveaux messages"), "accent", "mail"
        )
    if news is not None and news.acts:
        tags += " " + tag("Du nouveau", "accent", "info")
    if late:
        tags += " " + tag(late, "warning", "clock")
    if line.proposed:
        words = (
            "Place proposée : à prendre ou à laisser"
            if side is Side.REFERENT
            else "Place proposée au référent"
        )
        tags += " " + tag(words, "warning", "place")
    elif line.waits:
        tags += " " + tag("En liste d’attente", "warning", "clock")
    if line.structure_closed:
        tags += " " + tag("Structure fermée", "warning", "door")
    return tags


def _points(line: Listed, side: Side, team: bool) -> str:
    if side is Side.PARTENAIRE:
        where = f" ({line.organisation})" if line.organisation else ""
        points = point("people", f"Prescrite par {line.referent}{where}")
        if line.follower:
            points += point("person", f"Suivie par {line.follower}")
    else:
        points = point("people", line.structure)
        if team:
            points += point("person", f"Référent : {line.referent}")
    if line.sent_at is not None:
        points += point("send", f"Envoyée {formats.ago(line.sent_at)}")
    else:
        points += point("send", f"Commencée {formats.ago(line.created_at)}")
    if line.state not in _NEVER_SENT_ON:
        points += point("clock", f"{line.state.label} depuis {formats.since(line.updated_at)}")
    if line.rendez_vous_at is not None and line.state in _TO_COME:
        points += point("clock", f"Rendez-vous {formats.moment(line.rendez_vous_at)}")
    if line.session_day is not None and line.state is State.ACCEPTEE:
        points += point("clock", f"Session du {formats.short_day(line.session_day)}")
    return points


def _choice(line: Listed) -> str:
    about = f"{escape(line.name)}, {escape(line.offre_nom)}"
    return (
        f'<div class="form-check mt-2"><input class="form-check-input" type="checkbox" name="prescription" value="{line.id}"'
        f' id="choix-{line.id}" form="several" aria-describedby="several-about"> '
        f'<label class="form-check-label" for="choix-{line.id}">Choisir<span class="visually-hidden"> : {about}</span>'
        "</label></div>"
    )
