"""A convention is signed, closed, opened again, ended before its time, or its draft thrown away; those over are closed one tick each."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import endings, life, renewal
from portal.conventions.life_forms import CloseForm, DiscardForm, ReopenForm, SignForm, TerminateForm
from portal.conventions.models import Convention
from portal.conventions.views.blueprint import blueprint, thrown_away, visible
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.fields import Versioned
from portal.web.formats import count
from portal.web.session import db

# Conventions to close that one page shows; the others come once these are closed.
_SHOWN = 20


@blueprint.route("/<uuid:convention_id>/signer", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def sign(convention_id: uuid.UUID) -> Any:
    """Write on which day a draft was signed."""

    def verb(convention: Convention, form: Versioned) -> None:
        life.sign(db(), convention, signee_le=form["signee_le"].data, by=person(), version=form.opened())

    def said(convention: Convention) -> str:
        if clock.today() < convention.date_debut:
            return f"La convention est signée. Ses places compteront à partir du {convention.date_debut:%d/%m/%Y}."
        return "La convention est signée. Ses places comptent dès maintenant."

    return _act(convention_id, SignForm, "conventions/sign.html", verb, said)


@blueprint.route("/<uuid:convention_id>/clore", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def close(convention_id: uuid.UUID) -> Any:
    """Close a convention that is over."""

    def verb(convention: Convention, form: Versioned) -> None:
        life.close(db(), convention, by=person(), motif=form["motif"].data, version=form.opened())

    return _act(
        convention_id, CloseForm, "conventions/close.html", verb, lambda _: "La convention est close."
    )


@blueprint.route("/<uuid:convention_id>/rouvrir", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def reopen(convention_id: uuid.UUID) -> Any:
    """Open a closed convention again."""

    def verb(convention: Convention, form: Versioned) -> None:
        life.reopen(db(), convention, motif=form["motif"].data or "", by=person(), version=form.opened())

    return _act(
        convention_id, ReopenForm, "conventions/reopen.html", verb, lambda _: "La convention est rouverte."
    )


@blueprint.route("/<uuid:convention_id>/resilier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def terminate(convention_id: uuid.UUID) -> Any:
    """End a convention before its time; the page says first what becomes of the people who are in it."""

    def verb(convention: Convention, form: Versioned) -> None:
        life.terminate(
            db(),
            convention,
            last_day=form["resiliee_le"].data,
            motif=form["motif"].data or "",
            by=person(),
            version=form.opened(),
        )

    def said(convention: Convention) -> str:
        return f"La convention est résiliée : son dernier jour est le {convention.date_fin:%d/%m/%Y}."

    return _act(convention_id, TerminateForm, "conventions/terminate.html", verb, said)


@blueprint.route("/<uuid:convention_id>/supprimer", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def discard(convention_id: uuid.UUID) -> Any:
    """Throw a draft away; the page says first what goes with it."""
    if thrown_away(convention_id) is not None:
        # Pressed twice, or thrown away by another: its page says by whom.
        return redirect(url_for("conventions.show", convention_id=convention_id), 303)

    def verb(convention: Convention, form: Versioned) -> None:
        life.discard(db(), convention, by=person(), motif=form["motif"].data, version=form.opened())

    return _act(
        convention_id, DiscardForm, "conventions/discard.html", verb, lambda _: "Le brouillon est supprimé."
    )


@blueprint.route("/a-clore", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def to_close() -> Any:
    """The conventions that are over and not closed: those that somebody ticks are closed, and no other."""
    wrong = None
    if request.method == "POST":
        ids = [id for id in (_uuid(text) for text in request.form.getlist("convention")) if id is not None]
        if not ids:
            wrong = "Cochez d’abord les conventions à clore."
        else:
            closed = life.close_several(db(), ids, by=person())
            db().commit()
            if closed:
                flash(f"{count(len(closed), 'convention close', 'conventions closes')}.", "success")
            if len(closed) < len(ids):
                flash("Les autres étaient déjà closes, ou ne sont plus échues.", "info")
            return redirect(url_for("conventions.to_close"), 303)
    today = clock.today()
    rows = endings.to_close(db(), today, _SHOWN)
    page = render_template("conventions/to_close.html", rows=rows, today=today, wrong=wrong, shown=_SHOWN)
    return make_response(page, 422 if wrong else 200)


def _act(
    convention_id: uuid.UUID,
    form_class: type[Versioned],
    template: str,
    verb: Callable[[Convention, Versioned], None],
    said: Callable[[Convention], str],
) -> Any:
    """Ask what an act needs, do it, and say it; what is refused is said on the same page, nothing typed being lost."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = form_class(request.form if posted else None, data={"version": convention.version})
    if posted and form.validate():
        try:
            verb(convention, form)
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            form.refuse(broken.field, broken.message)
            if isinstance(broken, ChangedMeanwhile):
                # Read again, it may be confirmed: the page below says what it is now.
                form["version"].data = str(convention.version)
        else:
            db().commit()
            flash(said(convention), "success")
            return redirect(url_for("conventions.show", convention_id=convention_id), 303)
    page = render_template(
        template,
        form=form,
        convention=convention,
        standing=convention.standing_on(clock.today()),
        present=life.present(db(), convention),
        today=clock.today(),
        continuing=renewal.people_to_carry(db(), convention),
    )
    return make_response(page, 422 if posted else 200)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
