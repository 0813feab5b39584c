"""A prescription followed from the person's file to the job that they found, each side in its own browser."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from playwright.sync_api import Page

from portal import clock
from portal.web.formats import moment
from tests.browser.cast import call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse


def test_from_the_file_to_a_job(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, places=2)
    person, offer = cast.people[0].nom, cast.offers[0].nom

    # A référent looks for an offer for somebody, reads over what will leave, and sends it with their agreement.
    referent = cast.enter(Mouse(open_page()), cast.referent)
    referent.follow("Mes bénéficiaires", within="header")
    referent.follow(person)
    assert "Pas encore de prescription" in referent.words
    referent.follow("Prescrire une offre")
    referent.fill("Quoi ?", offer)
    referent.press("Chercher")
    referent.follow(offer)
    referent.follow("Prescrire cette offre")
    referent.fill("Pourquoi cette offre ?", "Retrouver un rythme avant l’hiver.")
    referent.press("Continuer")
    assert "Rien n’est encore parti" in referent.words
    referent.tick("La personne est d’accord")
    referent.press("Envoyer la prescription")
    assert "La prescription est envoyée" in referent.words
    where = referent.page.url

    # The structure finds it in its inbox, looks at it, then accepts with a day, an hour and a place.
    partner = cast.enter(Mouse(open_page()), cast.members[0])
    partner.follow("Prescriptions", within="header")
    partner.follow(person)
    assert "Retrouver un rythme avant l’hiver." in partner.words
    partner.press("Mettre à l’étude")
    assert "Le référent est prévenu" in partner.words
    meeting = clock.today() + timedelta(days=1)
    partner.follow("Accepter")
    partner.fill("Jour", meeting.isoformat())
    partner.fill("Heure", "9 h 30")
    partner.fill("Lieu", "3 rue des Parcours, au fond de la cour")
    partner.fill("Message au référent", "Qu’elle vienne avec des chaussures fermées.")
    assert "est acceptée" in partner.typed("Message à la personne")
    partner.press("Accepter la prescription")
    assert "il en reste 1 libre" in partner.words

    # It changes nothing for the référent's page but what is new.
    referent.follow("Prescriptions", within="header")
    assert "Du nouveau" in referent.words
    referent.follow(person)
    expected = moment(datetime.combine(meeting, time(9, 30), clock.PARIS))
    assert f"{' '.join(expected.split())}, 3 rue des Parcours, au fond de la cour" in referent.words
    assert "Qu’elle vienne avec des chaussures fermées." in referent.words

    # She came, she entered, she did so many hours, she found a job.
    partner.follow("Noter une présence")
    partner.press("Noter une présence")
    assert "La présence est notée" in partner.words
    partner.follow("Déclarer l’entrée")
    partner.press("Déclarer l’entrée")
    assert "Place occupée" in partner.words
    partner.follow("Heures faites")
    partner.fill("Semaine du", "5 h 30")
    partner.press("Enregistrer les heures")
    assert "Les heures de 1 semaine sont enregistrées" in partner.words
    partner.follow("Déclarer la fin")
    partner.tick("Un emploi")
    partner.choose("Type de contrat", "CDI")
    partner.fill("Message au référent", "Embauchée par le maraîcher d’à côté.")
    partner.press("Déclarer la fin")
    assert "il n’y a plus rien à faire" in partner.words

    # The référent reads the whole of it, the newest first, and finds the hours in the person's week.
    referent.goto(where)
    story = referent.page.locator(".timeline-what").all_inner_texts()
    told = [
        "Terminée",
        "Entrée",
        "Présence notée",
        "Acceptée",
        "À l’étude",
        "Envoyée",
        "Prescription commencée",
    ]
    assert [line.removesuffix("Nouveau").split(",")[0].strip() for line in story] == told
    assert "Un emploi" in referent.words and "CDI" in referent.words
    assert "Embauchée par le maraîcher d’à côté." in referent.words
    referent.follow("Ouvrir le dossier")
    assert "Terminée" in referent.words
    referent.follow("Voir la semaine")
    assert "5 h 30" in referent.words and "déclaré par la structure" in referent.words
    if meeting.weekday():
        assert f"9 h 30 Rendez-vous : {offer}" in referent.words
