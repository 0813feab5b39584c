"""Prescriptions of the demo: every state, and what happens on the way, told over the last two months."""

import uuid
from datetime import datetime, time, timedelta

from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.demo import entered
from portal.demo.days import days_ago, days_ahead, workday
from portal.demo.ids import demo_id
from portal.demo.telling import Teller, paper
from portal.offers.models import Offer
from portal.prescriptions import answers, documents, due
from portal.prescriptions import rules as prescriptions
from portal.prescriptions.actors import by_link, on_paper
from portal.prescriptions.models import (
    ContractType,
    ExitReason,
    Prescription,
    PrescriptionRead,
    PrescriptionReminder,
    RefusalReason,
    ReminderKind,
    Transition,
)
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Side, State
from portal.programme.weeks import monday_of
from portal.structures.models import Structure

_PLACE = "Place de la Démonstration, Redon"


def tell(
    session: Session,
    accounts: dict[str, User],
    places: dict[str, Structure],
    found: dict[str, Offer],
    folk: dict[str, Beneficiary],
) -> None:
    """Write the prescriptions of the demo. `folk`: the people, by first name."""
    teller = Teller(session, accounts, places, found, folk)
    _closed_without_entry(teller)
    _under_way(teller)
    entered.tell(teller)
    refused = _refused_then_elsewhere(teller)
    _waiting_list(teller)
    waits, asked = _to_answer(teller)
    _drafts(teller)
    _reads(session, accounts, besides={refused.id, waits.id, asked.id})


def _closed_without_entry(teller: Teller) -> None:
    session, referent = teller.session, teller.accounts["referent"]
    teller.prescribe(
        "Hugo", "cap-confiance-ibep", "Sortir de chez lui une fois par semaine, dans un petit groupe.", 65
    )
    with days_ago(4):
        # Nothing else is old enough: all that follows was sent later.
        due.expire_unanswered(session)
    given_up = teller.prescribe("Driss", "equilibre-emploi", "Essayer quelques heures d’entretien.", 45)
    with days_ago(40):
        answers.accept(session, given_up, by=on_paper(referent), message="D’accord pour un premier essai.")
    with days_ago(26):
        answers.give_up(
            session,
            given_up,
            by=by_link(given_up),
            day=clock.today(),
            reason=ExitReason.JAMAIS_VENUE,
            message="Nous l’avons attendu deux fois. Il peut revenir quand il sera prêt.",
        )
    withdrawn = teller.prescribe("Farid", "independants", "Il pense à se mettre à son compte.", 28)
    with days_ago(24):
        prescriptions.cancel(
            session, withdrawn, by=referent, message="Il préfère chercher un emploi salarié."
        )


def _under_way(teller: Teller) -> None:
    session, referent = teller.session, teller.accounts["referent"]
    ervp, apase = teller.accounts["partenaire"], teller.accounts["partenaire2"]

    looked_at = teller.prescribe(
        "Chloé", "ervp", "Le permis lui ouvrirait une formation d’aide-soignante, à trente kilomètres.", 9
    )
    with days_ago(6):
        answers.study(session, looked_at, by=ervp, message="Nous la rencontrons cette semaine.")

    inside = teller.prescribe(
        "Bilal", "ervp", "Reprendre la livraison, son métier, après deux ans sans permis.", 34
    )
    with days_ago(31):
        answers.accept(session, inside, by=ervp, message="Premier rendez-vous lundi à 9 h.")
    with days_ago(30):
        answers.assign(session, inside, by=ervp, to=ervp)
    with days_ago(25):
        answers.enter(session, inside, by=ervp, day=clock.today())
    this_week = monday_of(clock.today())
    with days_ago(1):
        for weeks, minutes in ((3, 6 * 60), (2, 4 * 60 + 30), (1, 6 * 60)):
            answers.declare_hours(
                session, inside, by=ervp, week=this_week - timedelta(weeks=weeks), minutes=minutes
            )

    expected = teller.prescribe("Léo", "ervp", "Un contrat d’apprentissage l’attend s’il passe le code.", 11)
    with days_ago(10):
        documents.attach(
            session,
            expected,
            filename="Promesse de contrat (démonstration).pdf",
            content=paper("Document de démonstration", "Promesse de contrat d’apprentissage, inventée."),
            by=referent,
            side=Side.REFERENT,
            id=demo_id("document", "promesse"),
        )
    with days_ago(5):
        answers.accept(
            session,
            expected,
            by=ervp,
            message="Nous le recevons avec sa pièce d’identité.",
            message_personne="Bonjour Léo, nous vous attendons pour un premier rendez-vous. Apportez votre pièce "
            "d’identité.",
            meeting=Meeting(datetime.combine(workday(days_ahead(6)), time(10), clock.PARIS), _PLACE),
        )

    absent = teller.prescribe(
        "Farid", "ervp", "Le permis est demandé par les employeurs qu’il a rencontrés.", 19
    )
    with days_ago(13):
        answers.accept(
            session,
            absent,
            by=ervp,
            meeting=Meeting(datetime.combine(days_ahead(9), time(9, 30), clock.PARIS), _PLACE),
        )
    with days_ago(3):
        answers.note_presence(
            session,
            absent,
            by=ervp,
            day=clock.today() - timedelta(days=1),
            came=False,
            message="Sans nouvelles. Pouvez-vous le joindre ?",
        )

    held = teller.prescribe("Driss", "pems", "Retrouver un rythme, avec un lien possible vers les soins.", 10)
    with days_ago(7):
        answers.accept(session, held, by=apase)


