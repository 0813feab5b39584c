"""`make bench-prescriptions`: five years of prescriptions, and what each page costs those who work with them.

Pages are asked for inside this process, signed in; the time told is that of the processor, the database's included. Its
section of `bench/README.md` is written again when everything was asked for.
"""

import argparse
import gc
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event, text

from bench import machine, past, report
from bench.inside import Inside
from bench.past import Past, Row
from bench.run import ENGINES, ROOT, environ, named_database, postgresql
from bench.visits import Visit, visits
from portal import migrate
from portal.accounts.models import Role, User
from portal.db import make_engine

SIZES = (10_000, 100_000)
MARKS = ("<!-- prescriptions: written by `make bench-prescriptions` -->", "<!-- end of prescriptions -->")
#: Milliseconds of processor that a page may take.
TARGET = 25
EXPORTED = 20_000
_TOGETHER = 5_000
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Effort:
    """How many times a page is asked for in a round, and how many rounds: the middle one is told."""

    each: int = 8
    rounds: int = 3


# ── The database ──


def fill(url: str, known: Past) -> None:
    """Make the tables and write the rows, as fast as the engine takes them."""
    engine = make_engine(url)
    migrate.upgrade(engine)
    for table, rows in past.tables(known):
        defaults = {
            c.name: c.default.arg for c in table.columns if c.default is not None and c.default.is_scalar
        }
        names = list(defaults | rows[0])
        convert = [_stored(table.columns[name].type, engine.dialect) for name in names]
        values = (
            [to(row.get(name, defaults.get(name))) for name, to in zip(names, convert, strict=True)]
            for row in rows
        )
        with engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            columns = ", ".join(names)
            if engine.dialect.name == "postgresql":
                with (
                    driver.cursor() as cursor,
                    cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy,
                ):
                    for row in values:
                        copy.write_row(row)
            else:
                # Rows come in no order of their ids: their indexes are made in memory.
                driver.execute("PRAGMA cache_size = -500000")
                marks = ", ".join("?" * len(names))
                driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", values)
    if engine.dialect.name == "postgresql":
        # What it does by itself where it runs all day; nobody does it for SQLite.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _stored(kind: Any, dialect: Any) -> Callable[[Any], Any]:
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    return bind or (lambda value: value)


# ── Pages ──


