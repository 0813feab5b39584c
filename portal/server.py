"""The server of a production, as `gunicorn --config python:portal.server wsgi:app` reads it; `make run` uses it too.

The application is made once and the workers are born from it: what they only read (the code, the communes of France,
the catalogue as it is at the start) is held once for all of them.
"""

import contextlib
import ctypes
import gc
from typing import Any

preload_app = True
workers = 2
# A slow reader of a long export holds a thread and not a worker.
threads = 8
keepalive = 30
loglevel = "warning"


# glibc's own number for "so many arenas at most" (mallopt(3)).
_ARENAS_AT_MOST = -8


def on_starting(server: Any) -> None:
    """Keep the allocator to two arenas: one a thread, its habit, holds on to memory that nobody uses (46 MB of 332)."""
    with contextlib.suppress(OSError, AttributeError):  # another C library: nothing to tell it
        ctypes.CDLL(None).mallopt(_ARENAS_AT_MOST, 2)


def when_ready(server: Any) -> None:
    """Read, before the workers are born, what they would each read; and let go of the database, which none may share."""
    from portal import geography

    app = server.app.wsgi()
    geography.complete("a", limit=1)
    database = app.extensions["portal_db"]
    try:
        with database.session(read_only=True) as session:
            app.extensions["catalogue"].snapshot(session)
    except Exception as error:
        # A database that is not there yet is not a reason not to start: /sante says so, and each request tries again.
        server.log.warning("the catalogue was not read at the start: %s", type(error).__name__)
        app.extensions["catalogue"].forget()
    database.engine.dispose()
    # What is there for good is not looked at by the collector any more, so that workers do not copy it.
    gc.collect()
    gc.freeze()
