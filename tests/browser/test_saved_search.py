"""A search kept from its results, told by an alert, stopped from the message: by mouse; by keyboard and without the script."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlmodel import col, select

from portal import clock, demo, jobs
from portal.accounts.models import OutgoingMail, User
from portal.catalogue.models import Frequence, SavedSearch
from portal.config import load_config
from portal.offers import rules as offers
from portal.offers.models import Offer
from tests.browser.conftest import Portal
from tests.browser.hands import Keyboard, Mouse
from tests.factories.offers import make_offer

_LINK = re.compile(r"https?://\S+/recherches/arreter/\S+")


@pytest.mark.parametrize(
    ("hands", "javascript", "words"),
    # axe needs the script: without it, the pages are gone through by keyboard alone.
    [(Mouse, True, "permis"), (Keyboard, False, "logement")],
    ids=["mouse", "keyboard without the script"],
)
def test_a_search_is_kept_and_its_alert_stopped(
    open_page: Callable[..., Page],
    portal: Portal,
    tmp_path: object,
    hands: type[Mouse],
    javascript: bool,
    words: str,
) -> None:
    page = open_page(javascript=javascript)
    here = hands(page)
    here.sign_in("referent2", demo.PASSWORD)
    here.goto("/offres")
    here.fill("Quoi ?", words)
    if javascript:
        # The fragment brings the link with the results.
        page.get_by_role("link", name="Garder cette recherche").wait_for()
    else:
        here.press("Chercher")
    here.follow("Garder cette recherche")
    here.fill("Nom de la recherche", f"Ma recherche {words}")
    here.tick("Une fois par mois")
    here.press("Garder")
    assert here.title == "Mes recherches"
    assert f"« Ma recherche {words} » est gardée" in here.words

    config = load_config(
        {"PORTAL_SECRET_KEY": "b" * 40, "PORTAL_PUBLIC_URL": portal.url},
        tmp_path,  # type: ignore[arg-type]
    )
    with portal.database.writing() as session:
        search = session.exec(
            select(SavedSearch).where(col(SavedSearch.nom) == f"Ma recherche {words}")
        ).one()
        search.seen_until = clock.now() - timedelta(days=40)
        offer_id = make_offer(session, nom=f"Une offre de {words} toute neuve").id
        search_id = search.id
    jobs.send_alerts(portal.database, config)
    with portal.database.session(read_only=True) as session:
        mail = session.exec(
            select(OutgoingMail)
            .where(col(OutgoingMail.body).contains(f"Ma recherche {words}"))
            .order_by(col(OutgoingMail.created_at).desc())
        ).first()
        assert mail is not None
        assert f"Une offre de {words} toute neuve" in mail.body
    link = _LINK.search(mail.body[mail.body.index(f"Ma recherche {words}") :])
    assert link is not None
    reader = hands(open_page(javascript=javascript))
    reader.goto(link[0].removeprefix(portal.url))
    reader.press("Oui, arrêter cette alerte")
    assert reader.title == "Cette recherche n’écrit plus"
    with portal.database.writing() as session:
        search = session.get_one(SavedSearch, search_id)
        assert search.frequence is Frequence.JAMAIS
        # The other journeys find the demo as it was.
        by = session.get_one(User, search.user_id)
        offers.withdraw_offer(session, session.get_one(Offer, offer_id), by=by)
    here.goto("/recherches")
    here.press(f"Supprimer : Ma recherche {words}")
    assert f"« Ma recherche {words} » est supprimée" in here.words
