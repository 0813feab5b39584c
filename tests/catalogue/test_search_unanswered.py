"""A search without an answer, or that cannot be understood: what is said, what is noted."""

import re

import pytest
from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal.catalogue import needs as unmet
from portal.catalogue.models import UnmetNeed
from tests.catalogue.results import ADDICTIONS, BRUZ, HTMX, PERMIS, PERSON, counts, links, said, titles
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES
from tests.pages import Browser

# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True


def test_when_nothing_is_found_it_says_which_criterion_to_give_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES, publics=["femmes"])
    make_offer(session, nom="Couture", code_insee=REDON, publics=["femmes"])
    make_offer(session, nom="Broderie", code_insee=REDON, publics=["femmes"])
    session.commit()
    page = browser.get("/offres?ou=Redon&quoi=velo&public=femmes&rayon=20")
    assert said(page) == "Aucune offre pour une personne de Redon"
    lifts = [" ".join(a.text.split()) for a in page.soup.select(".empty-state a")]
    # Those that give most first; "femmes" alone hides nothing and is not proposed.
    assert lifts == ["Sans les mots « velo » 2 offres", "Jusqu’à 100 km 1 offre", "Où que ce soit 1 offre"]
    assert sorted(titles(page.click(lifts[0]))) == ["Broderie", "Couture"]
    assert titles(page.click("Où que ce soit 1 offre")) == ["Vélo"]


def test_a_filter_may_be_given_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", frais="gratuit")
    session.commit()
    page = browser.get("/offres?frais=payant&public=familles&public=seniors")
    assert "Voir toutes les offres 1 offre" in links(page)
    page = browser.get("/offres?frais=payant")
    assert titles(page.click("Sans « Payant » 1 offre")) == ["Vélo"]


