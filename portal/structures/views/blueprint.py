"""The blueprint that the files of views share, how they find a structure, and the words that templates need."""

import re
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any

from flask import Blueprint, Flask, abort, current_app
from sqlalchemy import Select
from sqlmodel import Session, col

from portal.accounts.models import Role, User
from portal.structures.models import Structure
from portal.web import hours
from portal.web.access import person
from portal.web.session import db

blueprint = Blueprint("structures", "portal.structures.views")

# Who may write structures; which ones, `queries` says.
WRITERS = (Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION)
_DAYS = {"Mo": "lun.", "Tu": "mar.", "We": "mer.", "Th": "jeu.", "Fr": "ven.", "Sa": "sam.", "Su": "dim."}
_WORDS = {**_DAYS, "PH": "jours fériés", "SH": "vacances scolaires", "off": "fermé", "closed": "fermé"}

Refresh = Callable[[Session, Structure], None]
Counter = Callable[[Session, Collection[uuid.UUID]], dict[uuid.UUID, int]]
Lister = Callable[..., Select[Any]]
Elsewhere = Callable[[uuid.UUID], Sequence[Any]]


def on_rename(app: Flask, refresh: Refresh) -> None:
    """Have `refresh(session, structure)` run in the same transaction when a structure changes its name.

    Offers stand above: what they keep of the name is theirs to write again.
    """
    app.extensions["structure_renamed"] = refresh


def read_offers_with(app: Flask, *, count: Counter, listed: Lister) -> None:
    """Give these pages the offers of structures: how many by structure's id, and the statement that lists one's."""
    app.extensions["structure_offers"] = (count, listed)


def read_elsewhere_with(app: Flask, reader: Elsewhere) -> None:
    """Give the pages of structures and of offers what other sources publish of a structure (the catalogue knows it).

    `reader(structure_id)`, called within a request, returns lines with `nom`, `source` and `url`.
    """
    app.extensions["structure_elsewhere"] = reader


def the_structure(statement: Select[Any], structure_id: uuid.UUID) -> Structure:
    """Return the structure of this id when it is among those of `statement`; answer 404 otherwise."""
    found: Structure | None = (
        db().execute(statement.where(col(Structure.id) == structure_id)).scalar_one_or_none()
    )
    return found or abort(404)


def is_among(query: Callable[[User], Select[Any]], structure_id: uuid.UUID) -> bool:
    """Say whether this structure is one of those that `query` gives to the person of this request."""
    if person() is None:
        return False
    statement = query(person()).where(col(Structure.id) == structure_id)
    return db().execute(statement).scalar_one_or_none() is not None


def public_url() -> str:
    """Return the address that links in e-mails start with."""
    return str(current_app.config["PORTAL"].public_url)


@blueprint.app_template_filter("horaires")
def readable_hours(text: str | None) -> list[str]:
    """Return opening hours in lines for people: "Mo-Fr 09:00-12:00; PH off" → ["lun. à ven. : 9 h à 12 h", …].

    Only plain days and hours are put in French; the rest of that format stays as written.
    """
    lines = _lines(text or "")
    if any(re.search(r"\d:\d", line) for line in lines) and (week := hours.read(text or "")) is not None:
        # A plain week, only written in another way than this one reads.
        lines = _lines(hours.write(week))
    return lines


def _lines(text: str) -> list[str]:
    return [_readable(part) for part in map(str.strip, text.split(";")) if part]


def _readable(part: str) -> str:
    found = re.fullmatch(r"([A-Za-z ,-]+) (off|closed|[\d:, -]+)", part)
    if found is None or not set(re.findall(r"[A-Za-z]+", found[1])) <= set(_WORDS):
        return "24 h sur 24, 7 jours sur 7" if part == "24/7" else part
    days = re.sub(r"[A-Za-z]+", lambda word: _WORDS[word[0]], found[1])
    open_from = _WORDS.get(found[2]) or re.sub(
        r"(\d\d?):(\d\d)", lambda time: f"{int(time[1])} h {time[2]}".removesuffix(" 00"), found[2]
    )
    return f"{_spoken(days, ', ')} : {_spoken(open_from, ' et ')}"


def _spoken(text: str, comma: str) -> str:
    return re.sub(r" *, *", comma, re.sub(r" *- *", " à ", text))
