"""Verbs on structures."""

import uuid
from typing import Any

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from stdnum.exceptions import ValidationError as NumberError
from stdnum.fr import siret as siret_number

from portal import clock, geography
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.structures import history
from portal.structures.members import join
from portal.structures.models import (
    Act,
    CatalogueRules,
    MembershipLevel,
    PlaceFields,
    Structure,
    StructureState,
    Validation,
)

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
# What history keeps of a structure: the answers above, and what is ours.
KEPT = (*FIELDS, "antenne_of_id")

# (where it stands, what is done) -> where it goes.
TRANSITIONS: dict[tuple[StructureState, Act], StructureState] = {
    (StructureState.BROUILLON, Act.SOUMISSION): StructureState.A_VALIDER,
    (StructureState.BROUILLON, Act.PUBLICATION): StructureState.PUBLIEE,
    (StructureState.BROUILLON, Act.FERMETURE): StructureState.FERMEE,
    (StructureState.A_VALIDER, Act.VALIDATION): StructureState.PUBLIEE,
    (StructureState.A_VALIDER, Act.PUBLICATION): StructureState.PUBLIEE,
    (StructureState.A_VALIDER, Act.RENVOI): StructureState.BROUILLON,
    (StructureState.A_VALIDER, Act.RETRAIT): StructureState.BROUILLON,
    (StructureState.A_VALIDER, Act.FERMETURE): StructureState.FERMEE,
    (StructureState.PUBLIEE, Act.VALIDATION): StructureState.PUBLIEE,
    (StructureState.PUBLIEE, Act.RENVOI): StructureState.BROUILLON,
    (StructureState.PUBLIEE, Act.RETRAIT): StructureState.BROUILLON,
    (StructureState.PUBLIEE, Act.FERMETURE): StructureState.FERMEE,
    (StructureState.FERMEE, Act.REOUVERTURE): StructureState.BROUILLON,
}
_REFUSED = {
    StructureState.BROUILLON: "Cette structure est un brouillon : publiez-la d’abord.",
    StructureState.A_VALIDER: "Cette structure attend déjà la validation de l’animateur.",
    StructureState.PUBLIEE: "Cette structure est déjà publiée.",
    StructureState.FERMEE: "Cette structure est fermée : rouvrez-la d’abord.",
}


def keeps_catalogue(user: User | None) -> bool:
    """Say whether what `user` publishes needs no reading: the animator, the administrator, the portal itself (None)."""
    return user is None or user.role in (Role.ANIMATION, Role.ADMINISTRATION)


def catalogue_rules(session: Session) -> CatalogueRules:
    """Return the rules that the département set, or the ones the portal comes with (not saved)."""
    return session.get(CatalogueRules, 1) or CatalogueRules(
        id=1,
        structures_validees=Validation.AVANT,
        offres_validees=Validation.APRES,
        confirmation_mois=6,
        suspension_jours=60,
    )


def set_catalogue_rules(session: Session, values: dict[str, Any], *, by: User) -> CatalogueRules:
    """Keep the rules of the catalogue: structures_validees, offres_validees, confirmation_mois, suspension_jours.

    Raises RuleBroken with the field when a number is out of bounds.
    """
    if not 1 <= values["confirmation_mois"] <= 12:
        raise RuleBroken("Écrivez un nombre de mois entre 1 et 12.", field="confirmation_mois")
    if not 7 <= values["suspension_jours"] <= 365:
        raise RuleBroken("Écrivez un nombre de jours entre 7 et 365.", field="suspension_jours")
    kept = session.get(CatalogueRules, 1) or CatalogueRules(id=1)
    for name in ("structures_validees", "offres_validees", "confirmation_mois", "suspension_jours"):
        setattr(kept, name, values[name])
    kept.updated_at = clock.now()
    kept.updated_by_id = by.id
    session.add(kept)
    return kept


