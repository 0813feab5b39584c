"""Members, invitations and requests, as pages: who sees them, what they send, what a link answers."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.structures import invitations, members
from portal.structures.models import Invitation, Membership, MembershipLevel
from tests.factories.accounts import make_user
from tests.factories.structures import make_chief, make_partner, make_structure
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
GUEST = "alix@association.example.org"
PASSWORD = "quatre mots faciles ici"
NEWCOMER = {
    "prenom": "Alix",
    "nom": "Fictif",
    "mot_de_passe": PASSWORD,
    "mot_de_passe_encore": PASSWORD,
}


def sent_link(session: Session, recipient: str = GUEST) -> str:
    """The path of the link of the latest invitation sent to this address."""
    mails = session.exec(
        select(OutgoingMail)
        .where(col(OutgoingMail.recipient) == recipient)
        .order_by(col(OutgoingMail.created_at))
    ).all()
    found = re.search(r"http://localhost(/invitations/\S+)", mails[-1].body)
    assert found is not None
    return found[1]


def invite(
    session: Session, browser: Browser, structure_id: object, courriel: str = GUEST, **values: str
) -> Page:
    form = browser.get(f"/structures/{structure_id}/membres").form("invite-form")
    return form.submit("Envoyer l’invitation", courriel=courriel, **values)


def belongs(session: Session, courriel: str, structure_id: object) -> MembershipLevel | None:
    return session.exec(
        select(Membership.level)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(col(User.courriel) == courriel, col(Membership.structure_id) == structure_id)
    ).one_or_none()


def test_members_are_for_those_who_manage_them(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    member, _ = make_partner(session, structure)
    stranger, _ = make_chief(session)
    url = f"/structures/{structure.id}/membres"
    for user in (member, stranger):
        sign_in(user).get(url, status=404)
        sign_in(user).post(f"/structures/{structure.id}/invitations", {"courriel": GUEST}, status=404)
    for user in (chief, make_user(session, Role.ANIMATION), make_user(session, Role.ADMINISTRATION)):
        page = sign_in(user).get(url)
        assert member.courriel in page.text


def test_a_newcomer_joins_in_one_step(session: Session, sign_in: SignIn, browser: Browser) -> None:
    chief, structure = make_chief(session)
    page = invite(
        session, sign_in(chief), structure.id, "Alix@association.example.org", level="administrateur"
    )
    assert f"L’invitation part à l’adresse {GUEST}" in page.text
    assert "1 invitation en attente" in page.text
    link = sent_link(session)
    assert GUEST not in link
    page = browser.get(link)
    assert page.h1 == f"Rejoindre {structure.nom}"
    assert chief.full_name in page.text
    # Opening is not accepting: mail readers do it too.
    assert belongs(session, GUEST, structure.id) is None
    refused = page.form("newcomer-form").submit(
        status=422, prenom="Alix", nom="", mot_de_passe="court", mot_de_passe_encore="autre"
    )
    assert set(refused.errors) == {"nom", "mot_de_passe_encore"}, "everything that is wrong, at once"
    refused = refused.form("newcomer-form").submit(
        status=422, nom="Fictif", mot_de_passe="court", mot_de_passe_encore="court"
    )
    assert "12 caractères" in refused.errors["mot_de_passe"]
    page = refused.form("newcomer-form").submit(mot_de_passe=PASSWORD, mot_de_passe_encore=PASSWORD)
    assert f"Vous faites maintenant partie de « {structure.nom} »" in page.text
    assert belongs(session, GUEST, structure.id) is MembershipLevel.ADMINISTRATEUR
    assert page.browser.get(f"/structures/{structure.id}/membres").h1 == "Membres"
    # Following the link again leads to the structure.
    page = browser.get(link, status=410)
    assert page.h1 == "Cette invitation a déjà servi"
    assert page.click("Ouvrir la fiche de la structure").h1 == structure.nom


def test_somebody_with_an_account_signs_in_first(session: Session, sign_in: SignIn, app: Flask) -> None:
    chief, structure = make_chief(session)
    guest = make_user(session, Role.PARTENAIRE, courriel=GUEST)
    invite(session, sign_in(chief), structure.id)
    link = sent_link(session)
    visitor = Browser(app, session)
    page = visitor.get(link)
    assert page.click("Me connecter pour accepter").form("/connexion").values["next"] == link
    visitor.post(link, NEWCOMER, status=409)
    assert belongs(session, GUEST, structure.id) is None
    page = sign_in(guest).get(link).form("accept-form").submit("Rejoindre la structure")
    assert "Vous faites maintenant partie" in page.text
    assert belongs(session, GUEST, structure.id) is MembershipLevel.MEMBRE


def test_another_address_never_accepts(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    invite(session, sign_in(chief), structure.id)
    link = sent_link(session)
    other, _ = make_partner(session)
    browser = sign_in(other)
    page = browser.get(link)
    assert other.courriel in page.text
    assert "pour une autre adresse" in page.text
    browser.post(link, {}, status=409)
    assert belongs(session, other.courriel, structure.id) is None
    page.form("other-account").submit("Me déconnecter")
    assert browser.get(link).form("newcomer-form")


@pytest.mark.parametrize(("role", "active"), [(Role.REFERENT, True), (Role.PARTENAIRE, False)])
def test_an_account_that_may_not_join_is_told(
    session: Session, sign_in: SignIn, app: Flask, role: Role, active: bool
) -> None:
    chief, structure = make_chief(session)
    invite(session, sign_in(chief), structure.id)
    link = sent_link(session)
    # Opened after the invitation left.
    guest = make_user(session, role, courriel=GUEST, is_active=active)
    session.commit()
    visitor = Browser(app, session)
    assert ("compte de partenaire" if active else "est fermé") in visitor.get(link).text
    visitor.post(link, NEWCOMER, status=409)
    if active:
        sign_in(guest).post(link, {}, status=409)
    assert belongs(session, GUEST, structure.id) is None


def test_each_end_of_a_link_is_told(
    session: Session, sign_in: SignIn, app: Flask, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    chief, structure = make_chief(session)
    desk, visitor = sign_in(chief), Browser(app, session)
    invite(session, desk, structure.id)
    first = sent_link(session)
    move_clock(2026, 3, 4, 10)
    page = desk.get(f"/structures/{structure.id}/membres").form("/renvoyer").submit()
    assert "l’ancien ne sert plus" in page.text
    second = sent_link(session)
    assert visitor.get(first, status=410).h1 == "Un lien plus récent vous a été envoyé"
    visitor.post(first, NEWCOMER, status=410)
    move_clock(2026, 3, 18, 10)
    page = visitor.get(second, status=410)
    assert page.h1 == "Cette invitation a expiré"
    assert structure.nom in page.text
    page = desk.get(f"/structures/{structure.id}/membres")
    assert "Expirée" in page.text
    page.form("/renvoyer").submit()
    third = sent_link(session)
    visitor.get(third)
    page = desk.get(f"/structures/{structure.id}/membres").form("/annuler").submit()
    assert "annulée" in page.text
    assert "invitation en attente" not in page.text
    assert visitor.get(third, status=410).h1 == "Cette invitation est annulée"
    visitor.post(third, NEWCOMER, status=410)
    assert visitor.get(third[:-3] + "abc", status=410).h1 == "Ce lien n’est pas le bon"
    assert belongs(session, GUEST, structure.id) is None


def test_inviting_twice_sends_once(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    form = sign_in(chief).get(f"/structures/{structure.id}/membres").form("invite-form")
    for _ in range(2):
        form.submit("Envoyer l’invitation", courriel=GUEST)
    assert len(session.exec(select(Invitation)).all()) == 1
    assert len(session.exec(select(OutgoingMail)).all()) == 1
    page = form.page.browser.get(f"/structures/{structure.id}/membres").form("invite-form")
    refused = page.submit("Envoyer l’invitation", status=422, courriel=GUEST)
    assert "Renvoyer" in refused.errors["courriel"]


def test_who_cannot_be_invited_is_said_at_the_field(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    referent = make_user(session, Role.REFERENT)
    form = sign_in(chief).get(f"/structures/{structure.id}/membres").form("invite-form")
    for courriel, sentence in (
        (referent.courriel, "Seul un compte de partenaire"),
        (chief.courriel, "fait déjà partie"),
        ("pas une adresse", "adresse électronique complète"),
        ("", "Écrivez"),
    ):
        page = form.submit("Envoyer l’invitation", status=422, courriel=courriel)
        assert sentence in page.errors["courriel"]
        assert page.form("invite-form").values["courriel"] == courriel


def test_an_invitation_of_another_structure_is_not_there(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    stranger, theirs = make_chief(session)
    made = invitations.invite(session, structure, courriel=GUEST, level=MembershipLevel.MEMBRE, by=chief)
    asked = invitations.ask_to_join(session, structure, by=make_user(session, Role.PARTENAIRE), message=None)
    browser = sign_in(stranger)
    for path in (
        f"invitations/{made.id}/renvoyer",
        f"invitations/{made.id}/annuler",
        f"demandes/{asked.id}/accepter",
        f"demandes/{asked.id}/refuser",
    ):
        browser.post(f"/structures/{theirs.id}/{path}", {}, status=404)
        browser.post(f"/structures/{structure.id}/{path}", {}, status=404)


def test_a_request_is_accepted_from_the_page(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    partner = make_user(session, Role.PARTENAIRE)
    asked = invitations.ask_to_join(session, structure, by=partner, message="Je suis la directrice.")
    desk = sign_in(chief)
    page = desk.get(f"/structures/{structure.id}").click("Membres (1 demande)")
    assert "Je suis la directrice." in page.text
    form = page.form(f"/{asked.id}/accepter")
    page = form.submit(level="administrateur")
    assert f"{partner.full_name} fait maintenant partie" in page.text
    assert belongs(session, partner.courriel, structure.id) is MembershipLevel.ADMINISTRATEUR
    mail = session.exec(select(OutgoingMail)).one()
    assert (mail.recipient, "acceptée" in mail.body) == (partner.courriel, True)
    again = form.submit(status=422)
    assert "déjà répondu" in again.text
    assert len(session.exec(select(OutgoingMail)).all()) == 1


def test_a_request_is_refused_and_its_author_told(session: Session, sign_in: SignIn) -> None:
    _, structure = make_chief(session)
    partner = make_user(session, Role.PARTENAIRE)
    asked = invitations.ask_to_join(session, structure, by=partner, message=None)
    keeper = sign_in(make_user(session, Role.ANIMATION))
    page = keeper.get(f"/structures/{structure.id}/membres").form(f"/{asked.id}/refuser").submit()
    assert "est refusée" in page.text
    assert "n’est pas acceptée" in session.exec(select(OutgoingMail)).one().body
    assert "Refusée" in sign_in(partner).get("/structures").text


def test_levels_are_changed_and_the_last_administrator_kept(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    member, _ = make_partner(session, structure)
    rows = {m.user_id: m.id for m in session.exec(select(Membership))}
    desk, url = sign_in(chief), f"/structures/{structure.id}/membres"
    page = desk.get(url).form(f"/{rows[chief.id]}/niveau").submit(status=422)
    assert "dernier administrateur" in page.text
    desk.get(url).form(f"/{rows[member.id]}/niveau").submit("Rendre administrateur : Camille " + member.nom)
    assert belongs(session, member.courriel, structure.id) is MembershipLevel.ADMINISTRATEUR
    page = desk.get(url).form(f"/{rows[chief.id]}/niveau").submit()
    assert (page.path, "ne gérez plus" in page.text) == ("/structures", True)
    desk.post(f"{url}/{rows[member.id]}/niveau", {"level": "roi"}, status=404)
    sign_in(member).post(f"{url}/{rows[member.id]}/niveau", {"level": "roi"}, status=400)


def test_removing_members(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    member, _ = make_partner(session, structure)
    browser = sign_in(chief)
    url = f"/structures/{structure.id}/membres"
    rows = {m.user_id: m.id for m in session.exec(select(Membership))}
    page = browser.get(url).form(f"/{rows[chief.id]}/retirer").submit(status=422)
    assert "dernier administrateur" in page.text
    page = browser.get(url).form(f"/{rows[member.id]}/retirer").submit()
    assert member.courriel not in page.text
    page = browser.get(url).form(f"/{rows[chief.id]}/retirer").submit(status=422)
    assert "dernier membre" in page.text


def test_an_administrator_who_leaves_goes_back_to_the_list(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    make_chief(session, structure)
    members.join(session, make_structure(session, nom="Une autre"), chief)
    mine = next(
        m
        for m in session.exec(select(Membership))
        if m.user_id == chief.id and m.structure_id == structure.id
    )
    page = sign_in(chief).get(f"/structures/{structure.id}/membres").form(f"/{mine.id}/retirer").submit()
    assert page.path == "/structures"


def test_a_simple_member_leaves_from_the_page(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    member, _ = make_partner(session, structure)
    page = sign_in(member).get(f"/structures/{structure.id}").form("/quitter").submit("Quitter la structure")
    assert "Vous ne faites plus partie" in page.text
    assert belongs(session, member.courriel, structure.id) is None
    alone, _ = make_partner(session, make_structure(session))
    theirs = next(m for m in session.exec(select(Membership)) if m.user_id == alone.id)
    page = (
        sign_in(alone)
        .get(f"/structures/{theirs.structure_id}")
        .form("/quitter")
        .submit("Quitter la structure")
    )
    assert "dernier membre" in page.text
