"""Prescriptions at the state a test starts from."""

import uuid
from dataclasses import dataclass

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import FinancedAction, PlaceMode
from portal.offers.models import Offer
from portal.prescriptions import acting, answers, rules
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import Act, State
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner


@dataclass
class Scene:
    """A référent, a partner, an offer, and an action with places when asked for."""

    referent: User
    partner: User
    structure: Structure
    offer: Offer
    action: FinancedAction | None


def make_scene(session: Session, *, places: int | None = 3, mode: PlaceMode = PlaceMode.ENTREE) -> Scene:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    action = None
    if places is not None:
        action = make_action(session, make_convention(session, structure), [offer], places=places, mode=mode)
    return Scene(make_user(session), partner, structure, offer, action)


def make_prescription(
    session: Session, scene: Scene, state: State = State.ENVOYEE, beneficiary: Beneficiary | None = None
) -> Prescription:
    """Walk a new prescription to `state` by the rules themselves."""
    person = beneficiary or make_beneficiary(session, scene.referent)
    prescription = rules.create_prescription(
        session,
        beneficiary=person,
        offer=scene.offer,
        structure=scene.structure,
        by=scene.referent,
        form_key=uuid.uuid4(),
        motif="Préparer le permis pour reprendre un emploi.",
        partage=["contact", "commune"],
    )
    if state is State.BROUILLON:
        return prescription
    if state is State.ANNULEE:
        rules.cancel(session, prescription, by=scene.referent)
        return prescription
    rules.send(session, prescription, by=scene.referent, consent=True)
    if state is State.ENVOYEE:
        return prescription
    if state is State.A_L_ETUDE:
        answers.study(session, prescription, by=scene.partner)
    elif state is State.REFUSEE:
        answers.refuse(
            session, prescription, by=scene.partner, reason=RefusalReason.AUTRE, message="Voici pourquoi."
        )
    elif state is State.EXPIREE:
        acting.move(session, prescription, Act.EXPIRER, acting.PORTAL)
    else:
        answers.accept(session, prescription, by=scene.partner)
    if state in {State.ENTREE, State.TERMINEE}:
        answers.enter(session, prescription, by=scene.partner, day=clock.today())
    if state is State.TERMINEE:
        answers.finish(session, prescription, by=scene.partner, day=clock.today())
    if state is State.ABANDONNEE:
        answers.give_up(session, prescription, by=scene.partner, day=clock.today())
    assert prescription.state is state
    return prescription
