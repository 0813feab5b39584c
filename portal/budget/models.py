"""The convention between the State and the département. Money is in cents, ETP in hundredths, rates in hundredths of a percent."""

import uuid
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from portal.conventions.states import ConventionState, Standing, standing
from portal.db import JsonColumn, id_field, moment_field, text_enum


class Volet(IntEnum):
    """The three volets of the convention; credits never move from one to another (domain §6)."""

    INGENIERIE = 1
    SOLUTIONS = 2
    DEPLOIEMENT = 3

    @property
    def label(self) -> str:
        """The volet as the interface says it."""
        return {
            1: "Volet 1 – ingénierie et système d’information",
            2: "Volet 2 – solutions locales",
            3: "Volet 3 – déploiements territoriaux",
        }[self.value]

    @property
    def short(self) -> str:
        """The volet in a column."""
        return f"Volet {self.value}"


class Bloc(StrEnum):
    """The blocks of the statement of expenses, in its order."""

    EQUIPES = "equipes"
    SOLUTIONS = "solutions"
    REFERENCEMENT = "referencement"
    SI = "si"

    @property
    def label(self) -> str:
        """The block as the official layout says it."""
        return {
            "equipes": "Renforcement des équipes locales",
            "solutions": "Solutions locales",
            "referencement": "Référencement de l’offre",
            "si": "Développement du système d’information",
        }[self.value]


class Nature(StrEnum):
    """The natures of expense of the financing plan (domain §6)."""

    INGENIERIE = "equipes-ingenierie"
    ACCOMPAGNEMENT = "equipes-accompagnement"
    DELEGUE = "accompagnement-delegue"
    COMPLEMENTAIRES = "solutions-complementaires"
    REMOBILISATION = "remobilisation"
    MAINTIEN = "maintien-emploi"
    MOBILITE = "freins-mobilite"
    GARDE_ENFANT = "freins-garde-enfant"
    SANTE = "freins-sante"
    AUTRE_FREIN = "freins-autre"
    REFERENCEMENT = "referencement"
    SI = "si"

    @property
    def label(self) -> str:
        """The nature as the official layout says it."""
        return {
            "equipes-ingenierie": "Équipes : ingénierie",
            "equipes-accompagnement": "Équipes : accompagnement",
            "accompagnement-delegue": "Accompagnement délégué",
            "solutions-complementaires": "Solutions complémentaires",
            "remobilisation": "Remobilisation",
            "maintien-emploi": "Maintien dans l’emploi",
            "freins-mobilite": "Levée des freins : mobilité",
            "freins-garde-enfant": "Levée des freins : garde d’enfant",
            "freins-sante": "Levée des freins : santé",
            "freins-autre": "Levée des freins : autre",
            "referencement": "Référencement de l’offre",
            "si": "Développement du système d’information",
        }[self.value]

    @property
    def bloc(self) -> Bloc:
        """The block of the statement that the nature belongs to."""
        if self in {Nature.INGENIERIE, Nature.ACCOMPAGNEMENT}:
            return Bloc.EQUIPES
        if self in {Nature.REFERENCEMENT, Nature.SI}:
            return Bloc(self.value)
        return Bloc.SOLUTIONS


class Rounding(StrEnum):
    """How the advance is rounded."""

    EURO_PROCHE = "euro-proche"
    EURO_INFERIEUR = "euro-inferieur"
    CENTIME = "centime"

    @property
    def label(self) -> str:
        """The rounding as the interface says it."""
        return {
            "euro-proche": "À l’euro le plus proche",
            "euro-inferieur": "À l’euro inférieur",
            "centime": "Au centime",
        }[self.value]


class UnderConsumption(StrEnum):
    """What becomes of an advance that was not spent."""

    DEDUITE = "deduite"
    REVERSEE = "reversee"

    @property
    def label(self) -> str:
        """The rule as the interface says it."""
        return {
            "deduite": "Déduite de l’avance de l’année suivante",
            "reversee": "Reversée à l’État (ordre de reversement)",
        }[self.value]


