"""Describe a structure: open its form, filled in from the register when there is a SIRET, and save it."""

import uuid
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for

from portal import geography
from portal.accounts.models import Role
from portal.clients import geocoder, sirene
from portal.clients.http import Unavailable
from portal.errors import AlreadyDone, RuleBroken
from portal.geography import fold
from portal.structures import queries, rules
from portal.structures.forms import StructureForm, answers_of
from portal.structures.models import Structure
from portal.structures.views.blueprint import WRITERS, blueprint, is_among, the_structure
from portal.structures.views.form_page import again, make_form, page, warnings_of
from portal.web.access import allow, has_role, person
from portal.web.addresses import locate_address
from portal.web.fields import new_key
from portal.web.session import db

# What an antenne has in common with the structure it depends on, until somebody says otherwise.
_SHARED = ("nom", "description", "telephone", "courriel", "site_web", "reseaux_porteurs")


@blueprint.get("/structures/nouvelle")
@allow(*WRITERS)
def new() -> Any:
    """Describe a structure that is not there yet, from what the register or its head knows of it."""
    given: dict[str, Any] = {"nom": request.args.get("nom", "")[:150]}
    given["commune"] = request.args.get("commune", "")[:150]
    told = None
    siret = "".join(request.args.get("siret", "").split())[:14]
    if siret:
        known: Structure | None = db().execute(queries.of_siret(siret)).scalar_one_or_none()
        if known is not None:
            return redirect(
                url_for("structures.join", siret=siret)
                if has_role(Role.PARTENAIRE)
                else url_for("structures.show", structure_id=known.id),
                303,
            )
        found, told = _from_register(siret)
        given |= {"siret": siret} | found
    head = _head_asked()
    if head is not None:
        given |= {name: getattr(head, name) for name in _SHARED} | {"antenne_of_id": str(head.id)}
    form = make_form(None, data=given | {"cle": new_key()})
    if head is not None and head.siret and not siret:
        told = ("info", f"Le SIRET de l’antenne commence aussi par {_grouped(head.siret[:9])}.")
    return page(form, None, told=told, warnings={})


@blueprint.post("/structures/nouvelle")
@allow(*WRITERS)
def create() -> Any:
    """Keep the new structure as a draft; a second press finds the first one's."""
    form = make_form(None, request.form)
    key = form.key()
    valid = form.validate()
    if is_among(queries.changeable_by, key):
        return redirect(url_for("structures.show", structure_id=key), 303)
    if valid:
        try:
            record = form.record()
            structure = rules.create_structure(db(), record | _position(record, None), by=person(), id=key)
        except RuleBroken as broken:
            db().rollback()
            if isinstance(broken, AlreadyDone) and is_among(queries.changeable_by, key):
                return redirect(url_for("structures.show", structure_id=key), 303)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La structure est créée. Relisez-la, puis publiez-la.", "success")
            _flash_warnings(form)
            return redirect(url_for("structures.show", structure_id=structure.id), 303)
    return again(form, None)


