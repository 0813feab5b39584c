"""Amounts and numbers as people write them, read into whole numbers and said in French: money never passes by a float."""

import re

_NARROW = "\u202f"
_SIGN = re.compile(r"\s*(?:€|euros?|eur)$", re.IGNORECASE)
# Whole euros, in groups of three or in one piece; then the cents, if any, after a comma or a point.
_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:[.,](?P<cents>[0-9]{1,2}))?")
_DIGITS_MAXIMUM = 10
_NUMBER = re.compile(r"(?P<whole>[0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:[.,](?P<rest>[0-9]+))?")


def euros(cents: int | None) -> str:
    """Return "1 234,56 €" for an amount in cents."""
    if cents is None:
        return ""
    sign, whole, rest = ("-" if cents < 0 else ""), abs(cents) // 100, abs(cents) % 100
    return f"{sign}{whole:,}".replace(",", _NARROW) + f",{rest:02d}\u00a0€"


def rate(hundredths: int) -> str:
    """Return "33,33 %" for a rate in hundredths of a percent, "60 %" for a whole one."""
    return f"{show_decimals(hundredths, 2)}\u00a0%"


def units(thousandths: int | None) -> str:
    """Return "12,5" for 12500 thousandths of a unit."""
    return "" if thousandths is None else show_decimals(thousandths, 3)


def etp(hundredths: int | None) -> str:
    """Return "1,5" for 150 hundredths of ETP."""
    return "" if hundredths is None else show_decimals(hundredths, 2)


def read_euros(text: str) -> int:
    """Return the cents of an amount in euros, without ever passing by a float.

    Spaces of any kind may part the thousands. Raises ValueError, with a sentence, for anything else than a positive
    amount with two decimals at most: what could be read in two ways ("1.500") is asked again.
    """
    plain = _SIGN.sub("", " ".join(text.split()))
    if plain.startswith("-"):
        raise ValueError("Écrivez un montant positif, par exemple 30 000.")
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        raise ValueError("Écrivez un montant en euros, par exemple 30 000 ou 30 000,50.")
    whole = found["whole"].replace(" ", "")
    if len(whole.lstrip("0")) > _DIGITS_MAXIMUM:
        raise ValueError("Ce montant est trop grand : relisez-le.")
    return int(whole) * 100 + int((found["cents"] or "").ljust(2, "0"))


def show_euros(cents: int) -> str:
    """Return an amount as a form shows it: 3000050 gives "30 000,50", 3000000 gives "30 000"."""
    whole, rest = divmod(cents, 100)
    return f"{whole:,}".replace(",", _NARROW) + (f",{rest:02d}" if rest else "")


def read_decimals(text: str, decimals: int, example: str = "1,5") -> int:
    """Return the number that `text` writes, times ten to the `decimals`.

    Raises ValueError, with a sentence, for anything else than a positive number with that many decimals at most.
    """
    found = _NUMBER.fullmatch(" ".join(text.split()))
    if found is None:
        raise ValueError(f"Écrivez un nombre, par exemple {example}.")
    rest = found["rest"] or ""
    if len(rest) > decimals:
        raise ValueError(f"Écrivez {decimals} chiffres au plus après la virgule.")
    whole = found["whole"].replace(" ", "")
    if len(whole.lstrip("0")) > 9:
        raise ValueError("Ce nombre est trop grand : relisez-le.")
    return int(whole) * 10**decimals + int(rest.ljust(decimals, "0") or 0)


def show_decimals(number: int, decimals: int) -> str:
    """Return a whole number as a form shows it: 150 with 2 decimals gives "1,5"."""
    whole, rest = divmod(number, 10**decimals)
    digits = f"{rest:0{decimals}d}".rstrip("0")
    return f"{whole:,}".replace(",", _NARROW) + (f",{digits}" if digits else "")
