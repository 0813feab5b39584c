"""Forms: French messages, clean text, and fields that follow the schema."""

import re
from collections.abc import Iterable, Sequence
from html import escape as html_escape
from typing import Any

from markupsafe import Markup
from pydantic import BaseModel
from wtforms import Form as WTForm
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, ListWidget, Select, html_params

from portal import clock, geography, vocabulary
from portal.phones import read_phone, show_phone

_SPACES = re.compile(r"[^\S\n]+")
_NOT_A_CHOICE = "Ce choix n’est pas, ou n’est plus, dans la liste : choisissez-en un autre."
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Form(WTForm):
    """The base of every form. CSRF is checked once for all requests, outside the forms."""

    class Meta:
        locales = ("fr_FR", "fr")

        def bind_field(self, form: WTForm, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Give every text field the same cleaning."""
            field_class = unbound_field.field_class
            if issubclass(field_class, StringField) and field_class not in _KEPT_AS_TYPED:
                options["filters"] = (clean_text, *unbound_field.kwargs.get("filters", ()))
            bound = unbound_field.bind(form=form, **options)
            if isinstance(bound, TextAreaField):
                # A browser cuts a long text that is pasted there, without a word: the validator says it instead.
                bound.flags.maxlength = False
            single = isinstance(bound, SelectField) and not isinstance(bound, ChecklistField)
            if single and bound.invalid_choice_message is None:
                # Somebody left, or something was withdrawn, while the page was open.
                bound.invalid_choice_message = _NOT_A_CHOICE
            return bound

    @property
    def avertissements(self) -> dict[str, list[str]]:
        """{field name: sentences} to show beside fields without blocking."""
        return {f.name: list(f.avertissements) for f in self if getattr(f, "avertissements", None)}

    def values(self) -> dict[str, Any]:
        """Return {field: value} with None for what was left empty, as the tables keep it."""
        return {name: (None if value in ("", []) else value) for name, value in self.data.items()}

    def refuse(self, name: str | None, message: str) -> None:
        """Put the sentence of a broken rule beside the field `name`, or on top when there is no such field."""
        if name and name in self._fields:
            field = self._fields[name]
            field.errors = [*field.errors, message]
        else:
            self.form_errors.append(message)


_KEPT_AS_TYPED: set[type] = set()


def kept_as_typed(field_class: type) -> type:
    """Mark a field class whose text is not cleaned (passwords)."""
    _KEPT_AS_TYPED.add(field_class)
    return field_class


def clean_text(value: Any) -> Any:
    """Trim, join runs of spaces, drop control characters; line breaks are kept. Anything but text is left alone."""
    if not isinstance(value, str):
        return value
    value = _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return _SPACES.sub(" ", value).strip()


class FollowsSchema:
    """Validator: the schema `model` says what the field of the same name may hold.

    Errors block; an `avertissement` is kept in `field.avertissements` and shown only.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __call__(self, form: WTForm, field: Any) -> None:
        """Raise StopValidation with the schema's sentence."""
        if field.data in (None, "", []):
            return
        check = vocabulary.check_field(self.model, field.name, field.data)
        field.avertissements = check.warnings
        if check.errors:
            raise StopValidation(check.errors[0])


class NotInFuture:
    """Validator: a day that has come."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __call__(self, form: WTForm, field: Any) -> None:
        """Raise ValidationError when the day is still to come."""
        if field.data and field.data > clock.today():
            raise ValidationError(self.message)


class MaxLength:
    """Validator: no longer than the table can hold."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.field_flags = {"maxlength": maximum}

    def __call__(self, form: WTForm, field: Any) -> None:
        """Raise ValidationError with how much is too much."""
        excess = len(field.data or "") - self.maximum
        if excess > 0:
            raise ValidationError(
                f"Raccourcissez de {excess} caractère{'s' if excess > 1 else ''} : {self.maximum} au plus."
            )


class ChecklistField(SelectMultipleField):
    """Several values among a list, as checkboxes; an unknown value is refused by name, or by `invalid_choice_message`."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: WTForm) -> None:
        """Refuse values that are not in the list, in the sentence of the field or one that names them."""
        known = {str(value) for value, *_ in self.iter_choices()}
        for value in self.data or ():
            if value not in known:
                raise ValidationError(
                    self.invalid_choice_message
                    or f"« {str(value)[:80]} » n’est pas dans la liste : choisissez une des valeurs proposées."
                )


class CommuneField(StringField):
    """A commune typed by name or postal code. After validation `commune` holds it and the text is its label."""

    data: str | None
    commune: geography.Commune | None = None
    departement: str | None = None

    def pre_validate(self, form: WTForm) -> None:
        """Find the commune, or say which ones come near."""
        if not self.data:
            return
        self.commune = find_commune(self.data, self.departement)
        self.data = self.commune.label


class ZonesField(TextAreaField):
    """Places, one a line: communes, intercommunalités, départements, or France; `data` is the list of their codes."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "\n".join(geography.zone_label(code) for code in self.data or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        """Turn each line into a code."""
        if not valuelist:
            return
        self.data, problems = [], []
        for line in (clean_text(line) for line in valuelist[0].splitlines()[:500]):
            if not line:
                continue
            try:
                code = geography.parse_zone(line)
            except geography.AmbiguousPlace as ambiguous:
                problems.append(f"« {line[:80]} » : précisez, par exemple {_names(ambiguous.labels)}.")
            except geography.UnknownPlace as unknown:
                problems.append(_unknown(line, unknown))
            else:
                if code not in self.data:
                    self.data.append(code)
        if problems:
            raise ValueError(" ".join(problems[:5]))


class PhoneField(StringField):
    """One phone number, kept as +33…; short numbers (3949) stay as they are."""

    data: str | None

    def pre_validate(self, form: WTForm) -> None:
        """Read the number as people write it here."""
        if not self.data:
            return
        number = read_phone(self.data)
        if number is None:
            raise ValidationError("Écrivez un seul numéro de téléphone, par exemple 02 99 00 00 00.")
        self.data = number

    def _value(self) -> str:
        return show_phone(self.data) if self.data and not self.raw_data else super()._value()


def find_commune(text: str, departement: str | None = None) -> geography.Commune:
    """Return the commune that `text` names. Raises ValidationError with what to write when none or several do."""
    try:
        return geography.resolve(text, departement)
    except geography.AmbiguousPlace as ambiguous:
        raise ValidationError(
            f"Plusieurs communes portent ce nom : écrivez {_names(ambiguous.labels)}."
        ) from None
    except geography.UnknownPlace as unknown:
        raise ValidationError(_unknown(text, unknown)) from None


def grouped(
    choices: Sequence[tuple[str, Iterable[vocabulary.Choice]]],
) -> list[tuple[str, list[tuple[str, str, str | None]]]]:
    """Turn the vocabulary's groups into what the `grouped_choices` macro takes."""
    return [(label, [(c.value, c.label, c.description) for c in members]) for label, members in choices]


class LongSelect(Select):
    """A select of hundreds of choices, values and labels alone: attribute by attribute, they cost more than the page."""

    def __call__(self, field: Any, **attributes: Any) -> Markup:
        """Return the whole select as HTML."""
        attributes.setdefault("id", field.id)
        for flag in self.validation_attrs:
            if getattr(field.flags, flag, None):
                attributes.setdefault(flag, True)
        parts = [f"<select {html_params(name=field.name, **attributes)}>"]
        for choice in field.choices:
            selected = " selected" if field.coerce(choice.value) == field.data else ""
            parts.append(
                f'<option value="{html_escape(choice.value)}"{selected}>{html_escape(choice.label)}</option>'
            )
        return Markup("".join([*parts, "</select>"]))


def options(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """Return (value, label) pairs as a select, radios or boxes take them."""
    return [SelectChoice(value, label) for value, label in pairs]


def pairs(name: str) -> list[SelectChoice]:
    """Return the choices of the schema's vocabulary `name` for a select or a list of boxes."""
    return options((choice.value, choice.label) for choice in vocabulary.choices(name))


def _names(labels: Sequence[str]) -> str:
    return " ou ".join(labels[:3])


def _unknown(text: str, unknown: geography.UnknownPlace) -> str:
    near = f" Vouliez-vous dire {_names(unknown.labels)} ?" if unknown.labels else ""
    return f"Le lieu « {text[:80]} » n’est pas connu : écrivez le nom d’une commune ou son code postal.{near}"
