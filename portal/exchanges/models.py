"""Imports of tables: what was sent, how its columns are read, and what each line gives."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlmodel import Field, SQLModel

from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class ImportState(StrEnum):
    """Where an import stands: nothing is written before somebody says yes to the preview."""

    COLONNES = "colonnes"
    LECTURE = "lecture"
    APERCU = "apercu"
    ECRITURE = "ecriture"
    TERMINE = "termine"
    ABANDONNE = "abandonne"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return {
            "colonnes": "Colonnes à reconnaître",
            "lecture": "Lecture en cours",
            "apercu": "Aperçu à relire",
            "ecriture": "Enregistrement en cours",
            "termine": "Terminé",
            "abandonne": "Abandonné",
        }[self.value]


class ImportOutcome(StrEnum):
    """What a line of the table gives."""

    CREE = "cree"
    MODIFIE = "modifie"
    INCHANGE = "inchange"
    REFUSE = "refuse"
    IGNORE = "ignore"

    @property
    def label(self) -> str:
        """The outcome as the interface says it."""
        return {
            "cree": "À créer",
            "modifie": "À modifier",
            "inchange": "Inchangée",
            "refuse": "Refusée",
            "ignore": "Ignorée",
        }[self.value]


class ImportMapping(SQLModel, table=True):
    """How the columns of a table are read; found again by its headers the next time."""

    __tablename__ = "import_mapping"

    id: uuid.UUID = id_field()
    # Of the headers, folded and in order.
    headers_hash: str = Field(max_length=64, unique=True)
    # {sheet: {header: "structures.nom" | "services.nom" | ""}} and what is said once for the whole table.
    columns: dict[str, Any] = Field(sa_type=JsonColumn, nullable=False)
    updated_at: datetime = moment_field()
    updated_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class ImportRun(SQLModel, table=True):
    """One table sent by somebody."""

    __tablename__ = "import_run"
    __table_args__ = (CheckConstraint("done >= 0 AND done <= total", name="done_within"),)

    id: uuid.UUID = id_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    created_at: datetime = moment_field()
    finished_at: datetime | None = optional_moment_field()
    filename: str = Field(max_length=200)
    contenu: bytes = Field(sa_type=LargeBinary)
    sha256: str = Field(max_length=64, index=True)
    state: ImportState = Field(sa_type=text_enum(ImportState))
    columns: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    total: int = 0
    done: int = 0
    # What keeps the whole table from being read, in a sentence.
    problem: str | None = Field(default=None, max_length=1000)


class ImportLine(SQLModel, table=True):
    """What one line of the table gives, or gave."""

    __tablename__ = "import_line"
    __table_args__ = (Index("ix_import_line_order", "run_id", "kind", "line"),)

    id: uuid.UUID = id_field()
    run_id: uuid.UUID = Field(foreign_key="import_run.id")
    # "structures" or "services"
    kind: str = Field(max_length=20)
    # As the spreadsheet numbers it: the headers are line 1.
    line: int
    outcome: ImportOutcome = Field(sa_type=text_enum(ImportOutcome))
    nom: str | None = Field(default=None, max_length=300)
    # The structure or the offer found or made.
    target_id: uuid.UUID | None = None
    record: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    # {field: [before, after]}
    changes: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    # [[column, value, sentence], …]
    errors: list[Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    written_at: datetime | None = optional_moment_field()
