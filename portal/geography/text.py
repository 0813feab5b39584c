"""Folding of names, so that what people type meets what the tables hold."""

import re
import unicodedata

#: The letters of French, so that the long way is only for what comes from elsewhere; and the signs of French texts.
FRENCH = str.maketrans(
    dict(zip("àâäçéèêëîïôöùûüÿ", "aaaceeeeiioouuuy", strict=True))
    | {"œ": "oe", "æ": "ae"}
    | dict.fromkeys("’‘“”«»–—…·•€°\xa0\u202f", " ")
)
_NOT_WORD = re.compile(r"[\W_]+")
_SAINT = re.compile(r"\bst(e?)\b")


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, each run of punctuation or blanks made one space.

    "L’Haÿ-les-Roses" gives "l hay les roses"; "Œuilly" gives "oeuilly". Folding twice changes nothing.
    The time taken grows with the length of the text: bound what strangers send before calling it.
    """
    text = text.lower().translate(FRENCH)
    if not text.isascii():
        # Once more after the change of case: some compatibility letters only reveal an accent then.
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        text = "".join(letter for letter in text if not unicodedata.combining(letter)).translate(FRENCH)
    return _NOT_WORD.sub(" ", text).strip()


def spell_saints(folded: str) -> str:
    """Return a folded name with the words "st" and "ste" written in full, as communes are looked up."""
    return _SAINT.sub(r"saint\1", folded) if "st" in folded else folded
