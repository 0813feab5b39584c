"""The address of a search: what it says, what it refuses, and that it comes back as it left."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from portal import geography, vocabulary
from portal.catalogue import address, place
from portal.catalogue.address import Typed, from_kept, read
from portal.catalogue.criteria import Area, AreaKind, Around, Criteria, Heures, SessionBand, Sort
from portal.catalogue.filters import FILTERS
from tests.factories.structures import REDON

ID = "3f0c4f6e-94a4-4a4e-9a0b-0d6f3b1f7c11"


def typed(*arguments: tuple[str, str]) -> Typed:
    return read(MultiDict(list(arguments)), departement="35")


def back(found: Typed, page: int = 1) -> Typed:
    """What the address of a search says when it is opened again."""
    return typed(*parse_qsl(found.query(page).removeprefix("?")))


def test_an_empty_address_asks_for_nothing() -> None:
    found = typed(("quoi", ""), ("ou", "  "), ("thematique", ""), ("rayon", ""), ("page", ""))
    assert found.criteria() == Criteria()
    assert found.query() == ""
    assert found.is_blank
    assert not found.errors


def test_every_argument_is_understood() -> None:
    commune = geography.commune(REDON)
    assert commune is not None
    found = typed(
        ("quoi", " Code  de la route "),
        ("ou", "redon"),
        ("rayon", "20"),
        ("thematique", "sante--addictions"),
        ("thematique", "mobilite"),
        ("public", "jeunes"),
        ("public", "femmes"),
        ("type", "atelier"),
        ("frais", "gratuit"),
        ("mode", "a-distance"),
        ("dominante", "emploi"),
        ("heures", "5-a-15"),
        ("pro", "1"),
        ("places", "1"),
        ("session", "1-mois"),
        ("finance", "etat"),
        ("finance", "2026-012"),
        ("structure", "dora--1"),
        ("source", "dora"),
        ("fraicheur", "3-mois"),
        ("qualite", "0.8"),
        ("tri", "places"),
        ("vue", "carte"),
        ("beneficiaire", ID),
        ("page", "3"),
    )
    assert not found.errors
    wanted = found.criteria()
    assert wanted.words == "Code de la route"
    assert wanted.where == Around(commune.latitude, commune.longitude, 20, commune)
    assert wanted.thematiques == {*vocabulary.expand_thematiques(["mobilite"]), "sante--addictions"}
    assert wanted.publics == {"jeunes", "femmes"}
    assert (wanted.types, wanted.frais, wanted.modes_accueil) == ({"atelier"}, {"gratuit"}, {"a-distance"})
    assert (wanted.dominantes, wanted.heures) == ({"emploi"}, {Heures.DE_5_A_15})
    assert wanted.professionnels
    assert wanted.places_libres
    assert wanted.session is SessionBand.UN_MOIS
    assert (wanted.financeurs, wanted.conventions) == ({"etat"}, {"2026-012"})
    assert (wanted.structures, wanted.sources) == ({"dora--1"}, {"dora"})
    assert wanted.score_minimum == 0.8
    assert (found.tri, found.vue, str(found.beneficiaire), found.page) == (Sort.PLACES, "carte", ID, 3)
    assert back(found, 3) == found


@pytest.mark.parametrize(
    ("written", "kind", "code"),
    [
        ("Redon", "commune", "35236"),
        ("35000", "commune", "35238"),
        ("35236", "commune", "35236"),
        ("st malo", "commune", "35288"),
        ("Ille-et-Vilaine", "departement", "35"),
        ("35", "departement", "35"),
        ("2a", "departement", "2A"),
        ("Paris (75)", "departement", "75"),
        ("Paris", "commune", "75056"),
        ("rennes métropole", "epci", "243500139"),
        ("243500139", "epci", "243500139"),
        ("France", "france", "france"),
        ("Bretagne", "region", "53"),
        ("région bretagne", "region", "53"),
        ("Provence-Alpes-Côte d'Azur", "region", "93"),
        ("corse", "region", "94"),
        # Mayenne has the number of Bretagne; villages of that name are found by their label.
        ("53", "departement", "53"),
        ("Bretagne (36110)", "commune", "36024"),
        # One département: the région would say nothing more.
        ("Mayotte", "departement", "976"),
    ],
)
def test_a_place_is_found(written: str, kind: str, code: str) -> None:
    found = typed(("ou", written))
    assert not found.errors
    assert found.place is not None
    assert (found.place.kind.value, found.place.code) == (kind, code)
    # What the field shows means the same place when it is sent back.
    assert typed(("ou", found.ou)).place == found.place


def test_a_territory_is_looked_in_and_the_country_is_no_filter() -> None:
    assert typed(("ou", "35"), ("rayon", "5")).criteria().where == Area(AreaKind.DEPARTEMENT, "35")
    assert typed(("ou", "Rennes Métropole")).criteria().where == Area(AreaKind.EPCI, "243500139")
    assert typed(("ou", "Bretagne"), ("rayon", "5")).criteria().where == Area(AreaKind.REGION, "53")
    assert typed(("ou", "Bretagne")).query() == "?ou=Bretagne+%28r%C3%A9gion%29"
    assert typed(("ou", "France entière")).criteria() == Criteria()
    assert typed(("ou", "35"), ("rayon", "5")).query() == "?ou=Ille-et-Vilaine+%2835%29"


def test_a_point_tells_no_door() -> None:
    found = place.point(47.6512345, -2.0841234, REDON)
    assert found.key == "47.651,-2.084,35236"
    assert found.label == "Près de Redon (47.651,-2.084,35236)"
    assert typed(("ou", found.label)).place == typed(("ou", found.key)).place == found
    assert found.commune is not None
    bare = typed(("ou", "47.651,-2.084")).place
    assert bare is not None
    assert bare.commune is None
    assert "Redon" in bare.label


@pytest.mark.parametrize("written", ["95,0", "48.1,181", "48.1;2", "48,", "1e9,2", "47.65, -2.08"])
def test_what_is_no_point_is_told(written: str) -> None:
    found = typed(("ou", written))
    assert "ou" in found.errors or found.place is not None
    if "ou" in found.errors:
        assert found.place is None


@pytest.mark.parametrize(
    ("written", "label"),
    [("Rednn", "Redon (35600)"), ("35600", "Redon (35600)"), ("Saint-Denis", "Saint-Denis (97400)")],
)
def test_a_place_that_is_not_one_is_proposed_others(written: str, label: str) -> None:
    found = typed(("ou", written), ("quoi", "velo"))
    assert written in found.errors["ou"]
    assert label in found.near
    assert (found.ou, found.quoi, found.place) == (written, "velo", None)
    assert typed(("ou", label)).place is not None


def test_names_of_two_places_are_told_apart() -> None:
    paris = typed(("ou", "Paris")).place
    assert paris is not None
    assert place.namesakes(paris) == ["Paris (75)"]
    redon = typed(("ou", "Redon")).place
    assert redon is not None
    assert place.namesakes(redon) == []


def test_places_are_completed_territories_included() -> None:
    assert place.complete("redo", 8, "35")[0] == "Redon (35600)"
    assert "Rennes Métropole" in place.complete("rennes", 8, "35")
    assert "Ille-et-Vilaine (35)" in place.complete("ille", 8, "35")
    assert place.complete("bretagne", 8, "35")[-1] == "Bretagne (région)"
    assert place.complete("loire", 8)[-2:] == ["Centre-Val de Loire (région)", "Pays de la Loire (région)"]
    assert "Bretagne (36110)" in place.complete("bretagne", 8, "35")
    assert len(place.complete("s", 8, "35")) <= 8
    for limit in range(1, 9):
        assert len(place.complete("bretagne", limit, "35")) == limit
    assert place.complete("", 8) == place.complete("x" * 5000, 8) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("quoi", "%_'\"\\", "au moins un mot"),
        ("quoi", "🙂🙂", "au moins un mot"),
        ("quoi", "a" * 100_000, "Raccourcissez"),
        ("quoi", "mot " * 25_000, "Raccourcissez"),
        ("ou", "b" * 100_000, "trop long"),
        ("ou", "🙂", "Nous ne trouvons pas"),
        ("rayon", "-1", "5, 10, 20, 30, 50, 100 km"),
        ("rayon", "7", "5, 10, 20, 30, 50, 100 km"),
        ("rayon", "²", "5, 10, 20, 30, 50, 100 km"),
        ("thematique", "joie", "« joie »"),
        ("thematique", "mobilite--joie", "« mobilite--joie »"),
        ("thematique", "c" * 20_000, "n’existe pas"),
        ("public", "martiens", "« martiens »"),
        ("type", "x", "« x »"),
        ("frais", "cher", "« cher »"),
        ("mode", "fusee", "« fusee »"),
        ("dominante", "joie", "« joie »"),
        ("heures", "40", "« 40 »"),
        ("session", "hier", "« hier »"),
        ("fraicheur", "1-siecle", "« 1-siecle »"),
        ("qualite", "2", "« 2 »"),
        ("pro", "peut-être", "« peut-être »"),
        ("structure", "sans-tirets", "« sans-tirets »"),
        ("structure", "a--" + "b" * 300, "« a--b"),
        ("finance", "x" * 300, "« xxx"),
        ("tri", "alphabet", "« alphabet »"),
        ("vue", "3d", "liste ou la carte"),
        ("page", "0", "à partir de 1"),
        ("page", "-1", "à partir de 1"),
        ("page", "1" * 400, "à partir de 1"),
        ("page", "x", "à partir de 1"),
    ],
)
def test_what_cannot_be_understood_is_told_at_its_field(name: str, value: str, sentence: str) -> None:
    found = typed((name, value))
    assert list(found.errors) == [name]
    assert sentence in found.errors[name]
    assert len(found.errors[name]) < 300
    assert found.criteria() == Criteria()
    # The address that is shown again is not endless either.
    assert len(found.query()) < 3000


def test_too_many_values_are_refused_and_repeated_ones_too() -> None:
    for many in ("mobilite--x{}", "mobilite"):
        found = typed(*[("thematique", many.format(n)) for n in range(5000)])
        assert list(found.errors) == ["thematique"]
        assert "trop de choix" in found.errors["thematique"]


def test_one_wrong_value_keeps_the_others() -> None:
    found = typed(("public", "femmes"), ("public", "martiens"), ("quoi", "velo"))
    assert found.values("public") == ("femmes",)
    assert list(found.errors) == ["public"]
    assert found.quoi == "velo"


def test_whatever_is_not_an_id_is_not_carried() -> None:
    assert typed(("beneficiaire", "Dominique Fictif")).query() == ""


def test_all_of_a_category_is_said_in_one_word() -> None:
    members = [("thematique", theme) for theme in vocabulary.expand_thematiques(["sante"])]
    assert typed(*members).values("thematique") == ("sante",)
    assert typed(*members, ("thematique", "sante")).values("thematique") == ("sante",)
    assert typed(*members[1:]).values("thematique") == tuple(theme for _, theme in members[1:])


def test_taking_things_off_one_at_a_time() -> None:
    found = typed(("quoi", "velo"), ("ou", "Redon"), ("public", "femmes"), ("public", "jeunes"), ("pro", "1"))
    labels = [label for _, _, label in found.tags()]
    assert labels == ["« velo »", "Redon (35600)", "Un professionnel peut prescrire", "Femmes", "Jeunes"]
    for name, value, _ in found.tags():
        found = found.without(name, value)
    assert found == Typed()


def test_tags_say_what_names_they_are_given() -> None:
    found = typed(
        ("structure", "dora--1"),
        ("source", "dora"),
        ("finance", "etat"),
        ("finance", "2026-012"),
        ("qualite", "0.8"),
    )
    labels = [label for _, _, label in found.tags({"dora--1": "Association inventée", "dora": "DORA"})]
    assert labels == [
        "Convention 2026-012",
        "État",
        "Association inventée",
        "DORA",
        "Qualité de la fiche : bien remplie",
    ]


def test_the_place_of_a_person_is_in_no_address() -> None:
    commune = geography.commune(REDON)
    assert commune is not None
    found = typed(("beneficiaire", ID), ("quoi", "velo")).at(place.place_of(commune))
    assert found.place is not None
    assert found.place.commune == commune
    assert "Redon" not in found.query()
    assert "ou" not in found.kept()
    assert "beneficiaire" not in found.kept()
    # Nowhere has to be said, or their commune would come back.
    assert found.without("ou").query() == f"?quoi=velo&ou=France+enti%C3%A8re&beneficiaire={ID}"
    # Another place may be typed.
    other = typed(("beneficiaire", ID), ("ou", "Rennes")).at(place.place_of(commune))
    assert other.place is not None
    assert other.place.nom == "Rennes"
    assert "ou=Rennes" in other.query()
    # Sent by the form, which shows it, their commune is not written either.
    shown = typed(("beneficiaire", ID), ("ou", "Redon (35600)")).at(place.place_of(commune))
    assert shown.query() == f"?beneficiaire={ID}"


def test_what_a_saved_search_keeps() -> None:
    found = typed(("quoi", "velo"), ("public", "femmes"), ("qualite", "0.5"), ("page", "4"), ("vue", "carte"))
    assert found.kept() == {"quoi": ["velo"], "public": ["femmes"], "qualite": ["0.5"]}
    assert from_kept(found.kept()).criteria() == found.criteria()


def test_every_closed_list_has_its_labels() -> None:
    for each in FILTERS.values():
        if each.labels is not None:
            assert each.labels, each.name
            assert all(each.labels.values()), each.name


# --- Whatever is chosen comes back ---


def values_of(name: str) -> st.SearchStrategy[list[str]]:
    each = FILTERS[name]
    if each.labels is not None:
        return st.lists(st.sampled_from(list(each.labels)), max_size=1 if each.single else 6)
    written = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
    return st.lists(written.map(lambda end: f"a--{end}") if name == "structure" else written, max_size=3)


@st.composite
def searches(draw: Any) -> list[tuple[str, str]]:
    arguments = [
        ("quoi", draw(st.text(max_size=40))),
        (
            "ou",
            draw(st.sampled_from(["", "Redon", "35", "Rennes Métropole", "48.1,-1.6", "48.11,-1.67,35238"])),
        ),
        ("rayon", draw(st.sampled_from(["", "5", "50", "100"]))),
        ("tri", draw(st.sampled_from(["", "auto", "distance"]))),
        ("vue", draw(st.sampled_from(["", "liste", "carte"]))),
        ("page", draw(st.sampled_from(["", "1", "2", "100000"]))),
        ("beneficiaire", draw(st.sampled_from(["", ID]))),
    ]
    for name in FILTERS:
        arguments += [(name, value) for value in draw(values_of(name))]
    return arguments


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(searches())
def test_an_address_comes_back_as_it_left(arguments: list[tuple[str, str]]) -> None:
    found = typed(*arguments)
    if "quoi" in found.errors:
        found = found.without("quoi")
    again = back(found, found.page)
    assert again.criteria() == found.criteria()
    assert again.query(again.page) == found.query(found.page)
    assert again.tags() == found.tags()
    assert from_kept(found.kept(), departement="35").criteria() == found.criteria()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.sampled_from([*address.NAMES, "autre"]), st.text(max_size=60)), max_size=8))
def test_whatever_is_sent_is_read(arguments: list[tuple[str, str]]) -> None:
    found = typed(*arguments)
    found.criteria()
    found.tags()
    assert set(found.errors) <= set(address.NAMES)
    assert all(sentence.endswith((".", "?", "km.")) for sentence in found.errors.values())
