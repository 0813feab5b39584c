"""The page of an offer: what anybody reads, what professionals do with it, and what stands at a former address."""

import uuid
from typing import Any

from flask import abort, current_app, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.offers import documents, favourites, freshness, queries, rules, sessions
from portal.offers.models import Offer, OfferState
from portal.offers.places import Places
from portal.offers.views.blueprint import blueprint
from portal.structures import history
from portal.structures.models import Revision, Structure, StructureState
from portal.structures.rules import catalogue_rules
from portal.web.access import has_role, person, public
from portal.web.session import db

_SUMMARY = 155
_MAX_HOPS = 20


@blueprint.get("/offres/<uuid:offer_id>")
@public
def show(offer_id: uuid.UUID) -> Any:
    """One offer. One that was merged leads to the other; one that was public and is no more says so."""
    user = person()
    offer = db().execute(queries.visible_to(user).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    if offer is None or offer.state is OfferState.FUSIONNEE:
        return _gone(offer_id)
    structure = offer.structure
    editable = user is not None and _is_editable(offer_id)
    professional = user is not None
    settings = catalogue_rules(db())
    found: dict[uuid.UUID, Places] = current_app.extensions["offer_places"](db(), [offer.id])
    return render_template(
        "offers/show.html",
        offer=offer,
        structure=structure,
        # What is kept for professionals does not reach the page of anybody else.
        contact=_contact(offer, shown=offer.contact_public or professional),
        professional=professional,
        places=found.get(offer.id),
        sessions=sessions.of_offer(db(), offer.id, to_come=True),
        documents=documents.of_offer(db(), offer.id),
        beneficiaire=_uuid(request.args.get("beneficiaire")),
        due=freshness.is_due(offer, settings),
        visible=_in_catalogue(offer),
        by_professionals="professionnels" in (offer.mobilisable_par or ()),
        referent=has_role(Role.REFERENT),
        may_report=professional and not editable,
        kept=bool(favourites.among(db(), user, [offer.id])),
        editable=editable,
        quality=vocabulary.quality(rules.as_record(offer)) if editable else None,
        wanted=rules.WANTED_SCORE,
        summary=_summary(offer),
        canonical=f"{current_app.config['PORTAL'].public_url}/offres/{offer.id}",
        today=clock.today(),
    )


def _in_catalogue(offer: Offer) -> bool:
    over = offer.date_fin is not None and offer.date_fin < clock.today()
    return offer.is_public and offer.structure.is_public and not over


def _contact(offer: Offer, *, shown: bool) -> dict[str, str | None]:
    structure = offer.structure
    if not shown:
        return {"nom": None, "telephone": None, "courriel": None}
    return {
        "nom": offer.contact_nom_prenom,
        "telephone": offer.telephone or structure.telephone,
        "courriel": offer.courriel or structure.courriel,
    }


def _gone(offer_id: uuid.UUID) -> Any:
    offer = db().get(Offer, offer_id)
    hops = 0
    while offer is not None and offer.merged_into_id is not None and hops < _MAX_HOPS:
        offer = db().get(Offer, offer.merged_into_id)
        hops += 1
    if offer is None:
        abort(404)
    if hops:
        return redirect(url_for("offers.show", offer_id=offer.id), 301)
    if offer.published_at is None or not _was_public(offer):
        abort(404)
    # It was public: whoever kept its address is told, and finds the way on.
    return make_response(render_template("offers/gone.html", thematiques=(offer.thematiques or [])[:3]), 410)


def _was_public(offer: Offer) -> bool:
    """Say whether the structure of a published offer was ever seen."""
    structure = db().get_one(Structure, offer.structure_id)
    if structure.is_public:
        return True
    lines = history.of_structure(structure.id).where(col(Revision.state_after) == StructureState.PUBLIEE)
    return db().execute(lines.limit(1)).first() is not None


def _summary(offer: Offer) -> str:
    text = " ".join(offer.description.split())
    return text if len(text) <= _SUMMARY else text[:_SUMMARY].rsplit(" ", 1)[0] + "…"


def _is_editable(offer_id: uuid.UUID) -> bool:
    statement = queries.changeable_by(person()).where(col(Offer.id) == offer_id)
    return db().execute(statement).scalar_one_or_none() is not None


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
