"""The blueprint, and what the files of views look up."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, abort
from sqlmodel import col

from portal import money
from portal.accounts.models import Role
from portal.conventions import history, queries
from portal.conventions.engagements import ConventionEvent
from portal.conventions.models import Convention, FinancedAction, Financeur, PlaceMode
from portal.conventions.states import Standing
from portal.web.access import has_role, person
from portal.web.answers import Row
from portal.web.conflicts import Conflict
from portal.web.formats import short_day
from portal.web.forms import Form
from portal.web.session import db

blueprint = Blueprint("conventions", "portal.conventions.views", url_prefix="/conventions")

# Who reads the pages of this room; only officers write.
READERS = (Role.CONVENTIONNEMENT, Role.PARTENAIRE, Role.ETAT)

# How each standing is shown: kind of the badge, icon. The word is the standing's own.
BADGES: dict[Standing, tuple[str, str]] = {
    Standing.BROUILLON: ("neutral", "pen"),
    Standing.SIGNEE: ("accent", "clock"),
    Standing.ACTIVE: ("success", "check"),
    Standing.ECHUE: ("warning", "flag"),
    Standing.CLOSE: ("neutral", "list"),
    Standing.RESILIEE: ("danger", "cross"),
}

_LABELS = {
    "numero": "Numéro",
    "intitule": "Intitulé",
    "structure_id": "Partenaire",
    "date_debut": "Premier jour",
    "date_fin": "Dernier jour",
    "montant_centimes": "Montant",
    "financeurs": "Financeurs",
    "delai_entree_jours": "Délai d’absence, en jours",
    "grace_jours": "Délai de grâce, en jours",
    "objectifs": "Objectifs",
    "signee_le": "Signée le",
    "action": "Action",
    "places_financees": "Places financées",
    "cout_unitaire_centimes": "Coût d’une place",
    "mode": "Que devient la place",
    "surreservation": "Places en plus à retenir",
    "offres": "Offres financées",
    "document": "Document",
    "prevu_le": "Prévu le",
    "verse_le": "Versé le",
    "verse_centimes": "Montant versé",
    "reference": "Référence",
    "du_le": "À remettre pour le",
}


def visible(convention_id: uuid.UUID) -> Convention:
    """Return the convention if the person of this request may see it; 404 otherwise."""
    statement = queries.visible_to(person()).where(col(Convention.id) == convention_id)
    found = db().execute(statement).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Convention)
    return found


def action_of(convention: Convention, action_id: uuid.UUID) -> FinancedAction:
    """Return the action of this convention; 404 when it is none of its own."""
    found = next((a for a in convention.actions if a.id == action_id), None)
    if found is None:
        abort(404)
    return found


def may_write() -> bool:
    """Say whether the person of this request writes conventions."""
    return has_role(Role.CONVENTIONNEMENT)


def history_of(convention: Convention) -> list[tuple[ConventionEvent, str | None, list[Row]]]:
    """Return the history of a convention, newest first: the line, who did it, and what changed as people read it."""
    return [(line, who, _rows(line.detail or {})) for line, who in history.lines(db(), convention)]


def conflict_of(form: Form, convention: Convention, saved: Mapping[str, Any], version: str) -> Conflict:
    """Return what to show to the second of two people; the form will replace the newer version when sent again.

    `saved` is the thing as its form holds it now, `version` the one it has now.
    """
    lines = history.lines(db(), convention)
    mine = {name: value for name, value in form.values().items() if name in saved}
    form["version"].data = version
    form.form_errors = []
    rows = []
    for name, value in mine.items():
        theirs = saved[name]
        if name in {"cle", "version", "motif"} or (theirs or None) == (value or None):
            continue
        field = form[name]
        choices = (
            {str(choice.value): str(choice.label) for choice in field.iter_choices()}
            if hasattr(field, "iter_choices")
            else {}
        )
        euros = name in {"montant", "cout_unitaire"}
        rows.append(
            Row(
                name,
                field.label.text,
                _shown(theirs, choices, euros=euros),
                _shown(value, choices, euros=euros),
            )
        )
    last = lines[0] if lines else None
    return Conflict(
        who=(last[1] if last else None) or "Le portail",
        when=last[0].at if last else convention.created_at,
        rows=rows,
    )


def _shown(value: Any, choices: Mapping[str, str], *, euros: bool = False) -> str:
    if value in (None, "", []):
        return "Rien"
    if isinstance(value, list):
        return ", ".join(sorted(choices.get(str(item), str(item)) for item in value))
    if isinstance(value, date):
        return short_day(value)
    if euros:
        return money.euros(value)
    return choices.get(str(value), str(value))


def _rows(detail: Mapping[str, Iterable[str | None]]) -> list[Row]:
    rows = []
    for name, pair in detail.items():
        before, after = pair
        # Ids say nothing to anybody.
        if name == "structure_id":
            before = after = "(autre partenaire)"
        rows.append(Row(name, _LABELS.get(name, name), _said(name, before), _said(name, after)))
    return rows


def _said(name: str, text: str | None) -> str:
    if text in (None, ""):
        return "Rien"
    assert text is not None
    if name.endswith("_centimes"):
        return money.euros(int(text))
    if name.startswith("date_") or name.endswith("_le"):
        return short_day(date.fromisoformat(text))
    if name == "mode":
        return PlaceMode(text.removeprefix("PlaceMode.").lower()).label
    if name == "financeurs":
        return ", ".join(financeur.label for financeur in Financeur if f"'{financeur.value}'" in text)
    return text
