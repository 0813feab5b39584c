"""The catalogue, open to all."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, render_template, request, url_for
from sqlalchemy import func, select

from portal import geography, vocabulary
from portal.offers import favourites, freshness, queries
from portal.offers.forms import SearchForm
from portal.offers.places import Places
from portal.offers.views.blueprint import blueprint
from portal.structures.rules import catalogue_rules
from portal.web import htmx
from portal.web.access import person, public
from portal.web.pagination import Pager, page_number, paginate
from portal.web.session import db

COMPLETIONS = 8
PROPOSALS = 12


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the address of a search holds; `thematiques` are thématiques and whole categories."""

    quoi: str = ""
    ou: str = ""
    thematiques: tuple[str, ...] = ()
    rayon: int = queries.DEFAULT_RADIUS_KM
    beneficiaire: uuid.UUID | None = None

    def address(self, page: int = 1) -> str:
        """Return the address of this search, without what is empty or usual."""
        return url_for(
            "offers.search",
            quoi=self.quoi or None,
            ou=self.ou or None,
            thematique=list(self.thematiques) or None,
            rayon=self.rayon if self.ou and self.rayon != queries.DEFAULT_RADIUS_KM else None,
            beneficiaire=self.beneficiaire,
            page=page if page > 1 else None,
        )

    def offer_address(self, offer_id: uuid.UUID) -> str:
        """Return the address of an offer found by this search: it keeps for whom one looks."""
        return url_for("offers.show", offer_id=offer_id, beneficiaire=self.beneficiaire)


@dataclass(frozen=True, slots=True)
class Lift:
    """A criterion that may be given up: the words of the link, its address, how many offers it would give."""

    words: str
    url: str
    total: int


@blueprint.get("/offres")
@public
def search() -> Any:
    """Find an offer: what, where, how far."""
    form = SearchForm(request.args)
    form.ou.departement = current_app.config["PORTAL"].departement
    valid = form.validate()
    criteria = _criteria(form)
    settings = catalogue_rules(db())
    context: dict[str, Any] = {
        "form": form,
        "criteria": criteria,
        "commune": form.ou.commune,
        "chosen": _chosen(criteria),
        "near": [(label, replace(criteria, ou=label).address()) for label in form.ou.near[:PROPOSALS]],
        "groups": _thematiques(),
        "radii": queries.RADII_KM,
        "is_stale": lambda offer: freshness.is_due(offer, settings),
        "pager": None,
        "places": {},
        "lifts": [],
        "kept": set(),
        "signed_in": False,
        "canonical": f"{current_app.config['PORTAL'].public_url}/offres",
    }
    pager: Pager | None = None
    if valid:
        pager = paginate(
            db(),
            queries.search(_wanted(criteria, form)),
            page_number(request.args.get("page")),
            scalars=False,
        )
        ids = [offer.id for offer, _ in pager.items]
        context |= {"kept": favourites.among(db(), person(), ids), "signed_in": person() is not None}
        context |= {"pager": pager, "places": _places(pager), "lifts": _lifts(criteria, form, pager)}
    return htmx.page_or_fragment(
        "offers/search.html",
        "offers/_results.html",
        "offers-results",
        status=200 if valid else 422,
        # Clean: a form sends its empty fields too.
        address=criteria.address(pager.page if pager else 1),
        **context,
    )


@blueprint.get("/communes")
@public
def communes() -> Any:
    """Communes whose name or postal code begins with what is typed: the <datalist> of fields that ask for one."""
    typed = request.args.get("ou") or request.args.get("commune") or ""
    departement = current_app.config["PORTAL"].departement
    return render_template(
        "offers/_communes.html", found=geography.complete(typed[:100], COMPLETIONS, departement)
    )


def _criteria(form: SearchForm) -> Criteria:
    return Criteria(
        quoi=form.quoi.data or "",
        # The label rather than what was typed: an address that means one place, whoever opens it.
        ou=form.ou.commune.label if form.ou.commune else (form.ou.data or "")[:100],
        thematiques=_compact(form.thematique.data or ()) if not form.thematique.errors else (),
        rayon=form.radius_km,
        beneficiaire=_uuid(request.args.get("beneficiaire")),
    )


def _wanted(criteria: Criteria, form: SearchForm) -> queries.Search:
    return queries.Search(
        commune=form.ou.commune,
        radius_km=criteria.rayon,
        thematiques=form.thematique.expanded,
        words=criteria.quoi,
    )


def _places(pager: Pager) -> dict[uuid.UUID, Places]:
    found: dict[uuid.UUID, Places] = current_app.extensions["offer_places"](
        db(), [offer.id for offer, _ in pager.items]
    )
    return found


def _lifts(criteria: Criteria, form: SearchForm, pager: Pager) -> list[Lift]:
    """When nothing is found: what each criterion hides, those that hide most first."""
    if pager.total:
        return []
    wanted = _wanted(criteria, form)
    ways: list[tuple[str, Criteria, queries.Search]] = []
    if criteria.quoi:
        ways.append(
            (f"Sans les mots « {criteria.quoi} »", replace(criteria, quoi=""), replace(wanted, words=""))
        )
    if criteria.thematiques:
        ways.append(
            (
                "Dans toutes les thématiques",
                replace(criteria, thematiques=()),
                replace(wanted, thematiques=()),
            )
        )
    if wanted.commune and criteria.rayon < max(queries.RADII_KM):
        widest = max(queries.RADII_KM)
        ways.append(
            (f"Jusqu’à {widest} km", replace(criteria, rayon=widest), replace(wanted, radius_km=widest))
        )
    if wanted.commune:
        ways.append(("Où que ce soit", replace(criteria, ou=""), replace(wanted, commune=None)))
    lifts = [Lift(words, looser.address(), _count(search)) for words, looser, search in ways]
    if not any(lift.total for lift in lifts) and len(lifts) > 1:
        everything = Criteria(beneficiaire=criteria.beneficiaire)
        lifts = [Lift("Voir toutes les offres", everything.address(), _count(queries.Search()))]
    return sorted((lift for lift in lifts if lift.total), key=lambda lift: -lift.total)


def _count(wanted: queries.Search) -> int:
    rows = queries.search(wanted).order_by(None).subquery()
    return int(db().execute(select(func.count()).select_from(rows)).scalar_one())


def _chosen(criteria: Criteria) -> list[tuple[str, str]]:
    """The criteria in force, each with the address of the search without it."""
    chosen = [(f"« {criteria.quoi} »", replace(criteria, quoi="").address())] if criteria.quoi else []
    if criteria.ou:
        chosen.append((criteria.ou, replace(criteria, ou="").address()))
    for value in criteria.thematiques:
        others = tuple(other for other in criteria.thematiques if other != value)
        chosen.append((_LABELS.get(value, value), replace(criteria, thematiques=others).address()))
    return chosen


def _thematiques() -> list[tuple[vocabulary.Choice, list[vocabulary.Choice]]]:
    groups = dict(vocabulary.thematiques_by_category())
    return [(category, groups[category.label]) for category in vocabulary.categories()]


def _compact(values: Any) -> tuple[str, ...]:
    """A category in place of its thématiques when they are all there: one word is read faster than six."""
    kept = list(values)
    for category, members in _thematiques():
        if {member.value for member in members} <= set(kept):
            kept = [value for value in kept if vocabulary.category_of(value) != category.value]
            kept.append(category.value)
    return tuple(kept)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


_LABELS = {
    choice.value: choice.label for choice in (*vocabulary.choices("thematiques"), *vocabulary.categories())
}
