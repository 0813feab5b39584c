"""Prescriptions that leave as files. A file is asked for by a form, and whom it names is written down before it leaves."""

import logging
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import Session
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired, Optional

from portal import clock
from portal.accounts.models import Role, User
from portal.prescriptions import business, export_choices, exports
from portal.prescriptions.exports import Filters
from portal.prescriptions.states import State
from portal.prescriptions.views.blueprint import blueprint
from portal.web.access import allow, person
from portal.web.fields import day_field
from portal.web.forms import Form, LongSelect, options
from portal.web.session import database, db

log = logging.getLogger("portal.prescriptions")

# Two forms on one page: the fields of the second have names of their own.
_BUSINESS = "metier"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class PeriodForm(Form):
    """Sent between which days?"""

    du = day_field("Envoyées à partir du")
    au = day_field("Jusqu’au")

    def validate(self, extra_validators: Any = None) -> bool:
        """The days are in order."""
        right = super().validate(extra_validators)
        if right and self.du.data and self.au.data and self.au.data < self.du.data:
            self.refuse("au", "Cette date est avant le début de la période : corrigez-la.")
            return False
        return right

    @property
    def filters(self) -> Filters:
        """What was chosen."""
        return Filters(since=self.du.data, until=self.au.data)


class ExportForm(PeriodForm):
    """Which prescriptions, and in which kind of file?"""

    structure = SelectField("Structure", [Optional()], widget=LongSelect())
    referent = SelectField("Référent", [Optional()], widget=LongSelect())
    convention = SelectField("Convention", [Optional()], widget=LongSelect())
    etat = SelectField(
        "État",
        [Optional()],
        choices=options([("", "Tous"), *((s.value, s.label) for s in State if s is not State.BROUILLON)]),
    )
    fichier = RadioField(
        "Fichier",
        [InputRequired("Choisissez le fichier.")],
        choices=options([("xlsx", "Classeur (XLSX)"), ("csv", "Tableau (CSV)")]),
        default="xlsx",
    )

    @property
    def filters(self) -> Filters:
        """What was chosen."""
        return Filters(
            structure_id=_id(self.structure.data),
            referent_id=_id(self.referent.data),
            convention_id=_id(self.convention.data),
            state=State(self.etat.data) if self.etat.data else None,
            since=self.du.data,
            until=self.au.data,
        )


@blueprint.route("/export", methods=["GET", "POST"])
@allow(Role.REFERENT, Role.PARTENAIRE, Role.CONVENTIONNEMENT)
def export() -> Any:
    """Choose which prescriptions leave, and have them as a file."""
    form = _form(request.form if request.method == "POST" else None)
    if request.method == "GET":
        return _page(form)
    if not form.validate():
        return make_response(_page(form), 422)
    user = person()
    ids = exports.ids_of(db(), user, form.filters, limit=exports.MAX_ROWS + 1)
    if not ids:
        flash("Aucune prescription ne répond à ces choix : il n’y a rien à exporter.", "info")
        return redirect(url_for("prescriptions.export"), 303)
    if len(ids) > exports.MAX_ROWS:
        form.refuse(
            "du",
            f"Il y a plus de {exports.MAX_ROWS // 1000} 000 prescriptions : choisissez une période plus courte.",
        )
        return make_response(_page(form), 422)
    _note(user, ids)
    if form.fichier.data == "csv":
        return _file("csv", "text/csv", lambda s, _: exports.as_csv(user, exports.rows(s, user, ids)))
    return _file("xlsx", _XLSX, lambda s, kept: _workbook(s, kept, user, ids))


@blueprint.post("/export/metier.csv")
@allow(Role.CONVENTIONNEMENT)
def export_business() -> Any:
    """The file for the business software of the département."""
    form = PeriodForm(request.form, prefix=_BUSINESS)
    if not form.validate():
        return make_response(_page(_form(None), business=form), 422)
    ids = exports.ids_of(db(), person(), form.filters, limit=None)
    if not ids:
        flash("Aucune prescription n’a été envoyée dans cette période : il n’y a rien à exporter.", "info")
        return redirect(url_for("prescriptions.export"), 303)
    _note(person(), ids)
    return _file("csv", "text/csv", lambda s, _: business.business_csv(s, ids), name="metier")


def _form(data: Any) -> ExportForm:
    form = ExportForm(data)
    user = person()
    referents = export_choices.referents_of(db(), user)
    structures = export_choices.structures_of(db(), user, [id for id, _ in referents])
    conventions = export_choices.conventions_of(db(), user, [id for id, _ in structures])
    for field, found, every in (
        (form.structure, structures, "Toutes"),
        (form.referent, referents, "Tous"),
        (form.convention, conventions, "Toutes"),
    ):
        field.choices = options([("", every), *((str(id), label) for id, label in found)])
    return form


def _page(form: ExportForm, business: PeriodForm | None = None) -> str:
    user = person()
    return render_template(
        "prescriptions/export.html",
        form=form,
        business=(business or PeriodForm(prefix=_BUSINESS)) if user.role is Role.CONVENTIONNEMENT else None,
        business_refused=business is not None,
        columns=[column.label for column in exports.columns_for(user)],
        names_people=exports.names_people(user),
    )


def _note(user: User, ids: list[uuid.UUID]) -> None:
    """Write in the access journal of each person of the file, named or not, before anything leaves."""
    exports.note(db(), ids, by=user)
    db().commit()


Maker = Callable[[Session, ExitStack], Iterator[bytes]]


def _file(extension: str, mimetype: str, make: Maker, name: str = "prescriptions") -> Response:
    """Answer with what `make` gives, a piece at a time, read in a session that lasts as long as the sending."""
    kept = ExitStack()
    session = database().session(read_only=True)
    kept.callback(session.close)
    try:
        pieces = make(session, kept)
    except BaseException:
        kept.close()
        raise
    response = Response(_sent(pieces, kept), mimetype=mimetype)
    response.call_on_close(kept.close)
    filename = f"{name}-{clock.today().isoformat()}.{extension}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _sent(pieces: Iterator[bytes], kept: ExitStack) -> Iterator[bytes]:
    try:
        yield from pieces
    except Exception:
        log.exception("an export of prescriptions was cut short")
        raise
    finally:
        kept.close()


def _workbook(session: Session, kept: ExitStack, user: User, ids: list[uuid.UUID]) -> Iterator[bytes]:
    """Make the workbook in a file without a name, gone when it is sent or left, and give its content."""
    whole = kept.enter_context(tempfile.TemporaryFile(prefix="portail-"))  # noqa: SIM115
    exports.write_xlsx(whole, user, exports.rows(session, user, ids))
    whole.seek(0)
    return iter(lambda: whole.read(exports.PIECE), b"")


def _id(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None
