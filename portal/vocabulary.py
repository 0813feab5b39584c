"""The only door to the data.inclusion schema: its choices, their labels, and the check of one field.

The package `data-inclusion-schema` is the source of every vocabulary; nothing here repeats a value of it.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from data_inclusion.schema import v1
from data_inclusion.schema.v1 import Service, Structure, score_qualite
from pydantic import BaseModel, ValidationError

from portal import clock

__all__ = [
    "Choice",
    "FieldCheck",
    "Service",
    "Structure",
    "check_field",
    "check_record",
    "choices",
    "label",
    "quality",
]

# Attribute name in the schema → the vocabulary of its values.
_VOCABULARIES: dict[str, Any] = {
    "type": v1.TypeService,
    "thematiques": v1.Thematique,
    "frais": v1.Frais,
    "publics": v1.Public,
    "modes_accueil": v1.ModeAccueil,
    "modes_mobilisation": v1.ModeMobilisation,
    "mobilisable_par": v1.PersonneMobilisatrice,
    "reseaux_porteurs": v1.ReseauPorteur,
}
_LABELS: dict[str, dict[str, str]] = {
    name: {member.value: member.label for member in vocabulary} for name, vocabulary in _VOCABULARIES.items()
}
_CATEGORIES: dict[str, str] = {member.value: member.label for member in v1.Categorie}

# The sources whose age the package's score does not look at.
_AGELESS = frozenset({"agefiph", "france-travail"})

CRITERIA: dict[str, tuple[str, str]] = {
    # criterion of the package → (what is missing, in a sentence; the field to fill in)
    "adresse_bien_definie": ("Indiquez l’adresse où l’on est reçu.", "adresse"),
    "telephone_bien_defini": ("On peut vous téléphoner : indiquez le numéro.", "telephone"),
    "courriel_bien_defini": ("On peut vous écrire : indiquez l’adresse électronique.", "courriel"),
    "modes_mobilisation_bien_definis": (
        "Dites comment demander cette offre, et qui peut le faire.",
        "modes_mobilisation",
    ),
    "date_maj_recente": ("La fiche a plus de six mois : relisez-la et enregistrez-la.", "nom"),
    "au_moins_une_thematique": ("Choisissez au moins une thématique.", "thematiques"),
    "au_moins_un_public": ("Choisissez au moins un public.", "publics"),
    "au_moins_un_moyen_de_contact": ("Donnez un moyen de contact : courriel, téléphone ou lien.", "courriel"),
    "description_bien_definie": ("Décrivez l’offre en 200 à 2 000 caractères.", "description"),
    "frais_bien_definis": ("Dites si l’offre est gratuite ou payante, et le prix si elle l’est.", "frais"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a vocabulary: `value` as stored and exported, `label` and `description` in French."""

    value: str
    label: str
    description: str | None


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """What the schema says of one value: `errors` block, `warnings` ("avertissement") are shown only."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """`score` between 0 and 1; `missing`: (sentence, name of the field to fill in) for each incomplete criterion."""

    score: float
    missing: tuple[tuple[str, str], ...]


def choices(name: str) -> list[Choice]:
    """Return every value of the vocabulary behind the schema's attribute `name`, in the package's order."""
    return [Choice(m.value, m.label, getattr(m, "description", None)) for m in _VOCABULARIES[name]]


def label(name: str, value: str) -> str:
    """Return the French label of `value`; the value itself when the package no longer knows it."""
    return _LABELS[name].get(value, value)


def labels(name: str, values: Iterable[str] | None) -> list[str]:
    """Return the labels of `values`, sorted as people read them."""
    return sorted((label(name, value) for value in values or ()), key=str.casefold)


def is_known(name: str, value: str) -> bool:
    """Say whether the package knows `value` in the vocabulary of `name`."""
    return value in _LABELS[name]


def vocabulary_names() -> list[str]:
    """Return the schema's attributes whose values come from a closed list."""
    return list(_VOCABULARIES)


def categories() -> list[Choice]:
    """Return the sixteen categories of thématiques."""
    return [Choice(m.value, m.label, getattr(m, "description", None)) for m in v1.Categorie]


