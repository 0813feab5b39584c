"""The convention between the State and the département. Money is in cents, ETP in hundredths, rates in hundredths of a percent."""

import uuid
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from portal.conventions.states import ConventionState, Standing, standing
from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


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
