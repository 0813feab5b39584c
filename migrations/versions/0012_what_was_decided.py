"""The rules of follow-up have a version and a history; people of an action are counted in an index.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Lines are added, nothing else.
APPEND_ONLY = ("follow_up_event",)


def upgrade() -> None:
    op.add_column("follow_up_rules", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "follow_up_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("motif", sa.String(length=1000), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_follow_up_event_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up_event")),
    )
    op.create_index("ix_follow_up_event_at", "follow_up_event", ["at"])
    _make_triggers(APPEND_ONLY)
    op.create_index(
        "ix_place_movement_people",
        "place_movement",
        ["action_id", "movement", "effet_le", "prescription_id", "d_retenues"],
    )
    op.create_index("ix_prescription_beneficiary", "prescription", ["beneficiary_id", "date_entree"])
    op.drop_index("ix_prescription_beneficiary_id", "prescription")


def downgrade() -> None:
    op.create_index("ix_prescription_beneficiary_id", "prescription", ["beneficiary_id"])
    op.drop_index("ix_prescription_beneficiary", "prescription")
    op.drop_index("ix_place_movement_people", "place_movement")
    op.drop_table("follow_up_event")
    op.drop_column("follow_up_rules", "version")


def _make_triggers(append_only: tuple[str, ...]) -> None:
    """Refuse changes of these tables; the triggers go with their table."""
    for table in append_only:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            continue
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
