"""Verbs on structures."""

import uuid
from typing import Any

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siret as siret_number

from portal import clock, geography
from portal.accounts import rules as accounts
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.structures.models import Membership, MembershipLevel, PlaceFields, Structure, StructureState

# What a form may give; the rest is ours.
FIELDS = (
    "nom",
    "description",
    "siret",
    "telephone",
    "courriel",
    "site_web",
    "horaires_accueil",
    "accessibilite_lieu",
    "reseaux_porteurs",
    "adresse",
    "complement_adresse",
    "code_postal",
    "code_insee",
)


def create_structure(
    session: Session, values: dict[str, Any], *, by: User | None, id: uuid.UUID | None = None
) -> Structure:
    """Add a draft structure from `values` (see FIELDS) and return it; a partner becomes its administrator.

    `id` is the one the form was given when it was opened. Raises AlreadyDone when a structure bears it already, and
    RuleBroken as `change_structure` does.
    """
    structure = Structure(nom=values["nom"], date_maj=clock.today())
    if id is not None:
        if session.get(Structure, id) is not None:
            raise AlreadyDone("Cette structure est déjà créée.")
        structure.id = id
    _apply(session, structure, values)
    try:
        with session.begin_nested():
            session.add(structure)
    except IntegrityError:
        # Two requests at once: the database kept the first one. Any other refusal is a fault, and said as one.
        if not _written_meanwhile(session, structure):
            raise
        raise AlreadyDone("Une structure vient d’être créée avec ces informations. Relisez-la.") from None
    if by is not None and by.role is Role.PARTENAIRE:
        join(session, structure, by, level=MembershipLevel.ADMINISTRATEUR)
    return structure


def change_structure(session: Session, structure: Structure, values: dict[str, Any], *, by: User) -> bool:
    """Give `structure` these values; return True when something changed, which moves `date_maj`.

    Raises RuleBroken when the SIRET fails its key or belongs to another structure, or when the commune is unknown.
    """
    before = {name: getattr(structure, name) for name in FIELDS}
    _apply(session, structure, values)
    changed = any(before[name] != getattr(structure, name) for name in FIELDS)
    if changed:
        structure.date_maj = clock.today()
    return changed


def publish_structure(session: Session, structure: Structure, *, by: User | None) -> None:
    """Show the structure, and its published offers, to everybody.

    Raises RuleBroken when the commune is missing: data.inclusion drops a structure that it cannot place.
    """
    if not structure.code_insee:
        raise RuleBroken("Indiquez la commune avant de publier la structure.", field="commune")
    structure.state = StructureState.PUBLIEE


def withdraw_structure(session: Session, structure: Structure, *, by: User) -> None:
    """Hide the structure and its offers from the catalogue and from the export; nothing is removed."""
    structure.state = StructureState.BROUILLON


def join(
    session: Session, structure: Structure, user: User, *, level: MembershipLevel = MembershipLevel.MEMBRE
) -> Membership:
    """Make `user` a member of `structure` and return the membership, the existing one if there is.

    A member may become an administrator this way, never the reverse. Raises RuleBroken for anybody but a partner.
    """
    found = session.exec(
        select(Membership).where(
            col(Membership.user_id) == user.id, col(Membership.structure_id) == structure.id
        )
    ).one_or_none()
    if found is not None:
        if level is MembershipLevel.ADMINISTRATEUR:
            found.level = level
        return found
    if user.role is not Role.PARTENAIRE:
        raise RuleBroken("Seul un compte de partenaire peut rejoindre une structure.", field="courriel")
    membership = Membership(user_id=user.id, structure_id=structure.id, level=level)
    session.add(membership)
    session.flush()
    return membership


def add_member(
    session: Session, structure: Structure, *, courriel: str, prenom: str, nom: str, level: MembershipLevel
) -> tuple[User, bool]:
    """Make the person of this address a member, with a new partner account when they have none.

    Return the person, and True when the account is new: they then need a link to choose a password. Raises
    RuleBroken when the account is closed or is not a partner's.
    """
    user = accounts.find_user(session, courriel)
    created = user is None
    if user is None:
        user = accounts.create_user(session, courriel=courriel, prenom=prenom, nom=nom, role=Role.PARTENAIRE)
    elif not user.is_active:
        raise RuleBroken(
            "Le compte de cette personne est fermé : demandez à l’administrateur du portail de le rouvrir.",
            field="courriel",
        )
    join(session, structure, user, level=level)
    return user, created


