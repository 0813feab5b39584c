"""The API v1 over our own offers and those known from elsewhere: the same meaning as data.inclusion's, on both engines."""

import gzip
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from flask import Flask
from sqlmodel import Session

from portal import clock, geography, vocabulary
from portal.catalogue.models import KnownStructure
from portal.exchanges.api import views
from portal.offers import sessions as offer_sessions
from portal.web.throttle import limiter
from tests.exchanges.api import ask, ids, items, read
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES, make_structure
from tests.statements import count_statements

OWN = "portail-test--"
VITRE, LILLE = "35360", "59350"


def place(code: str) -> dict[str, Any]:
    """The fields of an address at the centre of a commune."""
    commune = geography.commune(code)
    assert commune is not None
    return {
        "code_insee": code,
        "commune": commune.nom,
        "code_postal": commune.codes_postaux[0],
        "latitude": commune.latitude,
        "longitude": commune.longitude,
    }


@pytest.fixture(autouse=True)
def _nothing_remembered(app: Flask, session: Session) -> None:
    app.extensions["catalogue"].forget()
    limiter.reset()


def kept(session: Session) -> None:
    """Make the index, as an import does, and let the requests see everything."""
    index(session)
    session.commit()


@pytest.fixture
def structure(session: Session) -> KnownStructure:
    return known_structure(session, key="asso")


