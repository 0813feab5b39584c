"""The actions of a convention, and the ledger of each."""

import uuid
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from wtforms import SelectChoice

from portal import clock
from portal.accounts.models import Role
from portal.conventions import history, ledger, queries, rules, totals
from portal.conventions.forms import ActionForm, action_as_typed
from portal.conventions.models import Convention, FinancedAction, PlaceMode
from portal.conventions.views.blueprint import (
    READERS,
    action_of,
    blueprint,
    may_write,
    visible,
)
from portal.conventions.writing import is_open
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.offers.models import Offer
from portal.web.access import allow, has_role, person
from portal.web.conflicts import between
from portal.web.fields import new_key
from portal.web.pagination import page_number, paginate
from portal.web.session import db

PAGE_SIZE = 50


@blueprint.route("/<uuid:convention_id>/actions/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_action(convention_id: uuid.UUID) -> Any:
    """Finance places on some offers of the partner."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = ActionForm(request.form if posted else None, data={"cle": new_key()})
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
@allow(*READERS)
def action(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """The ledger of an action: each movement of a place, and where it left the tallies."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    tally = totals.Accounts(db(), [convention], clock.today()).of_action(found)
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
        tally=tally,
        changes=[
            (line, line.at.astimezone(clock.PARIS).date())
            for line in reversed(ledger.changes_of(db(), found.id))
        ],
        pager=pager,
        lines=[
            (
                line.at.astimezone(clock.PARIS).date(),
                line.movement.label,
                line.motif if line.motif and line.motif.startswith("Reportée") else None,
                short_reference(line.prescription_id),
                *tallies,
            )
            for line, *tallies in queries.with_tallies(
                db(),
                found.id,
                pager.items,
                newer=newer,
                now=(tally.retenues, tally.occupees, tally.utilisees),
            )
        ],
        page_url=lambda page: url_for(
            "conventions.action", convention_id=convention_id, action_id=action_id, page=page
        ),
        # Followed line after line, a reference tells somebody's course: those who do not know whom it is need none.
        references=not has_role(Role.ETAT),
        standing=convention.standing_on(clock.today()),
        may_write=may_write() and is_open(convention),
    )


@blueprint.route("/<uuid:convention_id>/actions/<uuid:action_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_action(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """Change an action."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    posted = request.method == "POST"
    if posted and "cle" not in request.form:
        # Starting over after a conflict.
        return redirect(
            url_for("conventions.edit_action", convention_id=convention_id, action_id=action_id), 303
        )
    form = _saved(convention, found, request.form if posted else None)
    conflict = None
    if posted and form.validate():
        try:
            rules.change_action(
                db(), found, convention, _action_values(form), by=person(), seen=form.version.data or None
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            found = action_of(convention, action_id)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(form, _saved(convention, found), history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"L’action « {found.intitule} » est enregistrée.", "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template(
        "conventions/edit_action.html",
        form=form,
        convention=convention,
        action=found,
        helps=_helps(),
        conflict=conflict,
    )
    return make_response(page, 409 if conflict else 422 if posted else 200)


def short_reference(prescription_id: uuid.UUID) -> str:
    """Return how a ledger names a prescription: the first eight characters of its id, in upper case."""
    return str(prescription_id)[:8].upper()


def _offers(convention: Convention) -> list[SelectChoice]:
    offers: list[Offer] = list(db().execute(queries.financeable(convention.structure_id)).scalars())
    return [
        SelectChoice(
            str(offer.id), offer.nom if offer.is_public else f"{offer.nom} ({offer.state.label.lower()})"
        )
        for offer in offers
    ]


def _saved(convention: Convention, found: FinancedAction, sent: Any = None) -> ActionForm:
    """Return the form of an action as it is saved now, beneath what was `sent`."""
    form = ActionForm(sent, data={**action_as_typed(found), "version": rules.print_of(db(), found)})
    form.offer_ids.choices = _offers(convention)
    return form


def _helps() -> dict[str, str]:
    return {mode.value: mode.help for mode in PlaceMode}


def _action_values(form: ActionForm) -> dict[str, Any]:
    values = form.to_values()
    return {**values, "offer_ids": [uuid.UUID(text) for text in values["offer_ids"]]}
