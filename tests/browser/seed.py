"""What a browser test starts from when the demo does not have it, written by the rules."""

import uuid
from datetime import date

from sqlmodel import select

from portal import demo
from portal.accounts.models import User
from portal.beneficiaries import rules as beneficiaries
from portal.db import Database
from portal.offers.models import Offer
from portal.prescriptions import answers, rules
from portal.prescriptions.models import Prescription
from portal.structures.models import Structure


def fill_places(database: Database) -> uuid.UUID:
    """Take every place of PEM’S; return the id of one more prescription, sent and unanswered."""
    with database.writing() as session:
        people = {u.courriel.split("@")[0]: u for u in session.exec(select(User))}
        offer = session.get_one(Offer, demo.demo_id("offre", "pems"))
        structure = session.get_one(Structure, offer.structure_id)
        made: list[Prescription] = []
        for number in range(3):
            person = beneficiaries.create_beneficiary(
                session,
                {"prenom": "Foule", "nom": f"Fictive{number}", "date_naissance": date(1990, 1, 1 + number)},
                by=people["referent2"],
            )
            prescription = rules.create_prescription(
                session,
                beneficiary=person,
                offer=offer,
                structure=structure,
                by=people["referent2"],
                form_key=uuid.uuid4(),
                motif="Remplir les places.",
                partage=[],
            )
            rules.send(session, prescription, by=people["referent2"], consent=True)
            made.append(prescription)
        # In the demo three of the five are taken already.
        for prescription in made[:2]:
            answers.accept(session, prescription, by=people["partenaire2"])
        return made[2].id