def leave(session: Session, structure: Structure, membership_id: uuid.UUID) -> None:
    """End a membership; one that is not of this structure, or is over already, changes nothing.

    Raises RuleBroken when it is the last one, or the last administrator's: somebody must be able to answer.
    """
    members = session.exec(select(Membership).where(col(Membership.structure_id) == structure.id)).all()
    found = next((m for m in members if m.id == membership_id), None)
    if found is None:
        return
    if len(members) == 1:
        raise RuleBroken("C’est le dernier membre : ajoutez quelqu’un d’autre avant de le retirer.")
    administrators = [m for m in members if m.level is MembershipLevel.ADMINISTRATEUR]
    if administrators == [found]:
        raise RuleBroken(
            "C’est le dernier administrateur : ajoutez-en un autre, ou donnez ce droit à un membre, avant de le retirer."
        )
    session.delete(found)


def check_siret(text: str) -> str:
    """Return a SIRET without its spaces. Raises RuleBroken when its key is wrong (La Poste's own rule is known)."""
    compact = siret_number.compact(text)
    try:
        siret_number.validate(compact)
    except NumberError:
        raise RuleBroken(
            "Ce SIRET n’existe pas : sa clé ne correspond pas. Relisez les 14 chiffres.", field="siret"
        ) from None
    return str(compact)


def place(
    thing: PlaceFields,
    code_insee: str | None,
    *,
    latitude: float | None = None,
    longitude: float | None = None,
) -> None:
    """Give `thing` the commune of this code, its name, its coordinates (the centre's unless better ones are given).

    A postal code that is not one of the commune's is replaced by its first. Raises RuleBroken for an unknown code.
    """
    if not code_insee:
        thing.code_insee = thing.commune = thing.code_postal = None
        thing.latitude = thing.longitude = None
        return
    commune = geography.commune(code_insee)
    if commune is None:
        raise RuleBroken("Cette commune n’est pas connue : choisissez-la dans la liste.", field="commune")
    thing.code_insee = commune.code
    thing.commune = commune.nom
    if thing.code_postal not in commune.codes_postaux:
        thing.code_postal = commune.codes_postaux[0] if commune.codes_postaux else None
    thing.latitude = commune.latitude if latitude is None else latitude
    thing.longitude = commune.longitude if longitude is None else longitude


def _apply(session: Session, structure: Structure, values: dict[str, Any]) -> None:
    given = {name: values[name] for name in FIELDS if name in values}
    if given.get("siret"):
        given["siret"] = check_siret(given["siret"])
        same = select(Structure).where(
            col(Structure.siret) == given["siret"], col(Structure.id) != structure.id
        )
        with session.no_autoflush:
            if session.exec(same).first() is not None:
                raise RuleBroken(
                    "Une structure porte déjà ce SIRET sur le portail : demandez à la rejoindre.",
                    field="siret",
                )
    if "reseaux_porteurs" in given:
        given["reseaux_porteurs"] = sorted(given["reseaux_porteurs"] or ()) or None
    settle(structure, given)
    structure.search_text = geography.fold(f"{structure.nom} {structure.commune or ''}")


def _written_meanwhile(session: Session, structure: Structure) -> bool:
    same = col(Structure.id) == structure.id
    if structure.siret:
        same = or_(same, col(Structure.siret) == structure.siret)
    return session.exec(select(Structure.id).where(same)).first() is not None


def settle(thing: PlaceFields, given: dict[str, Any]) -> None:
    """Give `thing` these values, then its commune; coordinates better than the centre's stay while the address does.

    Raises RuleBroken for an unknown commune.
    """
    before = (thing.code_insee, thing.adresse)
    for name, value in given.items():
        setattr(thing, name, value)
    if thing.code_insee and (thing.code_insee, thing.adresse) == before:
        place(thing, thing.code_insee, latitude=thing.latitude, longitude=thing.longitude)
    else:
        place(thing, thing.code_insee)
