"""What is due, run by `jobs run`: each job takes the database and the settings and returns a line that says what it did."""

import logging
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from portal import clock
from portal.accounts import queries as account_queries
from portal.accounts.models import OutgoingMail
from portal.budget import deadlines
from portal.catalogue import alerts, freshness, needs
from portal.catalogue.engine import Catalogue
from portal.config import Config
from portal.db import Database
from portal.exchanges.imports import runs as imports
from portal.mail import as_html, as_text
from portal.offers import reminders, saisies
from portal.prescriptions import due, notifications, renewals
from portal.prescriptions import reminders as follow_up
from portal.prescriptions.states import Act
from portal.referencement import notifications as referencement

log = logging.getLogger("portal.jobs")
_TIMEOUT_SECONDS = 20


def follow_prescriptions(database: Database, config: Config) -> str:
    """Expire what nobody answered, free the places of those who did not come, propose the free places; tell everybody."""
    sender = _sender(config)
    with database.writing() as session:
        expired = due.expire_unanswered(session)
        for prescription in expired:
            notifications.tell(session, prescription, Act.EXPIRER, sender)
    with database.writing() as session:
        released = due.release_absent(session)
        for prescription in released:
            notifications.tell(session, prescription, Act.CONSTATER, sender)
    with database.writing() as session:
        turns = due.propose_places(session)
        notifications.tell_turns(session, turns, sender)
    return f"{len(expired)} expired, {len(released)} released, {len(turns)} turns of a waiting list told"


def send_reminders(database: Database, config: Config) -> str:
    """Remind structures and référents of what waits for them, people of their meeting of tomorrow; renew links."""
    sender = _sender(config)
    told = []
    for remind in (
        follow_up.remind_partners,
        follow_up.remind_referents,
        follow_up.ask_whether_they_came,
        follow_up.tell_no_entry,
        follow_up.remind_people,
        renewals.renew_links,
    ):
        number = 0
        while True:
            with database.writing() as session:
                written = remind(session, sender)
            number += written
            if written < follow_up.BATCH:
                break
        told.append(number)
    silent, unanswered, expected, no_entry, people, links = told
    return (
        f"{silent} structures and {unanswered} référents reminded of an answer, {expected} and {no_entry} of an entry, "
        f"{people} people of a meeting, {links} links renewed"
    )


def purge_documents(database: Database, config: Config) -> str:
    """Remove the documents of prescriptions whose time is over."""
    with database.writing() as session:
        return f"{follow_up.purge_documents(session)} documents removed"


def keep_offers_fresh(database: Database, config: Config) -> str:
    """Ask whether the offers that are due are still valid, and suspend those that nobody confirmed."""
    with database.writing() as session:
        asked, suspended = reminders.keep_fresh(
            session, public_url=config.public_url, secret=config.secret_key
        )
        return f"{asked} to confirm, {suspended} suspended"


def remind_animators(database: Database, config: Config) -> str:
    """Tell the animators what waits to be read, once a day at most."""
    with database.writing() as session:
        told = referencement.remind_animators(session, public_url=config.public_url)
        return f"{told} animators told"


def forget_tables(database: Database, config: Config) -> str:
    """Empty the tables that were sent for import more than 90 days ago; what became of their lines stays counted."""
    with database.writing() as session:
        return f"{imports.forget(session, now=clock.now())} emptied"


def forget_marks(database: Database, config: Config) -> str:
    """Remove the marks of changes that every process has seen: those older than two days (docs/adr/0011)."""
    with database.writing() as session:
        return f"{freshness.forget_marks(session, now=clock.now())} marks forgotten"


def send_mail(database: Database, config: Config) -> str:
    """Send what waits in the outbox.

    A message is first taken, then sent, then marked, each in a transaction of its own: nobody waits for the mail
    server with the database in hand. One that was sent and not marked, because the machine died, leaves again with
    the same Message-ID.
    """
    if not config.mail_url:
        return "no PORTAL_MAIL_URL: messages stay in the outbox"
    sent = refused = 0
    with _server(config.mail_url) as server:
        while (mail := _take_mail(database)) is not None:
            error: str | None = None
            try:
                server.send_message(_message(mail, config))
            except smtplib.SMTPResponseException as answer:
                error = f"{answer.smtp_code}"
            except smtplib.SMTPRecipientsRefused:
                error = "recipient refused"
            except (smtplib.SMTPException, OSError):
                # The server's trouble, not the message's: it goes back as it came.
                _give_back_mail(database, mail)
                raise
            _mark_mail(database, mail, error)
            sent, refused = (sent, refused + 1) if error else (sent + 1, refused)
    return f"{sent} sent, {refused} refused"


def _take_mail(database: Database) -> OutgoingMail | None:
    now = clock.now()
    with database.writing() as session:
        mail: OutgoingMail | None = session.execute(
            account_queries.next_mail_to_send(now)
        ).scalar_one_or_none()
        if mail is not None:
            mail.claimed_at = now
            mail.attempts += 1
        return mail


def _give_back_mail(database: Database, mail: OutgoingMail) -> None:
    with database.writing() as session:
        kept = session.get_one(OutgoingMail, mail.id)
        kept.claimed_at = None
        kept.attempts -= 1


def _mark_mail(database: Database, mail: OutgoingMail, error: str | None) -> None:
    with database.writing() as session:
        kept = session.get_one(OutgoingMail, mail.id)
        kept.last_error = error
        if error is None:
            kept.sent_at = clock.now()


def forget_saisies(database: Database, config: Config) -> str:
    """Forget what people began to write and did not come back to."""
    with database.writing() as session:
        return f"{saisies.purge(session)} unfinished forms forgotten"


def send_alerts(database: Database, config: Config) -> str:
    """Tell people what is new for the searches they keep, each week or each month as they chose."""
    catalogue = Catalogue(
        source=config.source, public_url=config.public_url, folder=config.instance / "index"
    )
    sender = alerts.Sender(
        source=config.source,
        public_url=config.public_url,
        secret_key=config.secret_key,
        departement=config.departement,
    )
    return alerts.run(database, catalogue, sender)


def tell_deadlines(database: Database, config: Config) -> str:
    """Tell officers and partners what falls due: payments, bilans, reports, ends of conventions."""
    with database.writing() as session:
        sent = deadlines.remind(session, public_url=config.public_url)
        return f"{sent.notices} due dates told in {sent.letters} letters"


def forget_needs(database: Database, config: Config) -> str:
    """Forget the needs that were not met more than two years ago."""
    with database.writing() as session:
        return f"{needs.purge(session)} unmet needs forgotten"


JOBS: dict[str, Callable[[Database, Config], str]] = {
    "prescriptions": follow_prescriptions,
    "relances": send_reminders,
    "documents": purge_documents,
    "echeances": tell_deadlines,
    "freshness": keep_offers_fresh,
    "referencement": remind_animators,
    "imports": forget_tables,
    "saisies": forget_saisies,
    "besoins": forget_needs,
    "catalogue": forget_marks,
    "alertes": send_alerts,
    "mail": send_mail,
}


def _sender(config: Config) -> notifications.Sender:
    return notifications.Sender(public_url=config.public_url, secret=config.secret_key)


def _message(mail: OutgoingMail, config: Config) -> EmailMessage:
    sender = config.mail_from
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = sender
    message["To"] = mail.recipient
    message["Date"] = format_datetime(mail.created_at)
    # The same message bears the same id, whoever sends it and however often.
    message["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable, for the servers that take seven bits only.
    message.set_content(as_text(mail.body), cte="quoted-printable")
    html = as_html(mail.body, name=config.name, public_url=config.public_url, accent=config.accent)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
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
