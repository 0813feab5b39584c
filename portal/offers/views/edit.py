"""What partners write, and what keeps it right."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import queries, rules
from portal.offers.forms import OfferForm, answers_of, blank
from portal.offers.models import Offer, OfferState
from portal.offers.views.blueprint import blueprint
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.access import allow, person
from portal.web.forms import grouped
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# Who may write offers; which ones, `queries` says.
_WRITERS = (Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION)
_PUBLISH = "publier"


@blueprint.get("/mes-offres")
@allow(*_WRITERS)
def mine() -> Any:
    """The offers that the person may change: their state, their quality, how old they are."""
    user = person()
    words = request.args.get("q", "")[:200]
    pager = paginate(db(), queries.changeable_by(user, words), page_number(request.args.get("page")))
    own = user.role is Role.PARTENAIRE
    structures = db().execute(structure_queries.changeable_by(user)).scalars().all() if own else []
    return render_template(
        "offers/mine.html",
        pager=pager,
        words=words,
        own=own,
        structures=structures,
        scores={offer.id: vocabulary.quality(rules.as_record(offer)).score for offer in pager.items},
        wanted=rules.WANTED_SCORE,
        is_stale=rules.is_stale,
    )


@blueprint.get("/structures/<uuid:structure_id>/offres/nouvelle")
@allow(*_WRITERS)
def new(structure_id: uuid.UUID) -> Any:
    """Write an offer, from the structure's address and contacts."""
    structure = _structure(structure_id)
    return _page(_form(data=blank(structure)), structure)


@blueprint.post("/structures/<uuid:structure_id>/offres/nouvelle")
@allow(*_WRITERS)
def create(structure_id: uuid.UUID) -> Any:
    """Keep the new offer, and publish it when asked; a second press finds the first one's."""
    structure = _structure(structure_id)
    form = _form(request.form)
    key = _key(form)
    valid = form.validate()
    if (existing := _find(key)) is not None:
        return _after(existing)
    if valid:
        try:
            offer = rules.create_offer(db(), structure, form.record(), by=person(), id=key)
            if _is_asked_to_publish():
                rules.publish_offer(db(), offer, structure=structure, by=person())
        except RuleBroken as broken:
            db().rollback()
            if isinstance(broken, AlreadyDone) and (existing := _find(key)) is not None:
                return _after(existing)
            _refuse(form, broken)
        else:
            db().commit()
            _say(form, offer)
            return _after(offer)
    return _again(form, structure_id)


@blueprint.get("/offres/<uuid:offer_id>/modifier")
@allow(*_WRITERS)
def edit(offer_id: uuid.UUID) -> Any:
    """Change an offer."""
    offer = _offer(offer_id)
    return _page(_form(data=answers_of(offer)), offer.structure, offer)


@blueprint.post("/offres/<uuid:offer_id>/modifier")
@allow(*_WRITERS)
def change(offer_id: uuid.UUID) -> Any:
    """Keep the changes, and publish when asked."""
    offer = _offer(offer_id)
    structure = offer.structure
    form = _form(request.form)
    if form.validate():
        try:
            rules.change_offer(db(), offer, form.record(), structure=structure, by=person())
            if _is_asked_to_publish() and not offer.is_public:
                rules.publish_offer(db(), offer, structure=structure, by=person())
        except RuleBroken as broken:
            db().rollback()
            _refuse(form, broken)
        else:
            db().commit()
            _say(form, offer)
            return _after(offer)
    return _again(form, offer_id=offer_id)


@blueprint.post("/offres/<uuid:offer_id>/publier")
@allow(*_WRITERS)
def publish(offer_id: uuid.UUID) -> Any:
    """Publish the offer as it is saved, or show in its form what is missing."""
    offer = _offer(offer_id)
    try:
        rules.publish_offer(db(), offer, structure=offer.structure, by=person())
    except RuleBroken as broken:
        db().rollback()
        form = _form(data=answers_of(_offer(offer_id)))
        _refuse(form, broken)
        return _again(form, offer_id=offer_id, saved=True)
    db().commit()
    flash(_published(offer), "success")
    return redirect(url_for("offers.show", offer_id=offer_id), 303)


@blueprint.post("/offres/<uuid:offer_id>/retirer")
@allow(*_WRITERS)
def withdraw(offer_id: uuid.UUID) -> Any:
    """Take the offer out of the catalogue."""
    rules.withdraw_offer(db(), _offer(offer_id), by=person())
    db().commit()
    flash("L’offre n’est plus visible. Elle redevient un brouillon : rien n’est effacé.", "success")
    return redirect(url_for("offers.show", offer_id=offer_id), 303)


