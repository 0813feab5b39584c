"""Which offers a person may see or change, and the search of the catalogue, as statements."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, func, literal, null, or_
from sqlalchemy.orm import contains_eager
from sqlmodel import Session, col, select

from portal import clock, geography
from portal.accounts.models import User
from portal.engines.lists import holds_any
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure, StructureState
from portal.structures.queries import may_change

DEFAULT_RADIUS_KM = 50
RADII_KM = (5, 10, 20, 30, 50)
_EARTH_KM = 6371.0088


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for: around a commune (within `radius_km`), by thématiques, by words."""

    commune: geography.Commune | None = None
    radius_km: int = DEFAULT_RADIUS_KM
    thematiques: Sequence[str] = ()
    words: str = ""


def visible_to(user: User | None) -> Select[Any]:
    """The offers, with their structure, that `user` (None: anybody) may see."""
    return _with_structure().where(or_(_in_catalogue(), may_change(user)))


def changeable_by(user: User, words: str = "") -> Select[Any]:
    """The offers, with their structure, that `user` may change and that hold each of `words`: drafts first, by name."""
    return (
        _with_structure()
        .where(may_change(user), *_hold(words))
        .order_by(case((col(Offer.state) == OfferState.BROUILLON, 0), else_=1), col(Offer.nom), col(Offer.id))
    )


def published() -> Select[Any]:
    """The offers of the catalogue, with their structure, by id: what the export holds."""
    return _with_structure().where(_in_catalogue()).order_by(col(Offer.id))


def of_structure(structure_id: uuid.UUID, *, with_drafts: bool = False) -> Select[Any]:
    """The offers of one structure that everybody sees, and its other ones when asked for, by name."""
    statement = _with_structure().where(col(Offer.structure_id) == structure_id)
    if not with_drafts:
        statement = statement.where(_in_catalogue())
    return statement.order_by(col(Offer.nom), col(Offer.id))


def count_by_structure(session: Session, structure_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many offers, drafts included, each of these structures has; those without any are absent."""
    rows = session.execute(
        select(col(Offer.structure_id), func.count())
        .where(col(Offer.structure_id).in_(list(structure_ids)))
        .group_by(col(Offer.structure_id))
    )
    return {structure_id: int(number) for structure_id, number in rows}


def search(wanted: Search) -> Select[Any]:
    """Rows (Offer with its structure, distance in km or None) of the catalogue, the nearest first.

    Around a commune: offers whose eligibility zone is unknown or covers it, that are within the radius or at a
    distance; the distance is told for those on site and within it (contract data-inclusion §2.3).
    """
    conditions: list[ColumnElement[bool]] = [_in_catalogue()]
    distance: ColumnElement[Any] = cast(null(), Float)
    if wanted.thematiques:
        conditions.append(holds_any(col(Offer.thematiques), wanted.thematiques))
    conditions += _hold(wanted.words)
    if wanted.commune is not None:
        here = wanted.commune
        away = _distance_km(here.latitude, here.longitude)
        within = and_(_in_box(here.latitude, here.longitude, wanted.radius_km), away <= wanted.radius_km)
        distance = case(
            (and_(within, holds_any(col(Offer.modes_accueil), ["en-presentiel"])), away), else_=null()
        )
        conditions += [
            or_(
                col(Offer.zone_eligibilite).is_(None),
                holds_any(col(Offer.zone_eligibilite), geography.zone_codes_covering(here)),
            ),
            or_(within, holds_any(col(Offer.modes_accueil), ["a-distance"])),
        ]
    distance = distance.label("distance")
    statement: Any = (
        select(Offer, distance)
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .options(contains_eager(Offer.structure))  # type: ignore[arg-type]
        .where(*conditions)
    )
    if wanted.commune is not None:
        statement = statement.order_by(distance.is_(None), distance, col(Offer.nom), col(Offer.id))
    else:
        statement = statement.order_by(col(Offer.nom), col(Offer.id))
    found: Select[Any] = statement
    return found


def all_offers() -> Select[Any]:
    """Every offer with its structure, whatever their states, in no order: for those who look after the whole."""
    return _with_structure()


def _with_structure() -> Select[Any]:
    return (
        select(Offer)
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .options(contains_eager(Offer.structure))  # type: ignore[arg-type]
    )


def _hold(words: str) -> list[ColumnElement[bool]]:
    return [
        col(Offer.search_text).contains(word, autoescape=True) for word in geography.fold(words[:200]).split()
    ]


def _in_catalogue() -> ColumnElement[bool]:
    return and_(
        col(Offer.state) == OfferState.PUBLIEE,
        col(Structure.state) == StructureState.PUBLIEE,
        # The offer hides by itself the day after its last one.
        or_(col(Offer.date_fin).is_(None), col(Offer.date_fin) >= clock.today()),
    )


def _in_box(latitude: float, longitude: float, km: float) -> ColumnElement[bool]:
    lat_min, lat_max, lon_min, lon_max = geography.bounding_box(latitude, longitude, km)
    return and_(col(Offer.latitude).between(lat_min, lat_max), col(Offer.longitude).between(lon_min, lon_max))


def _distance_km(latitude: float, longitude: float) -> ColumnElement[float]:
    # The haversine formula of `geography.distance_km`, in the words both engines know.
    lat, lon = func.radians(col(Offer.latitude)), func.radians(col(Offer.longitude))
    lat0, lon0 = func.radians(literal(latitude)), func.radians(literal(longitude))
    half = func.power(func.sin((lat - lat0) / 2), 2) + func.cos(lat0) * func.cos(lat) * func.power(
        func.sin((lon - lon0) / 2), 2
    )
    return literal(2 * _EARTH_KM) * func.asin(func.sqrt(half))
