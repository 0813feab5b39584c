"""The two parts of an e-mail: as text, as HTML, and as both come out of a real SMTP server."""

import re
from email.message import EmailMessage

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlmodel import Session

from portal import jobs
from portal.accounts import notifications as account_notifications
from portal.accounts.models import Role
from portal.accounts.rules import queue_mail
from portal.config import Config
from portal.db import Database
from portal.mail import as_html, as_text
from portal.offers import notifications as offer_notifications
from portal.prescriptions import notifications as prescription_notifications
from portal.prescriptions.models import Transition
from portal.prescriptions.states import WHO_MAY, Act
from portal.structures.rules import catalogue_rules
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser
from tests.test_jobs import Postman, mailing, postman

__all__ = ["mailing", "postman"]

SITE = "https://insertion.example.org"


def html(body: str, **given: str) -> BeautifulSoup:
    return BeautifulSoup(
        as_html(body, **{"name": "Portail d’essai", "public_url": SITE, **given}), "html5lib"
    )


def written(body: str) -> BeautifulSoup:
    """What is made of the body alone: between the portal's name and its foot."""
    soup = html(body)
    (sheet,) = soup.select("body > div")
    name, *_, foot = sheet.find_all(recursive=False)
    assert name.text == "Portail d’essai"
    assert foot.select_one(f'a[href="{SITE}"]') is not None
    name.extract()
    foot.extract()
    return sheet  # type: ignore[return-value]


def links(body: str) -> list[tuple[str, str]]:
    return [(str(a["href"]), a.text) for a in written(body).select("a")]


class TestHtml:
    def test_a_page_in_french_that_fetches_nothing(self) -> None:
        page = as_html("Bonjour.\n", name="Portail", public_url=SITE)
        soup = BeautifulSoup(page, "html5lib")
        assert soup.html["lang"] == "fr"  # type: ignore[index]
        assert not soup.select("img, script, link, style, iframe, [src], [background]")
        assert "url(" not in page

    def test_paragraphs_and_lines(self) -> None:
        soup = written("Bonjour Éloïse,\n\nUne ligne.\nUne autre.\n\n\n\nFin.\n")
        assert [p.get_text("|") for p in soup.select("p")] == [
            "Bonjour Éloïse,",
            "Une ligne.|\nUne autre.",
            "Fin.",
        ]
        assert len(soup.select("br")) == 1

    def test_lists(self) -> None:
        soup = written("À faire :\n- relire\n- publier\nMerci.\n\n- seul")
        assert [tag.name for tag in soup.find_all(recursive=False)] == ["p", "ul", "p", "ul"]
        assert [li.text for li in soup.select("li")] == ["relire", "publier", "seul"]

    def test_what_looks_like_html_is_text(self) -> None:
        nasty = '<script>alert("x")</script> & <b>gras</b> https://a.example/"onclick="x'
        soup = written(nasty + "\n- <i>liste</i>\n")
        assert not soup.select("script, b, i, [onclick]")
        assert '<script>alert("x")</script> & <b>gras</b>' in soup.text
        assert html("a", name="<b>Portail</b>").select("b") == []

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            (f"{SITE}/offres/1", [(f"{SITE}/offres/1", f"{SITE}/offres/1")]),
            (f"Voir l’offre : {SITE}/offres/1", [(f"{SITE}/offres/1", "Voir l’offre")]),
            (f"Voir l’offre\u00a0: {SITE}/offres/1", [(f"{SITE}/offres/1", "Voir l’offre")]),
            (f"- Voir l’offre : {SITE}/offres/1", [(f"{SITE}/offres/1", "Voir l’offre")]),
            (f"Accueil : {SITE}", [(SITE, "Accueil")]),
            (f"Lisez {SITE}/aide.", [(f"{SITE}/aide", f"{SITE}/aide")]),
            (f"({SITE}/aide)", [(f"{SITE}/aide", f"{SITE}/aide")]),
            (
                f"{SITE}/offres?ou=Redon&thematique=mobilite--preparer-un-permis",
                [(f"{SITE}/offres?ou=Redon&thematique=mobilite--preparer-un-permis", f"{SITE}/offres")],
            ),
            (f"{SITE}/a et {SITE}/b", [(f"{SITE}/a", f"{SITE}/a"), (f"{SITE}/b", f"{SITE}/b")]),
            (f"Un : {SITE}/a puis deux : {SITE}/b", [(f"{SITE}/a", f"{SITE}/a"), (f"{SITE}/b", f"{SITE}/b")]),
            ("Rien ici : javascript:alert(1)", []),
        ],
    )
    def test_addresses_are_links(self, body: str, found: list[tuple[str, str]]) -> None:
        assert links(body) == found

    @pytest.mark.parametrize(
        "address",
        ["https://ailleurs.example.com/a", f"{SITE}.ailleurs.example.com/", f"{SITE}@ailleurs.example/"],
    )
    def test_words_never_hide_another_site(self, address: str) -> None:
        """What people write to each other is in these messages too."""
        assert links(f"Se connecter au portail : {address}") == [(address, address)]

    def test_the_colour_of_the_departement(self) -> None:
        page = as_html(f"Voir : {SITE}/a", name="P", public_url=SITE, accent="#123456")
        assert page.count("#123456") == 3
        assert "#0b5563" not in page


