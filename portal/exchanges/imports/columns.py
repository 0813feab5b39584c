"""What the columns of a table are: the fields they may give, how a header is recognised, and what a mapping must hold."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from portal import vocabulary
from portal.geography import fold
from portal.spreadsheets import Sheet

STRUCTURES, SERVICES = "structures", "services"
KINDS = (STRUCTURES, SERVICES)
# A row whose cell is filled in is left out: examples and explanations (contract data-inclusion §2.7).
IGNORE = "__ignore__"
NOTHING = ""

# {field: label}, in the schema's names, in the order in which the mapping offers them. `lien_source` is ours to make.
LABELS: dict[str, dict[str, str]] = {
    STRUCTURES: {
        "id": "Identifiant de la structure",
        "nom": "Nom de la structure",
        "siret": "SIRET",
        "description": "Présentation",
        "reseaux_porteurs": "Réseaux",
        "commune": "Commune",
        "code_postal": "Code postal",
        "code_insee": "Code commune (INSEE)",
        "adresse": "Adresse",
        "complement_adresse": "Complément d’adresse",
        "latitude": "Latitude",
        "longitude": "Longitude",
        "telephone": "Téléphone",
        "courriel": "Adresse électronique",
        "site_web": "Site internet",
        "horaires_accueil": "Horaires d’accueil",
        "accessibilite_lieu": "Accessibilité du lieu",
        "date_maj": "Dernière mise à jour",
        "source": "Source",
    },
    SERVICES: {
        "id": "Identifiant de l’offre",
        "structure_id": "Identifiant de sa structure",
        "nom": "Nom de l’offre",
        "description": "Description",
        "type": "Type",
        "thematiques": "Thématiques",
        "publics": "Publics",
        "publics_precisions": "Précisions sur les publics",
        "conditions_acces": "Conditions d’accès et prérequis",
        "documents_a_apporter": "Documents à apporter",
        "dominantes": "Dominante du parcours",
        "freins": "Freins levés",
        "frais": "Prix",
        "frais_precisions": "Précisions sur le prix",
        "modes_accueil": "Sur place ou à distance",
        "zone_eligibilite": "Zone : d’où peut-on venir ?",
        "commune": "Commune",
        "code_postal": "Code postal",
        "code_insee": "Code commune (INSEE)",
        "adresse": "Adresse",
        "complement_adresse": "Complément d’adresse",
        "latitude": "Latitude",
        "longitude": "Longitude",
        "horaires_accueil": "Horaires",
        "frequence": "Fréquence et horaires, en toutes lettres",
        "volume_horaire_hebdomadaire": "Heures par semaine",
        "nombre_semaines": "Nombre de semaines",
        "date_fin": "Dernier jour de l’offre",
        "mobilisable_par": "Qui peut demander cette offre",
        "modes_mobilisation": "Comment la demander",
        "mobilisation_precisions": "Précisions sur la demande",
        "mode_prescription": "Mode de prescription",
        "lien_mobilisation": "Lien pour demander l’offre",
        "telephone": "Téléphone",
        "courriel": "Adresse électronique",
        "contact_nom_prenom": "Personne à contacter",
        "contact_public": "Contact montré à tous (oui ou non)",
        "confirmation_mois": "À confirmer tous les … mois",
        "date_maj": "Dernière mise à jour",
        "source": "Source",
    },
}
_SCHEMA = {
    STRUCTURES: set(vocabulary.Structure.model_fields),
    SERVICES: set(vocabulary.Service.model_fields),
}
# What a column of that name says of the whole sheet.
_ONLY_SERVICES = _SCHEMA[SERVICES] - _SCHEMA[STRUCTURES]
_ONLY_STRUCTURES = _SCHEMA[STRUCTURES] - _SCHEMA[SERVICES]

# Other words that people write above a column; folded.
_WORDS: dict[str, tuple[str, ...]] = {
    "structures.id": ("structure id", "id structure", "identifiant structure", "code structure"),
    "structures.nom": (
        "structure",
        "organisme",
        "association",
        "partenaire",
        "porteur",
        "operateur",
        "nom de la structure",
        "nom structure",
        "nom organisme",
        "nom de l organisme",
        "nom du partenaire",
        "structure porteuse",
        "raison sociale",
    ),
    "structures.siret": ("siret", "n siret", "numero siret", "siret de la structure"),
    "structures.site_web": ("site web", "site internet", "site"),
    "structures.reseaux_porteurs": ("reseaux", "reseau", "reseau porteur"),
    "structures.description": ("presentation de la structure", "description de la structure"),
    "services.nom": (
        "offre",
        "action",
        "service",
        "intitule",
        "titre",
        "nom de l offre",
        "nom de l action",
        "nom du service",
        "nom offre",
        "nom action",
        "nom service",
        "intitule de l action",
        "intitule de l offre",
        "libelle",
    ),
    "services.id": ("id offre", "identifiant offre", "id service", "identifiant de l offre", "id action"),
    "services.thematiques": ("themes", "theme", "thematique"),
    "services.publics": ("public", "public cible", "publics vises", "public vise", "beneficiaires"),
    "services.type": ("type d offre", "type de service", "type d action"),
    "services.frais": ("cout", "tarif", "prix", "gratuit ou payant"),
    "services.frais_precisions": ("montant", "precisions tarif"),
    "services.modes_accueil": ("mode d accueil", "presentiel ou distance", "modalites d accueil"),
    "services.conditions_acces": ("conditions", "prerequis", "conditions d acces"),
    "services.zone_eligibilite": ("zone", "territoire", "perimetre", "secteur"),
    "services.volume_horaire_hebdomadaire": (
        "heures",
        "volume horaire",
        "heures par semaine",
        "duree hebdomadaire",
    ),
    "services.nombre_semaines": ("semaines", "duree en semaines", "nb semaines", "nombre de semaines"),
    "services.frequence": ("horaires en toutes lettres", "rythme", "jours et horaires"),
    "services.mobilisable_par": ("mobilisable par", "qui peut orienter"),
    "services.modes_mobilisation": ("comment demander", "modalites de mobilisation"),
    "services.mode_prescription": ("prescription", "modalites d orientation", "modalite de prescription"),
    "services.contact_nom_prenom": ("contact", "referent", "interlocuteur", "nom du contact"),
    "services.lien_mobilisation": ("lien", "lien d inscription", "url"),
    "services.documents_a_apporter": ("documents", "pieces a fournir", "pieces justificatives"),
    "services.freins": ("frein", "freins", "freins leves"),
    "services.dominantes": ("dominante", "parcours"),
    "services.date_fin": ("date de fin", "fin", "fin de validite"),
}
# Words that either kind may bear.
_COMMON_WORDS: dict[str, tuple[str, ...]] = {
    "id": ("identifiant", "reference"),
    "nom": ("nom",),
    "description": ("descriptif", "presentation", "objectifs", "contenu"),
    "commune": ("ville", "localite", "lieu"),
    "code_postal": ("cp", "code postal"),
    "code_insee": ("insee", "code commune", "code insee commune"),
    "adresse": ("rue", "adresse postale", "lieu de l action"),
    "complement_adresse": ("complement",),
    "telephone": ("tel", "telephone", "numero de telephone", "tel contact"),
    "courriel": (
        "mail",
        "email",
        "e mail",
        "adresse mail",
        "adresse electronique",
        "mel",
        "courriel contact",
    ),
    "horaires_accueil": ("horaires", "horaires d ouverture"),
    "date_maj": ("date de mise a jour", "mise a jour", "derniere mise a jour", "maj"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a mapping from being used: a sentence, and the (sheet, header) it is about, if any."""

    sentence: str
    sheet: str = ""
    header: str = ""


