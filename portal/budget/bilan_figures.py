"""What a bilan tells, as plain data: read from the portal while it is prepared, kept as it was once handed in.

Pages and files are made of this shape only, so that a frozen bilan reads as the one that was prepared. Money is in
cents, numbers of units in thousandths, ETP in hundredths, days are ISO texts.
"""

import uuid
from datetime import date
from typing import Any

from sqlmodel import Session, col, func, select

from portal import clock
from portal.budget import accounts, figures, papers
from portal.budget.accounts import Year
from portal.budget.bilan_models import Bilan
from portal.budget.bilan_parts import (
    COMPTES,
    DEPENSES,
    FICHES,
    PIECES,
    PLACES,
    PLAN,
    SYNTHESE,
    end_of,
    handed_in_now,
    parts_of,
    period_of,
    title_of,
    years_of,
)
from portal.budget.models import (
    FicheAction,
    FicheFinancedAction,
    PlanLine,
    StateConvention,
    Volet,
)
from portal.budget.spending_models import Expense
from portal.budget.statement import Line, Statement, statement
from portal.budget.terms import Terms, terms_on
from portal.conventions.models import Convention, FinancedAction
from portal.structures.models import Structure


def gather(
    session: Session, convention: StateConvention, bilan: Bilan, *, only: str | None = None
) -> dict[str, Any]:
    """Return what the portal knows for a bilan now, or only what one part (`only`) shows.

    Accounts are told as they are once the bilan is handed in. At most thirty statements, whatever the sizes.
    """
    terms = terms_on(session, convention, clock.today())
    # Those of its year: an avenant for the next one is signed before the bilan is handed in.
    objet, cible = terms.said_of(bilan.annee)
    end = end_of(convention, terms.date_fin)
    debut, fin = period_of(bilan, convention, end)
    years = years_of(bilan, convention)

    def wanted(*parts: str) -> bool:
        return only is None or only in parts

    told: dict[str, Any] = {
        "genre": bilan.kind.value,
        "titre": title_of(bilan),
        "annees": years,
        "du": debut.isoformat(),
        "au": fin.isoformat(),
        "convention": {
            "numero": convention.numero,
            "intitule": convention.intitule,
            "etat": convention.etat,
            "departement": convention.departement,
            "date_debut": convention.date_debut.isoformat(),
            "date_fin": end.isoformat(),
            "objet": objet,
            "cible": cible,
            "taux_departement": convention.taux_departement,
            "avenants": [
                {"nom": amendment.name, "signe_le": amendment.signe_le.isoformat()}
                for amendment in terms.amendments
                if amendment.signe_le is not None
            ],
        },
    }
    texts = {SYNTHESE, *(f"volet-{volet.value}" for volet in Volet)}
    if wanted(COMPTES, *texts):
        told["comptes"] = [
            _account(year)
            for year in accounts.of(session, convention, as_if=[handed_in_now(bilan)])
            if year.annee in years
        ]
    if wanted(DEPENSES, *(texts - {SYNTHESE})):
        told["etats"] = [_statement(statement(session, convention, annee)) for annee in years]
    if wanted(PLAN):
        told["plan"] = _plan(session, terms, years)
    if wanted(FICHES, SYNTHESE, "volet-2"):
        told["fiches"] = _fiches(session, convention, years, debut, fin)
    if wanted(PLACES, SYNTHESE, "volet-2"):
        told["places"] = _places(session, convention, years, debut, fin)
    if wanted(PIECES):
        told["pieces"] = [document.nom for document in papers.of(session, convention, bilan_id=bilan.id)]
    if only is None:
        told["parties"] = [
            {"cle": part.key, "titre": part.title} for part in parts_of(session, convention, bilan)
        ]
    return told


