"""The dashboard of the catalogue: each figure against the same one counted another way."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from portal import clock, geography, vocabulary
from portal.accounts.models import Role, User
from portal.indicators import catalogue, charts, past, territories
from portal.offers import queries, rules
from portal.offers.models import Offer, OfferState, Signalement
from portal.offers.record import as_record
from portal.structures import rules as structures
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES, make_partner, make_structure
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
MoveClock = Callable[..., datetime]


def at(move_clock: MoveClock, day: date) -> None:
    move_clock(day.year, day.month, day.day, 10)


def in_catalogue(session: Session) -> int:
    return len(session.execute(queries.published()).scalars().all())


def test_each_month_says_what_the_catalogue_held_that_day(session: Session, move_clock: MoveClock) -> None:
    """The months are told from the history; each is compared with what the catalogue said when it was its last day."""
    keeper = make_user(session, Role.ANIMATION)
    seen: dict[str, int] = {}
    published: Counter[str] = Counter()
    updated: dict[str, set[str]] = {}

    def touch(month: str, offer: Offer) -> None:
        updated.setdefault(month, set()).add(str(offer.id))

    at(move_clock, date(2026, 1, 10))
    structure, closing = make_structure(session), make_structure(session, nom="Elle ferme")
    first = make_offer(session, structure, nom="Première offre")
    leaving = make_offer(session, closing, nom="Offre de celle qui ferme")
    ending = make_offer(session, structure, nom="Finit en mars", date_fin=date(2026, 3, 15))
    published["2026-01"] = 3
    for offer in (first, leaving, ending):
        touch("2026-01", offer)
    at(move_clock, date(2026, 1, 31))
    seen["2026-01"] = in_catalogue(session)
    at(move_clock, date(2026, 2, 12))
    second = make_offer(session, structure, nom="Deuxième offre")
    make_offer(session, structure, nom="Jamais publiée", published=False)
    rules.suspend_offer(session, first)
    published["2026-02"] = 1
    touch("2026-02", second)
    at(move_clock, date(2026, 2, 28))
    seen["2026-02"] = in_catalogue(session)
    at(move_clock, date(2026, 3, 3))
    first.structure = structure
    rules.confirm_offer(session, first, by=keeper)
    structures.close_structure(session, closing, note=None, by=keeper)
    touch("2026-03", first)
    at(move_clock, date(2026, 3, 31))
    seen["2026-03"] = in_catalogue(session)
    at(move_clock, date(2026, 4, 20))
    rules.withdraw_offer(session, second, by=keeper)
    rules.change_offer(session, first, {"frequence": "Le lundi"}, structure=structure, by=keeper)
    touch("2026-04", first)
    session.flush()
    seen["2026-04"] = in_catalogue(session)

    table = past.over_time(session)
    rows = {row[0]: row for row in table.rows}
    assert len(table.rows) == 24
    assert seen == {"2026-01": 3, "2026-02": 3, "2026-03": 2, "2026-04": 1}
    for month, number in seen.items():
        assert rows[month][1] == number, month
        assert rows[month][2] == published[month], month
        assert rows[month][3] == len(updated.get(month, ())), month
    assert rows["2026-02"][4] == 1
    assert rows["2026-04"][5] == 1
    assert rows["2025-12"][1:] == (0, 0, 0, 0, 0)


def test_quality_is_counted_offer_by_offer(session: Session) -> None:
    structure = make_structure(session)
    for number in range(4):
        make_offer(session, structure, nom=f"Complète {number}")
    make_offer(session, structure, nom="Sans rien à dire", contact_public=False, adresse=None)
    session.flush()
    offers = catalogue.listed_offers(session)
    scores, missing, means = catalogue.quality(offers)
    alone = [vocabulary.quality(as_record(offer)) for offer in offers]
    assert scores.notes["good"] == sum(found.score >= 0.8 for found in alone)
    assert sum(row[1] for row in scores.rows) == len(offers) == 5
    assert dict(missing.rows) == Counter(sentence for found in alone for sentence, _ in found.missing)
    assert means.rows == [(structure.nom, 5, round(100 * sum(found.score for found in alone) / len(alone)))]


def test_what_is_to_confirm_by_structure(session: Session) -> None:
    late, fresh = make_structure(session, nom="En retard"), make_structure(session, nom="À jour")
    old = make_offer(session, late, nom="Ancienne")
    old.date_maj = clock.today() - timedelta(days=400)
    rules.suspend_offer(session, make_offer(session, late, nom="Suspendue"))
    make_offer(session, fresh, nom="Récente")
    session.flush()
    table = catalogue.stale(session, catalogue.listed_offers(session))
    assert table.rows == [("En retard", 1, 1, old.date_maj)]


def test_coverage_by_epci_and_population(session: Session) -> None:
    here = make_offer(session, make_structure(session), nom="À Rennes", code_insee=RENNES)
    make_offer(session, make_structure(session), nom="À Redon", code_insee=REDON)
    make_offer(
        session,
        make_structure(session),
        nom="Partout en Ille-et-Vilaine",
        modes_accueil=["a-distance"],
        zone_eligibilite=["35"],
    )
    make_offer(
        session,
        make_structure(session),
        nom="À distance, ailleurs",
        modes_accueil=["a-distance"],
        zone_eligibilite=["75"],
    )
    session.flush()
    table = territories.coverage(catalogue.listed_offers(session), "35")
    subject = vocabulary.category_of((here.thematiques or [""])[0])
    label = next(c.label for c in vocabulary.categories() if c.value == subject)
    rennes = geography.commune(RENNES)
    assert rennes is not None
    epci = geography.epci(rennes.code_epci or "")
    assert epci is not None
    people = sum(
        c.population
        for c in geography.communes()
        if c.code_departement == "35" and c.code_epci == rennes.code_epci
    )
    row = next(row for row in table.rows if row[0] == label and row[1] == epci.nom)
    assert row[2:] == (people, 2, round(20_000 / people, 2))
    others = {row[3] for row in table.rows if row[0] == label and row[1] not in (epci.nom,)}
    assert others == {1, 2}
    assert sum(row[3] for row in table.rows if row[0] != label) == 0
    detail = territories.coverage(catalogue.listed_offers(session), "35", subject)
    assert sum(row[3] for row in detail.rows) == sum(row[3] for row in table.rows)


def test_themes_missing_and_care(session: Session, move_clock: MoveClock) -> None:
    at(move_clock, date(2026, 5, 4))
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, nom="Permis B", published=False)
    twin = make_offer(session, structure, nom="Permis B")
    rules.publish_offer(session, offer, structure=structure, by=partner)
    session.add(Signalement(offer_id=twin.id, by_id=partner.id, motifs=["prix"]))
    session.flush()
    at(move_clock, date(2026, 5, 7))
    rules.validate_offer(session, offer, structure=structure, by=make_user(session, Role.ANIMATION))
    session.flush()
    themes = territories.themes(catalogue.listed_offers(session))
    held = {t for o in session.exec(select(Offer)) for t in o.thematiques or ()}
    assert len(themes.notes["missing"]) == len(vocabulary.choices("thematiques")) - len(held)
    care = dict(past.care(session).rows)
    assert care["Paires de doublons à examiner"] == 1
    assert care["Erreurs signalées sans réponse"] == 1
    assert care["Délai médian de relecture, en jours"] == 3.0
    assert care["Délai médian de réponse, en jours"] is None


def test_an_offer_older_than_the_history_still_counts(session: Session) -> None:
    structure = make_structure(session)
    old = Offer(
        structure_id=structure.id,
        nom="Avant l’historique",
        date_maj=clock.today(),
        state=OfferState.PUBLIEE,
        published_at=clock.now() - timedelta(days=90),
    )
    session.add(old)
    session.flush()
    rows = past.over_time(session).rows
    assert rows[-1][1] == 1


@pytest.mark.parametrize("role", [Role.ANIMATION, Role.CONVENTIONNEMENT])
def test_the_page_and_its_files(session: Session, sign_in: SignIn, role: Role) -> None:
    make_offer(session, nom="=HYPERLINK(1)")
    session.flush()
    browser = sign_in(make_user(session, role))
    page = browser.get("/indicateurs")
    assert page.h1 == "Indicateurs du catalogue"
    links = [str(a["href"]) for a in page.soup.select("a[download]")]
    assert len(links) == 9
    for link in links:
        answer = browser.client.get(link)
        assert answer.status_code == 200, link
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
        assert len(rows) >= 1
        assert all(len(row) == len(rows[0]) for row in rows), link
        assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)
    browser.get("/indicateurs?categorie=mobilite")


def test_a_formula_in_a_name_stays_text(session: Session, sign_in: SignIn) -> None:
    structure = make_structure(session, nom="=1+1 association")
    make_offer(session, structure).date_maj = clock.today() - timedelta(days=400)
    session.flush()
    answer = sign_in(make_user(session, Role.ANIMATION)).client.get("/indicateurs/confirmations.csv")
    assert "'=1+1 association" in answer.data.decode("utf-8-sig")


def test_it_costs_the_same_whatever_the_catalogue(session: Session, sign_in: SignIn) -> None:
    browser = sign_in(make_user(session, Role.ANIMATION))
    costs = []
    for number in (2, 9):
        for _ in range(number):
            make_offer(session, make_structure(session))
        session.commit()
        with count_statements(session) as sent:
            browser.get("/indicateurs")
        costs.append(len(sent))
    assert costs[0] == costs[1] <= 13


def test_pictures_stand_on_round_scales() -> None:
    assert [value for _, value in charts.chart([0, 0], ["a", "b"]).scale] == [0, 1, 2, 3, 4]
    picture = charts.chart([3, 17], ["a", "b"])
    assert picture.scale[-1][1] == 20
    assert picture.marks[1].height > picture.marks[0].height > 0
    assert charts.short_month("2026-02") == "févr. 26"
    assert [charts.shade(n, 10) for n in (0, 1, 4, 10)] == [0, 1, 2, 4]
