"""Several offers for one person, one offer for several: chosen, and what may not be."""

import uuid

import pytest
from sqlmodel import Session

from portal.errors import NotAllowed, RuleBroken
from portal.offers import favourites
from portal.offers.rules import withdraw_offer
from portal.prescriptions import lots
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import SignIn, prescriptions
from tests.prescriptions.lot import address, agree, agreed, made, motif_of, own


class TestChoosing:
    def test_one_offer_for_several_people(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        ada, bob = (make_beneficiary(session, scene.referent, prenom=name) for name in ("Ada", "Bob"))
        make_beneficiary(session, scene.referent, prenom="Zoé")
        page = sign_in(scene.referent).get(f"/prescriptions/pour-qui?offre={scene.offer.id}")
        form = page.form("person-search")
        page = form.submit("Continuer avec les personnes cochées", personne=[str(ada.id), str(bob.id)])
        assert page.h1 == "Vérifier avant d’envoyer"
        assert "2 prescriptions pour 2 personnes" in page.text
        assert {p.beneficiary_id for p in prescriptions(session)} == {ada.id, bob.id}
        # Pressed twice: the same drafts.
        again = form.submit("Continuer avec les personnes cochées", personne=[str(ada.id), str(bob.id)])
        assert again.path == page.path
        assert len(prescriptions(session)) == 2

    def test_favourites_for_one_person(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        other = make_offer(session, scene.structure, nom="Autre atelier d’exemple")
        alone = make_offer(session, scene.structure, nom="En accès libre", mobilisable_par=["usagers"])
        for offer in (scene.offer, other, alone):
            favourites.keep(session, scene.referent, offer)
        person = make_beneficiary(session, scene.referent)
        session.commit()
        browser = sign_in(scene.referent)
        page = browser.get(f"/beneficiaires/{person.id}").click("Prescrire des favoris")
        boxes = [str(box["value"]) for box in page.soup.select("main input[name=offre]")]
        assert sorted(boxes) == sorted([str(scene.offer.id), str(other.id)])
        kept = page.form("prescribe-chosen").values
        assert kept == {"beneficiaire": str(person.id)}
        page = browser.get(
            f"/prescriptions/pour-qui?beneficiaire={person.id}&offre={scene.offer.id}&offre={other.id}"
        )
        form = page.form("person-search")
        assert form.values["personne"] == str(person.id)
        page = form.submit("Continuer avec les personnes cochées")
        assert "2 prescriptions pour 1 personne" in page.text
        assert {p.offer_id for p in prescriptions(session)} == {scene.offer.id, other.id}

    def test_no_favourite_ticked(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        favourites.keep(session, scene.referent, scene.offer)
        session.commit()
        page = sign_in(scene.referent).get("/favoris").form("prescribe-chosen").submit()
        assert page.path == "/favoris"
        assert "Cochez au moins une offre" in page.text

    def test_a_partner_has_no_boxes_in_favourites(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        favourites.keep(session, scene.partner, scene.offer)
        session.commit()
        page = sign_in(scene.partner).get("/favoris")
        assert scene.offer.nom in page.text
        assert page.soup.select("main input[name=offre]") == []

    def test_what_was_ticked_stays_while_searching(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        ada, bob = (make_beneficiary(session, scene.referent, prenom=name) for name in ("Ada", "Bob"))
        page = sign_in(scene.referent).get(f"/prescriptions/pour-qui?offre={scene.offer.id}")
        page = page.form("person-search").submit("Chercher", q="Bob", personne=[str(ada.id)])
        assert "Déjà cochées" in page.text
        form = page.form("person-search")
        assert form.values["personne"] == str(ada.id)
        form.submit("Continuer avec les personnes cochées", personne=[str(ada.id), str(bob.id)])
        assert len(prescriptions(session)) == 2

    def test_one_person_and_one_offer_is_no_lot(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        page = sign_in(scene.referent).get(f"/prescriptions/pour-qui?offre={scene.offer.id}")
        page = page.form("person-search").submit(
            "Continuer avec les personnes cochées", personne=[str(person.id)]
        )
        assert page.h1 == "Prescrire une offre"
        assert prescriptions(session) == []

    def test_nobody_ticked(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        make_beneficiary(session, scene.referent)
        page = sign_in(scene.referent).get(f"/prescriptions/pour-qui?offre={scene.offer.id}")
        page = page.form("person-search").submit("Continuer avec les personnes cochées", status=422)
        assert "Cochez au moins une personne" in page.text

    def test_who_has_one_already_is_told_and_the_others_are_made(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        ada, bob, eve = (make_beneficiary(session, scene.referent) for _ in range(3))
        make_prescription(session, scene, State.ENVOYEE, ada)
        browser = sign_in(scene.referent)
        url = f"/prescriptions/lots?offre={scene.offer.id}"
        both = {"cle": str(uuid.uuid4()), "personne": [str(one.id) for one in (ada, bob, eve)]}
        page = browser.post(url, both)
        assert "2 prescriptions pour 2 personnes" in page.text
        assert "déjà une prescription en cours" in page.text
        # When none can be made, one stays where one was.
        make_prescription(session, scene, State.ENVOYEE, bob)
        session.commit()
        nobody = {"cle": str(uuid.uuid4()), "personne": [str(ada.id), str(bob.id)]}
        page = browser.post(url, nobody, status=422)
        assert page.h1 == "Pour qui ?"
        assert "déjà une prescription en cours" in page.text


class TestBadInput:
    @pytest.mark.parametrize(
        ("offer", "person", "key", "status"),
        [
            ("00000000-0000-4000-8000-000000000000", "mine", "good", 404),
            ("x", "mine", "good", 404),
            ("", "mine", "good", 404),
            ("good", "theirs", "good", 404),
            ("good", "x", "good", 404),
            ("good", "mine", "x", 400),
        ],
    )
    def test_what_one_may_not_name(
        self, session: Session, sign_in: SignIn, offer: str, person: str, key: str, status: int
    ) -> None:
        scene = make_scene(session)
        mine, theirs = make_beneficiary(session, scene.referent), make_beneficiary(session)
        other = make_beneficiary(session, scene.referent)
        people = {"mine": str(mine.id), "theirs": str(theirs.id)}
        data = {
            "cle": str(uuid.uuid4()) if key == "good" else key,
            "personne": [str(other.id), people.get(person, person)],
        }
        wanted = scene.offer.id if offer == "good" else offer
        sign_in(scene.referent).post(f"/prescriptions/lots?offre={wanted}", data, status=status)
        assert prescriptions(session) == []

    def test_an_offer_withdrawn_meanwhile_is_left_out(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        gone = make_offer(session, scene.structure)
        withdraw_offer(session, gone, by=scene.partner)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        url = f"/prescriptions/lots?offre={gone.id}&offre={scene.offer.id}"
        data = {"cle": str(uuid.uuid4()), "personne": [str(one.id) for one in people]}
        sign_in(scene.referent).post(url, data)
        assert {p.offer_id for p in prescriptions(session)} == {scene.offer.id}

    def test_too_many(self, session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lots, "MOST", 2)
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(3)]
        data = {"cle": str(uuid.uuid4()), "personne": [str(one.id) for one in people]}
        url = f"/prescriptions/lots?offre={scene.offer.id}"
        page = sign_in(scene.referent).post(url, data, status=422)
        assert "préparez-en 2 au plus" in page.text
        assert prescriptions(session) == []
        with pytest.raises(RuleBroken, match="2 au plus"):
            made(session, scene, people, [scene.offer])
        with pytest.raises(RuleBroken, match="au moins une personne"):
            made(session, scene, [], [scene.offer])

    def test_somebody_else_s_people(self, session: Session) -> None:
        scene = make_scene(session)
        with pytest.raises(NotAllowed):
            made(session, scene, [make_beneficiary(session)], [scene.offer])

    def test_another_s_lot_does_not_exist(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        lot_id = made(session, scene, people, [scene.offer])
        stranger = sign_in(make_user(session))
        stranger.get(address(lot_id), status=404)
        stranger.post(address(lot_id), {"suite": "envoi"}, status=404)
        stranger.post(address(lot_id) + "/garder", {"motif": "x"}, status=404)
        sign_in(scene.partner).get(address(lot_id), status=403)
        # A person who was given to another référent takes their drafts out of sight.
        people[0].referent_id = make_user(session).id
        session.commit()
        page = sign_in(scene.referent).get(address(lot_id))
        assert people[0].full_name not in page.text
        assert "1 prescription pour 1 personne" in page.text

    def test_a_hundred_thousand_characters(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        lot_id = made(session, scene, people, [scene.offer])
        form = sign_in(scene.referent).get(address(lot_id)).form("prescribe-form")
        long, draft = "x" * 100_000, prescriptions(session)[0]
        page = form.submit(
            "Envoyer les 2 prescriptions",
            status=422,
            motif=long,
            **agree(people[0]),
            **own(draft, "Pour elle."),
        )
        assert page.errors == {"motif": "Raccourcissez de 98000 caractères : 2000 au plus."}
        kept = page.form("prescribe-form").values
        assert (kept["motif"], kept[motif_of(draft)]) == (long, "Pour elle.")
        assert kept[agreed(people[0])] == "y"
        assert {p.state for p in prescriptions(session)} == {State.BROUILLON}


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