def _account(year: Year) -> dict[str, Any]:
    account = year.account
    return {
        "annee": account.annee,
        "montant": account.montant,
        "depense": account.depense,
        "retenu": account.retenu,
        "part_departement": account.part_departement,
        "disponible": account.disponible,
        "avance_brute": account.avance_brute,
        "deduction": account.deduction,
        "avance_due": account.avance_due,
        "avance_acquise": account.avance_acquise,
        "solde_du": account.solde_du,
        "trop_percu": account.trop_percu,
        "reporte": account.reporte,
        "reversement": account.reversement,
        "taux_departement": year.taux_departement,
        "taux_supporte": year.taux_supporte,
        "sous_le_taux": year.below_rate,
        "volets": [
            {
                "volet": volet.value,
                "titre": volet.label,
                "montant": here.montant,
                "depense": here.spent.total,
                "part_etat": here.spent.part_etat,
                "retenu": here.retenu,
                "part_departement": here.part_departement,
                "disponible": here.disponible,
            }
            for volet, here in account.volets.items()
        ],
        "versements": [
            {
                "genre": due.kind.value,
                "titre": due.kind.label,
                "du": due.montant,
                "demande": due.payment.demande_centimes if due.payment else None,
                "valide": due.payment.valide_centimes if due.payment else None,
                "verse": due.payment.verse_centimes if due.payment else None,
                "verse_le": due.payment.verse_le.isoformat()
                if due.payment and due.payment.verse_le
                else None,
            }
            for due in year.dues.values()
            if due.payment or due.montant
        ],
    }


def _statement(found: Statement) -> dict[str, Any]:
    return {
        "annee": found.annee,
        "montant": found.montant,
        "part_etat": found.part_etat,
        "montant_apart": found.montant_apart,
        "blocs": [
            {
                "titre": bloc.bloc.label,
                "montant": bloc.montant,
                "part_etat": bloc.part_etat,
                "natures": [
                    {
                        "titre": group.nature.label,
                        "montant": group.montant,
                        "part_etat": group.part_etat,
                        "lignes": [_line(line) for line in group.lines],
                    }
                    for group in bloc.natures
                ],
            }
            for bloc in found.blocs
        ],
        "apart": [_line(line) for line in found.apart],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "volet": line.volet.value,
        "nature": line.nature.label,
        "code": line.nature.value,
        "objet": line.objet,
        "unite": line.unite,
        "nombre": line.nombre,
        "cout_unitaire": line.cout_unitaire,
        "du": line.date_debut.isoformat(),
        "au": line.date_fin.isoformat(),
        "periode": line.dates,
        "montant": line.montant,
        "part_etat": line.part_etat,
        "lien": line.lien,
        "non_eligible": line.non_eligible.value if line.non_eligible else None,
    }


def _plan(session: Session, terms: Terms, years: list[int]) -> list[dict[str, Any]]:
    wanted = {terms.plans[annee] for annee in years if annee in terms.plans}
    rows = list(
        session.exec(
            select(PlanLine)
            .where(col(PlanLine.amendment_id).in_(wanted), col(PlanLine.annee).in_(years))
            .order_by(col(PlanLine.annee), col(PlanLine.volet), col(PlanLine.rang))
        )
    )
    told = []
    for annee in years:
        volets: list[dict[str, Any]] = []
        for volet in Volet:
            lines = [
                row
                for row in rows
                if row.annee == annee and row.volet == volet and row.amendment_id == terms.plans.get(annee)
            ]
            ceiling = terms.of_volet(annee, volet)
            if lines or ceiling:
                volets.append(
                    {
                        "volet": volet.value,
                        "titre": volet.label,
                        "plafond": ceiling,
                        "montant": sum(line.montant_centimes for line in lines),
                        "autres": sum(line.autres_centimes for line in lines),
                        "lignes": [_plan_line(line) for line in lines],
                    }
                )
        told.append(
            {
                "annee": annee,
                "volets": volets,
                "plafond": sum(volet["plafond"] for volet in volets),
                "montant": sum(volet["montant"] for volet in volets),
                "autres": sum(volet["autres"] for volet in volets),
            }
        )
    return told


