"""Prescribing and following, by the pages: who may open them, what they show, what each button does."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts import rules as account_rules
from portal.accounts.models import OutgoingMail, Role, User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.conventions import queries as convention_queries
from portal.offers import rules as offer_rules
from portal.prescriptions import queries, rules
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.prescriptions.ledger import everything, lines, movements, waits
from tests.statements import count_statements

SignIn = Callable[[User], Browser]

ACTS = (
    "etudier",
    "mettre-en-attente",
    "accepter",
    "refuser",
    "entrer",
    "terminer",
    "abandonner",
    "annuler",
)

# The pages of acts that a partner reaches in each state.
REACHED = {
    State.ENVOYEE: {"etudier", "mettre-en-attente", "accepter", "refuser"},
    State.A_L_ETUDE: {"mettre-en-attente", "accepter", "refuser"},
    State.ACCEPTEE: {"entrer", "abandonner"},
    State.ENTREE: {"terminer", "abandonner"},
}


def ways(page: Page) -> list[str]:
    """The words of what the page lets one do."""
    return [
        " ".join(tag.get_text(" ").split())
        for tag in page.soup.select(".sticky-action a, .sticky-action button")
    ]


def badge(page: Page) -> str:
    """The state, as the page's first tag says it."""
    tag = page.soup.select_one("main .tags > *")
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def answers(page: Page) -> dict[str, str]:
    """{label: value} of what is shared."""
    return {
        str(row.dt.get_text(" ", strip=True)): str(row.dd.get_text(" ", strip=True))
        for row in page.soup.select("[aria-labelledby=partage] .answer")
        if row.dt is not None and row.dd is not None
    }


class Knocker:
    """Tries many addresses as a person would and tells the status only: the pages are looked at elsewhere."""

    def __init__(self, browser: Browser) -> None:
        self.client, self.token = browser.client, browser.token()

    def get(self, url: str) -> int:
        return self.client.get(url).status_code

    def post(self, url: str, **data: Any) -> int:
        data["csrf_token"] = self.token
        return self.client.post(url, data=data, headers={"Origin": "http://localhost"}).status_code


def mails(session: Session) -> list[OutgoingMail]:
    return list(session.exec(select(OutgoingMail).order_by(col(OutgoingMail.created_at))))


def prescriptions(session: Session) -> list[Prescription]:
    return list(session.exec(select(Prescription)))


def address(prescription: Prescription, end: str = "") -> str:
    return f"/prescriptions/{prescription.id}" + (f"/{end}" if end else "")


def new_address(scene: Scene, person: Beneficiary) -> str:
    return f"/prescriptions/nouvelle?offre={scene.offer.id}&beneficiaire={person.id}"


