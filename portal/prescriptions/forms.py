"""Questions put to the référent who prescribes."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wtforms import BooleanField, HiddenField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import CONSENT_TEXT, PIECES
from portal.web.forms import ChecklistField, Form, MaxLength, options

MESSAGE_LENGTH = 2000
_MOTIF_HINT = (
    "Ce que la personne cherche, ce qui rendrait l’action utile. La structure lira ce texte : "
    "n’y mettez pas d’information de santé ni de justice qui ne serve pas à l’action."
)
_CONSENT_ASKED = "Demandez son accord à la personne, puis cochez la case."


class PrescriptionForm(Form):
    """Why, and what goes with it."""

    cle = HiddenField()
    motif = TextAreaField(
        "Pourquoi cette offre ?",
        [
            DataRequired("Écrivez en une ou deux phrases pourquoi vous prescrivez cette offre."),
            MaxLength(MESSAGE_LENGTH),
        ],
        description=_MOTIF_HINT,
        render_kw={"rows": 5},
    )
    partage = ChecklistField(
        "Ce que la structure pourra lire",
        description="Le prénom et le nom sont toujours transmis. Cochez seulement ce qui sert à l’action.",
    )


class SendForm(Form):
    """Does the person agree, to the sending and to be written to?"""

    consentement = BooleanField(CONSENT_TEXT, [InputRequired(_CONSENT_ASKED)])
    ecrire = BooleanField(
        "La personne accepte de recevoir des courriels du portail sur cette prescription.",
        description="Par exemple la date de son rendez-vous. Rien d’autre ne lui est envoyé.",
    )


class LotForm(Form):
    """What is the same in every prescription of a lot."""

    motif = TextAreaField(
        "Pourquoi ces offres ?",
        [MaxLength(MESSAGE_LENGTH)],
        description=f"{_MOTIF_HINT} Ce texte va dans chaque prescription où vous n’en écrivez pas un autre.",
        render_kw={"rows": 4},
    )
    partage = ChecklistField(
        "Ce que les structures pourront lire",
        description="Le prénom et le nom sont toujours transmis. Cochez seulement ce qui sert à ces actions.",
    )


class OneOfLotForm(Form):
    """What one prescription of a lot says of its own."""

    motif = TextAreaField(
        "Un texte pour celle-ci seulement",
        [MaxLength(MESSAGE_LENGTH)],
        description="Laissez vide pour reprendre le texte commun.",
        render_kw={"rows": 3},
    )


class PersonOfLotForm(Form):
    """Whether one person agrees; who did not yet agree keeps drafts, the others leave."""

    consentement = BooleanField(CONSENT_TEXT)
    ecrire = BooleanField("La personne accepte de recevoir des courriels du portail sur ces prescriptions.")


@dataclass(slots=True)
class LotForms:
    """The forms of one page, read together: the common one, one for each draft, one for each person."""

    common: LotForm
    drafts: dict[uuid.UUID, OneOfLotForm]
    people: dict[uuid.UUID, PersonOfLotForm]
    form_errors: list[str] = field(default_factory=list)

    def validate(self) -> bool:
        """Check every form, so that every mistake is told at once."""
        return all([form.validate() for form in self._forms()])

    def motif_of(self, draft_id: uuid.UUID) -> str:
        """Return what the structure will read: the draft's own motive, or the common one."""
        return str(self.drafts[draft_id].motif.data or self.common.motif.data or "")

    @property
    def errors(self) -> dict[str, Any]:
        """{id of the control: sentences}, as a form has; the sentences on top under ""."""
        found = {one.id: one.errors for one in self if one.errors}
        return {**found, "": self.form_errors} if self.form_errors else found

    def __iter__(self) -> Iterator[Any]:
        """Every field, in the order of the page, for the summary of errors."""
        for form in self._forms():
            yield from form

    def _forms(self) -> Iterator[Form]:
        yield self.common
        yield from self.drafts.values()
        yield from self.people.values()


def lot_forms(
    drafts: Sequence[Prescription], *, typed: Any, motif: str, partage: Collection[str], pieces: Sequence[str]
) -> LotForms:
    """Return the forms of a lot: as `typed` when it is given, else as the drafts stand.

    `motif` is the one they share, `partage` what is ticked, `pieces` the slugs that the files hold.
    """
    common = LotForm(typed, data={"motif": motif, "partage": sorted(partage)})
    labels = {piece.slug: piece.label for piece in PIECES if not piece.required}
    common.partage.choices = options((slug, labels[slug]) for slug in labels if slug in pieces)
    return LotForms(
        common,
        {
            draft.id: OneOfLotForm(
                typed,
                prefix=f"p-{draft.id}-",
                data={"motif": "" if draft.motif == motif else draft.motif},
            )
            for draft in drafts
        },
        {
            person_id: PersonOfLotForm(typed, prefix=f"q-{person_id}-")
            for person_id in dict.fromkeys(draft.beneficiary_id for draft in drafts)
        },
    )


def offer_pieces(form: PrescriptionForm, pieces: list[dict[str, str]]) -> None:
    """Let the référent choose among what the file holds: `pieces` as `sharing.pieces_of` gives them, all of them."""
    required = {piece.slug for piece in PIECES if piece.required}
    form.partage.choices = options(
        (entry["piece"], f"{entry['label']} : {entry['value']}")
        for entry in pieces
        if entry["piece"] not in required
    )
