"""Hours as people type them ("7 h 30", "7,5", "7:30"), kept in minutes."""

import re
from typing import Any

from wtforms import StringField, ValidationError

# "7", "7h", "7 h 30", "7:30", "7h30 min"
_CLOCK = re.compile(
    r"([0-9]{1,3})\s*(?:h|:|heures?|hrs?)\s*(?:([0-9]{1,2})\s*(?:m|mn|min|minutes)?)?", re.IGNORECASE
)
_DECIMAL = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?\s*(?:h|heures?)?", re.IGNORECASE)
_MINUTES = re.compile(r"([0-9]{1,4})\s*(?:m|mn|min|minutes)", re.IGNORECASE)


def read_minutes(text: str) -> int | None:
    """Return how many minutes `text` says, as people write hours; None when it says none."""
    text = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    if found := _MINUTES.fullmatch(text):
        return int(found[1])
    if found := _CLOCK.fullmatch(text):
        minutes = int(found[2] or 0)
        return int(found[1]) * 60 + minutes if minutes < 60 else None
    if found := _DECIMAL.fullmatch(text):
        return round(float(f"{found[1]}.{found[2] or 0}") * 60)
    return None


def write_minutes(minutes: int | None) -> str:
    """Return "7 h 30" for 450 as it is typed again; "" for None."""
    if minutes is None:
        return ""
    return f"{minutes // 60} h" + (f" {minutes % 60:02d}" if minutes % 60 else "")


class DurationField(StringField):
    """Hours as people type them; `data` is a number of minutes, None when left empty."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Turn what was typed into minutes, or say how to write it."""
        typed = valuelist[0].strip() if valuelist else ""
        self.data = read_minutes(typed) if typed else None
        if typed and self.data is None:
            raise ValidationError(f"« {typed[:20]} » ne se lit pas : écrivez par exemple 7 h 30.")

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else write_minutes(self.data)
