"""The life of an offer and of a structure: validation, history, templates, imports, messages.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "perimees",
                "sans_offre",
                "adresse",
                "courriel",
                name="audience",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("objet", sa.String(length=200), nullable=False),
        sa.Column("texte", sa.String(length=10000), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["sent_by_id"], ["account.id"], name=op.f("fk_campaign_sent_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "catalogue_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "structures_validees",
            sa.Enum(
                "avant",
                "apres",
                name="structures_validees",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "offres_validees",
            sa.Enum(
                "avant", "apres", name="offres_validees", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("confirmation_mois", sa.Integer(), nullable=False),
        sa.Column("suspension_jours", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "confirmation_mois BETWEEN 1 AND 12", name=op.f("ck_catalogue_rules_confirmation_sensible")
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_rules_one_row")),
        sa.CheckConstraint(
            "suspension_jours BETWEEN 7 AND 365", name=op.f("ck_catalogue_rules_suspension_sensible")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["account.id"], name=op.f("fk_catalogue_rules_updated_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_rules")),
    )
    op.create_table(
        "import_mapping",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("headers_hash", sa.String(length=64), nullable=False),
        sa.Column("columns", JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["account.id"], name=op.f("fk_import_mapping_updated_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_mapping")),
        sa.UniqueConstraint("headers_hash", name=op.f("uq_import_mapping_headers_hash")),
    )
    op.create_table(
        "import_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "colonnes",
                "lecture",
                "apercu",
                "ecriture",
                "termine",
                "abandonne",
                name="import_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("columns", JSON, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=1000), nullable=True),
        sa.CheckConstraint("done >= 0 AND done <= total", name=op.f("ck_import_run_done_within")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_import_run_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    with op.batch_alter_table("import_run") as batch_op:
        batch_op.create_index(batch_op.f("ix_import_run_sha256"), ["sha256"], unique=False)

    op.create_table(
        "campaign_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_message_campaign_id")
        ),
        sa.ForeignKeyConstraint(["mail_id"], ["outgoing_mail.id"], name=op.f("fk_campaign_message_mail_id")),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structure.id"], name=op.f("fk_campaign_message_structure_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_message")),
    )
    with op.batch_alter_table("campaign_message") as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_message_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaign_message_structure_id"), ["structure_id"], unique=False)

    op.create_table(
        "import_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "cree",
                "modifie",
                "inchange",
                "refuse",
                "ignore",
                name="import_outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("nom", sa.String(length=300), nullable=True),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("record", JSON, nullable=True),
        sa.Column("changes", JSON, nullable=True),
        sa.Column("errors", JSON, nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name=op.f("fk_import_line_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_line")),
    )
    with op.batch_alter_table("import_line") as batch_op:
        batch_op.create_index("ix_import_line_order", ["run_id", "kind", "line"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("courriel", sa.String(length=254), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "membre",
                "administrateur",
                name="invitation_level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("accepted_at IS NULL OR cancelled_at IS NULL", name=op.f("ck_invitation_one_end")),
        sa.CheckConstraint("courriel = lower(courriel)", name=op.f("ck_invitation_courriel_lower")),
        sa.ForeignKeyConstraint(["invited_by_id"], ["account.id"], name=op.f("fk_invitation_invited_by_id")),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_invitation_structure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_structure_id"), ["structure_id"], unique=False)
        batch_op.create_index(
            "uq_invitation_open",
            ["structure_id", "courriel"],
            unique=True,
            sqlite_where=sa.text("accepted_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=sa.text("accepted_at IS NULL AND cancelled_at IS NULL"),
        )

    op.create_table(
        "join_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "en_attente",
                "acceptee",
                "refusee",
                name="join_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'en_attente') = (decided_at IS NULL)", name=op.f("ck_join_request_decided_has_moment")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["account.id"], name=op.f("fk_join_request_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structure.id"], name=op.f("fk_join_request_structure_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_join_request_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_request")),
    )
    with op.batch_alter_table("join_request") as batch_op:
        batch_op.create_index(batch_op.f("ix_join_request_structure_id"), ["structure_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_join_request_user_id"), ["user_id"], unique=False)
        batch_op.create_index(
            "uq_join_request_open",
            ["structure_id", "user_id"],
            unique=True,
            sqlite_where=sa.text("state = 'en_attente'"),
            postgresql_where=sa.text("state = 'en_attente'"),
        )

    op.create_table(
        "offer_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=True),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("valeurs", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structure.id"], name=op.f("fk_offer_template_structure_id")
        ),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["account.id"], name=op.f("fk_offer_template_updated_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_template")),
    )
    with op.batch_alter_table("offer_template") as batch_op:
        batch_op.create_index(batch_op.f("ix_offer_template_structure_id"), ["structure_id"], unique=False)

    op.create_table(
        "saisie",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("structure_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("champs", JSON, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_saisie_structure_id")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_saisie_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saisie")),
        sa.UniqueConstraint("user_id", "offer_id", name=op.f("uq_saisie_user_id_offer_id")),
    )
    with op.batch_alter_table("saisie") as batch_op:
        batch_op.create_index(batch_op.f("ix_saisie_structure_id"), ["structure_id"], unique=False)

    op.create_table(
        "offer_template_version",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valeurs", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"], ["offer_template.id"], name=op.f("fk_offer_template_version_template_id")
        ),
        sa.PrimaryKeyConstraint("template_id", "version", name=op.f("pk_offer_template_version")),
    )
    op.create_table(
        "favourite",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_favourite_offer_id")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_favourite_user_id")),
        sa.PrimaryKeyConstraint("user_id", "offer_id", name=op.f("pk_favourite")),
    )
    with op.batch_alter_table("favourite") as batch_op:
        batch_op.create_index(batch_op.f("ix_favourite_offer_id"), ["offer_id"], unique=False)

    op.create_table(
        "not_twins",
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_not_twins_ordered")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_not_twins_decided_by_id")),
        sa.ForeignKeyConstraint(["first_id"], ["offer.id"], name=op.f("fk_not_twins_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["offer.id"], name=op.f("fk_not_twins_second_id")),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_not_twins")),
    )
    with op.batch_alter_table("not_twins") as batch_op:
        batch_op.create_index(batch_op.f("ix_not_twins_second_id"), ["second_id"], unique=False)

    op.create_table(
        "offer_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["added_by_id"], ["account.id"], name=op.f("fk_offer_document_added_by_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_document_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_document")),
    )
    with op.batch_alter_table("offer_document") as batch_op:
        batch_op.create_index(batch_op.f("ix_offer_document_offer_id"), ["offer_id"], unique=False)

    op.create_table(
        "offer_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("debut", sa.Date(), nullable=False),
        sa.Column("fin", sa.Date(), nullable=True),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("precisions", sa.String(length=300), nullable=True),
        sa.CheckConstraint("fin IS NULL OR fin >= debut", name=op.f("ck_offer_session_ends_after")),
        sa.CheckConstraint("places IS NULL OR places >= 1", name=op.f("ck_offer_session_places_positive")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_session_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_session")),
    )
    with op.batch_alter_table("offer_session") as batch_op:
        batch_op.create_index("ix_offer_session_next", ["offer_id", "debut"], unique=False)

    op.create_table(
        "revision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("structure_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "act",
            sa.Enum(
                "creation",
                "modification",
                "confirmation",
                "soumission",
                "publication",
                "validation",
                "renvoi",
                "retrait",
                "suspension",
                "archivage",
                "reprise",
                "restauration",
                "fusion",
                "import",
                "modele",
                "fermeture",
                "reouverture",
                name="act",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("changes", JSON, nullable=True),
        sa.Column("state_after", sa.String(length=32), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.CheckConstraint(
            "(offer_id IS NULL) <> (structure_id IS NULL)", name=op.f("ck_revision_of_one_thing")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_revision_by_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_revision_offer_id")),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name=op.f("fk_revision_structure_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    with op.batch_alter_table("revision") as batch_op:
        batch_op.create_index("ix_revision_at", ["at"], unique=False)
        batch_op.create_index("ix_revision_offer", ["offer_id", "number"], unique=False)
        batch_op.create_index("ix_revision_structure", ["structure_id", "number"], unique=False)

    op.create_table(
        "signalement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("motifs", JSON, nullable=False),
        sa.Column("commentaire", sa.String(length=2000), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reponse", sa.String(length=2000), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(reponse IS NULL) = (answered_at IS NULL)", name=op.f("ck_signalement_answered_has_moment")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["account.id"], name=op.f("fk_signalement_answered_by_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_signalement_by_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_signalement_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signalement")),
    )
    with op.batch_alter_table("signalement") as batch_op:
        batch_op.create_index(batch_op.f("ix_signalement_offer_id"), ["offer_id"], unique=False)

    with op.batch_alter_table("offer") as batch_op:
        batch_op.add_column(sa.Column("freins", JSON, nullable=True))
        batch_op.add_column(sa.Column("documents_a_apporter", sa.String(length=2000), nullable=True))
        batch_op.add_column(sa.Column("frequence", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("date_fin", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("confirmation_mois", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("contact_public", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(sa.Column("modele_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("modele_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reviewed_by_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("review_note", sa.String(length=2000), nullable=True))
        batch_op.add_column(sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("merged_into_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("import_source", sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column("import_id", sa.String(length=200), nullable=True))
        batch_op.create_index(batch_op.f("ix_offer_date_fin"), ["date_fin"], unique=False)
        batch_op.create_index(batch_op.f("ix_offer_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_offer_modele_id"), ["modele_id"], unique=False)
        batch_op.create_index(
            "uq_offer_import",
            ["import_source", "import_id"],
            unique=True,
            sqlite_where=sa.text("import_id IS NOT NULL"),
            postgresql_where=sa.text("import_id IS NOT NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_offer_merged_into_id"), "offer", ["merged_into_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_offer_modele_id"), "offer_template", ["modele_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_offer_reviewed_by_id"), "account", ["reviewed_by_id"], ["id"]
        )

    with op.batch_alter_table("structure") as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("antenne_of_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reviewed_by_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("review_note", sa.String(length=2000), nullable=True))
        batch_op.add_column(sa.Column("closed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("closed_note", sa.String(length=2000), nullable=True))
        batch_op.add_column(sa.Column("import_source", sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column("import_id", sa.String(length=200), nullable=True))
        batch_op.create_index(batch_op.f("ix_structure_antenne_of_id"), ["antenne_of_id"], unique=False)
        batch_op.create_index(
            "uq_structure_import",
            ["import_source", "import_id"],
            unique=True,
            sqlite_where=sa.text("import_id IS NOT NULL"),
            postgresql_where=sa.text("import_id IS NOT NULL"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_structure_antenne_of_id"), "structure", ["antenne_of_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_structure_reviewed_by_id"), "account", ["reviewed_by_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("structure") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_structure_reviewed_by_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_structure_antenne_of_id"), type_="foreignkey")
        batch_op.drop_index(
            "uq_structure_import",
            sqlite_where=sa.text("import_id IS NOT NULL"),
            postgresql_where=sa.text("import_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_structure_antenne_of_id"))
        batch_op.drop_column("import_id")
        batch_op.drop_column("import_source")
        batch_op.drop_column("closed_note")
        batch_op.drop_column("closed_on")
        batch_op.drop_column("review_note")
        batch_op.drop_column("reviewed_by_id")
        batch_op.drop_column("reviewed_at")
        batch_op.drop_column("submitted_at")
        batch_op.drop_column("antenne_of_id")
        batch_op.drop_column("version")

    with op.batch_alter_table("offer") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_offer_reviewed_by_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_offer_modele_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_offer_merged_into_id"), type_="foreignkey")
        batch_op.drop_index(
            "uq_offer_import",
            sqlite_where=sa.text("import_id IS NOT NULL"),
            postgresql_where=sa.text("import_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_offer_modele_id"))
        batch_op.drop_index(batch_op.f("ix_offer_merged_into_id"))
        batch_op.drop_index(batch_op.f("ix_offer_date_fin"))
        batch_op.drop_column("import_id")
        batch_op.drop_column("import_source")
        batch_op.drop_column("merged_into_id")
        batch_op.drop_column("reminded_at")
        batch_op.drop_column("reminders")
        batch_op.drop_column("suspended_at")
        batch_op.drop_column("review_note")
        batch_op.drop_column("reviewed_by_id")
        batch_op.drop_column("reviewed_at")
        batch_op.drop_column("submitted_at")
        batch_op.drop_column("version")
        batch_op.drop_column("modele_version")
        batch_op.drop_column("modele_id")
        batch_op.drop_column("contact_public")
        batch_op.drop_column("confirmation_mois")
        batch_op.drop_column("date_fin")
        batch_op.drop_column("frequence")
        batch_op.drop_column("documents_a_apporter")
        batch_op.drop_column("freins")

    with op.batch_alter_table("signalement") as batch_op:
        batch_op.drop_index(batch_op.f("ix_signalement_offer_id"))

    op.drop_table("signalement")
    with op.batch_alter_table("revision") as batch_op:
        batch_op.drop_index("ix_revision_structure")
        batch_op.drop_index("ix_revision_offer")
        batch_op.drop_index("ix_revision_at")

    op.drop_table("revision")
    with op.batch_alter_table("offer_session") as batch_op:
        batch_op.drop_index("ix_offer_session_next")

    op.drop_table("offer_session")
    with op.batch_alter_table("offer_document") as batch_op:
        batch_op.drop_index(batch_op.f("ix_offer_document_offer_id"))

    op.drop_table("offer_document")
    with op.batch_alter_table("not_twins") as batch_op:
        batch_op.drop_index(batch_op.f("ix_not_twins_second_id"))

    op.drop_table("not_twins")
    with op.batch_alter_table("favourite") as batch_op:
        batch_op.drop_index(batch_op.f("ix_favourite_offer_id"))

    op.drop_table("favourite")
    op.drop_table("offer_template_version")
    with op.batch_alter_table("saisie") as batch_op:
        batch_op.drop_index(batch_op.f("ix_saisie_structure_id"))

    op.drop_table("saisie")
    with op.batch_alter_table("offer_template") as batch_op:
        batch_op.drop_index(batch_op.f("ix_offer_template_structure_id"))

    op.drop_table("offer_template")
    with op.batch_alter_table("join_request") as batch_op:
        batch_op.drop_index(
            "uq_join_request_open",
            sqlite_where=sa.text("state = 'en_attente'"),
            postgresql_where=sa.text("state = 'en_attente'"),
        )
        batch_op.drop_index(batch_op.f("ix_join_request_user_id"))
        batch_op.drop_index(batch_op.f("ix_join_request_structure_id"))

    op.drop_table("join_request")
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.drop_index(
            "uq_invitation_open",
            sqlite_where=sa.text("accepted_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=sa.text("accepted_at IS NULL AND cancelled_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_invitation_structure_id"))

    op.drop_table("invitation")
    with op.batch_alter_table("import_line") as batch_op:
        batch_op.drop_index("ix_import_line_order")

    op.drop_table("import_line")
    with op.batch_alter_table("campaign_message") as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_message_structure_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_message_campaign_id"))

    op.drop_table("campaign_message")
    with op.batch_alter_table("import_run") as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_run_sha256"))

    op.drop_table("import_run")
    op.drop_table("import_mapping")
    op.drop_table("catalogue_rules")
    op.drop_table("campaign")
