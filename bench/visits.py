"""Who opens which page, on a database of `bench.past`."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any

from bench import past
from bench.past import Past, Row
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import Convention, FinancedAction, PlaceMovement, Waiting
from portal.offers.models import Offer
from portal.prescriptions import links
from portal.prescriptions.buckets import BUCKETS
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN, Side
from portal.structures.models import Membership, Structure


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody (None: nobody signed in) opens an address, or looks for a name there (`words`)."""

    by: Row | None
    path: str
    words: str | None = None


def visits(known: Past, secret: str) -> dict[str, list[Visit]]:
    """Return what is asked, by its name in the table: several people, people's files and prescriptions for each."""
    random = Random(past.SEED)
    users = {row["id"]: row for row in known.of(User)}
    prescriptions = known.of(Prescription)
    sent = [row for row in known.of(Prescription) if row["sent_at"] is not None]
    under_way = [row for row in sent if row["state"] in OPEN]
    # One of each référent's, which their searches and filters are about.
    own = {row["referent_id"]: row for row in under_way}
    referents = [row for row in known.of(User) if row["id"] in own][:: max(1, len(own) // 20)]
    officer = next(row for row in known.of(User) if row["role"] is Role.CONVENTIONNEMENT)
    structures = {row["structure_id"] for row in prescriptions[:2000]}
    largest = known.of(Structure)[0]["id"]
    members: dict[Any, list[Row]] = {}
    for line in known.of(Membership):
        members.setdefault(line["structure_id"], []).append(users[line["user_id"]])
    inbox = members[largest]
    others = [members[one][0] for one in sorted(structures - {largest}, key=str)]
    last_page = -(-sum(row["structure_id"] == largest for row in sent) // 20)

    people_by_id = {row["id"]: row for row in known.of(Beneficiary)}
    received = [row for row in under_way if row["structure_id"] == largest][:20]

    def named(prescription: Row) -> str:
        person = people_by_id[prescription["beneficiary_id"]]
        return f"{person['prenom']} {person['nom']}"

    def lists(people: Iterable[Row], query: str = "", words: str | None = None) -> list[Visit]:
        return [Visit(one, f"/prescriptions{query}", words) for one in people]

    found = {
        "référent: own list": lists(referents),
        "référent: own, ended well": lists(referents, "?etat=terminee"),
        "référent: own, without an answer": lists(referents, "?retard=sans-reponse"),
        "référent: own, one offer": [
            Visit(
                one,
                f"/prescriptions?structure={own[one['id']]['structure_id']}&offre={own[one['id']]['offer_id']}",
            )
            for one in referents
        ],
        "référent: search by name": [
            Visit(one, "/prescriptions", named(own[one["id"]])) for one in referents
        ],
        "référent: the team’s": lists(referents, "?equipe=1"),
        "référent: the team’s, tenth page": lists(referents, "?equipe=1&page=10"),
        "référent: the team’s, ended well": lists(referents, "?equipe=1&etat=terminee"),
        "référent: the team’s, one structure": lists(referents, f"?equipe=1&structure={largest}"),
        "référent: search in the team’s": [
            Visit(one, "/prescriptions?equipe=1", named(own[one["id"]])) for one in referents
        ],
        "partner: inbox": lists(others),
        "partner: largest inbox": lists(inbox),
        "partner: largest inbox, last page": lists(inbox, f"?page={last_page}"),
        **{
            f"partner: largest inbox, {bucket.slug}": lists(inbox, f"?etat={bucket.slug}")
            for bucket in BUCKETS[Side.PARTENAIRE]
        },
        "partner: largest inbox, followed by me": lists(inbox, "?suivi=moi"),
        "partner: largest inbox, late": lists(inbox, "?retard=sans-reponse"),
        "partner: largest inbox, one offer": lists(inbox, f"?offre={known.of(Offer)[0]['id']}"),
        "partner: search in the largest inbox": [
            Visit(one, "/prescriptions", named(row)) for one, row in zip(cycle(inbox), received, strict=False)
        ],
        "partner: search of a first name that many bear": lists(inbox, words="Camille"),
    }
    drawn = random.sample(under_way, 20)
    found["one prescription: référent"] = [
        Visit(users[row["referent_id"]], f"/prescriptions/{row['id']}") for row in drawn
    ]
    found["one prescription: colleague"] = [
        Visit(_colleague(known, users[row["referent_id"]]), f"/prescriptions/{row['id']}") for row in drawn
    ]
    found["one prescription: partner"] = [
        Visit(members[row["structure_id"]][0], f"/prescriptions/{row['id']}") for row in drawn
    ]
    found["one prescription: by its link"] = [
        Visit(None, f"/reponse/{links.make(secret, Prescription(**row))}") for row in drawn
    ]
    waiting: dict[Any, int] = {}
    for line in known.of(Waiting):
        waiting[line["offer_id"]] = waiting.get(line["offer_id"], 0) + 1
    longest = max(
        (offer["id"] for offer in known.of(Offer)[: past.OFFERS_EACH]), key=lambda id: waiting.get(id, 0)
    )
    found["partner: longest waiting list"] = [
        Visit(one, f"/prescriptions/attente/{longest}") for one in inbox
    ]
    found |= _of_officer(known, officer)
    found["export: its page, référent"] = lists(referents, "/export")
    found["export: its page, partner"] = lists(inbox, "/export")
    found["export: its page, officer"] = lists([officer], "/export")
    people = random.sample(list(known.of(Beneficiary)), 20)
    for name, end in (
        ("a person’s file", ""),
        ("a person’s week", "/programme"),
        ("a person’s month", "/programme/mois"),
    ):
        found[name] = [Visit(users[p["referent_id"]], f"/beneficiaires/{p['id']}{end}") for p in people]
    return found


def _of_officer(known: Past, officer: Row) -> dict[str, list[Visit]]:
    """The pages of the actions through which most places went."""
    lines: dict[Any, int] = {}
    for line in known.of(PlaceMovement):
        lines[line["action_id"]] = lines.get(line["action_id"], 0) + 1
    conventions = {row["id"]: row for row in known.of(Convention)}
    busiest = sorted(known.of(FinancedAction), key=lambda row: -lines.get(row["id"], 0))[:8]
    pages = {
        "officer: convention": "",
        "officer: action": "/actions/{id}",
        "officer: places over time": "/actions/{id}/places",
    }
    return {
        "officer: conventions": [Visit(officer, "/conventions")],
        **{
            name: [
                Visit(
                    officer,
                    f"/conventions/{conventions[row['convention_id']]['id']}{end.format(id=row['id'])}",
                )
                for row in busiest
            ]
            for name, end in pages.items()
        },
    }


def _colleague(known: Past, user: Row) -> Row:
    return next(
        row
        for row in known.of(User)
        if row["organisation_id"] == user["organisation_id"] and row["id"] != user["id"]
    )
