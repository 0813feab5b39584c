"""A draft that left or was thrown away while a page of it stood open: nothing is changed, and what was typed is given back."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal.prescriptions import rules
from portal.prescriptions.acting import left_draft
from portal.prescriptions.follow_forms import WordForm
from portal.prescriptions.models import Prescription, Transition
from portal.prescriptions.sharing import PIECES, pieces_of
from portal.prescriptions.states import Side, State
from portal.prescriptions.views.blueprint import name_of, readable
from portal.prescriptions.views.choosing import own_draft
from portal.web.access import person
from portal.web.fields import new_key
from portal.web.formats import moment
from portal.web.session import db


@dataclass(frozen=True, slots=True)
class Lost:
    """A text that was typed for a prescription of a lot that is a draft no more: what became of it, and the text."""

    prescription: Prescription
    sentence: str
    text: str


def own_or_left(prescription_id: uuid.UUID) -> Prescription:
    """Return the draft as `own_draft` does; when it is posted, also what this person began and a colleague follows now.

    404 otherwise: their text is given back to who typed it, and nobody else learns that it exists.
    """
    if request.method == "POST":
        begun = db().exec(
            select(Transition.id).where(
                col(Transition.prescription_id) == prescription_id,
                col(Transition.act).is_(None),
                col(Transition.by_id) == person().id,
            )
        )
        if begun.first() is not None:
            found = readable(prescription_id)
            if found.referent_id != person().id:
                if found.state is State.BROUILLON:
                    abort(404)
                return found
    return own_draft(prescription_id)


def became(prescription: Prescription) -> str:
    """Say what became of a draft: who sent it or threw it away, when, and where it stands now."""
    found = left_draft(db(), prescription)
    if found is None:
        return ""
    line, user = found
    mine = user is not None and user.id == person().id
    who = "Vous avez" if mine else f"{user.full_name} a" if user else "Le portail a"
    done = "retiré ce brouillon" if line.to_state is State.ANNULEE else "envoyé cette prescription"
    said = f"{who} {done} {moment(line.at)}{', dans une autre page' if mine else ''}."
    if prescription.state is not line.to_state:
        said += f" Elle est maintenant à l’état « {prescription.state.label.lower()} »."
    if prescription.referent_id != person().id:
        said += f" {prescription.referent.full_name} la suit maintenant."
    return said


def given_back(prescription: Prescription, motif: str, partage: Collection[str]) -> Any:
    """Answer to who wanted to keep or send what is a draft no more: 409 with what was typed.

    When it left as it was typed nothing is lost: back to the prescription.
    """
    # It may have been read before somebody else changed it.
    db().refresh(prescription, ["state", "motif", "partage", "sent_at"])
    labels = {piece.slug: piece.label for piece in PIECES if not piece.required}
    ticked, shared = set(partage) & set(labels), set(prescription.partage or ()) & set(labels)
    typed = motif.strip()
    if typed == prescription.motif.strip():
        typed = ""
    address = url_for("prescriptions.show", prescription_id=prescription.id)
    thrown_away = prescription.sent_at is None
    if not thrown_away and not typed and ticked == shared:
        flash(became(prescription), "info")
        return redirect(address, 303)
    return make_response(
        render_template(
            "prescriptions/meanwhile.html",
            prescription=prescription,
            address=address,
            person_name=name_of(prescription, Side.REFERENT),
            sentence=became(prescription),
            typed=typed,
            more=[label for slug, label in labels.items() if slug in ticked - shared],
            fewer=[label for slug, label in labels.items() if slug in shared - ticked],
            thrown_away=thrown_away,
            word=WordForm(data={"texte": typed}) if _may_write(prescription) else None,
            again=_again(prescription, motif, sorted(ticked)) if thrown_away else None,
        ),
        409,
    )


def lost_of_lot(everything: Sequence[Prescription]) -> list[Lost]:
    """Return the texts that this form holds for the prescriptions of a lot that are drafts no more, unless they left so."""
    lost = []
    for prescription in everything:
        own = request.form.get(f"p-{prescription.id}-motif")
        if prescription.state is State.BROUILLON or own is None:
            continue
        text = own.strip() or request.form.get("motif", "").strip()
        if text and text != prescription.motif.strip():
            lost.append(Lost(prescription, became(prescription), text))
    return lost


def _may_write(prescription: Prescription) -> bool:
    return prescription.sent_at is not None and prescription.referent_id == person().id


def _again(prescription: Prescription, motif: str, partage: list[str]) -> dict[str, Any] | None:
    """What begins the draft again with what was typed; None when the offer is no longer prescribed."""
    if rules.why_not_offered(prescription.offer, prescription.structure) is not None:
        return None
    return {
        "action": url_for(
            "prescriptions.create", offre=prescription.offer_id, beneficiaire=prescription.beneficiary_id
        ),
        "cle": new_key(),
        "motif": motif.strip() or prescription.motif,
        # What the file holds by now: no box bears the rest.
        "partage": [
            entry["piece"]
            for entry in pieces_of(prescription.beneficiary, partage)
            if entry["piece"] in partage
        ],
    }
