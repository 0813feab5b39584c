"""Writing to the partners concerned: who, what they read, what was sent."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock, geography
from portal.accounts.models import OutgoingMail, Role, User
from portal.accounts.rules import queue_mail
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.referencement import messages
from portal.referencement.messages import MailState, Target
from portal.referencement.models import Audience, Campaign, CampaignMessage
from portal.structures import members
from portal.structures import rules as structure_rules
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import RENNES, make_partner, make_structure
from tests.pages import Browser

SignIn = Callable[[User], Browser]
PLACED = (48.10, -1.70)


@pytest.fixture
def animator(session: Session) -> User:
    return make_user(session, Role.ANIMATION)


def names(session: Session, audience: Audience) -> set[str]:
    return {target.structure.nom for target in messages.targets(session, audience)}


def aged(session: Session, structure: Structure, nom: str, days: int) -> Offer:
    offer = make_offer(session, structure, nom=nom)
    offer.date_maj = clock.today() - timedelta(days=days)
    session.flush()
    return offer


def refused(session: Session, address: str, days: int = 0, *, sent: bool = False) -> None:
    mail = queue_mail(session, recipient=address, subject="Bonjour", body="Bonjour")
    mail.created_at = clock.now() - timedelta(days=days)
    if sent:
        mail.sent_at = clock.now()
    else:
        mail.last_error = "550"
    session.flush()


# --- Who ---


def test_those_whose_offers_are_to_confirm(session: Session, animator: User) -> None:
    late = make_structure(session, nom="En retard")
    aged(session, late, "Zèbre", 400)
    offer_rules.suspend_offer(session, aged(session, late, "Atelier suspendu", 60))
    aged(session, late, "Fraîche", 10)
    aged(session, make_structure(session, nom="À jour"), "Bien tenue", 20)
    often = aged(session, make_structure(session, nom="Tous les mois"), "À rythme court", 40)
    often.confirmation_mois = 1
    closed = make_structure(session, nom="Fermée")
    aged(session, closed, "Oubliée", 400)
    structure_rules.close_structure(session, closed, note=None, by=animator)
    session.flush()
    found = {target.structure.nom: target.offers for target in messages.targets(session, Audience.PERIMEES)}
    assert found == {"En retard": ["Atelier suspendu", "Zèbre"], "Tous les mois": ["À rythme court"]}


def test_those_without_a_published_offer(session: Session) -> None:
    empty = make_structure(session, nom="Sans rien")
    draft = make_structure(session, nom="Un brouillon")
    make_offer(session, draft, nom="Pas finie", published=False)
    make_structure(session, nom="Pas publiée", published=False)
    make_offer(session, make_structure(session, nom="Complète"))
    found = {target.structure.id: target.offers for target in messages.targets(session, Audience.SANS_OFFRE)}
    assert found == {empty.id: [], draft.id: ["Pas finie"]}


def test_those_whose_address_is_missing_or_not_on_the_map(session: Session) -> None:
    make_structure(session, nom="Bien placée", position=PLACED)
    make_structure(session, nom="Au centre de la commune")
    make_structure(session, nom="Sans adresse", adresse=None)
    mixed = make_structure(session, nom="Offre mal placée", position=PLACED)
    make_offer(session, mixed, nom="Sur place, nulle part")
    make_offer(session, mixed, nom="À distance", modes_accueil=["a-distance"])
    make_offer(session, mixed, nom="Sur place, bien placée", position=PLACED)
    found = {target.structure.nom: target.offers for target in messages.targets(session, Audience.ADRESSE)}
    assert found == {
        "Au centre de la commune": [],
        "Sans adresse": [],
        "Offre mal placée": ["Sur place, nulle part"],
    }
    centre = geography.commune(RENNES)
    assert centre is not None
    assert messages.is_placed(Structure(nom="Abc", date_maj=clock.today())) is False


def test_those_whose_mail_was_refused_are_written_to_elsewhere(session: Session) -> None:
    partner, structure = make_partner(session, make_structure(session, nom="Un membre injoignable"))
    other = make_user(session, Role.PARTENAIRE)
    members.join(session, structure, other)
    own = make_structure(session, nom="Boîte pleine", courriel="Pleine@Exemple.example.org")
    back = make_structure(session, nom="Revenue", courriel="revenue@exemple.example.org")
    refused(session, partner.courriel)
    refused(session, "pleine@exemple.example.org")
    refused(session, "revenue@exemple.example.org", days=3)
    refused(session, "revenue@exemple.example.org", sent=True)
    found = {
        target.structure.id: target.recipients for target in messages.targets(session, Audience.COURRIEL)
    }
    assert found == {structure.id: [other.courriel], own.id: []}
    assert back.id not in found


def test_members_are_written_to_else_the_structure_s_own_address(session: Session) -> None:
    partner, held = make_partner(session, make_structure(session, nom="Avec un membre"))
    gone, left = make_partner(session, make_structure(session, nom="Compte fermé"))
    gone.is_active = False
    nobody = make_structure(session, nom="Personne", courriel=None)
    session.flush()
    found = {
        target.structure.id: target.recipients for target in messages.targets(session, Audience.SANS_OFFRE)
    }
    assert found == {
        held.id: [partner.courriel],
        left.id: ["accueil@association.example.org"],
        nobody.id: [],
    }
    assert messages.counts(session)[Audience.SANS_OFFRE] == 3


# --- What ---


@pytest.mark.parametrize("audience", list(Audience))
def test_each_text_proposed_can_be_sent_as_it_is(audience: Audience) -> None:
    objet, texte = messages.ready(audience, "https://portail.example.org")
    messages.check(objet, texte)
    assert "https://portail.example.org/" in texte
    assert "PORTAIL" not in texte


@pytest.mark.parametrize(
    ("objet", "texte", "field"),
    [
        ("", "Bonjour", "objet"),
        ("Pour {structure}", "Bonjour", "objet"),
        ("Pour alix@exemple.example.org", "Bonjour", "objet"),
        ("Deux\nlignes", "Bonjour", "objet"),
        ("x" * 201, "Bonjour", "objet"),
        ("Bonjour", "  ", "texte"),
        ("Bonjour", "Bonjour {prenom}", "texte"),
        ("Bonjour", "Bonjour {Structure}", "texte"),
        ("Bonjour", "Bonjour {structure", "texte"),
        ("Bonjour", "Bonjour structure}", "texte"),
        ("Bonjour", "x" * 10_001, "texte"),
    ],
)
def test_what_cannot_be_sent_says_why(objet: str, texte: str, field: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        messages.check(objet, texte)
    assert broken.value.field == field


def test_a_letter_names_the_structure_and_its_offers(session: Session) -> None:
    structure = make_structure(session, nom="L’atelier {offres}")
    target = Target(structure, ["Un", "Deux"], ["a@exemple.example.org", "b@exemple.example.org"])
    found = messages.letters(" Bonjour ", "Pour {structure} :\n\n{offres}\n", [target, Target(structure)])
    assert [letter.recipient for letter in found] == target.recipients
    # What a partner wrote is never read as ours.
    assert found[0].body == "Pour L’atelier {offres} :\n\n- Un\n- Deux\n"
    assert found[0].subject == "Bonjour"
    [empty] = messages.letters("Bonjour", "{offres}", [Target(structure, [], ["a@exemple.example.org"])])
    assert empty.body == "- (aucune)\n"


# --- Sending ---


def test_a_message_is_written_read_then_sent_once(session: Session, sign_in: SignIn, animator: User) -> None:
    partner, structure = make_partner(session, make_structure(session, nom="Sans rien"))
    other = make_structure(session, nom="Autre sans rien")
    mute = make_structure(session, nom="Muette", courriel=None)
    browser = sign_in(animator)
    page = browser.get("/referencement/messages").click("Structures sans offre publiée")
    assert "3 structures sont concernées" in page.text
    assert "Aucune adresse électronique à qui écrire : appelez le 02 99 00 00 00." in page.text
    form = page.form("/referencement/messages/sans_offre")
    assert set(form.values["structure"]) == {str(structure.id), str(other.id)}
    assert str(mute.id) not in form.values["structure"]

    wrong = form.submit(texte="Bonjour {prenom}", status=422)
    assert "« {prenom} » n’est pas connu" in wrong.errors["texte"]
    assert wrong.form("/referencement/messages/sans_offre").values["texte"].strip() == "Bonjour {prenom}"

    preview = form.submit(
        objet="Votre offre", texte="Bonjour {structure},\n\nÀ bientôt", structure=str(structure.id)
    )
    assert f"À {partner.courriel}" in preview.text
    assert "Bonjour Sans rien, À bientôt" in preview.text
    assert session.exec(select(OutgoingMail)).all() == []
    back = preview.form("envoi").submit("Corriger")
    again = back.form("/referencement/messages/sans_offre")
    assert (again.values["objet"], again.values["structure"]) == ("Votre offre", str(structure.id))
    preview = again.submit(texte="Bonjour {structure},\n\nÀ très bientôt")
    sent = preview.form("envoi").submit("Envoyer 1 message")
    assert "1 message part" in sent.text
    assert "En attente de départ" in sent.text
    twice = preview.form("envoi").submit("Envoyer 1 message")
    assert twice.path == sent.path

    [mail] = session.exec(select(OutgoingMail)).all()
    assert (mail.recipient, mail.subject) == (partner.courriel, "Votre offre")
    assert mail.body == "Bonjour Sans rien,\n\nÀ très bientôt\n"
    campaign = session.exec(select(Campaign)).one()
    assert (campaign.audience, campaign.sent_by_id) == (Audience.SANS_OFFRE, animator.id)
    kept = session.exec(select(CampaignMessage)).one()
    assert (kept.structure_id, kept.recipient, kept.mail_id) == (structure.id, partner.courriel, mail.id)
    listed = browser.get("/referencement/messages")
    assert "Votre offre" in listed.text
    assert animator.full_name in listed.text


def test_nobody_ticked_is_told_and_what_was_typed_stays(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    make_structure(session, nom="Sans rien")
    page = sign_in(animator).get("/referencement/messages/sans_offre")
    refused_ = page.form("/referencement/messages/sans_offre").submit(
        objet="Le mien", structure=None, status=422
    )
    assert "cochez au moins une structure" in refused_.text
    assert refused_.form("/referencement/messages/sans_offre").values["objet"] == "Le mien"


def test_an_audience_without_anybody_says_so(sign_in: SignIn, animator: User) -> None:
    browser = sign_in(animator)
    for audience in Audience:
        assert "Personne n’est concerné" in browser.get(f"/referencement/messages/{audience}").text
    browser.get("/referencement/messages/inconnue", status=404)
    browser.get(f"/referencement/messages/envois/{uuid.uuid4()}", status=404)


def test_a_structure_that_left_the_list_is_not_written_to(session: Session, animator: User) -> None:
    stays, leaves = make_structure(session, nom="Reste"), make_structure(session, nom="S’en va")
    make_offer(session, leaves)
    campaign = messages.send(
        session,
        audience=Audience.SANS_OFFRE,
        objet="Bonjour",
        texte="Bonjour",
        structure_ids=[stays.id, leaves.id],
        by=animator,
        id=uuid.uuid4(),
    )
    rows = session.execute(messages.messages_of(campaign.id)).all()
    assert [structure.id for _, structure, _ in rows] == [stays.id]


def test_the_same_key_sends_once_and_nobody_is_refused(session: Session, animator: User) -> None:
    structure, key = make_structure(session), uuid.uuid4()
    given = {"audience": Audience.SANS_OFFRE, "objet": "Bonjour", "texte": "Bonjour", "by": animator}
    messages.send(session, structure_ids=[structure.id], id=key, **given)  # type: ignore[arg-type]
    with pytest.raises(AlreadyDone):
        messages.send(session, structure_ids=[structure.id], id=key, **given)  # type: ignore[arg-type]
    with pytest.raises(RuleBroken, match="cochez au moins une"):
        messages.send(session, structure_ids=[uuid.uuid4()], id=uuid.uuid4(), **given)  # type: ignore[arg-type]
    assert len(session.exec(select(OutgoingMail)).all()) == 1


def test_where_each_message_stands(session: Session, sign_in: SignIn, animator: User) -> None:
    for name in ("Un", "Deux", "Trois"):
        make_structure(session, nom=f"Structure {name}", courriel=f"{name.lower()}@exemple.example.org")
    campaign = messages.send(
        session,
        audience=Audience.SANS_OFFRE,
        objet="Bonjour",
        texte="Bonjour",
        structure_ids=[target.structure.id for target in messages.targets(session, Audience.SANS_OFFRE)],
        by=animator,
        id=uuid.uuid4(),
    )
    by_address = {
        mail.recipient.split("@")[0]: mail
        for mail in session.exec(select(OutgoingMail).order_by(col(OutgoingMail.recipient)))
    }
    by_address["un"].sent_at = clock.now()
    by_address["deux"].last_error = "550"
    session.flush()
    found = {address: messages.state_of(mail) for address, mail in by_address.items()}
    assert found == {"un": MailState.PARTI, "deux": MailState.REFUSE, "trois": MailState.EN_ATTENTE}
    assert messages.state_of(None) is MailState.EN_ATTENTE
    page = sign_in(animator).get(f"/referencement/messages/envois/{campaign.id}")
    rows = [" ".join(row.text.split()) for row in page.soup.select("tbody tr")]
    assert rows == [
        "Structure Deux Refusé par le serveur de courrier deux@exemple.example.org",
        "Structure Trois En attente de départ trois@exemple.example.org",
        "Structure Un Envoyé un@exemple.example.org",
    ]
    assert names(session, Audience.COURRIEL) == {"Structure Deux"}
