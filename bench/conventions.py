"""`make bench-conventions`: what the pages of conventions and money cost those who work with them.

500 conventions with partners, 5 000 actions, 200 000 movements of places; five conventions with the State, each of four
years of 400 expenses. Pages are asked for inside this process, signed in; the time told is that of the processor, the
database's included. Its section of `bench/README.md` is written again when everything was asked for.
"""

import argparse
import gc
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from bench import engaged, machine, report
from bench.engaged import Bound
from bench.past import Row
from bench.prescriptions import TARGET, Effort, Pages, fill, measure
from bench.run import ENGINES, named_database, postgresql
from bench.visits import Visit
from portal import migrate
from portal.conventions.models import PlaceMovement
from portal.db import make_engine

MARKS = ("<!-- conventions: written by `make bench-conventions` -->", "<!-- end of conventions -->")


def visits(bound: Bound) -> dict[str, list[Visit]]:
    """Return what is asked, by its name in the table: several conventions for each."""
    officer, reader = bound.officer, bound.reader
    year = bound.states[0]["date_fin"].year
    running = [row for row in bound.conventions if row["date_debut"].year == year][:8]
    own = {row["id"]: row for row in bound.conventions}
    actions = [row for row in bound.actions if own[row["convention_id"]] in running][:8]
    reports = [row for row in bound.reports if own[row["convention_id"]] in running][:8]
    signed = bound.states[1:]

    def each(by: Row, rows: Sequence[Row], path: str) -> list[Visit]:
        return [Visit(by, path.format(**row)) for row in rows]

    return {
        "conventions": [Visit(officer, "/conventions")],
        "conventions: the State’s reader": [Visit(reader, "/conventions")],
        "conventions: a partner’s": [Visit(one, "/conventions") for one in bound.partners[:8]],
        "one convention": each(officer, running, "/conventions/{id}"),
        "one convention: follow": each(officer, running, "/conventions/{id}/suivi"),
        "one convention: reports": each(officer, running, "/conventions/{id}/rapports"),
        "one convention: payments": each(officer, running, "/conventions/{id}/versements"),
        "one report": each(officer, reports, "/conventions/{convention_id}/rapports/{id}"),
        "one action": each(officer, actions, "/conventions/{convention_id}/actions/{id}"),
        "one action: places over time": each(
            officer, actions, "/conventions/{convention_id}/actions/{id}/places"
        ),
        "one action: follow": each(officer, actions, "/conventions/{convention_id}/actions/{id}/suivi"),
        "to watch": [Visit(officer, "/conventions/a-surveiller")],
        "reports of all": [Visit(officer, "/conventions/rapports")],
        "parcours types": [Visit(officer, "/budget/parcours-types")],
        "State: conventions": [Visit(officer, "/budget")],
        "State: one convention": each(officer, signed, "/budget/{id}"),
        "State: statement of 400 expenses": each(officer, signed, f"/budget/{{id}}/depenses/{year}"),
        "State: accounts": each(officer, signed, "/budget/{id}/comptes"),
        "State: posts": each(officer, signed, "/budget/{id}/postes"),
        "State: plan": each(officer, bound.texts, f"/budget/{{convention_id}}/textes/{{id}}/plan/{year}"),
        "State: plan of a draft": each(
            officer, bound.drafts, f"/budget/{{convention_id}}/textes/{{id}}/plan/{year}"
        ),
        "State: sheets": each(officer, signed, f"/budget/{{id}}/fiches/{year}"),
        "State: one sheet": each(
            officer,
            [row for row in bound.sheets if row["annee"] == year][:8],
            "/budget/{convention_id}/fiche/{id}",
        ),
        "State: follow": each(officer, signed, f"/budget/{{id}}/suivi/{year}"),
        "State: bilans": each(officer, signed, "/budget/{id}/bilans"),
        "State: bilan being prepared": each(
            officer,
            [row for row in bound.bilans if row["annee"] == year - 1],
            "/budget/{convention_id}/bilans/{id}",
        ),
        "State: its expenses": each(
            officer,
            [row for row in bound.bilans if row["annee"] == year - 1],
            "/budget/{convention_id}/bilans/{id}/parties/depenses",
        ),
        "State: one convention, its reader": each(reader, signed, "/budget/{id}"),
    }


