"""The blueprint, and what the files of views look up."""

import uuid

from flask import Blueprint, abort
from sqlmodel import col

from portal.accounts.models import Role
from portal.conventions import queries
from portal.conventions.models import Convention, FinancedAction
from portal.web.access import has_role, person
from portal.web.session import db

blueprint = Blueprint("conventions", "portal.conventions.views", url_prefix="/conventions")


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
