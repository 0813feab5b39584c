"""Pages of structures: who reaches them, what they answer, and that nothing typed is lost."""

import uuid
from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.offers.models import Offer
from portal.structures import rules
from portal.structures.models import Membership, MembershipLevel, Structure, StructureState
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_chief, make_partner, make_structure
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


# --- List ---


def test_a_partner_lists_their_own(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, nom="La mienne", published=False))
    make_offer(session, structure)
    make_offer(session, structure, published=False)
    make_structure(session, nom="Une autre")
    page = sign_in(partner).get("/structures")
    assert "La mienne" in page.text
    assert "Brouillon" in page.text
    assert "2 offres" in page.text
    assert "Une autre" not in page.text


def test_both_spellings_of_the_address_answer(session: Session, sign_in: SignIn) -> None:
    browser = sign_in(make_user(session, Role.ANIMATION))
    assert browser.get("/structures", follow=False).h1 == browser.get("/structures/", follow=False).h1


def test_a_partner_without_a_structure_is_shown_the_first_step(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures")
    assert (page.path, page.h1) == ("/structures/rejoindre", "Rejoindre ou créer une structure")


def test_an_animator_searches_all_by_words(session: Session, sign_in: SignIn) -> None:
    make_structure(session, nom="Épicerie solidaire")
    make_structure(session, nom="Auto-école sociale")
    browser = sign_in(make_user(session, Role.ANIMATION))
    assert "2 structures" in browser.get("/structures").text
    page = browser.get("/structures").form("/structures").submit("Chercher", q="epicerie")
    assert "Épicerie solidaire" in page.text
    assert "Auto-école" not in page.text
    nothing = browser.get("/structures?q=zzz")
    assert "Aucune structure ne contient ces mots" in nothing.text
    assert nothing.click("Voir toutes les structures").path == "/structures"


def test_the_list_costs_the_same_whatever_its_length(session: Session, sign_in: SignIn) -> None:
    browser = sign_in(make_user(session, Role.ANIMATION))
    costs = []
    for _ in range(2):
        for _ in range(3):
            make_offer(session, make_structure(session))
        session.commit()
        with count_statements(session) as sent:
            browser.get("/structures")
        costs.append(len(sent))
    assert costs[0] == costs[1] <= 4


# --- One structure ---


def test_everybody_reads_a_published_structure_and_its_published_offers(
    session: Session, browser: Browser
) -> None:
    structure = make_structure(
        session,
        horaires_accueil="Mo-Fr 09:00-12:00",
        reseaux_porteurs=["ai"],
        site_web="https://exemple.example.org/",
        description="Première ligne.\n\nDeuxième paragraphe.",
    )
    offer = make_offer(session, structure)
    make_offer(session, structure, nom="Offre en brouillon", published=False)
    session.commit()
    page = browser.get(f"/structures/{structure.id}")
    assert page.h1 == structure.nom
    for words in (
        "02 99 00 00 00",
        "35000 Rennes",
        "lun. à ven. : 9 h à 12 h",
        "Associations Intermédiaires",
    ):
        assert words in page.text
    assert len(page.soup.select("main p.as-written")) == 2
    assert "Offre en brouillon" not in page.text
    assert "Modifier" not in page.text
    assert page.click(offer.nom).h1 == offer.nom


def test_a_draft_is_for_those_who_may_change_it(session: Session, browser: Browser, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, published=False))
    stranger, _ = make_partner(session)
    url = f"/structures/{structure.id}"
    session.commit()
    browser.get(url, status=404)
    for user in (
        stranger,
        make_user(session, Role.REFERENT),
        make_user(session, Role.CONVENTIONNEMENT),
    ):
        sign_in(user).get(url, status=404)
    page = sign_in(partner).get(url)
    assert "Publier la structure" in page.buttons()
    assert "Membres" not in page.text
    for role in (Role.ANIMATION, Role.ADMINISTRATION):
        assert "Membres" in sign_in(make_user(session, role)).get(url).text
    browser.get(f"/structures/{uuid.uuid4()}", status=404)


