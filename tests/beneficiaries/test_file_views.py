"""The page of one person's file: what it tells, who opened it, how it is changed."""

from collections.abc import Callable

import pytest
from sqlmodel import Session

from portal.accounts.models import User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.parcours import FREINS
from tests.beneficiaries.files import accesses
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
pytestmark = pytest.mark.usefixtures("read_prescriptions")


def test_a_file_tells_everything_and_leads_to_offers(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent, freins=["mobilite"], courriel="d@exemple.example.org")
    page = sign_in(referent).get(f"/beneficiaires/{person.id}")
    for words in (
        "12 avril 1985",
        "06 00 00 00 00",
        "d@exemple.example.org",
        person.numero_allocataire or "",
        "Mobilité",
    ):
        assert words in page.text
    # The search knows where the person lives; its address does not say it.
    ask = f"/offres?beneficiaire={person.id}"
    action = page.soup.select_one(".sticky-action a.btn-primary")
    assert action is not None
    assert (action.get_text(strip=True), action["href"]) == ("Prescrire une offre", ask)
    hrefs = [str(a["href"]) for a in page.soup.select("main a")]
    themes = next(frein.thematiques for frein in FREINS if frein.slug == "mobilite")
    suggested = next(href for href in hrefs if "thematique=" in href)
    assert suggested.startswith(ask)
    assert [part for part in suggested.split("&") if part.startswith("thematique=")] == [
        f"thematique={theme}" for theme in sorted(themes)
    ]


def test_a_bare_file_invites_to_complete_it(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(
        session,
        referent,
        freins=None,
        code_insee=None,
        telephone=None,
        dominante=None,
        numero_allocataire=None,
    )
    page = sign_in(referent).get(f"/beneficiaires/{person.id}")
    assert "Pas encore décidée" in page.text
    assert "Pas encore notée" in page.text
    assert "Pas encore de prescription" in page.text
    assert page.click("Notez les freins repérés").path.endswith("/modifier")


def test_prescriptions_are_told_with_their_state(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    page = sign_in(scene.referent).get(f"/beneficiaires/{prescription.beneficiary_id}")
    assert scene.offer.nom in page.text
    assert scene.structure.nom in page.text
    assert "Envoyée" in page.text
    assert page.soup.select_one(f'a[href="/prescriptions/{prescription.id}"]')


def test_each_opening_is_written_down_and_shown(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    browser = sign_in(referent)
    page = browser.get(f"/beneficiaires/{person.id}")
    assert accesses(session, person) == [
        (AccessKind.CREATION, referent.id),
        (AccessKind.LECTURE, referent.id),
    ]
    lines = [li.get_text(" ", strip=True) for li in page.soup.select(".timeline li")]
    assert len(lines) == 2
    assert lines[0].startswith("Dossier consulté")
    assert lines[0].endswith("par vous")
    assert lines[1].startswith("Dossier créé")
    browser.get(f"/beneficiaires/{person.id}/modifier")
    assert [kind for kind, _ in accesses(session, person)][-1] is AccessKind.LECTURE
    assert len(accesses(session, person)) == 3


def test_others_who_read_the_file_are_named(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    session.add(
        AccessEntry(
            user_id=scene.partner.id,
            beneficiary_id=prescription.beneficiary_id,
            kind=AccessKind.PRESCRIPTION,
            prescription_id=prescription.id,
        )
    )
    page = sign_in(scene.referent).get(f"/beneficiaires/{prescription.beneficiary_id}")
    assert f"par {scene.partner.full_name}" in page.text


def test_a_file_is_changed(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    form = sign_in(referent).get(f"/beneficiaires/{person.id}/modifier").form("beneficiary-form")
    assert form.values["nom"] == person.nom
    assert form.values["date_naissance"] == "1985-04-12"
    assert form.values["commune"] == "Rennes (35000)"
    assert form.values["telephone"] == "06 00 00 00 00"
    assert form.values["freins"] == "mobilite"
    page = form.submit("Enregistrer", nom="Changé", commune="", freins=[], dominante="")
    assert page.h1 == "Dominique Changé"
    changed = session.get_one(Beneficiary, person.id)
    assert (changed.commune, changed.freins, changed.dominante) == (None, None, None)
    assert AccessKind.MODIFICATION in {kind for kind, _ in accesses(session, person)}


def test_a_refused_change_leaves_the_file_as_it_was(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    make_beneficiary(session, referent, numero_allocataire="PRIS")
    form = sign_in(referent).get(f"/beneficiaires/{person.id}/modifier").form("beneficiary-form")
    page = form.submit("Enregistrer", nom="Changé", numero_allocataire="PRIS", status=422)
    assert page.h1 == f"Modifier le dossier de {person.full_name}"
    assert list(page.errors) == ["numero_allocataire"]
    assert page.form("beneficiary-form").values["nom"] == "Changé"
    assert session.get_one(Beneficiary, person.id).nom != "Changé"
    assert AccessKind.MODIFICATION not in {kind for kind, _ in accesses(session, person)}


def test_a_file_takes_as_many_statements_whatever_its_history(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    person = make_prescription(session, scene).beneficiary_id
    browser = sign_in(scene.referent)
    with count_statements(session) as first:
        browser.get(f"/beneficiaires/{person}")
    for _ in range(5):
        browser.get(f"/beneficiaires/{person}")
    with count_statements(session) as later:
        browser.get(f"/beneficiaires/{person}")
    assert len(first) == len(later)
