"""One prescription: the timeline, what is new since the last visit, and what can be done beside answering."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.beneficiaries.models import AccessEntry
from portal.prescriptions import answers, due, rules
from portal.prescriptions.actors import by_link, on_paper
from portal.prescriptions.models import PrescriptionRead, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Page
from tests.prescriptions.hands import Knocker, SignIn, address, badge, mails, ways
from tests.prescriptions.ledger import everything
from tests.statements import count_statements


def told(page: Page) -> list[str]:
    """The lines of the history, the newest first."""
    return [
        " ".join(line.get_text(" ").split()) for line in page.soup.select("[aria-labelledby=historique] li")
    ]


def facts(page: Page) -> dict[str, str]:
    return {
        " ".join(row.dt.get_text(" ").split()): " ".join(row.dd.get_text(" ").split())
        for row in page.soup.select("aside .fact")
        if row.dt is not None and row.dd is not None
    }


class TestTimeline:
    def test_who_did_what_in_every_way_of_doing_it(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene = make_scene(session, places=None)
        hours = iter(range(8, 20))
        made = None
        for act in (
            lambda p: make_prescription(session, scene),
            lambda p: rules.remind(session, p, by=scene.referent, message="Avez-vous lu ?"),
            lambda p: answers.study(session, p, by=by_link(p)),
            lambda p: answers.assign(session, p, by=scene.partner, to=scene.partner),
            lambda p: answers.accept(
                session, p, by=on_paper(scene.referent), message="Oui.", message_personne="Bienvenue."
            ),
            lambda p: answers.note_presence(
                session, p, by=scene.partner, day=date(2025, 3, 4), came=False, message="Pas venue."
            ),
        ):
            move_clock(2025, 3, 4, next(hours))
            made = act(made) or made
        assert made is not None
        page = sign_in(scene.referent).get(address(made))
        partner, referent = scene.partner.full_name, scene.referent.full_name
        day = "mardi 4 mars 2025 à"
        assert told(page) == [
            f"Absence notée, mardi 4 mars 2025 Nouveau {day} 14 h 00, par {partner} Pas venue.",
            f"Acceptée {day} 13 h 00, par réponse sur papier, notée par {referent}"
            " Oui. Écrit à la personne : Bienvenue.",
            f"Suivie par : {partner} Nouveau {day} 12 h 00, par {partner}",
            f"À l’étude Nouveau {day} 11 h 00, par la structure, par le lien du courriel",
            f"Structure relancée {day} 10 h 00, par {referent} Avez-vous lu ?",
            f"Envoyée {day} 9 h 00, par {referent}",
            f"Prescription commencée {day} 9 h 00, par {referent}",
        ]

    def test_the_portal_is_named(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        made = make_prescription(session, scene)
        move_clock(2025, 5, 1, 10)
        assert due.expire_unanswered(session) == [made]
        assert told(sign_in(scene.partner).get(address(made)))[0].startswith(
            "Expirée Nouveau jeudi 1er mai 2025 à 12 h 00, par le portail"
        )

    def test_what_is_new_is_marked_once(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        made = make_prescription(session, scene)
        partner = sign_in(scene.partner)
        move_clock(2025, 3, 1, 11)
        assert partner.get(address(made)).text.count("Nouveau") == 1
        assert "Nouveau" not in partner.get(address(made)).text
        move_clock(2025, 3, 1, 12)
        rules.remind(session, made, by=scene.referent)
        rules.write_message(session, made, by=scene.referent, text="Avez-vous lu ?")
        session.commit()
        move_clock(2025, 3, 1, 13)
        page = partner.get(address(made))
        assert "Nouveau" in told(page)[0]
        assert "1 nouveau message" in page.text
        assert "Nouveau" not in partner.get(address(made)).text
        (read,) = session.exec(
            select(PrescriptionRead).where(col(PrescriptionRead.user_id) == scene.partner.id)
        )
        assert read.at == clock.now()


class TestFacts:
    def test_meeting_session_and_outcome(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        scene.offer.volume_horaire_hebdomadaire = 7.5
        made = make_prescription(session, scene)
        meeting = Meeting(at=clock.now() + timedelta(days=2), place="12 rue du Port")
        answers.accept(session, made, by=scene.partner, meeting=meeting)
        answers.assign(session, made, by=scene.partner, to=scene.partner)
        seen = facts(sign_in(scene.referent).get(address(made)))
        assert seen["Rendez-vous"] == "lundi 3 mars 2025 à 11 h 00, 12 rue du Port"
        assert seen["Suivie par"] == scene.partner.full_name
        assert seen["Semaine prévue"] == "7 h 30"
        move_clock(2025, 3, 4, 10)
        answers.enter(session, made, by=scene.partner, day=date(2025, 3, 3))
        answers.finish(
            session,
            made,
            by=scene.partner,
            day=date(2025, 3, 4),
            reason=answers.ExitReason.EMPLOI,
            contract=answers.ContractType.CDI,
        )
        seen = facts(sign_in(scene.partner).get(address(made)))
        assert (seen["Entrée"], seen["Sortie"]) == ("lundi 3 mars 2025", "mardi 4 mars 2025")
        assert (seen["Issue"], seen["Contrat"]) == ("Un emploi", "CDI")

    @pytest.mark.parametrize("side", ["referent", "partner"])
    def test_statements_do_not_grow_with_the_history(
        self, session: Session, sign_in: SignIn, side: str
    ) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        browser = sign_in(getattr(scene, side))
        browser.get(address(made))
        with count_statements(session) as few:
            browser.get(address(made))
        for _ in range(8):
            rules.write_message(session, made, by=scene.referent, text="Encore un mot.")
            answers.agree_meeting(session, made, Meeting(place="Ici"), by=scene.partner)
        session.commit()
        with count_statements(session) as many:
            browser.get(address(made))
        assert len(many) <= len(few)


class TestRemind:
    def test_a_word_goes_with_it_and_once_a_day(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        move_clock(2025, 3, 1, 10)
        scene = make_scene(session)
        made = make_prescription(session, scene)
        page = sign_in(scene.referent).get(address(made)).click("Relancer la structure")
        assert page.h1 == "Relancer la structure"
        page = page.form("/relancer").submit("Relancer la structure", message="x" * 2001, status=422)
        assert page.errors == {"message": "Raccourcissez de 1 caractère : 2000 au plus."}
        page = page.form("/relancer").submit("Relancer la structure", message="Avez-vous lu ?")
        assert "La structure est relancée." in page.text
        assert any(line.startswith("Structure relancée") and "Avez-vous lu ?" in line for line in told(page))
        assert scene.partner.courriel in {mail.recipient for mail in mails(session)}
        before = everything(session)
        page = page.click("Relancer la structure").form("/relancer").submit("Relancer la structure")
        assert "a déjà été relancée aujourd’hui" in page.text
        assert everything(session) == before

    def test_not_in_front_for_who_waits_for_a_place(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session, places=1)
        inside, waits = make_prescription(session, scene), make_prescription(session, scene)
        answers.accept(session, inside, by=scene.partner)
        answers.put_on_waiting_list(session, waits, by=scene.partner)
        page = sign_in(scene.referent).get(address(waits))
        assert ways(page) == []
        others = [a.get_text() for a in page.soup.select("section[aria-labelledby=autres] a")]
        assert others[0] == "Relancer la structure" and others[-1] == "Annuler la prescription"

    def test_not_once_it_is_answered(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene, State.REFUSEE)
        browser = sign_in(scene.referent)
        assert "Relancer la structure" not in browser.get(address(made)).text
        page = browser.post(address(made, "relancer"), {})
        assert "à l’état « refusée »" in page.text


class TestHandOver:
    def test_a_colleague_takes_over_without_the_file(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        stranger = make_user(session)
        left = make_user(session, organisation_id=scene.referent.organisation_id)
        left.is_active = False
        made = make_prescription(session, scene)
        browser = sign_in(scene.referent)
        page = browser.get(address(made)).click("Passer la main")
        names = [o.get_text() for o in page.soup.select("select[name=collegue] option")]
        assert names == ["Choisir…", colleague.full_name]
        page = page.form("/confier").submit("Passer la main", status=422)
        assert page.errors == {"collegue": "Choisissez à qui vous passez la main."}
        browser.post(address(made, "confier"), {"collegue": str(stranger.id)}, status=422)
        assert made.referent_id == scene.referent.id
        page = page.form("/confier").submit("Passer la main", collegue=str(colleague.id), message="En congé.")
        assert "passée à votre collègue" in page.text
        assert made.referent_id == colleague.id
        # It is the team's to read, no longer theirs to act on.
        assert f"est suivie par {colleague.full_name}" in page.text
        assert page.soup.select(".sticky-action") == []
        assert Knocker(browser).post(address(made, "annuler")) == 404
        page = sign_in(colleague).get(address(made))
        assert badge(page) == "Envoyée"
        assert "Annuler la prescription" in page.text
        assert f"/beneficiaires/{made.beneficiary_id}" not in page.response.text
        assert made.donnees_partagees is not None
        assert made.donnees_partagees[0]["value"] in page.h1

    def test_alone_one_is_told_so(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        page = sign_in(scene.referent).get(address(made, "confier"))
        assert "pas d’autre référent dans votre organisme" in page.text
        assert page.buttons() == []


class TestAssign:
    def test_to_a_member_of_the_structure_or_nobody(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        stranger, _ = make_partner(session)
        made = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        page = browser.get(address(made)).click("Choisir qui la suit")
        assert stranger.full_name not in page.soup.select_one("select[name=suivi_par]").text  # type: ignore[union-attr]
        page = page.form("/suivre").submit("Enregistrer", suivi_par=str(colleague.id))
        assert made.suivi_par_id == colleague.id
        assert facts(page)["Suivie par"] == colleague.full_name
        browser.post(address(made, "suivre"), {"suivi_par": str(stranger.id)}, status=422)
        assert made.suivi_par_id == colleague.id
        page = browser.get(address(made, "suivre"))
        assert page.form("/suivre").values["suivi_par"] == str(colleague.id)
        page = page.form("/suivre").submit("Enregistrer", suivi_par="")
        assert made.suivi_par_id is None
        assert "Suivie par : Personne en particulier" in told(page)[0]

    def test_the_other_side_does_not(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        assert Knocker(sign_in(scene.referent)).get(address(made, "suivre")) == 403
        partner = Knocker(sign_in(scene.partner))
        assert partner.get(address(made, "relancer")) == partner.get(address(made, "confier")) == 403


class TestTwoAtOnce:
    def test_the_second_is_told_what_the_first_did(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        made = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(made, "accepter"))
        answers.refuse(session, made, by=colleague, reason=RefusalReason.AUTRE, message="Non.")
        session.commit()
        before = everything(session)
        page = page.browser.post(address(made, "accepter"), {"message": "Oui."}, status=409)
        assert "« refusée »" in page.text.lower()
        assert everything(session) == before


class TestDraft:
    def test_its_author_reads_the_file_of_now(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene, State.BROUILLON)
        page = sign_in(scene.referent).get(address(made))
        assert "06 00 00 00 00" in page.text
        assert page.soup.select_one("#prescription-messages") is None


def test_reading_is_in_the_journal_once_a_visit(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    made = make_prescription(session, scene)
    browser = sign_in(scene.partner)
    for _ in range(2):
        browser.get(address(made))
    rows = session.exec(select(AccessEntry).where(col(AccessEntry.prescription_id) == made.id)).all()
    assert [row.user_id for row in rows] == [scene.partner.id] * 2
