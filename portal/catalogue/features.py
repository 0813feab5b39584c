"""What the index keeps of a service and of a structure, drawn from their records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal import besoins, geography, vocabulary
from portal.catalogue import text

# Where a word was found; a word found in several places bears several bits.
IN_NAME = 1
IN_LABELS = 2
IN_DESCRIPTION = 4
IN_STRUCTURE = 8
# The everyday words of a need that its thématiques answer ("papiers", "nounou"): for people, not for the API.
IN_NEED = 16


@dataclass(slots=True)
class StructureFeatures:
    """A structure: what it is filtered by, and `keys`, by which two records of one structure are known."""

    id: str
    source: str
    nom: str
    code_insee: str | None
    reseaux_porteurs: tuple[str, ...]
    date_maj: int
    keys: tuple[str, ...]
    doublons: tuple[str, ...]


@dataclass(slots=True)
class ServiceFeatures:
    """A service: what it is filtered and sorted by. Days are ordinals (`date.toordinal`), moments are in seconds."""

    id: str
    structure_id: str
    source: str
    nom: str
    code_insee: str | None
    position: tuple[float, float] | None
    thematiques: tuple[str, ...]
    publics: tuple[str, ...]
    type: str | None
    frais: str | None
    modes_accueil: tuple[str, ...]
    zone: tuple[str, ...] | None
    professionnels: bool
    heures: float | None
    date_maj: int
    points: float
    criteria: int
    ages: bool
    # Folded word -> where it was found (bits).
    words: dict[str, int]
    publics_words: tuple[str, ...]
    appeared: int
    # Ours only.
    dominantes: tuple[str, ...] = ()
    financeurs: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    places: int = -1
    next_session: int = 0


def of_structure(record: Mapping[str, Any]) -> StructureFeatures:
    """Return the features of a structure's record (schema's names, prefixed ids, `doublons` when known)."""
    nom = record["nom"]
    keys = []
    if record.get("siret"):
        keys.append(f"siret {record['siret']}")
    if record.get("code_insee"):
        keys.append(f"nom {geography.fold(nom)} {record['code_insee']}")
    return StructureFeatures(
        id=record["id"],
        source=record["source"],
        nom=nom,
        code_insee=_commune(record.get("code_insee")),
        reseaux_porteurs=tuple(record.get("reseaux_porteurs") or ()),
        date_maj=date.fromisoformat(record["date_maj"]).toordinal(),
        keys=tuple(keys),
        doublons=tuple(twin["id"] for twin in record.get("doublons") or ()),
    )


def of_service(
    record: Mapping[str, Any],
    *,
    structure: str,
    appeared: int,
    dominantes: Iterable[str] = (),
    extra_words: str = "",
) -> ServiceFeatures:
    """Return the features of a service's record; `structure` is its structure's name, looked for with it.

    `appeared`: when it was first seen here, in seconds. `extra_words`: what a search finds it by, beside its record.
    """
    points, criteria, ages = vocabulary.quality_points(dict(record))
    latitude, longitude = record.get("latitude"), record.get("longitude")
    zone = record.get("zone_eligibilite")
    thematiques = tuple(record.get("thematiques") or ())
    publics = tuple(record.get("publics") or ())
    precisions = record.get("publics_precisions") or ""
    # Most words are the description's, and found nowhere else.
    found = dict.fromkeys(text.words(record.get("description") or ""), IN_DESCRIPTION)
    for word in text.words(record["nom"]):
        found[word] = found.get(word, 0) | IN_NAME
    for word in text.words(structure):
        found[word] = found.get(word, 0) | IN_STRUCTURE
    for word in text.words(f"{precisions} {extra_words}"):
        found[word] = found.get(word, 0) | IN_LABELS
    for value in (*thematiques, *publics):
        for word, place in _value_words(value).items():
            found[word] = found.get(word, 0) | place
    publics_words = {*text.words(precisions), *(w for value in publics for w in text.words(value))}
    return ServiceFeatures(
        id=record["id"],
        structure_id=record["structure_id"],
        source=record["source"],
        nom=record["nom"],
        code_insee=_commune(record.get("code_insee")),
        position=(latitude, longitude) if latitude is not None and longitude is not None else None,
        thematiques=thematiques,
        publics=publics,
        type=record.get("type"),
        frais=record.get("frais"),
        modes_accueil=tuple(record.get("modes_accueil") or ()),
        zone=tuple(zone) if zone else None,
        professionnels="professionnels" in (record.get("mobilisable_par") or ()),
        heures=record.get("volume_horaire_hebdomadaire"),
        date_maj=date.fromisoformat(record["date_maj"]).toordinal(),
        points=points,
        criteria=criteria,
        ages=ages,
        words=found,
        publics_words=tuple(sorted(publics_words)),
        appeared=appeared,
        dominantes=tuple(dominantes),
    )


def _commune(code: str | None) -> str | None:
    # An arrondissement or a former commune counts where it is now.
    if code is None:
        return None
    commune = geography.commune(code)
    return commune.code if commune else code


_of_values: dict[str, dict[str, int]] = {}


def _value_words(value: str) -> dict[str, int]:
    """Return the words a vocabulary's value is found by: its label's, its category's, those of the need it answers."""
    known = _of_values.get(value)
    if known is None:
        labels = [
            vocabulary.label(name, value)
            for name in ("thematiques", "publics")
            if vocabulary.is_known(name, value)
        ]
        category = vocabulary.category_of(value)
        labels += [choice.label for choice in vocabulary.categories() if choice.value == category]
        known = dict.fromkeys(text.words(" ".join(besoins.words_of(value))), IN_NEED)
        known |= dict.fromkeys(text.words(" ".join(labels)), IN_LABELS)
        # The vocabularies are short; what is not in them is not kept for ever.
        if len(_of_values) < 1000:
            _of_values[value] = known
    return known
