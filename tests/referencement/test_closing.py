"""A structure that closes: what leaves, what goes on, who is told."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import OutgoingMail, Role, User
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers import queries as offer_queries
from portal.prescriptions import answers
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import State
from portal.referencement import rules
from portal.structures import members
from portal.structures.models import MembershipLevel, Structure, StructureState
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser

SignIn = Callable[[User], Browser]


@pytest.fixture
def animator(session: Session) -> User:
    return make_user(session, Role.ANIMATION)


def address(structure: Structure) -> str:
    return f"/structures/{structure.id}/fermer"


def test_what_closing_means_is_read_before(session: Session, sign_in: SignIn, animator: User) -> None:
    scene = make_scene(session)
    make_offer(session, scene.structure, nom="Encore un brouillon", published=False)
    person = make_beneficiary(session, scene.referent, nom="Inventé")
    make_prescription(session, scene, State.ENVOYEE, person)
    make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.TERMINEE)
    page = sign_in(animator).get(address(scene.structure))
    assert "1 offre ne sera plus visible" in page.text
    assert "Encore un brouillon" not in page.text
    assert "2 prescriptions en cours" in page.text
    assert "Envoyée : 1" in page.text
    assert "Entrée : 1" in page.text
    # How many, never whose.
    assert "Inventé" not in page.text
    assert scene.referent.nom not in page.text


def test_offers_leave_prescriptions_go_on_and_people_are_told(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    scene = make_scene(session)
    waiting = make_prescription(session, scene, State.ENVOYEE)
    make_prescription(session, scene, State.ACCEPTEE)
    session.execute(OutgoingMail.__table__.delete())  # type: ignore[attr-defined]
    page = sign_in(animator).get(address(scene.structure))
    done = page.form("/fermer").submit(note="L’équipe rejoint l’association voisine.")
    assert "est fermée. Les personnes concernées sont prévenues." in done.text
    found = session.get_one(Structure, scene.structure.id)
    assert (found.state, found.closed_on) == (StructureState.FERMEE, clock.today())
    assert session.execute(offer_queries.published()).all() == []
    mails = {mail.recipient: mail for mail in session.exec(select(OutgoingMail))}
    assert set(mails) == {scene.referent.courriel, scene.partner.courriel}
    told = mails[scene.referent.courriel]
    assert told.subject == "Une structure ferme : des prescriptions sont concernées"
    assert "2 de vos prescriptions" in told.body
    assert "/prescriptions" in told.body
    assert "L’équipe rejoint l’association voisine." in mails[scene.partner.courriel].body

    listed = sign_in(scene.referent).get("/prescriptions")
    assert listed.text.count("Structure fermée") == 2
    one = sign_in(scene.partner).get(f"/prescriptions/{waiting.id}")
    assert "Structure fermée" in one.text
    answers.refuse(
        session,
        session.get_one(Prescription, waiting.id),
        by=scene.partner,
        reason=RefusalReason.OFFRE_FERMEE,
        message="La structure ferme.",
    )
    with pytest.raises(RuleBroken, match="n’est plus proposée"):
        make_prescription(session, scene)


def test_who_may_close(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    member = sign_in(scene.partner)
    member.get(address(scene.structure), status=404)
    member.post(address(scene.structure), {}, status=404)
    members.join(session, scene.structure, scene.partner, level=MembershipLevel.ADMINISTRATEUR)
    administrator = sign_in(scene.partner)
    shown = administrator.get(f"/structures/{scene.structure.id}").click("Fermer la structure")
    shown.form("/fermer").submit()
    assert session.get_one(Structure, scene.structure.id).state is StructureState.FERMEE
    stranger, _ = make_user(session, Role.PARTENAIRE), None
    sign_in(stranger).get(address(scene.structure), status=404)


def test_a_structure_closes_once_and_a_long_word_stays(
    session: Session, sign_in: SignIn, animator: User
) -> None:
    scene = make_scene(session)
    browser = sign_in(animator)
    page = browser.get(address(scene.structure))
    long = page.form("/fermer").submit(note="x" * 2_001, status=422)
    assert list(long.errors) == ["note"]
    page.form("/fermer").submit()
    first = len(session.exec(select(OutgoingMail)).all())
    again = page.form("/fermer").submit()
    assert "Cette structure est déjà fermée." in again.text
    assert len(session.exec(select(OutgoingMail)).all()) == first
    with pytest.raises(AlreadyDone):
        rules.close_structure(session, session.get_one(Structure, scene.structure.id), note=None, by=animator)


def test_only_who_keeps_the_catalogue_opens_again(session: Session, sign_in: SignIn, animator: User) -> None:
    scene = make_scene(session)
    members.join(session, scene.structure, scene.partner, level=MembershipLevel.ADMINISTRATEUR)
    rules.close_structure(session, scene.structure, note="Un mot.", by=animator)
    session.flush()
    with pytest.raises(NotAllowed):
        rules.reopen_structure(session, scene.structure, by=scene.partner)
    partner = sign_in(scene.partner)
    page = partner.get(address(scene.structure))
    assert page.buttons() == []
    assert "Un mot." in page.text
    refused = partner.post(f"/structures/{scene.structure.id}/rouvrir", {})
    assert "Seul l’animateur du département peut rouvrir" in refused.text
    opened = sign_in(animator).get(address(scene.structure)).form("/rouvrir").submit()
    assert "de nouveau ouverte" in opened.text
    found = session.get_one(Structure, scene.structure.id)
    assert (found.state, found.closed_on) == (StructureState.BROUILLON, None)
    late = sign_in(animator).post(f"/structures/{scene.structure.id}/rouvrir", {})
    assert "n’est pas fermée" in late.text
