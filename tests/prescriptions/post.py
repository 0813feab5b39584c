"""What tests of letters do again and again: a prescription that tells somebody, and what then leaves."""

from collections.abc import Callable

from sqlmodel import Session

from portal.accounts.models import OutgoingMail
from portal.beneficiaries.models import Beneficiary
from portal.prescriptions import notifications
from portal.prescriptions.models import Prescription
from portal.prescriptions.notifications import Sender
from portal.prescriptions.states import Act, State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription
from tests.prescriptions.hands import mails

SECRET = "s" * 40

SENDER = Sender(public_url="https://portail.example.org", secret=SECRET)

CONTACT = "accueil@association.example.org"

PERSON = "zebulon@exemple.example.org"


def sent(session: Session, scene: Scene, state: State = State.ENVOYEE) -> Prescription:
    """A prescription for somebody who agreed to be written to."""
    person = make_beneficiary(
        session,
        scene.referent,
        prenom="Zébulon",
        nom="Introuvable",
        commune="Redon",
        courriel=PERSON,
        courriel_accord=True,
    )
    prescription = make_prescription(session, scene, state, person)
    prescription.ecrire_personne = True
    return prescription


def person_of(session: Session, prescription: Prescription) -> Beneficiary:
    return session.get_one(Beneficiary, prescription.beneficiary_id)


def told_by(session: Session, tell: Callable[[], object]) -> list[OutgoingMail]:
    """The letters that `tell` wrote."""
    before = {mail.id for mail in mails(session)}
    tell()
    session.flush()
    return [mail for mail in mails(session) if mail.id not in before]


def told(session: Session, prescription: Prescription, act: Act) -> dict[str, OutgoingMail]:
    """{recipient: letter} of an act just done."""
    written = told_by(session, lambda: notifications.tell(session, prescription, act, SENDER))
    assert len({mail.recipient for mail in written}) == len(written), "one letter each"
    return {mail.recipient: mail for mail in written}
