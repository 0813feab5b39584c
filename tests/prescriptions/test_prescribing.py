"""What a référent does: write, change, send and cancel; what it refuses."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session

from portal.accounts.models import Role
from portal.beneficiaries import rules as beneficiary_rules
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers import rules as offer_rules
from portal.prescriptions import answers, rules, sharing
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.structures import rules as structure_rules
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.ledger import everything, last, lines, movements, waits
from tests.prescriptions.verbs import draft_of, places


class TestCreate:
    def test_a_draft_says_what_was_asked_and_nothing_is_frozen_yet(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        draft = draft_of(session, scene, beneficiary=person, partage=["freins", "contact", "contact"])
        assert draft.state is State.BROUILLON
        assert (draft.beneficiary_id, draft.offer_id, draft.structure_id, draft.referent_id) == (
            person.id,
            scene.offer.id,
            scene.structure.id,
            scene.referent.id,
        )
        assert draft.partage == ["contact", "freins", "identite"]
        assert draft.donnees_partagees is None
        assert draft.sent_at is None
        assert draft.consentement_at is None
        assert draft.offre_nom == scene.offer.nom
        assert lines(session, draft) == [(None, None, "brouillon")]
        assert last(session, draft).by_id == scene.referent.id

    def test_the_same_form_sent_twice_writes_one_draft(self, session: Session) -> None:
        scene = make_scene(session)
        person, key = make_beneficiary(session, scene.referent), uuid.uuid4()
        first = draft_of(session, scene, beneficiary=person, form_key=key)
        before = everything(session)
        second = draft_of(session, scene, beneficiary=person, form_key=key, motif="Autre chose.")
        assert second.id == first.id
        assert everything(session) == before

    def test_the_key_of_another_referent_is_refused(self, session: Session) -> None:
        scene, key = make_scene(session), uuid.uuid4()
        draft_of(session, scene, form_key=key)
        other = make_user(session)
        with pytest.raises(NotAllowed):
            draft_of(session, scene, by=other, beneficiary=make_beneficiary(session, other), form_key=key)

    @pytest.mark.parametrize("role", [Role.REFERENT, Role.PARTENAIRE, Role.ADMINISTRATION])
    def test_only_who_follows_the_person_prescribes(self, session: Session, role: Role) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        before = everything(session)
        with pytest.raises(NotAllowed):
            draft_of(session, scene, beneficiary=person, by=make_user(session, role))
        assert everything(session) == before

    def test_an_offer_withdrawn_is_not_prescribed(self, session: Session) -> None:
        scene = make_scene(session)
        offer_rules.withdraw_offer(session, scene.offer, by=scene.partner)
        with pytest.raises(RuleBroken, match="n’est plus proposée"):
            draft_of(session, scene)

    def test_the_offer_of_a_withdrawn_structure_is_not_prescribed(self, session: Session) -> None:
        scene = make_scene(session)
        structure_rules.withdraw_structure(session, scene.structure, by=scene.partner)
        with pytest.raises(RuleBroken, match="n’est plus proposée"):
            draft_of(session, scene)

    @pytest.mark.parametrize("who", [["usagers"], None])
    def test_an_offer_for_users_alone_is_not_prescribed(
        self, session: Session, who: list[str] | None
    ) -> None:
        scene = make_scene(session)
        scene.offer.mobilisable_par = who
        with pytest.raises(RuleBroken, match="ne se prescrit pas"):
            draft_of(session, scene)

    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE, State.ENTREE])
    def test_no_twin_while_one_is_under_way(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, state, person)
        with pytest.raises(RuleBroken, match="déjà une prescription en cours"):
            draft_of(session, scene, beneficiary=person)
        # Another person, or another offer, is no twin.
        assert draft_of(session, scene).id
        other = make_offer(session, scene.structure)
        assert draft_of(session, scene, beneficiary=person, offer=other).id

    @pytest.mark.parametrize(
        "state", [State.REFUSEE, State.TERMINEE, State.ABANDONNEE, State.ANNULEE, State.EXPIREE]
    )
    def test_one_may_prescribe_again_once_it_is_over(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, state, person)
        again = draft_of(session, scene, beneficiary=person)
        rules.send(session, again, by=scene.referent, consent=True)
        assert again.state is State.ENVOYEE

    def test_a_piece_that_does_not_exist_is_refused(self, session: Session) -> None:
        scene = make_scene(session)
        with pytest.raises(RuleBroken) as broken:
            draft_of(session, scene, partage=["groupe-sanguin"])
        assert broken.value.field == "partage"


class TestChangeDraft:
    def test_a_draft_is_changed_without_a_line_of_history(self, session: Session) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene)
        rules.change_draft(session, draft, by=scene.referent, motif="Mieux dit.", partage=["commune"])
        session.flush()
        assert (draft.motif, draft.partage) == ("Mieux dit.", ["commune", "identite"])
        assert lines(session, draft) == [(None, None, "brouillon")]

    @pytest.mark.parametrize("state", [s for s in State if s is not State.BROUILLON])
    def test_what_was_sent_is_no_longer_changed(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        sent = make_prescription(session, scene, state)
        before = everything(session)
        with pytest.raises(AlreadyDone):
            rules.change_draft(session, sent, by=scene.referent, motif="Autre.", partage=[])
        assert everything(session) == before

    def test_only_its_referent_changes_it(self, session: Session) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene)
        for stranger in (make_user(session), scene.partner):
            with pytest.raises(NotAllowed):
                rules.change_draft(session, draft, by=stranger, motif="Autre.", partage=[])
        assert draft.motif == "Préparer le permis."


class TestSend:
    def test_what_is_shared_is_frozen_with_the_consent(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 3, 2, 10)
        scene = make_scene(session)
        draft = draft_of(session, scene, partage=["contact", "freins"])
        person = session.get_one(rules.Beneficiary, draft.beneficiary_id)
        now = move_clock(2025, 3, 3, 10)
        rules.send(session, draft, by=scene.referent, consent=True)
        assert draft.state is State.ENVOYEE
        assert draft.sent_at == draft.consentement_at == draft.updated_at == now
        assert draft.consentement_version == sharing.CONSENT_VERSION
        assert draft.donnees_partagees == [
            {"piece": "identite", "label": "Prénom et nom", "value": person.full_name},
            {"piece": "contact", "label": "Téléphone et courriel", "value": "06 00 00 00 00"},
            {"piece": "freins", "label": "Freins repérés", "value": "Mobilité"},
        ]
        assert lines(session, draft)[-1] == ("envoyer", "brouillon", "envoyee")
        assert last(session, draft).by_id == scene.referent.id
        assert movements(session, draft) == []

    def test_later_changes_of_the_file_or_of_the_offer_do_not_change_what_was_sent(
        self, session: Session
    ) -> None:
        scene = make_scene(session)
        sent = make_prescription(session, scene)
        shared, name = list(sent.donnees_partagees or []), sent.offre_nom
        person = session.get_one(rules.Beneficiary, sent.beneficiary_id)
        beneficiary_rules.change_beneficiary(
            session,
            person,
            {"nom": "Changé", "telephone": "+33611111111", "code_insee": "35236"},
            by=scene.referent,
        )
        offer_rules.change_offer(
            session, scene.offer, {"nom": "Un autre nom"}, structure=scene.structure, by=scene.partner
        )
        session.flush()
        session.expire_all()
        again = session.get_one(Prescription, sent.id)
        assert again.donnees_partagees == shared
        assert again.offre_nom == name
        assert "Changé" not in sharing.name_for_partner(again)

    def test_the_offer_is_called_as_it_is_at_sending(self, session: Session) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene)
        offer_rules.change_offer(
            session, scene.offer, {"nom": "Renommée depuis"}, structure=scene.structure, by=scene.partner
        )
        rules.send(session, draft, by=scene.referent, consent=True)
        assert draft.offre_nom == "Renommée depuis"

    def test_without_consent_nothing_leaves(self, session: Session) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken) as broken:
            rules.send(session, draft, by=scene.referent, consent=False)
        assert broken.value.field == "consentement"
        assert everything(session) == before

    @pytest.mark.parametrize("motif", ["", "  \n "])
    def test_without_a_motive_nothing_leaves(self, session: Session, motif: str) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene, motif=motif)
        before = everything(session)
        with pytest.raises(RuleBroken) as broken:
            rules.send(session, draft, by=scene.referent, consent=True)
        assert broken.value.field == "motif"
        assert everything(session) == before

    def test_an_offer_withdrawn_since_is_not_sent(self, session: Session) -> None:
        scene = make_scene(session)
        draft = draft_of(session, scene)
        offer_rules.withdraw_offer(session, scene.offer, by=scene.partner)
        before = everything(session)
        with pytest.raises(RuleBroken, match="n’est plus proposée"):
            rules.send(session, draft, by=scene.referent, consent=True)
        assert everything(session) == before

    def test_of_two_drafts_for_the_same_person_one_leaves(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        first, second = (draft_of(session, scene, beneficiary=person) for _ in range(2))
        rules.send(session, first, by=scene.referent, consent=True)
        before = everything(session)
        with pytest.raises(RuleBroken, match="déjà une prescription en cours"):
            rules.send(session, second, by=scene.referent, consent=True)
        assert everything(session) == before


class TestCancel:
    def test_a_draft_is_withdrawn(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ANNULEE)
        assert lines(session, prescription)[-1] == ("annuler", "brouillon", "annulee")
        assert prescription.sent_at is None

    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE])
    def test_a_held_place_is_released(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        rules.cancel(session, prescription, by=scene.referent, message="Elle a un emploi.")
        assert prescription.state is State.ANNULEE
        assert lines(session, prescription)[-1] == ("annuler", state.value, "annulee")
        assert last(session, prescription).message == "Elle a un emploi."
        held = ["retenue", "liberee"] if state is State.ACCEPTEE else []
        assert movements(session, prescription) == held
        assert places(session, scene) == (3, 3, 0)

    def test_who_is_withdrawn_no_longer_waits(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
        rules.cancel(session, prescription, by=scene.referent)
        assert not waits(session, prescription)
