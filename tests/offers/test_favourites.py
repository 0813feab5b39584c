"""Favourites: kept from a card or from the page, listed with what became of them, one's own only."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers import favourites, rules
from portal.offers.models import Favourite, Offer, OfferState
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def kept_by(session: Session, user: User) -> set[str]:
    rows = session.exec(select(Favourite.offer_id).where(Favourite.user_id == user.id))
    return {str(offer_id) for offer_id in rows}


def cards(page: Page) -> dict[str, str]:
    return {
        card.select_one(".result-title a").text.strip(): " ".join(card.text.split())  # type: ignore[union-attr]
        for card in page.soup.select(".result")
    }


def test_a_visitor_has_no_favourites(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    for address in ("/offres", f"/offres/{offer.id}"):
        assert "favori" not in browser.get(address).text
    assert (
        browser.get("/favoris", follow=False, status=303)
        .response.headers["Location"]
        .startswith("/connexion")
    )


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_signed_in_has_some(session: Session, sign_in: SignIn, role: Role) -> None:
    offer = make_offer(session)
    user = make_user(session, role)
    sign_in(user).get(f"/offres/{offer.id}").form("/favori").submit("Garder en favori")
    assert kept_by(session, user) == {str(offer.id)}


def test_a_card_keeps_its_offer_and_the_search_stays(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    structure = make_structure(session)
    one = make_offer(session, structure, nom="Vélo un")
    make_offer(session, structure, nom="Vélo deux")
    browser = sign_in(user)
    page = browser.get("/offres?quoi=velo&ou=Rennes&rayon=20")
    after = page.form(f"/offres/{one.id}/favori").submit("Garder en favori : Vélo un")
    assert (after.path, after.form("offers-search").values["quoi"]) == ("/offres", "velo")
    assert after.form("offers-search").values["ou"] == "Rennes (35000)"
    assert "Retirer des favoris : Vélo un" in cards(after)["Vélo un"]
    assert "Garder en favori : Vélo deux" in cards(after)["Vélo deux"]
    assert kept_by(session, user) == {str(one.id)}
    after.form(f"/offres/{one.id}/favori").submit("Retirer des favoris : Vélo un")
    assert kept_by(session, user) == set()


@pytest.mark.parametrize(
    "back",
    ["https://ailleurs.example.org/", "//ailleurs.example.org", "/\\ailleurs", "/offres/../compte", "x"],
)
def test_the_way_back_never_leaves(session: Session, sign_in: SignIn, back: str) -> None:
    offer = make_offer(session)
    browser = sign_in(make_user(session))
    page = browser.post(f"/offres/{offer.id}/favori", {"garder": "oui", "retour": back})
    assert page.path == f"/offres/{offer.id}"


def test_the_fragment_is_the_button_of_the_page(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    offer = make_offer(session, nom="Vélo")
    browser = sign_in(user)
    address = f"/offres/{offer.id}/favori"
    for wanted, words, said in (
        ("oui", "Retirer des favoris : Vélo", "L’offre est dans vos favoris."),
        ("non", "Garder en favori : Vélo", "L’offre n’est plus dans vos favoris."),
    ):
        sent = {"garder": wanted, "nom": "oui", "retour": "/offres?quoi=velo"}
        found = browser.fragment(address, "", sent).select_one("form.favourite")
        assert found is not None
        assert found["data-announce"] == said
        button = found.select_one(":scope > button[data-focus]")
        assert button is not None
        assert " ".join(button.text.split()) == words
        card = browser.get("/offres?quoi=velo").soup.select_one("form.favourite")
        assert card is not None
        names = ("garder", "nom", "retour")
        assert [f["value"] for n in names for f in found.select(f"[name={n}]")] == [
            f["value"] for n in names for f in card.select(f"[name={n}]")
        ]
        assert card.select_one("button").text == button.text  # type: ignore[union-attr]


def test_the_list_says_what_became_of_each(session: Session, sign_in: SignIn) -> None:
    user, animator = make_user(session), make_user(session, Role.ANIMATION)
    structure = make_structure(session)
    names = ("Active", "Suspendue", "Archivée", "Retirée", "Finie", "Réunie")
    offers = {name: make_offer(session, structure, nom=f"Offre {name}") for name in names}
    for offer in offers.values():
        favourites.keep(session, user, offer)
    rules.suspend_offer(session, offers["Suspendue"])
    rules.archive_offer(session, offers["Archivée"], by=animator)
    rules.withdraw_offer(session, offers["Retirée"], by=animator)
    offers["Finie"].date_fin = clock.today() - timedelta(days=1)
    offers["Réunie"].state = OfferState.FUSIONNEE
    offers["Réunie"].merged_into_id = offers["Active"].id
    browser = sign_in(user)
    page = browser.get("/favoris")
    found = cards(page)
    assert len(found) == 6
    assert "N’est plus" not in found["Offre Active"]
    assert "Suspendue : la structure ne l’a pas confirmée" in found["Offre Suspendue"]
    assert "Archivée" in found["Offre Archivée"]
    assert "N’est plus proposée" in found["Offre Retirée"]
    assert "N’est plus proposée" in found["Offre Finie"]
    assert "Réunie à une autre offre" in found["Offre Réunie"]
    assert browser.client.get(f"/offres/{offers['Réunie'].id}").status_code == 301
    after = page.form(f"/offres/{offers['Archivée'].id}/favori").submit(
        "Retirer des favoris : Offre Archivée"
    )
    assert after.path == "/favoris"
    assert "Offre Archivée" not in cards(after)


def test_no_favourite_yet(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get("/favoris")
    assert "Aucun favori pour l’instant" in page.text
    assert page.click("Trouver une offre").path == "/offres"


def test_an_offer_that_one_does_not_see_is_not_kept(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    hidden = make_offer(session, published=False)
    sign_in(user).post(f"/offres/{hidden.id}/favori", {"garder": "oui"}, status=404)
    assert kept_by(session, user) == set()


@pytest.mark.parametrize("address", ["/offres", "/favoris"])
def test_lists_cost_the_same_whatever_they_hold(session: Session, sign_in: SignIn, address: str) -> None:
    user = make_user(session)
    structure = make_structure(session)
    browser = sign_in(user)
    costs = []
    for number in (3, 16):
        for _ in range(number):
            favourites.keep(session, user, make_offer(session, structure))
        session.commit()
        # The first question reads the catalogue.
        browser.get(address)
        with count_statements(session) as sent:
            page = browser.get(address)
        costs.append(len(sent))
        assert len(cards(page)) == 1 or len(page.soup.select(".result")) in {3, 19}
    # PostgreSQL may read again what this transaction, still open, changed.
    assert costs[1] <= costs[0] <= 10


def test_kept_twice_is_kept_once(session: Session) -> None:
    user = make_user(session)
    offer: Offer = make_offer(session)
    favourites.keep(session, user, offer)
    favourites.keep(session, user, offer)
    session.flush()
    assert kept_by(session, user) == {str(offer.id)}
    favourites.drop(session, user, offer.id)
    favourites.drop(session, user, offer.id)
    assert kept_by(session, user) == set()


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
