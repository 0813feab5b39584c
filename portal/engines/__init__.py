"""What differs between the two engines, one file each; both offer `options`, `prepare`, `go_straight`."""

from typing import Any

from sqlalchemy.engine import Engine, make_url

from portal.engines import postgresql, sqlite
from portal.engines.straight import Straight

_BY_NAME = {"sqlite": sqlite, "postgresql": postgresql}


def options(url: str) -> dict[str, Any]:
    """Return the keywords of `create_engine` for `url`. Raises ValueError for an engine that is not supported."""
    return _module(make_url(url).get_backend_name()).options()


def prepare(engine: Engine) -> None:
    """Listen to the engine's connections and transactions as its dialect needs."""
    _module(engine.dialect.name).prepare(engine)


def straight(engine: Engine) -> Straight:
    """Return the connections of `engine` for statements that go alone."""
    return Straight(engine, prepare=_module(engine.dialect.name).go_straight)


def _module(name: str) -> Any:
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ValueError(f"PORTAL_DATABASE_URL: {name} is not supported; use SQLite or PostgreSQL") from None
