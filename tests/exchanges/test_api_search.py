"""The two searches of the API, by commune and by words."""

from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlmodel import Session

from portal import geography
from portal.catalogue.models import KnownStructure
from tests.exchanges.api import LILLE, VITRE, ids, items, kept, place, read
from tests.factories.catalogue import known_service, known_structure
from tests.factories.structures import RENNES
from tests.statements import count_statements

pytestmark = pytest.mark.usefixtures("nothing_remembered")


class TestSearchServices:
    def test_nearest_first_then_what_is_at_a_distance(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        known_service(session, structure, key="rennes", **place(RENNES))
        known_service(session, structure, key="vitre", **place(VITRE))
        known_service(session, structure, key="lille", **place(LILLE))
        known_service(session, structure, key="loin", **place(LILLE), modes_accueil=["a-distance"])
        known_service(
            session, structure, key="deux", **place(LILLE), modes_accueil=["a-distance", "en-presentiel"]
        )
        kept(session)
        found = items(app, f"search/services?code_commune={RENNES}")
        assert [(item["service"]["id"].split("--")[1], item["distance"]) for item in found] == [
            ("rennes", 0),
            ("vitre", 36),
            ("deux", None),
            ("loin", None),
        ]
        assert all(set(item) == {"service", "distance"} for item in found)
        assert found[0]["service"]["structure"]["id"] == "dora--asso"

    def test_distances_are_whole_kilometres_and_order_follows_them(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        # A degree of latitude is 111.19 km.
        for key, north in (("a", 10.6), ("b", 10.4), ("c", 10.9), ("d", 49.9), ("e", 50.1)):
            known_service(session, structure, key=key, latitude=48 + north / 111.195, longitude=-1.7)
        kept(session)
        found = items(app, f"search/services?code_commune={RENNES}&lat=48&lon=-1.7")
        assert [(item["service"]["id"], item["distance"]) for item in found] == [
            ("dora--b", 10),
            ("dora--a", 11),
            ("dora--c", 11),
            ("dora--d", 50),
        ]

    def test_who_may_come(self, app: Flask, session: Session, structure: KnownStructure) -> None:
        rennes = geography.commune(RENNES)
        assert rennes is not None
        zones = {
            "commune": [RENNES],
            "departement": ["56", "35"],
            "epci": [rennes.code_epci],
            "pays": ["99100"],
            "france": ["france"],
            "inconnue": None,
            "ailleurs": ["59"],
            "voisine": [VITRE],
        }
        for key, zone in zones.items():
            known_service(session, structure, key=key, zone_eligibilite=zone)
        kept(session)
        found = {i.split("--")[1] for i in ids(app, f"search/services?code_commune={RENNES}")}
        assert found == set(zones) - {"ailleurs", "voisine"}

    def test_the_point_moves_the_centre(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        known_service(session, structure, key="vitre", **place(VITRE))
        kept(session)
        vitre = geography.commune(VITRE)
        assert vitre is not None
        query = f"code_commune={RENNES}&lat={vitre.latitude}&lon={vitre.longitude}"
        assert items(app, f"search/services?{query}")[0]["distance"] == 0
        far = f"code_commune={RENNES}&lat=0&lon=0"
        assert items(app, f"search/services?{far}") == []
        assert items(app, "search/services?lat=0&lon=0")[0]["distance"] is None

    def test_of_two_structures_that_are_one_the_better(self, app: Flask, session: Session) -> None:
        siret = "35600000000048"
        good = known_structure(session, key="bonne", siret=siret)
        poor = known_structure(session, source="autre", key="pauvre", siret=siret)
        known_service(session, good, key="complet")
        known_service(session, poor, key="maigre", frais=None, courriel=None, publics=None)
        kept(session)
        assert len(ids(app, f"search/services?code_commune={RENNES}")) == 2
        only = f"search/services?code_commune={RENNES}&exclure_doublons=true"
        assert ids(app, only) == ["dora--complet"]
        # After the filters: what is left of the poorer one is told when the better has nothing.
        assert ids(app, f"{only}&sources=autre") == ["autre--maigre"]
        assert ids(app, "structures?exclure_doublons=1") == ["dora--bonne"]
        told = {item["id"]: item["doublons"] for item in items(app, "structures")}
        assert told == {
            "autre--pauvre": [{"source": "dora", "id": "dora--bonne"}],
            "dora--bonne": [{"source": "autre", "id": "autre--pauvre"}],
        }

    def test_few_statements_whatever_the_page(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        for number in range(30):
            known_service(session, structure, key=f"{number:02}")
        kept(session)
        ids(app, "services?size=1")
        with count_statements(session) as sent:
            assert len(ids(app, f"search/services?code_commune={RENNES}&size=30")) == 30
        # The records; the marks of what changed are looked at beside, once a second at most.
        assert sum("known_service" in statement for statement in sent) == 1, sent
        assert len(sent) <= 4, sent


class TestSearch:
    def test_all_the_words_best_first(self, app: Flask, session: Session, structure: KnownStructure) -> None:
        known_service(session, structure, key="nom", nom="Permis de conduire")
        known_service(
            session,
            structure,
            key="texte",
            description="On y parle de permis, et de bien autre chose encore.",
        )
        known_service(session, structure, key="rien")
        kept(session)
        found = items(app, "search?q=PERMIS")
        assert [item["service"]["id"] for item in found] == ["dora--nom", "dora--texte"]
        assert found[0]["score_recherche"] > found[1]["score_recherche"] > 0
        assert set(found[0]) == {"service", "distance", "score_recherche"}
        assert ids(app, "search?q=permis+conduire") == ["dora--nom"]
        assert ids(app, "search?q=permutation") == []

    @pytest.mark.parametrize(
        "words",
        ["", "   ", "& | ! ( ) : *", "'\"", "💥💥", "de la les", "-", "\\", "%", "a" * 1000, "OR AND NOT"],
    )
    def test_words_that_are_not(self, app: Flask, session: Session, words: str) -> None:
        known_service(session)
        kept(session)
        assert ids(app, f"search?{urlencode({'q': words})}") == []
        read(app, f"services?{urlencode({'recherche_public': words})}")

    def test_without_words_nothing_is_scored(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        (found,) = items(app, "search")
        assert (found["distance"], found["score_recherche"]) == (None, None)

    def test_around_a_point_only_what_is_there(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        known_service(session, structure, key="rennes", **place(RENNES))
        known_service(session, structure, key="vitre", **place(VITRE))
        known_service(
            session,
            structure,
            key="sans-lieu",
            latitude=None,
            longitude=None,
            modes_accueil=["a-distance"],
        )
        kept(session)
        rennes = geography.commune(RENNES)
        assert rennes is not None
        point = f"lat={rennes.latitude}&lon={rennes.longitude}"
        assert ids(app, f"search?{point}") == ["dora--rennes", "dora--vitre"]
        assert ids(app, f"search?{point}&distance=10") == ["dora--rennes"]
        assert ids(app, f"search?{point}&code_commune={VITRE}") == ["dora--vitre"]
        assert ids(app, f"search?{point}&code_departement=59") == []
