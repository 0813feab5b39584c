"""Questions put to those who send a table."""

from collections.abc import Mapping
from typing import Any

from wtforms import FileField, SelectField, StringField
from wtforms.fields import SelectChoice

from portal.exchanges.imports import columns
from portal.exchanges.models import ImportRun
from portal.web.fields import Keyed
from portal.web.forms import Form, MaxLength

_KIND_LABELS = {columns.STRUCTURES: "Structure", columns.SERVICES: "Offre"}


class SendForm(Keyed):
    """Which table, and where does it come from?"""

    fichier = FileField("Tableau (XLSX ou CSV)")
    source = StringField(
        "D’où vient ce tableau ?",
        [MaxLength(60)],
        description="Le nom de qui le tient, toujours le même d’une fois sur l’autre : il sert à reconnaître ses lignes. "
        "À laisser vide si une colonne « source » le dit.",
    )


class ColumnsForm(Form):
    """What does each column give? The class of one table has a question for each of its columns."""

    source = StringField(
        "D’où vient ce tableau ?",
        [MaxLength(60)],
        description="Le nom de qui le tient, toujours le même d’une fois sur l’autre : il sert à reconnaître ses lignes.",
    )
    departement = StringField(
        "Département",
        [MaxLength(3)],
        description="Son numéro : il tranche quand plusieurs communes portent le même nom.",
    )

    # {sheet: {header: name of its field}}; a subclass for each table fills it in.
    names: Mapping[str, Mapping[str, str]] = {}
    described: list[dict[str, Any]] = []

    def mapping(self) -> dict[str, dict[str, str]]:
        """Return {sheet: {header: target}}."""
        return {
            sheet: {header: self[name].data or "" for header, name in found.items()}
            for sheet, found in self.names.items()
        }

    def name_of(self, problem: columns.Problem) -> str | None:
        """Return the name of the field that a problem is about."""
        if "d’où vient" in problem.sentence:
            return "source"
        if "département" in problem.sentence:
            return "departement"
        return self.names.get(problem.sheet, {}).get(problem.header)

    def sheets(self) -> list[dict[str, Any]]:
        """Return what the page shows: for each sheet its name, lines, and (field, samples) of each column."""
        return [
            {
                "name": sheet["name"],
                "lines": sheet["lines"],
                "columns": [
                    (self[self.names[sheet["name"]][header]], samples)
                    for header, samples in zip(sheet["headers"], sheet["samples"], strict=True)
                ],
            }
            for sheet in self.described
        ]


def columns_form(run: ImportRun, given: Any = None) -> ColumnsForm:
    """Return the form of this run's table, filled in with `given` or with its mapping as it stands."""
    held = run.columns or {}
    sheets = held.get("sheets", [])
    names = {
        sheet["name"]: {header: f"c{i}-{j}" for j, header in enumerate(sheet["headers"])}
        for i, sheet in enumerate(sheets)
    }
    fields = {
        name: SelectField(header, choices=_choices())
        for found in names.values()
        for header, name in found.items()
    }
    made = type("TableColumnsForm", (ColumnsForm,), fields)
    data = {
        name: held["mapping"].get(sheet, {}).get(header, "")
        for sheet, found in names.items()
        for header, name in found.items()
    } | {"source": held.get("source"), "departement": held.get("departement")}
    form: ColumnsForm = made(given, data=data)
    form.names, form.described = names, sheets
    return form


def _choices() -> list[SelectChoice]:
    found = [
        SelectChoice(columns.NOTHING, "Ignorer cette colonne"),
        SelectChoice(columns.IGNORE, "Si elle est remplie, ignorer la ligne"),
    ]
    for kind, labels in columns.LABELS.items():
        # A closed list does not show the group of what was chosen.
        one = _KIND_LABELS[kind].lower()
        found += [
            SelectChoice(
                f"{kind}.{name}", label if one in label else f"{label} ({one})", optgroup=_KIND_LABELS[kind]
            )
            for name, label in labels.items()
        ]
    return found
