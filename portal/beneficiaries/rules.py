"""Verbs on people's files; every one of them is written in the access journal."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.db import new_id
from portal.errors import NotAllowed, RuleBroken
from portal.parcours import FREINS, Dominante

FIELDS = (
    "prenom",
    "nom",
    "date_naissance",
    "code_insee",
    "telephone",
    "courriel",
    "courriel_accord",
    "numero_allocataire",
    "dominante",
    "freins",
)


def create_beneficiary(
    session: Session, values: dict[str, Any], *, by: User, id: uuid.UUID | None = None
) -> Beneficiary:
    """Open the file of a person whom `by` follows, from `values` (see FIELDS), and return it.

    `id` is made with the form: a second press bears the same one and returns the file already opened, unchanged.
    Raises NotAllowed when `by` is no référent, or when `id` is another's file; RuleBroken when `by` already follows
    a person of the same number of allocataire, or of the same names and birth date.
    """
    if by.role is not Role.REFERENT:
        raise NotAllowed("Seul un référent peut ouvrir le dossier d’une personne.")
    opened = _opened_before(session, id, by)
    if opened is not None:
        return opened
    person = Beneficiary(
        prenom=values["prenom"], nom=values["nom"], date_naissance=values["date_naissance"], referent_id=by.id
    )
    if id is not None:
        person.id = id
    _apply(session, person, values)
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        # The first press was written between our look and our writing.
        opened = _opened_before(session, id, by)
        if opened is None:
            raise
        return opened
    journal(session, person.id, by=by, kind=AccessKind.CREATION)
    return person


def change_beneficiary(session: Session, person: Beneficiary, values: dict[str, Any], *, by: User) -> None:
    """Give the file these values. Raises NotAllowed and RuleBroken as `create_beneficiary` does."""
    if person.referent_id != by.id:
        raise NotAllowed("Seul le référent de la personne peut modifier son dossier.")
    _apply(session, person, values)
    person.updated_at = clock.now()
    journal(session, person.id, by=by, kind=AccessKind.MODIFICATION)


def journal(
    session: Session,
    beneficiary_id: uuid.UUID,
    *,
    by: User | None,
    kind: AccessKind,
    prescription_id: uuid.UUID | None = None,
) -> None:
    """Write in the access journal that `by` did this with the file (law: every access to a dossier is written down).

    `by` is None for the structure that reads by the link of an e-mail: nobody signed in.
    """
    session.add(
        AccessEntry(
            user_id=by.id if by else None,
            par_lien=by is None,
            beneficiary_id=beneficiary_id,
            kind=kind,
            prescription_id=prescription_id,
        )
    )


def journal_exports(session: Session, beneficiary_ids: Collection[uuid.UUID], *, by: User) -> None:
    """Write in the access journal of each of these people that `by` exported data about them, in one statement."""
    now = clock.now()
    lines = [
        {"user_id": by.id, "beneficiary_id": id, "kind": AccessKind.EXPORT, "at": now, "id": new_id()}
        for id in set(beneficiary_ids)
    ]
    if lines:
        session.execute(insert(AccessEntry), lines)


def _opened_before(session: Session, id: uuid.UUID | None, by: User) -> Beneficiary | None:
    found = session.get(Beneficiary, id) if id is not None else None
    if found is not None and found.referent_id != by.id:
        raise NotAllowed(
            "Ce dossier n’est pas le vôtre : rouvrez la page « Ouvrir un dossier » et recommencez."
        )
    return found


def _apply(session: Session, person: Beneficiary, values: dict[str, Any]) -> None:
    for name in FIELDS:
        if name in values:
            setattr(person, name, values[name])
    if person.date_naissance > clock.today():
        raise RuleBroken("La date de naissance est dans le futur : corrigez-la.", field="date_naissance")
    if person.date_naissance.year < 1900:
        raise RuleBroken("La date de naissance est trop ancienne : relisez l’année.", field="date_naissance")
    person.courriel_accord = bool(person.courriel_accord)
    if person.courriel_accord and not person.courriel:
        raise RuleBroken(
            "Écrivez l’adresse électronique, ou décochez « La personne accepte de recevoir des courriels ».",
            field="courriel",
        )
    person.dominante = Dominante(person.dominante) if person.dominante else None
    known = {frein.slug for frein in FREINS}
    unknown = [slug for slug in person.freins or () if slug not in known]
    if unknown:
        raise RuleBroken("Ce frein n’existe pas : choisissez dans la liste.", field="freins")
    person.freins = sorted(set(person.freins or ())) or None
    if person.code_insee:
        commune = geography.commune(person.code_insee)
        if commune is None:
            raise RuleBroken("Cette commune n’est pas connue : choisissez-la dans la liste.", field="commune")
        person.code_insee, person.commune = commune.code, commune.nom
    else:
        person.code_insee = person.commune = None
    person.search_text = geography.fold(f"{person.nom} {person.prenom} {person.numero_allocataire or ''}")
    _refuse_twin(session, person)


def _refuse_twin(session: Session, person: Beneficiary) -> None:
    # Only among the référent's own people: to say more would tell who is followed elsewhere.
    mine = select(Beneficiary).where(
        col(Beneficiary.referent_id) == person.referent_id, col(Beneficiary.id) != person.id
    )
    with session.no_autoflush:
        if (
            person.numero_allocataire
            and session.exec(
                mine.where(col(Beneficiary.numero_allocataire) == person.numero_allocataire)
            ).first()
        ):
            raise RuleBroken(
                "Vous suivez déjà une personne qui a ce numéro d’allocataire.", field="numero_allocataire"
            )
        key = (geography.fold(person.nom), geography.fold(person.prenom))
        for other in session.exec(mine.where(col(Beneficiary.date_naissance) == person.date_naissance)):
            if (geography.fold(other.nom), geography.fold(other.prenom)) == key:
                raise RuleBroken("Vous suivez déjà une personne de ce nom, née ce jour-là.", field="nom")
