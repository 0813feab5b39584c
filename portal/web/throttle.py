"""Counts what may be tried only so often. Where the counts live is a setting: several workers share one store."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, headers_enabled=False)
