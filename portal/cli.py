"""The commands of `flask --app wsgi …` (contract: portal, Commands)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask, current_app, url_for
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from portal import demo, jobs, migrate, vocabulary
from portal.accounts import rules as accounts
from portal.accounts import tokens
from portal.accounts.models import Organisation, OrganisationKind, Role
from portal.config import Config
from portal.db import Database
from portal.errors import RuleBroken
from portal.exchanges import exports
from portal.exchanges.national import loading
from portal.exchanges.national.console import Console
from portal.prescriptions.cli import prescriptions_group
from portal.structures import members
from portal.structures import queries as structure_queries
from portal.structures.models import MembershipLevel, Structure


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (db_group, demo_command, accounts_group, exchanges_group, prescriptions_group, jobs_group):
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
                members.join(session, structure, user, level=level)
            token = accounts.make_password_link(session, user)
    except RuleBroken as broken:
        raise click.ClickException(broken.message) from broken
    with current_app.test_request_context():
        click.echo(_config().public_url + url_for("accounts.set_password", token=token))


@accounts_group.command("token")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in tokens.Scope]),
    help="What the key opens; may be repeated.",
)
@click.option(
    "--days",
    default=tokens.DEFAULT_DAYS,
    show_default=True,
    type=click.IntRange(1, tokens.MAX_DAYS),
    help="How long it works.",
)
def accounts_token(name: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a key of the API for the software NAME and print it: it is shown this once."""
    try:
        with _ready().writing() as session:
            _, secret = tokens.make(session, nom=name, scopes=scopes, days=days)
    except RuleBroken as broken:
        raise click.ClickException(broken.message) from broken
    click.echo(secret)


@exchanges_group.command("import")
@click.argument("structures", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.argument("services", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--wet-run", "wet", is_flag=True, help="Write; without it everything is checked and told only.")
@click.option("--keep-good", is_flag=True, help="Write the good records even when others are refused.")
@click.option(
    "--replace",
    is_flag=True,
    help="Remove what is known of the sources of these files and is no longer in them.",
)
def exchanges_import(structures: Path, services: Path, wet: bool, keep_good: bool, replace: bool) -> None:
    """Load the data.inclusion v1 records of STRUCTURES and SERVICES, one JSON object a line, gzip or not.

    One line on the standard output for each refused record: file and line, id, field, reason, between tabs. Exit 1
    when there is any.
    """
    with Console() as console:
        try:
            report = loading.load(
                _ready(),
                structures,
                services,
                own_source=_config().source,
                wet=wet,
                keep_good=keep_good,
                replace=replace,
                listeners=loading.Listeners(refusal=console.refusal, progress=console.progress),
            )
        except (loading.CannotReplace, loading.Overtaken, OSError) as error:
            raise click.ClickException(f"nothing was written: {error}") from error
        except SQLAlchemyError as error:
            current_app.logger.exception("import failed")
            raise click.ClickException(f"nothing was written: {type(error).__name__}") from error
        console.report(report, wet=wet)
    if report.refused:
        sys.exit(1)


@exchanges_group.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def exchanges_export(folder: Path) -> None:
    """Write every export file in FOLDER."""
    with _ready().session(read_only=True) as session:
        try:
            files = exports.write_all(
                folder, session, source=_config().source, public_url=_config().public_url
            )
        except exports.NothingPublished as empty:
            raise click.ClickException(f"no {empty} published: no file was written") from empty
    for name, size in files:
        click.echo(f"{name}\t{size} bytes")


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