def category_of(thematique: str) -> str:
    """Return the category (before the double hyphen) of a thématique."""
    return thematique.split("--", 1)[0]


def thematiques_by_category() -> list[tuple[str, list[Choice]]]:
    """Return (label of the category, its thématiques), in the package's order."""
    groups: dict[str, list[Choice]] = {value: [] for value in _CATEGORIES}
    for choice in choices("thematiques"):
        groups[category_of(choice.value)].append(choice)
    return [(_CATEGORIES[value], members) for value, members in groups.items()]


def expand_thematiques(values: Iterable[str]) -> list[str]:
    """Return the thématiques named by `values`, each a thématique or a whole category.

    Raises KeyError with the first value that is neither.
    """
    known = _LABELS["thematiques"]
    found: set[str] = set()
    for value in values:
        if value in known:
            found.add(value)
        elif value in _CATEGORIES:
            found.update(theme for theme in known if category_of(theme) == value)
        else:
            raise KeyError(value)
    return sorted(found)


def without_final_dot(nom: str) -> str:
    """Return a `nom` as data.inclusion's API takes it: a final dot, which is only a warning here, is dropped there.

    "etc." keeps its own. (Contract data-inclusion, ten facts, 2.)
    """
    return nom if nom.endswith("etc.") else nom.rstrip(". ")


def day_of_change(day: date) -> date:
    """Return the day of a change as the schema takes it: today in Paris may still be to come by the machine's calendar.

    On a machine in UTC, what is saved between midnight and two would be refused until morning. A day that is really to
    come is left as it is.
    """
    now = time.localtime()
    return min(day, date(now.tm_year, now.tm_mon, now.tm_mday)) if day <= clock.today() else day


def check_field(model: type[BaseModel], name: str, value: Any) -> FieldCheck:
    """Run the schema's own validators on one field of `model` (Structure or Service) and return what they say.

    Cross-field rules are not run: they belong to the rooms' rules.
    """
    try:
        model.__pydantic_validator__.validate_assignment(
            model.model_construct(), name, value, context={"ignore_warnings": False}
        )
    except ValidationError as exception:
        return _sort_out(exception)
    return FieldCheck()


def check_record(model: type[BaseModel], record: dict[str, Any]) -> dict[str, FieldCheck]:
    """Validate a whole record, warnings included; return {field: what is wrong}, empty when all is well."""
    try:
        model.model_validate(record, context={"ignore_warnings": False})
    except ValidationError as exception:
        names = {str(error["loc"][0]) if error["loc"] else "" for error in exception.errors()}
        return {name: _sort_out(exception, only=name) for name in sorted(names)}
    return {}


def quality(record: dict[str, Any]) -> Quality:
    """Return the package's quality score of a service `record` (a dict in the schema's names) and what is missing.

    Even one barely begun has a score. The package's has no answer for what the schema refuses (an empty list, an empty
    or endless description, a price that is not in its vocabulary): these count as missing.
    """
    return next(qualities([record]))


def qualities(records: Iterable[dict[str, Any]]) -> Iterator[Quality]:
    """Yield the quality of each record: what a date is worth is reckoned once for all those of one day."""
    worth: dict[date | None, float | None] = {}
    for record in records:
        service = _to_judge(record)
        details: dict[str, float | None] = {}
        for criterion in score_qualite.CRITERES:
            if criterion is not score_qualite.date_maj_recente:
                details[criterion.__name__] = criterion(service)
            elif service.source in _AGELESS:
                details[criterion.__name__] = None
            else:
                day = service.date_maj
                if day not in worth:
                    worth[day] = criterion(service)
                details[criterion.__name__] = worth[day]
        counted = {name: value for name, value in details.items() if value is not None}
        yield Quality(
            score=round(sum([round(value, 2) for value in counted.values()]) / len(counted), 2),
            missing=tuple(CRITERIA[name] for name, value in counted.items() if value < 1),
        )