def run(
    engine: str, bound: Bound, url: str, folder: Path, pid: int | None, effort: Effort, only: str
) -> dict[str, Any]:
    """Fill a database unless it is already, then measure every page on it."""
    own = folder / f"conventions-{engine}"
    own.mkdir(exist_ok=True)
    done = own / "filled.json"
    if not done.exists():
        _tell(f"{engine}: filled")
        start = time.perf_counter()
        fill(url, bound.past)
        done.write_text(json.dumps({"fill": time.perf_counter() - start}))
    result: dict[str, Any] = {"engine": engine, "pages": {}} | json.loads(done.read_text())
    migrate.upgrade(made := make_engine(url))
    made.dispose()
    result["loop_ms"] = machine.loop_ms()
    pages = Pages(url, own, pid)
    try:
        for name, asked in visits(bound).items():
            if only in name:
                result["pages"][name] = told = measure(pages, asked, effort)
                _tell(f"{engine}: {name}: {told['ms']:.1f} ms, {told['statements']} statements")
    finally:
        pages.close()
    result["loop_after_ms"] = machine.loop_ms()
    return result


def section(told: dict[str, Any]) -> str:
    """Return what was measured, in Markdown."""
    runs, described = told["runs"], told["machine"]
    rows = []
    for name in runs[0]["pages"]:
        figures = [run["pages"][name] for run in runs]
        statements = sorted({f["statements"] for f in figures})
        rows.append([name, *(f"{f['ms']:.1f}" for f in figures), " to ".join(map(str, statements))])
    loops = sorted(run[name] for run in runs for name in ("loop_ms", "loop_after_ms"))
    over = sorted({name for run in runs for name, page in run["pages"].items() if page["ms"] > TARGET})
    return "\n\n".join(
        [
            f"Measured on {told['date']}, in {told['minutes']} minutes: {described['processor']}, "
            f"{described['cores']} cores, {described['memory_gb']} GB, {described['system']}, Python "
            f"{described['python']}; load of the machine before the run {described['load_before']}. The loop of pure "
            f"Python that never changes took from {loops[0]} to {loops[-1]} ms of CPU, {median(loops):.1f} in the "
            "middle: a machine that is busy, or slower, shows more.",
            f"Milliseconds of CPU a page, database included, with {report.number(told['conventions'])} conventions, "
            f"{report.number(told['actions'])} actions and {report.number(told['movements'])} movements; "
            f"{told['effort']['rounds']} round(s) of {told['effort']['each']} pages. Over {TARGET} ms: "
            f"{', '.join(over) if over else 'none'}.",
            report.table(["page", *(report.ENGINES[run["engine"]] for run in runs), "statements"], rows),
        ]
    )


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write the section when everything was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.conventions", description=__doc__)
    parser.add_argument(
        "--structures", type=int, default=engaged.STRUCTURES, help="partners, of 5 conventions"
    )
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--only", default="", metavar="WORDS", help="the pages whose name holds these words")
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument(
        "--each", type=int, default=Effort().each, help="how many times a page is opened in a round"
    )
    parser.add_argument("--folder", type=Path, help="keep the databases there, and use those it holds")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines = asked.engines.split(",")
    whole = (set(engines), asked.structures, asked.only) == (set(ENGINES), engaged.STRUCTURES, "")
    start, described = time.perf_counter(), machine.described()
    runs = []
    with ExitStack() as stack:
        folder = asked.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-"))
        )
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        uri, pid = None, None
        if "postgresql" in engines:
            uri, pid = stack.enter_context(postgresql(folder))
        gc.disable()
        bound = engaged.made(structures=asked.structures)
        gc.enable()
        gc.freeze()
        for engine in engines:
            on_server = engine == "postgresql" and uri is not None
            url = (
                named_database(uri, "conventions")
                if on_server and uri
                else f"sqlite:///{folder / 'conventions.db'}"
            )
            effort = Effort(asked.each, asked.rounds)
            runs.append(run(engine, bound, url, folder, pid if on_server else None, effort, asked.only))
    told = {
        "date": date.today().isoformat(),  # noqa: DTZ011
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "machine": described,
        "effort": {"each": asked.each, "rounds": asked.rounds},
        "conventions": len(bound.conventions),
        "actions": len(bound.actions),
        "movements": len(bound.past.of(PlaceMovement)),
        "runs": runs,
    }
    if whole:
        report.README.write_text(report.put(report.README.read_text(), section(told), MARKS))
    else:
        print(section(told))


if __name__ == "__main__":
    main()
