"""The conventions with the State: their list, one of them as it stood on a day, its history; a draft written and changed."""

import uuid
from datetime import timedelta
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from stdnum import iban

from portal import clock
from portal.accounts.models import Role
from portal.budget import agreement, amendments, history, papers, queries
from portal.budget.accounts import gaps, of_all
from portal.budget.agreement_forms import (
    IdentityForm,
    MovingForm,
    NewConventionForm,
    OnDayForm,
    as_typed,
    defaults,
)
from portal.budget.models import StateConvention, Volet
from portal.budget.terms import texts_of, totals_on
from portal.budget.views.blueprint import READERS, blueprint, may_write, reads_drafts, visible
from portal.budget.views.history_lines import rows_of
from portal.budget.views.sections import Opened, links_of, sections_of
from portal.conventions.states import BADGES, ConventionState, Standing, in_grace
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, has_role, person
from portal.web.conflicts import Conflict, between
from portal.web.pagination import page_number, pages_of, paginate
from portal.web.session import db

_RECENT = 8
_PER_PAGE = 50


@blueprint.get("")
@allow(*READERS)
def index() -> Any:
    """The conventions that the person may see, the newest first, with what they say today."""
    today = clock.today()
    chosen = _standing(request.args.get("etat"))
    counts = queries.counts(db(), person(), today)
    pager = paginate(
        db(),
        queries.standing_as(queries.visible_to(person()), chosen, today),
        page_number(request.args.get("page")),
        size=_PER_PAGE,
    )
    totals = totals_on(db(), pager.items, today)
    watched = queries.with_a_year_corrected(db(), person())
    told = of_all(db(), watched, today) if watched else {}
    rows = [(c, c.standing_on(today), totals[c.id]) for c in pager.items]
    return render_template(
        "budget/index.html",
        rows=rows,
        pager=pager,
        page_url=pages_of(request),
        badges=BADGES,
        standings=[(standing, counts[standing]) for standing in Standing if counts.get(standing)],
        everything=sum(counts.values()),
        chosen=chosen,
        may_write=may_write(),
        watched=[(convention, found) for convention in watched if (found := gaps(told[convention.id]))],
        asks_correction=has_role(Role.ETAT),
        waiting=db().execute(queries.bilans_waiting(person())).all(),
    )


@blueprint.get("/<uuid:convention_id>")
@allow(*READERS)
def show(convention_id: uuid.UUID) -> Any:
    """One convention: who, what, how much by volet and year, as it stands today or stood on a chosen day."""
    convention = visible(convention_id)
    today = clock.today()
    asked = OnDayForm(request.args)
    chosen = asked.le.data if asked.validate() else None
    wrong = next(iter(asked.le.errors), None)
    day = chosen or today
    texts = texts_of(db(), [convention])[convention.id]
    draft = convention.state is ConventionState.BROUILLON
    terms = texts.on(None if draft else day)
    standing = convention.standing_on(today)
    opened = Opened(convention, terms, day, today, may_write())
    recent = history.lines(db(), convention, *_readable_lines(), limit=_RECENT + 1)
    last_grace = convention.date_fin + timedelta(days=convention.grace_jours)
    page = render_template(
        "budget/show.html",
        convention=convention,
        terms=terms,
        amendments=[a for a in texts.amendments if may_write() or a.signe_le is not None],
        draft_amendment=next((a for a in texts.amendments if a.numero and a.signe_le is None), None),
        stuck=amendments.why_not_signed(convention, today),
        day=day,
        chosen=chosen,
        wrong=wrong,
        typed_day=request.args.get("le", "")[:20],
        today=today,
        standing=standing,
        badge=BADGES[standing],
        grace=last_grace
        if standing is Standing.ECHUE or convention.state is ConventionState.RESILIEE
        else None,
        graced=in_grace(standing, convention.date_fin, convention.grace_jours, today),
        volets=list(Volet),
        documents=papers.of(db(), convention),
        history=[(line, who, rows_of(line.detail or {})) for line, who in recent[:_RECENT]],
        more_history=len(recent) > _RECENT,
        sections=sections_of(opened),
        pages_of_convention=links_of(opened),
        may_write=may_write(),
        iban=iban.format(convention.iban) if sees_bank() and convention.iban else None,
        sees_bank=sees_bank(),
        lives=ConventionState,
    )
    return make_response(page, 422 if wrong else 200)


@blueprint.get("/<uuid:convention_id>/historique")
@allow(*READERS)
def history_of(convention_id: uuid.UUID) -> Any:
    """Every change of a convention: who, when, why."""
    convention = visible(convention_id)
    pager = paginate(
        db(),
        history.statement(convention).where(*_readable_lines()),
        page_number(request.args.get("page")),
        size=_PER_PAGE,
        scalars=False,
    )
    return render_template(
        "budget/history.html",
        convention=convention,
        history=[
            (line, who.full_name if who else None, rows_of(line.detail or {})) for line, who in pager.items
        ],
        pager=pager,
        page_url=pages_of(request),
    )


@blueprint.route("/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new() -> Any:
    """Write the draft of a convention; its amounts come next."""
    posted = request.method == "POST"
    form = NewConventionForm(request.form if posted else None, data=defaults())
    if posted and form.validate():
        try:
            made = agreement.create(
                db(),
                form.to_values(),
                objet=form.objet.data,
                cible=form.cible.data or None,
                by=person(),
                id=uuid.UUID(form.cle.data),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(
                "Le brouillon est enregistré. Écrivez maintenant les montants par année et par volet.",
                "success",
            )
            return redirect(url_for("budget.edit_amendment", convention_id=made.id, numero=0), 303)
    return make_response(
        render_template("budget/form.html", form=form, convention=None, conflict=None), 422 if posted else 200
    )


@blueprint.route("/<uuid:convention_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit(convention_id: uuid.UUID) -> Any:
    """Change a convention: everything of a draft, what no avenant changes once it is signed."""
    convention = visible(convention_id)
    if request.method == "POST" and "version" not in request.form:
        # "Start over from what is saved."
        return redirect(request.path, 303)
    posted = request.method == "POST"
    form = _form(request.form if posted else None, convention)
    conflict: Conflict | None = None
    if posted and form.validate():
        try:
            agreement.change(db(), convention, form.to_values(), by=person(), version=form.opened())
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            if isinstance(broken, ChangedMeanwhile):
                saved = type(form)(None, data=as_typed(convention))
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La convention est enregistrée.", "success")
            return redirect(url_for("budget.show", convention_id=convention_id), 303)
    page = render_template("budget/form.html", form=form, convention=convention, conflict=conflict)
    return make_response(page, 409 if conflict else 422 if posted else 200)


def _readable_lines() -> list[Any]:
    return [] if reads_drafts() else [history.without_drafts()]


def sees_bank() -> bool:
    """Say whether the person of this request sees bank details: officers and the State's services only."""
    return has_role(Role.CONVENTIONNEMENT, Role.ETAT)


def _form(formdata: Any, convention: StateConvention) -> MovingForm:
    """Return the form of what may be changed; what an old page of the draft still sends is read as a draft's."""
    whole = convention.state is ConventionState.BROUILLON or (formdata is not None and "numero" in formdata)
    return (IdentityForm if whole else MovingForm)(formdata, data=as_typed(convention))


def _standing(text: str | None) -> Standing | None:
    try:
        return Standing(text) if text else None
    except ValueError:
        return None
