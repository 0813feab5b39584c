"""The letters that views put in the outbox, with the settings of this portal; committed with the act that they tell."""

from collections.abc import Iterable

from flask import current_app

from portal.prescriptions import notifications
from portal.prescriptions.models import Prescription, PrescriptionDocument, PrescriptionMessage
from portal.prescriptions.notifications import Sender, Told
from portal.prescriptions.states import Act
from portal.web.session import db


def tell(prescription: Prescription, act: Act) -> Told:
    """Tell the others that `act` was just done; return who was written to."""
    return notifications.tell(db(), prescription, act, _sender())


def tell_message(prescription: Prescription, message: PrescriptionMessage) -> Told:
    """Tell the other side that a message waits, once while they have not read it."""
    return notifications.tell_message(db(), prescription, message, _sender())


def tell_document(prescription: Prescription, document: PrescriptionDocument) -> Told:
    """Tell the other side that a document was added, once while they have not read the one before."""
    return notifications.tell_document(db(), prescription, document, _sender())


def tell_link(prescription: Prescription) -> Told:
    """Send a new link to the contact address of the structure."""
    return notifications.tell_link(db(), prescription, _sender())


def tell_turns(prescriptions: Iterable[Prescription]) -> None:
    """Tell the référents of the places that `due.propose_places` proposed, or that nobody took in time."""
    notifications.tell_turns(db(), prescriptions, _sender())


def _sender() -> Sender:
    config = current_app.config["PORTAL"]
    return Sender(public_url=config.public_url, secret=config.secret_key)
