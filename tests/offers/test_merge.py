"""Two offers become one: nothing is lost, and what follows, follows."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.offers import documents, favourites, merge, rules, sessions, signalements
from portal.offers.models import Favourite, Offer, OfferState, Signalement
from portal.offers.record import PRIVATE_CONTACT
from portal.structures import history
from portal.structures.models import Act, Revision, Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure

PDF = b"%PDF-1.4 un document d'exemple"


@pytest.fixture
def by(session: Session) -> User:
    return make_user(session, Role.ANIMATION)


@pytest.fixture
def two(session: Session) -> tuple[Offer, Offer]:
    structure = make_structure(session)
    return (
        make_offer(session, structure, nom="Permis, module long"),
        make_offer(session, structure, nom="Module permis", telephone="+33299112233", publics=["femmes"]),
    )


def lines(session: Session, offer: Offer) -> list[Revision]:
    return list(session.execute(history.of_offer(offer.id)).scalars())


def test_the_one_that_goes_leads_to_the_one_that_stays(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    before = len(lines(session, kept)), len(lines(session, removed))
    merge.merge(session, kept, removed, by=by)
    assert (removed.state, removed.merged_into_id) == (OfferState.FUSIONNEE, kept.id)
    assert kept.state is OfferState.PUBLIEE
    assert (len(lines(session, kept)), len(lines(session, removed))) == (before[0] + 1, before[1] + 1)
    said = lines(session, kept)[0]
    assert (said.act, said.by_id, said.changes) == (Act.FUSION, by.id, None)
    assert said.note == "Réunie avec « Module permis » (Association Exemple)"
    gone = lines(session, removed)[0]
    assert (gone.act, gone.state_after) == (Act.FUSION, "fusionnee")
    assert "Permis, module long" in (gone.note or "")


def test_only_what_is_taken_changes_and_the_day_moves_with_it(
    session: Session, two: tuple[Offer, Offer], by: User, move_clock: Callable[..., datetime]
) -> None:
    kept, removed = two
    written = kept.date_maj
    move_clock(2031, 5, 6, 8)
    merge.merge(session, kept, removed, take=["telephone", "publics"], by=by)
    assert (kept.telephone, kept.publics, kept.nom) == ("+33299112233", ["femmes"], "Permis, module long")
    assert kept.date_maj == date(2031, 5, 6) != written
    said = lines(session, kept)[0]
    assert said.act is Act.FUSION
    assert said.changes == {
        "telephone": [None, "+33299112233"],
        "publics": [["beneficiaires-des-minimas-sociaux"], ["femmes"]],
    }


def test_nothing_taken_does_not_make_an_offer_fresh(
    session: Session, two: tuple[Offer, Offer], by: User, move_clock: Callable[..., datetime]
) -> None:
    kept, removed = two
    written, version = kept.date_maj, kept.version
    move_clock(2031, 5, 6, 8)
    merge.merge(session, kept, removed, by=by)
    assert (kept.date_maj, kept.version) == (written, version)


def test_an_address_is_taken_whole_with_its_place_on_the_map(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, _ = two
    structure = make_structure(session, nom="Une autre association")
    place = {"code_insee": REDON, "adresse": "2 quai de l’Exemple", "position": (47.65, -2.08)}
    removed = make_offer(session, structure, **place)
    merge.merge(session, kept, removed, take=[merge.PLACE], by=by)
    assert (kept.code_insee, kept.commune, kept.adresse) == (REDON, removed.commune, "2 quai de l’Exemple")
    assert (kept.latitude, kept.longitude) == (47.65, -2.08)
    assert merge.place_of(kept) == f"2 quai de l’Exemple, {kept.code_postal} Redon"


def test_sessions_and_documents_are_taken_when_asked(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    day = clock.today() + timedelta(days=10)
    sessions.set_sessions(session, removed, [{"debut": day, "fin": None, "places": 8, "precisions": None}])
    documents.add(session, kept, filename="a.pdf", content=PDF, by=by)
    documents.add(session, removed, filename="b.pdf", content=PDF, by=by)
    session.flush()
    merge.merge(session, kept, removed, take=[merge.SESSIONS, merge.DOCUMENTS], by=by)
    assert [one.debut for one in sessions.of_offer(session, kept.id)] == [day]
    assert [one.nom for one in documents.of_offer(session, kept.id)] == ["a.pdf", "b.pdf"]
    changes = lines(session, kept)[0].changes or {}
    assert changes["documents"] == [["a.pdf"], ["a.pdf", "b.pdf"]]
    assert changes["sessions"][0] == []


def test_documents_beyond_what_an_offer_holds_are_refused(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    for number in range(6):
        for offer in two:
            documents.add(session, offer, filename=f"{number}.pdf", content=PDF, by=by)
            session.flush()
    with pytest.raises(RuleBroken, match="10 documents au plus"):
        merge.merge(session, kept, removed, take=[merge.DOCUMENTS], by=by)


def test_favourites_and_reports_follow_once_each(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    both, one = make_user(session), make_user(session)
    for user, offer in ((both, kept), (both, removed), (one, removed)):
        favourites.keep(session, user, offer)
    report, _ = signalements.report(session, removed, motifs=["prix"], commentaire=None, by=one)
    session.flush()
    merge.merge(session, kept, removed, by=by)
    session.expire_all()
    pairs = session.execute(select(Favourite.user_id, Favourite.offer_id)).all()
    assert {tuple(pair) for pair in pairs} == {(both.id, kept.id), (one.id, kept.id)}
    assert session.get_one(Signalement, report.id).offer_id == kept.id


def test_a_chain_leads_straight_to_the_last(session: Session, two: tuple[Offer, Offer], by: User) -> None:
    second, first = two
    third = make_offer(session, nom="Le permis pour tous")
    merge.merge(session, second, first, by=by)
    merge.merge(session, third, second, by=by)
    session.expire_all()
    ends = session.exec(select(Offer.merged_into_id).where(col(Offer.id).in_([first.id, second.id]))).all()
    assert list(ends) == [third.id, third.id]


def test_what_is_merged_already_is_not_merged_again(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    third = make_offer(session, nom="Le permis pour tous")
    merge.merge(session, kept, removed, by=by)
    with pytest.raises(AlreadyDone):
        merge.merge(session, kept, removed, by=by)
    with pytest.raises(RuleBroken, match="déjà été réunie à une autre"):
        merge.merge(session, third, removed, by=by)
    with pytest.raises(RuleBroken, match="ne peut pas remplacer"):
        merge.merge(session, removed, third, by=by)
    assert third.state is OfferState.PUBLIEE


def test_an_archived_offer_or_a_draft_cannot_stand_for_a_public_one(session: Session, by: User) -> None:
    public, draft, away = make_offer(session), make_offer(session, published=False), make_offer(session)
    rules.archive_offer(session, away, by=by)
    with pytest.raises(RuleBroken, match="n’est pas publiée"):
        merge.merge(session, draft, public, by=by)
    with pytest.raises(RuleBroken, match="ne peut pas remplacer"):
        merge.merge(session, away, public, by=by)
    merge.merge(session, public, draft, by=by)
    merge.merge(session, public, away, by=by)
    assert {draft.state, away.state} == {OfferState.FUSIONNEE}


def test_what_would_break_a_public_offer_is_refused(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, _ = two
    draft = make_offer(session, published=False, description="Court.")
    with pytest.raises(rules.Incomplete) as broken:
        merge.merge(session, kept, draft, take=["description"], by=by)
    assert "description" in broken.value.problems


@pytest.mark.parametrize("which", [0, 1])
def test_an_offer_saved_since_it_was_opened_is_not_merged(
    session: Session, two: tuple[Offer, Offer], by: User, which: int
) -> None:
    kept, removed = two
    opened = merge.Opened(kept=kept.version, removed=removed.version)
    changed, structure = two[which], session.get_one(Structure, kept.structure_id)
    rules.change_offer(session, changed, {"frequence": "Le lundi"}, structure=structure, by=by)
    with pytest.raises(ChangedMeanwhile):
        merge.merge(session, kept, removed, by=by, opened=opened)
    assert removed.state is OfferState.PUBLIEE


def test_an_unknown_answer_or_the_same_offer_is_refused(
    session: Session, two: tuple[Offer, Offer], by: User
) -> None:
    kept, removed = two
    with pytest.raises(RuleBroken, match="n’existe pas"):
        merge.merge(session, kept, removed, take=["state"], by=by)
    with pytest.raises(RuleBroken, match="même offre"):
        merge.merge(session, kept, kept, by=by)
    with pytest.raises(RuleBroken, match="même offre"):
        merge.say_not_twins(session, kept.id, kept.id, by=by)


@pytest.mark.parametrize(
    ("private", "take"), [("removed", ["telephone"]), ("kept", ["contact_public"]), ("kept", [])]
)
def test_a_contact_kept_for_professionals_is_not_made_public(
    session: Session, by: User, private: str, take: list[str]
) -> None:
    kept = make_offer(session, contact_public=private != "kept", telephone="+33299000001")
    removed = make_offer(session, contact_public=private != "removed", telephone="+33299000002")
    merge.merge(session, kept, removed, take=take, by=by)
    assert kept.contact_public is False


def test_a_contact_replaced_whole_may_be_public(session: Session, by: User) -> None:
    kept = make_offer(session, contact_public=False, telephone="+33299000001")
    removed = make_offer(session, telephone="+33299000002")
    merge.merge(session, kept, removed, take=[*PRIVATE_CONTACT, "contact_public"], by=by)
    assert (kept.contact_public, kept.telephone) == (True, "+33299000002")
