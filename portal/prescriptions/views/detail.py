"""One prescription: what is shared, what happened, what was written, what can be done."""

import uuid
from datetime import datetime
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from sqlmodel import col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import queries as convention_queries
from portal.conventions import waiting
from portal.errors import RuleBroken
from portal.prescriptions import listing, queries, rules, sharing
from portal.prescriptions.answer_forms import FORMS
from portal.prescriptions.follow_forms import WordForm
from portal.prescriptions.models import Prescription
from portal.prescriptions.paper_forms import answers_open
from portal.prescriptions.states import OPEN, TRANSITIONS, Act, Side, State, possible_acts
from portal.prescriptions.timeline import Note, event_of, is_new, who_did
from portal.prescriptions.views import telling
from portal.prescriptions.views.answer import own_desk
from portal.prescriptions.views.blueprint import (
    BADGES,
    blueprint,
    name_of,
    note_reading,
    readable,
    visible,
)
from portal.prescriptions.views.documents import board_of
from portal.prescriptions.views.fiche import has_sheet
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.htmx import page_or_fragment, wants
from portal.web.session import db

_MESSAGES = "prescription-messages"
# Acts done from the page itself, without a page of their own.
_DIRECT = frozenset({Act.ETUDIER, Act.METTRE_EN_ATTENTE})
# Acts whose page is not one of the partner's answers.
_APART = {
    Act.RELANCER: "prescriptions.remind",
    Act.CONFIER: "prescriptions.hand_over",
    Act.SUIVRE: "prescriptions.assign",
}
# What ended for nothing calls for another offer; what ended well may.
_IN_VAIN = frozenset({State.REFUSEE, State.EXPIREE, State.ABANDONNEE})
_MAY_GO_ELSEWHERE = frozenset({State.ANNULEE, State.TERMINEE})


@blueprint.get("/<uuid:prescription_id>")
@allow(Role.REFERENT, Role.PARTENAIRE)
def show(prescription_id: uuid.UUID) -> Any:
    """One prescription. Reading it is written in the access journal of the person."""
    prescription = readable(prescription_id)
    return _answer(prescription, WordForm(data={"cle": new_key()}))


@blueprint.post("/<uuid:prescription_id>/messages")
@allow(Role.REFERENT, Role.PARTENAIRE)
def write(prescription_id: uuid.UUID) -> Any:
    """Write a message to the other side."""
    prescription = visible(prescription_id)
    form = WordForm(request.form)
    if form.validate():
        try:
            key = form.key()
            again = rules.is_written(db(), prescription, key)
            written = rules.write_message(db(), prescription, by=person(), text=form.texte.data, id=key)
            if not again:
                telling.tell_message(prescription, written)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field or "texte", broken.message)
        else:
            db().commit()
            if wants(_MESSAGES):
                return _answer(readable(prescription_id), WordForm(data={"cle": new_key()}))
            flash("Votre message est envoyé.", "success")
            here = url_for("prescriptions.show", prescription_id=prescription_id, _anchor=_MESSAGES)
            return redirect(here, 303)
    return _answer(readable(prescription_id), form, 422)


def _answer(prescription: Prescription, form: WordForm, status: int = 200) -> Any:
    """Return the page, or its messages alone when htmx asks for them, and note that this person read it."""
    since = note_reading(prescription)
    context: dict[str, Any] = {
        "prescription": prescription,
        "form": form,
        "may_write": prescription.sent_at is not None and _is_theirs(prescription),
        "notes": _notes(prescription, since),
    }
    if not wants(_MESSAGES):
        context |= _page(prescription, since)
    return page_or_fragment(
        "prescriptions/show.html", "prescriptions/_messages.html", _MESSAGES, status, **context
    )


def _page(prescription: Prescription, since: datetime | None) -> dict[str, Any]:
    side = queries.side_of(person())
    assert side is not None
    session = db()
    rank = convention_queries.waiting_rank(session, prescription.id)
    places = current_app.extensions["offer_places"](session, [prescription.offer_id]).get(
        prescription.offer_id
    )
    # A free place is there to be accepted, and an offer without counted places has no list.
    may_wait = rank is None and places is not None and places.libres <= places.en_attente
    acts = [
        act
        for act in (possible_acts(prescription.state, side) if _is_theirs(prescription) else [])
        if (act in FORMS or act in _APART) and (may_wait or act is not Act.METTRE_EN_ATTENTE)
    ]
    # Those who wait for a place have no answer to be reminded of.
    main = [
        act
        for act in acts
        if _in_front(prescription.state, act) and (rank is None or act is not Act.RELANCER)
    ]
    proposal = waiting.proposal_of(session, prescription.id) if rank is not None else None
    follows = side is Side.REFERENT and listing.knows_file(person(), prescription)
    return {
        "side": side,
        "agreed_text": sharing.agreed_text(prescription),
        "person_name": name_of(prescription, side),
        "is_theirs": _is_theirs(prescription),
        # Nobody acts for the référent any more: a colleague may follow it instead.
        "left": not _is_theirs(prescription) and rules.is_left(prescription),
        "follows": follows,
        "shared": _shared(prescription, side),
        "motif": (
            prescription.motif
            if side is Side.REFERENT and _is_theirs(prescription)
            else sharing.motif_for_partner(prescription)
        ),
        "acts": [(act, _address(prescription, act)) for act in sorted(main, key=lambda a: a.weight)],
        "direct": _DIRECT,
        "others": [
            *_links(prescription, set(acts) - set(main) - {Act.ANNULER}),
            *_other_pages(prescription, follows=follows),
            # The way out comes last.
            *_links(prescription, (set(acts) - set(main)) & {Act.ANNULER}),
        ],
        "before_and_after": _before_and_after(prescription),
        "elsewhere": (
            url_for("prescriptions.elsewhere", prescription_id=prescription.id)
            if follows and prescription.state in _IN_VAIN
            else None
        ),
        "documents": board_of(prescription, own_desk(prescription)) if _is_theirs(prescription) else None,
        "badge": BADGES[prescription.state],
        "rank": rank,
        "waiting_list": (
            url_for("prescriptions.waiting_list", offer_id=prescription.offer_id)
            if side is Side.PARTENAIRE and places is not None and places.en_attente
            else None
        ),
        "proposal": proposal if proposal is not None and proposal.expires_at > clock.now() else None,
        "place": convention_queries.place_of(session, prescription.id),
        "places": places,
        "events": [
            event_of(line, reader=person(), since=since)
            for line in session.execute(queries.history(prescription.id)).scalars()
        ],
    }


