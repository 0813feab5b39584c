"""The portal: offers, prescriptions and financed places for people on the RSA."""

from datetime import timedelta

from flask import Flask
from flask_compress import Compress
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import cli, tables
from portal.accounts import session as sign_in
from portal.accounts import views as accounts
from portal.beneficiaries import views as beneficiaries
from portal.budget import views as budget
from portal.catalogue import current
from portal.catalogue import views as catalogue
from portal.config import ROOT, Config, load_config
from portal.conventions import queries as convention_queries
from portal.conventions import views as conventions
from portal.db import Database
from portal.exchanges import views as exchanges
from portal.exchanges.api import gate as api_gate
from portal.exchanges.api import views as api
from portal.indicators import views as indicators
from portal.offers import queries as offer_queries
from portal.offers import rules as offer_rules
from portal.offers import views as offers
from portal.prescriptions import delays as answer_delays
from portal.prescriptions import seats
from portal.prescriptions import views as prescriptions
from portal.programme import reading as programme_reading
from portal.programme import views as programme
from portal.referencement import views as referencement
from portal.structures import views as structures
from portal.web import (
    access,
    addresses,
    assets,
    failures,
    formats,
    headers,
    htmx,
    nav,
    pages,
    pagination,
    session,
    uploads,
)
from portal.web.application import Portal

__all__ = ["create_app", "tables"]


def create_app(config: Config | None = None, database: Database | None = None) -> Flask:
    """Return the application for `config` (read from the environment by default).

    `database` lets tests give theirs. Raises ConfigError when a setting cannot be used.
    """
    config = config or load_config()
    app = Portal(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.from_mapping(
        PORTAL=config,
        SECRET_KEY=config.secret_key,
        SESSION_COOKIE_NAME="portail",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.is_https,
        PERMANENT_SESSION_LIFETIME=sign_in.SESSION_LIFE,
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),  # every asset's address carries its content's mark
        COMPRESS_LEVEL=4,  # half the time of 6, for a page one twentieth heavier
        RATELIMIT_STORAGE_URI=config.rate_limit_url,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
    )
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, *[config.proxies] * 4)  # type: ignore[method-assign]

    # What pages share. The order of the first three is that of the questions asked of a request.
    session.init_app(app, database or Database(config.database_url))
    sign_in.init_app(app)
    access.init_app(app)
    uploads.init_app(app)
    CSRFProtect(app)
    accounts.limiter.init_app(app)
    Compress(app)
    htmx.init_app(app)
    headers.init_app(app, https=config.is_https, images=config.tiles_origin)
    failures.init_app(app)
    formats.init_app(app)
    pagination.init_app(app)
    assets.init_app(app)
    nav.init_app(app, config)

    current.init_app(app, config)

    # The rooms, from the ground up.
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(addresses.blueprint)
    app.register_blueprint(accounts.blueprint)
    app.register_blueprint(structures.blueprint)
    app.register_blueprint(offers.blueprint)
    app.register_blueprint(beneficiaries.blueprint)
    app.register_blueprint(conventions.blueprint)
    app.register_blueprint(budget.blueprint)
    app.register_blueprint(budget.partners.blueprint)
    app.register_blueprint(catalogue.blueprint)
    app.register_blueprint(prescriptions.blueprint)
    app.register_blueprint(prescriptions.lien.blueprint)
    app.register_blueprint(programme.blueprint)
    app.register_blueprint(exchanges.blueprint)
    app.register_blueprint(api.blueprint)
    api_gate.init_app(app, https=config.is_https)
    app.register_blueprint(indicators.blueprint)
    app.register_blueprint(referencement.blueprint)
    # The catalogue shows places, which the conventions count: the counter is handed down to it.
    offers.read_places_with(app, convention_queries.places_by_offer)
    offers.read_delays_with(app, answer_delays.usual_delay)
    offers.read_seats_with(app, seats.seats_taken)
    # Structures show their offers, which stand above them, and tell them when they change their name.
    structures.read_offers_with(
        app, count=offer_queries.count_by_structure, listed=offer_queries.of_structure
    )
    structures.read_elsewhere_with(app, catalogue.known.elsewhere)
    structures.on_rename(app, offer_rules.refresh_search_text)
    beneficiaries.read_prescriptions_with(app, prescriptions.lists.lines_of_beneficiary)
    beneficiaries.read_week_with(app, programme_reading.hours_of_this_week)

    cli.init_app(app)
    return app