class TestAccess:
    def test_nobody_reads_without_signing_in(self, session: Session, browser: Browser) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        draft = make_prescription(session, scene, State.BROUILLON)
        pages = ["/prescriptions", "/prescriptions/nouvelle", address(prescription), address(draft, "envoi")]
        pages += [address(draft, "modifier"), *(address(prescription, act) for act in ACTS)]
        for page in pages:
            answer = browser.client.get(page)
            assert (answer.status_code, answer.headers["Location"]) == (303, f"/connexion?next={page}")
        asked = browser.get("/prescriptions/nouvelle?offre=1&beneficiaire=2", status=303, follow=False)
        assert "offre%3D1%26beneficiaire%3D2" in asked.response.headers["Location"]

    @pytest.mark.parametrize("role", [Role.CONVENTIONNEMENT, Role.ANIMATION, Role.ADMINISTRATION])
    def test_those_who_have_no_part_in_it_are_told_so(
        self, session: Session, sign_in: SignIn, role: Role
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(make_user(session, role))
        assert "ne vous est pas ouverte" in browser.get("/prescriptions", status=403).text
        knocker = Knocker(browser)
        new = new_address(scene, make_beneficiary(session, scene.referent))
        for page in (address(prescription), new):
            assert knocker.get(page) == 403
        for page in (new, *(address(prescription, end) for end in ("modifier", "envoi", *ACTS))):
            assert knocker.get(page) == knocker.post(page) == 403

    def test_partners_do_not_prescribe(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        person = make_beneficiary(session, scene.referent)
        knocker = Knocker(sign_in(scene.partner))
        for page in (new_address(scene, person), address(draft, "modifier"), address(draft, "envoi")):
            assert knocker.get(page) == knocker.post(page) == 403

    @pytest.mark.parametrize("state", list(State))
    def test_another_s_prescription_does_not_exist(
        self, session: Session, sign_in: SignIn, state: State
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        before = everything(session)
        data = {"message": "Non.", "motif_refus": "autre", "motif": "x", "consentement": "y"}
        for stranger in (colleague, make_partner(session)[0]):
            browser = sign_in(stranger)
            knocker = Knocker(browser)
            ends = (*ACTS, "modifier", "envoi") if stranger is colleague else ACTS
            assert knocker.get(address(prescription)) == 404
            for end in ends:
                assert knocker.get(address(prescription, end)) == 404
                assert knocker.post(address(prescription, end), **data) == 404
            assert str(prescription.id) not in browser.client.get("/prescriptions").text
        assert everything(session) == before

    @pytest.mark.parametrize("state", [State.BROUILLON, State.ANNULEE])
    def test_a_partner_never_sees_what_was_not_sent(
        self, session: Session, sign_in: SignIn, state: State
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, state)
        browser = sign_in(scene.partner)
        browser.get(address(draft), status=404)
        browser.post(address(draft, "accepter"), {}, status=404)
        assert "Aucune prescription pour l’instant" in browser.get("/prescriptions").text

    def test_what_does_not_exist_is_not_found(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        others = make_beneficiary(session)
        draft_offer = make_offer(session, scene.structure, published=False)
        browser = sign_in(scene.referent)
        for page in (
            f"/prescriptions/{uuid.uuid4()}",
            "/prescriptions/1",
            f"/prescriptions/{uuid.uuid4()}/envoi",
            "/prescriptions?etat=perdue",
            "/prescriptions?page=2",
            "/prescriptions/nouvelle?offre=nimporte",
            f"/prescriptions/nouvelle?offre={uuid.uuid4()}",
            f"/prescriptions/nouvelle?offre={draft_offer.id}&beneficiaire={person.id}",
            new_address(scene, others),
        ):
            browser.get(page, status=404)
        browser.post(new_address(scene, others), {"cle": str(uuid.uuid4()), "motif": "x"}, status=404)
        # Nor when the form would come back to be corrected: it shows the file.
        browser.post(new_address(scene, others), {"cle": str(uuid.uuid4()), "motif": ""}, status=404)
        browser.post("/prescriptions/nouvelle", {"motif": "x"}, status=404)
        browser.get(address(make_prescription(session, scene), "expirer"), status=404)
        assert len(prescriptions(session)) == 1

    def test_a_form_without_its_token_writes_nothing(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        before = everything(session)
        page = browser.post(address(prescription, "accepter"), {"message": "Oui."}, status=400, token=False)
        assert page.h1 == "Rien n’est perdu"
        assert everything(session) == before


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
        link = page.soup.select_one(".choice-list a")
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
        assert ways(page) == ["Annuler la prescription"]
        assert answers(page) == {
            "Prénom et nom": person.full_name,
            "Téléphone et courriel": "06 00 00 00 00",
            "Freins repérés": "Langue, lecture et écriture, Mobilité",
        }
        assert "Accord de la personne recueilli" in page.text

        # The other side sees the same.
        page = partner.get("/prescriptions")
        assert person.full_name in page.text
        page = page.click(person.full_name)
        assert badge(page) == "Envoyée"
        assert ways(page) == ["Accepter", "Mettre à l’étude", "Refuser"]
        assert len(answers(page)) == 3
        assert "Passer le permis." in page.text

        # Study, from the page itself.
        page = page.form("/etudier").submit("Mettre à l’étude")
        assert "est à l’étude" in page.text
        assert badge(page) == "À l’étude"
        assert ways(page) == ["Accepter", "Refuser"]
        page = referent.get(address(prescription))
        assert badge(page) == "À l’étude"
        assert ways(page) == ["Annuler la prescription"]

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
        assert ways(page) == ["Annuler la prescription"]

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
            .submit("Déclarer la fin", message="Permis obtenu.")
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
        page = page.form("/refuser").submit("Refuser la prescription", status=422)
        assert page.errors == {
            "motif_refus": "Choisissez la raison du refus.",
            "message": "Écrivez un mot au référent : il cherchera une autre solution.",
        }
        page = page.form("/refuser").submit(
            "Refuser la prescription", motif_refus="session-complete", message="En mai."
        )
        assert badge(page) == "Refusée"
        assert ways(page) == []
        page = referent.get(address(prescription))
        assert "Plus de place" in page.text
        assert "En mai." in page.text
        assert ways(page) == ["Chercher une autre offre"]
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
        assert [mail.recipient for mail in mails(session)] == [scene.partner.courriel]

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
        page = page.form("/abandonner").submit("Déclarer l’abandon", message="Pas venue.")
        assert badge(page) == "Abandonnée"
        assert "Place libérée" in page.text
        assert ways(referent.get(address(prescription))) == ["Chercher une autre offre"]

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
            (State.ENVOYEE, ["Annuler la prescription"], ["Accepter", "Mettre à l’étude", "Refuser"]),
            (State.A_L_ETUDE, ["Annuler la prescription"], ["Accepter", "Refuser"]),
            (State.ACCEPTEE, ["Annuler la prescription"], ["Déclarer l’entrée", "Déclarer l’abandon"]),
            (State.ENTREE, [], ["Déclarer la fin", "Déclarer l’abandon"]),
            (State.REFUSEE, ["Chercher une autre offre"], []),
            (State.TERMINEE, [], []),
            (State.ABANDONNEE, ["Chercher une autre offre"], []),
            (State.EXPIREE, ["Chercher une autre offre"], []),
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
            refused = sorted(set(ACTS) - allowed)
            for act in refused:
                assert knocker.get(address(prescription, act)) == 303
                assert knocker.post(address(prescription, act), **data) == 303
            page = browser.get(address(prescription))
            assert page.text.count("rien n’a été changé") == 2 * len(refused)
            page = browser.get(address(prescription, refused[0]))
            assert page.path == address(prescription)
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
        rules.put_on_waiting_list(session, waiting, by=scene.partner)
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
        assert "La structure pourra mettre la personne en liste d’attente." in page.text


class TestPressedTwice:
    def test_continue(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        first = form.submit("Continuer", motif="Le permis.")
        second = form.submit("Continuer", motif="Le permis.")
        assert first.path == second.path
        assert len(prescriptions(session)) == 1

    def test_save_the_draft(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        for _ in range(2):
            page = form.submit("Enregistrer le brouillon", motif="Le permis.")
            assert badge(page) == "Brouillon"
            assert "rien n’est encore envoyé" in page.text
        assert len(prescriptions(session)) == 1

    def test_send(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "envoi")).form("/envoi")
        form.submit("Envoyer la prescription", consentement="y")
        before = everything(session)
        page = form.submit("Envoyer la prescription", consentement="y")
        assert page.path == address(draft)
        assert "Cette prescription est déjà envoyée." in page.text
        assert everything(session) == before
        assert len(mails(session)) == 1

    def test_continue_once_more_after_it_was_sent(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        page = sign_in(scene.referent).get(new_address(scene, make_beneficiary(session, scene.referent)))
        form = page.form("/nouvelle")
        form.submit("Continuer", motif="Le permis.").form("/envoi").submit(
            "Envoyer la prescription", consentement="y"
        )
        page = form.submit("Continuer", motif="Le permis.")
        assert "Cette prescription est déjà envoyée." in page.text
        assert len(prescriptions(session)) == 1

    def test_accept(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        form = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        form.submit("Accepter la prescription")
        before = everything(session)
        page = form.submit("Accepter la prescription")
        assert "est à l’état « Acceptée » : rien n’a été changé" in page.text
        assert everything(session) == before
        assert movements(session, prescription) == ["retenue"]

    def test_two_members_answer_differently(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        colleague, _ = make_partner(session, scene.structure)
        first = sign_in(scene.partner).get(address(prescription, "accepter")).form("/accepter")
        second = sign_in(colleague).get(address(prescription, "refuser")).form("/refuser")
        first.submit("Accepter la prescription")
        page = second.submit("Refuser la prescription", motif_refus="autre", message="Non.")
        assert badge(page) == "Acceptée"
        assert "rien n’a été changé" in page.text


class TestWhatWasTypedStays:
    def test_prescribing(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        form = sign_in(scene.referent).get(new_address(scene, person)).form("/nouvelle")
        page = form.submit("Continuer", motif=" ", partage=["freins", "numero_allocataire"], status=422)
        assert list(page.errors) == ["motif"]
        kept = page.form("/nouvelle").values
        assert kept["partage"] == ["numero_allocataire", "freins"]
        assert kept["cle"] == form.values["cle"]
        page = page.form("/nouvelle").submit("Continuer", motif="x" * 2003, status=422)
        assert page.errors == {"motif": "Raccourcissez de 3 caractères : 2000 au plus."}
        assert page.form("/nouvelle").values["motif"] == "x" * 2003
        assert prescriptions(session) == []

    def test_an_unknown_piece_is_named(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser = sign_in(scene.referent)
        data = {"cle": str(uuid.uuid4()), "motif": "Le permis.", "partage": ["groupe-sanguin"]}
        page = browser.post(new_address(scene, person), data, status=422)
        assert "« groupe-sanguin » n’est pas dans la liste" in page.text
        assert page.form("/nouvelle").values["motif"] == "Le permis."

    def test_a_key_that_is_not_one_is_a_broken_form(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        browser = sign_in(scene.referent)
        browser.post(new_address(scene, person), {"cle": "1", "motif": "Le permis."}, status=400)

    def test_a_twin_is_told_with_the_form_kept(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, State.ENVOYEE, person)
        form = sign_in(scene.referent).get(new_address(scene, person)).form("/nouvelle")
        page = form.submit("Continuer", motif="Encore une fois.", status=422)
        assert "a déjà une prescription en cours" in page.text
        assert page.form("/nouvelle").values["motif"] == "Encore une fois."

    def test_an_offer_that_only_people_ask_for_themselves(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        scene.offer.mobilisable_par = ["usagers"]
        form = (
            sign_in(scene.referent)
            .get(new_address(scene, make_beneficiary(session, scene.referent)))
            .form("/nouvelle")
        )
        page = form.submit("Continuer", motif="Le permis.", status=422)
        assert "ne se prescrit pas" in page.text

    def test_an_offer_withdrawn_between_the_draft_and_the_sending(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        form = sign_in(scene.referent).get(address(draft, "envoi")).form("/envoi")
        offer_rules.withdraw_offer(session, scene.offer, by=scene.partner)
        session.commit()
        page = form.submit("Envoyer la prescription", consentement="y", status=422)
        assert "Cette offre n’est plus proposée" in page.text
        assert page.form("/envoi").values["consentement"] == "y"
        assert draft.state is State.BROUILLON

    @pytest.mark.parametrize(
        ("state", "act", "button"),
        [
            (State.ACCEPTEE, "entrer", "Déclarer l’entrée"),
            (State.ENTREE, "terminer", "Déclarer la fin"),
            (State.ENTREE, "abandonner", "Déclarer l’abandon"),
        ],
    )
    def test_a_day_that_cannot_be(
        self, session: Session, sign_in: SignIn, state: State, act: str, button: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        page = sign_in(scene.partner).get(address(prescription, act))
        before = everything(session)
        for day in (clock.today() + timedelta(days=1), clock.today() - timedelta(days=1)):
            page = page.form(f"/{act}").submit(button, jour=day.isoformat(), message="Voilà.", status=422)
            assert list(page.errors) == ["jour"]
            kept = page.form(f"/{act}").values
            assert (kept["jour"], kept["message"]) == (day.isoformat(), "Voilà.")
        page = page.form(f"/{act}").submit(button, jour="demain", status=422)
        assert list(page.errors) == ["jour"]
        assert everything(session) == before

    @pytest.mark.parametrize("act", ["accepter", "refuser"])
    def test_a_message_too_long(self, session: Session, sign_in: SignIn, act: str) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        form = sign_in(scene.partner).get(address(prescription, act)).form(f"/{act}")
        page = form.submit(message="a" * 2001, status=422)
        assert page.errors["message"] == "Raccourcissez de 1 caractère : 2000 au plus."
        assert page.form(f"/{act}").values["message"] == "a" * 2001

    def test_a_draft_changed_is_what_leaves(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        referent = sign_in(scene.referent)
        form = referent.get(address(draft)).click("Modifier").form("/modifier")
        assert form.values["motif"] == draft.motif
        assert form.values["partage"] == ["contact", "commune"]
        page = form.submit("Continuer", motif="", status=422)
        assert list(page.errors) == ["motif"]
        page = form.submit("Continuer", motif="Mieux dit.", partage=[])
        assert "Mieux dit." in page.text
        page.form("/envoi").submit("Envoyer la prescription", consentement="y")
        assert draft.donnees_partagees is not None
        assert [entry["piece"] for entry in draft.donnees_partagees] == ["identite"]
        page = referent.get(address(draft, "modifier"))
        assert "elle ne peut plus être modifiée" in page.text
        page = form.submit("Continuer", motif="Trop tard.")
        assert "elle ne peut plus être modifiée" in page.text
        assert draft.motif == "Mieux dit."


class TestSessionEndedWhileWriting:
    def test_what_was_typed_is_given_back_after_signing_in(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        link = account_rules.open_password_link(
            session, account_rules.make_password_link(session, scene.referent)
        )
        assert link is not None
        account_rules.set_password(session, link, "quatre mots bien choisis")
        browser = sign_in(scene.referent)
        form = browser.get(new_address(scene, person)).form("/nouvelle")

        browser.client.delete_cookie("portail")
        typed = "Une embauche « à Redon »,\nà condition d’avoir le permis."
        page = form.submit("Enregistrer le brouillon", motif=typed, partage=["commune", "freins"], status=401)
        assert page.h1 == "Se connecter"
        assert "ce que vous avez écrit est gardé" in page.text
        assert prescriptions(session) == []

        page = page.form("/connexion").submit(
            courriel=scene.referent.courriel, mot_de_passe="un autre que le mien", status=422
        )
        page = page.form("/connexion").submit(
            courriel=scene.referent.courriel, mot_de_passe="quatre mots bien choisis"
        )
        assert page.h1 == "Rien n’est perdu"
        page = page.form("/nouvelle").submit("Reprendre et envoyer", partage=kept(page, "partage"))
        assert badge(page) == "Brouillon"
        (draft,) = prescriptions(session)
        assert draft.motif == typed
        assert draft.partage == ["commune", "freins", "identite"]
        assert draft.beneficiary_id == person.id

    def test_nothing_is_given_back_to_a_form_of_another_site(
        self, session: Session, browser: Browser
    ) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        session.commit()
        response = browser.client.post(
            new_address(scene, person), data={"motif": "glissé"}, headers={"Origin": "https://autre.example"}
        )
        assert response.status_code == 401
        assert "glissé" not in response.text


class TestNeedToKnow:
    """The partner's pages hold what was shared and nothing else of the file."""

    SECRETS = ("12 avril 1985", "12/04/1985", "1985-04-12", "1985", "SECRET77", "Surendettement", "budget")
    CONTACT = ("+33612345678", "06 12 34 56 78", "dominique.secret", "Redon")

    @pytest.mark.parametrize(
        "state",
        [
            State.ENVOYEE,
            State.A_L_ETUDE,
            State.ACCEPTEE,
            State.ENTREE,
            State.TERMINEE,
            State.ABANDONNEE,
            State.REFUSEE,
            State.EXPIREE,
        ],
    )
    @pytest.mark.parametrize("shared", [[], ["contact", "commune"]])
    def test_nothing_else_in_any_page(
        self, session: Session, sign_in: SignIn, state: State, shared: list[str]
    ) -> None:
        scene = make_scene(session)
        person = make_beneficiary(
            session,
            scene.referent,
            date_naissance=date(1985, 4, 12),
            numero_allocataire="SECRET77",
            telephone="+33612345678",
            courriel="dominique.secret@exemple.example.org",
            code_insee="35236",
            dominante="remobilisation",
            freins=["budget", "violences"],
        )
        prescription = make_prescription(session, scene, State.BROUILLON, person)
        rules.change_draft(session, prescription, by=scene.referent, motif="Le permis.", partage=shared)
        rules.send(session, prescription, by=scene.referent, consent=True)
        walk(session, scene, prescription, state)
        browser = sign_in(scene.partner)
        found = [browser.get("/prescriptions"), browser.get(address(prescription))]
        found += [browser.get(address(prescription, act)) for act in sorted(REACHED.get(state, ()))]
        found += [browser.get(f"/prescriptions?etat={state.value}")]
        html = "\n".join(page.response.text for page in found)
        hidden = [*self.SECRETS, "Remobilisation", "Violences"]
        closed = state in {State.REFUSEE, State.EXPIREE}
        if not shared or closed:
            hidden += self.CONTACT
        assert [text for text in hidden if text in html] == []
        assert person.full_name in html
        if shared and not closed:
            assert "06 12 34 56 78" in html
            assert "Redon" in html
        assert ("Le permis." in html) == (not closed)

    def test_the_file_itself_stays_closed(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription))
        assert f"/beneficiaires/{prescription.beneficiary_id}" not in page.response.text

    def test_mails_hold_nothing_personal(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        closed, _ = make_partner(session, scene.structure)
        closed.is_active = False
        person = make_beneficiary(session, scene.referent, prenom="Zébulon", nom="Introuvable")
        draft = make_prescription(session, scene, State.BROUILLON, person)
        form = sign_in(scene.referent).get(address(draft, "envoi")).form("/envoi")
        form.submit("Envoyer la prescription", consentement="y")
        assert sorted(mail.recipient for mail in mails(session)) == sorted(
            [scene.partner.courriel, colleague.courriel]
        )
        partner = sign_in(scene.partner)
        partner.get(address(draft, "refuser")).form("/refuser").submit(
            "Refuser la prescription", motif_refus="autre", message="Un mot que seul le référent lit."
        )
        assert mails(session)[-1].recipient == scene.referent.courriel
        for mail in mails(session):
            for private in (
                "Zébulon",
                "Introuvable",
                "permis",
                "DEMO",
                "06 00 00 00 00",
                "que seul le référent",
            ):
                assert private not in mail.subject + mail.body
            assert f"http://localhost{address(draft)}" in mail.body
            assert scene.offer.nom not in mail.subject


class TestJournal:
    def read(self, session: Session, person: Beneficiary) -> list[tuple[Any, Any, Any]]:
        rows = session.exec(
            select(AccessEntry)
            .where(col(AccessEntry.beneficiary_id) == person.id, col(AccessEntry.kind) != AccessKind.CREATION)
            .order_by(col(AccessEntry.at))
        )
        return [(row.user_id, row.kind.value, row.prescription_id) for row in rows]

    def test_each_reading_is_written_whoever_reads(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        prescription = make_prescription(session, scene, State.ENVOYEE, person)
        sign_in(scene.partner).get(address(prescription))
        sign_in(scene.partner).get(address(prescription, "accepter"))
        sign_in(scene.referent).get(address(prescription))
        assert self.read(session, person) == [
            (scene.partner.id, "prescription", prescription.id),
            (scene.partner.id, "prescription", prescription.id),
            (scene.referent.id, "prescription", prescription.id),
        ]

    def test_prescribing_reads_the_file_too(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        draft = make_prescription(session, scene, State.BROUILLON, person)
        browser = sign_in(scene.referent)
        browser.get(new_address(scene, person))
        browser.get(address(draft, "modifier"))
        browser.get(address(draft, "envoi"))
        assert self.read(session, person) == [
            (scene.referent.id, "lecture", None),
            (scene.referent.id, "prescription", draft.id),
            (scene.referent.id, "prescription", draft.id),
        ]

    def test_who_was_not_shown_it_is_not_written(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        prescription = make_prescription(session, scene, State.ENVOYEE, person)
        for stranger in (make_user(session), make_partner(session)[0]):
            sign_in(stranger).get(address(prescription), status=404)
            sign_in(stranger).get(address(prescription, "annuler"), status=404)
        assert self.read(session, person) == []


class TestList:
    def test_empty_it_says_what_will_come(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        assert "sa prescription apparaîtra ici" in sign_in(scene.referent).get("/prescriptions").text
        assert "vous serez prévenu par courriel" in sign_in(scene.partner).get("/prescriptions").text

    def test_what_waits_comes_first_and_states_are_counted(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=9)
        made = {
            state: make_prescription(session, scene, state)
            for state in reversed(State)
            if state is not State.ANNULEE
        }
        page = sign_in(scene.referent).get("/prescriptions")
        badges = [words.get_text(strip=True) for words in page.soup.select(".result-tags .state")]
        assert badges[:5] == ["Brouillon", "Envoyée", "À l’étude", "Acceptée", "Entrée"]
        assert "Toutes 9" in page.text
        page = page.click("Envoyée 1")
        assert page.soup.select_one('nav.chips [aria-current="page"]') is not None
        assert str(made[State.ENVOYEE].id) in page.response.text
        assert str(made[State.ENTREE].id) not in page.response.text
        assert "Toutes 8" in sign_in(scene.partner).get("/prescriptions").text
        page = sign_in(scene.referent).get("/prescriptions?etat=annulee")
        assert "Aucune prescription à cet état" in page.text

    def test_the_oldest_answer_due_is_first(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        old = make_prescription(session, scene)
        move_clock(2025, 3, 8, 10)
        new = make_prescription(session, scene)
        html = sign_in(scene.partner).get("/prescriptions").response.text
        assert html.index(str(old.id)) < html.index(str(new.id))
        assert "Envoyée il y a 7 jours" in html

    def test_twenty_a_page(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = {str(make_prescription(session, scene).id) for _ in range(21)}
        browser = sign_in(scene.partner)
        shown = []
        for number in (1, 2):
            html = browser.get(f"/prescriptions?page={number}").response.text
            shown.append({one for one in made if one in html})
        assert [len(some) for some in shown] == [20, 1]
        assert shown[0] | shown[1] == made
        browser.get("/prescriptions?page=3", status=404)

    def test_the_number_of_statements_does_not_grow_with_the_list(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session, places=30)
        for user in (scene.referent, scene.partner):
            make_prescription(session, scene, State.ENVOYEE)
            browser = sign_in(user)
            browser.get("/prescriptions")
            with count_statements(session) as few:
                browser.get("/prescriptions")
            for _ in range(6):
                make_prescription(session, scene, State.ACCEPTEE)
            session.commit()
            with count_statements(session) as many:
                browser.get("/prescriptions")
            assert len(many) == len(few), many
            assert len(few) <= 6

    def test_counts_are_those_of_the_list(self, session: Session) -> None:
        scene = make_scene(session)
        for state in (State.BROUILLON, State.ENVOYEE, State.ENVOYEE, State.REFUSEE):
            make_prescription(session, scene, state)
        make_prescription(session, make_scene(session))
        assert queries.counts(session, scene.referent) == {
            State.BROUILLON: 1,
            State.ENVOYEE: 2,
            State.REFUSEE: 1,
        }
        assert queries.counts(session, scene.partner) == {State.ENVOYEE: 2, State.REFUSEE: 1}
        assert queries.counts(session, make_user(session, Role.ADMINISTRATION)) == {}

    def test_the_waiting_are_told_apart_in_one_statement(self, session: Session) -> None:
        scene = make_scene(session, places=0)
        waiting, other = (make_prescription(session, scene) for _ in range(2))
        rules.put_on_waiting_list(session, waiting, by=scene.partner)
        session.flush()
        with count_statements(session) as sent:
            found = convention_queries.waiting_among(session, [waiting.id, other.id])
        assert found == {waiting.id}
        assert len(sent) == 1


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


def kept(page: Page, name: str) -> list[str]:
    """Every value that the page kept under one name."""
    return [str(field["value"]) for field in page.soup.select(f"main input[name={name}]")]


def walk(session: Session, scene: Scene, prescription: Prescription, state: State) -> None:
    """Take a sent prescription to `state`."""
    by, today = scene.partner, clock.today()
    if state is State.A_L_ETUDE:
        rules.study(session, prescription, by=by)
    elif state is State.REFUSEE:
        rules.refuse(session, prescription, by=by, reason=RefusalReason.AUTRE, message="Non.")
    elif state is State.EXPIREE:
        rules._move(session, prescription, rules.Act.EXPIRER, None)
    elif state is not State.ENVOYEE:
        rules.accept(session, prescription, by=by)
        if state in {State.ENTREE, State.TERMINEE}:
            rules.enter(session, prescription, by=by, day=today)
        if state is State.TERMINEE:
            rules.finish(session, prescription, by=by, day=today)
        if state is State.ABANDONNEE:
            rules.give_up(session, prescription, by=by, day=today)
    session.flush()
