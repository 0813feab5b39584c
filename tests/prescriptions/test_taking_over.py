"""A référent left: a colleague follows what they followed, and nobody is forgotten between two people."""

from collections.abc import Callable

import pytest
from sqlmodel import Session

from portal.accounts.models import User
from portal.errors import AlreadyDone, NotAllowed
from portal.prescriptions import answers, rules
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser
from tests.prescriptions.hands import Knocker, address

SignIn = Callable[[User], Browser]


def test_a_colleague_follows_it_once_the_account_is_closed(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    colleague = make_user(session, organisation_id=scene.referent.organisation_id)
    made = make_prescription(session, scene)
    browser = sign_in(colleague)
    assert browser.get(address(made)).soup.select(".sticky-action") == []
    scene.referent.is_active = False
    session.commit()
    page = browser.get(address(made))
    assert "plus personne ne suit cette prescription" in page.text
    done = page.form("prendre-la-suite").submit()
    assert "Vous suivez maintenant cette prescription." in done.text
    assert f"Le compte de {scene.referent.full_name} est fermé" in done.text
    session.refresh(made)
    assert made.referent_id == colleague.id
    # From now on it is theirs: they may act.
    assert browser.get(address(made, "relancer")).h1 == "Relancer la structure"
    # The structure reads why in the history.
    assert "suit maintenant cette prescription" in sign_in(scene.partner).get(address(made)).text


def test_an_open_account_keeps_its_own(session: Session) -> None:
    scene = make_scene(session)
    colleague = make_user(session, organisation_id=scene.referent.organisation_id)
    made = make_prescription(session, scene)
    with pytest.raises(AlreadyDone, match=f"{scene.referent.full_name} suit cette prescription"):
        rules.take_over(session, made, by=colleague)
    with pytest.raises(AlreadyDone, match="Vous suivez déjà"):
        rules.take_over(session, made, by=scene.referent)
    assert made.referent_id == scene.referent.id


def test_the_second_colleague_is_told_who_did(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    first, second = (make_user(session, organisation_id=scene.referent.organisation_id) for _ in range(2))
    made = make_prescription(session, scene)
    scene.referent.is_active = False
    session.commit()
    browser = sign_in(second)
    page = browser.get(address(made))
    rules.take_over(session, made, by=first)
    session.commit()
    told = page.form("prendre-la-suite").submit()
    assert f"{first.full_name} suit cette prescription : rien n’a été changé." in told.text
    session.refresh(made)
    assert made.referent_id == first.id


@pytest.mark.parametrize("elsewhere", [False, True])
def test_nobody_of_another_organisation_may(session: Session, sign_in: SignIn, elsewhere: bool) -> None:
    scene = make_scene(session)
    stranger = make_user(session) if elsewhere else scene.partner
    made = make_prescription(session, scene)
    scene.referent.is_active = False
    session.commit()
    with pytest.raises(NotAllowed):
        rules.take_over(session, made, by=stranger)
    assert Knocker(sign_in(stranger)).post(address(made, "prendre-la-suite")) == (404 if elsewhere else 403)
    session.refresh(made)
    assert made.referent_id == scene.referent.id


def test_what_ended_and_what_never_left_stay(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    colleague = make_user(session, organisation_id=scene.referent.organisation_id)
    ended = make_prescription(session, scene)
    answers.refuse(session, ended, by=scene.partner, reason=RefusalReason.AUTRE, message="Complet.")
    draft = make_prescription(session, scene, State.BROUILLON)
    scene.referent.is_active = False
    session.commit()
    for made in (ended, draft):
        with pytest.raises(AlreadyDone):
            rules.take_over(session, made, by=colleague)
    browser = sign_in(colleague)
    browser.get(address(draft), status=404)
    assert browser.get(address(ended)).soup.select(".sticky-action") == []
