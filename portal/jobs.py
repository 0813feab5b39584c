"""What is due, run by `jobs run`: each job takes the database and the settings and returns a line that says what it did."""

import logging
import smtplib
import ssl
import uuid
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from sqlmodel import col

from portal import clock
from portal.accounts import queries as account_queries
from portal.accounts.models import OutgoingMail
from portal.config import Config
from portal.db import Database
from portal.prescriptions import notifications
from portal.prescriptions import rules as prescriptions

log = logging.getLogger("portal.jobs")
_TIMEOUT_SECONDS = 20


def expire_prescriptions(database: Database, config: Config) -> str:
    """Expire the prescriptions that nobody answered, and tell both sides."""
    with database.writing() as session:
        expired = prescriptions.expire_unanswered(session)
        for prescription in expired:
            notifications.tell_expired(session, prescription, public_url=config.public_url)
        return f"{len(expired)} expired"


def send_mail(database: Database, config: Config) -> str:
    """Send what waits in the outbox, one transaction a message so that none leaves twice after a failure."""
    if not config.mail_url:
        return "no PORTAL_MAIL_URL: messages stay in the outbox"
    sent = 0
    with _server(config.mail_url) as server:
        refused: list[uuid.UUID] = []
        while True:
            with database.writing() as session:
                # One at a time, those just refused apart: however many they are, the others still leave.
                next_one = account_queries.mails_to_send(limit=1).where(col(OutgoingMail.id).not_in(refused))
                mail = session.execute(next_one).scalar_one_or_none()
                if mail is None:
                    break
                mail.attempts += 1
                try:
                    server.send_message(_message(mail, config.mail_from))
                except smtplib.SMTPResponseException as error:
                    mail.last_error = f"{error.smtp_code}"
                    refused.append(mail.id)
                except smtplib.SMTPRecipientsRefused:
                    mail.last_error = "recipient refused"
                    refused.append(mail.id)
                else:
                    mail.sent_at = clock.now()
                    mail.last_error = None
                    sent += 1
    return f"{sent} sent, {len(refused)} refused"


JOBS: dict[str, Callable[[Database, Config], str]] = {
    "prescriptions": expire_prescriptions,
    "mail": send_mail,
}


def _message(mail: OutgoingMail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = sender
    message["To"] = mail.recipient
    message["Date"] = format_datetime(mail.created_at)
    # The same message bears the same id, whoever sends it and however often.
    message["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message


def _server(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_TIMEOUT_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
