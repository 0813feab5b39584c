"""What of a person's file goes with a prescription: the pieces, chosen one by one, and frozen at sending."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from babel.dates import format_date

from portal.beneficiaries.models import Beneficiary
from portal.parcours import frein_label
from portal.phones import show_phone
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State

# {version: what the person is asked to agree to}. A text that was agreed to is never changed: another is added, last.
CONSENTS = {
    "2026-11": "La personne est d’accord pour que ces informations soient transmises à la structure, "
    "et sait qu’elle peut les faire corriger ou revenir sur son accord.",
}
CONSENT_VERSION, CONSENT_TEXT = next(reversed(CONSENTS.items()))


def agreed_text(prescription: Prescription) -> str:
    """Return the text that the person agreed to; today's for whom nobody asked yet."""
    return CONSENTS.get(prescription.consentement_version or CONSENT_VERSION, CONSENT_TEXT)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the file: `slug`, `label`, whether it always goes (`required`), and how it is read."""

    slug: str
    label: str
    required: bool
    read: Callable[[Beneficiary], str | None]


def _contact(person: Beneficiary) -> str | None:
    phone = show_phone(person.telephone) if person.telephone else None
    return " · ".join(filter(None, (phone, person.courriel))) or None


PIECES: tuple[Piece, ...] = (
    Piece("identite", "Prénom et nom", True, lambda person: person.full_name),
    Piece("contact", "Téléphone et courriel", False, _contact),
    Piece("commune", "Commune", False, lambda person: person.commune),
    Piece(
        "date_naissance",
        "Date de naissance",
        False,
        lambda person: format_date(person.date_naissance, "d MMMM y", locale="fr"),
    ),
    Piece("numero_allocataire", "Numéro d’allocataire", False, lambda person: person.numero_allocataire),
    Piece(
        "dominante",
        "Dominante de parcours",
        False,
        lambda person: person.dominante.label if person.dominante else None,
    ),
    Piece(
        "freins",
        "Freins repérés",
        False,
        lambda person: ", ".join(frein_label(slug) for slug in person.freins or ()) or None,
    ),
)


def pieces_of(person: Beneficiary, chosen: Collection[str]) -> list[dict[str, str]]:
    """Return [{piece, label, value}] of the required pieces and of those in `chosen` that the file holds."""
    found = []
    for piece in PIECES:
        if piece.required or piece.slug in chosen:
            value = piece.read(person)
            if value:
                found.append({"piece": piece.slug, "label": piece.label, "value": value})
    return found


def read_by_partner(prescription: Prescription) -> list[dict[str, str]]:
    """Return what the partner may still read: everything shared while it is concerned, the name alone afterwards."""
    shared: list[dict[str, str]] = prescription.donnees_partagees or []
    if _came_to_nothing(prescription):
        return [entry for entry in shared if entry["piece"] == "identite"]
    return shared


def motif_for_partner(prescription: Prescription) -> str | None:
    """Return why the référent prescribes, in their words, which speak of the person; None once it came to nothing."""
    return None if _came_to_nothing(prescription) else prescription.motif


def name_for_partner(prescription: Prescription) -> str:
    """Return the person's name as it was shared."""
    return shared_name(prescription.donnees_partagees)


def shared_name(shared: Collection[dict[str, str]] | None) -> str:
    """Return the person's name among the pieces that were shared."""
    return next((entry["value"] for entry in shared or () if entry["piece"] == "identite"), "—")


def _came_to_nothing(prescription: Prescription) -> bool:
    return prescription.state in {State.REFUSEE, State.ANNULEE, State.EXPIREE}
