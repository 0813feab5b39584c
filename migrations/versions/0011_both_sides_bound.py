"""What the columns of 0010 hold from the start, and what they may hold; the State's services have a role.

On SQLite a table whose constraints change is made again, and loses its triggers: they are put back.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FORMER_ROLES = ("partenaire", "referent", "conventionnement", "animation", "administration")
ROLES = (*FORMER_ROLES, "etat")
CHECKS = {
    "convention_state": "state IN ('brouillon', 'signee', 'close', 'resiliee')",
    "signed_on_a_day": "state = 'brouillon' OR signee_le IS NOT NULL",
    "ended_on_a_day": "(state = 'resiliee') = (resiliee_le IS NOT NULL)",
    "thrown_away_as_a_draft": "supprimee_le IS NULL OR state = 'brouillon'",
    "grace_sensible": "grace_jours BETWEEN 0 AND 365",
}
FORMER_PLACE = ["prescription_id", "movement"]
PLACE = ["prescription_id", "action_id", "movement"]
# Lines are added, nothing else: those made again here, and two of ours.
APPEND_ONLY = ("place_change", "place_movement")
NEW_APPEND_ONLY = ("budget_event", "convention_amendment", "convention_event")
# What changes the places that the catalogue tells, made again here.
TOLD = ("convention", "place_change", "place_movement")


def upgrade() -> None:
    _drop_triggers(APPEND_ONLY, TOLD)
    # Until now a convention was written once it was signed.
    op.execute("UPDATE convention SET state = 'signee', signee_le = date_debut")
    with op.batch_alter_table("convention") as batch:
        for name, condition in CHECKS.items():
            batch.create_check_constraint(op.f(f"ck_convention_{name}"), sa.text(condition))
        batch.create_unique_constraint(op.f("uq_convention_renouvelle_id"), ["renouvelle_id"])
        batch.create_foreign_key(op.f("fk_convention_renouvelle_id"), "convention", ["renouvelle_id"], ["id"])
    with op.batch_alter_table("place_change") as batch:
        batch.create_foreign_key(
            op.f("fk_place_change_amendment_id"), "convention_amendment", ["amendment_id"], ["id"]
        )
    with op.batch_alter_table("place_movement") as batch:
        batch.drop_constraint(op.f("uq_place_movement_prescription_id_movement"), type_="unique")
        batch.create_unique_constraint(op.f("uq_place_movement_prescription_id_action_id_movement"), PLACE)
    _roles(ROLES)
    _make_triggers((*APPEND_ONLY, *NEW_APPEND_ONLY), TOLD)


def downgrade() -> None:
    _drop_triggers((*APPEND_ONLY, *NEW_APPEND_ONLY), TOLD)
    _roles(FORMER_ROLES)
    with op.batch_alter_table("place_movement") as batch:
        batch.drop_constraint(op.f("uq_place_movement_prescription_id_action_id_movement"), type_="unique")
        batch.create_unique_constraint(op.f("uq_place_movement_prescription_id_movement"), FORMER_PLACE)
    with op.batch_alter_table("place_change") as batch:
        batch.drop_constraint(op.f("fk_place_change_amendment_id"), type_="foreignkey")
    with op.batch_alter_table("convention") as batch:
        batch.drop_constraint(op.f("fk_convention_renouvelle_id"), type_="foreignkey")
        batch.drop_constraint(op.f("uq_convention_renouvelle_id"), type_="unique")
        for name in CHECKS:
            batch.drop_constraint(op.f(f"ck_convention_{name}"), type_="check")
    _make_triggers(APPEND_ONLY, TOLD)


def _roles(allowed: tuple[str, ...]) -> None:
    with op.batch_alter_table("account") as batch:
        batch.drop_constraint(op.f("ck_account_role"), type_="check")
        batch.create_check_constraint(op.f("ck_account_role"), sa.column("role").in_(allowed))


def _drop_triggers(append_only: tuple[str, ...], told: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in append_only:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        for table in told:
            op.execute(f"DROP TRIGGER {table}_catalogue ON {table}")
        return
    for table in append_only:
        for act in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{act}")
    for table in told:
        for act in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {table}_catalogue_{act}")


def _make_triggers(append_only: tuple[str, ...], told: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in append_only:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        for table in told:
            op.execute(
                f"CREATE TRIGGER {table}_catalogue AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION catalogue_mark('places')"
            )
        return
    for table in append_only:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    for table in told:
        for act in ("INSERT", "UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_catalogue_{act.lower()} AFTER {act} ON {table} "
                "BEGIN INSERT INTO catalogue_change (kind, row_id) VALUES ('places', NULL); END"
            )
