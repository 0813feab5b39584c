"""What the demo knows from elsewhere: invented structures and services of two other sources, as an import leaves them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlmodel import Session

from portal import clock, geography
from portal.catalogue import build
from portal.catalogue.models import KnownService, KnownStructure
from portal.demo.days import days_ago
from portal.demo.partners import RENNES, phone
from portal.exchanges.national import storing
from portal.exchanges.national.checking import Checked, Kind, check

BETTON, NANTES, CHATEAUBRIANT, VANNES = "35024", "44109", "44036", "56260"
_DORA, _EMPLOIS = "dora", "emplois-de-linclusion"
# All were first heard of so many days ago.
_HEARD_DAYS = 260
# Numbers of the fictional range that nobody else of the demo has.
_FIRST_PHONE = 700


@dataclass(frozen=True, slots=True)
class ElsewhereStructure:
    """A structure of another source; `key` follows the source in its id, `twin` is the id of the same one elsewhere."""

    source: str
    key: str
    nom: str
    description: str
    code_insee: str
    reseaux_porteurs: tuple[str, ...] = ()
    twin: str | None = None

    @property
    def id(self) -> str:
        """The id as data.inclusion writes it."""
        return f"{self.source}--{self.key}"


@dataclass(frozen=True, slots=True)
class ElsewhereService:
    """A service of the structure of this `id`; its `values` are in the schema's names; `days` since it was changed."""

    structure: str
    key: str
    days: int
    values: dict[str, Any]


KNOWN_STRUCTURES: tuple[ElsewhereStructure, ...] = (
    ElsewhereStructure(
        _DORA,
        "demo-clic",
        "Clic et déclic (démonstration)",
        "Une association inventée qui aide à se servir d’un ordinateur, d’un téléphone et des sites publics.",
        RENNES,
    ),
    ElsewhereStructure(
        _DORA,
        "demo-garage",
        "Garage solidaire du Grand Chêne (démonstration)",
        "Un garage inventé où l’on répare sa voiture à petit prix, et où l’on apprend le métier.",
        BETTON,
        ("aci",),
        twin="emplois-de-linclusion--demo-garage",
    ),
    ElsewhereStructure(
        _DORA,
        "demo-familles",
        "Maison des familles du Bord de Loire (démonstration)",
        "Un lieu inventé où les parents trouvent une écoute et une garde pour quelques heures.",
        NANTES,
    ),
    ElsewhereStructure(
        _EMPLOIS,
        "demo-garage",
        "Garage solidaire du Grand Chêne (démonstration)",
        "Un atelier et chantier d’insertion inventé, autour de la réparation de voitures.",
        BETTON,
        ("aci",),
        twin="dora--demo-garage",
    ),
    ElsewhereStructure(
        _EMPLOIS,
        "demo-jardins",
        "Les Jardins de Demain (démonstration)",
        "Un atelier et chantier d’insertion inventé : des légumes cultivés sans engrais et vendus en paniers.",
        CHATEAUBRIANT,
        ("aci",),
    ),
    ElsewhereStructure(
        _EMPLOIS,
        "demo-ressourcerie",
        "Ressourcerie des Deux Rives (démonstration)",
        "Une entreprise d’insertion inventée qui répare et revend des meubles et des appareils.",
        VANNES,
        ("ei",),
    ),
)

_FREE = {
    "frais": "gratuit",
    "modes_accueil": ["en-presentiel"],
    "modes_mobilisation": ["envoyer-un-courriel", "telephoner"],
    "mobilisable_par": ["professionnels", "usagers"],
}
_HIRED = _FREE | {
    "type": "accompagnement",
    "thematiques": ["trouver-un-emploi--repondre-a-des-offres-demploi"],
    "publics": ["beneficiaires-des-minimas-sociaux", "demandeurs-emploi"],
    "mobilisable_par": ["professionnels"],
    "volume_horaire_hebdomadaire": 26.0,
}

