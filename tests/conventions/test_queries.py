"""Who sees which convention, and what the places and the money add up to."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role
from portal.conventions import queries, taking, totals
from portal.conventions.models import Convention, PlaceMode
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner, make_structure
from tests.statements import count_statements


def seen(session: Session, user: object) -> list[Convention]:
    return list(session.execute(queries.visible_to(user)).scalars())  # type: ignore[arg-type]


def test_the_officer_sees_all_and_a_partner_its_own(session: Session) -> None:
    partner, structure = make_partner(session)
    mine, other = make_convention(session, structure), make_convention(session, make_structure(session))
    assert seen(session, partner) == [mine]
    officer = make_user(session, Role.CONVENTIONNEMENT)
    assert {c.id for c in seen(session, officer)} >= {mine.id, other.id}


@pytest.mark.parametrize("role", [Role.REFERENT, Role.ANIMATION, Role.ADMINISTRATION])
def test_others_see_none(session: Session, role: Role) -> None:
    make_convention(session, make_structure(session))
    assert seen(session, make_user(session, role)) == []


def test_an_account_adds_places_and_money(session: Session) -> None:
    scene = make_scene(session, places=5, mode=PlaceMode.ENTREE)
    for state in (State.ACCEPTEE, State.ENTREE, State.TERMINEE, State.TERMINEE, State.ENVOYEE):
        make_prescription(session, scene, state)
    assert scene.action is not None
    convention = session.get_one(Convention, scene.action.convention_id)
    make_action(session, convention, [scene.offer], places=2, cout_unitaire_centimes=1)
    session.expire_all()
    (convention,) = seen(session, scene.partner)
    accounts = totals.Accounts(session, [convention], clock.today())
    first = next(a for a in convention.actions if a.id == scene.action.id)
    assert accounts.of_action(first) == totals.Account(
        financees=5,
        retenues=1,
        occupees=1,
        utilisees=2,
        libres=1,
        en_attente=0,
        prevu=5 * 150_000,
        engage=4 * 150_000,
    )
    whole = accounts.of_convention(convention)
    assert (whole.financees, whole.libres, whole.prevu, whole.engage) == (7, 3, 750_002, 600_000)
    assert accounts.of_all([convention]) == whole


def test_free_places_of_one_action_do_not_hide_what_lacks_in_another(session: Session) -> None:
    scene = make_scene(session, places=2)
    for _ in range(2):
        make_prescription(session, scene, State.ACCEPTEE)
    assert scene.action is not None
    scene.action.places_financees = 1  # as an amendment written elsewhere could leave it
    convention = session.get_one(Convention, scene.action.convention_id)
    make_action(session, convention, [make_offer(session, scene.structure)], places=3)
    session.flush()
    session.expire_all()
    (convention,) = seen(session, scene.partner)
    assert totals.Accounts(session, [convention], clock.today()).of_convention(convention).libres == 3


def test_people_who_wait_are_counted_once_and_where_places_run(session: Session) -> None:
    scene, today = make_scene(session, places=0), clock.today()
    assert scene.action is not None
    convention = session.get_one(Convention, scene.action.convention_id)
    make_action(session, convention, [scene.offer], places=0)
    ended = make_convention(session, scene.structure, date_fin=today - timedelta(days=1))
    make_action(session, ended, [scene.offer], places=4)
    for _ in range(2):
        prescription = make_prescription(session, scene)
        taking.join_waiting_list(session, offer_id=scene.offer.id, prescription_id=prescription.id)
    session.expire_all()
    conventions = seen(session, scene.partner)
    accounts = totals.Accounts(session, conventions, today)
    running = next(c for c in conventions if c.id == convention.id)
    assert [accounts.of_action(action).en_attente for action in running.actions] == [2, 2]
    assert accounts.of_convention(running).en_attente == 2
    assert accounts.of_convention(next(c for c in conventions if c.id == ended.id)).en_attente == 0
    assert accounts.of_all(conventions).en_attente == 2


def test_no_convention_has_an_account_of_nothing(session: Session) -> None:
    accounts = totals.Accounts(session, [], clock.today())
    assert accounts.of_all([]) == totals.Account(0, 0, 0, 0, 0, 0, 0, 0)


def test_accounts_read_the_ledger_once(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)

    def statements(number: int) -> int:
        for _ in range(number):
            make_action(session, make_convention(session, structure), [offer])
        session.expire_all()
        with count_statements(session) as sent:
            conventions = seen(session, partner)
            accounts = totals.Accounts(session, conventions, clock.today())
            accounts.of_all(conventions)
            assert all(accounts.of_convention(c).financees == 3 for c in conventions)
        return len(sent)

    session.refresh(partner)
    assert statements(1) == statements(6)


def test_what_an_action_may_finance(session: Session) -> None:
    structure = make_structure(session)
    draft = make_offer(session, structure, nom="Brouillon", published=False)
    public = make_offer(session, structure, nom="Publique")
    make_offer(session)
    assert list(session.execute(queries.financeable(structure.id)).scalars()) == [draft, public]


def test_who_finances_an_offer_today(session: Session) -> None:
    today, structure = clock.today(), make_structure(session)
    one, two, none = (make_offer(session, structure, nom=f"Offre {n}") for n in range(3))
    make_action(
        session,
        make_convention(session, structure, numero="A", financeurs=["etat", "departement"], date_fin=today),
        [one, two],
    )
    # The first and the last day count; nobody said who pays for this one.
    make_action(session, make_convention(session, structure, numero="B", date_debut=today), [one])
    make_action(
        session,
        make_convention(session, structure, numero="C", financeurs=["region"], date_debut=today),
        [one],
    )
    past = make_convention(
        session, structure, numero="D", financeurs=["europe"], date_fin=today - timedelta(days=1)
    )
    to_come = make_convention(
        session, structure, numero="E", financeurs=["europe"], date_debut=today + timedelta(days=1)
    )
    make_action(session, past, [one, none])
    make_action(session, to_come, [two, none])
    with count_statements(session) as sent:
        found = queries.financed_offers(session)
    assert found == {
        one.id: (frozenset({"departement", "etat", "region"}), frozenset({"A", "B", "C"})),
        two.id: (frozenset({"departement", "etat"}), frozenset({"A"})),
    }
    assert len(sent) == 1