@blueprint.post("/offres/<uuid:offer_id>/toujours-valable")
@allow(*_WRITERS)
def confirm(offer_id: uuid.UUID) -> Any:
    """Say that nothing has changed: the offer is up to date again."""
    offer = _offer(offer_id)
    rules.confirm_offer(db(), offer, by=person())
    db().commit()
    flash(f"« {offer.nom} » est à jour.", "success")
    back = "offers.mine" if request.form.get("retour") == "liste" else "offers.show"
    return redirect(url_for(back, offer_id=offer_id if back == "offers.show" else None), 303)


@blueprint.post("/offres/qualite")
@allow(*_WRITERS)
def quality() -> Any:
    """The quality panel for what is typed so far; nothing is written."""
    form = _form(request.form)
    form.validate()
    return render_template("offers/_quality.html", **_panel(_typed(form) | {"date_maj": clock.today()}))


def _typed(form: OfferForm) -> dict[str, Any]:
    """What the form holds, without the answers that cannot be read."""
    return {name: None if form[name].errors else value for name, value in form.values().items()}


def _form(*given: Any, **options: Any) -> OfferForm:
    form = OfferForm(*given, **options)
    form.commune.departement = current_app.config["PORTAL"].departement
    return form


def _key(form: OfferForm) -> uuid.UUID:
    try:
        return uuid.UUID(form.cle.data)
    except (TypeError, ValueError):
        form.cle.data = str(uuid.uuid4())
        return uuid.UUID(form.cle.data)


def _is_asked_to_publish() -> bool:
    return request.form.get("acte") == _PUBLISH


def _find(offer_id: uuid.UUID) -> Offer | None:
    found: Offer | None = (
        db().execute(queries.changeable_by(person()).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    )
    return found


def _offer(offer_id: uuid.UUID) -> Offer:
    return _find(offer_id) or abort(404)


def _structure(structure_id: uuid.UUID) -> Structure:
    statement = structure_queries.changeable_by(person()).where(col(Structure.id) == structure_id)
    found: Structure | None = db().execute(statement).scalar_one_or_none()
    return found or abort(404)


def _after(offer: Offer) -> Any:
    return redirect(
        url_for("offers.edit" if offer.state is OfferState.BROUILLON else "offers.show", offer_id=offer.id),
        303,
    )


def _say(form: OfferForm, offer: Offer) -> None:
    if _is_asked_to_publish():
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


def _refuse(form: OfferForm, broken: RuleBroken) -> None:
    if isinstance(broken, rules.Incomplete):
        for name, sentence in broken.problems.items():
            form.refuse(name, sentence)
    else:
        form.refuse(broken.field, broken.message)


def _again(
    form: OfferForm,
    structure_id: uuid.UUID | None = None,
    offer_id: uuid.UUID | None = None,
    *,
    saved: bool = False,
) -> Any:
    """Show the form again with every point to mend. `saved`: it shows the offer as it is saved."""
    offer = _offer(offer_id) if offer_id else None
    structure = offer.structure if offer else _structure(structure_id or abort(404))
    if _is_asked_to_publish() and not saved:
        # Some answers could not be read: say in the same breath what else would be missing.
        sketch = rules.sketch(_typed(form) | {"code_insee": form.record()["code_insee"]}, structure)
        for name, sentence in rules.missing_to_publish(sketch, structure).items():
            if name in form and not form[name].errors:
                form.refuse(name, sentence)
    return make_response(_page(form, structure, offer), 422)


def _page(form: OfferForm, structure: Structure, offer: Offer | None = None) -> str:
    warnings = form.avertissements or {
        field.name: list(check.warnings)
        for field in form
        if field.data
        and field.name in vocabulary.Service.model_fields
        and (check := vocabulary.check_field(vocabulary.Service, field.name, field.data)).warnings
    }
    saved = offer is not None and request.method == "GET"
    shown = _typed(form) | {"date_maj": offer.date_maj if offer and saved else clock.today()}
    return render_template(
        "offers/form.html",
        form=form,
        structure=structure,
        offer=offer,
        warnings=warnings,
        themes=grouped(vocabulary.thematiques_by_category()),
        descriptions={
            name: {
                choice.value: choice.description
                for choice in vocabulary.choices(name)
                if choice.description and choice.description != choice.label
            }
            for name in ("publics", "modes_accueil", "modes_mobilisation")
        },
        **_panel(shown),
    )


def _panel(record: dict[str, Any]) -> dict[str, Any]:
    """What the quality panel says of a record: its score in percent, what is missing, whether DORA will show it."""
    found = vocabulary.quality(record | {"source": "portail"})
    missing = list(found.missing)
    if not record.get("modes_accueil"):
        missing.append(("Dites si l’on vous rencontre sur place ou à distance.", "modes_accueil"))
    return {
        "percent": round(found.score * 100),
        "wanted_percent": round(rules.WANTED_SCORE * 100),
        "missing": missing,
        "enough": found.score >= rules.WANTED_SCORE and bool(record.get("modes_accueil")),
    }
