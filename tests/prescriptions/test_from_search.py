"""Offers ticked among the results of a search, and prescribed together."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlmodel import Session

from portal.accounts.models import Role
from portal.prescriptions import lots
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_scene
from tests.pages import Browser, Page
from tests.prescriptions.hands import SignIn, prescriptions
from tests.statements import count_statements

CHOSEN = "prescribe-chosen"


def boxes(page: Page) -> dict[str, str]:
    """{id of the offer: words of its label}."""
    return {
        str(box["value"]): page.soup.select(f"label[for={box['id']}]")[0].get_text()
        for box in page.soup.select(f"#offers-results input[name=offre][form={CHOSEN}]")
    }


def press(page: Page, *offers: str) -> Page:
    """Press the button of the form as a browser does: with what is ticked, and the fields that belong to it."""
    form = page.form(CHOSEN)
    apart = {str(f["name"]): str(f["value"]) for f in page.soup.select(f"input[type=hidden][form={CHOSEN}]")}
    sent = [*form.values.items(), *apart.items(), *(("offre", one) for one in offers)]
    return page.browser.get(f"{form.tag['action']}?{urlencode(sent)}")


def test_several_offers_of_a_search_for_one_person(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    other = make_offer(session, scene.structure, nom="Autre atelier d’exemple")
    alone = make_offer(session, scene.structure, nom="En accès libre", mobilisable_par=["usagers"])
    person = make_beneficiary(session, scene.referent)
    session.commit()
    page = sign_in(scene.referent).get(f"/offres?beneficiaire={person.id}")
    found = boxes(page)
    assert found.keys() == {str(scene.offer.id), str(other.id)}
    assert str(alone.id) not in found
    assert f"Choisir pour prescrire : {other.nom}" in found.values()
    # The way to prescribe one at once stays.
    assert [a.get_text() for a in page.soup.select(".card-tools a")] == [
        f"Prescrire : {offer.nom}"
        for offer in sorted((scene.offer, other), key=lambda o: list(found).index(str(o.id)))
    ]
    page = press(page, *found)
    assert page.h1 == "Pour qui ?"
    assert "Vous prescrivez 2 offres" in page.text
    form = page.form("person-search")
    assert form.values["personne"] == str(person.id)
    page = form.submit("Continuer avec les personnes cochées")
    assert "2 prescriptions pour 1 personne" in page.text
    assert {p.offer_id for p in prescriptions(session)} == {scene.offer.id, other.id}


def test_nothing_ticked_leads_back_to_the_same_search(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    session.commit()
    page = press(sign_in(scene.referent).get("/offres?quoi=atelier&places=1"))
    asked = urlsplit(page.response.request.url)
    assert asked.path == "/offres"
    assert dict(parse_qsl(asked.query)) == {"quoi": "atelier", "places": "1"}
    assert "Cochez au moins une offre" in page.text


def test_the_choice_of_people_leads_back_to_the_search(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    make_beneficiary(session, scene.referent, prenom="Ada")
    session.commit()
    found = sign_in(scene.referent).get("/offres?quoi=atelier")
    page = press(found, str(scene.offer.id))
    # Still after somebody was looked for.
    page = page.form("person-search").submit("Chercher", q="Ada")
    page = page.click("Revenir à la recherche")
    assert (page.path, boxes(page)) == ("/offres", boxes(found))


def test_the_way_back_leaves_the_portal_for_nowhere(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    session.commit()
    browser = sign_in(scene.referent)
    for asked in ("//ailleurs.example.org", "https://ailleurs.example.org/", "?a=b%0d%0aX: y", "x" * 9000):
        page = browser.get("/prescriptions/pour-qui?recherche=" + asked.replace("?", "%3F"))
        assert page.path == "/offres"


def test_more_than_can_be_read_over_is_said(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    offers = [make_offer(session, scene.structure, nom=f"Atelier {n}") for n in range(lots.MOST + 1)]
    session.commit()
    query = "&".join(f"offre={offer.id}" for offer in offers)
    page = sign_in(scene.referent).get(f"/prescriptions/pour-qui?{query}")
    assert "30 offres au plus à la fois" in page.text
    assert "Vous prescrivez 30 offres" in page.text


def test_only_those_who_prescribe_see_it(session: Session, sign_in: SignIn, browser: Browser) -> None:
    scene = make_scene(session)
    session.commit()
    others = [sign_in(user) for user in (scene.partner, make_user(session, Role.CONVENTIONNEMENT))]
    for reader in (browser, *others):
        page = reader.get("/offres")
        assert scene.offer.nom in page.text
        assert boxes(page) == {}
        assert page.soup.select(f"#{CHOSEN}, [form={CHOSEN}]") == []


def test_the_fragment_brings_the_boxes_and_what_was_searched(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    session.commit()
    browser = sign_in(scene.referent)
    page = browser.get("/offres?quoi=atelier")
    fragment = browser.fragment("/offres?quoi=atelier", "offers-results")
    fields = f"[form={CHOSEN}]"
    assert [str(tag) for tag in fragment.select(fields)] == [str(tag) for tag in page.soup.select(fields)]
    assert fragment.select(f"#{CHOSEN}") == []


def test_no_statement_more(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    session.commit()
    counted = []
    for user in (scene.partner, scene.referent):
        browser = sign_in(user)
        browser.get("/offres")
        with count_statements(session) as sent:
            browser.get("/offres")
        counted.append(len(sent))
    assert counted[1] <= counted[0]


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
