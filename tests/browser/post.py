"""The letters of the portal as people receive them: through a real SMTP server of this machine."""

import re
import socket
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from portal import jobs
from tests.browser.conftest import Portal


@dataclass
class _Postman:
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received += [(to, message) for to in envelope.rcpt_tos]
        return "250 OK"


def delivered(portal: Portal, to: str) -> list[EmailMessage]:
    """Have every letter that waits sent; return those that came to the address `to`."""
    postman = _Postman()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Controller(postman, hostname="127.0.0.1", port=port)
    server.start()
    try:
        jobs.send_mail(portal.database, replace(portal.config, mail_url=f"smtp://127.0.0.1:{port}"))
    finally:
        server.stop()
    return [message for recipient, message in postman.received if recipient == to]


def way_in(letter: EmailMessage, portal: Portal) -> str:
    """Return the path of the one page that a letter leads to; its two parts lead to the same."""
    found = []
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        paths = re.findall(rf"{re.escape(portal.url)}(/[^\s\"<]+)", part.get_content())
        assert len(set(paths)) == 1, paths
        found.append(paths[0])
    assert found[0] == found[1]
    return found[0]


def words_of(letter: EmailMessage) -> str:
    """Return what a letter says, its lines joined."""
    part = letter.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())
