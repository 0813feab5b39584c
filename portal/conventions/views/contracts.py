"""Conventions and their actions: written by the officer, read by the partner they are signed with."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col
from wtforms import SelectChoice

from portal import clock
from portal.accounts.models import Role
from portal.conventions import ledger, queries, rules
from portal.conventions.forms import ActionForm, ConventionForm, action_as_typed, convention_as_typed
from portal.conventions.models import Convention, Financeur, Period, PlaceMode
from portal.conventions.views.blueprint import action_of, blueprint, may_write, visible
from portal.errors import RuleBroken
from portal.offers.models import Offer
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.access import allow, person
from portal.web.pagination import Pager, page_number, paginate
from portal.web.session import db

PAGE_SIZE = 50

# How each period is shown: kind of the badge, icon. The word is the period's own.
PERIODS: dict[Period, tuple[str, str]] = {
    Period.EN_COURS: ("success", "check"),
    Period.A_VENIR: ("accent", "clock"),
    Period.TERMINEE: ("neutral", "flag"),
}


@blueprint.get("", strict_slashes=False)
@allow(Role.CONVENTIONNEMENT, Role.PARTENAIRE)
def index() -> Any:
    """Every convention one may see, with places and money, and their total."""
    today = clock.today()
    everything = list(db().execute(queries.visible_to(person())).scalars())
    chosen = _period(request.args.get("periode"))
    shown = [c for c in everything if chosen is None or c.period_on(today) is chosen]
    accounts = queries.Accounts(db(), shown, today)
    number = page_number(request.args.get("page"))
    pages = max(1, -(-len(shown) // PAGE_SIZE))
    if number > pages:
        abort(404)
    here = shown[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return render_template(
        "conventions/index.html",
        pager=Pager(items=here, page=number, pages=pages, total=len(shown)),
        page_url=lambda page: url_for("conventions.index", periode=chosen, page=page),
        rows=[(c, c.period_on(today), accounts.of_convention(c)) for c in here],
        total=accounts.of_all(shown),
        total_amount=sum(c.montant_centimes for c in shown),
        periods=[(None, "Toutes", len(everything))]
        + [(p, _plural(p), sum(c.period_on(today) is p for c in everything)) for p in Period],
        chosen=chosen,
        badges=PERIODS,
        everything=len(everything),
        may_write=may_write(),
    )


@blueprint.route("/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new() -> Any:
    """Write a convention."""
    posted = request.method == "POST"
    form = ConventionForm(request.form if posted else None, data={"cle": str(uuid.uuid4())})
    form.structure_id.choices = _partners()
    if posted and form.validate():
        try:
            made = rules.create_convention(
                db(), _convention_values(form), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(
                f"La convention {made.numero} est enregistrée. Ajoutez-lui les actions qu’elle finance.",
                "success",
            )
            return redirect(url_for("conventions.show", convention_id=made.id), 303)
    page = render_template("conventions/new.html", form=form)
    return make_response(page, 422 if posted else 200)


@blueprint.get("/<uuid:convention_id>")
@allow(Role.CONVENTIONNEMENT, Role.PARTENAIRE)
def show(convention_id: uuid.UUID) -> Any:
    """One convention and its actions."""
    convention = visible(convention_id)
    today = clock.today()
    accounts = queries.Accounts(db(), [convention], today)
    period = convention.period_on(today)
    return render_template(
        "conventions/show.html",
        convention=convention,
        period=period,
        badge=PERIODS[period],
        financeurs=[financeur.label for financeur in Financeur if financeur in (convention.financeurs or ())],
        tally=accounts.of_convention(convention),
        rows=[(action, accounts.of_action(action)) for action in convention.actions],
        may_write=may_write(),
    )


@blueprint.route("/<uuid:convention_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit(convention_id: uuid.UUID) -> Any:
    """Change a convention."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = ConventionForm(request.form if posted else None, data=convention_as_typed(convention))
    form.structure_id.choices = _partners(convention)
    if posted and form.validate():
        try:
            rules.change_convention(db(), convention, _convention_values(form), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash("La convention est enregistrée.", "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template("conventions/edit.html", form=form, convention=convention)
    return make_response(page, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/actions/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_action(convention_id: uuid.UUID) -> Any:
    """Finance places on some offers of the partner."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = ActionForm(request.form if posted else None, data={"cle": str(uuid.uuid4())})
    form.offer_ids.choices = _offers(convention)
    if posted and form.validate():
        try:
            made = rules.create_action(
                db(), convention, _action_values(form), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash(f"L’action « {made.intitule} » est enregistrée.", "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template("conventions/new_action.html", form=form, convention=convention, helps=_helps())
    return make_response(page, 422 if posted else 200)


@blueprint.get("/<uuid:convention_id>/actions/<uuid:action_id>")
@allow(Role.CONVENTIONNEMENT, Role.PARTENAIRE)
def action(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """The ledger of an action: each movement of a place, and where it left the tallies."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    accounts = queries.Accounts(db(), [convention], clock.today())
    pager = paginate(
        db(),
        queries.ledger_of(found.id),
        page_number(request.args.get("page")),
        size=PAGE_SIZE,
    )
    newer = (pager.page - 1) * PAGE_SIZE
    return render_template(
        "conventions/action.html",
        convention=convention,
        action=found,
        tally=accounts.of_action(found),
        changes=[
            (line, line.at.astimezone(clock.PARIS).date())
            for line in reversed(ledger.changes_of(db(), found.id))
        ],
        pager=pager,
        lines=[
            (
                line.at.astimezone(clock.PARIS).date(),
                line.movement.label,
                short_reference(line.prescription_id),
                *tallies,
            )
            for line, *tallies in queries.with_tallies(db(), found.id, pager.items, newer=newer)
        ],
        page_url=lambda page: url_for(
            "conventions.action", convention_id=convention_id, action_id=action_id, page=page
        ),
        may_write=may_write(),
    )


@blueprint.route("/<uuid:convention_id>/actions/<uuid:action_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_action(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """Change an action."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    posted = request.method == "POST"
    form = ActionForm(request.form if posted else None, data=action_as_typed(found))
    form.offer_ids.choices = _offers(convention)
    if posted and form.validate():
        try:
            rules.change_action(db(), found, convention, _action_values(form), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            found = action_of(convention, action_id)
        else:
            db().commit()
            flash(f"L’action « {found.intitule} » est enregistrée.", "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template(
        "conventions/edit_action.html", form=form, convention=convention, action=found, helps=_helps()
    )
    return make_response(page, 422 if posted else 200)


def short_reference(prescription_id: uuid.UUID) -> str:
    """Return how a ledger names a prescription: the first eight characters of its id, in upper case."""
    return str(prescription_id)[:8].upper()


def _period(text: str | None) -> Period | None:
    if not text:
        return None
    try:
        return Period(text)
    except ValueError:
        abort(404)


def _plural(period: Period) -> str:
    return "Terminées" if period is Period.TERMINEE else period.label


def _partners(convention: Convention | None = None) -> list[SelectChoice]:
    """The published structures by name; the present partner is kept even when it was withdrawn since."""
    statement = structure_queries.published().order_by(None).order_by(col(Structure.nom), col(Structure.id))
    choices = [
        SelectChoice(str(structure.id), _name(structure)) for structure in db().execute(statement).scalars()
    ]
    if convention is None:
        return [SelectChoice("", "Choisir…"), *choices]
    present = SelectChoice(str(convention.structure_id), _name(convention.structure))
    return choices if present in choices else [present, *choices]


def _name(structure: Structure) -> str:
    # Networks have several establishments of one name.
    return f"{structure.nom} ({structure.commune})" if structure.commune else structure.nom


def _offers(convention: Convention) -> list[SelectChoice]:
    offers: list[Offer] = list(db().execute(queries.financeable(convention.structure_id)).scalars())
    return [
        SelectChoice(str(offer.id), offer.nom if offer.is_public else f"{offer.nom} (brouillon)")
        for offer in offers
    ]


def _helps() -> dict[str, str]:
    return {mode.value: mode.help for mode in PlaceMode}


def _convention_values(form: ConventionForm) -> dict[str, Any]:
    values = form.to_values()
    return {**values, "structure_id": uuid.UUID(values["structure_id"])}


def _action_values(form: ActionForm) -> dict[str, Any]:
    values = form.to_values()
    return {**values, "offer_ids": [uuid.UUID(text) for text in values["offer_ids"]]}
