"""The link of an e-mail: one prescription, for its structure, without an account.

A page that is opened writes nothing but the access journal: scanners of mail open links too. Once the prescription has
ended the link opens nothing more; once its time is over, another one is sent to the structure, and to nobody else.
"""

import uuid
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerDay, RateLimitItemPerHour

from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind
from portal.conventions import follow_up
from portal.conventions import queries as convention_queries
from portal.errors import RuleBroken
from portal.links import DeadLink
from portal.prescriptions import actors, attention, links, queries, rules, sharing, wording
from portal.prescriptions.answer_forms import FORMS
from portal.prescriptions.follow_forms import WordForm
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act, Side, possible_acts
from portal.prescriptions.timeline import Note, event_of, is_new, who_did
from portal.prescriptions.views.answer import ASKED, act_page, is_open
from portal.prescriptions.views.blueprint import BADGES
from portal.prescriptions.views.desk import Desk
from portal.prescriptions.views.documents import add_to, board_of, downloaded, withdrawn
from portal.prescriptions.views.fiche import sheet_of
from portal.prescriptions.views.hours import hours_page, week_page
from portal.prescriptions.views.telling import tell_link, tell_message
from portal.web.access import public
from portal.web.fields import new_key
from portal.web.session import database, db
from portal.web.throttle import limiter

blueprint = Blueprint("reponse", __name__, url_prefix="/reponse")

# A new link: so many times for one prescription, and from one place.
_FOR_ONE = RateLimitItemPerDay(3)
_FROM_ONE = RateLimitItemPerHour(20)
# A link that is too old still says which prescription it was for.
_EVER = 36_500


@blueprint.after_request
def _out_of_sight(response: Response) -> Response:
    """Keep the address, which opens the prescription, from search engines and other sites."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    # Not `no-referrer`: the check of forms over TLS wants to know the origin. That is all this gives.
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<token>")
@public
def show(token: str) -> Any:
    """The prescription that the link opens. Reading it is written in the access journal of the person."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    # Before this opening is written down.
    since = attention.seen_by_link(db(), prescription)
    _journal(prescription)
    return _show(token, prescription, WordForm(data={"cle": new_key()}), since)


@blueprint.route(f"/<token>/<any({ASKED}):name>", methods=["GET", "POST"])
@public
def act(token: str, name: str) -> Any:
    """Do one of the acts that the table allows to the structure in this state."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    desk = _desk(token, prescription)
    if request.method == "GET" and is_open(Act(name), prescription, desk):
        _journal(prescription)
    return act_page(Act(name), prescription, desk)


@blueprint.route("/<token>/heures", methods=["GET", "POST"])
@public
def hours(token: str) -> Any:
    """The hours that the person really did."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    if request.method == "GET":
        _journal(prescription)
    return hours_page(prescription, _desk(token, prescription))


@blueprint.route("/<token>/semaine", methods=["GET", "POST"])
@public
def week(token: str) -> Any:
    """The hours planned each week."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    if request.method == "GET":
        _journal(prescription)
    return week_page(prescription, _desk(token, prescription))


@blueprint.post("/<token>/message")
@public
def write(token: str) -> Any:
    """Write a message to the référent."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    form = WordForm(request.form)
    if form.validate():
        try:
            key, by = form.key(), actors.by_link(prescription)
            again = rules.is_written(db(), prescription, key)
            message = rules.write_message(db(), prescription, by=by, text=form.texte.data or "", id=key)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field or "texte", broken.message)
        else:
            if not again:
                tell_message(prescription, message)
            db().commit()
            flash("Votre message est envoyé au référent.", "success")
            return redirect(url_for("reponse.show", token=token), 303)
    found = _opened(token)
    if not isinstance(found, Prescription):
        return found
    return make_response(_show(token, found, form, attention.seen_by_link(db(), found)), 422)


@blueprint.post("/<token>/documents")
@public
def add_document(token: str) -> Any:
    """Keep a document with the prescription."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    return add_to(prescription, _desk(token, prescription))


@blueprint.get("/<token>/documents/<uuid:document_id>")
@public
def document(token: str, document_id: uuid.UUID) -> Any:
    """A document. Reading it is written in the access journal of the person."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    return downloaded(prescription, document_id, _desk(token, prescription))


