"""Twins to settle: the list, two offers side by side, and what is decided."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal.errors import AlreadyDone, RuleBroken
from portal.offers import answers as offer_answers
from portal.offers import merge, twins
from portal.offers import queries as offer_queries
from portal.offers.models import Offer, OfferState
from portal.referencement import comparison, queries, rules
from portal.referencement.views.blueprint import KEEPERS, WRITERS, blueprint
from portal.structures.rules import keeps_catalogue
from portal.web.access import allow, person
from portal.web.fields import posted_version
from portal.web.pagination import PAGE_SIZE, Pager, page_number
from portal.web.session import db

_DISTINCT = "distinctes"


@blueprint.get("/referencement/doublons")
@allow(*KEEPERS)
def doublons() -> Any:
    """The pairs to settle, the nearest first."""
    found = twins.find(db())
    page = page_number(request.args.get("page"))
    pages = max(1, -(-len(found) // PAGE_SIZE))
    if page > pages:
        abort(404)
    shown = twins.read(db(), found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    pager = Pager(items=shown, page=page, pages=pages, total=len(found))
    return render_template("referencement/doublons.html", pager=pager)


@blueprint.get("/referencement/doublons/<uuid:first_id>/<uuid:second_id>")
@allow(*WRITERS)
def compare(first_id: uuid.UUID, second_id: uuid.UUID) -> Any:
    """Two offers side by side."""
    first, second = _both(first_id, second_id)
    merged = next((offer for offer in (first, second) if offer.state is OfferState.FUSIONNEE), None)
    if merged is not None:
        flash(f"« {merged.nom} » est déjà réunie à une autre offre.", "info")
        return redirect(url_for("offers.show", offer_id=merged.merged_into_id), 303)
    return _page(first, second)


@blueprint.post("/referencement/doublons/<uuid:first_id>/<uuid:second_id>")
@allow(*WRITERS)
def settle(first_id: uuid.UUID, second_id: uuid.UUID) -> Any:
    """Say that they are not the same, or make one of the two."""
    first, second = _both(first_id, second_id)
    act = request.form.get("acte", "")
    if act == _DISTINCT:
        merge.say_not_twins(db(), first_id, second_id, by=person())
        db().commit()
        flash("C’est noté : ces deux offres ne seront plus proposées comme doublons.", "success")
        return redirect(_after(first), 303)
    if act not in (comparison.FIRST, comparison.SECOND):
        abort(400)
    kept, removed = (first, second) if act == comparison.FIRST else (second, first)
    versions = {name: posted_version(f"version-{name}") for name in ("a", "b")}
    opened = None
    if versions["a"] is not None and versions["b"] is not None:
        mine, other = (versions["a"], versions["b"]) if act == "a" else (versions["b"], versions["a"])
        opened = merge.Opened(kept=mine, removed=other)
    other_side = comparison.SECOND if act == comparison.FIRST else comparison.FIRST
    take = [name for name in merge.TAKEABLE if request.form.get(f"champ-{name}") == other_side]
    names = kept.nom, removed.nom
    try:
        rules.merge_offers(db(), kept, removed, take=take, by=person(), opened=opened)
    except AlreadyDone as done:
        db().rollback()
        flash(done.message, "info")
        return redirect(url_for("offers.show", offer_id=kept.id), 303)
    except RuleBroken as broken:
        db().rollback()
        db().expire_all()
        first, second = _both(first_id, second_id)
        return make_response(_page(first, second, problem=rules.said(broken), chosen=dict(request.form)), 409)
    db().commit()
    flash(
        f"« {names[1]} » est réunie à « {names[0]} ». Son adresse mène maintenant à l’offre gardée.",
        "success",
    )
    return redirect(url_for("offers.show", offer_id=kept.id), 303)


def _both(first_id: uuid.UUID, second_id: uuid.UUID) -> tuple[Offer, Offer]:
    """Both offers when the person may change both; 404 otherwise."""
    if first_id == second_id:
        abort(404)
    statement = offer_queries.changeable_by(person()).where(col(Offer.id).in_([first_id, second_id]))
    found = {offer.id: offer for offer in db().execute(statement).scalars()}
    if len(found) != 2:
        abort(404)
    return found[first_id], found[second_id]


def _page(
    first: Offer, second: Offer, *, problem: str | None = None, chosen: dict[str, str] | None = None
) -> str:
    lines = comparison.lines(db(), first, second, offer_answers.reader())
    weights = queries.weights(db(), [first.id, second.id])
    chosen = chosen or {}
    return render_template(
        "referencement/compare.html",
        sides=[("a", first, weights[first.id]), ("b", second, weights[second.id])],
        scores={offer.id: comparison.score(offer) for offer in (first, second)},
        reasons=twins.shared(first, first.structure, second, second.structure),
        different=[line for line in lines if not line.same],
        same=[line for line in lines if line.same],
        chosen={line.name: chosen.get(f"champ-{line.name}", line.proposed) for line in lines},
        problem=problem,
        decided=merge.are_not_twins(db(), first.id, second.id),
        keeper=keeps_catalogue(person()),
        distinct=_DISTINCT,
    )


def _after(offer: Offer) -> str:
    if keeps_catalogue(person()):
        return url_for("referencement.doublons")
    return url_for("offers.show", offer_id=offer.id)
