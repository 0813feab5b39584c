"""A convention with the State, from its draft to the bilan that two readers settle."""

import itertools
from collections.abc import Callable
from datetime import date

from playwright.sync_api import Page

from portal import clock, demo
from portal.accounts.models import User
from portal.accounts.rules import find_user
from portal.budget import bilan_writing, bilans
from portal.budget.bilan_models import BilanKind
from portal.budget.models import StateConvention, Volet
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse, Unscripted
from tests.factories.budget import make_state_convention

_numbers = itertools.count(1)
FIRST = "Volet 1 – ingénierie et système d’information"
SECOND = "Volet 2 – solutions locales"


def table(annee: int) -> bytes:
    """Two expenses of volet 2, with spaces in thousands and a comma, as a spreadsheet writes them."""
    return (
        "Volet;Nature;Objet;Unité;Nombre;Coût unitaire;Début;Fin\n"
        f"2;Levée des freins : mobilité;Modules permis;parcours;4;3 900,00;01/02/{annee};30/06/{annee}\n"
        f"2;Levée des freins : garde d’enfant;Halte-garderie;mois;10;1 000,50;01/01/{annee};31/10/{annee}\n"
    ).encode()


def test_from_the_draft_to_the_bilan_handed_in(open_page: Callable[..., Page]) -> None:
    annee, numero = clock.today().year - 1, f"PARCOURS-ETAT-{next(_numbers)}"
    me = Mouse(open_page())
    me.sign_in("conventionnement", demo.PASSWORD)
    me.follow("Budget", within="header")
    me.follow("Écrire une convention avec l’État")
    me.fill("Numéro", numero)
    me.fill("Intitulé", "Convention du parcours")
    me.fill("Premier jour", f"{annee}-01-01")
    me.fill("Dernier jour", f"{annee + 1}-12-31")
    me.fill("Objet", "Mieux accompagner.")
    me.fill("Pour l’État", "Préfecture du parcours")
    me.fill("Pour le département", "Département du parcours")
    me.press("Enregistrer le brouillon")
    where = me.page.url.split("/avenants")[0]

    # What the State gives, then the plan against it: a cent too many is said.
    me.fill(f"Volet 1 en {annee}, en euros", "50 000")
    me.fill(f"Volet 2 en {annee}, en euros", "20 000")
    me.press("Enregistrer")
    me.page.goto(where)
    me.follow("Plan de financement")
    me.follow(f"Plan de financement {annee}")
    me.follow("Ajouter une ligne")
    me.choose("Volet", FIRST)
    me.choose("Nature", "Équipes : ingénierie")
    me.fill("Objet", "Chefferie de projet")
    me.fill("ETP visés", "1")
    me.fill("Montant demandé à l’État en euros", "50 000,01")
    me.press("Enregistrer")
    assert "ôtez-en 0,01 €" in me.words
    me.follow_about("Chefferie de projet")
    me.fill("Montant demandé à l’État en euros", "50 000,00")
    me.press("Enregistrer")
    assert "ôtez-en" not in me.words
    me.page.goto(where)
    me.follow("Signature")
    me.fill("Signé le", f"{annee}-01-15")
    me.press("Signer la convention")

    # An avenant gives the following year its credits.
    me.follow("Écrire un avenant")
    me.fill("Objet", "Une année de plus.")
    me.press("Continuer vers les montants")
    me.fill(f"Volet 2 en {annee + 1}, en euros", "30 000")
    me.press("Enregistrer")
    me.follow("Signer")
    me.fill("Signé le", f"{annee}-12-01")
    me.press("Signer l’avenant")
    me.page.goto(where)
    assert "100 000,00 €" in me.words

    # The advance of the first year: 60 % of 70 000 €.
    me.follow("Comptes et versements")
    for step in ("la demande", "la validation", "le versement"):
        act = {"la demande": "Écrire la demande", "la validation": "Écrire la validation"}.get(
            step, "Écrire le versement"
        )
        me.follow_about(f"{act} : avance {annee}")
        me.fill("Jour", f"{annee}-03-01")
        me.fill("Montant en euros", "42 000")
        me.press("Enregistrer")
    assert "Écrire la validation : avance {annee}" not in me.words

    # Expenses: one typed, two imported.
    me.page.goto(where)
    me.follow("État des dépenses")
    me.follow(str(annee))
    me.follow("Ajouter une dépense")
    me.choose("Volet", FIRST)
    me.choose("Nature", "Équipes : ingénierie")
    me.fill("Objet", "Chefferie de projet")
    me.fill("Unité", "mois")
    me.fill("Nombre d’unités", "12")
    me.fill("Coût d’une unité en euros", "4 000")
    me.fill("Du", f"{annee}-01-01")
    me.fill("Au", f"{annee}-12-31")
    me.press("Enregistrer")
    assert "48 000,00 €" in me.words
    me.follow("Importer un tableau")
    me.attach("Tableau (XLSX ou CSV)", "depenses.csv", table(annee))
    me.press("Lire le tableau")
    assert "25 605,00 €" in me.words
    me.press("Importer les 2 lignes justes")
    me.page.goto(f"{where}/depenses/{annee}")
    assert "73 605,00 €" in me.words

    # The bilan: each part read, said to be ready, then handed in.
    me.page.goto(f"{where}/bilans")
    me.press(f"Commencer le bilan intermédiaire {annee}")
    home = me.page.url
    assert "Il reste à faire" in me.words
    parts = me.page.locator("main ul.tasks a").evaluate_all("links => links.map(link => link.href)")
    assert len(parts) == 9
    for part in parts:
        me.page.goto(part)
        if not me.typed("Votre texte"):
            me.fill("Votre texte", "Relu.")
        me.tick("Cette partie est prête")
        me.press("Enregistrer")
    me.page.goto(home)
    me.press("Remettre le bilan à l’État")
    assert "Remis à l’État" in me.words
    me.page.goto(f"{where}/depenses/{annee}")
    assert "Ajouter une dépense" not in me.words
    me.page.goto(f"{where}/comptes")
    # 48 000 € of volet 1, and half of 25 605 € of volet 2, less the advance.
    assert "18 802,50 €" in me.words


