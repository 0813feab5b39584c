"""Each verb: what it changes, the line it writes, the place it moves, what it refuses."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.beneficiaries import rules as beneficiary_rules
from portal.conventions import queries as convention_queries
from portal.conventions.models import Convention, PlaceMode
from portal.errors import AlreadyDone, NoPlaceLeft, NotAllowed, RuleBroken
from portal.offers import rules as offer_rules
from portal.prescriptions import rules, sharing
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import TRANSITIONS, WHO_MAY, Act, Side, State
from portal.structures import rules as structure_rules
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.ledger import everything, last, lines, movements, waits

VERBS: dict[Act, Callable[[Session, Prescription, User], object]] = {
    Act.ENVOYER: lambda s, p, by: rules.send(s, p, by=by, consent=True),
    Act.ANNULER: lambda s, p, by: rules.cancel(s, p, by=by),
    Act.ETUDIER: lambda s, p, by: rules.study(s, p, by=by),
    Act.METTRE_EN_ATTENTE: lambda s, p, by: rules.put_on_waiting_list(s, p, by=by),
    Act.ACCEPTER: lambda s, p, by: rules.accept(s, p, by=by),
    Act.REFUSER: lambda s, p, by: rules.refuse(s, p, by=by, reason=RefusalReason.AUTRE, message="Non."),
    Act.ENTRER: lambda s, p, by: rules.enter(s, p, by=by, day=clock.today()),
    Act.TERMINER: lambda s, p, by: rules.finish(s, p, by=by, day=clock.today()),
    Act.ABANDONNER: lambda s, p, by: rules.give_up(s, p, by=by, day=clock.today()),
}


def draft_of(session: Session, scene: Scene, **changes: Any) -> Prescription:
    options: dict[str, Any] = {
        "beneficiary": None,
        "offer": scene.offer,
        "structure": scene.structure,
        "by": scene.referent,
        "form_key": uuid.uuid4(),
        "motif": "Préparer le permis.",
        "partage": ["contact"],
        **changes,
    }
    options["beneficiary"] = options["beneficiary"] or make_beneficiary(session, scene.referent)
    return rules.create_prescription(session, **options)


def places(session: Session, scene: Scene) -> tuple[int, int, int]:
    """(financed, free, waiting) of the scene's offer."""
    found = convention_queries.places_by_offer(session, [scene.offer.id])[scene.offer.id]
    return found.financees, found.libres, found.en_attente


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


class TestWhoMay:
    @pytest.mark.parametrize("act", [act for act in VERBS if WHO_MAY[act] is Side.PARTENAIRE])
    def test_the_partner_s_acts_are_for_members_of_the_structure(self, session: Session, act: Act) -> None:
        scene = make_scene(session)
        state = next(origin for origin, its_act in TRANSITIONS if its_act is act)
        prescription = make_prescription(session, scene, state)
        strangers = [scene.referent, make_user(session), make_partner(session)[0]]
        strangers += [make_user(session, role) for role in (Role.ANIMATION, Role.ADMINISTRATION)]
        before = everything(session)
        for stranger in strangers:
            with pytest.raises(NotAllowed):
                VERBS[act](session, prescription, stranger)
        assert everything(session) == before

    @pytest.mark.parametrize("act", [Act.ENVOYER, Act.ANNULER])
    def test_the_referent_s_acts_are_for_its_own_referent(self, session: Session, act: Act) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.BROUILLON)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        before = everything(session)
        for stranger in (colleague, scene.partner, make_user(session, Role.ADMINISTRATION)):
            with pytest.raises(NotAllowed):
                VERBS[act](session, prescription, stranger)
        assert everything(session) == before

    def test_any_member_of_the_structure_may_answer(self, session: Session) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        prescription = make_prescription(session, scene)
        rules.accept(session, prescription, by=colleague)
        assert last(session, prescription).by_id == colleague.id

    def test_who_left_the_structure_no_longer_answers(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        former, _ = make_partner(session, scene.structure)
        membership = structure_rules.join(session, scene.structure, former)
        structure_rules.leave(session, scene.structure, membership.id)
        session.flush()
        with pytest.raises(NotAllowed):
            rules.accept(session, prescription, by=former)


@pytest.mark.parametrize("state", list(State))
def test_in_the_wrong_state_every_verb_says_it_is_done_and_writes_nothing(
    session: Session, state: State
) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, state)
    before = everything(session)
    for act, verb in VERBS.items():
        if (state, act) in TRANSITIONS:
            continue
        by = scene.referent if WHO_MAY[act] is Side.REFERENT else scene.partner
        with pytest.raises(AlreadyDone) as done:
            verb(session, prescription, by)
        assert state.label.lower() in done.value.message
        assert everything(session) == before


