"""Conventions: written by the officer, read by the partner they are signed with and by the State's services."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, func, select
from werkzeug.exceptions import NotFound
from wtforms import SelectChoice

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, history, ledger, papers, payments, queries, reports, rules, totals
from portal.conventions.forms import ConventionForm, convention_as_typed
from portal.conventions.models import Convention, Financeur
from portal.conventions.states import BADGES, ConventionState, Standing
from portal.conventions.views.blueprint import (
    READERS,
    blueprint,
    history_of,
    may_write,
    thrown_away,
    visible,
)
from portal.conventions.writing import grace_left, is_open, renewal_of
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.access import allow, person
from portal.web.conflicts import between
from portal.web.fields import PastDayForm, new_key
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# A page with its places and its money is rendered within the house's limit at this size.
PAGE_SIZE = 20

# Addresses that the list had, and where they lead now.
_FORMER = {"en-cours": Standing.ACTIVE, "a-venir": Standing.SIGNEE, "terminees": Standing.ECHUE}
_PLURALS = {
    Standing.BROUILLON: "Brouillons",
    Standing.SIGNEE: "À venir",
    Standing.ACTIVE: "Actives",
    Standing.ECHUE: "Échues",
    Standing.CLOSE: "Closes",
    Standing.RESILIEE: "Résiliées",
}


@blueprint.get("", strict_slashes=False)
@allow(*READERS)
def index() -> Any:
    """The conventions one may see, with places and money, and the total of the page or, asked for, of all."""
    former = request.args.get("periode")
    if former:
        if former not in _FORMER:
            abort(404)
        return redirect(url_for("conventions.index", etat=_FORMER[former].value), 302)
    today = clock.today()
    user = person()
    chosen = _standing(request.args.get("etat"))
    numbers = queries.number_by_standing(db(), user, today)
    statement = queries.listed(user, chosen, today)
    total = numbers[chosen] if chosen else sum(numbers.values())
    pager = paginate(db(), statement, page_number(request.args.get("page")), size=PAGE_SIZE, total=total)
    ids = [convention.id for convention in pager.items]
    accounts = totals.ListAccounts(db(), ids, today)
    amended = totals.amounts_on(db(), ids, today)
    rows = [
        (c, c.standing_on(today), accounts.of(c.id), c.montant_centimes + amended.get(c.id, 0))
        for c in pager.items
    ]
    whole, amount = (
        accounts.total,
        sum(row[3] for row in rows if row[0].state is not ConventionState.BROUILLON),
    )
    everything = pager.pages > 1 and request.args.get("total") == "oui"
    if everything:
        mine = _ids(user, chosen, today)
        whole = totals.ListAccounts(db(), mine, today).total
        amount = _amount(mine, today)
    return render_template(
        "conventions/index.html",
        pager=pager,
        page_url=lambda page: url_for(
            "conventions.index", etat=chosen, page=page, total="oui" if everything else None
        ),
        rows=rows,
        total=whole,
        total_amount=amount,
        total_of_all=everything or pager.pages == 1,
        drafts=sum(c.state is ConventionState.BROUILLON for c in pager.items),
        standings=[(None, "Toutes", sum(numbers.values()))]
        + [(s, _PLURALS[s], number) for s, number in numbers.items() if number or s is chosen],
        chosen=chosen,
        badges=BADGES,
        everything=sum(numbers.values()),
        to_close=numbers[Standing.ECHUE] if may_write() else 0,
        may_write=may_write(),
        is_partner=user.role is Role.PARTENAIRE,
    )


@blueprint.route("/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new() -> Any:
    """Write a convention."""
    posted = request.method == "POST"
    form = ConventionForm(request.form if posted else None, data={"cle": new_key()})
    form.structure_id.choices = _partners()
    if posted and form.validate():
        try:
            made = rules.create_convention(
                db(), _convention_values(form), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            if isinstance(broken, AlreadyDone):
                # Sent again, what was typed makes another draft.
                form.cle.data, form.cle.raw_data = new_key(), None
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
@allow(*READERS)
def show(convention_id: uuid.UUID) -> Any:
    """One convention and its actions, as it stands or as it stood on the day asked for."""
    try:
        convention = visible(convention_id)
    except NotFound:
        gone = thrown_away(convention_id)
        if gone is None:
            raise
        return render_template("conventions/discarded.html", history=history_of(gone))
    today = clock.today()
    form = PastDayForm(request.args)
    asked = form.le.data if form.le.raw_data and form.validate() else None
    accounts = totals.Accounts(db(), [convention], today)
    standing = convention.standing_on(today)
    written = amendments.of_convention(db(), convention.id)
    terms = amendments.terms_on(db(), convention, asked or today, written)
    then = ledger.places_of_actions(db(), convention.actions, asked) if asked else {}
    page = render_template(
        "conventions/show.html",
        convention=convention,
        standing=standing,
        badge=BADGES[standing],
        financeurs=[financeur.label for financeur in Financeur if financeur in (convention.financeurs or ())],
        tally=accounts.of_convention(convention),
        rows=[(action, accounts.of_action(action)) for action in convention.actions],
        amount=amendments.amount_on(convention, written, today),
        amendments=written,
        places_changed=amendments.places_of(db(), [one.id for one in written]),
        form=form,
        asked=asked,
        terms=terms,
        then=[(action, then[action.id]) for action in convention.actions] if asked else [],
        former=db().get(Convention, convention.renouvelle_id) if convention.renouvelle_id else None,
        following=_following(convention),
        grace=grace_left(convention, today),
        changes=is_open(convention, today),
        papers=papers.of_convention(db(), convention.id),
        reports=reports.of_convention(db(), convention.id),
        payments=payments.of_convention(db(), convention.id),
        action_names={action.id: action.intitule for action in convention.actions},
        history=_history(convention),
        today=today,
        may_write=may_write(),
        is_partner=_is_partner(),
    )
    return make_response(page, 422 if form.le.raw_data and form.errors else 200)


@blueprint.route("/<uuid:convention_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit(convention_id: uuid.UUID) -> Any:
    """Change a draft, or correct a signed convention."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    if posted and "cle" not in request.form:
        # Starting over after a conflict.
        return redirect(url_for("conventions.edit", convention_id=convention_id), 303)
    form = ConventionForm(request.form if posted else None, data=convention_as_typed(convention))
    form.structure_id.choices = _partners(convention)
    conflict = None
    if posted and form.validate():
        try:
            rules.change_convention(
                db(),
                convention,
                _convention_values(form),
                by=person(),
                version=form.opened(),
                motif=form.motif.data,
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            if isinstance(broken, ChangedMeanwhile):
                # Why it changes is no answer that somebody else gave.
                saved = ConventionForm(
                    None, data=convention_as_typed(convention) | {"motif": form.motif.data}
                )
                saved.structure_id.choices = _partners(convention)
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La convention est enregistrée.", "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template(
        "conventions/edit.html",
        form=form,
        convention=convention,
        conflict=conflict,
        changes=is_open(convention),
        closed=convention.state in {ConventionState.CLOSE, ConventionState.RESILIEE},
        posted=posted,
    )
    return make_response(page, 409 if conflict else 422 if posted else 200)


def _standing(text: str | None) -> Standing | None:
    if not text:
        return None
    try:
        return Standing(text)
    except ValueError:
        abort(404)


def _ids(user: Any, chosen: Standing | None, today: Any) -> Any:
    statement = queries.listed(user, chosen, today).order_by(None)
    return statement.with_only_columns(col(Convention.id))


def _amount(mine: Any, today: Any) -> int:
    """Return the cents of these conventions together, drafts apart."""
    signed = select(func.coalesce(func.sum(Convention.montant_centimes), 0)).where(
        col(Convention.id).in_(mine), col(Convention.state) != ConventionState.BROUILLON
    )
    return int(db().execute(signed).scalar_one()) + sum(totals.amounts_on(db(), mine, today).values())


def _following(convention: Convention) -> Convention | None:
    found = renewal_of(db(), convention.id)
    # A partner does not see what is not signed yet.
    return None if found and not may_write() and found.state is ConventionState.BROUILLON else found


def _history(convention: Convention) -> list[Any]:
    """The history as the person of this request reads it: the partner has none of it."""
    if _is_partner():
        return []
    return history_of(convention, *([] if may_write() else [history.without_drafts()]))


def _is_partner() -> bool:
    return person().role is Role.PARTENAIRE


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


def _convention_values(form: ConventionForm) -> dict[str, Any]:
    values = form.to_values()
    return {**values, "structure_id": uuid.UUID(values["structure_id"])}
