"""What a partner does, verb by verb: what it changes, the line it writes, the place it moves, what it refuses."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions.models import Convention, PlaceMode
from portal.errors import AlreadyDone, NoPlaceLeft, NotAllowed, PlacesEnded, RuleBroken
from portal.prescriptions import acting, answers, rules, sharing
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import TRANSITIONS, WHO_MAY, Act, Side, State
from portal.structures import members
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.ledger import everything, last, lines, movements, waits
from tests.prescriptions.verbs import VERBS, places


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
        answers.accept(session, prescription, by=colleague)
        assert last(session, prescription).by_id == colleague.id

    def test_who_left_the_structure_no_longer_answers(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        former, _ = make_partner(session, scene.structure)
        membership = members.join(session, scene.structure, former)
        members.leave(session, scene.structure, membership.id)
        session.flush()
        with pytest.raises(NotAllowed):
            answers.accept(session, prescription, by=former)


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
        answers.study(session, prescription, by=scene.partner, message="  Nous regardons.  ")
        assert prescription.state is State.A_L_ETUDE
        assert lines(session, prescription)[-1] == ("etudier", "envoyee", "a_l_etude")
        assert last(session, prescription).message == "Nous regardons."
        assert movements(session, prescription) == []

    def test_an_empty_word_is_no_word(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        answers.study(session, prescription, by=scene.partner, message="   ")
        assert last(session, prescription).message is None


class TestAccept:
    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE])
    def test_a_place_is_held(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        answers.accept(session, prescription, by=scene.partner, message="Lundi 9 h.")
        assert prescription.state is State.ACCEPTEE
        assert lines(session, prescription)[-1] == ("accepter", state.value, "acceptee")
        assert last(session, prescription).message == "Lundi 9 h."
        assert movements(session, prescription) == ["retenue"]
        assert places(session, scene) == (3, 2, 0)

    def test_without_a_convention_nothing_is_counted(self, session: Session) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene)
        answers.accept(session, prescription, by=scene.partner)
        assert prescription.state is State.ACCEPTEE
        assert movements(session, prescription) == []

    @pytest.mark.parametrize("shift", [timedelta(days=-400), timedelta(days=400)])
    def test_a_convention_that_does_not_run_counts_nothing(self, session: Session, shift: timedelta) -> None:
        over = shift < timedelta(0)
        scene = make_scene(session, places=0)
        convention = session.exec(
            select(Convention).where(col(Convention.structure_id) == scene.structure.id)
        ).one()
        convention.date_debut += shift
        convention.date_fin += shift
        prescription = make_prescription(session, scene)
        if over:
            with pytest.raises(PlacesEnded, match="finie depuis le"):
                answers.accept(session, prescription, by=scene.partner)
            assert prescription.state is State.ENVOYEE
        answers.accept(session, prescription, by=scene.partner, without_place=over)
        assert movements(session, prescription) == []

    def test_the_last_place_taken_the_next_is_told_so(self, session: Session) -> None:
        scene = make_scene(session, places=1)
        make_prescription(session, scene, State.ACCEPTEE)
        late = make_prescription(session, scene)
        before = everything(session)
        with pytest.raises(NoPlaceLeft, match="Plus de place"):
            answers.accept(session, late, by=scene.partner)
        assert everything(session) == before


class TestRefuse:
    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE])
    def test_with_a_reason_and_a_word(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        answers.refuse(
            session, prescription, by=scene.partner, reason=RefusalReason.COMPLET, message="En mai."
        )
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
            answers.refuse(
                session, prescription, by=scene.partner, reason=RefusalReason.AUTRE, message=message
            )
        assert broken.value.field == "message"
        assert everything(session) == before

    def test_who_is_refused_no_longer_waits(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
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
        answers.enter(session, prescription, by=scene.partner, day=clock.today(), message="Venue.")
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
            answers.enter(session, prescription, by=scene.partner, day=clock.today() + timedelta(days=1))
        assert broken.value.field == "jour"
        assert everything(session) == before

    def test_not_before_the_sending(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        before = everything(session)
        with pytest.raises(RuleBroken, match="avant l’envoi") as broken:
            answers.enter(session, prescription, by=scene.partner, day=clock.today() - timedelta(days=1))
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
            answers.enter(session, prescription, by=scene.partner, day=date(2025, 3, 3))
        answers.enter(session, prescription, by=scene.partner, day=date(2025, 3, 4))
        assert prescription.date_entree == date(2025, 3, 4)


class TestLeave:
    @pytest.mark.parametrize(
        ("verb", "state", "act"),
        [(answers.finish, "terminee", "terminer"), (answers.give_up, "abandonnee", "abandonner")],
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
        answers.give_up(session, prescription, by=scene.partner, day=clock.today())
        assert prescription.state is State.ABANDONNEE
        assert (prescription.date_entree, prescription.date_sortie) == (None, None)
        assert movements(session, prescription) == ["retenue", "liberee"]
        assert places(session, scene) == (3, 3, 0)

    @pytest.mark.parametrize("verb", [answers.finish, answers.give_up])
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
            acting.move(session, prescription, Act.EXPIRER, acting.PORTAL)
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
