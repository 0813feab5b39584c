"""Errors that professionals report: who may, who is told, what is answered, and what is seen of it by whom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, Role, User
from portal.errors import RuleBroken
from portal.offers import rules, signalements
from portal.offers.models import Offer, OfferState, Signalement
from portal.structures.models import Act, Revision
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def report(session: Session, offer: Offer, by: User | None = None, **values: object) -> Signalement:
    given = {"motifs": ["horaires"], "commentaire": "Ouvert à 10 h.", **values}
    made, _ = signalements.report(session, offer, by=by or make_user(session), **given)  # type: ignore[arg-type]
    session.commit()
    return made


def mails(session: Session) -> list[OutgoingMail]:
    return list(session.exec(select(OutgoingMail).order_by(col(OutgoingMail.created_at))))


def only(session: Session) -> Signalement:
    return session.exec(select(Signalement)).one()


# --- Who may ---


@pytest.mark.parametrize("role", list(signalements.REPORTERS))
def test_those_who_may_report_find_the_link(session: Session, sign_in: SignIn, role: Role) -> None:
    offer = make_offer(session)
    user = make_user(session, role)
    page = sign_in(user).get(f"/offres/{offer.id}").click("Signaler une erreur dans cette offre")
    page.form("/signaler").submit(motifs=["fermee"])
    made = only(session)
    assert (made.offer_id, made.by_id, made.motifs) == (offer.id, user.id, ["fermee"])


def test_others_do_not_find_it(session: Session, browser: Browser, sign_in: SignIn) -> None:
    offer = make_offer(session)
    administrator = sign_in(make_user(session, Role.ADMINISTRATION))
    for reader in (browser, administrator):
        assert "Signaler" not in reader.get(f"/offres/{offer.id}").text
    administrator.get(f"/offres/{offer.id}/signaler", status=403)


def test_one_s_own_offer_is_mended_rather(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    assert "Signaler" not in browser.get(f"/offres/{offer.id}").text
    assert browser.get(f"/offres/{offer.id}/signaler").path == f"/offres/{offer.id}/modifier"
    page = browser.post(f"/offres/{offer.id}/signaler", {"motifs": "fermee"})
    assert page.path == f"/offres/{offer.id}/modifier"
    assert session.exec(select(Signalement)).all() == []


def test_only_what_everybody_sees_is_reported(session: Session, sign_in: SignIn) -> None:
    hidden = make_offer(session, published=False)
    for user in (make_user(session), make_user(session, Role.ANIMATION)):
        browser = sign_in(user)
        browser.get(f"/offres/{hidden.id}/signaler", status=404)
        browser.post(f"/offres/{hidden.id}/signaler", {"motifs": "fermee"}, status=404)


# --- To report ---


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, "motifs", "cochez au moins une ligne"),
        ({"motifs": ["autre"]}, "commentaire", "Dites en quelques mots"),
        ({"motifs": ["inconnu"]}, "motifs", "« inconnu »"),
        ({"motifs": ["prix"], "commentaire": "x" * 2001}, "commentaire", "Raccourcissez de 1 caractère"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_lost(
    session: Session, sign_in: SignIn, values: dict[str, Any], field: str, words: str
) -> None:
    offer = make_offer(session)
    form = sign_in(make_user(session)).get(f"/offres/{offer.id}/signaler").form("/signaler")
    page = form.submit(status=422, **values)
    assert words in page.errors[field]
    kept = page.form("/signaler").values
    assert kept["commentaire"] == values.get("commentaire", "")
    assert session.exec(select(Signalement)).all() == mails(session) == []


def test_it_warns_about_people_and_names_the_offer(session: Session, sign_in: SignIn) -> None:
    offer = make_offer(session, nom="Permis du soir")
    page = sign_in(make_user(session)).get(f"/offres/{offer.id}/signaler")
    assert "Permis du soir" in page.text
    assert "N’écrivez rien sur une personne" in page.text


def test_said_again_it_completes_the_first(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    user = make_user(session)
    browser = sign_in(user)
    form = browser.get(f"/offres/{offer.id}/signaler").form("/signaler")
    form.submit(motifs=["prix"], commentaire="30 €")
    again = browser.get(f"/offres/{offer.id}/signaler")
    assert "Vous avez déjà signalé une erreur" in again.text
    kept = again.form("/signaler")
    assert (kept.values["motifs"], kept.values["commentaire"]) == ("prix", "30 €")
    done = kept.submit("Compléter le signalement", motifs=["lieu", "prix"])
    assert "Votre signalement est complété." in done.text
    assert (only(session).motifs, only(session).commentaire) == (["lieu", "prix"], "30 €")
    assert [mail.recipient for mail in mails(session)] == [partner.courriel]


def test_once_answered_a_new_one_may_be_made(session: Session) -> None:
    offer, user = make_offer(session), make_user(session)
    first = report(session, offer, user)
    signalements.answer(session, first, reponse="C’est corrigé.", by=make_user(session, Role.ANIMATION))
    second, is_new = signalements.report(session, offer, motifs=["prix"], commentaire=None, by=user)
    assert is_new
    assert second.id != first.id
    other, is_new = signalements.report(
        session, offer, motifs=["prix"], commentaire=None, by=make_user(session)
    )
    assert is_new
    assert other.id != second.id


def test_when_nobody_edits_the_animators_are_told(session: Session, sign_in: SignIn) -> None:
    animator = make_user(session, Role.ANIMATION)
    make_user(session, Role.ANIMATION, is_active=False)
    offer = make_offer(session)
    user = make_user(session, prenom="Zoé", nom="Discrète")
    sign_in(user).post(f"/offres/{offer.id}/signaler", {"motifs": "fermee"})
    (mail,) = mails(session)
    assert mail.recipient == animator.courriel
    assert f"http://localhost/signalements/{only(session).id}" in mail.body
    for personal in ("Zoé", "Discrète", user.courriel):
        assert personal not in mail.subject + mail.body


# --- To answer ---


def answer_page(session: Session, sign_in: SignIn, reporter: User) -> tuple[User, Offer, Page]:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    offer.date_maj = clock.today() - timedelta(days=40)
    made = report(session, offer, reporter)
    return partner, offer, sign_in(partner).get(f"/signalements/{made.id}")


def test_editors_read_who_speaks_and_from_where(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    _, _, page = answer_page(session, sign_in, referent)
    assert f"{referent.full_name}, CDAS de Démonstration" in page.text
    assert "Les horaires ou les dates ne sont pas les bons" in page.text
    assert "Ouvert à 10 h." in page.text
    assert referent.courriel not in page.response.text
    other, _ = make_partner(session, make_structure(session, nom="Association Voisine"))
    _, _, page = answer_page(session, sign_in, other)
    assert f"{other.full_name}, Association Voisine," in page.text
    officer = make_user(session, Role.CONVENTIONNEMENT)
    _, _, page = answer_page(session, sign_in, officer)
    assert f"{officer.full_name}, Conventionnement," in page.text


def test_an_answer_alone_does_not_make_the_offer_fresh(session: Session, sign_in: SignIn) -> None:
    reporter = make_user(session)
    partner, offer, page = answer_page(session, sign_in, reporter)
    page.form(page.path).submit("Répondre", reponse="C’est noté.\nMerci.")
    assert offer.date_maj == clock.today() - timedelta(days=40)
    made = only(session)
    assert (made.reponse, made.answered_by_id) == ("C’est noté.\nMerci.", partner.id)
    (mail,) = mails(session)
    assert (mail.recipient, "C’est noté." in mail.body) == (reporter.courriel, True)
    assert f"http://localhost/offres/{offer.id}" in mail.body


def test_an_answer_needs_words(session: Session, sign_in: SignIn) -> None:
    _, _, page = answer_page(session, sign_in, make_user(session))
    refused = page.form(page.path).submit("Répondre", reponse="  ", confirmer="y", status=422)
    assert "Écrivez une réponse" in refused.errors["reponse"]
    assert only(session).answered_at is None


def test_a_suspended_offer_comes_back_with_the_answer(session: Session, sign_in: SignIn) -> None:
    _, offer, page = answer_page(session, sign_in, make_user(session))
    rules.suspend_offer(session, offer)
    session.commit()
    page.form(page.path).submit("Répondre", reponse="Tout est juste.", confirmer="y")
    assert (offer.state, offer.date_maj) == (OfferState.PUBLIEE, clock.today())
    acts = session.exec(select(Revision.act).where(col(Revision.offer_id) == offer.id)).all()
    assert Act.CONFIRMATION in acts


def test_what_cannot_be_confirmed_is_not_answered_by_halves(session: Session, sign_in: SignIn) -> None:
    _, offer, page = answer_page(session, sign_in, make_user(session))
    rules.suspend_offer(session, offer)
    offer.publics = None
    session.commit()
    refused = page.form(page.path).submit("Répondre", reponse="Tout est juste.", confirmer="y", status=422)
    assert "Choisissez au moins un public" in refused.text
    assert refused.form(page.path).values["reponse"] == "Tout est juste."
    assert only(session).answered_at is None
    assert mails(session) == []
    assert offer.state is OfferState.SUSPENDUE


def test_answered_twice_the_first_answer_stays(session: Session, sign_in: SignIn) -> None:
    _, _, page = answer_page(session, sign_in, make_user(session))
    form = page.form(page.path)
    form.submit("Répondre", reponse="La première.")
    again = form.submit("Répondre", reponse="La seconde.", confirmer="y")
    assert "Quelqu’un a déjà répondu" in again.text
    assert "La première." in again.text
    assert "La seconde." not in again.text
    assert len(mails(session)) == 1


def test_a_closed_account_is_told_nothing(session: Session, sign_in: SignIn) -> None:
    reporter = make_user(session)
    _, _, page = answer_page(session, sign_in, reporter)
    reporter.is_active = False
    session.commit()
    page.form(page.path).submit("Répondre", reponse="C’est corrigé.")
    assert only(session).answered_at is not None
    assert mails(session) == []


def test_the_answer_of_a_rule_needs_words_too(session: Session) -> None:
    made = report(session, make_offer(session))
    with pytest.raises(RuleBroken) as refused:
        signalements.answer(session, made, reponse=" \n", by=make_user(session, Role.ANIMATION))
    assert refused.value.field == "reponse"


# --- Lists ---


def test_reports_are_for_the_editors_alone(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    stranger, _ = make_partner(session)
    made = report(session, make_offer(session, structure, nom="Permis du soir"), make_user(session))
    for user in (stranger, make_user(session)):
        browser = sign_in(user)
        browser.get(f"/signalements/{made.id}", status=404 if user is stranger else 403)
        assert "Permis du soir" not in browser.get("/signalements").text
    for user in (partner, make_user(session, Role.ANIMATION), make_user(session, Role.ADMINISTRATION)):
        assert sign_in(user).get("/signalements").click("Permis du soir").path == f"/signalements/{made.id}"


def test_my_offers_tell_what_waits_for_an_answer(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    assert "attend" not in browser.get("/mes-offres").text
    made = report(session, offer)
    page = browser.get("/mes-offres").click("1 erreur signalée attend votre réponse")
    assert "À répondre" in page.text
    signalements.answer(session, made, reponse="C’est corrigé.", by=partner)
    session.commit()
    assert "attend" not in browser.get("/mes-offres").text
    assert "Répondu" in browser.get("/signalements").text


def test_who_reported_follows_the_answers(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    partner, structure = make_partner(session)
    one, two = (make_offer(session, structure, nom=f"Vélo {n}") for n in ("un", "deux"))
    signalements.answer(session, report(session, one, referent), reponse="C’est corrigé.", by=partner)
    report(session, two, referent)
    report(session, one, commentaire="D’un autre")
    browser = sign_in(referent)
    page = browser.get("/favoris").click("Vos signalements et leurs réponses")
    found = {
        card.select_one("a").text: " ".join(card.text.split())  # type: ignore[union-attr]
        for card in page.soup.select(".result")
    }
    assert set(found) == {"Vélo un", "Vélo deux"}
    assert "C’est corrigé." in found["Vélo un"]
    assert "En attente de réponse" in found["Vélo deux"]
    assert "D’un autre" not in page.text
    assert page.click("Compléter : Vélo deux").path == f"/offres/{two.id}/signaler"


def test_a_partner_has_both_lists(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    report(session, make_offer(session, structure, nom="La mienne"))
    report(session, make_offer(session, nom="Celle d’à côté"), partner)
    received = sign_in(partner).get("/signalements")
    assert ("La mienne" in received.text, "Celle d’à côté" in received.text) == (True, False)
    sent = received.click("Envoyés")
    assert ("La mienne" in sent.text, "Celle d’à côté" in sent.text) == (False, True)
    assert sent.click("Reçus").h1 == "Erreurs signalées"


@pytest.mark.parametrize("role", [Role.REFERENT, Role.PARTENAIRE])
def test_empty_lists_say_what_will_come(session: Session, sign_in: SignIn, role: Role) -> None:
    page = sign_in(make_user(session, role)).get("/signalements")
    assert ("Aucun signalement" in page.text) is (role is Role.REFERENT)
    assert ("Aucune erreur signalée" in page.text) is (role is Role.PARTENAIRE)


def test_the_lists_cost_the_same_whatever_they_hold(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    referent = make_user(session)
    costs: dict[str, list[int]] = {"received": [], "sent": []}
    for number in (2, 9):
        for _ in range(number):
            report(session, make_offer(session, structure), referent)
        for name, user in (("received", partner), ("sent", referent)):
            browser = sign_in(user)
            with count_statements(session) as sent:
                browser.get("/signalements")
            costs[name].append(len(sent))
    assert costs["received"][0] == costs["received"][1] <= 4
    assert costs["sent"][0] == costs["sent"][1] <= 4
