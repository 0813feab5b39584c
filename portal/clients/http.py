"""One way to ask another service: short, bounded, and never elsewhere than where it was sent."""

import logging
import time
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
import urllib3

log = logging.getLogger("portal.clients")
TIMEOUT = (2.0, 4.0)  # seconds to connect, then between two pieces of the answer
DEADLINE = 6.0  # seconds for the whole answer
MAX_BYTES = 1_000_000
# After a failure nobody waits for that service again for a while: forms must stay quick.
REST_SECONDS = 60.0
_PIECE = 65_536
# What a service answers to a question it does not take: it is well, and answers the next one.
_REFUSALS = frozenset({400, 414, 422})
_resting: dict[str, float] = {}


class Unavailable(Exception):
    """The service did not answer, or answered nonsense; go on without it."""


class Refused(Unavailable):
    """The service is there, and does not take this question."""


def get_json(url: str, params: dict[str, Any]) -> Any:
    """Return the JSON that `url` answers. Raises Unavailable, at once while the service rests after a failure."""
    host = urlsplit(url).netloc
    if _resting.get(host, 0) > time.monotonic():
        raise Unavailable(f"{host} rests")
    try:
        return _ask(url, params)
    except Unavailable as failure:
        if not isinstance(failure, Refused):
            _resting[host] = time.monotonic() + REST_SECONDS
        log.warning("%s: %s", host, failure)
        raise


def wake() -> None:
    """Forget former failures."""
    _resting.clear()


def _ask(url: str, params: dict[str, Any]) -> Any:
    started = time.monotonic()
    try:
        with requests.get(
            url,
            params=params,
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "passerelle-insertion"},
        ) as response:
            if response.status_code in _REFUSALS:
                raise Refused(f"answered {response.status_code}")
            if response.status_code != 200:
                raise Unavailable(f"answered {response.status_code}")
            body = bytearray()
            # `iter_content` waits for a full piece: a service that answers by drops would be waited for without end.
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > MAX_BYTES:
                    raise Unavailable("answered too much")
                if time.monotonic() - started > DEADLINE:
                    raise Unavailable("answered too slowly")
    except (requests.RequestException, urllib3.exceptions.HTTPError) as failure:
        raise Unavailable(type(failure).__name__) from None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unavailable("did not answer JSON") from None
