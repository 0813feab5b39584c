"""Structures: seen by all, kept by their members."""

import re
import uuid
from collections.abc import Callable, Collection
from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import Select
from sqlmodel import Session, col

from portal import vocabulary
from portal.accounts import notifications
from portal.accounts import rules as accounts
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.geography import fold
from portal.structures import queries, rules
from portal.structures.forms import MemberForm, StructureForm, answers_of
from portal.structures.models import MembershipLevel, Structure
from portal.web.access import allow, person, public
from portal.web.pagination import page_number, paginate
from portal.web.session import db

blueprint = Blueprint("structures", __name__, url_prefix="/structures")

# Who may write structures; which ones, `queries` says.
_WRITERS = (Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION)
_DAYS = {"Mo": "lun.", "Tu": "mar.", "We": "mer.", "Th": "jeu.", "Fr": "ven.", "Sa": "sam.", "Su": "dim."}
_WORDS = {**_DAYS, "PH": "jours fériés", "SH": "vacances scolaires", "off": "fermé", "closed": "fermé"}

Refresh = Callable[[Session, Structure], None]
Counter = Callable[[Session, Collection[uuid.UUID]], dict[uuid.UUID, int]]
Lister = Callable[..., Select[Any]]


def on_rename(app: Flask, refresh: Refresh) -> None:
    """Have `refresh(session, structure)` run in the same transaction when a structure changes its name.

    Offers stand above: what they keep of the name is theirs to write again.
    """
    app.extensions["structure_renamed"] = refresh


def read_offers_with(app: Flask, *, count: Counter, listed: Lister) -> None:
    """Give these pages the offers of structures: how many by structure's id, and the statement that lists one's."""
    app.extensions["structure_offers"] = (count, listed)


@blueprint.get("", strict_slashes=False)
@allow(*_WRITERS)
def index() -> Any:
    """Those that the person may change."""
    words = request.args.get("q", "")[:200]
    pager = paginate(db(), queries.changeable_by(person(), words), page_number(request.args.get("page")))
    count, _ = current_app.extensions["structure_offers"]
    offers = count(db(), [structure.id for structure in pager.items])
    return render_template("structures/index.html", pager=pager, offers=offers, words=words)


@blueprint.get("/<uuid:structure_id>")
@public
def show(structure_id: uuid.UUID) -> Any:
    """One structure and its offers, as everybody reads them; with what to do for who may change it."""
    structure = _one(queries.visible_to(person()), structure_id)
    editable = _has(queries.changeable_by, structure_id)
    _, listed = current_app.extensions["structure_offers"]
    offers = db().execute(listed(structure.id, with_drafts=editable)).scalars().all()
    return render_template(
        "structures/show.html",
        structure=structure,
        offers=offers,
        editable=editable,
        manages=editable and _has(queries.managed_by, structure_id),
        networks=vocabulary.labels("reseaux_porteurs", structure.reseaux_porteurs),
    )


@blueprint.get("/nouvelle")
@allow(*_WRITERS)
def new() -> Any:
    """Describe a structure that is not there yet."""
    form = _form(data={"cle": str(uuid.uuid4())})
    return render_template("structures/form.html", form=form, structure=None, warnings={})


@blueprint.post("/nouvelle")
@allow(*_WRITERS)
def create() -> Any:
    """Keep the new structure as a draft; a second press finds the first one's."""
    form = _form(request.form)
    key = _key(form)
    valid = form.validate()
    if _has(queries.changeable_by, key):
        return redirect(url_for("structures.show", structure_id=key), 303)
    if valid:
        try:
            structure = rules.create_structure(db(), form.record(), by=person(), id=key)
        except RuleBroken as broken:
            db().rollback()
            if isinstance(broken, AlreadyDone) and _has(queries.changeable_by, key):
                return redirect(url_for("structures.show", structure_id=key), 303)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La structure est créée. Relisez-la, puis publiez-la.", "success")
            _flash_warnings(form)
            return redirect(url_for("structures.show", structure_id=structure.id), 303)
    return _again(form, None)


