"""What the portal holds already that a handful of lines may be about, read in a few statements."""

from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal import geography
from portal.offers import states
from portal.offers.models import Offer
from portal.structures.models import Membership, Structure


class KnownStructures:
    """The structures that a handful of lines may be about, by each way to know them."""

    def __init__(self, session: Session, condition: Any) -> None:
        found = session.exec(select(Structure).where(condition)).all()
        self.by_id = {thing.id: thing for thing in found}
        self.by_import = {(thing.import_source, thing.import_id): thing for thing in found if thing.import_id}
        self.by_siret = {thing.siret: thing for thing in found if thing.siret}
        self.by_words: dict[str, list[Structure]] = {}
        for thing in found:
            self.by_words.setdefault(thing.search_text, []).append(thing)
        self.with_members = set(
            session.exec(
                select(Membership.structure_id)
                .where(col(Membership.structure_id).in_(list(self.by_id)))
                .group_by(col(Membership.structure_id))
                .having(func.count() > 0)
            )
        )

    def every(self) -> list[Structure]:
        """Return them all."""
        return list(self.by_id.values())


class KnownOffers:
    """The offers that a handful of lines may be about."""

    def __init__(self, session: Session, condition: Any) -> None:
        found = session.exec(select(Offer).where(condition)).all()
        self.by_id = {thing.id: thing for thing in found}
        self.by_import = {(thing.import_source, thing.import_id): thing for thing in found if thing.import_id}
        self.by_name = {
            (thing.structure_id, geography.fold(thing.nom)): thing
            for thing in found
            if thing.state in states.OPEN
        }

    def every(self) -> list[Offer]:
        """Return them all."""
        return list(self.by_id.values())
