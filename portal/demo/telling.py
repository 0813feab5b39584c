"""How the demo tells prescriptions: who and what they are about, and how one is written and sent on a past day."""

import uuid
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from sqlmodel import Session

from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.demo.days import days_ago
from portal.demo.ids import demo_id
from portal.demo.offers import OFFERS
from portal.offers.models import Offer
from portal.prescriptions import rules as prescriptions
from portal.prescriptions.models import Prescription
from portal.structures.models import Structure


@dataclass(frozen=True, slots=True)
class Teller:
    """Who and what the stories are about."""

    session: Session
    accounts: dict[str, User]
    places: dict[str, Structure]
    found: dict[str, Offer]
    folk: dict[str, Beneficiary]

    def prescribe(
        self, prenom: str, slug: str, motif: str, days: int, *, origin: Prescription | None = None
    ) -> Prescription:
        """Write a prescription for this person `days` ago, and send it ten minutes later."""
        with days_ago(days):
            prescription = self.draft(prenom, slug, motif, origin=origin)
        with days_ago(days, minutes=10):
            prescriptions.send(
                self.session,
                prescription,
                by=self.referent_of(prenom),
                consent=True,
                write_to_person=self.folk[prenom].courriel_accord,
            )
        return prescription

    def draft(
        self,
        prenom: str,
        slug: str,
        motif: str,
        *,
        origin: Prescription | None = None,
        lot_id: uuid.UUID | None = None,
    ) -> Prescription:
        """Write a draft, now."""
        return prescriptions.create_prescription(
            self.session,
            beneficiary=self.folk[prenom],
            offer=self.found[slug],
            structure=self.places[next(o.structure for o in OFFERS if o.slug == slug)],
            by=self.referent_of(prenom),
            form_key=demo_id("prescription", self.folk[prenom].nom, slug),
            motif=motif,
            partage=["contact", "commune", "freins"],
            lot_id=lot_id,
            origine_id=origin.id if origin else None,
        )

    def referent_of(self, prenom: str) -> User:
        """Return the account of whoever follows this person."""
        followed_by = self.folk[prenom].referent_id
        return next(user for user in self.accounts.values() if user.id == followed_by)


def paper(title: str, text: str) -> bytes:
    """Return a PDF of one page, the same on every machine."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle(title)
    canvas.drawString(70, 760, title)
    canvas.drawString(70, 730, text)
    canvas.showPage()
    canvas.save()
    return out.getvalue()
