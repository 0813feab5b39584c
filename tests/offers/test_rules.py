"""Verbs on offers, on real rows."""

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import rules
from portal.offers.models import OfferState
from portal.offers.record import as_record, missing_to_publish
from tests.factories.accounts import make_user
from tests.factories.offers import COMPLETE, make_offer
from tests.factories.structures import make_structure


def test_a_new_offer_is_a_draft_of_its_structure(session: Session) -> None:
    structure, by = make_structure(session), make_user(session, Role.PARTENAIRE)
    offer = rules.create_offer(session, structure, {"nom": "Atelier vélo"}, by=by)
    assert (offer.state, offer.structure_id, offer.created_by_id) == (
        OfferState.BROUILLON,
        structure.id,
        by.id,
    )
    assert offer.description == ""
    assert offer.publics is None


def test_the_same_form_creates_once(session: Session) -> None:
    structure, key = make_structure(session), uuid.uuid4()
    rules.create_offer(session, structure, COMPLETE, by=None, id=key)
    with pytest.raises(AlreadyDone):
        rules.create_offer(session, structure, COMPLETE, by=None, id=key)


def test_lists_are_kept_sorted_once_each_and_empty_ones_as_nothing(session: Session) -> None:
    offer = make_offer(
        session,
        published=False,
        publics=["seniors", "femmes", "femmes"],
        modes_accueil=[],
        zone_eligibilite=["56", "35"],
    )
    assert offer.publics == ["femmes", "seniors"]
    assert offer.modes_accueil is None
    # The order of a zone is its author's.
    assert offer.zone_eligibilite == ["56", "35"]


@pytest.mark.parametrize(
    ("values", "field"), [({"dominantes": ["joie"]}, "dominantes"), ({"code_insee": "99999"}, "commune")]
)
def test_what_cannot_be_kept_is_refused(session: Session, values: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        make_offer(session, published=False, **values)
    assert broken.value.field == field


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, set()),
        ({"type": None}, {"type"}),
        ({"thematiques": []}, {"thematiques"}),
        ({"publics": None}, {"publics"}),
        ({"publics": ["tous-publics", "femmes"]}, {"publics"}),
        ({"frais": None}, {"frais"}),
        ({"frais": "payant"}, {"frais_precisions"}),
        ({"frais": "payant", "frais_precisions": "10 €"}, set()),
        ({"modes_accueil": None}, {"modes_accueil"}),
        ({"modes_mobilisation": None}, {"modes_mobilisation"}),
        ({"mobilisable_par": None}, {"mobilisable_par"}),
        ({"code_insee": None}, {"commune"}),
        ({"description": ""}, {"description"}),
        ({"description": "Trop court."}, {"description"}),
        ({"modes_mobilisation": ["telephoner"]}, {"telephone"}),
        ({"modes_mobilisation": ["telephoner"], "telephone": "+33299000000"}, set()),
        ({"courriel": None}, {"courriel"}),
        ({"modes_mobilisation": ["utiliser-lien-mobilisation"]}, {"lien_mobilisation"}),
        ({"nom": "association exemple"}, {"nom"}),
        ({"nom": "x" * 131}, {"nom"}),
        ({"zone_eligibilite": ["a"]}, {"zone_eligibilite"}),
    ],
)
def test_publishing_asks_for_every_missing_point(
    session: Session, values: dict[str, Any], fields: set[str]
) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure, published=False, **values)
    assert set(missing_to_publish(offer, structure)) == fields
    if not fields:
        rules.publish_offer(session, offer, structure=structure, by=None)
        assert offer.is_public
        return
    with pytest.raises(rules.Incomplete) as incomplete:
        rules.publish_offer(session, offer, structure=structure, by=None)
    assert set(incomplete.value.problems) == fields
    assert not offer.is_public


def test_a_published_offer_stays_complete(session: Session) -> None:
    structure, by = make_structure(session), make_user(session, Role.PARTENAIRE)
    offer = make_offer(session, structure)
    with pytest.raises(rules.Incomplete):
        rules.change_offer(session, offer, {"publics": None}, structure=structure, by=by)


def test_the_day_moves_with_a_change_or_a_confirmation(
    session: Session, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    structure, by = make_structure(session), make_user(session, Role.PARTENAIRE)
    offer = make_offer(session, structure)
    move_clock(2026, 4, 4, 10)
    assert not rules.change_offer(session, offer, dict(COMPLETE), structure=structure, by=by)
    assert offer.date_maj == date(2026, 3, 3)
    assert rules.change_offer(session, offer, {"nombre_semaines": 6}, structure=structure, by=by)
    assert offer.date_maj == date(2026, 4, 4)
    move_clock(2026, 5, 5, 10)
    rules.confirm_offer(session, offer, by=by)
    assert offer.date_maj == date(2026, 5, 5)


def test_withdrawing_keeps_everything(session: Session) -> None:
    offer = make_offer(session)
    rules.withdraw_offer(session, offer, by=make_user(session, Role.PARTENAIRE))
    session.flush()
    assert offer.state is OfferState.BROUILLON
    assert offer.thematiques


def test_the_search_reads_the_new_name_of_the_structure(session: Session) -> None:
    structure = make_structure(session, nom="Ancien nom")
    offer = make_offer(session, structure)
    assert "ancien nom" in offer.search_text
    structure.nom = "Été solidaire"
    rules.refresh_search_text(session, structure)
    assert "ete solidaire" in offer.search_text
    assert "ancien" not in offer.search_text


def test_a_complete_offer_scores_one_and_an_empty_one_nothing(session: Session) -> None:
    full = vocabulary.quality(as_record(make_offer(session)))
    assert (full.score, full.missing) == (1.0, ())
    empty = vocabulary.quality({})
    assert empty.score == 0
    assert {"description", "publics", "thematiques", "frais", "modes_mobilisation"} <= {
        name for _, name in empty.missing
    }


@pytest.mark.parametrize(
    "values",
    [{"description": ""}, {"description": "x" * 20_000}, {"frais": "retiré"}, {"publics": []}, {"frais": ""}],
)
def test_the_score_has_an_answer_for_what_the_schema_refuses(values: dict[str, Any]) -> None:
    found = vocabulary.quality({**COMPLETE, "date_maj": clock.today(), "source": "portail", **values})
    assert 0.8 <= found.score < 1
    assert [name for _, name in found.missing] == list(values)


def test_a_sketch_is_never_saved(session: Session) -> None:
    structure = make_structure(session)
    sketch = rules.sketch({**COMPLETE, "nom": None, "dominantes": ["joie"]}, structure)
    session.flush()
    assert sketch not in session
    assert "nom" in missing_to_publish(sketch, structure)