def test_what_is_not_a_web_address_is_not_a_link(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    structure.site_web = "javascript:alert(1)"
    session.commit()
    page = browser.get(f"/structures/{structure.id}")
    assert not page.soup.select('a[href^="javascript:"]')


@pytest.mark.parametrize("act", ["modifier", "publier", "retirer", "invitations"])
def test_another_structure_is_not_there(session: Session, sign_in: SignIn, act: str) -> None:
    stranger, _ = make_chief(session)
    structure = make_structure(session)
    browser = sign_in(stranger)
    browser.post(f"/structures/{structure.id}/{act}", {"nom": "Prise"}, status=404)
    if act == "modifier":
        browser.get(f"/structures/{structure.id}/{act}", status=404)
    assert structure.nom == "Association Exemple"
    assert structure.is_public


@pytest.mark.parametrize("role", [Role.REFERENT, Role.CONVENTIONNEMENT])
def test_referents_and_officers_write_nothing(session: Session, sign_in: SignIn, role: Role) -> None:
    structure = make_structure(session)
    browser = sign_in(make_user(session, role))
    browser.get("/structures", status=403)
    browser.get("/structures/nouvelle", status=403)
    browser.post(f"/structures/{structure.id}/modifier", {"nom": "Prise"}, status=403)


# --- Create and change ---


def test_a_partner_creates_and_publishes(session: Session, sign_in: SignIn) -> None:
    partner = make_user(session, Role.PARTENAIRE)
    form = sign_in(partner).get("/structures/nouvelle").form("structure-form")
    page = form.submit(
        "Créer la structure",
        nom="Auto-école sociale",
        commune="redon",
        siret="356 000 000 00048",
        telephone="02 99 00 00 00",
        reseaux_porteurs=["ai", "mobin"],
    )
    assert page.h1 == "Auto-école sociale"
    structure = session.exec(select(Structure)).one()
    assert structure.code_insee == REDON
    assert structure.reseaux_porteurs == ["ai", "mobin"]
    assert session.exec(select(Membership)).one().level is MembershipLevel.ADMINISTRATEUR
    page = page.form("/publier").submit("Publier la structure")
    assert "attend maintenant la validation" in page.text
    assert structure.state is StructureState.A_VALIDER
    rules.validate_structure(session, structure, by=make_user(session, Role.ANIMATION))
    page = sign_in(partner).get(f"/structures/{structure.id}")
    assert structure.is_public
    page = page.form("/retirer").submit("Retirer la structure")
    assert "Rien n’est effacé" in page.text
    session.refresh(structure)
    assert structure.state is StructureState.BROUILLON


def test_pressing_twice_creates_once(session: Session, sign_in: SignIn) -> None:
    form = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle").form("structure-form")
    first = form.submit("Créer la structure", nom="Auto-école sociale")
    second = form.submit("Créer la structure", nom="Auto-école sociale")
    assert first.path == second.path
    assert len(session.exec(select(Structure)).all()) == 1


def test_the_key_of_another_structure_opens_nothing(session: Session, sign_in: SignIn) -> None:
    other = make_structure(session, nom="Une autre", published=False)
    form = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle").form("structure-form")
    page = form.submit("Créer la structure", status=422, nom="Auto-école sociale", cle=str(other.id))
    assert "Une autre" not in page.text
    assert len(session.exec(select(Structure)).all()) == 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("siret", "73282932000075", "sa clé ne correspond pas"),
        ("commune", "Rednn", "Redon (35600)"),
        ("courriel", "accueil", "adresse électronique"),
        ("site_web", "exemple", "https://"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    session: Session, sign_in: SignIn, name: str, value: str, sentence: str
) -> None:
    form = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle").form("structure-form")
    values = {
        "nom": "Auto-école sociale",
        "description": "Permis <b>pour tous</b>",
        "reseaux_porteurs": ["ai"],
    }
    page = form.submit("Créer la structure", status=422, **values | {name: value})
    assert sentence in page.errors[name]
    assert sentence in page.soup.select_one(f"#{name}-error").text  # type: ignore[union-attr]
    kept = page.form("structure-form").values
    assert kept[name] == value
    assert kept["nom"] == "Auto-école sociale"
    assert kept["description"] == "Permis <b>pour tous</b>"
    assert kept["reseaux_porteurs"] == "ai"
    assert kept["cle"] == form.values["cle"]
    assert not session.exec(select(Structure)).all()


def test_a_siret_already_there_is_said_at_its_field(session: Session, sign_in: SignIn) -> None:
    make_structure(session, siret="35600000000048")
    form = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle").form("structure-form")
    page = form.submit("Créer la structure", status=422, nom="Doublon", siret="35600000000048")
    assert "demandez à la rejoindre" in page.errors["siret"]


def test_a_warning_is_shown_and_does_not_block(session: Session, sign_in: SignIn) -> None:
    form = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle").form("structure-form")
    page = form.submit("Créer la structure", nom="Auto-école sociale.")
    assert "ne doit pas se terminer par un point" in page.text
    edit = page.click("Modifier la fiche")
    assert "ne doit pas se terminer par un point" in edit.soup.select_one("#nom-warning").text  # type: ignore[union-attr]
    assert not edit.errors


def test_the_edit_form_shows_what_is_saved_and_saving_it_changes_nothing(
    session: Session, sign_in: SignIn, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    partner, structure = make_partner(
        session, make_structure(session, reseaux_porteurs=["ai"], siret="35600000000048")
    )
    move_clock(2026, 5, 5, 10)
    form = sign_in(partner).get(f"/structures/{structure.id}/modifier").form("structure-form")
    assert form.values["commune"] == "Rennes (35000)"
    assert form.values["telephone"] == "02 99 00 00 00"
    page = form.submit("Enregistrer")
    assert "enregistrées" in page.text
    assert structure.date_maj.isoformat() == "2026-03-03"


def test_a_new_name_is_found_in_the_catalogue_at_once(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, nom="Ancien nom"))
    offer = make_offer(session, structure, nom="Passer le code")
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/modifier").form("structure-form")
    form.submit("Enregistrer", nom="Tremplin mobilité")
    session.refresh(offer)
    assert "tremplin mobilite" in offer.search_text
    assert offer.nom in browser.get("/offres?quoi=tremplin").text
    assert offer.nom not in browser.get("/offres?quoi=ancien").text
    assert isinstance(session.get(Offer, offer.id), Offer)


def test_publishing_without_a_commune_leads_to_its_field(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, published=False, code_insee=None))
    page = (
        sign_in(partner)
        .get(f"/structures/{structure.id}")
        .form("/publier")
        .submit("Publier la structure", status=422)
    )
    assert "commune" in page.errors["commune"]
    page.form("structure-form").submit("Enregistrer", commune="Redon")
    assert structure.code_insee == REDON


# --- Networks ---


def test_networks_are_searched_and_ticked_ones_stay(session: Session, sign_in: SignIn) -> None:
    browser = sign_in(make_user(session, Role.PARTENAIRE))
    whole = browser.get("/structures/nouvelle").soup.select("#reseaux-list input")
    assert len(whole) > 100
    found = browser.fragment("/structures/reseaux?reseau=MISSION%20local&reseaux_porteurs=ai", "reseaux-list")
    boxes = {str(box["value"]): box.has_attr("checked") for box in found.select("#reseaux-list input")}
    assert boxes == {"ai": True, "mission-locale": False}
    nothing = browser.fragment("/structures/reseaux?reseau=zzzz", "reseaux-list")
    assert "Aucun réseau" in nothing.text


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
