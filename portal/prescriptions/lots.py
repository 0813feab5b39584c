"""Several prescriptions made in one go: drafts that share `lot_id`, read over and sent together."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.engines.alphabetical import by_name
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers.models import Offer
from portal.prescriptions import rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State

# What one page can show and one person read over.
MOST = 30


@dataclass(frozen=True, slots=True)
class Made:
    """The drafts of a lot, and why some were not made: (name of the person, name of the offer, sentence)."""

    drafts: list[Prescription] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sent:
    """What left, and why the others did not: the id of each draft with what was refused."""

    sent: list[Prescription] = field(default_factory=list)
    refused: dict[uuid.UUID, RuleBroken] = field(default_factory=dict)


def create_lot(
    session: Session,
    *,
    lot_id: uuid.UUID,
    people: Sequence[Beneficiary],
    offers: Sequence[Offer],
    by: User,
    partage: Collection[str],
) -> Made:
    """Add a draft of each of these offers (their structure loaded) for each of these people, and return them.

    The same `lot_id` again makes nothing twice. Raises RuleBroken for nobody, for no offer or for more than MOST
    drafts; NotAllowed as `rules.create_prescription` does.
    """
    if not people or not offers:
        raise RuleBroken("Choisissez au moins une personne et une offre.")
    if len(people) * len(offers) > MOST:
        raise RuleBroken(
            f"Cela ferait {len(people) * len(offers)} prescriptions : préparez-en {MOST} au plus à la fois."
        )
    made = Made()
    for person in people:
        for offer in offers:
            try:
                draft = rules.create_prescription(
                    session,
                    beneficiary=person,
                    offer=offer,
                    structure=offer.structure,
                    by=by,
                    form_key=uuid.uuid5(lot_id, f"{person.id}/{offer.id}"),
                    motif="",
                    partage=partage,
                    lot_id=lot_id,
                )
            except (AlreadyDone, NotAllowed):
                raise
            except RuleBroken as broken:
                if broken.field is not None:
                    raise
                made.refused.append((person.full_name, offer.nom, broken.message))
            else:
                made.drafts.append(draft)
    return made


def of_lot(session: Session, lot_id: uuid.UUID, user: User) -> list[Prescription]:
    """Return the prescriptions of a lot of `user`, whatever became of them, with person, offer and structure."""
    return list(
        session.exec(
            select(Prescription)
            .join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
            .options(
                joinedload(Prescription.beneficiary),  # type: ignore[arg-type]
                joinedload(Prescription.offer),  # type: ignore[arg-type]
                joinedload(Prescription.structure),  # type: ignore[arg-type]
            )
            .where(
                col(Prescription.lot_id) == lot_id,
                col(Prescription.referent_id) == user.id,
                # A draft is written from the file of the person: it is for who follows them today.
                (col(Prescription.state) != State.BROUILLON) | (col(Beneficiary.referent_id) == user.id),
            )
            .order_by(
                by_name(col(Beneficiary.nom)),
                by_name(col(Beneficiary.prenom)),
                by_name(col(Prescription.offre_nom)),
                col(Prescription.id),
            )
        )
    )


def drafts_among(prescriptions: Sequence[Prescription]) -> list[Prescription]:
    """Return those that did not leave yet."""
    return [prescription for prescription in prescriptions if prescription.state is State.BROUILLON]


def common_motif(drafts: Sequence[Prescription]) -> str:
    """Return the motive that most of these drafts share; "" when none is written twice, unless there is one draft."""
    written = Counter(draft.motif for draft in drafts if draft.motif.strip())
    motif, times = written.most_common(1)[0] if written else ("", 0)
    return motif if times > 1 or len(drafts) == 1 else ""


def send_lot(
    session: Session,
    drafts: Sequence[Prescription],
    *,
    by: User,
    agreed: Collection[uuid.UUID],
    write_to: Collection[uuid.UUID] = (),
) -> Sent:
    """Send the drafts that can leave; the others stay as they are, with the reason.

    `agreed`: the people who agreed that these structures read what is shared; `write_to`: those who accept e-mails.
    One that was sent meanwhile is counted neither way.
    """
    outcome = Sent()
    for draft in drafts:
        try:
            with session.begin_nested():
                rules.send(
                    session,
                    draft,
                    by=by,
                    consent=draft.beneficiary_id in agreed,
                    write_to_person=draft.beneficiary_id in write_to,
                )
        except AlreadyDone:
            continue
        except RuleBroken as broken:
            outcome.refused[draft.id] = broken
        else:
            outcome.sent.append(draft)
    return outcome


def draft_for(
    session: Session, *, by: User, beneficiary_id: uuid.UUID, offer_id: uuid.UUID
) -> Prescription | None:
    """Return the latest draft that `by` began for this person on this offer, if any."""
    return session.exec(
        select(Prescription)
        .where(
            col(Prescription.referent_id) == by.id,
            col(Prescription.beneficiary_id) == beneficiary_id,
            col(Prescription.offer_id) == offer_id,
            col(Prescription.state) == State.BROUILLON,
        )
        .order_by(col(Prescription.updated_at).desc(), col(Prescription.id))
        .limit(1)
    ).first()


# What may be taken up towards another offer.
TAKEN_UP = frozenset({State.REFUSEE, State.EXPIREE, State.ABANDONNEE, State.TERMINEE, State.ANNULEE})
# Later, the need is to be thought over again.
_TAKEN_UP_WITHIN = timedelta(days=90)


def origin_of(
    session: Session, *, by: User, beneficiary_id: uuid.UUID, origin_id: uuid.UUID
) -> Prescription | None:
    """Return the ended prescription of `by` for this person that a new one takes up; None when it is not one."""
    found = session.get(Prescription, origin_id)
    if found is None or found.referent_id != by.id or found.beneficiary_id != beneficiary_id:
        return None
    return found if found.state in TAKEN_UP and found.motif.strip() else None


def to_take_up(session: Session, *, by: User, beneficiary_id: uuid.UUID) -> Prescription | None:
    """Return the latest prescription of `by` for this person that came to nothing in ninety days and was not taken up."""
    taken = select(Prescription.origine_id).where(
        col(Prescription.beneficiary_id) == beneficiary_id, col(Prescription.origine_id).is_not(None)
    )
    return session.exec(
        select(Prescription)
        .where(
            col(Prescription.referent_id) == by.id,
            col(Prescription.beneficiary_id) == beneficiary_id,
            col(Prescription.state).in_([State.REFUSEE, State.EXPIREE, State.ABANDONNEE]),
            col(Prescription.updated_at) >= clock.now() - _TAKEN_UP_WITHIN,
            col(Prescription.motif) != "",
            col(Prescription.id).not_in(taken),
        )
        .order_by(col(Prescription.updated_at).desc(), col(Prescription.id))
        .limit(1)
    ).first()
