"""Who acts on a prescription: somebody signed in, the structure by the link of its e-mail, or the référent for a sheet of paper."""

import uuid
from dataclasses import dataclass

from portal.accounts.models import User
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts: `user` when signed in, and for which side.

    `link_to` is the prescription that a link opens, and the only one; `on_paper` is a référent who writes down what
    the partner answered on a sheet.
    """

    side: Side
    user: User | None = None
    link_to: uuid.UUID | None = None
    on_paper: bool = False


def by_link(prescription: Prescription) -> Actor:
    """Return the structure that holds the link to `prescription` (the link was checked: see `links`)."""
    return Actor(Side.PARTENAIRE, link_to=prescription.id)


def on_paper(user: User) -> Actor:
    """Return the référent `user` as they write down the partner's answer on paper."""
    return Actor(Side.PARTENAIRE, user=user, on_paper=True)
