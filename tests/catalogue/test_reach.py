"""A search finds the same whichever filter leads it, and whether it counts or not."""

import random
from datetime import date

import numpy as np
import pytest

from portal import geography
from portal.catalogue import matching, reach
from portal.catalogue.criteria import Area, AreaKind, Around, Criteria
from portal.catalogue.features import ServiceFeatures, StructureFeatures
from portal.catalogue.segment_builder import Builder
from portal.catalogue.segments import Segment
from portal.geography import Commune

TODAY = date(2026, 3, 3)
THEMES = ("mobilite--preparer-son-permis-de-conduire", "numerique--acquerir-un-equipement")
MODES = (("en-presentiel",), ("a-distance",), ("en-presentiel", "a-distance"), ())
ZONES = (None, ("france",), ("35",), ("35238",), ("59",))


def commune(code: str) -> Commune:
    found = geography.commune(code)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def segment() -> Segment:
    """A thousand services in and around Ille-et-Vilaine, one in ten without a position."""
    rng = random.Random(3)
    near = [c for c in geography.communes() if c.code_departement in ("35", "44", "56")]
    builder = Builder()
    builder.add_structure(StructureFeatures("s--0", "s", "Une", None, (), 700_000, (), ()))
    for number in range(1000):
        place = rng.choice(near)
        builder.add_service(
            ServiceFeatures(
                id=f"s--{number:05}",
                structure_id="s--0",
                source="s",
                nom=f"Offre {number}",
                code_insee=place.code,
                position=None if rng.random() < 0.1 else (place.latitude, place.longitude),
                thematiques=tuple(rng.sample(THEMES, rng.randrange(3))),
                publics=("tous-publics",),
                type=rng.choice(("atelier", "formation", None)),
                frais="gratuit",
                modes_accueil=rng.choice(MODES),
                zone=rng.choice(ZONES),
                professionnels=rng.random() < 0.5,
                heures=rng.choice((None, 3.0, 20.0)),
                date_maj=TODAY.toordinal() - rng.randrange(900),
                points=10.0,
                criteria=12,
                ages=True,
                words={"permis": 1} if rng.random() < 0.3 else {"atelier": 4},
                publics_words=(),
                appeared=0,
            )
        )
    return builder.finish()


RENNES = commune("35238")
PLACES = (
    Around(RENNES.latitude, RENNES.longitude, 50, RENNES),
    Around(RENNES.latitude, RENNES.longitude, 15),
    Around(RENNES.latitude, RENNES.longitude, 30, strict=True),
    Around(RENNES.latitude, RENNES.longitude, 900, RENNES),
    Area(AreaKind.COMMUNE, "35238"),
    Area(AreaKind.DEPARTEMENT, "35", located=True),
    None,
)


@pytest.mark.parametrize("where", PLACES[:4])
def test_few_rows_are_reached_as_all_are(segment: Segment, where: Around) -> None:
    rows, kilometres = reach.around(segment, where)
    assert 0 < rows.shape[0] < segment.count
    some = np.flatnonzero(np.random.default_rng(1).random(segment.count) < 0.3)
    kept, told = reach.among(segment, where, some)
    assert some[kept].tolist() == np.intersect1d(rows, some).tolist()
    expected = kilometres[np.searchsorted(rows, some[kept])]
    assert (np.isnan(told) == np.isnan(expected)).all()
    assert told == pytest.approx(expected, abs=1e-3, nan_ok=True)
    assert (told[~np.isnan(told)] <= where.radius_km).all()
    # Kept for the next question: the same, and untouched by what was made of it.
    again = reach.around(segment, where)
    assert again[0].tolist() == rows.tolist()


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"thematiques": frozenset(THEMES[:1])},
        {"thematiques": frozenset(THEMES), "types": frozenset({"formation"})},
        {"words": "permis", "forgiving": False},
        {"words": "permis", "forgiving": False, "thematiques": frozenset(THEMES[:1]), "professionnels": True},
        {"modes_accueil": frozenset({"a-distance"}), "score_minimum": 0.5},
        {"thematiques": frozenset({"inconnue"})},
        {"words": "girafe", "forgiving": False},
    ],
)
def test_counting_or_not_finds_the_same(
    segment: Segment, where: Around | Area | None, filters: dict[str, object]
) -> None:
    criteria = Criteria(where=where, **filters)  # type: ignore[arg-type]
    words, _, unknown = matching.words_of(criteria, [segment])
    scores = segment.scores()
    few, all_of_them = (
        matching.match(
            segment,
            criteria,
            words,
            unknown=bool(unknown),
            scores=scores,
            today=TODAY,
            total=1000,
            counts=counts,
        )
        for counts in (False, True)
    )
    assert few.rows.tolist() == all_of_them.rows.tolist()
    assert few.distance == pytest.approx(all_of_them.distance, abs=1e-3, nan_ok=True)
    assert few.relevance.tolist() == all_of_them.relevance.tolist()
    if "inconnue" in filters.get("thematiques", ()) or filters.get("words") == "girafe":  # type: ignore[operator]
        assert not few.rows.shape[0]
    else:
        assert few.rows.shape[0]


def test_what_is_kept_of_places_is_bounded(segment: Segment) -> None:
    for step in range(200):
        reach.around(segment, Around(47 + step / 100, -1.7, 20))
    assert len(segment._lately) <= 32
