"""Every door knocked at by every role, against the table of `test_access.py`."""

import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.web.access import ATTRIBUTE, NoAccessRule, rule_of
from tests.factories.accounts import make_user
from tests.house.test_access import EVERYBODY, RULES
from tests.pages import Browser


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, address with made-up ids) of every route."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        address = re.sub(r"<uuid:[^>]+>", str(uuid.uuid4()), rule.rule)
        address = re.sub(r'<any\(\s*"?([\w-]+)"?[^>]*>', r"\1", address)
        address = address.replace("<int:annee>", "2024").replace("<int:numero>", "1")
        address = re.sub(r"<[^>]+>", "x", address)
        found += [(rule.endpoint, method, address) for method in sorted(rule.methods & {"GET", "POST"})]
    return found


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_every_door_by_every_role(
    app: Flask, session: Session, sign_in: Callable[[User], Browser], browser: Browser, role: Role | None
) -> None:
    visitor = browser if role is None else sign_in(make_user(session, role))
    token = visitor.token()
    for endpoint, method, address in addresses(app):
        wanted = RULES[endpoint]
        response = visitor.client.open(
            address, method=method, data={"csrf_token": token} if method == "POST" else None
        )
        where = f"{method} {address} ({endpoint}) as {role}: {response.status_code}"
        if wanted == EVERYBODY:
            assert response.status_code < 500 or endpoint.startswith("exchanges."), where
            assert response.status_code not in {401, 403}, where
        elif role is None:
            if method == "GET":
                assert response.status_code == 303, where
                assert "/connexion?next=" in response.headers["Location"], where
            else:
                assert response.status_code == 401, where
        elif role in wanted:
            assert response.status_code not in {401, 403}, where
            assert response.status_code < 500, where
        else:
            assert response.status_code == 403, where
        if endpoint in {"accounts.sign_out", "accounts.sign_out_everywhere"} and role is not None:
            visitor = sign_in(make_user(session, role))
            token = visitor.token()


def test_a_view_without_a_rule_does_not_answer(app: Flask, browser: Browser) -> None:
    view = app.view_functions["web.about"]
    rule = getattr(view, ATTRIBUTE)
    delattr(view, ATTRIBUTE)
    try:
        assert rule_of(view) is None
        page = browser.get("/a-propos", status=500)
        assert "référence" in page.text.lower()
        assert issubclass(NoAccessRule, RuntimeError)
    finally:
        setattr(view, ATTRIBUTE, rule)


def test_a_post_without_a_token_is_refused(
    app: Flask, session: Session, sign_in: Callable[[User], Browser]
) -> None:
    visitor = sign_in(make_user(session, Role.ADMINISTRATION))
    for endpoint, method, address in addresses(app):
        if method != "POST" or (RULES[endpoint] != EVERYBODY and Role.ADMINISTRATION not in RULES[endpoint]):
            continue
        response = visitor.client.post(address, data={})
        assert response.status_code == 400, (
            f"{endpoint} took a form without its token: {response.status_code}"
        )
