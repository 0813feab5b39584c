"""Twins to settle: the list, side by side, one of the two, and what the rooms above hold of them."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import ledger, waiting
from portal.conventions import queries as convention_queries
from portal.conventions.models import ActionOffer, PlaceMode, Waiting
from portal.errors import RuleBroken
from portal.offers import merge
from portal.offers import rules as offer_rules
from portal.offers.models import Offer, OfferState
from portal.prescriptions import answers
from portal.prescriptions import rules as prescriptions
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.referencement import queries, rules
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser

SignIn = Callable[[User], Browser]


@pytest.fixture
def animator(session: Session) -> User:
    return make_user(session, Role.ANIMATION)


def beside(scene: Scene, offer: Offer) -> Scene:
    """The same people around another offer of the structure."""
    return Scene(scene.referent, scene.partner, scene.structure, offer, scene.action)


# --- The pages ---


def test_pairs_are_listed_with_their_reasons(session: Session, sign_in: SignIn, animator: User) -> None:
    structure = make_structure(session)
    make_offer(session, structure, nom="Préparer le permis")
    make_offer(session, structure, nom="Préparer son permis")
    page = sign_in(animator).get("/referencement/doublons")
    assert "1 paire à regarder" in page.text
    assert "En commun : nom proche, même structure, même adresse électronique, même commune." in page.text
    page.click("Comparer « Préparer le permis » et « Préparer son permis »")
    page.browser.get("/referencement/doublons?page=2", status=404)


def test_no_pair_and_it_is_said(sign_in: SignIn, animator: User) -> None:
    assert "Aucun doublon à regarder" in sign_in(animator).get("/referencement/doublons").text


def test_one_is_kept_with_the_answers_chosen(session: Session, sign_in: SignIn, animator: User) -> None:
    structure = make_structure(session)
    first = make_offer(
        session, structure, nom="Préparer le permis", telephone="+33299000001", frequence="Le lundi"
    )
    second = make_offer(
        session,
        structure,
        nom="Préparer son permis",
        telephone="+33299000002",
        contact_nom_prenom="Alix Exemple",
    )
    browser = sign_in(animator)
    page = browser.get(f"/referencement/doublons/{first.id}/{second.id}")
    form = page.form("reunir")
    chosen = {
        name.removeprefix("champ-"): value for name, value in form.values.items() if name.startswith("champ-")
    }
    assert set(chosen) == {"nom", "telephone", "frequence", "contact_nom_prenom"}
    # What is filled in is proposed over what is not.
    assert (chosen["frequence"], chosen["contact_nom_prenom"]) == ("a", "b")
    assert "réponses sont les mêmes" in page.text
    done = form.submit(
        "Garder A : « Préparer le permis » (Association Exemple)",
        **{"champ-nom": "b", "champ-telephone": "a", "champ-contact_nom_prenom": "b", "champ-frequence": "a"},
    )
    assert done.path == f"/offres/{first.id}"
    kept, gone = session.get_one(Offer, first.id), session.get_one(Offer, second.id)
    assert (kept.nom, kept.telephone, kept.frequence, kept.contact_nom_prenom) == (
        "Préparer son permis",
        "+33299000001",
        "Le lundi",
        "Alix Exemple",
    )
    assert (gone.state, gone.merged_into_id) == (OfferState.FUSIONNEE, first.id)
    moved = browser.client.get(f"/offres/{second.id}")
    assert (moved.status_code, moved.headers["Location"]) == (301, f"/offres/{first.id}")
    late = browser.get(f"/referencement/doublons/{first.id}/{second.id}")
    assert "déjà réunie à une autre offre" in late.text


def test_the_other_side_may_be_the_one_that_stays(session: Session, sign_in: SignIn, animator: User) -> None:
    first, second = (
        make_offer(session, nom="Préparer le permis"),
        make_offer(session, nom="Préparer son permis", frequence="Le lundi"),
    )
    page = sign_in(animator).get(f"/referencement/doublons/{first.id}/{second.id}")
    data = page.form("reunir").values | {"acte": "b", "champ-nom": "a", "champ-frequence": "b"}
    page.browser.post(f"/referencement/doublons/{first.id}/{second.id}", data)
    kept = session.get_one(Offer, second.id)
    assert (kept.nom, kept.frequence) == ("Préparer le permis", "Le lundi")
    assert session.get_one(Offer, first.id).merged_into_id == second.id


def test_not_twins_are_no_longer_proposed(session: Session, sign_in: SignIn, animator: User) -> None:
    first, second = make_offer(session), make_offer(session)
    page = sign_in(animator).get(f"/referencement/doublons/{first.id}/{second.id}")
    done = page.form("reunir").submit("Ce ne sont pas des doublons")
    assert done.path == "/referencement/doublons"
    assert "Aucun doublon à regarder" in done.text
    again = done.browser.get(f"/referencement/doublons/{second.id}/{first.id}")
    assert "Quelqu’un a déjà dit que ces deux offres ne sont pas les mêmes." in again.text


def test_a_refusal_keeps_what_was_chosen(session: Session, sign_in: SignIn, animator: User) -> None:
    first, second = (
        make_offer(session, nom="Préparer le permis"),
        make_offer(session, nom="Préparer son permis"),
    )
    page = sign_in(animator).get(f"/referencement/doublons/{first.id}/{second.id}")
    offer_rules.change_offer(
        session,
        second,
        {"frequence": "Le lundi"},
        structure=session.get_one(Structure, second.structure_id),
        by=animator,
    )
    session.commit()
    form = page.form("reunir")
    again = page.browser.post(
        f"/referencement/doublons/{first.id}/{second.id}",
        form.values | {"acte": "a", "champ-nom": "b"},
        status=409,
    )
    assert "Quelqu’un a modifié une des deux offres" in again.text
    assert again.form("reunir").values["champ-nom"] == "b"
    assert session.get_one(Offer, second.id).state is OfferState.PUBLIEE


def test_an_editor_of_both_may_compare_and_merge_and_nobody_else(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    first, second = make_offer(session, structure), make_offer(session, structure)
    foreign = make_offer(session, make_structure(session, nom="Une autre association"))
    browser = sign_in(partner)
    address = f"/referencement/doublons/{first.id}"
    browser.get(f"{address}/{foreign.id}", status=404)
    browser.post(f"{address}/{foreign.id}", {"acte": "a"}, status=404)
    browser.get(f"{address}/{first.id}", status=404)
    browser.post(f"{address}/{second.id}", {"acte": "effacer"}, status=400)
    browser.get("/referencement/doublons", status=403)
    page = browser.get(f"{address}/{second.id}")
    assert "Mes offres" in page.text
    browser.post(f"{address}/{second.id}", {"acte": "a"})
    assert session.get_one(Offer, second.id).merged_into_id == first.id


# --- Prescriptions and places ---


def test_prescriptions_places_and_the_waiting_list_follow_inside_a_structure(
    session: Session, animator: User
) -> None:
    scene = make_scene(session, places=1)
    kept = make_offer(session, scene.structure, nom="Celle qui reste")
    convention = make_convention(session, scene.structure)
    other_action = make_action(session, convention, [kept, scene.offer], places=2, mode=PlaceMode.FILE_ACTIVE)
    accepted = make_prescription(session, scene, State.ACCEPTEE)
    ended = make_prescription(session, scene, State.REFUSEE)
    before = convention_queries.places_by_offer(session, [scene.offer.id])[scene.offer.id]
    rules.merge_offers(session, kept, scene.offer, by=animator)
    session.expire_all()
    moved = session.exec(
        select(Prescription.offer_id).where(col(Prescription.id).in_([accepted.id, ended.id]))
    ).all()
    assert set(moved) == {kept.id}
    links = session.execute(select(ActionOffer.action_id, ActionOffer.offer_id)).all()
    assert scene.action is not None
    assert {tuple(link) for link in links} == {(scene.action.id, kept.id), (other_action.id, kept.id)}
    after = convention_queries.places_by_offer(session, [kept.id])[kept.id]
    assert (after.financees, after.libres) == (before.financees, before.libres) == (3, 2)
    # The held place is let go through the offer that stays.
    prescriptions.cancel(session, session.get_one(Prescription, accepted.id), by=scene.referent)
    assert convention_queries.places_by_offer(session, [kept.id])[kept.id].libres == 3


def test_the_waiting_list_keeps_the_order_of_arrival(session: Session, animator: User) -> None:
    scene = make_scene(session, places=1)
    kept = make_offer(session, scene.structure, nom="Celle qui reste")
    make_action(session, make_convention(session, scene.structure), [kept], places=1)
    for offer in (scene.offer, kept):
        make_prescription(session, beside(scene, offer), State.ACCEPTEE)
    first = make_prescription(session, beside(scene, kept))
    second = make_prescription(session, scene)
    for late in (first, second):
        answers.put_on_waiting_list(session, late, by=scene.partner)
    rules.merge_offers(session, kept, scene.offer, by=animator)
    assert set(session.exec(select(Waiting.offer_id))) == {kept.id}
    ahead = [waiting.ahead(session, offer_id=kept.id, prescription_id=p.id) for p in (first, second)]
    assert ahead == [0, 1]


def test_a_person_prescribed_on_both_is_settled_first(session: Session, animator: User) -> None:
    scene = make_scene(session, places=None)
    kept = make_offer(session, scene.structure, nom="Celle qui reste")
    person = make_beneficiary(session, scene.referent)
    one = make_prescription(session, scene, State.ENVOYEE, person)
    make_prescription(session, beside(scene, kept), State.ENVOYEE, person)
    with (
        pytest.raises(RuleBroken, match="Une même personne a une prescription en cours"),
        session.begin_nested(),
    ):
        rules.merge_offers(session, kept, scene.offer, by=animator)
    session.expire_all()
    assert session.get_one(Offer, scene.offer.id).state is OfferState.PUBLIEE
    prescriptions.cancel(session, session.get_one(Prescription, one.id), by=scene.referent)
    rules.merge_offers(session, kept, scene.offer, by=animator)
    assert session.get_one(Prescription, one.id).offer_id == kept.id


def test_between_two_structures_what_was_agreed_stays_where_it_was(session: Session, animator: User) -> None:
    scene = make_scene(session, places=2)
    prescription = make_prescription(session, scene)
    kept = make_offer(session, make_structure(session, nom="Une autre association"))
    rules.merge_offers(session, kept, scene.offer, by=animator)
    session.expire_all()
    found = session.get_one(Prescription, prescription.id)
    assert (found.offer_id, found.structure_id) == (scene.offer.id, scene.structure.id)
    # Its partner still answers, and the place is still its convention's.
    answers.accept(session, found, by=scene.partner)
    assert scene.action is not None
    places = ledger.places_of_actions(session, [scene.action])[scene.action.id]
    assert (places.retenues, places.libres) == (1, 1)
    answers.enter(session, found, by=scene.partner, day=clock.today())
    assert found.state is State.ENTREE


def test_what_hangs_on_each_is_counted(session: Session, sign_in: SignIn, animator: User) -> None:
    scene = make_scene(session, places=2)
    make_prescription(session, scene)
    make_prescription(session, scene, State.REFUSEE)
    other = make_offer(session, scene.structure, nom="Une autre offre")
    found = queries.weights(session, [scene.offer.id, other.id])
    assert found[scene.offer.id] == queries.Weight(prescriptions=2, under_way=1, actions=1)
    assert found[other.id] == queries.Weight()
    page = sign_in(animator).get(f"/referencement/doublons/{scene.offer.id}/{other.id}")
    assert "2, dont 1 en cours" in page.text


def test_a_refused_merge_is_told_in_the_page(session: Session, sign_in: SignIn, animator: User) -> None:
    draft, public = make_offer(session, published=False), make_offer(session)
    browser = sign_in(animator)
    page = browser.post(f"/referencement/doublons/{draft.id}/{public.id}", {"acte": "a"}, status=409)
    assert "n’est pas publiée : publiez-la d’abord" in page.text
    assert merge.are_not_twins(session, draft.id, public.id) is False
