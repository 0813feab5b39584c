"""What an offer asks for, checked with the person's file before sending: said to the référent, who decides.

Only what `rules.send` would refuse anyway is blocking. The person's other prescriptions are read whoever made them:
their référent plans the week, and asks for one place at a time.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from babel.dates import format_date
from sqlalchemy.orm import joinedload, load_only
from sqlmodel import Session, col, select

from portal import clock, geography, vocabulary
from portal.beneficiaries.models import Beneficiary
from portal.conventions import follow_up
from portal.conventions import queries as convention_queries
from portal.offers import freshness
from portal.offers.models import Offer, OfferSession
from portal.offers.places import Places
from portal.parcours import Dominante
from portal.prescriptions import rules, sensitive
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN, State
from portal.structures.models import CatalogueRules, Structure
from portal.structures.rules import catalogue_rules

# The schema's "jeunes" and "seniors" have no bounds: the widest in use (aid to young workers, senior workers).
YOUNG_UNTIL = 29
SENIOR_FROM = 50
REFUSED_SINCE = timedelta(days=90)
ENDS_SOON = timedelta(days=30)
_EVERYBODY = "tous-publics"
# What the file does not need to say: everybody here is on the RSA.
_ON_RSA = "beneficiaires-des-minimas-sociaux"
_COUNTRY = frozenset({"france", "99100"})
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """What the référent is told before sending: `slug`, `message` in French; `blocking`: it would be refused."""

    slug: str
    message: str
    blocking: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What was read once for several people and offers."""

    today: date
    hours_max: int
    settings: CatalogueRules
    places: dict[uuid.UUID, Places]
    sessions: dict[uuid.UUID, list[OfferSession]]
    structures: dict[uuid.UUID, Structure]
    # By person: what is under way, and what was refused lately.
    under_way: dict[uuid.UUID, list[Prescription]] = field(default_factory=dict)
    refused: dict[uuid.UUID, list[Prescription]] = field(default_factory=dict)


def remarks(session: Session, person: Beneficiary, offer: Offer) -> list[Remark]:
    """Return what to say about prescribing this offer to this person, the blocking ones first."""
    return said_of(gather(session, [person.id], [offer]), person, offer)


def gather(session: Session, person_ids: Collection[uuid.UUID], offers: Collection[Offer]) -> Known:
    """Read what `said_of` needs for these people and offers, in a number of statements that does not depend on them."""
    offer_ids = list({offer.id for offer in offers})
    today = clock.today()
    known = Known(
        today=today,
        hours_max=follow_up.in_force(session).heures_max,
        settings=catalogue_rules(session),
        places=convention_queries.places_by_offer(session, offer_ids),
        sessions=_sessions(session, offer_ids, today),
        structures=_structures(session, {offer.structure_id for offer in offers}),
    )
    found = session.exec(
        select(Prescription)
        .options(
            joinedload(Prescription.offer).load_only(  # type: ignore[arg-type]
                Offer.nom,  # type: ignore[arg-type]
                Offer.thematiques,  # type: ignore[arg-type]
            ),
            joinedload(Prescription.structure).load_only(Structure.nom),  # type: ignore[arg-type]
        )
        .where(
            col(Prescription.beneficiary_id).in_(list(person_ids)),
            col(Prescription.state).in_(OPEN)
            | (
                (col(Prescription.state) == State.REFUSEE)
                & (col(Prescription.updated_at) >= clock.now() - REFUSED_SINCE)
            ),
        )
        .order_by(col(Prescription.sent_at).desc(), col(Prescription.id))
    )
    for prescription in found:
        kept = known.refused if prescription.state is State.REFUSEE else known.under_way
        kept.setdefault(prescription.beneficiary_id, []).append(prescription)
    return known


def said_of(known: Known, person: Beneficiary, offer: Offer, *, beside: Iterable[Offer] = ()) -> list[Remark]:
    """Return what to say about this offer for this person, the blocking ones first.

    `beside`: the other offers that are about to be prescribed to the same person.
    """
    others = [one for one in beside if one.id != offer.id]
    found = [
        *_not_offered(known, offer),
        *_under_way(known, person, offer, others),
        *_refused(known, person, offer),
        *_publics(known, person, offer),
        *_dominante(person, offer),
        *_zone(person, offer),
        *_hours(known, person, offer, others),
        *_places(known, offer),
        *_ageing(known, offer),
    ]
    return sorted(found, key=lambda remark: not remark.blocking)


