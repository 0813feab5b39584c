"""The State's services: every address knocked at, with real ids behind; what opens is on a list, and names nobody."""

import re
import uuid
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.budget.models import StateConvention, Volet
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.budget import make_state_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.house.test_access import EVERYBODY, RULES
from tests.pages import Browser

# Of the pages of everybody who signs in, those that hold nothing but what is one's own.
OWN = {
    "accounts.account",
    "addresses.complete",
    "catalogue.around_address",
    "catalogue.edit_search",
    "catalogue.save_search",
    "catalogue.saved_searches",
    "offers.my_favourites",
    "offers.reports",
}
# Conventions and figures. Whoever adds a page here has seen that it names no beneficiary.
ROOMS = {"budget", "conventions", "follow", "indicators"}


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session, places=3)


@pytest.fixture
def person(session: Session, scene: Scene) -> Beneficiary:
    found = make_beneficiary(
        session,
        scene.referent,
        prenom="Zéphyrine",
        nom="Introuvable",
        numero_allocataire="ZZ9988776",
        telephone="+33699887766",
        courriel="zephyrine@exemple.example.org",
    )
    make_prescription(session, scene, State.ENTREE, found)
    make_prescription(
        session, scene, State.ENVOYEE, make_beneficiary(session, scene.referent, nom="Introuvable")
    )
    return found


def ids_of(scene: Scene, convention: StateConvention) -> dict[str, str]:
    assert scene.action is not None
    return {
        "convention_id": str(scene.action.convention_id),
        "action_id": str(scene.action.id),
        "offer_id": str(scene.offer.id),
        "structure_id": str(scene.structure.id),
        "state": str(convention.id),
    }


def test_the_state_reaches_conventions_and_figures_and_no_person(
    app: Flask,
    session: Session,
    sign_in: Callable[[User], Browser],
    scene: Scene,
    person: Beneficiary,
) -> None:
    convention = make_state_convention(
        session, {(2024, Volet.SOLUTIONS): 100}, date_debut=date(2023, 1, 1), date_fin=date(2026, 12, 31)
    )
    ids = ids_of(scene, convention)
    me = sign_in(make_user(session, Role.ETAT))
    opened = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or "GET" not in rule.methods:
            continue
        room = rule.endpoint.split(".")[0]

        known = {**ids, "convention_id": ids["state"]} if rule.rule.startswith("/budget") else ids

        def real(found: re.Match[str], known: dict[str, str] = known) -> str:
            return known.get(found[1]) or str(uuid.uuid4())

        address = re.sub(r"<uuid:(\w+)>", real, rule.rule)
        address = address.replace("<int:annee>", "2024").replace("<int:numero>", "0")
        address = re.sub(r'<any\(\s*"?([\w-]+)"?[^>]*>', r"\1", address)
        address = re.sub(r"<[^>]+>", "x", address)
        response = me.client.get(address)
        if response.status_code == 200 and RULES[rule.endpoint] != EVERYBODY:
            opened.add(rule.endpoint)
            assert rule.endpoint in OWN or room in ROOMS, f"{address} opened to the State"
        body = response.get_data()
        for secret in (
            "Introuvable",
            "Zéphyrine",
            person.numero_allocataire or "",
            "699887766",
            str(person.id),
        ):
            assert secret.encode() not in body, f"{address} tells {secret}"
    assert {
        "budget.index",
        "budget.show",
        "budget.amendment",
        "conventions.index",
        "conventions.show",
        "conventions.action",
        "conventions.places",
        "indicators.dashboard",
    } <= opened


def test_its_first_page_leads_to_what_it_reads(session: Session, sign_in: Callable[[User], Browser]) -> None:
    me = sign_in(make_user(session, Role.ETAT))
    for words, h1 in (
        ("Conventions avec l’État et bilans", "Conventions avec l’État"),
        ("Conventions avec les partenaires", "Conventions"),
        ("Indicateurs", None),
    ):
        page = me.get("/").click(words)
        assert page.response.status_code == 200 and (h1 is None or page.h1 == h1)
    entries = {a.get_text(" ", strip=True) for a in me.get("/").soup.select("nav.header-nav a, header nav a")}
    assert {"Budget", "Conventions", "Indicateurs"} <= entries
    assert not {"Prescriptions", "Mes bénéficiaires", "Comptes", "Structures"} & entries


def test_an_administrator_opens_the_account_without_organisation(
    session: Session, sign_in: Callable[[User], Browser]
) -> None:
    page = sign_in(make_user(session, Role.ADMINISTRATION)).get("/comptes/nouveau")
    form = page.form("/comptes/nouveau")
    page = form.submit(courriel="ddets@etat.example.org", prenom="Estelle", nom="Exemple", role="etat")
    assert "Services de l’État" in page.text
