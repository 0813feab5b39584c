"""The words the generator writes with: invented sentences about the things the catalogue is about."""

# What each category of thématique talks about: (what is done, what it is done with).
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "choisir-un-metier": (
        ("bilan de compétences", "visite d’entreprise", "stage de découverte", "entretien d’orientation"),
        (
            "métiers du soin",
            "métiers du bois",
            "secteur du bâtiment",
            "logistique",
            "industrie",
            "hôtellerie",
        ),
    ),
    "creer-une-entreprise": (
        ("étude de marché", "plan de financement", "permanence création", "parrainage d’entrepreneurs"),
        (
            "micro-entreprise",
            "couveuse",
            "prêt d’honneur",
            "business plan",
            "statut juridique",
            "boutique à l’essai",
        ),
    ),
    "difficultes-administratives-ou-juridiques": (
        (
            "aide aux démarches",
            "permanence d’écrivain public",
            "consultation d’avocat",
            "point d’accès au droit",
        ),
        (
            "titre de séjour",
            "dossier de retraite",
            "courrier administratif",
            "déclaration d’impôts",
            "naturalisation",
        ),
    ),
    "difficultes-financieres": (
        ("point conseil budget", "microcrédit personnel", "aide d’urgence", "suivi budgétaire"),
        (
            "dossier de surendettement",
            "factures d’énergie",
            "découvert bancaire",
            "tutelle",
            "chèque énergie",
        ),
    ),
    "equipement-et-alimentation": (
        ("distribution alimentaire", "épicerie solidaire", "vestiaire", "recyclerie"),
        (
            "colis de denrées",
            "repas chauds",
            "machine à laver",
            "vêtements d’enfants",
            "vaisselle",
            "réfrigérateur",
        ),
    ),
    "famille": (
        ("groupe de parole de parents", "halte-garderie", "médiation familiale", "relais petite enfance"),
        ("assistante maternelle", "crèche", "aidant familial", "séparation", "devoirs", "adolescents"),
    ),
    "lecture-ecriture-calcul": (
        ("atelier de français", "cours du soir", "atelier sociolinguistique", "remise à niveau"),
        (
            "alphabétisation",
            "illettrisme",
            "calcul mental",
            "diplôme de langue",
            "lecture à voix haute",
            "grammaire",
        ),
    ),
    "logement-hebergement": (
        ("permanence logement", "garantie des loyers", "médiation locative", "accueil de nuit"),
        (
            "logement social",
            "bail glissant",
            "impayés de loyer",
            "résidence sociale",
            "punaises de lit",
            "préavis",
        ),
    ),
    "mobilite": (
        (
            "location solidaire de voitures",
            "auto-école sociale",
            "garage solidaire",
            "transport à la demande",
        ),
        (
            "permis de conduire",
            "vélo électrique",
            "scooter",
            "code de la route",
            "carte de bus",
            "covoiturage",
        ),
    ),
    "numerique": (
        (
            "atelier d’initiation à l’ordinateur",
            "accès libre à des postes",
            "permanence numérique",
            "formation en ligne",
        ),
        (
            "boîte aux lettres électronique",
            "tablette",
            "traitement de texte",
            "imprimante",
            "coffre-fort numérique",
        ),
    ),
    "preparer-sa-candidature": (
        ("atelier de rédaction de CV", "simulation d’entretien", "club de recherche d’emploi", "job dating"),
        (
            "lettre de motivation",
            "réseau professionnel",
            "compétences transférables",
            "portfolio",
            "photo de profil",
        ),
    ),
    "remobilisation": (
        ("jardin partagé", "atelier de théâtre", "sortie culturelle", "chantier participatif"),
        (
            "marche nordique",
            "bénévolat",
            "confiance en soi",
            "café associatif",
            "fresque",
            "chorale",
            "poterie",
        ),
    ),
    "sante": (
        ("consultation gratuite", "bilan de santé", "écoute psychologique", "réduction des risques"),
        ("addictions", "mutuelle", "sommeil", "lunettes", "dentiste", "handicap psychique", "contraception"),
    ),
    "se-former": (
        ("préparation à un diplôme", "validation des acquis", "formation qualifiante", "alternance"),
        (
            "titre professionnel",
            "compte de formation",
            "plateau technique",
            "examen blanc",
            "stage en entreprise",
        ),
    ),
    "souvrir-a-linternational": (
        (
            "séjour de volontariat",
            "réunion d’information sur l’Europe",
            "conseil au retour",
            "cours d’anglais",
        ),
        (
            "mobilité européenne",
            "visa de travail",
            "reconnaissance de diplôme",
            "frontaliers",
            "échange de jeunes",
        ),
    ),
    "trouver-un-emploi": (
        (
            "mise en relation avec des employeurs",
            "chantier d’insertion",
            "parrainage vers l’emploi",
            "intérim d’insertion",
        ),
        (
            "contrat aidé",
            "période d’essai",
            "offres cachées",
            "aménagement de poste",
            "propreté",
            "restauration",
        ),
    ),
}

