"""What each process of a race does: everything of its own, and the same instant for all."""

import multiprocessing
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from portal import clock, jobs
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.catalogue import needs
from portal.catalogue.criteria import Criteria
from portal.config import Config
from portal.conventions import amendments
from portal.conventions.models import Convention, FinancedAction
from portal.db import Database
from portal.errors import NoPlaceLeft, RuleBroken
from portal.exchanges.imports import runs as imports
from portal.exchanges.models import ImportState
from portal.offers.models import Offer
from portal.prescriptions import answers, due, queries, rules, several
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.structures import invitations, members
from portal.structures.models import JoinRequest, MembershipLevel, Structure

_PATIENCE_SECONDS = 90

Start = Callable[[], object]


def race(url: str, work: Callable[..., str], entrants: Sequence[tuple[Any, ...]]) -> list[str]:
    """Run `work(database, start, *entrant)` in one process for each entrant; return what each says, in order.

    `start()` waits until every process is there. A refusal is told as the name of its class, any other error whole.
    """
    context = multiprocessing.get_context("forkserver")
    # Imported once, before the processes are made.
    context.set_forkserver_preload(["tests.races.workers"])
    barrier, results = context.Barrier(len(entrants)), context.Queue()
    processes = [
        context.Process(target=_run, args=(url, work, entrant, barrier, results, number), daemon=True)
        for number, entrant in enumerate(entrants)
    ]
    for process in processes:
        process.start()
    said = dict(results.get(timeout=_PATIENCE_SECONDS) for _ in processes)
    for process in processes:
        process.join(_PATIENCE_SECONDS)
    assert [process.exitcode for process in processes] == [0] * len(processes)
    results.close()
    results.join_thread()
    return [said[number] for number in range(len(entrants))]


def _run(
    url: str, work: Callable[..., str], entrant: tuple[Any, ...], barrier: Any, results: Any, number: int
) -> None:
    database = Database(url)
    try:
        said = work(database, lambda: barrier.wait(_PATIENCE_SECONDS), *entrant)
    except RuleBroken as broken:
        said = "NoPlaceLeft" if isinstance(broken, NoPlaceLeft) else type(broken).__name__
    except Exception as error:
        said = repr(error)
    finally:
        database.engine.dispose()
    results.put((number, said))


