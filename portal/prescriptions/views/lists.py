"""The lists of prescriptions: the référent's own and the team's, the partner's inbox."""

import uuid
from typing import Any

from flask import abort, request, url_for
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.beneficiaries.dossier import Line
from portal.conventions import ledger
from portal.conventions import queries as convention_queries
from portal.prescriptions import attention, listing, queries
from portal.prescriptions.buckets import BUCKETS, LATE, Bucket, Late, bucket_of
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN, Side
from portal.prescriptions.views.blueprint import BADGES, blueprint, name_of
from portal.web.access import allow, person
from portal.web.forms import clean_text
from portal.web.htmx import page_or_fragment
from portal.web.pagination import PAGE_SIZE, Pager, page_number
from portal.web.session import db


@blueprint.route("", methods=["GET", "POST"], strict_slashes=False)
@allow(Role.REFERENT, Role.PARTENAIRE)
def index() -> Any:
    """One's prescriptions. Names looked for come by POST: no address, and so no log of addresses, holds one."""
    user = person()
    asked = _asked(user)
    searched = request.method == "POST"
    words = clean_text(request.form.get("q", ""))[:100] if searched else ""
    known = listing.numbers(db(), user, asked)
    if searched:
        found = listing.search(db(), user, words, team=asked.team)
        pager = Pager(items=found, page=1, pages=1, total=len(found))
    else:
        pager = _page(user, asked, known)
    late = listing.late_numbers(db(), user, asked)
    nothing_yet = not known.total and asked == _bare(asked)
    choices = [] if nothing_yet or searched else listing.choices(db(), user, asked)
    ids = [p.id for p in pager.items]
    return page_or_fragment(
        "prescriptions/index.html",
        "prescriptions/_list.html",
        "prescriptions-list",
        asked=asked,
        side=asked.side.value,
        pager=pager,
        words=words,
        searched=searched,
        searched_most=listing.SEARCHED,
        nothing_yet=nothing_yet,
        total=known.total,
        chips=[
            (bucket, known.of(bucket), _address(asked, bucket=bucket))
            for bucket in _buckets(asked)
            if known.of(bucket) or bucket == asked.bucket
        ],
        late=[
            (kind, _late_label(kind, asked), late[kind], _address(asked, late=kind))
            for kind in LATE[asked.side]
        ],
        chosen=_chosen(asked, choices),
        choices=choices,
        everything=_address(asked, bucket=None),
        here=_address(asked),
        team_addresses=(_address(asked, team=False), _address(asked, team=True)),
        page_url=lambda number: _address(asked, page=number),
        waiting=convention_queries.waiting_among(db(), ids),
        proposed=attention.proposed_among(db(), ids),
        # What a colleague follows is news to the colleague.
        news=attention.news_among(
            db(),
            user,
            [p.id for p in pager.items if asked.side is Side.PARTENAIRE or p.referent_id == user.id],
        ),
        late_of=lambda prescription: _late_words(prescription, asked),
        name_of=lambda prescription: name_of(prescription, asked.side),
        badges=BADGES,
        open_states=OPEN,
    )


def lines_of_beneficiary(session: Session, user: User, beneficiary_id: uuid.UUID) -> list[Line]:
    """Return the prescriptions of a person that `user` may read, for the page of the file (see `dossier.Reader`)."""
    found = session.execute(queries.of_beneficiary(user, beneficiary_id)).scalars()
    return [
        Line(
            id=p.id,
            offre=p.offre_nom,
            structure=p.structure.nom,
            state=p.state.label,
            kind=BADGES[p.state][0],
            icon=BADGES[p.state][1],
            updated_at=p.updated_at,
        )
        for p in found
    ]


def bucket_asked(side: Side, slug: str | None) -> Bucket | None:
    """Return the bucket that an address names; None when it names none. An unknown one does not exist (404)."""
    if not slug:
        return None
    try:
        return bucket_of(side, slug)
    except ValueError:
        abort(404)


