"""Bilans: the list, the parts, handing in, the two readers."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import bilan_parts, bilan_reading, bilan_writing, bilans, history, letters, papers
from portal.budget.bilan_forms import CorrectionForm, MarkForm, PartForm, part_as_typed
from portal.budget.bilan_models import Bilan, BilanKind, BilanState, Mark
from portal.budget.bilans import PartState
from portal.budget.handed_in import Gap
from portal.budget.models import StateConvention, Volet
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.expenses import LINES_AT_ONCE
from portal.budget.views.sections import link
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.web.access import allow, has_role, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import posted_version
from portal.web.session import db

link(40, "Bilans", "budget.bilans")

_KEYS = ",".join(
    f'"{key}"'
    for key in (
        bilan_parts.SYNTHESE,
        *(f"volet-{volet.value}" for volet in Volet),
        bilan_parts.DEPENSES,
        bilan_parts.COMPTES,
        bilan_parts.PLAN,
        bilan_parts.FICHES,
        bilan_parts.PLACES,
        bilan_parts.PIECES,
    )
)
_PART = f"/<uuid:convention_id>/bilans/<uuid:bilan_id>/parties/<any({_KEYS}):part>"
# Parts that tell the accounts of years, which a correction of another bilan may change.
_TOLD_BY_YEAR = {bilan_parts.SYNTHESE, bilan_parts.DEPENSES, bilan_parts.COMPTES}
_CHANGED = "Ce bilan a changé entre-temps : relisez-le."


@blueprint.get("/<uuid:convention_id>/bilans", endpoint="bilans")
@allow(*READERS)
def list_bilans(convention_id: uuid.UUID) -> Any:
    """The bilans of a convention: due when, and where each stands."""
    convention = visible(convention_id)
    return render_template(
        "budget/bilans.html",
        convention=convention,
        expected=bilans.expected(db(), convention, clock.today()),
        today=clock.today(),
        may_write=may_write(),
    )


@blueprint.post(
    "/<uuid:convention_id>/bilans/<int:annee>/<any(intermediaire,final):kind>/commencer",
)
@allow(Role.CONVENTIONNEMENT)
def begin_bilan(convention_id: uuid.UUID, annee: int, kind: str) -> Any:
    """Begin a bilan, or open the one that is there."""
    convention = visible(convention_id)
    try:
        bilan = bilan_writing.begin(db(), convention, annee, BilanKind(kind), by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("budget.bilans", convention_id=convention_id), 303)
    db().commit()
    return redirect(_home(bilan), 303)


@blueprint.get("/<uuid:convention_id>/bilans/<uuid:bilan_id>", endpoint="bilan")
@allow(*READERS)
def show_bilan(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """A bilan: its parts and their state, who did what, what is left to do."""
    convention, bilan = _opened(convention_id, bilan_id)
    return _bilan_page(convention, bilan)


@blueprint.get(_PART)
@allow(*READERS)
def bilan_part(convention_id: uuid.UUID, bilan_id: uuid.UUID, part: str) -> Any:
    """A part: what the portal knows, what is written, what readers say."""
    convention, bilan = _opened(convention_id, bilan_id)
    return _part_page(convention, bilan, part)


@blueprint.post(_PART)
@allow(Role.CONVENTIONNEMENT)
def write_bilan_part(convention_id: uuid.UUID, bilan_id: uuid.UUID, part: str) -> Any:
    """Write a part."""
    convention, bilan = _opened(convention_id, bilan_id)
    if "version" not in request.form:
        return redirect(request.path, 303)
    form = PartForm(request.form)
    conflict = None
    if form.validate():
        try:
            bilan_writing.write_part(
                db(),
                bilan,
                convention,
                part,
                form.texte.data or "",
                bool(form.prete.data),
                by=person(),
                version=form.opened(),
            )
        except ChangedMeanwhile:
            db().rollback()
            convention, bilan = _opened(convention_id, bilan_id)
            state = _state(convention, bilan, part)
            conflict = between(
                form, PartForm(None, data=part_as_typed(state, "")), history.last(db(), convention)
            )
        except AlreadyDone as done:
            db().rollback()
            convention, bilan = _opened(convention_id, bilan_id)
            # What was typed is not lost: it is shown above what was handed in.
            flash(done.message, "warning")
        except RuleBroken as broken:
            db().rollback()
            convention, bilan = _opened(convention_id, bilan_id)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Cette partie est enregistrée.", "success")
            return redirect(_home(bilan), 303)
    return make_response(
        _part_page(convention, bilan, part, form=form, conflict=conflict), 409 if conflict else 422
    )


@blueprint.post(f"{_PART}/avis")
@allow(Role.ETAT)
def mark_bilan_part(convention_id: uuid.UUID, bilan_id: uuid.UUID, part: str) -> Any:
    """Write what a reader says of a part."""
    convention, bilan = _opened(convention_id, bilan_id)
    form = MarkForm(request.form)
    if form.validate():
        try:
            bilan_reading.mark_part(
                db(),
                bilan,
                convention,
                part,
                Mark(form.mark.data),
                form.commentaire.data or "",
                by=person(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention, bilan = _opened(convention_id, bilan_id)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Votre avis est enregistré.", "success")
            return redirect(_home(bilan), 303)
    return make_response(_part_page(convention, bilan, part, mark_form=form), 422)


@blueprint.post("/<uuid:convention_id>/bilans/<uuid:bilan_id>/remettre")
@allow(Role.CONVENTIONNEMENT)
def hand_in_bilan(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """Hand a bilan in to the State."""
    convention, bilan = _opened(convention_id, bilan_id)
    try:
        bilan_writing.hand_in(db(), bilan, convention, by=person(), version=posted_version())
        later = [gap for gap in bilans.gaps(db(), convention) if gap.annee == bilan.annee]
        letters.tell_handed_in(db(), bilan, convention, public_url=_public_url(), gaps=later)
    except ChangedMeanwhile:
        return _refused(bilan, _CHANGED)
    except AlreadyDone as done:
        return _refused(bilan, done.message, "info")
    except RuleBroken as broken:
        return _refused(bilan, broken.message)
    db().commit()
    flash(f"Le {bilan_parts.title_of(bilan).lower()} est remis à l’État.", "success")
    for gap in later:
        flash(f"Le {gap.title.lower()} est à corriger. {gap.sentence}", "warning")
    return redirect(_home(bilan), 303)


@blueprint.post("/<uuid:convention_id>/bilans/<uuid:bilan_id>/accepter")
@allow(Role.ETAT)
def accept_bilan(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """End the first reading, or settle the bilan."""
    convention, bilan = _opened(convention_id, bilan_id)
    try:
        bilan_reading.accept(db(), bilan, convention, by=person(), version=posted_version())
        if bilan.state is BilanState.ARRETE:
            letters.tell_read(db(), bilan, convention, public_url=_public_url())
    except ChangedMeanwhile:
        return _refused(bilan, _CHANGED)
    except AlreadyDone as done:
        return _refused(bilan, done.message, "info")
    except RuleBroken as broken:
        return _refused(bilan, broken.message)
    db().commit()
    flash(
        "Le bilan est arrêté."
        if bilan.state is BilanState.ARRETE
        else "Votre lecture est enregistrée. Une autre personne des services de l’État arrête le bilan.",
        "success",
    )
    return redirect(_home(bilan), 303)


@blueprint.route("/<uuid:convention_id>/bilans/<uuid:bilan_id>/corriger", methods=["GET", "POST"])
@allow(Role.ETAT)
def ask_bilan_correction(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """Ask the département for a correction."""
    convention, bilan = _opened(convention_id, bilan_id)
    posted = request.method == "POST"
    form = CorrectionForm(request.form if posted else None, data={"version": str(bilan.version)})
    if posted and form.validate():
        try:
            bilan_reading.ask_correction(
                db(), bilan, convention, form.demande.data or "", by=person(), version=form.opened()
            )
            letters.tell_correction(db(), bilan, convention, public_url=_public_url())
        except RuleBroken as broken:
            db().rollback()
            convention, bilan = _opened(convention_id, bilan_id)
            form.refuse(broken.field, _CHANGED if isinstance(broken, ChangedMeanwhile) else broken.message)
            if isinstance(broken, ChangedMeanwhile):
                # Read again, it may be sent: the page says where the bilan stands now.
                form.version.data = str(bilan.version)
        else:
            db().commit()
            flash("Votre demande est envoyée au département : il corrige, puis remet le bilan.", "success")
            return redirect(_home(bilan), 303)
    elif not posted and not _may_ask_correction(convention, bilan):
        flash("Ce bilan n’attend pas votre lecture.", "info")
        return redirect(_home(bilan), 303)
    page = render_template(
        "budget/bilan_correction.html",
        form=form,
        convention=convention,
        bilan=bilan,
        title=bilan_parts.title_of(bilan),
        marked=[state for state in _states(convention, bilan) if state.to_correct],
        gaps=_gaps_told_by(convention, bilan),
        later=[
            one.title
            for one in bilans.expected(db(), convention, clock.today())
            if one.annee > bilan.annee and not one.waits
        ],
    )
    return make_response(page, 422 if posted else 200)


def opened_for_files(
    convention_id: uuid.UUID, bilan_id: uuid.UUID
) -> tuple[StateConvention, Bilan, list[PartState]]:
    """Return what the files of a bilan are made of; 404 for the State while it is prepared."""
    convention, bilan = _opened(convention_id, bilan_id)
    if _hidden(bilan):
        abort(404)
    return convention, bilan, _states(convention, bilan)


def _opened(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> tuple[StateConvention, Bilan]:
    convention = visible(convention_id)
    return convention, bilans.one(db(), convention, bilan_id) or abort(404)


def _hidden(bilan: Bilan) -> bool:
    """What is being prepared is not for the State to read yet."""
    return bilan.state is BilanState.PREPARATION and has_role(Role.ETAT)


def _states(convention: StateConvention, bilan: Bilan) -> list[PartState]:
    return bilans.parts(db(), convention, bilan)


def _state(convention: StateConvention, bilan: Bilan, part: str) -> PartState:
    return next((state for state in _states(convention, bilan) if state.part.key == part), None) or abort(404)


def _bilan_page(convention: StateConvention, bilan: Bilan) -> Any:
    states = _states(convention, bilan)
    preparing = bilan.state is BilanState.PREPARATION
    expected = bilans.expected(db(), convention, clock.today())
    found = next(one for one in expected if one.bilan and one.bilan.id == bilan.id)
    # Only a bilan that is handed in may say what is no longer so: this one, or that of a year after it.
    told = not preparing or any(one.annee > bilan.annee and not one.waits for one in expected)
    gaps = (
        bilans.gaps(db(), convention, handing_in=bilan if preparing else None)
        if told and not _hidden(bilan)
        else []
    )
    return render_template(
        "budget/bilan.html",
        convention=convention,
        bilan=bilan,
        title=bilan_parts.title_of(bilan),
        expected=found,
        today=clock.today(),
        states=states,
        hidden=_hidden(bilan),
        missing=bilan_writing.missing(db(), convention, bilan, states) if preparing and may_write() else [],
        steps=bilans.steps(db(), convention, bilan),
        documents=papers.of(db(), convention, bilan_id=bilan.id),
        may_write=may_write(),
        may_read=bilan_reading.may_read(bilan, person()),
        gaps=[gap for gap in gaps if gap.bilan.id == bilan.id],
        later_gaps=[gap for gap in gaps if gap.annee == bilan.annee],
        asks_correction=has_role(Role.ETAT),
    )


def _part_page(
    convention: StateConvention,
    bilan: Bilan,
    part: str,
    *,
    form: PartForm | None = None,
    mark_form: MarkForm | None = None,
    conflict: Conflict | None = None,
) -> Any:
    if _hidden(bilan):
        abort(404)
    states = _states(convention, bilan)
    state = next((state for state in states if state.part.key == part), None) or abort(404)
    told = bilans.told_by(db(), convention, bilan, only=part)
    writing = may_write() and bilan.state is BilanState.PREPARATION
    if form is None and writing:
        form = PartForm(None, data=part_as_typed(state, bilan_parts.proposed(part, told)))
    reading = bilan_reading.may_read(bilan, person())
    if mark_form is None and reading:
        # What was asked of the former round is read above; the new one is marked afresh.
        mine = next((mark for mark, _, now in state.marks if now and mark.by_id == person().id), None)
        mark_form = MarkForm(
            None,
            data={
                "mark": mine.mark.value if mine else "",
                "commentaire": (mine.commentaire if mine else "") or "",
            },
        )
    lines = (
        sum(len(bilan_parts.lines_of(year)) for year in told["etats"]) if part == bilan_parts.DEPENSES else 0
    )
    return render_template(
        "budget/bilan_part.html",
        # The lines of long statements are shown nature by nature; their subtotals all at once.
        opened=request.args.get("nature", "")
        if lines > LINES_AT_ONCE and "tout" not in request.args
        else None,
        lines=lines,
        convention=convention,
        bilan=bilan,
        title=bilan_parts.title_of(bilan),
        state=state,
        told=told,
        form=form,
        writing=writing,
        reading=reading,
        mark_form=mark_form,
        conflict=conflict,
        lines_of=bilan_parts.lines_of,
        documents=papers.of(db(), convention, bilan_id=bilan.id) if part == bilan_parts.PIECES else [],
        gaps=_gaps_told_by(convention, bilan) if part in _TOLD_BY_YEAR else [],
        asks_correction=has_role(Role.ETAT),
        may_write=may_write(),
    )


def _gaps_told_by(convention: StateConvention, bilan: Bilan) -> list[Gap]:
    if bilan.state is BilanState.PREPARATION:
        return []
    return [gap for gap in bilans.gaps(db(), convention) if gap.bilan.id == bilan.id]


def _may_ask_correction(convention: StateConvention, bilan: Bilan) -> bool:
    return bilan_reading.may_read(bilan, person()) or bool(_gaps_told_by(convention, bilan))


def _refused(bilan: Bilan, message: str, kind: str = "warning") -> Any:
    home = _home(bilan)
    db().rollback()
    flash(message, kind)
    return redirect(home, 303)


def _home(bilan: Bilan) -> str:
    return url_for("budget.bilan", convention_id=bilan.convention_id, bilan_id=bilan.id)


def _public_url() -> str:
    found: str = current_app.config["PORTAL"].public_url
    return found
