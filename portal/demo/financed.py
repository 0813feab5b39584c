"""The conventions of the demo.

Amounts are those of the département's table; numbers of places and unit costs are invented so that they add up.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoConvention:
    """A convention with its one action: places, unit cost in euros, mode, offers (slugs); who finances it."""

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
        8,
        1_500,
        "entree",
        ("equilibre-emploi",),
        ("departement", "etat"),
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
    ),
)
