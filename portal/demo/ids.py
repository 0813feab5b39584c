"""Ids made from names, so that two machines show the same demo."""

import uuid

_NAMESPACE = uuid.UUID("5d3c1b52-7d0e-4f0b-9a51-6a1f3f0f7f35")


def demo_id(*parts: str) -> uuid.UUID:
    """Return the id that the demo gives to what these words name."""
    return uuid.uuid5(_NAMESPACE, "/".join(parts))
