"""The link of an e-mail that opens one prescription to its structure, without an account.

It carries the id and the key of the prescription, signed and dated (docs/adr/0015). Whether the prescription still lets
itself be opened is for `actors.by_link` and the verbs to say.
"""

import uuid

from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from portal import links
from portal.accounts.models import User
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State

PURPOSE = "prescription"


def make(secret: str, prescription: Prescription) -> str:
    """Return the words of the link to `prescription`, to be put after `/reponse/`."""
    return links.sign(secret, PURPOSE, [prescription.id.hex, prescription.lien_cle.hex])


def read(secret: str, text: str, *, days: int) -> tuple[uuid.UUID, uuid.UUID]:
    """Return the id and the key that a link carries. Raises `links.DeadLink` when it is forged or older than `days`."""
    try:
        id, key = links.read(secret, PURPOSE, text, days=days)
        return uuid.UUID(id), uuid.UUID(key)
    except ValueError:
        raise links.DeadLink(expired=False) from None


def opened(session: Session, id: uuid.UUID, key: uuid.UUID) -> Prescription | None:
    """Return the prescription that a link opens, without the person's file; None when its key has changed.

    A draft is opened by none: it was never sent.
    """
    return session.exec(
        select(Prescription)
        .options(
            joinedload(Prescription.offer),  # type: ignore[arg-type]
            joinedload(Prescription.structure),  # type: ignore[arg-type]
            joinedload(Prescription.referent).joinedload(User.organisation),  # type: ignore[arg-type]
            joinedload(Prescription.session),  # type: ignore[arg-type]
        )
        .where(
            col(Prescription.id) == id,
            col(Prescription.lien_cle) == key,
            col(Prescription.state) != State.BROUILLON,
            col(Prescription.sent_at).is_not(None),
        )
    ).one_or_none()
