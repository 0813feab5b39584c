"""The whole grid states × acts × sides, against an expectation written by hand. No database."""

import pytest

from portal.prescriptions.states import (
    FINAL,
    OPEN,
    TO_ANSWER,
    TRANSITIONS,
    WHO_MAY,
    Act,
    Side,
    State,
    possible_acts,
)

# What the trade expects, in its own words: state → side → {act: next state}.
EXPECTED: dict[str, dict[str, dict[str, str]]] = {
    "brouillon": {"referent": {"envoyer": "envoyee", "annuler": "annulee"}},
    "envoyee": {
        "referent": {"annuler": "annulee", "relancer": "envoyee", "confier": "envoyee"},
        "partenaire": {
            "etudier": "a_l_etude",
            "mettre-en-attente": "a_l_etude",
            "accepter": "acceptee",
            "refuser": "refusee",
            "rendez-vous": "envoyee",
            "suivre": "envoyee",
        },
        "portail": {"expirer": "expiree"},
    },
    "a_l_etude": {
        "referent": {
            "annuler": "annulee",
            "relancer": "a_l_etude",
            "confier": "a_l_etude",
            "prendre-la-place": "acceptee",
            "laisser-la-place": "a_l_etude",
        },
        "partenaire": {
            "mettre-en-attente": "a_l_etude",
            "accepter": "acceptee",
            "refuser": "refusee",
            "rendez-vous": "a_l_etude",
            "presence": "a_l_etude",
            "absence": "a_l_etude",
            "suivre": "a_l_etude",
        },
        "portail": {"expirer": "expiree", "proposer-la-place": "a_l_etude"},
    },
    "acceptee": {
        "referent": {"annuler": "annulee", "relancer": "acceptee", "confier": "acceptee"},
        "partenaire": {
            "entrer": "entree",
            "abandonner": "abandonnee",
            "rendez-vous": "acceptee",
            "presence": "acceptee",
            "absence": "acceptee",
            "suivre": "acceptee",
        },
        "portail": {"constater-absence": "abandonnee"},
    },
    "entree": {
        "referent": {"confier": "entree"},
        "partenaire": {
            "terminer": "terminee",
            "abandonner": "abandonnee",
            "presence": "entree",
            "absence": "entree",
            "suivre": "entree",
        },
    },
    "refusee": {},
    "terminee": {},
    "abandonnee": {},
    "annulee": {},
    "expiree": {},
}


def test_the_expectation_knows_every_state() -> None:
    assert {state.value for state in State} == set(EXPECTED)


@pytest.mark.parametrize("state", list(State))
def test_each_cell_of_the_grid(state: State) -> None:
    for act in Act:
        for side in Side:
            expected = EXPECTED[state].get(side, {}).get(act)
            offered = act in possible_acts(state, side)
            assert offered == (expected is not None), f"{side} may {act} in {state}: {offered}"
            if expected is not None:
                assert TRANSITIONS[state, act] == expected
    known = {act for side in EXPECTED[state].values() for act in side}
    assert {act for origin, act in TRANSITIONS if origin is state} == known


@pytest.mark.parametrize("act", list(Act))
def test_each_act_belongs_to_one_side(act: Act) -> None:
    sides = {side for by_side in EXPECTED.values() for side, acts in by_side.items() if act.value in acts}
    assert sides == {WHO_MAY[act]}


def test_final_states_are_those_from_which_nothing_leaves() -> None:
    assert {s.value for s in FINAL} == {"refusee", "terminee", "abandonnee", "annulee", "expiree"}
    assert all(state.is_final == (not EXPECTED[state]) for state in State)


def test_a_final_state_offers_nothing_to_anybody() -> None:
    assert [possible_acts(state, side) for state in FINAL for side in Side] == [[]] * len(FINAL) * len(Side)


def test_open_states_are_between_the_sending_and_the_end() -> None:
    assert {s.value for s in OPEN} == {"envoyee", "a_l_etude", "acceptee", "entree"}
    assert OPEN | FINAL | {State.BROUILLON} == set(State)
    assert not OPEN & FINAL


def test_what_awaits_an_answer_is_what_may_expire() -> None:
    assert {state for state, act in TRANSITIONS if act is Act.EXPIRER} == TO_ANSWER


def test_every_state_can_be_reached() -> None:
    reached = {State.BROUILLON}
    while True:
        further = {end for (origin, _), end in TRANSITIONS.items() if origin in reached} - reached
        if not further:
            break
        reached |= further
    assert reached == set(State)


def test_states_and_acts_have_words_of_their_own() -> None:
    for kind in (State, Act):
        labels = [member.label for member in kind]
        assert len(set(labels)) == len(labels)
        assert all(label and label[0].isupper() for label in labels)


def test_the_acts_come_in_the_order_of_the_table() -> None:
    assert [a.value for a in possible_acts(State.ENVOYEE, Side.PARTENAIRE)] == [
        "etudier",
        "mettre-en-attente",
        "accepter",
        "refuser",
        "rendez-vous",
        "suivre",
    ]
