"""Lists of prescriptions and tallies of places are read in their index alone.

Revision: 0009, after 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Name: table, columns.
FORMER = {
    "ix_prescription_structure_state": ("prescription", ["structure_id", "state", "sent_at"]),
    "ix_prescription_referent_state": ("prescription", ["referent_id", "state", "updated_at"]),
    "ix_place_movement_day": ("place_movement", ["action_id", "effet_le"]),
}
WIDER = {
    "ix_prescription_inbox": (
        "prescription",
        ["structure_id", "state", "sent_at", "id", "offer_id", "suivi_par_id", "referent_id"],
    ),
    "ix_prescription_list": (
        "prescription",
        ["referent_id", "state", "updated_at", "id", "sent_at", "structure_id", "offer_id"],
    ),
    "ix_place_movement_tally": (
        "place_movement",
        ["action_id", "effet_le", "d_retenues", "d_occupees", "d_utilisees"],
    ),
}


def upgrade() -> None:
    _change(FORMER, WIDER)


def downgrade() -> None:
    _change(WIDER, FORMER)


def _change(before: dict[str, tuple[str, list[str]]], after: dict[str, tuple[str, list[str]]]) -> None:
    # The new ones first: a foreign key is never without an index that begins with it.
    for name, (table, columns) in after.items():
        op.create_index(name, table, columns)
    for name, (table, _) in before.items():
        op.drop_index(name, table)
