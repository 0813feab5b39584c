"""Several prescriptions at once: several offers for one person, then one offer for several people."""

from collections.abc import Callable

from playwright.sync_api import Page

from portal.accounts.models import User
from portal.offers import favourites
from portal.offers.models import Offer
from tests.browser.cast import Cast, call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse


def test_several_offers_then_several_people(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, people=3, offers=2)
    ines, joao, karima = (person.nom for person in cast.people)
    _keep_both(cast)

    # Two offers for one person: one text, read over, sent together.
    me = cast.enter(Mouse(open_page()), cast.referent)
    me.goto(f"/beneficiaires/{cast.people[0].id}")
    me.follow("Prescrire des favoris")
    for offer in cast.offers:
        me.page.locator(f"#offre-{offer.id}").check()
    me.press("Prescrire les offres choisies")
    assert me.page.get_by_label(ines).first.is_checked()
    me.press("Continuer avec les personnes cochées")
    assert "2 prescriptions pour 1 personne" in me.words
    me.fill("Pourquoi ces offres ?", "Sortir de chez elle deux fois par semaine.")
    me.press("Envoyer les 2 prescriptions")
    assert "Demandez son accord à la personne" in me.words
    assert me.typed("Pourquoi ces offres ?") == "Sortir de chez elle deux fois par semaine."
    me.tick("La personne est d’accord")
    me.press("Envoyer les 2 prescriptions")
    assert "2 prescriptions sont envoyées" in me.words

    # One offer for two people, of whom one has not agreed yet: hers stays a draft, and says why.
    me.goto(f"/offres/{cast.offers[0].id}")
    me.follow("Prescrire cette offre")
    me.tick(joao)
    me.tick(karima)
    me.press("Continuer avec les personnes cochées")
    assert "2 prescriptions pour 2 personnes" in me.words
    me.fill("Pourquoi ces offres ?", "Reprendre un rythme à plusieurs.")
    me.page.locator(".lot-person", has_text=joao).get_by_label("La personne est d’accord").check()
    me.press("Envoyer les 2 prescriptions")
    assert "1 prescription est envoyée" in me.words
    assert "Déjà traitées" in me.words
    me.tick("La personne est d’accord")
    me.press("Envoyer la prescription")
    assert me.title == "Prescriptions préparées ensemble"
    assert me.words.count("Envoyée") == 2

    # The structure has received the four of them, each with its text.
    partner = cast.enter(Mouse(open_page()), cast.members[0])
    partner.goto("/prescriptions")
    assert sorted(partner.page.locator("#prescriptions-list h3").all_inner_texts()) == [
        ines,
        ines,
        joao,
        karima,
    ]
    partner.follow(karima)
    assert "Reprendre un rythme à plusieurs." in partner.words


def _keep_both(cast: Cast) -> None:
    with cast.portal.database.writing() as session:
        for offer in cast.offers:
            favourites.keep(
                session, session.get_one(User, cast.referent.id), session.get_one(Offer, offer.id)
            )
