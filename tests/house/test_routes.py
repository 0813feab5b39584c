"""Addresses: French, kebab-case, and nothing of a person in them."""

import re

from flask import Flask

CONVERTERS = {"UUIDConverter", "AnyConverter"}
# Whole numbers that tell nobody: a year, the number of an avenant.
NUMBERS = {"annee", "numero"}
# Ids of other sources, whose shape is theirs: services and structures, never people.
ANY_SOURCE = {"api.service", "api.structure", "catalogue.known", "catalogue.known_structure"}
# One-time links carry a secret, which is no id.
TOKENS = {
    "catalogue.stop_alert",
    "catalogue.stop_alert_post",
    "accounts.set_password",
    "accounts.set_password_post",
    "offers.still_valid",
    "offers.say_still_valid",
    "reponse.show",
    "reponse.act",
    "reponse.hours",
    "reponse.week",
    "reponse.write",
    "reponse.add_document",
    "reponse.document",
    "reponse.withdraw_document",
    "reponse.fiche",
    "reponse.renew",
    "structures.invitation",
    "structures.accept_invitation",
}


def test_addresses_are_kebab_case(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        bare = re.sub(r"<[^>]+>", "", rule.rule)
        assert re.fullmatch(r"[a-z0-9/.\-]*", bare), f"{rule.rule}: lower case, digits and hyphens"


def test_addresses_hold_ids_only(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or rule.endpoint in TOKENS | ANY_SOURCE:
            continue
        for name, converter in rule._converters.items():
            if name in NUMBERS and type(converter).__name__ == "IntegerConverter":
                continue
            assert type(converter).__name__ in CONVERTERS, (
                f"{rule.rule}: {name} could hold a name or a number; an address holds UUIDs"
            )


def test_what_writes_is_a_post(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert not rule.methods & {"PUT", "DELETE", "PATCH"}, f"{rule.rule}: a form can only GET and POST"
