"""Prescriptions and the history of each."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.db import JsonColumn, id_field, list_field, moment_field, optional_moment_field, text_enum
from portal.offers.models import Offer
from portal.prescriptions.states import Act, State
from portal.structures.models import Structure


class RefusalReason(StrEnum):
    """Why a partner refuses; the codes can be told to DORA and les Emplois."""

    NON_JOIGNABLE = "beneficiaire-non-joignable"
    ABSENT = "beneficiaire-absent"
    EN_EMPLOI = "beneficiaire-en-emploi"
    EN_FORMATION = "beneficiaire-en-formation"
    NON_ELIGIBLE = "beneficiaire-non-eligible"
    NON_MOBILE = "beneficiaire-non-mobile"
    NON_INTERESSE = "beneficiaire-non-interesse"
    FREINS = "freins-peripheriques"
    COMPLET = "session-complete"
    DOUBLON = "orientation-en-doublon"
    OFFRE_FERMEE = "offre-fermee"
    AUTRE = "autre"

    @property
    def label(self) -> str:
        """The reason as the list shows it."""
        return _REASON_LABELS[self]


_REASON_LABELS = {
    RefusalReason.NON_JOIGNABLE: "La personne n’a pas pu être jointe",
    RefusalReason.ABSENT: "La personne n’est pas venue",
    RefusalReason.EN_EMPLOI: "La personne a un emploi",
    RefusalReason.EN_FORMATION: "La personne est en formation",
    RefusalReason.NON_ELIGIBLE: "La personne ne remplit pas les conditions",
    RefusalReason.NON_MOBILE: "La personne ne peut pas se déplacer jusqu’à nous",
    RefusalReason.NON_INTERESSE: "La personne n’est pas intéressée",
    RefusalReason.FREINS: "D’autres difficultés sont à lever d’abord",
    RefusalReason.COMPLET: "Plus de place",
    RefusalReason.DOUBLON: "La demande a déjà été faite",
    RefusalReason.OFFRE_FERMEE: "L’offre n’est plus proposée",
    RefusalReason.AUTRE: "Autre raison",
}

_OPEN = "state IN ('envoyee', 'a_l_etude', 'acceptee', 'entree')"


class Prescription(SQLModel, table=True):
    """A référent sends a person to an offer. What the partner reads is frozen here at sending, and nowhere else."""

    __table_args__ = (
        CheckConstraint("(state = 'refusee') = (motif_refus IS NOT NULL)", name="refusal_has_reason"),
        CheckConstraint(
            "state IN ('brouillon', 'annulee') OR (consentement_at IS NOT NULL AND sent_at IS NOT NULL)",
            name="sent_with_consent",
        ),
        CheckConstraint(
            "state NOT IN ('entree', 'terminee') OR date_entree IS NOT NULL", name="entry_has_date"
        ),
        CheckConstraint("state <> 'terminee' OR date_sortie IS NOT NULL", name="end_has_date"),
        CheckConstraint("date_sortie IS NULL OR date_sortie >= date_entree", name="end_after_entry"),
        Index(
            "uq_prescription_open",
            "beneficiary_id",
            "offer_id",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index("ix_prescription_structure_state", "structure_id", "state", "sent_at"),
        Index("ix_prescription_referent_state", "referent_id", "state", "updated_at"),
    )

    id: uuid.UUID = id_field()
    # Made with the form: a second press of the button bears the same key and writes nothing.
    form_key: uuid.UUID = Field(unique=True)
    beneficiary_id: uuid.UUID = Field(foreign_key="beneficiary.id", index=True)
    offer_id: uuid.UUID = Field(foreign_key="offer.id", index=True)
    structure_id: uuid.UUID = Field(foreign_key="structure.id")
    referent_id: uuid.UUID = Field(foreign_key="account.id")
    state: State = Field(default=State.BROUILLON, sa_type=text_enum(State))

    motif: str = Field(default="", max_length=2000)
    # Names of the pieces of the file that the référent chose to share (see `sharing.PIECES`).
    partage: list[str] | None = list_field()
    # [[label, value], …] as the partner reads them, frozen at sending.
    donnees_partagees: list[Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    consentement_at: datetime | None = optional_moment_field()
    consentement_version: str | None = Field(default=None, max_length=20)
    # The offer as it was called at sending: it may be renamed or withdrawn since.
    offre_nom: str = Field(max_length=150)

    motif_refus: RefusalReason | None = Field(default=None, sa_type=text_enum(RefusalReason), nullable=True)
    date_entree: date | None = None
    date_sortie: date | None = None
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    sent_at: datetime | None = optional_moment_field()

    beneficiary: Beneficiary = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    offer: Offer = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    referent: User = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class Transition(SQLModel, table=True):
    """A line of a prescription's history: who did what, when, and what they wrote."""

    __table_args__ = (Index("ix_transition_prescription", "prescription_id", "at"),)

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    act: Act | None = Field(default=None, sa_type=text_enum(Act), nullable=True)
    from_state: State | None = Field(default=None, sa_type=text_enum(State, "from_state"), nullable=True)
    to_state: State = Field(sa_type=text_enum(State, "to_state"))
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    message: str | None = Field(default=None, max_length=2000)

    by: User | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})
