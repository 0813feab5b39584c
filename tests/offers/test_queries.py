"""The catalogue's search, and which offers a person sees or changes."""

from typing import Any

import pytest
from sqlmodel import Session

from portal import geography, vocabulary
from portal.accounts.models import Role
from portal.offers import queries
from portal.offers.models import Offer
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES, make_partner, make_structure

SAINT_MALO = "35288"
NANTES = "44109"
REDON_AGGLOMERATION = "243500741"


def search(session: Session, **wanted: Any) -> list[tuple[str, float | None]]:
    if "commune" in wanted:
        wanted["commune"] = geography.commune(wanted["commune"])
    rows = session.execute(queries.search(queries.Search(**wanted))).all()
    return [(offer.nom, distance) for offer, distance in rows]


def names(session: Session, **wanted: Any) -> list[str]:
    return [nom for nom, _ in search(session, **wanted)]


def test_only_published_offers_of_published_structures_are_in_the_catalogue(session: Session) -> None:
    make_offer(session, nom="Visible")
    make_offer(session, nom="Brouillon", published=False)
    make_offer(session, make_structure(session, published=False), nom="Structure cachée")
    assert names(session) == ["Visible"]


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        (None, True),
        ([REDON], True),
        ([REDON_AGGLOMERATION], True),
        (["35"], True),
        (["france"], True),
        (["99100"], True),
        (["44", "35"], True),
        (["44"], False),
        ([RENNES], False),
        (["200043990"], False),
    ],
)
def test_the_zone_must_cover_the_commune(session: Session, zone: list[str] | None, found: bool) -> None:
    make_offer(session, code_insee=REDON, zone_eligibilite=zone)
    assert bool(names(session, commune=REDON)) is found
    # Without a commune nobody is excluded.
    assert names(session)


@pytest.mark.parametrize(("radius", "found"), [(50, False), (57, False), (60, True), (90, True)])
def test_beyond_the_radius_nothing_is_found(session: Session, radius: int, found: bool) -> None:
    # About 58 km from Redon to Rennes.
    make_offer(session, code_insee=RENNES, zone_eligibilite=None)
    assert bool(names(session, commune=REDON, radius_km=radius)) is found
    assert names(session, commune=RENNES, radius_km=5)


def test_the_distance_is_that_of_the_map(session: Session) -> None:
    make_offer(session, code_insee=RENNES, zone_eligibilite=None)
    rennes, nantes = geography.commune(RENNES), geography.commune(NANTES)
    assert rennes is not None
    assert nantes is not None
    wanted = geography.distance_km(nantes.latitude, nantes.longitude, rennes.latitude, rennes.longitude)
    ((_, told),) = search(session, commune=NANTES, radius_km=150)
    assert told == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(
    ("modes", "commune", "found", "has_distance"),
    [
        (["a-distance"], SAINT_MALO, True, False),
        (["a-distance", "en-presentiel"], SAINT_MALO, True, False),
        (["a-distance", "en-presentiel"], REDON, True, True),
        (["a-distance"], REDON, True, False),
        (["en-presentiel"], SAINT_MALO, False, False),
        (["en-presentiel"], REDON, True, True),
    ],
)
def test_remote_offers_are_found_from_everywhere(
    session: Session, modes: list[str], commune: str, found: bool, has_distance: bool
) -> None:
    make_offer(session, code_insee=commune, modes_accueil=modes, zone_eligibilite=None)
    rows = search(session, commune=REDON)
    assert bool(rows) is found
    if found:
        assert (rows[0][1] is not None) is has_distance


def test_remote_offers_too_have_their_zone(session: Session) -> None:
    make_offer(session, modes_accueil=["a-distance"], zone_eligibilite=["59"])
    assert names(session, commune=REDON) == []


