"""Needs that the catalogue does not meet, as the animator reads them."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime

from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.catalogue.models import UnmetNeed
from tests.factories.accounts import make_user
from tests.factories.catalogue import index, known_service
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES
from tests.pages import Browser

SignIn = Callable[[User], Browser]
PERMIS = "mobilite--preparer-un-permis"


def need(session: Session, day: date, nombre: int, thematique: str = PERMIS, code: str = REDON) -> None:
    session.add(UnmetNeed(jour=day, thematique=thematique, code_insee=code, nombre=nombre))
    session.flush()


def rows_of(browser: Browser) -> list[list[str]]:
    answer = browser.client.get("/indicateurs/besoins.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))


def test_needs_with_their_trend_and_what_exists_now(
    session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2026, 6, 15, 10)
    need(session, date(2026, 6, 1), 7)
    need(session, date(2026, 2, 1), 2)
    need(session, date(2026, 2, 1), 5, "numerique", RENNES)
    for day in (date(2025, 7, 1), date(2026, 1, 10), date(2026, 6, 15)):
        need(session, day, 1, "", REDON)
    need(session, date(2025, 7, 1), 1, "sante--addictions", "")
    need(session, date(2025, 6, 15), 90)
    make_offer(session, code_insee=REDON)
    known_service(session)
    index(session)
    page = sign_in(make_user(session, Role.ANIMATION)).get("/indicateurs")
    assert "Préparer un permis, Redon (35600) : 9 recherches, en hausse ; 1 offre aujourd’hui" in (page.text)
    assert "Santé, " not in page.text
    assert "toujours aucune offre" in page.text
    header, *rows = rows_of(page.browser)
    assert header[0] == "Thématique" and header[-1] == "Offres aujourd’hui"
    assert [row[1:6] + row[7:] for row in rows] == [
        ["Redon (35600)", "9", "7", "2", "en hausse", "1"],
        ["Rennes (35000)", "5", "0", "5", "en baisse", "1"],
        ["Redon (35600)", "3", "1", "1", "stable", ""],
        ["Sans commune précise", "1", "0", "0", "stable", "0"],
    ]
    assert rows[2][0] == "Sans thématique précise"


def test_the_page_shows_fifty_and_the_file_has_all(session: Session, sign_in: SignIn) -> None:
    for number in range(53):
        need(session, clock.today(), 1, PERMIS, f"35{number + 1:03d}")
    browser = sign_in(make_user(session, Role.CONVENTIONNEMENT))
    page = browser.get("/indicateurs")
    section = page.soup.select_one('section[aria-labelledby="besoins"]')
    assert section is not None
    assert len(section.select("tbody tr")) == 50
    assert "Les 50 premières lignes ; le fichier les a toutes." in section.get_text()
    assert len(rows_of(browser)) == 54


def test_without_a_need_the_page_says_so(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session, Role.ANIMATION)).get("/indicateurs")
    assert "aucune recherche n’est restée sans réponse" in page.text
