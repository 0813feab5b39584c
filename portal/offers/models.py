"""Offers: the schema's `Service`, and what a référent needs beyond it."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text, true
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.db import JsonColumn, id_field, list_field, moment_field, optional_moment_field, text_enum
from portal.structures.models import PlaceFields, Structure


class OfferState(StrEnum):
    """The life of an offer: only a published one is in the catalogue and in the export."""

    BROUILLON = "brouillon"
    A_VALIDER = "a_valider"
    PUBLIEE = "publiee"
    SUSPENDUE = "suspendue"
    ARCHIVEE = "archivee"
    FUSIONNEE = "fusionnee"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    OfferState.BROUILLON: "Brouillon",
    OfferState.A_VALIDER: "En attente de validation",
    OfferState.PUBLIEE: "Publiée",
    OfferState.SUSPENDUE: "Suspendue",
    OfferState.ARCHIVEE: "Archivée",
    OfferState.FUSIONNEE: "Réunie à une autre",
}


class Offer(PlaceFields, table=True):
    """A service that a structure runs. Attributes that the schema knows bear its names; vocabularies are text."""

    __table_args__ = (
        CheckConstraint("length(nom) >= 3", name="nom_length"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_whole"),
        CheckConstraint("volume_horaire_hebdomadaire >= 0", name="volume_positive"),
        CheckConstraint("nombre_semaines >= 1", name="semaines_positive"),
        CheckConstraint("state <> 'publiee' OR published_at IS NOT NULL", name="published_has_moment"),
        CheckConstraint("(state = 'fusionnee') = (merged_into_id IS NOT NULL)", name="merged_has_target"),
        CheckConstraint("merged_into_id <> id", name="merged_elsewhere"),
        CheckConstraint("confirmation_mois BETWEEN 1 AND 12", name="confirmation_sensible"),
        CheckConstraint("(import_source IS NULL) = (import_id IS NULL)", name="import_whole"),
        Index("ix_offer_state_place", "state", "latitude", "longitude"),
        Index(
            "uq_offer_import",
            "import_source",
            "import_id",
            unique=True,
            sqlite_where=text("import_id IS NOT NULL"),
            postgresql_where=text("import_id IS NOT NULL"),
        ),
    )

    id: uuid.UUID = id_field()
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    nom: str = Field(max_length=150)
    description: str = Field(default="", max_length=10000)
    type: str | None = Field(default=None, max_length=60)
    thematiques: list[str] | None = list_field()
    frais: str | None = Field(default=None, max_length=60)
    frais_precisions: str | None = Field(default=None, max_length=2000)
    publics: list[str] | None = list_field()
    publics_precisions: str | None = Field(default=None, max_length=2000)
    conditions_acces: str | None = Field(default=None, max_length=4000)
    telephone: str | None = Field(default=None, max_length=20)
    courriel: str | None = Field(default=None, max_length=254)
    modes_accueil: list[str] | None = list_field()
    zone_eligibilite: list[str] | None = list_field()
    contact_nom_prenom: str | None = Field(default=None, max_length=150)
    lien_mobilisation: str | None = Field(default=None, max_length=2083)
    modes_mobilisation: list[str] | None = list_field()
    mobilisable_par: list[str] | None = list_field()
    mobilisation_precisions: str | None = Field(default=None, max_length=2000)
    volume_horaire_hebdomadaire: float | None = None
    nombre_semaines: int | None = None
    horaires_accueil: str | None = Field(default=None, max_length=500)
    # Last change or confirmation by a person, the day in Europe/Paris: leaves in the export as it is.
    date_maj: date

    # Beyond the schema, for référents (the table of Ille-et-Vilaine has these columns).
    dominantes: list[str] | None = list_field()
    mode_prescription: str | None = Field(default=None, max_length=500)
    freins: list[str] | None = list_field()
    # A document a line; leaves in the export with `conditions_acces`.
    documents_a_apporter: str | None = Field(default=None, max_length=2000)
    # Frequency and hours in words: "le mardi matin, une semaine sur deux".
    frequence: str | None = Field(default=None, max_length=300)
    # The last day on which the offer can be asked for; the day after, it hides by itself.
    date_fin: date | None = Field(default=None, index=True)
    # Months between two confirmations; null: as the département's rules say.
    confirmation_mois: int | None = None
    # False: telephone, courriel and contact_nom_prenom are shown to signed-in professionals only and do not leave.
    contact_public: bool = Field(default=True, sa_column_kwargs={"server_default": true()})

    modele_id: uuid.UUID | None = Field(default=None, foreign_key="offer_template.id", index=True)
    # The version of the template that the offer was last compared with.
    modele_version: int | None = None

    # Moves with each change: who saves an older one is told that somebody else was there.
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    submitted_at: datetime | None = optional_moment_field()
    reviewed_at: datetime | None = optional_moment_field()
    reviewed_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # What the animator answered when the offer was sent back.
    review_note: str | None = Field(default=None, max_length=2000)
    suspended_at: datetime | None = optional_moment_field()
    # Reminders sent since `date_maj`, and when the last one was.
    reminders: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    reminded_at: datetime | None = optional_moment_field()
    # The offer that stands for this one since they were found to be the same.
    merged_into_id: uuid.UUID | None = Field(default=None, foreign_key="offer.id", index=True)
    # Where it comes from when a table brought it: the producer's slug and its own id.
    import_source: str | None = Field(default=None, max_length=60)
    import_id: str | None = Field(default=None, max_length=200)

    state: OfferState = Field(default=OfferState.BROUILLON, sa_type=text_enum(OfferState))
    published_at: datetime | None = optional_moment_field()
    created_at: datetime = moment_field()
    created_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # Name, structure, labels and description without accents or case; written by `rules`, read by the search.
    search_text: str = Field(default="")

    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})

    @property
    def is_public(self) -> bool:
        """True when the offer itself is published; whether it is seen also depends on its structure."""
        return self.state is OfferState.PUBLIEE

    @property
    def is_remote(self) -> bool:
        """True when the offer is (also) available at a distance."""
        return "a-distance" in (self.modes_accueil or ())

    @property
    def is_on_site(self) -> bool:
        """True when people are received somewhere."""
        return "en-presentiel" in (self.modes_accueil or ())

    @property
    def total_hours(self) -> float | None:
        """Hours a week times weeks, when both are known."""
        if self.volume_horaire_hebdomadaire is None or self.nombre_semaines is None:
            return None
        return self.volume_horaire_hebdomadaire * self.nombre_semaines


class OfferSession(SQLModel, table=True):
    """A session of an offer: its dates and its seats."""

    __tablename__ = "offer_session"
    __table_args__ = (
        CheckConstraint("fin IS NULL OR fin >= debut", name="ends_after"),
        CheckConstraint("places IS NULL OR places >= 1", name="places_positive"),
        Index("ix_offer_session_next", "offer_id", "debut"),
    )

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID = Field(foreign_key="offer.id")
    debut: date
    fin: date | None = None
    places: int | None = None
    precisions: str | None = Field(default=None, max_length=300)


class OfferDocument(SQLModel, table=True):
    """A document to fill in before coming, kept with the data so that a copy of the database holds everything."""

    __tablename__ = "offer_document"

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID = Field(foreign_key="offer.id", index=True)
    nom: str = Field(max_length=150)
    content_type: str = Field(max_length=100)
    taille: int
    contenu: bytes = Field(sa_type=LargeBinary)
    added_at: datetime = moment_field()
    added_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class Saisie(SQLModel, table=True):
    """What somebody is typing in the form of an offer, as typed: a reload or a cut loses nothing."""

    __table_args__ = (UniqueConstraint("user_id", "offer_id"),)

    id: uuid.UUID = id_field()
    user_id: uuid.UUID = Field(foreign_key="account.id")
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    # The offer, or the id that the form will give it: no foreign key, it may not exist yet.
    offer_id: uuid.UUID
    # The version of the offer that was being changed; null for one that does not exist yet.
    version: int | None = None
    # [[name, value], …] as the form sends them.
    champs: list[Any] = Field(sa_type=JsonColumn, nullable=False)
    saved_at: datetime = moment_field()


class OfferTemplate(SQLModel, table=True):
    """A model of offer: the département's own when it has no structure, else one structure's."""

    __tablename__ = "offer_template"

    id: uuid.UUID = id_field()
    structure_id: uuid.UUID | None = Field(default=None, foreign_key="structure.id", index=True)
    nom: str = Field(max_length=150)
    # {field: value} in the names of an offer; a field that is absent is not the template's business.
    valeurs: dict[str, Any] = Field(sa_type=JsonColumn, nullable=False)
    version: int = 1
    is_archived: bool = False
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    updated_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")

    structure: Structure | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class TemplateVersion(SQLModel, table=True):
    """What a template said at one of its versions: what changed since an offer last looked."""

    __tablename__ = "offer_template_version"

    template_id: uuid.UUID = Field(foreign_key="offer_template.id", primary_key=True)
    version: int = Field(primary_key=True)
    valeurs: dict[str, Any] = Field(sa_type=JsonColumn, nullable=False)
    at: datetime = moment_field()


class Favourite(SQLModel, table=True):
    """An offer that a person keeps at hand."""

    user_id: uuid.UUID = Field(foreign_key="account.id", primary_key=True)
    offer_id: uuid.UUID = Field(foreign_key="offer.id", primary_key=True, index=True)
    added_at: datetime = moment_field()


class Signalement(SQLModel, table=True):
    """An error that a professional saw in an offer, and what its editors answered."""

    __table_args__ = (
        CheckConstraint("(reponse IS NULL) = (answered_at IS NULL)", name="answered_has_moment"),
    )

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID = Field(foreign_key="offer.id", index=True)
    by_id: uuid.UUID = Field(foreign_key="account.id")
    motifs: list[str] = Field(sa_type=JsonColumn, nullable=False)
    commentaire: str | None = Field(default=None, max_length=2000)
    created_at: datetime = moment_field()
    reponse: str | None = Field(default=None, max_length=2000)
    answered_at: datetime | None = optional_moment_field()
    answered_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")

    offer: Offer = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    by: User = Relationship(sa_relationship_kwargs={"lazy": "raise", "foreign_keys": "[Signalement.by_id]"})


class NotTwins(SQLModel, table=True):
    """Two offers that look alike and that somebody said are not the same; the lesser id first."""

    __tablename__ = "not_twins"
    __table_args__ = (CheckConstraint("first_id < second_id", name="ordered"),)

    first_id: uuid.UUID = Field(foreign_key="offer.id", primary_key=True)
    second_id: uuid.UUID = Field(foreign_key="offer.id", primary_key=True, index=True)
    decided_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime = moment_field()
