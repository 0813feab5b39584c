"""From the first visit to a published offer in one sitting; a reload in the middle; two people on one form."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlmodel import col, select

from portal import demo, vocabulary
from portal.accounts.models import OutgoingMail
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.peers import Peer

SIRET = "73282932000074"
PASSWORD = "une phrase longue pour essayer"
DESCRIPTION = (
    "Un jardin partagé où l’on cultive à plusieurs, à son rythme, avec un encadrant qui montre les gestes et aide à "
    "préparer la suite : un stage, une formation, un emploi saisonnier. Les récoltes sont partagées entre les participants, "
    "et un point est fait chaque mois avec le référent."
)
ERVP = f"/offres/{demo.demo_id('offre', 'ervp')}"


def mailed(portal: Portal, address: str, pattern: str) -> str:
    """Return the path of the link of this shape in the latest message to this address."""
    with portal.database.session(read_only=True) as session:
        mail = session.exec(
            select(OutgoingMail)
            .where(col(OutgoingMail.recipient) == address)
            .order_by(col(OutgoingMail.created_at).desc())
        ).first()
    assert mail is not None
    found = re.search(re.escape(portal.url) + pattern, mail.body)
    assert found, mail.body
    return found[0]


def test_from_the_first_visit_to_a_published_offer(
    open_page: Callable[..., Page], portal: Portal, registry: Peer
) -> None:
    registry.answer(
        "/sirene/search",
        {
            "results": [
                {
                    "nom_raison_sociale": "LES JARDINS DE LA VILAINE",
                    "siege": {
                        "siret": SIRET,
                        "adresse": "3 RUE DU PORT 35600 REDON",
                        "code_postal": "35600",
                        "commune": "35236",
                        "libelle_commune": "REDON",
                        "etat_administratif": "A",
                    },
                }
            ]
        },
    )
    me = Mouse(open_page())
    address = f"jardin-{uuid.uuid4().hex[:8]}@exemple.example.org"

    # An account, by oneself.
    me.goto("/")
    me.follow("S’inscrire", within="header")
    me.fill("Prénom", "Jacinthe")
    me.fill("Nom", "Jardin-Exemple")
    me.fill("Adresse électronique", address)
    me.press("Créer mon compte")
    assert address in me.words
    me.goto(mailed(portal, address, r"/mot-de-passe/\S+"))
    me.fill("Nouveau mot de passe", PASSWORD)
    me.fill("Le même, encore une fois", PASSWORD)
    me.press("Enregistrer et me connecter")

    # The structure, filled in from its SIRET.
    me.goto("/structures/rejoindre")
    me.fill("SIRET", "732 829 320 00074")
    me.press("Chercher ce SIRET")
    if me.page.get_by_label("Nom de la structure").count() == 0:
        me.page.get_by_role("link", name=re.compile("^Créer")).first.click()
        me.page.wait_for_load_state("load")
    assert me.page.get_by_label("Nom de la structure").input_value() == "Les Jardins de la Vilaine"
    assert me.page.get_by_label("Commune").first.input_value() == "Redon (35600)"
    me.press("Créer la structure")
    assert me.title == "Les Jardins de la Vilaine"
    me.press("Publier la structure")
    assert "attend" in me.words
    structure = me.page.url

    # Its first offer, while the animator has not answered yet.
    me.follow("Écrire une offre")
    me.fill("Nom de l’offre", "Cultiver un jardin ensemble")
    me.choose("Type", "Atelier")
    me.fill("De quoi la personne a-t-elle besoin ?", "solitude")
    theme = vocabulary.label("thematiques", "remobilisation--lien-social")
    expect(me.page.locator("#themes details").first).to_contain_text("Pour « solitude »")
    me.unfold("Pour « solitude »")
    me.tick(theme)
    me.fill("Description", DESCRIPTION)
    me.tick("Bénéficiaires des minimas sociaux")
    me.tick("En présentiel")
    me.tick("Professionnels")
    me.fill("Adresse électronique", "accueil@jardins.example.org")
    me.tick("Envoyer un courriel")
    me.tick("Gratuit")
    me.press("Publier")
    assert me.title == "Cultiver un jardin ensemble"
    assert "dès que l’animateur aura validé la structure" in me.words
    offer = me.page.url
    me.sign_out()
    assert me.page.request.get(offer).status == 404

    # The animator reads the structure, and anybody finds the offer.
    me.sign_in("animation", demo.PASSWORD)
    me.goto("/referencement/file")
    me.follow("Les Jardins de la Vilaine")
    me.press("Valider la structure")
    me.sign_out()
    me.goto(offer)
    assert me.title == "Cultiver un jardin ensemble"
    me.goto("/offres?quoi=jardin+ensemble")
    assert "Cultiver un jardin ensemble" in me.words
    assert me.page.request.get(structure).status == 200


def test_a_reload_in_the_middle_of_the_form_loses_nothing(open_page: Callable[..., Page]) -> None:
    page = open_page()
    me = Mouse(page)
    me.sign_in("partenaire", demo.PASSWORD)
    me.goto(f"/structures/{demo.demo_id('structure', 'ervp')}/offres/nouvelle")
    name = f"Brouillon {uuid.uuid4().hex[:6]}"
    with page.expect_response(lambda r: "/saisie/" in r.url and r.status == 200):
        me.fill("Nom de l’offre", name)
    with page.expect_response(
        lambda r: "/saisie/" in r.url and "trois" in (r.request.post_data or "") and r.status == 200
    ):
        # Half of a number: nothing is lost because it cannot be read yet.
        me.fill("Heures par semaine", "trois")
    expect(page.locator("#offer-kept")).to_contain_text("gardées")
    page.reload()
    assert page.get_by_label("Nom de l’offre").input_value() == name
    assert page.get_by_label("Heures par semaine").input_value() == "trois"
    assert "pas encore enregistré" in me.words
    me.goto("/mes-offres")
    assert name in me.words
    me.follow(name)
    me.fill("Heures par semaine", "3")
    me.press("Enregistrer le brouillon")
    assert page.get_by_label("Nom de l’offre").input_value() == name
    assert "pas encore enregistré" not in me.words
    me.goto(f"/structures/{demo.demo_id('structure', 'ervp')}/offres/nouvelle")
    assert page.get_by_label("Nom de l’offre").input_value() == ""


def test_the_second_of_two_people_is_told_and_chooses(open_page: Callable[..., Page]) -> None:
    first, second = Mouse(open_page()), Mouse(open_page())
    first.sign_in("partenaire", demo.PASSWORD)
    second.sign_in("animation", demo.PASSWORD)
    # Without an autosave of their own in the way.
    for me in (first, second):
        me.goto(f"{ERVP}/modifier")
    mark = uuid.uuid4().hex[:6]
    first.fill("Nombre de semaines", "30")
    first.press("Enregistrer les changements")
    assert "30 semaines" in first.words
    second.fill("Nombre de semaines", "26")
    second.fill("Fréquence et horaires, en toutes lettres", f"Le mardi {mark}")
    second.press("Enregistrer les changements")
    assert "Quelqu’un d’autre a modifié cette fiche" in second.words
    assert "Pascale Partenaire-Démo" in second.words
    row = second.page.locator("tr").filter(has_text="Nombre de semaines")
    assert [cell.inner_text() for cell in row.locator("td").all()] == ["30", "26"]
    assert second.page.get_by_label("Nombre de semaines").input_value() == "26"
    second.press("Enregistrer les changements")
    assert "26 semaines" in second.words
    assert mark in second.words


class Plain(Mouse):
    """A browser without scripts, where axe cannot look."""

    def _arrived(self) -> None:
        self.page.wait_for_load_state("load")


def test_the_form_works_without_javascript(open_page: Callable[..., Page]) -> None:
    me = Plain(open_page(375, javascript=False))
    me.sign_in("partenaire", demo.PASSWORD)
    me.goto(f"/structures/{demo.demo_id('structure', 'ervp')}/offres/nouvelle")
    me.fill("Nom de l’offre", "Sans script")
    me.fill("De quoi la personne a-t-elle besoin ?", "garde d’enfants")
    me.press("Proposer")
    assert me.page.get_by_label("Nom de l’offre").input_value() == "Sans script"
    me.tick(vocabulary.label("thematiques", "famille--garde-denfants"))
    me.press("Enregistrer le brouillon")
    assert "Le brouillon est enregistré" in me.words
    assert me.page.locator('input[value="famille--garde-denfants"]').is_checked()