def _refused_then_elsewhere(teller: Teller) -> Prescription:
    session, ervp = teller.session, teller.accounts["partenaire"]
    refused = teller.prescribe("Elsa", "ervp", "Être mobile pour visiter des logements.", 20)
    with days_ago(17):
        answers.refuse(
            session,
            refused,
            by=ervp,
            reason=RefusalReason.FREINS,
            message="Le logement est à régler d’abord ; nous la recevrons volontiers ensuite.",
            message_personne="Bonjour Elsa, nous ne pouvons pas commencer maintenant. Voyez avec votre référente : une "
            "aide pour le logement vient d’abord, et nous vous recevrons ensuite.",
        )
    elsewhere = teller.prescribe(
        "Elsa", "asl", "Trouver un logement à son nom : elle est hébergée chez une amie.", 14, origin=refused
    )
    with days_ago(8):
        answers.study(
            session,
            elsewhere,
            by=by_link(elsewhere),
            message="Son dossier passe devant la commission ce mois-ci.",
        )
    return elsewhere


def _waiting_list(teller: Teller) -> None:
    """Three places of one offer: taken, then one is freed and proposed to the first of the two who wait."""
    session, ervp = teller.session, teller.accounts["partenaire"]
    entered = []
    for prenom, motif, days in (
        ("Inès", "Elle a le permis et un entretien à trente kilomètres : conduire de nouveau.", 55),
        ("Mona", "Conduire ses enfants, puis chercher un travail plus loin.", 52),
        ("Nolan", "Reprendre confiance après un accident.", 50),
    ):
        prescription = teller.prescribe(prenom, "volant", motif, days)
        with days_ago(days - 3):
            answers.accept(session, prescription, by=ervp)
        with days_ago(days - 8):
            answers.enter(session, prescription, by=ervp, day=clock.today())
        entered.append(prescription)
    first = teller.prescribe("Jonas", "volant", "Il a le permis et n’ose plus conduire la nuit.", 18)
    second = teller.prescribe("Odile", "volant", "Rompre l’isolement : aucun car ne passe chez elle.", 12)
    with days_ago(15):
        answers.put_on_waiting_list(session, first, by=ervp, message="Une place se libère bientôt.")
    with days_ago(9):
        answers.put_on_waiting_list(session, second, by=ervp)
    ended = entered[0]
    with days_ago(6):
        answers.declare_hours(
            session, ended, by=ervp, week=monday_of(clock.today()) - timedelta(weeks=1), minutes=3 * 60
        )
    with days_ago(4):
        answers.finish(
            session,
            ended,
            by=ervp,
            day=clock.today() - timedelta(days=1),
            reason=ExitReason.EMPLOI,
            contract=ContractType.CDD_LONG,
            message="Elle commence lundi, et conduit pour y aller.",
        )
    with days_ago(2):
        due.propose_places(session, teller.found["volant"].id)


def _to_answer(teller: Teller) -> tuple[Prescription, Prescription]:
    """Sent and unanswered, one of them for long; return those that somebody has still to read."""
    session, referent = teller.session, teller.accounts["referent"]
    late = teller.prescribe(
        "Karima", "ervp", "Elle garde des enfants à domicile : le permis élargirait ses heures.", 12
    )
    with days_ago(2):
        session.add(
            PrescriptionReminder(
                prescription_id=late.id, kind=ReminderKind.PARTENAIRE, rang=1, at=clock.now()
            )
        )
    with days_ago(1):
        prescriptions.remind(
            session, late, by=referent, message="Elle peut venir tous les matins, même cette semaine."
        )
    with days_ago(1, minutes=20):
        prescriptions.write_message(
            session, late, by=referent, text="Avez-vous besoin d’autre chose pour lui répondre ?"
        )
    teller.prescribe(
        "Gaëlle", "ervp", "Une embauche promise à vingt kilomètres, à condition d’avoir le permis.", 2
    )
    teller.prescribe("Hugo", "pems", "Souhaite retravailler à temps partiel ; suivi médical en place.", 4)
    looked_at = session.exec(
        select(Prescription).where(
            col(Prescription.beneficiary_id) == teller.folk["Chloé"].id,
            col(Prescription.state) == State.A_L_ETUDE,
        )
    ).one()
    with days_ago(1, minutes=45):
        prescriptions.write_message(
            session,
            looked_at,
            by=teller.accounts["partenaire"],
            text="Nous l’avons rencontrée : elle est prête. Sa pièce d’identité est-elle encore valable ?",
        )
    return late, looked_at


def _drafts(teller: Teller) -> None:
    with days_ago(1):
        teller.draft("Alix", "cap-confiance-ibep", "Reprendre confiance avant de préparer le permis.")
    with days_ago(1, minutes=30):
        for prenom in ("Inès", "Karima"):
            teller.draft(
                prenom,
                "mobilites",
                "Se déplacer en attendant une voiture.",
                lot_id=demo_id("lot", "mobilites"),
            )


def _reads(session: Session, accounts: dict[str, User], *, besides: set[uuid.UUID]) -> None:
    """Have both sides know what happened, but for the prescriptions `besides`: there, what came last is new."""
    lasts = dict(
        session.execute(
            select(col(Transition.prescription_id), func.max(Transition.at)).group_by(
                col(Transition.prescription_id)
            )
        ).all()
    )
    members = {"ervp": accounts["partenaire"], "apase": accounts["partenaire2"]}
    of_structure = {demo_id("structure", slug): user.id for slug, user in members.items()}
    for prescription in session.exec(select(Prescription).where(col(Prescription.sent_at).is_not(None))):
        assert prescription.sent_at is not None
        seen = prescription.sent_at if prescription.id in besides else lasts[prescription.id]
        readers = {prescription.referent_id, of_structure.get(prescription.structure_id)}
        session.add_all(
            PrescriptionRead(prescription_id=prescription.id, user_id=reader, at=seen)
            for reader in readers
            if reader is not None
        )
    session.flush()
