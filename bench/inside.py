"""The portal inside this process, without a server: to see where a request spends its time, and how many rows it reads."""

import cProfile
import io
import pstats
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.questions import Request

_ROWS = text(
    "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables"
    " WHERE schemaname = 'public'"
)
# Kind of work -> (end of the file's path, function) where it is done; none of them calls another.
_KINDS = {
    "search": ("portal/catalogue/engine.py", "search"),
    "records": ("portal/catalogue/engine.py", "_read"),
    "filters": ("portal/catalogue/views/filters.py", "written"),
    "template": ("flask/templating.py", "render_template"),
}


class Inside:
    """The application on a database. `instance` is a folder of its own."""

    def __init__(self, environ: dict[str, str], instance: Path) -> None:
        from portal import create_app
        from portal.config import load_config

        instance.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # Counting requests in memory is what is wanted here.
            warnings.simplefilter("ignore")
            self.app = create_app(load_config(environ, instance))
        self._client = self.app.test_client()
        self._database: Any = self.app.extensions["portal_db"]

    def ask(self, requests: Sequence[Request]) -> None:
        """Send requests. Raises RuntimeError when one is not answered."""
        for path, headers in requests:
            response = self._client.get(path, headers=headers)
            if response.status_code != 200:
                raise RuntimeError(f"{response.status_code} {path}")
            response.get_data()

    def rows_read(self, requests: Sequence[Request]) -> float | None:
        """Return how many rows of its tables PostgreSQL reads for a request, on average; None on SQLite, which does not tell."""
        if self._database.engine.dialect.name != "postgresql":
            return None
        before = self._rows()
        self.ask(requests)
        return (self._rows() - before) / len(requests)

    def _rows(self) -> int:
        # The one connection of the pool: what it has counted is made known at once.
        with self._database.engine.connect() as connection:
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
            connection.commit()
            connection.execute(text("SELECT 1"))
            connection.commit()
            return int(connection.execute(_ROWS).scalar_one())

    def spent(self, requests: Sequence[Request]) -> dict[str, float]:
        """Return the share of the time of the requests by kind of work; what is not named is the framework's and ours."""
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        self.ask(requests)
        profile.disable()
        stats: Any = pstats.Stats(profile)
        shares: dict[str, float] = {}
        for (file, _, function), (_, _, _, cumulative, _) in stats.stats.items():
            for kind, (end, name) in _KINDS.items():
                if function == name and file.endswith(end):
                    shares[kind] = shares.get(kind, 0.0) + cumulative / stats.total_tt
        return shares | {"the rest": max(0.0, 1 - sum(shares.values()))}

    def profile(self, requests: Sequence[Request], *, lines: int = 45) -> str:
        """Return where the time of the requests goes, by function: alone, then with what it calls."""
        # Time on the processor: what else the machine does is not counted.
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        self.ask(requests)
        profile.disable()
        told = io.StringIO()
        stats = pstats.Stats(profile, stream=told)
        told.write(
            f"{len(requests)} requests; seconds below are for all of them, and profiling slows them down\n"
        )
        told.write("\nBy package, each without what it calls:\n")
        for package, share in _by_package(stats)[:15]:
            told.write(f"{share:8.1%}  {package}\n")
        stats.sort_stats("tottime").print_stats(lines)
        stats.sort_stats("cumtime").print_stats(
            "portal/|templates/|render_template|execute|Compress|_compress", lines
        )
        return told.getvalue()

    def close(self) -> None:
        """Let go of the database."""
        self._database.engine.dispose()


def _by_package(stats: Any) -> list[tuple[str, float]]:
    """Return the share of the time spent in the code of each package, the greatest first."""
    shares: dict[str, float] = {}
    for (file, _, function), (_, _, alone, _, _) in stats.stats.items():
        if "site-packages/" in file:
            package = file.partition("site-packages/")[2].split("/")[0]
        elif file.startswith("~"):
            package = "C: " + function.split(" of ")[-1].strip("{}<>' ").split("'")[0]
        else:
            package = "/".join(Path(file).parts[-3:-1]) or file
        shares[package] = shares.get(package, 0.0) + alone / stats.total_tt
    return sorted(shares.items(), key=lambda item: -item[1])
