"""Needs in everyday words, and the thématiques that answer them: "garde d’enfants", "papiers", "permis"."""

from portal import geography, vocabulary

_CATEGORY = "*"

# Words as people say them -> the end of the slug of each thématique, or a whole category ("sante--*").
BESOINS: dict[str, tuple[str, ...]] = {
    "crèche halte-garderie assistante maternelle nounou faire garder enfants périscolaire": (
        "famille--garde-denfants",
    ),
    "parents éducation adolescents école": ("famille--soutien-a-la-parentalite-et-a-leducation",),
    "proche malade âgé handicapé dépendance": (
        "famille--prise-en-charge-personne-dependante",
        "famille--soutien-aidants",
    ),
    "divorce séparation violences conjugales": ("famille--surmonter-conflits-separation-violence",),
    "permis de conduire code de la route auto-école conduite": ("mobilite--preparer-un-permis",),
    "voiture prêt location véhicule scooter mobylette": ("mobilite--acceder-a-un-vehicule",),
    "garage réparer réparation panne": ("mobilite--entretenir-reparer-son-vehicule",),
    "essence carburant billet train abonnement transport": ("mobilite--financer-ma-mobilite",),
    "bus car train vélo covoiturage transport en commun se déplacer": (
        "mobilite--mobilite-douce-partagee-collective",
        "mobilite--etre-accompagne-dans-son-parcours-mobilite",
    ),
    "papiers courrier formulaire administratif caf dossier démarches": (
        "difficultes-administratives-ou-juridiques--accompagnement-aux-demarches-administratives",
        "difficultes-administratives-ou-juridiques--accompagnement-pour-lacces-aux-droits",
    ),
    "droits rsa allocations ouverture de droits non-recours": (
        "difficultes-administratives-ou-juridiques--accompagnement-pour-lacces-aux-droits",
    ),
    "titre de séjour nationalité citoyenneté étranger": (
        "difficultes-administratives-ou-juridiques--accompagnement-pour-lacces-a-la-citoyennete",
    ),
    "tutelle curatelle protection majeur": (
        "difficultes-administratives-ou-juridiques--beneficier-dune-mesure-daccompagnement-adapte",
        "difficultes-financieres--mettre-en-place-une-mesure-de-protection-financiere",
    ),
    "discrimination racisme": (
        "difficultes-administratives-ou-juridiques--connaitre-ses-droits-face-a-une-discrimination",
    ),
    "justice prison casier judiciaire sortant avocat": (
        "difficultes-administratives-ou-juridiques--prendre-en-compte-une-problematique-judiciaire",
    ),
    "dettes crédits huissier banque de france surendettement": (
        "difficultes-financieres--situation-dendettement-surendettement",
    ),
    "budget argent factures comptes économies fin de mois": (
        "difficultes-financieres--acquerir-une-autonomie-budgetaire",
        "difficultes-financieres--ameliorer-sa-gestion-budgetaire",
        "difficultes-financieres--prevenir-une-degradation-de-la-situation-financiere",
    ),
    "impayés loyer expulsion": (
        "logement-hebergement--reduire-les-impayes-de-loyer",
        "logement-hebergement--se-maintenir-dans-le-logement",
    ),
    "appartement maison hlm logement social louer bail": (
        "logement-hebergement--louer-un-logement",
        "logement-hebergement--sinformer-sur-les-demarches-liees-a-lacces-au-logement",
    ),
    "déménager insalubre trop petit mutation": ("logement-hebergement--changer-de-logement",),
    "rue sans abri sdf foyer hébergement urgence nuit": (
        "logement-hebergement--rechercher-une-solution-dhebergement-temporaire",
    ),
    "propriétaire achat accession": ("logement-hebergement--acheter-un-logement",),
    "manger nourriture colis épicerie repas faim": ("equipement-et-alimentation--alimentation",),
    "vêtements habits chaussures tenue entretien": ("equipement-et-alimentation--habillement",),
    "frigo machine à laver meubles électroménager": ("equipement-et-alimentation--electromenager",),
    "ménage repassage aide à domicile": ("equipement-et-alimentation--aide-menagere",),
    "français langue fle illettrisme lire écrire alphabétisation": (
        "lecture-ecriture-calcul--maitriser-le-francais",
    ),
    "compter maths calculer": ("lecture-ecriture-calcul--maitriser-le-calcul",),
    "ordinateur internet informatique smartphone clavier": (
        "numerique--maitriser-les-fondamentaux-du-numerique",
    ),
    "ameli impots france travail site en ligne mail": ("numerique--acceder-a-des-services-en-ligne",),
    "wifi box connexion abonnement téléphone": ("numerique--acceder-a-une-connexion-internet",),
    "acheter ordinateur tablette reconditionné": ("numerique--acquerir-un-equipement",),
    "médecin dentiste lunettes mutuelle soins css": ("sante--acces-aux-soins",),
    "alcool drogue tabac jeu addiction": ("sante--addictions",),
    "handicap rqth aah mdph invalidité": ("sante--constituer-un-dossier-mdph-invalidite",),
    "psychologue dépression anxiété psychique moral": ("sante--sante-mentale",),
    "contraception ist sexualité": ("sante--sante-sexuelle",),
    "isolement solitude rencontrer sortir": ("remobilisation--lien-social",),
    "confiance estime de soi bien-être image": ("remobilisation--bien-etre-confiance-en-soi",),
    "sport culture loisirs théâtre musique": ("remobilisation--activites-sportives-et-culturelles",),
    "bénévole association engagement": ("remobilisation--benevolat-action-citoyenne",),
    "cv lettre de motivation candidature": (
        "preparer-sa-candidature--realiser-un-cv-et-ou-une-lettre-de-motivation",
    ),
    "réseau contacts employeurs parrainage": ("preparer-sa-candidature--developper-son-reseau",),
    "chercher un emploi recherche méthode": (
        "preparer-sa-candidature--organiser-ses-demarches-de-recherche-demploi",
        "trouver-un-emploi--repondre-a-des-offres-demploi",
    ),
    "savoir-faire compétences vae expérience": ("preparer-sa-candidature--valoriser-ses-competences",),
    "entretien d’embauche recruteur": ("trouver-un-emploi--convaincre-un-recruteur-en-entretien",),
    "travail insertion chantier contrat embauche mission intérim": (
        "trouver-un-emploi--repondre-a-des-offres-demploi",
        "trouver-un-emploi--maintien-dans-lemploi",
    ),
    "candidature spontanée": ("trouver-un-emploi--faire-des-candidatures-spontanees",),
    "garder son emploi tenir dans l’emploi reprise": ("trouver-un-emploi--maintien-dans-lemploi",),
    "relancer suivi candidatures": ("trouver-un-emploi--suivre-ses-candidatures-et-relancer-les-employeurs",),
    "stage immersion découvrir un métier orientation": (
        "choisir-un-metier--decouvrir-un-metier-ou-un-secteur-dactivite",
        "choisir-un-metier--confirmer-son-choix-de-metier",
    ),
    "bilan de compétences projet professionnel reconversion": (
        "choisir-un-metier--identifier-ses-points-forts-et-ses-competences",
        "choisir-un-metier--confirmer-son-choix-de-metier",
    ),
    "métiers qui recrutent secteurs en tension": ("choisir-un-metier--connaitre-les-opportunites-demploi",),
    "auto-entrepreneur micro-entreprise se lancer indépendant": (
        "creer-une-entreprise--definir-son-projet-de-creation-dentreprise",
        "creer-une-entreprise--structurer-son-projet-de-creation-dentreprise",
    ),
    "clients chiffre d’affaires entreprise développer": ("creer-une-entreprise--developper-son-entreprise",),
    "formation diplôme qualification apprentissage": ("se-former--trouver-sa-formation",),
    "financer formation cpf dossier": ("se-former--monter-son-dossier-de-formation",),
    "travailler étranger europe partir": ("souvrir-a-linternational--*",),
}


