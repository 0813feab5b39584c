"""The keys of the API: made and withdrawn by an administrator, or on the command line."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, select

from portal import clock, create_app
from portal.accounts import tokens
from portal.accounts.models import ApiToken, Role, User
from portal.config import Config
from portal.db import Database
from portal.errors import AlreadyDone, RuleBroken
from tests.factories.accounts import make_user
from tests.pages import Browser
from tests.races.databases import own_database

SignIn = Callable[[User], Browser]


class TestRules:
    def test_the_secret_is_given_once_and_only_its_mark_kept(self, session: Session) -> None:
        token, secret = tokens.make(session, nom=" Annuaire ", scopes=["places", "api", "api"])
        assert len(secret) >= 40
        assert token.nom == "Annuaire"
        assert token.scopes == ["api", "places"]
        assert secret not in token.token_hash
        assert token.expires_at - clock.now() > timedelta(days=364)
        found = tokens.find(session, secret)
        assert found is not None
        assert found.id == token.id
        assert tokens.find(session, secret + "x") is None

    def test_two_keys_are_two(self, session: Session) -> None:
        first = tokens.make(session, nom="A", scopes=["api"])[1]
        assert first != tokens.make(session, nom="A", scopes=["api"])[1]

    def test_a_key_withdrawn_is_found_no_more(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        then = move_clock(2026, 3, 3, 10)
        token, secret = tokens.make(session, nom="A", scopes=["api"])
        tokens.revoke(session, token)
        session.flush()
        move_clock(2026, 3, 4, 10)
        tokens.revoke(session, token)
        assert token.revoked_at == then
        assert tokens.find(session, secret) is None

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"nom": "  "}, "nom"),
            ({"nom": "x" * 121}, "nom"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["api", "tout"]}, "scopes"),
            ({"days": 0}, "jours"),
            ({"days": 100_000}, "jours"),
        ],
    )
    def test_what_does_not_do(self, session: Session, values: dict[str, object], field: str) -> None:
        with pytest.raises(RuleBroken) as broken:
            tokens.make(session, **{"nom": "A", "scopes": ["api"], **values})  # type: ignore[arg-type]
        assert broken.value.field == field

    def test_the_same_id_makes_one_key(self, session: Session) -> None:
        key = uuid.uuid4()
        tokens.make(session, nom="A", scopes=["api"], id=key)
        with pytest.raises(AlreadyDone):
            tokens.make(session, nom="A", scopes=["api"], id=key)


class TestPage:
    def test_make_show_once_and_withdraw(self, session: Session, sign_in: SignIn, app: Flask) -> None:
        visitor = sign_in(make_user(session, Role.ADMINISTRATION))
        page = visitor.get("/")
        page = page.click("Clés de l’API")
        assert page.h1 == "Clés de l’API"
        assert "Aucune clé" in page.text
        made = page.form("/cles-api").submit(nom="Annuaire d’exemple", scopes=["api", "places"], jours="90")
        assert made.h1 == "La clé est créée"
        field = made.soup.select_one("#secret")
        assert field is not None
        secret = str(field["value"])
        assert made.response.headers["Cache-Control"] == "no-store"
        token = session.exec(select(ApiToken)).one()
        assert token.scopes == ["api", "places"]
        assert token.expires_at - clock.now() < timedelta(days=91)
        known = app.extensions["api_keyring"].recognise(secret, session, app.extensions["portal_db"])
        assert known is not None
        assert known.id == token.id

        listed = visitor.get("/cles-api")
        assert secret not in listed.response.text
        assert "Annuaire d’exemple" in listed.text
        after = listed.form(f"/cles-api/{token.id}/retirer").submit()
        assert "La clé « Annuaire d’exemple » est retirée." in after.text
        assert "Retirée" in after.text
        session.refresh(token)
        assert token.revoked_at is not None
        assert all("Retirer" not in button for button in after.buttons())

    def test_pressed_twice_it_makes_one(self, session: Session, sign_in: SignIn) -> None:
        visitor = sign_in(make_user(session, Role.ADMINISTRATION))
        form = visitor.get("/cles-api").form("/cles-api")
        form.submit(nom="Annuaire")
        again = form.submit(nom="Annuaire")
        assert "Cette clé est déjà créée" in again.text
        assert len(session.exec(select(ApiToken)).all()) == 1

    def test_what_is_missing_is_told(self, session: Session, sign_in: SignIn) -> None:
        visitor = sign_in(make_user(session, Role.ADMINISTRATION))
        form = visitor.get("/cles-api").form("/cles-api")
        page = form.submit(nom="", scopes=[], status=422)
        assert set(page.errors) == {"nom", "scopes"}
        assert session.exec(select(ApiToken)).all() == []
        page = form.submit(nom="x", jours="4000", status=422)
        assert set(page.errors) == {"jours"}

    def test_the_state_of_each(
        self, session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        tokens.make(session, nom="Finie", scopes=["api"], days=1)
        token, _ = tokens.make(session, nom="Bonne", scopes=["api"], days=90)
        token.last_used_on = clock.today()
        move_clock(2026, 3, 8, 10)
        page = sign_in(make_user(session, Role.ADMINISTRATION)).get("/cles-api")
        assert "Jusqu’au 1er juin 2026" in page.text
        assert "il y a 5 jours" in page.text
        assert "Jamais" in page.text
        assert page.buttons().count("Retirer la clé Bonne") == 1
        assert "Retirer la clé Finie" not in page.buttons()


@pytest.fixture
def committed(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with its tables, whose changes are really committed."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


class TestCommand:
    def test_it_prints_the_key_and_nothing_else(self, config: Config, committed: Database) -> None:
        runner = create_app(config, committed).test_cli_runner()
        made = ["accounts", "token", "Annuaire", "--scope", "api", "--scope", "places", "--days", "30"]
        result = runner.invoke(args=made)
        assert result.exit_code == 0, result.output
        with committed.session(read_only=True) as session:
            token = tokens.find(session, result.output.strip())
            assert token is not None
            assert (token.nom, token.scopes) == ("Annuaire", ["api", "places"])
            assert timedelta(days=29) < token.expires_at - clock.now() < timedelta(days=31)

    def test_what_does_not_do_is_told(self, config: Config, committed: Database) -> None:
        runner = create_app(config, committed).test_cli_runner()
        for arguments, told in (
            (["Annuaire"], "--scope"),
            (["Annuaire", "--scope", "tout"], "tout"),
            (["Annuaire", "--scope", "api", "--days", "0"], "--days"),
            ([" ", "--scope", "api"], "nom"),
        ):
            result = runner.invoke(args=["accounts", "token", *arguments])
            assert result.exit_code != 0
            assert told in result.output
            assert isinstance(result.exception, SystemExit)
        with committed.session(read_only=True) as session:
            assert session.exec(select(ApiToken)).all() == []
