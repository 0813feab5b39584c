"""Searches that people keep, and the alerts they ask for."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col
from wtforms import RadioField, SelectChoice, StringField
from wtforms.validators import DataRequired, InputRequired

from portal import links
from portal.catalogue import address, current, saved, sources
from portal.catalogue.address import Typed
from portal.catalogue.models import Frequence, SavedSearch
from portal.catalogue.views.blueprint import blueprint
from portal.errors import RuleBroken
from portal.web.access import person, public, signed_in
from portal.web.fields import key_field, new_key
from portal.web.forms import Form, MaxLength
from portal.web.session import db


class SavedSearchForm(Form):
    """What is it called, and how often may it write?"""

    cle = key_field()
    nom = StringField(
        "Nom de la recherche",
        [DataRequired("Donnez un nom à cette recherche."), MaxLength(saved.NAME_LENGTH)],
        description="Vous seul le verrez. N’y écrivez pas le nom d’une personne.",
    )
    frequence = RadioField(
        "Être prévenu des nouvelles offres par courriel",
        [InputRequired("Choisissez quand vous voulez être prévenu.")],
        choices=[SelectChoice(frequence.value, frequence.label) for frequence in Frequence],
        invalid_choice_message="Choisissez une des trois réponses.",
    )


@blueprint.get("/recherches")
@signed_in
def saved_searches() -> Any:
    """The searches that the person keeps."""
    kept: list[SavedSearch] = list(db().execute(saved.of_user(person())).scalars())
    snapshot = current.snapshot() if kept else None
    rows = []
    for search in kept:
        typed = address.from_kept(search.criteres, departement=_departement())
        found = snapshot.search(typed.criteria(), size=0) if snapshot and not typed.errors else None
        rows.append(
            (
                search,
                _labels(typed),
                url_for("catalogue.search") + typed.query(),
                found.total if found else None,
            )
        )
    return render_template("catalogue/saved.html", rows=rows)


@blueprint.route("/recherches/nouvelle", methods=["GET", "POST"])
@signed_in
def save_search() -> Any:
    """Keep the search that the address holds."""
    typed = _typed()
    if typed is None:
        flash(
            "Choisissez d’abord un lieu, des mots ou un filtre : vous pourrez garder la recherche.", "warning"
        )
        return redirect(url_for("catalogue.search"), 303)
    posted = request.method == "POST"
    form = SavedSearchForm(
        request.form if posted else None,
        data={
            "cle": new_key(),
            "nom": saved.proposed_name(typed, _names(typed)),
            "frequence": Frequence.HEBDOMADAIRE.value,
        },
    )
    if posted and form.validate():
        try:
            search = saved.save_search(
                db(),
                typed,
                nom=form.nom.data or "",
                frequence=Frequence(form.frequence.data),
                by=person(),
                departement=_departement(),
                id=uuid.UUID(form.cle.data),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"La recherche « {search.nom} » est gardée.", "success")
            return redirect(url_for("catalogue.saved_searches"), 303)
    page = render_template(
        "catalogue/save_search.html",
        form=form,
        labels=_labels(typed),
        here=url_for("catalogue.save_search") + typed.query(),
        back=url_for("catalogue.search") + typed.query(),
        total=current.snapshot().search(typed.criteria(), size=0).total,
    )
    return make_response(page, 422 if posted else 200)


@blueprint.route("/recherches/<uuid:search_id>/modifier", methods=["GET", "POST"])
@signed_in
def edit_search(search_id: uuid.UUID) -> Any:
    """Rename a search, or change how often it writes."""
    search = _mine(search_id)
    typed = address.from_kept(search.criteres, departement=_departement())
    posted = request.method == "POST"
    form = SavedSearchForm(
        request.form if posted else None,
        data={"cle": str(search.id), "nom": search.nom, "frequence": search.frequence.value},
    )
    nom = search.nom
    if posted and form.validate():
        try:
            saved.change_search(
                db(), search, nom=form.nom.data or "", frequence=Frequence(form.frequence.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La recherche est enregistrée.", "success")
            return redirect(url_for("catalogue.saved_searches"), 303)
    page = render_template(
        "catalogue/edit_search.html", form=form, labels=_labels(typed), nom=nom, search_id=search_id
    )
    return make_response(page, 422 if posted else 200)


@blueprint.post("/recherches/<uuid:search_id>/supprimer")
@signed_in
def delete_search(search_id: uuid.UUID) -> Any:
    """Forget a search; one that is gone already is gone."""
    search = db().get(SavedSearch, search_id)
    if search is not None and search.user_id == person().id:
        nom = search.nom
        saved.delete_search(db(), search)
        db().commit()
        flash(f"La recherche « {nom} » est supprimée.", "success")
    return redirect(url_for("catalogue.saved_searches"), 303)


@blueprint.get("/recherches/arreter/<token>")
@public
def stop_alert(token: str) -> Any:
    """The page behind the link of an alert: one button; a GET never writes."""
    search, problem, status = _linked(token)
    page = render_template(
        "catalogue/stop_alert.html", search=search, token=token, problem=problem, done=False
    )
    return make_response(page, status)


@blueprint.post("/recherches/arreter/<token>")
@public
def stop_alert_post(token: str) -> Any:
    """Stop the alert of the link, in the name of its reader."""
    search, problem, status = _linked(token)
    done = search is not None and problem is None
    if search is not None and done:
        saved.stop_alerts(db(), search)
        db().commit()
    page = render_template(
        "catalogue/stop_alert.html", search=search, token=token, problem=problem, done=done
    )
    return make_response(page, status)


def _typed() -> Typed | None:
    """Return the search of this address, None when it says nothing or cannot be understood."""
    typed = address.read(request.args, departement=_departement())
    if set(typed.errors) - {"page"}:
        return None
    # What is kept, no more: what is shown here is what will be run.
    typed = address.from_kept(typed.kept(), departement=_departement())
    return None if typed.is_blank else typed


def _mine(search_id: uuid.UUID) -> SavedSearch:
    statement = saved.of_user(person()).where(col(SavedSearch.id) == search_id)
    found: SavedSearch | None = db().execute(statement).scalar_one_or_none()
    if found is None:
        abort(404)
    return found


def _linked(token: str) -> tuple[SavedSearch | None, str | None, int]:
    """Return the search of a link, what keeps it from being used, and the status of the page."""
    try:
        search = saved.open_stop_link(db(), current_app.config["PORTAL"].secret_key, token)
    except links.DeadLink as dead:
        if dead.expired:
            return None, "Ce lien est trop ancien : connectez-vous pour arrêter cette alerte.", 410
        return None, "Ce lien n’est pas complet : recopiez-le en entier, ou connectez-vous.", 410
    if search is None:
        return None, "Cette recherche a été supprimée : elle n’écrit plus.", 410
    if search.frequence is Frequence.JAMAIS:
        return search, "C’est déjà fait : cette recherche n’écrit plus.", 200
    return search, None, 200


def _labels(typed: Typed) -> list[str]:
    labels = [label for _, _, label in typed.tags(_names(typed))]
    if typed.place is not None and typed.place.is_around:
        labels.append(f"Jusqu’à {typed.rayon} km")
    return labels


def _names(typed: Typed) -> dict[str, str]:
    """Return the names of the structures and sources that a search asks for."""
    config = current_app.config["PORTAL"]
    names = {
        value: config.name if value == config.source else sources.label(value)
        for value in typed.values("source")
    }
    wanted = typed.values("structure")
    if wanted:
        snapshot = current.snapshot()
        names |= {value: name for value in wanted if (name := snapshot.structures.name(value))}
    return names


def _departement() -> str:
    return str(current_app.config["PORTAL"].departement)
