"""Who may open a prescription, what each is shown of it, and the journal of who looked."""

import re
import uuid
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import Role
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.prescriptions import rules
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser
from tests.prescriptions.hands import (
    ACTS,
    REACHED,
    Knocker,
    SignIn,
    address,
    mails,
    new_address,
    prescriptions,
    reasoned,
    walk,
)
from tests.prescriptions.ledger import everything

KEYS = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|name="csrf_token" value="[^"]+"')


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
        for page in (address(prescription), new, "/prescriptions?equipe=1"):
            assert knocker.get(page) == 403
        for page in (*(address(prescription, end) for end in ("messages", "relancer", "confier", "suivre")),):
            assert knocker.post(page) == 403
        assert knocker.post("/prescriptions", q="x") == knocker.post("/prescriptions/plusieurs") == 403
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
        others = (colleague, make_user(session), make_partner(session)[0])
        before = everything(session)
        data = {"message": "Non.", "motif_refus": "autre", "motif": "x", "consentement": "y"}
        for stranger in others:
            browser = sign_in(stranger)
            knocker = Knocker(browser)
            if stranger.role is Role.REFERENT:
                ends: tuple[str, ...] = (*ACTS, "modifier", "envoi", "relancer", "confier", "messages")
            else:
                ends = (*ACTS, "suivre", "messages")
            # A colleague may read what was sent (test_team), and do nothing to it.
            read = stranger is colleague and prescription.sent_at is not None
            assert knocker.get(address(prescription)) == (200 if read else 404)
            for end in ends:
                assert knocker.get(address(prescription, end)) == (405 if end == "messages" else 404)
                assert knocker.post(address(prescription, end), **data) == 404
            for query in ("", f"?etat={state.value}", *(["?equipe=1"] if stranger is not colleague else [])):
                assert str(prescription.id) not in browser.client.get(f"/prescriptions{query}").text
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
        # Keys are drawn at random, and may hold any four figures.
        html = KEYS.sub("", "\n".join(page.response.text for page in found))
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
            # The members, and the contact address of the structure with a link.
            [scene.partner.courriel, colleague.courriel, scene.structure.courriel or ""]
        )
        partner = sign_in(scene.partner)
        reasoned(partner.get(address(draft, "refuser")), "autre").form("/refuser").submit(
            "Refuser la prescription", message="Un mot que seul le référent lit."
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
            assert f"http://localhost{address(draft)}" in mail.body or "/reponse/" in mail.body
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
        browser = sign_in(scene.referent)
        browser.get(new_address(scene, person))
        draft = make_prescription(session, scene, State.BROUILLON, person)
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