@blueprint.get("/structures/<uuid:structure_id>/modifier")
@allow(*WRITERS)
def edit(structure_id: uuid.UUID) -> Any:
    """Change what is written."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    answers = answers_of(structure)
    return page(make_form(structure, data=answers), structure, warnings=warnings_of(answers))


@blueprint.post("/structures/<uuid:structure_id>/modifier")
@allow(*WRITERS)
def change(structure_id: uuid.UUID) -> Any:
    """Keep the changes; the offers learn the new name. Somebody else's newer version is shown, never written over."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    form = make_form(structure, request.form)
    refused: RuleBroken | None = None
    if form.validate():
        name = structure.nom
        try:
            record = form.record()
            rules.change_structure(
                db(),
                structure,
                record | _position(record, structure),
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            refused = broken
            form.refuse(broken.field, broken.message)
        else:
            if structure.nom != name:
                current_app.extensions["structure_renamed"](db(), structure)
            db().commit()
            flash("Les informations sont enregistrées.", "success")
            _flash_warnings(form)
            return redirect(url_for("structures.show", structure_id=structure_id), 303)
    return again(form, structure_id, broken=refused)


@blueprint.post("/structures/<uuid:structure_id>/repartir")
@allow(*WRITERS)
def start_over(structure_id: uuid.UUID) -> Any:
    """Drop what was typed and open the form as somebody else saved it."""
    return redirect(url_for("structures.edit", structure_id=structure_id), 303)


@blueprint.get("/structures/reseaux")
@allow(*WRITERS)
def networks() -> Any:
    """The networks whose name holds what is typed, after those already ticked: a fragment of the form."""
    form = StructureForm(data={"reseaux_porteurs": request.args.getlist("reseaux_porteurs")})
    words = fold(request.args.get("reseau", "")[:100]).split()
    choices = list(form.reseaux_porteurs.iter_choices())
    ticked = [choice for choice in choices if choice.selected]
    found = [c for c in choices if not c.selected and all(word in fold(str(c.label)) for word in words)]
    return render_template(
        "structures/_networks.html", field=form.reseaux_porteurs, ticked=ticked, found=found
    )


def _from_register(siret: str) -> tuple[dict[str, Any], tuple[str, str]]:
    """What the register knows of this SIRET, as answers of the form, and what to tell of it."""
    base = current_app.config["PORTAL"].sirene_url
    try:
        rules.check_siret(siret)
    except RuleBroken as broken:
        return {}, ("warning", broken.message)
    if not base:
        return {}, ("info", "Remplissez la fiche : ce portail ne consulte pas le registre des entreprises.")
    try:
        found = sirene.find_establishment(base, siret)
    except Unavailable:
        return {}, (
            "warning",
            "Le registre des entreprises ne répond pas en ce moment : remplissez la fiche vous-même.",
        )
    if found is None:
        return {}, (
            "warning",
            "Le registre des entreprises ne connaît pas ce SIRET. Relisez-le ; s’il est juste, remplissez la fiche "
            "vous-même.",
        )
    answers: dict[str, Any] = {
        "nom": found.nom[:150],
        "adresse": found.adresse,
        "code_postal": found.code_postal,
    }
    commune = geography.commune(geocoder.town_of(found.code_insee or ""))
    if commune is not None:
        answers["commune"] = commune.label
    if not found.is_open:
        return answers, (
            "warning",
            "D’après le registre des entreprises, cet établissement est fermé. Vérifiez le SIRET avant de continuer.",
        )
    return answers, (
        "success",
        "Le registre des entreprises a rempli le nom et l’adresse. Corrigez-les s’il le faut.",
    )


def _head_asked() -> Structure | None:
    """The structure that an antenne is to be added to, when the person may change it and it is not one itself."""
    try:
        wanted = uuid.UUID(request.args.get("antenne_de", ""))
    except ValueError:
        return None
    head = the_structure(queries.changeable_by(person()), wanted)
    return head if head.antenne_of_id is None else None


def _position(record: dict[str, Any], structure: Structure | None) -> dict[str, Any]:
    """Where the address is on the map, asked for when it is new only."""
    adresse, code_insee = record.get("adresse"), record.get("code_insee")
    if not adresse or not code_insee or not current_app.config["PORTAL"].geocoder_url:
        return {}
    if structure is not None and (adresse, code_insee) == (structure.adresse, structure.code_insee):
        return {}
    # Nobody waits for the geocoder with the database in hand; nothing is written yet.
    db().rollback()
    return {"position": locate_address(adresse, code_insee)}


def _grouped(figures: str) -> str:
    return " ".join(figures[start : start + 3] for start in range(0, len(figures), 3))


def _flash_warnings(form: StructureForm) -> None:
    for sentences in form.avertissements.values():
        for sentence in sentences:
            flash(sentence, "warning")
