"""A partner's convention from its draft to the one that renews it, where the person who is in goes on."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page
from sqlmodel import col, select

from portal import clock, demo
from portal.conventions.models import Convention, FinancedAction
from portal.prescriptions import answers
from tests.browser.cast import call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse


def test_from_the_draft_to_the_renewal(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal)
    today = clock.today()
    first, last = today - timedelta(days=364), today - timedelta(days=1)
    numero = f"DU-BROUILLON-{cast.structure.nom.rsplit(' ', 1)[1]}"
    me = Mouse(open_page())
    me.sign_in("conventionnement", demo.PASSWORD)
    me.goto("/conventions/nouvelle")
    me.fill("Numéro", numero)
    me.fill("Intitulé", "Chantier d’insertion")
    me.choose("Partenaire", f"{cast.structure.nom} (Rennes)")
    me.fill("Premier jour", first.isoformat())
    me.fill("Dernier jour", last.isoformat())
    me.fill("Montant en euros", "12 000")
    me.press("Enregistrer")
    with portal.database.session(read_only=True) as session:
        made = session.exec(select(Convention).where(col(Convention.numero) == numero)).one()
        where = f"/conventions/{made.id}"
    me.goto(where)
    assert "Brouillon" in me.words
    me.follow("Ajouter une action")
    me.fill("Intitulé", "File du chantier")
    me.fill("Nombre de places financées", "4")
    me.fill("Coût d’une place en euros", "3 000")
    me.tick("File active")
    me.tick(cast.offers[0].nom)
    me.press("Enregistrer")
    me.goto(f"{where}/signer")
    me.fill("Signée le", first.isoformat())
    me.press("Signer")

    # Somebody enters in the course of the year, and is still there when it ends.
    one = cast.prescribed(cast.people[0], days=40)
    cast.done(answers.accept, one, days=35, message="Elle commence lundi.")
    cast.done(answers.enter, one, days=30, day=today - timedelta(days=30))

    # An avenant, a payment planned and made, the reports asked for.
    me.goto(where)
    me.follow("Inscrire un avenant")
    me.fill("Objet de l’avenant", "Une place de plus")
    me.fill("Signé le", (first + timedelta(days=60)).isoformat())
    me.fill("Compte à partir du", (first + timedelta(days=90)).isoformat())
    me.fill("Montant en plus, en euros", "3 000")
    me.fill("File du chantier", "1")
    me.press("Inscrire l’avenant")
    me.goto(f"{where}/versements/nouveau")
    me.fill("Intitulé", "Acompte")
    me.fill("Prévu le", (first + timedelta(days=100)).isoformat())
    me.fill("Montant en euros", "9 000")
    me.press("Enregistrer")
    me.follow_about("Inscrire comme versé : Acompte")
    me.fill("Versé le", (first + timedelta(days=101)).isoformat())
    me.fill("Montant versé, en euros", "9 000")
    me.press("Enregistrer")
    me.goto(f"{where}/rapports")
    me.tick("par an")
    me.press("Demander ces rapports")

    # The partner tells its year on a phone; the officer accepts.
    partner = cast.enter(Mouse(open_page(375)), cast.members[0])
    partner.goto(where)
    assert "9 000,00 €" in partner.words
    partner.follow_about("Rapport final")
    partner.fill("Ce qui a été réalisé", "Un chantier de maraîchage, toute l’année.")
    partner.press("Remettre au département")
    assert "Remis le" in partner.words
    report = partner.page.url
    me.goto(report)
    assert "Un chantier de maraîchage" in me.words
    me.press("Accepter le rapport")
    me.goto(report)
    assert "Accepté le" in me.words

    # What follows begins today, with the places of the avenant; who is in goes on.
    me.goto(where)
    me.follow("Renouveler")
    me.fill("Numéro", f"{numero}-SUITE")
    me.fill("Premier jour", today.isoformat())
    me.fill("Montant en euros", "15 000")
    me.press("Écrire le brouillon")
    after = me.page.url
    me.goto(f"{after}/signer")
    me.fill("Signée le", today.isoformat())
    me.press("Signer")
    me.goto(after)
    me.follow("Reporter les personnes présentes")
    me.press("Reporter la personne présente")
    with portal.database.session(read_only=True) as session:
        renewed = session.exec(select(Convention).where(col(Convention.numero) == f"{numero}-SUITE")).one()
        action = session.exec(
            select(FinancedAction).where(col(FinancedAction.convention_id) == renewed.id)
        ).one()
        assert action.places_financees == 5
        path = f"/conventions/{renewed.id}/actions/{action.id}"
    me.goto(path)
    assert cast.people[0].nom.split()[-1] not in me.words
    me.goto(f"{path}/suivi")
    assert "1" in me.words
