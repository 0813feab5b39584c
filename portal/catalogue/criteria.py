"""What somebody looks for, as plain values: the page, the API, saved searches and alerts all speak this."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from portal.geography import Commune

DEFAULT_RADIUS_KM = 50
RADII_KM = (5, 10, 20, 30, 50, 100)
# Results of a page, at most.
LARGEST_PAGE = 10_000


class Sort(StrEnum):
    """The orders a person may ask for; AUTO is by relevance when there are words, else distance, quality, id."""

    AUTO = "auto"
    PERTINENCE = "pertinence"
    DISTANCE = "distance"
    FRAICHEUR = "fraicheur"
    PLACES = "places"
    # By id, as the lists of the API.
    ID = "id"
    # Distance, then id: the order of data.inclusion's `/search/services`.
    DISTANCE_ID = "distance_id"


class Heures(StrEnum):
    """Bands of hours a week."""

    MOINS_DE_5 = "moins-de-5"
    DE_5_A_15 = "5-a-15"
    PLUS_DE_15 = "15-et-plus"
    INCONNU = "inconnu"

    @property
    def label(self) -> str:
        """The band as the interface says it."""
        return {
            "moins-de-5": "Moins de 5 h",
            "5-a-15": "De 5 à 15 h",
            "15-et-plus": "15 h et plus",
            "inconnu": "Non précisé",
        }[self.value]


class Fraicheur(StrEnum):
    """How long ago somebody last changed or confirmed the offer; each band holds the shorter ones."""

    TROIS_MOIS = "3-mois"
    SIX_MOIS = "6-mois"
    UN_AN = "1-an"

    @property
    def label(self) -> str:
        """The band as the interface says it."""
        return {"3-mois": "Moins de 3 mois", "6-mois": "Moins de 6 mois", "1-an": "Moins d’un an"}[self.value]

    @property
    def months(self) -> int:
        """The age that the band stops at, in months."""
        return {"3-mois": 3, "6-mois": 6, "1-an": 12}[self.value]


class SessionBand(StrEnum):
    """When the next session begins; each band holds the shorter ones."""

    UN_MOIS = "1-mois"
    TROIS_MOIS = "3-mois"
    A_VENIR = "a-venir"

    @property
    def label(self) -> str:
        """The band as the interface says it."""
        return {"1-mois": "Dans le mois", "3-mois": "Dans les trois mois", "a-venir": "Une date est fixée"}[
            self.value
        ]


class AreaKind(StrEnum):
    """The kinds of territory."""

    COMMUNE = "commune"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Around:
    """Around a point, `radius_km` away at most; the remote offers are kept too unless `strict`.

    With a `commune`, only the offers whose eligibility zone is unknown or covers it are kept.
    """

    latitude: float
    longitude: float
    radius_km: float = DEFAULT_RADIUS_KM
    commune: Commune | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """Within a territory. `located` looks at the offer's own address only, as data.inclusion's lists do;

    otherwise the remote offers open to somebody of the territory are kept too.
    """

    kind: AreaKind
    code: str
    located: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """A search. Values within one filter are alternatives; filters add up. Empty means no filter.

    `thematiques` are leaves (`vocabulary.expand_thematiques` opens categories).
    """

    words: str = ""
    # True: the last word may be unfinished, near words are tried when one is unknown (people type).
    forgiving: bool = True
    where: Around | Area | None = None
    # Both: around a point, among what is located in a territory (data.inclusion's `/search`).
    within: Area | None = None
    thematiques: frozenset[str] = frozenset()
    publics: frozenset[str] = frozenset()
    # Words on `publics` and `publics_precisions` (data.inclusion's `recherche_public`).
    publics_words: str = ""
    types: frozenset[str] = frozenset()
    frais: frozenset[str] = frozenset()
    modes_accueil: frozenset[str] = frozenset()
    dominantes: frozenset[str] = frozenset()
    heures: frozenset[Heures] = frozenset()
    # True: only what a professional may ask for (`professionnels` in `mobilisable_par`).
    professionnels: bool = False
    # True: only the offers with at least one financed place left today.
    places_libres: bool = False
    session: SessionBand | None = None
    # Values of conventions' `Financeur`, and numbers of conventions: any of the two lists.
    financeurs: frozenset[str] = frozenset()
    conventions: frozenset[str] = frozenset()
    # Prefixed ids.
    structures: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    fraicheur: Fraicheur | None = None
    score_minimum: float | None = None
    exclure_doublons: bool = False
    # Only what appeared here after this moment (alerts).
    appeared_after: date | None = None


@dataclass(frozen=True, slots=True)
class StructureCriteria:
    """A list of structures, as data.inclusion's `/structures` filters them."""

    sources: frozenset[str] = frozenset()
    reseaux_porteurs: frozenset[str] = frozenset()
    within: Area | None = None
    exclure_doublons: bool = False


class Why(StrEnum):
    """Why a result is there, beside the words and the filters."""

    DISTANCE = "distance"
    A_DISTANCE = "a-distance"
    # On the territory asked for.
    TERRITOIRE = "territoire"
    # Its eligibility zone names the place (rather than being unknown or the whole country).
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: `id` is prefixed; `distance_km` is None when it has no meaning; `relevance` between 0 and 1."""

    id: str
    ref: int
    distance_km: float | None = None
    relevance: float | None = None
    why: tuple[Why, ...] = ()


def ref_of(which: int, row: int) -> int:
    """Return the `ref` of a result: its segment (0: known from elsewhere, 1: ours) and its row there."""
    return row << 1 | which


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that nothing holds, and the nearest one, which was looked for instead."""

    typed: str
    used: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search answers. `counts`: filter name -> {value: how many offers}, the other filters applied."""

    total: int
    hits: tuple[Hit, ...]
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    # Words that nothing is near to; the search holds nothing then.
    unknown_words: tuple[str, ...] = ()
    # Id -> name of the structures counted.
    names: dict[str, str] = field(default_factory=dict)


def leaves(values: Iterable[str]) -> frozenset[str]:
    """Return `values` as a set, for the many filters that hold one."""
    return frozenset(values)
