"""From what was measured to the tables of `bench/README.md`, and `bench/results.json` beside it.

`python -m bench.report` writes the tables again from the results of the last run.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.questions import QUESTIONS

README = Path(__file__).with_name("README.md")
RESULTS = Path(__file__).with_name("results.json")
BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- end of what is measured -->"

Run = dict[str, Any]
Row = list[str]

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
COLUMNS = (
    "question",
    "CPU server, ms",
    "CPU database, ms",
    "p50, 1 client",
    "p95, 1 client",
    "p50, 8 clients",
    "p95, 8 clients",
    "requests/s, 8 clients",
    "rows read",
    "floor, ms of CPU",
    "× floor",
    "kB",
)
TASKS = {
    "import": "import, empty database",
    "import-again": "import, same files again",
    "crawl": "crawl of every service, 5 000 a page",
    "export": "export, every shape, as many offers of ours",
}
# CPU a request of data.inclusion's own API, server + database, as told with the targets.
ORIGINAL = {
    "json-theme": "15 + 11",
    "json-category": "16 + 18",
    "json-commune": "20 + 130",
    "json-words": "17 + 38",
    "json-detail": "12 + 1",
    "json-list": "30 + 84",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: `figure` reads it in the runs of an engine (10 000 then 100 000, or the largest alone)."""

    said: str
    figure: Callable[[Run, Run | None], float | None]
    met: Callable[[float], bool]
    shown: str
    # The question whose time is told apart when the target is missed.
    question: str | None = None


def _cpu(run: Run, name: str) -> float | None:
    asked = run["questions"].get(name)
    return asked["server_ms"] + asked["database_ms"] if asked else None


def _of(name: str, figure: str) -> Callable[[Run, Run | None], float | None]:
    return lambda run, _: run["questions"][name][figure] if name in run["questions"] else None


def _worst_cpu(*names: str) -> Callable[[Run, Run | None], float | None]:
    return lambda run, _: max((cpu for name in names if (cpu := _cpu(run, name)) is not None), default=None)


def _growth(run: Run, smaller: Run | None) -> float | None:
    if smaller is None:
        return None
    grown = [
        large / small
        for name in QUESTIONS
        if name.split("-")[0] in ("json", "fragment")
        and (large := _cpu(run, name)) is not None
        and (small := _cpu(smaller, name))
    ]
    return max(grown, default=None)


def _task_cpu(run: Run, name: str) -> float | None:
    task = run["tasks"].get(name)
    return task["server_cpu"] + task["database_cpu"] if task else None


def _workers(run: Run) -> float:
    return max(float(run[name]["pss_mb"]) for name in ("memory", "memory_after_crawl") if name in run)


TARGETS = (
    Target("JSON search: at most 3 ms of CPU", lambda r, _: _cpu(r, "json-theme"), lambda v: v <= 3, "{:.1f} ms", "json-theme"),
    Target("HTML fragment, counts included: at most 6 ms of CPU", lambda r, _: _cpu(r, "fragment-theme"), lambda v: v <= 6, "{:.1f} ms", "fragment-theme"),
    Target("JSON search: p95 of one client at most 10 ms", _of("json-theme", "p95_1"), lambda v: v <= 10, "{:.1f} ms", "json-theme"),
    Target("whole HTML page: p95 of one client at most 25 ms", _of("page-theme", "p95_1"), lambda v: v <= 25, "{:.1f} ms", "page-theme"),
    Target("at least 400 JSON searches a second, two workers", _of("json-theme", "per_second"), lambda v: v >= 400, "{:.0f}/s", "json-theme"),
    Target("JSON, words or commune alone: at most 9 ms of CPU", _worst_cpu("json-words", "json-words-place", "json-commune"), lambda v: v <= 9, "{:.1f} ms", "json-words"),
    Target("fragment, words or commune alone: at most 18 ms of CPU", _worst_cpu("fragment-words", "fragment-words-place", "fragment-commune"), lambda v: v <= 18, "{:.1f} ms", "fragment-words"),
    Target("crawl of every service: at most 5 s of CPU", lambda r, _: _task_cpu(r, "crawl"), lambda v: v <= 5, "{:.1f} s"),
    Target("ten times the services: less than twice the CPU, on any question", _growth, lambda v: v < 2, "× {:.2f}"),
    Target("workers together: under 300 MB", lambda r, _: _workers(r), lambda v: v < 300, "{:.0f} MB"),
    Target("import: under 400 MB", lambda r, _: r["tasks"]["import"]["peak_mb"], lambda v: v < 400, "{:.0f} MB"),
)  # fmt: skip