class TestStudy:
    def test_it_is_under_study_with_the_word_of_the_partner(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        rules.study(session, prescription, by=scene.partner, message="  Nous regardons.  ")
        assert prescription.state is State.A_L_ETUDE
        assert lines(session, prescription)[-1] == ("etudier", "envoyee", "a_l_etude")
        assert last(session, prescription).message == "Nous regardons."
        assert movements(session, prescription) == []

    def test_an_empty_word_is_no_word(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        rules.study(session, prescription, by=scene.partner, message="   ")
        assert last(session, prescription).message is None


class TestAccept:
    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE])
    def test_a_place_is_held(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        rules.accept(session, prescription, by=scene.partner, message="Lundi 9 h.")
        assert prescription.state is State.ACCEPTEE
        assert lines(session, prescription)[-1] == ("accepter", state.value, "acceptee")
        assert last(session, prescription).message == "Lundi 9 h."
        assert movements(session, prescription) == ["retenue"]
        assert places(session, scene) == (3, 2, 0)

    def test_without_a_convention_nothing_is_counted(self, session: Session) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene)
        rules.accept(session, prescription, by=scene.partner)
        assert prescription.state is State.ACCEPTEE
        assert movements(session, prescription) == []

    @pytest.mark.parametrize("shift", [timedelta(days=-400), timedelta(days=400)])
    def test_a_convention_that_does_not_run_counts_nothing(self, session: Session, shift: timedelta) -> None:
        scene = make_scene(session, places=0)
        convention = session.exec(
            select(Convention).where(col(Convention.structure_id) == scene.structure.id)
        ).one()
        convention.date_debut += shift
        convention.date_fin += shift
        prescription = make_prescription(session, scene)
        rules.accept(session, prescription, by=scene.partner)
        assert movements(session, prescription) == []

    def test_the_last_place_taken_the_next_is_told_so(self, session: Session) -> None:
        scene = make_scene(session, places=1)
        make_prescription(session, scene, State.ACCEPTEE)
        late = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(NoPlaceLeft, match="Plus de place"):
            rules.accept(session, late, by=scene.partner)
        assert everything(session) == before


