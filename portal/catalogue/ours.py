"""Our own offers in the catalogue: their features, what only we know of them, and their records."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import orjson
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlmodel import Session, col

from portal import clock
from portal.catalogue import features, records
from portal.catalogue.features import ServiceFeatures, StructureFeatures
from portal.catalogue.segment_builder import Builder, key_hash
from portal.catalogue.segments import Array, Segment
from portal.conventions import queries as conventions
from portal.offers import queries as offers
from portal.offers.models import Offer, OfferSession
from portal.offers.places import Places
from portal.structures import queries as structures
from portal.structures.models import Structure

#: So many records of ours are kept ready (2 to 3 kB each); the others are made when they are asked for.
RECORDS_KEPT = 4000


@dataclass(frozen=True, slots=True)
class Own:
    """What only we know of an offer."""

    id: uuid.UUID
    structure_id: uuid.UUID
    dominantes: tuple[str, ...]
    places: Places | None = None
    next_session: date | None = None
    financeurs: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    # Months between two confirmations; None: as the département's rules say.
    confirmation_mois: int | None = None


class Ours:
    """Our part of a snapshot."""

    def __init__(
        self,
        prefix: str,
        segment: Segment,
        own: dict[str, Own],
        records_kept: dict[str, bytes],
        shelf: "Shelf",
    ) -> None:
        self.prefix = prefix
        self.segment = segment
        self.scores: Array = segment.scores()
        self._own = own
        self._records = records_kept
        self._shelf = shelf

    def of(self, service_id: str) -> Own | None:
        """Return what only we know of an offer, by its prefixed id; None when it is not ours."""
        return self._own.get(service_id)

    def service(self, session: Session, service_id: str, *, detailed: bool) -> tuple[bytes, bytes] | None:
        """Return (record, its structure's) of one of our offers; None when it is no longer published."""
        own = self._own.get(service_id)
        if own is None:
            return None
        record = self._records.get(service_id)
        if record is None:
            record = self._shelf.service_record(session, own.id)
            if record is None:
                return None
        structure = b""
        if detailed:
            found = self.structure(session, f"{self.prefix}{own.structure_id}")
            if found is None:
                return None
            structure = found
        return record, structure

    def structure(self, session: Session, structure_id: str) -> bytes | None:
        """Return the record of one of our structures, or None."""
        record = self._records.get(structure_id)
        if record is None:
            record = self._shelf.structure_record(session, uuid.UUID(structure_id.removeprefix(self.prefix)))
        return record


class Shelf:
    """Reads our offers and keeps their features from one snapshot to the next: only what changed is read again."""

    def __init__(self, *, source: str, public_url: str) -> None:
        self._source = source
        self._public_url = public_url
        self.prefix = f"{source}--"
        self._structures: dict[uuid.UUID, StructureFeatures] = {}
        self._services: dict[uuid.UUID, ServiceFeatures] = {}
        self._own: dict[uuid.UUID, Own] = {}
        self._records: dict[str, bytes] = {}

    def read_all(self, session: Session) -> None:
        """Read everything again."""
        self._structures, self._services, self._own, self._records = {}, {}, {}, {}
        for structure in session.execute(structures.published().execution_options(yield_per=500)).scalars():
            self._keep_structure(structure)
        for offer in session.execute(offers.published().execution_options(yield_per=500)).scalars():
            self._keep_offer(offer)
        self._read_sessions(session, None)
        self.read_places(session)

    def read(
        self, session: Session, offer_ids: Collection[uuid.UUID], structure_ids: Collection[uuid.UUID]
    ) -> None:
        """Read these offers and structures again; those that are no longer published are dropped."""
        touched = set(offer_ids)
        if structure_ids:
            found = session.execute(
                structures.published().where(col(Structure.id).in_(structure_ids))
            ).scalars()
            for structure_id in structure_ids:
                self._structures.pop(structure_id, None)
                self._records.pop(f"{self.prefix}{structure_id}", None)
            for structure in found:
                self._keep_structure(structure)
            touched |= set(
                session.execute(
                    select(col(Offer.id)).where(col(Offer.structure_id).in_(structure_ids))
                ).scalars()
            )
        for offer_id in touched:
            self._services.pop(offer_id, None)
            self._own.pop(offer_id, None)
            self._records.pop(f"{self.prefix}{offer_id}", None)
        if touched:
            for offer in session.execute(offers.published().where(col(Offer.id).in_(touched))).scalars():
                self._keep_offer(offer)
            self._read_sessions(session, touched)
            self.read_places(session)

    def read_places(self, session: Session) -> None:
        """Read again the places left and who pays."""
        places = conventions.places_by_offer(session, list(self._own))
        financed = conventions.financed_offers(session)
        for offer_id, own in self._own.items():
            financeurs, numbers = financed.get(offer_id, (frozenset(), frozenset()))
            self._own[offer_id] = replace(
                own,
                places=places.get(offer_id),
                financeurs=tuple(sorted(financeurs)),
                conventions=tuple(sorted(numbers)),
            )

    def ours(self, base: Segment) -> Ours:
        """Return our part of a snapshot; `base` tells which of our structures are known from elsewhere too."""
        builder = Builder()
        for structure in sorted(self._structures.values(), key=lambda held: held.id):
            builder.add_structure(structure)
        own: dict[str, Own] = {}
        for offer_id, service in sorted(self._services.items(), key=lambda pair: pair[1].id):
            held = own[service.id] = self._own[offer_id]
            service.financeurs, service.conventions = held.financeurs, held.conventions
            service.places = held.places.libres if held.places else -1
            service.next_session = held.next_session.toordinal() if held.next_session else 0
            builder.add_service(service)
        segment = _in_clusters_of(base, builder.finish(), list(self._structures.values()))
        return Ours(self.prefix, segment, own, dict(self._records), self)

    def service_record(self, session: Session, offer_id: uuid.UUID) -> bytes | None:
        """Return the record of an offer that is not kept ready, or None."""
        offer = session.execute(offers.published().where(col(Offer.id) == offer_id)).scalars().one_or_none()
        return None if offer is None else _line(self._service(offer))

    def structure_record(self, session: Session, structure_id: uuid.UUID) -> bytes | None:
        """Return the record of a structure that is not kept ready, or None."""
        statement = structures.published().where(col(Structure.id) == structure_id)
        structure = session.execute(statement).scalars().one_or_none()
        return None if structure is None else _line(self._structure(structure))

    def _structure(self, structure: Structure) -> dict[str, Any]:
        return records.structure_record(
            structure, source=self._source, public_url=self._public_url, prefixed=True
        )

    def _service(self, offer: Offer) -> dict[str, Any]:
        return records.service_record(offer, source=self._source, public_url=self._public_url, prefixed=True)

    def _keep_structure(self, structure: Structure) -> None:
        try:
            record = self._structure(structure)
        except ValidationError:
            return  # as in the export, which says so
        self._structures[structure.id] = features.of_structure(record)
        if len(self._records) < RECORDS_KEPT:
            self._records[record["id"]] = _line(record)

    def _keep_offer(self, offer: Offer) -> None:
        structure = self._structures.get(offer.structure_id)
        if structure is None:
            return
        try:
            record = self._service(offer)
        except ValidationError:
            return
        dominantes = tuple(offer.dominantes or ())
        self._services[offer.id] = features.of_service(
            record,
            structure=structure.nom,
            appeared=int(offer.published_at.timestamp()) if offer.published_at else 0,
            dominantes=dominantes,
            extra_words=f"{offer.mode_prescription or ''} {offer.frequence or ''}",
        )
        self._own[offer.id] = Own(
            offer.id, offer.structure_id, dominantes, confirmation_mois=offer.confirmation_mois
        )
        if len(self._records) < RECORDS_KEPT:
            self._records[record["id"]] = _line(record)

    def _read_sessions(self, session: Session, offer_ids: Collection[uuid.UUID] | None) -> None:
        statement = (
            select(col(OfferSession.offer_id), func.min(col(OfferSession.debut)))
            .where(col(OfferSession.debut) >= clock.today())
            .group_by(col(OfferSession.offer_id))
        )
        if offer_ids is not None:
            statement = statement.where(col(OfferSession.offer_id).in_(offer_ids))
        for offer_id, first in session.execute(statement):
            if offer_id in self._own:
                self._own[offer_id] = replace(self._own[offer_id], next_session=first)


def _line(record: dict[str, Any]) -> bytes:
    return orjson.dumps({**record, "adresse_certifiee": False})


def _in_clusters_of(base: Segment, ours: Segment, held: list[StructureFeatures]) -> Segment:
    """Give our structures the cluster of the one known from elsewhere by the same key; a new one otherwise."""
    hashes, rows = base["key_hashes"], base["key_rows"]
    clusters = ours["s_cluster"].astype(np.int64) + base.structure_count
    by_id = {structure.id: structure for structure in held}
    for row in range(ours.structure_count):
        for key in by_id[ours.structure_id(row)].keys:
            wanted = np.uint64(key_hash(key))
            at = int(np.searchsorted(hashes, wanted))
            if at < hashes.shape[0] and hashes[at] == wanted:
                # Our own twins, if any, follow.
                clusters[clusters == clusters[row]] = base["s_cluster"][rows[at]]
                break
    return Segment(
        {**{name: ours[name] for name in ours.names()}, "s_cluster": clusters.astype(np.int32)}, ours.values
    )
