"""Prescriptions told apart, places that are proposed, documents, messages, hours, the week of a person: what they need.

Columns come empty; 0008 fills them and then forbids what cannot be.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _yes_no(name: str) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def _moment(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _columns() -> "dict[str, list[sa.Column]]":  # type: ignore[type-arg]
    return {
        "access_entry": [_yes_no("par_lien")],
        "beneficiary": [_yes_no("courriel_accord")],
        "convention": [sa.Column("delai_entree_jours", sa.Integer(), nullable=True)],
        "financed_action": [
            sa.Column("surreservation", sa.Integer(), server_default="0", nullable=False),
        ],
        "place_movement": [
            sa.Column("effet_le", sa.Date(), nullable=True),
            sa.Column("motif", sa.String(length=500), nullable=True),
        ],
        "waiting": [_moment("rang_at")],
        "transition": [
            sa.Column("side", sa.String(length=32), nullable=True),
            _yes_no("sur_papier"),
            sa.Column("jour", sa.Date(), nullable=True),
            sa.Column("message_personne", sa.String(length=2000), nullable=True),
        ],
        "prescription": [
            sa.Column("lot_id", sa.Uuid(), nullable=True),
            sa.Column("origine_id", sa.Uuid(), nullable=True),
            _yes_no("ecrire_personne"),
            sa.Column("lien_cle", sa.Uuid(), nullable=True),
            sa.Column("suivi_par_id", sa.Uuid(), nullable=True),
            sa.Column("session_id", sa.Uuid(), nullable=True),
            _moment("rendez_vous_at"),
            sa.Column("rendez_vous_lieu", sa.String(length=300), nullable=True),
            _moment("answered_at"),
            _moment("accepted_at"),
            sa.Column("minutes_prevues", sa.Integer(), nullable=True),
            sa.Column("debut_prevu", sa.Date(), nullable=True),
            sa.Column("fin_prevue", sa.Date(), nullable=True),
            sa.Column("motif_sortie", sa.String(length=32), nullable=True),
            sa.Column("type_contrat", sa.String(length=32), nullable=True),
        ],
    }


def upgrade() -> None:
    op.create_table(
        "follow_up_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "choix_action",
            sa.Enum(
                "finit-avant",
                "plus-ancienne",
                "plus-libre",
                "moins-chere",
                name="choice_of_action",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("relance_partenaire_jours", sa.Integer(), nullable=False),
        sa.Column("relance_referent_jours", sa.Integer(), nullable=False),
        sa.Column("expiration_envoyee_jours", sa.Integer(), nullable=False),
        sa.Column("expiration_etude_jours", sa.Integer(), nullable=False),
        sa.Column("proposition_jours", sa.Integer(), nullable=False),
        sa.Column("lien_jours", sa.Integer(), nullable=False),
        sa.Column("documents_mois", sa.Integer(), nullable=False),
        sa.Column("heures_min", sa.Integer(), nullable=False),
        sa.Column("heures_max", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "documents_mois BETWEEN 1 AND 24", name=op.f("ck_follow_up_rules_documents_sensible")
        ),
        sa.CheckConstraint(
            "expiration_envoyee_jours BETWEEN 7 AND 365",
            name=op.f("ck_follow_up_rules_expiration_envoyee_sensible"),
        ),
        sa.CheckConstraint(
            "expiration_etude_jours BETWEEN 7 AND 365",
            name=op.f("ck_follow_up_rules_expiration_etude_sensible"),
        ),
        sa.CheckConstraint(
            "heures_min >= 0 AND heures_max >= heures_min AND heures_max <= 60",
            name=op.f("ck_follow_up_rules_heures_sensible"),
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_follow_up_rules_one_row")),
        sa.CheckConstraint("lien_jours BETWEEN 1 AND 30", name=op.f("ck_follow_up_rules_lien_sensible")),
        sa.CheckConstraint(
            "proposition_jours BETWEEN 1 AND 30", name=op.f("ck_follow_up_rules_proposition_sensible")
        ),
        sa.CheckConstraint(
            "relance_partenaire_jours BETWEEN 2 AND 60",
            name=op.f("ck_follow_up_rules_relance_partenaire_sensible"),
        ),
        sa.CheckConstraint(
            "relance_referent_jours BETWEEN 2 AND 120",
            name=op.f("ck_follow_up_rules_relance_referent_sensible"),
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["account.id"], name=op.f("fk_follow_up_rules_updated_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up_rules")),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "rendez-vous",
                "demarche",
                "atelier",
                "formation",
                "immersion",
                "emploi",
                "benevolat",
                "autre",
                name="activity_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("intitule", sa.String(length=150), nullable=False),
        sa.Column("debut", sa.Date(), nullable=False),
        sa.Column("fin", sa.Date(), nullable=True),
        sa.Column(
            "jours",
            JSON,
            nullable=True,
        ),
        sa.Column("heure", sa.String(length=5), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("fin IS NULL OR fin >= debut", name=op.f("ck_activity_in_order")),
        sa.CheckConstraint("minutes BETWEEN 1 AND 3600", name=op.f("ck_activity_minutes_sensible")),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_activity_beneficiary_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_activity_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    with op.batch_alter_table("activity") as batch_op:
        batch_op.create_index("ix_activity_beneficiary", ["beneficiary_id", "debut"], unique=False)

    op.create_table(
        "weekly_target",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("beneficiary_id", sa.Uuid(), nullable=False),
        sa.Column("a_partir_du", sa.Date(), nullable=False),
        sa.Column("minutes_min", sa.Integer(), nullable=False),
        sa.Column("minutes_max", sa.Integer(), nullable=False),
        sa.Column(
            "raison",
            sa.Enum(
                "hospitalisation",
                "detention",
                "arret-maladie",
                "garde-enfants",
                "sans-domicile",
                "rendez-vous-medicaux",
                "reprise-progressive",
                name="legitimate_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("minutes_max <= 3600", name=op.f("ck_weekly_target_sensible")),
        sa.CheckConstraint("minutes_min BETWEEN 0 AND minutes_max", name=op.f("ck_weekly_target_in_order")),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_weekly_target_beneficiary_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_weekly_target_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_target")),
        sa.UniqueConstraint(
            "beneficiary_id", "a_partir_du", name=op.f("uq_weekly_target_beneficiary_id_a_partir_du")
        ),
    )
    op.create_table(
        "activity_done",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("semaine", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("minutes BETWEEN 0 AND 3600", name=op.f("ck_activity_done_minutes_sensible")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_activity_done_activity_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_activity_done_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_done")),
        sa.UniqueConstraint("activity_id", "semaine", name=op.f("uq_activity_done_activity_id_semaine")),
    )
    op.create_table(
        "place_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("d_financees", sa.Integer(), nullable=False),
        sa.Column("effet_le", sa.Date(), nullable=False),
        sa.Column("motif", sa.String(length=500), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("d_financees <> 0", name=op.f("ck_place_change_changes_something")),
        sa.ForeignKeyConstraint(
            ["action_id"], ["financed_action.id"], name=op.f("fk_place_change_action_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_place_change_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_change")),
    )
    with op.batch_alter_table("place_change") as batch_op:
        batch_op.create_index("ix_place_change_action", ["action_id", "effet_le"], unique=False)

    op.create_table(
        "hours_done",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("semaine", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("minutes BETWEEN 0 AND 3600", name=op.f("ck_hours_done_minutes_sensible")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_hours_done_by_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_hours_done_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hours_done")),
        sa.UniqueConstraint("prescription_id", "semaine", name=op.f("uq_hours_done_prescription_id_semaine")),
    )
    op.create_table(
        "prescription_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "piece",
                "reponse-papier",
                name="document_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=True),
        sa.Column(
            "side",
            sa.Enum(
                "referent",
                "partenaire",
                "portail",
                name="side",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("added_by_id", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(contenu IS NULL) = (purged_at IS NOT NULL)",
            name=op.f("ck_prescription_document_purged_or_there"),
        ),
        sa.CheckConstraint("taille >= 0", name=op.f("ck_prescription_document_taille_positive")),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["account.id"], name=op.f("fk_prescription_document_added_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_prescription_document_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription_document")),
    )
    with op.batch_alter_table("prescription_document") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_prescription_document_prescription_id"), ["prescription_id"], unique=False
        )

    op.create_table(
        "prescription_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "side",
            sa.Enum(
                "referent",
                "partenaire",
                "portail",
                name="side",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("texte", sa.String(length=2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_prescription_message_by_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_prescription_message_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription_message")),
    )
    with op.batch_alter_table("prescription_message") as batch_op:
        batch_op.create_index("ix_prescription_message_order", ["prescription_id", "at"], unique=False)

    op.create_table(
        "prescription_read",
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_prescription_read_prescription_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_prescription_read_user_id")),
        sa.PrimaryKeyConstraint("prescription_id", "user_id", name=op.f("pk_prescription_read")),
    )
    with op.batch_alter_table("prescription_read") as batch_op:
        batch_op.create_index(batch_op.f("ix_prescription_read_user_id"), ["user_id"], unique=False)

    op.create_table(
        "prescription_reminder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "partenaire",
                "referent",
                "entree",
                "lien",
                name="reminder_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_prescription_reminder_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription_reminder")),
        sa.UniqueConstraint(
            "prescription_id", "kind", "rang", name=op.f("uq_prescription_reminder_prescription_id_kind_rang")
        ),
    )
    op.create_table(
        "place_proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("waiting_id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "prise",
                "laissee",
                "expiree",
                "retiree",
                name="proposal_end",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_place_proposal_ended_with_outcome")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_place_proposal_offer_id")),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_place_proposal_prescription_id")
        ),
        sa.ForeignKeyConstraint(["waiting_id"], ["waiting.id"], name=op.f("fk_place_proposal_waiting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_proposal")),
    )
    with op.batch_alter_table("place_proposal") as batch_op:
        batch_op.create_index("ix_place_proposal_offer", ["offer_id", "expires_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_place_proposal_prescription_id"), ["prescription_id"], unique=False
        )
        batch_op.create_index(
            "uq_place_proposal_open",
            ["waiting_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)


def downgrade() -> None:
    # Not in a batch: SQLite would make the tables again, without their triggers.
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
    with op.batch_alter_table("place_proposal") as batch_op:
        batch_op.drop_index(
            "uq_place_proposal_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_place_proposal_prescription_id"))
        batch_op.drop_index("ix_place_proposal_offer")

    op.drop_table("place_proposal")
    op.drop_table("prescription_reminder")
    with op.batch_alter_table("prescription_read") as batch_op:
        batch_op.drop_index(batch_op.f("ix_prescription_read_user_id"))

    op.drop_table("prescription_read")
    with op.batch_alter_table("prescription_message") as batch_op:
        batch_op.drop_index("ix_prescription_message_order")

    op.drop_table("prescription_message")
    with op.batch_alter_table("prescription_document") as batch_op:
        batch_op.drop_index(batch_op.f("ix_prescription_document_prescription_id"))

    op.drop_table("prescription_document")
    op.drop_table("hours_done")
    with op.batch_alter_table("place_change") as batch_op:
        batch_op.drop_index("ix_place_change_action")

    op.drop_table("place_change")
    op.drop_table("activity_done")
    op.drop_table("weekly_target")
    with op.batch_alter_table("activity") as batch_op:
        batch_op.drop_index("ix_activity_beneficiary")

    op.drop_table("activity")
    op.drop_table("follow_up_rules")
