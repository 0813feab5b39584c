"""People's files, each open to its référent only; opening one is written in the access journal."""

import uuid
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

from portal import clock
from portal.accounts.models import Role, User
from portal.beneficiaries import queries, rules
from portal.beneficiaries.dossier import Line, Reader, WeekHours, WeekReader
from portal.beneficiaries.forms import BeneficiaryForm, as_typed
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.errors import RuleBroken
from portal.parcours import frein_label, thematiques_for
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.formats import moment
from portal.web.forms import clean_text
from portal.web.htmx import page_or_fragment
from portal.web.pagination import PAGE_SIZE, page_number, paginate
from portal.web.session import database, db

blueprint = Blueprint("beneficiaries", __name__, url_prefix="/beneficiaires")

_READER = "beneficiary_prescriptions"
_WEEK_READER = "beneficiary_week"
_ACCESSES_SHOWN = 20
# A search answers on one page: to page through it would take the words into the address.
_FOUND_SHOWN = 100


def read_prescriptions_with(app: Flask, reader: Reader) -> None:
    """Give files the function that reads a person's prescriptions (the room above knows them)."""
    app.extensions[_READER] = reader


def read_week_with(app: Flask, reader: WeekReader) -> None:
    """Give files the function that reads the hours of a person's week (the room above counts them)."""
    app.extensions[_WEEK_READER] = reader


@blueprint.route("", methods=["GET", "POST"], strict_slashes=False)
@allow(Role.REFERENT)
def index() -> Any:
    """One's own portfolio. Names looked for come by POST: no address, and so no log of addresses, holds one."""
    searched = request.method == "POST"
    words = clean_text(request.form.get("q", ""))[:100] if searched else ""
    number = 1 if searched else page_number(request.args.get("page"))
    pager = paginate(
        db(), queries.portfolio_of(person(), words), number, size=_FOUND_SHOWN if searched else PAGE_SIZE
    )
    return page_or_fragment(
        "beneficiaries/index.html",
        "beneficiaries/_list.html",
        "beneficiaries-list",
        pager=pager,
        words=words,
        searched=searched,
        today=clock.today(),
        frein_label=frein_label,
        page_url=lambda page: url_for("beneficiaries.index", page=page if page > 1 else None),
    )


@blueprint.route("/nouveau", methods=["GET", "POST"])
@allow(Role.REFERENT)
def new() -> Any:
    """Open a file."""
    posted = request.method == "POST"
    form = BeneficiaryForm(request.form if posted else None, {"cle": new_key()})
    if posted and form.validate():
        try:
            made = rules.create_beneficiary(db(), form.to_values(), by=person(), id=uuid.UUID(form.cle.data))
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"Le dossier de {made.full_name} est ouvert.", "success")
            return redirect(url_for("beneficiaries.show", beneficiary_id=made.id), 303)
    return make_response(
        render_template("beneficiaries/new.html", form=form, today=clock.today()), 422 if posted else 200
    )


@blueprint.get("/<uuid:beneficiary_id>")
@allow(Role.REFERENT)
def show(beneficiary_id: uuid.UUID) -> Any:
    """One person's file."""
    beneficiary = _mine(beneficiary_id)
    accesses = _journal_reading(beneficiary)
    lines: list[Line] = current_app.extensions[_READER](db(), person(), beneficiary.id)
    week: WeekHours = current_app.extensions[_WEEK_READER](db(), person(), beneficiary.id)
    freins = beneficiary.freins or []
    return render_template(
        "beneficiaries/show.html",
        beneficiary=beneficiary,
        age=beneficiary.age_on(clock.today()),
        prescribe_url=_search_for(beneficiary),
        freins=[
            (frein_label(slug), _search_for(beneficiary, thematique=thematiques_for([slug])))
            for slug in freins
        ],
        every_frein_url=_search_for(beneficiary, thematique=thematiques_for(freins))
        if len(freins) > 1
        else None,
        # Apart from the barriers: few offers say their dominante, the others would be hidden without a word.
        dominante_url=(
            _search_for(beneficiary, dominante=beneficiary.dominante.value) if beneficiary.dominante else None
        ),
        lines=lines,
        week=week,
        accesses=[_as_event(entry, person()) for entry in accesses],
    )


@blueprint.route("/<uuid:beneficiary_id>/modifier", methods=["GET", "POST"])
@allow(Role.REFERENT)
def edit(beneficiary_id: uuid.UUID) -> Any:
    """Change a file."""
    beneficiary = _mine(beneficiary_id)
    posted = request.method == "POST"
    form = BeneficiaryForm(request.form if posted else None, as_typed(beneficiary))
    if posted and form.validate():
        try:
            rules.change_beneficiary(db(), beneficiary, form.to_values(), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"Le dossier de {beneficiary.full_name} est enregistré.", "success")
            return redirect(url_for("beneficiaries.show", beneficiary_id=beneficiary.id), 303)
    if not posted:
        # The form shows the whole file.
        _journal_reading(beneficiary)
    page = render_template("beneficiaries/edit.html", form=form, beneficiary=beneficiary, today=clock.today())
    return make_response(page, 422 if posted else 200)


def _search_for(beneficiary: Beneficiary, **filters: Any) -> str:
    """Return the address of a search for the person; the search itself knows their commune, the address does not."""
    return url_for("catalogue.search", beneficiaire=beneficiary.id, **filters)


def _mine(beneficiary_id: uuid.UUID) -> Beneficiary:
    found = db().execute(queries.visible_to(person(), beneficiary_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Beneficiary)
    return found


def _journal_reading(beneficiary: Beneficiary) -> list[AccessEntry]:
    """Write that the person of this request reads the file; return the last accesses, this one first.

    In a transaction of its own: the request's session only reads, and the line must stay whatever follows.
    """
    with database().writing() as apart:
        rules.journal(apart, beneficiary.id, by=person(), kind=AccessKind.LECTURE)
        apart.flush()
        return list(apart.execute(queries.journal_of(beneficiary.id, _ACCESSES_SHOWN)).scalars().all())


def _as_event(entry: AccessEntry, reader: User) -> dict[str, Any]:
    return {
        "when": moment(entry.at),
        "who": _who(entry, reader),
        "what": entry.kind.label,
        "detail": None,
    }


def _who(entry: AccessEntry, reader: User) -> str:
    if entry.user is None:
        return "la structure, par le lien d’un courriel"
    return "vous" if entry.user_id == reader.id else entry.user.full_name
