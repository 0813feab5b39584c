"""What a référent writes of a person's weeks."""

from datetime import date
from typing import Any

from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired

from portal.programme.models import Activity, ActivityKind, LegitimateReason, WeeklyTarget
from portal.programme.rules import Plan
from portal.programme.weeks import DAYS, Target
from portal.web.durations import DurationField, read_minutes
from portal.web.fields import day_field, key_field
from portal.web.forms import ChecklistField, Form, MaxLength, options

ONCE, WEEKLY = "une-fois", "chaque-semaine"


class TimeField(StringField):
    """An hour of the day as people type it; `data` is "14:30", None when left empty."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Turn what was typed into an hour, or say how to write it."""
        typed = valuelist[0].strip() if valuelist else ""
        minutes = read_minutes(typed) if typed else None
        self.data = None if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"
        if typed and (minutes is None or minutes >= 24 * 60):
            self.data = None
            raise ValidationError(f"« {typed[:20]} » ne se lit pas : écrivez par exemple 14 h 30.")

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return str(self.data or "").replace(":", " h ").removesuffix(" 00")


class ActivityForm(Form):
    """What does the person do, when, and for how long?"""

    cle = key_field()
    # The mark of what was shown, when an activity is changed.
    vu = HiddenField()
    kind = SelectField(
        "De quoi s’agit-il ?",
        choices=options((kind.value, kind.label) for kind in ActivityKind),
        invalid_choice_message="Choisissez dans la liste.",
    )
    intitule = StringField(
        "Intitulé",
        [DataRequired("Écrivez ce que c’est, en quelques mots."), MaxLength(150)],
        description="Ne dites rien de la santé : « Rendez-vous » suffit. La personne le lira sur sa semaine imprimée.",
        render_kw={"autocomplete": "off"},
    )
    rythme = RadioField(
        "À quel rythme ?",
        choices=options([(ONCE, "Une seule fois"), (WEEKLY, "Chaque semaine")]),
        default=ONCE,
        invalid_choice_message="Choisissez une fois ou chaque semaine.",
    )
    debut = day_field("Jour, ou premier jour", "Écrivez le jour.")
    fin = day_field(
        "Dernier jour",
        description="Pour une activité de chaque semaine. Laissez vide si vous ne le connaissez pas.",
    )
    jours = ChecklistField(
        "Jours de la semaine",
        choices=options((str(number), name.capitalize()) for number, name in enumerate(DAYS)),
        description="Pour une activité de chaque semaine. Ne cochez rien si les jours changent.",
    )
    heure = TimeField("Heure de début", description="Par exemple 14 h 30. Laissez vide si elle change.")
    minutes = DurationField(
        "Durée",
        description="Par semaine, ou ce jour-là si c’est une seule fois. Par exemple 7 h 30 ou 7,5.",
    )

    def validate_minutes(self, field: DurationField) -> None:
        """Ask for a duration, once it could be read."""
        if field.data is None and not field.errors:
            raise ValidationError("Écrivez la durée, par exemple 3 h.")

    def validate_fin(self, field: DateField) -> None:
        """A single time has no last day of its own."""
        if self.rythme.data == ONCE and field.data and field.data != self.debut.data:
            raise ValidationError(
                "Une seule fois : laissez le dernier jour vide, ou choisissez « Chaque semaine »."
            )

    def to_plan(self) -> Plan:
        """Return what `rules.add_activity` takes; call it once the form is valid."""
        once = self.rythme.data == ONCE
        return Plan(
            kind=ActivityKind(self.kind.data),
            intitule=self.intitule.data or "",
            debut=self.debut.data,
            fin=self.debut.data if once else self.fin.data,
            jours=() if once else tuple(int(number) for number in self.jours.data or ()),
            heure=self.heure.data,
            minutes=self.minutes.data,
        )


class TargetForm(Form):
    """How many hours a week does the contract aim at, from when on, and why fewer?"""

    a_partir_du = day_field(
        "À partir de la semaine du",
        "Écrivez un jour de la première semaine.",
        description="N’importe quel jour de la semaine : l’objectif vaut dès son lundi.",
    )
    minutes_min = DurationField("Au moins, par semaine")
    minutes_max = DurationField("Au plus, par semaine")
    raison = RadioField(
        "Raison d’un objectif réduit",
        choices=options([("", "Aucune"), *[(reason.value, reason.label) for reason in LegitimateReason]]),
        default="",
        description="La liste suffit : n’écrivez nulle part de détail sur la santé ou la vie de la personne.",
        invalid_choice_message="Choisissez une des raisons proposées.",
    )

    def validate_minutes_min(self, field: DurationField) -> None:
        """Ask for the hours, once they could be read."""
        if field.data is None and not field.errors:
            raise ValidationError("Écrivez un nombre d’heures, par exemple 15 ; 0 si aucune n’est demandée.")

    validate_minutes_max = validate_minutes_min

    @property
    def reason(self) -> LegitimateReason | None:
        """The reason that was chosen."""
        return LegitimateReason(self.raison.data) if self.raison.data else None


def activity_as_typed(activity: Activity, mark: str) -> dict[str, Any]:
    """Return an activity as the form holds it; `mark` is its `rules.fingerprint`."""
    once = activity.fin == activity.debut
    return {
        "cle": str(activity.id),
        "vu": mark,
        "kind": activity.kind.value,
        "intitule": activity.intitule,
        "rythme": ONCE if once else WEEKLY,
        "debut": activity.debut,
        "fin": None if once else activity.fin,
        "jours": [str(number) for number in activity.jours or ()],
        "heure": activity.heure,
        "minutes": activity.minutes,
    }


def target_as_typed(monday: date, usual: Target, stored: WeeklyTarget | None) -> dict[str, Any]:
    """Return what is aimed at in a week as the form holds it: `stored`, or the département's usual one when None."""
    aimed = stored or usual
    return {
        "a_partir_du": monday,
        "minutes_min": aimed.minutes_min,
        "minutes_max": aimed.minutes_max,
        "raison": stored.raison.value if stored and stored.raison else "",
    }
