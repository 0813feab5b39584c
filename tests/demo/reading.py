"""What the tests of the demo read."""

import re
from pathlib import Path

from sqlmodel import Session, SQLModel, select

from portal import demo
from portal.demo.offers import LATER_OFFERS
from portal.demo.partners import NEW_STRUCTURE
from portal.exchanges import exports

OPTIONS = {"source": "portail-demo", "public_url": "http://127.0.0.1:5000"}
# What anybody sees: the rest waits for the animator, or for its partner.
IN_CATALOGUE = {
    *(demo.demo_id("offre", o.slug) for o in demo.OFFERS if o.published),
    *(
        demo.demo_id("offre", o.slug)
        for o in LATER_OFFERS
        if o.structure != NEW_STRUCTURE.slug and not o.suspended_days
    ),
}
# Whoever reads one of these knows that the person is invented.
INVENTED_NAMES = {
    "Exemple",
    "Fictif",
    "Inventée",
    "Modèle",
    "Spécimen",
    "Témoin",
    "Essai",
    "Factice",
    "Imaginaire",
    "Figurant",
    "Prototype",
    "Maquette",
    "Untel",
    "Quidam",
    "Gabarit",
    "Esquisse",
    "Croquis",
    "Ébauche",
    "Anonyme",
    "Pseudonyme",
    "Mannequin",
    "Silhouette",
    "Schéma",
}
# Ranges that the regulator keeps for fiction: they ring nowhere.
FICTION = re.compile(r"\+33(19900|26191|35301|46571|53649|63998)\d{4}")


def exported(session: Session, folder: Path) -> dict[str, bytes]:
    """Every file of the export, by name."""
    written = exports.write_all(folder, session, **OPTIONS)
    return {name: (folder / name).read_bytes() for name, _ in written}


def everyone(session: Session, table: type[SQLModel]) -> list:  # type: ignore[type-arg]
    return list(session.exec(select(table)))
