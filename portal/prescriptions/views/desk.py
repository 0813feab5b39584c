"""From where somebody answers: signed in, or by the link of an e-mail. The same pages serve both."""

from collections.abc import Callable
from dataclasses import dataclass

from portal.prescriptions.acting import By
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side


@dataclass(frozen=True, slots=True)
class Desk:
    """Who acts (`by`), on which side, and where their pages are.

    `page` is the address of the prescription, `address` that of an act or of the hours by its name. `read_again` gives
    the prescription as it stands after a rollback; `name` is the person's, as this reader knows it.
    """

    by: By
    side: Side
    page: str
    name: str
    address: Callable[[str], str]
    read_again: Callable[[], Prescription]
    # By the link: no list to go back to, and nothing that only an account opens.
    by_link: bool = False
