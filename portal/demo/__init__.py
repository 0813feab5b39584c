"""Demo data: the real offers of Ille-et-Vilaine, visibly invented people, and invented offers of other sources."""

from datetime import date, timedelta

from sqlmodel import Session, select

from portal import clock
from portal.accounts import rules as accounts
from portal.accounts.models import Organisation, OrganisationKind, Role, User
from portal.beneficiaries import rules as beneficiaries
from portal.beneficiaries.models import Beneficiary
from portal.conventions import rules as conventions
from portal.db import Database
from portal.demo import catalogue, elsewhere
from portal.demo.catalogue import confirmed_days_ago, contacts, written_days_ago
from portal.demo.days import days_ago
from portal.demo.financed import CONVENTIONS
from portal.demo.ids import demo_id
from portal.demo.offers import OFFERS
from portal.demo.partners import STRUCTURES, phone
from portal.errors import RuleBroken
from portal.offers import rules as offers
from portal.offers.models import Offer
from portal.prescriptions import answers
from portal.prescriptions import rules as prescriptions
from portal.prescriptions.models import Prescription, RefusalReason
from portal.structures import rules as structures
from portal.structures.models import MembershipLevel, Structure

__all__ = ["CONVENTIONS", "OFFERS", "STRUCTURES", "demo_id", "load"]
PASSWORD = "demonstration-2026"
_DOMAIN = "demo.example.org"
# role, address before the @, first name, name
_PEOPLE: tuple[tuple[Role, str, str, str], ...] = (
    (Role.PARTENAIRE, "partenaire", "Pascale", "Partenaire-Démo"),
    (Role.REFERENT, "referent", "Renée", "Référente-Démo"),
    (Role.CONVENTIONNEMENT, "conventionnement", "Conan", "Convention-Démo"),
    (Role.ANIMATION, "animation", "Anaïs", "Animatrice-Démo"),
    (Role.ADMINISTRATION, "administration", "Adama", "Administrateur-Démo"),
    (Role.REFERENT, "referent2", "Rachid", "Référent-Démo"),
    (Role.PARTENAIRE, "partenaire2", "Paul", "Partenaire-Démo"),
    (Role.PARTENAIRE, "partenaire3", "Paola", "Partenaire-Démo"),
)