def _is_theirs(prescription: Prescription) -> bool:
    """Say whether this person may act on it: a référent on theirs, a partner on those of the structure."""
    return person().role is Role.PARTENAIRE or prescription.referent_id == person().id


def _in_front(state: State, act: Act) -> bool:
    """Say whether an act has its button in front: a step on the way, and not a thing noted beside it.

    Of a prescription that was sent, the référent first asks again; withdrawing it is among the other things.
    """
    if act is Act.ANNULER:
        return state is State.BROUILLON
    return act in {Act.METTRE_EN_ATTENTE, Act.RELANCER} or TRANSITIONS[state, act] is not state


def _links(prescription: Prescription, acts: set[Act]) -> list[tuple[str, str]]:
    return [(act.label, _address(prescription, act)) for act in sorted(acts, key=lambda act: act.weight)]


def _before_and_after(prescription: Prescription) -> list[tuple[str, str]]:
    """The prescription that this one takes up, and those that take it up, for the référent of both: (words, address)."""
    final = prescription.state.is_final
    if prescription.referent_id != person().id or (prescription.origine_id is None and not final):
        return []
    rows = db().execute(
        select(col(Prescription.id), col(Prescription.offre_nom))
        .where(
            col(Prescription.referent_id) == person().id,
            (col(Prescription.id) == prescription.origine_id)
            | (col(Prescription.origine_id) == prescription.id),
        )
        .order_by(col(Prescription.created_at), col(Prescription.id))
    )
    return [
        (
            f"{'À la suite de' if id == prescription.origine_id else 'Reprise vers'} : {offre}",
            url_for("prescriptions.show", prescription_id=id),
        )
        for id, offre in rows
    ]


def _address(prescription: Prescription, act: Act) -> str:
    if act in _APART:
        return url_for(_APART[act], prescription_id=prescription.id)
    return url_for("prescriptions.act", prescription_id=prescription.id, name=act.value)


def _other_pages(prescription: Prescription, *, follows: bool) -> list[tuple[str, str]]:
    """What goes with a prescription and has a page: (label, address)."""
    found = []
    if _is_theirs(prescription):
        structure = person().role is Role.PARTENAIRE
        if prescription.date_entree is not None and structure:
            found.append(("Heures faites", "prescriptions.hours"))
        if prescription.state in OPEN:
            found.append(("Changer la semaine prévue", "prescriptions.week"))
        if answers_open(prescription.state) and not structure:
            found.append(("Noter une réponse reçue sur papier", "prescriptions.paper"))
        if has_sheet(prescription):
            found.append(("Fiche à imprimer (PDF)", "prescriptions.fiche"))
    if follows and prescription.state in _MAY_GO_ELSEWHERE:
        found.append(("Prescrire une autre offre", "prescriptions.elsewhere"))
    return [(label, url_for(endpoint, prescription_id=prescription.id)) for label, endpoint in found]


def _shared(prescription: Prescription, side: Side) -> list[dict[str, str]]:
    """What of the file this person reads: a colleague reads what the structure reads."""
    if side is Side.PARTENAIRE or not _is_theirs(prescription):
        return sharing.read_by_partner(prescription)
    if prescription.donnees_partagees:
        shared: list[dict[str, str]] = prescription.donnees_partagees
        return shared
    # A draft: what would leave now, of the file that only its author reads.
    db().refresh(prescription.beneficiary)
    return sharing.pieces_of(prescription.beneficiary, prescription.partage or ())


def _notes(prescription: Prescription, since: datetime | None) -> list[Note]:
    mine = person().id
    return [
        Note(
            at=message.at,
            who=who_did(message.by, message.side),
            is_mine=message.by_id == mine,
            is_new=is_new(message.at, message.by_id == mine, since),
            texte=message.texte,
        )
        for message in db().execute(queries.messages(prescription.id)).scalars()
    ]
