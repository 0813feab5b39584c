"""Our rows as records of the schema: every field, nulls, order, ids; and what no longer follows it."""

import ast
import inspect
import logging
import textwrap
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from data_inclusion.schema import v1
from pydantic import BaseModel, ValidationError
from sqlalchemy import update
from sqlmodel import Session, SQLModel, col

from portal import clock, vocabulary
from portal.catalogue import records
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.exchanges.catalogue import FULL_OFFER, FULL_STRUCTURE, SOURCE, URL, make_catalogue
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure

STRICT = {"ignore_warnings": False}
MODELS: dict[str, type[BaseModel]] = {"structures": v1.Structure, "services": v1.Service}


def structure_record(row: Structure, **options: Any) -> dict[str, Any]:
    return records.structure_record(row, source=SOURCE, public_url=URL, **options)


def service_record(row: Offer, **options: Any) -> dict[str, Any]:
    return records.service_record(row, source=SOURCE, public_url=URL, **options)


def all_records(session: Session, kind: str, **options: Any) -> list[dict[str, Any]]:
    read = {"structures": records.structure_records, "services": records.service_records}[kind]
    return list(read(session, source=SOURCE, public_url=URL, **options))


@pytest.mark.parametrize(
    ("serializer", "model"), [(records.structure_record, v1.Structure), (records.service_record, v1.Service)]
)
def test_the_serializer_names_each_field_of_the_schema_once(
    serializer: Callable[..., Any], model: type[BaseModel]
) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(serializer)))
    written = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    names = [key.value for key in written.keys if isinstance(key, ast.Constant)]
    assert len(names) == len(set(names))
    assert set(names) | set(records.NOT_PUBLISHED) == set(model.model_fields)
    assert not set(names) & set(records.NOT_PUBLISHED)


@pytest.mark.parametrize("kind", list(MODELS))
def test_the_columns_are_the_schema_s_in_its_order(kind: str) -> None:
    assert records.field_names(kind) == list(MODELS[kind].model_fields)


@pytest.mark.parametrize("kind", list(MODELS))
@pytest.mark.parametrize("prefixed", [False, True])
def test_every_record_has_every_field_and_passes_the_strict_validation(
    session: Session, kind: str, prefixed: bool
) -> None:
    make_catalogue(session)
    found = all_records(session, kind, prefixed=prefixed)
    assert len(found) == {"structures": 2, "services": 3}[kind]
    for record in found:
        assert list(record) == list(MODELS[kind].model_fields)
        MODELS[kind].model_validate(record, context=STRICT)
        assert all(value != [] and value != "" for value in record.values()), record


@pytest.mark.parametrize("kind", list(MODELS))
def test_records_come_by_id_and_lists_are_sorted(session: Session, kind: str) -> None:
    make_catalogue(session)
    found = all_records(session, kind)
    ids = [record["id"] for record in found]
    assert ids == sorted(ids)
    for record in found:
        for name, value in record.items():
            if isinstance(value, list) and name != "zone_eligibilite":
                assert value == sorted(value), name


def test_a_structure_where_nothing_is_missing(session: Session) -> None:
    structure = make_structure(session, **FULL_STRUCTURE)
    record = structure_record(structure)
    assert record == {
        **FULL_STRUCTURE,
        "source": SOURCE,
        "id": str(structure.id),
        "date_maj": vocabulary.day_of_change(structure.date_maj).isoformat(),
        "lien_source": f"{URL}/structures/{structure.id}",
        "commune": "Redon",
        "longitude": structure.longitude,
        "latitude": structure.latitude,
        # An address is written the schema's way, and a list sorted.
        "site_web": "https://regie.example.org/",
        "reseaux_porteurs": ["60000-rebonds", "adie"],
    }
    assert isinstance(record["longitude"], float)


def test_an_offer_where_nothing_is_missing(session: Session) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure, **FULL_OFFER)
    record = service_record(offer)
    assert None not in record.values()
    assert {name: record[name] for name in FULL_OFFER if not isinstance(FULL_OFFER[name], list)} == {
        name: value for name, value in FULL_OFFER.items() if not isinstance(value, list)
    }
    assert (record["source"], record["structure_id"], record["id"]) == (
        SOURCE,
        str(structure.id),
        str(offer.id),
    )
    assert record["lien_source"] == f"{URL}/offres/{offer.id}"
    assert record["zone_eligibilite"] == ["56", "35", "243500139", "france"]
    assert record["publics"] == ["beneficiaires-des-minimas-sociaux", "femmes", "jeunes"]
    assert record["date_maj"] == vocabulary.day_of_change(offer.date_maj).isoformat()
    assert (record["volume_horaire_hebdomadaire"], record["nombre_semaines"]) == (7.5, 12)


@pytest.mark.parametrize(
    ("nom", "leaves_as"),
    [("Atelier vélo.", "Atelier vélo"), ("Vélo, marche, etc.", "Vélo, marche, etc."), ("Oser…", "Oser…")],
)
def test_a_final_dot_stays_here_and_does_not_leave(session: Session, nom: str, leaves_as: str) -> None:
    structure = make_structure(session, nom=f"Chez {nom}")
    offer = make_offer(session, structure, nom=nom)
    assert offer.nom == nom
    assert service_record(offer)["nom"] == leaves_as
    assert structure_record(structure)["nom"] == f"Chez {leaves_as}"