def test_two_readers_a_correction_then_settled(open_page: Callable[..., Page], portal: Portal) -> None:
    annee = clock.today().year - 1
    where = _handed_in(portal, annee)
    first = Unscripted(open_page(javascript=False))
    first.sign_in("etat", demo.PASSWORD)
    first.goto(where)
    first.follow("Synthèse")
    first.tick("À corriger")
    first.fill("Commentaire", "Dites combien de personnes sont entrées.")
    first.press("Enregistrer mon avis")
    first.goto(where)
    first.follow("Demander une correction")
    first.fill("Ce qui est à corriger", "La synthèse est trop courte.")
    first.press("Envoyer la demande")

    me = Mouse(open_page(375))
    me.sign_in("conventionnement", demo.PASSWORD)
    me.goto(where)
    assert "La synthèse est trop courte." in me.words
    me.follow("Synthèse")
    assert "Dites combien de personnes sont entrées." in me.words
    me.fill("Votre texte", "Douze personnes sont entrées.")
    me.tick("Cette partie est prête")
    me.press("Enregistrer")
    me.goto(where)
    me.press("Remettre le bilan à l’État")

    first.goto(where)
    first.follow("Synthèse")
    assert "Douze personnes sont entrées." in first.words
    first.tick("Vu")
    first.press("Enregistrer mon avis")
    first.goto(where)
    first.press("J’ai lu, transmettre au second lecteur")
    assert "Arrêter le bilan" not in first.words
    second = Mouse(open_page())
    second.sign_in("etat2", demo.PASSWORD)
    second.goto(where)
    second.press("Arrêter le bilan")
    assert "Arrêté" in second.words
    me.goto(where)
    assert "Arrêté" in me.words and "Remettre le bilan" not in me.words


def _handed_in(portal: Portal, annee: int) -> str:
    """Make a bilan whose every part is ready, hand it in, and return its address."""
    with portal.database.writing() as session:
        officer = find_user(session, "conventionnement@demo.example.org")
        assert isinstance(officer, User)
        made: StateConvention = make_state_convention(
            session,
            {(annee, Volet.INGENIERIE): 5_000_000},
            numero=f"PARCOURS-LU-{next(_numbers)}",
            signe_le=date(annee, 1, 15),
            date_debut=date(annee, 1, 1),
            date_fin=date(annee + 1, 12, 31),
        )
        bilan = bilan_writing.begin(session, made, annee, BilanKind.INTERMEDIAIRE, by=officer)
        for state in bilans.parts(session, made, bilan):
            bilan_writing.write_part(session, bilan, made, state.part.key, "Écrit.", True, by=officer)
        bilan_writing.hand_in(session, bilan, made, by=officer)
        return f"/budget/{made.id}/bilans/{bilan.id}"
