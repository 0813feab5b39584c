"""The lists of prescriptions: the référent's own and the team's, the partner's inbox."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import abort, request, url_for
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.beneficiaries.dossier import Line
from portal.conventions import follow_up
from portal.prescriptions import attention, filters, listed, listing, queries, searching
from portal.prescriptions.asked import Asked
from portal.prescriptions.buckets import BUCKETS, LATE, Bucket, Late, bucket_of
from portal.prescriptions.states import OPEN, Side, State
from portal.prescriptions.views import cards
from portal.prescriptions.views.blueprint import BADGES, blueprint
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
    if searched:
        found = searching.search(db(), user, words, team=asked.team)
        pager = Pager(items=found, page=1, pages=1, total=len(found))
        # Somebody is found: there are some, and the page of a search tells no other number.
        known = listing.Numbers({}, 0) if found else listing.numbers(db(), user, asked)
        nothing_yet = not found and not known.total and asked == _bare(asked)
    else:
        known = listing.numbers(db(), user, asked)
        pager = _page(user, asked, known)
        nothing_yet = not known.total and asked == _bare(asked)
    listed_alone = searched or nothing_yet
    late = {} if listed_alone else listing.late_numbers(db(), user, asked)
    choices = [] if listed_alone else filters.choices(db(), user, asked)
    base = url_for("prescriptions.index")
    address = _addresses(base, asked)
    # What a colleague follows is news to the colleague.
    mine = [p.id for p in pager.items if asked.side is Side.PARTENAIRE or p.referent_id == user.id]
    open_ones = {p.state for p in pager.items} & OPEN if asked.side is Side.PARTENAIRE else set()
    return page_or_fragment(
        "prescriptions/index.html",
        "prescriptions/_list.html",
        "prescriptions-list",
        asked=asked,
        side=asked.side.value,
        pager=pager,
        words=words,
        searched=searched,
        searched_most=searching.SEARCHED,
        nothing_yet=nothing_yet,
        total=known.total,
        chips=[
            (bucket, number, address(bucket=bucket))
            for bucket in _buckets(asked)
            if (number := known.of(bucket)) or bucket == asked.bucket
        ],
        late=[(kind, _late_label(kind, asked), number, address(late=kind)) for kind, number in late.items()],
        chosen=_chosen(asked, choices, address),
        choices=choices,
        everything=address(bucket=None),
        here=address(),
        team_addresses=(address(team=False), address(team=True)),
        page_url=lambda number: address(page=number),
        may_choose=bool(open_ones),
        may_answer=not open_ones.isdisjoint({State.ENVOYEE, State.A_L_ETUDE}),
        cards=cards.show(
            pager.items,
            side=asked.side,
            team=asked.team,
            base=base,
            news=attention.news_among(db(), user, mine),
            late_words=lambda line: _late_words(line, asked),
        ),
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


def _asked(user: User) -> Asked:
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
    return Asked(
        side=side,
        team=side is Side.REFERENT and args.get("equipe") == "1",
        bucket=bucket_asked(side, args.get("etat")),
        structure_id=_id(args.get("structure")),
        offer_id=_id(args.get("offre")),
        late=late,
        mine=side is Side.PARTENAIRE and args.get("suivi") == "moi",
        silence_days=follow_up.in_force(db()).relance_partenaire_jours,
    )


def _page(user: User, asked: Asked, known: listing.Numbers) -> Pager:
    """Return the page that the address asks for; one past the end does not exist (404)."""
    number = page_number(request.args.get("page"))
    total = sum(known.within(asked.bucket).values())
    pages = max(1, -(-total // PAGE_SIZE))
    if number > pages:
        abort(404)
    rows = listing.page_of(db(), user, asked, known, offset=(number - 1) * PAGE_SIZE, size=PAGE_SIZE)
    return Pager(items=rows, page=number, pages=pages, total=total)


def _bare(asked: Asked) -> Asked:
    return Asked(side=asked.side, silence_days=asked.silence_days)


def _buckets(asked: Asked) -> tuple[Bucket, ...]:
    """The buckets of this side, and the one asked for when it is a state alone."""
    usual = BUCKETS[asked.side]
    return usual if asked.bucket is None or asked.bucket in usual else (*usual, asked.bucket)


def _addresses(base: str, asked: Asked) -> Callable[..., str]:
    """Return the function that gives the address of the list with one criterion changed."""

    def address(**changed: Any) -> str:
        bucket, late = changed.get("bucket", asked.bucket), changed.get("late", asked.late)
        page = changed.get("page", 1)
        criteria = {
            "equipe": "1" if changed.get("team", asked.team) else None,
            "etat": bucket.slug if bucket else None,
            "structure": changed.get("structure_id", asked.structure_id),
            "offre": changed.get("offer_id", asked.offer_id),
            "retard": late.value if late else None,
            "suivi": "moi" if changed.get("mine", asked.mine) else None,
            "page": page if page > 1 else None,
        }
        query = urlencode({name: value for name, value in criteria.items() if value is not None})
        return f"{base}?{query}" if query else base

    return address


def _chosen(
    asked: Asked, choices: list[filters.Choice], address: Callable[..., str]
) -> list[tuple[str, str]]:
    """The filters in force, as (words, address without it)."""
    found: list[tuple[str, str]] = []
    if asked.structure_id:
        name = next((r.structure for r in choices if r.structure_id == asked.structure_id), "une structure")
        found.append((f"Structure : {name}", address(structure_id=None, offer_id=None)))
    if asked.offer_id:
        name = next((r.offre for r in choices if r.offer_id == asked.offer_id), "une offre")
        found.append((f"Offre : {name}", address(offer_id=None)))
    if asked.late:
        found.append((_late_label(asked.late, asked), address(late=None)))
    if asked.mine:
        found.append(("Suivies par moi", address(mine=False)))
    return found


def _late_label(kind: Late, asked: Asked) -> str:
    return {
        Late.SANS_REPONSE: f"Sans réponse depuis {asked.silence_days} jours ou plus",
        Late.ENTREE: "Entrée attendue passée",
        Late.PLACE: "Place proposée",
    }[kind]


def _late_words(line: listed.Listed, asked: Asked) -> str | None:
    """What is late about one prescription, as its card says it."""
    kind = listed.lateness(line, asked.silence_days)
    return None if kind is None else _late_label(kind, asked)


def _id(text: str | None) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        abort(404)
