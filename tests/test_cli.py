"""The commands that an operator types: what they do, what they print, and that an error is a sentence."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlmodel import col, select

from portal import create_app, demo, jobs, migrate
from portal.accounts import rules as account_rules
from portal.accounts.models import Organisation, OutgoingMail, PasswordLink, Role, User
from portal.accounts.rules import queue_mail
from portal.config import Config
from portal.db import Database
from portal.offers import queries as offer_queries
from portal.structures.models import Membership, MembershipLevel
from tests.factories.structures import make_structure
from tests.races.databases import own_database, own_url

Run = Callable[..., Result]


@pytest.fixture
def empty(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a single table."""
    with own_url(engine_name, request, tmp_path) as url:
        database = Database(url)
        yield database
        database.engine.dispose()


@pytest.fixture
def database_here(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with its tables, whose changes are really committed."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def runner(config: Config, database: Database) -> tuple[Flask, Run]:
    app = create_app(config, database)

    def run(*arguments: str, code: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=list(arguments))
        assert result.exit_code == code, result.output + repr(result.exception)
        # An error is told, never thrown at the operator.
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return app, run


@pytest.fixture
def run(config: Config, database_here: Database) -> Run:
    return runner(config, database_here)[1]


class TestDatabase:
    def test_up_down_and_up_again(self, config: Config, empty: Database) -> None:
        _, run = runner(config, empty)
        run("db", "upgrade")
        run("db", "check")
        assert migrate.is_empty(empty.engine)
        run("db", "downgrade", "base")
        assert "db upgrade" in run("demo", code=1).output
        run("db", "upgrade", "head")
        run("db", "check")

    def test_what_was_there_is_there_after_an_upgrade_that_changes_nothing(
        self, run: Run, database_here: Database
    ) -> None:
        run("accounts", "create", "a@exemple.example.org", "--role", "administration")
        run("db", "upgrade")
        assert not migrate.is_empty(database_here.engine)

    @pytest.mark.parametrize("arguments", [("db", "upgrade", "nimporte"), ("db", "downgrade", "nimporte")])
    def test_an_unknown_revision_is_told(self, run: Run, arguments: tuple[str, ...]) -> None:
        assert "nimporte" in run(*arguments, code=1).output

    def test_a_database_that_is_behind_is_told(self, config: Config, empty: Database) -> None:
        _, run = runner(config, empty)
        output = run("db", "check", code=1).output
        assert output.startswith("Error: ")

    @pytest.mark.parametrize(
        "arguments",
        [
            ("demo",),
            ("accounts", "create", "a@exemple.example.org", "--role", "animation"),
            ("exchanges", "export", "ici"),
            ("jobs", "run"),
        ],
    )
    def test_without_tables_the_first_step_is_told(
        self, config: Config, empty: Database, arguments: tuple[str, ...]
    ) -> None:
        _, run = runner(config, empty)
        output = run(*arguments, code=1).output
        assert output == "Error: the database has no tables yet: run `flask --app wsgi db upgrade`\n"


class TestDemo:
    def test_it_tells_the_accounts_and_does_not_load_twice(self, run: Run, database_here: Database) -> None:
        output = run("demo").output
        assert demo.PASSWORD in output
        assert output.count("@demo.example.org") == len(Role)
        assert demo.is_loaded(database_here)
        again = run("demo", code=1).output
        assert again.startswith("Error: La base contient déjà des personnes")


class TestAccounts:
    def test_the_link_that_is_printed_works_once(self, config: Config, database_here: Database) -> None:
        app, run = runner(replace(config, public_url="https://insertion.example.org"), database_here)
        output = run("accounts", "create", "Amelie@Exemple.example.org", "--role", "administration").output
        found = re.fullmatch(r"https://insertion\.example\.org(/mot-de-passe/[\w-]{43})\n", output)
        assert found is not None
        client = app.test_client()
        page = client.get(found[1], base_url="https://insertion.example.org")
        assert "Nouveau mot de passe" in page.text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None
        done = client.post(
            found[1],
            base_url="https://insertion.example.org",
            headers={"Referer": "https://insertion.example.org/"},
            data={
                "csrf_token": token[1],
                "mot_de_passe": "quatre mots bien choisis",
                "mot_de_passe_encore": "quatre mots bien choisis",
            },
        )
        assert done.status_code == 303
        with database_here.session() as session:
            user = account_rules.check_sign_in(
                session, courriel="amelie@exemple.example.org", password="quatre mots bien choisis"
            )
            assert user.role is Role.ADMINISTRATION
        assert client.get(found[1], base_url="https://insertion.example.org").status_code == 410

    @pytest.mark.parametrize("role", [Role.CONVENTIONNEMENT, Role.ANIMATION])
    def test_a_role_a_name_and_a_first_name(self, run: Run, database_here: Database, role: Role) -> None:
        run(
            "accounts",
            "create",
            "a.b@exemple.example.org",
            "--role",
            role.value,
            "--prenom",
            "Ada",
            "--nom",
            "Démo",
        )
        run("accounts", "create", "c.d@exemple.example.org", "--role", role.value)
        with database_here.session() as session:
            users = session.exec(select(User).order_by(col(User.courriel))).all()
            assert [(u.full_name, u.role) for u in users] == [("Ada Démo", role), ("c.d", role)]

    def test_referents_share_the_organisation_of_the_same_name(
        self, run: Run, database_here: Database
    ) -> None:
        for name in ("a", "b"):
            run(
                "accounts",
                "create",
                f"{name}@exemple.example.org",
                "--role",
                "referent",
                "--organisation",
                "CDAS de Redon",
            )
        run("accounts", "create", "c@exemple.example.org", "--role", "referent")
        with database_here.session() as session:
            names = session.exec(select(Organisation.nom).order_by(Organisation.nom)).all()
            assert names == ["CDAS de Redon", "Organisme référent"]
            assert len(session.exec(select(User)).all()) == 3

    def test_a_partner_joins_a_structure(self, run: Run, database_here: Database) -> None:
        with database_here.writing() as session:
            structure = str(make_structure(session).id)
        run("accounts", "create", "p@exemple.example.org", "--role", "partenaire", "--structure", structure)
        with database_here.session() as session:
            (membership,) = session.exec(select(Membership)).all()
            assert str(membership.structure_id) == structure
            assert membership.level is MembershipLevel.ADMINISTRATEUR, "the first one brings in the others"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["p@exemple.example.org", "--role", "partenaire"], "--structure is needed for a partner"),
            (
                ["p@exemple.example.org", "--role", "partenaire", "--structure", str(uuid.uuid4())],
                "no structure has the id",
            ),
            (
                ["a@exemple.example.org", "--role", "animation", "--structure", str(uuid.uuid4())],
                "goes with --role partenaire only",
            ),
            (["pas-une-adresse", "--role", "animation"], "Écrivez une adresse électronique complète"),
            (["DEJA@exemple.example.org", "--role", "animation"], "Un compte existe déjà pour cette adresse"),
        ],
    )
    def test_what_cannot_be_is_told_and_nothing_is_written(
        self, run: Run, database_here: Database, arguments: list[str], words: str
    ) -> None:
        run("accounts", "create", "deja@exemple.example.org", "--role", "administration")
        output = run("accounts", "create", *arguments, code=1).output
        assert output.startswith("Error: ")
        assert words in output
        with database_here.session() as session:
            assert len(session.exec(select(User)).all()) == 1
            assert len(session.exec(select(PasswordLink)).all()) == 1

    @pytest.mark.parametrize("arguments", [["a@b.fr", "--role", "prefet"], ["a@b.fr"], []])
    def test_what_is_not_understood_shows_the_usage(self, run: Run, arguments: list[str]) -> None:
        assert "Usage:" in run("accounts", "create", *arguments, code=2).output