# first name, name, birth, commune, number, dominante, barriers
_BENEFICIARIES: tuple[tuple[str, str, date, str, str, str, list[str]], ...] = (
    ("Alix", "Exemple", date(1991, 3, 14), "35236", "DEMO-0001", "equilibree", ["mobilite", "confiance"]),
    ("Bilal", "Fictif", date(1984, 11, 2), "35238", "DEMO-0002", "emploi", ["experience"]),
    (
        "Chloé",
        "Inventée",
        date(1996, 7, 23),
        "35236",
        "DEMO-0003",
        "equilibree",
        ["garde-denfants", "mobilite"],
    ),
    (
        "Driss",
        "Modèle",
        date(1978, 1, 30),
        "35219",
        "DEMO-0004",
        "equilibree",
        ["sante-mentale", "isolement"],
    ),
    ("Elsa", "Spécimen", date(2000, 5, 9), "35115", "DEMO-0005", "remobilisation", ["logement", "budget"]),
    ("Farid", "Témoin", date(1988, 9, 17), "35360", "DEMO-0006", "emploi", ["numerique"]),
    ("Gaëlle", "Essai", date(1993, 12, 5), "35236", "DEMO-0007", "equilibree", ["mobilite"]),
    ("Hugo", "Factice", date(1981, 6, 28), "35238", "DEMO-0008", "equilibree", ["sante-mentale"]),
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
    _conventions(session, places, found)
    _prescriptions(session, people, places, found)
    catalogue.tell(session, people, places, found)
    elsewhere.tell(session)


def is_loaded(database: Database) -> bool:
    """Say whether this database holds the demo accounts."""
    with database.session(read_only=True) as session:
        return accounts.find_user(session, f"referent@{_DOMAIN}") is not None


def accounts_told() -> str:
    """Return the lines that tell who can sign in."""
    lines = [f"Demo accounts (password for all: {PASSWORD})"]
    lines += [f"  {role.value:<17} {local}@{_DOMAIN}" for role, local, _, _ in _PEOPLE[:5]]
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
        structures.join(session, made[slug], people[local], level=MembershipLevel.ADMINISTRATEUR)
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


def _conventions(session: Session, places: dict[str, Structure], found: dict[str, Offer]) -> None:
    # Half of the period is behind us, so that what is told of the last weeks falls in it, whatever the day.
    start = (clock.today() - timedelta(days=180)).replace(day=1)
    end = (start + timedelta(days=365)).replace(day=1) - timedelta(days=1)
    for demo in CONVENTIONS:
        convention = conventions.create_convention(
            session,
            {
                "numero": demo.numero,
                "intitule": demo.intitule,
                "structure_id": places[demo.structure].id,
                "date_debut": start,
                "date_fin": end,
                "montant_centimes": demo.montant * 100,
                "financeurs": list(demo.financeurs),
            },
            by=None,
        )
        conventions.create_action(
            session,
            convention,
            {
                "intitule": demo.action,
                "places_financees": demo.places,
                "cout_unitaire_centimes": demo.cout * 100,
                "mode": demo.mode,
                "offer_ids": [found[slug].id for slug in demo.offers],
            },
            by=None,
        )
    session.flush()


def _prescriptions(
    session: Session, people: dict[str, User], places: dict[str, Structure], found: dict[str, Offer]
) -> None:
    """A portfolio whose prescriptions stand at different states, told over the last three weeks."""
    referent, ervp, apase = people["referent"], people["partenaire"], people["partenaire2"]
    with days_ago(30):
        folk = [_beneficiary(session, referent, *row) for row in _BENEFICIARIES]
    alix, bilal, chloe, driss, elsa, _farid, gaelle, hugo = folk

    def prescribe(person: Beneficiary, slug: str, motif: str, days: int) -> Prescription:
        with days_ago(days):
            prescription = prescriptions.create_prescription(
                session,
                beneficiary=person,
                offer=found[slug],
                structure=places[next(o.structure for o in OFFERS if o.slug == slug)],
                by=referent,
                form_key=demo_id("prescription", person.nom, slug),
                motif=motif,
                partage=["contact", "commune", "freins"],
            )
            prescriptions.send(session, prescription, by=referent, consent=True)
        return prescription

    prescribe(gaelle, "ervp", "Une embauche promise à vingt kilomètres, à condition d’avoir le permis.", 2)
    looked_at = prescribe(
        chloe, "ervp", "Le permis ouvrirait une formation d’aide-soignante commencée en janvier.", 9
    )
    with days_ago(6):
        answers.study(session, looked_at, by=ervp, message="Nous la rencontrons jeudi.")
    followed = prescribe(bilal, "ervp", "Reprendre la livraison, son métier, après deux ans sans permis.", 20)
    with days_ago(17):
        answers.accept(session, followed, by=ervp, message="Premier rendez-vous lundi à 9 h.")
    with days_ago(14):
        answers.enter(session, followed, by=ervp, day=clock.today())
    refused = prescribe(elsa, "ervp", "Être mobile pour visiter des logements.", 15)
    with days_ago(12):
        answers.refuse(
            session,
            refused,
            by=ervp,
            reason=RefusalReason.FREINS,
            message="Le logement est à régler d’abord ; nous la recevrons volontiers ensuite.",
        )
    held = prescribe(driss, "pems", "Retrouver un rythme, avec un lien possible vers les soins.", 10)
    with days_ago(7):
        answers.accept(session, held, by=apase)
    prescribe(hugo, "pems", "Souhaite retravailler à temps partiel ; suivi médical en place.", 4)
    with days_ago(1):
        prescriptions.create_prescription(
            session,
            beneficiary=alix,
            offer=found["cap-confiance-ibep"],
            structure=places["ibep"],
            by=referent,
            form_key=demo_id("prescription", alix.nom, "cap-confiance-ibep"),
            motif="Reprendre confiance avant de préparer le permis.",
            partage=["contact"],
        )


def _beneficiary(
    session: Session,
    referent: User,
    prenom: str,
    nom: str,
    naissance: date,
    code_insee: str,
    numero: str,
    dominante: str,
    freins: list[str],
) -> Beneficiary:
    return beneficiaries.create_beneficiary(
        session,
        {
            "prenom": prenom,
            "nom": nom,
            "date_naissance": naissance,
            "code_insee": code_insee,
            "telephone": phone(9000 + int(numero[-2:])),
            "courriel": None,
            "numero_allocataire": numero,
            "dominante": dominante,
            "freins": freins,
        },
        by=referent,
        id=demo_id("beneficiaire", numero),
    )
