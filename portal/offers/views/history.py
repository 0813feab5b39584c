"""Looking back: who changed what in an offer, a former version read and put back."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, url_for

from portal.errors import RuleBroken
from portal.offers import modeles, rules, saisies, states
from portal.offers.models import Offer
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import WRITERS, reader, the_offer
from portal.offers.views.life import said
from portal.structures import history
from portal.structures.models import Act, Revision
from portal.web.access import allow, person
from portal.web.fields import posted_version
from portal.web.session import db


@blueprint.get("/offres/<uuid:offer_id>/historique")
@allow(*WRITERS)
def history_of(offer_id: uuid.UUID) -> Any:
    """Who changed what, and when."""
    offer = the_offer(offer_id)
    lines: Sequence[Revision] = db().execute(history.of_offer(offer_id)).scalars().all()
    say = reader()
    return render_template(
        "offers/history.html",
        offer=offer,
        items=[(line, say.rows(line.changes or {})) for line in lines],
        restorable={
            line.id
            for line in lines[1:]
            if line.changes and any(name in rules.FIELDS for name in line.changes)
        }
        if offer.state in states.OPEN
        else set(),
    )


@blueprint.get("/offres/<uuid:offer_id>/historique/<uuid:revision_id>")
@allow(*WRITERS)
def version_of(offer_id: uuid.UUID, revision_id: uuid.UUID) -> Any:
    """What would change if the offer went back to this version."""
    offer = the_offer(offer_id)
    line, wanted = _version(offer, revision_id)
    now = history.snapshot(offer, rules.FIELDS)
    return render_template(
        "offers/version.html",
        offer=offer,
        line=line,
        rows=reader().rows(history.differences(now, wanted)),
    )


@blueprint.post("/offres/<uuid:offer_id>/historique/<uuid:revision_id>")
@allow(*WRITERS)
def restore(offer_id: uuid.UUID, revision_id: uuid.UUID) -> Any:
    """Give the offer the answers it had at this version; the history keeps both."""
    offer = the_offer(offer_id)
    line, wanted = _version(offer, revision_id)
    try:
        changed = rules.change_offer(
            db(),
            offer,
            modeles.from_plain(wanted),
            structure=offer.structure,
            by=person(),
            version=posted_version(),
            act=Act.RESTAURATION,
            note=f"Version n° {line.number}",
        )
    except RuleBroken as broken:
        db().rollback()
        flash(said(broken), "warning")
        return redirect(url_for("offers.version_of", offer_id=offer_id, revision_id=revision_id), 303)
    saisies.drop(db(), user=person(), offer_id=offer_id)
    db().commit()
    flash(
        "L’offre est revenue à cette version. Ses sessions et ses documents sont restés les mêmes."
        if changed
        else "L’offre dit déjà la même chose.",
        "success",
    )
    return redirect(url_for("offers.history_of", offer_id=offer_id), 303)


def _version(offer: Offer, revision_id: uuid.UUID) -> tuple[Revision, dict[str, Any]]:
    lines: Sequence[Revision] = db().execute(history.of_offer(offer.id)).scalars().all()
    now = history.snapshot(offer, rules.FIELDS)
    found = history.values_at(now, lines, revision_id)
    line = next((line for line in lines if line.id == revision_id), None)
    if found is None or line is None:
        abort(404)
    return line, {name: found.get(name) for name in rules.FIELDS}
