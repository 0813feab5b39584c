"""What partners' conventions bind both sides to in the demo: reports, payments; a draft, and one that is over."""

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.budget import activity
from portal.conventions import payments, reports, rules
from portal.conventions.engagements import ReportKind
from portal.conventions.models import Convention
from portal.demo.days import days_ahead, on_day
from portal.demo.ids import demo_id
from portal.offers.models import Offer
from portal.structures.models import Structure

# A draft, and a convention that ended some weeks ago: invented, and say so.
DRAFT, OVER = "35-2026-DEMO-B", "35-2025-DEMO-E"


def tell(
    session: Session,
    people: dict[str, User],
    partners: dict[str, Convention],
    places: dict[str, Structure],
    found: dict[str, Offer],
) -> None:
    """Write what is due under the conventions of the demo. `partners`: conventions by number."""
    officer = people["conventionnement"]
    _handed_in(session, partners["35-2026-001"], officer, people["partenaire"])
    _to_hand_in(session, partners["35-2026-002"], officer)
    _payments(session, partners, officer)
    _draft(session, places, found, officer)
    _over(session, places, found, officer)
    session.flush()


def _handed_in(session: Session, convention: Convention, officer: User, partner: User) -> None:
    """A report of the first three months, handed in on the day it was due; the following one is far."""
    first = convention.date_debut
    last = _month_before(_months_after(first, 3))
    due = last + timedelta(days=45)
    with on_day(convention.date_debut):
        report = reports.ask(
            session,
            convention,
            {"kind": ReportKind.ACTIVITE, "debut": first, "fin": last, "du_le": due},
            by=officer,
            id=demo_id("rapport", convention.numero, "1"),
        )
        reports.schedule(session, convention, 12, by=officer)
    with on_day(due):
        session.refresh(convention, ["actions"])
        reports.hand_in(
            session,
            convention,
            report.id,
            {
                "realise": "Deux modules ont commencé à Redon ; le code se prépare en groupe (démonstration).",
                "difficultes": "Les heures de conduite sont rares l’été.",
                "perspectives": "Un troisième module à Pipriac.",
                "personnes_hors_portail": 3,
                "minutes_hors_portail": 2_400,
                "depenses_centimes": 1_240_000,
            },
            activity.report_figures(session, convention, first, last),
            by=partner,
        )


def _to_hand_in(session: Session, convention: Convention, officer: User) -> None:
    """A report of the months that are over, due in ten days."""
    last, due = _month_before(clock.today()), days_ahead(10)
    with on_day(convention.date_debut):
        reports.ask(
            session,
            convention,
            {
                "kind": ReportKind.ACTIVITE,
                "debut": convention.date_debut,
                "fin": last,
                "du_le": due,
            },
            by=officer,
            id=demo_id("rapport", convention.numero, "1"),
        )


def _payments(session: Session, partners: dict[str, Convention], officer: User) -> None:
    """An instalment paid after the signature, the balance planned for the end."""
    for numero in ("35-2026-001", "35-2026-002", "35-2026-003", "35-2026-004"):
        convention = partners[numero]
        instalment = convention.montant_centimes * 6 // 10
        paid = convention.date_debut + timedelta(days=20)
        with on_day(convention.date_debut):
            first = payments.plan(
                session,
                convention,
                {"intitule": "Acompte de 60 %", "prevu_le": paid, "montant_centimes": instalment},
                by=officer,
                id=demo_id("versement", numero, "acompte"),
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
                id=demo_id("versement", numero, "solde"),
            )
        with on_day(paid):
            payments.pay(
                session,
                convention,
                first.id,
                verse_le=paid,
                verse_centimes=instalment,
                reference=f"MANDAT-DEMO-{numero[-3:]}",
                by=officer,
            )


def _draft(
    session: Session, places: dict[str, Structure], found: dict[str, Offer], officer: User
) -> Convention:
    """A convention that is being written: it gives no place yet."""
    first = _months_after(clock.today(), 2)
    return _write(
        session,
        officer,
        {
            "numero": DRAFT,
            "intitule": "Cap Confiance (démonstration)",
            "structure_id": places["ibep"].id,
            "date_debut": first,
            "date_fin": _month_before(_months_after(first, 12)),
            "montant_centimes": 1_200_000,
            "financeurs": ["departement"],
        },
        {"intitule": "Groupes de remobilisation", "places_financees": 10, "cout_unitaire_centimes": 120_000},
        [found["cap-confiance-ibep"]],
    )


def _over(session: Session, places: dict[str, Structure], found: dict[str, Offer], officer: User) -> None:
    """A convention that ended three weeks ago: what closes it can still be written."""
    last = clock.today() - timedelta(days=21)
    first = last - timedelta(days=364)
    with on_day(first - timedelta(days=15)):
        convention = _write(
            session,
            officer,
            {
                "numero": OVER,
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
        reports.schedule(session, convention, 12, by=officer)


def _write(
    session: Session, officer: User, values: dict[str, Any], action: dict[str, Any], offers: list[Offer]
) -> Convention:
    convention = rules.create_convention(
        session, values, by=officer, id=demo_id("convention", values["numero"])
    )
    rules.create_action(
        session,
        convention,
        action | {"mode": "entree", "offer_ids": [offer.id for offer in offers]},
        by=officer,
        id=demo_id("action", values["numero"]),
    )
    return convention


def _months_after(day: date, months: int) -> date:
    """Return the first day of the month so many months after that of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _month_before(day: date) -> date:
    """Return the last day of the month before that of `day`."""
    return day.replace(day=1) - timedelta(days=1)
