"""What the portal writes to a partner about its reports. A subject names nobody; an address holds ids only."""

from sqlmodel import Session

from portal.accounts.rules import queue_mail
from portal.conventions.engagements import PartnerReport
from portal.conventions.models import Convention
from portal.structures import queries as structure_queries


def tell_correction(
    session: Session, convention: Convention, report: PartnerReport, *, public_url: str
) -> int:
    """Tell the members of the partner that a report is to be corrected, and why; return how many were written to."""
    return _tell(
        session,
        convention,
        report,
        subject="Un rapport est à corriger",
        said=f"demande une correction, à remettre pour le {report.du_le:%d/%m/%Y} :\n\n{report.demande}",
        link="Corriger le rapport",
        public_url=public_url,
    )


def tell_accepted(session: Session, convention: Convention, report: PartnerReport, *, public_url: str) -> int:
    """Tell the members of the partner that a report is accepted; return how many were written to."""
    return _tell(
        session,
        convention,
        report,
        subject="Un rapport est accepté",
        said="l’a accepté. Vous n’avez plus rien à faire.",
        link="Lire le rapport",
        public_url=public_url,
    )


def _tell(
    session: Session,
    convention: Convention,
    report: PartnerReport,
    *,
    subject: str,
    said: str,
    link: str,
    public_url: str,
) -> int:
    people = [user for _, user in session.execute(structure_queries.people_of([convention.structure_id]))]
    for user in people:
        queue_mail(
            session,
            recipient=user.courriel,
            subject=subject,
            body=f"Bonjour {user.prenom},\n\n"
            f"Le département a lu le rapport de la convention {convention.numero} "
            f"({report.kind.label.lower()}, du {report.debut:%d/%m/%Y} au {report.fin:%d/%m/%Y}). Il {said}\n\n"
            f"{link} : {public_url}/conventions/{convention.id}/rapports/{report.id}\n",
        )
    return len(people)
