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
# Those who read the convention with the State.
STATE_READERS = frozenset({Role.CONVENTIONNEMENT, Role.ADMINISTRATION, Role.ETAT})
WATCHERS = frozenset({Role.ANIMATION, Role.ADMINISTRATION, Role.CONVENTIONNEMENT})

RULES: dict[str, str | frozenset[Role]] = {
    "web.health": EVERYBODY,
    "web.accessibility": EVERYBODY,
    "web.privacy": EVERYBODY,
    "web.about": EVERYBODY,
    "web.accent": EVERYBODY,
    "web.robots": EVERYBODY,
    "indicators.home": EVERYBODY,
    "indicators.dashboard": WATCHERS | {Role.ETAT},
    "indicators.table": WATCHERS | {Role.ETAT},
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
    "offers.report": ALL - ADMIN - {Role.ETAT},
    "offers.send_report": ALL - ADMIN - {Role.ETAT},
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
    "conventions.index": MONEY | frozenset({Role.ETAT}),
    "conventions.show": MONEY | frozenset({Role.ETAT}),
    "conventions.action": MONEY | frozenset({Role.ETAT}),
    "conventions.new": OFFICER,
    "conventions.edit": OFFICER,
    "conventions.new_action": OFFICER,
    "conventions.edit_action": OFFICER,
    "conventions.amend": OFFICER,
    "conventions.amend_convention": OFFICER,
    "conventions.sign": OFFICER,
    "conventions.close": OFFICER,
    "conventions.reopen": OFFICER,
    "conventions.terminate": OFFICER,
    "conventions.discard": OFFICER,
    "conventions.to_close": OFFICER,
    "conventions.renew": OFFICER,
    "conventions.carry": OFFICER,
    "conventions.add_paper": OFFICER,
    "conventions.add_payment_paper": OFFICER,
    "conventions.withdraw_paper": OFFICER,
    "conventions.paper": MONEY | frozenset({Role.ETAT}),
    "conventions.payments_of": MONEY | frozenset({Role.ETAT}),
    "conventions.new_payment": OFFICER,
    "conventions.edit_payment": OFFICER,
    "conventions.remove_payment": OFFICER,
    "conventions.pay": OFFICER,
    "conventions.undo_pay": OFFICER,
    "conventions.follow_up": OFFICER,
    "conventions.places": MONEY | frozenset({Role.ETAT}),
    "budget.index": STATE_READERS,
    "budget.show": STATE_READERS,
    "budget.history_of": STATE_READERS,
    "budget.new": OFFICER,
    "budget.edit": OFFICER,
    "budget.sign": OFFICER,
    "budget.close": OFFICER,
    "budget.reopen": OFFICER,
    "budget.terminate": OFFICER,
    "budget.amendment": STATE_READERS,
    "budget.new_amendment": OFFICER,
    "budget.edit_amendment": OFFICER,
    "budget.sign_amendment": OFFICER,
    "budget.remove_amendment": OFFICER,
    "budget.add_paper": OFFICER,
    "budget.withdraw_paper": OFFICER,
    "budget.paper": STATE_READERS,
    "follow.all_reports": MONEY | frozenset({Role.ETAT}),
    "follow.reports_of": MONEY | frozenset({Role.ETAT}),
    "follow.schedule": OFFICER,
    "follow.new_report": OFFICER,
    "follow.edit_report": OFFICER,
    "follow.withdraw_report": OFFICER,
    "follow.report": MONEY | frozenset({Role.ETAT}),
    "follow.write_report": PARTENAIRE,
    "follow.add_report_paper": PARTENAIRE,
    "follow.withdraw_report_paper": PARTENAIRE,
    "follow.accept_report": OFFICER,
    "follow.ask_correction": OFFICER,
    "follow.convention": MONEY | frozenset({Role.ETAT}),
    "follow.convention_file": MONEY | frozenset({Role.ETAT}),
    "follow.action": MONEY | frozenset({Role.ETAT}),
    "follow.watch": OFFICER | frozenset({Role.ETAT}),
    "follow.watch_file": OFFICER | frozenset({Role.ETAT}),
    "budget.plan_of_year": STATE_READERS,
    "budget.plan_of_amendment": STATE_READERS,
    "budget.plan_file": STATE_READERS,
    "budget.new_plan_line": OFFICER,
    "budget.edit_plan_line": OFFICER,
    "budget.move_plan_line": OFFICER,
    "budget.remove_plan_line": OFFICER,
    "budget.restate_plan": OFFICER,
    "budget.fiches": STATE_READERS,
    "budget.fiche": STATE_READERS,
    "budget.fiche_pdf": STATE_READERS,
    "budget.new_fiche": OFFICER,
    "budget.edit_fiche": OFFICER,
    "budget.remove_fiche": OFFICER,
    "budget.tie_action": OFFICER,
    "budget.untie_action": OFFICER,
    "budget.parcours_types": STATE_READERS,
    "budget.parcours_types_file": STATE_READERS,
    "budget.statement_file": STATE_READERS,
    "budget.accounts_file": STATE_READERS,
    "budget.expenses_of_year": STATE_READERS,
    "budget.new_expense": OFFICER,
    "budget.edit_expense": OFFICER,
    "budget.remove_expense": OFFICER,
    "budget.posts_of_convention": STATE_READERS,
    "budget.new_post": OFFICER,
    "budget.edit_post": OFFICER,
    "budget.remove_post": OFFICER,
    "budget.accounts": STATE_READERS,
    "budget.bilans": STATE_READERS,
    "budget.begin_bilan": OFFICER,
    "budget.bilan": STATE_READERS,
    "budget.bilan_part": STATE_READERS,
    "budget.write_bilan_part": OFFICER,
    "budget.mark_bilan_part": frozenset({Role.ETAT}),
    "budget.hand_in_bilan": OFFICER,
    "budget.accept_bilan": frozenset({Role.ETAT}),
    "budget.ask_bilan_correction": frozenset({Role.ETAT}),
    "budget.bilan_sheets": STATE_READERS,
    "budget.bilan_paper": STATE_READERS,
    "budget.tracking_page": STATE_READERS,
    "budget.tracking_of_year": STATE_READERS,
    "budget.tracking_file": STATE_READERS,
    "budget.territories_page": STATE_READERS,
    "budget.read_territories": OFFICER,
    "budget.write_territories": OFFICER,
    "budget.payment_step": OFFICER,
    "budget.undo_payment": OFFICER,
    "budget.send_expenses": OFFICER,
    "budget.expenses_template": OFFICER,
    "budget.expense_import": OFFICER,
    "budget.choose_expense_columns": OFFICER,
    "budget.write_expenses": OFFICER,
    "budget.abandon_expenses": OFFICER,
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