class TestExport:
    def test_every_file_is_written_whole_as_its_address_serves_it(
        self, config: Config, database_here: Database, tmp_path: Path
    ) -> None:
        app, run = runner(config, database_here)
        run("demo")
        folder = tmp_path / "un" / "dossier"
        output = run("exchanges", "export", str(folder)).output
        names = sorted(path.name for path in folder.iterdir())
        assert names == [
            "data-inclusion.xlsx",
            "services.csv",
            "services.json",
            "services.ndjson",
            "structures.csv",
            "structures.json",
            "structures.ndjson",
        ]
        told = dict(line.split("\t") for line in output.splitlines())
        assert told == {name: f"{(folder / name).stat().st_size} bytes" for name in names}
        services = json.loads((folder / "services.json").read_bytes())
        with database_here.session(read_only=True) as reading:
            published = reading.execute(offer_queries.published()).scalars().all()
        assert {service["id"] for service in services} == {str(offer.id) for offer in published}
        assert len(services) > sum(offer.published for offer in demo.OFFERS)
        assert {record["source"] for record in services} == {"portail-test"}
        for name in names:
            served = app.test_client().get(f"/export/data-inclusion/v1/{name}")
            assert served.data == (folder / name).read_bytes(), name

    def test_nothing_published_writes_nothing(
        self, run: Run, database_here: Database, tmp_path: Path
    ) -> None:
        output = run("exchanges", "export", str(tmp_path / "out"), code=1).output
        assert output == "Error: no structures published: no file was written\n"
        with database_here.writing() as session:
            make_structure(session)
        output = run("exchanges", "export", str(tmp_path / "out"), code=1).output
        assert output == "Error: no services published: no file was written\n"
        assert not (tmp_path / "out").exists()

    def test_a_former_export_stays_when_there_is_nothing_to_write(self, run: Run, tmp_path: Path) -> None:
        former = tmp_path / "services.json"
        former.write_text("[1]")
        run("exchanges", "export", str(tmp_path), code=1)
        assert former.read_text() == "[1]"


