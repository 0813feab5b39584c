"""The verbs of a prescription as a table, a draft to try them on, and the places they move."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.conventions import queries as convention_queries
from portal.prescriptions import answers, rules
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import Act
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene

VERBS: dict[Act, Callable[[Session, Prescription, User], object]] = {
    Act.ENVOYER: lambda s, p, by: rules.send(s, p, by=by, consent=True),
    Act.ANNULER: lambda s, p, by: rules.cancel(s, p, by=by),
    Act.ETUDIER: lambda s, p, by: answers.study(s, p, by=by),
    Act.METTRE_EN_ATTENTE: lambda s, p, by: answers.put_on_waiting_list(s, p, by=by),
    Act.ACCEPTER: lambda s, p, by: answers.accept(s, p, by=by),
    Act.REFUSER: lambda s, p, by: answers.refuse(s, p, by=by, reason=RefusalReason.AUTRE, message="Non."),
    Act.ENTRER: lambda s, p, by: answers.enter(s, p, by=by, day=clock.today()),
    Act.TERMINER: lambda s, p, by: answers.finish(s, p, by=by, day=clock.today()),
    Act.ABANDONNER: lambda s, p, by: answers.give_up(s, p, by=by, day=clock.today()),
}


def draft_of(session: Session, scene: Scene, **changes: Any) -> Prescription:
    options: dict[str, Any] = {
        "beneficiary": None,
        "offer": scene.offer,
        "structure": scene.structure,
        "by": scene.referent,
        "form_key": uuid.uuid4(),
        "motif": "Préparer le permis.",
        "partage": ["contact"],
        **changes,
    }
    options["beneficiary"] = options["beneficiary"] or make_beneficiary(session, scene.referent)
    return rules.create_prescription(session, **options)


def places(session: Session, scene: Scene) -> tuple[int, int, int]:
    """(financed, free, waiting) of the scene's offer."""
    found = convention_queries.places_by_offer(session, [scene.offer.id])[scene.offer.id]
    return found.financees, found.libres, found.en_attente
