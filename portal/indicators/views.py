"""The first page: what each person can do now; and how the catalogue stands."""

from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from sqlmodel import col, func, select

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.budget import queries as budget_queries
from portal.catalogue import current
from portal.conventions import queries as convention_queries
from portal.conventions import reports as convention_reports
from portal.conventions import totals
from portal.conventions.models import Convention
from portal.conventions.states import Standing
from portal.indicators import catalogue, charts, past, territories, unmet
from portal.indicators.table import Table
from portal.offers import queries as offer_queries
from portal.prescriptions import queries as prescription_queries
from portal.structures import queries as structure_queries
from portal.tabular import french_csv
from portal.web.access import allow, person, public
from portal.web.session import db

blueprint = Blueprint("indicators", __name__)


# Active conventions whose places the officer's first page adds up, at most.
_SUMMED = 40


@blueprint.get("/")
@public
def home() -> Any:
    """What to do first, by role; the search for everybody."""
    user = person()
    facts: dict[str, Any] = {}
    if user is not None and user.role in {Role.REFERENT, Role.PARTENAIRE}:
        facts["prescriptions"] = prescription_queries.counts(db(), user)
    if user is not None and user.role is Role.REFERENT:
        facts["people"] = _count(beneficiary_queries.portfolio_of(user))
        facts["proposed"] = prescription_queries.proposed_number(db(), user)
    if user is not None and user.role is Role.PARTENAIRE:
        facts["waiting"] = prescription_queries.waiting_number(db(), user)
        facts["structures"] = list(db().execute(structure_queries.changeable_by(user)).scalars())
        facts["offers"] = _count(offer_queries.changeable_by(user))
        facts["reports_late"], facts["reports_owed"] = convention_reports.owed_by(db(), user, clock.today())
    if user is not None and user.role is Role.CONVENTIONNEMENT:
        today = clock.today()
        numbers = convention_queries.number_by_standing(db(), user, today)
        facts["conventions"] = sum(numbers.values())
        facts["active"] = numbers[Standing.ACTIVE]
        facts["ended"] = numbers[Standing.ECHUE]
        facts["reports_to_read"] = convention_reports.number_to_read(db())
        # Beyond, their list adds up page by page: the first page stays light.
        if 0 < facts["active"] <= _SUMMED:
            active = convention_queries.listed(user, Standing.ACTIVE, today).order_by(None)
            ids = active.with_only_columns(col(Convention.id))
            facts["places"] = totals.ListAccounts(db(), ids, today).total
    if user is not None and user.role in {Role.CONVENTIONNEMENT, Role.ETAT}:
        facts["bilans"] = budget_queries.number_waiting(db(), user)
    return render_template(
        "indicators/home.html",
        user=user,
        facts=facts,
        categories=vocabulary.categories(),
        published=_count(offer_queries.published()),
    )


_WATCHERS = (Role.ANIMATION, Role.ADMINISTRATION, Role.CONVENTIONNEMENT, Role.ETAT)
TABLES = (
    "mois",
    "qualite",
    "manques",
    "structures",
    "confirmations",
    "couverture",
    "thematiques",
    "besoins",
    "suivi",
)
_NEEDS_SHOWN = 50


@blueprint.get("/indicateurs")
@allow(*_WATCHERS)
def dashboard() -> Any:
    """How the catalogue stands: listed over time, good, fresh, covered, once only (annexe 5 of the instruction)."""
    category = request.args.get("categorie") if _is_category(request.args.get("categorie")) else None
    history = past.read_history(db())
    offers = catalogue.listed_offers(db())
    months = past.over_time(db(), history)
    scores, missing, means = catalogue.quality(offers)
    coverage = territories.coverage(offers, _departement(), category)
    counts = coverage.notes["counts"]
    labels = [charts.short_month(row[0]) for row in months.rows]
    return render_template(
        "indicators/dashboard.html",
        months=months,
        listed_chart=charts.chart([row[1] for row in months.rows], labels),
        updated_chart=charts.chart([row[3] for row in months.rows], labels),
        scores=scores,
        score_chart=charts.chart([row[1] for row in scores.rows], [row[0] for row in scores.rows]),
        missing=missing,
        means=means,
        stale=catalogue.stale(db(), offers),
        coverage=coverage,
        shade=charts.shade,
        most=max(counts.values(), default=0),
        category=category,
        categories=vocabulary.categories(),
        themes=territories.themes(offers),
        # One more than is shown, so that the page knows whether the file has others.
        needs=unmet.unmet_needs(db(), current.snapshot, most=_NEEDS_SHOWN + 1),
        needs_shown=_NEEDS_SHOWN,
        care=past.care(db(), history),
        total=len(offers),
    )


@blueprint.get(f"/indicateurs/<any({','.join(TABLES)}):name>.csv")
@allow(*_WATCHERS)
def table(name: str) -> Response:
    """One table of the dashboard, for a spreadsheet."""
    found = _table(name)
    response = Response(french_csv(found.columns, found.rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}.csv"'
    return response


def _table(name: str) -> Table:
    if name == "mois":
        return past.over_time(db())
    if name == "besoins":
        return unmet.unmet_needs(db(), current.snapshot)
    if name == "suivi":
        return past.care(db())
    offers = catalogue.listed_offers(db())
    if name == "confirmations":
        return catalogue.stale(db(), offers)
    if name == "thematiques":
        return territories.themes(offers)
    if name == "couverture":
        category = request.args.get("categorie")
        return territories.coverage(offers, _departement(), category if _is_category(category) else None)
    return next(found for found in catalogue.quality(offers) if found.name == name)


def _departement() -> str:
    return str(current_app.config["PORTAL"].departement)


def _is_category(text: str | None) -> bool:
    return any(category.value == text for category in vocabulary.categories())


def _count(statement: Any) -> int:
    return int(
        db()
        .execute(select(func.count()).select_from(statement.options().order_by(None).subquery()))
        .scalar_one()
    )