def write(told: dict[str, Any], *, final: bool) -> None:
    """Write the results: in the README's table when everything was asked for, on the screen alone otherwise."""
    told = _rounded(told)
    if not final:
        print(tables(told))
        return
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    README.write_text(put(README.read_text(), tables(told)))


def put(readme: str, text: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """Return the README with `text` between the two `marks`, in place of what was measured before."""
    begin, end = marks
    before, _, rest = readme.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def tables(told: dict[str, Any]) -> str:
    """Return what was measured, in Markdown."""
    runs: list[Run] = told["runs"]
    machine, largest = told["machine"], max(run["size"] for run in runs)
    parts = [
        f"Measured on {told['date']}, in {told['minutes']} minutes: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}; load of the machine before the "
        f"run {machine['load_before']}. A loop of pure Python that never changes took {machine['loop_ms']} ms of CPU before and "
        f"{machine['loop_after_ms']} ms after: a machine that is busy, or slower, shows more.",
        f"## The targets, at {number(largest)} services",
        _targets(runs, largest),
    ]
    for engine in dict.fromkeys(run["engine"] for run in runs):
        parts += [
            f"## {ENGINES[engine]}, {number(largest)} services",
            _questions(_run(runs, engine, largest)),
        ]
    parts += [
        "## As the catalogue grows",
        "Milliseconds of CPU a request, server and database.",
        _growing(runs),
        "## Beside data.inclusion’s own API",
        "Milliseconds of CPU a request, server + database, at 100 000 services; the first column is not ours, and was "
        "not measured in this run.",
        _beside(runs, largest),
        "## Long work",
        _tasks(runs),
        "## Memory of the two workers",
        "PSS counts once what processes share; RSS counts it in each of them.",
        _memory(runs),
    ]
    return "\n\n".join(parts)


def _run(runs: Sequence[Run], engine: str, size: int) -> Run:
    return next(run for run in runs if run["engine"] == engine and run["size"] == size)


def _targets(runs: list[Run], largest: int) -> str:
    rows: list[Row] = []
    engines = [run["engine"] for run in runs if run["size"] == largest]
    for target in TARGETS:
        reached, missed = [], []
        for engine in engines:
            run = _run(runs, engine, largest)
            smaller = next((r for r in runs if r["engine"] == engine and r["size"] * 10 == largest), None)
            value = target.figure(run, smaller)
            reached.append("–" if value is None else target.shown.format(value))
            if value is not None and not target.met(value):
                missed.append((engine, run))
        said = "yes" if any(figure != "–" for figure in reached) else "–"
        if missed:
            said = "no: " + "; ".join(_why(target, engine, run) for engine, run in missed)
        rows.append([target.said, *reached, said])
    return table(["target", *(ENGINES[engine] for engine in engines), "reached"], rows)


def _why(target: Target, engine: str, run: Run) -> str:
    """Return what the time of a missed target is spent on, as the profile tells it."""
    asked = run["questions"].get(target.question or "", {})
    if not asked.get("spent"):
        return ENGINES[engine]
    spent = sorted(asked["spent"].items(), key=lambda item: -float(item[1]))
    told = ", ".join(f"{name} {share:.0%}" for name, share in spent)
    return f"{ENGINES[engine]} ({told})"


def _questions(run: Run) -> str:
    rows = []
    for name, asked in run["questions"].items():
        cpu = asked["server_ms"] + asked["database_ms"]
        rows.append(
            [
                QUESTIONS[name].title,
                f"{asked['server_ms']:.1f}",
                f"{asked['database_ms']:.1f}" if run["engine"] == "postgresql" else "within",
                *(f"{asked[figure]:.1f}" for figure in ("p50_1", "p95_1", "p50_8", "p95_8")),
                f"{asked['per_second']:.0f}",
                "n/a" if asked["rows"] is None else f"{asked['rows']:.0f}",
                f"{asked['floor_ms']:.2f}",
                f"{cpu / asked['floor_ms']:.1f}" if asked["floor_ms"] else "–",
                f"{asked['kilobytes']:.0f}",
            ]
        )
    return table(COLUMNS, rows)


def _growing(runs: list[Run]) -> str:
    sizes = sorted({run["size"] for run in runs})
    engines = list(dict.fromkeys(run["engine"] for run in runs))
    header = ["question", *(f"{ENGINES[engine]}, {number(size)}" for engine in engines for size in sizes)]
    rows = []
    for name in runs[0]["questions"]:
        figures = [_cpu(_run(runs, engine, size), name) for engine in engines for size in sizes]
        rows.append([QUESTIONS[name].title, *("–" if f is None else f"{f:.1f}" for f in figures)])
    return table(header, rows)


def _beside(runs: list[Run], largest: int) -> str:
    held = [run for run in runs if run["size"] == largest]
    rows = []
    for name, original in ORIGINAL.items():
        asked = [run["questions"].get(name) for run in held]
        rows.append(
            [
                QUESTIONS[name].title,
                original,
                *("–" if a is None else f"{a['server_ms']:.1f} + {a['database_ms']:.1f}" for a in asked),
            ]
        )
    crawls = [run["tasks"].get("crawl") for run in held]
    rows.append(
        [
            "crawl of every service, seconds (of CPU)",
            "26 (21)",
            *(
                "–" if c is None else f"{c['seconds']:.0f} ({c['server_cpu'] + c['database_cpu']:.1f})"
                for c in crawls
            ),
        ]
    )
    rows.append(["two workers, MB", "800, then 1 600", *(f"{_workers(run):.0f}" for run in held)])
    return table(["question", "data.inclusion", *(ENGINES[run["engine"]] for run in held)], rows)


def _tasks(runs: list[Run]) -> str:
    rows = []
    for name, title in TASKS.items():
        for run in runs:
            task = run["tasks"].get(name)
            if task:
                rows.append(
                    [
                        title,
                        ENGINES[run["engine"]],
                        number(run["size"]),
                        f"{task['seconds']:.1f}",
                        f"{task['server_cpu']:.1f}",
                        f"{task['database_cpu']:.1f}" if run["engine"] == "postgresql" else "within",
                        f"{task['peak_mb']:.0f}" if "peak_mb" in task else "–",
                        f"{task['floor_cpu']:.1f}" if "floor_cpu" in task else "–",
                    ]
                )
    return table(
        [
            "work",
            "engine",
            "services",
            "seconds",
            "CPU server, s",
            "CPU database, s",
            "peak, MB",
            "floor, s of CPU",
        ],
        rows,
    )


def _memory(runs: list[Run]) -> str:
    rows = [
        [
            ENGINES[run["engine"]],
            number(run["size"]),
            *(
                f"{run[moment][figure]:.0f}"
                for moment in ("memory", "memory_after_crawl")
                for figure in ("pss_mb", "rss_mb")
            ),
        ]
        for run in runs
    ]
    return table(
        ["engine", "services", "PSS, MB", "RSS, MB", "PSS after the crawl, MB", "RSS after the crawl, MB"],
        rows,
    )


def table(header: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a table in Markdown."""
    lines = [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def number(value: int) -> str:
    """Return a whole number as it is read: 100 000."""
    return f"{value:,}".replace(",", " ")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(held) for name, held in value.items()}
    return [_rounded(held) for held in value] if isinstance(value, list) else value


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text()), final=True)
