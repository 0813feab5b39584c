"""The description of the API (OpenAPI 3.1), drawn from the parameters that are read and the schema that is published.

Names of operations and of shapes are those of data.inclusion's API, so that a client generated from either fits both.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel

from portal import vocabulary
from portal.config import Config
from portal.exchanges.api import parameters
from portal.exchanges.api.parameters import Parameter

Json = dict[str, Any]

_ABOUT = """Les offres d’insertion que ce portail connaît : celles que ses partenaires y publient, et celles qu’il a reçues \
d’autres sources, au schéma data·inclusion.

Les adresses, les paramètres et les réponses sont ceux de l’API v1 de data·inclusion : un logiciel écrit pour elle \
fonctionne ici en changeant son adresse de base. S’y ajoute `/api/v1/places`, qui donne les places disponibles des offres \
publiées sur ce portail.

Quand une clé est nécessaire, elle se demande à l’administrateur du portail et s’envoie dans l’en-tête \
`Authorization: Bearer <clé>`. Une clé a une fin ; une clé retirée cesse de fonctionner dans la minute. Au-delà du nombre \
de demandes permis par minute, la réponse est 429 et `Retry-After` dit combien de secondes attendre.

Les réponses portent un `ETag` : redemander avec `If-None-Match` donne 304 tant que rien n’a changé."""

_DATA, _DOC = "Données", "v1 | Documentation"
_SCORE = "Score de qualité, entre 0 et 1, calculé selon les critères de data·inclusion."
_CERTIFIED = "Vrai quand l’adresse vient de la Base Adresse Nationale, avec assez de certitude."


@cache
def as_json(config: Config) -> bytes:
    """Return the description as it is served."""
    return orjson.dumps(document(config.public_url, config.name))


def document(public_url: str, name: str) -> Json:
    """Return the description of the API served at `public_url` by the portal called `name`."""
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name} : API", "description": _ABOUT, "version": "1.0.0"},
        "servers": [{"url": public_url}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"HTTPBearer": {"type": "http", "scheme": "bearer"}},
        },
        "tags": [{"name": _DATA}, {"name": _DOC}],
    }


def _paths() -> Json:
    paths = {
        "/api/v1/structures": _get(
            "list_structures_endpoint_api_v1_structures_get",
            "Lister les structures",
            "Page_ListedStructure_",
            parameters.STRUCTURES,
        ),
        "/api/v1/structures/{id}": _get(
            "retrieve_structure_endpoint_api_v1_structures__id__get",
            "Une structure, ses services et ses doublons",
            "DetailedStructure",
            by_id=True,
        ),
        "/api/v1/sources": _get(
            "list_sources_endpoint_api_v1_sources_get", "Les sources des données", "Source", listed=True
        ),
        "/api/v1/services": _get(
            "list_services_endpoint_api_v1_services_get",
            "Lister les services situés dans un territoire",
            "Page_Service_",
            parameters.SERVICES,
        ),
        "/api/v1/services/{id}": _get(
            "retrieve_service_endpoint_api_v1_services__id__get",
            "Un service et sa structure",
            "DetailedService",
            by_id=True,
        ),
        "/api/v1/search/services": _get(
            "search_services_endpoint_api_v1_search_services_get",
            "Chercher les services ouverts aux habitants d’une commune",
            "Page_ServiceSearchResult_",
            parameters.SEARCH_SERVICES,
        ),
        "/api/v1/search": _get(
            "search_endpoint_api_v1_search_get",
            "Chercher des services par des mots",
            "Page_SearchResult_",
            parameters.SEARCH,
        ),
        "/api/v1/places": _get(
            "list_places_api_v1_places_get",
            "Les places disponibles des offres publiées sur ce portail",
            "PlacesByService",
            parameters.PLACES,
        ),
    }
    for words, summary in _DOCS.items():
        name = f"as_dict_list_api_v1_doc_{words.replace('-', '_')}_get"
        paths[f"/api/v1/doc/{words}"] = _get(name, summary, "FrameworkValue", listed=True, is_open=True)
    return paths


_DOCS = {
    "frais": "Les valeurs de `frais`",
    "modes-accueil": "Les valeurs de `modes_accueil`",
    "modes-mobilisation": "Les valeurs de `modes_mobilisation`",
    "personnes-mobilisatrices": "Les valeurs de `mobilisable_par`",
    "publics": "Les valeurs de `publics`",
    "reseaux-porteurs": "Les valeurs de `reseaux_porteurs`",
    "thematiques": "Les valeurs de `thematiques`",
    "types-services": "Les valeurs de `type`",
}


def _get(
    operation: str,
    summary: str,
    shape: str,
    asked: Sequence[Parameter] = (),
    *,
    by_id: bool = False,
    listed: bool = False,
    is_open: bool = False,
) -> Json:
    schema: Json = _ref(shape)
    if listed:
        schema = {"type": "array", "items": schema}
    answers: Json = {"200": _content("La réponse.", schema)}
    if not is_open:
        answers["304"] = {"description": "Rien n’a changé depuis la réponse que désigne `If-None-Match`."}
        answers["401"] = _content("Il faut une clé, ou celle-ci ne vaut plus.", _ref("Problem"))
        answers["403"] = _content("La clé n’ouvre pas cette adresse.", _ref("Problem"))
        answers["429"] = _content("Trop de demandes dans la minute.", _ref("Problem"))
    described = [_parameter(parameter) for parameter in asked]
    if by_id:
        path_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        described.append(
            {**path_id, "description": "L’identifiant, tel que les listes le donnent : `<source>--<numéro>`."}
        )
        answers["404"] = _content("Rien ne porte cet identifiant.", _ref("Problem"))
    if asked:
        answers["422"] = _content("Un paramètre ne convient pas.", _ref("HTTPValidationError"))
        # What no text may hold, wherever it is.
        answers["400"] = _content("L’adresse contient un caractère interdit.", _ref("Problem"))
    operation_object: Json = {
        "operationId": operation,
        "summary": summary,
        "tags": [_DOC if is_open else _DATA],
        "responses": dict(sorted(answers.items())),
    }
    if described:
        operation_object["parameters"] = described
    if not is_open:
        # Either a key, or nothing when the portal is open.
        operation_object["security"] = [{"HTTPBearer": []}, {}]
    return {"get": operation_object}


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "schema": {**parameter.schema, "title": parameter.name.replace("_", " ").title()},
        "description": parameter.description,
    }


def _content(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> Json:
    shapes: Json = {}
    service = _model(vocabulary.Service, shapes)
    structure = _model(vocabulary.Structure, shapes)
    certified = {"adresse_certifiee": {"type": "boolean", "description": _CERTIFIED}}
    score = {"score_qualite": {"type": "number", "minimum": 0, "maximum": 1, "description": _SCORE}}
    shapes |= {
        "Structure": structure,
        "BaseStructure": _more("BaseStructure", structure, certified),
        "ListedStructure": _more(
            "ListedStructure", structure, {**certified, **score, "doublons": _many("SourceIdDict")}
        ),
        "DetailedStructure": _more(
            "DetailedStructure",
            structure,
            {**certified, **score, "doublons": _many("Structure"), "services": _many("Service")},
        ),
        "Service": _more("Service", service, {**certified, **score}),
        "DetailedService": _more(
            "DetailedService", service, {**certified, **score, "structure": _ref("BaseStructure")}
        ),
        "ServiceSearchResult": _shape(
            "ServiceSearchResult",
            {"service": _ref("DetailedService"), "distance": _maybe("integer", "En kilomètres.")},
            required=["service"],
        ),
        "SearchResult": _shape(
            "SearchResult",
            {
                "service": _ref("DetailedService"),
                "distance": _maybe("integer", "En kilomètres."),
                "score_recherche": _maybe("number", "À quel point les mots répondent, entre 0 et 1."),
            },
            required=["service"],
        ),
        "Source": _shape(
            "Source",
            {
                "slug": {"type": "string"},
                "nom": {"type": "string"},
                "description": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
        ),
        "SourceIdDict": _shape("SourceIdDict", {"source": {"type": "string"}, "id": {"type": "string"}}),
        "FrameworkValue": _shape(
            "FrameworkValue",
            {
                "value": {"type": "string"},
                "label": {"type": "string"},
                "description": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            required=["value", "label"],
        ),
        "Places": _shape(
            "Places",
            {
                "financees": _maybe("integer", "Places que des conventions financent aujourd’hui."),
                "libres": _maybe("integer", "Places libres aujourd’hui."),
                "en_attente": _maybe("integer", "Personnes sur la liste d’attente."),
                "prochaine_session": {
                    "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}],
                    "description": "Le premier jour de la prochaine session.",
                },
            },
        ),
        "PlacesByService": {
            "title": "PlacesByService",
            "type": "object",
            "additionalProperties": _ref("Places"),
        },
        "Categorie": _enum("Categorie", [choice.value for choice in vocabulary.categories()]),
        "RegionCodeEnum": _enum("RegionCodeEnum", list(parameters.REGIONS)),
        "RegionSlugEnum": _enum("RegionSlugEnum", list(parameters.region_by_slug())),
        "DepartementCodeEnum": _enum("DepartementCodeEnum", list(parameters.departements())),
        "DepartementSlugEnum": _enum("DepartementSlugEnum", list(parameters.departement_by_slug())),
        "Problem": _shape("Problem", {"detail": {"type": "string"}}),
        "HTTPValidationError": _shape(
            "HTTPValidationError",
            {"detail": {"anyOf": [_many("ValidationError"), {"type": "string"}]}},
            required=[],
        ),
        "ValidationError": _shape(
            "ValidationError",
            {
                "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                "msg": {"type": "string"},
                "type": {"type": "string"},
                "input": {},
                "ctx": {"type": "object"},
            },
            required=["loc", "msg", "type"],
        ),
    }
    for item in ("ListedStructure", "Service", "ServiceSearchResult", "SearchResult"):
        shapes[f"Page_{item}_"] = _shape(
            f"Page[{item}]",
            {
                "items": _many(item),
                "total": {"type": "integer"},
                "page": {"type": "integer"},
                "size": {"type": "integer", "description": "Le nombre de résultats dans cette page."},
                "pages": {"type": "integer"},
            },
        )
    return shapes


def _model(model: type[BaseModel], shapes: Json) -> Json:
    """Return the shape of a record of the schema; the vocabularies it names are added to `shapes`."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    shapes.update(schema.pop("$defs", {}))
    # An age that a validator checks is no part of the shape; a default is not one either: every field is told.
    schema["properties"] = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in schema["properties"].items()
    }
    return schema


def _more(title: str, base: Json, fields: Json) -> Json:
    return {
        "title": title,
        "type": "object",
        "properties": {**base["properties"], **fields},
        "required": [*base["required"], *fields],
    }


def _shape(title: str, fields: Json, required: Sequence[str] | None = None) -> Json:
    return {
        "title": title,
        "type": "object",
        "properties": fields,
        "required": list(fields if required is None else required),
    }


def _many(name: str) -> Json:
    return {"type": "array", "items": _ref(name)}


def _maybe(kind: str, description: str) -> Json:
    return {"anyOf": [{"type": kind}, {"type": "null"}], "description": description}


def _enum(title: str, values: Sequence[str]) -> Json:
    return {"title": title, "type": "string", "enum": list(values)}
