"""The number beside a value is what choosing it gives."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock, geography, vocabulary
from portal.catalogue.counting import STRUCTURES
from portal.catalogue.criteria import Around, Criteria, Fraicheur, Heures
from portal.catalogue.engine import Catalogue, Snapshot
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.offers import make_offer
from tests.factories.structures import RENNES

THEMES = [choice.value for choice in vocabulary.choices("thematiques")]
PUBLICS = [choice.value for choice in vocabulary.choices("publics") if choice.value != "tous-publics"]
TYPES = [choice.value for choice in vocabulary.choices("type")]
WHERE = geography.commune(RENNES)
assert WHERE is not None

# Filter of the counts -> the same search with one value chosen in it.
CHOOSE: dict[str, Callable[[Criteria, str], Criteria]] = {
    "thematiques": lambda c, v: replace(c, thematiques=frozenset({v})),
    "categories": lambda c, v: replace(c, thematiques=frozenset(vocabulary.expand_thematiques([v]))),
    "publics": lambda c, v: replace(c, publics=frozenset({v})),
    "types": lambda c, v: replace(c, types=frozenset({v})),
    "frais": lambda c, v: replace(c, frais=frozenset({v})),
    "modes_accueil": lambda c, v: replace(c, modes_accueil=frozenset({v})),
    "heures": lambda c, v: replace(c, heures=frozenset({Heures(v)})),
    "sources": lambda c, v: replace(c, sources=frozenset({v})),
    "fraicheur": lambda c, v: replace(c, fraicheur=Fraicheur(v)),
    "score": lambda c, v: replace(c, score_minimum=float(v)),
    "professionnels": lambda c, v: replace(c, professionnels=True),
    "structures": lambda c, v: replace(c, structures=frozenset({v})),
}
SEARCHES = [
    Criteria(),
    Criteria(thematiques=frozenset(THEMES[:30])),
    Criteria(types=frozenset(TYPES[:2]), publics=frozenset(PUBLICS[:3])),
    Criteria(
        where=Around(WHERE.latitude, WHERE.longitude, 50, WHERE),
        thematiques=frozenset(THEMES[10:60]),
        frais=frozenset({"gratuit"}),
        fraicheur=Fraicheur.UN_AN,
    ),
]


@pytest.fixture
def snapshot(session: Session, tmp_path: Path) -> Snapshot:
    rng = random.Random(4)
    structures = [known_structure(session) for _ in range(12)]
    for number in range(70):
        known_service(
            session,
            rng.choice(structures),
            nom=f"Offre {number}",
            thematiques=sorted(rng.sample(THEMES, rng.randint(1, 4))),
            publics=rng.choice([None, ["tous-publics"], sorted(rng.sample(PUBLICS, rng.randint(1, 3)))]),
            type=rng.choice([None, *TYPES]),
            frais=rng.choice([None, "gratuit"]),
            modes_accueil=rng.choice([["en-presentiel"], ["a-distance"], ["a-distance", "en-presentiel"]]),
            volume_horaire_hebdomadaire=rng.choice([None, 2, 10, 30]),
            date_maj=(clock.today() - timedelta(days=rng.randint(0, 500))).isoformat(),
        )
    make_offer(session, nom="La nôtre")
    index(session)
    session.flush()
    catalogue = Catalogue(source="portail-test", public_url="http://localhost", folder=tmp_path / "index")
    return catalogue.snapshot(session)


@pytest.mark.parametrize("criteria", SEARCHES, ids=["everything", "themes", "types-publics", "place"])
def test_a_number_is_what_its_value_gives(snapshot: Snapshot, criteria: Criteria) -> None:
    found = snapshot.search(criteria, counts=True)
    for name, choose in CHOOSE.items():
        assert found.counts[name] or name == "score", name
        for value, number in found.counts[name].items():
            if value != "tous-publics":
                given = snapshot.search(choose(criteria, value), size=0).total
                assert number == given, (name, value)


def test_a_value_that_is_not_counted_gives_nothing(snapshot: Snapshot) -> None:
    criteria = SEARCHES[2]
    counts: Any = snapshot.search(criteria, counts=True).counts
    for theme in set(THEMES) - counts["thematiques"].keys():
        assert snapshot.search(CHOOSE["thematiques"](criteria, theme), size=0).total == 0
    for kind in set(TYPES) - counts["types"].keys():
        assert snapshot.search(CHOOSE["types"](criteria, kind), size=0).total == 0


def test_the_structures_told_have_the_most_results_and_a_name(snapshot: Snapshot) -> None:
    found = snapshot.search(Criteria(), counts=True)
    told = found.counts["structures"]
    assert len(told) >= STRUCTURES
    assert found.names.keys() == told.keys()
    assert all(found.names[one] == snapshot.structures.name(one) for one in told)
