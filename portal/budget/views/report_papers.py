"""Documents of a report: added and withdrawn by the partner as long as it writes it; downloaded as those of the convention."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for

from portal.accounts.models import Role
from portal.budget.views.partners import blueprint, report_of, visible
from portal.conventions import papers
from portal.conventions.engagements import ConventionDocument, PartnerReport
from portal.conventions.models import Convention
from portal.errors import RuleBroken
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.joining import Sent, join
from portal.web.session import db

uploads.accept_document("follow.add_report_paper")


@blueprint.route("/<uuid:convention_id>/rapports/<uuid:report_id>/documents", methods=["GET", "POST"])
@allow(Role.PARTENAIRE)
def add_report_paper(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Add a document to a report."""

    def opened() -> tuple[Convention, PartnerReport]:
        convention = visible(convention_id)
        return convention, report_of(convention, report_id)

    def attach(found: tuple[Convention, PartnerReport], sent: Sent) -> ConventionDocument:
        return papers.attach_to_report(
            db(),
            found[0],
            report_id,
            filename=sent.filename,
            content=sent.content,
            by=person(),
            id=sent.key,
        )

    def page(found: tuple[Convention, PartnerReport], told: dict[str, Any]) -> str:
        convention, report = found
        return render_template(
            "budget/report_paper.html",
            convention=convention,
            report=report,
            home=_home(convention_id, report_id),
            **told,
        )

    return join(opened, attach, lambda _: _home(convention_id, report_id), page)


@blueprint.post(
    "/<uuid:convention_id>/rapports/<uuid:report_id>/documents/<uuid:document_id>/retirer",
)
@allow(Role.PARTENAIRE)
def withdraw_report_paper(convention_id: uuid.UUID, report_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Withdraw a document of a report."""
    convention = visible(convention_id)
    report_of(convention, report_id)
    try:
        name = papers.withdraw_from_report(db(), convention, report_id, document_id, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
    else:
        db().commit()
        flash(f"« {name} » est retiré." if name else "Ce document est déjà retiré.", "success")
    return redirect(_home(convention_id, report_id), 303)


def _home(convention_id: uuid.UUID, report_id: uuid.UUID) -> str:
    return url_for("follow.report", convention_id=convention_id, report_id=report_id, _anchor="documents")
