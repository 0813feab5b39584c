"""`make run`: the database, the demo data the first time, then the portal, and who can sign in."""

import os
import sys

from werkzeug.serving import run_simple

from portal import create_app, demo, migrate
from portal.config import ConfigError
from portal.db import Database


def main() -> int:
    """Prepare what is missing and serve until interrupted; return the exit code."""
    port = int(os.environ.get("PORT", "5000"))
    os.environ.setdefault("PORTAL_PUBLIC_URL", f"http://127.0.0.1:{port}")
    try:
        app = create_app()
    except ConfigError as error:
        print(f"The portal cannot start: {error}", file=sys.stderr)
        return 2
    database: Database = app.extensions["portal_db"]
    migrate.upgrade(database.engine)
    if migrate.is_empty(database.engine):
        print("Loading the demo data…", flush=True)
        with database.writing() as session:
            demo.load(session)
    print(f"\nThe portal: http://127.0.0.1:{port}\n")
    if demo.is_loaded(database):
        print(demo.accounts_told())
    sys.stdout.flush()
    run_simple("127.0.0.1", port, app, threaded=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
