"""What is known from elsewhere, the marks of what changed, saved searches, unmet needs, keys of the API.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=120), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "catalogue_change",
        sa.Column(
            "n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row_id", sa.String(length=40), nullable=True),
        sa.Column("txid", sa.BigInteger(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False
        ),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_catalogue_change")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("catalogue_change") as batch_op:
        batch_op.create_index("ix_catalogue_change_txid", ["txid"], unique=False)

    op.create_table(
        "catalogue_index",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("layout", sa.Integer(), nullable=False),
        sa.Column("taille", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_index")),
    )
    op.create_table(
        "known_structure",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_structure")),
    )
    with op.batch_alter_table("known_structure") as batch_op:
        batch_op.create_index(batch_op.f("ix_known_structure_source"), ["source"], unique=False)

    op.create_table(
        "unmet_need",
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("thematique", sa.String(length=120), nullable=False),
        sa.Column("code_insee", sa.String(length=5), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.CheckConstraint("nombre >= 1", name=op.f("ck_unmet_need_nombre_positive")),
        sa.PrimaryKeyConstraint("jour", "thematique", "code_insee", name=op.f("pk_unmet_need")),
    )
    op.create_table(
        "catalogue_index_part",
        sa.Column("index_id", sa.Uuid(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["index_id"],
            ["catalogue_index.id"],
            name=op.f("fk_catalogue_index_part_index_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("index_id", "rang", name=op.f("pk_catalogue_index_part")),
    )
    op.create_table(
        "known_service",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("structure_id", sa.String(length=240), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["known_structure.id"], name=op.f("fk_known_service_structure_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_service")),
    )
    with op.batch_alter_table("known_service") as batch_op:
        batch_op.create_index(batch_op.f("ix_known_service_source"), ["source"], unique=False)
        batch_op.create_index(batch_op.f("ix_known_service_structure_id"), ["structure_id"], unique=False)

    op.create_table(
        "saved_search",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("nom", sa.String(length=150), nullable=False),
        sa.Column("criteres", JSON, nullable=False),
        sa.Column(
            "frequence",
            sa.Enum(
                "jamais",
                "hebdomadaire",
                "mensuelle",
                name="frequence",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_saved_search_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
    )
    with op.batch_alter_table("saved_search") as batch_op:
        batch_op.create_index(batch_op.f("ix_saved_search_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("convention") as batch_op:
        batch_op.add_column(sa.Column("financeurs", JSON, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("convention") as batch_op:
        batch_op.drop_column("financeurs")

    with op.batch_alter_table("saved_search") as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_search_user_id"))

    op.drop_table("saved_search")
    with op.batch_alter_table("known_service") as batch_op:
        batch_op.drop_index(batch_op.f("ix_known_service_structure_id"))
        batch_op.drop_index(batch_op.f("ix_known_service_source"))

    op.drop_table("known_service")
    op.drop_table("catalogue_index_part")
    op.drop_table("unmet_need")
    with op.batch_alter_table("known_structure") as batch_op:
        batch_op.drop_index(batch_op.f("ix_known_structure_source"))

    op.drop_table("known_structure")
    op.drop_table("catalogue_index")
    with op.batch_alter_table("catalogue_change") as batch_op:
        batch_op.drop_index("ix_catalogue_change_txid")

    op.drop_table("catalogue_change")
    op.drop_table("api_token")
