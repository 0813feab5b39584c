"""The filters beside the results: what they count, what they narrow."""

from datetime import timedelta
from urllib.parse import quote

from sqlmodel import Session

from portal import clock
from tests.catalogue.results import ADDICTIONS, PERMIS, counts, titles
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser


def test_filters_tell_how_many_and_follow_one_another(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Une", publics=["femmes"], frais="gratuit", type="atelier")
    make_offer(
        session, nom="Deux", publics=["jeunes"], frais="payant", frais_precisions="10 €", type="atelier"
    )
    make_offer(
        session, nom="Trois", publics=["jeunes"], frais="gratuit", type="formation", thematiques=[ADDICTIONS]
    )
    session.commit()
    page = browser.get("/offres?public=jeunes")
    assert sorted(titles(page)) == ["Deux", "Trois"]
    # A filter counts without itself, the others with it.
    assert counts(page.soup, "public") == {"femmes": "1", "jeunes": "2"}
    assert counts(page.soup, "frais") == {"gratuit": "1", "payant": "1"}
    assert counts(page.soup, "type")["atelier"] == "1"
    assert counts(page.soup, "thematique") == {"mobilite": "1", PERMIS: "1", "sante": "1", ADDICTIONS: "1"}
    two = browser.get("/offres?public=jeunes&public=femmes&frais=gratuit")
    assert sorted(titles(two)) == ["Trois", "Une"]
    # A value that gives nothing stays where it was, muted.
    one = browser.get("/offres?public=femmes&frais=gratuit")
    assert counts(one.soup, "frais") == {"gratuit": "1", "payant": "0"}
    muted = [str(tag.input["value"]) for tag in one.soup.select('.pick-none:has(input[name="frais"])')]  # type: ignore[index]
    assert muted == ["payant"]


def test_what_is_chosen_is_ticked_counted_and_unfolded(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    page = browser.get(f"/offres?thematique={PERMIS}&frais=gratuit&fraicheur=3-mois")
    ticked = {(str(t["name"]), str(t["value"])) for t in page.soup.select("#offers-filters input[checked]")}
    assert {("thematique", PERMIS), ("frais", "gratuit"), ("fraicheur", "3-mois")} <= ticked
    assert {str(t["id"]) for t in page.soup.select("#offers-filters details[open]")} == {
        "filtre-thematique",
        "categorie-mobilite",
        "filtre-frais",
        "filtre-fraicheur",
    }
    assert page.soup.select_one("#filters-count").text == "3 en cours"  # type: ignore[union-attr]


def test_one_of_several_is_a_radio_that_may_be_left(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    page = browser.get("/offres?fraicheur=3-mois")
    radios = page.soup.select('#offers-filters input[name="fraicheur"]')
    assert {str(radio["type"]) for radio in radios} == {"radio"}
    assert str(radios[0]["value"]) == ""
    form = page.form("offers-search")
    assert form.submit("Chercher", fraicheur="").response.request.args.get("fraicheur") is None


def test_every_filter_narrows(session: Session, browser: Browser) -> None:
    structure = make_structure(session, nom="Association ERVP")
    wanted = make_offer(
        session,
        structure,
        nom="Voulue",
        dominantes=["emploi"],
        volume_horaire_hebdomadaire=20,
        modes_accueil=["a-distance"],
        mobilisable_par=["professionnels"],
    )
    convention = make_convention(session, structure)
    convention.financeurs = ["europe"]
    make_action(session, convention, [wanted], places=3)
    other = make_offer(
        session,
        nom="Autre",
        dominantes=["remobilisation"],
        volume_horaire_hebdomadaire=2,
        mobilisable_par=["usagers"],
    )
    other.date_maj = clock.today() - timedelta(days=300)
    known_service(session, nom="Ailleurs", mobilisable_par=["usagers"], date_maj="2024-01-01")
    index(session)
    session.commit()
    ours = f"portail-test--{structure.id}"
    for query in (
        "places=1",
        "pro=1",
        "dominante=emploi",
        "heures=15-et-plus",
        "mode=a-distance",
        "finance=europe",
        f"finance={quote(convention.numero)}",
        f"structure={ours}",
        "fraicheur=3-mois",
        "source=portail-test&dominante=emploi",
    ):
        page = browser.get(f"/offres?{query}")
        assert titles(page) == ["Voulue"], query
    assert sorted(titles(browser.get("/offres?source=portail-test"))) == ["Autre", "Voulue"]
    assert titles(browser.get("/offres?source=dora")) == ["Ailleurs"]
    page = browser.get("/offres")
    words = " ".join(page.soup.select_one("#offers-filters").text.split())  # type: ignore[union-attr]
    for label in (
        "Association ERVP",
        "DORA",
        "Union européenne",
        f"Convention {convention.numero}",
        "Places libres",
    ):
        assert label in words
    assert "Passerelle insertion" in words, "our own source bears the portal's name"
    assert "Association ERVP" in page.browser.get(f"/offres?structure={ours}").soup.select_one(".chosen").text  # type: ignore[union-attr]


def test_what_others_wrote_is_escaped_in_the_filters(session: Session, browser: Browser) -> None:
    structure = known_structure(session, nom='<b>"Gras"</b> & Cie', key='<i>"')
    known_service(session, structure, nom="<script>alert(1)</script>")
    index(session)
    session.commit()
    page = browser.get("/offres")
    assert '<b>"Gras"</b> & Cie' in page.soup.select_one("#filtre-structure").text  # type: ignore[union-attr]
    assert not page.soup.select("#offers-filters b, #offers-filters i, main script")
    box = page.soup.select_one('input[name="structure"]')
    assert box is not None
    assert titles(browser.get(f"/offres?structure={quote(str(box['value']))}")) == [
        "<script>alert(1)</script>"
    ]


def test_a_filter_that_could_change_nothing_is_not_shown(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    shown = {str(tag["id"]) for tag in browser.get("/offres").soup.select("#offers-filters > details")}
    assert "filtre-thematique" in shown
    assert not shown & {"filtre-finance", "filtre-source", "filtre-session"}
