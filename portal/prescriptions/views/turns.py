"""After an act that frees a place: it is proposed at once to the first who waits."""

from portal.prescriptions import due
from portal.prescriptions.models import Prescription
from portal.prescriptions.views import telling
from portal.web.session import db


def propose(*prescriptions: Prescription) -> None:
    """Propose the free places of these prescriptions' offers to those who wait for one, and tell their référents.

    The last thing before the commit, and once: it holds what other acts wait for (see `due.propose_places`).
    """
    if prescriptions:
        telling.tell_turns(due.propose_places(db(), *{p.offer_id for p in prescriptions}))
