"""The page of the form of a structure, shared by those who open, save and publish it."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app, make_response, render_template, request
from sqlmodel import col, select

from portal import vocabulary
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.structures import history, queries, rules
from portal.structures.forms import StructureForm
from portal.structures.models import Revision, Structure
from portal.structures.views.blueprint import the_structure
from portal.web.access import person
from portal.web.answers import Reader
from portal.web.conflicts import Conflict
from portal.web.forms import options
from portal.web.session import db

_LABELS = {"code_insee": "Commune"}
_NO_HEAD = ("", "Aucune : c’est une structure à part entière")


def make_form(structure: Structure | None, *given: Any, **filled: Any) -> StructureForm:
    """Return the form, told of the département and of what the structure may be an antenne of."""
    form = StructureForm(*given, **filled)
    form.commune.departement = current_app.config["PORTAL"].departement
    heads = list(db().execute(queries.possible_heads(person(), structure, form.siret.data)).scalars())
    chosen = _head(form.antenne_of_id.data)
    if chosen is not None and chosen.id not in {head.id for head in heads}:
        heads.append(chosen)
    form.antenne_of_id.choices = options([_NO_HEAD, *((str(head.id), head.nom) for head in heads)])
    return form


def page(
    form: StructureForm,
    structure: Structure | None,
    *,
    warnings: Mapping[str, Any] | None = None,
    told: tuple[str, str] | None = None,
    conflict: Conflict | None = None,
) -> str:
    """Render the form; `told` is (kind of alert, sentence) of what the register answered."""
    return render_template(
        "structures/form.html",
        form=form,
        structure=structure,
        warnings=form.avertissements if warnings is None else warnings,
        told=told,
        conflict=conflict,
        taken=_taken(form, structure),
    )


def again(form: StructureForm, structure_id: uuid.UUID | None, *, broken: RuleBroken | None = None) -> Any:
    """Show the form again with what to mend, or beside what somebody else saved meanwhile."""
    structure = the_structure(queries.changeable_by(person()), structure_id) if structure_id else None
    conflict = conflict_of(form, structure) if isinstance(broken, ChangedMeanwhile) and structure else None
    return make_response(page(form, structure, conflict=conflict), 409 if conflict else 422)


def conflict_of(form: StructureForm, structure: Structure) -> Conflict:
    """Return what to show to the second of two people; the form will replace the newer version when sent again."""
    last: Revision | None = db().execute(history.of_structure(structure.id).limit(1)).scalars().first()
    theirs = history.snapshot(structure, rules.KEPT)
    mine = {name: history.plain(value) for name, value in form.record().items() if name in rules.KEPT}
    mine["reseaux_porteurs"] = sorted(mine["reseaux_porteurs"] or ()) or None
    form.version.data = str(structure.version)
    changes = history.differences({name: theirs.get(name) for name in mine}, mine)
    if "code_insee" in changes or not mine.get("code_postal"):
        # It follows the commune.
        changes.pop("code_postal", None)
    form.form_errors.clear()
    return Conflict(
        who=last.by.full_name if last and last.by else "Le portail",
        when=last.at if last else structure.created_at,
        rows=Reader(form, _LABELS).rows(changes),
    )


def reader(lines: Iterable[Revision]) -> Reader:
    """Return what reads the answers of `lines` in French, the names of the structures they speak of included."""
    spoken = {
        uuid.UUID(value)
        for line in lines
        for value in (line.changes or {}).get("antenne_of_id", ())
        if isinstance(value, str)
    }
    form = StructureForm()
    found = db().exec(select(Structure).where(col(Structure.id).in_(spoken))).all() if spoken else []
    form.antenne_of_id.choices = options((str(head.id), head.nom) for head in found)
    return Reader(form, _LABELS)


def warnings_of(answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return {field: sentences} of what the schema finds odd in what is saved."""
    return {
        name: list(check.warnings)
        for name, value in answers.items()
        if value
        and name in vocabulary.Structure.model_fields
        and (check := vocabulary.check_field(vocabulary.Structure, name, value)).warnings
    }


def _head(text: str | None) -> Structure | None:
    """The structure that was chosen, when the person may choose it whatever its SIREN: one that they may change."""
    try:
        wanted = uuid.UUID(text or "")
    except ValueError:
        return None
    found: Structure | None = (
        db().execute(queries.changeable_by(person()).where(col(Structure.id) == wanted)).scalar_one_or_none()
    )
    return found


def _taken(form: StructureForm, structure: Structure | None) -> Structure | None:
    """The other structure that bears the SIRET of a form that was refused."""
    if request.method != "POST" or not form.siret.errors or not form.siret.data:
        return None
    found: Structure | None = db().execute(queries.of_siret(form.siret.data)).scalar_one_or_none()
    return found if found is not None and (structure is None or found.id != structure.id) else None