def wording(motif: str, offers: Iterable[Offer]) -> list[sensitive.Found]:
    """Return the sensitive subjects that a motive speaks of, beyond what these offers themselves say."""
    said: list[str] = []
    for offer in offers:
        said += [offer.nom, offer.publics_precisions or ""]
        said += vocabulary.labels("thematiques", offer.thematiques or ())
        said += vocabulary.labels("publics", offer.publics or ())
    return sensitive.find(motif, said)


def _not_offered(known: Known, offer: Offer) -> Iterable[Remark]:
    message = rules.why_not_offered(offer, known.structures[offer.structure_id])
    if message is not None:
        yield Remark("retiree", message, True)


def _under_way(known: Known, person: Beneficiary, offer: Offer, others: Sequence[Offer]) -> Iterable[Remark]:
    needs = set(offer.thematiques or ())
    for prescription in known.under_way.get(person.id, ()):
        state = prescription.state.label.lower()
        name = f"« {prescription.offre_nom} » ({prescription.structure.nom})"
        if prescription.offer_id == offer.id:
            yield Remark(
                "doublon",
                f"Cette personne a déjà une prescription en cours pour cette offre ({state}).",
                True,
            )
        elif needs & set(prescription.offer.thematiques or ()):
            yield Remark(
                "meme-besoin", f"Une prescription est déjà en cours pour le même besoin : {name}, {state}."
            )
        elif when := _meets(known, prescription, offer):
            yield Remark(
                "meme-periode", f"En même temps que {name}, {when} : vérifiez que les jours vont ensemble."
            )
    same = [other for other in others if needs & set(other.thematiques or ())]
    if same:
        yield Remark("meme-besoin", f"Vous prescrivez aussi, pour le même besoin : {_names(same)}.")


def _meets(known: Known, prescription: Prescription, offer: Offer) -> str | None:
    """Return when a prescription is planned, if the offer cannot be followed without meeting it; None otherwise."""
    begin = prescription.date_entree or prescription.debut_prevu
    if begin is None:
        return None
    end = prescription.fin_prevue
    if end is not None and end < known.today:
        return None
    periods = [(s.debut, s.fin or s.debut) for s in known.sessions.get(offer.id, ())]
    if not periods:
        weeks = offer.nombre_semaines
        periods = [(known.today, known.today + timedelta(weeks=min(weeks, 520)) if weeks else date.max)]
    if any(last < begin or (end is not None and first > end) for first, last in periods):
        return None
    return f"du {_day(begin)} au {_day(end)}" if end else f"depuis le {_day(begin)}"


def _refused(known: Known, person: Beneficiary, offer: Offer) -> Iterable[Remark]:
    for prescription in known.refused.get(person.id, ()):
        if prescription.offer_id == offer.id:
            reason = prescription.motif_refus.label if prescription.motif_refus else "sans raison"
            day = prescription.updated_at.astimezone(clock.PARIS).date()
            yield Remark(
                "refusee",
                f"La structure a déjà refusé cette personne le {_day(day)} : {_lower(reason)}. Appelez-la d’abord.",
            )
            return


def _publics(known: Known, person: Beneficiary, offer: Offer) -> Iterable[Remark]:
    publics = list(offer.publics or ())
    if not publics or {_EVERYBODY, _ON_RSA} & set(publics):
        return
    age = person.age_on(known.today)
    right = {"jeunes": age <= YOUNG_UNTIL, "seniors": age >= SENIOR_FROM}
    if any(right.get(public) for public in publics):
        return
    asked = ", ".join(vocabulary.labels("publics", publics)).lower()
    unsaid = [public for public in publics if public not in right]
    if not unsaid:
        yield Remark("public", f"Cette offre est pour : {asked}. La personne a {age} ans.")
    else:
        yield Remark(
            "public", f"Cette offre est pour : {asked}. Le dossier ne le dit pas : vérifiez avec la personne."
        )


