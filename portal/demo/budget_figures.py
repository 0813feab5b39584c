"""The figures of the conventions with the State: 2023 and 2024 are public, the present is invented. Money is in cents."""

from portal.budget.models import Nature, Volet

# What 2023 was: 719 689 € agreed, 431 813 € in advance, 423 271,35 € spent, so that 8 541,65 € are deducted from 2024.
FIRST_AMOUNT = 71_968_900
# nature, object, cents; only their sum is public.
FIRST_SPENT = (
    (Nature.INGENIERIE, "Chefferie de projet (démonstration)", 9_800_000),
    (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement (démonstration)", 28_027_135),
    (Nature.MOBILITE, "En route vers le permis (démonstration)", 3_000_000),
    (Nature.SI, "Système d’information (démonstration)", 1_500_000),
)
# The plan and the statement of 2024, as the source gives them: nature, object, cents.
SECOND = (
    (Nature.INGENIERIE, "Ingénierie", 15_005_032),
    (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement", 40_596_088),
    (Nature.ACCOMPAGNEMENT, "CCAS", 4_417_750),
    (Nature.ACCOMPAGNEMENT, "Missions locales", 3_466_800),
    (Nature.ACCOMPAGNEMENT, "Infirmières", 10_926_954),
    (Nature.MOBILITE, "En route vers le permis", 4_700_000),
    (Nature.COMPLEMENTAIRES, "Résilience", 200_000),
    (Nature.AUTRE_FREIN, "Accompagnement social lié au logement (ASL)", 4_500_000),
    (Nature.COMPLEMENTAIRES, "Travailleurs indépendants (BGE)", 3_000_000),
    (Nature.GARDE_ENFANT, "Garde d’enfants", 3_000_000),
    (Nature.REMOBILISATION, "Remobilisation des jeunes", 500_000),
    (Nature.COMPLEMENTAIRES, "Enveloppe des territoires", 5_000_000),
    (Nature.COMPLEMENTAIRES, "Formation des professionnels", 500_000),
    (Nature.SI, "Système d’information", 4_000_000),
)
# Last year, invented: volet, nature, object, what the State pays, what others pay, what was spent in all.
LAST: tuple[tuple[Volet, Nature, str, int, int, int], ...] = (
    (Volet.INGENIERIE, Nature.INGENIERIE, "Chefferie de projet", 9_800_000, 0, 9_642_000),
    (Volet.INGENIERIE, Nature.SI, "Développement du portail", 3_200_000, 0, 3_187_500),
    (Volet.SOLUTIONS, Nature.MOBILITE, "En route vers le permis", 1_950_000, 1_950_000, 3_900_000),
    (Volet.SOLUTIONS, Nature.AUTRE_FREIN, "Logement : file active ASL", 1_050_000, 1_050_000, 1_950_000),
    (
        Volet.DEPLOIEMENT,
        Nature.ACCOMPAGNEMENT,
        "Référents d’accompagnement",
        38_000_000,
        0,
        37_246_000,
    ),
)
# This year, invented: volet, nature, object, what the State pays, what others pay, existing and target ETP.
THIRD: tuple[tuple[Volet, Nature, str, int, int, int, int], ...] = (
    (Volet.INGENIERIE, Nature.INGENIERIE, "Chefferie de projet", 10_800_000, 0, 0, 200),
    (Volet.INGENIERIE, Nature.SI, "Développement du portail", 4_200_000, 0, 0, 0),
    (Volet.SOLUTIONS, Nature.MOBILITE, "En route vers le permis", 2_350_000, 2_350_000, 0, 0),
    (Volet.SOLUTIONS, Nature.SANTE, "PEM’S : parcours supplémentaires", 175_000, 175_000, 0, 0),
    (Volet.SOLUTIONS, Nature.AUTRE_FREIN, "Logement : file active ASL", 1_200_000, 1_200_000, 0, 0),
    (
        Volet.DEPLOIEMENT,
        Nature.ACCOMPAGNEMENT,
        "Référents d’accompagnement",
        42_000_000,
        8_000_000,
        600,
        1_600,
    ),
)
VOLETS = {Volet.INGENIERIE: 15_000_000, Volet.SOLUTIONS: 4_000_000, Volet.DEPLOIEMENT: 42_000_000}
# commune, CDAS, bassin: communes are real, how they are put together is a guess.
TERRITORIES = (
    ("35236", "CDAS de Redon (démonstration)", "Bassin de Redon (démonstration)"),
    ("35219", "CDAS de Redon (démonstration)", "Bassin de Redon (démonstration)"),
    ("35238", "CDAS de Rennes (démonstration)", "Bassin de Rennes (démonstration)"),
    ("35115", "CDAS de Fougères (démonstration)", "Bassin de Fougères et Vitré (démonstration)"),
    ("35360", "CDAS de Vitré (démonstration)", "Bassin de Fougères et Vitré (démonstration)"),
    ("35288", "CDAS de Saint-Malo (démonstration)", "Bassin de Saint-Malo (démonstration)"),
)
