"""What the catalogue answers, on real rows: ours and those known from elsewhere, in one search."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from portal import geography
from portal.catalogue.criteria import (
    Area,
    AreaKind,
    Around,
    Criteria,
    Fraicheur,
    Heures,
    Sort,
    StructureCriteria,
    Why,
)
from portal.catalogue.engine import Catalogue, Snapshot
from portal.offers import rules as offer_rules
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.offers import make_offer
from tests.factories.structures import RENNES, make_structure

REDON = "35236"
PARIS = "75056"
LATER = {"numero": 1}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(
        source="portail-test", public_url="http://localhost", folder=tmp_path / "index", poll_seconds=0
    )


@pytest.fixture
def seen(session: Session, catalogue: Catalogue) -> Any:
    def look() -> Snapshot:
        session.flush()
        return catalogue.snapshot(session)

    return look


def around(code: str, **options: Any) -> Around:
    commune = geography.commune(code)
    assert commune is not None
    return Around(commune.latitude, commune.longitude, commune=commune, **options)


def names(session: Session, snapshot: Snapshot, criteria: Criteria, **options: Any) -> list[str]:
    found = snapshot.search(criteria, **options)
    return [card.record["nom"] for card in snapshot.cards(session, found.hits)]


def test_one_search_holds_ours_and_those_known_from_elsewhere(session: Session, seen: Any) -> None:
    make_offer(session, nom="Le nôtre")
    known_service(session, nom="Le leur")
    index(session)
    snapshot = seen()
    assert sorted(names(session, snapshot, Criteria())) == ["Le leur", "Le nôtre"]
    assert snapshot.total == 2
    assert snapshot.sources() == {"portail-test": 1, "dora": 1}


def test_an_empty_catalogue_answers(seen: Any) -> None:
    snapshot = seen()
    found = snapshot.search(Criteria(words="permis", where=around(RENNES)), counts=True)
    assert (found.total, found.hits) == (0, ())
    assert snapshot.structures.search(StructureCriteria(exclure_doublons=True)).total == 0


def test_a_change_is_seen_at_once_and_a_withdrawal_too(session: Session, seen: Any) -> None:
    offer = make_offer(session, nom="Avant")
    first = seen()
    assert names(session, first, Criteria()) == ["Avant"]
    offer.nom = "Après"
    second = seen()
    assert names(session, second, Criteria()) == ["Après"]
    assert first.mark != second.mark
    assert seen() is second, "nothing changed: the same snapshot"
    offer_rules.withdraw_offer(session, offer, by=None)
    assert seen().total == 0


def test_a_new_index_takes_the_place_of_the_former(session: Session, seen: Any) -> None:
    service = known_service(session, nom="Premier")
    index(session)
    assert names(session, seen(), Criteria()) == ["Premier"]
    record = json.loads(service.record) | {"nom": "Second"}
    service.record = json.dumps(record)
    session.flush()
    index(session)
    found = seen().search(Criteria(words="second"))
    assert found.total == 1


def test_around_a_commune_remote_and_zones(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    here = {"code_insee": REDON, "latitude": 47.651, "longitude": -2.084}
    known_service(session, structure, nom="Sur place", zone_eligibilite=["35"], **here)
    known_service(
        session, structure, nom="Ailleurs sur place", latitude=48.8566, longitude=2.3522, code_insee=PARIS
    )
    known_service(
        session, structure, nom="À distance", modes_accueil=["a-distance"], latitude=48.85, longitude=2.35
    )
    known_service(session, structure, nom="Pour le Nord seulement", zone_eligibilite=["59"], **here)
    known_service(session, structure, nom="Sans position", latitude=None, longitude=None)
    index(session)
    found = seen().search(Criteria(where=around(REDON)))
    cards = {card.record["nom"]: card.hit for card in seen().cards(session, found.hits)}
    assert set(cards) == {"Sur place", "À distance"}
    assert cards["Sur place"].distance_km == pytest.approx(0, abs=2)
    assert cards["Sur place"].why == (Why.DISTANCE, Why.ZONE)
    assert cards["À distance"].distance_km is None
    assert cards["À distance"].why == (Why.A_DISTANCE,)
    assert [hit.id for hit in found.hits][0] == cards["Sur place"].id, "the nearest first"


def test_a_radius_is_a_circle(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    centre = geography.commune(RENNES)
    assert centre is not None
    for number, km in enumerate((4.9, 5.1, 49.9, 50.1)):
        known_service(
            session,
            structure,
            nom=f"À {km} km",
            latitude=centre.latitude + km / 111.19508,
            longitude=centre.longitude,
            key=str(number),
        )
    index(session)
    snapshot = seen()
    assert names(session, snapshot, Criteria(where=around(RENNES, radius_km=5))) == ["À 4.9 km"]
    assert len(names(session, snapshot, Criteria(where=around(RENNES)))) == 3
    found = snapshot.search(Criteria(where=around(RENNES)))
    assert [round(hit.distance_km or 0, 1) for hit in found.hits] == [4.9, 5.1, 49.9]


def test_a_territory_and_where_it_is(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, nom="À Rennes")
    known_service(session, structure, nom="À Paris", code_insee=PARIS, latitude=48.85, longitude=2.35)
    known_service(
        session,
        structure,
        nom="À distance pour le 35",
        code_insee=PARIS,
        modes_accueil=["a-distance"],
        zone_eligibilite=["35"],
    )
    index(session)
    snapshot = seen()
    inhabitants = Area(AreaKind.DEPARTEMENT, "35")
    located = Area(AreaKind.DEPARTEMENT, "35", located=True)
    assert sorted(names(session, snapshot, Criteria(where=inhabitants))) == [
        "À Rennes",
        "À distance pour le 35",
    ]
    assert names(session, snapshot, Criteria(where=located)) == ["À Rennes"]
    assert names(session, snapshot, Criteria(within=Area(AreaKind.REGION, "11"))) != []


@pytest.mark.parametrize(
    "typed",
    [
        "permis",
        "PERMIS",
        "le permis",
        "permi",
        "mobilité",
        "mobilites",
        "perm",
        "auto-école",
        "autoecole",
        "code de la route",
    ],
)
def test_words_find_names_labels_and_needs(session: Session, seen: Any, typed: str) -> None:
    known_service(
        session,
        nom="Auto-école sociale",
        thematiques=["mobilite--preparer-un-permis"],
        description="Conduire. " * 20,
    )
    known_service(session, nom="Épicerie", thematiques=["equipement-et-alimentation--alimentation"])
    index(session)
    if typed == "autoecole":
        assert seen().search(Criteria(words=typed)).unknown_words == ("autoecole",)
        return
    assert names(session, seen(), Criteria(words=typed)) == ["Auto-école sociale"]


def test_a_misspelt_word_is_put_right_and_said(session: Session, seen: Any) -> None:
    known_service(session, nom="Atelier budget", description="Comprendre ses factures. " * 10)
    index(session)
    found = seen().search(Criteria(words="facturres"))
    assert found.total == 1
    assert [(c.typed, c.used) for c in found.corrections] == [("facturres", "factures")]
    strict = seen().search(Criteria(words="facturres", forgiving=False))
    assert strict.total == 0
    nothing = seen().search(Criteria(words="xylophoniste"))
    assert (nothing.total, nothing.unknown_words) == (0, ("xylophoniste",))


def test_words_in_a_name_come_before_words_in_a_text(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, nom="Autre chose", description="On y parle aussi de jardinage. " * 8)
    known_service(session, structure, nom="Jardinage pour tous", description="Un atelier de plein air. " * 10)
    index(session)
    assert names(session, seen(), Criteria(words="jardinage")) == ["Jardinage pour tous", "Autre chose"]
    every = seen().search(Criteria(words="jardinage atelier"))
    assert every.total == 1, "every word counts"


@pytest.mark.parametrize("typed", ["'", '"', "*", "-", "🦄", "AND OR NOT", ":", "a", "%", "()", "de la"])
def test_words_that_say_nothing_find_nothing_and_break_nothing(
    session: Session, seen: Any, typed: str
) -> None:
    known_service(session)
    index(session)
    assert seen().search(Criteria(words=typed), counts=True).total == 0


def test_publics_with_everybody(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, nom="Tous", publics=["tous-publics"])
    known_service(session, structure, nom="Jeunes", publics=["jeunes"])
    known_service(session, structure, nom="Femmes", publics=["femmes"])
    known_service(session, structure, nom="Inconnu", publics=None)
    index(session)
    snapshot = seen()
    jeunes = Criteria(publics=frozenset({"jeunes"}))
    assert sorted(names(session, snapshot, jeunes)) == ["Jeunes", "Tous"]
    assert snapshot.search(Criteria(publics=frozenset({"tous-publics"}))).total == 4
    counts = snapshot.search(jeunes, counts=True).counts["publics"]
    assert (counts["tous-publics"], counts["jeunes"], counts["femmes"], counts["familles"]) == (1, 2, 2, 1)


def test_counts_follow_the_other_filters_not_their_own(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, type="atelier", frais="gratuit")
    known_service(session, structure, type="formation", frais="gratuit")
    known_service(session, structure, type="formation", frais="payant", frais_precisions="10 €")
    index(session)
    counts = seen().search(Criteria(types=frozenset({"formation"})), counts=True).counts
    assert counts["types"] == {"atelier": 1, "formation": 2}
    assert counts["frais"] == {"gratuit": 1, "payant": 1}
    assert counts["sources"] == {"dora": 2}
    assert sum(counts["categories"].values()) == 2
    assert counts["structures"] == {structure.id: 2}
    assert counts["professionnels"] == {"oui": 2}


def test_each_filter_keeps_what_it_says(session: Session, seen: Any, move_clock: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, nom="Long", volume_horaire_hebdomadaire=20, date_maj="2026-10-30")
    known_service(session, structure, nom="Court", volume_horaire_hebdomadaire=2, date_maj="2024-01-01")
    known_service(
        session, structure, nom="Usagers", mobilisable_par=["usagers"], modes_accueil=["a-distance"]
    )
    index(session)
    snapshot = seen()

    def kept(**filters: Any) -> set[str]:
        return set(names(session, snapshot, Criteria(**filters)))

    assert kept(heures=frozenset({Heures.PLUS_DE_15})) == {"Long"}
    assert kept(heures=frozenset({Heures.MOINS_DE_5, Heures.INCONNU})) == {"Court", "Usagers"}
    assert kept(professionnels=True) == {"Long", "Court"}
    assert kept(modes_accueil=frozenset({"a-distance"})) == {"Usagers"}
    assert kept(fraicheur=Fraicheur.UN_AN) == {"Long", "Usagers"}
    assert kept(structures=frozenset({structure.id})) == {"Long", "Court", "Usagers"}
    assert kept(structures=frozenset({"dora--autre"})) == set()
    assert kept(sources=frozenset({"soliguide"})) == set()
    assert kept(thematiques=frozenset({"numerique--acquerir-un-equipement"})) == set()
    assert kept(score_minimum=0.95) == {"Long", "Usagers"}
    assert kept(places_libres=True) == set()


def test_orders(session: Session, seen: Any) -> None:
    structure = known_structure(session)
    known_service(session, structure, nom="b", key="b", date_maj="2026-11-01")
    known_service(session, structure, nom="a", key="a", date_maj="2026-09-01")
    known_service(session, structure, nom="c", key="c", date_maj="2026-10-01", latitude=48.5, longitude=-1.7)
    index(session)
    snapshot = seen()
    assert names(session, snapshot, Criteria(), sort=Sort.ID) == ["a", "b", "c"]
    assert names(session, snapshot, Criteria(), sort=Sort.FRAICHEUR) == ["b", "c", "a"]
    assert names(session, snapshot, Criteria(where=around(RENNES)), sort=Sort.DISTANCE_ID) == ["a", "b", "c"]
    assert names(session, snapshot, Criteria(), sort=Sort.ID, page=2, size=2) == ["c"]
    assert names(session, snapshot, Criteria(), sort=Sort.ID, page=9, size=2) == []


def test_our_ids_take_their_place_among_the_others(session: Session, seen: Any) -> None:
    for source in ("aaa", "zzz", "portail-tes", "portail-testing"):
        known_service(session, known_structure(session, source=source))
    make_offer(session)
    make_offer(session, nom="Une autre offre")
    index(session)
    found = seen().search(Criteria(), sort=Sort.ID)
    ids = [hit.id for hit in found.hits]
    assert ids == sorted(ids)
    assert len(ids) == 6
    structures = [hit.id for hit in seen().structures.search(StructureCriteria()).hits]
    assert structures == sorted(structures)
    for hit in found.hits:
        assert seen().find(hit.id) == hit or seen().find(hit.id).ref == hit.ref


def test_the_same_structure_twice(session: Session, seen: Any) -> None:
    siret = "13002526500013"
    ours = make_structure(session, siret=siret)
    make_offer(session, ours, nom="Chez nous", date_maj=None)
    theirs = known_structure(session, siret=siret)
    known_service(session, theirs, nom="Chez eux", frais=None)
    third = known_structure(
        session, source="soliguide", nom="Tout autre nom", doublons=[{"source": "dora", "id": theirs.id}]
    )
    known_service(session, third, nom="Chez un tiers", frais=None, publics=None)
    known_service(session, known_structure(session, nom="À part"), nom="À part")
    index(session)
    snapshot = seen()
    own_id = f"portail-test--{ours.id}"
    assert snapshot.structures.twins_of(theirs.id) == sorted([own_id, third.id])
    assert set(names(session, snapshot, Criteria(exclure_doublons=True))) == {"Chez nous", "À part"}
    hit = snapshot.structures.find(own_id)
    assert hit is not None
    (record,) = snapshot.structures.records(session, [hit])
    assert json.loads(record)["doublons"] == [
        {"source": "dora", "id": theirs.id},
        {"source": "soliguide", "id": third.id},
    ]
    assert snapshot.structures.search(StructureCriteria(exclure_doublons=True)).total == 2


def test_records_are_the_schema_and_a_little_more(session: Session, seen: Any) -> None:
    from portal import vocabulary

    make_offer(session)
    known_service(session)
    index(session)
    snapshot = seen()
    hits = snapshot.search(Criteria()).hits
    for content in snapshot.detailed_records(session, hits):
        record = json.loads(content)
        structure = record.pop("structure")
        assert 0 < record.pop("score_qualite") <= 1
        assert record.pop("adresse_certifiee") is False
        vocabulary.Service.model_validate(record, context={"ignore_warnings": False})
        assert structure.pop("adresse_certifiee") is False
        assert set(structure) == set(vocabulary.Structure.model_fields)
        assert record["structure_id"] == structure["id"]


def test_the_score_is_the_packages(session: Session, seen: Any) -> None:
    from portal import vocabulary

    structure = known_structure(session)
    for number, fields in enumerate(
        (
            {},
            {"frais": None},
            {"date_maj": "2025-09-01"},
            {"date_maj": "2023-01-01", "publics": None},
            {"adresse": None},
        )
    ):
        known_service(session, structure, key=str(number), **fields)
    agefiph = known_structure(session, source="agefiph")
    known_service(session, agefiph, key="1", date_maj="2022-01-01")
    index(session)
    snapshot = seen()
    for content in snapshot.service_records(session, snapshot.search(Criteria()).hits):
        record = json.loads(content)
        score = record.pop("score_qualite")
        service = vocabulary.Service.model_validate(
            {n: v for n, v in record.items() if n != "adresse_certifiee"}
        )
        assert score == vocabulary.score_qualite.score(service)[0]


def test_the_index_is_shared_as_a_file_and_works_without(session: Session, tmp_path: Path) -> None:
    known_service(session, nom="Partagé")
    index(session)
    folder = tmp_path / "index"
    for place in (folder, folder, Path("/proc/nowhere")):
        catalogue = Catalogue(source="portail-test", public_url="http://localhost", folder=place)
        assert names(session, catalogue.snapshot(session), Criteria()) == ["Partagé"]
    assert len(list(folder.glob("*.index"))) == 1
    assert not list(folder.glob("*.part"))
