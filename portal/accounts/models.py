"""Users, organisations, one-time links and the outbox."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, Relationship, SQLModel

from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class Role(StrEnum):
    """What a person does here; one each. The words are those of the trade."""

    PARTENAIRE = "partenaire"
    REFERENT = "referent"
    CONVENTIONNEMENT = "conventionnement"
    ANIMATION = "animation"
    ADMINISTRATION = "administration"
    # Prefecture, DDETS, DREETS: reads conventions, bilans and figures, never a person.
    ETAT = "etat"

    @property
    def label(self) -> str:
        """The role as the interface says it."""
        return _ROLE_LABELS[self]


_ROLE_LABELS = {
    Role.PARTENAIRE: "Partenaire",
    Role.REFERENT: "Référent",
    Role.CONVENTIONNEMENT: "Conventionnement",
    Role.ANIMATION: "Animation du référencement",
    Role.ADMINISTRATION: "Administration",
    Role.ETAT: "Services de l’État",
}


class OrganisationKind(StrEnum):
    """The organisations that are not partner structures."""

    DEPARTEMENT = "departement"
    ORGANISME_REFERENT = "organisme_referent"


class Organisation(SQLModel, table=True):
    """The département, or an organisme référent that employs référents."""

    id: uuid.UUID = id_field()
    nom: str = Field(max_length=150, unique=True)
    kind: OrganisationKind = Field(sa_type=text_enum(OrganisationKind))


class User(SQLModel, table=True):
    """A person who signs in."""

    __tablename__ = "account"  # "user" is a reserved word of PostgreSQL
    __table_args__ = (
        CheckConstraint("courriel = lower(courriel)", name="courriel_lower"),
        CheckConstraint(
            "role <> 'referent' OR organisation_id IS NOT NULL", name="referent_has_organisation"
        ),
    )

    id: uuid.UUID = id_field()
    courriel: str = Field(max_length=254, unique=True)
    prenom: str = Field(max_length=80)
    nom: str = Field(max_length=80)
    role: Role = Field(sa_type=text_enum(Role))
    organisation_id: uuid.UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    password_hash: str | None = Field(default=None, max_length=200)
    # Changes at each new password and each sign-out everywhere: sessions that carry the former one are closed.
    session_key: str = Field(max_length=64)
    is_active: bool = Field(default=True)
    created_at: datetime = moment_field()
    last_sign_in_at: datetime | None = optional_moment_field()

    organisation: Organisation | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})

    @property
    def full_name(self) -> str:
        """First name and name."""
        return f"{self.prenom} {self.nom}".strip()

    # What the sign-in library asks of a user.
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    def get_id(self) -> str:
        """Return what the session keeps: the id, and the key that closes it when it changes."""
        return f"{self.id}.{self.session_key}"


class PasswordLink(SQLModel, table=True):
    """A one-time link to set a password. Only the hash of what the link carries is kept."""

    __tablename__ = "password_link"

    id: uuid.UUID = id_field()
    user_id: uuid.UUID = Field(foreign_key="account.id", index=True)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = moment_field()
    expires_at: datetime = moment_field()
    used_at: datetime | None = optional_moment_field()


class ApiToken(SQLModel, table=True):
    """A key of the API, given to a piece of software. Only the hash of what it carries is kept."""

    __tablename__ = "api_token"

    id: uuid.UUID = id_field()
    nom: str = Field(max_length=120)
    scopes: list[str] = Field(sa_type=JsonColumn, nullable=False)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = moment_field()
    expires_at: datetime = moment_field()
    revoked_at: datetime | None = optional_moment_field()
    # The day only: enough to tell which keys sleep.
    last_used_on: date | None = None


class OutgoingMail(SQLModel, table=True):
    """A message to send; it leaves by `jobs run mail`, and stays readable here when no server is configured."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        Index(
            "ix_outgoing_mail_to_send",
            "created_at",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
    )

    id: uuid.UUID = id_field()
    recipient: str = Field(max_length=254)
    subject: str = Field(max_length=200)
    body: str
    created_at: datetime = moment_field()
    # Taken by a sender at this moment; free again after a while if that sender died.
    claimed_at: datetime | None = optional_moment_field()
    sent_at: datetime | None = optional_moment_field()
    attempts: int = Field(default=0)
    last_error: str | None = Field(default=None, max_length=500)

    @property
    def masked_recipient(self) -> str:
        """The address as who does not receive the message may see it: enough to find why a server refuses it."""
        name, at, domain = self.recipient.rpartition("@")
        return f"{name[:1]}…{at}{domain}"
