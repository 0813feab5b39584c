"""What is kept of a record of another source, why one is refused, how a file is read."""

import gzip
import json
import os
import random
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import pytest

from portal.exchanges.national.checking import Kind, Refused
from portal.exchanges.national.reading import LONGEST_LINE, RecordFile
from portal.vocabulary import Service, Structure
from tests.exchanges.national import (
    OWN,
    Record,
    check_line,
    service,
    structure,
)


class TestOneRecord:
    """What is kept of a record, and why one is refused; no database."""

    def test_every_field_is_kept_in_the_order_of_the_schema(self) -> None:
        checked = check_line(Kind.SERVICE, service())
        assert checked is not None
        kept = json.loads(checked.record)
        assert list(kept) == [*Service.model_fields, "adresse_certifiee"]
        assert kept["frais"] is None
        assert kept["adresse_certifiee"] is False, "nobody said it was"
        checked = check_line(Kind.STRUCTURE, structure())
        assert checked is not None
        assert list(json.loads(checked.record)) == [
            *Structure.model_fields,
            "adresse_certifiee",
            "doublons",
        ]

    def test_the_text_does_not_depend_on_the_order_of_what_has_none(self) -> None:
        themes = [
            "mobilite--preparer-un-permis",
            "famille--garde-denfants",
            "numerique--acquerir-un-equipement",
        ]
        zone = ["56", "35", "243500139", "france"]
        twins = [{"source": "soliguide", "id": "soliguide--9"}, {"source": "cd35", "id": "cd35--2"}]
        texts = set()
        for _ in range(5):
            random.Random(len(texts)).shuffle(themes)
            record = service(thematiques=themes, zone_eligibilite=zone, publics=["jeunes", "femmes"])
            checked = check_line(Kind.SERVICE, dict(reversed(record.items())))
            assert checked is not None
            texts.add(checked.record)
        (only,) = texts
        assert json.loads(only)["thematiques"] == sorted(themes)
        assert json.loads(only)["zone_eligibilite"] == zone
        pair = {
            checked.record
            for given in (twins, [*reversed(twins), *twins])
            if (checked := check_line(Kind.STRUCTURE, structure(doublons=given)))
        }
        (text_of_twins,) = pair
        assert json.loads(text_of_twins)["doublons"] == list(reversed(twins))

    def test_an_empty_list_is_unknown(self) -> None:
        empty = ["publics", "modes_mobilisation", "mobilisable_par", "zone_eligibilite", "thematiques"]
        checked = check_line(Kind.SERVICE, service(**dict.fromkeys(empty, [])))
        assert checked is not None
        kept = json.loads(checked.record)
        assert [kept[name] for name in empty] == [None] * len(empty)

    def test_what_the_api_adds_is_left_out(self) -> None:
        extra = {"extra": {"a": 1}, "_di_geocodage_code_insee": "35238", "structure": {"id": "dora--s1"}}
        checked = check_line(Kind.SERVICE, service(**extra))
        assert checked is not None
        assert not {*extra, "score_qualite"} & set(json.loads(checked.record))
        assert checked.record.endswith(b"}")

    @pytest.mark.parametrize(
        "code", ["75112", "55138", "97502", None], ids=["district", "former", "overseas", "none"]
    )
    def test_a_commune_is_kept_as_it_was_received(self, code: str | None) -> None:
        checked = check_line(Kind.SERVICE, service(code_insee=code))
        assert checked is not None
        assert json.loads(checked.record)["code_insee"] == code

    def test_whole_structures_among_the_twins_are_shortened(self) -> None:
        checked = check_line(Kind.STRUCTURE, structure(doublons=[structure(2, "soliguide")]))
        assert checked is not None
        assert json.loads(checked.record)["doublons"] == [{"source": "soliguide", "id": "soliguide--s2"}]

    @pytest.mark.parametrize("fields", [{"source": OWN}, {"id": f"{OWN}--1"}, {"source": OWN, "nom": "?"}])
    def test_ours_is_left_aside_whatever_it_holds(self, fields: Record) -> None:
        assert check_line(Kind.SERVICE, service(**fields)) is None

    @pytest.mark.parametrize(
        ("fields", "field", "reason"),
        [
            ({"id": None}, "id", "missing"),
            ({"id": 3}, "id", "must be a text"),
            ({"id": "v1"}, "id", "must begin with dora--"),
            ({"id": "dora--"}, "id", "must begin with dora--"),
            ({"id": "cd35--v1"}, "id", "must begin with dora--"),
            ({"id": "dora--a/b"}, "id", "slash"),
            ({"id": "dora--a\nb"}, "id", "cannot be printed"),
            ({"id": "dora--" + "a" * 240}, "id", "longer than 240"),
            ({"source": "Do ra"}, "source", "slug"),
            ({"source": "a" * 61}, "source", "slug"),
            ({"source": None}, "source", "missing"),
            ({"structure_id": "cd35--s1"}, "structure_id", "must begin with dora--"),
            ({"structure_id": None}, "structure_id", "must not be null"),
            ({"nom": "Ab"}, "nom", "shorter than 3 characters"),
            ({"nom": "a" * 151}, "nom", "longer than 150 characters"),
            ({"nom": "Atelier cuisine."}, "nom", "full stop"),
            ({"nom": None}, "nom", "must not be null"),
            ({"date_maj": "2026-03-02T10:00:00Z"}, "date_maj", "not a day"),
            ({"date_maj": "1999-12-31"}, "date_maj", "between 2000-01-01 and today"),
            ({"date_maj": str(date.today() + timedelta(days=2))}, "date_maj", "between"),  # noqa: DTZ011
            ({"thematiques": ["mobilite"]}, "thematiques", "'mobilite' is not a value"),
            ({"publics": ["tous-publics", "jeunes"]}, "publics", "alone"),
            ({"zone_eligibilite": ["bretagne entière"]}, "zone_eligibilite", "code of a commune"),
            ({"code_insee": "35999"}, "code_insee", "not a commune"),
            ({"code_postal": "3560"}, "code_postal", "does not follow|shorter"),
            ({"courriel": "pas une adresse"}, "courriel", "not an e-mail"),
            ({"lien_source": "www.exemple.org"}, "lien_source", "not an http"),
            ({"latitude": 91}, "latitude", "between -90 and 90"),
            ({"longitude": "nan"}, "longitude", "between -180 and 180"),
            ({"volume_horaire_hebdomadaire": "inf"}, "volume_horaire_hebdomadaire", "must be a number"),
            ({"volume_horaire_hebdomadaire": -1}, "volume_horaire_hebdomadaire", "less than 0"),
            ({"nombre_semaines": 2**40}, "nombre_semaines", "too large"),
            ({"nombre_semaines": 1.5}, "nombre_semaines", "integer"),
            ({"adresse_certifiee": "oui"}, "adresse_certifiee", "true or false"),
            ({"conditions_acces": "a\0b"}, "conditions_acces", "NUL"),
            ({"thematiques": ["a\0b"]}, "thematiques", "NUL"),
            ({"nom": "Ab", "frais": "cher"}, "nom", r"\(also refused: frais\)"),
        ],
    )
    def test_what_is_wrong_is_told(self, fields: Record, field: str, reason: str) -> None:
        with pytest.raises(Refused, match=reason) as refused:
            check_line(Kind.SERVICE, service(**fields))
        assert refused.value.field == field
        assert "\n" not in refused.value.reason

    def test_what_only_looks_like_a_nul_is_kept(self) -> None:
        checked = check_line(Kind.SERVICE, service(description="Le signe \\u0000 s’écrit ainsi."))
        assert checked is not None
        assert json.loads(checked.record)["description"] == "Le signe \\u0000 s’écrit ainsi."

    @pytest.mark.parametrize(
        ("doublons"), ["dora--2", [1], [{"id": "dora--2"}], {"source": "dora"}, [{"source": 1, "id": "a"}]]
    )
    def test_twins_that_are_not_twins(self, doublons: object) -> None:
        with pytest.raises(Refused) as refused:
            check_line(Kind.STRUCTURE, structure(doublons=doublons))
        assert refused.value.field == "doublons"

    def test_a_service_among_the_structures(self) -> None:
        with pytest.raises(Refused, match="this is a service"):
            check_line(Kind.STRUCTURE, service())

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b'{"source": "dora", "id": "dora--', "not JSON"),
            (b"[1]", "not a record"),
            (b"[\n", "JSON array"),
            (b"null", "not a record"),
            (b'{"nom": "caf\xe9"}', "not UTF-8"),
            (b'{"nom": "\\ud800"}', "not JSON"),
            (b"[" * 5000, "JSON array"),
            (b'{"nom": NaN}', "not JSON"),
        ],
    )
    def test_what_is_not_a_record(self, content: bytes, reason: str) -> None:
        with pytest.raises(Refused, match=reason) as refused:
            check_line(Kind.SERVICE, content)
        assert refused.value.id == ""


