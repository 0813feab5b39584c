"""How Alembic reaches the database. Migrations import neither models nor sqlmodel; only the comparison does."""

from alembic import context
from sqlalchemy import Connection, text

from portal import tables

config = context.config


def render_item(kind: str, thing: object, _autogen: object) -> str | bool:
    # Migrations outlive the code: they name SQLAlchemy's own types only.
    if kind == "type" and type(thing).__name__ == "AutoString":
        length = getattr(thing, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    if kind == "type" and type(thing).__name__ == "UtcDateTime":
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        render_as_batch=sqlite,
        compare_type=True,
        render_item=render_item,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise RuntimeError(f"the migration left rows without their parent: {broken[:5]}")


run(config.attributes["connection"])