class Pages:
    """The portal on a filled database, with everybody signed in."""

    def __init__(self, url: str, folder: Path, database_pid: int | None) -> None:
        self.inside = Inside(environ(url), folder)
        self._engine = self.inside.app.extensions["portal_db"].engine
        self._pid = database_pid
        self._clients: dict[Any, Any] = {}
        self._tokens: dict[Any, str] = {}
        self.sent: list[str] = []
        event.listen(self._engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.sent.append(statement)

    @property
    def secret(self) -> str:
        """What signs the links of this portal."""
        return str(self.inside.app.config["SECRET_KEY"])

    def cpu(self) -> float:
        """Return the seconds of processor spent so far, the database's included."""
        return machine.own_cpu() + (machine.cpu_seconds(self._pid) if self._pid else 0.0)

    def open(self, visit: Visit) -> None:
        """Open a page. Raises RuntimeError when it does not answer."""
        client, token = self._of(visit.by)
        if visit.words is None:
            response = client.get(visit.path)
        else:
            data = {"q": visit.words, "csrf_token": token}
            response = client.post(visit.path, data=data, headers={"Origin": "http://localhost"})
        if response.status_code != 200:
            raise RuntimeError(f"{response.status_code} {visit.path}")
        response.get_data()

    def _of(self, user: Row | None) -> tuple[Any, str]:
        key = user["id"] if user else None
        if key not in self._clients:
            client = self._clients[key] = self.inside.app.test_client()
            if user:
                with client.session_transaction() as kept:
                    kept["_user_id"], kept["_fresh"] = f"{user['id']}.{user['session_key']}", True
            found = _TOKEN.search(client.get("/mot-de-passe-oublie").text)
            self._tokens[key] = found[1] if found else ""
        return self._clients[key], self._tokens[key]

    def close(self) -> None:
        """Stop."""
        event.remove(self._engine, "before_cursor_execute", self._note)
        self.inside.close()


def measure(pages: Pages, asked: Sequence[Visit], effort: Effort) -> dict[str, Any]:
    """Open pages again and again: milliseconds of processor a page (middle round), statements of the most asking one."""
    statements = 0
    # Twice what comes first: what is learnt once (templates, statements) is not a page's.
    for visit in [*asked[:2], *islice(cycle(asked), effort.each)]:
        pages.sent.clear()
        pages.open(visit)
        statements = max(statements, len(pages.sent))
    found = []
    drawn = cycle(asked)
    for _ in range(effort.rounds):
        before = pages.cpu()
        for visit in islice(drawn, effort.each):
            pages.open(visit)
        found.append((pages.cpu() - before) * 1000 / effort.each)
    pages.sent.clear()
    return {"ms": median(found), "statements": statements}


# ── Files ──


def export(kind: str) -> None:
    """Write a file of `EXPORTED` prescriptions of the database of the environment, as the page of exports does."""
    import os

    from sqlmodel import col, select

    from portal.db import Database
    from portal.prescriptions import business, exports

    database = Database(os.environ["PORTAL_DATABASE_URL"])
    with database.session(read_only=True) as session, tempfile.TemporaryFile() as file:
        user = session.exec(select(User).where(col(User.role) == Role.CONVENTIONNEMENT)).one()
        if kind == "nothing":
            return
        ids = exports.ids_of(session, user, exports.Filters(), limit=EXPORTED)
        assert len(ids) == EXPORTED
        if kind == "xlsx":
            exports.write_xlsx(file, user, exports.rows(session, user, ids))
        elif kind == "metier":
            file.writelines(business.business_csv(session, ids))
        else:
            file.writelines(exports.as_csv(user, exports.rows(session, user, ids)))
        print(file.tell())


def measure_exports(url: str) -> dict[str, Any]:
    """Return what each kind of file costs in a process of its own: seconds, seconds of processor, MB at the most."""
    found = {}
    for kind in ("nothing", "csv", "xlsx", "metier"):
        spent = machine.command(
            [sys.executable, "-m", "bench.prescriptions", "--export", kind], env=environ(url), cwd=ROOT
        )
        found[kind] = {"seconds": spent.seconds, "cpu": spent.cpu, "peak_mb": spent.peak_mb}
        found[kind]["mb"] = int(spent.output.split()[-1]) / 1e6 if spent.output.split() else 0.0
    return found


# ── The command ──


def run(
    engine: str, size: int, known: Past, url: str, folder: Path, pid: int | None, effort: Effort, only: str
) -> dict[str, Any]:
    """Fill a database unless it is already, then measure every page on it."""
    own = folder / f"{engine}-{size}"
    own.mkdir(exist_ok=True)
    done = own / "filled.json"
    if not done.exists():
        _tell(f"{engine} {size}: filled")
        start = time.perf_counter()
        fill(url, known)
        done.write_text(json.dumps({"fill": time.perf_counter() - start}))
    result: dict[str, Any] = {"engine": engine, "size": size, "pages": {}} | json.loads(done.read_text())
    migrate.upgrade(made := make_engine(url))
    made.dispose()
    result["loop_ms"] = machine.loop_ms()
    pages = Pages(url, own, pid)
    try:
        for name, asked in visits(known, pages.secret).items():
            if only in name:
                result["pages"][name] = told = measure(pages, asked, effort)
                _tell(f"{engine} {size}: {name}: {told['ms']:.1f} ms, {told['statements']} statements")
    finally:
        pages.close()
    result["loop_after_ms"] = machine.loop_ms()
    if size > EXPORTED and not only:
        result["exports"] = measure_exports(url)
        _tell(f"{engine} {size}: {result['exports']}")
    (own / "result.json").write_text(json.dumps(result))
    return result


def section(told: dict[str, Any]) -> str:
    """Return what was measured, in Markdown."""
    runs = told["runs"]
    runs_by = {(run["engine"], run["size"]): run for run in runs}
    engines = list(dict.fromkeys(run["engine"] for run in runs))
    sizes = sorted({run["size"] for run in runs})
    described = told["machine"]
    shown = [(engine, size) for engine in engines for size in sizes]
    header = ["page", *(f"{report.ENGINES[e]}, {report.number(s)}" for e, s in shown), "statements"]
    rows = []
    for name in runs[0]["pages"]:
        figures = [runs_by[key]["pages"][name] for key in shown]
        # The same page on more prescriptions: as many statements, or the table shows it.
        statements = sorted({f["statements"] for f in figures})
        rows.append([name, *(f"{f['ms']:.1f}" for f in figures), " to ".join(map(str, statements))])
    loops = sorted(run[name] for run in runs for name in ("loop_ms", "loop_after_ms"))
    over = sorted({name for run in runs for name, page in run["pages"].items() if page["ms"] > TARGET})
    parts = [
        f"Measured on {told['date']}, in {told['minutes']} minutes: {described['processor']}, {described['cores']} cores, "
        f"{described['memory_gb']} GB, {described['system']}, Python {described['python']}; load of the machine before "
        f"the run {described['load_before']}. The loop of pure Python that never changes took from {loops[0]} to "
        f"{loops[-1]} ms of CPU, {median(loops):.1f} in the middle: a machine that is busy, or slower, shows more.",
        f"Milliseconds of CPU a page, database included, on so many prescriptions; "
        f"{told['effort']['rounds']} round(s) of {told['effort']['each']} pages. Over {TARGET} ms: "
        f"{', '.join(over) if over else 'none'}.",
        report.table(header, rows),
        f"Files of {report.number(EXPORTED)} prescriptions, each in a process of its own; `nothing` is that process alone.",
        _exports(runs),
        "Filling took "
        + ", ".join(
            f"{run['fill']:.0f} s ({report.ENGINES[run['engine']]}, {report.number(run['size'])})"
            for run in runs
        )
        + ".",
    ]
    return "\n\n".join(parts)


def _exports(runs: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            kind,
            report.ENGINES[run["engine"]],
            f"{spent['seconds']:.1f}",
            f"{spent['cpu']:.1f}",
            f"{spent['peak_mb']:.0f}",
            f"{spent['mb']:.1f}",
        ]
        for run in runs
        for kind, spent in run.get("exports", {}).items()
    ]
    return report.table(["file", "engine", "seconds", "CPU, s", "peak, MB", "size, MB"], rows)


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write the section when everything was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.prescriptions", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="prescriptions, between commas")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--only", default="", metavar="WORDS", help="the pages whose name holds these words")
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument(
        "--each", type=int, default=Effort().each, help="how many times a page is opened in a round"
    )
    parser.add_argument("--folder", type=Path, help="keep the databases there, and use those it holds")
    parser.add_argument("--export", choices=("nothing", "csv", "xlsx", "metier"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.export:
        export(asked.export)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines, sizes = asked.engines.split(","), [int(size) for size in asked.sizes.split(",")]
    whole = (set(engines), set(sizes), asked.only) == (set(ENGINES), set(SIZES), "")
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
        for size in sizes:
            _tell(f"{size} prescriptions")
            gc.disable()
            known = past.made(size)
            gc.enable()
            gc.freeze()
            for engine in engines:
                on_server = engine == "postgresql" and uri is not None
                url = (
                    named_database(uri, f"prescriptions_{size}")
                    if on_server and uri
                    else f"sqlite:///{folder / f'prescriptions-{size}.db'}"
                )
                runs.append(
                    run(
                        engine,
                        size,
                        known,
                        url,
                        folder,
                        pid if on_server else None,
                        Effort(asked.each, asked.rounds),
                        asked.only,
                    )
                )
            del known
    told = {
        "date": date.today().isoformat(),  # noqa: DTZ011
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "machine": described,
        "effort": {"each": asked.each, "rounds": asked.rounds},
        "runs": runs,
    }
    if whole:
        report.README.write_text(report.put(report.README.read_text(), section(told), MARKS))
    else:
        print(section(told))


if __name__ == "__main__":
    main()
