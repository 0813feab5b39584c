"""The search of the catalogue: one page and its companions, open to all."""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from flask import abort, current_app, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from portal import geography
from portal.accounts.models import Role, User
from portal.catalogue import around, current, needs, sources
from portal.catalogue import place as places
from portal.catalogue.address import Typed, read
from portal.catalogue.criteria import RADII_KM, Around, Criteria, Found, Sort
from portal.catalogue.engine import Card, Snapshot
from portal.catalogue.filters import FILTERS, SORTS
from portal.catalogue.forms import problems_of
from portal.catalogue.views import filters
from portal.catalogue.views.blueprint import blueprint
from portal.catalogue.views.cards import show
from portal.clients import geocoder
from portal.clients.http import Unavailable
from portal.offers import favourites
from portal.web import formats, htmx
from portal.web.access import has_role, person, public, signed_in
from portal.web.pagination import PAGE_SIZE, Pager
from portal.web.session import database, db

COMPLETIONS = 8
# How many of the nearest are shown when the place alone empties the list.
NEAREST = 3
# As far as it goes without leaving the country.
_FARTHEST_KM = 2000
# The form that takes the offers a référent ticks.
CHOSEN = "prescribe-chosen"
_NOTING = "besoin-sans-reponse"
_ROBOT = re.compile(r"bot|crawl|spider|slurp|preview|monitor|curl|wget|python|http", re.IGNORECASE)

Link = tuple[str, str, str]


@dataclass(slots=True)
class Answer:
    """What a search gives to its page: `found` is None when it was not understood."""

    found: Found | None = None
    cards: Markup = Markup()
    nearest: Markup = Markup()
    # The nearest are not open to who lives there.
    for_others: bool = False
    lifts: list[Link] = field(default_factory=list)


@blueprint.get("/offres")
@public
def search() -> Any:
    """Find an offer: what, where, for whom, when, with whose money."""
    typed = _typed(request.args)
    if htmx.wants(_NOTING):
        _note(typed)
        return "", 204
    return _page(typed)


@blueprint.get("/communes")
@public
def communes() -> Any:
    """Places that begin with what is typed: the <datalist> of fields that ask for one.

    A search takes territories too; the other forms ask for a commune.
    """
    departement = current_app.config["PORTAL"].departement
    if "ou" in request.args:
        found = places.complete(request.args["ou"][:100], COMPLETIONS, departement)
    else:
        found = places.complete_communes(request.args.get("commune", "")[:100], COMPLETIONS, departement)
    return render_template("catalogue/_communes.html", found=found)


@blueprint.post("/offres/autour")
@signed_in
def around_address() -> Any:
    """Look around an address: it is sent apart, and the search keeps a point to about a hundred metres."""
    kept = MultiDict(parse_qsl(request.form.get("recherche", "").removeprefix("?")[:4000]))
    typed = _typed(kept)
    written = " ".join(request.form.get("adresse", "")[:200].split())
    place, problem = _locate(written)
    if place is None:
        return _page(typed, address=written, address_problem=problem)
    found = replace(typed, ou=place.label, place=place, near=(), errors={})
    return redirect(url_for("catalogue.search") + found.query(), 303)


def _typed(args: Any) -> Typed:
    typed = read(args, departement=current_app.config["PORTAL"].departement)
    return around.around_the_person(db(), person(), typed)


def _locate(written: str) -> tuple[places.Place | None, str]:
    base = current_app.config["PORTAL"].geocoder_url
    if not written or not base:
        return None, "Écrivez une adresse, par exemple « 12 rue de Brest, Rennes »."
    try:
        found = geocoder.search_addresses(base, written, limit=1)
    except Unavailable:
        return None, "Les adresses ne répondent pas pour l’instant : écrivez une commune dans « Où ? »."
    if not found or found[0].score <= geocoder.SURE:
        return None, "Nous ne trouvons pas cette adresse : ajoutez la commune, ou corrigez le nom de la rue."
    return places.point(found[0].latitude, found[0].longitude, found[0].code_insee), ""


