"""Phone numbers: read as people write them here, kept in E.164, shown as people read them."""

import re

import phonenumbers


def read_phone(text: str) -> str | None:
    """Return `text` as +33…; a short number (3949) as it is; None when it is not one phone number."""
    compact = re.sub(r"[\s.\-()]", "", text)
    if re.fullmatch(r"[0-9]{3,4}", compact):
        return compact
    try:
        number = phonenumbers.parse(text, "FR")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def show_phone(number: str) -> str:
    """Return a kept number as people read it: +33299000000 gives 02 99 00 00 00."""
    try:
        parsed = phonenumbers.parse(number, "FR")
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_valid_number(parsed):
        return number
    here = parsed.country_code == 33
    style = phonenumbers.PhoneNumberFormat.NATIONAL if here else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)
