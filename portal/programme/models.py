"""What fills a person's week beside the prescriptions, and the hours that the contract aims at. Time is in minutes."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.db import id_field, list_field, moment_field, text_enum


class LegitimateReason(StrEnum):
    """Why somebody may do fewer hours (domain §4.6). The list is all: nothing of a person's health is written here."""

    HOSPITALISATION = "hospitalisation"
    DETENTION = "detention"
    ARRET = "arret-maladie"
    GARDE = "garde-enfants"
    SANS_DOMICILE = "sans-domicile"
    RENDEZ_VOUS = "rendez-vous-medicaux"
    PROGRESSIVE = "reprise-progressive"

    @property
    def label(self) -> str:
        """The reason as the list shows it."""
        return {
            "hospitalisation": "Hospitalisation",
            "detention": "Détention",
            "arret-maladie": "Arrêt maladie",
            "garde-enfants": "Pas de garde d’enfants",
            "sans-domicile": "Sans domicile",
            "rendez-vous-medicaux": "Rendez-vous médicaux",
            "reprise-progressive": "Reprise progressive",
        }[self.value]


class ActivityKind(StrEnum):
    """What a week is made of beside the prescriptions (domain §4.6)."""

    RENDEZ_VOUS = "rendez-vous"
    DEMARCHE = "demarche"
    ATELIER = "atelier"
    FORMATION = "formation"
    IMMERSION = "immersion"
    EMPLOI = "emploi"
    BENEVOLAT = "benevolat"
    AUTRE = "autre"

    @property
    def label(self) -> str:
        """The kind as the interface says it."""
        return {
            "rendez-vous": "Rendez-vous",
            "demarche": "Démarche",
            "atelier": "Atelier collectif",
            "formation": "Formation",
            "immersion": "Immersion en entreprise",
            "emploi": "Emploi",
            "benevolat": "Bénévolat",
            "autre": "Autre activité",
        }[self.value]


class WeeklyTarget(SQLModel, table=True):
    """The hours a week that the contract aims at from a week on, and why they are fewer when they are."""

    __tablename__ = "weekly_target"
    __table_args__ = (
        UniqueConstraint("beneficiary_id", "a_partir_du"),
        CheckConstraint("minutes_min BETWEEN 0 AND minutes_max", name="in_order"),
        CheckConstraint("minutes_max <= 3600", name="sensible"),
    )

    id: uuid.UUID = id_field()
    beneficiary_id: uuid.UUID = Field(foreign_key="beneficiary.id")
    # The Monday of the first week.
    a_partir_du: date
    minutes_min: int
    minutes_max: int
    raison: LegitimateReason | None = Field(default=None, sa_type=text_enum(LegitimateReason), nullable=True)
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class Activity(SQLModel, table=True):
    """Something that the person does and that no prescription tells: a class, volunteering, an appointment."""

    __table_args__ = (
        CheckConstraint("minutes BETWEEN 1 AND 3600", name="minutes_sensible"),
        CheckConstraint("fin IS NULL OR fin >= debut", name="in_order"),
        Index("ix_activity_beneficiary", "beneficiary_id", "debut"),
    )

    id: uuid.UUID = id_field()
    beneficiary_id: uuid.UUID = Field(foreign_key="beneficiary.id")
    kind: ActivityKind = Field(sa_type=text_enum(ActivityKind))
    intitule: str = Field(max_length=150)
    # Each week between the two days (open when `fin` is null); once when both are the same.
    debut: date
    fin: date | None = None
    # Days of the week, 0 for Monday; null when they vary.
    jours: list[int] | None = list_field()
    # "14:30"; null when it varies.
    heure: str | None = Field(default=None, max_length=5)
    # A week, or once.
    minutes: int
    created_at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class ActivityDone(SQLModel, table=True):
    """What was really done of an activity in a week, as the référent writes it."""

    __tablename__ = "activity_done"
    __table_args__ = (
        UniqueConstraint("activity_id", "semaine"),
        CheckConstraint("minutes BETWEEN 0 AND 3600", name="minutes_sensible"),
    )

    id: uuid.UUID = id_field()
    activity_id: uuid.UUID = Field(foreign_key="activity.id")
    semaine: date
    minutes: int
    updated_at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
