"""The offers of Ille-et-Vilaine, as the département's table tells them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DemoOffer:
    """An offer of `structure` (a slug); `values` in the schema's names."""

    slug: str
    structure: str
    values: dict[str, Any] = field(default_factory=dict)
    published: bool = True


@dataclass(frozen=True, slots=True)
class LaterOffer:
    """An offer published so many `days` ago by its partner, maybe suspended since, maybe brought by a table (`source`)."""

    slug: str
    structure: str
    days: int
    values: dict[str, Any]
    suspended_days: int = 0
    source: str | None = None


_BRSA = {
    "publics": ["beneficiaires-des-minimas-sociaux"],
    "frais": "gratuit",
    "mobilisable_par": ["professionnels"],
    "modes_mobilisation": ["envoyer-un-courriel", "telephoner"],
    "modes_accueil": ["en-presentiel"],
    "zone_eligibilite": ["35"],
    "mode_prescription": "Fiche de prescription",
}

OFFERS: tuple[DemoOffer, ...] = (
    DemoOffer(
        "equilibre-emploi",
        "coorace",
        _BRSA
        | {
            "nom": "Équilibre Emploi",
            "description": "Reprendre le travail pas à pas, en contrat court ou saisonnier, tout en gardant le RSA dans la "
            "limite de 400 heures. Cinq secteurs sont ouverts : aide à domicile, entretien, restauration, espaces verts "
            "et manutention. Un conseiller de l’association prépare la première mission avec la personne, reste joignable "
            "pendant le contrat et fait le point après chaque mission.",
            "type": "accompagnement",
            "thematiques": [
                "trouver-un-emploi--repondre-a-des-offres-demploi",
                "choisir-un-metier--connaitre-les-opportunites-demploi",
            ],
            "publics_precisions": "Personnes au RSA prêtes à reprendre une activité.",
            "mode_prescription": "Fiche de prescription à l’association intermédiaire, ou directe par France Travail",
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 15.0,
            "nombre_semaines": 26,
        },
    ),
    DemoOffer(
        "clauses-sociales",
        "departement",
        _BRSA
        | {
            "nom": "Clauses sociales dans les marchés publics",
            "description": "Des emplois réservés à des personnes en insertion dans les chantiers et services que les "
            "collectivités achètent. Le recrutement est direct ou passe par une structure d’insertion. Le facilitateur "
            "présente les postes ouverts, vérifie les conditions avec le référent et suit la personne pendant le contrat.",
            "type": "accompagnement",
            "thematiques": ["trouver-un-emploi--repondre-a-des-offres-demploi"],
            "mode_prescription": "Recrutement direct ou par une SIAE",
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 26.0,
        },
    ),
    DemoOffer(
        "diplomes",
        "ascape",
        _BRSA
        | {
            "nom": "Accompagnement des diplômés",
            "description": "Cinq mois d’accompagnement renforcé vers l’emploi pour des personnes diplômées de "
            "l’enseignement supérieur. On y reprend son projet, son réseau et ses outils, en entretiens individuels et en "
            "petits groupes, avec des rencontres d’entreprises chaque mois.",
            "type": "accompagnement",
            "thematiques": [
                "preparer-sa-candidature--developper-son-reseau",
                "preparer-sa-candidature--valoriser-ses-competences",
            ],
            "publics_precisions": "Diplôme de l’enseignement supérieur.",
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 8.0,
            "nombre_semaines": 20,
            "modes_accueil": ["a-distance", "en-presentiel"],
        },
    ),
    DemoOffer(
        "parcours-iae",
        "siae",
        _BRSA
        | {
            "nom": "Parcours IAE",
            "description": "Un vrai contrat de travail accompagné, dans un atelier ou chantier d’insertion, une association "
            "intermédiaire, une entreprise d’insertion ou de travail temporaire d’insertion. La personne travaille, se "
            "forme, et règle avec un accompagnateur ce qui gêne la suite : logement, santé, transport, budget.",
            "type": "accompagnement",
            "thematiques": [
                "trouver-un-emploi--repondre-a-des-offres-demploi",
                "trouver-un-emploi--maintien-dans-lemploi",
            ],
            "conditions_acces": "Être éligible à l’insertion par l’activité économique.",
            "mode_prescription": "Plateforme de l’inclusion",
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 26.0,
            "nombre_semaines": 52,
        },
    ),
    DemoOffer(
        "sinad",
        "sinad",
        _BRSA
        | {
            "nom": "Voir les emplois d’ici, secteur par secteur",
            "description": "Des demi-journées pour voir de près les métiers qui recrutent autour de chez soi : visites "
            "d’entreprises, essais de gestes, échanges avec des salariés. Ouvertes aux personnes au RSA et aux "
            "conseillers qui les accompagnent, sans engagement.",
            "type": "atelier",
            "thematiques": [
                "choisir-un-metier--connaitre-les-opportunites-demploi",
                "choisir-un-metier--decouvrir-un-metier-ou-un-secteur-dactivite",
            ],
            "mobilisable_par": ["professionnels", "usagers"],
            "zone_eligibilite": ["35"],
            "mode_prescription": None,
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 3.5,
            "nombre_semaines": 4,
        },
    ),
    DemoOffer(
        "tezea",
        "tezea",
        _BRSA
        | {
            "nom": "Un emploi adapté à Pipriac",
            "description": "Un emploi en contrat à durée indéterminée, à temps choisi, construit à partir de ce que la "
            "personne sait et veut faire : ressourcerie, bois, services aux habitants. Pour les habitants du territoire "
            "privés d’emploi depuis plus d’un an.",
            "type": "accompagnement",
            "thematiques": ["trouver-un-emploi--repondre-a-des-offres-demploi"],
            "zone_eligibilite": ["35219", "35285"],
            "mode_prescription": "À construire avec la structure",
            "dominantes": ["emploi"],
            "volume_horaire_hebdomadaire": 20.0,
        },
    ),
    DemoOffer(
        "independants",
        "bge",
        _BRSA
        | {
            "nom": "Travailleurs indépendants : après la création",
            "description": "Neuf mois d’accompagnement renforcé pour des personnes au RSA qui ont créé leur activité : lire "
            "ses comptes, fixer ses prix, trouver des clients, décider de poursuivre ou de se réorienter. Un conseiller "
            "suit chaque personne et des ateliers réunissent les indépendants du même secteur.",
            "type": "accompagnement",
            "thematiques": ["creer-une-entreprise--developper-son-entreprise"],
            "publics_precisions": "Travailleurs indépendants au RSA.",
            "dominantes": ["equilibree"],
            "volume_horaire_hebdomadaire": 4.0,
            "nombre_semaines": 39,
            "modes_accueil": ["a-distance", "en-presentiel"],
        },
    ),
    DemoOffer(
        "pems",
        "apase",
        _BRSA
        | {
            "nom": "PEM’S : vers l’emploi avec une fragilité psychique",
            "description": "Un accompagnement vers le travail pour des personnes dont les troubles psychiques compliquent le "
            "parcours. Une équipe sociale et soignante avance au rythme de la personne : bilan, essais en entreprise, "
            "aménagement du poste, lien avec les soins.",
            "type": "accompagnement",
            "thematiques": ["sante--sante-mentale", "trouver-un-emploi--maintien-dans-lemploi"],
            "publics_precisions": "Personnes au RSA qui rencontrent des difficultés de santé mentale.",
            "mode_prescription": "Prescription à l’APASE",
            "dominantes": ["equilibree"],
            "volume_horaire_hebdomadaire": 6.0,
            "nombre_semaines": 30,
        },
    ),
    *(
        DemoOffer(
            f"cap-confiance-{operator}",
            operator,
            _BRSA
            | {
                "nom": "Cap Confiance",
                "description": "Reprendre confiance et retrouver un rythme quand l’emploi paraît loin. En petit groupe : "
                "expression, sorties, gestes du quotidien, découverte des ressources du quartier, puis un projet choisi "
                "ensemble. Les horaires tiennent compte des enfants et des transports.",
                "type": "atelier",
                "thematiques": ["remobilisation--bien-etre-confiance-en-soi", "remobilisation--lien-social"],
                "publics_precisions": "Personnes au RSA éloignées de l’emploi.",
                "dominantes": ["equilibree"],
                "volume_horaire_hebdomadaire": 9.0,
                "nombre_semaines": 12,
            },
        )
        for operator in ("ibep", "analyse-et-action")
    ),
    DemoOffer(
        "ervp",
        "ervp",
        _BRSA
        | {
            "nom": "En route vers le permis (ERVP)",
            "description": "Passer le code puis le permis B avec une pédagogie adaptée à celles et ceux qui lisent peu, "
            "apprennent lentement ou ont déjà échoué. Le code se travaille en petit groupe, la conduite avec un moniteur "
            "formé, et un point est fait chaque mois avec le référent.",
            "type": "formation",
            "thematiques": ["mobilite--preparer-un-permis"],
            "publics_precisions": "Personnes au RSA qui ont besoin du permis pour leur projet.",
            "conditions_acces": "Pièce d’identité en cours de validité.",
            "dominantes": ["equilibree"],
            "volume_horaire_hebdomadaire": 6.0,
            "nombre_semaines": 24,
        },
    ),
    DemoOffer(
        "mobilites",
        "mobilite",
        _BRSA
        | {
            "nom": "Actions mobilités innovantes",
            "description": "Se déplacer sans voiture à soi : prêt de deux-roues, covoiturage organisé, apprentissage des "
            "transports, atelier vélo. Un conseiller regarde avec la personne les trajets dont elle a besoin et la "
            "solution qui tient dans son budget.",
            "type": "aide-materielle",
            "thematiques": [
                "mobilite--etre-accompagne-dans-son-parcours-mobilite",
                "mobilite--mobilite-douce-partagee-collective",
            ],
            "mobilisable_par": ["professionnels", "usagers"],
            "frais": "payant",
            "frais_precisions": "Prêt de deux-roues : participation selon les ressources.",
            "mode_prescription": None,
            "dominantes": ["equilibree"],
        },
    ),
    DemoOffer(
        "asl",
        "ais35",
        _BRSA
        | {
            "nom": "ASL : accéder à un logement et s’y maintenir",
            "description": "Un accompagnement social lié au logement : chercher, monter le dossier, entrer dans les lieux, "
            "puis tenir le budget et les relations de voisinage. Le travailleur social se déplace au domicile et travaille "
            "avec le bailleur.",
            "type": "accompagnement",
            "thematiques": [
                "logement-hebergement--louer-un-logement",
                "logement-hebergement--se-maintenir-dans-le-logement",
            ],
            "mode_prescription": "Mandat en commission FSL",
            "dominantes": ["remobilisation"],
            "volume_horaire_hebdomadaire": 2.0,
            "nombre_semaines": 26,
        },
    ),
    # Invented: few places, so that people wait for them.
    DemoOffer(
        "volant",
        "ervp",
        _BRSA
        | {
            "nom": "Reprendre le volant",
            "description": "Pour celles et ceux qui ont le permis et n’osent plus conduire : six séances avec un moniteur, sur "
            "les trajets dont la personne a besoin, puis un atelier sur l’entretien et le coût d’une voiture. Un point est "
            "fait à mi-chemin avec le référent.",
            "type": "atelier",
            "thematiques": ["mobilite--etre-accompagne-dans-son-parcours-mobilite"],
            "publics_precisions": "Personnes au RSA qui ont le permis et ne conduisent plus.",
            "conditions_acces": "Permis B en cours de validité.",
            "dominantes": ["equilibree", "emploi"],
            "volume_horaire_hebdomadaire": 3.0,
            "nombre_semaines": 8,
        },
    ),
    DemoOffer(
        "creche",
        "departement",
        _BRSA
        | {
            "nom": "Crèche itinérante",
            "description": "Un accueil d’enfants qui se déplace de commune en commune, pour que les parents puissent suivre "
            "une formation ou chercher un emploi. L’opérateur reste à choisir.",
            "type": "aide-materielle",
            "thematiques": ["famille--garde-denfants"],
            "publics": ["beneficiaires-des-minimas-sociaux", "familles"],
            "mode_prescription": None,
            "dominantes": ["equilibree"],
        },
        published=False,
    ),
)

