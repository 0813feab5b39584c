"""Offers that look like the same one."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import Role
from portal.offers import merge, rules, twins
from portal.offers.models import OfferState
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure

ALONE: dict[str, Any] = {"telephone": None, "courriel": "autre@exemple.example.org", "code_insee": REDON}


def elsewhere(session: Session, **values: Any) -> Structure:
    return make_structure(session, nom="Une autre association", **values)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("Atelier mobilité", "ATELIER MOBILITE", True),
        ("Atelier mobilité", "Mobilité : les ateliers", True),
        ("Préparer le permis B", "Préparer son permis B", True),
        ("Préparer le permis B", "Prépare le permis B", True),
        ("Atelier cuisine", "Atelier couture", False),
        ("Français pour débuter", "Français pour travailler", False),
        ("Atelier", "Accompagnement", False),
        ("Atelier", "Ateliers", True),
    ],
)
def test_names_are_near_without_the_words_of_everybody(one: str, other: str, near: bool) -> None:
    score = twins.nearness(twins.words_of(one), twins.words_of(other))
    assert (score >= twins.NEAR) is near
    assert score == twins.nearness(twins.words_of(other), twins.words_of(one)) or near


@pytest.mark.parametrize(
    ("shared", "reason"),
    [
        ({"telephone": "+33299000001"}, "même téléphone"),
        ({"courriel": "partage@exemple.example.org"}, "même adresse électronique"),
        ({"code_insee": "35238"}, "même commune"),
    ],
)
def test_a_near_name_and_something_shared_is_a_pair(
    session: Session, shared: dict[str, Any], reason: str
) -> None:
    first = make_offer(session, nom="Préparer le permis", **shared)
    second = make_offer(session, elsewhere(session), nom="Préparer son permis", **{**ALONE, **shared})
    [pair] = twins.pairs(session)
    assert {pair.first.id, pair.second.id} == {first.id, second.id}
    assert pair.reasons == (reason,)
    assert twins.NEAR <= pair.score <= 1


def test_the_same_structure_is_enough(session: Session) -> None:
    structure = make_structure(session)
    make_offer(session, structure, nom="Atelier mobilité", courriel="a@exemple.example.org")
    make_offer(session, structure, nom="Ateliers mobilité", **ALONE)
    [pair] = twins.pairs(session)
    assert pair.reasons == ("même structure",)


def test_a_near_name_alone_is_no_pair_nor_is_a_shared_contact_alone(session: Session) -> None:
    make_offer(session, nom="Préparer le permis")
    make_offer(session, elsewhere(session), nom="Préparer le permis", **ALONE)
    make_offer(session, elsewhere(session), nom="Garde d’enfants le soir")
    assert twins.pairs(session) == []


@pytest.mark.parametrize("state", [OfferState.ARCHIVEE, OfferState.FUSIONNEE])
def test_what_is_put_away_has_no_twin(session: Session, state: OfferState) -> None:
    first, second = make_offer(session), make_offer(session, elsewhere(session))
    assert len(twins.pairs(session)) == 1
    if state is OfferState.ARCHIVEE:
        rules.archive_offer(session, second, by=make_user(session, Role.ANIMATION))
    else:
        merge.merge(session, first, second, by=make_user(session, Role.ANIMATION))
    session.flush()
    assert twins.pairs(session) == []


def test_drafts_and_imported_offers_are_looked_at(session: Session) -> None:
    make_offer(session)
    imported = make_offer(session, elsewhere(session), published=False)
    imported.import_source, imported.import_id = "reseau", "12"
    session.flush()
    [pair] = twins.pairs(session)
    assert pair.second.import_source == "reseau"


def test_pairs_said_not_to_be_are_left_out(session: Session) -> None:
    first, second = make_offer(session), make_offer(session, elsewhere(session))
    by = make_user(session, Role.ANIMATION)
    for one, other in ((first, second), (second, first)):
        merge.say_not_twins(session, one.id, other.id, by=by)
    assert merge.are_not_twins(session, second.id, first.id)
    assert twins.pairs(session) == []


def test_the_nearest_come_first_and_a_limit_holds(session: Session) -> None:
    structure = make_structure(session)
    for nom in ("Préparer le permis", "Préparer son permis", "Préparer le permis"):
        make_offer(session, structure, nom=nom)
    scores = [pair.score for pair in twins.pairs(session)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert [pair.score for pair in twins.pairs(session, 1)] == [1]


def test_every_pair_that_comparing_all_would_give_is_found(session: Session) -> None:
    """The shelves save time and lose nothing here: the same answer as comparing everything with everything."""
    places = [make_structure(session, nom=f"Structure {n}") for n in range(3)]
    names = [
        "Permis B",
        "Le permis B",
        "Code de la route",
        "Code de la rue",
        "Garde d’enfants",
        "Gardes d’enfant",
    ]
    offers = [
        make_offer(
            session,
            places[n % 3],
            nom=name,
            courriel=f"c{n % 4}@exemple.example.org",
            code_insee=("35238", REDON)[n % 2],
        )
        for n, name in enumerate(names * 2)
    ]
    wanted = set()
    for n, one in enumerate(offers):
        for other in offers[n + 1 :]:
            near = twins.nearness(twins.words_of(one.nom), twins.words_of(other.nom)) >= twins.NEAR
            if near and twins.shared(one, one_of(places, one), other, one_of(places, other)):
                wanted.add(frozenset((one.id, other.id)))
    found = {frozenset((pair.first.id, pair.second.id)) for pair in twins.pairs(session)}
    assert found == wanted
    assert len(wanted) >= 6


def test_names_that_many_offers_bear_are_compared_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []
    usual = twins._found_in_common

    def found_in_common(one: str, two: str) -> float:
        compared.append((one, two))
        return usual(one, two)

    monkeypatch.setattr(twins, "_found_in_common", found_in_common)
    for _ in range(3):
        structure = make_structure(session)
        for nom in ("Préparer le permis", "Préparer son permis", "Garde d’enfants"):
            make_offer(session, structure, nom=nom, **ALONE)
    # Three offers of each name, which share an address: nine pairs of one name, and nine of the two that are near.
    assert len(twins.find(session)) == 18
    assert sorted(compared) == [
        ("permis preparer", "permis preparer son"),
        ("permis preparer son", "permis preparer"),
    ]


def one_of(places: list[Structure], offer: Any) -> Structure:
    return next(place for place in places if place.id == offer.structure_id)


# --- While typing ---


def typed(nom: str, **values: Any) -> dict[str, Any]:
    return {"nom": nom, "telephone": None, "courriel": None, "code_insee": None, **values}


def test_what_is_typed_is_compared_with_what_the_person_may_see(session: Session) -> None:
    structure = make_structure(session)
    public = make_offer(session, elsewhere(session), nom="Préparer le permis")
    make_offer(session, elsewhere(session), nom="Préparer le permis", published=False)
    values = typed("Préparer son permis", courriel=public.courriel)
    found = twins.likely(session, structure=structure, offer_id=None, values=values)
    assert [twin.offer.id for twin in found] == [public.id]
    assert found[0].reasons == ("même adresse électronique",)
    animator = make_user(session, Role.ANIMATION)
    assert len(twins.likely(session, structure=structure, offer_id=None, values=values, user=animator)) == 2


def test_an_offer_is_not_its_own_twin_and_five_are_enough(session: Session) -> None:
    structure = make_structure(session)
    offers = [make_offer(session, structure, nom="Préparer le permis") for _ in range(7)]
    values = typed("Préparer le permis")
    found = twins.likely(session, structure=structure, offer_id=offers[0].id, values=values)
    assert len(found) == twins.MAX_SHOWN
    assert offers[0].id not in {twin.offer.id for twin in found}


def test_nothing_typed_has_no_twin(session: Session) -> None:
    structure = make_structure(session)
    make_offer(session, structure)
    for nom in ("", "!?"):
        assert twins.likely(session, structure=structure, offer_id=uuid.uuid4(), values=typed(nom)) == []
