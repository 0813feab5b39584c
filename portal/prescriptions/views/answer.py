"""Answering: the acts that are possible for this person, each on a page of its own."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import queries as convention_queries
from portal.errors import AlreadyDone, NoPlaceLeft, OutOfTurn, PlacesEnded, RuleBroken
from portal.offers import sessions as offer_sessions
from portal.prescriptions import answers, queries, rules, seats, wording
from portal.prescriptions.acting import too_late
from portal.prescriptions.answer_forms import (
    FORMS,
    LeaveForm,
    MeetingForm,
    ReasonForm,
    fill_meeting,
    outcomes,
)
from portal.prescriptions.answer_forms import offer_sessions as offer_choices
from portal.prescriptions.models import ExitReason, Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import WHO_MAY, Act, possible_acts
from portal.prescriptions.views import turns
from portal.prescriptions.views.blueprint import blueprint, journal, name_of, visible
from portal.prescriptions.views.desk import Desk
from portal.prescriptions.views.telling import tell
from portal.web.access import allow, person
from portal.web.formats import count
from portal.web.forms import options
from portal.web.session import db

ASKED = ",".join(f'"{act.value}"' for act in FORMS)

_DONE = {
    Act.ETUDIER: "La prescription est à l’étude. Le référent est prévenu.",
    Act.ACCEPTER: "La prescription est acceptée. Le référent est prévenu.",
    Act.REFUSER: "La prescription est refusée. Le référent est prévenu.",
    Act.CONVENIR: "Le rendez-vous est proposé. Le référent est prévenu.",
    Act.PRESENCE: "La présence est notée.",
    Act.ABSENCE: "L’absence est notée. Le référent est prévenu.",
    Act.ENTRER: "L’entrée est déclarée. Le référent est prévenu.",
    Act.TERMINER: "La fin est déclarée. Le référent est prévenu.",
    Act.ABANDONNER: "L’abandon est déclaré. Le référent est prévenu.",
    Act.ANNULER: "La prescription est annulée.",
}
# A place may be free again, for those who wait.
_FREEING = frozenset({Act.REFUSER, Act.TERMINER, Act.ABANDONNER, Act.ANNULER})
# Questions asked only when the places demand it.
_ON_DEMAND = ("passer_avant", "sans_place")


@blueprint.route(f"/<uuid:prescription_id>/<any({ASKED}):name>", methods=["GET", "POST"])
@allow(Role.REFERENT, Role.PARTENAIRE)
def act(prescription_id: uuid.UUID, name: str) -> Any:
    """Do one of the acts that the table allows to this person in this state."""
    prescription = visible(prescription_id)
    desk = own_desk(prescription)
    if request.method == "GET" and is_open(Act(name), prescription, desk):
        journal(prescription.beneficiary_id, prescription.id)
    return act_page(Act(name), prescription, desk)


def own_desk(prescription: Prescription) -> Desk:
    """Return the desk of the person of this request, who is signed in."""
    id, side = prescription.id, queries.side_of(person())
    assert side is not None
    return Desk(
        by=person(),
        side=side,
        page=url_for("prescriptions.show", prescription_id=id),
        name=name_of(prescription, side),
        address=lambda name: url_for("prescriptions.show", prescription_id=id) + f"/{name}",
        read_again=lambda: visible(id),
    )


def is_open(chosen: Act, prescription: Prescription, desk: Desk) -> bool:
    """Say whether the table allows `chosen` to this side, in the state the prescription is in."""
    return chosen in possible_acts(prescription.state, desk.side)


def act_page(chosen: Act, prescription: Prescription, desk: Desk) -> Any:
    """Show the page of `chosen`, or do it, for whoever stands at `desk`; an act of the other side has none: 404."""
    if WHO_MAY[chosen] is not desk.side:
        abort(404)
    typed = _typed(chosen, prescription)
    if not is_open(chosen, prescription, desk):
        return told_too_late(too_late(db(), prescription), typed, desk)
    form = _form(chosen, prescription)
    refusal: RuleBroken | None = None
    if request.method == "POST":
        if isinstance(form, ReasonForm) and request.form.get("etape"):
            return _first_question(form, prescription, desk)
        right = form.validate()
        if isinstance(form, ReasonForm) and form.motif_refus.errors:
            # Words without a reason: back to the first question, with them.
            return _first_question(form, prescription, desk)
        if right:
            try:
                sentence = _do(chosen, prescription, form, desk)
            except AlreadyDone as done:
                db().rollback()
                return told_too_late(done.message, typed, desk)
            except RuleBroken as broken:
                db().rollback()
                prescription = desk.read_again()
                refusal = broken
                if broken.field is not None:
                    form.refuse(broken.field, broken.message)
            else:
                db().commit()
                flash(sentence, "success")
                return redirect(desk.page, 303)
    return _page(chosen, prescription, desk, form, refusal)


def _form(chosen: Act, prescription: Prescription) -> Any:
    """Return the question of `chosen`, with what was typed or what is put forward."""
    posted = request.method == "POST"
    # A refusal begins by its reason.
    asked = FORMS[chosen] if posted or chosen is not Act.REFUSER else ReasonForm
    form = asked(request.form if posted else None, data=None if posted else {"jour": clock.today()})
    if isinstance(form, MeetingForm):
        coming = offer_sessions.of_offer(db(), prescription.offer_id, to_come=True)
        taken = seats.seats_taken(db(), [s.id for s in coming]) if coming else {}
        offer_choices(form, coming, taken, prescription.session_id)
        if not posted:
            fill_meeting(form, prescription)
            form.message_personne.data = wording.to_person(chosen, prescription.offre_nom)
    if isinstance(form, LeaveForm):
        form.motif_sortie.choices = options(
            (reason.value, reason.label) for reason in outcomes(chosen, prescription.state)
        )
    return form


def _first_question(form: Any, prescription: Prescription, desk: Desk) -> Any:
    """From the reason of a refusal to its words, or back to choose another; what was typed is kept."""
    kept = {name: request.form.get(name, "") for name in ("message", "message_personne")}
    reasons = ReasonForm(request.form)
    if request.form.get("etape") == "changer":
        return _page(
            Act.REFUSER, prescription, desk, reasons, None, kept=_changed(form, prescription), status=200
        )
    if not reasons.validate():
        return _page(Act.REFUSER, prescription, desk, reasons, None, kept=kept)
    reason = RefusalReason(reasons.motif_refus.data)
    form.message.data = kept["message"] or wording.to_referent(reason)
    form.message_personne.data = kept["message_personne"] or wording.to_person(
        Act.REFUSER, prescription.offre_nom
    )
    return _page(Act.REFUSER, prescription, desk, form, None, status=200)


def _changed(form: Any, prescription: Prescription) -> dict[str, str]:
    """Return what was written by hand: words put forward for a reason do not go with another."""
    try:
        proposed = wording.to_referent(RefusalReason(form.motif_refus.data))
    except ValueError:
        proposed = ""
    message = form.message.data or ""
    return {
        "message": "" if message == proposed else message,
        "message_personne": form.message_personne.data or "",
    }


def _typed(chosen: Act, prescription: Prescription) -> str:
    """Return what was written by hand for either reader: words put forward to the person are not."""
    message, to_person = (request.form.get(name, "").strip() for name in ("message", "message_personne"))
    if to_person == wording.to_person(chosen, prescription.offre_nom):
        to_person = ""
    return "\n\n".join(filter(None, (message, to_person)))


def told_too_late(
    sentence: str, typed: str, desk: Desk, title: str = "Quelqu’un a répondu avant vous"
) -> Any:
    """Say that the prescription is no longer where the page was; what was written is given back."""
    if request.method == "GET" or not typed:
        flash(sentence, "info")
        return redirect(desk.page, 303)
    page = render_template(
        "prescriptions/too_late.html", title=title, sentence=sentence, typed=typed, desk=desk
    )
    return make_response(page, 409)


def _page(
    chosen: Act,
    prescription: Prescription,
    desk: Desk,
    form: Any,
    refusal: RuleBroken | None,
    *,
    kept: dict[str, str] | None = None,
    status: int | None = None,
) -> Any:
    not_possible = refusal is not None and refusal.field is None
    if status is None:
        status = 409 if not_possible else 422 if request.method == "POST" else 200
    asked = {name for name in _ON_DEMAND if request.form.get(name)}
    if isinstance(refusal, OutOfTurn):
        asked.add("passer_avant")
    if isinstance(refusal, PlacesEnded):
        asked.add("sans_place")
    page = render_template(
        "prescriptions/act.html",
        form=form,
        act=chosen,
        desk=desk,
        prescription=prescription,
        refusal=refusal if not_possible else None,
        hidden={name for name in _ON_DEMAND if name not in asked},
        kept=kept or {},
        may_wait=isinstance(refusal, NoPlaceLeft)
        and convention_queries.waiting_rank(db(), prescription.id) is None,
        has_sessions=isinstance(form, MeetingForm) and bool(form._sessions),
        written_to="message_personne" in form
        and prescription.id in queries.written_to(db(), [prescription.id]),
        emploi=ExitReason.EMPLOI.value,
        places=current_app.extensions["offer_places"](db(), [prescription.offer_id]).get(
            prescription.offer_id
        ),
    )
    return make_response(page, status)


def _do(chosen: Act, prescription: Prescription, form: Any, desk: Desk) -> str:
    """Run the verb of `chosen`, tell the others, and return the sentence that says it is done."""
    by = desk.by
    message = form.message.data
    rank: int | None = None

    def wait() -> None:
        nonlocal rank
        rank = answers.put_on_waiting_list(db(), prescription, by=by, message=message)

    verbs: dict[Act, Callable[[], object]] = {
        Act.ETUDIER: lambda: answers.study(db(), prescription, by=by, message=message),
        Act.METTRE_EN_ATTENTE: wait,
        Act.ACCEPTER: lambda: answers.accept(
            db(),
            prescription,
            by=by,
            message=message,
            message_personne=form.message_personne.data,
            meeting=form.meeting(prescription),
            out_of_turn=form.passer_avant.data,
            without_place=form.sans_place.data,
        ),
        Act.REFUSER: lambda: answers.refuse(
            db(),
            prescription,
            by=by,
            reason=RefusalReason(form.motif_refus.data),
            message=message or "",
            message_personne=form.message_personne.data,
        ),
        Act.CONVENIR: lambda: answers.agree_meeting(
            db(),
            prescription,
            form.meeting(prescription) or Meeting(),
            by=by,
            message=message,
            message_personne=form.message_personne.data,
        ),
        Act.PRESENCE: lambda: answers.note_presence(
            db(), prescription, by=by, day=form.jour.data, came=True, message=message
        ),
        Act.ABSENCE: lambda: answers.note_presence(
            db(), prescription, by=by, day=form.jour.data, came=False, message=message
        ),
        Act.ENTRER: lambda: answers.enter(db(), prescription, by=by, day=form.jour.data, message=message),
        Act.TERMINER: lambda: answers.finish(
            db(),
            prescription,
            by=by,
            day=form.jour.data,
            reason=form.reason,
            contract=form.contract,
            message=message,
        ),
        Act.ABANDONNER: lambda: answers.give_up(
            db(),
            prescription,
            by=by,
            day=form.jour.data,
            reason=form.reason,
            contract=form.contract,
            message=message,
        ),
        Act.ANNULER: lambda: rules.cancel(db(), prescription, by=person(), message=message),
    }
    sent_before = prescription.sent_at is not None
    verbs[chosen]()
    if sent_before:
        # A draft withdrawn was never known to the partner.
        tell(prescription, chosen)
    if chosen in _FREEING and sent_before:
        turns.propose(prescription)
    if chosen is Act.METTRE_EN_ATTENTE:
        return f"La personne est en liste d’attente, au rang {rank}. Le référent est prévenu."
    if chosen is Act.ACCEPTER:
        place = convention_queries.place_of(db(), prescription.id)
        if place is not None:
            left = current_app.extensions["offer_places"](db(), [prescription.offer_id])[
                prescription.offer_id
            ]
            return f"La prescription est acceptée et une place est retenue ; il en reste {count(left.libres, 'libre')}."
    return _DONE[chosen]
