"""A convention with the State is signed, closed, opened again, ended before its time."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import agreement, closing
from portal.budget.agreement_forms import CloseForm, ReopenForm, SignForm, TerminateForm
from portal.budget.models import StateConvention, Volet
from portal.budget.terms import terms_on
from portal.budget.views.blueprint import blueprint, visible
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.fields import Versioned
from portal.web.session import db

_Verb = Callable[[StateConvention, Any], None]


@blueprint.route("/<uuid:convention_id>/signer", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def sign(convention_id: uuid.UUID) -> Any:
    """Write on which day a draft was signed."""

    def verb(convention: StateConvention, form: SignForm) -> None:
        agreement.sign(db(), convention, signe_le=form.signe_le.data, by=person(), version=form.opened())

    return _act(convention_id, SignForm, "budget/sign.html", verb, "La convention est signée.")


@blueprint.route("/<uuid:convention_id>/clore", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def close(convention_id: uuid.UUID) -> Any:
    """Close a convention that is over."""

    def verb(convention: StateConvention, form: CloseForm) -> None:
        agreement.close(db(), convention, motif=form.motif.data, by=person(), version=form.opened())

    return _act(convention_id, CloseForm, "budget/close.html", verb, "La convention est close.")


@blueprint.route("/<uuid:convention_id>/rouvrir", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def reopen(convention_id: uuid.UUID) -> Any:
    """Open a closed convention again."""

    def verb(convention: StateConvention, form: ReopenForm) -> None:
        agreement.reopen(db(), convention, motif=form.motif.data or "", by=person(), version=form.opened())

    return _act(convention_id, ReopenForm, "budget/reopen.html", verb, "La convention est rouverte.")


@blueprint.route("/<uuid:convention_id>/resilier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def terminate(convention_id: uuid.UUID) -> Any:
    """End a convention before its time."""

    def verb(convention: StateConvention, form: TerminateForm) -> None:
        agreement.terminate(
            db(),
            convention,
            last_day=form.resiliee_le.data,
            motif=form.motif.data or "",
            by=person(),
            version=form.opened(),
        )

    return _act(convention_id, TerminateForm, "budget/terminate.html", verb, "La convention est résiliée.")


def _act(convention_id: uuid.UUID, form_class: type[Versioned], template: str, verb: _Verb, said: str) -> Any:
    """Ask what an act needs, do it, and say it; what is refused is said on the same page, nothing typed being lost."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = form_class(request.form if posted else None, data={"version": str(convention.version)})
    if posted and form.validate():
        try:
            verb(convention, form)
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            form.refuse(broken.field, broken.message)
            if isinstance(broken, ChangedMeanwhile):
                # Read again, it may be confirmed: the page below says what it is now.
                form.version.data = str(convention.version)
        else:
            db().commit()
            flash(said, "success")
            return redirect(url_for("budget.show", convention_id=convention_id), 303)
    page = render_template(
        template,
        form=form,
        convention=convention,
        terms=terms_on(db(), convention, None),
        standing=convention.standing_on(clock.today()),
        last_grace=convention.date_fin + timedelta(days=convention.grace_jours),
        today=clock.today(),
        volets=list(Volet),
        draft_amendment=agreement.draft_amendment(db(), convention),
        left_open=closing.left_open(db(), convention) if form_class is CloseForm else [],
    )
    return make_response(page, 422 if posted else 200)
