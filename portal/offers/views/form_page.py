"""The page of the form of an offer, and what is read from it: shared by those who open, save and try it."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import abort, current_app, make_response, render_template, request
from sqlmodel import col
from werkzeug.datastructures import MultiDict

from portal import besoins, clock, parcours, vocabulary
from portal.accounts.models import Role, User
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.offers import documents, queries, rules, saisies, sessions, twins
from portal.offers.forms import OfferForm, add_spare_sessions, answers_of
from portal.offers.modele_forms import TemplateForm
from portal.offers.models import Offer, OfferState, OfferTemplate, Saisie
from portal.offers.record import WANTED_SCORE, as_record, dora_reasons, missing_to_publish
from portal.structures import history
from portal.structures import queries as structure_queries
from portal.structures.models import Revision, Structure
from portal.web.access import person
from portal.web.answers import Reader
from portal.web.conflicts import Conflict
from portal.web.fields import posted_version
from portal.web.forms import grouped
from portal.web.session import db

WRITERS = (Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION)
PUBLISH = "publier"
# section of the form -> (its title, its fields), in the order of the page
SECTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "section-offre": ("L’offre", ("nom", "type", "thematiques", "description")),
    "section-publics": (
        "Pour qui",
        (
            "publics",
            "publics_precisions",
            "conditions_acces",
            "documents_a_apporter",
            "dominantes",
            "freins",
            "zone_eligibilite",
        ),
    ),
    "section-lieu": (
        "Où et quand",
        (
            "modes_accueil",
            "commune",
            "code_postal",
            "adresse",
            "complement_adresse",
            "horaires_accueil",
            "frequence",
            "volume_horaire_hebdomadaire",
            "nombre_semaines",
            "sessions",
            "date_fin",
        ),
    ),
    "section-demande": (
        "Comment la demander",
        (
            "mobilisable_par",
            "modes_mobilisation",
            "telephone",
            "courriel",
            "contact_nom_prenom",
            "contact_public",
            "lien_mobilisation",
            "mobilisation_precisions",
            "mode_prescription",
        ),
    ),
    "section-prix": ("Prix", ("frais", "frais_precisions")),
    "section-suivi": ("Suivi de la fiche", ("confirmation_mois",)),
}
# Said of what history keeps beside the questions of the form.
EXTRA_LABELS = {"code_insee": "Commune", "sessions": "Sessions", "documents": "Documents à remplir"}


def make_form(*given: Any, offer: Offer | None = None, **options: Any) -> OfferForm:
    """Return the form, told of the département and of the offer that is saved."""
    form = OfferForm(*given, **options)
    form.commune.departement = current_app.config["PORTAL"].departement
    form.saved_date_fin = offer.date_fin if offer else None
    return form


def saved_form(offer: Offer) -> OfferForm:
    """Return the form filled with the offer as it is saved."""
    rows = sessions.as_rows(sessions.of_offer(db(), offer.id))
    return make_form(data=answers_of(offer) | {"sessions": rows}, offer=offer)


def typed_form(saisie: Saisie, offer: Offer | None = None) -> OfferForm:
    """Return the form as somebody left it."""
    return make_form(MultiDict([(str(name), str(value)) for name, value in saisie.champs]), offer=offer)


def reader() -> Reader:
    """Return what reads the answers of this form in French."""
    return Reader(OfferForm(), EXTRA_LABELS)


def find_offer(offer_id: uuid.UUID) -> Offer | None:
    """Return the offer when the person may change it."""
    found: Offer | None = (
        db().execute(queries.changeable_by(person()).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    )
    return found


def the_offer(offer_id: uuid.UUID) -> Offer:
    """Return the offer that the person may change; answer 404 otherwise."""
    return find_offer(offer_id) or abort(404)


def the_structure(structure_id: uuid.UUID) -> Structure:
    """Return the structure that the person may write for; answer 404 otherwise."""
    statement = structure_queries.changeable_by(person()).where(col(Structure.id) == structure_id)
    found: Structure | None = db().execute(statement).scalar_one_or_none()
    return found or abort(404)


def is_asked_to_publish() -> bool:
    """Say whether the button that was pressed publishes."""
    return request.form.get("acte") == PUBLISH


def typed(form: OfferForm) -> dict[str, Any]:
    """Return what the form holds in the names of an offer, without the answers that cannot be read."""
    values = {name: None if form[name].errors else value for name, value in form.values().items()}
    found = form.commune.commune if not form.commune.errors else None
    return values | {"code_insee": found.code if found else None, "commune": found.nom if found else None}


def refuse(form: OfferForm, broken: RuleBroken) -> None:
    """Put the sentences of a broken rule where they belong in the form."""
    if isinstance(broken, rules.Incomplete):
        for name, sentence in broken.problems.items():
            form.refuse(name, sentence)
    elif isinstance(broken, sessions.SeatsTaken):
        form.refuse_row(broken.row, broken.field, broken.message)
    else:
        form.refuse(broken.field, broken.message)


def conflict_of(form: OfferForm, offer: Offer) -> Conflict:
    """Return what to show to the second of two people; the form will replace the newer version when sent again."""
    last: Revision | None = db().execute(history.of_offer(offer.id).limit(1)).scalars().first()
    changes = differences(form, offer)
    form.version.data = str(offer.version)
    changes.pop("code_postal", None) if "code_insee" in changes else None
    return Conflict(
        who=last.by.full_name if last and last.by else "Le portail",
        when=last.at if last else offer.created_at,
        rows=reader().rows(changes),
    )


def differences(form: OfferForm, offer: Offer) -> history.Changes:
    """Return {field: [as saved, as typed]} of the answers that differ; `form` was validated."""
    theirs = history.snapshot(offer, rules.FIELDS) | {
        "sessions": [
            {name: history.plain(value) for name, value in row.items()}
            for row in sessions.as_rows(sessions.of_offer(db(), offer.id))
        ]
    }
    record = form.record()
    mine = {
        name: history.plain(_as_kept(name, record.get(name))) for name in rules.FIELDS if name in record
    } | {"sessions": [{name: history.plain(v) for name, v in row.items()} for row in form.rows()]}
    return history.differences({name: theirs.get(name) for name in mine}, mine)


def again(
    form: OfferForm,
    structure_id: uuid.UUID | None = None,
    offer_id: uuid.UUID | None = None,
    *,
    saved: bool = False,
    broken: RuleBroken | None = None,
) -> Any:
    """Show the form again with every point to mend. `saved`: it shows the offer as it is saved."""
    offer = the_offer(offer_id) if offer_id else None
    structure = offer.structure if offer else the_structure(structure_id or abort(404))
    if is_asked_to_publish() and not saved:
        # Some answers could not be read: say in the same breath what else would be missing.
        sketch = rules.sketch(typed(form), structure)
        for name, sentence in missing_to_publish(sketch, structure).items():
            if name in form and not form[name].errors:
                form.refuse(name, sentence)
    conflict = conflict_of(form, offer) if isinstance(broken, ChangedMeanwhile) and offer else None
    return make_response(page(form, structure, offer, conflict=conflict), 409 if conflict else 422)


def page(
    form: OfferForm,
    structure: Structure,
    offer: Offer | None = None,
    *,
    conflict: Conflict | None = None,
    saisie: Saisie | None = None,
    need: str = "",
    templates: Sequence[OfferTemplate] = (),
) -> str:
    """Render the form, with what is kept of it and what its answers are worth."""
    warnings = form.avertissements or {
        field.name: list(check.warnings)
        for field in form
        if field.data
        and field.name in vocabulary.Service.model_fields
        and (check := vocabulary.check_field(vocabulary.Service, field.name, field.data)).warnings
    }
    if saisie is not None:
        form.validate()
        warnings = form.avertissements
        _forgive(form)
    add_spare_sessions(form)
    saved = offer is not None and request.method == "GET" and saisie is None
    shown = _sketch_of(form, structure, offer.date_maj if offer and saved else clock.today())
    return render_template(
        "offers/form.html",
        form=form,
        offer=offer,
        conflict=conflict,
        saisie=saisie,
        warnings=warnings,
        documents=documents.of_offer(db(), offer.id) if offer else [],
        # Pressing twice keeps one document.
        document_key=uuid.uuid4(),
        themes=theme_groups(form, need),
        need=need,
        proposed=proposed(need),
        templates=templates,
        descriptions={
            name: {
                choice.value: choice.description
                for choice in vocabulary.choices(name)
                if choice.description and choice.description != choice.label
            }
            for name in ("publics", "modes_accueil", "modes_mobilisation")
        },
        **aside(shown, structure, offer_id=offer.id if offer else form.key()),
    )


def panel_of(form: OfferForm, structure: Structure, offer_id: uuid.UUID | None) -> dict[str, Any]:
    """Return what the aside says of what is typed so far."""
    return aside(_sketch_of(form, structure, clock.today()), structure, offer_id=offer_id)


def aside(sketch: Offer, structure: Structure, *, offer_id: uuid.UUID | None) -> dict[str, Any]:
    """Return what stands beside the form: score, what is missing by section, DORA's answer, likely twins."""
    found = vocabulary.quality(as_record(sketch))
    missing = list(found.missing)
    required = missing_to_publish(sketch, structure)
    if not sketch.modes_accueil:
        missing.append(("Dites si l’on vous rencontre sur place ou à distance.", "modes_accueil"))
    named = {name for _, name in missing}
    missing += [(sentence, name) for name, sentence in required.items() if name not in named]
    marks = [
        (anchor, title, sum(name in fields for _, name in missing))
        for anchor, (title, fields) in SECTIONS.items()
    ]
    values = {name: getattr(sketch, name) for name in ("nom", "telephone", "courriel", "code_insee")}
    return {
        # Never rounded up: 79.6 % is not enough.
        "percent": int(found.score * 100 + 1e-9),
        "wanted_percent": round(WANTED_SCORE * 100),
        "missing": missing,
        "marks": marks,
        "dora": dora_reasons(sketch, structure),
        "enough": found.score >= WANTED_SCORE,
        "total_hours": sketch.total_hours,
        "lookalikes": twins.likely(
            db(), structure=structure, offer_id=offer_id, values=values, user=person()
        ),
        "structure": structure,
        "offer_id": offer_id,
    }


def theme_groups(form: OfferForm | TemplateForm, need: str) -> list[Any]:
    """Return the thématiques by category; those that answer the need, or the barriers ticked, come first."""
    groups = grouped(vocabulary.thematiques_by_category())
    first: list[tuple[str, list[str]]] = []
    if need.strip():
        first.append((f"Pour « {need.strip()[:60]} »", besoins.thematiques_of(need)))
    if form.freins.data:
        named = {slug for _, slugs in first for slug in slugs}
        found = [slug for slug in parcours.thematiques_for(form.freins.data) if slug not in named]
        first.append(("Pour les freins cochés", found))
    taken = {slug for _, slugs in first for slug in slugs}
    choices = {member[0]: member for _, members in groups for member in members}
    ahead = [(label, [choices[slug] for slug in slugs]) for label, slugs in first if slugs]
    return ahead + [
        (label, rest)
        for label, members in groups
        if (rest := [member for member in members if member[0] not in taken])
    ]


def proposed(need: str) -> int | None:
    """Return how many thématiques answer the need, None when none was said."""
    return len(besoins.thematiques_of(need)) if need.strip() else None


def saisie_of(user: User, offer_id: uuid.UUID) -> Saisie | None:
    """Return what the person was typing for this offer."""
    return saisies.find(db(), user=user, offer_id=offer_id)


