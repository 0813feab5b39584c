"""Money typed as people type it, and the sentences of the forms of conventions."""

import uuid

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import SelectChoice

from portal.conventions.forms import ActionForm, ConventionForm
from portal.web.euros import EurosField, read_euros, show_euros
from portal.web.forms import Form

NARROW, NO_BREAK = "\u202f", "\u00a0"
# Always the same: parallel runs collect the same tests.
KEY, STRUCTURE, OFFER = (str(uuid.UUID(int=number)) for number in (1, 2, 3))


class PriceForm(Form):
    prix = EurosField("Prix")


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("30 000", 3_000_000),
        ("30 000,50 €", 3_000_050),
        ("30000", 3_000_000),
        ("30000,5", 3_000_050),
        ("30 000.05", 3_000_005),
        (f"30{NARROW}000,50{NO_BREAK}€", 3_000_050),
        (f" 1{NO_BREAK}234{NO_BREAK}567,89 ", 123_456_789),
        ("0", 0),
        ("0,01", 1),
        ("007", 700),
        ("1500€", 150_000),
        ("1 500 euros", 150_000),
        ("1 euro", 100),
        ("12 EUR", 1200),
        ("0,29", 29),  # a float would make 28 of it
        ("1,10", 110),
        ("9 999 999 999,99", 999_999_999_999),
    ],
)
def test_amounts_are_read_to_the_cent(text: str, cents: int) -> None:
    assert read_euros(text) == cents
    form = PriceForm(MultiDict({"prix": text}))
    assert form.validate(), form.errors
    assert form.prix.data == cents


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("trente", "Écrivez un montant en euros"),
        ("   ", "Écrivez un montant en euros"),
        ("€", "Écrivez un montant en euros"),
        ("1.500", "Écrivez un montant en euros"),
        ("1,234,50", "Écrivez un montant en euros"),
        ("1.234,50", "Écrivez un montant en euros"),
        ("10,505", "Écrivez un montant en euros"),
        ("30 00", "Écrivez un montant en euros"),
        ("1 2345", "Écrivez un montant en euros"),
        (",50", "Écrivez un montant en euros"),
        ("5,", "Écrivez un montant en euros"),
        ("1e5", "Écrivez un montant en euros"),
        ("1_000", "Écrivez un montant en euros"),
        ("٣٠", "Écrivez un montant en euros"),
        ("$30", "Écrivez un montant en euros"),
        ("-5", "Écrivez un montant positif"),
        ("99 999 999 999", "trop grand"),
    ],
)
def test_what_is_no_amount_is_asked_again_and_kept(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_euros(text)
    form = PriceForm(MultiDict({"prix": text}))
    assert not form.validate()
    assert len(form.errors["prix"]) == 1
    assert sentence in form.errors["prix"][0]
    assert form.prix._value() == text


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (3_000_050, "30 000,50"),
        (3_000_000, "30 000"),
        (5, "0,05"),
        (0, "0"),
        (123_456_789, "1 234 567,89"),
    ],
)
def test_amounts_are_shown_and_read_back(cents: int, text: str) -> None:
    assert show_euros(cents) == text.replace(" ", NARROW)
    assert read_euros(show_euros(cents)) == cents
    assert PriceForm(data={"prix": cents}).prix._value() == show_euros(cents)


def test_nothing_typed_is_nothing() -> None:
    form = PriceForm(MultiDict({"prix": ""}))
    assert form.validate()
    assert form.prix.data is None
    assert PriceForm().prix._value() == ""


CONVENTION = {
    "cle": KEY,
    "numero": "2026-12",
    "intitule": "Mobilité",
    "structure_id": STRUCTURE,
    "date_debut": "2026-01-01",
    "date_fin": "31/12/2026",
    "montant": "30 000,50 €",
}


def convention(**values: str) -> ConventionForm:
    form = ConventionForm(MultiDict({**CONVENTION, **values}))
    form.structure_id.choices = [SelectChoice("", "Choisir…"), SelectChoice(STRUCTURE, "Partenaire")]
    return form


def test_a_convention_gives_what_the_rules_take() -> None:
    form = convention()
    assert form.validate(), form.errors
    assert form.to_values()["montant_centimes"] == 3_000_050
    assert form.to_values()["financeurs"] is None
    form = convention(financeurs="region")
    assert form.validate(), form.errors
    assert form.to_values()["financeurs"] == ["region"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("numero", "", "Écrivez le numéro"),
        ("numero", "n" * 41, "Raccourcissez"),
        ("intitule", " ", "Écrivez l’intitulé"),
        ("structure_id", "", "Choisissez le partenaire"),
        ("structure_id", OFFER, "Choisissez un partenaire de la liste"),
        ("date_debut", "", "Écrivez le premier jour"),
        ("date_fin", "2026-13-01", "Écrivez une date complète"),
        ("date_fin", "0026-01-01", "Relisez l’année"),
        ("montant", "", "Écrivez le montant"),
        ("financeurs", "mecene", "« mecene » n’est pas dans la liste"),
        ("montant", "beaucoup", "Écrivez un montant en euros"),
        ("cle", "x", "Cette page est incomplète"),
    ],
)
def test_what_is_wrong_in_a_convention_is_said_once(field: str, value: str, sentence: str) -> None:
    form = convention(**{field: value})
    assert not form.validate()
    assert list(form.errors) == [field]
    assert len(form.errors[field]) == 1
    assert sentence in form.errors[field][0]


ACTION = {
    "cle": KEY,
    "intitule": "Modules",
    "places_financees": "12",
    "cout_unitaire": "1 500",
    "mode": "entree",
    "offer_ids": OFFER,
}


def action(**values: str) -> ActionForm:
    form = ActionForm(MultiDict({k: v for k, v in {**ACTION, **values}.items() if v is not None}))
    form.offer_ids.choices = [SelectChoice(OFFER, "Atelier")]
    return form


def test_an_action_gives_what_the_rules_take() -> None:
    form = action()
    assert form.validate(), form.errors
    values = form.to_values()
    assert (values["places_financees"], values["cout_unitaire_centimes"]) == (12, 150_000)
    assert values["offer_ids"] == [OFFER]
    assert action(places_financees="0", cout_unitaire="0").validate()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("places_financees", "", "Écrivez le nombre de places"),
        ("places_financees", "douze", "Écrivez un nombre entier"),
        ("places_financees", "1,5", "Écrivez un nombre entier"),
        ("places_financees", "-1", "entre 0 et 100 000"),
        ("cout_unitaire", "", "Écrivez le coût"),
        ("mode", None, "Dites ce que devient la place"),
        ("mode", "autre", "Choisissez un des deux modes"),
        ("offer_ids", None, "Choisissez au moins une offre"),
        ("offer_ids", STRUCTURE, "n’est plus dans la liste"),
    ],
)
def test_what_is_wrong_in_an_action_is_said_once(field: str, value: str, sentence: str) -> None:
    form = action(**{field: value})
    assert not form.validate()
    assert list(form.errors) == [field]
    assert len(form.errors[field]) == 1
    assert sentence in form.errors[field][0]
