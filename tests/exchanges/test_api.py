"""The API v1 over our own offers and those known from elsewhere: the same meaning as data.inclusion's, on both engines."""

from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from sqlmodel import Session

from portal import clock, vocabulary
from portal.catalogue.models import KnownStructure
from portal.offers import sessions as offer_sessions
from tests.exchanges.api import LILLE, OWN, ids, items, kept, place, read
from tests.factories.catalogue import known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure

pytestmark = pytest.mark.usefixtures("nothing_remembered")


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
