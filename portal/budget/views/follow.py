"""The follow of actions, at any date: of one, of a convention, of all those that run and are to be watched."""

import uuid
from datetime import date
from typing import Any

from flask import Response, abort, make_response, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import follow, follow_files
from portal.budget.follow import ActionFollow, Reason
from portal.budget.projection import WINDOW
from portal.budget.views.partners import READERS, blueprint, is_partner, may_write, visible
from portal.conventions import amendments
from portal.conventions.models import Convention, PlaceMode
from portal.web.access import allow, person
from portal.web.fields import PastDayForm
from portal.web.pagination import Pager, page_number, paginate
from portal.web.session import db

PAGE_SIZE = 15
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Those who look at all actions together.
_WATCHERS = (Role.CONVENTIONNEMENT, Role.ETAT)


@blueprint.get("/<uuid:convention_id>/suivi")
@allow(*READERS)
def convention(convention_id: uuid.UUID) -> Any:
    """The actions of a convention at the end of a day: places, pace, money."""
    found = visible(convention_id)
    form, day = _day()
    follows = _of(found, day)
    amount = amendments.amount_on(found, amendments.of_convention(db(), found.id), day)
    page = render_template(
        "budget/follow.html",
        convention=found,
        form=form,
        day=day,
        today=clock.today(),
        follows=follows,
        money=follow.of_convention(db(), found, follows, amount, day),
        outlook=follow_files.outlook,
        window=WINDOW,
        tiny=follow.TINY,
        is_partner=is_partner(),
    )
    return make_response(page, 422 if form.errors else 200)


@blueprint.get("/<uuid:convention_id>/suivi.<any(csv,xlsx):kind>")
@allow(*READERS)
def convention_file(convention_id: uuid.UUID, kind: str) -> Response:
    """The same as a file."""
    found = visible(convention_id)
    _, day = _day()
    return _file(_of(found, day), day, kind, f"suivi-{day:%Y-%m-%d}")


@blueprint.get("/<uuid:convention_id>/actions/<uuid:action_id>/suivi")
@allow(*READERS)
def action(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """One action at the end of a day."""
    found = visible(convention_id)
    one = next((one for one in found.actions if one.id == action_id), None)
    if one is None:
        abort(404)
    form, day = _day()
    page = render_template(
        "budget/follow_action.html",
        convention=found,
        form=form,
        day=day,
        today=clock.today(),
        follow=follow.of_actions(db(), [(one, found, found.structure.nom)], day)[0],
        outlook=follow_files.outlook,
        tiny=follow.TINY,
    )
    return make_response(page, 422 if form.errors else 200)


@blueprint.get("/a-surveiller")
@allow(*_WATCHERS)
def watch() -> Any:
    """The actions that run, those that end first before the others; a filter keeps those to be watched."""
    today = clock.today()
    words, mode, reason = _filters()
    statement = follow.running(person(), today, words=words, mode=mode)
    number = page_number(request.args.get("page"))
    if reason is None:
        pager = paginate(db(), statement, number, size=PAGE_SIZE, scalars=False)
        follows = follow.of_actions(db(), [tuple(row) for row in pager.items], today)
    else:
        # Known only once each action is worked out: more to read, as many statements.
        chosen = follow.watched(
            _all(statement, today, whole=False), reason if isinstance(reason, Reason) else None
        )
        pages = max(1, -(-len(chosen) // PAGE_SIZE))
        if number > pages:
            abort(404)
        shown = chosen[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        follows = follow.of_actions(
            db(), [(one.action, one.convention, one.structure) for one in shown], today
        )
        pager = Pager(items=follows, page=number, pages=pages, total=len(chosen))
    kept: dict[str, Any] = {
        "mots": words or None,
        "mode": mode.value if mode else None,
        "raison": getattr(reason, "value", reason),
    }
    return render_template(
        "budget/watch.html",
        pager=pager,
        page_url=lambda page: url_for("follow.watch", **kept, page=page),
        file_url=lambda kind: url_for("follow.watch_file", **kept, kind=kind),
        follows=follows,
        outlook=follow_files.outlook,
        words=words,
        mode=mode,
        modes=list(PlaceMode),
        reason=kept["raison"],
        reasons=list(Reason),
        tiny=follow.TINY,
        window=WINDOW,
        today=today,
        may_write=may_write(),
    )


@blueprint.get("/a-surveiller.<any(csv,xlsx):kind>")
@allow(*_WATCHERS)
def watch_file(kind: str) -> Response:
    """The same list, whole, as a file."""
    today = clock.today()
    words, mode, reason = _filters()
    follows = _all(follow.running(person(), today, words=words, mode=mode), today)
    if reason is not None:
        follows = follow.watched(follows, reason if isinstance(reason, Reason) else None)
    return _file(follows, today, kind, f"actions-{today:%Y-%m-%d}")


def _all(statement: Any, day: date, *, whole: bool = True) -> list[ActionFollow]:
    rows = [tuple(row) for row in db().execute(statement).all()]
    return follow.of_actions(db(), rows, day, whole=whole)


def _of(convention: Convention, day: date) -> list[ActionFollow]:
    rows = [(one, convention, convention.structure.nom) for one in convention.actions]
    return follow.of_actions(db(), rows, day)


def _day() -> tuple[PastDayForm, date]:
    """The form of the day, and the day: today unless a past one is asked for."""
    form = PastDayForm(request.args)
    if form.le.raw_data and form.validate():
        return form, form.le.data
    return form, clock.today()


def _filters() -> tuple[str, PlaceMode | None, Reason | str | None]:
    """Words, mode and reason ("toutes": any of them) as the address gives them; 404 for one that does not exist."""
    mode, reason = request.args.get("mode") or None, request.args.get("raison") or None
    if mode and mode not in list(PlaceMode):
        abort(404)
    if reason and reason != "toutes" and reason not in list(Reason):
        abort(404)
    return (
        (request.args.get("mots") or "").strip()[:100],
        PlaceMode(mode) if mode else None,
        Reason(reason) if reason and reason != "toutes" else reason,
    )


def _file(follows: list[ActionFollow], day: date, kind: str, name: str) -> Response:
    content = (follow_files.as_csv if kind == "csv" else follow_files.as_xlsx)(follows, day)
    answer = Response(content, mimetype="text/csv" if kind == "csv" else _XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
