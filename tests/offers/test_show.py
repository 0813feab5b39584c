"""The page of an offer: what each reader finds on it, and what stands at the address of one that is hidden or merged."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers import documents, queries, rules
from portal.offers.models import Offer, OfferState
from portal.offers.views.show import in_catalogue
from portal.structures import rules as structure_rules
from portal.structures.models import StructureState
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_partner, make_structure
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def facts(page: Page) -> dict[str, str]:
    return {
        " ".join(row.select_one("dt").text.split()): " ".join(row.select_one("dd").text.split())  # type: ignore[union-attr]
        for row in page.soup.select(".fact")
    }


def meta(page: Page, name: str) -> str:
    tag = page.soup.select_one(f'meta[name="{name}"], meta[property="{name}"]')
    assert tag is not None, name
    return str(tag["content"])


def merge(session: Session, removed: Offer, kept: Offer) -> None:
    removed.state, removed.merged_into_id = OfferState.FUSIONNEE, kept.id
    session.flush()


# --- What is read ---


def test_the_local_facts_are_in_the_box(session: Session, browser: Browser) -> None:
    last = clock.today() + timedelta(days=30)
    offer = make_offer(
        session,
        frequence="Le mardi matin",
        freins=["mobilite", "sante"],
        date_fin=last,
        volume_horaire_hebdomadaire=7.5,
        nombre_semaines=4,
    )
    session.commit()
    found = facts(browser.get(f"/offres/{offer.id}"))
    assert found["Fréquence"] == "Le mardi matin"
    assert found["Aide à surmonter"] == "Mobilité, Santé"
    assert found["Durée"] == "7 h 30 par semaine × 4 semaines (30 h en tout)"
    assert str(last.year) in found["Jusqu’au"]
    assert found["Mise à jour"] == "aujourd’hui"


def test_documents_are_listed_and_downloaded(session: Session, browser: Browser) -> None:
    offer = make_offer(session, documents_a_apporter="Pièce d’identité\n\n  Attestation de la CAF ")
    user = make_user(session, Role.ANIMATION)
    documents.add(session, offer, filename="Fiche d’inscription.pdf", content=b"%PDF-1.4", by=user)
    session.commit()
    page = browser.get(f"/offres/{offer.id}")
    listed = [" ".join(item.text.split()) for item in page.soup.select("main li")]
    assert {"Pièce d’identité", "Attestation de la CAF", "Fiche d’inscription.pdf (1 ko)"} <= set(listed)
    answer = page.click("Fiche d’inscription.pdf").response
    assert answer.data == b"%PDF-1.4"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_the_mode_of_prescription_is_for_professionals(
    session: Session, browser: Browser, sign_in: SignIn
) -> None:
    offer = make_offer(session, mode_prescription="Fiche de liaison")
    session.commit()
    assert "Fiche de liaison" not in browser.client.get(f"/offres/{offer.id}").text
    assert "Fiche de liaison" in sign_in(make_user(session)).get(f"/offres/{offer.id}").text


def test_what_search_engines_read(session: Session, browser: Browser) -> None:
    words = "Un atelier pour apprendre à se déplacer <seul> & sans crainte dans le pays de Redon. "
    offer = make_offer(session, nom="Vélo « facile »", description=words * 5)
    session.commit()
    page = browser.get(f"/offres/{offer.id}?beneficiaire={uuid.uuid4()}")
    summary = meta(page, "description")
    assert summary.startswith("Un atelier pour apprendre à se déplacer <seul> & sans")
    assert 100 < len(summary) <= 156
    assert summary.endswith("…")
    assert meta(page, "og:title") == "Vélo « facile »"
    assert meta(page, "og:url") == f"http://localhost/offres/{offer.id}"
    canonical = page.soup.select_one('link[rel="canonical"]')
    assert canonical is not None
    assert canonical["href"] == f"http://localhost/offres/{offer.id}"
    assert page.soup.select_one("title").text.startswith("Vélo « facile » – ")  # type: ignore[union-attr]


def test_a_search_with_criteria_is_not_indexed(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    plain = browser.get("/offres")
    assert plain.soup.select_one('link[rel="canonical"]')["href"] == "http://localhost/offres"  # type: ignore[index]
    assert not plain.soup.select_one('meta[name="robots"]')
    chosen = browser.get("/offres?ou=Redon")
    assert meta(chosen, "robots") == "noindex, follow"
    assert not chosen.soup.select_one('link[rel="canonical"]')


def test_the_page_is_passed_on(session: Session, browser: Browser, sign_in: SignIn) -> None:
    offer = make_offer(session, nom="Vélo & train + bus")
    session.commit()
    address = f"http://localhost/offres/{offer.id}"
    reader = make_user(session)
    for page in (browser.get(f"/offres/{offer.id}"), sign_in(reader).get(f"/offres/{offer.id}")):
        # The script shows the button; without it there would be nothing to press.
        copy = page.soup.select_one("[data-copy]")
        assert copy is not None
        assert copy["data-copy"] == address
        assert copy.has_attr("hidden")
        mail = page.soup.select_one('a[href^="mailto:?"]')
        assert mail is not None
        sent = parse_qs(urlsplit(str(mail["href"])).query)
        assert sent["subject"] == ["Vélo & train + bus"]
        assert sent["body"][0].endswith(address)
        for personal in (reader.nom, reader.courriel):
            assert personal not in unquote(str(mail["href"]))


def test_the_page_costs_six_statements_to_anybody(
    app: Flask, session: Session, browser: Browser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other sources say of the structure comes from memory, which is read again when it moved.
    monkeypatch.setitem(app.extensions, "structure_elsewhere", lambda structure_id: [])
    offer = make_offer(session)
    partner, structure = make_partner(session)
    own = make_offer(session, structure)
    session.commit()
    costs = []
    for reader, shown in ((browser, offer), (sign_in(make_user(session)), offer), (sign_in(partner), own)):
        with count_statements(session) as sent:
            reader.get(f"/offres/{shown.id}")
        costs.append(len(sent))
    # Who is signed in, whether they may change it, whether it is a favourite.
    assert costs[0] <= 6
    # One more for a référent: how soon the structure answers.
    assert max(costs) <= 10


# --- Its editors ---


@pytest.mark.parametrize(
    ("state", "words", "buttons"),
    [
        ("brouillon", "Vous êtes seuls à la voir", {"Publier", "Archiver", "Dupliquer"}),
        ("a_valider", "L’animateur du département la relit", {"Retirer", "Archiver"}),
        ("publiee", "Fiche remplie à", {"Toujours valable", "Retirer", "Archiver"}),
        ("suspendue", "Personne ne l’a confirmée à temps", {"Toujours valable", "Retirer", "Archiver"}),
        ("archivee", "Elle est rangée et cachée", {"Reprendre"}),
    ],
)
def test_editors_read_the_state_and_what_to_do(
    session: Session, sign_in: SignIn, state: str, words: str, buttons: set[str]
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    offer.state = OfferState(state)
    session.commit()
    page = sign_in(partner).get(f"/offres/{offer.id}")
    assert words in page.text
    acts = {"Publier", "Toujours valable", "Retirer", "Archiver", "Dupliquer", "Reprendre"}
    shown = acts & set(page.buttons())
    assert buttons <= shown
    assert shown - buttons <= {"Dupliquer"}
    if state != "publiee":
        assert meta(page, "robots") == "noindex"
        assert "Garder en favori" not in page.buttons()
    assert page.click("Historique").h1


@pytest.mark.parametrize(
    ("structure_state", "words"),
    [
        (StructureState.A_VALIDER, "dès que l’animateur aura validé la structure"),
        (StructureState.BROUILLON, "tant que la structure n’est pas publiée"),
        (StructureState.FERMEE, "La structure est fermée"),
    ],
)
def test_editors_read_why_a_published_offer_is_hidden(
    session: Session, sign_in: SignIn, structure_state: StructureState, words: str
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    structure.state = structure_state
    structure.closed_on = clock.today() if structure_state is StructureState.FERMEE else None
    session.commit()
    page = sign_in(partner).get(f"/offres/{offer.id}")
    assert words in page.text
    assert meta(page, "robots") == "noindex"


def test_editors_read_the_remark_of_the_animator(session: Session, browser: Browser, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    animator = make_user(session, Role.ANIMATION)
    rules.send_back_offer(session, offer, note="Précisez le prix.", by=animator)
    session.commit()
    assert "Précisez le prix." in sign_in(partner).get(f"/offres/{offer.id}").text
    assert "Précisez" not in browser.client.get(f"/offres/{offer.id}").text


def test_an_old_offer_is_said_to_be_confirmed(session: Session, browser: Browser, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    offer.date_maj = clock.today() - timedelta(days=200)
    session.commit()
    assert "à vérifier" in facts(browser.get(f"/offres/{offer.id}"))["Mise à jour"]
    assert "Elle est à confirmer" in sign_in(partner).get(f"/offres/{offer.id}").text


# --- Hidden ones ---


def test_the_page_of_a_gone_offer_leads_to_near_ones(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    gone = make_offer(session, structure, nom="Permis du soir", code_insee=REDON)
    make_offer(session, structure, nom="Permis du matin", code_insee=REDON)
    make_offer(session, structure, nom="Autre chose", code_insee=REDON, thematiques=["sante--addictions"])
    rules.withdraw_offer(session, gone, by=make_user(session, Role.ANIMATION))
    session.commit()
    page = browser.get(f"/offres/{gone.id}", status=410)
    assert "Permis du soir" not in page.response.text
    near = page.click("Chercher une offre proche")
    assert [a.text.strip() for a in near.soup.select(".result-title a")] == ["Permis du matin"]
    assert near.form("offers-search").values["ou"] == "Redon (35600)"
    assert page.click("Voir la structure").path == f"/structures/{structure.id}"


def test_a_closed_structure_is_not_linked(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure)
    structure_rules.close_structure(session, structure, note=None, by=make_user(session, Role.ANIMATION))
    session.commit()
    assert "Voir la structure" not in browser.get(f"/offres/{offer.id}", status=410).text


def test_hidden_offers_look_alike_when_nobody_ever_saw_them(session: Session, browser: Browser) -> None:
    draft = make_offer(session, published=False)
    waiting = make_offer(session, published=False)
    waiting.state = OfferState.A_VALIDER
    unseen = make_offer(session, make_structure(session, published=False))
    session.commit()
    unknown = browser.get(f"/offres/{uuid.uuid4()}", status=404).text
    for offer in (draft, waiting, unseen):
        assert browser.get(f"/offres/{offer.id}", status=404).text == unknown


def test_the_page_and_the_catalogue_agree_on_what_is_seen(session: Session) -> None:
    today = clock.today()
    days: tuple[date | None, ...] = (None, today - timedelta(days=1), today, today + timedelta(days=1))
    for published in (True, False):
        for day in days:
            structure = make_structure(session, published=published)
            make_offer(session, structure, date_fin=day)
            make_offer(session, structure, published=False, date_fin=day)
    session.flush()
    listed = {offer.id for offer in session.execute(queries.published()).scalars()}
    every = list(session.execute(queries.all_offers()).scalars())
    assert len(every) == 16
    assert {offer.id for offer in every if in_catalogue(offer)} == listed
    assert len(listed) == 3


# --- Merged ones ---


def test_what_hangs_on_a_merged_offer_leads_to_the_kept_one(
    session: Session, browser: Browser, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    kept, middle, removed = (make_offer(session, structure, nom=f"Vélo {n}") for n in "abc")
    document, _ = documents.add(session, removed, filename="Fiche.pdf", content=b"%PDF-1.4", by=partner)
    merge(session, removed, middle)
    merge(session, middle, kept)
    session.commit()
    referent, editor = sign_in(make_user(session)), sign_in(partner)
    here, there = f"/offres/{removed.id}", f"/offres/{kept.id}"
    person = uuid.uuid4()
    for reader, address, wanted in (
        (browser, here, there),
        (browser, f"{here}?beneficiaire={person}", f"{there}?beneficiaire={person}"),
        (browser, f"{here}/documents/{document.id}", there),
        (referent, f"{here}/signaler", f"{there}/signaler"),
        (editor, here, there),
        (editor, f"{here}/modifier", f"{there}/modifier"),
    ):
        answer = reader.client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (301, wanted), address
    # Nobody learns where it leads without being allowed to knock.
    assert browser.client.get(f"{here}/modifier").status_code == 303
    # Its own history stays where it was.
    assert editor.get(f"{here}/historique").path == f"{here}/historique"


def test_a_press_on_a_merged_offer_is_not_led_elsewhere(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    kept, removed = make_offer(session, structure, nom="Vélo a"), make_offer(session, structure, nom="Vélo b")
    merge(session, removed, kept)
    session.commit()
    answer = sign_in(partner).post(f"/offres/{removed.id}/retirer", {}, status=303, follow=False).response
    assert answer.headers["Location"] == f"/offres/{removed.id}"
    session.expire_all()
    states = {o.id: o.state for o in session.exec(select(Offer).order_by(col(Offer.nom)))}
    assert states == {kept.id: OfferState.PUBLIEE, removed.id: OfferState.FUSIONNEE}
