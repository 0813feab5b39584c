"""Offers: the schema's `Service`, and what a référent needs beyond it."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, Relationship

from portal.db import id_field, list_field, moment_field, optional_moment_field, text_enum
from portal.structures.models import PlaceFields, Structure


class OfferState(StrEnum):
    """The life of an offer: only a published one is in the catalogue and in the export."""

    BROUILLON = "brouillon"
    PUBLIEE = "publiee"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return {"brouillon": "Brouillon", "publiee": "Publiée"}[self.value]


class Offer(PlaceFields, table=True):
    """A service that a structure runs. Attributes that the schema knows bear its names; vocabularies are text."""

    __table_args__ = (
        CheckConstraint("length(nom) >= 3", name="nom_length"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_whole"),
        CheckConstraint("volume_horaire_hebdomadaire >= 0", name="volume_positive"),
        CheckConstraint("nombre_semaines >= 1", name="semaines_positive"),
        CheckConstraint("state <> 'publiee' OR published_at IS NOT NULL", name="published_has_moment"),
        Index("ix_offer_state_place", "state", "latitude", "longitude"),
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
