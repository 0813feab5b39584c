"""The words of a person's way, shared by people and offers: dominantes, and barriers with their thématiques."""

from dataclasses import dataclass
from enum import StrEnum


class Dominante(StrEnum):
    """The three kinds of parcours to which a person is oriented (instruction DGEFP/DPE/2023/192)."""

    EMPLOI = "emploi"
    EQUILIBREE = "equilibree"
    REMOBILISATION = "remobilisation"

    @property
    def label(self) -> str:
        """The dominante as the interface says it."""
        return {"emploi": "Emploi", "equilibree": "Équilibrée", "remobilisation": "Remobilisation"}[
            self.value
        ]


@dataclass(frozen=True, slots=True)
class Frein:
    """A barrier met in diagnosis: `slug` as stored, `label` in French, the schema's `thematiques` that answer it."""

    slug: str
    label: str
    thematiques: tuple[str, ...]


FREINS: tuple[Frein, ...] = (
    Frein(
        "mobilite",
        "Mobilité",
        (
            "mobilite--acceder-a-un-vehicule",
            "mobilite--entretenir-reparer-son-vehicule",
            "mobilite--etre-accompagne-dans-son-parcours-mobilite",
            "mobilite--financer-ma-mobilite",
            "mobilite--mobilite-douce-partagee-collective",
            "mobilite--preparer-un-permis",
        ),
    ),
    Frein(
        "logement",
        "Logement",
        (
            "logement-hebergement--changer-de-logement",
            "logement-hebergement--louer-un-logement",
            "logement-hebergement--rechercher-une-solution-dhebergement-temporaire",
            "logement-hebergement--reduire-les-impayes-de-loyer",
            "logement-hebergement--se-maintenir-dans-le-logement",
            "logement-hebergement--sinformer-sur-les-demarches-liees-a-lacces-au-logement",
        ),
    ),
    Frein(
        "sante",
        "Santé",
        ("sante--acces-aux-soins", "sante--addictions", "sante--constituer-un-dossier-mdph-invalidite"),
    ),
    Frein("sante-mentale", "Santé mentale", ("sante--sante-mentale",)),
    Frein(
        "garde-denfants",
        "Garde d’enfants et parentalité",
        (
            "famille--garde-denfants",
            "famille--soutien-a-la-parentalite-et-a-leducation",
            "famille--soutien-aidants",
        ),
    ),
    Frein(
        "numerique",
        "Numérique",
        (
            "numerique--acceder-a-des-services-en-ligne",
            "numerique--acceder-a-une-connexion-internet",
            "numerique--acquerir-un-equipement",
            "numerique--maitriser-les-fondamentaux-du-numerique",
        ),
    ),
    Frein(
        "langue",
        "Langue, lecture et écriture",
        ("lecture-ecriture-calcul--maitriser-le-calcul", "lecture-ecriture-calcul--maitriser-le-francais"),
    ),
    Frein(
        "budget",
        "Budget et surendettement",
        (
            "difficultes-financieres--acquerir-une-autonomie-budgetaire",
            "difficultes-financieres--ameliorer-sa-gestion-budgetaire",
            "difficultes-financieres--prevenir-une-degradation-de-la-situation-financiere",
            "difficultes-financieres--situation-dendettement-surendettement",
        ),
    ),
    Frein(
        "droits",
        "Droits et démarches",
        (
            "difficultes-administratives-ou-juridiques--accompagnement-aux-demarches-administratives",
            "difficultes-administratives-ou-juridiques--accompagnement-pour-lacces-aux-droits",
            "difficultes-administratives-ou-juridiques--prendre-en-compte-une-problematique-judiciaire",
        ),
    ),
    Frein(
        "isolement",
        "Isolement",
        ("remobilisation--benevolat-action-citoyenne", "remobilisation--lien-social"),
    ),
    Frein(
        "confiance",
        "Confiance en soi",
        ("remobilisation--activites-sportives-et-culturelles", "remobilisation--bien-etre-confiance-en-soi"),
    ),
    Frein("violences", "Violences intrafamiliales", ("famille--surmonter-conflits-separation-violence",)),
    Frein(
        "qualification",
        "Qualification",
        (
            "choisir-un-metier--identifier-ses-points-forts-et-ses-competences",
            "se-former--monter-son-dossier-de-formation",
            "se-former--trouver-sa-formation",
        ),
    ),
    Frein(
        "experience",
        "Expérience professionnelle",
        (
            "choisir-un-metier--decouvrir-un-metier-ou-un-secteur-dactivite",
            "preparer-sa-candidature--valoriser-ses-competences",
            "trouver-un-emploi--repondre-a-des-offres-demploi",
        ),
    ),
)

_BY_SLUG = {frein.slug: frein for frein in FREINS}


def frein_label(slug: str) -> str:
    """Return the label of a barrier; the slug itself for one that was retired."""
    frein = _BY_SLUG.get(slug)
    return frein.label if frein else slug


def thematiques_for(freins: list[str] | None) -> list[str]:
    """Return the thématiques that answer these barriers, sorted, without repeats."""
    return sorted(
        {theme for slug in freins or () if slug in _BY_SLUG for theme in _BY_SLUG[slug].thematiques}
    )
