"""The database leaves a mark each time something the catalogue shows changes, whoever changed it.

A later batch migration of one of these tables on SQLite drops its triggers: it must make them again
(tests/house/test_migrations.py looks).

Revision: 0006, after 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Table: what the mark says, and the column that names the row.
WATCHED = {
    "offer": ("offer", "id"),
    "offer_session": ("offer", "offer_id"),
    "structure": ("structure", "id"),
    "convention": ("places", None),
    "financed_action": ("places", None),
    "action_offer": ("places", None),
    "place_movement": ("places", None),
    "waiting": ("places", None),
    "catalogue_index": ("index", None),
}
ACTS = ("INSERT", "UPDATE", "DELETE")

FUNCTION = """
CREATE FUNCTION catalogue_mark() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE named text;
BEGIN
    IF TG_ARGV[1] IS NOT NULL THEN
        IF TG_OP = 'DELETE' THEN
            EXECUTE format('SELECT ($1).%I::text', TG_ARGV[1]) USING OLD INTO named;
        ELSE
            EXECUTE format('SELECT ($1).%I::text', TG_ARGV[1]) USING NEW INTO named;
        END IF;
    END IF;
    INSERT INTO catalogue_change (kind, row_id, txid)
    VALUES (TG_ARGV[0], named, pg_current_xact_id()::text::bigint);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)
        for table, (kind, column) in WATCHED.items():
            arguments = f"'{kind}'" if column is None else f"'{kind}', '{column}'"
            op.execute(
                f"CREATE TRIGGER {table}_catalogue AFTER INSERT OR UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION catalogue_mark({arguments})"
            )
        return
    for table, (kind, column) in WATCHED.items():
        for act in ACTS:
            row = "OLD" if act == "DELETE" else "NEW"
            named = "NULL" if column is None else f"{row}.{column}"
            op.execute(
                f"CREATE TRIGGER {table}_catalogue_{act.lower()} AFTER {act} ON {table} "
                f"BEGIN INSERT INTO catalogue_change (kind, row_id) VALUES ('{kind}', {named}); END"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in WATCHED:
            op.execute(f"DROP TRIGGER {table}_catalogue ON {table}")
        op.execute("DROP FUNCTION catalogue_mark()")
        return
    for table in WATCHED:
        for act in ACTS:
            op.execute(f"DROP TRIGGER {table}_catalogue_{act.lower()}")
