"""A lot: read over on one page, and sent together."""

import uuid

from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry
from portal.offers.rules import withdraw_offer
from portal.prescriptions import lots
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_scene
from tests.pages import Page
from tests.prescriptions.hands import SignIn, mails, prescriptions
from tests.prescriptions.ledger import everything
from tests.prescriptions.lot import address, agree, agreed, by_person, made, motif_of, own
from tests.statements import count_statements


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
