"""What partners write: open the form, save it, publish."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from sqlmodel import col

from portal.errors import AlreadyDone, RuleBroken
from portal.offers import modeles, rules, saisies, sessions
from portal.offers.forms import OfferForm, blank
from portal.offers.models import Offer, OfferTemplate, Saisie
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import (
    WRITERS,
    again,
    find_offer,
    is_asked_to_publish,
    is_draft,
    make_form,
    page,
    refuse,
    saisie_of,
    saved_form,
    the_offer,
    the_structure,
    typed_form,
)
from portal.web.access import allow, person
from portal.web.addresses import locate_address
from portal.web.session import db

# Saving in order to go on with something: documents, a line more of sessions.
_GO_ON = {"documents": "documents", "sessions": "section-lieu"}


@blueprint.get("/structures/<uuid:structure_id>/offres/nouvelle")
@allow(*WRITERS)
def new(structure_id: uuid.UUID) -> Any:
    """Write an offer: what was begun and not saved, else from the structure's address and contacts."""
    structure = the_structure(structure_id)
    template = _template(request.args.get("modele"), structure_id)
    saisie = _begun(request.args.get("saisie"), structure_id) if template is None else None
    if saisie is not None and find_offer(saisie.offer_id) is None:
        return page(typed_form(saisie), structure, saisie=saisie)
    given = blank(structure)
    if template is not None:
        given |= modeles.answers(template) | {"modele": str(template.id)}
    return page(make_form(data=given), structure, templates=_templates(structure_id))


@blueprint.post("/structures/<uuid:structure_id>/offres/nouvelle")
@allow(*WRITERS)
def create(structure_id: uuid.UUID) -> Any:
    """Keep the new offer, and publish it when asked; a second press finds the first one's."""
    structure = the_structure(structure_id)
    form = make_form(request.form)
    if request.form.get("acte") == "besoin":
        return page(form, structure, need=request.form.get("besoin", ""))
    key = form.key()
    valid = form.validate()
    if (existing := find_offer(key)) is not None:
        return _after(existing)
    if valid:
        try:
            record = form.record()
            offer = rules.create_offer(db(), structure, record | _position(record, None), by=person(), id=key)
            sessions.set_sessions(db(), offer, form.rows())
            if (template := _template(form.modele.data, structure_id)) is not None:
                modeles.follow(offer, template)
            if is_asked_to_publish():
                rules.publish_offer(db(), offer, structure=structure, by=person())
        except RuleBroken as broken:
            db().rollback()
            if isinstance(broken, AlreadyDone) and (existing := find_offer(key)) is not None:
                return _after(existing)
            refuse(form, broken)
        else:
            saisies.drop(db(), user=person(), offer_id=key)
            db().commit()
            _say(form, offer)
            return _after(offer)
    return again(form, structure_id)


@blueprint.get("/offres/<uuid:offer_id>/modifier")
@allow(*WRITERS)
def edit(offer_id: uuid.UUID) -> Any:
    """Change an offer, from what was being typed when there is something."""
    offer = the_offer(offer_id)
    saisie = saisie_of(person(), offer_id)
    if saisie is not None:
        return page(typed_form(saisie, offer), offer.structure, offer, saisie=saisie)
    return page(saved_form(offer), offer.structure, offer)


@blueprint.post("/offres/<uuid:offer_id>/modifier")
@allow(*WRITERS)
def change(offer_id: uuid.UUID) -> Any:
    """Keep the changes, and publish when asked. Somebody else's newer version is shown beside, never written over."""
    offer = the_offer(offer_id)
    structure = offer.structure
    form = make_form(request.form, offer=offer)
    if request.form.get("acte") == "besoin":
        return page(form, structure, offer, need=request.form.get("besoin", ""))
    refused: RuleBroken | None = None
    if form.validate():
        try:
            record = form.record()
            rules.change_offer(
                db(),
                offer,
                record | _position(record, offer),
                structure=structure,
                by=person(),
                version=form.opened(),
                also=sessions.set_sessions(
                    db(), offer, form.rows(), seats=current_app.extensions["session_seats"]
                ),
            )
            if is_asked_to_publish() and not offer.is_public:
                rules.publish_offer(db(), offer, structure=structure, by=person())
        except RuleBroken as broken:
            db().rollback()
            refused = broken
            refuse(form, broken)
        else:
            saisies.drop(db(), user=person(), offer_id=offer_id)
            db().commit()
            _say(form, offer)
            return _after(offer)
    return again(form, offer_id=offer_id, broken=refused)


@blueprint.post("/offres/<uuid:offer_id>/publier")
@allow(*WRITERS)
def publish(offer_id: uuid.UUID) -> Any:
    """Publish the offer as it is saved, or show in its form what is missing."""
    offer = the_offer(offer_id)
    try:
        rules.publish_offer(db(), offer, structure=offer.structure, by=person())
    except RuleBroken as broken:
        db().rollback()
        form = saved_form(the_offer(offer_id))
        refuse(form, broken)
        return again(form, offer_id=offer_id, saved=True)
    db().commit()
    flash(_published(offer), "success")
    return redirect(url_for("offers.show", offer_id=offer_id), 303)


def _begun(text: str | None, structure_id: uuid.UUID) -> Saisie | None:
    """What the person began for this structure: the one that is asked for, else the latest."""
    try:
        found = saisies.find(db(), user=person(), offer_id=uuid.UUID(text)) if text else None
    except ValueError:
        found = None
    if found is not None and found.structure_id == structure_id:
        return found
    return saisies.latest_new(db(), user=person(), structure_id=structure_id)


def _templates(structure_id: uuid.UUID) -> Sequence[OfferTemplate]:
    return db().execute(modeles.usable_by(person(), structure_id)).scalars().all()


def _template(text: str | None, structure_id: uuid.UUID) -> OfferTemplate | None:
    try:
        wanted = uuid.UUID(text or "")
    except ValueError:
        return None
    found: OfferTemplate | None = (
        db()
        .execute(modeles.usable_by(person(), structure_id).where(col(OfferTemplate.id) == wanted))
        .scalar_one_or_none()
    )
    return found


def _position(record: dict[str, Any], offer: Offer | None) -> dict[str, Any]:
    """Where the address is on the map, asked for when it is new only."""
    adresse, code_insee = record.get("adresse"), record.get("code_insee")
    if not adresse or not code_insee:
        return {}
    if offer is not None and (adresse, code_insee) == (offer.adresse, offer.code_insee):
        return {}
    return {"position": locate_address(adresse, code_insee)}


def _after(offer: Offer) -> Any:
    place = _GO_ON.get(request.form.get("acte", ""))
    to_form = is_draft(offer) or place
    return redirect(
        url_for("offers.edit" if to_form else "offers.show", offer_id=offer.id, _anchor=place), 303
    )


def _say(form: OfferForm, offer: Offer) -> None:
    if is_asked_to_publish():
        flash(_published(offer), "success")
    elif not offer.is_public:
        flash("Le brouillon est enregistré.", "success")
        return
    else:
        flash("Les changements sont en ligne.", "success")
    for sentences in form.avertissements.values():
        for sentence in sentences:
            flash(sentence, "warning")


def _published(offer: Offer) -> str:
    if offer.is_public:
        return "L’offre est publiée."
    return "L’offre est envoyée à l’animateur, qui la relit avant sa publication."
