"""The pages of what the portal knows from elsewhere: an offer, a structure and its offers."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from flask import current_app, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from sqlmodel import col, select
from werkzeug.routing import BaseConverter

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.catalogue import sources
from portal.catalogue.current import catalogue
from portal.catalogue.models import KnownService, KnownStructure
from portal.catalogue.views.blueprint import blueprint
from portal.catalogue.views.cards import STALE_MONTHS
from portal.catalogue.views.map import is_vague
from portal.offers.freshness import months_after
from portal.web.access import has_role, person, public
from portal.web.session import db

_LONGEST = 240
# A structure of more offers than this sends to the search.
_LISTED = 50


class KnownId(BaseConverter):
    """A prefixed id, `<source>--<the producer's id>`; two hyphens in a row are in no other address of the portal."""

    regex = r"[^/]+?--.+"
    # The ids of some producers hold a slash.
    part_isolating = False


def _teach_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["known"] = KnownId


blueprint.record(_teach_ids)


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a structure's page: an offer's name, its address and its record."""

    nom: str
    url: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Twin:
    """Another record of a structure: its name, the name of its source (None: ours), the address of its page."""

    nom: str
    source: str | None
    url: str


@blueprint.get("/offres/<known:known_id>")
@public
def known(known_id: str) -> Any:
    """One offer of another source; whoever asks for one of ours by that id is led to its page."""
    beneficiaire = _uuid(request.args.get("beneficiaire"))
    if ours := _ours(known_id):
        return redirect(url_for("offers.show", offer_id=ours, beneficiaire=beneficiaire), 301)
    statement: Any = (
        select(KnownService.record, KnownStructure.record)
        .join(KnownStructure, col(KnownStructure.id) == col(KnownService.structure_id))
        .where(col(KnownService.id) == known_id)
    )
    row = db().execute(statement).one_or_none() if _may_be_known(known_id) else None
    if row is None:
        return _unknown("Cette offre n’est pas connue ici")
    offer, structure = orjson.loads(row[0]), orjson.loads(row[1])
    day = date.fromisoformat(offer["date_maj"])
    professional = person() is not None
    return render_template(
        "catalogue/known.html",
        offer=offer,
        structure=structure,
        source=sources.label(offer["source"]),
        structure_url=url_for("catalogue.known_structure", known_id=structure["id"]),
        date_maj=day,
        due=clock.today() >= months_after(day, STALE_MONTHS),
        score=vocabulary.quality(offer | {"date_maj": day}).score,
        contact={
            # The name of somebody: the trade needs it, search engines do not.
            "nom": offer["contact_nom_prenom"] if professional else None,
            "telephone": offer["telephone"] or structure["telephone"],
            "courriel": offer["courriel"] or structure["courriel"],
        },
        hidden_name=bool(offer["contact_nom_prenom"]) and not professional,
        vague=_is_placed(offer) and is_vague(offer),
        twins=twins_of(structure["id"]),
        beneficiaire=beneficiaire,
        referent=has_role(Role.REFERENT),
        canonical=offer["lien_source"],
        here=f"{current_app.config['PORTAL'].public_url}{url_for('catalogue.known', known_id=known_id)}",
    )


@blueprint.get("/structures/<known:known_id>")
@public
def known_structure(known_id: str) -> Any:
    """One structure of another source and its offers; one of ours by that id leads to its page."""
    if ours := _ours(known_id):
        return redirect(url_for("structures.show", structure_id=ours), 301)
    row = db().get(KnownStructure, known_id) if _may_be_known(known_id) else None
    if row is None:
        return _unknown("Cette structure n’est pas connue ici")
    structure = orjson.loads(row.record)
    statement: Any = (
        select(KnownService.id, KnownService.record)
        .where(col(KnownService.structure_id) == row.id)
        .order_by(col(KnownService.id))
        .limit(_LISTED + 1)
    )
    found = [(known_id, orjson.loads(record)) for known_id, record in db().execute(statement).all()]
    listed = [
        Listed(record["nom"], url_for("catalogue.known", known_id=service_id), record)
        for service_id, record in found[:_LISTED]
    ]
    return render_template(
        "catalogue/known_structure.html",
        structure=structure,
        source=sources.label(structure["source"]),
        date_maj=date.fromisoformat(structure["date_maj"]),
        networks=vocabulary.labels("reseaux_porteurs", structure["reseaux_porteurs"]),
        listed=sorted(listed, key=lambda line: line.nom.casefold()),
        more=len(found) > _LISTED,
        vague=_is_placed(structure) and is_vague(structure),
        twins=twins_of(structure["id"]),
        canonical=structure["lien_source"],
    )


def twins_of(structure_id: str) -> list[Twin]:
    """Return the other structures that are this one (prefixed id), ours first, then by source."""
    # A second late for everybody: nobody changes here what this tells.
    structures = catalogue().snapshot(db()).structures
    found = []
    for twin in structures.twins_of(structure_id):
        nom = structures.name(twin)
        ours = _ours(twin)
        if nom is not None:
            url = (
                url_for("structures.show", structure_id=ours)
                if ours
                else url_for("catalogue.known_structure", known_id=twin)
            )
            found.append(Twin(nom, None if ours else sources.label(twin.partition("--")[0]), url))
    return sorted(found, key=lambda twin: (twin.source or "", twin.nom))


def elsewhere(structure_id: uuid.UUID) -> list[Twin]:
    """Return what other sources publish of one of our structures."""
    return twins_of(f"{current_app.config['PORTAL'].source}--{structure_id}")


def _is_placed(record: dict[str, Any]) -> bool:
    return record["latitude"] is not None and record["longitude"] is not None


def _may_be_known(known_id: str) -> bool:
    # PostgreSQL refuses the character zero, which an address may hold.
    return len(known_id) <= _LONGEST and known_id.isprintable()


def _ours(known_id: str) -> uuid.UUID | None:
    """Return the id of our row that a prefixed id names; None when it is of another source."""
    source, _, rest = known_id.partition("--")
    return _uuid(rest) if source == current_app.config["PORTAL"].source else None


def _unknown(title: str) -> Any:
    return make_response(render_template("catalogue/unknown.html", title=title), 404)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
