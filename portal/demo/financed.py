"""The conventions of the demo.

Amounts are those of the département's table, but for the last one, which is invented; numbers of places and unit costs
are invented so that they add up.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoConvention:
    """A convention with its one action: places, unit cost in euros, mode, offers (slugs); who finances it.

    `avenant`: places that an amendment added since; `surreservation`: places that may be held beyond those financed;
    `delai`: days after which the place of somebody who did not come is freed.
    """

    numero: str
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
        "35-2026-001",
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
        "35-2026-002",
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
        "35-2026-003",
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
        "35-2026-004",
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
        "35-2026-005",
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
        "35-2026-006",
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
        "35-2026-007",
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