class TestLines:
    def read(self, path: Path) -> list[tuple[int, bytes | None]]:
        with RecordFile(path) as file:
            return [(line.number, line.content) for line in file]

    def test_blank_lines_count_and_marks_do_not(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        path.write_bytes(b"\xef\xbb\xbf{}\r\n\r\n  \n{}\n{}")
        assert self.read(path) == [(1, b"{}\r\n"), (4, b"{}\n"), (5, b"{}")]

    def test_compressed_or_not_is_seen_from_the_content(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        path.write_bytes(gzip.compress(b"{}\n{}\n"))
        assert self.read(path) == [(1, b"{}\n"), (2, b"{}\n")]

    @pytest.mark.parametrize("cut", [40, -9])
    def test_a_cut_archive_is_told_where_it_stops(self, tmp_path: Path, cut: int) -> None:
        path = tmp_path / "a.ndjson.gz"
        content = b"".join(b'{"n": %d}\n' % number for number in range(2000))
        path.write_bytes(gzip.compress(content)[:cut])
        found = self.read(path)
        assert found[-1][1] is None
        assert [number for number, _ in found] == list(range(1, len(found) + 1))

    def test_a_damaged_archive_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        content = bytearray(gzip.compress(os.urandom(50_000)))
        content[300:400] = b"\xff" * 100
        path.write_bytes(content)
        assert self.read(path)[-1][1] is None

    def test_a_long_line_is_not_held(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        with path.open("wb") as file:
            file.write(b"{}\n")
            for _ in range(40):
                file.write(b"a" * LONGEST_LINE)
            file.write(b"\n{}\n" + b" " * (LONGEST_LINE - 2) + b"{}\n")
        tracemalloc.start()
        try:
            found = self.read(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [(number, content and content.strip()) for number, content in found] == [
            (1, b"{}"),
            (2, None),
            (3, b"{}"),
            (4, b"{}"),
        ]
        assert peak < 6 * LONGEST_LINE

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        assert self.read(tmp_path / "a") == []