def label_of(target: str) -> str:
    """Return the label of a target ("services.nom") as the interface says it."""
    kind, _, name = target.partition(".")
    return LABELS.get(kind, {}).get(name, name)


def kind_of(sheet: Sheet) -> str | None:
    """Return "structures" or "services" when every header is a name of that schema, None otherwise.

    This is the layout of data.inclusion's valideur: headers are told from one another by the schema's names, however
    capitals, accents and underscores are written.
    """
    names = [_bare(header) for header in sheet.headers]
    fitting = [kind for kind in KINDS if all(name == IGNORE or name in _SCHEMA[kind] for name in names)]
    if "nom" not in names or not fitting:
        return None
    if len(fitting) == 1:
        return fitting[0]
    # Only names that both kinds have: the sheet's own name tells.
    title = fold(sheet.name).rstrip("s")
    return {"structure": STRUCTURES, "service": SERVICES, "offre": SERVICES}.get(title)


def of_layout(sheet: Sheet, kind: str) -> dict[str, str]:
    """Return the mapping of a sheet in the valideur's layout."""
    return {header: _target_of(kind, _bare(header)) for header in sheet.headers}


def guess(sheet: Sheet) -> dict[str, str]:
    """Return a first mapping of any other sheet: {header: target}, NOTHING where no word is known or near."""
    folded = {header: fold(header) for header in sheet.headers}
    bare = {header: _bare(header) for header in sheet.headers}
    words = {word for target, words in _WORDS.items() if target.startswith(SERVICES) for word in words}
    hints = any(bare[h] in _ONLY_SERVICES or folded[h] in words for h in sheet.headers)
    kind = SERVICES if hints else STRUCTURES
    known = _lookup(kind)
    taken: set[str] = set()
    mapping = {}
    for header in sheet.headers:
        target = NOTHING
        if bare[header] == IGNORE:
            target = IGNORE
        elif bare[header] in LABELS[kind]:
            target = _target_of(kind, bare[header])
        elif bare[header] in _ONLY_STRUCTURES & set(LABELS[STRUCTURES]):
            target = _target_of(STRUCTURES, bare[header])
        else:
            target = known.get(folded[header], NOTHING)
            if not target and (near := get_close_matches(folded[header], known, n=1, cutoff=0.84)):
                target = known[near[0]]
        if target in taken:
            target = NOTHING
        if target != IGNORE:
            taken.add(target)
        mapping[header] = target
    # A table of structures and offers on the same lines names the structure, not its id.
    if "structures.nom" in taken:
        mapping = {
            header: "structures.id" if target == "services.structure_id" else target
            for header, target in mapping.items()
        }
    return mapping


