"""Default-deny access: who may knock at each door, written a second time and by hand."""

import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.web.access import ATTRIBUTE, NoAccessRule, rule_of
from tests.factories.accounts import make_user
from tests.pages import Browser

EVERYBODY = "public"
ALL = frozenset(Role)
REFERENT, PARTENAIRE, ADMIN = (
    frozenset({Role.REFERENT}),
    frozenset({Role.PARTENAIRE}),
    frozenset({Role.ADMINISTRATION}),
)
BOTH_SIDES = REFERENT | PARTENAIRE
KEEPERS = frozenset({Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION})
LOOK_AFTER = frozenset({Role.ANIMATION, Role.ADMINISTRATION})
OFFICER = frozenset({Role.CONVENTIONNEMENT})
MONEY = OFFICER | PARTENAIRE
WATCHERS = frozenset({Role.ANIMATION, Role.ADMINISTRATION, Role.CONVENTIONNEMENT})

RULES: dict[str, str | frozenset[Role]] = {
    "web.health": EVERYBODY,
    "web.accessibility": EVERYBODY,
    "web.privacy": EVERYBODY,
    "web.about": EVERYBODY,
    "web.accent": EVERYBODY,
    "web.robots": EVERYBODY,
    "indicators.home": EVERYBODY,
    "indicators.dashboard": WATCHERS,
    "indicators.table": WATCHERS,
    "accounts.sign_in": EVERYBODY,
    "accounts.sign_in_post": EVERYBODY,
    "accounts.sign_out": EVERYBODY,
    "accounts.forgotten": EVERYBODY,
    "accounts.forgotten_post": EVERYBODY,
    "accounts.sign_up": EVERYBODY,
    "accounts.sign_up_post": EVERYBODY,
    "accounts.set_password": EVERYBODY,
    "accounts.set_password_post": EVERYBODY,
    "accounts.sign_out_everywhere": ALL,
    "accounts.account": ALL,
    "accounts.users": ADMIN,
    "accounts.new_user": ADMIN,
    "accounts.set_user_state": ADMIN,
    "accounts.send_link": ADMIN,
    "accounts.api_keys": ADMIN,
    "accounts.make_api_key": ADMIN,
    "accounts.revoke_api_key": ADMIN,
    "accounts.outbox": ADMIN,
    "accounts.mail": ADMIN,
    "structures.index": KEEPERS,
    "structures.show": EVERYBODY,
    "structures.new": KEEPERS,
    "structures.create": KEEPERS,
    "structures.edit": KEEPERS,
    "structures.change": KEEPERS,
    "structures.start_over": KEEPERS,
    "structures.join": KEEPERS,
    "structures.ask": PARTENAIRE,
    "structures.send_request": PARTENAIRE,
    "structures.invite": KEEPERS,
    "structures.resend_invitation": KEEPERS,
    "structures.cancel_invitation": KEEPERS,
    "structures.accept_request": KEEPERS,
    "structures.refuse_request": KEEPERS,
    "structures.set_level": KEEPERS,
    "structures.quit_structure": PARTENAIRE,
    "structures.history_of": KEEPERS,
    "structures.invitation": EVERYBODY,
    "structures.accept_invitation": EVERYBODY,
    "structures.networks": KEEPERS,
    "structures.publish": KEEPERS,
    "structures.withdraw": KEEPERS,
    "structures.members": KEEPERS,
    "structures.remove_member": KEEPERS,
    "catalogue.search": EVERYBODY,
    "offers.show": EVERYBODY,
    "catalogue.communes": EVERYBODY,
    "catalogue.around_address": ALL,
    "catalogue.points": EVERYBODY,
    "catalogue.known": EVERYBODY,
    "catalogue.known_structure": EVERYBODY,
    "catalogue.saved_searches": ALL,
    "catalogue.save_search": ALL,
    "catalogue.edit_search": ALL,
    "catalogue.delete_search": ALL,
    "catalogue.stop_alert": EVERYBODY,
    "catalogue.stop_alert_post": EVERYBODY,
    "offers.mine": KEEPERS,
    "offers.new": KEEPERS,
    "offers.create": KEEPERS,
    "offers.edit": KEEPERS,
    "offers.change": KEEPERS,
    "addresses.complete": ALL,
    "offers.sitemap": EVERYBODY,
    "offers.my_favourites": ALL,
    "offers.keep_favourite": ALL,
    "offers.report": ALL - ADMIN,
    "offers.send_report": ALL - ADMIN,
    "offers.reports": ALL,
    "offers.read_report": KEEPERS,
    "offers.answer_report": KEEPERS,
    "offers.keep": KEEPERS,
    "offers.forget": KEEPERS,
    "offers.themes": KEEPERS,
    "offers.compare": KEEPERS,
    "offers.add_document": KEEPERS,
    "offers.remove_document": KEEPERS,
    "offers.document": EVERYBODY,
    "offers.archive": KEEPERS,
    "offers.resume": KEEPERS,
    "offers.duplicate": KEEPERS,
    "offers.confirm_many": KEEPERS,
    "offers.still_valid": EVERYBODY,
    "offers.say_still_valid": EVERYBODY,
    "offers.history_of": KEEPERS,
    "offers.version_of": KEEPERS,
    "offers.restore": KEEPERS,
    "offers.templates": KEEPERS,
    "offers.new_template": KEEPERS,
    "offers.create_template": KEEPERS,
    "offers.edit_template": KEEPERS,
    "offers.change_template": KEEPERS,
    "offers.archive_template": KEEPERS,
    "offers.template_offers": KEEPERS,
    "offers.take_for_many": KEEPERS,
    "offers.compare_template": KEEPERS,
    "offers.take_from_template": KEEPERS,
    "offers.publish": KEEPERS,
    "offers.withdraw": KEEPERS,
    "offers.confirm": KEEPERS,
    "beneficiaries.index": REFERENT,
    "beneficiaries.show": REFERENT,
    "beneficiaries.new": REFERENT,
    "beneficiaries.edit": REFERENT,
    "programme.week": REFERENT,
    "programme.keep_done": REFERENT,
    "programme.months": REFERENT,
    "programme.new_activity": REFERENT,
    "programme.edit_activity": REFERENT,
    "programme.remove_activity": REFERENT,
    "programme.target": REFERENT,
    "conventions.index": MONEY,
    "conventions.show": MONEY,
    "conventions.action": MONEY,
    "conventions.new": OFFICER,
    "conventions.edit": OFFICER,
    "conventions.new_action": OFFICER,
    "conventions.edit_action": OFFICER,
    "conventions.amend": OFFICER,
    "conventions.follow_up": OFFICER,
    "conventions.places": MONEY,
    "prescriptions.index": BOTH_SIDES,
    "prescriptions.show": BOTH_SIDES,
    "prescriptions.write": BOTH_SIDES,
    "prescriptions.place": REFERENT,
    "prescriptions.waiting_list": MONEY,
    "prescriptions.remind": REFERENT,
    "prescriptions.hand_over": REFERENT,
    "prescriptions.assign": PARTENAIRE,
    "prescriptions.answer_several": PARTENAIRE,
    "prescriptions.act": BOTH_SIDES,
    "prescriptions.hours": PARTENAIRE,
    "prescriptions.week": BOTH_SIDES,
    "prescriptions.add_document": BOTH_SIDES,
    "prescriptions.document": BOTH_SIDES,
    "prescriptions.withdraw_document": BOTH_SIDES,
    "prescriptions.fiche": BOTH_SIDES,
    "prescriptions.paper": REFERENT,
    "prescriptions.export": BOTH_SIDES | OFFICER,
    "prescriptions.export_business": OFFICER,
    # By the link of an e-mail, which is asked for in each of them.
    "reponse.show": EVERYBODY,
    "reponse.act": EVERYBODY,
    "reponse.hours": EVERYBODY,
    "reponse.week": EVERYBODY,
    "reponse.write": EVERYBODY,
    "reponse.add_document": EVERYBODY,
    "reponse.document": EVERYBODY,
    "reponse.withdraw_document": EVERYBODY,
    "reponse.fiche": EVERYBODY,
    "reponse.renew": EVERYBODY,
    "prescriptions.new": REFERENT,
    "prescriptions.choose_person": REFERENT,
    "prescriptions.create_lot": REFERENT,
    "prescriptions.elsewhere": REFERENT,
    "prescriptions.keep": REFERENT,
    "prescriptions.keep_lot": REFERENT,
    "prescriptions.keep_new": REFERENT,
    "prescriptions.lot": REFERENT,
    "prescriptions.create": REFERENT,
    "prescriptions.edit": REFERENT,
    "prescriptions.send": REFERENT,
    "referencement.index": LOOK_AFTER,
    "referencement.rules": LOOK_AFTER,
    "referencement.set_rules": LOOK_AFTER,
    "referencement.queue": LOOK_AFTER,
    "referencement.validate_many": LOOK_AFTER,
    "referencement.structure": LOOK_AFTER,
    "referencement.validate_structure": LOOK_AFTER,
    "referencement.send_back_structure": LOOK_AFTER,
    "referencement.offer": LOOK_AFTER,
    "referencement.validate_offer": LOOK_AFTER,
    "referencement.send_back_offer": LOOK_AFTER,
    "referencement.doublons": LOOK_AFTER,
    "referencement.compare": KEEPERS,
    "referencement.settle": KEEPERS,
    "referencement.campaigns": LOOK_AFTER,
    "referencement.write": LOOK_AFTER,
    "referencement.send": LOOK_AFTER,
    "referencement.campaign": LOOK_AFTER,
    "referencement.closing": KEEPERS,
    "referencement.close": KEEPERS,
    "referencement.reopen": KEEPERS,
    # Open here; when PORTAL_API_OPEN is off a key is asked for (tests/exchanges/test_api_keys.py).
    "api.structures": EVERYBODY,
    "api.structure": EVERYBODY,
    "api.services": EVERYBODY,
    "api.service": EVERYBODY,
    "api.search_services": EVERYBODY,
    "api.search": EVERYBODY,
    "api.sources": EVERYBODY,
    "api.doc": EVERYBODY,
    "api.places": EVERYBODY,
    "api.openapi": EVERYBODY,
    "exchanges.file": EVERYBODY,
    "exchanges.workbook": EVERYBODY,
    "exchanges.pages": EVERYBODY,
    "exchanges.imports": LOOK_AFTER,
    "exchanges.send_table": LOOK_AFTER,
    "exchanges.import_template": LOOK_AFTER,
    "exchanges.import_run": LOOK_AFTER,
    "exchanges.import_columns": LOOK_AFTER,
    "exchanges.choose_columns": LOOK_AFTER,
    "exchanges.continue_import": LOOK_AFTER,
    "exchanges.save_import": LOOK_AFTER,
    "exchanges.abandon_import": LOOK_AFTER,
    "exchanges.import_errors": LOOK_AFTER,
}


def test_every_view_is_in_the_table(app: Flask) -> None:
    views = {name for name in app.view_functions if name != "static"}
    assert views == set(RULES), (
        f"write down who may reach {sorted(views - set(RULES))} in tests/house/test_access.py; "
        f"{sorted(set(RULES) - views)} no longer exist"
    )


def test_every_view_says_what_the_table_says(app: Flask) -> None:
    for name, wanted in RULES.items():
        rule = rule_of(app.view_functions[name])
        assert rule is not None, f"{name} has no access rule: add @public, @signed_in or @allow(…)"
        said = (
            "public" if rule == "public" else ALL if "*" in rule else frozenset(Role(role) for role in rule)
        )
        assert said == wanted, f"{name} is open to {said}, the table says {wanted}"


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, address with made-up ids) of every route."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        address = re.sub(r"<uuid:[^>]+>", str(uuid.uuid4()), rule.rule)
        address = re.sub(r'<any\(\s*"?([\w-]+)"?[^>]*>', r"\1", address)
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
