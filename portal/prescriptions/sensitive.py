"""Words of a motive that speak of what is private before all: pointed out to who writes, never refused.

The subjects are those of article 9 of the GDPR, and of article 10 for justice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from portal.geography import fold

# Who writes more than this is told so by the form.
_MOST_READ = 20_000
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")

# Subject → words, folded. A star: every word that begins so; several words: one after the other.
_WORDS: dict[str, tuple[str, ...]] = {
    "de santé": (
        "addict*",
        "alcool*",
        "anorexi*",
        "bipolair*",
        "burn out",
        "cancer*",
        "cardiaque*",
        "chimiotherap*",
        "depress*",
        "diabet*",
        "drogue*",
        "enceinte",
        "epilep*",
        "grossesse*",
        "handicap*",
        "hepatit*",
        "hospitalis*",
        "invalidite",
        "malade",
        "malades",
        "maladie*",
        "medicament*",
        "psychiatr*",
        "psychique*",
        "psychose*",
        "psychotique*",
        "rqth",
        "schizophren*",
        "seropositi*",
        "sida",
        "sous traitement",
        "suicid*",
        "toxicoman*",
        "vih",
    ),
    "de justice": (
        "bracelet electronique",
        "casier judiciaire",
        "condamn*",
        "delinquan*",
        "detention",
        "detenu*",
        "ex detenu*",
        "garde a vue",
        "incarcer*",
        "judiciaire*",
        "liberation conditionnelle",
        "penal*",
        "prison*",
        "probation",
        "spip",
        "sursis",
    ),
    "de religion": (
        "bouddhis*",
        "casher",
        "catholi*",
        "chretien*",
        "hallal",
        "halal",
        "hindou*",
        "islam*",
        "juif",
        "juifs",
        "juive*",
        "judaisme",
        "mosquee*",
        "musulman*",
        "protestant*",
        "ramadan",
        "religi*",
        "synagogue*",
        "temoin de jehovah",
        "temoins de jehovah",
    ),
    "d’origine ethnique": (
        "africain*",
        "d origine",
        "ethni*",
        "gens du voyage",
        "gitan*",
        "immigre*",
        "kabyle*",
        "maghreb*",
        "manouche*",
        "rom",
        "roms",
        "tsigane*",
        "tzigane*",
    ),
    "de syndicat": ("cfdt", "cgt", "syndicalis*", "syndicat*", "syndique*"),
    "de vie sexuelle": (
        "bisexuel*",
        "gay",
        "gays",
        "homosexu*",
        "lesbien*",
        "orientation sexuelle",
        "prostitu*",
        "sexuel*",
        "transgenre*",
        "transsexu*",
        "vie sexuelle",
        "violee",
        "violees",
        "viol",
    ),
}
# Ordinary phrases that hold one of these words and say nothing of the person.
_HARMLESS = (
    "assurance maladie",
    "caisse primaire d assurance maladie",
    "redressement judiciaire",
    "liquidation judiciaire",
    "penalite",
    "penalites",
    *(f"{what} d origine" for what in ("employeur", "entreprise", "formation", "metier", "poste", "secteur")),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A subject that a text speaks of ("de santé"), with the `words` that say so, as they were typed."""

    subject: str
    words: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What who writes is told."""
        said = ", ".join(f"« {word} »" for word in self.words[:4])
        return f"Votre texte parle {self.subject} ({said}). Gardez-le seulement si cela sert à l’action."


def find(text: str, known: Iterable[str] = ()) -> list[Found]:
    """Return the sensitive subjects of a text, in the order of the list.

    `known`: what the offer itself says (its name, its themes, its publics). A word of it is no news of the person.
    """
    typed = [(match[0], fold(match[0])) for match in _WORD.finditer(text[:_MOST_READ])]
    # "d’origine" is one run of letters or two, by the apostrophe: words are compared one by one.
    words = [(shown, part) for shown, folded in typed for part in folded.split()]
    said_by_offer = fold(" ".join(known)[:_MOST_READ]).split()
    spared = _spared([folded for _, folded in words])
    found = []
    for subject, patterns in _WORDS.items():
        hits: dict[int, str] = {}
        for pattern in patterns:
            parts = pattern.split()
            if _places(parts, said_by_offer):
                continue
            for at in _places(parts, [folded for _, folded in words]):
                if at not in spared:
                    # A compound word is shown once, however many of its parts are of the pattern.
                    shown = dict.fromkeys(words[at + n][0] for n in range(len(parts)))
                    hits.setdefault(at, " ".join(shown))
        if hits:
            found.append(Found(subject, tuple(dict.fromkeys(hits[at] for at in sorted(hits)))))
    return found


def _spared(words: list[str]) -> set[int]:
    spared: set[int] = set()
    for phrase in _HARMLESS:
        parts = phrase.split()
        for at in _places(parts, words):
            spared.update(range(at, at + len(parts)))
    return spared


def _places(parts: list[str], words: list[str]) -> list[int]:
    """Return where these words follow each other."""
    return [
        at
        for at in range(len(words) - len(parts) + 1)
        if all(_matches(part, words[at + n]) for n, part in enumerate(parts))
    ]


def _matches(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern
