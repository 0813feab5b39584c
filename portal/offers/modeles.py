"""Templates of offers ("modèles"): of the département or of a structure, their versions, and what changed since."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, or_
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.offers import rules, states
from portal.offers.models import Offer, OfferTemplate, TemplateVersion
from portal.structures import history
from portal.structures.models import Act, Structure
from portal.structures.queries import may_change
from portal.structures.rules import keeps_catalogue

# What a template may say: where an offer is and whom to call are its own.
FIELDS = (
    "nom",
    "type",
    "thematiques",
    "description",
    "publics",
    "publics_precisions",
    "conditions_acces",
    "documents_a_apporter",
    "dominantes",
    "freins",
    "zone_eligibilite",
    "modes_accueil",
    "frequence",
    "volume_horaire_hebdomadaire",
    "nombre_semaines",
    "mobilisable_par",
    "modes_mobilisation",
    "mobilisation_precisions",
    "mode_prescription",
    "frais",
    "frais_precisions",
    "confirmation_mois",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which a template moved: what the offer says, what the template said then and says now."""

    name: str
    mine: Any
    before: Any
    after: Any

    @property
    def is_followed(self) -> bool:
        """True when the offer still says what the template said: taking the new value loses nothing."""
        return bool(self.mine == self.before)


def usable_by(user: User, structure_id: uuid.UUID | None = None) -> Select[Any]:
    """The templates that `user` may begin an offer of this structure (any, when None) from, by name."""
    mine: Any = col(OfferTemplate.structure_id).in_(select(Structure.id).where(may_change(user)))
    if structure_id is not None:
        mine = mine & (col(OfferTemplate.structure_id) == structure_id)
    return (
        select(OfferTemplate)
        .options(joinedload(OfferTemplate.structure))  # type: ignore[arg-type]
        .where(
            or_(col(OfferTemplate.structure_id).is_(None), mine), col(OfferTemplate.is_archived).is_(False)
        )
        .order_by(col(OfferTemplate.structure_id).is_not(None), col(OfferTemplate.nom), col(OfferTemplate.id))
    )


def changeable_by(user: User) -> Select[Any]:
    """The templates that `user` may change: their structures', and the département's for those who keep the catalogue."""
    mine: Any = col(OfferTemplate.structure_id).in_(select(Structure.id).where(may_change(user)))
    if keeps_catalogue(user):
        mine = or_(mine, col(OfferTemplate.structure_id).is_(None))
    return (
        select(OfferTemplate)
        .options(joinedload(OfferTemplate.structure))  # type: ignore[arg-type]
        .where(mine)
        .order_by(col(OfferTemplate.is_archived), col(OfferTemplate.nom), col(OfferTemplate.id))
    )


def create_template(
    session: Session,
    *,
    nom: str,
    valeurs: dict[str, Any],
    structure: Structure | None,
    by: User,
    id: uuid.UUID | None = None,
) -> OfferTemplate:
    """Add a template with its first version. Raises RuleBroken when its name or all its values are missing."""
    template = OfferTemplate(
        structure_id=structure.id if structure else None,
        nom=_name(nom),
        valeurs=_values(valeurs),
        updated_by_id=by.id,
    )
    if id is not None:
        template.id = id
    session.add(template)
    session.flush()
    session.add(TemplateVersion(template_id=template.id, version=1, valeurs=template.valeurs))
    return template


def change_template(
    session: Session, template: OfferTemplate, *, nom: str, valeurs: dict[str, Any], by: User
) -> bool:
    """Change a template; return True when its values did, which makes a version that its offers are told of."""
    kept = _values(valeurs)
    template.nom = _name(nom)
    if kept == template.valeurs:
        return False
    template.valeurs = kept
    template.version += 1
    template.updated_at = clock.now()
    template.updated_by_id = by.id
    session.add(TemplateVersion(template_id=template.id, version=template.version, valeurs=kept))
    return True


def answers(template: OfferTemplate) -> dict[str, Any]:
    """Return what the form of a new offer begins with."""
    return dict(template.valeurs)


def follow(offer: Offer, template: OfferTemplate) -> None:
    """Remember that `offer` was compared with the template as it is now."""
    offer.modele_id, offer.modele_version = template.id, template.version


def offers_behind(template_id: uuid.UUID, version: int) -> Any:
    """Condition on Offer: still in use, it comes from this template and was last compared with a former version."""
    return (
        (col(Offer.modele_id) == template_id)
        & (col(Offer.modele_version) < version)
        & col(Offer.state).in_(states.OPEN)
    )


def differences(session: Session, offer: Offer, template: OfferTemplate) -> list[Difference]:
    """Return what the template changed since `offer` was compared with it, and the offer does not say yet."""
    former = session.get(TemplateVersion, (template.id, offer.modele_version or 0))
    before = former.valeurs if former else {}
    current = history.snapshot(offer, FIELDS)
    return [
        Difference(name, current[name], before.get(name), template.valeurs.get(name))
        for name in FIELDS
        if before.get(name) != template.valeurs.get(name) and current[name] != template.valeurs.get(name)
    ]


def take(session: Session, offer: Offer, template: OfferTemplate, names: Iterable[str], *, by: User) -> bool:
    """Give `offer` the template's values of these fields; the others are left, and not asked about again.

    Return True when something changed. Raises RuleBroken as `change_offer` does.
    """
    values = {name: template.valeurs.get(name) for name in names if name in FIELDS}
    changed = rules.change_offer(
        session,
        offer,
        values,
        structure=offer.structure,
        by=by,
        act=Act.MODELE,
        note=f"Modèle : {template.nom}",
    )
    follow(offer, template)
    return changed


def as_values(names: Iterable[str], values: dict[str, Any]) -> dict[str, Any]:
    """Return what a template keeps of the answers to these fields."""
    return {name: history.plain(values.get(name)) for name in names if name in FIELDS}


def from_plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values kept as JSON as an offer holds them: days are days again."""
    return {
        name: date.fromisoformat(value) if name == "date_fin" and value else value
        for name, value in values.items()
    }


def _values(valeurs: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in valeurs.items() if name in FIELDS and value not in (None, "", [])}
    if not kept:
        raise RuleBroken("Remplissez au moins une réponse : c’est ce que le modèle donnera aux offres.")
    return kept


def _name(nom: str) -> str:
    nom = nom.strip()
    if not 3 <= len(nom) <= 150:
        raise RuleBroken("Donnez un nom au modèle, de 3 à 150 caractères.", field="nom_modele")
    return nom
