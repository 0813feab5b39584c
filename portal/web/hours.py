"""Opening hours of a plain week, read from and written to OpenStreetMap's `opening_hours` format.

The format is described on https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification; only days, hours,
"off" and public holidays make a plain week.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opening_hours import OpeningHours

# Minutes since midnight, start then end; the end of the day is DAY.
Span = tuple[int, int]
DAY = 24 * 60
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")

_DAY = rf"(?i:{'|'.join(DAYS)})"
_TIME = r"\d\d?:\d\d"
_SPAN = rf"{_TIME}-{_TIME}"
_RULE = re.compile(
    rf"(?P<always>24/7)|(?:(?P<days>(?:PH|{_DAY}(?:-{_DAY})?)(?:,(?:PH|{_DAY}(?:-{_DAY})?))*) )?"
    rf"(?P<hours>{_SPAN}(?:, ?{_SPAN})*|off|closed)",
)
_SEPARATOR = re.compile(r" *(;) *|(,) +")
_TYPED_TIME = re.compile(r"(\d{1,2})(?:\s*[h:.,]\s*(\d\d)?(?::\d\d)?)?|(\d\d?)(\d\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from Monday, each the spans it is open, in order and apart; and whether public holidays are closed."""

    days: tuple[tuple[Span, ...], ...] = ((),) * 7
    closed_on_holidays: bool = False


def is_readable(text: str) -> bool:
    """Say whether readers of OpenStreetMap's format would understand `text`."""
    try:
        OpeningHours(text)
    except Exception:  # the parser raises its own ParserError, which the package does not always export
        return False
    return True


def read(text: str) -> Week | None:
    """Return the week that `text` tells, an empty one for no text; None when it tells more than a Week can hold.

    As in the specification, a rule after ";" replaces what was said of its days, and one after "," adds to it.
    """
    text = text.strip()
    days: list[tuple[Span, ...]] = [()] * 7
    closed_on_holidays = False
    position, adds = 0, False
    while position < len(text):
        rule = _RULE.match(text, position)
        if rule is None:
            return None
        named = rule["days"].split(",") if rule["days"] else []
        concerned = [day for item in named if item != "PH" for day in _days_of(item)]
        on_holidays = "PH" in named
        if not named:
            concerned = list(range(7))
        opens = bool(rule["always"]) or rule["hours"][0].isdigit()
        if opens and (on_holidays or closed_on_holidays):
            # Hours of their own for holidays; or days said after the holidays, on which these would be open again.
            return None
        if adds and (not named or (concerned and not opens)):
            # Readers do not agree on what this adds to.
            return None
        spans: tuple[Span, ...] | None = ()
        if opens:
            spans = ((0, DAY),) if rule["always"] else _spans_of(rule["hours"])
        if spans is None:
            return None
        for day in concerned:
            days[day] = tuple(sorted((*days[day], *spans))) if adds else tuple(sorted(spans))
            if not _are_apart(days[day]):
                return None
        closed_on_holidays = closed_on_holidays or on_holidays
        position = rule.end()
        if position == len(text):
            break
        separator = _SEPARATOR.match(text, position)
        if separator is None or separator.end() == len(text):
            return None
        position, adds = separator.end(), separator[2] is not None
    return Week(tuple(days), closed_on_holidays)


def write(week: Week) -> str:
    """Return `week` as short text: days that share their hours are grouped; "" for an empty week.

    `read` gives the same week back.
    """
    parts = []
    for spans in dict.fromkeys(spans for spans in week.days if spans):
        hours = ",".join(f"{write_time(start)}-{write_time(end)}" for start, end in spans)
        parts.append(f"{_group([d for d in range(7) if week.days[d] == spans])} {hours}")
    if week.closed_on_holidays:
        parts.append("PH off")
    elif week.days == (((0, DAY),),) * 7:
        return "24/7"
    return "; ".join(parts)


def write_time(minutes: int) -> str:
    """Return minutes since midnight as "09:30"; DAY is "24:00"."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_time(text: str) -> int | None:
    """Return the minutes since midnight of a time as people type it (9, 9h, 9 h 30, 09:00, 930); None if it is none."""
    found = _TYPED_TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes = int(found[1] or found[3]), int(found[2] or found[4] or 0)
    total = hours * 60 + minutes
    return total if minutes < 60 and total <= DAY else None


def _days_of(item: str) -> list[int]:
    names = [DAYS.index(name.capitalize()) for name in item.split("-")]
    first, last = names[0], names[-1]
    # A range may go round the end of the week: Sa-Mo.
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _spans_of(text: str) -> tuple[Span, ...] | None:
    spans = []
    for item in text.split(","):
        start, end = (_minutes(time) for time in item.strip().split("-"))
        if end == 0 and start:
            end = DAY
        if not 0 <= start < end <= DAY:
            # Past midnight, or no time of the day at all.
            return None
        spans.append((start, end))
    return tuple(spans)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes) if int(minutes) < 60 else -1


def _are_apart(spans: Sequence[Span]) -> bool:
    return all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def _group(days: Sequence[int]) -> str:
    """Write days as the format does: three or more in a row are a range."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[day] for day in run)
        for run in runs
    )
