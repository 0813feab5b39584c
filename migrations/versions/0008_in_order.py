"""What the columns of 0007 hold from the start, and what they may hold.

On SQLite a table whose constraints change is made again, and loses its triggers: those of 0002 and 0006 are put back.

Revision: 0008, after 0007
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FORMER_ACTS = (
    "envoyer",
    "etudier",
    "mettre-en-attente",
    "accepter",
    "refuser",
    "entrer",
    "terminer",
    "abandonner",
    "annuler",
    "expirer",
)
ACTS = (
    *FORMER_ACTS,
    "prendre-la-place",
    "laisser-la-place",
    "proposer-la-place",
    "rendez-vous",
    "presence",
    "absence",
    "relancer",
    "confier",
    "suivre",
    "constater-absence",
)
SIDES = ("referent", "partenaire", "portail")
EXITS = (
    "emploi",
    "formation",
    "creation-activite",
    "objectif-atteint",
    "autre-offre",
    "fin-de-droits",
    "demenagement",
    "empechement",
    "abandon",
    "jamais-venue",
    "plus-de-place",
    "autre",
)
CONTRACTS = (
    "cdi",
    "cdd-6-mois-et-plus",
    "cdd-moins-de-6-mois",
    "cddi",
    "contrat-aide",
    "interim",
    "alternance",
)
FORMER_ACCESSES = ("lecture", "modification", "creation", "prescription")
ACCESSES = (*FORMER_ACCESSES, "export", "transfert")
# Table: the checks that its new columns bring.
CHECKS: dict[str, dict[str, str]] = {
    "access_entry": {"somebody_or_link": "user_id IS NOT NULL OR par_lien"},
    "convention": {"delai_sensible": "delai_entree_jours BETWEEN 1 AND 365"},
    "financed_action": {"surreservation_positive": "surreservation >= 0"},
    "prescription": {
        "outcome_at_end": "motif_sortie IS NULL OR state IN ('terminee', 'abandonnee')",
        "contract_is_a_job": "type_contrat IS NULL OR motif_sortie = 'emploi'",
        "minutes_sensible": "minutes_prevues BETWEEN 0 AND 3600",
        "planned_in_order": "fin_prevue >= debut_prevu",
    },
}
VALUES = {
    ("transition", "side"): ("side", SIDES),
    ("prescription", "motif_sortie"): ("exit_reason", EXITS),
    ("prescription", "type_contrat"): ("contract_type", CONTRACTS),
}
KEYS = {"origine_id": "prescription", "session_id": "offer_session", "suivi_par_id": "account"}
# Lines are added, nothing else: those of 0002, and two of ours.
APPEND_ONLY = ("access_entry", "place_movement", "transition")
NEW_APPEND_ONLY = ("place_change", "prescription_message")
# What changes the places that the catalogue tells: those of 0006 that are made again here, and one of ours.
TOLD = ("convention", "financed_action", "place_movement", "waiting")
NEW_TOLD = ("place_change",)


def upgrade() -> None:
    _drop_triggers(APPEND_ONLY, TOLD)
    _fill()
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name, condition in checks.items():
                batch.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.text(condition))
            if table == "access_entry":
                batch.alter_column("user_id", existing_type=sa.Uuid(), nullable=True)
                batch.drop_constraint(op.f("ck_access_entry_access_kind"), type_="check")
                batch.create_check_constraint(
                    op.f("ck_access_entry_access_kind"), sa.column("kind").in_(ACCESSES)
                )
            if table == "prescription":
                batch.alter_column("lien_cle", existing_type=sa.Uuid(), nullable=False)
                for column, target in KEYS.items():
                    batch.create_foreign_key(op.f(f"fk_prescription_{column}"), target, [column], ["id"])
                _values(batch, table)
    with op.batch_alter_table("transition") as batch:
        batch.drop_constraint(op.f("ck_transition_act"), type_="check")
        batch.create_check_constraint(op.f("ck_transition_act"), sa.column("act").in_(ACTS))
        _values(batch, "transition")
    with op.batch_alter_table("place_movement") as batch:
        batch.alter_column("effet_le", existing_type=sa.Date(), nullable=False)
        batch.create_index("ix_place_movement_day", ["action_id", "effet_le"])
    with op.batch_alter_table("waiting") as batch:
        batch.alter_column("rang_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        batch.drop_index("ix_waiting_offer")
        batch.create_index("ix_waiting_offer", ["offer_id", "rang_at"])
    with op.batch_alter_table("prescription") as batch:
        batch.create_index("ix_prescription_due", ["state", "updated_at"])
        batch.create_index("ix_prescription_lot_id", ["lot_id"])
        batch.create_index("ix_prescription_session", ["session_id", "state"])
    _make_triggers((*APPEND_ONLY, *NEW_APPEND_ONLY), (*TOLD, *NEW_TOLD))


def downgrade() -> None:
    _drop_triggers((*APPEND_ONLY, *NEW_APPEND_ONLY), (*TOLD, *NEW_TOLD))
    # What the former code does not know leaves no line behind it.
    op.execute(
        sa.text("DELETE FROM transition WHERE act IN :acts").bindparams(
            sa.bindparam("acts", tuple(set(ACTS) - set(FORMER_ACTS)), expanding=True)
        )
    )
    op.execute(
        "DELETE FROM access_entry WHERE user_id IS NULL OR kind NOT IN "
        "('lecture', 'modification', 'creation', 'prescription')"
    )
    with op.batch_alter_table("prescription") as batch:
        for index in ("ix_prescription_due", "ix_prescription_lot_id", "ix_prescription_session"):
            batch.drop_index(index)
    with op.batch_alter_table("waiting") as batch:
        batch.drop_index("ix_waiting_offer")
        batch.create_index("ix_waiting_offer", ["offer_id", "joined_at"])
        batch.alter_column("rang_at", existing_type=sa.DateTime(timezone=True), nullable=True)
    with op.batch_alter_table("place_movement") as batch:
        batch.drop_index("ix_place_movement_day")
        batch.alter_column("effet_le", existing_type=sa.Date(), nullable=True)
    with op.batch_alter_table("transition") as batch:
        batch.drop_constraint(op.f("ck_transition_side"), type_="check")
        batch.drop_constraint(op.f("ck_transition_act"), type_="check")
        batch.create_check_constraint(op.f("ck_transition_act"), sa.column("act").in_(FORMER_ACTS))
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name in checks:
                batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
            if table == "access_entry":
                batch.alter_column("user_id", existing_type=sa.Uuid(), nullable=False)
                batch.drop_constraint(op.f("ck_access_entry_access_kind"), type_="check")
                batch.create_check_constraint(
                    op.f("ck_access_entry_access_kind"), sa.column("kind").in_(FORMER_ACCESSES)
                )
            if table == "prescription":
                for (owner, _), (name, _) in VALUES.items():
                    if owner == table:
                        batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
                for column in KEYS:
                    batch.drop_constraint(op.f(f"fk_prescription_{column}"), type_="foreignkey")
                batch.alter_column("lien_cle", existing_type=sa.Uuid(), nullable=True)
    _make_triggers(APPEND_ONLY, TOLD)


def _fill() -> None:
    """Give the rows written so far what the new columns tell, from their history."""
    connection = op.get_bind()
    # The day in Europe/Paris is the portal's; at the turn of a day the line's own moment still says which came first.
    day = "date(at)" if connection.dialect.name == "sqlite" else "(at AT TIME ZONE 'Europe/Paris')::date"
    op.execute(f"UPDATE place_movement SET effet_le = {day}")
    op.execute("UPDATE waiting SET rang_at = joined_at")
    for column, acts in (
        ("answered_at", "'etudier', 'mettre-en-attente', 'accepter', 'refuser'"),
        ("accepted_at", "'accepter'"),
    ):
        op.execute(
            f"UPDATE prescription SET {column} = (SELECT min(t.at) FROM transition t "
            f"WHERE t.prescription_id = prescription.id AND t.act IN ({acts}))"
        )
    prescription = sa.table("prescription", sa.column("id", sa.Uuid()), sa.column("lien_cle", sa.Uuid()))
    ids = connection.execute(sa.select(prescription.c.id)).scalars().all()
    if ids:
        connection.execute(
            sa.update(prescription)
            .where(prescription.c.id == sa.bindparam("this"))
            .values(lien_cle=sa.bindparam("key")),
            [{"this": this, "key": uuid.uuid4()} for this in ids],
        )


def _values(batch: object, table: str) -> None:
    for (owner, column), (name, values) in VALUES.items():
        if owner == table:
            batch.create_check_constraint(  # type: ignore[attr-defined]
                op.f(f"ck_{table}_{name}"), sa.column(column).in_(values)
            )


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
