"""What is typed in the form of an offer is kept: restored, dropped, one's own, never written over somebody else's."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import rules, saisies
from portal.offers.models import Offer, OfferState, Saisie
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import RENNES, make_partner, make_structure
from tests.pages import Browser, Form
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def keep(session: Session, user: User, offer: Offer, **champs: str) -> Saisie:
    return saisies.save(
        session,
        user=user,
        structure_id=offer.structure_id,
        offer_id=offer.id,
        version=offer.version,
        champs=list(champs.items()),
    )


def autosave(
    browser: Browser, structure: Structure, form: Form, offer_id: object, **typed: Any
) -> BeautifulSoup:
    """Send what the form holds as htmx does while somebody types."""
    data = form.values | typed
    return browser.fragment(f"/structures/{structure.id}/saisie/{offer_id}", "offer-aside", data)


def said(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.text.split())


# --- Without pages ---


def test_the_latest_answers_replace_the_former_ones(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    move_clock(2026, 3, 3, 10)
    keep(session, partner, offer, nom="Un")
    later = move_clock(2026, 3, 3, 11)
    keep(session, partner, offer, nom="Deux", csrf_token="secret", acte="publier", besoin="permis")
    session.flush()
    (kept,) = session.exec(select(Saisie)).all()
    assert kept.champs == [["nom", "Deux"]], "neither the token nor the button is an answer"
    assert kept.saved_at == later
    assert saisies.answer(kept, "nom") == "Deux"
    assert saisies.answer(kept, "type") == ""


def test_each_person_has_their_own(session: Session) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    offer = make_offer(session, structure)
    keep(session, partner, offer, nom="La mienne")
    assert saisies.find(session, user=colleague, offer_id=offer.id) is None
    assert saisies.of_user(session, colleague) == []
    keep(session, colleague, offer, nom="La sienne")
    saisies.drop(session, user=partner, offer_id=offer.id)
    assert saisies.find(session, user=partner, offer_id=offer.id) is None
    assert [saisies.answer(kept, "nom") for kept in saisies.of_user(session, colleague)] == ["La sienne"]


def test_endless_answers_are_refused_and_the_former_ones_stay(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    keep(session, partner, offer, nom="Courte")
    with pytest.raises(RuleBroken, match="raccourcissez"):
        keep(session, partner, offer, description="x" * 200_001)
    found = saisies.find(session, user=partner, offer_id=offer.id)
    assert found is not None and saisies.answer(found, "nom") == "Courte"


def test_what_became_an_offer_is_no_longer_begun(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False)

    def begin(offer_id: uuid.UUID) -> Saisie:
        kept = saisies.save(
            session,
            user=partner,
            structure_id=structure.id,
            offer_id=offer_id,
            version=None,
            champs=[("nom", "Vélo")],
        )
        session.flush()
        return kept

    begin(offer.id)
    assert saisies.latest_new(session, user=partner, structure_id=structure.id) is None
    new = begin(uuid.uuid4())
    assert saisies.latest_new(session, user=partner, structure_id=structure.id) == new


def test_one_s_own_change_beside_the_form_is_followed(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    kept = keep(session, partner, offer, nom="En cours", version=str(offer.version))
    offer.version += 1
    saisies.follow(session, user=partner, offer=offer)
    assert (kept.version, saisies.answer(kept, "version")) == (offer.version, str(offer.version))
    offer.version += 2
    saisies.follow(session, user=partner, offer=offer)
    assert kept.version == offer.version - 2, "somebody else changed it meanwhile: it is told at saving"


def test_what_nobody_came_back_to_is_forgotten(session: Session, move_clock: Callable[..., datetime]) -> None:
    partner, structure = make_partner(session)
    now = move_clock(2026, 6, 1, 10)
    old, recent = make_offer(session, structure), make_offer(session, structure)
    keep(session, partner, old, nom="Vieille").saved_at = now - timedelta(days=91)
    keep(session, partner, recent, nom="Récente").saved_at = now - timedelta(days=89)
    session.flush()
    assert saisies.purge(session) == 1
    assert [saisies.answer(kept, "nom") for kept in saisies.of_user(session, partner)] == ["Récente"]
    assert saisies.purge(session) == 0


# --- A new offer ---


def test_a_reload_finds_everything_again(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    typed = {
        "nom": "Réparer son vélo",
        "publics": ["femmes", "jeunes"],
        "description": "Deux\nlignes",
        "nombre_semaines": "douze",
        "sessions-0-debut": "2030-01-15",
        "sessions-0-places": "huit",
    }
    answer = autosave(browser, structure, form, form.values["cle"], **typed)
    assert "Vos réponses sont gardées" in said(answer, "#offer-kept")
    assert not session.exec(select(Offer)).all(), "nothing is an offer before it is saved"
    page = browser.get(address)
    assert "Voici ce que vous écriviez" in page.text
    again = page.form("offer-form")
    assert {name: again.values[name] for name in typed} == typed
    assert again.values["cle"] == form.values["cle"]
    assert "contact_public" in again.values
    assert not page.soup.select(".field-error, #error-summary"), "what is half typed is not a fault yet"
    session.expire_all()
    page = again.submit("Enregistrer le brouillon", nombre_semaines="12", **{"sessions-0-places": "8"})
    assert "Voici ce que vous écriviez" not in page.text
    assert str(session.exec(select(Offer)).one().id) == form.values["cle"]
    assert not session.exec(select(Saisie)).all()
    assert browser.get(address).form("offer-form").values["nom"] == ""


def test_an_unticked_box_stays_unticked(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    assert form.values.pop("contact_public") == "y"
    autosave(browser, structure, form, form.values["cle"], nom="Sans contact")
    assert "contact_public" not in browser.get(address).form("offer-form").values


def test_another_one_can_be_begun(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    autosave(browser, structure, form, form.values["cle"], nom="À oublier")
    page = browser.get(address).form("/oublier").submit("Commencer une autre offre")
    assert page.path == address
    fresh = page.form("offer-form").values
    assert fresh["nom"] == "" and fresh["cle"] != form.values["cle"]
    assert not session.exec(select(Saisie)).all()


def test_answers_that_arrive_after_the_save_bring_nothing_back(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    form.submit("Enregistrer le brouillon", nom="Enregistrée")
    offer = session.exec(select(Offer)).one()
    late = autosave(browser, structure, form, offer.id, nom="Enregistré")
    assert "Non enregistré" in said(late, "#offer-kept")
    page = browser.get(f"/offres/{offer.id}/modifier")
    assert "Voici ce que vous écriviez" not in page.text
    assert page.form("offer-form").values["nom"] == "Enregistrée"


# --- An offer that exists ---


def test_changes_wait_for_their_author_only(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    offer = make_offer(session, structure, nom="Comme elle est")
    browser = sign_in(partner)
    form = browser.get(f"/offres/{offer.id}/modifier").form("offer-form")
    autosave(browser, structure, form, offer.id, nom="Comme elle sera")
    assert browser.get(f"/offres/{offer.id}/modifier").form("offer-form").values["nom"] == "Comme elle sera"
    other = sign_in(colleague).get(f"/offres/{offer.id}/modifier")
    assert other.form("offer-form").values["nom"] == "Comme elle est"
    assert "Comme elle sera" not in other.text
    session.refresh(offer)
    assert offer.nom == "Comme elle est"
    page = browser.get(f"/offres/{offer.id}/modifier").form("/oublier").submit()
    assert page.form("offer-form").values["nom"] == "Comme elle est"


def test_who_left_the_structure_finds_nothing_of_it(session: Session, sign_in: SignIn) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    keep(session, stranger, offer, nom="Restée là")
    browser = sign_in(stranger)
    browser.get(f"/offres/{offer.id}/modifier", status=404)
    browser.get(f"/structures/{offer.structure_id}/offres/nouvelle", status=404)
    browser.post(f"/structures/{offer.structure_id}/saisie/{offer.id}", {"nom": "Encore"}, status=404)
    browser.post(f"/structures/{offer.structure_id}/saisie/{offer.id}/oublier", {}, status=404)


def test_an_offer_of_another_structure_is_not_kept_under_one_s_own(session: Session, sign_in: SignIn) -> None:
    keeper = make_user(session, Role.ANIMATION)
    offer, elsewhere = make_offer(session), make_structure(session)
    sign_in(keeper).post(f"/structures/{elsewhere.id}/saisie/{offer.id}", {"nom": "Ailleurs"}, status=404)
    assert not session.exec(select(Saisie)).all()


def test_endless_answers_are_said_beside_the_form(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    answer = autosave(browser, structure, form, form.values["cle"], description="x" * 200_001)
    line = answer.select_one("#offer-kept")
    assert line is not None and line["role"] == "alert"
    assert "Non enregistré : Ces réponses sont trop longues" in said(answer, "#offer-kept")
    assert "Non enregistré" in said(answer, "#offer-bar")


def test_an_expired_session_says_so_and_keeps_nothing(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    session.commit()
    headers = {"HX-Request": "true", "HX-Target": "offer-aside", "Origin": "http://localhost"}
    response = browser.client.post(
        f"/structures/{structure.id}/saisie/{uuid.uuid4()}", data={"nom": "Tard"}, headers=headers
    )
    assert response.status_code == 401, "the line beside the form says that nothing is kept"
    assert not session.exec(select(Saisie)).all()


# --- What the aside answers ---


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


# --- Two people ---


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


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