def create_structure(
    session: Session,
    values: dict[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
    act: Act = Act.CREATION,
) -> Structure:
    """Add a draft structure from `values` (see FIELDS) and return it; a partner becomes its administrator.

    `values["position"]`, (latitude, longitude) when the address was found on the map, places it better than the
    commune's centre. `values["antenne_of_id"]` is the structure that it depends on. `act` is what its history says.
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
    history.record(
        session,
        structure,
        act,
        by=by,
        changes=history.differences({}, history.snapshot(structure, KEPT)),
    )
    if by is not None and by.role is Role.PARTENAIRE:
        join(session, structure, by, level=MembershipLevel.ADMINISTRATEUR)
    return structure


def change_structure(
    session: Session,
    structure: Structure,
    values: dict[str, Any],
    *,
    by: User | None,
    version: int | None = None,
    act: Act = Act.MODIFICATION,
    note: str | None = None,
) -> bool:
    """Give `structure` these values; return True when something changed, which moves `date_maj` and its version.

    `version` is the one that was opened: raises ChangedMeanwhile when there is a newer one. Raises RuleBroken when the
    SIRET fails its key or belongs to another structure, when the commune is unknown, or when it cannot be an antenne
    of the one that is given.
    """
    session.flush()
    session.refresh(structure, with_for_update=True)
    if version is not None and version != structure.version:
        raise ChangedMeanwhile("Quelqu’un d’autre a modifié cette structure pendant que vous écriviez.")
    before = history.snapshot(structure, KEPT)
    _apply(session, structure, values)
    changes = history.differences(before, history.snapshot(structure, KEPT))
    if changes:
        structure.date_maj = clock.today()
        structure.version += 1
        history.record(session, structure, act, by=by, changes=changes, note=note)
    return bool(changes)


def publish_structure(session: Session, structure: Structure, *, by: User | None) -> None:
    """Show the structure and its published offers to everybody, or ask the animator to, as the rules say.

    A partner's structure waits for the animator when the département reads before publication; see `state` after.
    Raises RuleBroken when the commune is missing: data.inclusion drops a structure that it cannot place.
    """
    if not structure.code_insee:
        raise RuleBroken("Indiquez la commune avant de publier la structure.", field="commune")
    if structure.state is StructureState.A_VALIDER and not keeps_catalogue(by):
        return
    waits = (
        not keeps_catalogue(by) and catalogue_rules(session).structures_validees is Validation.AVANT
    ) and structure.reviewed_at is None
    act = Act.SOUMISSION if waits else Act.PUBLICATION
    _move(structure, act)
    structure.submitted_at = clock.now()
    structure.review_note = None
    if keeps_catalogue(by):
        structure.reviewed_at, structure.reviewed_by_id = clock.now(), by.id if by else None
    history.record(session, structure, act, by=by)


def validate_structure(session: Session, structure: Structure, *, by: User) -> None:
    """The animator has read the structure: it is public, and leaves the queue. Raises RuleBroken when not in it."""
    _move(structure, Act.VALIDATION)
    structure.reviewed_at, structure.reviewed_by_id = clock.now(), by.id
    structure.review_note = None
    history.record(session, structure, Act.VALIDATION, by=by)


def send_back_structure(session: Session, structure: Structure, *, note: str, by: User) -> None:
    """The animator asks for something to be mended: the structure is a draft again, with the `note`."""
    if not note.strip():
        raise RuleBroken("Dites au partenaire ce qu’il doit changer.", field="note")
    _move(structure, Act.RENVOI)
    structure.reviewed_at = structure.reviewed_by_id = None
    structure.review_note = note.strip()
    history.record(session, structure, Act.RENVOI, by=by, note=note.strip())


def withdraw_structure(session: Session, structure: Structure, *, by: User) -> None:
    """Hide the structure and its offers from the catalogue and from the export; nothing is removed."""
    if structure.state is StructureState.BROUILLON:
        return
    _move(structure, Act.RETRAIT)
    history.record(session, structure, Act.RETRAIT, by=by)


def close_structure(session: Session, structure: Structure, *, note: str | None, by: User) -> None:
    """The structure closes for good, today: its offers leave the catalogue and the export; nothing is removed.

    Raises RuleBroken when it is closed already.
    """
    _move(structure, Act.FERMETURE)
    structure.closed_on = clock.today()
    structure.closed_note = (note or "").strip() or None
    history.record(session, structure, Act.FERMETURE, by=by, note=structure.closed_note)


def reopen_structure(session: Session, structure: Structure, *, by: User) -> None:
    """A structure closed by mistake, or that opens again, is a draft. Raises RuleBroken when it is not closed."""
    _move(structure, Act.REOUVERTURE)
    structure.closed_on = structure.closed_note = None
    history.record(session, structure, Act.REOUVERTURE, by=by)


def _move(structure: Structure, act: Act) -> None:
    try:
        structure.state = TRANSITIONS[structure.state, act]
    except KeyError:
        raise RuleBroken(_REFUSED[structure.state]) from None


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
    if "antenne_of_id" in values:
        structure.antenne_of_id = _head_of(session, structure, values["antenne_of_id"])
    if "reseaux_porteurs" in given:
        given["reseaux_porteurs"] = sorted(given["reseaux_porteurs"] or ()) or None
    settle(structure, given, position=values.get("position"))
    structure.search_text = geography.fold(f"{structure.nom} {structure.commune or ''}")


def _head_of(session: Session, structure: Structure, wanted: uuid.UUID | None) -> uuid.UUID | None:
    if wanted is None or wanted == structure.antenne_of_id:
        return wanted
    with session.no_autoflush:
        head = session.get(Structure, wanted)
        if head is None or head.id == structure.id:
            raise RuleBroken("Choisissez une autre structure dans la liste.", field="antenne_of_id")
        if head.antenne_of_id is not None:
            raise RuleBroken(
                f"« {head.nom} » est déjà une antenne : choisissez la structure dont elle dépend.",
                field="antenne_of_id",
            )
        if session.exec(select(Structure.id).where(col(Structure.antenne_of_id) == structure.id)).first():
            raise RuleBroken(
                "Cette structure a des antennes : elle ne peut pas en être une.", field="antenne_of_id"
            )
    return head.id


def _written_meanwhile(session: Session, structure: Structure) -> bool:
    same = col(Structure.id) == structure.id
    if structure.siret:
        same = or_(same, col(Structure.siret) == structure.siret)
    return session.exec(select(Structure.id).where(same)).first() is not None


def settle(thing: PlaceFields, given: dict[str, Any], *, position: tuple[float, float] | None = None) -> None:
    """Give `thing` these values, then its commune; coordinates better than the centre's stay while the address does.

    `position` is (latitude, longitude) of the address when it is known. Raises RuleBroken for an unknown commune.
    """
    before = (thing.code_insee, thing.adresse)
    for name, value in given.items():
        setattr(thing, name, value)
    if position is not None and thing.code_insee:
        place(thing, thing.code_insee, latitude=position[0], longitude=position[1])
    elif thing.code_insee and (thing.code_insee, thing.adresse) == before:
        place(thing, thing.code_insee, latitude=thing.latitude, longitude=thing.longitude)
    else:
        place(thing, thing.code_insee)
