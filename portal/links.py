"""Links that prove who made them and stop after a time; they carry ids, never a name nor an address."""

from typing import Any

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from portal import clock


class DeadLink(Exception):
    """The link is not one of ours, or its time is over; `expired` tells which."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "forged")
        self.expired = expired


class _Signer(TimestampSigner):
    """Goes by the portal's clock, which tests and the demo move."""

    def get_timestamp(self) -> int:
        """Return the present in seconds."""
        return int(clock.now().timestamp())


def sign(secret: str, purpose: str, values: list[str]) -> str:
    """Return `values` as words for an address, good for this `purpose` only."""
    return str(_serializer(secret, purpose).dumps(values))


def read(secret: str, purpose: str, text: str, *, days: int) -> list[str]:
    """Return the values of a link made less than `days` days ago for this `purpose`. Raises DeadLink."""
    try:
        values: Any = _serializer(secret, purpose).loads(text, max_age=days * 86_400)
    except SignatureExpired:
        raise DeadLink(expired=True) from None
    except BadSignature:
        raise DeadLink(expired=False) from None
    return [str(value) for value in values]


def _serializer(secret: str, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt=purpose, signer=_Signer)