class TestJobs:
    def test_all_by_default_one_by_name(self, run: Run) -> None:
        lines = run("jobs", "run").output.splitlines()
        assert [line.split(":")[0] for line in lines] == list(jobs.JOBS)
        assert (
            run("jobs", "run", "prescriptions").output
            == "prescriptions: 0 expired, 0 released, 0 turns of a waiting list told\n"
        )

    def test_an_unknown_one_is_told_and_nothing_runs(self, run: Run) -> None:
        output = run("jobs", "run", "prescriptions", "menage", code=1).output
        assert (
            output
            == "Error: unknown job: menage; there are prescriptions, relances, documents, echeances, freshness, referencement, imports, saisies, besoins, catalogue, alertes, mail\n"
        )

    def test_one_that_fails_is_told_and_the_others_run(self, config: Config, database_here: Database) -> None:
        with database_here.writing() as session:
            queue_mail(session, recipient="a@exemple.example.org", subject="s", body="b")
        _, run = runner(replace(config, mail_url="smtp://127.0.0.1:1"), database_here)
        result = run("jobs", "run", "mail", "prescriptions", code=1)
        assert "mail: failed, ConnectionRefusedError" in result.stderr
        assert result.stdout == "prescriptions: 0 expired, 0 released, 0 turns of a waiting list told\n"
        with database_here.session() as session:
            (mail,) = session.exec(select(OutgoingMail)).all()
            assert (mail.sent_at, mail.attempts) == (None, 0)


class TestAsTyped:
    """The same through the real command, in processes of their own."""

    def flask(self, root: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "PORTAL_DATABASE_URL": url,
            "PORTAL_SECRET_KEY": "t" * 40,
            "PORTAL_PUBLIC_URL": "http://localhost",
        }
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def test_a_first_day(self, root: Path, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'portal.db'}"
        refused = self.flask(root, url, "demo")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "db upgrade" in refused.stderr
        assert self.flask(root, url, "db", "upgrade").returncode == 0
        made = self.flask(
            root, url, "accounts", "create", "a@exemple.example.org", "--role", "administration"
        )
        assert made.stderr == ""
        assert made.stdout.startswith("http://localhost/mot-de-passe/")
        with sqlite3.connect(tmp_path / "portal.db") as connection:
            assert connection.execute("SELECT courriel FROM account").fetchall() == [
                ("a@exemple.example.org",)
            ]
        connection.close()
        assert self.flask(root, url, "jobs", "run", "nimporte").returncode == 1

    def test_a_setting_that_cannot_be_used_is_told(self, root: Path) -> None:
        wrong = self.flask(root, "mysql://quelque/part", "db", "check")
        assert wrong.returncode != 0
        assert "PORTAL_DATABASE_URL must begin with" in wrong.stderr
