"""Parcours types: what the State asks of each action entrusted to a partner, made from the action and its offers.

Name, length, content, modalities, public, unit cost, financed places (domain §6). What an offer does not say is told.
An offer that is not published says nothing yet: its structure may still change all of it, and nobody has read it over.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal import vocabulary
from portal.budget import sheets
from portal.conventions import ledger
from portal.conventions.models import ActionOffer, Convention, FinancedAction
from portal.conventions.states import ConventionState
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure
from portal.tabular import french_csv

COLUMNS = (
    ("Parcours type", 34),
    ("Structure", 30),
    ("Convention", 16),
    ("Durée", 18),
    ("Contenu de l’offre", 60),
    ("Modalités", 44),
    ("Public visé", 36),
    ("Coût unitaire", 16),
    ("Places financées", 11),
    ("À compléter", 40),
)
# What the type of an offer says of how people come.
_TOGETHER = {"atelier": "collectif", "accompagnement": "individuel"}
# Why what an offer says is left out.
_UNREAD = {
    OfferState.BROUILLON: "Offre en brouillon, rien n’en est repris",
    OfferState.A_VALIDER: "Offre à valider, rien n’en est repris",
    OfferState.ARCHIVEE: "Offre archivée sans avoir été publiée, rien n’en est repris",
    OfferState.FUSIONNEE: "Offre réunie à une autre, rien n’en est repris",
}
_SHORT = 280


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not said, and the offer that should say it (no id: there is none, or none to read)."""

    what: str
    offer_id: uuid.UUID | None = None
    offer: str = ""


@dataclass(frozen=True, slots=True)
class Parcours:
    """A row of the file."""

    action_id: uuid.UUID
    convention_id: uuid.UUID
    nom: str
    structure: str
    numero: str
    duree: str
    contenu: str
    modalites: str
    public: str
    # Cents.
    cout_unitaire: int
    # At the end of the period.
    places: int
    manques: list[Missing]

    @property
    def contenu_court(self) -> str:
        """The content as a page shows it."""
        return self.contenu if len(self.contenu) <= _SHORT else self.contenu[:_SHORT].rsplit(" ", 1)[0] + "…"

    @property
    def manque(self) -> str:
        """What is missing, in one text."""
        return " ; ".join(f"{one.what} ({one.offer})" if one.offer else one.what for one in self.manques)


def statement(debut: date, fin: date) -> Any:
    """Select the actions (with convention and structure) of signed conventions that run on a day of the period."""
    return (
        select(FinancedAction, Convention, col(Structure.nom))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(
            col(Convention.state) != ConventionState.BROUILLON,
            col(Convention.date_debut) <= fin,
            col(Convention.date_fin) >= debut,
        )
        .order_by(
            col(Structure.nom), col(Convention.numero), col(FinancedAction.intitule), col(FinancedAction.id)
        )
    )


def told(session: Session, rows: Sequence[Any], fin: date) -> list[Parcours]:
    """Return the rows of `statement` as the file tells them, in three statements whatever their number."""
    actions = [row[0] for row in rows]
    places = ledger.places_of_actions(session, actions, fin)
    offers: dict[uuid.UUID, list[Offer]] = {}
    for action_id, offer in session.execute(
        select(col(ActionOffer.action_id), Offer)
        .join(Offer, col(Offer.id) == col(ActionOffer.offer_id))
        .where(col(ActionOffer.action_id).in_([action.id for action in actions]))
        .order_by(col(Offer.nom), col(Offer.id))
    ):
        offers.setdefault(action_id, []).append(offer)
    return [
        _row(action, convention, structure, offers.get(action.id, []), places[action.id].financees)
        for action, convention, structure in rows
    ]