def _plan_line(line: PlanLine) -> dict[str, Any]:
    return {
        "nature": line.nature.label,
        "code": line.nature.value,
        "objet": line.objet,
        "detail": line.detail,
        "existant_etp": line.existant_etp,
        "existant": line.existant_centimes,
        "cible_etp": line.cible_etp,
        "cible": line.cible_centimes,
        "montant": line.montant_centimes,
        "autres": line.autres_centimes,
        "autres_sources": line.autres_sources,
    }


def _fiches(
    session: Session, convention: StateConvention, years: list[int], debut: date, fin: date
) -> list[dict[str, Any]]:
    fiches = list(
        session.exec(
            select(FicheAction)
            .where(col(FicheAction.convention_id) == convention.id, col(FicheAction.annee).in_(years))
            .order_by(col(FicheAction.annee), col(FicheAction.titre), col(FicheAction.id))
        )
    )
    told = []
    # An action sheet is of a year: its figures are those of that year only.
    for annee in years:
        of_year = [fiche for fiche in fiches if fiche.annee == annee]
        if not of_year:
            continue
        first, last = max(debut, date(annee, 1, 1)), min(fin, date(annee, 12, 31))
        known = figures.of_fiches(session, [fiche.id for fiche in of_year], first, last)
        told += [
            {
                "annee": annee,
                "titre": fiche.titre,
                "budget_etat": fiche.budget_etat_centimes,
                "budget_collectivite": fiche.budget_collectivite_centimes,
                "cible_entrants": fiche.cible_entrants,
                "cible_allocataires": fiche.cible_allocataires,
                "realise": _figures(known[fiche.id]),
                "indicateurs": [
                    {name: indicator.get(name) or "" for name in ("libelle", "cible", "realise")}
                    for indicator in fiche.indicateurs or []
                ],
            }
            for fiche in of_year
        ]
    return told


def _places(
    session: Session, convention: StateConvention, years: list[int], debut: date, fin: date
) -> dict[str, Any]:
    """The partners' conventions that expenses or action sheets of these years are tied to."""
    spent: dict[uuid.UUID, int] = {
        row[0]: int(row[1])
        for row in session.execute(
            select(col(Expense.partner_convention_id), func.sum(col(Expense.montant_centimes)))
            .where(
                col(Expense.convention_id) == convention.id,
                col(Expense.annee).in_(years),
                col(Expense.hors_convention).is_(False),
                col(Expense.partner_convention_id).is_not(None),
            )
            .group_by(col(Expense.partner_convention_id))
        )
    }
    ids = set(spent) | set(
        session.exec(
            select(FinancedAction.convention_id)
            .join(FicheFinancedAction, col(FicheFinancedAction.action_id) == col(FinancedAction.id))
            .join(FicheAction, col(FicheAction.id) == col(FicheFinancedAction.fiche_id))
            .where(col(FicheAction.convention_id) == convention.id, col(FicheAction.annee).in_(years))
            .distinct()
        )
    )
    if not ids:
        return {"conventions": [], "total": _figures(figures.Figures()), "depense": 0}
    rows = session.execute(
        select(Convention.id, Convention.numero, Convention.intitule, Structure.nom)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(col(Convention.id).in_(ids))
        .order_by(col(Convention.numero))
    ).all()
    known = figures.of_conventions(session, ids, debut, fin)
    actions = list(session.exec(select(FinancedAction.id).where(col(FinancedAction.convention_id).in_(ids))))
    return {
        "conventions": [
            {
                "numero": numero,
                "intitule": intitule,
                "partenaire": nom,
                "depense": spent.get(id, 0),
                **_figures(known[id]),
            }
            for id, numero, intitule, nom in rows
        ],
        # Somebody in two conventions is one person: the total is not the sum.
        "total": _figures(figures.together(session, actions, debut, fin)),
        "depense": sum(spent.values()),
    }


def _figures(found: figures.Figures) -> dict[str, int]:
    return {
        "entrees": found.entrees,
        "sorties": found.sorties,
        "personnes": found.personnes,
        "nouveaux": found.nouveaux,
        "minutes": found.minutes,
        "financees": found.financees,
        "occupees": found.occupees,
        "libres": found.libres,
    }