def keep_typed(structure: Structure, offer: Offer | None, offer_id: uuid.UUID) -> None:
    """Keep the answers of this request as they were typed, whatever they are worth.

    Raises RuleBroken when they cannot be: too long, or from a form that the person has saved since.
    """
    opened = posted_version()
    if offer is not None and opened != offer.version and saisie_of(person(), offer_id) is None:
        last: Revision | None = db().execute(history.of_offer(offer_id).limit(1)).scalars().first()
        if last is not None and last.by_id == person().id:
            # Sent just before the form was saved, and come after it; or left open in another window.
            raise RuleBroken("Vous avez enregistré cette fiche depuis. Rouvrez-la pour continuer.")
    saisies.save(
        db(),
        user=person(),
        structure_id=structure.id,
        offer_id=offer_id,
        version=opened if offer is not None else None,
        champs=list(request.form.items(multi=True)),
    )


def is_draft(offer: Offer) -> bool:
    """Say whether saving leads back to the form rather than to the offer's page."""
    return offer.state is OfferState.BROUILLON


def _forgive(form: OfferForm) -> None:
    """What is half typed is not a fault yet."""
    for entry in form.sessions:
        for field in entry.form:
            field.errors = []
    for field in form:
        field.errors = []


def _sketch_of(form: OfferForm, structure: Structure, date_maj: date) -> Offer:
    values = typed(form) if any(field.raw_data is not None for field in form) else _given(form)
    sketch = rules.sketch(values, structure)
    sketch.date_maj = date_maj
    return sketch


def _given(form: OfferForm) -> dict[str, Any]:
    # A form filled from what is saved was not validated: its commune is a label still to be found.
    copy = form.values()
    form.commune.pre_validate(form) if form.commune.data else None
    return copy | {"code_insee": form.commune.commune.code if form.commune.commune else None}


def _as_kept(name: str, value: Any) -> Any:
    if name in rules.LISTS:
        return (list(value or ()) if name == "zone_eligibilite" else sorted(set(value or ()))) or None
    if name == "description":
        return value or ""
    return value