class TestRefuse:
    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE])
    def test_with_a_reason_and_a_word(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        rules.refuse(session, prescription, by=scene.partner, reason=RefusalReason.COMPLET, message="En mai.")
        assert prescription.state is State.REFUSEE
        assert prescription.motif_refus is RefusalReason.COMPLET
        assert lines(session, prescription)[-1] == ("refuser", state.value, "refusee")
        assert last(session, prescription).message == "En mai."
        assert movements(session, prescription) == []

    @pytest.mark.parametrize("message", ["", " \n\t"])
    def test_without_a_word_it_is_not_refused(self, session: Session, message: str) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken) as broken:
            rules.refuse(session, prescription, by=scene.partner, reason=RefusalReason.AUTRE, message=message)
        assert broken.value.field == "message"
        assert everything(session) == before

    def test_who_is_refused_no_longer_waits(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        rules.put_on_waiting_list(session, prescription, by=scene.partner)
        VERBS[Act.REFUSER](session, prescription, scene.partner)
        assert not waits(session, prescription)
        assert places(session, scene) == (0, 0, 0)

    def test_every_reason_has_words(self) -> None:
        labels = [reason.label for reason in RefusalReason]
        assert len(set(labels)) == len(labels) == 12


class TestEnter:
    def test_the_held_place_is_occupied(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        rules.enter(session, prescription, by=scene.partner, day=clock.today(), message="Venue.")
        assert prescription.state is State.ENTREE
        assert prescription.date_entree == clock.today()
        assert lines(session, prescription)[-1] == ("entrer", "acceptee", "entree")
        assert movements(session, prescription) == ["retenue", "occupee"]
        assert places(session, scene) == (3, 2, 0)

    def test_not_in_the_future(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        before = everything(session)
        with pytest.raises(RuleBroken, match="dans le futur") as broken:
            rules.enter(session, prescription, by=scene.partner, day=clock.today() + timedelta(days=1))
        assert broken.value.field == "jour"
        assert everything(session) == before

    def test_not_before_the_sending(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        before = everything(session)
        with pytest.raises(RuleBroken, match="avant l’envoi") as broken:
            rules.enter(session, prescription, by=scene.partner, day=clock.today() - timedelta(days=1))
        assert broken.value.field == "jour"
        assert everything(session) == before

    def test_the_day_of_the_sending_is_the_one_of_paris(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        # Half past eleven at night in UTC is already the next day here: entering that day is not before the sending.
        move_clock(2025, 3, 3, 23, 30)
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        with pytest.raises(RuleBroken, match="avant l’envoi"):
            rules.enter(session, prescription, by=scene.partner, day=date(2025, 3, 3))
        rules.enter(session, prescription, by=scene.partner, day=date(2025, 3, 4))
        assert prescription.date_entree == date(2025, 3, 4)


class TestLeave:
    @pytest.mark.parametrize(
        ("verb", "state", "act"),
        [(rules.finish, "terminee", "terminer"), (rules.give_up, "abandonnee", "abandonner")],
    )
    @pytest.mark.parametrize(
        ("mode", "movement", "free"),
        [(PlaceMode.ENTREE, "utilisee", 2), (PlaceMode.FILE_ACTIVE, "liberee", 3)],
    )
    def test_an_occupied_place_is_used_up_or_released(
        self,
        session: Session,
        verb: Callable[..., None],
        state: str,
        act: str,
        mode: PlaceMode,
        movement: str,
        free: int,
    ) -> None:
        scene = make_scene(session, mode=mode)
        prescription = make_prescription(session, scene, State.ENTREE)
        verb(session, prescription, by=scene.partner, day=clock.today(), message="Bilan.")
        assert prescription.state == state
        assert prescription.date_sortie == clock.today()
        assert lines(session, prescription)[-1] == (act, "entree", state)
        assert movements(session, prescription) == ["retenue", "occupee", movement]
        assert places(session, scene) == (3, free, 0)

    @pytest.mark.parametrize("mode", list(PlaceMode))
    def test_who_never_came_gives_the_place_back(self, session: Session, mode: PlaceMode) -> None:
        scene = make_scene(session, mode=mode)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        rules.give_up(session, prescription, by=scene.partner, day=clock.today())
        assert prescription.state is State.ABANDONNEE
        assert (prescription.date_entree, prescription.date_sortie) == (None, None)
        assert movements(session, prescription) == ["retenue", "liberee"]
        assert places(session, scene) == (3, 3, 0)

    @pytest.mark.parametrize("verb", [rules.finish, rules.give_up])
    def test_not_in_the_future_nor_before_the_entry(
        self, session: Session, verb: Callable[..., None]
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ENTREE)
        before = everything(session)
        for days, words in ((1, "dans le futur"), (-1, "avant l’entrée")):
            with pytest.raises(RuleBroken, match=words) as broken:
                verb(session, prescription, by=scene.partner, day=clock.today() + timedelta(days=days))
            assert broken.value.field == "jour"
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
        rules.put_on_waiting_list(session, prescription, by=scene.partner)
        rules.cancel(session, prescription, by=scene.referent)
        assert not waits(session, prescription)


class TestWaitingList:
    def test_not_while_a_place_is_free(self, session: Session) -> None:
        scene = make_scene(session, places=1)
        prescription = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken, match="reste une place"):
            rules.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_not_where_places_are_not_counted(self, session: Session) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(RuleBroken, match="pas de places comptées"):
            rules.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_not_twice(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        rules.put_on_waiting_list(session, prescription, by=scene.partner)
        before = everything(session)
        with pytest.raises(RuleBroken, match="déjà en liste d’attente"):
            rules.put_on_waiting_list(session, prescription, by=scene.partner)
        assert everything(session) == before

    def test_full_then_waiting_then_a_place_is_freed_for_the_first_in_line(self, session: Session) -> None:
        scene = make_scene(session, places=1, mode=PlaceMode.FILE_ACTIVE)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        first, second, third = (make_prescription(session, scene) for _ in range(3))
        assert rules.put_on_waiting_list(session, first, by=scene.partner, message="Bientôt.") == 1
        assert rules.put_on_waiting_list(session, second, by=scene.partner) == 2
        assert first.state is State.A_L_ETUDE
        assert lines(session, first)[-1] == ("mettre-en-attente", "envoyee", "a_l_etude")
        assert last(session, first).message == "Bientôt."
        assert places(session, scene) == (1, 0, 2)
        for person in (first, second, third):
            with pytest.raises(NoPlaceLeft):
                rules.accept(session, person, by=scene.partner)

        rules.cancel(session, taken, by=scene.referent)
        assert places(session, scene) == (1, 1, 2)
        # The place is the first one's: neither who waits behind nor who has just arrived may take it.
        for late in (second, third):
            with pytest.raises(NoPlaceLeft, match="depuis plus longtemps"):
                rules.accept(session, late, by=scene.partner)
        rules.accept(session, first, by=scene.partner)
        assert movements(session, first) == ["retenue"]
        assert not waits(session, first)
        assert convention_queries.waiting_rank(session, second.id) == 1
        with pytest.raises(NoPlaceLeft, match="Plus de place"):
            rules.accept(session, second, by=scene.partner)

        rules.enter(session, first, by=scene.partner, day=clock.today())
        rules.finish(session, first, by=scene.partner, day=clock.today())
        rules.accept(session, second, by=scene.partner)
        assert movements(session, second) == ["retenue"]
        assert places(session, scene) == (1, 0, 0)

    def test_a_place_used_up_frees_nothing(self, session: Session) -> None:
        scene = make_scene(session, places=1, mode=PlaceMode.ENTREE)
        taken = make_prescription(session, scene, State.ENTREE)
        waiting = make_prescription(session, scene)
        rules.put_on_waiting_list(session, waiting, by=scene.partner)
        rules.finish(session, taken, by=scene.partner, day=clock.today())
        with pytest.raises(NoPlaceLeft):
            rules.accept(session, waiting, by=scene.partner)

    def test_a_new_convention_lets_the_line_in_order(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        line = [make_prescription(session, scene) for _ in range(3)]
        assert [rules.put_on_waiting_list(session, p, by=scene.partner) for p in line] == [1, 2, 3]
        assert scene.action is not None
        scene.action.places_financees = 2
        session.flush()
        with pytest.raises(NoPlaceLeft):
            rules.accept(session, line[2], by=scene.partner)
        # Two places for two who wait: the second one has its own, whoever is answered first.
        rules.accept(session, line[1], by=scene.partner)
        rules.accept(session, line[0], by=scene.partner)
        assert places(session, scene) == (2, 0, 1)


class TestExpiry:
    def test_after_thirty_days_without_answer_and_sixty_under_study(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session, places=10)
        sent, studied = (make_prescription(session, scene, s) for s in (State.ENVOYEE, State.A_L_ETUDE))
        others = [
            make_prescription(session, scene, state)
            for state in State
            if state not in {State.ENVOYEE, State.A_L_ETUDE}
        ]
        kept = {p.id: p.state for p in others}

        move_clock(2025, 1, 31, 10)
        assert rules.expire_unanswered(session) == []
        now = move_clock(2025, 1, 31, 10, 0, 1)
        assert [p.id for p in rules.expire_unanswered(session)] == [sent.id]
        assert (sent.state, sent.updated_at) == (State.EXPIREE, now)
        line = last(session, sent)
        assert (line.act, line.from_state, line.by_id) == (Act.EXPIRER, State.ENVOYEE, None)
        assert line.message == "Sans réponse depuis 30 jours."
        assert studied.state is State.A_L_ETUDE

        move_clock(2025, 3, 2, 10, 0, 1)
        assert [p.id for p in rules.expire_unanswered(session)] == [studied.id]
        assert last(session, studied).message == "Sans réponse depuis 60 jours."
        assert {p.id: p.state for p in others} == kept

    def test_run_twice_changes_nothing(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        make_prescription(session, scene)
        move_clock(2025, 6, 1, 10)
        assert len(rules.expire_unanswered(session)) == 1
        before = everything(session)
        assert rules.expire_unanswered(session) == []
        assert everything(session) == before

    def test_who_waits_for_a_place_is_spared(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session, places=0)
        waiting = make_prescription(session, scene)
        rules.put_on_waiting_list(session, waiting, by=scene.partner)
        move_clock(2025, 6, 1, 10)
        assert rules.expire_unanswered(session) == []
        assert waiting.state is State.A_L_ETUDE

    def test_looking_at_it_starts_the_time_again(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        move_clock(2025, 1, 29, 10)
        rules.study(session, prescription, by=scene.partner)
        move_clock(2025, 3, 29, 10)
        assert rules.expire_unanswered(session) == []
        move_clock(2025, 3, 31, 10)
        assert len(rules.expire_unanswered(session)) == 1

    def test_all_that_is_due_goes_together(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        sent = {make_prescription(session, scene).id for _ in range(3)}
        move_clock(2025, 6, 1, 10)
        assert {p.id for p in rules.expire_unanswered(session)} == sent
        left = session.exec(select(func.count()).where(col(Prescription.state) == State.ENVOYEE)).one()
        assert left == 0


class TestWhatThePartnerReads:
    @pytest.mark.parametrize("state", [State.REFUSEE, State.ANNULEE, State.EXPIREE])
    def test_the_name_alone_once_it_came_to_nothing(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        if state is State.ANNULEE:
            rules.cancel(session, prescription, by=scene.referent)
        elif state is State.REFUSEE:
            VERBS[Act.REFUSER](session, prescription, scene.partner)
        else:
            rules._move(session, prescription, Act.EXPIRER, None)
        assert len(prescription.donnees_partagees or []) == 3
        read = sharing.read_by_partner(prescription)
        assert [entry["piece"] for entry in read] == ["identite"]
        assert sharing.name_for_partner(prescription) == read[0]["value"]

    @pytest.mark.parametrize(
        "state",
        [State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE, State.ENTREE, State.TERMINEE, State.ABANDONNEE],
    )
    def test_all_that_was_shared_while_it_is_concerned(self, session: Session, state: State) -> None:
        prescription = make_prescription(session, make_scene(session), state)
        assert sharing.read_by_partner(prescription) == prescription.donnees_partagees
        assert [e["piece"] for e in sharing.read_by_partner(prescription)] == [
            "identite",
            "contact",
            "commune",
        ]

    def test_what_the_file_does_not_hold_is_left_out(self, session: Session) -> None:
        person = make_beneficiary(session, telephone=None, courriel=None, code_insee=None, freins=[])
        pieces = sharing.pieces_of(person, [piece.slug for piece in sharing.PIECES])
        assert [entry["piece"] for entry in pieces] == [
            "identite",
            "date_naissance",
            "numero_allocataire",
            "dominante",
        ]
        assert pieces[1]["value"] == "12 avril 1985"
