"""Templates of offers: list, write, and what an offer takes of a template that changed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func
from sqlmodel import col, select
from wtforms.fields import SelectChoice

from portal.errors import RuleBroken
from portal.offers import modeles, queries
from portal.offers.modele_forms import TemplateForm
from portal.offers.models import Offer, OfferTemplate
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import WRITERS, find_offer, reader, the_offer, theme_groups
from portal.offers.views.life import said
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.structures.rules import keeps_catalogue
from portal.web.access import allow, person
from portal.web.answers import Reader
from portal.web.fields import new_key
from portal.web.session import db


@dataclass(frozen=True, slots=True)
class Line:
    """A field of an offer that its template moved away from: its name, each value as text, whether to take it."""

    name: str
    label: str
    mine: str
    before: str
    after: str
    followed: bool


@blueprint.get("/modeles")
@allow(*WRITERS)
def templates() -> Any:
    """The templates one may use, those one may change, and how many offers each left behind."""
    usable: Sequence[OfferTemplate] = db().execute(modeles.usable_by(person())).scalars().all()
    own = {t.id for t in db().execute(modeles.changeable_by(person())).scalars()}
    return render_template(
        "offers/templates.html", templates=usable, own=own, counts=_counts(), keeps=keeps_catalogue(person())
    )


@blueprint.get("/modeles/nouveau")
@allow(*WRITERS)
def new_template() -> Any:
    """Write a template, from an offer when one is named."""
    source = find_offer(uuid.UUID(text)) if _is_uuid(text := request.args.get("offre", "")) else None
    data: dict[str, Any] = {"cle": new_key()}
    if source is not None:
        held = {name: getattr(source, name) for name in modeles.FIELDS if name != "nom"}
        data |= {name: value for name, value in held.items() if value is not None}
        data |= {"nom_modele": source.nom, "structure": str(source.structure_id)}
    return _page(_form(data=data))


@blueprint.post("/modeles/nouveau")
@allow(*WRITERS)
def create_template() -> Any:
    """Keep the new template."""
    form = _form(request.form)
    if form.validate():
        key = form.key()
        if db().get(OfferTemplate, key) is None:
            try:
                modeles.create_template(
                    db(),
                    nom=form.nom_modele.data or "",
                    valeurs=modeles.as_values(modeles.FIELDS, form.values()),
                    structure=_structure(form.structure.data),
                    by=person(),
                    id=key,
                )
            except RuleBroken as broken:
                db().rollback()
                form.refuse(broken.field, broken.message)
                return make_response(_page(form), 422)
            db().commit()
        flash("Le modèle est enregistré.", "success")
        return redirect(url_for("offers.templates"), 303)
    return make_response(_page(form), 422)


@blueprint.get("/modeles/<uuid:template_id>")
@allow(*WRITERS)
def edit_template(template_id: uuid.UUID) -> Any:
    """Change a template."""
    template = _own(template_id)
    data = dict(template.valeurs) | {
        "nom_modele": template.nom,
        "structure": str(template.structure_id or ""),
    }
    return _page(_form(data=data), template)


@blueprint.post("/modeles/<uuid:template_id>")
@allow(*WRITERS)
def change_template(template_id: uuid.UUID) -> Any:
    """Keep the changes; the offers that come from it are shown next, with what each would take."""
    template = _own(template_id)
    form = _form(request.form)
    form.structure.validators = []
    form.structure.data = str(template.structure_id or "")
    if form.validate():
        try:
            changed = modeles.change_template(
                db(),
                template,
                nom=form.nom_modele.data or "",
                valeurs=modeles.as_values(modeles.FIELDS, form.values()),
                by=person(),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            return make_response(_page(form, _own(template_id)), 422)
        db().commit()
        flash("Le modèle est enregistré.", "success")
        to = "offers.template_offers" if changed and _behind_of(template) else "offers.templates"
        return redirect(
            url_for(to, template_id=template_id) if to == "offers.template_offers" else url_for(to), 303
        )
    return make_response(_page(form, template), 422)


@blueprint.post("/modeles/<uuid:template_id>/archiver")
@allow(*WRITERS)
def archive_template(template_id: uuid.UUID) -> Any:
    """Offer this template no more; the offers made from it stay as they are."""
    _own(template_id).is_archived = True
    db().commit()
    flash("Le modèle n’est plus proposé. Les offres qui en viennent restent comme elles sont.", "success")
    return redirect(url_for("offers.templates"), 303)


@blueprint.get("/modeles/<uuid:template_id>/offres")
@allow(*WRITERS)
def template_offers(template_id: uuid.UUID) -> Any:
    """The offers that a change of their template left behind, to bring up to date together."""
    template = _seen(template_id)
    behind = _behind_of(template)
    say = reader()
    shown = [(offer, _lines(offer, template, say)) for offer in behind]
    names: dict[str, str] = {}
    for _, lines in shown:
        names |= {line.name: line.label for line in lines}
    return render_template("offers/template_offers.html", template=template, shown=shown, names=names)


@blueprint.post("/modeles/<uuid:template_id>/offres")
@allow(*WRITERS)
def take_for_many(template_id: uuid.UUID) -> Any:
    """Take the ticked fields for the ticked offers; what cannot be is said, offer by offer."""
    template = _seen(template_id)
    ticked = set(request.form.getlist("offre"))
    names = request.form.getlist("champ")
    done, refused = 0, []
    for offer in _behind_of(template):
        if str(offer.id) not in ticked:
            continue
        wanted = [d.name for d in modeles.differences(db(), offer, template) if d.name in names]
        try:
            with db().begin_nested():
                modeles.take(db(), offer, template, wanted, by=person())
            done += 1
        except RuleBroken as broken:
            db().refresh(offer)
            refused.append(f"« {offer.nom} » : {said(broken)}")
    db().commit()
    if done:
        flash(f"{done} offre{'s sont à jour' if done > 1 else ' est à jour'} avec le modèle.", "success")
    for sentence in refused:
        flash(sentence, "warning")
    if not done and not refused:
        flash("Cochez d’abord les offres à mettre à jour.", "warning")
    return redirect(url_for("offers.template_offers", template_id=template_id), 303)


@blueprint.get("/offres/<uuid:offer_id>/modele")
@allow(*WRITERS)
def compare_template(offer_id: uuid.UUID) -> Any:
    """What the template changed since this offer was compared with it: to take or to leave, field by field."""
    offer = the_offer(offer_id)
    template = _of(offer)
    return render_template(
        "offers/compare_template.html",
        offer=offer,
        template=template,
        lines=_lines(offer, template, reader()),
    )


@blueprint.post("/offres/<uuid:offer_id>/modele")
@allow(*WRITERS)
def take_from_template(offer_id: uuid.UUID) -> Any:
    """Take the ticked fields, leave the others; nothing is asked about them again."""
    offer = the_offer(offer_id)
    template = _of(offer)
    try:
        changed = modeles.take(db(), offer, template, request.form.getlist("champ"), by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(said(broken), "warning")
        return redirect(url_for("offers.compare_template", offer_id=offer_id), 303)
    db().commit()
    flash(
        "L’offre suit le modèle." if changed else "L’offre reste comme elle est.",
        "success",
    )
    return redirect(url_for("offers.show", offer_id=offer_id), 303)


def _lines(offer: Offer, template: OfferTemplate, say: Reader) -> list[Line]:
    return [
        Line(
            d.name,
            say.label(d.name),
            say.text(d.name, d.mine),
            say.text(d.name, d.before),
            say.text(d.name, d.after),
            d.is_followed,
        )
        for d in modeles.differences(db(), offer, template)
    ]


def _counts() -> dict[uuid.UUID, int]:
    """How many offers that the person may change come from each template."""
    rows = db().execute(
        select(col(Offer.modele_id), func.count())
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(col(Offer.modele_id).is_not(None), structure_queries.may_change(person()))
        .group_by(col(Offer.modele_id))
    )
    return {template_id: int(number) for template_id, number in rows}


def _behind_of(template: OfferTemplate) -> list[Offer]:
    statement = queries.changeable_by(person()).where(modeles.offers_behind(template.id, template.version))
    return [
        offer
        for offer in db().execute(statement.limit(200)).scalars()
        if modeles.differences(db(), offer, template)
    ]


def _form(*given: Any, **options: Any) -> TemplateForm:
    form = TemplateForm(*given, **options)
    structures = db().execute(structure_queries.changeable_by(person()).limit(500)).scalars().all()
    choices = [SelectChoice(str(s.id), s.nom) for s in structures]
    if keeps_catalogue(person()):
        choices.insert(0, SelectChoice("", "Toutes les structures du département"))
    form.structure.choices = choices
    return form


def _page(form: TemplateForm, template: OfferTemplate | None = None) -> str:
    return render_template(
        "offers/template_form.html", form=form, template=template, themes=theme_groups(form, "")
    )


def _structure(text: str | None) -> Structure | None:
    if not text:
        return None if keeps_catalogue(person()) else abort(404)
    statement = structure_queries.changeable_by(person()).where(col(Structure.id) == uuid.UUID(text))
    found: Structure | None = db().execute(statement).scalar_one_or_none()
    return found or abort(404)


def _own(template_id: uuid.UUID) -> OfferTemplate:
    statement = modeles.changeable_by(person()).where(col(OfferTemplate.id) == template_id)
    found: OfferTemplate | None = db().execute(statement).scalar_one_or_none()
    return found or abort(404)


def _seen(template_id: uuid.UUID) -> OfferTemplate:
    statement = modeles.usable_by(person()).where(col(OfferTemplate.id) == template_id)
    found: OfferTemplate | None = db().execute(statement).scalar_one_or_none()
    return found or _own(template_id)


def _of(offer: Offer) -> OfferTemplate:
    template = db().get(OfferTemplate, offer.modele_id) if offer.modele_id else None
    return template or abort(404)


def _is_uuid(text: str | None) -> bool:
    try:
        uuid.UUID(text or "")
    except ValueError:
        return False
    return True
