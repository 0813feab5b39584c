"""The blueprint, and what the files of views look up."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlmodel import col

from portal.accounts.models import Role
from portal.conventions import history, queries
from portal.conventions.engagements import ConventionEvent, PartnerPayment
from portal.conventions.forms import ActionForm, AmendmentForm, ConventionForm
from portal.conventions.life_forms import SignForm
from portal.conventions.models import Convention, FinancedAction, Financeur, PlaceMode
from portal.conventions.payment_forms import PaidForm, PaymentForm, UndoForm
from portal.web import failures
from portal.web.access import has_role, person
from portal.web.answers import Row, changes_of
from portal.web.fields import posted_form
from portal.web.formats import moment
from portal.web.forms import Form
from portal.web.session import db

blueprint = Blueprint("conventions", "portal.conventions.views", url_prefix="/conventions")

# Who reads the pages of this room; only officers write.
READERS = (Role.CONVENTIONNEMENT, Role.PARTENAIRE, Role.ETAT)

_LABELS = {
    "numero": "Numéro",
    "intitule": "Intitulé",
    "structure_id": "Partenaire",
    "date_debut": "Premier jour",
    "date_fin": "Dernier jour",
    "montant_centimes": "Montant",
    "financeurs": "Financeurs",
    "delai_entree_jours": "Délai d’absence, en jours",
    "grace_jours": "Délai de grâce, en jours",
    "objectifs": "Objectifs",
    "signee_le": "Signée le",
    "action": "Action",
    "places_financees": "Places financées",
    "cout_unitaire_centimes": "Coût d’une place",
    "mode": "Que devient la place",
    "surreservation": "Places en plus à retenir",
    "offres": "Offres financées",
    "document": "Document",
    "prevu_le": "Prévu le",
    "verse_le": "Versé le",
    "verse_centimes": "Montant versé",
    "reference": "Référence",
    "du_le": "À remettre pour le",
}
# What each page asks, to give it back when what it was about is there no more.
_ASKED: dict[str, type[Form]] = {
    "conventions.edit": ConventionForm,
    "conventions.sign": SignForm,
    "conventions.new_action": ActionForm,
    "conventions.edit_action": ActionForm,
    "conventions.amend": AmendmentForm,
    "conventions.new_payment": PaymentForm,
    "conventions.pay": PaidForm,
    "conventions.undo_pay": UndoForm,
}
NO_PAYMENT = "Ce versement n’est plus dans le calendrier : quelqu’un d’autre l’a ôté"
_READERS: dict[str, Callable[[str], str]] = {
    # Ids say nothing to anybody.
    "structure_id": lambda _: "(autre partenaire)",
    "mode": lambda text: PlaceMode(text.removeprefix("PlaceMode.").lower()).label,
    "financeurs": lambda text: ", ".join(one.label for one in Financeur if f"'{one.value}'" in text),
}


def visible(convention_id: uuid.UUID) -> Convention:
    """Return the convention if the person of this request may see it; 404 otherwise."""
    statement = queries.visible_to(person()).where(col(Convention.id) == convention_id)
    found = db().execute(statement).scalar_one_or_none()
    if found is None:
        _refuse_thrown_away(convention_id)
        abort(404)
    assert isinstance(found, Convention)
    return found


def _refuse_thrown_away(convention_id: uuid.UUID) -> None:
    """Say so (410), and give back what was typed, when this page is posted about a draft thrown away meanwhile."""
    gone = thrown_away(convention_id) if request.method == "POST" else None
    if gone is None:
        return
    who, when = history.last(db(), gone)
    abort(
        failures.gone(
            "Ce brouillon a été supprimé",
            f"{who or 'Le portail'} l’a supprimé {moment(when)}. Rien n’a été enregistré.",
            (url_for("conventions.show", convention_id=convention_id), "Voir son historique"),
            posted_form(_ASKED),
        )
    )


def thrown_away(convention_id: uuid.UUID) -> Convention | None:
    """Return the draft if it was thrown away and the person of this request may know of it, None otherwise."""
    return queries.thrown_away(db(), person(), convention_id)


def action_of(convention: Convention, action_id: uuid.UUID) -> FinancedAction:
    """Return the action of this convention; 404 when it is none of its own."""
    found = next((a for a in convention.actions if a.id == action_id), None)
    if found is None:
        abort(404)
    return found


def payment_of(convention: Convention, payment_id: uuid.UUID) -> PartnerPayment:
    """Return the payment of this convention; 404 otherwise. Taken out meanwhile, what was typed is given back (410)."""
    payment = find_payment(convention, payment_id)
    if payment is None and request.method == "POST":
        schedule = url_for("conventions.payments_of", convention_id=convention.id)
        form = posted_form(_ASKED)
        if form is not None:
            abort(
                failures.gone(NO_PAYMENT, "Rien n’a été enregistré.", (schedule, "Voir le calendrier"), form)
            )
        flash(f"{NO_PAYMENT}.", "warning")
        abort(redirect(schedule, 303))
    if payment is None:
        abort(404)
    return payment


def find_payment(convention: Convention, payment_id: uuid.UUID) -> PartnerPayment | None:
    """Return the payment of this convention, None when it has no such payment (any more)."""
    payment = db().get(PartnerPayment, payment_id)
    return payment if payment is not None and payment.convention_id == convention.id else None


def may_write() -> bool:
    """Say whether the person of this request writes conventions."""
    return has_role(Role.CONVENTIONNEMENT)


def history_of(
    convention: Convention, *conditions: Any
) -> list[tuple[ConventionEvent, str | None, list[Row]]]:
    """Return the history of a convention, newest first: the line, who did it, and what changed as people read it."""
    return [
        (line, who, changes_of(line.detail or {}, _LABELS, _READERS))
        for line, who in history.lines(db(), convention, *conditions)
    ]
