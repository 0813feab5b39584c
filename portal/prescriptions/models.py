"""Prescriptions and the history of each."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, false, text
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.db import JsonColumn, id_field, list_field, moment_field, new_id, optional_moment_field, text_enum
from portal.offers.models import Offer, OfferSession
from portal.prescriptions.states import Act, Side, State
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


class ExitReason(StrEnum):
    """How an action ended for the person (domain §4.8)."""

    EMPLOI = "emploi"
    FORMATION = "formation"
    CREATION = "creation-activite"
    OBJECTIF = "objectif-atteint"
    AUTRE_OFFRE = "autre-offre"
    FIN_DE_DROITS = "fin-de-droits"
    DEMENAGEMENT = "demenagement"
    SANTE = "empechement"
    ABANDON = "abandon"
    JAMAIS_VENUE = "jamais-venue"
    PLUS_DE_PLACE = "plus-de-place"
    AUTRE = "autre"

    @property
    def label(self) -> str:
        """The outcome as the list shows it."""
        return _EXIT_LABELS[self]


_EXIT_LABELS = {
    ExitReason.EMPLOI: "Un emploi",
    ExitReason.FORMATION: "Une formation",
    ExitReason.CREATION: "Une création d’activité",
    ExitReason.OBJECTIF: "L’objectif de l’action est atteint",
    ExitReason.AUTRE_OFFRE: "Une autre offre",
    ExitReason.FIN_DE_DROITS: "La fin du droit au RSA",
    ExitReason.DEMENAGEMENT: "Un déménagement",
    ExitReason.SANTE: "Un empêchement durable",
    ExitReason.ABANDON: "La personne a arrêté",
    ExitReason.JAMAIS_VENUE: "La personne n’est jamais venue",
    ExitReason.PLUS_DE_PLACE: "Plus de place",
    ExitReason.AUTRE: "Autre issue",
}


class ContractType(StrEnum):
    """The contract signed, when the outcome is a job."""

    CDI = "cdi"
    CDD_LONG = "cdd-6-mois-et-plus"
    CDD_COURT = "cdd-moins-de-6-mois"
    IAE = "cddi"
    AIDE = "contrat-aide"
    INTERIM = "interim"
    ALTERNANCE = "alternance"

    @property
    def label(self) -> str:
        """The contract as the list shows it."""
        return {
            "cdi": "CDI",
            "cdd-6-mois-et-plus": "CDD de 6 mois et plus",
            "cdd-moins-de-6-mois": "CDD de moins de 6 mois",
            "cddi": "Contrat d’insertion (IAE)",
            "contrat-aide": "Contrat aidé (PEC, CIE)",
            "interim": "Intérim",
            "alternance": "Alternance",
        }[self.value]


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
        CheckConstraint("motif_sortie IS NULL OR state IN ('terminee', 'abandonnee')", name="outcome_at_end"),
        CheckConstraint("type_contrat IS NULL OR motif_sortie = 'emploi'", name="contract_is_a_job"),
        CheckConstraint("minutes_prevues BETWEEN 0 AND 3600", name="minutes_sensible"),
        CheckConstraint("fin_prevue >= debut_prevu", name="planned_in_order"),
        Index(
            "uq_prescription_open",
            "beneficiary_id",
            "offer_id",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        # In the order of each side's list, with all that its counts and filters ask: they are read in the index alone.
        Index(
            "ix_prescription_inbox",
            "structure_id",
            "state",
            "sent_at",
            "id",
            "offer_id",
            "suivi_par_id",
            "referent_id",
        ),
        Index(
            "ix_prescription_list",
            "referent_id",
            "state",
            "updated_at",
            "id",
            "sent_at",
            "structure_id",
            "offer_id",
        ),
        # Whether somebody had entered before is read in the index alone.
        Index("ix_prescription_beneficiary", "beneficiary_id", "date_entree"),
        Index("ix_prescription_due", "state", "updated_at"),
        Index("ix_prescription_session", "session_id", "state"),
    )

    id: uuid.UUID = id_field()
    # Made with the form: a second press of the button bears the same key and writes nothing.
    form_key: uuid.UUID = Field(unique=True)
    beneficiary_id: uuid.UUID = Field(foreign_key="beneficiary.id")
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

    # The drafts made in one go, to be read over and sent together.
    lot_id: uuid.UUID | None = Field(default=None, index=True)
    # The prescription that this one takes up, towards another offer.
    origine_id: uuid.UUID | None = Field(default=None, foreign_key="prescription.id")
    # The person agreed to be written to about this prescription.
    ecrire_personne: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    # Carried by the link of the e-mails; another one makes the former links void.
    lien_cle: uuid.UUID = Field(default_factory=new_id)

    suivi_par_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    session_id: uuid.UUID | None = Field(default=None, foreign_key="offer_session.id")
    rendez_vous_at: datetime | None = optional_moment_field()
    rendez_vous_lieu: str | None = Field(default=None, max_length=300)
    # First answer other than silence, and the acceptance.
    answered_at: datetime | None = optional_moment_field()
    accepted_at: datetime | None = optional_moment_field()
    # What is planned each week, in minutes, from the offer or adjusted, between two days.
    minutes_prevues: int | None = None
    debut_prevu: date | None = None
    fin_prevue: date | None = None

    motif_refus: RefusalReason | None = Field(default=None, sa_type=text_enum(RefusalReason), nullable=True)
    date_entree: date | None = None
    date_sortie: date | None = None
    motif_sortie: ExitReason | None = Field(default=None, sa_type=text_enum(ExitReason), nullable=True)
    type_contrat: ContractType | None = Field(default=None, sa_type=text_enum(ContractType), nullable=True)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    sent_at: datetime | None = optional_moment_field()

    beneficiary: Beneficiary = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    offer: Offer = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    referent: User = Relationship(
        sa_relationship_kwargs={"lazy": "raise", "foreign_keys": "Prescription.referent_id"}
    )
    suivi_par: User | None = Relationship(
        sa_relationship_kwargs={"lazy": "raise", "foreign_keys": "Prescription.suivi_par_id"}
    )
    session: OfferSession | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class Transition(SQLModel, table=True):
    """A line of a prescription's history: who did what, when, and what they wrote."""

    __table_args__ = (Index("ix_transition_prescription", "prescription_id", "at"),)

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    act: Act | None = Field(default=None, sa_type=text_enum(Act), nullable=True)
    from_state: State | None = Field(default=None, sa_type=text_enum(State, "from_state"), nullable=True)
    to_state: State = Field(sa_type=text_enum(State, "to_state"))
    at: datetime = moment_field()
    # Nobody signed in: the portal itself, or the structure by the link of its e-mail (`side` tells).
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    side: Side | None = Field(default=None, sa_type=text_enum(Side), nullable=True)
    # Answered on a sheet of paper, written down by the référent.
    sur_papier: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    # The day it happened (a presence, an absence, an entry), when it is not that of the line.
    jour: date | None = None
    message: str | None = Field(default=None, max_length=2000)
    # What was written to the person, who is not here to read it.
    message_personne: str | None = Field(default=None, max_length=2000)

    by: User | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class DocumentKind(StrEnum):
    """Why a document is with a prescription."""

    PIECE = "piece"
    REPONSE = "reponse-papier"


