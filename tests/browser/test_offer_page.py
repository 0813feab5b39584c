"""The page of an offer in a real browser: on paper, passed on, kept at hand, with and without the script."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page
from sqlmodel import select

from portal import clock, demo
from portal.accounts.models import User
from portal.offers import documents, rules, sessions
from portal.structures.models import Structure
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse

OFFER = f"/offres/{demo.demo_id('offre', 'ervp')}"
WORDS = (
    "Passer le code puis le permis B avec une pédagogie adaptée à celles et ceux qui lisent peu, apprennent lentement ou "
    "ont déjà échoué. Le code se travaille en petit groupe, la conduite avec un moniteur formé."
)


def fullest(portal: Portal) -> uuid.UUID:
    """Publish an offer in which every question is answered, and return its id."""
    with portal.database.writing() as session:
        structure = session.get_one(Structure, demo.demo_id("structure", "ervp"))
        keeper = session.exec(select(User).where(User.courriel == "animation@demo.example.org")).one()
        offer = rules.create_offer(
            session,
            structure,
            {
                "nom": "Le permis en soirée, avec le code et la conduite accompagnée",
                "description": "\n\n".join([WORDS] * 5),
                "type": "formation",
                "thematiques": [
                    "mobilite--preparer-un-permis",
                    "mobilite--etre-accompagne-dans-son-parcours-mobilite",
                    "remobilisation--bien-etre-confiance-en-soi",
                ],
                "frais": "payant",
                "frais_precisions": "30 € d’inscription, puis selon les ressources.",
                "publics": ["beneficiaires-des-minimas-sociaux", "jeunes", "femmes"],
                "publics_precisions": "Personnes au RSA qui ont besoin du permis pour leur projet.",
                "conditions_acces": "Savoir lire un texte court. Avoir 18 ans.",
                "documents_a_apporter": "Pièce d’identité\nAttestation de paiement de la CAF\nJustificatif de domicile",
                "telephone": "+33261910011",
                "courriel": "accueil@ervp.example.org",
                "contact_nom_prenom": "Alix Fictif",
                "lien_mobilisation": "https://association.example.org/inscription/permis?groupe=soir",
                "modes_mobilisation": [
                    "envoyer-un-courriel",
                    "se-presenter",
                    "telephoner",
                    "utiliser-lien-mobilisation",
                ],
                "mobilisable_par": ["professionnels", "usagers"],
                "mobilisation_precisions": "Appelez le mardi matin, avec la fiche de prescription signée.",
                "mode_prescription": "Fiche de prescription",
                "modes_accueil": ["a-distance", "en-presentiel"],
                "zone_eligibilite": ["35", "35236"],
                "code_insee": "35236",
                "adresse": "11 place de la Démonstration",
                "complement_adresse": "Bâtiment B, deuxième étage",
                "horaires_accueil": "Mo-Th 09:00-12:00,14:00-18:00; Fr 09:00-12:00; PH off",
                "frequence": "Le mardi et le jeudi de 18 h à 20 h, sauf pendant les vacances scolaires",
                "volume_horaire_hebdomadaire": 4.0,
                "nombre_semaines": 20,
                "date_fin": clock.today() + timedelta(days=400),
                "dominantes": ["emploi", "equilibree", "remobilisation"],
                "freins": ["confiance", "mobilite", "qualification"],
            },
            by=keeper,
        )
        begins = [clock.today() + timedelta(days=days) for days in (10, 90, 170)]
        sessions.set_sessions(
            session,
            offer,
            [
                {
                    "debut": day,
                    "fin": day + timedelta(days=60),
                    "places": 8,
                    "precisions": "Réunion d’accueil le premier jour à 9 h.",
                }
                for day in begins
            ],
        )
        for name in ("Fiche de prescription.pdf", "Autorisation.pdf"):
            documents.add(session, offer, filename=name, content=b"%PDF-1.4", by=keeper)
        rules.publish_offer(session, offer, structure=structure, by=keeper)
        return offer.id


def test_the_fullest_offer_is_printed_on_one_sheet(open_page: Callable[..., Page], portal: Portal) -> None:
    offer_id = fullest(portal)
    page = open_page()
    page.goto(f"/offres/{offer_id}")
    check(page)
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    page.emulate_media(media="print")
    words = page.locator("body").inner_text()
    # What is read on paper: the address of the page, that of the link; nothing to press.
    for wanted in (
        f"{portal.url}/offres/{offer_id}",
        "https://association.example.org/inscription/permis?groupe=soir",
        "Attestation de paiement de la CAF",
        "Alix Fictif",
    ):
        assert wanted in words, wanted
    for hidden in ("Imprimer", "Copier le lien", "Toutes les offres", "Me connecter", "Accessibilité"):
        assert hidden not in words, hidden


def test_the_link_is_copied(open_page: Callable[..., Page], portal: Portal) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(OFFER)
    page.get_by_role("button", name="Copier le lien").first.click()
    page.wait_for_function(
        "() => document.querySelector('#annonces').innerText.includes('Le lien est copié')"
    )
    assert page.evaluate("() => navigator.clipboard.readText()") == f"{portal.url}{OFFER}"
    assert page.get_by_role("button", name="Le lien est copié").first.is_visible()


def test_without_the_script_nothing_useless_is_shown(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False)
    page.goto(OFFER)
    assert not page.locator("[data-copy]").first.is_visible()
    assert not page.locator("[data-print]").first.is_visible()
    assert page.get_by_role("link", name="Envoyer par courriel").first.is_visible()


def test_a_favourite_is_kept_from_a_card_by_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page()
    Mouse(page).sign_in("referent2", demo.PASSWORD)
    page.goto("/offres?quoi=permis")
    name = "Garder en favori : En route vers le permis (ERVP)"
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => /dans vos favoris/.test(document.querySelector('#annonces').innerText)")
    # The page stays, and so does the hand: the button that was pressed is now the one that undoes it.
    assert page.url.endswith("/offres?quoi=permis")
    assert "Retirer des favoris : En route" in re.sub(
        r"\s+", " ", str(page.evaluate("() => document.activeElement.textContent"))
    )
    check(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => /plus dans vos favoris/.test(document.querySelector('#annonces').innerText)"
    )
    page.reload()
    assert page.get_by_role("button", name=name).is_visible()


def test_a_favourite_is_kept_without_the_script(open_page: Callable[..., Page]) -> None:
    # No axe here: it is a script too.
    page = open_page(javascript=False)
    page.goto("/connexion")
    page.get_by_label("Adresse électronique").fill("referent2@demo.example.org")
    page.get_by_label("Mot de passe").fill(demo.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.goto("/offres?quoi=secteur+par+secteur")
    page.get_by_role("button", name=re.compile("Garder en favori : Voir les emplois")).click()
    page.get_by_role("button", name=re.compile("Retirer des favoris : Voir les emplois")).wait_for()
    assert "/offres?quoi=secteur" in page.url
    page.goto("/favoris")
    page.get_by_role("button", name=re.compile("Retirer des favoris : Voir les emplois")).click()
    page.get_by_text("L’offre n’est plus dans vos favoris.").wait_for()
    assert page.url.endswith("/favoris")
    assert page.get_by_role("link", name=re.compile("Voir les emplois")).count() == 0


def test_an_error_is_reported_and_answered(open_page: Callable[..., Page], portal: Portal) -> None:
    offer_id = fullest(portal)
    me = Mouse(open_page(375))
    me.sign_in("referent", demo.PASSWORD)
    me.goto(f"/offres/{offer_id}")
    me.follow("Signaler une erreur dans cette offre")
    me.press("Envoyer à la structure")
    assert me.page.title().startswith("Erreur : ")
    me.tick("Le prix n’est pas le bon")
    me.fill("Ce que vous savez", "L’inscription est à 20 €.")
    me.press("Envoyer à la structure")
    assert "Merci : la structure est prévenue" in me.words
    me.goto("/")
    me.page.locator("header summary").click()
    me.press("Me déconnecter", within="header details")

    me = Mouse(open_page())
    me.sign_in("partenaire", demo.PASSWORD)
    me.follow("Mes offres", within="header")
    me.page.get_by_role("link", name=re.compile("attendent votre réponse")).click()
    me.follow("Le permis en soirée, avec le code et la conduite accompagnée")
    assert "L’inscription est à 20 €." in me.words
    me.fill("Votre réponse", "C’est corrigé, merci.")
    me.press("Répondre")
    assert "Votre réponse part à la personne" in me.words
