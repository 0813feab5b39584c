"""The partners of the demo: those of the département's table; their contacts and addresses are invented."""

from dataclasses import dataclass

RENNES, REDON, FOUGERES, VITRE, SAINT_MALO, PIPRIAC = "35238", "35236", "35115", "35360", "35288", "35219"
_PHONE = "+3326191{:04d}"  # a range kept for fiction by the regulator


@dataclass(frozen=True, slots=True)
class DemoStructure:
    """A partner: `slug` names it in this file and makes its id."""

    slug: str
    nom: str
    description: str
    code_insee: str
    reseaux_porteurs: tuple[str, ...] = ()


def phone(number: int) -> str:
    """Return the n-th number of a range that rings nowhere."""
    return _PHONE.format(number)


STRUCTURES: tuple[DemoStructure, ...] = (
    DemoStructure(
        "coorace",
        "Associations intermédiaires Coorace 35",
        "Trois associations intermédiaires qui mettent en relation des personnes en recherche d’emploi et des "
        "employeurs du territoire.",
        RENNES,
        ("ai", "coorace"),
    ),
    DemoStructure(
        "departement",
        "Département d’Ille-et-Vilaine, service insertion",
        "Le service du département qui porte les clauses sociales et les solutions en cours de construction.",
        RENNES,
        ("departements",),
    ),
    DemoStructure(
        "ascape",
        "ASCAPE",
        "Une association qui accompagne des personnes diplômées vers un emploi à leur mesure.",
        RENNES,
    ),
    DemoStructure(
        "siae",
        "Réseaux SIAE d’Ille-et-Vilaine",
        "Les structures de l’insertion par l’activité économique : ateliers et chantiers, associations "
        "intermédiaires, entreprises d’insertion et de travail temporaire.",
        FOUGERES,
        ("aci", "ai", "ei", "etti"),
    ),
    DemoStructure(
        "sinad",
        "SINAD",
        "Une association qui fait connaître les emplois proches, secteur par secteur.",
        REDON,
    ),
    DemoStructure(
        "tezea",
        "TEZEA",
        "Une entreprise à but d’emploi du territoire zéro chômeur de longue durée.",
        PIPRIAC,
        ("etcld",),
    ),
    DemoStructure(
        "bge",
        "Boutique de gestion 35",
        "Une association qui accompagne celles et ceux qui créent ou développent leur activité.",
        RENNES,
        ("reseau-bge",),
    ),
    DemoStructure(
        "apase",
        "APASE",
        "Une association qui accompagne des personnes dont la santé psychique rend le parcours difficile.",
        RENNES,
    ),
    DemoStructure("ibep", "IBEP", "Un organisme de formation et de remobilisation.", SAINT_MALO),
    DemoStructure(
        "analyse-et-action", "Analyse et Action", "Un organisme d’accompagnement et de remobilisation.", VITRE
    ),
    DemoStructure(
        "ervp",
        "Association En route vers le permis",
        "Une auto-école associative qui prépare au permis avec une pédagogie adaptée.",
        REDON,
    ),
    DemoStructure(
        "mobilite",
        "Partenaires mobilité du pays de Redon",
        "Des partenaires locaux qui inventent des façons de se déplacer sans voiture à soi.",
        REDON,
    ),
    DemoStructure(
        "ais35",
        "AIS 35",
        "Une association qui aide à accéder à un logement et à s’y maintenir.",
        RENNES,
    ),
)

# Published by its own people, and still to be read.
NEW_STRUCTURE = DemoStructure(
    "atelier-velo",
    "Atelier vélo de la Vilaine",
    "Un atelier associatif où l’on répare son vélo avec l’aide d’un mécanicien, et où l’on apprend à circuler.",
    REDON,
)
