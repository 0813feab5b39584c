"""What the animator of the demo finds: offers of several ages, a structure to validate, a twin, an error reported."""

from datetime import timedelta

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.catalogue import address, saved
from portal.catalogue.models import Frequence, UnmetNeed
from portal.demo.days import days_ago, days_ahead, workday
from portal.demo.ids import demo_id
from portal.demo.offers import LATER_OFFERS
from portal.demo.partners import FOUGERES, NEW_STRUCTURE, REDON, SAINT_MALO, VITRE, phone
from portal.offers import rules as offers
from portal.offers.models import Favourite, Offer, OfferSession, OfferTemplate, Signalement, TemplateVersion
from portal.structures import rules as structures
from portal.structures.models import Structure

# The first offers were written so long ago, and one more came about every month.
_FIRST_DAYS, _STEP_DAYS = 560, 37
# slug -> days since somebody confirmed it, for those that nobody looks at any more
_FORGOTTEN = {"sinad": 190}
# What people looked for and did not find: thématique, commune, days ago, times.
_UNMET = (
    ("famille--garde-denfants", REDON, 12, 4),
    ("famille--garde-denfants", REDON, 45, 5),
    ("famille--garde-denfants", REDON, 130, 2),
    ("numerique", FOUGERES, 20, 3),
    ("numerique", FOUGERES, 150, 6),
    ("sante--sante-mentale", VITRE, 31, 2),
    ("mobilite--entretenir-reparer-son-vehicule", SAINT_MALO, 70, 1),
    ("mobilite--entretenir-reparer-son-vehicule", SAINT_MALO, 160, 1),
)


def written_days_ago(number: int) -> int:
    """Return how long ago the offer of this rank in OFFERS was written."""
    return max(20, _FIRST_DAYS - number * _STEP_DAYS)


def confirmed_days_ago(slug: str, number: int) -> int:
    """Return how long ago it was last confirmed."""
    return _FORGOTTEN.get(slug, min(written_days_ago(number) - 1, 5 + number * 7 % 60))


def contacts(structure: Structure) -> dict[str, object]:
    """Return how its structure is reached, in the names of an offer: what most offers say as well."""
    names = ("telephone", "courriel", "code_insee", "adresse", "horaires_accueil")
    return {name: getattr(structure, name) for name in names}


def tell(
    session: Session, people: dict[str, User], places: dict[str, Structure], found: dict[str, Offer]
) -> None:
    """Write what waits for the animator, and what partners and référents made of the offers."""
    newcomer, ervp, referent = people["partenaire3"], people["partenaire"], people["referent2"]
    with days_ago(3):
        workshop = structures.create_structure(
            session,
            {
                "nom": NEW_STRUCTURE.nom,
                "description": NEW_STRUCTURE.description,
                "code_insee": NEW_STRUCTURE.code_insee,
                "adresse": "20 place de la Démonstration",
                "telephone": phone(20),
                "courriel": f"accueil@{NEW_STRUCTURE.slug}.example.org",
                "horaires_accueil": "We-Sa 10:00-12:00,14:00-18:00; PH off",
                "reseaux_porteurs": [],
            },
            by=newcomer,
            id=demo_id("structure", NEW_STRUCTURE.slug),
        )
        structures.publish_structure(session, workshop, by=newcomer)
    places[NEW_STRUCTURE.slug] = workshop
    for story in LATER_OFFERS:
        structure = places[story.structure]
        author = {"ervp": ervp, NEW_STRUCTURE.slug: newcomer}.get(story.structure)
        with days_ago(story.days):
            offer = offers.create_offer(
                session,
                structure,
                contacts(structure) | story.values,
                by=author,
                id=demo_id("offre", story.slug),
            )
            if story.source:
                offer.import_source, offer.import_id = story.source, story.slug
            offers.publish_offer(session, offer, structure=structure, by=author)
        if story.suspended_days:
            with days_ago(story.suspended_days):
                offers.suspend_offer(session, offer)
        found[story.slug] = offer
    permit = found["ervp"]
    for begins, ends, seats in ((25, 190, 8), (95, 260, 8)):
        session.add(
            OfferSession(
                id=demo_id("session", "ervp", str(begins)),
                offer_id=permit.id,
                debut=workday(days_ahead(begins)),
                fin=days_ahead(ends),
                places=seats,
                precisions="Réunion d’accueil le premier jour à 9 h.",
            )
        )
    with days_ago(40):
        template = OfferTemplate(
            id=demo_id("modele", "atelier"),
            nom="Atelier collectif du département",
            valeurs={
                "type": "atelier",
                "publics": ["beneficiaires-des-minimas-sociaux"],
                "frais": "gratuit",
                "mobilisable_par": ["professionnels"],
                "modes_mobilisation": ["envoyer-un-courriel", "telephoner"],
                "modes_accueil": ["en-presentiel"],
                "conditions_acces": "Être orienté par son référent.",
            },
            updated_by_id=people["animation"].id,
        )
        session.add(template)
        session.flush()
        session.add(TemplateVersion(template_id=template.id, version=1, valeurs=template.valeurs))
    with days_ago(2):
        session.add(
            Signalement(
                id=demo_id("signalement", "ervp"),
                offer_id=permit.id,
                by_id=referent.id,
                motifs=["horaires"],
                commentaire="Le secrétariat ouvre à 10 h le lundi, pas à 9 h.",
            )
        )
        session.add(Favourite(user_id=people["referent"].id, offer_id=permit.id))
    with days_ago(9):
        # A week and more ago: the next alert tells what was published since.
        saved.save_search(
            session,
            address.from_kept({"thematique": ["mobilite"], "ou": ["Redon (35600)"]}),
            nom="Mobilité autour de Redon",
            frequence=Frequence.HEBDOMADAIRE,
            by=people["referent"],
            id=demo_id("recherche", "mobilite"),
        )
    session.add_all(
        UnmetNeed(jour=clock.today() - timedelta(days=days), thematique=theme, code_insee=code, nombre=number)
        for theme, code, days, number in _UNMET
    )
    session.flush()
