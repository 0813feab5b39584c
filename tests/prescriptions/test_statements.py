"""Lists, waiting lists and the page of exports send as many statements for ten prescriptions as for one of each state."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.prescriptions import answers, export_choices, filters, listing, searching
from portal.prescriptions.asked import Asked
from portal.prescriptions.states import Side, State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.hands import SignIn
from tests.statements import count_statements

STATES = (State.BROUILLON, State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE, State.REFUSEE, State.TERMINEE)


def one_of_each(session: Session, scene: Scene) -> None:
    for state in STATES:
        made = make_prescription(session, scene, state)
        if state is State.A_L_ETUDE:
            answers.assign(session, made, by=scene.partner, to=scene.partner)


REFERENT: Callable[[Scene], User] = lambda scene: scene.referent  # noqa: E731
PARTNER: Callable[[Scene], User] = lambda scene: scene.partner  # noqa: E731


@pytest.mark.parametrize(
    ("who", "address"),
    [
        (REFERENT, "/prescriptions"),
        (REFERENT, "/prescriptions?etat=sans_suite"),
        (REFERENT, "/prescriptions?retard=sans-reponse"),
        (REFERENT, "/prescriptions?equipe=1"),
        (REFERENT, "/prescriptions?equipe=1&structure={structure}&offre={offer}"),
        (PARTNER, "/prescriptions"),
        (PARTNER, "/prescriptions?etat=a_l_etude"),
        (PARTNER, "/prescriptions?etat=terminees"),
        (PARTNER, "/prescriptions?suivi=moi"),
        (PARTNER, "/prescriptions?offre={offer}"),
        (REFERENT, "/prescriptions/export"),
        (PARTNER, "/prescriptions/export"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_page_sends_as_many_statements_however_many_there_are(
    session: Session, sign_in: SignIn, who: Callable[[Scene], User], address: str
) -> None:
    scene = make_scene(session, places=30)
    one_of_each(session, scene)
    browser = sign_in(who(scene))
    url = address.format(structure=scene.structure.id, offer=scene.offer.id)
    browser.get(url)
    with count_statements(session) as few:
        browser.get(url)
    for _ in range(3):
        one_of_each(session, scene)
    session.commit()
    with count_statements(session) as many:
        browser.get(url)
    assert len(many) == len(few), many


@pytest.mark.parametrize("team", [False, True])
def test_a_search_takes_few_statements_and_answers_on_one_page(
    session: Session, monkeypatch: pytest.MonkeyPatch, team: bool
) -> None:
    scene = make_scene(session, places=30)
    for _ in range(2):
        one_of_each(session, scene)
    monkeypatch.setattr(searching, "SEARCHED", 5)
    person = make_beneficiary(session, scene.referent)
    make_prescription(session, scene, State.ENVOYEE, person)
    with count_statements(session) as sent:
        found = searching.search(session, scene.referent, person.nom, team=team)
    assert len(sent) == (3 if team else 2)
    assert 1 <= len(found) <= 5
    with count_statements(session) as sent:
        assert searching.search(session, scene.referent, "personne-ne-s’appelle-ainsi", team=team) == []
    assert len(sent) == 1


@pytest.mark.parametrize("side", [Side.REFERENT, Side.PARTENAIRE])
def test_a_name_that_many_bear_is_found_in_the_same_order(
    session: Session, monkeypatch: pytest.MonkeyPatch, move_clock: Callable[..., Any], side: Side
) -> None:
    scene = make_scene(session, places=30)
    states = [one for one in State if one is not State.BROUILLON]
    for hour, state in enumerate([*states, *reversed(states)]):
        move_clock(2026, 3, 2, hour)
        person = make_beneficiary(session, scene.referent, prenom="Camille")
        make_prescription(session, scene, state, person)
    make_prescription(session, scene, State.ENVOYEE, make_beneficiary(session, scene.referent))
    session.flush()
    user = scene.referent if side is Side.REFERENT else scene.partner
    few = searching.search(session, user, "Camille", team=True)
    assert {line.state for line in few} == set(states) - (
        {State.ANNULEE} if side is Side.PARTENAIRE else set()
    )
    monkeypatch.setattr(searching, "_FEW", 3)
    with count_statements(session) as sent:
        assert searching.search(session, user, "camille", team=True) == few
    assert len(sent) <= 7
    monkeypatch.setattr(searching, "SEARCHED", 3)
    monkeypatch.setattr(searching, "_READ_TOGETHER", 4)
    with count_statements(session) as sent:
        assert searching.search(session, user, "camille", team=True) == few[:3]
    assert len(sent) == (3 if side is Side.REFERENT else 4)
    asked = Asked(side=side, team=side is Side.REFERENT)
    page = listing.page_of(
        session, user, asked, listing.numbers(session, user, asked), offset=0, size=len(few) + 1
    )
    assert [line.id for line in few] == [line.id for line in page if "Camille" in line.name]


def test_what_one_may_export_by_is_what_one_may_read(session: Session) -> None:
    scene, other = make_scene(session, places=30), make_scene(session, places=30)
    for one in (scene, other):
        make_prescription(session, one, State.ACCEPTEE)
    officer = make_user(session, Role.CONVENTIONNEMENT)
    animator = make_user(session, Role.ANIMATION)

    def offered(user: User) -> tuple[set[Any], set[Any], int]:
        referents = {id for id, _ in export_choices.referents_of(session, user)}
        structures = {id for id, _ in export_choices.structures_of(session, user, referents)}
        return structures, referents, len(export_choices.conventions_of(session, user, structures))

    for one in (scene, other):
        own = ({one.structure.id}, {one.referent.id}, 1)
        assert offered(one.referent) == offered(one.partner) == own
    structures, referents, conventions = offered(officer)
    assert structures == {scene.structure.id, other.structure.id}
    assert referents == {scene.referent.id, other.referent.id}
    assert conventions == 2
    assert offered(animator) == (set(), set(), 0)


def test_a_team_chooses_a_structure_then_one_of_its_offers(session: Session) -> None:
    scene, other = make_scene(session), make_scene(session)
    for made in (scene, other):
        made.referent = scene.referent
        make_prescription(session, made)
    second = make_offer(session, scene.structure, nom="Second atelier d’exemple")
    make_prescription(session, replace(scene, offer=second))
    session.flush()
    asked = Asked(side=Side.REFERENT)
    own = filters.choices(session, scene.referent, asked)
    assert {row.offer_id for row in own} == {scene.offer.id, second.id, other.offer.id}
    with count_statements(session) as first:
        structures = filters.choices(session, scene.referent, replace(asked, team=True))
    assert {(row.structure_id, row.offer_id) for row in structures} == {
        (scene.structure.id, None),
        (other.structure.id, None),
    }
    with count_statements(session) as then:
        both = filters.choices(
            session, scene.referent, replace(asked, team=True, structure_id=scene.structure.id)
        )
    assert {row.structure_id for row in both if row.offer_id is None} == {
        scene.structure.id,
        other.structure.id,
    }
    assert {row.offer_id for row in both if row.offer_id} == {scene.offer.id, second.id}
    assert len(first) == len(then) == 1
