"""What both sides write to each other about a prescription."""

from typing import Any

import pytest
from sqlmodel import Session, select

from portal.prescriptions import links, rules
from portal.prescriptions.models import PrescriptionMessage
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Page
from tests.prescriptions.hands import Knocker, SignIn, address, mails

TARGET = "prescription-messages"
SECRET = "t" * 40


def notes(page: Page) -> list[str]:
    return [" ".join(line.get_text(" ").split()) for line in page.soup.select(f"#{TARGET} li")]


def written(session: Session) -> list[str]:
    return [line.texte for line in session.exec(select(PrescriptionMessage))]


class TestWriting:
    def test_each_side_reads_the_other(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        move_clock(2025, 3, 4, 8)
        scene = make_scene(session)
        made = make_prescription(session, scene)
        referent, partner = sign_in(scene.referent), sign_in(scene.partner)
        move_clock(2025, 3, 4, 9)
        page = referent.get(address(made))
        assert "Aucun message pour l’instant" in page.text
        page = page.form("/messages").submit("Envoyer le message", texte="Peut-elle venir\nlundi ?")
        assert "Votre message est envoyé." in page.text
        assert notes(page) == ["Peut-elle venir lundi ? mardi 4 mars 2025 à 10 h 00, par vous"]
        assert scene.partner.courriel in {mail.recipient for mail in mails(session)}
        assert all("lundi" not in mail.subject + mail.body for mail in mails(session))
        page = partner.get(address(made))
        name = scene.referent.full_name
        assert notes(page) == [f"Peut-elle venir lundi ? mardi 4 mars 2025 à 10 h 00, par {name} Nouveau"]
        move_clock(2025, 3, 4, 10)
        page = page.form("/messages").submit("Envoyer le message", texte="Oui, à 9 h.")
        assert [line.split(" mardi")[0] for line in notes(page)] == ["Oui, à 9 h.", "Peut-elle venir lundi ?"]
        assert "nouveau message" not in page.text.lower()
        assert "1 nouveau message" in referent.get(address(made)).text

    def test_pressed_twice_it_is_written_and_told_once(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        for browser, page, end in (
            (sign_in(scene.referent), address(made), "/messages"),
            (sign_in(scene.partner), f"/reponse/{links.make(SECRET, made)}", "/message"),
        ):
            form = browser.get(page).form(end)
            before = len(mails(session)), len(written(session))
            for _ in range(2):
                shown = form.submit("Envoyer le message", texte="Peut-elle venir lundi ?")
            assert len(written(session)) == before[1] + 1
            assert len(mails(session)) > before[0]
            assert len(mails(session)) == len({(m.recipient, m.subject) for m in mails(session)})
            # Another word is another message.
            shown.form(end).submit("Envoyer le message", texte="Ou mardi ?")
            assert len(written(session)) == before[1] + 2

    def test_a_key_of_elsewhere_writes_nothing(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made, other = (make_prescription(session, scene) for _ in range(2))
        theirs = rules.write_message(session, other, by=scene.referent, text="Bonjour.")
        browser = sign_in(scene.partner)
        for prescription in (made, other):
            page = browser.post(
                address(prescription, "messages"), {"texte": "Oui.", "cle": str(theirs.id)}, status=422
            )
            assert "n’est pas la vôtre" in page.text
        assert written(session) == ["Bonjour."]

    def test_the_fragment_is_what_a_reload_shows(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        browser.get(address(made))
        part = browser.fragment(address(made, "messages"), TARGET, {"texte": "Merci."}).select_one(
            f"#{TARGET}"
        )
        whole = browser.get(address(made)).soup.select_one(f"#{TARGET}")
        assert part is not None
        assert whole is not None
        assert part.select_one("textarea").text.strip() == ""  # type: ignore[union-attr]
        for tag in (*part.select("[name=csrf_token]"), *whole.select("[name=csrf_token]")):
            tag.decompose()
        assert " ".join(part.get_text(" ").split()) == " ".join(whole.get_text(" ").split())

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "Écrivez votre message."),
            ("   ", "Écrivez votre message."),
            ("a" * 100_000, "Raccourcissez de 98000 caractères : 2000 au plus."),
        ],
    )
    def test_refused_kindly_and_nothing_is_lost(
        self, session: Session, sign_in: SignIn, text: str, sentence: str
    ) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        page = browser.post(address(made, "messages"), {"texte": text}, status=422)
        assert page.errors == {"texte": sentence}
        assert page.form("/messages").values["texte"].strip() == text.strip()
        answer = browser.client.post(
            address(made, "messages"),
            data={"texte": text, "csrf_token": browser.token()},
            headers={"HX-Request": "true", "HX-Target": TARGET, "Origin": "http://localhost"},
        )
        assert answer.status_code == 422
        assert sentence in answer.text
        assert answer.text.lstrip().startswith("<section")
        assert written(session) == []

    def test_after_the_end_one_may_still_write(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene, State.REFUSEE)
        page = sign_in(scene.referent).get(address(made))
        page.form("/messages").submit("Envoyer le message", texte="Merci quand même.")
        assert written(session) == ["Merci quand même."]


class TestWhoMay:
    def test_nobody_else(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        for stranger in (colleague, make_user(session), make_partner(session)[0]):
            assert Knocker(sign_in(stranger)).post(address(made, "messages"), texte="Bonjour.") == 404
        assert written(session) == []

    def test_not_on_a_draft(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        page = sign_in(scene.referent).post(address(draft, "messages"), {"texte": "Bonjour."}, status=422)
        assert "pas encore envoyée" in page.text
        assert written(session) == []

    def test_markup_is_text(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        made = make_prescription(session, scene)
        rules.write_message(session, made, by=scene.partner, text="<script>alert(1)</script>")
        html = sign_in(scene.referent).get(address(made)).response.text
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
