"""What a bilan is made of: its years and period, its parts, the text that each begins with."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import (
    StateAmendment,
    StateAmount,
    StateConvention,
    Volet,
)
from portal.budget.spending_models import Expense
from portal.conventions.states import ConventionState
from portal.money import euros

SYNTHESE = "synthese"
DEPENSES = "depenses"
COMPTES = "comptes"
PLAN = "plan"
FICHES = "fiches"
PLACES = "places"
PIECES = "pieces"
_TITLES = {
    SYNTHESE: "Synthèse",
    DEPENSES: "État des dépenses",
    COMPTES: "Comptes",
    PLAN: "Plan de financement",
    FICHES: "Fiches action et indicateurs",
    PLACES: "Places et partenaires",
    PIECES: "Pièces jointes",
}
# Parts that are nothing without words.
_TEXTS = {SYNTHESE, *(f"volet-{volet.value}" for volet in Volet)}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bilan: its key (in the address and in the database), its title, whether it needs a text."""

    key: str
    title: str

    @property
    def needs_text(self) -> bool:
        """True when the part is nothing without words."""
        return self.key in _TEXTS


def end_of(convention: StateConvention, terms_end: date) -> date:
    """Return the last day of a convention: that of its text and avenants, or the day it was ended."""
    if convention.state is ConventionState.RESILIEE and convention.resiliee_le is not None:
        return min(terms_end, convention.resiliee_le)
    return terms_end


def ends_of(session: Session, conventions: list[StateConvention], day: date) -> dict[uuid.UUID, date]:
    """Return {convention: its last day, as it stands on `day`}, in one statement."""
    rows = session.execute(
        select(col(StateAmendment.convention_id), col(StateAmendment.date_fin))
        .where(
            col(StateAmendment.convention_id).in_([convention.id for convention in conventions]),
            col(StateAmendment.signe_le) <= day,
            col(StateAmendment.date_fin).is_not(None),
        )
        .order_by(col(StateAmendment.numero))
    )
    said = {row[0]: row[1] for row in rows}
    return {
        convention.id: end_of(convention, said.get(convention.id, convention.date_fin))
        for convention in conventions
    }


def years_of(bilan: Bilan, convention: StateConvention) -> list[int]:
    """Return the years that a bilan tells: its own, and for the final one all those of the convention until it."""
    if bilan.kind is BilanKind.INTERMEDIAIRE:
        return [bilan.annee]
    return list(range(min(convention.date_debut.year, bilan.annee), bilan.annee + 1))


def period_of(bilan: Bilan, convention: StateConvention, end: date) -> tuple[date, date]:
    """Return the first and last day that a bilan tells, within the convention."""
    years = years_of(bilan, convention)
    first = max(date(years[0], 1, 1), convention.date_debut)
    return first, max(first, min(date(years[-1], 12, 31), end))


def parts_of(session: Session, convention: StateConvention, bilan: Bilan) -> list[Part]:
    """Return the parts of a bilan in order: a volet has one when it has credits or expenses; frozen ones keep theirs."""
    if bilan.figures:
        return [Part(told["cle"], told["titre"]) for told in bilan.figures["parties"]]
    years = years_of(bilan, convention)
    told = {
        *session.exec(
            select(StateAmount.volet)
            .join(StateAmendment, col(StateAmendment.id) == col(StateAmount.amendment_id))
            .where(
                col(StateAmendment.convention_id) == convention.id,
                col(StateAmount.annee).in_(years),
                col(StateAmount.montant_centimes) > 0,
                col(StateAmendment.signe_le).is_not(None),
            )
            .distinct()
        ),
        *session.exec(
            select(Expense.volet)
            .where(col(Expense.convention_id) == convention.id, col(Expense.annee).in_(years))
            .distinct()
        ),
    }
    return [
        Part(SYNTHESE, _TITLES[SYNTHESE]),
        *(Part(f"volet-{volet.value}", volet.label) for volet in Volet if volet.value in told),
        *(Part(key, _TITLES[key]) for key in (DEPENSES, COMPTES, PLAN, FICHES, PLACES, PIECES)),
    ]


def title_of(bilan: Bilan) -> str:
    """Return what a bilan is called: "Bilan intermédiaire 2023"."""
    return f"{bilan.kind.label} {bilan.annee}"


def proposed(part: str, told: dict[str, Any]) -> str:
    """Return the text that a part begins with: the portal's own figures in sentences, to be completed by hand."""
    lines: list[str] = []
    if part == SYNTHESE:
        for account in told["comptes"]:
            lines.append(
                f"En {account['annee']}, {euros(account['depense'])} ont été dépensés, dont {euros(account['retenu'])} "
                f"retenus sur les {euros(account['montant'])} de crédits de l’État."
            )
        total = told["places"]["total"]
        if told["places"]["conventions"]:
            lines.append(
                f"Les partenaires ont accueilli {_people(total['personnes'])} "
                f"({total['entrees']} entrées, {total['sorties']} sorties) pour {total['financees']} places financées."
            )
    elif part.startswith("volet-"):
        volet = int(part.removeprefix("volet-"))
        for account, told_year in zip(told["comptes"], told["etats"], strict=True):
            mine = next(found for found in account["volets"] if found["volet"] == volet)
            lines.append(
                f"En {account['annee']}, {euros(mine['depense'])} ont été dépensés sur ce volet, dont "
                f"{euros(mine['retenu'])} retenus sur les {euros(mine['montant'])} de crédits de l’État."
            )
            natures: dict[str, int] = {}
            for line in lines_of(told_year):
                if line["volet"] == volet:
                    natures[line["nature"]] = natures.get(line["nature"], 0) + line["montant"]
            lines += [f"- {nature} : {euros(cents)}" for nature, cents in natures.items()]
    return "\n".join(lines)


def lines_of(told_year: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a year's statement in its order; those kept apart are not among them."""
    return [line for bloc in told_year["blocs"] for nature in bloc["natures"] for line in nature["lignes"]]


def _people(number: int) -> str:
    return f"{number} personne{'s' if number > 1 else ''}"


def handed_in_now(bilan: Bilan) -> Bilan:
    """Return a bilan as though it were handed in now, for `accounts.of`; it is not kept."""
    return Bilan(
        id=bilan.id,
        convention_id=bilan.convention_id,
        annee=bilan.annee,
        kind=bilan.kind,
        state=BilanState.REMIS,
        remis_at=clock.now(),
        figures={},
    )
