"""Why the schema refuses a record, in words for the operator."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

# The schema's own checks (types "value_error" and "avertissement") speak French; what they look at is known by field.
_OWN_CHECKS = {
    "date_maj": "must be between 2000-01-01 and today",
    "publics": "tous-publics must be alone",
    "nom": 'must not end with a full stop, "etc." apart',
    "courriel": "not an e-mail address",
}
_BY_FIELD = {
    "zone_eligibilite": "each item must be the code of a commune, an EPCI, a département or a country",
    "courriel": "not an e-mail address",
}
_LONGEST_VALUE = 60


def first_reason(error: ValidationError) -> tuple[str, str]:
    """Return (field, reason) of the first thing that is wrong; the reason names the other fields that are too."""
    problems = error.errors(include_url=False)
    field = _field(problems[0])
    reason = _reason(field, problems[0])
    others = sorted({_field(problem) for problem in problems} - {field})
    if others:
        reason += f" (also refused: {', '.join(others)})"
    return field, reason


def _field(problem: Mapping[str, Any]) -> str:
    return str(problem["loc"][0]) if problem["loc"] else ""


def _reason(field: str, problem: Mapping[str, Any]) -> str:
    kind, context, value = problem["type"], problem.get("ctx") or {}, problem.get("input")
    if kind == "missing":
        return "missing"
    if value is None:
        return "must not be null"
    if kind in ("avertissement", "value_error") and field in _OWN_CHECKS:
        return _OWN_CHECKS[field]
    if field in _BY_FIELD and kind != "too_short":
        return _BY_FIELD[field]
    if kind == "enum":
        return f"{_shown(value)} is not a value of the vocabulary"
    if kind == "string_too_short":
        return f"shorter than {context['min_length']} characters"
    if kind == "string_too_long":
        return f"longer than {context['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} does not follow {context['pattern']}"
    if kind.startswith("url"):
        return f"{_shown(value)} is not an http(s) address"
    if kind.startswith(("date", "time")):
        return f"{_shown(value)} is not a day written YYYY-MM-DD"
    if kind == "greater_than_equal":
        return f"less than {context['ge']}"
    return " ".join(str(problem["msg"]).split())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
