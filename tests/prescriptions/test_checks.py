"""What is said before sending: the offer against the file, and against what is already prescribed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.offers.models import OfferSession
from portal.offers.rules import withdraw_offer
from portal.prescriptions import answers, checks, rules
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import SignIn, address, new_address
from tests.statements import count_statements


def slugs(session: Session, person: Any, offer: Any) -> list[str]:
    return [remark.slug for remark in checks.remarks(session, person, offer)]


def message(session: Session, person: Any, offer: Any, slug: str) -> str:
    return next(r.message for r in checks.remarks(session, person, offer) if r.slug == slug)


def test_nothing_to_say_when_all_is_well(session: Session) -> None:
    scene = make_scene(session)
    assert slugs(session, make_beneficiary(session, scene.referent), scene.offer) == []


class TestPublic:
    @pytest.mark.parametrize(
        ("born", "publics", "said"),
        [
            (date(1985, 4, 12), ["jeunes"], True),
            (date(2003, 4, 12), ["jeunes"], False),
            (date(2003, 4, 12), ["seniors"], True),
            (date(1960, 4, 12), ["seniors"], False),
            (date(1985, 4, 12), ["jeunes", "seniors"], True),
            (date(1985, 4, 12), ["jeunes", "tous-publics"], False),
            (date(1985, 4, 12), ["jeunes", "beneficiaires-des-minimas-sociaux"], False),
            (date(1985, 4, 12), None, False),
        ],
    )
    def test_the_age_tells(
        self,
        session: Session,
        move_clock: Callable[..., datetime],
        born: date,
        publics: list[str] | None,
        said: bool,
    ) -> None:
        move_clock(2025, 3, 3, 10)
        scene = make_scene(session)
        scene.offer.publics = publics
        person = make_beneficiary(session, scene.referent, date_naissance=born)
        assert ("public" in slugs(session, person, scene.offer)) is said
        if said:
            assert f"La personne a {person.age_on(clock.today())} ans." in message(
                session, person, scene.offer, "public"
            )

    def test_what_the_file_does_not_tell_is_to_be_asked(self, session: Session) -> None:
        scene = make_scene(session)
        scene.offer.publics = ["familles", "femmes"]
        person = make_beneficiary(session, scene.referent)
        said = message(session, person, scene.offer, "public")
        assert said == (
            "Cette offre est pour : familles, femmes. Le dossier ne le dit pas : vérifiez avec la personne."
        )

    def test_another_dominante(self, session: Session) -> None:
        scene = make_scene(session)
        scene.offer.dominantes = ["emploi"]
        person = make_beneficiary(session, scene.referent)
        assert "dominante" in slugs(session, person, scene.offer)
        undecided = make_beneficiary(session, scene.referent, dominante=None)
        assert slugs(session, undecided, scene.offer) == []


class TestZone:
    @pytest.mark.parametrize(
        ("zones", "said"),
        [(["35"], False), (["35238"], False), (["22"], True), (["22", "france"], False), (None, False)],
    )
    def test_where_the_person_lives(self, session: Session, zones: list[str] | None, said: bool) -> None:
        scene = make_scene(session)
        scene.offer.zone_eligibilite = zones
        person = make_beneficiary(session, scene.referent)
        assert ("zone" in slugs(session, person, scene.offer)) is said
        if said:
            assert message(session, person, scene.offer, "zone").endswith("La personne vit à Rennes.")

    def test_a_file_without_a_commune(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent, code_insee=None)
        assert "ne dit pas où vit" in message(session, person, scene.offer, "zone")


class TestOtherPrescriptions:
    @pytest.mark.parametrize("state", [State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE, State.ENTREE])
    def test_the_same_offer_is_refused_and_says_so(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, state, person)
        first = checks.remarks(session, person, scene.offer)[0]
        assert (first.slug, first.blocking) == ("doublon", True)

    def test_another_offer_for_the_same_need(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, State.ENVOYEE, person)
        other = make_offer(session, scene.structure, nom="Auto-école d’exemple")
        said = message(session, person, other, "meme-besoin")
        assert scene.offer.nom in said
        assert said.endswith("envoyée.")
        elsewhere = make_offer(session, scene.structure, thematiques=["famille--garde-denfants"])
        assert "meme-besoin" not in slugs(session, person, elsewhere)
        assert slugs(session, make_beneficiary(session, scene.referent), other) == []

    def test_at_the_same_time(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        inside = make_prescription(session, scene, State.ENTREE, person)
        other = make_offer(session, scene.structure, thematiques=["famille--garde-denfants"])
        assert "meme-periode" in slugs(session, person, other)
        # Sessions that all come after the end meet nothing; one that does not is enough to choose.
        assert inside.fin_prevue is not None
        after = inside.fin_prevue + timedelta(days=7)
        session.add(OfferSession(offer_id=other.id, debut=clock.today() + timedelta(days=1)))
        session.flush()
        assert "meme-periode" in slugs(session, person, other)
        session.add(OfferSession(offer_id=other.id, debut=after, fin=after + timedelta(days=30)))
        session.flush()
        assert "meme-periode" not in slugs(session, person, other)

    def test_too_many_hours_in_the_week(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        sent = make_prescription(session, scene, State.ENVOYEE, person)
        sent.minutes_prevues = 13 * 60
        other = make_offer(
            session,
            scene.structure,
            thematiques=["famille--garde-denfants"],
            volume_horaire_hebdomadaire=7.0,
        )
        assert "heures" not in slugs(session, person, other)
        sent.minutes_prevues = 13 * 60 + 30
        session.flush()
        assert "20 h 30, au-dessus des 20 h visées" in message(session, person, other, "heures")
        sent.fin_prevue = clock.today() - timedelta(days=1)
        session.flush()
        assert "heures" not in slugs(session, person, other)

    def test_refused_there_lately(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        move_clock(2025, 3, 3, 10)
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, State.REFUSEE, person)
        assert "3 mars 2025 : autre raison" in message(session, person, scene.offer, "refusee")
        other = make_offer(session, scene.structure)
        assert "refusee" not in slugs(session, person, other)
        move_clock(2025, 6, 3, 10)
        assert "refusee" not in slugs(session, person, scene.offer)

    def test_the_others_of_the_same_lot(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        others = [
            make_offer(session, scene.structure, volume_horaire_hebdomadaire=hours) for hours in (9.0, 6.0)
        ]
        known = checks.gather(session, [person.id], [scene.offer, *others])
        found = checks.said_of(known, person, scene.offer, beside=[scene.offer, *others])
        assert [remark.slug for remark in found] == ["meme-besoin", "heures"]


class TestOffer:
    def test_no_place_left_and_how_many_wait(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        person = make_beneficiary(session, scene.referent)
        assert "aujourd’hui. Vous pouvez" in message(session, person, scene.offer, "places")
        first = make_prescription(session, scene)
        answers.put_on_waiting_list(session, first, by=scene.partner)
        assert "1 personne attend déjà" in message(session, person, scene.offer, "places")

    def test_an_offer_that_ends_soon(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        scene.offer.date_fin = clock.today() + timedelta(days=30)
        assert slugs(session, person, scene.offer) == ["fin-proche"]
        scene.offer.date_fin = clock.today() + timedelta(days=31)
        assert slugs(session, person, scene.offer) == []

    def test_an_offer_that_nobody_confirmed(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        scene.offer.date_maj = clock.today() - timedelta(days=200)
        assert slugs(session, person, scene.offer) == ["a-confirmer"]

    @pytest.mark.parametrize("how", ["withdrawn", "over", "users"])
    def test_what_would_be_refused_is_said_before_and_is_refused(self, session: Session, how: str) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        person = session.get_one(rules.Beneficiary, draft.beneficiary_id)
        if how == "withdrawn":
            withdraw_offer(session, scene.offer, by=scene.partner)
        elif how == "over":
            scene.offer.date_fin = clock.today() - timedelta(days=1)
        else:
            scene.offer.mobilisable_par = ["usagers"]
        session.flush()
        first = checks.remarks(session, person, scene.offer)[0]
        assert first.blocking
        with pytest.raises(rules.RuleBroken) as broken:
            rules.send(session, draft, by=scene.referent, consent=True)
        assert broken.value.message == first.message


def test_the_number_of_statements_does_not_depend_on_how_many(session: Session) -> None:
    scene = make_scene(session)
    costs = []
    for number in (1, 4):
        people = [make_beneficiary(session, scene.referent) for _ in range(number)]
        offers = [make_offer(session, scene.structure) for _ in range(number)]
        for person in people:
            make_prescription(session, scene, State.ENVOYEE, person)
        session.flush()
        session.expunge_all()
        with count_statements(session) as sent:
            known = checks.gather(session, [p.id for p in people], offers)
            for person in people:
                for offer in offers:
                    checks.said_of(known, person, offer)
        costs.append(len(sent))
    assert costs[0] == costs[1]


def test_the_pages_say_it_and_do_not_block(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    scene.offer.zone_eligibilite = ["22"]
    person = make_beneficiary(session, scene.referent)
    page = sign_in(scene.referent).get(new_address(scene, person))
    assert "La personne vit à Rennes." in page.text
    page = page.form("/nouvelle").submit("Continuer", motif="Elle déménage. Elle sort de prison.")
    assert "La personne vit à Rennes." in page.text
    assert "Votre texte parle de justice (« prison »)" in page.text
    page = page.form("/envoi").submit("Envoyer la prescription", consentement="y")
    assert "La prescription est envoyée" in page.text


def test_a_draft_of_a_person_one_no_longer_follows_is_closed(session: Session, sign_in: SignIn) -> None:
    scene, other = make_scene(session), make_scene(session)
    draft = make_prescription(session, scene, State.BROUILLON)
    person = session.get_one(rules.Beneficiary, draft.beneficiary_id)
    person.referent_id = other.referent.id
    session.flush()
    browser = sign_in(scene.referent)
    for end in ("modifier", "envoi"):
        browser.get(address(draft, end), status=404)
    with pytest.raises(rules.NotAllowed):
        rules.send(session, draft, by=scene.referent, consent=True)
