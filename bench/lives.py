"""The life of one invented prescription: each act changes it, and writes what goes with it."""

import uuid
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from portal import clock
from portal.conventions.models import Movement, PlaceMode, PlaceMovement, PlaceProposal, Waiting
from portal.prescriptions.models import (
    ContractType,
    ExitReason,
    HoursDone,
    PrescriptionMessage,
    PrescriptionRead,
    RefusalReason,
)
from portal.prescriptions.sharing import CONSENT_VERSION
from portal.prescriptions.states import Act, Side, State

if TYPE_CHECKING:
    from bench.past import Making

Row = dict[str, Any]


class Life:
    """One prescription from its sending on: each act changes it, and writes what goes with it."""

    def __init__(
        self, making: "Making", one: Row, structure: int, person: Row, author: Row, partner: Row
    ) -> None:
        self.making, self.one, self.structure = making, one, structure
        self.person, self.author, self.partner = person, author, partner
        self.state = State.BROUILLON
        self.read: dict[uuid.UUID, Row] = {}

    def live(self, sent: datetime) -> None:
        """Send, then do what leads to the state drawn."""
        one, random, wanted = self.one, self.making.random, self.one["state"]
        full = f"{self.person['prenom']} {self.person['nom']}"
        one |= {
            "sent_at": sent,
            "consentement_at": sent,
            "consentement_version": CONSENT_VERSION,
            "donnees_partagees": [
                {"piece": "identite", "label": "Prénom et nom", "value": full},
                {"piece": "contact", "label": "Téléphone et courriel", "value": "06 12 34 56 78"},
                {"piece": "commune", "label": "Commune", "value": "Rennes"},
            ],
        }
        self._act(Act.ENVOYER, State.ENVOYEE, sent, self.author)
        if random.random() < 0.5:
            self._message(self.author, Side.REFERENT, sent)
        if wanted is State.ENVOYEE:
            return
        days = min((self.making.now - sent).days, 15)
        answered = sent + timedelta(days=random.uniform(0.2, max(days, 0.3)))
        if wanted in (State.ANNULEE, State.EXPIREE):
            over = min(sent + timedelta(days=30), self.making.now)
            act = Act.ANNULER if wanted is State.ANNULEE else Act.EXPIRER
            self._act(act, wanted, over, self.author)
            return
        one["answered_at"] = answered
        self._act(Act.ETUDIER, State.A_L_ETUDE, answered, self.partner)
        self._message(self.partner, Side.PARTENAIRE, answered)
        if wanted is State.A_L_ETUDE:
            if random.random() < 0.5:
                self._wait(answered)
            return
        if wanted is State.REFUSEE:
            one["motif_refus"] = random.choice(list(RefusalReason))
            self._act(Act.REFUSER, wanted, answered + timedelta(hours=1), self.partner)
            return
        self._accept(answered + timedelta(hours=2))

    def _accept(self, at: datetime) -> None:
        one, random, wanted = self.one, self.making.random, self.one["state"]
        one |= {"accepted_at": at, "rendez_vous_at": at + timedelta(days=random.choice((3, 7, 10, 40)))}
        one |= {"minutes_prevues": random.choice((180, 360, 600)), "debut_prevu": at.date()}
        self._act(Act.ACCEPTER, State.ACCEPTEE, at, self.partner)
        today = clock.today()
        action = random.choice(self.making.actions[self.structure, at.year])
        action["places_financees"] += 1
        self._move(action, Movement.RETENUE, at, at.date(), (1, 0, 0))
        if wanted is State.ACCEPTEE:
            return
        entered = min(at.date() + timedelta(days=random.randrange(3, 15)), today)
        one["date_entree"] = entered
        moment = min(at + timedelta(days=(entered - at.date()).days), self.making.now)
        self._act(Act.ENTRER, State.ENTREE, moment, self.partner)
        self._move(action, Movement.OCCUPEE, moment, entered, (-1, 1, 0))
        self._hours(entered)
        if wanted is State.ENTREE:
            return
        left = min(entered + timedelta(days=random.randrange(10, 75)), today)
        one |= {"date_sortie": left, "motif_sortie": random.choice(list(ExitReason))}
        if one["motif_sortie"] is ExitReason.EMPLOI:
            one["type_contrat"] = random.choice(list(ContractType))
        gone = min(moment + timedelta(days=(left - entered).days), self.making.now)
        self._act(Act.TERMINER if wanted is State.TERMINEE else Act.ABANDONNER, wanted, gone, self.partner)
        if action["mode"] is PlaceMode.FILE_ACTIVE:
            self._move(action, Movement.LIBEREE, gone, left, (0, -1, 0))
        else:
            self._move(action, Movement.UTILISEE, gone, left, (0, -1, 1))

    def _act(self, act: Act, after: State, at: datetime, by: Row) -> None:
        side = Side.PARTENAIRE if by is self.partner else Side.REFERENT
        self.making.line(self.one, act, self.state, after, at, by, side)
        self.state, self.one["updated_at"] = after, at
        # Each side opened what the other did, but for the last weeks' which are news to many.
        if at > self.making.now - timedelta(days=60) and self.making.random.random() < 0.3:
            reader = self.author if by is self.partner else self.partner
            self._read(reader, at)

    def _read(self, reader: Row, at: datetime) -> None:
        if reader["id"] in self.read:
            self.read[reader["id"]]["at"] = at
            return
        self.read[reader["id"]] = self.making.past.add(
            PrescriptionRead, prescription_id=self.one["id"], user_id=reader["id"], at=at
        )

    def _message(self, by: Row, side: Side, at: datetime) -> None:
        self.making.past.add(
            PrescriptionMessage,
            id=self.making.new_id(),
            prescription_id=self.one["id"],
            side=side,
            by_id=by["id"],
            texte="Bonjour, quand cette personne peut-elle venir ? Elle est disponible le matin.",
            at=at,
        )

    def _wait(self, at: datetime) -> None:
        making = self.making
        self.making.line(
            self.one, Act.METTRE_EN_ATTENTE, self.state, self.state, at, self.partner, Side.PARTENAIRE
        )
        line = making.past.add(
            Waiting,
            id=making.new_id(),
            offer_id=self.one["offer_id"],
            prescription_id=self.one["id"],
            joined_at=at,
            rang_at=at,
        )
        if making.random.random() < 0.05:
            making.past.add(
                PlaceProposal,
                id=making.new_id(),
                waiting_id=line["id"],
                prescription_id=self.one["id"],
                offer_id=self.one["offer_id"],
                proposed_at=making.now,
                expires_at=making.now + timedelta(days=5),
            )

    def _move(
        self, action: Row, movement: Movement, at: datetime, day: date, changes: tuple[int, int, int]
    ) -> None:
        self.making.past.add(
            PlaceMovement,
            id=self.making.new_id(),
            action_id=action["id"],
            prescription_id=self.one["id"],
            movement=movement,
            d_retenues=changes[0],
            d_occupees=changes[1],
            d_utilisees=changes[2],
            at=at,
            effet_le=day,
            by_id=self.partner["id"],
        )

    def _hours(self, entered: date) -> None:
        monday = entered - timedelta(days=entered.weekday())
        for week in range(2):
            self.making.past.add(
                HoursDone,
                id=self.making.new_id(),
                prescription_id=self.one["id"],
                semaine=monday + timedelta(weeks=week),
                minutes=180,
                updated_at=self.one["updated_at"],
                by_id=self.partner["id"],
            )
