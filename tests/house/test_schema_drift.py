"""One field, three homes: the schema, the form and the table must agree, and what is stored must be known."""

import re
from pathlib import Path

from flask import Flask

from portal import clock, parcours, vocabulary
from portal.accounts.forms import UserForm
from portal.catalogue.records import field_names
from portal.offers import forms as offer_forms
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.prescriptions.models import RefusalReason
from portal.structures import forms as structure_forms
from portal.structures import rules as structure_rules
from portal.structures.models import Structure
from portal.web.forms import FollowsSchema
from tests.factories.offers import COMPLETE

ROOT = Path(__file__).resolve().parents[2]
# Given by us at export, not kept in the table; why.
GIVEN = {
    "source": "the portal's own slug (PORTAL_SOURCE)",
    "lien_source": "the address of the public page",
}
# Ours by rule: no form asks them.
NOT_ASKED = {
    "id": "made by us",
    "structure_id": "the page says it",
    "source": "a setting",
    "lien_source": "made from the address",
    "date_maj": "moves with a change or a confirmation",
    "longitude": "from the commune",
    "latitude": "from the commune",
    "code_insee": "from the commune",
}


def test_every_schema_field_has_its_column() -> None:
    for model, table in ((vocabulary.Structure, Structure), (vocabulary.Service, Offer)):
        missing = set(model.model_fields) - set(table.model_fields) - set(GIVEN)
        assert not missing, (
            f"{table.__name__} lacks {missing}: the schema gained a field; add it or say why not"
        )


def test_every_schema_field_is_asked_or_ours() -> None:
    for model, fields in (
        (vocabulary.Structure, structure_rules.FIELDS),
        (vocabulary.Service, offer_rules.FIELDS),
    ):
        missing = set(model.model_fields) - set(fields) - set(NOT_ASKED) - {"commune"}
        assert not missing, f"nobody can give {missing}"


def _form(module: object, name: str) -> type:
    return getattr(module, name)  # type: ignore[no-any-return]


def test_every_form_field_with_a_namesake_follows_it(app: Flask) -> None:
    for form_class, model in (
        (_form(structure_forms, "StructureForm"), vocabulary.Structure),
        (_form(offer_forms, "OfferForm"), vocabulary.Service),
    ):
        with app.test_request_context():
            form = form_class()
        for field in form:
            if field.name in model.model_fields and field.name not in {"commune", "siret"}:
                follows = [v for v in field.validators if isinstance(v, FollowsSchema)]
                assert follows, f"{form_class.__name__}.{field.name} must follow the schema"
                assert follows[0].model is model


def test_the_words_of_the_schema_are_its_own() -> None:
    for name in vocabulary.vocabulary_names():
        for choice in vocabulary.choices(name):
            assert vocabulary.is_known(name, choice.value)
            assert choice.label
    assert vocabulary.label("publics", "retire-un-jour") == "retire-un-jour"


def test_barriers_point_to_known_thematiques() -> None:
    for frein in parcours.FREINS:
        assert frein.thematiques
        for theme in frein.thematiques:
            assert vocabulary.is_known("thematiques", theme), f"{frein.slug}: {theme} is not in the schema"


def test_every_criterion_of_quality_has_its_sentence() -> None:
    record = (
        dict.fromkeys(field_names("services")) | COMPLETE | {"date_maj": clock.today(), "source": "portail"}
    )
    _, details = vocabulary.score_qualite.score(vocabulary.Service.model_construct(**record))
    assert set(details) == set(vocabulary.CRITERIA), "the package's criteria changed: say what each one asks"


def test_columns_hold_what_the_vocabularies_can_say() -> None:
    for name in ("type", "frais"):
        length = Offer.__table__.c[name].type.length
        assert max(len(choice.value) for choice in vocabulary.choices(name)) <= length
    assert all(reason.label for reason in RefusalReason)


def test_no_value_of_the_schema_is_spelled_twice_in_templates() -> None:
    slugs = {
        c.value for name in vocabulary.vocabulary_names() for c in vocabulary.choices(name) if "--" in c.value
    }
    for path in (ROOT / "templates").rglob("*.html"):
        found = slugs & set(re.findall(r"[a-z-]+--[a-z-]+", path.read_text()))
        assert not found, f"{path.name} names {found}: take it from portal.vocabulary"


def test_roles_in_the_form_are_those_of_the_code(app: Flask) -> None:
    with app.test_request_context():
        form = UserForm()
    assert len(list(form.role.iter_choices())) > 3
