"""One prescription: what is shared, what happened, what can be done."""

import uuid
from typing import Any

from flask import current_app, render_template

from portal.accounts.models import Role
from portal.conventions import queries as convention_queries
from portal.prescriptions import queries, sharing
from portal.prescriptions.answer_forms import FORMS
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act, Side, State, possible_acts
from portal.prescriptions.views.blueprint import BADGES, blueprint, journal, name_of, visible
from portal.web.access import allow, person
from portal.web.formats import moment
from portal.web.session import db

# Acts done from the page itself, without a page of their own.
_DIRECT = frozenset({Act.ETUDIER, Act.METTRE_EN_ATTENTE})


@blueprint.get("/<uuid:prescription_id>")
@allow(Role.REFERENT, Role.PARTENAIRE)
def show(prescription_id: uuid.UUID) -> Any:
    """One prescription. Reading it is written in the access journal of the person."""
    prescription = visible(prescription_id)
    journal(prescription.beneficiary_id, prescription.id)
    return _page(prescription)


def _page(prescription: Prescription) -> str:
    side = queries.side_of(person())
    assert side is not None
    session = db()
    acts = [a for a in possible_acts(prescription.state, side) if a in FORMS]
    rank = convention_queries.waiting_rank(session, prescription.id)
    if rank is not None:
        acts = [a for a in acts if a is not Act.METTRE_EN_ATTENTE]
    place = convention_queries.place_of(session, prescription.id)
    places = current_app.extensions["offer_places"](session, [prescription.offer_id]).get(
        prescription.offer_id
    )
    if places is None or places.libres > places.en_attente:
        # A free place is there to be accepted, and an offer without counted places has no list.
        acts = [a for a in acts if a is not Act.METTRE_EN_ATTENTE]
    shared = (
        sharing.read_by_partner(prescription)
        if side is Side.PARTENAIRE
        else prescription.donnees_partagees
        or sharing.pieces_of(prescription.beneficiary, prescription.partage or ())
    )
    return render_template(
        "prescriptions/show.html",
        prescription=prescription,
        side=side,
        person_name=name_of(prescription, side),
        shared=shared,
        motif=sharing.motif_for_partner(prescription) if side is Side.PARTENAIRE else prescription.motif,
        acts=acts,
        direct=_DIRECT,
        badge=BADGES[prescription.state],
        rank=rank,
        place=place,
        places=places,
        events=[
            {
                "when": moment(line.at),
                "who": line.by.full_name if line.by else "Le portail",
                "what": _what(line.act, line.to_state),
                "detail": line.message,
            }
            for line in session.execute(queries.history(prescription.id)).scalars()
        ],
    )


def _what(act: Act | None, state: State) -> str:
    if act is None:
        return "Prescription commencée"
    if act is Act.METTRE_EN_ATTENTE:
        return "Mise en liste d’attente"
    return state.label
