"""Several offers for one person, one offer for several: chosen, read over on one page, sent together."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry, Beneficiary
from portal.errors import NotAllowed, RuleBroken
from portal.offers import favourites
from portal.offers.models import Offer
from portal.offers.rules import withdraw_offer
from portal.prescriptions import lots
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Page
from tests.prescriptions.hands import SignIn, mails, prescriptions
from tests.prescriptions.ledger import everything
from tests.statements import count_statements


def made(session: Session, scene: Scene, people: list[Beneficiary], offers: list[Offer]) -> uuid.UUID:
    """A lot of drafts."""
    lot_id = uuid.uuid4()
    for offer in offers:
        session.refresh(offer, ["structure"])
    lots.create_lot(
        session, lot_id=lot_id, people=people, offers=offers, by=scene.referent, partage=["contact"]
    )
    session.commit()
    return lot_id


def address(lot_id: uuid.UUID) -> str:
    return f"/prescriptions/lots/{lot_id}"


def motif_of(draft: Prescription) -> str:
    return f"p-{draft.id}-motif"


def agreed(person: Beneficiary) -> str:
    return f"q-{person.id}-consentement"


def agree(*people: Beneficiary) -> dict[str, Any]:
    """The boxes that say that these people agree, ticked."""
    return {agreed(one): "y" for one in people}


def own(draft: Prescription, text: str) -> dict[str, Any]:
    """A text for this draft alone."""
    return {motif_of(draft): text}


def by_person(session: Session, person: Beneficiary) -> list[Prescription]:
    return [p for p in prescriptions(session) if p.beneficiary_id == person.id]


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


class TestLot:
    def page(self, sign_in: SignIn, scene: Scene, lot_id: uuid.UUID) -> Page:
        return sign_in(scene.referent).get(address(lot_id))

    def test_it_shows_what_each_structure_will_read(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=0)
        scene.offer.zone_eligibilite = ["22"]
        other = make_offer(session, scene.structure, nom="Autre atelier d’exemple")
        person = make_beneficiary(session, scene.referent, courriel="elle@exemple.example.org")
        page = self.page(sign_in, scene, made(session, scene, [person], [scene.offer, other]))
        for shown in (
            person.full_name,
            "06 00 00 00 00",
            "Il n’y a pas de place libre aujourd’hui",
            "La personne vit à Rennes.",
            "Vous prescrivez aussi, pour le même besoin : « Autre atelier d’exemple »",
            "La personne accepte de recevoir des courriels",
        ):
            assert shown in page.text
        journalled = session.exec(
            select(AccessEntry.prescription_id).where(col(AccessEntry.beneficiary_id) == person.id)
        ).all()
        assert {p.id for p in prescriptions(session)} <= set(journalled)

    def test_one_text_for_all_and_another_for_one(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(3)]
        lot_id = made(session, scene, people, [scene.offer])
        drafts = lots.of_lot(session, lot_id, scene.referent)
        form = self.page(sign_in, scene, lot_id).form("prescribe-form")
        page = form.submit(
            "Enregistrer les brouillons",
            motif="Pour tous.",
            partage=["contact", "freins"],
            **own(drafts[1], "Pour elle."),
        )
        assert "rien n’est encore envoyé" in page.text
        drafts = lots.of_lot(session, lot_id, scene.referent)
        assert [draft.motif for draft in drafts] == ["Pour tous.", "Pour elle.", "Pour tous."]
        assert all(draft.partage == ["contact", "freins", "identite"] for draft in drafts)
        values = page.form("prescribe-form").values
        assert values["motif"] == "Pour tous."
        assert [values[motif_of(draft)] for draft in drafts] == ["", "Pour elle.", ""]

    def test_pieces_chosen_for_one_alone_stay(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        lot_id = made(session, scene, people, [scene.offer])
        browser = sign_in(scene.referent)
        draft = lots.of_lot(session, lot_id, scene.referent)[0]
        form = browser.get(address(lot_id)).form("prescribe-form")
        form.submit("Enregistrer les brouillons", motif="Pour tous.")
        page = browser.get(f"/prescriptions/{draft.id}/modifier")
        page = page.form("/modifier").submit("Continuer", partage=["freins"])
        assert page.path == address(lot_id)
        page.form("prescribe-form").submit("Enregistrer les brouillons", motif="Autrement.")
        shared = [draft.partage for draft in lots.of_lot(session, lot_id, scene.referent)]
        assert shared == [["freins", "identite"], ["contact", "identite"]]

    def test_modify_and_remove_keep_what_was_typed(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(3)]
        lot_id = made(session, scene, people, [scene.offer])
        browser = sign_in(scene.referent)
        first, second, third = lots.of_lot(session, lot_id, scene.referent)
        data = browser.get(address(lot_id)).form("prescribe-form").values | {"motif": "Pour tous."}
        page = browser.post(address(lot_id), data | {"modifier": str(first.id)})
        assert page.path == f"/prescriptions/{first.id}/modifier"
        assert page.form("/modifier").values["motif"] == "Pour tous."
        page = browser.post(address(lot_id), data | {"joindre": str(first.id), "motif": "Pour toutes."})
        assert page.path == f"/prescriptions/{first.id}"
        assert page.form("/documents").names() >= {"fichier"}
        assert "Pour toutes." in page.text
        assert page.click("Voir le lot").path == address(lot_id)
        page = browser.post(address(lot_id), data | {"retirer": str(second.id)})
        assert "Ce brouillon est retiré." in page.text
        states = [p.state for p in lots.of_lot(session, lot_id, scene.referent)]
        assert states == [State.BROUILLON, State.ANNULEE, State.BROUILLON]
        assert third.motif == "Pour tous."

    def test_kept_while_typing(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        lot_id = made(session, scene, people, [scene.offer])
        browser = sign_in(scene.referent)
        before = len(mails(session))
        told = browser.fragment(
            address(lot_id) + "/garder", "kept", {"motif": "Il sort de prison.", "avant": "contact"}
        )
        assert "gardé en brouillon" in told.get_text()
        assert "« prison »" in told.get_text()
        assert {p.motif for p in prescriptions(session)} == {"Il sort de prison."}
        told = browser.fragment(address(lot_id) + "/garder", "kept", {"motif": "x" * 2001})
        assert "Raccourcissez de 1 caractère" in told.get_text()
        assert {p.motif for p in prescriptions(session)} == {"Il sort de prison."}
        assert len(mails(session)) == before


class TestSending:
    def test_all_leave_once_however_often_it_is_pressed(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [
            make_beneficiary(session, scene.referent, courriel=f"p{n}@exemple.example.org") for n in range(2)
        ]
        lot_id = made(session, scene, people, [scene.offer])
        form = sign_in(scene.referent).get(address(lot_id)).form("prescribe-form")
        answers = agree(*people)
        answers[f"q-{people[0].id}-ecrire"] = "y"
        page = form.submit("Envoyer les 2 prescriptions", motif="Pour tous.", **answers)
        assert "2 prescriptions sont envoyées" in page.text
        assert page.h1 == "Prescriptions préparées ensemble"
        sent = prescriptions(session)
        assert {p.state for p in sent} == {State.ENVOYEE}
        assert {p.beneficiary_id for p in sent if p.ecrire_personne} == {people[0].id}
        assert all(p.consentement_at and p.donnees_partagees for p in sent)
        before, told = everything(session), len(mails(session))
        assert told >= 2
        page = form.submit("Envoyer les 2 prescriptions", motif="Pour tous.", **answers)
        assert "ne sont plus en brouillon" in page.text
        assert everything(session) == before
        assert len(mails(session)) == told

    def test_who_did_not_agree_stays_and_says_why(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        ada, bob = (make_beneficiary(session, scene.referent) for _ in range(2))
        lot_id = made(session, scene, [ada, bob], [scene.offer])
        form = sign_in(scene.referent).get(address(lot_id)).form("prescribe-form")
        page = form.submit("Envoyer les 2 prescriptions", status=422, motif="Pour tous.", **agree(ada))
        assert "1 prescription est envoyée" in page.text
        assert page.errors == {agreed(bob): "Demandez son accord à la personne, puis cochez la case."}
        assert "Déjà traitées" in page.text
        assert [p.state for p in by_person(session, ada)] == [State.ENVOYEE]
        (left,) = by_person(session, bob)
        assert (left.state, left.motif) == (State.BROUILLON, "Pour tous.")
        # The same form again, from the page it was on: only who is left is asked about.
        told = len(mails(session))
        form.submit("Envoyer les 2 prescriptions", status=422, motif="Pour tous.", **agree(ada))
        assert len(mails(session)) == told
        form = page.form("prescribe-form")
        assert form.values["motif"] == "Pour tous."
        page = form.submit("Envoyer la prescription", **agree(bob))
        assert {p.state for p in prescriptions(session)} == {State.ENVOYEE}

    def test_without_a_text_nothing_leaves(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        people = [make_beneficiary(session, scene.referent) for _ in range(2)]
        lot_id = made(session, scene, people, [scene.offer])
        drafts = lots.of_lot(session, lot_id, scene.referent)
        form = sign_in(scene.referent).get(address(lot_id)).form("prescribe-form")
        page = form.submit(
            "Envoyer les 2 prescriptions",
            status=422,
            **agree(*people),
            **own(drafts[1], "Pour elle."),
        )
        assert page.errors == {motif_of(drafts[0]): "Écrivez pourquoi vous prescrivez cette offre."}
        states = {p.id: p.state for p in prescriptions(session)}
        assert states == {drafts[0].id: State.BROUILLON, drafts[1].id: State.ENVOYEE}
        assert page.form("prescribe-form").values[agreed(people[0])] == "y"

    def test_an_offer_withdrawn_since(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        other = make_offer(session, scene.structure, nom="Autre atelier d’exemple")
        person = make_beneficiary(session, scene.referent)
        lot_id = made(session, scene, [person], [scene.offer, other])
        form = sign_in(scene.referent).get(address(lot_id)).form("prescribe-form")
        withdraw_offer(session, other, by=scene.partner)
        session.commit()
        page = form.submit("Envoyer les 2 prescriptions", status=422, motif="Pour elle.", **agree(person))
        assert "Autre atelier d’exemple » : Cette offre n’est plus proposée" in page.text
        states = {p.offer_id: p.state for p in prescriptions(session)}
        assert states == {scene.offer.id: State.ENVOYEE, other.id: State.BROUILLON}

    def test_a_lot_costs_as_many_statements_whatever_its_size(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        costs = []
        for number in (2, 6):
            people = [make_beneficiary(session, scene.referent) for _ in range(number)]
            lot_id = made(session, scene, people, [scene.offer])
            browser = sign_in(scene.referent)
            browser.get(address(lot_id))
            with count_statements(session) as sent:
                browser.get(address(lot_id))
            # Each reading is a line of the access journal.
            costs.append(len([one for one in sent if not one.startswith("INSERT INTO access_entry")]))
        assert costs[0] == costs[1]


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