# Words that say nothing of a need.
_EMPTY = frozenset(
    [
        "au",
        "aux",
        "avec",
        "besoin",
        "ces",
        "cette",
        "dans",
        "de",
        "des",
        "du",
        "elle",
        "en",
        "est",
        "et",
        "faire",
        "il",
        "ils",
        "la",
        "le",
        "les",
        "leur",
        "lui",
        "mes",
        "mon",
        "nos",
        "notre",
        "par",
        "pas",
        "plus",
        "pour",
        "que",
        "qui",
        "sa",
        "sans",
        "ses",
        "son",
        "sur",
        "ta",
        "un",
        "une",
        "veut",
        "vers",
        "vos",
        "votre",
    ]
)
# Shorter words count whole: "cv" is not "cvaleur", "rue" is not "rueil".
_SHORT = 4


def thematiques_of(words: str, limit: int = 12) -> list[str]:
    """Return the thématiques (slugs) that answer a need said in everyday words, the most fitting first.

    Every word that says something counts, by its beginning when it is long enough; a thématique that holds more of them
    comes first.
    """
    wanted = [w for w in geography.fold(words[:200]).split() if len(w) > 1 and w not in _EMPTY]
    if not wanted:
        return []
    labels = {category.value: category.label for category in vocabulary.categories()}
    scores: dict[str, float] = {}
    for choice in vocabulary.choices("thematiques"):
        category = labels.get(vocabulary.category_of(choice.value), "")
        text = geography.fold(f"{choice.label} {category}").split()
        scores[choice.value] = sum(1.0 for word in wanted if _found(word, text))
    for said, slugs in BESOINS.items():
        words_here = geography.fold(said).split()
        score = sum(1.1 for word in wanted if _found(word, words_here))
        for slug in _expanded(slugs):
            scores[slug] = max(scores[slug], score)
    best = max(scores.values())
    kept = [slug for slug, score in scores.items() if score and score >= best - 0.5]
    return sorted(kept, key=lambda slug: -scores[slug])[:limit]


def words_of(thematique: str) -> list[str]:
    """Return the everyday words (each text holds several) of the needs that a thématique answers."""
    return [said for said, slugs in BESOINS.items() if thematique in _expanded(slugs)]


def _found(word: str, among: list[str]) -> bool:
    if len(word) < _SHORT:
        return word in among
    stem = word[:-1] if len(word) > _SHORT and word.endswith(("s", "x")) else word
    return any(other.startswith(stem) for other in among)


def _expanded(slugs: tuple[str, ...]) -> list[str]:
    found = []
    for slug in slugs:
        if slug.endswith(_CATEGORY):
            found += vocabulary.expand_thematiques([slug.removesuffix(f"--{_CATEGORY}")])
        else:
            found.append(slug)
    return found