@blueprint.get("/<uuid:structure_id>/modifier")
@allow(*_WRITERS)
def edit(structure_id: uuid.UUID) -> Any:
    """Change what is written."""
    structure = _one(queries.changeable_by(person()), structure_id)
    answers = answers_of(structure)
    warnings = {
        name: list(check.warnings)
        for name, value in answers.items()
        if value and (check := vocabulary.check_field(vocabulary.Structure, name, value)).warnings
    }
    form = _form(data=answers)
    return render_template("structures/form.html", form=form, structure=structure, warnings=warnings)


@blueprint.post("/<uuid:structure_id>/modifier")
@allow(*_WRITERS)
def change(structure_id: uuid.UUID) -> Any:
    """Keep the changes; the offers learn the new name."""
    structure = _one(queries.changeable_by(person()), structure_id)
    form = _form(request.form)
    if form.validate():
        name = structure.nom
        try:
            rules.change_structure(db(), structure, form.record(), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            if structure.nom != name:
                current_app.extensions["structure_renamed"](db(), structure)
            db().commit()
            flash("Les informations sont enregistrées.", "success")
            _flash_warnings(form)
            return redirect(url_for("structures.show", structure_id=structure_id), 303)
    return _again(form, structure_id)


@blueprint.post("/<uuid:structure_id>/publier")
@allow(*_WRITERS)
def publish(structure_id: uuid.UUID) -> Any:
    """Show the structure to everybody, or say what is missing where it is to be filled in."""
    structure = _one(queries.changeable_by(person()), structure_id)
    try:
        rules.publish_structure(db(), structure, by=person())
    except RuleBroken as broken:
        db().rollback()
        form = _form(data=answers_of(_one(queries.changeable_by(person()), structure_id)))
        form.refuse(broken.field, broken.message)
        return _again(form, structure_id)
    db().commit()
    if structure.is_public:
        flash("La structure est publiée : tout le monde peut la voir.", "success")
    else:
        flash(
            "La structure attend maintenant la validation de l’animateur. Écrivez déjà vos offres : "
            "elles paraîtront avec elle.",
            "success",
        )
    return redirect(url_for("structures.show", structure_id=structure_id), 303)


@blueprint.post("/<uuid:structure_id>/retirer")
@allow(*_WRITERS)
def withdraw(structure_id: uuid.UUID) -> Any:
    """Hide the structure and its offers."""
    rules.withdraw_structure(db(), _one(queries.changeable_by(person()), structure_id), by=person())
    db().commit()
    flash("La structure et ses offres ne sont plus visibles. Rien n’est effacé.", "success")
    return redirect(url_for("structures.show", structure_id=structure_id), 303)


@blueprint.get("/<uuid:structure_id>/membres")
@allow(*_WRITERS)
def members(structure_id: uuid.UUID) -> Any:
    """Who belongs to the structure."""
    return _members(_one(queries.managed_by(person()), structure_id), MemberForm())


@blueprint.post("/<uuid:structure_id>/membres")
@allow(*_WRITERS)
def add_member(structure_id: uuid.UUID) -> Any:
    """Add somebody, with an account and a link when they have none."""
    structure = _one(queries.managed_by(person()), structure_id)
    form = MemberForm(request.form)
    if form.validate():
        level = MembershipLevel.ADMINISTRATEUR if form.administrateur.data else MembershipLevel.MEMBRE
        try:
            user, created = rules.add_member(
                db(),
                structure,
                courriel=form.courriel.data or "",
                prenom=form.prenom.data or "",
                nom=form.nom.data or "",
                level=level,
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            structure = _one(queries.managed_by(person()), structure_id)
        else:
            if created:
                _send_link(user)
            db().commit()
            and_link = " ; un lien pour choisir un mot de passe part à son adresse" if created else ""
            flash(f"{user.full_name} fait partie de la structure{and_link}.", "success")
            return redirect(url_for("structures.members", structure_id=structure_id), 303)
    return make_response(_members(structure, form), 422)


@blueprint.post("/<uuid:structure_id>/membres/<uuid:membership_id>/retirer")
@allow(*_WRITERS)
def remove_member(structure_id: uuid.UUID, membership_id: uuid.UUID) -> Any:
    """End somebody's membership."""
    structure = _one(queries.managed_by(person()), structure_id)
    try:
        rules.leave(db(), structure, membership_id)
    except RuleBroken as broken:
        db().rollback()
        form = MemberForm()
        form.refuse(None, broken.message)
        return make_response(_members(_one(queries.managed_by(person()), structure_id), form), 422)
    db().commit()
    if not _has(queries.managed_by, structure_id):
        flash("Vous ne gérez plus les membres de cette structure.", "success")
        return redirect(url_for("structures.index"), 303)
    flash("Cette personne ne fait plus partie de la structure.", "success")
    return redirect(url_for("structures.members", structure_id=structure_id), 303)


@blueprint.get("/reseaux")
@allow(*_WRITERS)
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


@blueprint.app_template_filter("horaires")
def readable_hours(text: str | None) -> list[str]:
    """Return opening hours in lines for people: "Mo-Fr 09:00-12:00; PH off" → ["lun. à ven. : 9 h à 12 h", …].

    Only plain days and hours are put in French; the rest of that format stays as written.
    """
    parts = (part.strip() for part in (text or "").split(";"))
    return [_readable(part) for part in parts if part]


def _readable(part: str) -> str:
    found = re.fullmatch(r"([A-Za-z ,-]+) (off|closed|[\d:, -]+)", part)
    if found is None or not set(re.findall(r"[A-Za-z]+", found[1])) <= set(_WORDS):
        return "24 h sur 24, 7 jours sur 7" if part == "24/7" else part
    days = re.sub(r"[A-Za-z]+", lambda word: _WORDS[word[0]], found[1])
    hours = _WORDS.get(found[2]) or re.sub(
        r"(\d\d?):(\d\d)", lambda time: f"{int(time[1])} h {time[2]}".removesuffix(" 00"), found[2]
    )
    return f"{_spoken(days, ', ')} : {_spoken(hours, ' et ')}"


def _spoken(text: str, comma: str) -> str:
    return re.sub(r" *, *", comma, re.sub(r" *- *", " à ", text))


def _form(*given: Any, **options: Any) -> StructureForm:
    form = StructureForm(*given, **options)
    form.commune.departement = current_app.config["PORTAL"].departement
    return form


def _key(form: StructureForm) -> uuid.UUID:
    try:
        return uuid.UUID(form.cle.data)
    except (TypeError, ValueError):
        form.cle.data = str(uuid.uuid4())
        return uuid.UUID(form.cle.data)


def _one(statement: Select[Any], structure_id: uuid.UUID) -> Structure:
    found: Structure | None = (
        db().execute(statement.where(col(Structure.id) == structure_id)).scalar_one_or_none()
    )
    if found is None:
        abort(404)
    return found


def _has(query: Callable[[User], Select[Any]], structure_id: uuid.UUID) -> bool:
    if person() is None:
        return False
    statement = query(person()).where(col(Structure.id) == structure_id)
    return db().execute(statement).scalar_one_or_none() is not None


def _again(form: StructureForm, structure_id: uuid.UUID | None) -> Any:
    structure = _one(queries.changeable_by(person()), structure_id) if structure_id else None
    page = render_template(
        "structures/form.html", form=form, structure=structure, warnings=form.avertissements
    )
    return make_response(page, 422)


def _members(structure: Structure, form: MemberForm) -> str:
    found = db().execute(queries.members_of(structure.id)).scalars().all()
    return render_template("structures/members.html", structure=structure, members=found, form=form)


def _send_link(user: User) -> None:
    address = url_for("accounts.set_password", token=accounts.make_password_link(db(), user))
    notifications.send_password_link(db(), user, current_app.config["PORTAL"].public_url + address)


def _flash_warnings(form: StructureForm) -> None:
    for sentences in form.avertissements.values():
        for sentence in sentences:
            flash(sentence, "warning")