class TestText:
    def test_short_lines_stay(self) -> None:
        body = "Bonjour,\n\n - retrait\n.\n\n  \n1 234,56 € — « déjà là »\n"
        assert as_text(body) == body

    def test_long_lines_are_folded(self) -> None:
        words = "Personne n’a confirmé ces offres depuis longtemps : " * 6
        folded = as_text(f"{words}\n\n- {words}\n")
        assert max(map(len, folded.split("\n"))) < 78
        assert folded.split() == f"{words}\n\n- {words}\n".split()
        assert re.search(r"\n\n- Personne[^\n]+\n  \S", folded)

    def test_a_sign_stays_on_the_line_of_its_word(self) -> None:
        for length in range(40, 80):
            folded = as_text(f"{'a' * length} informations : dites-le « tout de suite » ; et après ? oui !\n")
            for line in folded.split("\n"):
                assert not re.match(r"[:;!?»]", line), folded
                assert not line.endswith("«"), folded
            assert " : dites-le" in folded.replace("\n", " ")

    def test_an_address_is_never_cut(self) -> None:
        address = f"{SITE}/offres/toujours-valable/{'abc-' * 40}fin"
        assert address in as_text(f"Toujours valable : {address}\n").split("\n")


def arrived(session: Session, database: Database, config: Config, postman: Postman) -> list[EmailMessage]:
    """Send what waits; return what the server took."""
    session.commit()
    assert jobs.send_mail(database, config).endswith(" 0 refused")
    return [message for _, _, message in postman.received]


def both(message: EmailMessage) -> tuple[str, BeautifulSoup]:
    """The text and the HTML of a message."""
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert isinstance(plain, EmailMessage)
    assert isinstance(rich, EmailMessage)
    return plain.get_content(), BeautifulSoup(rich.get_content(), "html5lib")


def addresses(text: str) -> list[str]:
    return re.findall(r"https?://\S+", text)


class TestSent:
    def test_both_parts_say_the_same(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        public = mailing.public_url
        body = (
            f"Bonjour Éloïse,\n\nL’été à Saint-Malo : « œuvre » — 12 €.\n\n- Voir : {public}/offres?a=1&b=2\n"
            f"- Lire\n\n{public}/offres/{'long' * 30}?c=é\n"
        )
        mail = queue_mail(session, recipient="a@exemple.example.org", subject="Été", body=body)
        (message,) = arrived(session, database, mailing, postman)
        text, soup = both(message)
        assert text.replace("\r\n", "\n") == body
        assert "L’été à Saint-Malo : « œuvre » — 12 €." in soup.text
        assert [a["href"] for a in soup.select("a")] == [*addresses(body), public]
        assert message["Auto-Submitted"] == "auto-generated"
        assert str(mail.id) in message["Message-ID"]

    def test_every_line_travels_on_any_server(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        queue_mail(session, recipient="a@exemple.example.org", subject="s", body="é" * 3000 + "\n")
        (message,) = arrived(session, database, mailing, postman)
        raw = message.as_bytes()
        assert raw.isascii()
        assert max(map(len, raw.splitlines())) <= 998
        assert both(message)[0].strip() == "é" * 3000

    def test_the_links_of_both_parts_open(
        self,
        app: Flask,
        session: Session,
        database: Database,
        mailing: Config,
        postman: Postman,
        browser: Browser,
    ) -> None:
        partner, structure = make_partner(session)
        offer = make_offer(session, structure)
        offer.structure = structure
        secret = mailing.secret_key
        offer_notifications.remind(
            session, [offer], catalogue_rules(session), public_url=mailing.public_url, secret=secret
        )
        offer_notifications.tell_reviewed(session, offer, public_url=mailing.public_url)
        messages = arrived(session, database, mailing, postman)
        assert len(messages) == 2
        seen = 0
        for message in messages:
            text, soup = both(message)
            targets = [str(a["href"]) for a in soup.select("a")]
            assert targets[:-1] == addresses(text)
            for target in targets:
                assert target.startswith(mailing.public_url)
                browser.get(target.removeprefix(mailing.public_url) or "/")
                seen += 1
        assert seen >= 5
        reminder = both(messages[0])[1]
        assert reminder.select_one("a").text == "Toujours valable"  # type: ignore[union-attr]

    def test_a_subject_names_nobody(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        scene = make_scene(session)
        beneficiary = make_beneficiary(session, scene.referent)
        prescription = make_prescription(session, scene, beneficiary=beneficiary)
        sender = prescription_notifications.Sender(mailing.public_url, mailing.secret_key)
        for act in Act:
            session.add(
                Transition(
                    prescription_id=prescription.id,
                    act=act,
                    from_state=prescription.state,
                    to_state=prescription.state,
                    side=WHO_MAY[act],
                )
            )
            session.flush()
            prescription_notifications.tell(session, prescription, act, sender)
        somebody = make_user(session, Role.REFERENT)
        account_notifications.send_password_link(session, somebody, f"{mailing.public_url}/mot-de-passe/x")
        messages = arrived(session, database, mailing, postman)
        assert len(messages) > 4
        people = [scene.partner, scene.referent, beneficiary, somebody]
        names = {name for who in people for name in (who.prenom, who.nom)}
        for message in messages:
            text, soup = both(message)
            assert not any(re.search(rf"\b{re.escape(name)}\b", message["Subject"]) for name in names)
            assert not any(name in address for address in addresses(text) for name in names)
            assert "@" not in "".join(addresses(text))
            assert beneficiary.nom not in text + soup.text