def _page(typed: Typed, *, address: str = "", address_problem: str = "") -> Any:
    config = current_app.config["PORTAL"]
    base = url_for("catalogue.search")
    snapshot, who = current.snapshot(), person()
    answer = Answer() if typed.errors else _answer(typed, snapshot, base, who)
    found = answer.found
    own = {config.source: config.name}
    names = _names(typed, found, snapshot) | {
        slug: own.get(slug) or sources.label(slug) for slug in _sources(typed, found)
    }
    status = 422 if typed.errors or address_problem else 200
    return htmx.page_or_fragment(
        "catalogue/search.html",
        "catalogue/_results.html",
        "offers-results",
        status=status,
        # Clean: a form sends its empty fields too.
        address=base + typed.query(typed.page),
        typed=typed,
        base=base,
        here=base + typed.query(typed.page),
        problems=problems_of(typed, address_problem),
        near=[(label, base + replace(typed, ou=label, place=None).query()) for label in typed.near],
        radii=RADII_KM,
        sorts=[(sort.value, label) for sort, label in SORTS.items()],
        canonical=config.public_url + base,
        found=found,
        cards=answer.cards,
        nearest=answer.nearest,
        for_others=answer.for_others,
        lifts=answer.lifts,
        said=_said(typed, found),
        filters=filters.written(typed, found, names),
        filters_count=sum(len(values) for values in typed.chosen.values()),
        chosen=[
            (label, base + typed.without(name, value).query()) for name, value, label in typed.tags(names)
        ],
        entries=_entries(typed, found, base),
        corrections=_corrections(typed, found, base),
        unknown_words=_unknown(typed, found),
        namesakes=[
            (label, base + replace(typed, ou=label, place=None).query())
            for label in (places.namesakes(typed.place) if typed.place else ())
        ],
        views=[
            (label, base + replace(typed, vue=vue).query(), typed.vue == vue)
            for vue, label in (("liste", "Liste"), ("carte", "Carte"))
        ],
        pager=Pager((), typed.page, max(1, -(-found.total // PAGE_SIZE)), found.total) if found else None,
        page_url=lambda number: base + typed.query(number),
        is_empty=snapshot.total == 0,
        noting=htmx.is_htmx() and typed.page == 1,
        may_keep=who is not None,
        prescribes=CHOSEN if who is not None and who.role is Role.REFERENT else None,
        searched=typed.query(typed.page),
        may_locate=who is not None and bool(config.geocoder_url),
        address_typed=address,
        address_problem=address_problem,
        theirs_url=(
            url_for("beneficiaries.show", beneficiary_id=typed.beneficiaire)
            if typed.beneficiaire and has_role("referent")
            else None
        ),
    )


def _answer(typed: Typed, snapshot: Snapshot, base: str, who: User | None) -> Answer:
    criteria = typed.criteria()
    found = snapshot.search(criteria, page=typed.page, size=PAGE_SIZE, sort=typed.tri, counts=True)
    answer = Answer(found)
    if found.total and (typed.page - 1) * PAGE_SIZE >= found.total:
        abort(404)
    if found.hits:
        answer.cards = _show(typed, snapshot, found, base, who)
    elif snapshot.total:
        answer.lifts = _lifts(typed, snapshot, base)
        answer.nearest, answer.for_others = _nearest(typed, criteria, snapshot, base, who)
        if not htmx.is_htmx():
            _note(typed)
    return answer


def _show(typed: Typed, snapshot: Snapshot, found: Found, base: str, who: User | None) -> Markup:
    held = snapshot.cards(db(), found.hits)
    return show(
        held,
        base=base,
        suffix=f"?beneficiaire={typed.beneficiaire}" if typed.beneficiaire else "",
        place=typed.place,
        tools=_tools(who, held, back=base + typed.query(typed.page), beneficiaire=typed.beneficiaire)
        if who
        else None,
    )


def _tools(
    who: User, held: Sequence[Card], *, back: str, beneficiaire: uuid.UUID | None
) -> Callable[[Card], str]:
    """Return what writes, on a card, the ways to prescribe it for a référent and the button of favourites."""
    kept = favourites.among(db(), who, [card.offer_id for card in held if card.offer_id])
    prescribes = who.role is Role.REFERENT
    template = current_app.jinja_env.get_template("offers/_favourite.html")

    def write(card: Card) -> str:
        nom, is_kept = card.record["nom"], card.offer_id in kept
        button = template.render(offer_id=card.offer_id, offer_nom=nom, kept=is_kept, told=False, back=back)
        prescribe = choose = ""
        if prescribes and "professionnels" in (card.record.get("mobilisable_par") or ()):
            address = url_for("prescriptions.new", offre=card.offer_id, beneficiaire=beneficiaire)
            prescribe = (
                f'<a class="btn btn-secondary" href="{escape(address)}">Prescrire'
                f'<span class="visually-hidden"> : {escape(nom)}</span></a>'
            )
            # Several are prescribed together: the box belongs to a form that stays when the results are replaced.
            choose = (
                f'<div class="form-check no-print"><input class="form-check-input" type="checkbox" name="offre" '
                f'id="offre-{card.offer_id}" value="{card.offer_id}" form="{CHOSEN}">'
                f'<label class="form-check-label" for="offre-{card.offer_id}">Choisir pour prescrire'
                f'<span class="visually-hidden"> : {escape(nom)}</span></label></div>'
            )
        return f'{choose}<div class="card-tools no-print">{prescribe}{button}</div>'

    return write


def _lifts(typed: Typed, snapshot: Snapshot, base: str) -> list[Link]:
    """When nothing is found: what each point of the search hides, those that hide most first."""
    ways: list[tuple[str, Typed]] = []
    if typed.quoi:
        ways.append((f"Sans les mots « {typed.quoi} »", typed.without("quoi")))
    for name in typed.chosen:
        title = FILTERS[name].title
        values = [label for tag, _, label in typed.tags() if tag == name]
        words = (
            f"Sans « {values[0]} »"
            if len(values) == 1 and FILTERS[name].labels
            else f"Sans le filtre {title}"
        )
        ways.append((words, typed.without(name)))
    if typed.place and typed.place.is_around and typed.rayon < max(RADII_KM):
        ways.append((f"Jusqu’à {max(RADII_KM)} km", replace(typed, rayon=max(RADII_KM))))
    if typed.place and typed.place.where(1) is not None:
        ways.append(("Où que ce soit", typed.without("ou")))
    lifts = [
        (snapshot.search(looser.criteria(), size=0).total, words, base + looser.query())
        for words, looser in ways
    ]
    kept = sorted((lift for lift in lifts if lift[0]), key=lambda lift: -lift[0])
    if not kept and len(lifts) > 1:
        everything = Typed(beneficiaire=typed.beneficiaire, vue=typed.vue)
        kept = [(snapshot.total, "Voir toutes les offres", base + everything.query())]
    return [(words, url, formats.count(total, "offre")) for total, words, url in kept]


def _nearest(
    typed: Typed, criteria: Criteria, snapshot: Snapshot, base: str, who: User | None
) -> tuple[Markup, bool]:
    """When the place empties the list: the nearest offers that answer the rest, and whether they are for others."""
    where = criteria.where
    if not isinstance(where, Around):
        return Markup(), False
    for commune in dict.fromkeys((where.commune, None)):
        farther = replace(criteria, where=replace(where, radius_km=_FARTHEST_KM, commune=commune))
        found = snapshot.search(farther, size=NEAREST, sort=Sort.DISTANCE)
        if found.hits:
            # Without their commune, cards say to whom each offer is open.
            around_it = typed if commune else replace(typed, place=None)
            return _show(around_it, snapshot, found, base, who), where.commune is not None and commune is None
    return Markup(), False


def _note(typed: Typed) -> None:
    """Count a need that nothing answers, unless a robot asks."""
    if typed.errors or typed.page != 1 or _ROBOT.search(request.user_agent.string or "bot"):
        return
    criteria = typed.criteria()
    if current.snapshot().search(criteria, size=0).total:
        return
    who = person()
    needs.note(database(), criteria, visitor=str(who.id) if who else request.remote_addr or "")


def _said(typed: Typed, found: Found | None) -> str:
    if found is None:
        return ""
    said = formats.count(found.total, "offre") if found.total else "Aucune offre"
    if typed.place and typed.place.commune:
        return f"{said} pour une personne de {typed.place.commune.nom}"
    if typed.place and typed.place.is_area:
        return f"{said} : {typed.place.nom}"
    return said


def _entries(typed: Typed, found: Found | None, base: str) -> list[Link]:
    """The categories as ways in, for who has not asked anything yet."""
    if found is None or not typed.is_blank or typed.page > 1 or not found.total:
        return []
    labels = FILTERS["thematique"].labels or {}
    return [
        (labels[category], base + typed.having("thematique", category).query(), filters.number(total))
        for category, total in sorted(
            found.counts.get("categories", {}).items(),
            key=lambda item: geography.fold(labels.get(item[0], "")),
        )
        if total and category in labels
    ]


def _corrections(typed: Typed, found: Found | None, base: str) -> list[tuple[str, str, str]]:
    if found is None:
        return []
    insist = base + replace(typed, exact=True).query()
    return [(correction.typed, correction.used, insist) for correction in found.corrections]


def _unknown(typed: Typed, found: Found | None) -> Sequence[str]:
    if found is None or found.total:
        return ()
    return found.unknown_words or ((typed.quoi,) if typed.exact else ())


def _names(typed: Typed, found: Found | None, snapshot: Snapshot) -> dict[str, str]:
    """The names of the structures that the filters and tags show."""
    chosen = {one: snapshot.structures.name(one) or one for one in typed.values("structure")}
    return {**found.names, **chosen} if found else chosen


def _sources(typed: Typed, found: Found | None) -> Sequence[str]:
    return (*typed.values("source"), *(found.counts.get("sources", {}) if found else ()))
