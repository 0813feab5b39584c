"""Who may speak to whom (docs/adr/0001): downward only, and only to a room's models, rules, queries and states."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# From the ground up; rooms of one line do not know each other.
FLOORS = (
    ("accounts",),
    ("structures",),
    ("beneficiaries", "offers"),
    ("conventions",),
    ("catalogue",),
    ("prescriptions",),
    ("programme",),
    ("budget",),
    ("exchanges", "indicators"),
    ("referencement",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# What a room shows to the rooms above. `places`, `dossier` and `sharing` are plain shapes and readings; `session`
# opens a session for somebody who has just proved who they are.
DOORS = {
    "models",
    "rules",
    "queries",
    "states",
    "history",
    "freshness",
    "twins",
    "merge",
    "answers",
    "record",
    "members",
    "places",
    "ledger",
    "taking",
    "totals",
    "waiting",
    "engagements",
    "endings",
    "amendments",
    "payments",
    "reports",
    "report_due",
    "report_schedule",
    "report_writing",
    "papers",
    "life",
    "writing",
    "follow",
    "follow_up",
    "dossier",
    "notifications",
    "session",
    "sessions",
    "criteria",
    "engine",
    "current",
    "build",
    "records",
    "sources",
    "address",
    "around",
    "needs",
    "favourites",
    "tokens",
}
# Above every room: they put the house together.
ROOF = {
    "portal/__init__.py",
    "portal/cli.py",
    "portal/jobs.py",
    "portal/server.py",
    "portal/start.py",
    "portal/tables.py",
    "portal/demo",
}
NO_WEB = {
    "models.py",
    "states.py",
    "rules.py",
    "queries.py",
    "history.py",
    "freshness.py",
    "twins.py",
    "merge.py",
    "saisies.py",
    "checks.py",
    "delays.py",
    "lots.py",
    "sensitive.py",
    "documents.py",
    "sessions.py",
    "modeles.py",
    "invitations.py",
    "record.py",
    "members.py",
    "places.py",
    "weeks.py",
    "picture.py",
    "ledger.py",
    "taking.py",
    "totals.py",
    "waiting.py",
    "engagements.py",
    "endings.py",
    "amendments.py",
    "capacity.py",
    "life.py",
    "renewal.py",
    "papers.py",
    "agreement.py",
    "follow.py",
    "follow_up.py",
    "activity.py",
    "projection.py",
    "reports.py",
    "report_due.py",
    "report_schedule.py",
    "report_writing.py",
    "settlement.py",
    "terms.py",
    "accounts.py",
    "bilans.py",
    "bilan_figures.py",
    "bilan_models.py",
    "bilan_parts.py",
    "bilan_pdf.py",
    "bilan_reading.py",
    "bilan_writing.py",
    "expense_table.py",
    "handed_in.py",
    "official_sheets.py",
    "spending_models.py",
    "tracking_pictures.py",
    "tracking.py",
    "territories.py",
    "statement.py",
    "pdf.py",
    "sheets.py",
    "parcours.py",
    "fiches.py",
    "planning.py",
    "plan.py",
    "figures.py",
    "expenses.py",
    "posts.py",
    "payments.py",
    "intake.py",
    "acting.py",
    "actors.py",
    "answers.py",
    "due.py",
    "seats.py",
    "dossier.py",
    "sharing.py",
    "buckets.py",
    "listed.py",
    "listing.py",
    "attention.py",
    "several.py",
    "timeline.py",
    "wording.py",
    "hours.py",
    "records.py",
    "past.py",
    "table.py",
    "criteria.py",
    "text.py",
    "features.py",
    "segments.py",
    "segment_builder.py",
    "segment_files.py",
    "matching.py",
    "reach.py",
    "engine.py",
    "structures.py",
    "ours.py",
    "build.py",
    "sources.py",
    "address.py",
    "filters.py",
    "place.py",
    "needs.py",
    "saved.py",
    "alerts.py",
    "checking.py",
    "comparing.py",
    "communes.py",
    "known.py",
    "columns.py",
    "filling.py",
    "preview.py",
    "runs.py",
    "values.py",
    "writing.py",
    "reading.py",
    "reasons.py",
    "storing.py",
    "loading.py",
    "tokens.py",
    "parameters.py",
    "questions.py",
    "description.py",
}
WEB = {"flask", "wtforms", "flask_login", "flask_wtf", "htmx_flask", "flask_limiter"}


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Return (line, dotted name) of everything a file imports."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
    return found


FILES = sorted((ROOT / "portal").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_speaks_downward_only(path: Path) -> None:
    place = path.relative_to(ROOT)
    if any(str(place).startswith(roof) for roof in ROOF):
        return
    here = place.parts[1]
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "portal" or len(parts) < 2 or parts[1] not in LEVEL:
            continue
        room, door = parts[1], parts[2] if len(parts) > 2 else ""
        where = f"{place}:{line} imports {name}"
        assert here in LEVEL, (
            f"{where}: the ground floor knows no room; hand the thing down from create_app instead"
        )
        if room == here:
            continue
        assert LEVEL[room] < LEVEL[here], (
            f"{where}: {here} may not know {room}, which is not below it; "
            "let the value travel up as a return value, or hand a function down from create_app"
        )
        assert door in DOORS, f"{where}: only {', '.join(sorted(DOORS))} of another room may be used"


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.name in NO_WEB and not {"views", "web"} & set(p.parts)],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_rules_know_nothing_of_the_web(path: Path) -> None:
    for line, name in imports(path):
        assert name.split(".")[0] not in WEB and not name.startswith("portal.web"), (
            f"{path.relative_to(ROOT)}:{line} imports {name}: the web is a visitor; let the view bring what it knows"
        )


def test_only_one_file_speaks_htmx() -> None:
    for path in FILES:
        if path.relative_to(ROOT) == Path("portal/web/htmx.py"):
            continue
        text = path.read_text()
        assert '"HX-' not in text and "htmx_flask" not in text, (
            f"{path}: HX- headers live in portal/web/htmx.py"
        )


def test_only_one_file_opens_the_schema() -> None:
    for path in FILES:
        if path.relative_to(ROOT) != Path("portal/vocabulary.py"):
            assert not any(name.startswith("data_inclusion") for _, name in imports(path)), (
                f"{path}: portal/vocabulary.py is the only door to the schema"
            )


def test_every_room_has_its_templates_and_tests() -> None:
    for room in LEVEL:
        assert (ROOT / "portal" / room).is_dir()
        assert (ROOT / "tests" / room).is_dir(), f"tests/{room} is missing: the three names never differ"
        if room != "exchanges":
            assert (ROOT / "templates" / room).is_dir(), f"templates/{room} is missing"