def accept(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Accept as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        answers.accept(session, prescription, by=session.get_one(User, by_id))
        session.commit()
    return "accepted"


def accept_into(
    database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID, session_id: uuid.UUID
) -> str:
    """Accept for a session of the offer, as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        meeting = Meeting(session_id=session_id)
        answers.accept(session, prescription, by=session.get_one(User, by_id), meeting=meeting)
        session.commit()
    return "accepted"


def take_away(database: Database, start: Start, action_id: uuid.UUID, by_id: uuid.UUID, places: int) -> str:
    """Write an amendment that takes places away from today on, as the officer's page does."""
    with _page(database, start) as session:
        action = _opened(session, start, FinancedAction, action_id)
        amendments.change_places(
            session,
            action,
            session.get_one(Convention, action.convention_id),
            change=-places,
            effet_le=clock.today(),
            motif="Avenant",
            by=session.get_one(User, by_id),
        )
        session.commit()
    return "taken away"


def take_place(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Take the place that is proposed, then propose those that are left, as the référent's page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        rules.take_place(session, prescription, by=session.get_one(User, by_id))
        due.propose_places(session, prescription.offer_id)
        session.commit()
    return "taken"


def leave_place(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Leave the place that is proposed to the following person, as the référent's page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        rules.leave_place(session, prescription, by=session.get_one(User, by_id))
        due.propose_places(session, prescription.offer_id)
        session.commit()
    return "left"


def refuse(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Refuse, then propose the places that are free, as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        answers.refuse(
            session,
            prescription,
            by=session.get_one(User, by_id),
            reason=RefusalReason.AUTRE,
            message="Voici pourquoi.",
        )
        due.propose_places(session, prescription.offer_id)
        session.commit()
    return "refused"


def finish(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Declare the end, then propose the place that is free, as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        answers.finish(session, prescription, by=session.get_one(User, by_id), day=clock.today())
        due.propose_places(session, prescription.offer_id)
        session.commit()
    return "finished"


def answer_several(
    database: Database, start: Start, what: str, ids: Sequence[uuid.UUID], by_id: uuid.UUID
) -> str:
    """Accept or refuse several, then propose the places that are free, as the inbox does; return how many were done."""
    with _page(database, start) as session:
        user = session.get_one(User, by_id)
        found = session.execute(queries.chosen(user, ids)).scalars().all()
        if database.engine.dialect.name != "sqlite":
            start()

        def verb(prescription: Prescription) -> None:
            if what == "accept":
                answers.accept(session, prescription, by=user)
            else:
                answers.refuse(
                    session, prescription, by=user, reason=RefusalReason.AUTRE, message="Voici pourquoi."
                )

        outcome = several.do_each(session, found, verb, takes_places=what == "accept")
        if what == "refuse":
            due.propose_places(session, *{p.offer_id for p in outcome.done})
        session.commit()
    return f"{what} {len(outcome.done)}"


def propose(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Propose places of every offer, as the nightly job does."""
    with _page(database, start) as session:
        _opened(session, start, Prescription, prescription_id)
        due.propose_places(session)
        session.commit()
    return "proposed"


def on_places(database: Database, start: Start, what: str, *entrant: Any) -> str:
    """Do one of these."""
    verbs: dict[str, Callable[..., str]] = {
        "accept": accept,
        "cancel": cancel,
        "take away": take_away,
        "take": take_place,
        "leave": leave_place,
        "refuse": refuse,
        "finish": finish,
        "propose": propose,
    }
    return verbs[what](database, start, *entrant)


def cancel(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Cancel as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        rules.cancel(session, prescription, by=session.get_one(User, by_id))
        session.commit()
    return "cancelled"


def accept_or_cancel(
    database: Database, start: Start, what: str, prescription_id: uuid.UUID, by_id: uuid.UUID
) -> str:
    """Do one or the other."""
    return {"accept": accept, "cancel": cancel}[what](database, start, prescription_id, by_id)


def send(database: Database, start: Start, prescription_id: uuid.UUID, by_id: uuid.UUID) -> str:
    """Send a draft as the page does."""
    with _page(database, start) as session:
        prescription = _opened(session, start, Prescription, prescription_id)
        rules.send(session, prescription, by=session.get_one(User, by_id), consent=True)
        session.commit()
    return "sent"


def create(
    database: Database, start: Start, person_id: uuid.UUID, offer_id: uuid.UUID, key: uuid.UUID
) -> str:
    """Write a draft as the page does; return its id."""
    with _page(database, start) as session:
        person = _opened(session, start, Beneficiary, person_id)
        offer = session.get_one(Offer, offer_id)
        prescription = rules.create_prescription(
            session,
            beneficiary=person,
            offer=offer,
            structure=session.get_one(Structure, offer.structure_id),
            by=session.get_one(User, person.referent_id),
            form_key=key,
            motif="Le permis.",
            partage=[],
        )
        session.commit()
        return str(prescription.id)


def accept_invitation(database: Database, start: Start, link: str, secret: str, number: int) -> str:
    """Open an account and join, as the page of an invitation does."""
    with _page(database, start) as session:
        if database.engine.dialect.name != "sqlite":
            # All have shown the page before any of them answers.
            invitations.open_link(session, link, secret)
            start()
        try:
            found = invitations.open_link(session, link, secret, to_use=True)
        except invitations.DeadInvitation as dead:
            return dead.end.value
        invitations.accept_as_newcomer(
            session, found, prenom="Alix", nom=f"Fictif{number}", password="quatre mots faciles ici"
        )
        session.commit()
    return "joined"


def answer_request(
    database: Database, start: Start, request_id: uuid.UUID, by_id: uuid.UUID, accepts: bool
) -> str:
    """Answer a request to join, as the page of members does."""
    with _page(database, start) as session:
        request = _opened(session, start, JoinRequest, request_id)
        by = session.get_one(User, by_id)
        if accepts:
            invitations.accept_request(session, request, level=MembershipLevel.MEMBRE, by=by)
        else:
            invitations.refuse_request(session, request, by=by)
        session.commit()
    return "accepted" if accepts else "refused"


def leave_structure(
    database: Database, start: Start, structure_id: uuid.UUID, membership_id: uuid.UUID
) -> str:
    """Leave a structure, as its page does."""
    with _page(database, start) as session:
        structure = _opened(session, start, Structure, structure_id)
        members.leave(session, structure, membership_id)
        session.commit()
    return "left"


def run_job(database: Database, start: Start, name: str, config: Config, mail_url: str) -> str:
    """Run a job as the command does; return what it says."""
    start()
    return jobs.JOBS[name](database, replace(config, mail_url=mail_url))


def continue_import(database: Database, start: Start, run_id: uuid.UUID, step: int) -> str:
    """Continue an import as the page does, some lines at a time, until it is done; return how many steps it took."""
    imports.WRITE_STEP = step
    start()
    steps = 0
    while True:
        steps += 1
        with database.writing() as session:
            if imports.go_on(session, run_id, by=None).state is not ImportState.ECRITURE:
                return str(steps)


def note_need(database: Database, start: Start, criteria: Criteria, times: int) -> str:
    """Find nothing, so many times, as the search page does; with all the time that a slow machine needs."""
    needs.PATIENCE_MS = 30_000
    start()
    for _ in range(times):
        needs.note(database, criteria)
    return "noted"


def _page(database: Database, start: Start) -> Session:
    if database.engine.dialect.name == "sqlite":
        # Here the first statement of a page that writes waits for its turn: nobody could come to the start after it.
        start()
    return database.session()


def _opened(session: Session, start: Start, table: type[Any], id: uuid.UUID) -> Any:
    """Load what the page is about; on PostgreSQL all have read it before any of them writes."""
    found = session.get_one(table, id)
    if session.get_bind().dialect.name != "sqlite":
        start()
    return found
