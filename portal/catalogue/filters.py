"""The filters beside the results: their names in an address, their titles, the values to choose from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal import vocabulary
from portal.catalogue.criteria import (
    Fraicheur,
    Heures,
    SessionBand,
    Sort,
)
from portal.conventions.models import Financeur
from portal.parcours import Dominante


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter beside the results: `name` in the address, `counts` in what a search answers, `title` for people.

    `labels`: value -> label of a closed list, in the order to show; None when any value may be given.
    """

    name: str
    counts: str
    title: str
    labels: Mapping[str, str] | None
    # One value at a time.
    single: bool = False
    # The sentence told of a value out of the list, "{}" being the value.
    refusal: str = "« {} » n’est pas dans la liste : choisissez une des valeurs proposées."


def _choices(name: str) -> dict[str, str]:
    return {choice.value: choice.label for choice in vocabulary.choices(name)}


CATEGORIES: dict[str, tuple[str, ...]] = {
    category.value: tuple(vocabulary.expand_thematiques([category.value]))
    for category in vocabulary.categories()
}
_THEMES = {choice.value: choice.label for choice in vocabulary.categories()} | _choices("thematiques")
# Values of `qualite`: the least score, and how it is said.
QUALITES = {"0.8": "Bien remplie", "0.5": "Au moins à moitié remplie"}

FILTERS: dict[str, Filter] = {
    each.name: each
    for each in (
        Filter(
            "thematique",
            "thematiques",
            "Thématique",
            _THEMES,
            refusal="La thématique « {} » n’existe pas : choisissez-en une dans la liste.",
        ),
        Filter("places", "places_libres", "Places", {"1": "Places libres"}, single=True),
        Filter(
            "pro", "professionnels", "Prescription", {"1": "Un professionnel peut prescrire"}, single=True
        ),
        Filter("public", "publics", "Public", _choices("publics")),
        Filter("type", "types", "Type d’offre", _choices("type")),
        Filter("mode", "modes_accueil", "Sur place ou à distance", _choices("modes_accueil")),
        Filter("frais", "frais", "Prix", _choices("frais")),
        Filter("dominante", "dominantes", "Dominante de parcours", {d.value: d.label for d in Dominante}),
        Filter("heures", "heures", "Heures par semaine", {h.value: h.label for h in Heures}),
        Filter(
            "session", "session", "Prochaine session", {s.value: s.label for s in SessionBand}, single=True
        ),
        # Financeurs, and numbers of conventions.
        Filter("finance", "financeurs", "Financée par", None),
        Filter("structure", "structures", "Structure", None),
        Filter("source", "sources", "Source", None),
        Filter("fraicheur", "fraicheur", "Mise à jour", {f.value: f.label for f in Fraicheur}, single=True),
        Filter("qualite", "score", "Qualité de la fiche", QUALITES, single=True),
    )
}
FINANCEURS = {financeur.value: financeur.label for financeur in Financeur}
SORTS = {
    Sort.AUTO: "Au mieux",
    Sort.PERTINENCE: "Pertinence",
    Sort.DISTANCE: "Distance",
    Sort.FRAICHEUR: "Mise à jour",
    Sort.PLACES: "Places libres",
}


def compact(values: Iterable[str]) -> tuple[str, ...]:
    """Return thématiques with a category in place of all its own: one word is read faster than six."""
    asked = set(values)
    found: list[str] = []
    for category, members in CATEGORIES.items():
        if category in asked or asked.issuperset(members):
            found.append(category)
        else:
            found += [member for member in members if member in asked]
    return tuple(found)
