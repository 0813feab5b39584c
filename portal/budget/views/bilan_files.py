"""A bilan as files."""

import uuid
from typing import Any

from flask import Response, current_app

from portal import clock
from portal.budget import bilan_pdf, bilan_workbook, bilans
from portal.budget.bilan_models import Bilan, BilanState
from portal.budget.bilans import PartState
from portal.budget.views.bilans import opened_for_files
from portal.budget.views.blueprint import READERS, blueprint
from portal.web.access import allow
from portal.web.session import db

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/<uuid:convention_id>/bilans/<uuid:bilan_id>/bilan.xlsx")
@allow(*READERS)
def bilan_sheets(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """The bilan as a workbook in the official layout."""
    convention, bilan, states = opened_for_files(convention_id, bilan_id)
    told = bilans.told_by(db(), convention, bilan)
    return _file(bilan_workbook.as_xlsx(bilan, told, _texts(states)), bilan, _XLSX, "xlsx")


@blueprint.get("/<uuid:convention_id>/bilans/<uuid:bilan_id>/bilan.pdf")
@allow(*READERS)
def bilan_paper(convention_id: uuid.UUID, bilan_id: uuid.UUID) -> Any:
    """The bilan as a PDF."""
    convention, bilan, states = opened_for_files(convention_id, bilan_id)
    told = bilans.told_by(db(), convention, bilan)
    content = bilan_pdf.as_pdf(
        told, _texts(states), portal=current_app.config["PORTAL"].name, standing=_standing(bilan)
    )
    return _file(content, bilan, "application/pdf", "pdf")


def _standing(bilan: Bilan) -> str:
    moment = bilan.arrete_at or bilan.remis_at
    if bilan.state is BilanState.PREPARATION or moment is None:
        return f"En préparation, au {clock.today():%d/%m/%Y}"
    said = "Arrêté" if bilan.state is BilanState.ARRETE else "Remis à l’État"
    return f"{said} le {moment.astimezone(clock.PARIS):%d/%m/%Y}"


def _texts(states: list[PartState]) -> list[tuple[str, str]]:
    return [(state.part.title, state.texte) for state in states]


def _file(content: bytes, bilan: Bilan, mimetype: str, extension: str) -> Response:
    answer = Response(content, mimetype=mimetype)
    name = f"bilan-{bilan.kind.value}-{bilan.annee}.{extension}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