def test_what_is_unknown_is_null(session: Session) -> None:
    bare = Structure(nom="Nue", date_maj=date(2026, 1, 2), reseaux_porteurs=[])
    record = structure_record(bare)
    known = {"source", "id", "nom", "date_maj", "lien_source"}
    assert {name for name, value in record.items() if value is not None} == known
    assert record["date_maj"] == "2026-01-02"

    offer = Offer(nom="Nue", description="Décrite.", date_maj=date(2026, 1, 2), structure_id=bare.id)
    empty = (
        "thematiques",
        "publics",
        "modes_accueil",
        "modes_mobilisation",
        "mobilisable_par",
        "zone_eligibilite",
    )
    for name in empty:
        # An empty list is no answer either, and the schema refuses most of them.
        setattr(offer, name, [])
    record = service_record(offer)
    assert {name for name, value in record.items() if value is not None} == {
        *known,
        "structure_id",
        "description",
    }


def test_prefixed_ids(session: Session) -> None:
    catalogue = make_catalogue(session)
    structure, offer = catalogue.structures[0], catalogue.offers[0]
    assert structure_record(structure, prefixed=True)["id"] == f"{SOURCE}--{structure.id}"
    record = service_record(offer, prefixed=True)
    assert record["id"] == f"{SOURCE}--{offer.id}"
    assert record["structure_id"] == f"{SOURCE}--{offer.structure_id}"
    # Nothing else changes.
    raw = service_record(offer)
    assert {name for name in raw if raw[name] != record[name]} == {"id", "structure_id"}


def test_each_offer_s_structure_is_in_the_export(session: Session) -> None:
    make_catalogue(session)
    structures = {record["id"] for record in all_records(session, "structures")}
    assert {record["structure_id"] for record in all_records(session, "services")} == structures


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"nom": "..."}, "nom"),
        ({"thematiques": ["mobilite--en-fusee"]}, "thematiques"),
        ({"publics": ["martiens"]}, "publics"),
        ({"type": "miracle"}, "type"),
        ({"date_maj": clock.today() + timedelta(days=3)}, "date_maj"),
        ({"courriel": "pas une adresse"}, "courriel"),
        ({"lien_mobilisation": "www.exemple.org"}, "lien_mobilisation"),
    ],
)
def test_a_row_that_no_longer_follows_the_schema_is_left_out_and_logged(
    session: Session, caplog: pytest.LogCaptureFixture, values: dict[str, Any], field: str
) -> None:
    catalogue = make_catalogue(session)
    wrong = catalogue.offers[1]
    change(session, Offer, wrong, values)
    with caplog.at_level(logging.ERROR, "portal.catalogue"):
        found = all_records(session, "services")
    assert {record["id"] for record in found} == {str(o.id) for o in catalogue.offers if o is not wrong}
    assert [record.getMessage() for record in caplog.records] == [
        f"export: offer {wrong.id} left out, fields: {field}"
    ]
    with pytest.raises(ValidationError):
        service_record(session.get_one(Offer, wrong.id))


def test_a_structure_that_no_longer_follows_the_schema_is_left_out_too(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = make_catalogue(session)
    wrong = catalogue.structures[0]
    change(session, Structure, wrong, {"reseaux_porteurs": ["ligue-des-martiens"], "siret": "12"})
    with caplog.at_level(logging.ERROR, "portal.catalogue"):
        found = all_records(session, "structures")
    assert [record["id"] for record in found] == [str(catalogue.structures[1].id)]
    assert caplog.messages == [f"export: structure {wrong.id} left out, fields: reseaux_porteurs, siret"]
    # A service without its structure would make data.inclusion refuse the whole feed.
    services = all_records(session, "services")
    assert services
    assert {record["structure_id"] for record in services} == {record["id"] for record in found}


def test_the_log_does_not_repeat_what_was_written(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    catalogue = make_catalogue(session)
    change(session, Offer, catalogue.offers[0], {"courriel": "camille.exemple"})
    all_records(session, "services")
    assert "camille" not in caplog.text


def change(session: Session, table: type[SQLModel], row: Any, values: dict[str, Any]) -> None:
    """Write straight in the table, as an earlier version of the schema let people do."""
    session.execute(update(table).where(col(row.__class__.id) == row.id).values(**values))
    session.commit()
    session.expire_all()


def test_what_is_saved_after_midnight_leaves_at_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half past midnight in Paris is still yesterday on a machine in UTC, whose calendar the schema reads.
    yesterday = clock.today() - timedelta(days=1)
    monkeypatch.setattr(vocabulary.time, "localtime", lambda: yesterday.timetuple())
    structure = make_structure(session)
    offer = make_offer(session, structure)
    assert offer.date_maj == clock.today()
    for record in (service_record(offer), structure_record(structure)):
        assert record["date_maj"] == yesterday.isoformat()