def test_the_nearest_come_first_then_those_at_a_distance(session: Session) -> None:
    make_offer(session, nom="B loin", code_insee="35047", zone_eligibilite=None)  # Bruz
    make_offer(session, nom="C sur place", code_insee=RENNES, zone_eligibilite=None)
    make_offer(session, nom="A à distance", modes_accueil=["a-distance"], zone_eligibilite=None)
    make_offer(session, nom="A sur place", code_insee=RENNES, zone_eligibilite=None)
    assert names(session, commune=RENNES) == ["A sur place", "C sur place", "B loin", "A à distance"]
    assert names(session) == ["A sur place", "A à distance", "B loin", "C sur place"] or names(session) == [
        "A à distance",
        "A sur place",
        "B loin",
        "C sur place",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "velo",
        "VÉLO",
        "vélo réparer",
        "reparer VELO",
        "cafe",
        "œuvre",
        "oeuvre",
        "l'atelier",
        "association exemple",
        "preparer un permis",
        "minimas",
        "accompagnement",
    ],
)
def test_words_are_found_whatever_their_accents_and_place(session: Session, words: str) -> None:
    make_offer(
        session,
        nom="L’atelier vélo",
        description="On y apprend à réparer, autour d’un café. C’est l’œuvre d’une association, à Rennes.",
    )
    assert names(session, words=words) == ["L’atelier vélo"]


@pytest.mark.parametrize("words", ["voiture", "vélo voiture", "100%"])
def test_every_word_must_be_there(session: Session, words: str) -> None:
    make_offer(session, nom="L’atelier vélo")
    assert names(session, words=words) == []


@pytest.mark.parametrize("words", ["%", "_", "   ", "'", "\\", "é" * 5000 + " zzz"])
def test_odd_words_do_no_harm(session: Session, words: str) -> None:
    make_offer(session, nom="L’atelier vélo")
    assert names(session, words=words) in ([], ["L’atelier vélo"])


def test_a_thematique_or_a_whole_category(session: Session) -> None:
    make_offer(session, nom="Permis", thematiques=["mobilite--preparer-un-permis"])
    make_offer(
        session, nom="Budget", thematiques=["difficultes-financieres--acquerir-une-autonomie-budgetaire"]
    )
    make_offer(
        session,
        nom="Les deux",
        thematiques=[
            "mobilite--acceder-a-un-vehicule",
            "difficultes-financieres--acquerir-une-autonomie-budgetaire",
        ],
    )
    assert names(session, thematiques=["mobilite--preparer-un-permis"]) == ["Permis"]
    assert names(session, thematiques=vocabulary.expand_thematiques(["mobilite"])) == ["Les deux", "Permis"]
    both = vocabulary.expand_thematiques(
        ["mobilite--preparer-un-permis", "difficultes-financieres--acquerir-une-autonomie-budgetaire"]
    )
    assert names(session, thematiques=both) == ["Budget", "Les deux", "Permis"]
    assert names(session, thematiques=["sante--addictions"]) == []


def test_who_sees_and_who_changes(session: Session) -> None:
    partner, structure = make_partner(session)
    mine = make_offer(session, structure, nom="La mienne", published=False)
    make_offer(session, nom="Autre brouillon", published=False)
    make_offer(session, nom="Autre publiée")

    def seen(statement: Any) -> list[str]:
        return sorted(offer.nom for offer in session.execute(statement).scalars())

    assert seen(queries.visible_to(None)) == ["Autre publiée"]
    assert seen(queries.visible_to(partner)) == ["Autre publiée", "La mienne"]
    assert seen(queries.changeable_by(partner)) == ["La mienne"]
    for role in (Role.REFERENT, Role.CONVENTIONNEMENT):
        user = make_user(session, role)
        assert seen(queries.visible_to(user)) == ["Autre publiée"]
        assert seen(queries.changeable_by(user)) == []
    for role in (Role.ANIMATION, Role.ADMINISTRATION):
        user = make_user(session, role)
        assert len(seen(queries.visible_to(user))) == len(seen(queries.changeable_by(user))) == 3
        assert seen(queries.changeable_by(user, "mienne")) == ["La mienne"]
    assert seen(queries.of_structure(structure.id)) == []
    assert seen(queries.of_structure(structure.id, with_drafts=True)) == ["La mienne"]
    assert queries.count_by_structure(session, [structure.id]) == {structure.id: 1}
    assert queries.count_by_structure(session, []) == {}
    assert isinstance(mine, Offer)


def test_drafts_come_first_in_ones_own_list(session: Session) -> None:
    animator = make_user(session, Role.ANIMATION)
    make_offer(session, nom="A publiée")
    make_offer(session, nom="B brouillon", published=False)
    listed = [offer.nom for offer in session.execute(queries.changeable_by(animator)).scalars()]
    assert listed == ["B brouillon", "A publiée"]
