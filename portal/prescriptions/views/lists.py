"""The lists of prescriptions: one's own, by state."""

import uuid
from typing import Any

from flask import abort, render_template, request
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.beneficiaries.dossier import Line
from portal.conventions import queries as convention_queries
from portal.prescriptions import queries, sharing
from portal.prescriptions.states import State
from portal.prescriptions.views.blueprint import BADGES, blueprint
from portal.web.access import allow, person
from portal.web.pagination import page_number, paginate
from portal.web.session import db


@blueprint.get("", strict_slashes=False)
@allow(Role.REFERENT, Role.PARTENAIRE)
def index() -> Any:
    """One's prescriptions, by state."""
    state = None
    if request.args.get("etat"):
        try:
            state = State(request.args["etat"])
        except ValueError:
            abort(404)
    pager = paginate(db(), queries.inbox(person(), state), page_number(request.args.get("page")))
    return render_template(
        "prescriptions/index.html",
        pager=pager,
        counts=queries.counts(db(), person()),
        waiting=convention_queries.waiting_among(db(), [p.id for p in pager.items]),
        state=state,
        states=list(State),
        badges=BADGES,
        side=queries.side_of(person()),
        name_for_partner=sharing.name_for_partner,
    )


def lines_of_beneficiary(session: Session, user: User, beneficiary_id: uuid.UUID) -> list[Line]:
    """Return the prescriptions of a person that `user` may see, for the page of the file (see `dossier.Reader`)."""
    found = session.execute(queries.of_beneficiary(user, beneficiary_id)).scalars()
    return [
        Line(
            id=p.id,
            offre=p.offre_nom,
            structure=p.structure.nom,
            state=p.state.label,
            kind=BADGES[p.state][0],
            icon=BADGES[p.state][1],
            updated_at=p.updated_at,
        )
        for p in found
    ]