def _dominante(person: Beneficiary, offer: Offer) -> Iterable[Remark]:
    wanted = offer.dominantes or ()
    if person.dominante is None or not wanted or person.dominante.value in wanted:
        return
    labels = {dominante.value: dominante.label for dominante in Dominante}
    asked = ", ".join(labels.get(value, value) for value in wanted).lower()
    yield Remark(
        "dominante",
        f"Cette offre est pour un parcours de dominante {asked} ; celle de la personne est "
        f"{person.dominante.label.lower()}.",
    )


def _zone(person: Beneficiary, offer: Offer) -> Iterable[Remark]:
    zones = set(offer.zone_eligibilite or ())
    if not zones or zones & _COUNTRY:
        return
    asked = ", ".join(geography.zone_label(code) for code in sorted(zones)[:_NAMED])
    if len(zones) > _NAMED:
        asked += " et d’autres lieux"
    if person.code_insee is None:
        yield Remark(
            "zone", f"Cette offre est réservée à : {asked}. Le dossier ne dit pas où vit la personne."
        )
        return
    commune = geography.commune(person.code_insee)
    if commune is not None and not zones & geography.zone_codes_covering(commune):
        yield Remark("zone", f"Cette offre est réservée à : {asked}. La personne vit à {commune.nom}.")


def _hours(known: Known, person: Beneficiary, offer: Offer, others: Sequence[Offer]) -> Iterable[Remark]:
    if not offer.volume_horaire_hebdomadaire:
        return
    planned = sum(
        prescription.minutes_prevues or 0
        for prescription in known.under_way.get(person.id, ())
        if prescription.offer_id != offer.id
        and (prescription.fin_prevue is None or prescription.fin_prevue >= known.today)
    )
    planned += sum(round((other.volume_horaire_hebdomadaire or 0) * 60) for other in others)
    total = planned + round(offer.volume_horaire_hebdomadaire * 60)
    if total > known.hours_max * 60:
        yield Remark(
            "heures",
            f"Avec cette offre, la semaine compterait {_hours_words(total)}, au-dessus des {known.hours_max} h "
            "visées.",
        )


def _places(known: Known, offer: Offer) -> Iterable[Remark]:
    places = known.places.get(offer.id)
    if places is None or places.libres > places.en_attente:
        return
    waiting = places.en_attente
    people = "" if not waiting else f", {waiting} personne{'s attendent' if waiting > 1 else ' attend'} déjà"
    yield Remark(
        "places",
        f"Il n’y a pas de place libre aujourd’hui{people}. Vous pouvez prescrire : la structure mettra la personne "
        "en liste d’attente, ou vous répondra.",
    )


def _ageing(known: Known, offer: Offer) -> Iterable[Remark]:
    if offer.date_fin is not None and known.today <= offer.date_fin <= known.today + ENDS_SOON:
        yield Remark("fin-proche", f"Cette offre ne peut plus être demandée après le {_day(offer.date_fin)}.")
    if freshness.is_due(offer, known.settings):
        yield Remark(
            "a-confirmer",
            f"La structure n’a pas confirmé cette offre depuis le {_day(offer.date_maj)} : appelez-la avant d’envoyer.",
        )


def _sessions(
    session: Session, offer_ids: Collection[uuid.UUID], today: date
) -> dict[uuid.UUID, list[OfferSession]]:
    found: dict[uuid.UUID, list[OfferSession]] = {}
    for one in session.exec(
        select(OfferSession)
        .where(col(OfferSession.offer_id).in_(list(offer_ids)), col(OfferSession.debut) >= today)
        .order_by(col(OfferSession.debut), col(OfferSession.id))
    ):
        found.setdefault(one.offer_id, []).append(one)
    return found


def _structures(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Structure]:
    rows = session.exec(
        select(Structure)
        .where(col(Structure.id).in_(list(ids)))
        .options(load_only(Structure.nom, Structure.state))  # type: ignore[arg-type]
    )
    return {structure.id: structure for structure in rows}


def _names(offers: Sequence[Offer]) -> str:
    return ", ".join(f"« {offer.nom} »" for offer in offers[:_NAMED])


def _day(day: date) -> str:
    return format_date(day, "d MMMM y", locale="fr")


def _hours_words(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d}" if rest else f"{hours} h"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
