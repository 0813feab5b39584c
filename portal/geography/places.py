"""From what a person types to a commune: completion while typing, then resolution of what was sent."""

import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from heapq import nsmallest

from portal.geography.tables import Commune, tables
from portal.geography.text import fold, spell_saints

#: The longest name has 45 letters, the longest label 53: a longer text names no place and is not looked at.
MAX_LENGTH = 100
SUGGESTIONS = 5

_ARTICLES = ("le", "la", "les", "l")
FIVE_SIGNS = re.compile(r"[0-9]{5}|2[AB][0-9]{3}")
_DIGITS = re.compile(r"[0-9]+")
#: "redon 35600", "saint denis 974": a name, then a postal code, an INSEE code or a département.
_NAME_THEN_CODE = re.compile(r"(.+) ([0-9]{5}|2[ab][0-9]{3}|[0-9]{2,3}|2[ab])")
_CODE_THEN_NAME = re.compile(r"([0-9]{5}) (.+)")
#: The same while the code is being typed.
_NAME_THEN_DIGITS = re.compile(r"(.+) ([0-9]{1,5})")
_LAST = chr(0x10FFFF)


class _PlaceError(LookupError):
    """What was typed does not designate one place; the message is in French, for the person who typed it."""

    def __init__(self, text: str, places: Sequence[Commune], labels: Sequence[str]) -> None:
        self.text = _shown(text)
        #: Everything to propose, best first; each label is understood when sent back.
        self.labels = list(labels) or [place.label for place in places]
        super().__init__(self.text, places, labels)

    def _proposals(self) -> str:
        shown = ", ".join(self.labels[:SUGGESTIONS])
        rest = len(self.labels) - SUGGESTIONS
        return shown if rest <= 0 else f"{shown} et {rest} autre{'s' if rest > 1 else ''}"


class UnknownPlace(_PlaceError):
    """No place answers to this text. `suggestions` are communes of a near name, best first.

    `labels` are the proposals to show: the suggestions, and the départements and EPCI for `parse_zone`.
    """

    def __init__(self, text: str, suggestions: Sequence[Commune] = (), labels: Sequence[str] = ()) -> None:
        super().__init__(text, suggestions, labels)
        self.suggestions = list(suggestions)

    def __str__(self) -> str:
        if not self.text:
            return "Indiquez un lieu."
        if not self.labels:
            return f"Nous ne trouvons pas «\xa0{self.text}\xa0». Vérifiez le nom ou le code postal."
        proposals = self._proposals()
        return f"Nous ne trouvons pas «\xa0{self.text}\xa0». Vouliez-vous dire\xa0: {proposals}\xa0?"


class AmbiguousPlace(_PlaceError):
    """Several places answer to this text. `choices` are the communes among them.

    `labels` are the proposals to show: the choices, and the départements and EPCI for `parse_zone`.
    """

    def __init__(self, text: str, choices: Sequence[Commune], labels: Sequence[str] = ()) -> None:
        super().__init__(text, choices, labels)
        self.choices = list(choices)

    def __str__(self) -> str:
        proposals = self._proposals()
        return f"Plusieurs lieux correspondent à «\xa0{self.text}\xa0»\xa0: {proposals}. Choisissez-en un."


def _shown(text: str) -> str:
    """Return a text safe to show again: short, printable, encodable."""
    text = " ".join(text[: 2 * MAX_LENGTH].split())
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


class _Index:
    """Sorted lists to search in. Communes are numbered by falling population: the smaller, the better."""

    def __init__(self) -> None:
        # The sort is stable: communes as populated as each other stay in the order of their codes.
        self.ranked: list[Commune] = sorted(tables().communes, key=lambda commune: -commune.population)
        numbers = {commune.code: number for number, commune in enumerate(self.ranked)}
        names = [(spell_saints(commune.key), number) for number, commune in enumerate(self.ranked)]
        self.keys: list[str] = [key for key, _ in names]
        for commune, nom in tables().arrondissements:
            # "Paris 12e Arrondissement", "Paris 12e", "Paris 12"
            full = fold(nom)
            short = full.removesuffix(" arrondissement")
            names += [(key, numbers[commune.code]) for key in (full, short, short.rstrip("er"))]
        words: list[tuple[str, int]] = []
        postal: list[tuple[str, int]] = []
        self.local: dict[str, set[int]] = {}
        for key, number in names:
            start = key.find(" ") + 1
            while start:
                words.append((key[start:], number))
                start = key.find(" ", start) + 1
        for number, commune in enumerate(self.ranked):
            postal += [(code, number) for code in commune.codes_postaux]
            self.local.setdefault(commune.code_departement, set()).add(number)
        self.names = _SortedTexts(names)
        self.words = _SortedTexts(words)
        self.postal = _SortedTexts(postal)

    @cached_property
    def letter_pairs(self) -> list[int]:
        """The pairs of letters of each name, for the search of near names only."""
        return [_letter_pairs(key) for key in self.keys]


