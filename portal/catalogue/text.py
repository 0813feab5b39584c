"""From a text to the words that are looked for: folded, without empty words, down to their French stems."""

from collections.abc import Iterable

import Stemmer

from portal.geography import fold
from portal.geography.text import FRENCH

_EMPTY = (
    "ai as au aux avec avez avons ca car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme "
    "dans de des donc dont du elle elles en encore entre es est et etaient etait etant ete etes etre eu eux fait "
    "il ils je la le les leur leurs lors lorsque lui ma mais me meme memes mes moi moins mon ne ni nos notre nous "
    "on ont ou par parce pas peu peut peuvent plus pour puis qu quand que quel quelle quelles quels qui quoi sa "
    "sans se sera seront ses si soit son sont sous sur ta te tes toi ton tous tout toute toutes tres tu un une "
    "vers via vos votre vous y"
)
#: Words that say nothing of an offer; folded.
EMPTY_WORDS = frozenset(_EMPTY.split())
#: What somebody types is cut there; no offer is found by its twentieth word.
MAX_TYPED = 200
MAX_WORDS = 12
#: An index is not swollen by what is not a word.
MAX_WORD = 24

# Everything that is neither a letter nor a figure is a blank; the same answer as `fold`, several times sooner.
_BLANKS = bytes(c if chr(c).isalnum() else 32 for c in range(128)) + bytes(128 * [32])

_stemmer = Stemmer.Stemmer("french")


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order, empty words and single letters left out."""
    text = text.lower().translate(FRENCH)
    split = text.encode().translate(_BLANKS).decode().split() if text.isascii() else fold(text).split()
    return [word[:MAX_WORD] for word in split if len(word) > 1 and word not in EMPTY_WORDS]


def stem(word: str) -> str:
    """Return the stem of a folded word: "formation" and "formations" give "format"."""
    return str(_stemmer.stemWord(word))


def stems(found: Iterable[str]) -> list[str]:
    """Return the stems of folded words, in the same order."""
    return list(_stemmer.stemWords(list(found)))


def typed_words(text: str) -> list[str]:
    """Return the words somebody typed, each once; at most MAX_WORDS of the first MAX_TYPED characters."""
    return list(dict.fromkeys(words(text[:MAX_TYPED])))[:MAX_WORDS]
