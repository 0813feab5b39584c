"""Around an offer: the public page, favourites, errors reported, the map of the site."""

from collections.abc import Callable
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, Role, User
from portal.catalogue import records
from portal.offers import rules, sessions
from portal.offers.models import Favourite, OfferState, Signalement
from portal.structures import rules as structure_rules
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


# --- The page ---


def test_anybody_reads_an_offer(
    app: Flask, session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other sources say of the structure comes from memory, which is looked at again once a second.
    monkeypatch.setitem(app.extensions, "structure_elsewhere", lambda structure_id: [])
    offer = make_offer(
        session,
        documents_a_apporter="Pièce d’identité\nRelevé d’identité bancaire",
        frequence="Le mardi matin",
        freins=["mobilite"],
    )
    sessions.set_sessions(
        session,
        offer,
        [
            {"debut": clock.today() - timedelta(days=9), "fin": None, "places": 4, "precisions": "Passée"},
            {"debut": clock.today() + timedelta(days=9), "fin": None, "places": 6, "precisions": "À venir"},
        ],
    )
    session.commit()
    with count_statements(session) as sent:
        page = browser.get(f"/offres/{offer.id}")
    assert len(sent) <= 6
    assert "Relevé d’identité bancaire" in page.text
    assert "Le mardi matin" in page.text
    assert "6 places" in page.text
    assert "Passée" not in page.text
    link = page.soup.select_one('link[rel="canonical"]')
    assert link is not None
    assert link["href"] == f"http://localhost/offres/{offer.id}"
    assert page.soup.select_one('meta[name="description"]')
    assert not page.soup.select_one('meta[name="robots"]')


def test_a_private_contact_is_for_professionals(session: Session, browser: Browser, sign_in: SignIn) -> None:
    structure = make_structure(session, telephone="+33299111111", courriel="siege@exemple.example.org")
    offer = make_offer(
        session,
        structure,
        contact_public=False,
        telephone="+33299222222",
        courriel="prive@exemple.example.org",
        contact_nom_prenom="Dominique Exemple",
    )
    session.commit()
    raw = browser.client.get(f"/offres/{offer.id}").text
    for secret in ("99 22 22 22", "99222222", "prive@", "Dominique Exemple", "siege@"):
        assert secret not in raw
    assert "montré aux professionnels connectés" in raw
    seen = sign_in(make_user(session, Role.REFERENT)).get(f"/offres/{offer.id}").text
    assert "Dominique Exemple" in seen
    assert "prive@exemple.example.org" in seen
    record = records.service_record(offer, source="x", public_url="http://localhost")
    assert (record["telephone"], record["courriel"], record["contact_nom_prenom"]) == (None, None, None)


def test_an_offer_hides_the_day_after_its_last(
    session: Session, browser: Browser, move_clock: Callable[..., object]
) -> None:
    offer = make_offer(session, date_fin=clock.today() + timedelta(days=1))
    session.commit()
    browser.get(f"/offres/{offer.id}")
    after = clock.today() + timedelta(days=2)
    move_clock(after.year, after.month, after.day, 12)
    assert "n’est plus proposée" in browser.get(f"/offres/{offer.id}", status=410).h1
    assert "1 offre" not in browser.get("/offres").text


def test_what_never_was_public_is_not_there(session: Session, browser: Browser) -> None:
    offer = make_offer(session, published=False)
    session.commit()
    browser.get(f"/offres/{offer.id}", status=404)


@pytest.mark.parametrize("act", ["withdraw", "suspend", "archive", "close"])
def test_what_was_public_says_that_it_is_over(session: Session, browser: Browser, act: str) -> None:
    keeper = make_user(session, Role.ANIMATION)
    offer = make_offer(session)
    if act == "withdraw":
        rules.withdraw_offer(session, offer, by=keeper)
    elif act == "suspend":
        rules.suspend_offer(session, offer)
    elif act == "archive":
        rules.archive_offer(session, offer, by=keeper)
    else:
        structure = session.get_one(Structure, offer.structure_id)
        structure_rules.close_structure(session, structure, note=None, by=keeper)
    session.commit()
    page = browser.get(f"/offres/{offer.id}", status=410)
    assert page.soup.select_one('meta[name="robots"][content="noindex"]')


def test_a_merged_offer_leads_to_the_kept_one(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    kept, second, first = (make_offer(session, structure, nom=f"Vélo {n}") for n in "abc")
    for removed, target in ((first, second), (second, kept)):
        removed.state, removed.merged_into_id = OfferState.FUSIONNEE, target.id
    session.commit()
    answer = browser.client.get(f"/offres/{first.id}")
    assert answer.status_code == 301
    assert answer.headers["Location"].endswith(f"/offres/{kept.id}")


# --- Favourites ---


def test_favourites_are_kept_and_dropped(session: Session, sign_in: SignIn) -> None:
    user = make_user(session, Role.REFERENT)
    offer = make_offer(session)
    browser = sign_in(user)
    form = browser.get(f"/offres/{offer.id}").form(f"/offres/{offer.id}/favori")
    page = form.submit("Garder en favori")
    assert "dans vos favoris" in page.text
    form.submit("Garder en favori")
    assert len(session.exec(select(Favourite)).all()) == 1
    listed = browser.get("/favoris")
    assert offer.nom in listed.text
    rules.suspend_offer(session, offer)
    session.commit()
    listed = browser.get("/favoris")
    assert "Suspendue : la structure ne l’a pas confirmée" in listed.text
    listed.form(f"/offres/{offer.id}/favori").submit("Retirer des favoris : " + offer.nom)
    assert session.exec(select(Favourite)).all() == []


def test_a_favourite_is_one_s_own(session: Session, sign_in: SignIn) -> None:
    offer = make_offer(session)
    mine, other = make_user(session), make_user(session)
    sign_in(mine).post(f"/offres/{offer.id}/favori", {"garder": "oui"})
    assert offer.nom not in sign_in(other).get("/favoris").text
    hidden = make_offer(session, published=False)
    sign_in(other).post(f"/offres/{hidden.id}/favori", {"garder": "oui"}, status=404)


# --- Errors reported ---


def test_an_error_goes_to_the_editors_and_comes_back_answered(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    referent = make_user(session, Role.REFERENT)
    form = sign_in(referent).get(f"/offres/{offer.id}/signaler").form("/signaler")
    refused = form.submit("Envoyer à la structure", status=422)
    assert "cochez au moins une ligne" in refused.text
    form.submit("Envoyer à la structure", motifs=["horaires"], commentaire="Ouvert à 10 h.")
    # Said again: the same report, one message.
    form.submit("Envoyer à la structure", motifs=["horaires", "prix"], commentaire="Ouvert à 10 h.")
    report = session.exec(select(Signalement)).one()
    assert report.motifs == ["horaires", "prix"]
    mail = session.exec(select(OutgoingMail)).one()
    assert mail.recipient == partner.courriel
    assert referent.nom not in mail.subject + mail.body
    page = sign_in(partner).get(f"/signalements/{report.id}")
    assert referent.full_name in page.text
    assert referent.courriel not in page.text
    before = offer.date_maj = clock.today() - timedelta(days=40)
    session.commit()
    page.form(f"/signalements/{report.id}").submit("Répondre", reponse="C’est corrigé, merci.", confirmer="y")
    session.refresh(offer)
    assert offer.date_maj > before
    back = session.exec(select(OutgoingMail).where(col(OutgoingMail.recipient) == referent.courriel)).one()
    assert "C’est corrigé, merci." in back.body
    again = sign_in(partner).post(f"/signalements/{report.id}", {"reponse": "Encore"})
    assert "déjà répondu" in again.text


def test_reports_are_for_the_editors(session: Session, sign_in: SignIn) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    sign_in(make_user(session, Role.REFERENT)).post(
        f"/offres/{offer.id}/signaler", {"motifs": "fermee", "commentaire": ""}
    )
    report = session.exec(select(Signalement)).one()
    sign_in(stranger).get(f"/signalements/{report.id}", status=404)
    assert offer.nom not in sign_in(stranger).get("/signalements").text
    assert offer.nom in sign_in(make_user(session, Role.ANIMATION)).get("/signalements").text


# --- The map of the site ---


def test_the_map_holds_what_is_public(session: Session, browser: Browser) -> None:
    shown, hidden = make_offer(session), make_offer(session, published=False)
    session.commit()
    answer = browser.client.get("/sitemap.xml")
    tree = ElementTree.fromstring(answer.data)
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = {node.text for node in tree.iter(f"{space}loc")}
    assert f"http://localhost/offres/{shown.id}" in found
    assert f"http://localhost/structures/{shown.structure_id}" in found
    assert f"http://localhost/offres/{hidden.id}" not in found
    again = browser.client.get("/sitemap.xml", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert "Sitemap: http://localhost/sitemap.xml" in browser.client.get("/robots.txt").text
