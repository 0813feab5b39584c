"""`make run`: the database, the demo data the first time, then the portal, and who can sign in."""

import os
import sys

from portal import create_app, demo, migrate
from portal.config import ConfigError
from portal.db import Database


def main() -> str | None:
    """Prepare what is missing, then become the server; return why not when it cannot."""
    port = int(os.environ.get("PORT", "5000"))
    os.environ.setdefault("PORTAL_PUBLIC_URL", f"http://127.0.0.1:{port}")
    try:
        app = create_app()
    except ConfigError as error:
        return f"The portal cannot start: {error}"
    database: Database = app.extensions["portal_db"]
    migrate.upgrade(database.engine)
    if app.config["PORTAL"].is_local and migrate.is_empty(database.engine):
        print("Loading the demo data…", flush=True)
        with database.writing() as session:
            demo.load(session)
    print(f"\nThe portal: http://127.0.0.1:{port} (Ctrl+C stops it)\n")
    if demo.is_loaded(database):
        print(demo.accounts_told())
    sys.stdout.flush()
    database.engine.dispose()
    # The server of a production, in place of this process: what is tried is what will run.
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:portal.server", "wsgi:app"]
    # One worker: failed sign-ins are counted in its memory, unless PORTAL_RATE_LIMIT_URL says where.
    os.execv(sys.executable, [*gunicorn, "--bind", f"127.0.0.1:{port}", "--workers", "1"])
    return None


if __name__ == "__main__":
    sys.exit(main())