class _SortedTexts:
    """Texts with the numbers of the communes they lead to."""

    def __init__(self, pairs: list[tuple[str, int]]) -> None:
        pairs.sort()
        self.texts = [text for text, _ in pairs]
        self.numbers = array("H", (number for _, number in pairs))

    def equal_to(self, text: str) -> Sequence[int]:
        return self.numbers[bisect_left(self.texts, text) : bisect_right(self.texts, text)]

    def beginning_with(self, text: str) -> Sequence[int]:
        return self.numbers[bisect_left(self.texts, text) : bisect_left(self.texts, text + _LAST)]


_lock = threading.Lock()
_built: _Index | None = None


def _index() -> _Index:
    """Return the index, built at the first call (about a quarter of a second)."""
    global _built
    if _built is None:
        with _lock:
            if _built is None:
                _built = _Index()
    return _built


def complete(text: str, limit: int = 10, departement: str | None = None) -> list[Commune]:
    """Return at most `limit` communes for what has been typed so far, best first.

    The text may begin the name, any word of the name, or a postal code; a name may be followed by the
    beginning of a postal code. An exact name comes first, then a name that begins so, then a word; in each
    case the communes of `departement` come first, then the most populated. No match gives an empty list.
    """
    if limit <= 0 or len(text := text.strip()) > MAX_LENGTH or not (typed := fold(text)):
        return []
    index = _index()
    local = index.local.get(departement or "", set())
    if _DIGITS.fullmatch(typed):
        return [index.ranked[n] for n in _best(set(index.postal.beginning_with(typed)), limit, local)]
    found = _completions(typed, limit, local, None)
    if not found and (parts := _NAME_THEN_DIGITS.fullmatch(typed) or _CODE_THEN_NAME.fullmatch(typed)):
        name, code = parts.groups() if not parts[1].isdecimal() else (parts[2], parts[1])
        found = _completions(name, limit, local, set(index.postal.beginning_with(code)))
    return [index.ranked[n] for n in found]


def _completions(typed: str, limit: int, local: set[int], among: set[int] | None) -> list[int]:
    """Return the numbers of the communes (of `among` if given) whose name, or a word of it, begins so."""
    index = _index()
    spelled = spell_saints(typed)
    # "st" may be a whole word or the beginning of "Strasbourg".
    spellings = [spelled]
    if typed.endswith("st") and spelled.endswith("saint"):
        spellings.append(spelled.removesuffix("saint") + "st")
    elif typed.endswith("ste") and spelled.endswith("sainte"):
        spellings.append(spelled.removesuffix("sainte") + "ste")
    found: list[int] = []
    for lookup in (index.names.equal_to, index.names.beginning_with, index.words.beginning_with):
        numbers = {number for spelling in spellings for number in lookup(spelling)}
        numbers.difference_update(found)
        if among is not None:
            numbers &= among
        found += _best(numbers, limit - len(found), local)
        if len(found) >= limit:
            break
    return found


def _best(numbers: set[int], limit: int, local: set[int]) -> list[int]:
    """Return the `limit` best numbers, those of the département first."""
    inside = nsmallest(limit, numbers & local)
    if len(inside) >= limit:
        return inside
    return inside + nsmallest(limit - len(inside), numbers - local)


