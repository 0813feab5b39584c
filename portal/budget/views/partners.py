"""The blueprint of what partners owe and of the follow of their actions, and what its files of views look up.

Its addresses are those of conventions; it stands in this room because it tells hours, outcomes and expenses, which
the room of conventions does not know.
"""

import uuid
from typing import Any

from flask import Blueprint, abort
from sqlalchemy.orm import contains_eager, selectinload
from sqlmodel import col, select

from portal.accounts.models import Role
from portal.conventions import queries
from portal.conventions.models import Convention
from portal.structures.models import Structure
from portal.web.access import has_role, person
from portal.web.session import db

blueprint = Blueprint("follow", "portal.budget.views.partners", url_prefix="/conventions")

# A partner reads its own, the State's services those signed (`queries.scope`); only officers and the partner write.
READERS = (Role.CONVENTIONNEMENT, Role.PARTENAIRE, Role.ETAT)


def visible(convention_id: uuid.UUID) -> Convention:
    """Return the convention, actions loaded, if the person of this request may see it; 404 otherwise."""
    statement: Any = (
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(queries.scope(person()), col(Convention.id) == convention_id)
        # Neither the texts of the partner nor its offers are of use here.
        .options(
            contains_eager(Convention.structure).load_only(Structure.nom),  # type: ignore[arg-type]
            selectinload(Convention.actions),  # type: ignore[arg-type]
        )
    )
    found = db().execute(statement).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Convention)
    return found


def may_write() -> bool:
    """Say whether the person of this request is an officer."""
    return has_role(Role.CONVENTIONNEMENT)


def is_partner() -> bool:
    """Say whether the person of this request is of a partner."""
    return has_role(Role.PARTENAIRE)
