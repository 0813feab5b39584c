"""Where offers come from: the sources known by their slug, told in our own words."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A producer of records: its `slug` as in `source`, its name and what it brings, in French."""

    slug: str
    nom: str
    description: str


_KNOWN = {
    source.slug: source
    for source in (
        Source(
            "action-logement",
            "Action Logement",
            "Aides au logement des salariés : trouver, louer, garder ou acheter un logement.",
        ),
        Source(
            "agefiph",
            "Agefiph",
            "Aides et services pour l’emploi des personnes en situation de handicap.",
        ),
        Source(
            "carif-oref",
            "Carif-Oref",
            "Formations recensées dans chaque région, dont celles qui apprennent le français ou les savoirs de base.",
        ),
        Source(
            "cd35",
            "Département d’Ille-et-Vilaine",
            "Annuaire social du département d’Ille-et-Vilaine.",
        ),
        Source(
            "dora",
            "DORA",
            "Offres d’insertion décrites par les structures elles-mêmes, dans toute la France.",
        ),
        Source(
            "emplois-de-linclusion",
            "Les emplois de l’inclusion",
            "Employeurs solidaires et organismes habilités à y orienter.",
        ),
        Source(
            "finess",
            "Finess",
            "Répertoire national des établissements sanitaires, sociaux et médico-sociaux.",
        ),
        Source(
            "france-travail",
            "France Travail",
            "Agences de France Travail et ce qu’elles proposent aux demandeurs d’emploi.",
        ),
        Source(
            "fredo",
            "Fredo",
            "Lieux et services d’aide de La Réunion.",
        ),
        Source(
            "ma-boussole-aidants",
            "Ma boussole aidants",
            "Aides et lieux de répit près de chez soi, pour qui soutient un proche.",
        ),
        Source(
            "mediation-numerique",
            "Médiation numérique",
            "Lieux où apprendre à se servir d’un ordinateur et d’internet, ou se faire aider.",
        ),
        Source(
            "mes-aides",
            "Mes aides",
            "Aides nationales et locales pour retrouver un emploi : mobilité, logement, garde, santé.",
        ),
        Source(
            "mission-locale",
            "Missions locales",
            "Accompagnement des jeunes de 16 à 25 ans vers l’emploi et l’autonomie.",
        ),
        Source(
            "monenfant",
            "Mon enfant",
            "Modes de garde des jeunes enfants recensés par les caisses d’allocations familiales.",
        ),
        Source(
            "reseau-alpha",
            "Réseau Alpha",
            "Ateliers et cours de français pour adultes, surtout en Île-de-France.",
        ),
        Source(
            "soliguide",
            "Soliguide",
            "Lieux et services de solidarité : manger, se laver, se soigner, être hébergé, être conseillé.",
        ),
    )
}


def label(slug: str) -> str:
    """Return the name of a source; the slug itself when it is not known."""
    return _KNOWN[slug].nom if slug in _KNOWN else slug


def described(slugs: Iterable[str], *, own: str, own_name: str) -> list[Source]:
    """Return the sources of `slugs`, by slug; `own` is ours and bears `own_name`.

    One that is not known has its slug for name, and no description.
    """
    return [_described(slug, own, own_name) for slug in sorted(set(slugs))]


def _described(slug: str, own: str, own_name: str) -> Source:
    if slug == own:
        return Source(own, own_name, "Offres publiées sur ce portail par les structures partenaires.")
    return _KNOWN.get(slug) or Source(slug, slug, "")
