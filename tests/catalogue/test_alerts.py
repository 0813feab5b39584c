"""What alerts tell, to whom and when: only what is new, by every filter and source, once."""

from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from portal.catalogue import alerts
from portal.offers import rules as offer_rules
from tests.catalogue.alerting import BEGUN, LATER, MONTHLY, NEVER, MoveClock, Run, keep, mails
from tests.factories.accounts import make_user
from tests.factories.catalogue import index as make_index
from tests.factories.catalogue import known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure
from tests.pages import Browser

# --- What is told -------------------------------------------------------------------------------------------------


def test_what_appeared_since_is_told_once(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    structure = make_structure(session, nom="Auto-école du Pays")
    make_offer(session, structure, nom="Le permis d’avant")
    user = make_user(session)
    search = keep(session, user)
    move_clock(2026, 3, 6, 9)
    new = make_offer(session, structure, nom="Le permis d’après")
    make_offer(
        session, structure, nom="Autre chose", thematiques=["sante--addictions"], description="Soin. " * 40
    )
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told"
    (mail,) = mails(session)
    assert (mail.recipient, mail.subject) == (user.courriel, alerts.SUBJECT)
    assert "Permis : 1 nouvelle offre." in mail.body
    assert f"- Le permis d’après (Auto-école du Pays, Rennes) : http://localhost/offres/{new.id}" in mail.body
    assert "avant" not in mail.body and "Autre chose" not in mail.body
    assert "http://localhost/offres?quoi=permis" in mail.body
    session.refresh(search)
    assert search.alerted_at == search.seen_until == datetime(2026, 3, 10, 8, tzinfo=UTC)
    # Again the same day, and the week after: nothing more.
    assert run() == "0 searches looked at, 0 people told"
    move_clock(2026, 3, 17, 8)
    assert run() == "1 searches looked at, 0 people told"
    assert len(mails(session)) == 1
    session.refresh(search)
    assert (search.seen_until.day, search.alerted_at.day) == (17, 10)


def test_the_links_of_a_message_open(
    session: Session, run: Run, move_clock: MoveClock, browser: Browser
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session), "quoi=permis&ou=Redon+(35600)&public=beneficiaires-des-minimas-sociaux")
    move_clock(*LATER)
    make_offer(session, nom="Le permis à Redon", code_insee=REDON)
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    addresses = [
        word.removeprefix("http://localhost")
        for word in mail.body.split()
        if word.startswith("http://localhost")
    ]
    assert len(addresses) == 4
    assert browser.get(addresses[0]).h1 == "Le permis à Redon"
    assert "Le permis à Redon" in browser.get(addresses[1]).text
    stopping = browser.get(addresses[2])
    assert stopping.form(addresses[2]).submit().h1 == "Cette recherche n’écrit plus"
    assert browser.get(addresses[3], follow=False, status=303)
    make_offer(session, nom="Encore le permis à Redon", code_insee=REDON)
    move_clock(2026, 4, 10, 8)
    assert run() == "0 searches looked at, 0 people told"


