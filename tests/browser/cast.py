"""Who and what a journey of prescriptions is about, apart from the demo, so that journeys never meet."""

import itertools
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from portal import clock, demo
from portal.accounts import rules as accounts
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.offers.models import Offer
from portal.prescriptions import notifications, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act
from portal.structures.members import join
from portal.structures.models import MembershipLevel, Structure
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.factories.accounts import make_organisation, make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure

# Counted anew in each portal: the pages of one engine are those of the other, and axe knows them again.
_numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
MOTIF = "Reprendre confiance et retrouver un rythme avant de chercher un emploi."
# A need that no offer of the demo answers: the searches of other tests find what they did.
NEED = "equipement-et-alimentation--habillement"


@dataclass(frozen=True, slots=True)
class Named:
    """An id, and the words that pages say it with."""

    id: uuid.UUID
    nom: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A référent, a structure with its members (none: it answers by its letters alone), its offers, and people.

    `referent` and `members` are addresses before the @ of the demo's; `courriel` is the structure's.
    """

    portal: Portal
    referent: Named
    structure: Named
    members: list[Named]
    offers: list[Named]
    people: list[Named]
    logins: dict[uuid.UUID, str]
    courriel: str

    def enter(self, me: Mouse, who: Named) -> Mouse:
        """Sign `who` in, in the browser of `me`."""
        me.sign_in(self.logins[who.id], demo.PASSWORD)
        return me

    def prescribed(
        self, person: Named, offer: Named | None = None, *, days: int = 0, tell: bool = False
    ) -> uuid.UUID:
        """Send a prescription, so many days ago, with its letters if `tell`; return its id."""
        with self.portal.database.writing() as session, _days_ago(days):
            by = session.get_one(User, self.referent.id)
            chosen = session.get_one(Offer, (offer or self.offers[0]).id)
            made = rules.create_prescription(
                session,
                beneficiary=session.get_one(Beneficiary, person.id),
                offer=chosen,
                structure=session.get_one(Structure, chosen.structure_id),
                by=by,
                form_key=uuid.uuid4(),
                motif=MOTIF,
                partage=["contact", "commune"],
            )
            rules.send(session, made, by=by, consent=True)
            if tell:
                config = self.portal.config
                sender = notifications.Sender(public_url=config.public_url, secret=config.secret_key)
                notifications.tell(session, made, Act.ENVOYER, sender)
            return made.id

    def done(
        self, verb: Callable[..., object], prescription_id: uuid.UUID, *, days: int = 0, **values: Any
    ) -> None:
        """Have the first member do an act (one of `answers`), so many days ago."""
        with self.portal.database.writing() as session, _days_ago(days):
            by = session.get_one(User, self.members[0].id)
            verb(session, session.get_one(Prescription, prescription_id), by=by, **values)


def call(
    portal: Portal,
    *,
    people: int = 1,
    members: int = 1,
    offers: int = 1,
    places: int | None = None,
    over: bool = False,
    delay: int | None = None,
) -> Cast:
    """Make a cast; `places` financed for the first offer (not counted when None) by a convention that is over or not.

    `delay`: the days the convention leaves for an entry.
    """
    number = next(_numbers[portal.url])
    with portal.database.writing() as session:
        logins: dict[uuid.UUID, str] = {}
        cdas = make_organisation(session, nom=f"CDAS des parcours {number}")
        referent = _user(session, logins, Role.REFERENT, "Régine", f"Parcours{number}", cdas.id)
        courriel = f"contact{number}@parcours.example.org"
        structure = make_structure(session, nom=f"Association du parcours {number}", courriel=courriel)
        partners = []
        for rank, prenom in enumerate(["Lise", "Marc", "Nadia"][:members]):
            partner = _user(session, logins, Role.PARTENAIRE, prenom, f"Parcours{number}")
            level = MembershipLevel.MEMBRE if rank else MembershipLevel.ADMINISTRATEUR
            join(session, structure, partner, level=level)
            partners.append(partner)
        made = [
            make_offer(
                session, structure, nom=f"{kind} du parcours {number}", courriel=courriel, thematiques=[NEED]
            )
            for kind in ("Chantier", "Potager")[:offers]
        ]
        if places is not None:
            with _days_ago(400 if over else 60):
                convention = make_convention(
                    session,
                    structure,
                    numero=f"PARCOURS-{number}",
                    date_debut=clock.today(),
                    date_fin=clock.today() + timedelta(days=300),
                    delai_entree_jours=delay,
                )
                make_action(session, convention, made[:1], places=places)
        first = ("Ines", "Joao", "Karima", "Leon")
        folk = [
            make_beneficiary(
                session, referent, prenom=prenom, nom=f"Parcours{number}", numero_allocataire=None
            )
            for prenom in first[:people]
        ]
        return Cast(
            portal,
            Named(referent.id, referent.full_name),
            Named(structure.id, structure.nom),
            [Named(one.id, one.full_name) for one in partners],
            [Named(one.id, one.nom) for one in made],
            [Named(one.id, one.full_name) for one in folk],
            logins,
            courriel,
        )


def _user(
    session: Session,
    logins: dict[uuid.UUID, str],
    role: Role,
    prenom: str,
    nom: str,
    organisation_id: uuid.UUID | None = None,
) -> User:
    login = f"{prenom}.{nom}".lower().replace("é", "e")
    user = make_user(
        session,
        role,
        prenom=prenom,
        nom=nom,
        courriel=f"{login}@demo.example.org",
        organisation_id=organisation_id,
    )
    accounts.give_password(user, demo.PASSWORD)
    logins[user.id] = login
    return user


def _days_ago(days: int) -> Any:
    return clock.stopped_at(clock.now() - timedelta(days=days)) if days else nullcontext()