@blueprint.post("/<token>/documents/<uuid:document_id>/retirer")
@public
def withdraw_document(token: str, document_id: uuid.UUID) -> Any:
    """Withdraw a document of the structure."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    return withdrawn(prescription, document_id, _desk(token, prescription))


@blueprint.get("/<token>/fiche.pdf")
@public
def fiche(token: str) -> Any:
    """The prescription as a sheet of paper. Reading it is written in the access journal of the person."""
    prescription = _opened(token)
    if not isinstance(prescription, Prescription):
        return prescription
    return sheet_of(prescription, _desk(token, prescription))


@blueprint.post("/<token>/nouveau-lien")
@public
def renew(token: str) -> Any:
    """Send another link to the addresses of the structure, and say the same whatever is behind this one."""
    id, _key = _read(token, _EVER)
    often = not limiter.limiter.hit(_FROM_ONE, "lien", get_remote_address() or "")
    often = not limiter.limiter.hit(_FOR_ONE, "lien", str(id)) or often
    prescription = db().get(Prescription, id)
    if (
        not often
        and prescription is not None
        and prescription.sent_at is not None
        and not prescription.state.is_final
    ):
        tell_link(prescription)
        db().commit()
    return render_template("prescriptions/lien_renewed.html")


def _opened(token: str) -> Any:
    """Return the prescription that the link opens, or the answer that says why it opens none. 404 when it is forged."""
    try:
        id, key = links.read(
            current_app.config["PORTAL"].secret_key, token, days=follow_up.in_force(db()).lien_jours
        )
    except DeadLink as dead:
        if not dead.expired:
            abort(404)
        return _dead(token)
    prescription = links.opened(db(), id, key)
    if prescription is None:
        return _dead(token)
    if prescription.state.is_final:
        return make_response(
            render_template("prescriptions/lien_closed.html", typed=_typed(prescription)), 410
        )
    return prescription


def _dead(token: str) -> Any:
    """Answer that the link opens nothing any more, in the same words whether its time is over or its key changed."""
    return make_response(render_template("prescriptions/lien_expired.html", token=token, typed=_typed()), 410)


def _typed(prescription: Prescription | None = None) -> str:
    """Return what was written by hand on a page whose link opens nothing by now: it is given back, and kept nowhere.

    Words put forward for `prescription` are not.
    """
    forward = {wording.to_person(act, prescription.offre_nom) for act in FORMS} if prescription else set()
    words = (request.form.get(name, "").strip() for name in ("message", "message_personne", "texte"))
    return "\n\n".join(text for text in words if text and text not in forward)


def _read(token: str, days: int) -> tuple[uuid.UUID, uuid.UUID]:
    try:
        return links.read(current_app.config["PORTAL"].secret_key, token, days=days)
    except DeadLink:
        abort(404)


def _desk(token: str, prescription: Prescription) -> Desk:
    id, key = prescription.id, prescription.lien_cle

    def read_again() -> Prescription:
        found = links.opened(db(), id, key)
        if found is None:
            abort(404)
        return found

    return Desk(
        by=actors.by_link(prescription),
        side=Side.PARTENAIRE,
        page=url_for("reponse.show", token=token),
        name=sharing.name_for_partner(prescription),
        address=lambda name: url_for("reponse.show", token=token) + f"/{name}",
        read_again=read_again,
        by_link=True,
    )


def _show(token: str, prescription: Prescription, form: WordForm, since: datetime | None) -> str:
    """Return the page; what came after `since` is new."""
    session = db()
    places = current_app.extensions["offer_places"](session, [prescription.offer_id]).get(
        prescription.offer_id
    )
    rank = convention_queries.waiting_rank(session, prescription.id)
    acts = [a for a in possible_acts(prescription.state, Side.PARTENAIRE) if a in FORMS]
    if rank is not None or places is None or places.libres > places.en_attente:
        # A free place is there to be accepted, and an offer without counted places has no list.
        acts = [a for a in acts if a is not Act.METTRE_EN_ATTENTE]
    return render_template(
        "prescriptions/lien_show.html",
        form=form,
        prescription=prescription,
        desk=_desk(token, prescription),
        write=url_for("reponse.write", token=token),
        badge=BADGES[prescription.state],
        shared=sharing.read_by_partner(prescription),
        motif=sharing.motif_for_partner(prescription),
        acts=sorted(acts, key=lambda a: a.weight),
        rank=rank,
        places=places,
        documents=board_of(prescription, _desk(token, prescription)),
        notes=[
            Note(
                at=line.at,
                who=who_did(line.by, line.side),
                is_mine=False,
                is_new=is_new(line.at, line.side is Side.PARTENAIRE, since),
                texte=line.texte,
            )
            for line in session.execute(queries.messages(prescription.id)).scalars()
        ],
        events=[
            event_of(line, reader=None, since=since)
            for line in session.execute(queries.history(prescription.id)).scalars()
        ],
    )


def _journal(prescription: Prescription) -> None:
    # Apart: a page that shows may not write, and the line must stay even if the page then fails.
    with database().writing() as apart:
        beneficiary_rules.journal(
            apart,
            prescription.beneficiary_id,
            by=None,
            kind=AccessKind.PRESCRIPTION,
            prescription_id=prescription.id,
        )
