"""Demo data: the real offers of Ille-et-Vilaine, visibly invented people, and invented offers of other sources."""

from datetime import timedelta

from sqlmodel import Session, select

from portal import clock
from portal.accounts import rules as accounts
from portal.accounts.models import Organisation, OrganisationKind, Role, User
from portal.conventions import amendments
from portal.conventions import rules as conventions
from portal.conventions.models import Convention
from portal.db import Database
from portal.demo import budget, catalogue, elsewhere, engaged, followed, prescribed
from portal.demo.catalogue import confirmed_days_ago, contacts, written_days_ago
from portal.demo.days import days_ago, on_day
from portal.demo.financed import CONVENTIONS, numero, period
from portal.demo.ids import demo_id
from portal.demo.offers import OFFERS
from portal.demo.partners import STRUCTURES, phone
from portal.errors import RuleBroken
from portal.offers import rules as offers
from portal.offers.models import Offer
from portal.structures import members
from portal.structures import rules as structures
from portal.structures.models import MembershipLevel, Structure

__all__ = ["CONVENTIONS", "OFFERS", "STRUCTURES", "demo_id", "load", "numero", "period"]
PASSWORD = "demonstration-2026"
_DOMAIN = "demo.example.org"
# role, address before the @, first name, name
_PEOPLE: tuple[tuple[Role, str, str, str], ...] = (
    (Role.PARTENAIRE, "partenaire", "Pascale", "Partenaire-Démo"),
    (Role.REFERENT, "referent", "Renée", "Référente-Démo"),
    (Role.CONVENTIONNEMENT, "conventionnement", "Conan", "Convention-Démo"),
    (Role.ANIMATION, "animation", "Anaïs", "Animatrice-Démo"),
    (Role.ADMINISTRATION, "administration", "Adama", "Administrateur-Démo"),
    (Role.ETAT, "etat", "Estelle", "État-Démo"),
    (Role.REFERENT, "referent2", "Rachid", "Référent-Démo"),
    (Role.PARTENAIRE, "partenaire2", "Paul", "Partenaire-Démo"),
    (Role.PARTENAIRE, "partenaire3", "Paola", "Partenaire-Démo"),
    # A bilan is settled by a second reader.
    (Role.ETAT, "etat2", "Étienne", "État-Démo"),
)


def load(session: Session) -> None:
    """Write the demo data. Raises RuleBroken on a database that already holds people."""
    if session.exec(select(User.id).limit(1)).first() is not None:
        raise RuleBroken(
            "La base contient déjà des personnes : les données de démonstration n’ont pas été chargées."
        )
    people = _people(session)
    places = _structures(session, people)
    found = _offers(session, places)
    partners = _conventions(session, people, places, found)
    folk = followed.people(session, people)
    prescribed.tell(session, people, places, found, folk)
    followed.weeks(session, people, folk)
    catalogue.tell(session, people, places, found)
    elsewhere.tell(session)
    engaged.tell(session, people, partners, places, found)
    budget.tell(session, people, partners)


def is_loaded(database: Database) -> bool:
    """Say whether this database holds the demo accounts."""
    with database.session(read_only=True) as session:
        return accounts.find_user(session, f"referent@{_DOMAIN}") is not None


def accounts_told() -> str:
    """Return the lines that tell who can sign in."""
    lines = [f"Demo accounts (password for all: {PASSWORD})"]
    lines += [f"  {role.value:<17} {local}@{_DOMAIN}" for role, local, _, _ in _PEOPLE[:6]]
    return "\n".join(lines) + "\n"


