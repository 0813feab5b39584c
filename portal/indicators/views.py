"""The first page: what each person can do now."""

from typing import Any

from flask import Blueprint, render_template
from sqlmodel import func, select

from portal import vocabulary
from portal.accounts.models import Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.conventions import queries as convention_queries
from portal.conventions import rules as convention_rules
from portal.offers import queries as offer_queries
from portal.prescriptions import queries as prescription_queries
from portal.structures import queries as structure_queries
from portal.web.access import person, public
from portal.web.session import db

blueprint = Blueprint("indicators", __name__)


@blueprint.get("/")
@public
def home() -> Any:
    """What to do first, by role; the search for everybody."""
    user = person()
    facts: dict[str, Any] = {}
    if user is not None and user.role in {Role.REFERENT, Role.PARTENAIRE}:
        facts["prescriptions"] = prescription_queries.counts(db(), user)
    if user is not None and user.role is Role.REFERENT:
        facts["people"] = _count(beneficiary_queries.portfolio_of(user))
    if user is not None and user.role is Role.PARTENAIRE:
        facts["structures"] = list(db().execute(structure_queries.changeable_by(user)).scalars())
        facts["offers"] = _count(offer_queries.changeable_by(user))
    if user is not None and user.role is Role.CONVENTIONNEMENT:
        conventions = db().execute(convention_queries.visible_to(user)).scalars().all()
        places = convention_rules.places_of_actions(
            db(), [a for c in conventions for a in c.actions]
        ).values()
        facts["conventions"] = len(conventions)
        facts["places"] = {
            name: sum(getattr(p, name) for p in places)
            for name in ("financees", "retenues", "occupees", "utilisees", "libres")
        }
    return render_template(
        "indicators/home.html",
        user=user,
        facts=facts,
        categories=vocabulary.categories(),
        published=_count(offer_queries.published()),
    )


def _count(statement: Any) -> int:
    return int(
        db()
        .execute(select(func.count()).select_from(statement.options().order_by(None).subquery()))
        .scalar_one()
    )