class TestServices:
    def test_every_field_and_no_other(self, app: Flask, session: Session, structure: KnownStructure) -> None:
        known_service(session, structure, key="b", adresse_certifiee=True)
        offer = make_offer(session)
        kept(session)
        theirs, ours = items(app, "services")
        fields = {*vocabulary.Service.model_fields, "adresse_certifiee", "score_qualite"}
        assert set(theirs) == set(ours) == fields
        assert theirs["id"] == "dora--b"
        assert theirs["structure_id"] == "dora--asso"
        assert theirs["adresse_certifiee"] is True
        assert ours["id"] == f"{OWN}{offer.id}"
        assert ours["source"] == "portail-test"
        assert 0 < ours["score_qualite"] <= 1
        for item in (theirs, ours):
            record = {name: item[name] for name in vocabulary.Service.model_fields}
            assert vocabulary.check_record(vocabulary.Service, record) == {}

    def test_extra_is_there_when_asked(self, app: Flask, session: Session) -> None:
        known_service(session)
        make_offer(session)
        kept(session)
        assert [item["extra"] for item in items(app, "services?extra=true")] == [None, None]
        assert all("extra" not in item for item in items(app, "services?extra=false"))

    def test_in_the_order_of_ids_page_after_page(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        wanted = sorted(known_service(session, structure, key=key).id for key in "edcba")
        wanted = sorted([*wanted, f"{OWN}{make_offer(session).id}"])
        kept(session)
        seen: list[str] = []
        for number in (1, 2, 3, 4):
            page = read(app, f"services?size=2&page={number}")
            assert (page["total"], page["page"], page["pages"]) == (6, number, 3)
            assert page["size"] == len(page["items"]) == (2 if number < 4 else 0)
            seen += [item["id"] for item in page["items"]]
        assert seen == wanted
        assert read(app, "services?page=999999999999")["items"] == []

    def test_a_territory_is_where_the_service_is_not_who_may_come(
        self, app: Flask, session: Session, structure: KnownStructure
    ) -> None:
        known_service(session, structure, key="lille", **place(LILLE), zone_eligibilite=["35"])
        known_service(session, structure, key="redon", **place(REDON), zone_eligibilite=["59"])
        known_service(session, structure, key="nulle-part", code_insee=None, modes_accueil=["a-distance"])
        kept(session)
        assert ids(app, "services?code_departement=35") == ["dora--redon"]
        assert ids(app, "services?slug_departement=nord") == ["dora--lille"]
        assert ids(app, "services?code_region=53") == ["dora--redon"]
        assert ids(app, "services?slug_region=hauts-de-france") == ["dora--lille"]
        assert ids(app, f"services?code_commune={REDON}") == ["dora--redon"]
        assert ids(app, "services?code_commune=35999") == []
        assert ids(app, "services?code_region=53&code_departement=59") == []
        assert len(ids(app, "services")) == 3

    def test_filters(self, app: Flask, session: Session, structure: KnownStructure) -> None:
        known_service(session, structure, key="a", frais="payant", frais_precisions="5 €", type="formation")
        known_service(session, structure, key="b", publics=["femmes"], publics_precisions="Mères isolées")
        known_service(session, structure, key="c", publics=None, modes_accueil=["a-distance"])
        known_service(session, structure, key="d", thematiques=["famille--garde-denfants"])
        kept(session)
        answers = {
            "frais=payant": "a",
            "frais=payant&frais=gratuit": "abcd",
            "types=formation": "a",
            "types=formation&frais=gratuit": "",
            # Open to everybody counts for every public; nobody told counts for none.
            "publics=femmes": "abd",
            "publics=jeunes": "ad",
            "publics=tous-publics": "abcd",
            "modes_accueil=a-distance": "c",
            "modes_accueil=a-distance&modes_accueil=en-presentiel": "abcd",
            "thematiques=famille--garde-denfants": "d",
            "thematiques=famille": "d",
            # Two categories at once, where the original fails.
            "thematiques=famille&thematiques=numerique": "abcd",
            "sources=dora": "abcd",
            "sources=autre": "",
            "sources=autre&sources=dora": "abcd",
            "score_qualite_minimum=1.5": "",
            "score_qualite_minimum=-1": "abcd",
            "recherche_public=mère": "b",
            "recherche_public=rien": "",
            "inconnu=1": "abcd",
        }
        found = {query: "".join(i[-1] for i in ids(app, f"services?{query}")) for query in answers}
        assert found == answers

    def test_the_minimum_score_is_reached(self, app: Flask, session: Session) -> None:
        known_service(session, description="Courte mais juste.", frais=None, courriel=None)
        known_service(session)
        kept(session)
        low, high = sorted(item["score_qualite"] for item in items(app, "services"))
        assert low < high
        assert len(ids(app, f"services?score_qualite_minimum={high}")) == 1
        assert len(ids(app, f"services?score_qualite_minimum={low}")) == 2

    def test_one_with_its_structure(self, app: Flask, session: Session, structure: KnownStructure) -> None:
        known_service(session, structure, key="b")
        offer = make_offer(session)
        kept(session)
        for path in ("services/dora--b", f"services/{OWN}{offer.id}"):
            service = read(app, path)
            assert service["structure"]["id"] == service["structure_id"]
            assert set(service["structure"]) == {*vocabulary.Structure.model_fields, "adresse_certifiee"}

    @pytest.mark.parametrize(
        "wrong",
        ["rien", "dora--", "dora--b/c", "\0", "💥", "a" * 3000, "'; DROP TABLE offer; --", "%", "a?b#c"],
    )
    @pytest.mark.parametrize("kind", ["services", "structures"])
    def test_an_id_that_nothing_bears(self, app: Flask, session: Session, kind: str, wrong: str) -> None:
        assert read(app, f"{kind}/{quote(wrong)}", 404) == {"detail": "Not Found"}

    def test_an_id_with_a_slash_and_an_accent(self, app: Flask, session: Session) -> None:
        known_service(session, key="été/2026 n°1")
        kept(session)
        assert read(app, f"services/{quote('dora--été/2026 n°1', safe='')}")["id"] == "dora--été/2026 n°1"

    def test_what_is_withdrawn_is_gone(self, app: Flask, session: Session) -> None:
        make_offer(session, published=False)
        kept(session)
        assert ids(app, "services") == []


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


class TestStructures:
    def test_every_field_and_the_mean_of_its_services(self, app: Flask, session: Session) -> None:
        structure = known_structure(session, key="asso")
        known_service(session, structure)
        known_structure(session, source="autre", key="vide", code_insee=REDON)
        ours = make_structure(session)
        kept(session)
        found = {item["id"]: item for item in items(app, "structures")}
        assert list(found) == sorted(found) == ["autre--vide", "dora--asso", f"{OWN}{ours.id}"]
        fields = {*vocabulary.Structure.model_fields, "adresse_certifiee", "score_qualite", "doublons"}
        assert all(set(item) == fields for item in found.values())
        assert found["dora--asso"]["score_qualite"] == items(app, "services")[0]["score_qualite"]
        assert found["autre--vide"]["score_qualite"] == 0

    def test_filters(self, app: Flask, session: Session) -> None:
        known_structure(session, key="a", code_insee=REDON, reseaux_porteurs=["mission-locale"])
        known_structure(session, source="autre", key="b", code_insee=LILLE)
        kept(session)
        assert ids(app, "structures?sources=autre") == ["autre--b"]
        assert ids(app, "structures?reseaux_porteurs=mission-locale&reseaux_porteurs=adie") == ["dora--a"]
        assert ids(app, "structures?code_departement=59") == ["autre--b"]
        assert ids(app, f"structures?code_commune={REDON}") == ["dora--a"]
        assert ids(app, "structures?code_region=11&code_departement=59") == []
        assert read(app, "structures?reseaux_porteurs=rien", 422)["detail"][0]["type"] == "enum"

    def test_one_with_its_services_and_its_doublons(self, app: Flask, session: Session) -> None:
        siret = "35600000000048"
        structure = known_structure(session, key="asso", siret=siret)
        known_structure(session, source="autre", key="meme", siret=siret)
        wanted = sorted(known_service(session, structure).id for _ in range(3))
        ours = make_structure(session)
        offer = make_offer(session, ours)
        kept(session)
        found = read(app, "structures/dora--asso")
        assert [service["id"] for service in found["services"]] == wanted
        assert all("structure" not in service for service in found["services"])
        (twin,) = found["doublons"]
        assert twin["id"] == "autre--meme"
        assert set(twin) == set(vocabulary.Structure.model_fields)
        (service,) = read(app, f"structures/{OWN}{ours.id}")["services"]
        assert service["id"] == f"{OWN}{offer.id}"


class TestTheRest:
    def test_sources(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        found = {source["slug"]: source for source in read(app, "sources")}
        assert {"dora", "portail-test"} <= set(found)
        assert found["dora"]["nom"] == "DORA"
        assert all(set(source) == {"slug", "nom", "description"} for source in found.values())

    @pytest.mark.parametrize(
        ("address", "field", "number"),
        [
            ("frais", "frais", 2),
            ("modes-accueil", "modes_accueil", 2),
            ("modes-mobilisation", "modes_mobilisation", 4),
            ("personnes-mobilisatrices", "mobilisable_par", 2),
            ("publics", "publics", 14),
            ("reseaux-porteurs", "reseaux_porteurs", 108),
            ("thematiques", "thematiques", 69),
            ("types-services", "type", 6),
        ],
    )
    def test_values(self, app: Flask, session: Session, address: str, field: str, number: int) -> None:
        found = read(app, f"doc/{address}")
        assert len(found) == number
        assert [value["value"] for value in found] == sorted(c.value for c in vocabulary.choices(field))
        assert all(set(value) == {"value", "label", "description"} for value in found)

    def test_places_of_our_own_offers(self, app: Flask, session: Session) -> None:
        structure = make_structure(session)
        financed, bare = make_offer(session, structure), make_offer(session, structure)
        make_action(session, make_convention(session, structure), [financed], places=4)
        day = clock.today() + timedelta(days=9)
        offer_sessions.set_sessions(session, bare, [{"debut": day}])
        known_service(session, key="autre")
        kept(session)
        wanted = [f"{OWN}{financed.id}", f"{OWN}{bare.id}", "dora--autre", "rien"]
        assert read(app, "places?" + urlencode([("id", one) for one in wanted])) == {
            wanted[0]: {"financees": 4, "libres": 4, "en_attente": 0, "prochaine_session": None},
            wanted[1]: {
                "financees": None,
                "libres": None,
                "en_attente": None,
                "prochaine_session": day.isoformat(),
            },
        }

    def test_a_final_slash_changes_nothing(self, app: Flask, session: Session) -> None:
        for path in ("services", "structures", "search", "search/services", "sources", "doc/frais"):
            assert read(app, f"{path}/") == read(app, path)


class TestPieces:
    @pytest.fixture(autouse=True)
    def _small_pieces(self, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
        monkeypatch.setattr(views, "PIECE", 3)
        structure = known_structure(session)
        for _ in range(8):
            known_service(session, structure)
        kept(session)

    def test_a_long_page_leaves_in_pieces_and_says_the_same(self, app: Flask, session: Session) -> None:
        whole = ask(app, "services?size=8")
        assert "Content-Length" not in whole.headers
        page = orjson.loads(whole.data)
        assert (len(page["items"]), page["size"], page["total"], page["pages"]) == (8, 8, 8, 1)
        by_two = [item for n in range(1, 5) for item in items(app, f"services?size=2&page={n}")]
        assert page["items"] == by_two
        squeezed = ask(app, "services?size=8", Accept_Encoding="gzip")
        assert squeezed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(squeezed.data) == whole.data

    def test_a_head_request_reads_nothing(self, app: Flask, session: Session) -> None:
        ids(app, "services?size=1")
        with count_statements(session) as sent:
            response = app.test_client().head("/api/v1/services?size=8")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["ETag"]
        assert not any("known_service" in statement for statement in sent), sent


class TestBadInput:
    @pytest.mark.parametrize("path", ["services", "structures", "search/services", "search"])
    @pytest.mark.parametrize(
        "query",
        [
            "page=0",
            "size=10001",
            "page=1&page=x",
            "code_commune=3523",
            "code_commune=%C3%A9",
        ],
    )
    def test_refused_with_its_name(self, app: Flask, session: Session, path: str, query: str) -> None:
        (error,) = read(app, f"{path}?{query}", 422)["detail"]
        assert error["loc"] == ["query", query.split("=")[0]]

    def test_a_query_of_a_hundred_thousand_characters(self, app: Flask, session: Session) -> None:
        long = "x" * 100_000
        (error,) = read(app, f"search?q={long}", 422)["detail"]
        assert (error["loc"], error["type"]) == (["query", "q"], "string_too_long")
        assert len(error["input"]) < 300
        # What is not asked is not read.
        read(app, f"search?inconnu={long}")

    def test_five_thousand_themes(self, app: Flask, session: Session) -> None:
        many = urlencode([("thematiques", "mobilite")] * 5000)
        for path in ("services", "search", "search/services"):
            (error,) = read(app, f"{path}?{many}", 422)["detail"]
            assert (error["loc"], error["type"]) == (["query", "thematiques"], "too_long")

    def test_a_null_character(self, app: Flask, session: Session) -> None:
        assert "detail" in read(app, "search?q=%00", 400)
        assert "detail" in read(app, "services?sources=a%00b", 400)

    def test_bytes_that_are_no_text(self, app: Flask, session: Session) -> None:
        assert ids(app, "search?q=%ff%fe") == []

    def test_only_reading(self, app: Flask, session: Session) -> None:
        for method in ("post", "put", "delete", "patch"):
            response = getattr(app.test_client(), method)("/api/v1/services")
            assert (response.status_code, response.json) == (405, {"detail": "Method Not Allowed"})
            assert "GET" in response.headers["Allow"]
            assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_an_address_that_is_not(self, app: Flask, session: Session) -> None:
        for path in ("rien", "rien/du/tout", "", "%C3%A9t%C3%A9", "servicess?page=0"):
            response = app.test_client().get(f"/api/v1/{path}")
            assert (response.status_code, response.json) == (404, {"detail": "Not Found"}), path
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert response.headers["Cache-Control"] == "no-store"
            assert "Set-Cookie" not in response.headers


class TestHeaders:
    def test_nothing_changed(self, app: Flask, session: Session) -> None:
        known_service(session, key="a")
        kept(session)
        for path in ("services", "structures", "search?q=rien", "services/dora--a", "sources", "doc/frais"):
            first = ask(app, path)
            tag = first.headers["ETag"]
            second = ask(app, path, 304, If_None_Match=tag)
            assert second.data == b""
            assert second.headers["ETag"] == tag
            assert ask(app, path, 304, If_None_Match=f'"autre", {tag}')
            assert ask(app, path, If_None_Match='"autre"').data == first.data
        assert ask(app, "services").headers["ETag"] != ask(app, "services?page=1").headers["ETag"]

    def test_something_changed(self, app: Flask, session: Session) -> None:
        make_offer(session)
        session.commit()
        tag = ask(app, "services").headers["ETag"]
        make_offer(session)
        session.commit()
        app.extensions["catalogue"].snapshot(session, fresh=True)
        assert ask(app, "services", If_None_Match=tag).headers["ETag"] != tag

    def test_compressed_when_asked(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        plain = ask(app, "services")
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["Vary"]
        for told in ("gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.1", "*, gzip"):
            squeezed = ask(app, "services", Accept_Encoding=told)
            assert squeezed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(squeezed.data) == plain.data
        for told in ("", "identity", "gzip;q=0"):
            assert "Content-Encoding" not in ask(app, "services", Accept_Encoding=told).headers

    def test_pages_of_elsewhere_may_read(self, app: Flask, session: Session) -> None:
        for path, status in (("services", 200), ("services?page=0", 422), ("services/rien", 404)):
            headers = ask(app, path, status, Origin="https://ailleurs.example.org").headers
            assert headers["Access-Control-Allow-Origin"] == "*"
            assert "ETag" in headers["Access-Control-Expose-Headers"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in headers

    def test_a_browser_asks_first(self, app: Flask, session: Session) -> None:
        response = app.test_client().options(
            "/api/v1/services",
            headers={
                "Origin": "https://ailleurs.example.org",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization,if-none-match",
            },
        )
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Allow-Headers"] == "authorization,if-none-match"
        assert "GET" in response.headers["Access-Control-Allow-Methods"]

    def test_a_head_request_is_a_get_without_its_body(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        client = app.test_client()
        head, get = client.head("/api/v1/services"), client.get("/api/v1/services")
        assert head.data == b""
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.headers["ETag"] == get.headers["ETag"]
