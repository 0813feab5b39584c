"""What the département hands in to the State for a year, and what its readers say of it."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class BilanKind(StrEnum):
    """The two bilans of a year."""

    INTERMEDIAIRE = "intermediaire"
    FINAL = "final"

    @property
    def label(self) -> str:
        """The bilan as the interface says it."""
        return {"intermediaire": "Bilan intermédiaire", "final": "Bilan final"}[self.value]


class BilanState(StrEnum):
    """Where a bilan stands: prepared, handed in, read by the first reader, settled by the second."""

    PREPARATION = "preparation"
    REMIS = "remis"
    RELU = "relu"
    ARRETE = "arrete"

    @property
    def label(self) -> str:
        """The state as a badge says it."""
        return {
            "preparation": "En préparation",
            "remis": "Remis à l’État",
            "relu": "Relu par le premier lecteur",
            "arrete": "Arrêté",
        }[self.value]


class Bilan(SQLModel, table=True):
    """What the département hands in to the State for a year. Frozen when handed in."""

    __tablename__ = "bilan"
    __table_args__ = (
        UniqueConstraint("convention_id", "annee", "kind"),
        CheckConstraint("(state = 'preparation') = (figures IS NULL)", name="frozen_when_handed_in"),
        CheckConstraint("(state = 'preparation') = (remis_at IS NULL)", name="handed_in_at_a_moment"),
        CheckConstraint(
            "relu_by_id IS NULL OR arrete_by_id IS NULL OR relu_by_id <> arrete_by_id", name="two_readers"
        ),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    annee: int
    kind: BilanKind = Field(sa_type=text_enum(BilanKind))
    state: BilanState = Field(default=BilanState.PREPARATION, sa_type=text_enum(BilanState))
    remis_at: datetime | None = optional_moment_field()
    remis_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    relu_at: datetime | None = optional_moment_field()
    relu_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    arrete_at: datetime | None = optional_moment_field()
    arrete_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # The last request for correction, and who made it.
    demande: str | None = Field(default=None, max_length=2000)
    demande_at: datetime | None = optional_moment_field()
    demande_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # Every figure and line as handed in.
    figures: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    version: int = 1


class BilanPart(SQLModel, table=True):
    """A part of a bilan: what is written in it, and whether it is ready."""

    __tablename__ = "bilan_part"
    __table_args__ = (UniqueConstraint("bilan_id", "part"),)

    id: uuid.UUID = id_field()
    bilan_id: uuid.UUID = Field(foreign_key="bilan.id")
    part: str = Field(max_length=40)
    texte: str | None = Field(default=None, max_length=20000)
    prete: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    updated_at: datetime = moment_field()
    updated_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    version: int = 1


class Mark(StrEnum):
    """What a reader says of a part."""

    VU = "vu"
    A_CORRIGER = "a-corriger"

    @property
    def label(self) -> str:
        """The mark as the interface says it."""
        return {"vu": "Vu", "a-corriger": "À corriger"}[self.value]


class BilanMark(SQLModel, table=True):
    """The mark of one of the two readers on a part of a bilan."""

    __tablename__ = "bilan_mark"
    __table_args__ = (
        UniqueConstraint("bilan_id", "part", "by_id"),
        CheckConstraint("mark = 'vu' OR commentaire IS NOT NULL", name="correction_with_comment"),
    )

    id: uuid.UUID = id_field()
    bilan_id: uuid.UUID = Field(foreign_key="bilan.id")
    part: str = Field(max_length=40)
    mark: Mark = Field(sa_type=text_enum(Mark))
    commentaire: str | None = Field(default=None, max_length=2000)
    by_id: uuid.UUID = Field(foreign_key="account.id")
    at: datetime = moment_field()