def _asked(user: User) -> listing.Asked:
    """What the address asks for. What it cannot ask for does not exist (404)."""
    side = queries.side_of(user)
    assert side is not None
    args = request.args
    try:
        late = Late(args["retard"]) if args.get("retard") else None
    except ValueError:
        abort(404)
    if late is not None and late not in LATE[side]:
        abort(404)
    return listing.Asked(
        side=side,
        team=side is Side.REFERENT and args.get("equipe") == "1",
        bucket=bucket_asked(side, args.get("etat")),
        structure_id=_id(args.get("structure")),
        offer_id=_id(args.get("offre")),
        late=late,
        mine=side is Side.PARTENAIRE and args.get("suivi") == "moi",
        silence_days=ledger.follow_up_rules(db()).relance_partenaire_jours,
    )


def _page(user: User, asked: listing.Asked, known: listing.Numbers) -> Pager:
    """Return the page that the address asks for; one past the end does not exist (404)."""
    number = page_number(request.args.get("page"))
    total = sum(known.within(asked.bucket).values())
    pages = max(1, -(-total // PAGE_SIZE))
    if number > pages:
        abort(404)
    rows = listing.page_of(db(), user, asked, known, offset=(number - 1) * PAGE_SIZE, size=PAGE_SIZE)
    return Pager(items=rows, page=number, pages=pages, total=total)


def _bare(asked: listing.Asked) -> listing.Asked:
    return listing.Asked(side=asked.side, silence_days=asked.silence_days)


def _buckets(asked: listing.Asked) -> tuple[Bucket, ...]:
    """The buckets of this side, and the one asked for when it is a state alone."""
    usual = BUCKETS[asked.side]
    return usual if asked.bucket is None or asked.bucket in usual else (*usual, asked.bucket)


def _address(asked: listing.Asked, **changed: Any) -> str:
    """Return the address of the list with one criterion changed."""
    bucket, late = changed.get("bucket", asked.bucket), changed.get("late", asked.late)
    page = changed.get("page", 1)
    return url_for(
        "prescriptions.index",
        equipe="1" if changed.get("team", asked.team) else None,
        etat=bucket.slug if bucket else None,
        structure=changed.get("structure_id", asked.structure_id),
        offre=changed.get("offer_id", asked.offer_id),
        retard=late.value if late else None,
        suivi="moi" if changed.get("mine", asked.mine) else None,
        page=page if page > 1 else None,
    )


def _chosen(asked: listing.Asked, choices: list[Any]) -> list[tuple[str, str]]:
    """The filters in force, as (words, address without it)."""
    found: list[tuple[str, str]] = []
    if asked.structure_id:
        name = next((r.structure for r in choices if r.structure_id == asked.structure_id), "une structure")
        found.append((f"Structure : {name}", _address(asked, structure_id=None, offer_id=None)))
    if asked.offer_id:
        name = next((r.offre for r in choices if r.offer_id == asked.offer_id), "une offre")
        found.append((f"Offre : {name}", _address(asked, offer_id=None)))
    if asked.late:
        found.append((_late_label(asked.late, asked), _address(asked, late=None)))
    if asked.mine:
        found.append(("Suivies par moi", _address(asked, mine=False)))
    return found


def _late_label(kind: Late, asked: listing.Asked) -> str:
    return {
        Late.SANS_REPONSE: f"Sans réponse depuis {asked.silence_days} jours ou plus",
        Late.ENTREE: "Entrée attendue passée",
        Late.PLACE: "Place proposée",
    }[kind]


def _late_words(prescription: Prescription, asked: listing.Asked) -> str | None:
    """What is late about one prescription, as its card says it."""
    kind = attention.lateness(prescription, asked.silence_days)
    return None if kind is None else _late_label(kind, asked)


def _id(text: str | None) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        abort(404)
