"""People followed by a référent, and the journal of who read their file."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, false
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.db import id_field, list_field, moment_field, text_enum
from portal.parcours import Dominante


class Beneficiary(SQLModel, table=True):
    """A person on the RSA: only what prescribing needs."""

    __table_args__ = (Index("ix_beneficiary_referent_name", "referent_id", "nom", "prenom"),)

    id: uuid.UUID = id_field()
    prenom: str = Field(max_length=80)
    nom: str = Field(max_length=80)
    date_naissance: date
    code_insee: str | None = Field(default=None, max_length=5)
    commune: str | None = Field(default=None, max_length=150)
    telephone: str | None = Field(default=None, max_length=20)
    courriel: str | None = Field(default=None, max_length=254)
    # The person agreed that the portal writes to this address.
    courriel_accord: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    numero_allocataire: str | None = Field(default=None, max_length=20, index=True)
    dominante: Dominante | None = Field(default=None, sa_type=text_enum(Dominante), nullable=True)
    freins: list[str] | None = list_field()
    referent_id: uuid.UUID = Field(foreign_key="account.id")
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    # Names and number without accents or case; written by `rules`, read by the search.
    search_text: str = Field(default="")

    referent: User = Relationship(sa_relationship_kwargs={"lazy": "raise"})

    @property
    def full_name(self) -> str:
        """First name and name."""
        return f"{self.prenom} {self.nom}"

    def age_on(self, day: date) -> int:
        """Return the age in whole years on `day`."""
        had_birthday = (day.month, day.day) >= (self.date_naissance.month, self.date_naissance.day)
        return day.year - self.date_naissance.year - (0 if had_birthday else 1)


class AccessKind(StrEnum):
    """What was done with a person's file."""

    LECTURE = "lecture"
    MODIFICATION = "modification"
    CREATION = "creation"
    PRESCRIPTION = "prescription"
    EXPORT = "export"
    TRANSFERT = "transfert"

    @property
    def label(self) -> str:
        """The access as the journal says it."""
        return {
            "lecture": "Dossier consulté",
            "modification": "Dossier modifié",
            "creation": "Dossier créé",
            "prescription": "Prescription consultée",
            "export": "Données exportées",
            "transfert": "Dossier confié à un autre référent",
        }[self.value]


class AccessEntry(SQLModel, table=True):
    """One line of the access journal. Rows are added, never changed (the database refuses it)."""

    __tablename__ = "access_entry"
    __table_args__ = (
        CheckConstraint("user_id IS NOT NULL OR par_lien", name="somebody_or_link"),
        Index("ix_access_entry_beneficiary", "beneficiary_id", "at"),
    )

    id: uuid.UUID = id_field()
    at: datetime = moment_field()
    # Null when it was read by the link of an e-mail, by somebody of the structure.
    user_id: uuid.UUID | None = Field(default=None, foreign_key="account.id", index=True)
    par_lien: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    beneficiary_id: uuid.UUID = Field(foreign_key="beneficiary.id")
    kind: AccessKind = Field(sa_type=text_enum(AccessKind))
    prescription_id: uuid.UUID | None = Field(default=None, foreign_key="prescription.id")

    user: User | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})