def _row(
    action: FinancedAction, convention: Convention, structure: str, offers: Sequence[Offer], places: int
) -> Parcours:
    missing = [] if offers else [Missing("Aucune offre n’est liée à l’action")]
    missing += [Missing(_UNREAD[offer.state], None, offer.nom) for offer in offers if not _is_told(offer)]
    offers = [offer for offer in offers if _is_told(offer)]
    for offer in offers:
        for absent, what in (
            (offer.nombre_semaines is None, "Durée"),
            (not offer.description.strip(), "Contenu"),
            (offer.volume_horaire_hebdomadaire is None, "Heures par semaine"),
            (offer.type not in _TOGETHER, "Individuel ou collectif"),
            (not offer.publics and not offer.publics_precisions, "Public visé"),
        ):
            if absent:
                missing.append(Missing(what, offer.id, offer.nom))
    several = len(offers) > 1
    return Parcours(
        action_id=action.id,
        convention_id=convention.id,
        nom=action.intitule,
        structure=structure,
        numero=convention.numero,
        duree=_length(offers),
        contenu="\n".join(
            f"{offer.nom} : {offer.description.strip()}" if several else offer.description.strip()
            for offer in offers
            if offer.description.strip()
        ),
        modalites="\n".join(
            f"{offer.nom} : {said}" if several else said for offer in offers if (said := _modalities(offer))
        ),
        public=", ".join(_publics(offers)),
        cout_unitaire=action.cout_unitaire_centimes,
        places=places,
        manques=missing,
    )


def _is_told(offer: Offer) -> bool:
    """Say whether the offer was read over and published; suspended or put away since, it still tells what was done."""
    return offer.state in {OfferState.PUBLIEE, OfferState.SUSPENDUE} or (
        offer.state is OfferState.ARCHIVEE and offer.published_at is not None
    )


def _length(offers: Sequence[Offer]) -> str:
    weeks = sorted({offer.nombre_semaines for offer in offers if offer.nombre_semaines is not None})
    if not weeks:
        return ""
    if len(weeks) > 1:
        return f"{weeks[0]} à {weeks[-1]} semaines"
    return f"{weeks[0]} semaine" if weeks[0] == 1 else f"{weeks[0]} semaines"


def _modalities(offer: Offer) -> str:
    parts = []
    if offer.volume_horaire_hebdomadaire is not None:
        parts.append(f"{_hours(offer.volume_horaire_hebdomadaire)} par semaine")
    if offer.total_hours is not None:
        parts.append(f"{_hours(offer.total_hours)} en tout")
    if offer.type in _TOGETHER:
        parts.append(_TOGETHER[offer.type])
    if offer.frequence:
        parts.append(offer.frequence)
    parts += [label.lower() for label in vocabulary.labels("modes_accueil", offer.modes_accueil)]
    return ", ".join(parts)


def _hours(value: float) -> str:
    minutes = round(value * 60)
    return f"{minutes // 60} h" + (f" {minutes % 60:02d}" if minutes % 60 else "")


def _publics(offers: Sequence[Offer]) -> list[str]:
    found: list[str] = []
    for offer in offers:
        for said in [*vocabulary.labels("publics", offer.publics), offer.publics_precisions or ""]:
            if said and said not in found:
                found.append(said)
    return found


def as_csv(rows: Sequence[Parcours]) -> bytes:
    """Return the file as a French spreadsheet opens it."""
    return french_csv(
        [title for title, _ in COLUMNS],
        [
            [
                row.nom,
                row.structure,
                row.numero,
                row.duree,
                row.contenu,
                row.modalites,
                row.public,
                f"{row.cout_unitaire // 100},{row.cout_unitaire % 100:02d}",
                row.places,
                row.manque,
            ]
            for row in rows
        ],
    )


def as_xlsx(rows: Sequence[Parcours], debut: date, fin: date) -> bytes:
    """Return the file as a workbook, with the sum of places as a live formula."""
    heading = f"Parcours types du {debut:%d/%m/%Y} au {fin:%d/%m/%Y}"
    with sheets.Book(heading) as book:
        sheet = book.sheet("Parcours types", heading, COLUMNS)
        first = sheet.row
        for row in rows:
            for place, text in enumerate(
                (row.nom, row.structure, row.numero, row.duree, row.contenu, row.modalites, row.public)
            ):
                sheet.put(place, text)
            sheet.put(7, row.cout_unitaire, "euros")
            sheet.put(8, row.places, "whole")
            sheet.put(9, row.manque)
            sheet.row += 1
        last = sheet.row
        sheet.fill("total")
        sheet.put(0, "Total", "text", "total")
        sheet.sum_of(8, range(first, last), sum(row.places for row in rows), "whole", "total")
        sheet.row += 1
    return book.content
