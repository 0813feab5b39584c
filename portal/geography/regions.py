"""The régions of the official geographical code: few enough to be written here."""

from collections.abc import Mapping
from types import MappingProxyType

#: Code of each of the 18 régions -> its name, in the order of the names. The overseas collectivités are in none.
REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "84": "Auvergne-Rhône-Alpes",
        "27": "Bourgogne-Franche-Comté",
        "53": "Bretagne",
        "24": "Centre-Val de Loire",
        "94": "Corse",
        "44": "Grand Est",
        "01": "Guadeloupe",
        "03": "Guyane",
        "32": "Hauts-de-France",
        "11": "Île-de-France",
        "04": "La Réunion",
        "02": "Martinique",
        "06": "Mayotte",
        "28": "Normandie",
        "75": "Nouvelle-Aquitaine",
        "76": "Occitanie",
        "52": "Pays de la Loire",
        "93": "Provence-Alpes-Côte d’Azur",
    }
)
