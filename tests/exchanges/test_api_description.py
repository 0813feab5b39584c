"""What the API says of itself: the addresses, parameters and shapes of data.inclusion's API v1, and nothing untrue."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlmodel import Session

from portal import vocabulary
from portal.web.throttle import limiter
from tests.exchanges.api import described, read
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.offers import make_offer

ROOT = "/api/v1"
_PAGES = ["page", "size"]
_AREA = ["code_region", "slug_region", "code_departement", "slug_departement", "code_commune"]
_LIST = "array or null"
_TEXT = "string or null"
_NUMBER = "number or null"
# Facts of data.inclusion's description: address -> (operation, shape of the answer, parameters in order).
ORIGINAL: dict[str, tuple[str, str, list[str]]] = {
    "/structures": (
        "list_structures_endpoint_api_v1_structures_get",
        "Page_ListedStructure_",
        [*_PAGES, "sources", "reseaux_porteurs", *_AREA, "exclure_doublons"],
    ),
    "/structures/{id}": (
        "retrieve_structure_endpoint_api_v1_structures__id__get",
        "DetailedStructure",
        ["id"],
    ),
    "/sources": ("list_sources_endpoint_api_v1_sources_get", "[Source]", []),
    "/services": (
        "list_services_endpoint_api_v1_services_get",
        "Page_Service_",
        [
            *_PAGES,
            *("sources", "thematiques", *_AREA, "frais", "publics", "recherche_public"),
            *("modes_accueil", "types", "score_qualite_minimum"),
        ],
    ),
    "/services/{id}": ("retrieve_service_endpoint_api_v1_services__id__get", "DetailedService", ["id"]),
    "/search/services": (
        "search_services_endpoint_api_v1_search_services_get",
        "Page_ServiceSearchResult_",
        [
            *_PAGES,
            *("sources", "code_commune", "lat", "lon", "thematiques", "frais", "modes_accueil", "publics"),
            *("recherche_public", "types", "score_qualite_minimum", "exclure_doublons"),
        ],
    ),
    "/search": (
        "search_endpoint_api_v1_search_get",
        "Page_SearchResult_",
        [
            *_PAGES,
            *("q", "sources", "code_commune", *_AREA[:-1], "lat", "lon", "distance", "thematiques", "frais"),
            *("modes_accueil", "publics", "types", "score_qualite_minimum"),
        ],
    ),
    **{
        f"/doc/{words}": (
            f"as_dict_list_api_v1_doc_{words.replace('-', '_')}_get",
            "[FrameworkValue]",
            [],
        )
        for words in (
            *("frais", "modes-accueil", "modes-mobilisation", "personnes-mobilisatrices", "publics"),
            *("reseaux-porteurs", "thematiques", "types-services"),
        )
    },
}
KINDS = {
    "page": "integer",
    "size": "integer",
    "distance": "integer",
    "sources": _LIST,
    "reseaux_porteurs": _LIST,
    "thematiques": _LIST,
    "frais": _LIST,
    "publics": _LIST,
    "modes_accueil": _LIST,
    "types": _LIST,
    "recherche_public": _TEXT,
    "q": _TEXT,
    "code_commune": _TEXT,
    "lat": _NUMBER,
    "lon": _NUMBER,
    "score_qualite_minimum": _NUMBER,
    "exclure_doublons": "boolean or null",
    "code_region": "RegionCodeEnum or null",
    "slug_region": "RegionSlugEnum or null",
    "code_departement": "DepartementCodeEnum or null",
    "slug_departement": "DepartementSlugEnum or null",
    "id": "string",
}
# Shape -> fields beside those of the schema; how many values a list has.
SHAPES = {
    "ListedStructure": (vocabulary.Structure, {"adresse_certifiee", "score_qualite", "doublons"}),
    "DetailedStructure": (
        vocabulary.Structure,
        {"adresse_certifiee", "score_qualite", "doublons", "services"},
    ),
    "BaseStructure": (vocabulary.Structure, {"adresse_certifiee"}),
    "Structure": (vocabulary.Structure, set()),
    "Service": (vocabulary.Service, {"adresse_certifiee", "score_qualite"}),
    "DetailedService": (vocabulary.Service, {"adresse_certifiee", "score_qualite", "structure"}),
}
ENUMS = {
    "Categorie": 16,
    "DepartementCodeEnum": 101,
    "DepartementSlugEnum": 101,
    "Frais": 2,
    "ModeAccueil": 2,
    "ModeMobilisation": 4,
    "PersonneMobilisatrice": 2,
    "Public": 14,
    "RegionCodeEnum": 18,
    "RegionSlugEnum": 18,
    "ReseauPorteur": 108,
    "Thematique": 69,
    "TypeService": 6,
}
OURS = {f"{ROOT}/places"}


def kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    return str(schema.get("type") or schema["$ref"].rpartition("/")[2])


def shape(schema: dict[str, Any]) -> str:
    return f"[{kind(schema['items'])}]" if schema.get("type") == "array" else kind(schema)


def operation(address: str) -> dict[str, Any]:
    found: dict[str, Any] = described()["paths"][ROOT + address]["get"]
    return found


def test_the_addresses_are_those_of_the_original_and_ours() -> None:
    assert set(described()["paths"]) == {ROOT + address for address in ORIGINAL} | OURS


@pytest.mark.parametrize("address", ORIGINAL)
def test_an_operation_is_that_of_the_original(address: str) -> None:
    found = operation(address)
    name, answer, parameters = ORIGINAL[address]
    assert found["operationId"] == name
    assert shape(found["responses"]["200"]["content"]["application/json"]["schema"]) == answer
    given_ = found.get("parameters", [])
    assert [parameter["name"] for parameter in given_] == parameters
    for parameter in given_:
        assert kind(parameter["schema"]) == KINDS[parameter["name"]]
        assert parameter["required"] is (parameter["name"] == "id")
        assert parameter["description"]
    bounds = {p["name"]: p["schema"] for p in given_}
    if "size" in bounds:
        assert (bounds["size"]["maximum"], bounds["size"]["default"]) == (10_000, 5000)
    if "distance" in bounds:
        assert (bounds["distance"]["minimum"], bounds["distance"]["default"]) == (1, 50)


def test_shapes_are_those_of_the_original() -> None:
    schemas = described()["components"]["schemas"]
    for name, (model, more) in SHAPES.items():
        assert set(schemas[name]["properties"]) == {*model.model_fields, *more}
        assert set(schemas[name]["required"]) >= {"source", "id", "nom", "date_maj", *more}
    assert {name: len(schema["enum"]) for name, schema in schemas.items() if "enum" in schema} == ENUMS
    for name in ("ListedStructure", "Service", "ServiceSearchResult", "SearchResult"):
        assert schemas[f"Page_{name}_"]["required"] == ["items", "total", "page", "size", "pages"]
    assert set(schemas["ValidationError"]["required"]) == {"loc", "msg", "type"}
    assert described()["components"]["securitySchemes"] == {
        "HTTPBearer": {"type": "http", "scheme": "bearer"}
    }


def test_every_reference_is_there() -> None:
    schemas = described()["components"]["schemas"]

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()

    assert references(described()) <= {f"#/components/schemas/{name}" for name in schemas}


def test_it_is_served(app: Flask, session: Session) -> None:
    served = read(app, "/api/openapi.json")
    assert served["openapi"] == "3.1.0"
    assert served["servers"] == [{"url": "http://localhost"}]
    assert served["paths"] == described()["paths"]


@pytest.fixture
def filled(app: Flask, session: Session) -> Flask:
    app.extensions["catalogue"].forget()
    structure = known_structure(
        session, key="asso", siret="35600000000048", site_web="https://asso.example.org/"
    )
    known_structure(session, source="autre", key="meme", siret="35600000000048")
    known_service(
        session, structure, key="complet", zone_eligibilite=["35", "france"], adresse_certifiee=True
    )
    known_service(session, structure, key="nu", type=None, frais=None, publics=None, modes_accueil=None)
    make_offer(session)
    index(session)
    session.commit()
    return app


@pytest.mark.parametrize("address", [*ORIGINAL, "/places"])
def test_whatever_is_asked_the_answer_is_as_described(filled: Flask, address: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", filled)
    asked = schema[ROOT + address]["GET"]
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    ]
    numbers = 3 if not ORIGINAL.get(address, ("", "", ["id"]))[2] else 25

    @settings(
        max_examples=numbers,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=asked.as_strategy())
    def run(case: Any) -> None:
        limiter.reset()
        case.call_and_validate(checks=checks, headers={"Accept-Encoding": "identity"})

    run()
