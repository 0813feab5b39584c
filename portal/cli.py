"""The commands of `flask --app wsgi …` (contract: portal, Commands)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask, current_app, url_for
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import inspect

from portal import demo, jobs, migrate, vocabulary
from portal.accounts import rules as accounts
from portal.accounts.models import Organisation, OrganisationKind, Role
from portal.config import Config
from portal.db import Database
from portal.errors import RuleBroken
from portal.exchanges import exports
from portal.structures import queries as structure_queries
from portal.structures import rules as structures
from portal.structures.models import MembershipLevel, Structure


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (db_group, demo_command, accounts_group, exchanges_group, jobs_group):
        app.cli.add_command(command)


db_group = AppGroup("db", help="The database's tables.")
accounts_group = AppGroup("accounts", help="People who sign in.")
exchanges_group = AppGroup("exchanges", help="What goes in and out.")
jobs_group = AppGroup("jobs", help="What is due.")


@db_group.command("upgrade")
@click.argument("revision", default="head")
def db_upgrade(revision: str) -> None:
    """Bring the tables up to date."""
    with _migrating():
        migrate.upgrade(_database().engine, revision)


@db_group.command("downgrade")
@click.argument("revision")
def db_downgrade(revision: str) -> None:
    """Bring the tables back to REVISION ("base" empties the database)."""
    with _migrating():
        migrate.downgrade(_database().engine, revision)


@db_group.command("check")
def db_check() -> None:
    """Fail when the code's tables and the migrations differ."""
    with _migrating():
        migrate.check(_database().engine)


@click.command("demo")
@with_appcontext
def demo_command() -> None:
    """Load the demo data; refuses on a database that already holds people."""
    with _ready().writing() as session:
        try:
            demo.load(session)
        except RuleBroken as broken:
            raise click.ClickException(broken.message) from broken
    click.echo(demo.accounts_told())


@accounts_group.command("create")
@click.argument("courriel")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--structure", "structure_id", type=click.UUID, help="The partner's structure.")
@click.option("--organisation", help="Name of a référent's organisation; made when it does not exist.")
@click.option("--prenom", default="", help="First name.")
@click.option("--nom", default="", help="Name.")
def accounts_create(
    courriel: str, role: str, structure_id: object, organisation: str | None, prenom: str, nom: str
) -> None:
    """Open an account and print a one-time link to set its password."""
    from sqlmodel import col, select

    if role == Role.PARTENAIRE and structure_id is None:
        raise click.ClickException(
            "--structure is needed for a partner: the id at the end of its page's address"
        )
    if structure_id is not None and role != Role.PARTENAIRE:
        raise click.ClickException("--structure goes with --role partenaire only")
    wrong = vocabulary.check_field(vocabulary.Structure, "courriel", courriel).errors
    if wrong:
        raise click.ClickException(wrong[0])
    local = courriel.split("@")[0]
    try:
        with _ready().writing() as session:
            employer = None
            if role == Role.REFERENT:
                name = organisation or "Organisme référent"
                employer = session.exec(
                    select(Organisation).where(col(Organisation.nom) == name)
                ).one_or_none()
                employer = employer or accounts.create_organisation(
                    session, nom=name, kind=OrganisationKind.ORGANISME_REFERENT
                )
            user = accounts.create_user(
                session,
                courriel=courriel,
                prenom=prenom,
                nom=nom or local,
                role=Role(role),
                organisation=employer,
            )
            if structure_id is not None:
                structure = session.get(Structure, structure_id)
                if structure is None:
                    raise click.ClickException(f"no structure has the id {structure_id}")
                # The first one there must be able to bring in the others.
                alone = session.execute(structure_queries.members_of(structure.id)).first() is None
                level = MembershipLevel.ADMINISTRATEUR if alone else MembershipLevel.MEMBRE
                structures.join(session, structure, user, level=level)
            token = accounts.make_password_link(session, user)
    except RuleBroken as broken:
        raise click.ClickException(broken.message) from broken
    with current_app.test_request_context():
        click.echo(_config().public_url + url_for("accounts.set_password", token=token))


@exchanges_group.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def exchanges_export(folder: Path) -> None:
    """Write every export file in FOLDER."""
    with _ready().session(read_only=True) as session:
        files = exports.all_files(session, source=_config().source, public_url=_config().public_url)
        try:
            for name, content in files:
                folder.mkdir(parents=True, exist_ok=True)
                # Whole or not at all: a reader never finds half a file.
                partial = folder / f".{name}.part"
                partial.write_bytes(content)
                partial.replace(folder / name)
                click.echo(f"{name}\t{len(content)} bytes")
        except exports.NothingPublished as empty:
            raise click.ClickException(f"no {empty} published: no file was written") from empty


@jobs_group.command("run")
@click.argument("names", nargs=-1)
def jobs_run(names: tuple[str, ...]) -> None:
    """Run the jobs NAMES (all by default); safe to run twice or on two machines at once."""
    unknown = set(names) - set(jobs.JOBS)
    if unknown:
        raise click.ClickException(
            f"unknown job: {', '.join(sorted(unknown))}; there are {', '.join(jobs.JOBS)}"
        )
    database, failed = _ready(), False
    for name in names or jobs.JOBS:
        try:
            click.echo(f"{name}: {jobs.JOBS[name](database, _config())}")
        except Exception as error:
            current_app.logger.exception("job %s failed", name)
            click.echo(f"{name}: failed, {type(error).__name__}", err=True)
            failed = True
    if failed:
        sys.exit(1)


@contextmanager
def _migrating() -> Iterator[None]:
    from alembic.util.exc import CommandError

    try:
        yield
    except CommandError as error:
        raise click.ClickException(str(error)) from error


def _ready() -> Database:
    """Return the database once it is known to have its tables."""
    database = _database()
    if not inspect(database.engine).has_table("account"):
        raise click.ClickException("the database has no tables yet: run `flask --app wsgi db upgrade`")
    return database


def _database() -> Database:
    database: Database = current_app.extensions["portal_db"]
    return database


def _config() -> Config:
    config: Config = current_app.config["PORTAL"]
    return config
