"""Invitations and requests to join, on real rows."""

import uuid
from collections.abc import Callable

import pytest
from sqlmodel import Session, col, select

from portal import clock, links
from portal.accounts import rules as accounts
from portal.accounts.models import OutgoingMail, Role, User
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.structures import invitations, notifications, rules
from portal.structures.invitations import DeadInvitation, End
from portal.structures.models import Invitation, JoinState, Membership, MembershipLevel, Structure
from tests.factories.accounts import make_user
from tests.factories.structures import make_chief, make_partner, make_structure

SECRET = "s" * 40
PASSWORD = "quatre mots faciles ici"
GUEST = "alix@association.example.org"


def invite(
    session: Session, structure: Structure, by: User, courriel: str = GUEST, **values: object
) -> Invitation:
    return invitations.invite(
        session,
        structure,
        courriel=courriel,
        by=by,
        **{"level": MembershipLevel.MEMBRE, **values},  # type: ignore[arg-type]
    )


def ends(session: Session, link: str) -> End:
    with pytest.raises(DeadInvitation) as dead:
        invitations.open_link(session, link, SECRET)
    return dead.value.end


def members(session: Session, structure: Structure) -> dict[str, MembershipLevel]:
    rows = session.exec(
        select(User.courriel, Membership.level)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(col(Membership.structure_id) == structure.id)
    )
    return dict(rows.all())


def test_a_newcomer_opens_an_account_and_joins(session: Session) -> None:
    chief, structure = make_chief(session)
    made = invite(
        session, structure, chief, "Alix@Association.example.org", level=MembershipLevel.ADMINISTRATEUR
    )
    link = invitations.link_of(made, SECRET)
    assert GUEST not in link
    found = invitations.open_link(session, link, SECRET, to_use=True)
    user = invitations.accept_as_newcomer(session, found, prenom="Alix", nom="Fictif", password=PASSWORD)
    assert (user.courriel, user.role) == (GUEST, Role.PARTENAIRE)
    assert members(session, structure)[GUEST] is MembershipLevel.ADMINISTRATEUR
    assert accounts.check_sign_in(session, courriel=GUEST, password=PASSWORD) is user
    assert ends(session, link) is End.USED


def test_a_weak_password_opens_nothing(session: Session) -> None:
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    session.commit()
    with pytest.raises(RuleBroken) as broken:
        invitations.accept_as_newcomer(session, made, prenom="Alix", nom="Fictif", password="court")
    assert broken.value.field == "mot_de_passe"
    session.rollback()
    assert accounts.find_user(session, GUEST) is None
    assert invitations.open_link(session, invitations.link_of(made, SECRET), SECRET).accepted_at is None


def test_an_invitation_is_for_one_address(session: Session) -> None:
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    with pytest.raises(NotAllowed):
        invitations.accept(session, made, make_user(session, Role.PARTENAIRE))
    assert GUEST not in members(session, structure)
    with pytest.raises(RuleBroken, match="compte de partenaire"):
        invitations.accept(session, made, make_user(session, Role.REFERENT, courriel=GUEST))


def test_a_link_ends_after_fourteen_days(session: Session, move_clock: Callable[..., object]) -> None:
    move_clock(2026, 3, 3, 10)
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    link = invitations.link_of(made, SECRET)
    move_clock(2026, 3, 17, 9)
    assert invitations.open_link(session, link, SECRET) is made
    move_clock(2026, 3, 17, 10)
    assert ends(session, link) is End.EXPIRED
    # Inviting again takes up the one that expired.
    again = invite(session, structure, chief)
    assert again.id == made.id
    assert ends(session, link) is End.REPLACED
    assert invitations.open_link(session, invitations.link_of(again, SECRET), SECRET) is made


def test_sending_again_ends_the_former_link(session: Session, move_clock: Callable[..., object]) -> None:
    move_clock(2026, 3, 3, 10)
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    former = invitations.link_of(made, SECRET)
    move_clock(2026, 3, 10, 10)
    invitations.resend(session, made)
    assert ends(session, former) is End.REPLACED
    assert made.expires_at - clock.now() == invitations.LIFE


def test_a_cancelled_invitation_opens_nothing_and_may_be_made_anew(session: Session) -> None:
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    link = invitations.link_of(made, SECRET)
    invitations.cancel(session, made)
    invitations.cancel(session, made)
    assert ends(session, link) is End.CANCELLED
    with pytest.raises(AlreadyDone):
        invitations.resend(session, made)
    assert invite(session, structure, chief).id != made.id


def test_a_used_invitation_is_neither_sent_again_nor_cancelled(session: Session) -> None:
    chief, structure = make_chief(session)
    made = invite(session, structure, chief)
    invitations.accept_as_newcomer(session, made, prenom="Alix", nom="Fictif", password=PASSWORD)
    for act in (invitations.resend, invitations.cancel):
        with pytest.raises(AlreadyDone, match="déjà accepté"):
            act(session, made)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link[:-2],
        lambda link: "x" + link,
        lambda link: "",
        lambda link: links.sign(SECRET, "invitation", ["pas un id", "x"]),
        lambda link: links.sign(SECRET, "invitation", ["un seul"]),
        lambda link: links.sign(SECRET, "invitation", [str(uuid.uuid4()), "x"]),
        lambda link: links.sign(SECRET, "autre chose", [str(uuid.uuid4()), "x"]),
        lambda link: links.sign("z" * 40, "invitation", [str(uuid.uuid4()), "x"]),
    ],
)
def test_a_link_that_is_not_ours_opens_nothing(session: Session, spoil: Callable[[str], str]) -> None:
    chief, structure = make_chief(session)
    assert ends(session, spoil(invitations.link_of(invite(session, structure, chief), SECRET))) is End.UNKNOWN