def test_what_other_sources_bring_is_told(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    elsewhere = known_structure(session, nom="Recyclerie")
    known_service(session, elsewhere, key="avant", nom="Ordinateurs d’avant")
    make_index(session)
    keep(session, make_user(session), "thematique=numerique", nom="Numérique")
    move_clock(2026, 3, 5, 9)
    known_service(session, elsewhere, key="a b/é", nom="Ordinateurs d’après")
    make_index(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told"
    (mail,) = mails(session)
    assert "Numérique : 1 nouvelle offre." in mail.body
    assert (
        "- Ordinateurs d’après (Recyclerie, Rennes) : http://localhost/offres/dora--a%20b%2F%C3%A9"
        in mail.body
    )
    assert "avant" not in mail.body


def test_a_service_received_again_is_not_new(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    service = known_service(session, key="1")
    make_index(session)
    keep(session, make_user(session), "thematique=numerique")
    at = move_clock(2026, 3, 5, 9)
    service.changed_at, service.record = at, service.record.replace("Atelier", "Grand atelier")
    make_index(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 0 people told"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("thematique=mobilite", True),
        ("thematique=sante", False),
        ("public=femmes", False),
        ("type=accompagnement", True),
        ("type=formation", False),
        ("frais=payant", False),
        ("mode=a-distance", False),
        ("dominante=equilibree", True),
        ("dominante=emploi", False),
        ("heures=5-a-15", True),
        ("heures=15-et-plus", False),
        ("pro=1", True),
        ("places=1", True),
        ("session=1-mois", False),
        ("finance=etat", True),
        ("finance=europe", False),
        ("finance=EX-ALERTE", True),
        ("source=portail-test", True),
        ("source=dora", False),
        ("ou=Rennes+(35000)&rayon=5", True),
        ("ou=Redon+(35600)&rayon=5", False),
        ("ou=Morbihan+(56)", False),
        ("fraicheur=3-mois", True),
        ("qualite=0.5", True),
    ],
)
def test_every_filter_applies(
    session: Session, run: Run, move_clock: MoveClock, query: str, told: bool
) -> None:
    move_clock(*BEGUN)
    structure = make_structure(session)
    keep(session, make_user(session), query)
    move_clock(2026, 3, 6, 9)
    offer = make_offer(session, structure)
    make_action(
        session, make_convention(session, structure, numero="EX-ALERTE", financeurs=["etat"]), [offer]
    )
    move_clock(2026, 3, 10, 8)
    assert run() == f"1 searches looked at, {int(told)} people told"


def test_one_message_a_person_for_all_their_searches(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    one, two = make_user(session), make_user(session)
    keep(session, one, "quoi=permis", nom="Le permis")
    keep(session, one, "thematique=mobilite", nom="Mobilité")
    keep(session, one, "thematique=sante", nom="Santé")
    keep(session, one, "type=accompagnement", NEVER, nom="Sans alerte")
    keep(session, one, "frais=gratuit", MONTHLY, nom="Au mois")
    keep(session, two, "quoi=permis", nom="Pour moi aussi")
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "4 searches looked at, 2 people told"
    told = {mail.recipient: mail for mail in mails(session)}
    assert set(told) == {one.courriel, two.courriel}
    mine = told[one.courriel].body
    assert mine.count("1 nouvelle offre.") == 2
    assert mine.index("Le permis : 1") < mine.index("Mobilité : 1")
    for absent in ("Santé", "Sans alerte", "Au mois", "Pour moi aussi"):
        assert absent not in mine
    # The subject says nothing of anybody, nor of what they look for.
    assert told[one.courriel].subject == told[two.courriel].subject == alerts.SUBJECT


def test_a_message_names_ten_offers_and_counts_the_others(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session))
    move_clock(*LATER)
    structure = make_structure(session)
    for number in range(13):
        make_offer(session, structure, nom=f"Permis {number}")
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    assert "Permis : 13 nouvelles offres." in mail.body
    assert mail.body.count("\n- Permis ") == alerts.MOST_LISTED
    assert "- et 3 autres, dans la recherche" in mail.body


def test_more_results_than_a_page_of_the_engine_are_all_looked_at(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_PAGE", 4)
    monkeypatch.setattr(alerts, "_TOGETHER", 3)
    move_clock(*BEGUN)
    structure = make_structure(session)
    for number in range(6):
        make_offer(session, structure, nom=f"Permis d’avant {number}")
    keep(session, make_user(session))
    move_clock(2026, 3, 3, 9, 0, 1)
    for number in range(5):
        make_offer(session, structure, nom=f"Permis d’après {number}")
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    # Of the same day, to the second: the moment counts, not the day.
    assert "Permis : 5 nouvelles offres." in mail.body
    assert "avant" not in mail.body


def test_an_offer_that_left_meanwhile_is_not_told(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    keep(session, user)
    move_clock(*LATER)
    offer = make_offer(session)
    move_clock(2026, 3, 6, 9)
    offer_rules.withdraw_offer(session, offer, by=user)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 0 people told"


def test_a_search_that_cannot_be_read_any_more_tells_nothing(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    search = keep(session, make_user(session))
    # Without its retired value it would be about everything.
    search.criteres = {"type": ["retire"]}
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []
