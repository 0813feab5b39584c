"""From an address of the API to what is looked for: no database."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import geography, vocabulary
from portal.catalogue.criteria import AreaKind, Around, Sort
from portal.exchanges.api import parameters, questions
from portal.exchanges.api.parameters import Refused
from tests.factories.structures import REDON, RENNES

Given = dict[str, list[str]]
ROUTES = {
    "structures": (parameters.STRUCTURES, questions.structures),
    "services": (parameters.SERVICES, questions.services),
    "search/services": (parameters.SEARCH_SERVICES, questions.search_services),
    "search": (parameters.SEARCH, questions.search),
    "places": (parameters.PLACES, questions.places),
}


def refusal(read: Any, given: Given) -> Any:
    with pytest.raises(Refused) as refused:
        read(given)
    return refused.value.detail


def criteria(read: Any, given: Given) -> Any:
    asked = read(given)
    assert asked.criteria is not None
    return asked.criteria


def test_pages_are_those_of_the_original() -> None:
    asked = questions.services({})
    assert (asked.page, asked.size, asked.sort) == (1, 5000, Sort.ID)
    asked = questions.services({"page": ["3"], "size": ["10000"], "extra": ["true"]})
    assert (asked.page, asked.size, asked.extra) == (3, 10_000, True)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("page", "0", "greater_than_equal"),
        ("page", "-1", "greater_than_equal"),
        ("page", "un", "int_parsing"),
        ("page", "", "int_parsing"),
        ("page", "1.5", "int_parsing"),
        ("page", "9" * 40, "int_parsing"),
        ("size", "10001", "less_than_equal"),
        ("size", "0", "greater_than_equal"),
        ("thematiques", "mobilité", "enum"),
        ("thematiques", "", "enum"),
        ("frais", "gratuit,payant", "enum"),
        ("publics", "TOUS-PUBLICS", "enum"),
        ("code_departement", "97", "enum"),
        ("slug_region", "bzh", "enum"),
        ("code_commune", "352", "string_too_short"),
        ("code_commune", "3523888", "string_too_long"),
        ("code_commune", "35 38", "string_pattern_mismatch"),
        ("recherche_public", "é" * 1001, "string_too_long"),
        ("score_qualite_minimum", "bon", "float_parsing"),
        ("score_qualite_minimum", "nan", "finite_number"),
        ("score_qualite_minimum", "1_0", "float_parsing"),
        ("score_qualite_minimum", "1" * 400, "float_parsing"),
    ],
)
def test_what_is_wrong_is_named_as_the_original_does(name: str, value: str, kind: str) -> None:
    (error,) = refusal(questions.services, {name: [value]})
    assert error["type"] == kind
    assert error["loc"][:2] == ["query", name]
    assert error["msg"]
    assert len(error["input"]) <= 201


def test_the_rank_of_a_wrong_value_is_told() -> None:
    (error,) = refusal(questions.services, {"types": ["atelier", "stage", "formation"]})
    assert error["loc"] == ["query", "types", 1]
    assert error["input"] == "stage"
    assert error["msg"].startswith("Input should be 'accompagnement', ")
    assert error["msg"].endswith(" or 'information'")
    assert error["ctx"] == {"expected": error["msg"].removeprefix("Input should be ")}


def test_every_wrong_parameter_is_told_up_to_a_point() -> None:
    errors = refusal(questions.services, {"page": ["0"], "size": ["0"], "frais": ["x"], "inconnu": ["y"]})
    assert [error["loc"][1] for error in errors] == ["page", "size", "frais"]


def test_too_many_values_are_not_read() -> None:
    many = ["famille--garde-denfants"] * 5000
    (error,) = refusal(questions.services, {"thematiques": many})
    assert (error["type"], error["loc"]) == ("too_long", ["query", "thematiques"])
    assert error["ctx"]["actual_length"] == 5000
    assert len(error["input"]) == 3
    # All there are, categories opened by the client, fit.
    every = [choice.value for choice in vocabulary.choices("thematiques")]
    assert criteria(questions.services, {"thematiques": every}).thematiques == frozenset(every)


@pytest.mark.parametrize(
    "half", [{"lat": ["48.1"]}, {"lon": ["-1.6"]}, {"lat": ["48.1"], "code_commune": [RENNES]}]
)
@pytest.mark.parametrize("read", [questions.search_services, questions.search])
def test_half_a_point_is_refused(read: Any, half: Given) -> None:
    assert refusal(read, half) == "The `lat` and `lon` must be simultaneously filled."


@pytest.mark.parametrize("given", [{"lat": ["91"], "lon": ["0"]}, {"lat": ["0"], "lon": ["-180.5"]}])
def test_a_point_is_on_earth(given: Given) -> None:
    (error,) = refusal(questions.search, given)
    assert error["type"] in {"less_than_equal", "greater_than_equal"}


def test_an_unknown_commune_is_refused_where_it_is_a_place_to_go_from() -> None:
    assert refusal(questions.search_services, {"code_commune": ["35999"]}) == (
        "This `code_commune` does not exist."
    )
    # Elsewhere nothing is located there, as in the original.
    assert questions.services({"code_commune": ["35999"]}).criteria is None
    assert questions.search({"code_commune": ["35999"]}).criteria is None
    assert questions.structures({"code_commune": ["35999"]}).criteria is None


def test_a_former_code_is_the_commune_of_today() -> None:
    paris = criteria(questions.search_services, {"code_commune": ["75112"]}).where
    assert paris.commune.code == "75056"
    assert criteria(questions.services, {"code_commune": ["13203"]}).where.code == "13055"


def test_around_a_commune_as_the_original() -> None:
    asked = questions.search_services({"code_commune": [REDON]})
    redon = geography.commune(REDON)
    assert redon is not None
    assert asked.criteria is not None
    assert asked.criteria.where == Around(redon.latitude, redon.longitude, 50, redon)
    assert asked.sort is Sort.DISTANCE_ID
    moved = criteria(questions.search_services, {"code_commune": [REDON], "lat": ["0"], "lon": ["0"]}).where
    assert (moved.latitude, moved.longitude, moved.commune) == (0, 0, redon)
    # The point alone is not looked at there.
    assert criteria(questions.search_services, {"lat": ["48"], "lon": ["-2"]}).where is None


def test_around_a_point_within_a_territory() -> None:
    found = criteria(
        questions.search,
        {"lat": ["48"], "lon": ["-2"], "distance": ["7"], "code_departement": ["35"], "q": ["permis"]},
    )
    assert found.where == Around(48, -2, 7, strict=True)
    assert (found.within.kind, found.within.code, found.within.located) == (
        AreaKind.DEPARTEMENT,
        "35",
        True,
    )
    assert found.words == "permis"
    assert not found.forgiving
    assert refusal(questions.search, {"distance": ["0"]})[0]["type"] == "greater_than_equal"
    assert refusal(questions.search, {"distance": ["100000000000000"]})[0]["type"] == "less_than_equal"


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        ({"code_region": ["53"]}, AreaKind.REGION, "53"),
        ({"slug_region": ["bretagne"]}, AreaKind.REGION, "53"),
        ({"slug_departement": ["ille-et-vilaine"]}, AreaKind.DEPARTEMENT, "35"),
        ({"slug_departement": ["cote-d-or"]}, AreaKind.DEPARTEMENT, "21"),
        ({"code_departement": ["2A"], "slug_departement": ["paris"]}, AreaKind.DEPARTEMENT, "2A"),
        ({"code_region": ["53"], "code_departement": ["35"]}, AreaKind.DEPARTEMENT, "35"),
        ({"code_departement": ["35"], "code_commune": [REDON]}, AreaKind.COMMUNE, REDON),
    ],
)
def test_territories(given: Given, kind: AreaKind, code: str) -> None:
    area = criteria(questions.services, given).where
    assert (area.kind, area.code, area.located) == (kind, code, True)
    assert questions.structures(given).criteria is not None


def test_territories_that_do_not_meet_hold_nothing() -> None:
    for apart in (
        {"code_region": ["11"], "code_departement": ["35"]},
        {"code_departement": ["56"], "code_commune": [REDON]},
        {"slug_region": ["occitanie"], "code_commune": [REDON]},
    ):
        assert questions.services(apart).criteria is None
        assert questions.structures(apart).criteria is None


def test_two_categories_and_a_theme_at_once() -> None:
    theme = "logement-hebergement--louer-un-logement"
    found = criteria(questions.search_services, {"thematiques": ["mobilite", "famille", theme]}).thematiques
    assert theme in found
    assert {value.split("--")[0] for value in found} == {"mobilite", "famille", "logement-hebergement"}
    assert len(found) == 1 + sum(
        choice.value.startswith(("mobilite--", "famille--")) for choice in vocabulary.choices("thematiques")
    )


def test_who_asks_for_everybody_does_not_filter() -> None:
    assert criteria(questions.services, {"publics": ["tous-publics", "femmes"]}).publics == frozenset()
    assert criteria(questions.services, {"publics": ["femmes"]}).publics == {"femmes"}


def test_empty_words_find_nothing_and_no_words_do_not_filter() -> None:
    assert questions.search({"q": [""]}).criteria is None
    assert questions.search({"q": ["   "]}).criteria is None
    assert criteria(questions.search, {}).words == ""


def test_of_a_value_given_twice_the_last_counts() -> None:
    assert questions.services({"page": ["2", "5"]}).page == 5


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("1", True), ("ON", True), ("no", False)])
def test_yes_and_no(said: str, meant: bool) -> None:
    assert criteria(questions.structures, {"exclure_doublons": [said]}).exclure_doublons is meant
    assert refusal(questions.structures, {"exclure_doublons": ["oui"]})[0]["type"] == "bool_parsing"


def test_places_need_ids() -> None:
    (error,) = refusal(questions.places, {})
    assert (error["type"], error["loc"]) == ("missing", ["query", "id"])
    assert questions.places({"id": ["b", "a", "b"]}) == ("b", "a")
    assert refusal(questions.places, {"id": ["x"] * 501})[0]["type"] == "too_long"


_NAMES = sorted({p.name for table, _ in ROUTES.values() for p in table} | {"extra"})


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.dictionaries(st.sampled_from(_NAMES), st.lists(st.text(max_size=12), min_size=1, max_size=3)))
def test_any_text_is_read_or_refused(values: Given) -> None:
    for _, read in ROUTES.values():
        asked: Any = None
        with suppress(Refused):
            asked = read(values)
        score = getattr(getattr(asked, "criteria", None), "score_minimum", None)
        assert score is None or math.isfinite(score)


def test_the_lists_of_territories_are_those_of_the_original() -> None:
    assert len(parameters.departements()) == 101
    assert len(parameters.REGIONS) == 18
    assert parameters.departement_by_slug()["val-d-oise"] == "95"
    assert parameters.departement_by_slug()["la-reunion"] == "974"
    assert set(parameters.region_by_slug().values()) == {
        departement.code_region
        for departement in geography.departements()
        if departement.code in parameters.departements()
    }
