"""What a convention with a partner binds both sides to: amendments, reports due, payments, and their history.

Money is in cents.
"""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class ConventionAmendment(SQLModel, table=True):
    """An avenant of a partner's convention: money, a later end; the places it changes are `PlaceChange` lines of it."""

    __tablename__ = "convention_amendment"
    __table_args__ = (
        UniqueConstraint("convention_id", "numero"),
        CheckConstraint("numero >= 1", name="numero_positive"),
        CheckConstraint("date_fin_apres IS NULL OR date_fin_avant IS NOT NULL", name="end_from_an_end"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id")
    numero: int
    signe_le: date
    # The day from which the money and the places count.
    effet_le: date
    objet: str = Field(max_length=500)
    # Cents more, or fewer below zero.
    d_montant_centimes: int = Field(default=0, sa_type=BigInteger)
    # When the amendment moves the end: from which day to which.
    date_fin_avant: date | None = None
    date_fin_apres: date | None = None
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class ConventionEvent(SQLModel, table=True):
    """A line of the history of a partner's convention: who, when, what, why. Lines are added, never changed."""

    __tablename__ = "convention_event"
    __table_args__ = (Index("ix_convention_event_order", "convention_id", "at"),)

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id")
    at: datetime = moment_field()
    # Null: the portal itself.
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # What was done, as the history says it ("Convention signée").
    fait: str = Field(max_length=150)
    motif: str | None = Field(default=None, max_length=1000)
    # {field: [before, after]}, as text.
    detail: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    # About what was not signed, handed in or paid when it was written: the State's services do not read it.
    brouillon: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class PartnerPayment(SQLModel, table=True):
    """What the département pays a partner under its convention: planned, then paid."""

    __tablename__ = "convention_payment"
    __table_args__ = (
        CheckConstraint("montant_centimes >= 0", name="montant_positive"),
        CheckConstraint("verse_centimes >= 0", name="verse_positive"),
        CheckConstraint("(verse_le IS NULL) = (verse_centimes IS NULL)", name="paid_on_a_day"),
        Index("ix_convention_payment_convention", "convention_id", "prevu_le"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id")
    # Null: for the whole of the convention.
    action_id: uuid.UUID | None = Field(default=None, foreign_key="financed_action.id", index=True)
    intitule: str = Field(max_length=200)
    prevu_le: date
    montant_centimes: int = Field(sa_type=BigInteger)
    verse_le: date | None = None
    verse_centimes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    reference: str | None = Field(default=None, max_length=100)
    version: int = 1


class ReportKind(StrEnum):
    """What a partner owes."""

    ACTIVITE = "activite"
    FINANCIER = "financier"
    FINAL = "final"

    @property
    def label(self) -> str:
        """The report as the interface says it."""
        return {
            "activite": "Rapport d’activité",
            "financier": "Compte rendu financier",
            "final": "Rapport final",
        }[self.value]


class ReportState(StrEnum):
    """Where a report stands."""

    A_REMETTRE = "a-remettre"
    REMIS = "remis"
    A_CORRIGER = "a-corriger"
    ACCEPTE = "accepte"

    @property
    def label(self) -> str:
        """The state as a badge says it."""
        return {
            "a-remettre": "À remettre",
            "remis": "Remis",
            "a-corriger": "À corriger",
            "accepte": "Accepté",
        }[self.value]


class PartnerReport(SQLModel, table=True):
    """A report due from a partner: what the portal knows of the period, and what the partner adds."""

    __tablename__ = "convention_report"
    __table_args__ = (
        UniqueConstraint("convention_id", "kind", "debut"),
        CheckConstraint("debut <= fin", name="period"),
        # The figures are frozen as long as the report is handed in.
        CheckConstraint(
            "(state IN ('remis', 'accepte')) = (figures IS NOT NULL)", name="frozen_when_handed_in"
        ),
        CheckConstraint("state <> 'a-corriger' OR demande IS NOT NULL", name="correction_with_reason"),
        CheckConstraint("minutes_hors_portail >= 0", name="minutes_positive"),
        CheckConstraint("personnes_hors_portail >= 0", name="personnes_positive"),
        CheckConstraint("depenses_centimes >= 0", name="depenses_positive"),
        Index("ix_convention_report_due", "state", "du_le"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id", index=True)
    kind: ReportKind = Field(sa_type=text_enum(ReportKind))
    debut: date
    fin: date
    du_le: date
    state: ReportState = Field(default=ReportState.A_REMETTRE, sa_type=text_enum(ReportState))
    realise: str | None = Field(default=None, max_length=5000)
    difficultes: str | None = Field(default=None, max_length=5000)
    perspectives: str | None = Field(default=None, max_length=5000)
    # What the portal does not see: people not prescribed here, hours not declared week by week, what was spent.
    personnes_hors_portail: int | None = None
    minutes_hors_portail: int | None = None
    depenses_centimes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    figures: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    remis_at: datetime | None = optional_moment_field()
    remis_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    lu_at: datetime | None = optional_moment_field()
    lu_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # What the officer asks to correct.
    demande: str | None = Field(default=None, max_length=2000)
    version: int = 1


class ConventionDocument(SQLModel, table=True):
    """A document of a partner's convention (the signed act, an amendment), of one of its reports or of its payments."""

    __tablename__ = "convention_document"
    __table_args__ = (
        CheckConstraint("taille >= 0", name="taille_positive"),
        CheckConstraint("report_id IS NULL OR payment_id IS NULL", name="of_one_thing"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id", index=True)
    report_id: uuid.UUID | None = Field(default=None, foreign_key="convention_report.id", index=True)
    payment_id: uuid.UUID | None = Field(default=None, foreign_key="convention_payment.id", index=True)
    nom: str = Field(max_length=150)
    content_type: str = Field(max_length=100)
    taille: int
    contenu: bytes = Field(sa_type=LargeBinary)
    added_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    added_at: datetime = moment_field()


class DueNotice(SQLModel, table=True):
    """A notice already sent about something due, so that it is sent once; `sujet_id` is a row of any table."""

    __tablename__ = "due_notice"
    __table_args__ = (UniqueConstraint("sujet_id", "kind", "echeance_le"),)

    id: uuid.UUID = id_field()
    sujet_id: uuid.UUID
    # What was announced and which time: "fin-90", "fin-30", "fin-7", "rapport-15", "avance"…
    kind: str = Field(max_length=40)
    # The day that it announced: another day is announced again.
    echeance_le: date
    sent_at: datetime = moment_field()
