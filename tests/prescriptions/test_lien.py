"""The link of an e-mail: what it opens, for how long, and what it may do, without an account."""

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail
from portal.beneficiaries.models import AccessEntry, AccessKind
from portal.prescriptions import answers, hours, links, rules
from portal.prescriptions.answer_forms import FORMS, week_name
from portal.prescriptions.models import Prescription, PrescriptionMessage, Transition
from portal.prescriptions.states import FINAL, Act, Side, State, possible_acts
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Browser
from tests.prescriptions.hands import SignIn, badge, mails, reasoned
from tests.prescriptions.ledger import everything, last, lines

SECRET = "t" * 40


def link(prescription: Prescription, end: str = "") -> str:
    return f"/reponse/{links.make(SECRET, prescription)}" + (f"/{end}" if end else "")


def later(move_clock: Any, **parts: int) -> None:
    moment = clock.now() + timedelta(**parts)
    move_clock(moment.year, moment.month, moment.day, moment.hour, moment.minute)


def reads(session: Session, prescription: Prescription) -> list[AccessEntry]:
    return list(session.exec(select(AccessEntry).where(col(AccessEntry.prescription_id) == prescription.id)))


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


class TestWhatItShows:
    def test_one_prescription_as_the_partner_reads_it(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        rules.write_message(session, prescription, by=scene.referent, text="Elle est libre le lundi.")
        session.commit()
        page = browser.get(link(prescription))
        assert badge(page) == "Envoyée"
        for entry in prescription.donnees_partagees or []:
            assert entry["value"] in page.text
        assert prescription.motif in page.text
        assert "Elle est libre le lundi." in page.text
        assert scene.referent.full_name in page.text
        # Nothing that only an account opens.
        own = [str(a["href"]) for a in page.soup.select("main a")]
        assert own and all(href.startswith("/reponse/") for href in own)

    def test_what_happened_and_the_words_of_both_sides(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        answers.study(session, prescription, by=scene.partner, message="Nous la rappelons lundi.")
        rules.remind(session, prescription, by=scene.referent, message="Avez-vous pu la joindre ?")
        session.commit()
        told = browser.get(link(prescription)).soup.select_one(".timeline")
        assert told is not None
        for words in ("Structure relancée", "Avez-vous pu la joindre ?", "Nous la rappelons lundi."):
            assert words in told.get_text()

    def test_what_came_since_it_was_last_opened_is_new(
        self, session: Session, browser: Browser, scene: Scene, move_clock: Any
    ) -> None:
        move_clock(2026, 3, 2, 9)
        prescription = make_prescription(session, scene)
        rules.write_message(session, prescription, by=scene.referent, text="Elle est libre le lundi.")
        session.commit()

        def new() -> list[str]:
            page = browser.get(link(prescription))
            return [
                " ".join(tag.get_text().split())
                for tag in page.soup.select(".timeline li p")
                if "Nouveau" in tag.get_text()
            ]

        # A scanner of mail opens it at once: what the e-mail tells stays new to who reads it.
        assert len(new()) == 2
        later(move_clock, hours=2)
        assert len(new()) == 2
        later(move_clock, minutes=1)
        assert new() == []
        later(move_clock, days=1)
        rules.remind(session, prescription, by=scene.referent, message="Avez-vous pu la joindre ?")
        rules.write_message(session, prescription, by=scene.referent, text="Et le mardi.")
        session.commit()
        later(move_clock, hours=2)
        told, done = new()
        assert "mardi 3 mars 2026" in told
        assert done.startswith("Structure relancée")
        # What the structure writes itself is not new to it, and shows that it has read the rest.
        later(move_clock, days=1)
        rules.write_message(session, prescription, by=scene.referent, text="Et le jeudi.")
        session.commit()
        later(move_clock, minutes=1)
        page = browser.get(link(prescription))
        assert "1 nouveau message" in page.text
        page.form("/message").submit("Envoyer le message", texte="Jeudi, très bien.")
        assert new() == []

    def test_nobody_finds_it_by_chance(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        for address in (link(prescription), link(prescription, "accepter"), "/reponse/faux"):
            headers = browser.client.get(address).headers
            assert headers["X-Robots-Tag"].startswith("noindex")
            assert headers["Referrer-Policy"] == "strict-origin"
            assert headers["Cache-Control"] == "no-store"

    def test_to_open_it_writes_the_journal_and_nothing_else(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene, State.ENTREE)
        session.commit()
        before = everything(session)
        ends = ("", "terminer", "heures", "semaine")
        for end in ends:
            browser.get(link(prescription, end))
        assert everything(session) == before
        found = reads(session, prescription)
        assert [(r.user_id, r.par_lien, r.kind) for r in found] == [
            (None, True, AccessKind.PRESCRIPTION)
        ] * len(ends)

    def test_signed_in_or_not_it_is_the_structure_that_reads(
        self, session: Session, sign_in: SignIn, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        sign_in(scene.referent).get(link(prescription))
        assert [(r.user_id, r.par_lien) for r in reads(session, prescription)] == [(None, True)]


class TestWhatItDoes:
    def test_from_the_answer_to_the_end(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        opened = link(prescription)
        page = browser.get(opened).click("Accepter")
        page = page.form("/accepter").submit("Accepter la prescription", message="Lundi.")
        assert badge(page) == "Acceptée"
        assert page.path == opened
        line = last(session, prescription)
        assert (line.by_id, line.side, line.message) == (None, Side.PARTENAIRE, "Lundi.")
        page = page.click("Déclarer l’entrée").form("/entrer").submit("Déclarer l’entrée")
        assert badge(page) == "Entrée"
        page = page.click("Déclarer les heures faites")
        monday = hours.monday_of(clock.today())
        typed: dict[str, Any] = {week_name(monday): "7h30"}
        page = page.form("/heures").submit("Enregistrer les heures", **typed)
        assert hours.declared(session, prescription.id, [monday]) == {monday: 450}
        page = page.click("Changer la semaine prévue").form("/semaine").submit(heures="12")
        assert prescription.minutes_prevues == 720
        page = page.form("/message").submit("Envoyer le message", texte="Tout va bien.")
        assert "Votre message est envoyé" in page.text
        assert "par la structure, par le lien du courriel" in page.text
        form = page.click("Déclarer la fin").form("/terminer")
        page = form.submit("Déclarer la fin", status=410, motif_sortie="emploi", type_contrat="cdi")
        assert prescription.state is State.TERMINEE
        assert "La fin est déclarée." in page.text
        assert page.h1 == "Cette prescription est close"
        assert scene.referent.courriel in {mail.recipient for mail in mails(session)}

    def test_a_refusal_closes_it(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        page = reasoned(browser.get(link(prescription, "refuser")), "session-complete")
        page = page.form("/refuser").submit("Refuser la prescription", status=410)
        assert prescription.state is State.REFUSEE
        assert page.h1 == "Cette prescription est close"

    def test_documents_go_both_ways(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        other = make_prescription(session, scene)
        session.commit()
        opened = link(prescription)
        form = browser.get(opened).form("/documents")
        form.submit(
            "Envoyer ce document", fichier=(io.BytesIO(b"%PDF-1.4\n%exemple\n%%EOF\n"), "planning.pdf")
        )
        page = browser.get(opened)
        assert "planning.pdf" in page.text
        [address] = [str(a["href"]) for a in page.soup.select(".document-row a")]
        before = len(reads(session, prescription))
        answer = browser.client.get(address)
        assert answer.data.startswith(b"%PDF") and answer.headers["X-Robots-Tag"].startswith("noindex")
        assert len(reads(session, prescription)) == before + 1
        assert browser.client.get(address.replace(opened, link(other))).status_code == 404
        page.form("/retirer").submit()
        assert browser.client.get(address).status_code == 404

    def test_an_empty_message_is_told_and_a_long_one_kept(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        page = browser.get(link(prescription)).form("/message").submit(texte=" ", status=422)
        assert page.errors == {"texte": "Écrivez votre message."}
        page = page.form("/message").submit(texte="b" * 100_000, status=422)
        assert page.errors == {"texte": "Raccourcissez de 98000 caractères : 2000 au plus."}
        assert page.form("/message").values["texte"] == "b" * 100_000
        assert session.exec(select(PrescriptionMessage)).all() == []

    @pytest.mark.parametrize("state", [s for s in State if s not in FINAL | {State.BROUILLON}])
    def test_the_grid_of_what_it_may_do(
        self, session: Session, browser: Browser, scene: Scene, state: State
    ) -> None:
        prescription = make_prescription(session, scene, state)
        session.commit()
        page = browser.get(link(prescription))
        possible = {act for act in possible_acts(state, Side.PARTENAIRE) if act in FORMS}
        ways = page.soup.select(".sticky-action a, [aria-labelledby=suivi] a")
        offered = {str(a["href"]).rsplit("/", 1)[1] for a in ways}
        # A place is free: there is nothing to wait for.
        assert offered - {"heures", "semaine", "fiche.pdf"} == {
            a.value for a in possible - {Act.METTRE_EN_ATTENTE}
        }
        before = everything(session)
        opened = link(prescription)
        for act in set(FORMS) - possible:
            for answer in (
                browser.client.get(f"{opened}/{act.value}"),
                browser.client.post(
                    f"{opened}/{act.value}",
                    data={"csrf_token": browser.token(), "jour": clock.today().isoformat()},
                    headers={"Origin": "http://localhost"},
                ),
            ):
                if act is Act.ANNULER:
                    assert answer.status_code == 404
                else:
                    assert (answer.status_code, answer.headers["Location"]) == (303, opened)
        for act in possible:
            assert browser.client.get(link(prescription, act.value)).status_code == 200
        assert everything(session) == before

    def test_it_opens_no_other_page_of_the_prescription(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        browser.get(link(prescription))
        assert browser.client.get(f"/prescriptions/{prescription.id}").status_code in {302, 303}
        for end in ("annuler", "suivi", "export", "envoi", "modifier"):
            assert browser.client.get(link(prescription, end)).status_code in {303, 404}

    def test_without_the_token_of_the_form_nothing_is_done(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        browser.post(link(prescription, "etudier"), {}, status=400, token=False)
        assert prescription.state is State.ENVOYEE

    def test_over_tls_the_origin_alone_is_enough(
        self, session: Session, app: Flask, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        told = {"base_url": "https://localhost", "headers": {"Referer": "https://localhost/"}}
        client = app.test_client()
        text = client.get(link(prescription, "etudier"), **told).text
        token = text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = client.post(link(prescription, "etudier"), data={"csrf_token": token}, **told)
        assert answer.status_code == 303
        session.expire_all()
        assert prescription.state is State.A_L_ETUDE


class TestTwoAtOnce:
    def test_the_link_after_the_answer(
        self, session: Session, browser: Browser, sign_in: SignIn, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        opened = link(prescription)
        form = browser.get(opened + "/accepter").form("/accepter")
        answers.study(session, prescription, by=scene.partner)
        answers.accept(session, prescription, by=scene.partner)
        session.commit()
        before = lines(session, prescription)
        page = form.submit("Accepter la prescription", message="Mon mot.", status=409)
        assert page.h1 == "Quelqu’un a répondu avant vous"
        assert "« acceptée », par" in page.text and "Mon mot." in page.text
        assert lines(session, prescription) == before
        page = browser.get(opened + "/accepter")
        assert page.path == opened
        assert "rien n’a été changé" in page.text

    def test_the_one_by_link_is_told_that_it_ended(
        self, session: Session, browser: Browser, scene: Scene
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        form = browser.get(link(prescription, "accepter")).form("/accepter")
        write = browser.get(link(prescription)).form("/message")
        rules.cancel(session, prescription, by=scene.referent)
        session.commit()
        before = everything(session)
        assert form.submit(status=410).h1 == "Cette prescription est close"
        assert write.submit(texte="Trop tard.", status=410).h1 == "Cette prescription est close"
        assert everything(session) == before


class TestWhenItOpensNothing:
    @pytest.mark.parametrize("state", sorted(FINAL - {State.ANNULEE}))
    def test_void_once_it_has_ended(
        self, session: Session, browser: Browser, scene: Scene, state: State
    ) -> None:
        prescription = make_prescription(session, scene, state)
        session.commit()
        name = (prescription.donnees_partagees or [{}])[0]["value"]
        for end in ("", "accepter", "heures", "semaine"):
            page = browser.get(link(prescription, end), status=410)
            assert page.h1 == "Cette prescription est close"
            assert name not in page.text and prescription.offre_nom not in page.text
            assert scene.referent.nom not in page.text
        assert reads(session, prescription) == []

    def test_after_its_time(self, session: Session, browser: Browser, scene: Scene, move_clock: Any) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        address = link(prescription)
        later(move_clock, days=7, hours=23)
        browser.get(address)
        later(move_clock, hours=2)
        before = everything(session)
        page = browser.get(address, status=410)
        assert page.h1 == "Ce lien n’est plus valable"
        assert prescription.offre_nom not in page.text
        for end in ("accepter", "heures", "semaine"):
            browser.get(f"{address}/{end}", status=410)
            browser.post(f"{address}/{end}", {"message": "Oui."}, status=410)
        assert "Oui." in browser.post(f"{address}/message", {"texte": "Oui."}, status=410).text
        assert everything(session) == before

    def test_another_key_makes_it_void(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        address = link(prescription)
        prescription.lien_cle = uuid.uuid4()
        session.commit()
        assert browser.get(address, status=410).h1 == "Ce lien n’est plus valable"
        browser.post(f"{address}/etudier", {}, status=410)
        assert prescription.state is State.ENVOYEE

    def test_forged(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        other = make_prescription(session, scene)
        session.commit()
        good = links.make(SECRET, prescription)
        theirs = links.make(SECRET, other)
        forged = [
            good[:-9] + ("a" if good[-9] != "a" else "b") + good[-8:],
            ".".join([theirs.rsplit(".", 2)[0], *good.rsplit(".", 2)[1:]]),
            links.make("u" * 40, prescription),
            "x",
            str(prescription.id),
        ]
        for token in forged:
            for end in ("", "/accepter", "/heures", "/semaine"):
                browser.get(f"/reponse/{token}{end}", status=404)
            browser.post(f"/reponse/{token}/etudier", {}, status=404)
            browser.post(f"/reponse/{token}/message", {"texte": "Oui."}, status=404)
            browser.post(f"/reponse/{token}/nouveau-lien", {}, status=404)
        assert [p.state for p in (prescription, other)] == [State.ENVOYEE] * 2
        assert reads(session, prescription) == []

    def test_a_draft_is_opened_by_none(self, session: Session, browser: Browser, scene: Scene) -> None:
        draft = make_prescription(session, scene, State.BROUILLON)
        session.commit()
        browser.get(link(draft), status=410)

    def test_the_link_of_one_opens_no_other(self, session: Session, browser: Browser, scene: Scene) -> None:
        prescription = make_prescription(session, scene)
        other = make_prescription(session, scene)
        session.commit()
        browser.get(link(prescription, "etudier")).form("/etudier").submit("Mettre à l’étude")
        assert (prescription.state, other.state) == (State.A_L_ETUDE, State.ENVOYEE)
        assert [
            line.act
            for line in session.exec(select(Transition).where(col(Transition.prescription_id) == other.id))
        ] == [
            None,
            Act.ENVOYER,
        ]


class TestAnother:
    def test_is_sent_to_the_structure_and_opens(
        self, session: Session, browser: Browser, scene: Scene, move_clock: Any
    ) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        address = link(prescription)
        later(move_clock, days=20)
        page = browser.get(address, status=410)
        page = page.form("/nouveau-lien").submit("Recevoir un nouveau lien")
        assert page.h1 == "Regardez vos courriels"
        [mail] = mails(session)
        assert mail.recipient == scene.offer.courriel
        assert mail.recipient not in page.text
        found = next(word for word in mail.body.split() if "/reponse/" in word)
        assert badge(browser.get(found.removeprefix("http://localhost"))) == "Envoyée"

    @pytest.mark.parametrize("case", ["ended", "gone", "other key"])
    def test_says_the_same_whatever_is_behind(
        self, session: Session, browser: Browser, scene: Scene, move_clock: Any, case: str
    ) -> None:
        prescription = make_prescription(session, scene, State.REFUSEE if case == "ended" else State.ENVOYEE)
        if case == "gone":
            prescription = Prescription(
                form_key=uuid.uuid4(),
                id=uuid.uuid4(),
                beneficiary_id=prescription.beneficiary_id,
                offer_id=prescription.offer_id,
                structure_id=prescription.structure_id,
                referent_id=prescription.referent_id,
                offre_nom="x",
            )
        address = link(prescription)
        session.commit()
        later(move_clock, days=20)
        page = browser.get(address, status=410).form("/nouveau-lien").submit()
        assert page.h1 == "Regardez vos courriels"
        assert len(session.exec(select(OutgoingMail)).all()) == (1 if case == "other key" else 0)

    def test_not_too_often(self, session: Session, browser: Browser, scene: Scene, move_clock: Any) -> None:
        prescription = make_prescription(session, scene)
        session.commit()
        address = link(prescription)
        later(move_clock, days=20)
        for _ in range(6):
            page = browser.get(address, status=410).form("/nouveau-lien").submit()
            assert page.h1 == "Regardez vos courriels"
        assert len(mails(session)) == 3
