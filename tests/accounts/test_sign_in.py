"""Sign in and out, passwords, links, and forms that outlive a session."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlmodel import Session, select

from portal.accounts import rules
from portal.accounts.models import OutgoingMail, PasswordLink, Role, User
from portal.accounts.session import kept_form, safe_target
from portal.config import Config
from portal.errors import RuleBroken
from tests.conftest import PRODUCTION_HASHER
from tests.factories.accounts import make_organisation, make_user
from tests.pages import Browser

PASSWORD = "quatre mots faciles ici"


@pytest.fixture
def person(session: Session) -> User:
    user = make_user(session, Role.REFERENT, courriel="renee@exemple.example.org")
    link = rules.open_password_link(session, rules.make_password_link(session, user))
    assert link is not None
    rules.set_password(session, link, PASSWORD)
    session.commit()
    return user


def test_sign_in_and_out(browser: Browser, person: User) -> None:
    page = (
        browser.get("/connexion")
        .form("/connexion")
        .submit(courriel=" Renee@Exemple.example.org ", mot_de_passe=PASSWORD)
    )
    assert page.h1 == "Bonjour Camille"
    assert browser.get("/compte").h1 == "Mon compte"
    page = page.form("/deconnexion").submit()
    assert "Vous êtes déconnecté" in page.text
    assert browser.get("/compte").h1 == "Se connecter"


def test_one_sentence_for_every_failure(browser: Browser, person: User, session: Session) -> None:
    closed = make_user(session, courriel="close@exemple.example.org", is_active=False)
    said = set()
    for courriel, password in (
        (person.courriel, "pas le bon mot de passe"),
        ("inconnue@exemple.example.org", PASSWORD),
        (closed.courriel, PASSWORD),
    ):
        page = (
            browser.get("/connexion")
            .form("/connexion")
            .submit(courriel=courriel, mot_de_passe=password, status=422)
        )
        said |= set(page.errors.values()) or {page.text}
        assert page.form("/connexion").values["courriel"] == courriel
        assert page.form("/connexion").values["mot_de_passe"] == ""
    assert len(said) == 1


def test_the_password_is_kept_as_argon2(person: User) -> None:
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")


def test_a_password_is_costly_to_guess() -> None:
    # The least that OWASP asks of argon2id: 19 MiB, two passes.
    assert PRODUCTION_HASHER.memory_cost >= 19 * 1024
    assert PRODUCTION_HASHER.time_cost >= 2
    assert PRODUCTION_HASHER.hash(PASSWORD).startswith("$argon2id$")


def test_failures_are_throttled_by_address_typed(browser: Browser, person: User) -> None:
    for _ in range(6):
        browser.post("/connexion", {"courriel": person.courriel, "mot_de_passe": "faux"}, status=422)
    page = browser.post("/connexion", {"courriel": person.courriel, "mot_de_passe": PASSWORD}, status=429)
    assert "Trop d’essais" in page.text
    # Somebody else, from the same desk, is not held back.
    browser.post("/connexion", {"courriel": "autre@exemple.example.org", "mot_de_passe": "faux"}, status=422)


def test_success_is_not_counted(browser: Browser, person: User) -> None:
    for _ in range(8):
        browser.post("/connexion", {"courriel": person.courriel, "mot_de_passe": PASSWORD})
        browser.client.post(
            "/deconnexion", data={"csrf_token": browser.token()}, headers={"Origin": "http://localhost"}
        )


def test_the_session_is_new_at_sign_in(browser: Browser, person: User) -> None:
    with browser.client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
    before = browser.token()
    browser.post("/connexion", {"courriel": person.courriel, "mot_de_passe": PASSWORD})
    with browser.client.session_transaction() as kept:
        assert "planted" not in kept
    assert browser.client.post("/deconnexion-partout", data={"csrf_token": before}).status_code == 400


def test_closing_an_account_ends_its_sessions(
    sign_in: Callable[[User], Browser], session: Session, person: User
) -> None:
    theirs = sign_in(person)
    theirs.get("/compte")
    admin = make_user(session, Role.ADMINISTRATION)
    told = sign_in(admin).post(f"/comptes/{person.id}/etat", {"actif": "non"})
    assert ("peuvent prendre la suite" in told.text) is (person.role is Role.REFERENT)
    assert theirs.get("/compte").h1 == "Se connecter"


def test_signing_out_everywhere(sign_in: Callable[[User], Browser], person: User) -> None:
    desk, phone = sign_in(person), sign_in(person)
    phone.get("/compte")
    desk.get("/compte").form("/deconnexion-partout").submit()
    assert phone.get("/compte").h1 == "Se connecter"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/offres?ou=Redon", "/offres?ou=Redon"),
        ("//ailleurs.example.org", None),
        ("https://ailleurs.example.org", None),
        ("/\\ailleurs.example.org", None),
        ("javascript:alert(1)", None),
        ("/offres\r\nSet-Cookie: a=b", None),
        ("", None),
        (None, None),
        ("/" + "a" * 3000, None),
    ],
)
def test_only_our_own_addresses_are_followed(address: str | None, kept: str | None) -> None:
    assert safe_target(address) == kept


def test_sign_in_leads_where_one_was_going(browser: Browser, person: User) -> None:
    page = browser.get("/beneficiaires")
    assert page.h1 == "Se connecter"
    page = page.form("/connexion").submit(courriel=person.courriel, mot_de_passe=PASSWORD)
    assert page.path == "/beneficiaires"


@pytest.mark.parametrize("text", ["", "pas du json", "{}", "[1, 2]", '[["a"]]'])
def test_an_odd_kept_form_is_dropped(text: str) -> None:
    assert kept_form("/structures/nouvelle", text) in (None, ("/structures/nouvelle", []))


def test_a_form_sent_after_the_session_ended_comes_back_filled_in(
    browser: Browser, session: Session, person: User
) -> None:
    admin = make_user(session, Role.ADMINISTRATION, courriel="admin@exemple.example.org")
    link = rules.open_password_link(session, rules.make_password_link(session, admin))
    assert link is not None
    rules.set_password(session, link, PASSWORD)
    session.commit()
    typed = {
        "prenom": "Léa",
        "nom": "L’Exemple <b>",
        "courriel": "lea@exemple.example.org",
        "role": "animation",
        "organisation_id": "",
        "nouvel_organisme": "",
    }
    page = browser.post("/comptes/nouveau", typed, status=401)
    assert "gardé" in page.text
    page = page.form("/connexion").submit(courriel=admin.courriel, mot_de_passe=PASSWORD)
    assert page.h1 == "Rien n’est perdu"
    form = page.form("/comptes/nouveau")
    assert {name: form.values[name] for name in typed} == typed
    page = form.submit("Reprendre et envoyer")
    assert "Le compte de Léa L’Exemple <b> est ouvert" in page.text
    assert rules.find_user(session, "lea@exemple.example.org") is not None


def test_a_form_from_elsewhere_is_not_kept(browser: Browser) -> None:
    response = browser.client.post(
        "/comptes/nouveau", data={"nom": "planté"}, headers={"Origin": "https://ailleurs.example.org"}
    )
    assert response.status_code == 401
    assert "planté" not in response.text


def test_a_stale_token_gives_the_form_back(sign_in: Callable[[User], Browser], session: Session) -> None:
    admin = sign_in(make_user(session, Role.ADMINISTRATION))
    page = admin.post(
        "/comptes/nouveau",
        {"csrf_token": "vieux", "prenom": "Léa", "mot_de_passe": "secret"},
        token=False,
        status=400,
    )
    form = page.form("/comptes/nouveau")
    assert form.values["prenom"] == "Léa"
    assert "mot_de_passe" not in form.names()


class TestLinks:
    def token(self, session: Session, user: User) -> str:
        made = rules.make_password_link(session, user)
        session.commit()
        return made

    def test_a_link_sets_a_password_once(self, browser: Browser, session: Session) -> None:
        user = make_user(session)
        address = f"/mot-de-passe/{self.token(session, user)}"
        page = (
            browser.get(address)
            .form("mot-de-passe/" + address.rsplit("/", 1)[1])
            .submit(mot_de_passe=PASSWORD, mot_de_passe_encore=PASSWORD)
        )
        assert "Votre mot de passe est enregistré" in page.text
        assert browser.get(address, status=410).h1 == "Ce lien ne sert plus"

    def test_both_must_be_the_same_and_strong(self, browser: Browser, session: Session) -> None:
        user = make_user(session, courriel="renee@exemple.example.org")
        address = f"/mot-de-passe/{self.token(session, user)}"
        for first, second, sentence in (
            (PASSWORD, PASSWORD + "s", "ne sont pas les mêmes"),
            ("court", "court", "12 caractères"),
            ("renee renee renee", "renee renee renee", "trop facile"),
            ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "trop facile"),
        ):
            page = browser.post(address, {"mot_de_passe": first, "mot_de_passe_encore": second}, status=422)
            assert sentence in " ".join(page.errors.values())

    def test_a_link_ends_after_three_days(
        self, browser: Browser, session: Session, move_clock: Callable[..., object]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        address = f"/mot-de-passe/{self.token(session, make_user(session))}"
        browser.get(address)
        move_clock(2026, 3, 6, 10)
        browser.get(address, status=410)

    def test_a_new_link_ends_the_former(self, browser: Browser, session: Session) -> None:
        user = make_user(session)
        former, latter = self.token(session, user), self.token(session, user)
        browser.get(f"/mot-de-passe/{former}", status=410)
        browser.get(f"/mot-de-passe/{latter}")

    def test_only_its_digest_is_kept(self, session: Session) -> None:
        token = self.token(session, make_user(session))
        link = session.exec(select(PasswordLink)).one()
        assert token not in link.token_hash
        assert link.expires_at - link.created_at <= timedelta(days=3, seconds=5)

    def test_the_answer_does_not_tell_who_has_an_account(
        self, browser: Browser, session: Session, person: User
    ) -> None:
        texts = []
        for courriel in (person.courriel, "inconnue@exemple.example.org"):
            page = browser.get("/mot-de-passe-oublie").form("/mot-de-passe-oublie").submit(courriel=courriel)
            texts.append(page.text)
        assert texts[0] == texts[1]
        mail = session.exec(select(OutgoingMail)).one()
        assert mail.recipient == person.courriel
        assert person.nom not in mail.subject
        found = re.search(r"http://localhost(/mot-de-passe/\S+)", mail.body)
        assert found is not None
        assert browser.get(found.group(1)).h1 == "Choisir un mot de passe"


class TestAdministrator:
    def test_opens_an_account_and_its_link_leaves(
        self, sign_in: Callable[[User], Browser], session: Session
    ) -> None:
        admin = sign_in(make_user(session, Role.ADMINISTRATION))
        page = admin.get("/comptes").click("Ouvrir un compte")
        page = page.form("/comptes/nouveau").submit(
            prenom="Rachid",
            nom="Exemple",
            courriel="rachid@exemple.example.org",
            role="referent",
            nouvel_organisme="Mission locale d’exemple",
        )
        assert "Le compte de Rachid Exemple est ouvert" in page.text
        page = admin.get("/courrier")
        assert "PORTAL_MAIL_URL" in page.text
        page = page.click("Choisissez votre mot de passe")
        assert "rachid@exemple.example.org" in page.text
        # Only this machine reaches the portal of tests, and nothing leaves it.
        link = page.soup.select_one(".as-written a")
        assert link is not None and "/mot-de-passe/" in str(link["href"])

    @pytest.mark.parametrize("case", ["open to others", "with a mail server"])
    def test_letters_and_their_links_are_for_who_receives_them(
        self,
        app: Flask,
        config: Config,
        monkeypatch: pytest.MonkeyPatch,
        sign_in: Callable[[User], Browser],
        session: Session,
        case: str,
    ) -> None:
        private = "Bonjour Zébulon,\n\nOuvrir : http://localhost/reponse/abc.def\n"
        rules.queue_mail(session, recipient="zebulon@exemple.example.org", subject="Un rappel", body=private)
        session.flush()
        admin = sign_in(make_user(session, Role.ADMINISTRATION))
        changed = (
            {"public_url": "https://insertion.example.org"}
            if case == "open to others"
            else {"mail_url": "smtp://127.0.0.1:1"}
        )
        monkeypatch.setitem(app.config, "PORTAL", replace(config, **changed))
        listed = admin.get("/courrier")
        for page in (listed, listed.click("Un rappel")):
            assert "z…@exemple.example.org" in page.text
            for hidden in ("zebulon", "Zébulon", "reponse", "abc.def"):
                assert hidden not in str(page.soup)
        assert "pour la personne qui le reçoit" in page.text

    @pytest.mark.parametrize(
        ("change", "field", "sentence"),
        [
            ({"courriel": "pas-une-adresse"}, "courriel", "adresse électronique complète"),
            ({"role": ""}, "role", "Choisissez le rôle"),
            ({"prenom": "  "}, "prenom", "Écrivez le prénom"),
            ({"nom": "x" * 81}, "nom", "Raccourcissez de 1 caractère"),
            ({"role": "referent"}, "organisation_id", "appartient à un organisme"),
        ],
    )
    def test_a_wrong_field_is_told_and_the_rest_kept(
        self,
        sign_in: Callable[[User], Browser],
        session: Session,
        change: dict[str, str],
        field: str,
        sentence: str,
    ) -> None:
        admin = sign_in(make_user(session, Role.ADMINISTRATION))
        typed = {
            "prenom": "Léa",
            "nom": "Exemple",
            "courriel": "lea@exemple.example.org",
            "role": "animation",
            **change,
        }
        page = admin.get("/comptes/nouveau").form("/comptes/nouveau").submit(status=422, **typed)
        assert sentence in page.errors[field]
        assert page.form("/comptes/nouveau").values["courriel"] == typed["courriel"]
        assert rules.find_user(session, "lea@exemple.example.org") is None

    def test_an_address_taken_is_told(
        self, sign_in: Callable[[User], Browser], session: Session, person: User
    ) -> None:
        admin = sign_in(make_user(session, Role.ADMINISTRATION))
        page = (
            admin.get("/comptes/nouveau")
            .form("/comptes/nouveau")
            .submit(prenom="A", nom="B", courriel=person.courriel.upper(), role="animation", status=422)
        )
        assert "existe déjà" in page.errors["courriel"]

    def test_cannot_close_their_own_account(
        self, sign_in: Callable[[User], Browser], session: Session
    ) -> None:
        admin = make_user(session, Role.ADMINISTRATION)
        page = sign_in(admin).post(f"/comptes/{admin.id}/etat", {"actif": "non"}, status=409)
        assert "votre propre compte" in page.text

    def test_the_list_costs_the_same_for_many(
        self, sign_in: Callable[[User], Browser], session: Session
    ) -> None:
        for number in range(30):
            make_user(
                session, Role.REFERENT, organisation_id=make_organisation(session).id, nom=f"Z{number:02d}"
            )
        page = sign_in(make_user(session, Role.ADMINISTRATION)).get("/comptes")
        assert "31 comptes" in page.text
        assert page.click("Suivante : page 2").path == "/comptes"


def test_a_referent_without_organisation_cannot_be(session: Session) -> None:
    with pytest.raises(RuleBroken, match="organisme"):
        rules.create_user(session, courriel="x@exemple.example.org", prenom="X", nom="Y", role=Role.REFERENT)


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: Flask, browser: Browser, person: User) -> None:
    page = (
        browser.get("/connexion")
        .form("/connexion")
        .submit(courriel=person.courriel, mot_de_passe=PASSWORD, follow=False, status=303)
    )
    cookie = page.response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert session_user_is_not_readable(cookie, person)


def session_user_is_not_readable(cookie: str, person: User) -> bool:
    """The cookie names nobody: neither address nor name."""
    return person.courriel not in cookie and person.nom not in cookie