def _people(session: Session) -> dict[str, User]:
    accounts.create_organisation(
        session, nom="Département d’Ille-et-Vilaine", kind=OrganisationKind.DEPARTEMENT
    )
    cdas = accounts.create_organisation(
        session, nom="CDAS de Redon (démonstration)", kind=OrganisationKind.ORGANISME_REFERENT
    )
    people = {}
    for role, local, prenom, nom in _PEOPLE:
        employer: Organisation | None = cdas if role is Role.REFERENT else None
        user = accounts.create_user(
            session, courriel=f"{local}@{_DOMAIN}", prenom=prenom, nom=nom, role=role, organisation=employer
        )
        link = accounts.open_password_link(session, accounts.make_password_link(session, user))
        assert link is not None
        accounts.set_password(session, link, PASSWORD)
        people[local] = user
    session.flush()
    return people


def _structures(session: Session, people: dict[str, User]) -> dict[str, Structure]:
    made = {}
    for number, demo in enumerate(STRUCTURES, start=1):
        with days_ago(600):
            structure = structures.create_structure(
                session,
                {
                    "nom": demo.nom,
                    "description": demo.description,
                    "code_insee": demo.code_insee,
                    "adresse": f"{number} place de la Démonstration",
                    "courriel": f"accueil@{demo.slug}.example.org",
                    "horaires_accueil": "Mo-Fr 09:00-12:00,14:00-17:00; PH off",
                    "reseaux_porteurs": list(demo.reseaux_porteurs),
                },
                by=None,
                id=demo_id("structure", demo.slug),
            )
            structures.publish_structure(session, structure, by=None)
        with days_ago(20 + number):
            structures.change_structure(session, structure, {"telephone": phone(number)}, by=None)
        made[demo.slug] = structure
    for local, slug in (("partenaire", "ervp"), ("partenaire2", "apase")):
        members.join(session, made[slug], people[local], level=MembershipLevel.ADMINISTRATEUR)
    session.flush()
    return made


def _offers(session: Session, places: dict[str, Structure]) -> dict[str, Offer]:
    made = {}
    for number, demo in enumerate(OFFERS):
        structure = places[demo.structure]
        with days_ago(written_days_ago(number)):
            offer = offers.create_offer(
                session,
                structure,
                contacts(structure) | demo.values,
                by=None,
                id=demo_id("offre", demo.slug),
            )
            if demo.published:
                offers.publish_offer(session, offer, structure=structure, by=None)
        with days_ago(confirmed_days_ago(demo.slug, number)):
            if offer.is_public:
                offers.confirm_offer(session, offer, by=None)
        made[demo.slug] = offer
    session.flush()
    return made


def _conventions(
    session: Session, people: dict[str, User], places: dict[str, Structure], found: dict[str, Offer]
) -> dict[str, Convention]:
    start, end = period()
    made = {}
    for demo in CONVENTIONS:
        with on_day(start - timedelta(days=20)):
            convention = conventions.create_convention(
                session,
                {
                    "numero": numero(demo.rang, start),
                    "intitule": demo.intitule,
                    "structure_id": places[demo.structure].id,
                    "date_debut": start,
                    "date_fin": end,
                    "montant_centimes": demo.montant * 100,
                    "financeurs": list(demo.financeurs),
                    "signee_le": start - timedelta(days=20),
                    "delai_entree_jours": demo.delai,
                },
                by=None,
                id=demo_id("convention", demo.rang),
            )
            action = conventions.create_action(
                session,
                convention,
                {
                    "intitule": demo.action,
                    "places_financees": demo.places,
                    "cout_unitaire_centimes": demo.cout * 100,
                    "mode": demo.mode,
                    "surreservation": demo.surreservation,
                    "offer_ids": [found[slug].id for slug in demo.offers],
                },
                by=None,
                id=demo_id("action", demo.rang),
            )
        made[demo.rang] = convention
        if demo.avenant:
            with days_ago(50):
                amendments.change_places(
                    session,
                    action,
                    convention,
                    change=demo.avenant,
                    effet_le=clock.today() + timedelta(days=5),
                    motif="Avenant n° 1 : les entrées dépassent ce qui était prévu",
                    by=people["conventionnement"],
                    id=demo_id("avenant", demo.rang),
                )
    session.flush()
    return made