def test_the_nearest_are_shown_when_the_place_empties_the_list(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Bruz", code_insee=BRUZ, zone_eligibilite=None)
    make_offer(session, nom="Vélo à Redon", code_insee=REDON, zone_eligibilite=None)
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=velo")
    assert "Le plus proche" in page.text
    assert sorted(titles(page)) == ["Vélo à Bruz", "Vélo à Redon"]
    assert re.search(r"à [789]\d\d km", page.text)
    assert "autres lieux" not in page.text
    assert said(page).startswith("Aucune offre")


def test_the_nearest_may_be_for_others(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Redon", code_insee=REDON, zone_eligibilite=["35"])
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=velo")
    assert titles(page) == ["Vélo à Redon"]
    assert "ouvertes aux habitants d’autres lieux" in page.text
    assert "Ouverte aux habitants de Ille-et-Vilaine (35)" in page.text


def test_when_no_single_criterion_is_enough_all_are_given_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES)
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=zzz&thematique=sante")
    assert titles(page.click("Voir toutes les offres 1 offre")) == ["Vélo"]


@pytest.fixture
def _nobody_asked_before() -> None:
    unmet._memory.forget()


def needs(session: Session) -> list[tuple[str, str, int]]:
    session.expire_all()
    return [(n.thematique, n.code_insee, n.nombre) for n in session.exec(select(UnmetNeed))]


@pytest.mark.usefixtures("_nobody_asked_before")
def test_a_need_without_an_answer_is_noted(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    address = f"/offres?ou=Redon&thematique={ADDICTIONS}"
    browser.get(address, headers={"User-Agent": "Googlebot/2.1"})
    browser.get(address, headers={"User-Agent": ""})
    browser.get(f"/offres?ou=Rennes&thematique={PERMIS}", headers=PERSON)
    browser.get(f"{address}&page=0", headers=PERSON, status=422)
    assert needs(session) == []
    browser.get(address, headers=PERSON)
    assert needs(session) == [(ADDICTIONS, REDON, 1)]


@pytest.mark.usefixtures("_nobody_asked_before")
def test_a_need_is_noted_once_the_person_stops_typing(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    address = f"/offres?ou=Rennes+(35000)&thematique={ADDICTIONS}"
    fragment = BeautifulSoup(browser.client.get(address, headers=HTMX | PERSON).text, "html5lib")
    assert needs(session) == []
    asked = fragment.select_one("#besoin-sans-reponse")
    assert asked is not None
    assert "delay" in str(asked["hx-trigger"])
    answer = browser.client.get(
        str(asked["hx-get"]), headers=PERSON | {"HX-Request": "true", "HX-Target": str(asked["id"])}
    )
    assert answer.status_code == 204
    assert needs(session) == [(ADDICTIONS, RENNES, 1)]


def test_an_unknown_commune_is_said_at_its_field(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Rednn&quoi=velo&rayon=20&public=femmes", status=422)
    assert "« Rednn »" in page.errors["ou"]
    assert page.errors["ou"] in " ".join(page.soup.select_one("#ou-error").text.split())  # type: ignore[union-attr]
    assert page.soup.select_one("title").text.startswith("Erreur : ")  # type: ignore[union-attr]
    values = page.form("offers-search").values
    assert (values["ou"], values["quoi"], values["rayon"], values["public"]) == (
        "Rednn",
        "velo",
        "20",
        "femmes",
    )
    assert titles(page) == []
    # Nothing was counted: no number is told.
    assert set(counts(page.soup, "public").values()) == {""}
    assert links(page)["Redon (35600)"].count("public=femmes") == 1


def test_an_ambiguous_commune_proposes_the_choices(session: Session, browser: Browser) -> None:
    make_offer(session, code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=35600", status=422)
    assert "choisissez le vôtre" in page.errors["ou"]
    for label in ("Redon (35600)", "Bains-sur-Oust (35600)", "Sainte-Marie (35600)"):
        assert label in links(page)
    assert len(titles(page.click("Redon (35600)"))) == 1


@pytest.mark.parametrize(
    ("query", "control", "sentence"),
    [
        ("thematique=joie", "filtre-thematique", "« joie »"),
        ("thematique=mobilite--joie&quoi=velo", "filtre-thematique", "« mobilite--joie »"),
        ("&".join(["thematique=mobilite"] * 5000), "filtre-thematique", "trop de choix"),
        ("public=martiens", "filtre-public", "« martiens »"),
        ("pro=non", "pro", "« non »"),
        ("rayon=7", "rayon", "5, 10, 20, 30, 50, 100"),
        ("rayon=-1&ou=Redon", "rayon", "5, 10, 20, 30, 50, 100"),
        ("tri=alphabet", "tri", "« alphabet »"),
        ("quoi=%25%5F%26%28%29%22%27*", "quoi", "au moins un mot"),
        ("quoi=%F0%9F%99%82", "quoi", "au moins un mot"),
        ("quoi=" + "a" * 100_000, "quoi", "Raccourcissez"),
        ("ou=" + "b" * 100_000, "ou", "trop long"),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_sentence(
    browser: Browser, query: str, control: str, sentence: str
) -> None:
    page = browser.get(f"/offres?{query}", status=422)
    assert list(page.errors) == [control]
    assert sentence in page.errors[control]
    assert page.soup.select_one(f"#{control}")
    assert len(page.response.text) < 80_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("quoi=" + "%C3%A9%20" * 60, 200),
        ("quoi=%01%25_a'\\&beneficiaire=pas-un-uuid", 200),
        ("quoi=AND+OR+NOT+NEAR", 200),
        ("quoi=%00", 400),
        ("quoi=%ff%fe%20velo", 200),
        ("structure=dora--rien", 200),
        ("source=nulle-part", 200),
        ("page=0", 422),
        ("page=-1", 422),
        ("page=x", 422),
        ("page=999", 404),
        ("vue=3d", 422),
    ],
)
def test_odd_addresses_do_no_harm(session: Session, browser: Browser, query: str, status: int) -> None:
    make_offer(session)
    session.commit()
    page = browser.get(f"/offres?{query}", status=status)
    assert len(page.response.text) < 80_000
