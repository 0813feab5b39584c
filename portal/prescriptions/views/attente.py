"""The waiting list of an offer, for the structure that gives its places; for the officer, without anybody's name."""

import uuid
from typing import Any

from flask import abort, current_app, render_template
from sqlalchemy import true
from sqlmodel import col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import waiting
from portal.offers.models import Offer
from portal.prescriptions import queries
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import name_for_partner
from portal.prescriptions.views.blueprint import blueprint
from portal.structures.models import Structure
from portal.structures.queries import is_member
from portal.web.access import allow, person
from portal.web.session import db


@blueprint.get("/attente/<uuid:offer_id>")
@allow(Role.PARTENAIRE, Role.CONVENTIONNEMENT)
def waiting_list(offer_id: uuid.UUID) -> Any:
    """Who waits for a place on this offer, since when, and to whom one is proposed, the first ahead.

    The officer sees how long the list is and how long one waits, and nobody on it.
    """
    officer = person().role is Role.CONVENTIONNEMENT
    offer = (
        db()
        .execute(
            select(Offer)
            .join(Structure, col(Structure.id) == col(Offer.structure_id))
            .where(col(Offer.id) == offer_id, true() if officer else is_member(person()))
        )
        .scalar_one_or_none()
    )
    if offer is None:
        abort(404)
    lines = db().exec(waiting.in_order(offer_id)).all()
    statement = queries.chosen(person(), [line.prescription_id for line in lines])
    # The name alone is shown: nothing else is read.
    named = statement.with_only_columns(col(Prescription.id), col(Prescription.donnees_partagees))
    known: dict[uuid.UUID, Any] = {row.id: row for row in db().execute(named)}
    proposals = waiting.proposals_of(db(), offer_id)
    now = clock.now()
    return render_template(
        "prescriptions/attente.html",
        offer=offer,
        officer=officer,
        rows=[
            (rank, line, known.get(line.prescription_id), proposals.get(line.id))
            for rank, line in enumerate(lines, 1)
            if officer or line.prescription_id in known
        ],
        places=current_app.extensions["offer_places"](db(), [offer_id]).get(offer_id),
        name_for_partner=name_for_partner,
        now=now,
    )