class StateConvention(SQLModel, table=True):
    """The convention by which the State finances the département."""

    __tablename__ = "state_convention"
    __table_args__ = (
        CheckConstraint("date_debut <= date_fin", name="period"),
        CheckConstraint("taux_avance BETWEEN 0 AND 10000", name="taux_avance_sensible"),
        CheckConstraint("taux_departement BETWEEN 0 AND 10000", name="taux_departement_sensible"),
        CheckConstraint("etp_ingenierie_max >= 0", name="etp_positive"),
        CheckConstraint("grace_jours BETWEEN 0 AND 730", name="grace_sensible"),
        CheckConstraint("(state = 'resiliee') = (resiliee_le IS NOT NULL)", name="ended_on_a_day"),
    )

    id: uuid.UUID = id_field()
    numero: str = Field(max_length=60, unique=True)
    intitule: str = Field(max_length=200)
    date_debut: date
    date_fin: date
    # Parties and signatories.
    etat: str = Field(max_length=200)
    etat_signataire: str | None = Field(default=None, max_length=200)
    departement: str = Field(max_length=200)
    departement_signataire: str | None = Field(default=None, max_length=200)
    # Imputation.
    programme: str | None = Field(default=None, max_length=60)
    action: str | None = Field(default=None, max_length=60)
    sous_action: str | None = Field(default=None, max_length=60)
    activite: str | None = Field(default=None, max_length=60)
    groupe_marchandises: str | None = Field(default=None, max_length=60)
    centre_financier: str | None = Field(default=None, max_length=60)
    centre_cout: str | None = Field(default=None, max_length=60)
    engagement_juridique: str | None = Field(default=None, max_length=60)
    ordonnateur: str | None = Field(default=None, max_length=200)
    comptable: str | None = Field(default=None, max_length=200)
    # Bank details: shown to officers and to the State's services only.
    titulaire: str | None = Field(default=None, max_length=200)
    iban: str | None = Field(default=None, max_length=34)
    bic: str | None = Field(default=None, max_length=11)
    # Terms of payment. Rates are in hundredths of a percent: 6000 is 60 %.
    taux_avance: int = 6000
    arrondi_avance: Rounding = Field(default=Rounding.EURO_PROCHE, sa_type=text_enum(Rounding))
    sous_consommation: UnderConsumption = Field(
        default=UnderConsumption.DEDUITE, sa_type=text_enum(UnderConsumption)
    )
    # The département's share of the whole of volet 2.
    taux_departement: int = 5000
    # Hundredths of ETP of engineering at most; null when the text sets none.
    etp_ingenierie_max: int | None = 300
    grace_jours: int = 92
    state: ConventionState = Field(default=ConventionState.BROUILLON, sa_type=text_enum(ConventionState))
    resiliee_le: date | None = None
    version: int = 1
    created_at: datetime = moment_field()

    def standing_on(self, day: date) -> Standing:
        """Return where the convention stands on `day`."""
        return standing(self.state, self.date_debut, self.date_fin, day)

    @property
    def annees(self) -> list[int]:
        """The calendar years that the period touches, in order."""
        return list(range(self.date_debut.year, self.date_fin.year + 1))


