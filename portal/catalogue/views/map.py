"""The map of a search: its points, and where its background comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
from flask import Response, current_app, request, url_for

from portal import geography
from portal.catalogue.address import Typed, read
from portal.catalogue.around import around_the_person
from portal.catalogue.criteria import Hit, Why
from portal.catalogue.current import snapshot
from portal.catalogue.engine import Point, Snapshot
from portal.catalogue.views.blueprint import blueprint
from portal.web.access import person, public
from portal.web.formats import count
from portal.web.session import db

# More cannot be read on a screen, and would weigh more than the page.
MOST_POINTS = 1000
# Names of towns that tell where one is when the background is missing.
_LANDMARKS = 8
_METRES = 5  # decimals of a degree: about a metre
_SAME_PLACE = 0.0003  # degrees: about thirty metres

# Who must be named for their background: the end of a host, their name, their page.
_CREDITS = (
    ("data.geopf.fr", "© IGN, Géoplateforme", "https://cartes.gouv.fr"),
    (
        "openstreetmap.org",
        "© les contributeurs d’OpenStreetMap",
        "https://www.openstreetmap.org/copyright",
    ),
    ("openstreetmap.fr", "© les contributeurs d’OpenStreetMap", "https://www.openstreetmap.org/copyright"),
)


@dataclass(frozen=True, slots=True)
class Background:
    """The background of maps: `url` with {z}, {x} and {y}, "" without any; `credit` names who draws it, `page` is theirs."""

    url: str
    credit: str
    page: str


@blueprint.app_template_global("map_background")
def map_background() -> Background:
    """Return the background of this portal's maps."""
    return background(current_app.config["PORTAL"].tiles_url)


def background(tiles_url: str) -> Background:
    """Return the background that an address of tiles gives ("" for none), with the name its licence asks to show."""
    host = urlsplit(tiles_url).hostname or ""
    for end, credit, page in _CREDITS:
        if host == end or host.endswith(f".{end}"):
            return Background(tiles_url, credit, page)
    return Background(tiles_url, f"Fond de carte : {host}" if host else "", "")


@blueprint.get("/offres/points.json")
@public
def points() -> Response:
    """The offers of a search that have a position, best first, MOST_POINTS at most; a 422 tells what is not understood.

    `approx`: the point says the commune rather than the door.
    """
    asked = read(request.args, departement=current_app.config["PORTAL"].departement)
    if asked.errors:
        return _json({"message": next(iter(asked.errors.values())), "erreurs": asked.errors}, 422)
    typed = around_the_person(db(), person(), asked)
    catalogue = snapshot()
    criteria = typed.criteria()
    best = catalogue.search(criteria, size=MOST_POINTS, sort=typed.tri)
    total = best.total
    # What is there because it is remote is no place to go to.
    here = {hit.id: hit for hit in best.hits if Why.A_DISTANCE not in hit.why}
    found = [
        point for point in catalogue.points(criteria, limit=MOST_POINTS, sort=typed.tri) if point.id in here
    ]
    vague = _vague(catalogue, [here[point.id] for point in found])
    address = _addresses(typed)
    return _json(
        {
            "total": total,
            "message": _message(total, len(found)),
            "points": [
                {
                    "id": point.id,
                    "nom": point.nom,
                    "structure": point.structure,
                    "lat": round(point.latitude, _METRES),
                    "lon": round(point.longitude, _METRES),
                    "url": address(point.id),
                    "approx": point.id in vague,
                }
                for point in found
            ],
            "reperes": [[town.nom, town.latitude, town.longitude] for town in landmarks(found, typed)],
        },
        200,
    )


def landmarks(found: Sequence[Point], typed: Typed) -> list[geography.Commune]:
    """Return the main towns among the points, apart from one another: they tell where one is without a background."""
    places = [(point.latitude, point.longitude) for point in found]
    if typed.place and typed.place.latitude is not None and typed.place.longitude is not None:
        places.append((typed.place.latitude, typed.place.longitude))
    if not places:
        return []
    south, north = min(lat for lat, _ in places), max(lat for lat, _ in places)
    west, east = min(lon for _, lon in places), max(lon for _, lon in places)
    margin = max(0.05, (north - south) / 8, (east - west) / 8)
    apart = max(0.04, (north - south) / 4, (east - west) / 6)
    kept: list[geography.Commune] = []
    for town in _towns():
        if (
            south - margin <= town.latitude <= north + margin
            and west - margin <= town.longitude <= east + margin
            and all(
                abs(town.latitude - other.latitude) > apart or abs(town.longitude - other.longitude) > apart
                for other in kept
            )
        ):
            kept.append(town)
            if len(kept) == _LANDMARKS:
                break
    return kept


@cache
def _towns() -> tuple[geography.Commune, ...]:
    """Return the communes, the most populated first."""
    return tuple(sorted(geography.communes(), key=lambda town: (-town.population, town.code)))


def _message(total: int, placed: int) -> str:
    if not total:
        return "Rien à montrer sur la carte."
    shown = f"{count(placed, 'offre')} sur la carte"
    if total > MOST_POINTS:
        return (
            f"{shown}, les premières des {count(total, 'offre')} trouvées. "
            "Précisez la recherche pour voir les autres."
        )
    others = total - placed
    if not others:
        return f"{shown}."
    if not placed:
        return "Aucune de ces offres n’a d’adresse à montrer : elles sont dans la liste."
    if others == 1:
        return f"{shown} ; une autre, à distance ou sans adresse, est dans la liste."
    return f"{shown} ; {others} autres, à distance ou sans adresse, sont dans la liste."


def _vague(catalogue: Snapshot, hits: Sequence[Hit]) -> set[str]:
    records = (orjson.loads(content) for content in catalogue.service_records(db(), hits))
    return {record["id"] for record in records if is_vague(record)}


def is_vague(record: Mapping[str, Any]) -> bool:
    """Say whether a record's position is that of its commune: without a street, or at the very centre."""
    if not record["adresse"]:
        return True
    commune = geography.commune(record["code_insee"]) if record["code_insee"] else None
    return commune is not None and (
        abs(commune.latitude - record["latitude"]) < _SAME_PLACE
        and abs(commune.longitude - record["longitude"]) < _SAME_PLACE
    )


def _addresses(typed: Typed) -> Any:
    """Return the function that gives the address of an offer by its prefixed id; it keeps for whom one looks."""
    base = url_for("catalogue.search")
    suffix = f"?{urlencode({'beneficiaire': typed.beneficiaire})}" if typed.beneficiaire else ""
    ours = f"{current_app.config['PORTAL'].source}--"
    return lambda service_id: f"{base}/{quote(service_id.removeprefix(ours), safe='')}{suffix}"


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(content), status, mimetype="application/json")
