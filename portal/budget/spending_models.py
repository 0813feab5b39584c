"""What is spent and paid: expenses, their posts and tables, payments of the State. Money is in cents, ETP in hundredths."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from portal.budget.models import Nature
from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class NonEligible(StrEnum):
    """What the State's credits do not pay for (domain §6)."""

    FRAIS_GENERAUX = "frais-generaux"
    DEPLACEMENTS = "deplacements"
    EVALUATION = "evaluation"
    PRESTATIONS = "prestations"
    INVESTISSEMENT = "investissement"

    @property
    def label(self) -> str:
        """What it is, in the words of the instruction."""
        return {
            "frais-generaux": "Frais généraux : fournitures, impressions, locaux, équipement",
            "deplacements": "Déplacements et restauration",
            "evaluation": "Évaluation",
            "prestations": "Prestations de formation ou de conduite de projet",
            "investissement": "Investissement autre que l’informatique du projet",
        }[self.value]


class PaymentKind(StrEnum):
    """The payments of a year between the State and the département."""

    AVANCE = "avance"
    SOLDE = "solde"
    REVERSEMENT = "reversement"

    @property
    def label(self) -> str:
        """The payment as the interface says it."""
        return {"avance": "Avance", "solde": "Solde", "reversement": "Reversement à l’État"}[self.value]


class StatePayment(SQLModel, table=True):
    """A payment: requested, validated, paid, each on a day, of an amount, with a reference."""

    __tablename__ = "state_payment"
    __table_args__ = (
        UniqueConstraint("convention_id", "annee", "kind"),
        CheckConstraint(
            "demande_centimes >= 0 AND valide_centimes >= 0 AND verse_centimes >= 0",
            name="nothing_below_zero",
        ),
        CheckConstraint("(demande_le IS NULL) = (demande_centimes IS NULL)", name="requested_on_a_day"),
        CheckConstraint("(valide_le IS NULL) = (valide_centimes IS NULL)", name="validated_on_a_day"),
        CheckConstraint("(verse_le IS NULL) = (verse_centimes IS NULL)", name="paid_on_a_day"),
        CheckConstraint("valide_le IS NULL OR valide_le >= demande_le", name="validated_after_requested"),
        CheckConstraint("verse_le IS NULL OR verse_le >= valide_le", name="paid_after_validated"),
        CheckConstraint("valide_le IS NULL OR demande_le IS NOT NULL", name="validated_once_requested"),
        CheckConstraint("verse_le IS NULL OR valide_le IS NOT NULL", name="paid_once_validated"),
        CheckConstraint(
            "valide_centimes IS NULL OR valide_centimes <= demande_centimes", name="not_more_valid"
        ),
        CheckConstraint("verse_centimes IS NULL OR verse_centimes <= valide_centimes", name="not_more_paid"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    annee: int
    kind: PaymentKind = Field(sa_type=text_enum(PaymentKind))
    demande_le: date | None = None
    demande_centimes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    demande_reference: str | None = Field(default=None, max_length=100)
    valide_le: date | None = None
    valide_centimes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    valide_reference: str | None = Field(default=None, max_length=100)
    verse_le: date | None = None
    verse_centimes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    verse_reference: str | None = Field(default=None, max_length=100)
    version: int = 1


class Post(SQLModel, table=True):
    """A post that the convention pays for, wholly or in part."""

    __tablename__ = "budget_post"
    __table_args__ = (
        CheckConstraint("etp BETWEEN 1 AND 10000", name="etp_sensible"),
        CheckConstraint("date_fin IS NULL OR date_debut <= date_fin", name="period"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id", index=True)
    # What the post is; never who holds it.
    intitule: str = Field(max_length=200)
    nature: Nature = Field(sa_type=text_enum(Nature))
    # Hundredths of ETP.
    etp: int
    date_debut: date
    date_fin: date | None = None
    version: int = 1


class ExpenseImport(SQLModel, table=True):
    """A table of expenses that somebody sent: kept as it came, so that the preview can be read again."""

    __tablename__ = "expense_import"

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id", index=True)
    annee: int
    nom: str = Field(max_length=150)
    contenu: bytes = Field(sa_type=LargeBinary)
    # {our column: its place in the table}, once chosen.
    colonnes: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    written_at: datetime | None = optional_moment_field()


class Expense(SQLModel, table=True):
    """A line of the statement of expenses (annexe C / annexe 3)."""

    __tablename__ = "state_expense"
    __table_args__ = (
        UniqueConstraint("import_id", "ligne"),
        CheckConstraint("volet BETWEEN 1 AND 3", name="volet_known"),
        CheckConstraint("annee BETWEEN 2000 AND 2100", name="annee_sensible"),
        CheckConstraint("date_debut <= date_fin", name="period"),
        CheckConstraint("nombre >= 0 AND cout_unitaire_centimes >= 0", name="nothing_below_zero"),
        CheckConstraint("part_etat_centimes BETWEEN 0 AND montant_centimes", name="part_within_montant"),
        CheckConstraint("non_eligible IS NULL OR hors_convention", name="not_eligible_is_apart"),
        CheckConstraint(
            "NOT hors_convention OR part_etat_centimes = 0", name="apart_costs_the_state_nothing"
        ),
        CheckConstraint("partner_convention_id IS NULL OR post_id IS NULL", name="one_tie"),
        CheckConstraint(
            "action_id IS NULL OR partner_convention_id IS NOT NULL", name="action_of_a_convention"
        ),
        Index("ix_state_expense_statement", "convention_id", "annee", "volet"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    annee: int
    volet: int
    nature: Nature = Field(sa_type=text_enum(Nature))
    objet: str = Field(max_length=300)
    # "mois", "ETP", "parcours", "forfait"…
    unite: str = Field(max_length=60)
    # Thousandths of a unit.
    nombre: int = Field(sa_type=BigInteger)
    cout_unitaire_centimes: int = Field(sa_type=BigInteger)
    date_debut: date
    date_fin: date
    # The number of units times the cost of one, rounded to the cent.
    montant_centimes: int = Field(sa_type=BigInteger)
    # What of it is charged to the State's credits; the rest is the département's own.
    part_etat_centimes: int = Field(sa_type=BigInteger)
    # Kept apart: the département's own, outside the statement.
    hors_convention: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    non_eligible: NonEligible | None = Field(default=None, sa_type=text_enum(NonEligible), nullable=True)
    partner_convention_id: uuid.UUID | None = Field(default=None, foreign_key="convention.id", index=True)
    action_id: uuid.UUID | None = Field(default=None, foreign_key="financed_action.id", index=True)
    post_id: uuid.UUID | None = Field(default=None, foreign_key="budget_post.id", index=True)
    import_id: uuid.UUID | None = Field(default=None, foreign_key="expense_import.id")
    # The line of the imported table.
    ligne: int | None = None
    version: int = 1
    created_at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
