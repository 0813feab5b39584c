"""What a partner writes of its activity, and what the officer asks it for."""

import re
from typing import Any

from wtforms import IntegerField, RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from portal.conventions.engagements import PartnerReport, ReportKind
from portal.money import read_decimals
from portal.web.euros import DecimalsField, EurosField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import Form, MaxLength, options

_HOURS = re.compile(r"\s*h(eures?)?$", re.IGNORECASE)
_MOST_PEOPLE = 100_000


class HoursTotalField(DecimalsField):
    """Hours of a whole period ("1 200", "37,5 h"); `data` is a number of minutes."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the hours. Raises ValueError with what to write when they cannot be read."""
        typed = _HOURS.sub("", valuelist[0].strip()) if valuelist else ""
        # Hundredths of an hour, to the nearest minute.
        self.data = (read_decimals(typed, 2, "120 ou 37,5") * 60 + 50) // 100 if typed else None
        if self.data is not None and self.data > 60_000_000:
            raise ValueError("Ce nombre d’heures est trop grand : relisez-le.")

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        whole, rest = divmod(self.data * 100 // 60, 100)
        return f"{whole:,}".replace(",", "\u202f") + (f",{rest:02d}".rstrip("0") if rest else "")


class ReportForm(Versioned):
    """What was done, what was hard, what comes next, and what the portal does not know."""

    realise = TextAreaField(
        "Ce qui a été réalisé",
        [MaxLength(5000)],
        description="Les actions menées et leurs résultats. Ne nommez personne.",
        render_kw={"rows": 6},
    )
    difficultes = TextAreaField(
        "Difficultés rencontrées",
        [MaxLength(5000)],
        description="Ne nommez personne.",
        render_kw={"rows": 4},
    )
    perspectives = TextAreaField("Perspectives", [MaxLength(5000)], render_kw={"rows": 4})
    personnes_hors_portail = IntegerField(
        "Personnes accueillies hors du portail",
        [Optional()],
        description="Celles qui ne sont pas venues par une prescription du portail.",
        render_kw={"class": "field-number", "inputmode": "numeric"},
    )
    minutes_hors_portail = HoursTotalField(
        "Heures faites hors du portail",
        [Optional()],
        description="Celles qui n’ont pas été déclarées semaine par semaine. Par exemple 120 ou 37,5.",
        render_kw={"class": "field-phone", "inputmode": "decimal"},
    )
    depenses_centimes = EurosField(
        "Dépenses de la période, en euros",
        [Optional()],
        description="Ce que l’action a coûté à votre structure.",
        render_kw={"class": "field-phone", "inputmode": "decimal"},
    )

    def validate_personnes_hors_portail(self, field: Any) -> None:
        """Refuse a number that nobody would write."""
        if field.data is not None and not 0 <= field.data <= _MOST_PEOPLE:
            raise ValidationError("Écrivez un nombre de personnes entre 0 et 100 000.")

    def to_values(self) -> dict[str, Any]:
        """Return what `report_writing.save` takes."""
        return {name: value for name, value in self.values().items() if name != "version"}


class DatesForm(Versioned):
    """Which report, on which period, due on which day?"""

    cle = key_field()
    kind = SelectField(
        "Rapport",
        [DataRequired("Choisissez le rapport.")],
        choices=options((kind.value, kind.label) for kind in ReportKind),
        invalid_choice_message="Choisissez un rapport de la liste.",
    )
    debut = day_field("Du", "Écrivez le premier jour de la période.")
    fin = day_field("Au", "Écrivez le dernier jour de la période.")
    du_le = day_field("À remettre pour le", "Écrivez le jour où il est dû.")

    def to_values(self) -> dict[str, Any]:
        """Return what `report_schedule.ask` takes."""
        values = self.values()
        return {
            "kind": ReportKind(values["kind"]),
            **{name: values[name] for name in ("debut", "fin", "du_le")},
        }


class ScheduleForm(Form):
    """A report how often?"""

    mois = RadioField(
        "Un rapport d’activité",
        [InputRequired("Choisissez le rythme.")],
        choices=options([("12", "par an"), ("6", "par semestre")]),
        default="12",
    )


class CorrectionForm(Versioned):
    """What is to be corrected, and for when?"""

    demande = TextAreaField(
        "Ce qui est à corriger",
        [DataRequired("Écrivez ce qui est à corriger."), MaxLength(1000)],
        description="Le partenaire le lit, et le reçoit par courriel. Ne nommez personne.",
        render_kw={"rows": 4},
    )
    du_le = day_field("À remettre de nouveau pour le", "Écrivez le jour où il est dû.")


def report_as_typed(report: PartnerReport) -> dict[str, Any]:
    """Return what the partner wrote as `ReportForm` holds it."""
    return {
        "version": str(report.version),
        **{
            name: getattr(report, name)
            for name in (
                "realise",
                "difficultes",
                "perspectives",
                "personnes_hors_portail",
                "minutes_hors_portail",
                "depenses_centimes",
            )
        },
    }


def dates_as_typed(report: PartnerReport) -> dict[str, Any]:
    """Return the days of a report as `DatesForm` holds them."""
    return {
        "cle": str(report.id),
        "version": str(report.version),
        "kind": report.kind.value,
        "debut": report.debut,
        "fin": report.fin,
        "du_le": report.du_le,
    }