def test_who_cannot_be_invited(session: Session) -> None:
    chief, structure = make_chief(session)
    member, _ = make_partner(session, structure)
    invite(session, structure, chief)
    for courriel, sentence in (
        (GUEST, "déjà invitée"),
        (member.courriel.upper(), "déjà partie"),
        (make_user(session, Role.REFERENT).courriel, "compte de partenaire"),
        (make_user(session, Role.PARTENAIRE, is_active=False).courriel, "fermé"),
    ):
        with pytest.raises(RuleBroken, match=sentence) as broken:
            invite(session, structure, chief, courriel)
        assert broken.value.field == "courriel"


def test_the_same_form_invites_once(session: Session) -> None:
    chief, structure = make_chief(session)
    key = uuid.uuid4()
    assert invite(session, structure, chief, id=key).id == key
    with pytest.raises(AlreadyDone):
        invite(session, structure, chief, id=key)


def test_asking_and_being_let_in(session: Session) -> None:
    chief, structure = make_chief(session)
    partner = make_user(session, Role.PARTENAIRE)
    asked = invitations.ask_to_join(session, structure, by=partner, message=" Bonjour ")
    assert asked.message == "Bonjour"
    with pytest.raises(AlreadyDone, match="déjà envoyée"):
        invitations.ask_to_join(session, structure, by=partner, message=None)
    invitations.accept_request(session, asked, level=MembershipLevel.ADMINISTRATEUR, by=chief)
    assert members(session, structure)[partner.courriel] is MembershipLevel.ADMINISTRATEUR
    assert (asked.state, asked.decided_by_id) == (JoinState.ACCEPTEE, chief.id)
    with pytest.raises(AlreadyDone, match="déjà répondu"):
        invitations.refuse_request(session, asked, by=chief)
    with pytest.raises(AlreadyDone, match="déjà partie"):
        invitations.ask_to_join(session, structure, by=partner, message=None)


def test_a_refused_person_may_ask_again(session: Session) -> None:
    chief, structure = make_chief(session)
    partner = make_user(session, Role.PARTENAIRE)
    asked = invitations.ask_to_join(session, structure, by=partner, message=None)
    invitations.refuse_request(session, asked, by=chief)
    assert partner.courriel not in members(session, structure)
    assert invitations.ask_to_join(session, structure, by=partner, message=None).id != asked.id


def test_only_partners_ask_and_closed_accounts_stay_out(session: Session) -> None:
    chief, structure = make_chief(session)
    with pytest.raises(NotAllowed):
        invitations.ask_to_join(session, structure, by=make_user(session, Role.REFERENT), message=None)
    partner = make_user(session, Role.PARTENAIRE)
    asked = invitations.ask_to_join(session, structure, by=partner, message=None)
    partner.is_active = False
    with pytest.raises(RuleBroken, match="fermé"):
        invitations.accept_request(session, asked, level=MembershipLevel.MEMBRE, by=chief)


def test_one_door_closes_the_other(session: Session) -> None:
    chief, structure = make_chief(session)
    first, second = make_user(session, Role.PARTENAIRE), make_user(session, Role.PARTENAIRE)
    for person, by_link in ((first, True), (second, False)):
        asked = invitations.ask_to_join(session, structure, by=person, message=None)
        made = invite(session, structure, chief, person.courriel)
        if by_link:
            invitations.accept(session, made, person)
        else:
            invitations.accept_request(session, asked, level=MembershipLevel.MEMBRE, by=chief)
        session.flush()
        assert (asked.state, made.accepted_at is not None) == (JoinState.ACCEPTEE, True)


# --- Who is written to ---


def mails(session: Session) -> list[tuple[str, str]]:
    session.flush()
    found = session.exec(select(OutgoingMail)).all()
    return sorted((mail.recipient, mail.subject) for mail in found)


def test_a_request_is_told_to_administrators_else_to_animators(session: Session) -> None:
    partner, animator = make_user(session, Role.PARTENAIRE), make_user(session, Role.ANIMATION)
    make_user(session, Role.ANIMATION, is_active=False)
    chief, structure = make_chief(session)
    make_partner(session, structure)
    left, orphan = make_chief(session)
    left.is_active = False
    for place, reader in ((structure, chief), (orphan, animator)):
        asked = invitations.ask_to_join(session, place, by=partner, message="Je suis la directrice.")
        notifications.tell_asked(session, asked, place, partner, public_url="http://localhost")
        assert [recipient for recipient, _ in mails(session)] == [reader.courriel]
        mail = session.exec(select(OutgoingMail)).one()
        assert "Je suis la directrice." in mail.body
        assert f"http://localhost/structures/{place.id}/membres" in mail.body
        assert partner.nom not in mail.subject
        session.delete(mail)


def test_a_review_is_told_to_administrators_else_to_members(session: Session) -> None:
    animator = make_user(session, Role.ANIMATION)
    structure = make_structure(session, published=False)
    member, _ = make_partner(session, structure)
    rules.publish_structure(session, structure, by=member)
    rules.send_back_structure(session, structure, note="Ajoutez un téléphone.", by=animator)
    notifications.tell_reviewed(session, structure, public_url="http://localhost")
    assert mails(session) == [(member.courriel, "La fiche de votre structure est à compléter")]
    assert "Ajoutez un téléphone." in session.exec(select(OutgoingMail)).one().body
    chief, _ = make_chief(session, structure)
    rules.publish_structure(session, structure, by=chief)
    rules.validate_structure(session, structure, by=animator)
    notifications.tell_reviewed(session, structure, public_url="http://localhost")
    assert (chief.courriel, "La fiche de votre structure est validée") in mails(session)
    assert len(mails(session)) == 2
