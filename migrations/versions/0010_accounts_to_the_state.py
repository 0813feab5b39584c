"""The convention with the State, and what conventions with partners bind to: their tables and columns.

Columns come empty; 0011 fills them and then forbids what cannot be.

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# In the order in which they are made.
TABLES = (
    "due_notice",
    "state_convention",
    "territory",
    "budget_post",
    "fiche_action",
    "state_payment",
    "territory_commune",
    "bilan",
    "budget_event",
    "expense_import",
    "state_amendment",
    "bilan_mark",
    "bilan_part",
    "plan_line",
    "state_amount",
    "convention_amendment",
    "convention_event",
    "convention_report",
    "convention_payment",
    "convention_document",
    "fiche_financed_action",
    "state_expense",
    "budget_document",
)


def _columns() -> "list[tuple[str, sa.Column]]":  # type: ignore[type-arg]
    return [
        (
            "convention",
            sa.Column("state", sa.String(length=32), server_default="brouillon", nullable=False),
        ),
        ("convention", sa.Column("signee_le", sa.Date(), nullable=True)),
        ("convention", sa.Column("resiliee_le", sa.Date(), nullable=True)),
        ("convention", sa.Column("supprimee_le", sa.Date(), nullable=True)),
        ("convention", sa.Column("grace_jours", sa.Integer(), server_default="60", nullable=False)),
        ("convention", sa.Column("objectifs", sa.String(length=5000), nullable=True)),
        ("convention", sa.Column("renouvelle_id", sa.Uuid(), nullable=True)),
        ("convention", sa.Column("version", sa.Integer(), server_default="1", nullable=False)),
        ("place_change", sa.Column("amendment_id", sa.Uuid(), nullable=True)),
    ]


def upgrade() -> None:
    op.create_table(
        "due_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sujet_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("echeance_le", sa.Date(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_notice")),
        sa.UniqueConstraint(
            "sujet_id", "kind", "echeance_le", name=op.f("uq_due_notice_sujet_id_kind_echeance_le")
        ),
    )
    op.create_table(
        "state_convention",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("numero", sa.String(length=60), nullable=False),
        sa.Column("intitule", sa.String(length=200), nullable=False),
        sa.Column("date_debut", sa.Date(), nullable=False),
        sa.Column("date_fin", sa.Date(), nullable=False),
        sa.Column("etat", sa.String(length=200), nullable=False),
        sa.Column("etat_signataire", sa.String(length=200), nullable=True),
        sa.Column("departement", sa.String(length=200), nullable=False),
        sa.Column("departement_signataire", sa.String(length=200), nullable=True),
        sa.Column("programme", sa.String(length=60), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=True),
        sa.Column("sous_action", sa.String(length=60), nullable=True),
        sa.Column("activite", sa.String(length=60), nullable=True),
        sa.Column("groupe_marchandises", sa.String(length=60), nullable=True),
        sa.Column("centre_financier", sa.String(length=60), nullable=True),
        sa.Column("centre_cout", sa.String(length=60), nullable=True),
        sa.Column("engagement_juridique", sa.String(length=60), nullable=True),
        sa.Column("ordonnateur", sa.String(length=200), nullable=True),
        sa.Column("comptable", sa.String(length=200), nullable=True),
        sa.Column("titulaire", sa.String(length=200), nullable=True),
        sa.Column("iban", sa.String(length=34), nullable=True),
        sa.Column("bic", sa.String(length=11), nullable=True),
        sa.Column("taux_avance", sa.Integer(), nullable=False),
        sa.Column(
            "arrondi_avance",
            sa.Enum(
                "euro-proche",
                "euro-inferieur",
                "centime",
                name="rounding",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "sous_consommation",
            sa.Enum(
                "deduite",
                "reversee",
                name="under_consumption",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("taux_departement", sa.Integer(), nullable=False),
        sa.Column("etp_ingenierie_max", sa.Integer(), nullable=True),
        sa.Column("grace_jours", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "brouillon",
                "signee",
                "close",
                "resiliee",
                name="convention_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("resiliee_le", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'resiliee') = (resiliee_le IS NOT NULL)",
            name=op.f("ck_state_convention_ended_on_a_day"),
        ),
        sa.CheckConstraint("date_debut <= date_fin", name=op.f("ck_state_convention_period")),
        sa.CheckConstraint("etp_ingenierie_max >= 0", name=op.f("ck_state_convention_etp_positive")),
        sa.CheckConstraint("grace_jours BETWEEN 0 AND 730", name=op.f("ck_state_convention_grace_sensible")),
        sa.CheckConstraint(
            "taux_avance BETWEEN 0 AND 10000", name=op.f("ck_state_convention_taux_avance_sensible")
        ),
        sa.CheckConstraint(
            "taux_departement BETWEEN 0 AND 10000", name=op.f("ck_state_convention_taux_departement_sensible")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_convention")),
        sa.UniqueConstraint("numero", name=op.f("uq_state_convention_numero")),
    )
    op.create_table(
        "territory",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "cdas", "bassin", name="territory_kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_territory")),
        sa.UniqueConstraint("kind", "nom", name=op.f("uq_territory_kind_nom")),
    )
    op.create_table(
        "budget_post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("intitule", sa.String(length=200), nullable=False),
        sa.Column(
            "nature",
            sa.Enum(
                "equipes-ingenierie",
                "equipes-accompagnement",
                "accompagnement-delegue",
                "solutions-complementaires",
                "remobilisation",
                "maintien-emploi",
                "freins-mobilite",
                "freins-garde-enfant",
                "freins-sante",
                "freins-autre",
                "referencement",
                "si",
                name="nature",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("etp", sa.Integer(), nullable=False),
        sa.Column("date_debut", sa.Date(), nullable=False),
        sa.Column("date_fin", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("date_fin IS NULL OR date_debut <= date_fin", name=op.f("ck_budget_post_period")),
        sa.CheckConstraint("etp BETWEEN 1 AND 10000", name=op.f("ck_budget_post_etp_sensible")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_budget_post_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_post")),
    )
    op.create_index(op.f("ix_budget_post_convention_id"), "budget_post", ["convention_id"])

    op.create_table(
        "fiche_action",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column("titre", sa.String(length=200), nullable=False),
        sa.Column("contexte", sa.String(length=5000), nullable=True),
        sa.Column("enjeux", sa.String(length=5000), nullable=True),
        sa.Column("description", sa.String(length=10000), nullable=True),
        sa.Column("date_debut", sa.Date(), nullable=True),
        sa.Column("duree_mois", sa.Integer(), nullable=True),
        sa.Column("partenaires", sa.String(length=2000), nullable=True),
        sa.Column("budget_etat_centimes", sa.BigInteger(), nullable=False),
        sa.Column("budget_collectivite_centimes", sa.BigInteger(), nullable=False),
        sa.Column("budget_detail", sa.String(length=5000), nullable=True),
        sa.Column("calendrier", sa.String(length=5000), nullable=True),
        sa.Column("cible_entrants", sa.Integer(), nullable=True),
        sa.Column("cible_allocataires", sa.Integer(), nullable=True),
        sa.Column(
            "indicateurs",
            JSON,
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("annee BETWEEN 2000 AND 2100", name=op.f("ck_fiche_action_annee_sensible")),
        sa.CheckConstraint(
            "budget_collectivite_centimes >= 0", name=op.f("ck_fiche_action_budget_collectivite_positive")
        ),
        sa.CheckConstraint("budget_etat_centimes >= 0", name=op.f("ck_fiche_action_budget_etat_positive")),
        sa.CheckConstraint(
            "cible_allocataires >= 0", name=op.f("ck_fiche_action_cible_allocataires_positive")
        ),
        sa.CheckConstraint("cible_entrants >= 0", name=op.f("ck_fiche_action_cible_entrants_positive")),
        sa.CheckConstraint("duree_mois BETWEEN 1 AND 120", name=op.f("ck_fiche_action_duree_sensible")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_fiche_action_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fiche_action")),
    )
    op.create_index("ix_fiche_action_convention", "fiche_action", ["convention_id", "annee"])

    op.create_table(
        "state_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "avance",
                "solde",
                "reversement",
                name="payment_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("demande_le", sa.Date(), nullable=True),
        sa.Column("demande_centimes", sa.BigInteger(), nullable=True),
        sa.Column("demande_reference", sa.String(length=100), nullable=True),
        sa.Column("valide_le", sa.Date(), nullable=True),
        sa.Column("valide_centimes", sa.BigInteger(), nullable=True),
        sa.Column("valide_reference", sa.String(length=100), nullable=True),
        sa.Column("verse_le", sa.Date(), nullable=True),
        sa.Column("verse_centimes", sa.BigInteger(), nullable=True),
        sa.Column("verse_reference", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(demande_le IS NULL) = (demande_centimes IS NULL)",
            name=op.f("ck_state_payment_requested_on_a_day"),
        ),
        sa.CheckConstraint(
            "(valide_le IS NULL) = (valide_centimes IS NULL)",
            name=op.f("ck_state_payment_validated_on_a_day"),
        ),
        sa.CheckConstraint(
            "(verse_le IS NULL) = (verse_centimes IS NULL)", name=op.f("ck_state_payment_paid_on_a_day")
        ),
        sa.CheckConstraint(
            "demande_centimes >= 0 AND valide_centimes >= 0 AND verse_centimes >= 0",
            name=op.f("ck_state_payment_nothing_below_zero"),
        ),
        sa.CheckConstraint(
            "valide_centimes IS NULL OR valide_centimes <= demande_centimes",
            name=op.f("ck_state_payment_not_more_valid"),
        ),
        sa.CheckConstraint(
            "valide_le IS NULL OR demande_le IS NOT NULL",
            name=op.f("ck_state_payment_validated_once_requested"),
        ),
        sa.CheckConstraint(
            "valide_le IS NULL OR valide_le >= demande_le",
            name=op.f("ck_state_payment_validated_after_requested"),
        ),
        sa.CheckConstraint(
            "verse_centimes IS NULL OR verse_centimes <= valide_centimes",
            name=op.f("ck_state_payment_not_more_paid"),
        ),
        sa.CheckConstraint(
            "verse_le IS NULL OR valide_le IS NOT NULL", name=op.f("ck_state_payment_paid_once_validated")
        ),
        sa.CheckConstraint(
            "verse_le IS NULL OR verse_le >= valide_le", name=op.f("ck_state_payment_paid_after_validated")
        ),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_state_payment_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_payment")),
        sa.UniqueConstraint(
            "convention_id", "annee", "kind", name=op.f("uq_state_payment_convention_id_annee_kind")
        ),
    )
    op.create_table(
        "territory_commune",
        sa.Column("territory_id", sa.Uuid(), nullable=False),
        sa.Column("code_insee", sa.String(length=5), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "cdas", "bassin", name="territory_kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["territory_id"], ["territory.id"], name=op.f("fk_territory_commune_territory_id")
        ),
        sa.PrimaryKeyConstraint("territory_id", "code_insee", name=op.f("pk_territory_commune")),
        sa.UniqueConstraint("kind", "code_insee", name=op.f("uq_territory_commune_kind_code_insee")),
    )
    op.create_table(
        "bilan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "intermediaire",
                "final",
                name="bilan_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "preparation",
                "remis",
                "relu",
                "arrete",
                name="bilan_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("remis_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remis_by_id", sa.Uuid(), nullable=True),
        sa.Column("relu_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("relu_by_id", sa.Uuid(), nullable=True),
        sa.Column("arrete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrete_by_id", sa.Uuid(), nullable=True),
        sa.Column("demande", sa.String(length=2000), nullable=True),
        sa.Column("demande_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("demande_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "figures",
            JSON,
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'preparation') = (figures IS NULL)", name=op.f("ck_bilan_frozen_when_handed_in")
        ),
        sa.CheckConstraint(
            "(state = 'preparation') = (remis_at IS NULL)", name=op.f("ck_bilan_handed_in_at_a_moment")
        ),
        sa.CheckConstraint(
            "relu_by_id IS NULL OR arrete_by_id IS NULL OR relu_by_id <> arrete_by_id",
            name=op.f("ck_bilan_two_readers"),
        ),
        sa.ForeignKeyConstraint(["arrete_by_id"], ["account.id"], name=op.f("fk_bilan_arrete_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_bilan_convention_id")
        ),
        sa.ForeignKeyConstraint(["demande_by_id"], ["account.id"], name=op.f("fk_bilan_demande_by_id")),
        sa.ForeignKeyConstraint(["relu_by_id"], ["account.id"], name=op.f("fk_bilan_relu_by_id")),
        sa.ForeignKeyConstraint(["remis_by_id"], ["account.id"], name=op.f("fk_bilan_remis_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bilan")),
        sa.UniqueConstraint("convention_id", "annee", "kind", name=op.f("uq_bilan_convention_id_annee_kind")),
    )
    op.create_table(
        "budget_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("fait", sa.String(length=200), nullable=False),
        sa.Column("motif", sa.String(length=2000), nullable=True),
        sa.Column(
            "detail",
            JSON,
            nullable=True,
        ),
        sa.Column("brouillon", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_budget_event_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_budget_event_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_event")),
    )
    op.create_index("ix_budget_event_order", "budget_event", ["convention_id", "at"])

    op.create_table(
        "expense_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column(
            "colonnes",
            JSON,
            nullable=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_expense_import_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_expense_import_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expense_import")),
    )
    op.create_index(op.f("ix_expense_import_convention_id"), "expense_import", ["convention_id"])

    op.create_table(
        "state_amendment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("numero", sa.Integer(), nullable=False),
        sa.Column("signe_le", sa.Date(), nullable=True),
        sa.Column("objet", sa.String(length=2000), nullable=False),
        sa.Column("cible", sa.String(length=1000), nullable=True),
        sa.Column("date_fin", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("numero >= 0", name=op.f("ck_state_amendment_numero_positive")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_state_amendment_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_state_amendment_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_amendment")),
        sa.UniqueConstraint("convention_id", "numero", name=op.f("uq_state_amendment_convention_id_numero")),
    )
    op.create_table(
        "bilan_mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bilan_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column(
            "mark",
            sa.Enum("vu", "a-corriger", name="mark", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("commentaire", sa.String(length=2000), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "mark = 'vu' OR commentaire IS NOT NULL", name=op.f("ck_bilan_mark_correction_with_comment")
        ),
        sa.ForeignKeyConstraint(["bilan_id"], ["bilan.id"], name=op.f("fk_bilan_mark_bilan_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_bilan_mark_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bilan_mark")),
        sa.UniqueConstraint("bilan_id", "part", "by_id", name=op.f("uq_bilan_mark_bilan_id_part_by_id")),
    )
    op.create_table(
        "bilan_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bilan_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("texte", sa.String(length=20000), nullable=True),
        sa.Column("prete", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bilan_id"], ["bilan.id"], name=op.f("fk_bilan_part_bilan_id")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["account.id"], name=op.f("fk_bilan_part_updated_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bilan_part")),
        sa.UniqueConstraint("bilan_id", "part", name=op.f("uq_bilan_part_bilan_id_part")),
    )
    op.create_table(
        "plan_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amendment_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column("volet", sa.Integer(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column(
            "nature",
            sa.Enum(
                "equipes-ingenierie",
                "equipes-accompagnement",
                "accompagnement-delegue",
                "solutions-complementaires",
                "remobilisation",
                "maintien-emploi",
                "freins-mobilite",
                "freins-garde-enfant",
                "freins-sante",
                "freins-autre",
                "referencement",
                "si",
                name="nature",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("objet", sa.String(length=300), nullable=False),
        sa.Column("detail", sa.String(length=2000), nullable=True),
        sa.Column("existant_etp", sa.Integer(), nullable=False),
        sa.Column("existant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("cible_etp", sa.Integer(), nullable=False),
        sa.Column("cible_centimes", sa.BigInteger(), nullable=False),
        sa.Column("montant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("autres_centimes", sa.BigInteger(), nullable=False),
        sa.Column("autres_sources", sa.String(length=300), nullable=True),
        sa.Column("fiche_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("annee BETWEEN 2000 AND 2100", name=op.f("ck_plan_line_annee_sensible")),
        sa.CheckConstraint(
            "existant_etp >= 0 AND cible_etp >= 0 AND existant_centimes >= 0 AND cible_centimes >= 0 AND montant_centimes >= 0 AND autres_centimes >= 0",
            name=op.f("ck_plan_line_nothing_below_zero"),
        ),
        sa.CheckConstraint("volet BETWEEN 1 AND 3", name=op.f("ck_plan_line_volet_known")),
        sa.ForeignKeyConstraint(
            ["amendment_id"], ["state_amendment.id"], name=op.f("fk_plan_line_amendment_id")
        ),
        sa.ForeignKeyConstraint(["fiche_id"], ["fiche_action.id"], name=op.f("fk_plan_line_fiche_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_line")),
    )
    op.create_index(op.f("ix_plan_line_fiche_id"), "plan_line", ["fiche_id"])
    op.create_index("ix_plan_line_order", "plan_line", ["amendment_id", "annee", "volet", "rang"])

    op.create_table(
        "state_amount",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amendment_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column("volet", sa.Integer(), nullable=False),
        sa.Column("montant_centimes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("annee BETWEEN 2000 AND 2100", name=op.f("ck_state_amount_annee_sensible")),
        sa.CheckConstraint("montant_centimes >= 0", name=op.f("ck_state_amount_montant_positive")),
        sa.CheckConstraint("volet BETWEEN 1 AND 3", name=op.f("ck_state_amount_volet_known")),
        sa.ForeignKeyConstraint(
            ["amendment_id"], ["state_amendment.id"], name=op.f("fk_state_amount_amendment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_amount")),
        sa.UniqueConstraint(
            "amendment_id", "annee", "volet", name=op.f("uq_state_amount_amendment_id_annee_volet")
        ),
    )
    op.create_table(
        "convention_amendment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("numero", sa.Integer(), nullable=False),
        sa.Column("signe_le", sa.Date(), nullable=False),
        sa.Column("effet_le", sa.Date(), nullable=False),
        sa.Column("objet", sa.String(length=500), nullable=False),
        sa.Column("d_montant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("date_fin_avant", sa.Date(), nullable=True),
        sa.Column("date_fin_apres", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "date_fin_apres IS NULL OR date_fin_avant IS NOT NULL",
            name=op.f("ck_convention_amendment_end_from_an_end"),
        ),
        sa.CheckConstraint("numero >= 1", name=op.f("ck_convention_amendment_numero_positive")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_convention_amendment_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_convention_amendment_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention_amendment")),
        sa.UniqueConstraint(
            "convention_id", "numero", name=op.f("uq_convention_amendment_convention_id_numero")
        ),
    )
    op.create_table(
        "convention_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("fait", sa.String(length=150), nullable=False),
        sa.Column("motif", sa.String(length=1000), nullable=True),
        sa.Column(
            "detail",
            JSON,
            nullable=True,
        ),
        sa.Column("brouillon", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_convention_event_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_convention_event_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention_event")),
    )
    op.create_index("ix_convention_event_order", "convention_event", ["convention_id", "at"])

    op.create_table(
        "convention_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "activite",
                "financier",
                "final",
                name="report_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("debut", sa.Date(), nullable=False),
        sa.Column("fin", sa.Date(), nullable=False),
        sa.Column("du_le", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "a-remettre",
                "remis",
                "a-corriger",
                "accepte",
                name="report_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("realise", sa.String(length=5000), nullable=True),
        sa.Column("difficultes", sa.String(length=5000), nullable=True),
        sa.Column("perspectives", sa.String(length=5000), nullable=True),
        sa.Column("personnes_hors_portail", sa.Integer(), nullable=True),
        sa.Column("minutes_hors_portail", sa.Integer(), nullable=True),
        sa.Column("depenses_centimes", sa.BigInteger(), nullable=True),
        sa.Column(
            "figures",
            JSON,
            nullable=True,
        ),
        sa.Column("remis_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remis_by_id", sa.Uuid(), nullable=True),
        sa.Column("lu_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lu_by_id", sa.Uuid(), nullable=True),
        sa.Column("demande", sa.String(length=2000), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('remis', 'accepte')) = (figures IS NOT NULL)",
            name=op.f("ck_convention_report_frozen_when_handed_in"),
        ),
        sa.CheckConstraint(
            "state <> 'a-corriger' OR demande IS NOT NULL",
            name=op.f("ck_convention_report_correction_with_reason"),
        ),
        sa.CheckConstraint("debut <= fin", name=op.f("ck_convention_report_period")),
        sa.CheckConstraint("depenses_centimes >= 0", name=op.f("ck_convention_report_depenses_positive")),
        sa.CheckConstraint("minutes_hors_portail >= 0", name=op.f("ck_convention_report_minutes_positive")),
        sa.CheckConstraint(
            "personnes_hors_portail >= 0", name=op.f("ck_convention_report_personnes_positive")
        ),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_convention_report_convention_id")
        ),
        sa.ForeignKeyConstraint(["lu_by_id"], ["account.id"], name=op.f("fk_convention_report_lu_by_id")),
        sa.ForeignKeyConstraint(
            ["remis_by_id"], ["account.id"], name=op.f("fk_convention_report_remis_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention_report")),
        sa.UniqueConstraint(
            "convention_id", "kind", "debut", name=op.f("uq_convention_report_convention_id_kind_debut")
        ),
    )
    op.create_index(op.f("ix_convention_report_convention_id"), "convention_report", ["convention_id"])
    op.create_index("ix_convention_report_due", "convention_report", ["state", "du_le"])

    op.create_table(
        "convention_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("intitule", sa.String(length=200), nullable=False),
        sa.Column("prevu_le", sa.Date(), nullable=False),
        sa.Column("montant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("verse_le", sa.Date(), nullable=True),
        sa.Column("verse_centimes", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(verse_le IS NULL) = (verse_centimes IS NULL)", name=op.f("ck_convention_payment_paid_on_a_day")
        ),
        sa.CheckConstraint("montant_centimes >= 0", name=op.f("ck_convention_payment_montant_positive")),
        sa.CheckConstraint("verse_centimes >= 0", name=op.f("ck_convention_payment_verse_positive")),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_convention_payment_action_id")
        ),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_convention_payment_convention_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention_payment")),
    )
    op.create_index(op.f("ix_convention_payment_action_id"), "convention_payment", ["action_id"])
    op.create_index("ix_convention_payment_convention", "convention_payment", ["convention_id", "prevu_le"])

    op.create_table(
        "convention_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column("added_by_id", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("taille >= 0", name=op.f("ck_convention_document_taille_positive")),
        sa.CheckConstraint(
            "report_id IS NULL OR payment_id IS NULL", name=op.f("ck_convention_document_of_one_thing")
        ),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["account.id"], name=op.f("fk_convention_document_added_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["convention.id"], name=op.f("fk_convention_document_convention_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["convention_payment.id"], name=op.f("fk_convention_document_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["convention_report.id"], name=op.f("fk_convention_document_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convention_document")),
    )
    op.create_index(op.f("ix_convention_document_convention_id"), "convention_document", ["convention_id"])
    op.create_index(op.f("ix_convention_document_payment_id"), "convention_document", ["payment_id"])
    op.create_index(op.f("ix_convention_document_report_id"), "convention_document", ["report_id"])

    op.create_table(
        "fiche_financed_action",
        sa.Column("fiche_id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_fiche_financed_action_action_id")
        ),
        sa.ForeignKeyConstraint(
            ["fiche_id"], ["fiche_action.id"], name=op.f("fk_fiche_financed_action_fiche_id")
        ),
        sa.PrimaryKeyConstraint("fiche_id", "action_id", name=op.f("pk_fiche_financed_action")),
    )
    op.create_index(op.f("ix_fiche_financed_action_action_id"), "fiche_financed_action", ["action_id"])

    op.create_table(
        "state_expense",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("annee", sa.Integer(), nullable=False),
        sa.Column("volet", sa.Integer(), nullable=False),
        sa.Column(
            "nature",
            sa.Enum(
                "equipes-ingenierie",
                "equipes-accompagnement",
                "accompagnement-delegue",
                "solutions-complementaires",
                "remobilisation",
                "maintien-emploi",
                "freins-mobilite",
                "freins-garde-enfant",
                "freins-sante",
                "freins-autre",
                "referencement",
                "si",
                name="nature",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("objet", sa.String(length=300), nullable=False),
        sa.Column("unite", sa.String(length=60), nullable=False),
        sa.Column("nombre", sa.BigInteger(), nullable=False),
        sa.Column("cout_unitaire_centimes", sa.BigInteger(), nullable=False),
        sa.Column("date_debut", sa.Date(), nullable=False),
        sa.Column("date_fin", sa.Date(), nullable=False),
        sa.Column("montant_centimes", sa.BigInteger(), nullable=False),
        sa.Column("part_etat_centimes", sa.BigInteger(), nullable=False),
        sa.Column("hors_convention", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "non_eligible",
            sa.Enum(
                "frais-generaux",
                "deplacements",
                "evaluation",
                "prestations",
                "investissement",
                name="non_eligible",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("partner_convention_id", sa.Uuid(), nullable=True),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("post_id", sa.Uuid(), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("ligne", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "NOT hors_convention OR part_etat_centimes = 0",
            name=op.f("ck_state_expense_apart_costs_the_state_nothing"),
        ),
        sa.CheckConstraint(
            "action_id IS NULL OR partner_convention_id IS NOT NULL",
            name=op.f("ck_state_expense_action_of_a_convention"),
        ),
        sa.CheckConstraint("annee BETWEEN 2000 AND 2100", name=op.f("ck_state_expense_annee_sensible")),
        sa.CheckConstraint("date_debut <= date_fin", name=op.f("ck_state_expense_period")),
        sa.CheckConstraint(
            "nombre >= 0 AND cout_unitaire_centimes >= 0", name=op.f("ck_state_expense_nothing_below_zero")
        ),
        sa.CheckConstraint(
            "non_eligible IS NULL OR hors_convention", name=op.f("ck_state_expense_not_eligible_is_apart")
        ),
        sa.CheckConstraint(
            "part_etat_centimes BETWEEN 0 AND montant_centimes",
            name=op.f("ck_state_expense_part_within_montant"),
        ),
        sa.CheckConstraint(
            "partner_convention_id IS NULL OR post_id IS NULL", name=op.f("ck_state_expense_one_tie")
        ),
        sa.CheckConstraint("volet BETWEEN 1 AND 3", name=op.f("ck_state_expense_volet_known")),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_state_expense_action_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_state_expense_by_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_state_expense_convention_id")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["expense_import.id"], name=op.f("fk_state_expense_import_id")
        ),
        sa.ForeignKeyConstraint(
            ["partner_convention_id"], ["convention.id"], name=op.f("fk_state_expense_partner_convention_id")
        ),
        sa.ForeignKeyConstraint(["post_id"], ["budget_post.id"], name=op.f("fk_state_expense_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_expense")),
        sa.UniqueConstraint("import_id", "ligne", name=op.f("uq_state_expense_import_id_ligne")),
    )
    op.create_index(op.f("ix_state_expense_action_id"), "state_expense", ["action_id"])
    op.create_index(
        op.f("ix_state_expense_partner_convention_id"), "state_expense", ["partner_convention_id"]
    )
    op.create_index(op.f("ix_state_expense_post_id"), "state_expense", ["post_id"])
    op.create_index("ix_state_expense_statement", "state_expense", ["convention_id", "annee", "volet"])

    op.create_table(
        "budget_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("convention_id", sa.Uuid(), nullable=False),
        sa.Column("amendment_id", sa.Uuid(), nullable=True),
        sa.Column("expense_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("bilan_id", sa.Uuid(), nullable=True),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column("added_by_id", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("taille >= 0", name=op.f("ck_budget_document_taille_positive")),
        sa.ForeignKeyConstraint(["added_by_id"], ["account.id"], name=op.f("fk_budget_document_added_by_id")),
        sa.ForeignKeyConstraint(
            ["amendment_id"], ["state_amendment.id"], name=op.f("fk_budget_document_amendment_id")
        ),
        sa.ForeignKeyConstraint(["bilan_id"], ["bilan.id"], name=op.f("fk_budget_document_bilan_id")),
        sa.ForeignKeyConstraint(
            ["convention_id"], ["state_convention.id"], name=op.f("fk_budget_document_convention_id")
        ),
        sa.ForeignKeyConstraint(
            ["expense_id"], ["state_expense.id"], name=op.f("fk_budget_document_expense_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["state_payment.id"], name=op.f("fk_budget_document_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_document")),
    )
    op.create_index(op.f("ix_budget_document_amendment_id"), "budget_document", ["amendment_id"])
    op.create_index(op.f("ix_budget_document_bilan_id"), "budget_document", ["bilan_id"])
    op.create_index(op.f("ix_budget_document_convention_id"), "budget_document", ["convention_id"])
    op.create_index(op.f("ix_budget_document_expense_id"), "budget_document", ["expense_id"])
    op.create_index(op.f("ix_budget_document_payment_id"), "budget_document", ["payment_id"])
    for table, column in _columns():
        op.add_column(table, column)
    op.create_index("ix_place_change_amendment_id", "place_change", ["amendment_id"])


def downgrade() -> None:
    op.drop_index("ix_place_change_amendment_id", "place_change")
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)
    for table in reversed(TABLES):
        op.drop_table(table)