# Waits for the animator's validation.
LATER_OFFERS: tuple[LaterOffer, ...] = (
    LaterOffer(
        "reparer-son-velo",
        "atelier-velo",
        2,
        _BRSA
        | {
            "nom": "Réparer son vélo et s’en servir",
            "description": "Trois ateliers pour remettre un vélo en état, puis deux sorties accompagnées pour apprendre à "
            "circuler en ville et à la campagne. Le vélo réparé peut être gardé pour une participation modeste, et un "
            "antivol est prêté.",
            "type": "atelier",
            "thematiques": ["mobilite--mobilite-douce-partagee-collective"],
            "dominantes": ["equilibree", "remobilisation"],
            "freins": ["mobilite"],
            "volume_horaire_hebdomadaire": 3.0,
            "nombre_semaines": 5,
        },
    ),
    LaterOffer(
        "code-du-soir",
        "ervp",
        4,
        _BRSA
        | {
            "nom": "Le code de la route en soirée",
            "description": "Deux soirées par semaine pour préparer le code à plusieurs, quand la journée est prise par un "
            "emploi, un stage ou les enfants. Les séries se font sur tablette, avec un moniteur qui reprend chaque erreur.",
            "type": "formation",
            "thematiques": ["mobilite--preparer-un-permis"],
            "conditions_acces": "Savoir lire un texte court.",
            "documents_a_apporter": "Pièce d’identité\nAttestation de paiement de la CAF",
            "dominantes": ["equilibree", "emploi"],
            "freins": ["mobilite"],
            "frequence": "Le mardi et le jeudi de 18 h à 20 h, sauf pendant les vacances scolaires",
            "volume_horaire_hebdomadaire": 4.0,
            "nombre_semaines": 10,
        },
    ),
    LaterOffer(
        "cafe-des-createurs",
        "bge",
        290,
        _BRSA
        | {
            "nom": "Café des créateurs",
            "description": "Une rencontre par mois autour d’une idée d’activité : on présente la sienne, on entend celle des "
            "autres, et un conseiller dit à chacun la prochaine étape. Aucune inscription n’est demandée.",
            "type": "atelier",
            "thematiques": ["creer-une-entreprise--definir-son-projet-de-creation-dentreprise"],
            "dominantes": ["emploi"],
        },
        suspended_days=12,
    ),
    LaterOffer(
        "actions-mobilites",
        "sinad",
        30,
        _BRSA
        | {
            "nom": "Actions mobilité innovantes",
            "description": "Prêt de deux-roues, covoiturage organisé et atelier vélo pour les habitants du pays de Redon qui "
            "cherchent un emploi. Fiche reprise de la liste d’un réseau : à réunir avec celle des partenaires mobilité.",
            "type": "aide-materielle",
            "thematiques": ["mobilite--mobilite-douce-partagee-collective"],
        },
        source="reseau-de-demonstration",
    ),
)