# What an offer of each type is called.
KINDS: dict[str, tuple[str, ...]] = {
    "accompagnement": ("Accompagnement", "Suivi individuel", "Parcours renforcé", "Coup de pouce"),
    "aide-financiere": ("Aide financière", "Prise en charge", "Secours ponctuel", "Fonds d’aide"),
    "aide-materielle": ("Prêt de matériel", "Don", "Mise à disposition", "Bourse d’échange"),
    "atelier": ("Atelier", "Groupe", "Cycle d’ateliers", "Rencontre"),
    "formation": ("Formation", "Stage", "Cours", "Préparation"),
    "information": ("Information collective", "Permanence", "Réunion d’information", "Accueil"),
}

ORGANISATIONS = (
    "Association", "Centre social", "Maison de quartier", "Régie de quartier", "Collectif", "Espace", "Relais",
    "Foyer", "Entraide", "Coopérative", "Atelier", "Maison", "Fabrique", "Passerelle", "Tremplin", "Ressourcerie",
    "Comité", "Union", "Halte", "Pôle", "Carrefour", "Compagnie", "Amicale", "Agence", "Point d’accueil",
)  # fmt: skip

# A name nobody bears is made of these: a catalogue holds thousands of words met once or twice.
SYLLABLES = (
    "ba", "bel", "bri", "cal", "cha", "clo", "cor", "dan", "del", "dou", "fal", "flo", "ga", "gel", "gri", "ha",
    "jo", "ka", "ker", "la", "len", "lou", "ma", "mel", "mi", "mor", "na", "nel", "no", "pa", "pel", "plou", "ra",
    "rel", "ro", "sa", "sel", "so", "ta", "tre", "val", "ver", "vi", "za",
)  # fmt: skip

STREETS = (
    "rue de l’Exemple", "rue des Tisserands", "avenue de la Fontaine", "place du Marché", "boulevard des Ormes",
    "chemin du Moulin", "impasse des Lilas", "rue du Four", "allée des Peupliers", "quai du Port", "rue Haute",
    "rue de la Gare", "place de la Mairie", "rue des Écoles", "route de la Forêt", "rue du Lavoir", "cours Central",
)  # fmt: skip

ACTIONS = (
    "apprendre", "préparer", "comprendre", "retrouver", "organiser", "réparer", "partager", "découvrir", "remplir",
    "construire", "rédiger", "reprendre", "choisir", "essayer", "obtenir", "vérifier", "faciliter", "cuisiner",
    "rencontrer", "débloquer", "négocier", "entretenir", "anticiper", "surmonter", "pratiquer", "cultiver",
)  # fmt: skip

TRADES = (
    "soudure", "maçonnerie", "cuisine", "couture", "jardinage", "menuiserie", "plomberie", "peinture", "nettoyage",
    "mécanique", "électricité", "maraîchage", "boulangerie", "caisse", "secrétariat", "comptabilité", "coiffure",
    "manutention", "livraison", "conduite de car", "aide à domicile", "puériculture", "espaces verts", "tri des déchets",
    "carrelage", "charpente", "couverture", "imprimerie", "photographie", "webmestre", "cordonnerie", "tapisserie",
    "apiculture", "ostréiculture", "viticulture", "horlogerie", "vannerie", "ferronnerie", "blanchisserie", "poissonnerie",
)  # fmt: skip

THINGS = (
    "ordinateur", "téléphone", "dossier", "formulaire", "justificatif", "carnet de bord", "outillage", "blouse",
    "tableau", "véhicule", "carte", "clé", "cahier", "annuaire", "livret", "badge", "casque", "agenda", "attestation",
    "contrat", "relevé", "devis", "dictionnaire", "calculatrice", "micro", "caméra", "vélo", "remorque", "tente",
    "four", "métier à tisser", "établi", "serre", "composteur", "aquarium", "accordéon", "télescope", "maquette",
)  # fmt: skip

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi")

