"""One history of the tables, up and down on both engines, equal to the models, and free of them."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from portal import migrate
from portal.db import Database, make_engine

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


@pytest.fixture
def empty_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'migrations.db'}"
    server = str(request.getfixturevalue("postgresql_url"))
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrations"))
        connection.execute(text("CREATE DATABASE migrations"))
    admin.dispose()
    return server.replace("/postgres?", "/migrations?")


def test_up_down_up_and_equal_to_the_models(empty_url: str) -> None:
    engine = make_engine(empty_url)
    try:
        migrate.upgrade(engine)
        migrate.check(engine)
        migrate.downgrade(engine, "base")
        assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
        migrate.upgrade(engine)
        migrate.check(engine)
        assert migrate.is_empty(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize("path", VERSIONS, ids=lambda p: p.stem)
def test_a_migration_stands_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] not in {"portal", "sqlmodel"}, (
                "a migration outlives the models: name no class of theirs"
            )


def test_migrations_are_in_one_line() -> None:
    assert [path.stem[:4] for path in VERSIONS] == [f"{n:04d}" for n in range(1, len(VERSIONS) + 1)]


WATCHED = (
    ("offer", "offer"),
    ("structure", "structure"),
    ("offer_session", "offer"),
    ("convention", "places"),
    ("financed_action", "places"),
    ("action_offer", "places"),
    ("place_movement", "places"),
    ("waiting", "places"),
    ("catalogue_index", "index"),
)


@pytest.mark.parametrize(("table", "kind"), WATCHED)
def test_the_catalogue_is_told_of_every_change(database: Database, table: str, kind: str) -> None:
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            made = connection.execute(
                text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"),
                {"table": table},
            ).scalars()
            acts = {act for sql in made for act in ("INSERT", "UPDATE", "DELETE") if f"AFTER {act} ON" in sql}
        else:
            acts = set(
                connection.execute(
                    text(
                        "SELECT event_manipulation FROM information_schema.triggers"
                        " WHERE event_object_table = :table AND trigger_name = :name"
                    ),
                    {"table": table, "name": f"{table}_catalogue"},
                ).scalars()
            )
    assert acts == {"INSERT", "UPDATE", "DELETE"}, (
        f"{table} lost its triggers: a batch migration makes the table anew on SQLite; make them again as 0006 does"
    )
