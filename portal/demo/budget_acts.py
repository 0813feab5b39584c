"""What the story of the convention with the State does again and again: a plan, an expense, a payment, a bilan."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from portal.accounts.models import User
from portal.budget import (
    amendments,
    bilan_reading,
    bilan_writing,
    bilans,
    expenses,
    payments,
    planning,
)
from portal.budget.bilan_models import BilanKind, Mark
from portal.budget.models import Nature, StateAmendment, StateConvention, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import PaymentKind
from portal.demo.days import on_day
from portal.demo.ids import demo_id

# Who signs and who pays, invented; both conventions have the same.
SIGNATORIES = {
    "etat": "Préfecture d’Ille-et-Vilaine (démonstration)",
    "etat_signataire": "Préfet-Démo",
    "departement": "Département d’Ille-et-Vilaine (démonstration)",
    "departement_signataire": "Président-Démo",
    "programme": "Programme de démonstration",
    "centre_financier": "CF-DEMO",
    "centre_cout": "CC-DEMO",
    "ordonnateur": "Préfet-Démo",
    "comptable": "Comptable-Démo",
    "titulaire": "Paierie de démonstration",
    "iban": "FR590000000000DEMOPORTAIL73",
}
_PARTS = {
    "synthese": "L’année a vu l’équipe se mettre en place et les premières solutions ouvrir (démonstration).",
    "volet-1": "La chefferie de projet a tenu les comités et suivi le portail (démonstration).",
    "volet-2": "Les solutions financées ont ouvert dans les trois pays (démonstration).",
    "volet-3": "Les référents ont été recrutés dans les CDAS et chez les partenaires (démonstration).",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Who writes, and the day of the telling: the story goes until the day before.

    `last` is the last year of the story, when it is not that of the telling.
    """

    session: Session
    people: dict[str, User]
    today: date
    last: int | None = None

    @property
    def year(self) -> int:
        """The last year of the story."""
        return self.last or self.today.year

    @property
    def officer(self) -> User:
        """The account that writes all of it."""
        return self.people["conventionnement"]

    def day(self, before: int, month: int, day: int) -> date:
        """Return a day, `before` years before the last one of the story."""
        return date(self.year - before, month, day)

    def came(self, day: date) -> bool:
        """Say whether a day is over: what happens later is not told."""
        return day < self.today


def say(
    teller: Teller,
    convention: StateConvention,
    amendment: StateAmendment,
    amounts: dict[tuple[int, Volet], int],
) -> None:
    """Give a draft text these amounts: {(year, volet): cents}."""
    amendments.change(
        teller.session,
        convention,
        amendment,
        objet=amendment.objet,
        cible=amendment.cible,
        date_fin=amendment.date_fin,
        amounts=amounts,
        by=teller.officer,
    )


def write_plan(
    teller: Teller,
    amendment: StateAmendment,
    annee: int,
    volet: Volet,
    nature: Nature,
    objet: str,
    cents: int,
    **values: Any,
) -> None:
    """Add a line to the plan of a text, of so many cents of the State."""
    planning.write(
        teller.session,
        amendment,
        annee,
        {
            "volet": volet,
            "nature": nature,
            "objet": objet,
            "cible_centimes": cents + (values.get("autres_centimes") or 0),
            "montant_centimes": cents,
            **values,
        },
        by=teller.officer,
    )


def forfait(volet: Volet, nature: Nature, objet: str, cents: int, annee: int) -> dict[str, Any]:
    """Return the values of an expense that is a lump sum over a year."""
    return {
        "volet": volet,
        "nature": nature,
        "objet": objet,
        "unite": "forfait",
        "nombre": 1_000,
        "cout_unitaire_centimes": cents,
        "date_debut": date(annee, 1, 1),
        "date_fin": date(annee, 12, 31),
    }


def spend(
    teller: Teller,
    convention: StateConvention,
    annee: int,
    volet: Volet,
    nature: Nature,
    objet: str,
    cents: int,
) -> None:
    """Write a lump sum among the expenses of a year."""
    values = forfait(volet, nature, objet, cents, annee)
    expenses.write(teller.session, convention, annee, values, by=teller.officer)


def pay(teller: Teller, convention: StateConvention, annee: int, kind: PaymentKind, days: list[date]) -> None:
    """Take the steps of a payment whose day came, each for all that is due."""
    due = 0
    for step, day in zip(Step, days, strict=True):
        if not teller.came(day):
            return
        with on_day(day):
            if step is Step.DEMANDE:
                year = next(y for y in payments.accounts(teller.session, convention, day) if y.annee == annee)
                due = year.dues[kind].montant
            payments.take_step(
                teller.session,
                convention,
                annee,
                kind,
                step,
                le=day,
                centimes=due,
                reference=f"DEMO-{kind.value[:2].upper()}-{annee}",
                by=teller.officer,
            )


def tell_bilan(
    teller: Teller,
    convention: StateConvention,
    annee: int,
    kind: BilanKind,
    begun: date,
    *,
    handed_in: date,
    slug: str,
    settled: bool,
) -> None:
    """Prepare the bilan of a year; hand it in and have it read as far as the days that came, to the end if `settled`."""
    session, officer = teller.session, teller.officer
    # The account that is told to everybody finds the second reading of one to do.
    first, second = teller.people["etat2"], teller.people["etat"]
    with on_day(begun):
        bilan = bilan_writing.begin(session, convention, annee, kind, by=officer, id=demo_id("bilan", slug))
        whole = teller.came(handed_in)
        for state in bilans.parts(session, convention, bilan):
            key = state.part.key
            if whole or key in {"synthese", "depenses"}:
                bilan_writing.write_part(
                    session, bilan, convention, key, _PARTS.get(key, ""), True, by=officer
                )
    if not whole:
        return
    with on_day(handed_in):
        bilan_writing.hand_in(session, bilan, convention, by=officer)
    read = handed_in + timedelta(days=13)
    if teller.came(read):
        with on_day(read):
            bilan_reading.mark_part(session, bilan, convention, "depenses", Mark.VU, "", by=first)
            bilan_reading.accept(session, bilan, convention, by=first)
    if settled:
        with on_day(handed_in + timedelta(days=24)):
            bilan_reading.accept(session, bilan, convention, by=second)
