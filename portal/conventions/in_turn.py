"""For whom the free places are, in the order of those who wait: an action may give its places to several offers.

Nothing is written here: places are given on paper, one by one, to those who wait since longest, each from any action
that finances their offer. Whoever has one on paper may be proposed one, and nobody may take it from them.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from portal.conventions.models import ActionOffer, Waiting


@dataclass(frozen=True, slots=True)
class Line:
    """Those who wait on some offers, the first ahead, and the actions that each may have a place from.

    `wanted`: {offer: its actions, in the order in which they give their places}; `rooms`: {action: places to give}.
    """

    waiting: Sequence[Waiting]
    wanted: Mapping[uuid.UUID, Sequence[uuid.UUID]]
    rooms: Mapping[uuid.UUID, int]

    def served(self, lines: Iterable[Waiting], *, without: uuid.UUID | None = None) -> set[uuid.UUID]:
        """Return those of `lines` (their ids) that have a place; `without`: one place fewer in that action."""
        rooms = {id: number - (id == without) for id, number in self.rooms.items()}
        taken: dict[uuid.UUID, list[Waiting]] = {id: [] for id in rooms}
        found = set()
        for one in lines:
            if self._seat(one, rooms, taken, set()):
                found.add(one.id)
        return found

    def before(self, mine: Waiting | None, offer_id: uuid.UUID) -> list[Waiting]:
        """Return those who wait before `mine` (all when None) for places that the offer may be given too."""
        ours = set(self.wanted[offer_id])
        return [
            one
            for one in self.waiting
            if (mine is None or (one.rang_at, one.id) < (mine.rang_at, mine.id))
            and ours & set(self.wanted[one.offer_id])
        ]

    def choose(self, mine: Waiting | None, offer_id: uuid.UUID) -> uuid.UUID | None:
        """Return the action that gives its place to `mine`, or to somebody not on the list; None when it is not their turn.

        Nobody who waits before loses theirs; of the actions that are left, the one that leaves most to those behind.
        """
        ahead = [
            one for one in self.waiting if mine is None or (one.rang_at, one.id) < (mine.rang_at, mine.id)
        ]
        others = [one for one in self.waiting if mine is None or one.id != mine.id]
        kept = self.served(ahead)
        possible = [
            (-len(self.served(others, without=id)), place, id)
            for place, id in enumerate(self.wanted[offer_id])
            if self.rooms[id] > 0 and self.served(ahead, without=id) == kept
        ]
        return min(possible)[2] if possible else None

    def _seat(
        self,
        one: Waiting,
        rooms: Mapping[uuid.UUID, int],
        taken: dict[uuid.UUID, list[Waiting]],
        seen: set[uuid.UUID],
    ) -> bool:
        """Give `one` a place, moving those before to another action of theirs if need be; none of them loses one."""
        for id in self.wanted[one.offer_id]:
            if id in seen:
                continue
            seen.add(id)
            if len(taken[id]) < rooms[id]:
                taken[id].append(one)
                return True
            for other in list(taken[id]):
                if self._seat(other, rooms, taken, seen):
                    taken[id].remove(other)
                    taken[id].append(one)
                    return True
        return False


def sharing(session: Session, offer_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return these offers, and those that an action finances together with one of them, and so on."""
    found: set[uuid.UUID] = set(offer_ids)
    while True:
        actions = select(ActionOffer.action_id).where(col(ActionOffer.offer_id).in_(list(found)))
        more = set(session.exec(select(ActionOffer.offer_id).where(col(ActionOffer.action_id).in_(actions))))
        if more <= found:
            return found
        found |= more


def waiting_on(session: Session, offer_ids: Collection[uuid.UUID]) -> list[Waiting]:
    """Return the lines of those who wait on these offers, in the order in which they came, in one statement."""
    return list(
        session.exec(
            select(Waiting)
            .where(col(Waiting.offer_id).in_(list(offer_ids)), col(Waiting.left_at).is_(None))
            .order_by(col(Waiting.rang_at), col(Waiting.id))
        )
    )
