"""The main job, once, in a real browser: publish, finance, find, prescribe, accept, enter, leave, export.

Walked by keyboard alone on one engine, by mouse on the other; axe-core looks at every page on the way.
"""

import json
import urllib.request
from collections.abc import Callable

from playwright.sync_api import Page

from portal import demo, vocabulary
from tests.browser.conftest import Portal
from tests.browser.hands import Keyboard, Mouse
from tests.browser.seed import fill_places

DESCRIPTION = (
    "Apprendre à se déplacer seul en train et en car dans le pays de Redon : lire un horaire, acheter un billet, "
    "prévoir une correspondance. Trois sorties accompagnées, puis un trajet choisi par la personne, avec un appel avant "
    "et après pour faire le point."
)


def test_the_whole_way(open_page: Callable[..., Page], portal: Portal, engine_name: str) -> None:
    offer = "Oser le train sans crainte"
    person = "Chloé Inventée"
    me = (Keyboard if engine_name == "sqlite" else Mouse)(open_page())

    # A partner writes an offer and publishes it; what is missing is told beside each field, nothing is lost.
    me.sign_in("partenaire", demo.PASSWORD)
    me.follow("Écrire une offre")
    me.fill("Nom de l’offre", offer)
    me.choose("Type", "Atelier")
    me.fill("Description", DESCRIPTION)
    me.press("Publier")
    assert me.page.title().startswith("Erreur : ")
    assert me.page.get_by_label("Description").first.input_value() == DESCRIPTION
    me.unfold("Mobilité")
    me.tick(vocabulary.label("thematiques", "mobilite--mobilite-douce-partagee-collective"))
    me.tick("Bénéficiaires des minimas sociaux")
    me.tick("En présentiel")
    me.tick("Professionnels")
    me.tick("Envoyer un courriel")
    me.tick("Gratuit")
    me.fill("Heures par semaine", "3,5")
    me.press("Publier")
    assert offer in me.title
    address = me.page.url
    assert "Publiée" in me.words
    me.sign_out()

    # The officer finances three places of it.
    me.sign_in("conventionnement", demo.PASSWORD)
    me.follow("Conventions", within="header")
    me.follow(demo.numero("001", demo.period()[0]))
    me.follow("Ajouter une action")
    me.fill("Intitulé", f"Places de {offer}")
    me.fill("Nombre de places financées", "3")
    me.fill("Coût d’une place en euros", "150,50")
    me.tick("File active")
    me.tick(offer)
    me.press("Enregistrer")
    assert f"Places de {offer}" in me.words
    me.sign_out()

    # A référent finds it for somebody, and prescribes it.
    me.sign_in("referent", demo.PASSWORD)
    me.follow("Mes bénéficiaires", within="header")
    me.follow(person)
    me.follow("Prescrire une offre")
    me.fill("Quoi ?", "oser le train")
    me.press("Chercher")
    assert "3 places libres sur 3" in me.words
    me.follow(offer)
    me.follow("Prescrire cette offre")
    me.fill("Pourquoi cette offre ?", "Aller seule à Rennes pour ses rendez-vous.")
    me.press("Continuer")
    assert "Rien n’est encore parti" in me.words
    me.press("Envoyer la prescription")
    assert "Demandez son accord" in me.words
    me.tick("La personne est d’accord")
    me.press("Envoyer la prescription")
    assert "La prescription est envoyée" in me.words
    prescription = me.page.url
    me.sign_out()

    # The partner reads what was shared, accepts: a place is held.
    me.sign_in("partenaire", demo.PASSWORD)
    me.goto(prescription)
    assert "Aller seule à Rennes" in me.words
    assert "DEMO-" not in me.words
    me.follow("Accepter")
    me.fill("Message au référent", "Mardi à 9 h, gare de Redon.")
    me.press("Accepter la prescription")
    assert "il en reste 2 libres" in me.words
    assert "Place retenue" in me.words

    # She comes: the place is occupied.
    me.follow("Déclarer l’entrée")
    me.press("Déclarer l’entrée")
    assert "Place occupée" in me.words
    assert _places(me, address) == "2 places libres sur 3"
    me.sign_out()

    # Both sides read the same; the officer reads the ledger, where nobody is named.
    me.sign_in("referent", demo.PASSWORD)
    me.goto(prescription)
    assert "Entrée" in me.words
    assert "Mardi à 9 h, gare de Redon." in me.words
    me.sign_out()
    me.sign_in("conventionnement", demo.PASSWORD)
    me.goto("/conventions")
    me.follow(demo.numero("001", demo.period()[0]))
    assert person not in me.words
    me.sign_out()

    # The end frees the place of a file active.
    me.sign_in("partenaire", demo.PASSWORD)
    me.goto(prescription)
    me.follow("Déclarer la fin")
    me.tick("L’objectif de l’action est atteint")
    me.press("Déclarer la fin")
    assert "Terminée" in me.words
    assert _places(me, address) == "3 places libres sur 3"

    # The offer stands in the export that data.inclusion reads, and is valid there.
    with urllib.request.urlopen(f"{portal.url}/export/data-inclusion/v1/services.json", timeout=60) as answer:
        records = json.load(answer)
    mine = [record for record in records if record["nom"] == offer]
    assert len(mine) == 1
    assert vocabulary.check_record(vocabulary.Service, mine[0]) == {}
    assert mine[0]["volume_horaire_hebdomadaire"] == 3.5
    assert address.endswith(mine[0]["id"])


def test_no_place_left_then_the_waiting_list(open_page: Callable[..., Page], portal: Portal) -> None:
    """Five places of PEM’S: once they are taken, the sixth person is told so and joins the list."""
    waiting = fill_places(portal.database)
    me = Mouse(open_page(375))
    me.sign_in("partenaire2", demo.PASSWORD)
    me.goto(f"/prescriptions/{waiting}")
    me.follow("Accepter")
    me.press("Accepter la prescription")
    assert "Plus de place" in me.words
    me.press("Plus de place : mettre en liste d’attente")
    assert "En liste d’attente, rang 1" in me.words


def _places(me: Mouse, address: str) -> str:
    here = me.page.url
    me.goto(address)
    words = me.words
    me.goto(here)
    found = [
        text
        for text in ("2 places libres sur 3", "3 places libres sur 3", "1 place libre sur 3")
        if text in words
    ]
    return found[0] if found else words
