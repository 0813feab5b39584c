"""What the new columns may hold; the history is append-only; offers published so far count as validated.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATES = {
    "structure": ("structure_state", ("brouillon", "a_valider", "publiee", "fermee")),
    "offer": ("offer_state", ("brouillon", "a_valider", "publiee", "suspendue", "archivee", "fusionnee")),
}
FORMER = ("brouillon", "publiee")
CHECKS = {
    "structure": {
        "closed_has_day": "(state = 'fermee') = (closed_on IS NOT NULL)",
        "import_whole": "(import_source IS NULL) = (import_id IS NULL)",
    },
    "offer": {
        "merged_has_target": "(state = 'fusionnee') = (merged_into_id IS NOT NULL)",
        "merged_elsewhere": "merged_into_id <> id",
        "confirmation_sensible": "confirmation_mois BETWEEN 1 AND 12",
        "import_whole": "(import_source IS NULL) = (import_id IS NULL)",
    },
}


def upgrade() -> None:
    for table, (name, states) in STATES.items():
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
            batch.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.column("state").in_(states))
            for check, condition in CHECKS[table].items():
                batch.create_check_constraint(op.f(f"ck_{table}_{check}"), sa.text(condition))
    # What was published before there was a validation has been seen: nothing disappears, the queue begins empty.
    op.execute("UPDATE structure SET reviewed_at = created_at WHERE state = 'publiee'")
    op.execute("UPDATE offer SET reviewed_at = published_at WHERE state = 'publiee'")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER revision_append_only BEFORE UPDATE OR DELETE ON revision "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER revision_no_{act.lower()} BEFORE {act} ON revision "
            "BEGIN SELECT RAISE(ABORT, 'revision is append-only'); END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER revision_append_only ON revision")
    else:
        for act in ("UPDATE", "DELETE"):
            op.execute(f"DROP TRIGGER revision_no_{act.lower()}")
    # The states that the former code does not know become the one that shows nothing.
    op.execute(
        "UPDATE structure SET closed_on = NULL, state = 'brouillon' WHERE state IN ('a_valider', 'fermee')"
    )
    op.execute(
        "UPDATE offer SET merged_into_id = NULL, state = 'brouillon' "
        "WHERE state IN ('a_valider', 'suspendue', 'archivee', 'fusionnee')"
    )
    for table, (name, _) in STATES.items():
        with op.batch_alter_table(table) as batch:
            for check in CHECKS[table]:
                batch.drop_constraint(op.f(f"ck_{table}_{check}"), type_="check")
            batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
            batch.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.column("state").in_(FORMER))
