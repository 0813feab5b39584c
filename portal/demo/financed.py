"""The conventions of the demo.

Amounts are those of the département's table, but for the last one, which is invented; numbers of places and unit costs
are invented so that they add up.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from portal import clock
from portal.demo.days import month_before, months_after


@dataclass(frozen=True, slots=True)
class DemoConvention:
    """A convention with its one action: places, unit cost in euros, mode, offers (slugs); who finances it.

    `rang` names it in the demo and ends its number, which tells the year of its first day (`numero`).

    `avenant`: places that an amendment added since; `surreservation`: places that may be held beyond those financed;
    `delai`: days after which the place of somebody who did not come is freed.
    """

    rang: str
    structure: str
    intitule: str
    montant: int
    action: str
    places: int
    cout: int
    mode: str
    offers: tuple[str, ...]
    financeurs: tuple[str, ...]
    avenant: int = 0
    surreservation: int = 0
    delai: int | None = None


CONVENTIONS: tuple[DemoConvention, ...] = (
    DemoConvention(
        "001",
        "ervp",
        "En route vers le permis",
        47_000,
        "Modules permis",
        12,
        3_900,
        "entree",
        ("ervp",),
        ("departement",),
        delai=15,
    ),
    DemoConvention(
        "002",
        "apase",
        "PEM’S",
        3_500,
        "Parcours supplémentaires",
        5,
        700,
        "entree",
        ("pems",),
        ("departement", "etat"),
    ),
    DemoConvention(
        "003",
        "bge",
        "Travailleurs indépendants",
        30_000,
        "File active",
        20,
        1_500,
        "file_active",
        ("independants",),
        ("departement",),
    ),
    DemoConvention(
        "004",
        "ais35",
        "Accompagnement social lié au logement",
        24_000,
        "File active ASL",
        16,
        1_500,
        "file_active",
        ("asl",),
        ("departement",),
    ),
    DemoConvention(
        "005",
        "coorace",
        "Équilibre Emploi",
        12_000,
        "Missions accompagnées",
        5,
        1_500,
        "entree",
        ("equilibre-emploi",),
        ("departement", "etat"),
        avenant=3,
    ),
    DemoConvention(
        "006",
        "siae",
        "Parcours IAE",
        10_000,
        "Parcours accompagnés",
        4,
        2_500,
        "file_active",
        ("parcours-iae",),
        ("departement", "etat"),
        surreservation=1,
    ),
    DemoConvention(
        "007",
        "ervp",
        "Reprendre le volant",
        1_500,
        "Ateliers de conduite",
        3,
        500,
        "file_active",
        ("volant",),
        ("departement",),
        delai=15,
    ),
)


def period() -> tuple[date, date]:
    """Return the first and last day of these conventions: a year.

    Half of it is behind us, so that what is told of the last weeks falls in it, whatever the day.
    """
    first = (clock.today() - timedelta(days=180)).replace(day=1)
    return first, month_before(months_after(first, 12))


def numero(rang: str, first: date) -> str:
    """Return the number of a convention that begins on this day."""
    return f"35-{first.year}-{rang}"
