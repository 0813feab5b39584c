"""The commands of prescriptions."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from sqlmodel import col, select

from portal.accounts.models import Role, User
from portal.db import Database
from portal.prescriptions import business, exports
from portal.prescriptions.exports import Filters

prescriptions_group = AppGroup("prescriptions", help="Prescriptions.")


@prescriptions_group.command("export-metier")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--by", "courriel", required=True, help="The officer who answers for the export.")
def export_business(folder: Path, courriel: str) -> None:
    """Write metier.csv in FOLDER, for the business software of the département.

    It holds numbers of people: each of them has a line in the access journal, in the officer's name.
    """
    database: Database = current_app.extensions["portal_db"]
    with database.writing() as session:
        user = session.exec(select(User).where(col(User.courriel) == courriel.strip().lower())).one_or_none()
        if user is None or not user.is_active or user.role is not Role.CONVENTIONNEMENT:
            raise click.ClickException(f"{courriel} is not an active account of the role conventionnement")
        ids = exports.ids_of(session, user, Filters(), limit=None)
        people = exports.note(session, ids, by=user)
    folder.mkdir(parents=True, exist_ok=True)
    part, whole = folder / ".metier.csv.part", folder / "metier.csv"
    part.touch(mode=0o600)
    try:
        with part.open("wb") as file, database.session(read_only=True) as session:
            file.writelines(business.business_csv(session, ids))
        # All of it or nothing: a reader never finds half a file.
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"metier.csv\t{len(ids)} prescriptions\t{people} people")