# Sentences about no subject in particular; the slots are filled from the lists of this module.
GENERAL = (
    "L’équipe reçoit sur rendez-vous, du {jour} au {jour2}, dans ses locaux de {ville}.",
    "Un premier entretien permet de faire le point sur la situation et sur ce qui est attendu.",
    "Les séances durent deux heures et réunissent huit personnes au plus.",
    "Chacun avance à son rythme, avec l’appui d’une bénévole formée.",
    "Il s’agit de {action} puis de {action2}, sans jugement et en toute confidentialité.",
    "Le matériel est fourni : {chose}, {chose2}, et tout ce qu’il faut pour la {metier}.",
    "Une initiation à la {metier} est proposée chaque {jour} après-midi.",
    "Les personnes repartent avec un {chose} à leur nom.",
    "Le groupe se retrouve aussi à {ville} et dans les communes voisines.",
    "La participation est libre ; aucune inscription n’est demandée le {jour} matin.",
    "Un bus relie {ville} à l’arrêt le plus proche toutes les trente minutes.",
    "Nos partenaires {nom} et {nom2} interviennent une fois par mois.",
    "Un bilan est envoyé à la personne qui a orienté, avec l’accord de l’intéressé.",
    "En cas d’absence, prévenez l’accueil la veille.",
    "Un interprète peut être présent sur demande.",
    "Les locaux sont accessibles en fauteuil roulant par l’entrée de la cour.",
    "La garde des enfants est assurée pendant la séance.",
    "Ce dispositif, porté par {nom}, est ouvert depuis plusieurs années.",
    "Plusieurs anciens participants travaillent aujourd’hui dans la {metier} ou la {metier2}.",
    "Une visite chez un employeur de {ville} conclut le parcours.",
    "Un référent unique suit la personne pendant six mois et reste joignable ensuite.",
    "Les frais de déplacement peuvent être remboursés sur présentation d’un {chose}.",
    "Les dates sont affichées à l’accueil et communiquées par téléphone.",
    "On y vient pour {action}, pour {action2}, ou simplement pour rencontrer du monde.",
    "L’inscription se fait auprès de {nom}, qui répond sous quarante-huit heures.",
    "Apportez un {chose} et, si vous en avez un, un {chose2}.",
    "Le parcours se compose de dix étapes, dont trois en entreprise.",
    "Cette action complète ce que propose {nom} sur le même territoire.",
    "Une attestation de présence est remise à la fin.",
    "Le nombre de places est limité : les demandes sont étudiées dans l’ordre d’arrivée.",
)

# Sentences about the subject: {faire} and {quoi} come from TOPICS.
ABOUT = (
    "Nous proposons {faire} pour toute personne concernée par {quoi}.",
    "Au programme : {faire}, {faire2}, et un temps d’échange sur {quoi}.",
    "Vous rencontrez des difficultés avec {quoi} ? Cette {faire} est faite pour vous.",
    "Un conseiller aide à {action} ce qui touche à {quoi} et à {quoi2}.",
    "L’objectif est de {action} par soi-même, en commençant par {quoi}.",
    "Chaque {jour}, {faire} avec un professionnel qui connaît bien {quoi}.",
    "Selon les besoins, l’équipe oriente vers {faire2} ou vers {quoi2}.",
    "Le contenu s’adapte : {quoi} pour les uns, {quoi2} pour les autres.",
)

CONDITIONS = (
    "Être inscrit à France Travail.",
    "Habiter la commune ou une commune voisine.",
    "Avoir plus de dix-huit ans.",
    "Ne pas dépasser un certain quotient familial.",
    "Comprendre le français à l’oral.",
    "Être orienté par un travailleur social.",
    "Apporter un justificatif de domicile de moins de trois mois.",
)

PUBLICS_WORDS = (
    "Parents isolés avec de jeunes enfants",
    "Personnes de plus de cinquante ans éloignées de l’emploi",
    "Habitants des quartiers prioritaires",
    "Jeunes sortis de l’école sans diplôme",
    "Allocataires du RSA accompagnés par un référent",
    "Personnes reconnues travailleurs handicapés",
)

PRICES = (
    "Adhésion annuelle de 5 euros",
    "Participation de 2 euros par séance",
    "Selon le quotient familial",
    "Un tiers du prix reste à la charge de la personne",
    "Caution de 30 euros rendue à la fin",
)

HOURS = (
    "Mo-Fr 09:00-12:00,14:00-17:00",
    "Mo-Fr 08:30-12:30; PH off",
    "Tu-Sa 10:00-18:00",
    "Mo,We,Fr 14:00-18:00",
    "Mo-Th 09:00-17:00; Fr 09:00-12:00",
    "We 14:00-17:00; Sa 10:00-12:00",
    "Mo-Su 08:00-20:00",
    "24/7",
)

FIRST_NAMES = ("Camille", "Dominique", "Claude", "Alix", "Sacha", "Lou", "Maxime", "Andrea", "Noa", "Charlie")
