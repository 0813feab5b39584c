"""Addresses while they are typed, and where they are; the portal goes on without them when nobody answers."""

from typing import Any

from flask import Blueprint, current_app, render_template, request
from limits import RateLimitItemPerMinute

from portal import geography
from portal.clients import geocoder
from portal.clients.http import Unavailable
from portal.web.access import person, signed_in
from portal.web.session import db
from portal.web.throttle import limiter

blueprint = Blueprint("addresses", __name__)
# Fewer letters mean nothing to the geocoder.
_SHORTEST = 4
# Questions to the geocoder that one person's typing may ask: it serves the whole country, and others here too.
_OFTEN = RateLimitItemPerMinute(60)


@blueprint.get("/adresses")
@signed_in
def complete() -> Any:
    """Addresses that begin as what is typed, in the commune when it is known: the <datalist> of address fields.

    Who asks too often gets none for a while: the address is typed without help.
    """
    typed = " ".join(request.args.get("adresse", "")[:200].split())
    return render_template("web/_addresses.html", found=_found(typed, request.args.get("commune", "")))


def locate_address(adresse: str, code_insee: str) -> tuple[float, float] | None:
    """Return (latitude, longitude) of an address, None when nobody is sure or nobody answers.

    To be asked before anything is written: it ends the transaction of the request.
    """
    base = current_app.config["PORTAL"].geocoder_url
    if not base:
        return None
    # SQLite has one writer at a time: nobody waits for it while we wait for somebody else.
    db().commit()
    try:
        found = geocoder.locate(base, adresse, code_insee)
    except Unavailable:
        return None
    return (found.latitude, found.longitude) if found else None


def _found(typed: str, commune: str) -> list[geocoder.Address]:
    config = current_app.config["PORTAL"]
    if len(typed) < _SHORTEST or not config.geocoder_url:
        return []
    if not limiter.limiter.hit(_OFTEN, "addresses", str(person().id)):
        return []
    try:
        code = geography.resolve(commune[:150], config.departement).code if commune.strip() else None
    except (geography.AmbiguousPlace, geography.UnknownPlace):
        code = None
    try:
        return geocoder.search_addresses(config.geocoder_url, typed, code_insee=code)
    except Unavailable:
        return []
