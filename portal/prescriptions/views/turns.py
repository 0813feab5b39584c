"""After an act that frees a place: it is proposed at once to the first who waits."""

from portal.prescriptions import due
from portal.prescriptions.models import Prescription
from portal.prescriptions.views import telling
from portal.web.session import db


def propose(prescription: Prescription) -> None:
    """Propose the free places of the prescription's offer to those who wait for one, and tell their référents.

    The last thing before the commit: it holds what other acts wait for (see `due.propose_places`).
    """
    telling.tell_turns(due.propose_places(db(), prescription.offer_id))
