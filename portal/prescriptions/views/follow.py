"""Following prescriptions: the list, one with its history, and the acts that are possible for this person."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.beneficiaries.dossier import Line
from portal.conventions import queries as convention_queries
from portal.errors import AlreadyDone, NoPlaceLeft, RuleBroken
from portal.prescriptions import answers, notifications, queries, rules, sharing
from portal.prescriptions.forms import FORMS
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import Act, Side, State, possible_acts
from portal.prescriptions.views.blueprint import BADGES, blueprint, journal, visible
from portal.web.access import allow, person
from portal.web.formats import count, moment
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# Acts done from the page itself, without a page of their own.
_DIRECT = frozenset({Act.ETUDIER, Act.METTRE_EN_ATTENTE})
_ASKED = ",".join(f'"{act.value}"' for act in FORMS)

_DONE = {
    Act.ETUDIER: "La prescription est à l’étude. Le référent est prévenu.",
    Act.ACCEPTER: "La prescription est acceptée. Le référent est prévenu.",
    Act.REFUSER: "La prescription est refusée. Le référent est prévenu.",
    Act.ENTRER: "L’entrée est déclarée. Le référent est prévenu.",
    Act.TERMINER: "La fin est déclarée. Le référent est prévenu.",
    Act.ABANDONNER: "L’abandon est déclaré. Le référent est prévenu.",
    Act.ANNULER: "La prescription est annulée.",
}


@blueprint.get("", strict_slashes=False)
@allow(Role.REFERENT, Role.PARTENAIRE)
def index() -> Any:
    """One's prescriptions, by state."""
    state = None
    if request.args.get("etat"):
        try:
            state = State(request.args["etat"])
        except ValueError:
            abort(404)
    pager = paginate(db(), queries.inbox(person(), state), page_number(request.args.get("page")))
    return render_template(
        "prescriptions/index.html",
        pager=pager,
        counts=queries.counts(db(), person()),
        waiting=convention_queries.waiting_among(db(), [p.id for p in pager.items]),
        state=state,
        states=list(State),
        badges=BADGES,
        side=queries.side_of(person()),
        name_for_partner=sharing.name_for_partner,
    )


@blueprint.get("/<uuid:prescription_id>")
@allow(Role.REFERENT, Role.PARTENAIRE)
def show(prescription_id: uuid.UUID) -> Any:
    """One prescription. Reading it is written in the access journal of the person."""
    prescription = visible(prescription_id)
    journal(prescription.beneficiary_id, prescription.id)
    return _page(prescription)


@blueprint.route(f"/<uuid:prescription_id>/<any({_ASKED}):name>", methods=["GET", "POST"])
@allow(Role.REFERENT, Role.PARTENAIRE)
def act(prescription_id: uuid.UUID, name: str) -> Any:
    """Do one of the acts that the table allows to this person in this state."""
    chosen = Act(name)
    prescription = visible(prescription_id)
    here = url_for("prescriptions.show", prescription_id=prescription_id)
    side = queries.side_of(person())
    if side is None or chosen not in possible_acts(prescription.state, side):
        flash(
            f"Cette prescription est à l’état « {prescription.state.label} » : rien n’a été changé.", "info"
        )
        return redirect(here, 303)
    posted = request.method == "POST"
    form = FORMS[chosen](request.form if posted else None, data=None if posted else {"jour": clock.today()})
    refusal: RuleBroken | None = None
    if posted and form.validate():
        try:
            sentence = _do(chosen, prescription, form)
        except AlreadyDone as done:
            db().rollback()
            flash(done.message, "info")
            return redirect(here, 303)
        except RuleBroken as broken:
            db().rollback()
            prescription = visible(prescription_id)
            refusal = broken
            if broken.field is not None:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(sentence, "success")
            return redirect(here, 303)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    not_possible = refusal is not None and refusal.field is None
    status = 409 if not_possible else 422 if posted else 200
    page = render_template(
        "prescriptions/act.html",
        form=form,
        act=chosen,
        prescription=prescription,
        person_name=_name(prescription, side),
        refusal=refusal if not_possible else None,
        may_wait=isinstance(refusal, NoPlaceLeft)
        and convention_queries.waiting_rank(db(), prescription_id) is None,
        places=current_app.extensions["offer_places"](db(), [prescription.offer_id]).get(
            prescription.offer_id
        ),
    )
    return make_response(page, status)


