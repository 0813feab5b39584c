"""The offers of the demo, its own and those of elsewhere: good records, valid in the export."""

import re
from pathlib import Path

import orjson
import pytest
from data_inclusion.schema import v1
from sqlmodel import Session

from portal import demo, geography, vocabulary
from portal.beneficiaries.models import Beneficiary
from portal.catalogue import records
from portal.catalogue.criteria import Criteria
from portal.catalogue.engine import Catalogue
from portal.catalogue.models import CatalogueIndex, KnownService, KnownStructure
from portal.conventions import queries as convention_queries
from portal.demo import elsewhere
from portal.demo.partners import NEW_STRUCTURE
from portal.offers.models import Offer, OfferState
from portal.offers.record import as_record, missing_to_publish
from portal.structures.models import Structure, StructureState
from tests.demo.reading import FICTION, IN_CATALOGUE, OPTIONS, everyone, exported

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")


class TestCatalogue:
    def test_every_record_is_valid_without_a_warning(
        self, loaded: Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        structures = list(records.structure_records(loaded, **OPTIONS))
        services = list(records.service_records(loaded, **OPTIONS))
        assert caplog.messages == []
        assert len(structures) == len(demo.STRUCTURES)
        assert {service["id"] for service in services} == {str(offer_id) for offer_id in IN_CATALOGUE}
        for model, found in ((v1.Structure, structures), (v1.Service, services)):
            for record in found:
                model.model_validate(record, context={"ignore_warnings": False})
        known = {record["id"] for record in structures}
        assert all(record["structure_id"] in known for record in services)

    def test_exported_twice_it_is_the_same_to_the_byte(self, loaded: Session, tmp_path: Path) -> None:
        first = exported(loaded, tmp_path / "un")
        loaded.expire_all()
        assert first == exported(loaded, tmp_path / "deux")
        assert sorted(first) == [
            "data-inclusion.xlsx",
            "services.csv",
            "services.json",
            "services.ndjson",
            "structures.csv",
            "structures.json",
            "structures.ndjson",
        ]

    def test_every_place_is_real(self, loaded: Session) -> None:
        for row in [*everyone(loaded, Structure), *everyone(loaded, Offer), *everyone(loaded, Beneficiary)]:
            commune = geography.commune(row.code_insee)
            assert commune is not None
            assert row.commune == commune.nom
        for offer in everyone(loaded, Offer):
            for code in offer.zone_eligibilite or ():
                assert geography.parse_zone(code) == code
                assert geography.zone_label(code) != code

    def test_every_published_offer_is_a_good_one(self, loaded: Session) -> None:
        structures = {s.id: s for s in everyone(loaded, Structure)}
        waiting = {s.id for s in structures.values() if s.state is StructureState.A_VALIDER}
        assert waiting == {demo.demo_id("structure", NEW_STRUCTURE.slug)}
        published = [
            o
            for o in everyone(loaded, Offer)
            if o.state is OfferState.PUBLIEE and o.structure_id not in waiting
        ]
        assert {offer.id for offer in published} == IN_CATALOGUE
        for offer in published:
            assert missing_to_publish(offer, structures[offer.structure_id]) == {}
            quality = vocabulary.quality(as_record(offer))
            assert quality.score >= 0.8, (offer.nom, quality.missing)

    def test_no_siret_is_given_to_anybody(self, loaded: Session, tmp_path: Path) -> None:
        assert [s.nom for s in everyone(loaded, Structure) if s.siret] == []
        content = b"".join(data for name, data in exported(loaded, tmp_path).items() if "xlsx" not in name)
        assert not re.search(rb"\b\d{14}\b", content)

    def test_no_contact_reaches_anybody(self, loaded: Session) -> None:
        for row in [*everyone(loaded, Structure), *everyone(loaded, Offer)]:
            assert row.courriel is None or row.courriel.endswith(".example.org")
            assert row.telephone is None or FICTION.fullmatch(row.telephone), row.telephone
            assert not getattr(row, "contact_nom_prenom", None)
            assert not getattr(row, "site_web", None)
            assert not getattr(row, "lien_mobilisation", None)

    def test_every_financed_offer_shows_its_places(self, loaded: Session) -> None:
        financed = {demo.demo_id("offre", slug) for c in demo.CONVENTIONS for slug in c.offers}
        places = convention_queries.places_by_offer(loaded, financed)
        assert set(places) == financed
        assert all(p.libres > 0 for p in places.values())


class TestElsewhere:
    def test_other_sources_are_known_around_rennes_and_in_another_departement(self, loaded: Session) -> None:
        services = [orjson.loads(row.record) for row in everyone(loaded, KnownService)]
        assert {s["source"] for s in services} == {"dora", "emplois-de-linclusion"}
        assert {s["code_insee"][:2] for s in services} >= {"35", "44"}
        assert any(s["modes_accueil"] == ["a-distance"] for s in services)
        assert any(s["zone_eligibilite"] for s in services) and any(
            not s["zone_eligibilite"] for s in services
        )

    def test_they_are_good_records_of_visibly_invented_people(self, loaded: Session) -> None:
        for table, model in ((KnownStructure, v1.Structure), (KnownService, v1.Service)):
            for row in everyone(loaded, table):
                record = orjson.loads(row.record)
                model.model_validate({name: record[name] for name in model.model_fields})
                assert FICTION.fullmatch(record["telephone"])
                assert record["courriel"].endswith(".example.org")
                assert not record["lien_source"] and not record.get("contact_nom_prenom")
                if table is KnownStructure:
                    assert "(démonstration)" in record["nom"]

    def test_a_structure_is_told_by_two_sources_that_name_each_other(self, loaded: Session) -> None:
        told = {row.id: orjson.loads(row.record)["doublons"] for row in everyone(loaded, KnownStructure)}
        pairs = [(row_id, twin["id"]) for row_id, twins in told.items() for twin in twins]
        assert sorted(pairs) == sorted((twin, row_id) for row_id, twin in pairs) != []

    def test_the_search_finds_them(self, loaded: Session, tmp_path: Path) -> None:
        snapshot = Catalogue(**OPTIONS, folder=tmp_path).snapshot(loaded)
        for service in everyone(loaded, KnownService):
            nom = orjson.loads(service.record)["nom"]
            assert service.id in [hit.id for hit in snapshot.search(Criteria(words=nom)).hits]

    def test_telling_them_again_changes_nothing(self, session: Session) -> None:
        elsewhere.tell(session)
        before = [(row.id, row.record, row.received_at) for row in everyone(session, KnownService)]
        elsewhere.tell(session)
        assert [(row.id, row.record, row.received_at) for row in everyone(session, KnownService)] == before
        assert len(everyone(session, CatalogueIndex)) == 1
