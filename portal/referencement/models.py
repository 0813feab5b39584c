"""What was written to partners, and to whom."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from portal.db import id_field, moment_field, text_enum


class Audience(StrEnum):
    """The partners concerned: each is a list that the portal makes by itself."""

    PERIMEES = "perimees"
    SANS_OFFRE = "sans_offre"
    ADRESSE = "adresse"
    COURRIEL = "courriel"

    @property
    def label(self) -> str:
        """The audience as the interface says it."""
        return {
            "perimees": "Structures dont des offres sont à confirmer",
            "sans_offre": "Structures sans offre publiée",
            "adresse": "Structures dont une adresse n’est pas trouvée",
            "courriel": "Structures dont l’adresse électronique ne répond pas",
        }[self.value]


class Campaign(SQLModel, table=True):
    """One message written to several partners, kept as it was sent."""

    id: uuid.UUID = id_field()
    audience: Audience = Field(sa_type=text_enum(Audience))
    objet: str = Field(max_length=200)
    texte: str = Field(max_length=10_000)
    sent_at: datetime = moment_field()
    sent_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class CampaignMessage(SQLModel, table=True):
    """What one structure received: the address and the message, which the outbox follows."""

    __tablename__ = "campaign_message"

    id: uuid.UUID = id_field()
    campaign_id: uuid.UUID = Field(foreign_key="campaign.id", index=True)
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    recipient: str = Field(max_length=254)
    mail_id: uuid.UUID | None = Field(default=None, foreign_key="outgoing_mail.id")