def lines_of_beneficiary(session: Session, user: User, beneficiary_id: uuid.UUID) -> list[Line]:
    """Return the prescriptions of a person that `user` may see, for the page of the file (see `dossier.Reader`)."""
    found = session.execute(queries.of_beneficiary(user, beneficiary_id)).scalars()
    return [
        Line(
            id=p.id,
            offre=p.offre_nom,
            structure=p.structure.nom,
            state=p.state.label,
            kind=BADGES[p.state][0],
            icon=BADGES[p.state][1],
            updated_at=p.updated_at,
        )
        for p in found
    ]


def _page(prescription: Prescription) -> str:
    side = queries.side_of(person())
    assert side is not None
    session = db()
    acts = [a for a in possible_acts(prescription.state, side) if a in FORMS]
    rank = convention_queries.waiting_rank(session, prescription.id)
    if rank is not None:
        acts = [a for a in acts if a is not Act.METTRE_EN_ATTENTE]
    place = convention_queries.place_of(session, prescription.id)
    places = current_app.extensions["offer_places"](session, [prescription.offer_id]).get(
        prescription.offer_id
    )
    if places is None or places.libres > places.en_attente:
        # A free place is there to be accepted, and an offer without counted places has no list.
        acts = [a for a in acts if a is not Act.METTRE_EN_ATTENTE]
    shared = (
        sharing.read_by_partner(prescription)
        if side is Side.PARTENAIRE
        else prescription.donnees_partagees
        or sharing.pieces_of(prescription.beneficiary, prescription.partage or ())
    )
    return render_template(
        "prescriptions/show.html",
        prescription=prescription,
        side=side,
        person_name=_name(prescription, side),
        shared=shared,
        motif=sharing.motif_for_partner(prescription) if side is Side.PARTENAIRE else prescription.motif,
        acts=acts,
        direct=_DIRECT,
        badge=BADGES[prescription.state],
        rank=rank,
        place=place,
        places=places,
        events=[
            {
                "when": moment(line.at),
                "who": line.by.full_name if line.by else "Le portail",
                "what": _what(line.act, line.to_state),
                "detail": line.message,
            }
            for line in session.execute(queries.history(prescription.id)).scalars()
        ],
    )


def _name(prescription: Prescription, side: Side) -> str:
    if side is Side.PARTENAIRE:
        return sharing.name_for_partner(prescription)
    return prescription.beneficiary.full_name


def _what(act: Act | None, state: State) -> str:
    if act is None:
        return "Prescription commencée"
    if act is Act.METTRE_EN_ATTENTE:
        return "Mise en liste d’attente"
    return state.label


def _do(chosen: Act, prescription: Prescription, form: Any) -> str:
    """Run the verb of `chosen`, tell the other side, and return the sentence that says it is done."""
    by = person()
    message = form.message.data
    verbs: dict[Act, Callable[[], int | None]] = {
        Act.ETUDIER: lambda: answers.study(db(), prescription, by=by, message=message),
        Act.METTRE_EN_ATTENTE: lambda: answers.put_on_waiting_list(
            db(), prescription, by=by, message=message
        ),
        Act.ACCEPTER: lambda: answers.accept(db(), prescription, by=by, message=message),
        Act.REFUSER: lambda: answers.refuse(
            db(), prescription, by=by, reason=RefusalReason(form.motif_refus.data), message=message or ""
        ),
        Act.ENTRER: lambda: answers.enter(db(), prescription, by=by, day=form.jour.data, message=message),
        Act.TERMINER: lambda: answers.finish(db(), prescription, by=by, day=form.jour.data, message=message),
        Act.ABANDONNER: lambda: answers.give_up(
            db(), prescription, by=by, day=form.jour.data, message=message
        ),
        Act.ANNULER: lambda: rules.cancel(db(), prescription, by=by, message=message),
    }
    sent_before = prescription.sent_at is not None
    rank = verbs[chosen]()
    if sent_before:
        # A draft withdrawn was never known to the partner.
        notifications.tell(db(), prescription, chosen, public_url=current_app.config["PORTAL"].public_url)
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
