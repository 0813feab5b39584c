"""Prescribing and following, by the pages: the journey, what each button does, and no place left."""

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.prescriptions import answers, sharing
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import (
    ACTS,
    REACHED,
    Knocker,
    SignIn,
    address,
    badge,
    mails,
    new_address,
    pieces_read,
    prescriptions,
    reasoned,
    ways,
)
from tests.prescriptions.ledger import everything, lines, movements, waits


class TestJourney:
    def test_from_the_choice_of_the_person_to_the_end_of_the_action(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session, places=2)
        person = make_beneficiary(session, scene.referent, nom="Parcours", freins=["mobilite", "langue"])
        make_beneficiary(session, scene.referent, nom="Autrui")
        referent, partner = sign_in(scene.referent), sign_in(scene.partner)
        day = clock.today().isoformat()

        # Who?
        page = referent.get(f"/prescriptions/nouvelle?offre={scene.offer.id}")
        assert page.h1 == "Pour qui ?"
        assert scene.offer.nom in page.text
        page = page.form("person-search").submit("Chercher", q="parcours")
        assert "Autrui" not in page.text
        link = page.soup.select_one(".people-list a")
        assert link is not None
        page = referent.get(str(link["href"]))

        # Why?
        assert page.h1 == "Prescrire une offre"
        assert "2 places libres sur 2" in page.text
        form = page.form("/nouvelle")
        assert form.values["partage"] == ["contact", "commune"]
        page = form.submit("Continuer", motif="Passer le permis.", partage=["contact", "freins"])

        # Check.
        assert page.h1 == "Vérifier avant d’envoyer"
        assert page.path.endswith("/envoi")
        for shown in (person.full_name, "06 00 00 00 00", "Langue", "Mobilité", "Passer le permis."):
            assert shown in page.text
        (prescription,) = prescriptions(session)
        assert prescription.state is State.BROUILLON
        partner.get(address(prescription), status=404)
        assert mails(session) == []
        page = page.form("/envoi").submit("Envoyer la prescription", status=422)
        assert page.errors == {"consentement": "Demandez son accord à la personne, puis cochez la case."}
        assert prescription.state is State.BROUILLON

        # Send.
        page = page.form("/envoi").submit("Envoyer la prescription", consentement="y")
        assert "La prescription est envoyée" in page.text
        assert badge(page) == "Envoyée"
        assert ways(page) == ["Relancer la structure"]
        assert pieces_read(page) == {
            "Prénom et nom": person.full_name,
            "Téléphone et courriel": "06 00 00 00 00",
            "Freins repérés": "Langue, lecture et écriture, Mobilité",
        }
        assert "Accord de la personne recueilli" in page.text
        assert f"{sharing.CONSENT_TEXT} (texte {sharing.CONSENT_VERSION})" in page.text

        # The other side sees the same.
        page = partner.get("/prescriptions")
        assert person.full_name in page.text
        page = page.click(person.full_name)
        assert badge(page) == "Envoyée"
        assert ways(page) == ["Accepter", "Mettre à l’étude", "Refuser"]
        assert len(pieces_read(page)) == 3
        assert "Passer le permis." in page.text

        # Study, from the page itself.
        page = page.form("/etudier").submit("Mettre à l’étude")
        assert "est à l’étude" in page.text
        assert badge(page) == "À l’étude"
        assert ways(page) == ["Accepter", "Refuser"]
        page = referent.get(address(prescription))
        assert badge(page) == "À l’étude"
        assert ways(page) == ["Relancer la structure"]

        # Accept.
        page = partner.get(address(prescription)).click("Accepter")
        assert page.h1 == "Accepter la prescription"
        assert "2 places libres sur 2" in page.text
        page = page.form("/accepter").submit("Accepter la prescription", message="Lundi à 9 h.")
        assert "une place est retenue ; il en reste 1 libre" in page.text
        assert badge(page) == "Acceptée"
        assert ways(page) == ["Déclarer l’entrée", "Déclarer l’abandon"]
        assert "Place retenue" in page.text
        page = referent.get(address(prescription))
        assert "Lundi à 9 h." in page.text
        assert "Place retenue" in page.text
        assert ways(page) == ["Relancer la structure"]

        # Enter.
        page = partner.get(address(prescription)).click("Déclarer l’entrée")
        form = page.form("/entrer")
        assert form.values["jour"] == day
        page = form.submit("Déclarer l’entrée", jour="", status=422)
        assert page.errors == {"jour": "Écrivez le jour où la personne est venue."}
        page = page.form("/entrer").submit("Déclarer l’entrée", jour=day)
        assert badge(page) == "Entrée"
        assert "Place occupée" in page.text
        assert ways(page) == ["Déclarer la fin", "Déclarer l’abandon"]
        assert ways(referent.get(address(prescription))) == []

        # Finish.
        page = (
            page.click("Déclarer la fin")
            .form("/terminer")
            .submit("Déclarer la fin", motif_sortie="objectif-atteint", message="Permis obtenu.")
        )
        assert badge(page) == "Terminée"
        assert "Place utilisée" in page.text
        assert ways(page) == []
        assert "il n’y a plus rien à faire" in page.text
        page = referent.get(address(prescription))
        assert badge(page) == "Terminée"
        assert "Permis obtenu." in page.text
        assert ways(page) == []

        assert [act for act, _, _ in lines(session, prescription)] == [
            None,
            "envoyer",
            "etudier",
            "accepter",
            "entrer",
            "terminer",
        ]
        assert movements(session, prescription) == ["retenue", "occupee", "utilisee"]
        told = [(mail.recipient, mail.subject) for mail in mails(session)]
        assert told == [
            (scene.partner.courriel, "Une prescription attend votre réponse"),
            (scene.offer.courriel, "Une prescription attend votre réponse"),
            (scene.referent.courriel, "Une prescription est à l’étude"),
            (scene.referent.courriel, "Une prescription est acceptée"),
            (scene.referent.courriel, "Une personne est entrée dans l’action"),
            (scene.referent.courriel, "Une action est terminée"),
        ]

    def test_refused_the_referent_reads_why_and_looks_elsewhere(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        partner, referent = sign_in(scene.partner), sign_in(scene.referent)
        page = partner.get(address(prescription)).click("Refuser")
        page = reasoned(page, "session-complete")
        page = page.form("/refuser").submit("Refuser la prescription", message="En mai.")
        assert badge(page) == "Refusée"
        assert ways(page) == []
        page = referent.get(address(prescription))
        assert "Plus de place" in page.text
        assert "En mai." in page.text
        assert ways(page) == ["Prescrire une autre offre"]
        assert prescription.motif_refus is RefusalReason.COMPLET

    def test_cancelled_both_sides_know(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        referent, partner = sign_in(scene.referent), sign_in(scene.partner)
        page = referent.get(address(prescription)).click("Annuler la prescription")
        page = page.form("/annuler").submit("Annuler la prescription", message="Elle a un emploi.")
        assert badge(page) == "Annulée"
        assert "Place libérée" in page.text
        page = partner.get(address(prescription))
        assert badge(page) == "Annulée"
        assert "Elle a un emploi." in page.text
        assert [mail.recipient for mail in mails(session)] == [scene.partner.courriel, scene.offer.courriel]

    def test_a_draft_withdrawn_was_never_known_to_the_partner(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        referent = sign_in(scene.referent)
        page = referent.get(address(draft))
        assert ways(page) == ["Vérifier et envoyer", "Modifier", "Annuler la prescription"]
        page = page.click("Annuler la prescription").form("/annuler").submit("Annuler la prescription")
        assert badge(page) == "Annulée"
        assert mails(session) == []

    def test_a_person_who_did_not_come(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        partner, referent = sign_in(scene.partner), sign_in(scene.referent)
        page = partner.get(address(prescription)).click("Déclarer l’abandon")
        page = page.form("/abandonner").submit(
            "Déclarer l’abandon", motif_sortie="jamais-venue", message="Pas venue."
        )
        assert badge(page) == "Abandonnée"
        assert "Place libérée" in page.text
        assert ways(referent.get(address(prescription))) == ["Prescrire une autre offre"]

    def test_an_offer_without_counted_places_speaks_of_none(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription)).click("Accepter")
        page = page.form("/accepter").submit("Accepter la prescription")
        assert "La prescription est acceptée. Le référent est prévenu." in page.text
        assert "place" not in page.text.lower().replace("remplace", "")


class TestButtons:
    """Only what the table allows is offered, and what is not offered changes nothing."""

    @pytest.mark.parametrize(
        ("state", "referent", "partner"),
        [
            (State.BROUILLON, ["Vérifier et envoyer", "Modifier", "Annuler la prescription"], None),
            (State.ENVOYEE, ["Relancer la structure"], ["Accepter", "Mettre à l’étude", "Refuser"]),
            (State.A_L_ETUDE, ["Relancer la structure"], ["Accepter", "Refuser"]),
            (
                State.ACCEPTEE,
                ["Relancer la structure"],
                ["Déclarer l’entrée", "Déclarer l’abandon"],
            ),
            (State.ENTREE, [], ["Déclarer la fin", "Déclarer l’abandon"]),
            (State.REFUSEE, ["Prescrire une autre offre"], []),
            (State.TERMINEE, [], []),
            (State.ABANDONNEE, ["Prescrire une autre offre"], []),
            (State.EXPIREE, ["Prescrire une autre offre"], []),
        ],
    )
    def test_each_side_in_each_state(
        self,
        session: Session,
        sign_in: SignIn,
        state: State,
        referent: list[str],
        partner: list[str] | None,
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        assert ways(sign_in(scene.referent).get(address(prescription))) == referent
        if partner is not None:
            assert ways(sign_in(scene.partner).get(address(prescription))) == partner

    @pytest.mark.parametrize("state", list(State))
    def test_an_act_that_is_not_possible_changes_nothing_and_says_so(
        self, session: Session, sign_in: SignIn, state: State
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        possible = REACHED.get(state, set())
        cancellable = state in {State.BROUILLON, State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE}
        before = everything(session)
        data = {"message": "Non.", "motif_refus": "autre", "jour": clock.today().isoformat()}
        sides = [(scene.referent, {"annuler"} if cancellable else set())]
        if state not in {State.BROUILLON, State.ANNULEE}:
            sides.append((scene.partner, possible))
        for user, allowed in sides:
            browser = sign_in(user)
            knocker = Knocker(browser)
            mine = {"annuler"} if user is scene.referent else set(ACTS) - {"annuler"}
            for act in set(ACTS) - mine:
                # The other side's: there is no such page.
                found = address(prescription, act)
                assert knocker.get(found) == knocker.post(found, **data) == 404
            refused = sorted(mine - allowed)
            for act in refused:
                # What was written is given back.
                assert knocker.post(address(prescription, act), **data) == 409
            for act in refused:
                assert knocker.get(address(prescription, act)) == 303
            page = browser.get(address(prescription))
            assert page.text.count("rien n’a été changé") == len(refused)
            for act in refused[:1]:
                assert browser.get(address(prescription, act)).path == address(prescription)
        assert everything(session) == before

    def test_the_list_is_offered_only_when_no_place_is_left(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        partner = sign_in(scene.partner)
        page = partner.get(address(prescription))
        assert ways(page) == ["Accepter", "Mettre à l’étude", "Mettre en liste d’attente", "Refuser"]
        assert "Plus de place" in page.text
        page = page.form("/mettre-en-attente").submit("Mettre en liste d’attente")
        assert "en liste d’attente, au rang 1" in page.text
        assert ways(page) == ["Accepter", "Refuser"]
        assert "En liste d’attente, rang 1" in page.text
        assert "En liste d’attente" in partner.get("/prescriptions").text
        assert "En liste d’attente, rang 1" in sign_in(scene.referent).get(address(prescription)).text


class TestNoPlaceLeft:
    def test_the_page_offers_the_list_and_its_button_works(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=1)
        make_prescription(session, scene, State.ACCEPTEE)
        late = make_prescription(session, scene)
        partner = sign_in(scene.partner)
        page = partner.get(address(late)).click("Accepter")
        assert "Plus de place" in page.text
        before = everything(session)
        page = page.form("/accepter").submit("Accepter la prescription", message="Avec plaisir.", status=409)
        assert everything(session) == before
        assert "toutes les places financées de cette offre sont prises" in page.text
        assert page.form("/accepter").values["message"] == "Avec plaisir."
        page = page.form("/mettre-en-attente").submit("Plus de place : mettre en liste d’attente")
        assert "en liste d’attente, au rang 1" in page.text
        assert waits(session, late)
        assert "Avec plaisir." in page.text
        assert [mail.subject for mail in mails(session)] == ["Une prescription est en liste d’attente"]

    def test_who_waits_already_is_not_offered_it_again(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=0)
        waiting = make_prescription(session, scene)
        answers.put_on_waiting_list(session, waiting, by=scene.partner)
        page = sign_in(scene.partner).get(address(waiting)).click("Accepter")
        page = page.form("/accepter").submit("Accepter la prescription", status=409)
        assert "mettre en liste d’attente" not in " ".join(page.buttons())

    def test_the_one_who_waits_first_is_accepted_when_a_place_is_freed(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session, places=1)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        first, second = (make_prescription(session, scene) for _ in range(2))
        partner, referent = sign_in(scene.partner), sign_in(scene.referent)
        for prescription in (first, second):
            partner.get(address(prescription)).form("/mettre-en-attente").submit()
        referent.get(address(taken, "annuler")).form("/annuler").submit("Annuler la prescription")
        page = (
            partner.get(address(second, "accepter"))
            .form("/accepter")
            .submit("Accepter la prescription", status=409)
        )
        assert "depuis plus longtemps" in page.text
        page = partner.get(address(first, "accepter")).form("/accepter").submit("Accepter la prescription")
        assert badge(page) == "Acceptée"
        assert "rang 1" in partner.get(address(second)).text

    def test_prescribing_a_full_offer_is_possible_and_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=0)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        assert "Il n’y a pas de place libre aujourd’hui" in page.text
        page = page.form("/nouvelle").submit("Continuer", motif="Quand même.")
        assert page.path.endswith("/envoi")
        assert "la structure mettra la personne en liste d’attente" in page.text


def test_without_an_offer_one_is_sent_to_the_catalogue(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    browser = sign_in(session.get_one(User, person.referent_id))
    page = browser.get(f"/prescriptions/nouvelle?beneficiaire={person.id}", status=303, follow=False)
    assert page.response.headers["Location"] == f"/offres?beneficiaire={person.id}"


def test_who_follows_nobody_yet_is_shown_the_first_step(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    browser = sign_in(scene.referent)
    page = browser.get(f"/prescriptions/nouvelle?offre={scene.offer.id}")
    assert "Vous ne suivez encore personne" in page.text
    page = browser.post(f"/prescriptions/pour-qui?offre={scene.offer.id}", {"q": "personne"})
    assert "Personne de ce nom dans vos dossiers" in page.text
