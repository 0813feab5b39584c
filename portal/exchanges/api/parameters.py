"""The parameters of each route, as data.inclusion's API takes them (contract data-inclusion §2.2).

They are read from this table, and the description of the API is drawn from it. Bounds are ours: a list, a text or an
error is never so long that reading it costs more than answering.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from portal import geography, vocabulary
from portal.exchanges.api import values

DEFAULT_SIZE = 5000
MAX_SIZE = 10_000
DEFAULT_DISTANCE_KM = 50
#: Half of the equator's length: nothing is farther.
MAX_DISTANCE_KM = 20_038
#: Of a request that is wrong everywhere, the first errors are enough to mend it.
MAX_ERRORS = 20

#: Code of each region -> its slug, as data.inclusion writes it.
REGIONS: dict[str, str] = {
    code: geography.fold(nom).replace(" ", "-") for code, nom in geography.REGIONS.items()
}


@cache
def region_by_slug() -> dict[str, str]:
    """Return the code of each region by its slug."""
    return {slug: code for code, slug in REGIONS.items()}


@cache
def departements() -> dict[str, str]:
    """Return the slug of each of the 101 départements by its code; the overseas collectivités are in no region."""
    return {
        found.code: geography.fold(found.nom).replace(" ", "-")
        for found in geography.departements()
        if found.code_region in REGIONS
    }


@cache
def departement_by_slug() -> dict[str, str]:
    """Return the code of each département by its slug."""
    return {slug: code for code, slug in departements().items()}


class Refused(Exception):
    """The request cannot be answered: `detail` is what the answer (422) says.

    It is a list of errors, each with `type`, `loc`, `msg` and `input`, or one sentence.
    """

    def __init__(self, detail: list[dict[str, Any]] | str) -> None:
        super().__init__("refused")
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: how it is read (`read` takes every value given) and how it is described (`schema`)."""

    name: str
    read: Callable[[Sequence[str]], Any]
    schema: dict[str, Any]
    description: str = ""
    default: Any = None
    required: bool = False


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(*names: str) -> dict[str, Any]:
    items = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return _or_null({"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}})


def _reference(name: str) -> dict[str, Any]:
    return _or_null({"$ref": f"#/components/schemas/{name}"})


def _known(name: str) -> list[str]:
    return [choice.value for choice in vocabulary.choices(name)]


_CATEGORIES = [choice.value for choice in vocabulary.categories()]
_NUMBER = _or_null({"type": "number"})
_TEXT = _or_null({"type": "string"})
_COMMUNE = _or_null({"type": "string", "minLength": 5, "maxLength": 5, "pattern": "^\\w{5}$"})

_PAGE = Parameter(
    "page",
    values.whole(1, None),
    {"type": "integer", "minimum": 1, "default": 1},
    "Le numéro de la page, à partir de 1. Une page au-delà de la dernière est vide.",
    default=1,
)
_SIZE = Parameter(
    "size",
    values.whole(1, MAX_SIZE),
    {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
    "Combien de résultats par page, au plus.",
    default=DEFAULT_SIZE,
)
_SOURCES = Parameter(
    "sources",
    values.texts,
    _or_null({"type": "array", "items": {"type": "string"}}),
    "Seulement ce qui vient d’une de ces sources ; `/sources` en donne la liste.",
)
_THEMATIQUES = Parameter(
    "thematiques",
    values.among([*_known("thematiques"), *_CATEGORIES]),
    _list_of("Thematique", "Categorie"),
    "Au moins une de ces thématiques. Une catégorie vaut toutes ses thématiques ; on peut en donner plusieurs.",
)
_FRAIS = Parameter("frais", values.among(_known("frais")), _list_of("Frais"), "Un de ces frais.")
_PUBLICS = Parameter(
    "publics",
    values.among(_known("publics")),
    _list_of("Public"),
    "Au moins un de ces publics. Les services ouverts à tous les publics répondent toujours ; demander "
    "`tous-publics` revient à ne pas filtrer.",
)
_RECHERCHE_PUBLIC = Parameter(
    "recherche_public", values.text, _TEXT, "Des mots à trouver dans les publics et leurs précisions."
)
_MODES_ACCUEIL = Parameter(
    "modes_accueil",
    values.among(_known("modes_accueil")),
    _list_of("ModeAccueil"),
    "Au moins un de ces modes.",
)
_TYPES = Parameter(
    "types", values.among(_known("type")), _list_of("TypeService"), "Un de ces types de service."
)
_SCORE = Parameter(
    "score_qualite_minimum",
    values.number(),
    _NUMBER,
    "Seulement ce dont le score de qualité atteint ce nombre.",
)
_AREA = (
    Parameter(
        "code_region",
        values.one_of(lambda: REGIONS),
        _reference("RegionCodeEnum"),
        "Ce qui est situé dans cette région (code INSEE).",
    ),
    Parameter(
        "slug_region",
        values.one_of(region_by_slug),
        _reference("RegionSlugEnum"),
        "La même, par son nom ; le code l’emporte.",
    ),
    Parameter(
        "code_departement",
        values.one_of(departements),
        _reference("DepartementCodeEnum"),
        "Ce qui est situé dans ce département (code INSEE).",
    ),
    Parameter(
        "slug_departement",
        values.one_of(departement_by_slug),
        _reference("DepartementSlugEnum"),
        "Le même, par son nom ; le code l’emporte.",
    ),
    Parameter(
        "code_commune",
        values.code_commune,
        _COMMUNE,
        "Ce qui est situé dans cette commune (code INSEE). Un arrondissement, ou une commune qui n’est plus, vaut "
        "celle d’aujourd’hui.",
    ),
)
_LAT = Parameter("lat", values.number(-90, 90), _NUMBER, "Latitude du point de recherche ; va avec `lon`.")
_LON = Parameter("lon", values.number(-180, 180), _NUMBER, "Longitude du point de recherche ; va avec `lat`.")


def _twins(sentence: str) -> Parameter:
    schema = {**_or_null({"type": "boolean"}), "default": False}
    return Parameter("exclure_doublons", values.yes_or_no, schema, sentence, default=False)


STRUCTURES: tuple[Parameter, ...] = (
    _PAGE,
    _SIZE,
    _SOURCES,
    Parameter(
        "reseaux_porteurs",
        values.among(_known("reseaux_porteurs")),
        _list_of("ReseauPorteur"),
        "Portées par au moins un de ces réseaux.",
    ),
    *_AREA,
    _twins("Parmi des structures en double, seulement celle dont les services ont la meilleure qualité."),
)
SERVICES: tuple[Parameter, ...] = (
    _PAGE,
    _SIZE,
    _SOURCES,
    _THEMATIQUES,
    *_AREA,
    _FRAIS,
    _PUBLICS,
    _RECHERCHE_PUBLIC,
    _MODES_ACCUEIL,
    _TYPES,
    _SCORE,
)
SEARCH_SERVICES: tuple[Parameter, ...] = (
    _PAGE,
    _SIZE,
    _SOURCES,
    replace(
        _AREA[-1],
        description="Ce qui est ouvert aux habitants de cette commune (code INSEE), à moins de 50 km ou à distance, "
        "le plus proche d’abord.",
    ),
    replace(_LAT, description="Latitude du point d’où les distances se comptent ; va avec `lon`."),
    replace(_LON, description="Longitude du point d’où les distances se comptent ; va avec `lat`."),
    _THEMATIQUES,
    _FRAIS,
    _MODES_ACCUEIL,
    _PUBLICS,
    _RECHERCHE_PUBLIC,
    _TYPES,
    _SCORE,
    _twins(
        "Parmi les services de structures en double, seulement ceux de la structure de meilleure qualité."
    ),
)
SEARCH: tuple[Parameter, ...] = (
    _PAGE,
    _SIZE,
    Parameter("q", values.text, _TEXT, "Les mots à trouver, tous."),
    _SOURCES,
    _AREA[-1],
    *_AREA[:-1],
    _LAT,
    _LON,
    Parameter(
        "distance",
        values.whole(1, MAX_DISTANCE_KM),
        {"type": "integer", "minimum": 1, "maximum": MAX_DISTANCE_KM, "default": DEFAULT_DISTANCE_KM},
        "À combien de kilomètres du point, au plus ; sans effet quand il n’y en a pas.",
        default=DEFAULT_DISTANCE_KM,
    ),
    _THEMATIQUES,
    _FRAIS,
    _MODES_ACCUEIL,
    _PUBLICS,
    _TYPES,
    _SCORE,
)
PLACES: tuple[Parameter, ...] = (
    Parameter(
        "id",
        values.ids,
        {"type": "array", "items": {"type": "string"}, "maxItems": values.MAX_IDS},
        "Les identifiants de services, tels que les donne `/services`. Ceux que ce portail ne publie pas sont absents "
        "de la réponse.",
        required=True,
    ),
)
# Understood, and left out of the description, as in the original.
_EXTRA = Parameter("extra", values.is_true, {"type": "boolean"}, default=False)


def _table(parameters: Sequence[Parameter]) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


STRUCTURES_TABLE, SERVICES_TABLE = _table(STRUCTURES), _table((*SERVICES, _EXTRA))
SEARCH_SERVICES_TABLE, SEARCH_TABLE, PLACES_TABLE = _table(SEARCH_SERVICES), _table(SEARCH), _table(PLACES)


Given = Mapping[str, Sequence[str]]


def read(table: Mapping[str, Parameter], given: Given) -> dict[str, Any]:
    """Return the values of the parameters of `table` that are given (name -> every value). Raises Refused.

    What the table does not know is left aside, as in the original.
    """
    found_values: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    for name, found in given.items():
        parameter = table.get(name)
        if parameter is None:
            continue
        try:
            found_values[name] = parameter.read(found)
        except values.Wrong as wrong:
            errors.append(_error(name, wrong))
    for parameter in table.values():
        if parameter.required and parameter.name not in given:
            errors.append(
                {
                    "type": "missing",
                    "loc": ["query", parameter.name],
                    "msg": "Field required",
                    "input": None,
                }
            )
    if errors:
        raise Refused(errors[:MAX_ERRORS])
    return found_values


def _error(name: str, wrong: values.Wrong) -> dict[str, Any]:
    loc: list[str | int] = ["query", name]
    if wrong.loc is not None:
        loc.append(wrong.loc)
    error = {"type": wrong.kind, "loc": loc, "msg": wrong.message, "input": _echo(wrong.value)}
    if wrong.context:
        error["ctx"] = wrong.context
    return error


def _echo(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= values.MAX_ECHO else value[: values.MAX_ECHO] + "…"
    return [_echo(one) for one in value]