def resolve(text: str, departement: str | None = None) -> Commune:
    """Return the commune that a text designates.

    Accepted: a name ("st malo"), a label ("Redon (35600)", "Redon 35600", "35600 Redon", "St-Denis (974)"),
    a postal code, an INSEE code. Among communes of that very name, the one in `departement` is taken if there
    is just one there.

    Half of the postal codes are also the INSEE code of another commune: 35136 is the postal code of
    Saint-Jacques-de-la-Lande and the INSEE code of Janzé. Such a text is ambiguous; whoever holds an INSEE
    code asks `commune(code)` instead.

    Raises UnknownPlace or AmbiguousPlace, both with communes to propose; their message can be shown as it is.
    """
    found = designated(text)
    if not found:
        raise UnknownPlace(text, near(text, departement))
    if len(found) > 1 and departement and not FIVE_SIGNS.fullmatch(text.strip().upper()):
        inside = [commune for commune in found if commune.code_departement == departement]
        if len(inside) == 1:
            return inside[0]
        found = inside + [commune for commune in found if commune not in inside]
    if len(found) > 1:
        raise AmbiguousPlace(text, found)
    return found[0]


def designated(text: str) -> list[Commune]:
    """Return every commune a text may designate, most populated first (an INSEE code's own comes last)."""
    text = text.strip()
    if not text or len(text) > MAX_LENGTH:
        return []
    index = _index()
    if FIVE_SIGNS.fullmatch(code := text.upper()):
        found = [index.ranked[n] for n in sorted(index.postal.equal_to(code))]
        named = tables().by_code.get(code)
        # A code that only leads to another commune (merged, arrondissement) gives way to a postal code.
        if named is None or named in found or (found and named.code != code):
            return found
        return [*found, named]
    typed = spell_saints(fold(text))
    if found := _named(typed):
        return found
    if parts := _NAME_THEN_CODE.fullmatch(typed):
        return [commune for commune in _named(parts[1]) if _bears(commune, parts[2].upper())]
    if parts := _CODE_THEN_NAME.fullmatch(typed):
        return [commune for commune in _named(parts[2]) if _bears(commune, parts[1])]
    return []


def _named(key: str) -> list[Commune]:
    """Return the communes of this very name, the leading article being optional."""
    index = _index()
    numbers: Iterable[int] = index.names.equal_to(key)
    if not numbers:
        numbers = {number for article in _ARTICLES for number in index.names.equal_to(f"{article} {key}")}
    return [index.ranked[n] for n in sorted(numbers)]


def _bears(commune: Commune, code: str) -> bool:
    return (
        code in commune.codes_postaux
        or code in (commune.code, commune.code_departement)
        or tables().by_code.get(code) is commune
    )


def near(text: str, departement: str | None = None, limit: int = SUGGESTIONS) -> list[Commune]:
    """Return communes to propose for a text that designates none: completions, then names close to it."""
    text = text.strip()
    if not text or len(text) > MAX_LENGTH:
        return []
    found = complete(text, limit, departement)
    typed = spell_saints(fold(text))
    if len(found) >= limit or not typed or typed.isdecimal():
        return found
    index = _index()
    if parts := _NAME_THEN_CODE.fullmatch(typed) or _CODE_THEN_NAME.fullmatch(typed):
        # The name may be right and the code wrong, or the other way round.
        name, code = parts.groups() if not parts[1].isdecimal() else (parts[2], parts[1])
        right = _named(name) + [index.ranked[n] for n in sorted(index.postal.equal_to(code))]
        if right:
            return (found + [commune for commune in right if commune not in found])[:limit]
        typed = name
    # A first sieve on pairs of letters, then a true comparison of the few names that pass.
    wanted = _letter_pairs(typed)
    gaps = [(pairs ^ wanted).bit_count() for pairs in index.letter_pairs]
    local = index.local.get(departement or "", set())
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(typed)
    scored: list[tuple[float, int]] = []
    for number in nsmallest(100, range(len(gaps)), key=gaps.__getitem__):
        matcher.set_seq1(index.keys[number])
        scored.append((matcher.ratio() + 0.05 * (number in local), -number))
    scored.sort(reverse=True)
    threshold = max(0.7, scored[0][0] - 0.12)
    alike = [index.ranked[-number] for likeness, number in scored if likeness >= threshold]
    return (found + [commune for commune in alike if commune not in found])[:limit]


def _letter_pairs(key: str) -> int:
    """Return a set of bits that stands for the pairs of neighbouring letters of a name, its ends included."""
    bits = 0
    padded = f" {key} " if key else ""
    for first, second in zip(padded, padded[1:], strict=False):
        bits |= 1 << (ord(first) * 31 + ord(second)) % 61
    return bits
