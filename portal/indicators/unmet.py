"""What people look for and do not find: the needs that the catalogue does not meet, for the animator."""

from collections.abc import Callable

from sqlmodel import Session

from portal import geography, vocabulary
from portal.catalogue import needs
from portal.catalogue.engine import Snapshot
from portal.catalogue.needs import Need
from portal.indicators.table import Table

# Beyond, a need was looked for once or twice: nobody acts on it.
MOST = 1000
_LABELS = {
    choice.value: choice.label for choice in (*vocabulary.choices("thematiques"), *vocabulary.categories())
}


def unmet_needs(session: Session, catalogue: Callable[[], Snapshot], *, most: int = MOST) -> Table:
    """Return the searches that found nothing over twelve months, by thématique and commune, the most frequent first.

    Each with its trend and with how many offers are within reach today, None when it names no thématique. `catalogue`
    is opened when there is something to look for only.
    """
    found = needs.over_a_year(session, most=most)
    snapshot = catalogue() if found else None
    rows = [
        (
            _LABELS.get(need.thematique, need.thematique) or "Sans thématique précise",
            _place(need.code_insee),
            need.nombre,
            need.recent,
            need.before,
            _trend(need),
            need.last,
            _within_reach(snapshot, need),
        )
        for need in found
    ]
    return Table(
        "besoins",
        "Besoins sans réponse",
        "Les recherches qui n’ont trouvé aucune offre depuis douze mois, par thématique et par commune demandées. Une "
        "personne qui refait la même recherche compte une fois toutes les dix minutes, et un besoin au plus "
        f"{needs.MOST_A_DAY} fois par jour. Qui cherchait, pour qui et avec quels mots n’est pas gardé. La tendance "
        "compare les trois derniers mois aux trois d’avant. Les offres sont celles qui répondent aujourd’hui à la "
        "thématique seule, jusqu’à 50 km de la commune.",
        (
            "Thématique",
            "Commune",
            "Recherches sans réponse",
            "Trois derniers mois",
            "Trois mois d’avant",
            "Tendance",
            "Dernière fois",
            "Offres aujourd’hui",
        ),
        list(rows),
    )


def _place(code_insee: str) -> str:
    if not code_insee:
        return "Sans commune précise"
    commune = geography.commune(code_insee)
    return commune.label if commune else code_insee


def _trend(need: Need) -> str:
    if need.recent == need.before:
        return "stable"
    return "en hausse" if need.recent > need.before else "en baisse"


def _within_reach(snapshot: Snapshot | None, need: Need) -> int | None:
    criteria = needs.criteria_of(need.thematique, need.code_insee) if need.thematique else None
    return None if criteria is None or snapshot is None else snapshot.search(criteria, size=0).total