class PrescriptionDocument(SQLModel, table=True):
    """A document that goes with a prescription; its content is removed at the end of its time, its name stays."""

    __tablename__ = "prescription_document"
    __table_args__ = (
        CheckConstraint("(contenu IS NULL) = (purged_at IS NOT NULL)", name="purged_or_there"),
        CheckConstraint("taille >= 0", name="taille_positive"),
    )

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id", index=True)
    kind: DocumentKind = Field(default=DocumentKind.PIECE, sa_type=text_enum(DocumentKind))
    nom: str = Field(max_length=150)
    content_type: str = Field(max_length=100)
    taille: int
    contenu: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)
    side: Side = Field(sa_type=text_enum(Side))
    added_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    added_at: datetime = moment_field()
    purged_at: datetime | None = optional_moment_field()


class PrescriptionMessage(SQLModel, table=True):
    """A message that one side writes to the other about a prescription. Lines are added, never changed."""

    __tablename__ = "prescription_message"
    __table_args__ = (Index("ix_prescription_message_order", "prescription_id", "at"),)

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    side: Side = Field(sa_type=text_enum(Side))
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    texte: str = Field(max_length=2000)
    at: datetime = moment_field()

    by: User | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class PrescriptionRead(SQLModel, table=True):
    """When somebody last opened a prescription: what came since is new to them."""

    __tablename__ = "prescription_read"

    prescription_id: uuid.UUID = Field(foreign_key="prescription.id", primary_key=True)
    user_id: uuid.UUID = Field(foreign_key="account.id", primary_key=True, index=True)
    at: datetime = moment_field()


class ReminderKind(StrEnum):
    """What the portal reminds somebody of by itself."""

    PARTENAIRE = "partenaire"
    REFERENT = "referent"
    ENTREE = "entree"
    LIEN = "lien"


class PrescriptionReminder(SQLModel, table=True):
    """A reminder that was sent; the same one is never sent twice, by whatever machine."""

    __tablename__ = "prescription_reminder"
    __table_args__ = (UniqueConstraint("prescription_id", "kind", "rang"),)

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    kind: ReminderKind = Field(sa_type=text_enum(ReminderKind))
    # Which one of its kind, from 1.
    rang: int
    at: datetime = moment_field()


class HoursDone(SQLModel, table=True):
    """Hours that the person really did in a week, as the structure declares them."""

    __tablename__ = "hours_done"
    __table_args__ = (
        UniqueConstraint("prescription_id", "semaine"),
        CheckConstraint("minutes BETWEEN 0 AND 3600", name="minutes_sensible"),
    )

    id: uuid.UUID = id_field()
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    # The Monday of the week.
    semaine: date
    minutes: int
    updated_at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
