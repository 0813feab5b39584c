"""The page of an offer: what anybody reads, what professionals do with it, and what stands at a former address."""

import uuid
from typing import Any

from flask import abort, current_app, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal import clock, geography, vocabulary
from portal.accounts.models import Role
from portal.offers import documents, favourites, freshness, queries, sessions, signalements
from portal.offers.models import Offer, OfferState
from portal.offers.places import Delays, Places, Usual
from portal.offers.record import WANTED_SCORE, as_record
from portal.offers.views.blueprint import blueprint
from portal.structures import history
from portal.structures.models import Revision, Structure, StructureState
from portal.structures.rules import catalogue_rules
from portal.web.access import has_role, person, public
from portal.web.session import db

# What search engines show of a description.
_SUMMARY = 155
_MAX_HOPS = 20
# A merged offer keeps its own history.
_OWN_HISTORY = frozenset({"offers.history_of", "offers.version_of"})


@blueprint.before_request
def _follow_merged() -> Any:
    """Lead whoever opens what hangs on a merged offer to the same place of the one that stands for it."""
    given = dict(request.view_args or {})
    reads = request.method in {"GET", "HEAD"}
    if not reads or "offer_id" not in given or request.endpoint in _OWN_HISTORY | {"offers.show"}:
        return None
    kept = _kept_instead_of(given["offer_id"])
    if kept is None:
        return None
    if request.endpoint == "offers.document":
        # A document has its own id, which the other offer may not know.
        return redirect(url_for("offers.show", offer_id=kept), 301)
    return redirect(url_for(str(request.endpoint), **(given | {"offer_id": kept})), 301)


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
    visible = in_catalogue(offer)
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
        delay=_delay(structure.id) if has_role(Role.REFERENT) else None,
        sessions=sessions.of_offer(db(), offer.id, to_come=True),
        documents=documents.of_offer(db(), offer.id),
        beneficiaire=_uuid(request.args.get("beneficiaire")),
        due=freshness.is_due(offer, settings),
        visible=visible,
        by_professionals="professionnels" in (offer.mobilisable_par or ()),
        referent=has_role(Role.REFERENT),
        # A partner mends what is theirs; the animator, who may change everything, tells its editors.
        may_report=visible
        and has_role(*signalements.REPORTERS)
        and not (editable and has_role(Role.PARTENAIRE)),
        kept=bool(favourites.among(db(), user, [offer.id])),
        editable=editable,
        quality=vocabulary.quality(as_record(offer)) if editable else None,
        wanted=WANTED_SCORE,
        summary=_summary(offer),
        canonical=f"{current_app.config['PORTAL'].public_url}/offres/{offer.id}",
        today=clock.today(),
        twins=current_app.extensions["structure_elsewhere"](structure.id),
    )


def in_catalogue(offer: Offer) -> bool:
    """Say whether everybody sees the offer, its structure being loaded: what `queries.published` asks of the database."""
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
    kept = _kept_instead_of(offer_id)
    if kept is not None:
        # For whom one looks goes on with the search.
        beneficiaire = _uuid(request.args.get("beneficiaire"))
        return redirect(url_for("offers.show", offer_id=kept, beneficiaire=beneficiaire), 301)
    offer = db().get(Offer, offer_id)
    if offer is None or offer.published_at is None or not _was_public(offer):
        abort(404)
    # It was public: whoever kept its address is told, and finds the way on.
    commune = geography.commune(offer.code_insee) if offer.code_insee and offer.is_on_site else None
    structure = db().get_one(Structure, offer.structure_id)
    return make_response(
        render_template(
            "offers/gone.html",
            thematiques=(offer.thematiques or [])[:3],
            commune=commune,
            structure=structure if structure.is_public else None,
        ),
        410,
    )


def _kept_instead_of(offer_id: uuid.UUID) -> uuid.UUID | None:
    """Return the offer that stands at the end of the chain for one that was merged; None for any other."""
    last, hops = offer_id, 0
    statement = select(col(Offer.merged_into_id))
    while hops < _MAX_HOPS and (target := db().scalar(statement.where(col(Offer.id) == last))) is not None:
        last, hops = target, hops + 1
    return last if hops else None


def _was_public(offer: Offer) -> bool:
    """Say whether the structure of a published offer was ever seen."""
    structure = db().get_one(Structure, offer.structure_id)
    if structure.is_public:
        return True
    lines = history.of_structure(structure.id).where(col(Revision.state_after) == StructureState.PUBLIEE)
    return db().execute(lines.limit(1)).first() is not None


def _delay(structure_id: uuid.UUID) -> Usual | None:
    reader: Delays = current_app.extensions["structure_delays"]
    return reader(db(), [structure_id]).get(structure_id)


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
