"""The blueprint, and what the files of views look up."""

import uuid

from flask import Blueprint, abort
from sqlmodel import col

from portal.accounts.models import Role
from portal.budget import queries
from portal.budget.models import StateConvention
from portal.web.access import has_role, person
from portal.web.session import db

blueprint = Blueprint("budget", "portal.budget.views", url_prefix="/budget")

# Who reads the pages of this room; only officers write.
READERS = (Role.CONVENTIONNEMENT, Role.ADMINISTRATION, Role.ETAT)


def visible(convention_id: uuid.UUID) -> StateConvention:
    """Return the convention if the person of this request may see it; 404 otherwise."""
    statement = queries.visible_to(person()).where(col(StateConvention.id) == convention_id)
    found = db().exec(statement).one_or_none()
    if found is None:
        abort(404)
    return found


def may_write() -> bool:
    """Say whether the person of this request writes here."""
    return has_role(Role.CONVENTIONNEMENT)


def reads_drafts() -> bool:
    """Say whether the person of this request reads what is not signed or handed in yet: all but the State's services."""
    return not has_role(Role.ETAT)
