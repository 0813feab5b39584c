"""Questions put to the partner who answers, and to whoever acts on a prescription that left."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from wtforms import (
    BooleanField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Optional

from portal import clock
from portal.offers.models import OfferSession
from portal.prescriptions.forms import MESSAGE_LENGTH
from portal.prescriptions.models import ContractType, ExitReason, Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, State
from portal.web import hours as opening_hours
from portal.web.durations import DurationField
from portal.web.fields import day_field
from portal.web.formats import count, short_day
from portal.web.forms import Form, MaxLength, NotInFuture, options

PLACE_LENGTH = 300
REASON_LENGTH = 500


class MessageForm(Form):
    """An act that may come with a word."""

    message = TextAreaField(
        "Message",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Il reste dans l’historique, que la structure et le référent lisent.",
        render_kw={"rows": 4},
    )


class TimeField(StringField):
    """A time of the day as people type it (9 h 30, 14:00); `data` is a `time`."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the time, or say how to write it."""
        typed = valuelist[0].strip() if valuelist else ""
        minutes = opening_hours.read_time(typed) if typed else None
        self.data = None if minutes is None or minutes >= 24 * 60 else time(minutes // 60, minutes % 60)
        if typed and self.data is None:
            raise ValidationError("Écrivez l’heure comme ceci : 9 h 30.")

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return f"{self.data.hour} h {self.data.minute:02d}" if self.data else ""


class MeetingForm(MessageForm):
    """When and where is the person expected?"""

    rendez_vous = day_field("Jour")
    heure = TimeField("Heure", [Optional()], description="Par exemple 9 h 30.")
    lieu = StringField(
        "Lieu",
        [Optional(), MaxLength(PLACE_LENGTH)],
        description="L’adresse, ou ce qu’il faut savoir pour vous trouver.",
    )
    # An unknown session is told by the rule: it may have been withdrawn while the page was open.
    session_id = SelectField("Session de l’offre", [Optional()], choices=[], validate_choice=False)
    message = TextAreaField(
        "Message au référent",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Par exemple ce que la personne doit apporter.",
        render_kw={"rows": 4},
    )
    message_personne = TextAreaField(
        "Message à la personne", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 4}
    )

    # The sessions among which one chooses: see `offer_sessions`.
    _sessions: Sequence[OfferSession] = ()

    def validate(self, extra_validators: Any = None) -> bool:
        """A day goes with an hour."""
        right = super().validate(extra_validators)
        if self.heure.data is not None and self.rendez_vous.data is None and not self.rendez_vous.errors:
            self.refuse("rendez_vous", "Écrivez aussi le jour du rendez-vous.")
            right = False
        if self.rendez_vous.data is not None and self.heure.data is None and not self.heure.errors:
            self.refuse("heure", "Écrivez aussi l’heure du rendez-vous.")
            right = False
        return right

    def meeting(self, prescription: Prescription) -> Meeting | None:
        """Return what was agreed; None when nothing was typed and nothing stood before."""
        day, hour = self.rendez_vous.data, self.heure.data
        at = datetime.combine(day, hour, tzinfo=clock.PARIS) if day and hour else None
        found = Meeting(at, self.lieu.data or None, _id_of(self.session_id.data))
        if found == Meeting() and not _still_agreed(prescription, self._sessions):
            return None
        return found


class AcceptForm(MeetingForm):
    """Yes; when and where? Two more questions are asked when the places demand it."""

    passer_avant = TextAreaField(
        "Pourquoi passer avant ceux qui attendent ?",
        [Optional(), MaxLength(REASON_LENGTH)],
        description="Gardé avec la place, et lu par l’agent qui suit la convention.",
        render_kw={"rows": 2},
    )
    sans_place = BooleanField("J’accepte sans place financée")


class AgreeForm(MeetingForm):
    """When and where?"""

    def validate(self, extra_validators: Any = None) -> bool:
        """Something must be proposed."""
        right = super().validate(extra_validators)
        if not (self.session_id.data or self.rendez_vous.data or self.rendez_vous.errors or self.heure.data):
            self.refuse("rendez_vous", "Écrivez un jour et une heure, ou choisissez une session.")
            right = False
        return right


class ReasonForm(Form):
    """Why not? The first of two questions: words are put forward for the second."""

    motif_refus = RadioField(
        "Raison",
        [InputRequired("Choisissez la raison du refus.")],
        choices=options((reason.value, reason.label) for reason in RefusalReason),
    )


class RefuseForm(ReasonForm):
    """What shall we tell them?"""

    message = TextAreaField(
        "Message au référent",
        [
            DataRequired("Écrivez un mot au référent : il cherchera une autre solution."),
            MaxLength(MESSAGE_LENGTH),
        ],
        description="Dites ce qui pourrait convenir mieux, ou quand redemander.",
        render_kw={"rows": 5},
    )
    message_personne = TextAreaField(
        "Message à la personne",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Sans la raison du refus : c’est le référent qui en parle avec elle.",
        render_kw={"rows": 5},
    )


class DayForm(Form):
    """On which day, and a word if need be."""

    jour = day_field("Date", "Écrivez la date.")
    message = TextAreaField(
        "Message au référent", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 4}
    )


class PresenceForm(DayForm):
    """On which day did the person come, or not?"""

    jour = day_field(
        "Jour",
        "Écrivez le jour.",
        NotInFuture("Ce jour est dans le futur : attendez qu’il soit passé."),
    )


class EnterForm(DayForm):
    """When did the person come?"""

    jour = day_field(
        "Jour où la personne est venue",
        "Écrivez le jour où la personne est venue.",
        NotInFuture("La date d’entrée est dans le futur : déclarez l’entrée quand la personne est venue."),
    )