class StateAmendment(SQLModel, table=True):
    """The initial convention (number 0) or an avenant: object, target, amounts by year and volet, plan.

    A signed one never changes: what the convention said on a day is what those signed by that day say, the last one
    speaking for each year that it names.
    """

    __tablename__ = "state_amendment"
    __table_args__ = (
        UniqueConstraint("convention_id", "numero"),
        CheckConstraint("numero >= 0", name="numero_positive"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    numero: int
    # Null: still a draft.
    signe_le: date | None = None
    objet: str = Field(max_length=2000)
    # The target of the year: people to accompany, in words or figures.
    cible: str | None = Field(default=None, max_length=1000)
    # The end that this one gives the convention, when it moves it.
    date_fin: date | None = None
    version: int = 1
    created_at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")

    @property
    def name(self) -> str:
        """What it is called."""
        return f"Avenant n° {self.numero}" if self.numero else "Convention initiale"


class StateAmount(SQLModel, table=True):
    """What the State gives to a volet for a year, as the convention or an avenant says."""

    __tablename__ = "state_amount"
    __table_args__ = (
        UniqueConstraint("amendment_id", "annee", "volet"),
        CheckConstraint("volet BETWEEN 1 AND 3", name="volet_known"),
        CheckConstraint("annee BETWEEN 2000 AND 2100", name="annee_sensible"),
        CheckConstraint("montant_centimes >= 0", name="montant_positive"),
    )

    id: uuid.UUID = id_field()
    amendment_id: uuid.UUID = Field(foreign_key="state_amendment.id")
    annee: int
    volet: int
    montant_centimes: int = Field(sa_type=BigInteger)


class FicheAction(SQLModel, table=True):
    """The action sheet of volet 2 (domain §6)."""

    __tablename__ = "fiche_action"
    __table_args__ = (
        CheckConstraint("annee BETWEEN 2000 AND 2100", name="annee_sensible"),
        CheckConstraint("duree_mois BETWEEN 1 AND 120", name="duree_sensible"),
        CheckConstraint("budget_etat_centimes >= 0", name="budget_etat_positive"),
        CheckConstraint("budget_collectivite_centimes >= 0", name="budget_collectivite_positive"),
        CheckConstraint("cible_entrants >= 0", name="cible_entrants_positive"),
        CheckConstraint("cible_allocataires >= 0", name="cible_allocataires_positive"),
        Index("ix_fiche_action_convention", "convention_id", "annee"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    annee: int
    titre: str = Field(max_length=200)
    contexte: str | None = Field(default=None, max_length=5000)
    enjeux: str | None = Field(default=None, max_length=5000)
    description: str | None = Field(default=None, max_length=10000)
    date_debut: date | None = None
    duree_mois: int | None = None
    partenaires: str | None = Field(default=None, max_length=2000)
    budget_etat_centimes: int = Field(default=0, sa_type=BigInteger)
    budget_collectivite_centimes: int = Field(default=0, sa_type=BigInteger)
    budget_detail: str | None = Field(default=None, max_length=5000)
    calendrier: str | None = Field(default=None, max_length=5000)
    cible_entrants: int | None = None
    cible_allocataires: int | None = None
    # Its own indicators: [{"libelle": …, "cible": …, "realise": …}], as text.
    indicateurs: list[dict[str, str]] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    version: int = 1
    created_at: datetime = moment_field()


class FicheFinancedAction(SQLModel, table=True):
    """The partners' financed actions that carry out an action sheet: its figures come from them."""

    __tablename__ = "fiche_financed_action"

    fiche_id: uuid.UUID = Field(foreign_key="fiche_action.id", primary_key=True)
    action_id: uuid.UUID = Field(foreign_key="financed_action.id", primary_key=True, index=True)


class PlanLine(SQLModel, table=True):
    """A line of the financing plan of a year, as the convention or an avenant sets it. The difference is computed."""

    __tablename__ = "plan_line"
    __table_args__ = (
        CheckConstraint("volet BETWEEN 1 AND 3", name="volet_known"),
        CheckConstraint("annee BETWEEN 2000 AND 2100", name="annee_sensible"),
        CheckConstraint(
            "existant_etp >= 0 AND cible_etp >= 0 AND existant_centimes >= 0 AND cible_centimes >= 0 "
            "AND montant_centimes >= 0 AND autres_centimes >= 0",
            name="nothing_below_zero",
        ),
        Index("ix_plan_line_order", "amendment_id", "annee", "volet", "rang"),
    )

    id: uuid.UUID = id_field()
    amendment_id: uuid.UUID = Field(foreign_key="state_amendment.id")
    annee: int
    volet: int
    # Its place among the lines of the volet.
    rang: int
    nature: Nature = Field(sa_type=text_enum(Nature))
    objet: str = Field(max_length=300)
    detail: str | None = Field(default=None, max_length=2000)
    # Hundredths of ETP and cents: what there is, and what is aimed at.
    existant_etp: int = 0
    existant_centimes: int = Field(default=0, sa_type=BigInteger)
    cible_etp: int = 0
    cible_centimes: int = Field(default=0, sa_type=BigInteger)
    # What the State pays of it, and what others do.
    montant_centimes: int = Field(default=0, sa_type=BigInteger)
    autres_centimes: int = Field(default=0, sa_type=BigInteger)
    autres_sources: str | None = Field(default=None, max_length=300)
    fiche_id: uuid.UUID | None = Field(default=None, foreign_key="fiche_action.id", index=True)


class BudgetDocument(SQLModel, table=True):
    """A document of the convention with the State: of the whole, of an avenant, an expense, a payment or a bilan."""

    __tablename__ = "budget_document"
    __table_args__ = (CheckConstraint("taille >= 0", name="taille_positive"),)

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id", index=True)
    amendment_id: uuid.UUID | None = Field(default=None, foreign_key="state_amendment.id", index=True)
    expense_id: uuid.UUID | None = Field(default=None, foreign_key="state_expense.id", index=True)
    payment_id: uuid.UUID | None = Field(default=None, foreign_key="state_payment.id", index=True)
    bilan_id: uuid.UUID | None = Field(default=None, foreign_key="bilan.id", index=True)
    nom: str = Field(max_length=150)
    content_type: str = Field(max_length=100)
    taille: int
    contenu: bytes = Field(sa_type=LargeBinary)
    added_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    added_at: datetime = moment_field()


class BudgetEvent(SQLModel, table=True):
    """A line of the history of a convention with the State: who, when, what, why. Lines are added, never changed."""

    __tablename__ = "budget_event"
    __table_args__ = (Index("ix_budget_event_order", "convention_id", "at"),)

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="state_convention.id")
    at: datetime = moment_field()
    # Null: the portal itself.
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # What was done, as the history says it ("Avenant n° 1 signé").
    fait: str = Field(max_length=200)
    motif: str | None = Field(default=None, max_length=2000)
    # {field: [before, after]}, as text.
    detail: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    # About a text that was not signed when it was written, or a document of a bilan not handed in: not for the State.
    brouillon: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class TerritoryKind(StrEnum):
    """How a département cuts itself up; EPCI are known from the geography and have no row here."""

    CDAS = "cdas"
    BASSIN = "bassin"

    @property
    def label(self) -> str:
        """The kind as the interface says it."""
        return {"cdas": "CDAS", "bassin": "Bassin d’emploi"}[self.value]


class Territory(SQLModel, table=True):
    """A CDAS or a bassin, as the département names it."""

    __table_args__ = (UniqueConstraint("kind", "nom"),)

    id: uuid.UUID = id_field()
    kind: TerritoryKind = Field(sa_type=text_enum(TerritoryKind))
    nom: str = Field(max_length=150)


class TerritoryCommune(SQLModel, table=True):
    """A commune of a territory; one of each kind at most."""

    __tablename__ = "territory_commune"
    __table_args__ = (UniqueConstraint("kind", "code_insee"),)

    territory_id: uuid.UUID = Field(foreign_key="territory.id", primary_key=True)
    code_insee: str = Field(max_length=5, primary_key=True)
    # That of the territory, so that the database holds "one of each kind".
    kind: TerritoryKind = Field(sa_type=text_enum(TerritoryKind))