def problems_of(sheets: Mapping[str, Mapping[str, str]], *, source_known: bool) -> list[Problem]:
    """Return what keeps these mappings, {sheet: {header: target}}, from being used; empty when they can be.

    A `source_known` is one that is said once for the whole table.
    """
    found: list[Problem] = []
    used = False
    for sheet, mapping in sheets.items():
        targets: dict[str, str] = {}
        for header, target in mapping.items():
            if target in (NOTHING, IGNORE):
                continue
            if target in targets:
                found.append(
                    Problem(
                        f"« {targets[target]} » et « {header} » donnent la même chose ({label_of(target)}) : "
                        "ignorez l’une des deux.",
                        sheet,
                        header,
                    )
                )
            targets[target] = header
        kinds = {target.partition(".")[0] for target in targets}
        used = used or bool(kinds)
        found += [Problem(sentence, sheet) for sentence in _missing(targets, kinds, source_known)]
    if not used:
        found.append(
            Problem("Dites ce que donne au moins une colonne : un nom de structure, ou un nom d’offre.")
        )
    return found


def _missing(targets: Mapping[str, str], kinds: set[str], source_known: bool) -> Iterable[str]:
    if SERVICES in kinds:
        if "services.nom" not in targets:
            yield "Aucune colonne ne donne le nom de l’offre : choisissez-la."
        if not {"services.structure_id", "structures.id", "structures.siret", "structures.nom"} & set(
            targets
        ):
            yield (
                "Aucune colonne ne dit de quelle structure est l’offre : choisissez celle de son nom, "
                "de son SIRET ou de son identifiant."
            )
    elif STRUCTURES in kinds and "structures.nom" not in targets:
        yield "Aucune colonne ne donne le nom de la structure : choisissez-la."
    if kinds and not source_known and not {"structures.source", "services.source"} & set(targets):
        yield "Dites d’où vient ce tableau."


def headers_hash(sheets: Sequence[Sheet]) -> str:
    """Return what knows a table again: its sheets and headers, folded and in order."""
    told = [[fold(sheet.name), [fold(header) for header in sheet.headers]] for sheet in sheets]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def all_targets() -> set[str]:
    """Return every target that a column may have, NOTHING and IGNORE included."""
    return {NOTHING, IGNORE} | {f"{kind}.{name}" for kind, names in LABELS.items() for name in names}


def plain_sheet(sheet: Sheet) -> dict[str, Any]:
    """Return what the mapping page shows of a sheet: name, headers, number of lines, three values of each column."""
    samples = []
    for number in range(len(sheet.headers)):
        values = dict.fromkeys(row.cells[number][:80] for row in sheet.rows[:200] if row.cells[number])
        samples.append(list(values)[:3])
    return {
        "name": sheet.name,
        "headers": list(sheet.headers),
        "lines": len(sheet.rows),
        "samples": samples,
    }


def _bare(header: str) -> str:
    """Return a header as the schema spells its names: "Code INSEE" gives code_insee."""
    if re.fullmatch(r"_*ignore_*", header.strip().lower()):
        return IGNORE
    return fold(header).replace(" ", "_")


def _target_of(kind: str, name: str) -> str:
    if name == IGNORE:
        return IGNORE
    return f"{kind}.{name}" if name in LABELS[kind] else NOTHING


def _lookup(kind: str) -> dict[str, str]:
    """{folded words: target}: those of either kind, then what a common word means in a sheet of `kind`."""
    found: dict[str, str] = {}
    for target, words in _WORDS.items():
        if kind == SERVICES or target.startswith(STRUCTURES):
            found.update(dict.fromkeys(words, target))
    for name, words in _COMMON_WORDS.items():
        target = f"{kind}.{name}"
        for word in (*words, fold(LABELS[kind][name])):
            found.setdefault(word, target)
        for other in KINDS:
            if kind == SERVICES or other == STRUCTURES:
                suffixes = (
                    ("structure", "de la structure") if other == STRUCTURES else ("offre", "de l offre")
                )
                for word in (*words, fold(name)):
                    for suffix in suffixes:
                        found.setdefault(f"{word} {suffix}", f"{other}.{name}")
    for name, label in LABELS[kind].items():
        found.setdefault(fold(label), f"{kind}.{name}")
    return found