class LeaveForm(DayForm):
    """When did it end, and for what?"""

    jour = day_field(
        "Dernier jour",
        "Écrivez le dernier jour.",
        NotInFuture("La date de sortie est dans le futur : corrigez-la."),
    )
    motif_sortie = RadioField(
        "Et après ?", [InputRequired("Choisissez ce qui suit pour la personne.")], choices=[]
    )
    type_contrat = SelectField(
        "Type de contrat",
        [Optional()],
        choices=options([("", "Ne sais pas, ou pas d’emploi"), *((c.value, c.label) for c in ContractType)]),
        description="Seulement si la personne a un emploi.",
    )

    def validate_type_contrat(self, field: Any) -> None:
        """A contract goes with a job."""
        if self.motif_sortie.data and self.motif_sortie.data != ExitReason.EMPLOI.value:
            raise ValidationError("Un type de contrat va avec un emploi : corrigez l’un ou l’autre.")

    @property
    def reason(self) -> ExitReason:
        """The outcome chosen."""
        return ExitReason(self.motif_sortie.data)

    @property
    def contract(self) -> ContractType | None:
        """The contract chosen, if any."""
        return ContractType(self.type_contrat.data) if self.type_contrat.data else None


class WeekForm(Form):
    """What is planned each week for this person, and from when to when?"""

    heures = DurationField("Heures par semaine", description="Par exemple 7 h 30, ou 12.")
    debut = day_field("À partir du")
    fin_prevue = day_field("Jusqu’au")


# The question that goes with each act.
FORMS: dict[Act, type[Form]] = {
    Act.ETUDIER: MessageForm,
    Act.METTRE_EN_ATTENTE: MessageForm,
    Act.ACCEPTER: AcceptForm,
    Act.REFUSER: RefuseForm,
    Act.CONVENIR: AgreeForm,
    Act.PRESENCE: PresenceForm,
    Act.ABSENCE: PresenceForm,
    Act.ENTRER: EnterForm,
    Act.TERMINER: LeaveForm,
    Act.ABANDONNER: LeaveForm,
    Act.ANNULER: MessageForm,
}

_COMPLETED = (
    ExitReason.EMPLOI,
    ExitReason.FORMATION,
    ExitReason.CREATION,
    ExitReason.OBJECTIF,
    ExitReason.AUTRE_OFFRE,
    ExitReason.AUTRE,
)
_NEVER_BEGUN = frozenset({ExitReason.JAMAIS_VENUE, ExitReason.PLUS_DE_PLACE})


def outcomes(act: Act, state: State) -> list[ExitReason]:
    """Return how a prescription may end by `act` from `state`: who never came has completed nothing."""
    if act is Act.TERMINER:
        return list(_COMPLETED)
    return [
        reason
        for reason in ExitReason
        if reason is not ExitReason.OBJECTIF and (reason not in _NEVER_BEGUN or state is State.ACCEPTEE)
    ]


def offer_sessions(
    form: MeetingForm,
    sessions: Sequence[OfferSession],
    taken: Mapping[uuid.UUID, int],
    mine: uuid.UUID | None,
) -> None:
    """Let one choose among the sessions to come, each with the seats that are left; `mine` is the one agreed before."""
    form._sessions = sessions
    form.session_id.choices = options(
        [
            ("", "Sans session"),
            *((str(s.id), _session_label(s, taken.get(s.id, 0), mine=s.id == mine)) for s in sessions),
        ]
    )


def fill_meeting(form: MeetingForm, prescription: Prescription) -> None:
    """Show what was agreed before, unless it is past."""
    if not _still_agreed(prescription, form._sessions):
        return
    if prescription.rendez_vous_at is not None and _is_coming(prescription):
        local = prescription.rendez_vous_at.astimezone(clock.PARIS)
        form.rendez_vous.data, form.heure.data = local.date(), local.time()
    form.lieu.data = prescription.rendez_vous_lieu
    form.session_id.data = str(prescription.session_id or "")


def hours_form(weeks: Sequence[date]) -> type[Form]:
    """Return a form with the hours of each of these weeks (Mondays)."""
    fields = {week_name(week): DurationField(f"Heures faites, {week_label(week)}") for week in weeks}
    return type("HoursForm", (Form,), fields)


def week_name(week: date) -> str:
    """Return the name of the field of a week."""
    return f"semaine-{week.isoformat()}"


def week_label(week: date) -> str:
    """Return "semaine du 9 au 15 novembre 2026" for its Monday."""
    sunday = week + timedelta(days=6)
    monday = short_day(week)
    if week.month == sunday.month:
        monday = monday.split(" ")[0]
    elif week.year == sunday.year:
        monday = monday.rsplit(" ", 1)[0]
    return f"semaine du {monday} au {short_day(sunday)}"


def _session_label(session: OfferSession, taken: int, *, mine: bool) -> str:
    first = short_day(session.debut)
    when = f"Du {first} au {short_day(session.fin)}" if session.fin else f"Le {first}"
    if session.places is None:
        return when
    left = session.places - taken
    if left > 0:
        return f"{when} : {count(left, 'place libre', 'places libres')}"
    return f"{when} : complète" + (", déjà proposée à cette personne" if mine else "")


def _id_of(text: str | None) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        # No session bears it: the rule says so.
        return uuid.UUID(int=0)


def _is_coming(prescription: Prescription) -> bool:
    at = prescription.rendez_vous_at
    return at is not None and at >= clock.now() - timedelta(days=1)


def _still_agreed(prescription: Prescription, sessions: Sequence[OfferSession]) -> bool:
    return _is_coming(prescription) or any(s.id == prescription.session_id for s in sessions)
