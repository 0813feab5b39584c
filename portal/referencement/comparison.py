"""Two offers side by side: each question, both answers, and which one is proposed."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from portal import vocabulary
from portal.offers import merge
from portal.offers.models import Offer
from portal.offers.record import as_record
from portal.referencement.queries import attachments
from portal.web.answers import NOTHING, Reader

FIRST, SECOND = "a", "b"
_LABELS = {merge.PLACE: "Adresse"}


@dataclass(frozen=True, slots=True)
class Line:
    """A question and the two answers in words; `proposed` is FIRST or SECOND."""

    name: str
    label: str
    first: str
    second: str
    proposed: str

    @property
    def same(self) -> bool:
        """True when both say the same."""
        return self.first == self.second


def lines(session: Session, first: Offer, second: Offer, say: Reader) -> list[Line]:
    """Return every question with both answers, in the order of the form; those that nobody answered are left out.

    What is filled in is proposed over what is not; else, the answer of the offer that is best filled in.
    """
    better = SECOND if score(second) > score(first) else FIRST
    one, two = _texts(session, first, say), _texts(session, second, say)
    found = []
    for name in merge.TAKEABLE:
        if one[name] == two[name] == NOTHING:
            continue
        proposed = SECOND if one[name] == NOTHING else FIRST if two[name] == NOTHING else better
        found.append(Line(name, _LABELS.get(name) or say.label(name), one[name], two[name], proposed))
    return found


def score(offer: Offer) -> float:
    """Return how well an offer is filled in, from 0 to 1."""
    return vocabulary.quality(as_record(offer)).score


def _texts(session: Session, offer: Offer, say: Reader) -> dict[str, str]:
    held: dict[str, Any] = merge.as_answers(offer)
    sessions, documents = attachments(session, offer.id)
    return {name: say.text(name, value) for name, value in held.items()} | {
        merge.PLACE: merge.place_of(offer) or NOTHING,
        merge.SESSIONS: say.text(merge.SESSIONS, sessions),
        merge.DOCUMENTS: say.text(merge.DOCUMENTS, documents),
    }