def quality_points(record: dict[str, Any]) -> tuple[float, int, bool]:
    """Return (points, criteria, ages) of a service `record`: its quality but for its age, which moves by itself.

    `points` is the sum of the criteria other than the age, over `criteria` of them; `ages` says whether the age counts
    too. `aged_score` puts them together again.
    """
    service = _to_judge(record)
    points, criteria = 0.0, 0
    for criterion in score_qualite.CRITERES:
        if criterion is score_qualite.date_maj_recente:
            continue
        value = criterion(service)
        if value is not None:
            points, criteria = points + round(value, 2), criteria + 1
    return points, criteria, service.source not in _AGELESS


def _to_judge(record: dict[str, Any]) -> Service:
    """Return what the package's criteria read. They only read attributes, so nothing more is made."""
    held = dict.fromkeys(Service.model_fields) | {name: value or None for name, value in record.items()}
    held["description"] = (held["description"] or "-")[:10_000]
    if not is_known("frais", held["frais"] or ""):
        held["frais"] = None
    service = Service.__new__(Service)
    object.__setattr__(service, "__dict__", held)
    return service


def freshness(day: date) -> float:
    """Return what the age of a service last changed on `day` is worth today, between 0 and 1, as the package says."""
    value = score_qualite.date_maj_recente(Service.model_construct(source="", date_maj=day))
    return round(value or 0.0, 2)


def aged_score(points: float, criteria: int, fresh: float | None) -> float:
    """Return the score of `quality_points` with an age worth `fresh` (None when the age does not count)."""
    if fresh is not None:
        points, criteria = points + fresh, criteria + 1
    return round(points / criteria, 2)


def _sort_out(exception: ValidationError, only: str | None = None) -> FieldCheck:
    errors: list[str] = []
    warnings: list[str] = []
    for error in exception.errors():
        if only is not None and str(error["loc"][0] if error["loc"] else "") != only:
            continue
        sentence = _in_french(error)  # type: ignore[arg-type]
        target = warnings if error["type"] == "avertissement" else errors
        if sentence not in target:
            target.append(sentence)
    return FieldCheck(tuple(errors), tuple(warnings))


def _in_french(error: dict[str, Any]) -> str:
    """Say a pydantic error in a sentence that tells what to write; the package's own messages are already French."""
    context = error.get("ctx") or {}
    kind = error["type"]
    field = str(error["loc"][0]) if error["loc"] else ""
    if kind == "avertissement":
        return str(error["msg"])
    if field == "courriel":
        return "Écrivez une adresse électronique complète, par exemple accueil@association.fr."
    if kind.startswith("url"):
        return "Écrivez une adresse complète, qui commence par https:// ou http://."
    if field in _PATTERNS and kind in {"string_pattern_mismatch", "string_too_short", "string_too_long"}:
        return _PATTERNS[field]
    if field == "zone_eligibilite":
        return "Ce lieu n’est pas une commune, une intercommunalité, un département ou la France."
    if kind == "string_too_short":
        return f"Écrivez au moins {context['min_length']} caractères."
    if kind == "string_too_long":
        return f"Raccourcissez : {context['max_length']} caractères au plus."
    if kind == "enum":
        return (
            f"« {str(error['input'])[:80]} » n’est pas dans la liste : choisissez une des valeurs proposées."
        )
    if kind == "too_short":
        return "Choisissez au moins une valeur."
    if kind == "greater_than_equal":
        return f"Écrivez un nombre égal ou supérieur à {context['ge']}."
    if kind == "missing":
        return "Ce champ est obligatoire."
    if kind == "value_error" and isinstance(context.get("error"), ValueError):
        return str(context["error"])
    if kind in {"int_parsing", "int_from_float", "int_type"}:
        return "Écrivez un nombre entier, par exemple 12."
    if kind in {"float_parsing", "float_type"}:
        return "Écrivez un nombre, par exemple 3,5."
    return "Cette valeur ne convient pas : corrigez-la ou videz le champ."


_PATTERNS = {
    "siret": "Un SIRET compte 14 chiffres.",
    "code_postal": "Un code postal compte 5 chiffres.",
    "code_insee": "Un code commune compte 5 caractères.",
}