KNOWN_SERVICES: tuple[ElsewhereService, ...] = (
    ElsewhereService(
        "dora--demo-clic",
        "demo-premiers-pas",
        18,
        _FREE
        | {
            "nom": "Premiers pas sur ordinateur et sur téléphone",
            "description": "Six matinées en petit groupe pour allumer un ordinateur, écrire un message, retrouver un "
            "papier et ne pas tomber dans les pièges. Le matériel est prêté, chacun avance à son pas.",
            "type": "atelier",
            "thematiques": ["numerique--maitriser-les-fondamentaux-du-numerique"],
            "publics": ["tous-publics"],
            # Rennes Métropole.
            "zone_eligibilite": ["243500139"],
            "volume_horaire_hebdomadaire": 3.0,
            "nombre_semaines": 6,
        },
    ),
    ElsewhereService(
        "dora--demo-clic",
        "demo-a-distance",
        64,
        _FREE
        | {
            "nom": "Faire ses démarches en ligne, guidé au téléphone",
            "description": "Une personne reste au bout du fil pendant que vous remplissez votre demande : prime "
            "d’activité, logement, retraite, impôts. Elle explique chaque page et ne demande jamais vos mots de passe.",
            "type": "accompagnement",
            "thematiques": [
                "difficultes-administratives-ou-juridiques--accompagnement-aux-demarches-administratives",
                "numerique--acceder-a-des-services-en-ligne",
            ],
            "publics": ["tous-publics"],
            "modes_accueil": ["a-distance"],
            "zone_eligibilite": ["35", "44", "56"],
        },
    ),
    ElsewhereService(
        "dora--demo-garage",
        "demo-reparer",
        33,
        _FREE
        | {
            "nom": "Réparer sa voiture à petit prix",
            "description": "Le garage répare la voiture de personnes orientées par un travailleur social ou un "
            "conseiller. Les pièces sont au prix coûtant, la main-d’œuvre selon les revenus, et une voiture est prêtée.",
            "type": "aide-materielle",
            "thematiques": ["mobilite--acceder-a-un-vehicule", "mobilite--entretenir-reparer-son-vehicule"],
            "publics": ["beneficiaires-des-minimas-sociaux"],
            "frais": "payant",
            "frais_precisions": "De 10 à 25 € l’heure selon les revenus.",
            "zone_eligibilite": ["35"],
        },
    ),
    ElsewhereService(
        "dora--demo-familles",
        "demo-garde",
        250,
        _FREE
        | {
            "nom": "Faire garder son enfant le temps d’un entretien",
            "description": "Une place pour quelques heures, réservée la veille, quand un entretien d’embauche ou une "
            "formation se présente. L’équipe cherche ensuite avec les parents une garde qui dure.",
            "type": "accompagnement",
            "thematiques": ["famille--garde-denfants"],
            "publics": ["demandeurs-emploi", "familles"],
        },
    ),
    ElsewhereService(
        "emplois-de-linclusion--demo-garage",
        "demo-mecanique",
        12,
        _HIRED
        | {
            "nom": "Apprendre la mécanique en chantier d’insertion",
            "description": "Un contrat de six mois, renouvelable, dans un garage où l’on apprend à réviser et à réparer "
            "une voiture. Un jour par semaine est gardé pour chercher la suite avec l’accompagnatrice.",
            "zone_eligibilite": ["35"],
            "nombre_semaines": 26,
        },
    ),
    ElsewhereService(
        "emplois-de-linclusion--demo-jardins",
        "demo-maraichage",
        47,
        _HIRED
        | {
            "nom": "Cultiver des légumes en chantier d’insertion",
            "description": "Semer, repiquer, récolter, préparer les paniers et tenir le marché du samedi, en équipe de "
            "douze. L’encadrant apprend le métier, l’accompagnateur aide à régler ce qui gêne la suite.",
            "zone_eligibilite": ["35", "44"],
            "nombre_semaines": 26,
        },
    ),
    ElsewhereService(
        "emplois-de-linclusion--demo-ressourcerie",
        "demo-valoriste",
        90,
        _HIRED
        | {
            "nom": "Trier, réparer et vendre à la ressourcerie",
            "description": "Un poste en entreprise d’insertion, de la collecte à la boutique. On y apprend à trier, à "
            "réparer de petits appareils et à tenir une caisse, avec un point chaque quinzaine.",
        },
    ),
)


def tell(session: Session) -> None:
    """Keep the structures and services of other sources, and make the index again when that changed anything.

    What is there already stays as it is. Raises `Refused` when an import would not take one of the records.
    """
    contacts = {
        structure.id: _contact(number, structure) for number, structure in enumerate(KNOWN_STRUCTURES)
    }
    structures = [_structure(structure, contacts[structure.id]) for structure in KNOWN_STRUCTURES]
    services = [_service(service, contacts[service.structure]) for service in KNOWN_SERVICES]
    changes = 0
    with days_ago(_HEARD_DAYS):
        at = clock.now()
    for model, records in ((KnownStructure, structures), (KnownService, services)):
        rows = [storing.Row(known.id, known.structure_id, known.record.decode()) for known in records]

        def put(new: list[storing.Row], changed: list[storing.Row], model: storing.Model = model) -> None:
            if new:
                storing.insert(session, model, new, at=at)
            if changed:
                storing.change(session, model, changed, at=at)

        compared = storing.compare(session, model, rows, put=put, done=lambda _: None)
        changes += compared.new + compared.changed
    if changes:
        build.rebuild(session)


def _contact(number: int, structure: ElsewhereStructure) -> dict[str, Any]:
    """Return where the structure is and how it is reached; each stands a little away from the middle of its town."""
    commune = geography.commune(structure.code_insee)
    assert commune is not None
    return {
        "code_insee": commune.code,
        "commune": commune.nom,
        "code_postal": commune.codes_postaux[0],
        "adresse": f"{number + 30} rue de la Démonstration",
        "latitude": round(commune.latitude + 0.004, 4),
        "longitude": round(commune.longitude - 0.003 - 0.002 * number, 4),
        "telephone": phone(_FIRST_PHONE + number),
        "courriel": f"accueil@{structure.key}.example.org",
    }


def _structure(structure: ElsewhereStructure, contact: dict[str, Any]) -> Checked:
    twins = [{"source": structure.twin.partition("--")[0], "id": structure.twin}] if structure.twin else []
    return _checked(
        Kind.STRUCTURE,
        contact
        | {
            "source": structure.source,
            "id": structure.id,
            "nom": structure.nom,
            "description": structure.description,
            "date_maj": _day(_HEARD_DAYS),
            "reseaux_porteurs": list(structure.reseaux_porteurs),
            "horaires_accueil": "Mo-Fr 09:00-12:00,14:00-17:00; PH off",
            "doublons": twins,
        },
    )


def _service(service: ElsewhereService, contact: dict[str, Any]) -> Checked:
    source = service.structure.partition("--")[0]
    return _checked(
        Kind.SERVICE,
        contact
        | {
            "source": source,
            "id": f"{source}--{service.key}",
            "structure_id": service.structure,
            "date_maj": _day(service.days),
        }
        | service.values,
    )


def _checked(kind: Kind, record: dict[str, Any]) -> Checked:
    # Through the gate of an import, which gives the text that an import would keep.
    checked = check(kind, orjson.dumps(record), own_source="")
    assert checked is not None
    return checked


def _day(days: int) -> str:
    # By the machine's calendar too, which the schema goes by: a test's clock may be far ahead of it.
    return (min(clock.today(), date.today()) - timedelta(days=days)).isoformat()  # noqa: DTZ011
