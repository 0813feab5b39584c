"""What partners' conventions bind both sides to in the demo: reports, payments; a draft, and one that is over."""

from datetime import timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.budget import activity
from portal.conventions import payments, report_schedule, report_writing, rules
from portal.conventions.engagements import ReportKind
from portal.conventions.models import Convention
from portal.demo.days import days_ahead, month_before, months_after, on_day
from portal.demo.financed import numero
from portal.demo.ids import demo_id
from portal.offers.models import Offer
from portal.structures.models import Structure

# A draft, and a convention that ended some weeks ago: their numbers say that they are invented.
DRAFT, OVER = "DEMO-B", "DEMO-E"


def tell(
    session: Session,
    people: dict[str, User],
    partners: dict[str, Convention],
    places: dict[str, Structure],
    found: dict[str, Offer],
) -> None:
    """Write what is due under the conventions of the demo. `partners`: conventions by number."""
    officer = people["conventionnement"]
    _handed_in(session, "001", partners["001"], officer, people["partenaire"])
    _to_hand_in(session, "002", partners["002"], officer)
    _payments(session, partners, officer)
    _draft(session, places, found, officer)
    _over(session, places, found, officer)
    session.flush()


def _handed_in(session: Session, rang: str, convention: Convention, officer: User, partner: User) -> None:
    """A report of the first three months, handed in on the day it was due; the following one is far."""
    first = convention.date_debut
    last = month_before(months_after(first, 3))
    due = last + timedelta(days=45)
    with on_day(convention.date_debut):
        report = report_schedule.ask(
            session,
            convention,
            {"kind": ReportKind.ACTIVITE, "debut": first, "fin": last, "du_le": due},
            by=officer,
            id=demo_id("rapport", rang, "1"),
        )
        report_schedule.schedule(session, convention, 12, by=officer)
    with on_day(due):
        session.refresh(convention, ["actions"])
        report_writing.hand_in(
            session,
            convention,
            report.id,
            {
                "realise": "Deux modules ont commencé à Redon ; le code se prépare en groupe (démonstration).",
                "difficultes": "Les heures de conduite sont rares pendant les vacances.",
                "perspectives": "Un troisième module à Pipriac.",
                "personnes_hors_portail": 3,
                "minutes_hors_portail": 2_400,
                "depenses_centimes": 1_240_000,
            },
            activity.report_figures(session, convention, first, last),
            by=partner,
        )


def _to_hand_in(session: Session, rang: str, convention: Convention, officer: User) -> None:
    """A report of the months that are over, due in ten days."""
    last, due = month_before(clock.today()), days_ahead(10)
    with on_day(convention.date_debut):
        report_schedule.ask(
            session,
            convention,
            {
                "kind": ReportKind.ACTIVITE,
                "debut": convention.date_debut,
                "fin": last,
                "du_le": due,
            },
            by=officer,
            id=demo_id("rapport", rang, "1"),
        )


def _payments(session: Session, partners: dict[str, Convention], officer: User) -> None:
    """An instalment paid after the signature, the balance planned for the end."""
    for rang in ("001", "002", "003", "004"):
        convention = partners[rang]
        instalment = convention.montant_centimes * 6 // 10
        paid = convention.date_debut + timedelta(days=20)
        with on_day(convention.date_debut):
            first = payments.plan(
                session,
                convention,
                {"intitule": "Acompte de 60 %", "prevu_le": paid, "montant_centimes": instalment},
                by=officer,
                id=demo_id("versement", rang, "acompte"),
            )
            payments.plan(
                session,
                convention,
                {
                    "intitule": "Solde, après le rapport final",
                    "prevu_le": convention.date_fin + timedelta(days=60),
                    "montant_centimes": convention.montant_centimes - instalment,
                },
                by=officer,
                id=demo_id("versement", rang, "solde"),
            )
        with on_day(paid):
            payments.pay(
                session,
                convention,
                first.id,
                verse_le=paid,
                verse_centimes=instalment,
                reference=f"MANDAT-DEMO-{rang}",
                by=officer,
            )


def _draft(
    session: Session, places: dict[str, Structure], found: dict[str, Offer], officer: User
) -> Convention:
    """A convention that is being written: it gives no place yet."""
    first = months_after(clock.today(), 2)
    return _write(
        session,
        officer,
        DRAFT,
        {
            "intitule": "Cap Confiance (démonstration)",
            "structure_id": places["ibep"].id,
            "date_debut": first,
            "date_fin": month_before(months_after(first, 12)),
            "montant_centimes": 1_200_000,
            "financeurs": ["departement"],
        },
        {"intitule": "Groupes de remobilisation", "places_financees": 10, "cout_unitaire_centimes": 120_000},
        [found["cap-confiance-ibep"]],
    )


def _over(session: Session, places: dict[str, Structure], found: dict[str, Offer], officer: User) -> None:
    """A convention that ended some weeks ago: what closes it can still be written, and a report is late."""
    last = month_before(clock.today() - timedelta(days=12))
    first = months_after(last, -11)
    with on_day(first - timedelta(days=15)):
        convention = _write(
            session,
            officer,
            OVER,
            {
                "intitule": "Accompagnement des diplômés (démonstration)",
                "structure_id": places["ascape"].id,
                "date_debut": first,
                "date_fin": last,
                "montant_centimes": 900_000,
                "financeurs": ["departement"],
                "signee_le": first - timedelta(days=15),
            },
            {
                "intitule": "Accompagnement renforcé de cinq mois",
                "places_financees": 6,
                "cout_unitaire_centimes": 150_000,
            },
            [found["diplomes"]],
        )
    with on_day(first):
        for number, kind, fin, du_le in (
            ("1", ReportKind.ACTIVITE, month_before(months_after(first, 6)), last + timedelta(days=10)),
            ("final", ReportKind.FINAL, last, last + timedelta(days=60)),
        ):
            report_schedule.ask(
                session,
                convention,
                {"kind": kind, "debut": first, "fin": fin, "du_le": du_le},
                by=officer,
                id=demo_id("rapport", OVER, number),
            )


def _write(
    session: Session,
    officer: User,
    rang: str,
    values: dict[str, Any],
    action: dict[str, Any],
    offers: list[Offer],
) -> Convention:
    convention = rules.create_convention(
        session,
        values | {"numero": numero(rang, values["date_debut"])},
        by=officer,
        id=demo_id("convention", rang),
    )
    rules.create_action(
        session,
        convention,
        action | {"mode": "entree", "offer_ids": [offer.id for offer in offers]},
        by=officer,
        id=demo_id("action", rang),
    )
    return convention
