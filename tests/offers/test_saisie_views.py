"""Beside the form of an offer: what the aside answers as one types, and two people at once."""

from collections.abc import Callable

from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers import rules
from portal.offers.models import OfferState, Saisie
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import RENNES, make_partner, make_structure
from tests.offers.typed import autosave, said
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]

# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True


def test_the_aside_follows_what_is_typed(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    before = autosave(browser, structure, form, form.values["cle"], nom="Vélo")
    after = autosave(
        browser,
        structure,
        form,
        form.values["cle"],
        nom="Vélo",
        type="atelier",
        frais="gratuit",
        volume_horaire_hebdomadaire="7 h 30",
        nombre_semaines="8",
    )

    def percent(soup: BeautifulSoup) -> int:
        return int(said(soup, "#quality-title").removeprefix("Qualité de la fiche : ").removesuffix(" %"))

    assert percent(after) > percent(before)
    assert "Soit 60 h en tout" in said(after, "#total-heures")
    assert said(before, "#total-heures") == ""
    assert said(after, "#offer-bar").startswith(f"Qualité {percent(after)} %")
    marks = {a["id"]: said(after, f"li:has(> #{a['id']})") for a in after.select(".sections a")}
    assert marks["mark-section-prix"] == "Prix Complet"
    assert "point" in marks["mark-section-publics"]


def test_every_point_leads_to_its_question(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(
        session, make_structure(session, published=False, telephone=None, courriel=None, code_insee=None)
    )
    page = sign_in(partner).get(f"/structures/{structure.id}/offres/nouvelle")
    aside = page.soup.select_one("#offer-aside")
    assert aside is not None
    anchors = {str(a["href"]) for a in aside.select("a")}
    assert {
        "#nom",
        "#description",
        "#thematiques",
        "#publics",
        "#modes_accueil",
        "#courriel",
        "#commune",
    } <= anchors
    for anchor in anchors:
        assert page.soup.select_one(anchor), f"{anchor} leads nowhere"
    assert len(aside.select(".sections a")) == 7


def test_a_likely_twin_is_compared_and_what_was_typed_stays(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    other = make_offer(session, structure, nom="Réparer son vélo", frais_precisions="Rien du tout")
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    typed = {**form.values, "nom": "Réparer son velo", "description": "Ce que j’écris"}
    answer = autosave(browser, structure, form, form.values["cle"], nom=typed["nom"])
    panel = said(answer, "[aria-labelledby=twins-title]")
    assert "Cette offre existe peut-être déjà" in panel
    assert "Réparer son vélo" in panel and "même structure" in panel and "même commune" in panel
    button = answer.select_one(f"#compare-{other.id}")
    assert button is not None and button["form"] == "offer-form"
    page = browser.post(str(button["formaction"]), typed)
    assert page.h1 == "Est-ce la même offre ?"
    assert "Ce que j’écris" in page.text and "Rien du tout" in page.text
    back = page.click("Non, continuer ma fiche").form("offer-form")
    assert back.values["description"] == "Ce que j’écris"
    page.form("/oublier").submit("Oui, oublier ce que j’écrivais")
    assert not session.exec(select(Saisie)).all()


def test_a_comparison_needs_no_script(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    make_offer(session, structure, nom="Réparer son vélo")
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    page = form.submit("Publier", status=422, nom="Réparer son vélo", description="Trop court")
    button = page.soup.select_one("[aria-labelledby=twins-title] button")
    assert button is not None
    page = browser.post(str(button["formaction"]), page.form("offer-form").values)
    assert "Trop court" in page.text


def test_a_draft_of_somebody_else_is_never_a_twin(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    secret = make_offer(session, nom="Réparer son vélo", published=False)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    answer = autosave(browser, structure, form, form.values["cle"], nom="Réparer son vélo")
    assert not answer.select("[aria-labelledby=twins-title]")
    browser.post(
        f"/structures/{structure.id}/saisie/{form.values['cle']}/comparer/{secret.id}", {}, status=404
    )


def test_a_contact_kept_for_professionals_is_compared_by_its_editors(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    other = make_offer(
        session,
        nom="Réparer son vélo",
        contact_public=False,
        contact_nom_prenom="Alix Fictif",
        code_insee=RENNES,
    )
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    address = f"/structures/{structure.id}/saisie/{form.values['cle']}/comparer/{other.id}"
    assert "Alix Fictif" not in browser.post(address, form.values | {"nom": "Réparer son vélo"}).text
    keeper = sign_in(make_user(session, Role.ANIMATION))
    assert "Alix Fictif" in keeper.post(address, form.values | {"nom": "Réparer son vélo"}).text


def test_keeping_costs_the_same_however_long_the_catalogue(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")

    def cost() -> int:
        session.commit()
        with count_statements(session) as sent:
            autosave(browser, structure, form, form.values["cle"], nom="Réparer son vélo")
        return len(sent)

    cost()
    one = cost()
    for number in range(6):
        make_offer(session, nom=f"Réparer son vélo {number}")
    assert cost() == one
    assert one <= 14


def test_the_second_of_two_is_told_shown_both_and_chooses(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    colleague.prenom, colleague.nom = "Sacha", "Inventé"
    offer = make_offer(session, structure, nom="Au départ", nombre_semaines=12)
    browser = sign_in(partner)
    form = browser.get(f"/offres/{offer.id}/modifier").form("offer-form")
    autosave(browser, structure, form, offer.id, nom="Version de Camille")
    theirs = sign_in(colleague).get(f"/offres/{offer.id}/modifier").form("offer-form")
    theirs.submit("Enregistrer les changements", nom="Version de Sacha", nombre_semaines="10")
    reopened = browser.get(f"/offres/{offer.id}/modifier")
    assert "quelqu’un a enregistré la fiche depuis" in reopened.text
    page = form.submit("Enregistrer les changements", status=409, nom="Version de Camille")
    summary = said(page.soup, "#error-summary")
    assert "Sacha Inventé" in summary
    assert "Version de Sacha" in summary and "Version de Camille" in summary
    session.refresh(offer)
    assert (offer.nom, offer.nombre_semaines) == ("Version de Sacha", 10), "nothing was written over"
    assert page.form("offer-form").values["nom"] == "Version de Camille", "nothing typed is lost"
    page.form("offer-form").submit("Enregistrer les changements", nom="Version des deux")
    session.refresh(offer)
    assert (offer.nom, offer.nombre_semaines) == ("Version des deux", 12)


def test_the_second_of_two_may_take_the_other_s(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    offer = make_offer(session, structure, nom="Au départ")
    browser = sign_in(partner)
    form = browser.get(f"/offres/{offer.id}/modifier").form("offer-form")
    autosave(browser, structure, form, offer.id, nom="La mienne")
    rules.change_offer(session, offer, {"nom": "La sienne"}, structure=structure, by=colleague)
    session.commit()
    page = form.submit("Enregistrer les changements", status=409, nom="La mienne")
    page = page.form("/oublier").submit("Repartir de la fiche enregistrée")
    assert page.form("offer-form").values["nom"] == "La sienne"
    assert not session.exec(select(Saisie)).all()
    assert offer.state is OfferState.PUBLIEE
    assert offer.date_maj == clock.today()
