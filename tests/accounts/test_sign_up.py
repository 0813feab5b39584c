"""A partner opens their own account: one answer whoever has one already, and a way on."""

import re

import pytest
from sqlmodel import Session, select

from portal.accounts import rules
from portal.accounts.models import OutgoingMail, Role, User
from tests.factories.accounts import make_user
from tests.pages import Browser

ADDRESS = "alix@association.example.org"
PASSWORD = "quatre mots faciles ici"
TYPED = {"prenom": "Alix", "nom": "Fictif", "courriel": "Alix@Association.example.org"}


def paths(mail: OutgoingMail) -> list[str]:
    return re.findall(r"http://localhost(/\S+)", mail.body)


def test_from_the_first_page_to_one_s_structure(browser: Browser, session: Session) -> None:
    page = browser.get("/").click("S’inscrire")
    assert "Vous représentez une structure" in page.text
    page = page.form("/inscription").submit("Créer mon compte", **TYPED)
    assert "Un message vient de partir" in page.text
    user = session.exec(select(User)).one()
    assert (user.courriel, user.role, user.password_hash) == (ADDRESS, Role.PARTENAIRE, None)
    mail = session.exec(select(OutgoingMail)).one()
    assert (mail.recipient, mail.subject) == (ADDRESS, "Choisissez votre mot de passe")
    (link,) = paths(mail)
    page = (
        browser.get(link)
        .form("mot-de-passe/" + link.rsplit("/", 1)[1])
        .submit(mot_de_passe=PASSWORD, mot_de_passe_encore=PASSWORD)
    )
    assert page.path == "/structures/rejoindre"
    assert "Votre mot de passe est enregistré" in page.text
    # Signed in: the page has nothing to offer.
    assert browser.get("/inscription").path == "/"


def test_the_answer_does_not_tell_who_has_an_account(browser: Browser, session: Session) -> None:
    known = make_user(session, Role.REFERENT, courriel=ADDRESS)
    link = rules.open_password_link(session, rules.make_password_link(session, known))
    assert link is not None
    rules.set_password(session, link, PASSWORD)
    session.commit()
    texts = []
    for courriel in (ADDRESS, "inconnue@association.example.org"):
        page = browser.get("/inscription").form("/inscription").submit(**TYPED | {"courriel": courriel})
        texts.append(page.text.replace(courriel, "…"))
    assert texts[0] == texts[1]
    mails = {mail.recipient: mail for mail in session.exec(select(OutgoingMail))}
    told = mails[ADDRESS]
    assert told.subject == "Vous avez déjà un compte"
    assert [browser.get(path).h1 for path in paths(told)] == ["Se connecter", "Choisir un mot de passe"]
    session.refresh(known)
    assert (known.role, known.prenom) == (Role.REFERENT, "Camille")
    # The former password still opens: asking changes nothing.
    assert rules.check_sign_in(session, courriel=ADDRESS, password=PASSWORD) is known


def test_asking_twice_before_choosing_a_password_sends_another_link(
    browser: Browser, session: Session
) -> None:
    for _ in range(2):
        browser.get("/inscription").form("/inscription").submit(**TYPED)
    assert len(session.exec(select(User)).all()) == 1
    subjects = [mail.subject for mail in session.exec(select(OutgoingMail))]
    assert subjects == ["Choisissez votre mot de passe"] * 2


def test_a_closed_account_is_sent_nothing(browser: Browser, session: Session) -> None:
    make_user(session, Role.PARTENAIRE, courriel=ADDRESS, is_active=False)
    session.commit()
    page = browser.get("/inscription").form("/inscription").submit(**TYPED)
    assert "Un message vient de partir" in page.text
    assert session.exec(select(OutgoingMail)).all() == []


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"prenom": " "}, "prenom", "Écrivez votre prénom"),
        ({"nom": "x" * 81}, "nom", "Raccourcissez"),
        ({"prenom": "Gagnez ici gain.example"}, "prenom", "en lettres"),
        ({"nom": "https://gain"}, "nom", "en lettres"),
        ({"courriel": "alix"}, "courriel", "adresse électronique complète"),
        ({"courriel": ""}, "courriel", "Écrivez votre adresse"),
    ],
)
def test_a_wrong_answer_is_said_and_the_rest_kept(
    browser: Browser, session: Session, change: dict[str, str], field: str, sentence: str
) -> None:
    page = browser.get("/inscription").form("/inscription").submit(status=422, **TYPED | change)
    assert sentence in page.errors[field]
    kept = {name: value for name, value in TYPED.items() if name != field}
    assert kept.items() <= page.form("/inscription").values.items()
    assert session.exec(select(User)).all() == []


@pytest.mark.parametrize("nom", ["Le Goff-d’Exemple", "O'Exemple", "Nguyễn", "Exemple Jr."])
def test_names_are_taken_as_people_bear_them(browser: Browser, session: Session, nom: str) -> None:
    browser.get("/inscription").form("/inscription").submit(**TYPED | {"nom": nom})
    assert session.exec(select(User)).one().nom == nom


def test_it_is_throttled_by_address_typed(browser: Browser, session: Session) -> None:
    for _ in range(3):
        browser.post("/inscription", TYPED)
    page = browser.post("/inscription", TYPED, status=429)
    assert "Trop d’essais" in page.text
    browser.post("/inscription", TYPED | {"courriel": "autre@association.example.org"})


def test_the_way_is_shown_to_visitors(browser: Browser) -> None:
    page = browser.get("/connexion").click("S’inscrire pour sa structure")
    assert page.path == "/inscription"
    assert "Votre département ouvre votre compte" in page.text
