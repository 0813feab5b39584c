"""Pages of people's files: their référent only, and every opening written down."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, func, select

from portal.accounts.models import Role, User
from portal.beneficiaries import dossier
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.parcours import FREINS
from portal.prescriptions import queries as prescription_queries
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]

TYPED: dict[str, Any] = {
    "prenom": "Élodie",
    "nom": "Fictive",
    "date_naissance": "1990-02-01",
    "commune": "Redon",
    "telephone": "06 00 00 00 00",
    "courriel": "elodie@exemple.example.org",
    "numero_allocataire": "DEMO-1",
    "dominante": "emploi",
    "freins": ["mobilite", "sante"],
}


@pytest.fixture(autouse=True)
def _prescriptions(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of prescriptions of the tests' own, so that they do not hang on the room above."""

    def read(session: Session, user: User, beneficiary_id: uuid.UUID) -> list[dossier.Line]:
        found = session.execute(prescription_queries.of_beneficiary(user, beneficiary_id)).scalars()
        return [
            dossier.Line(p.id, p.offre_nom, p.structure.nom, p.state.label, "accent", "send", p.updated_at)
            for p in found
        ]

    monkeypatch.setitem(app.extensions, "beneficiary_prescriptions", read)


def accesses(session: Session, person: Beneficiary) -> list[tuple[AccessKind, uuid.UUID]]:
    statement = select(AccessEntry.kind, AccessEntry.user_id).where(
        col(AccessEntry.beneficiary_id) == person.id
    )
    return [(kind, user_id) for kind, user_id in session.exec(statement.order_by(col(AccessEntry.at)))]


def pages_of(person: Beneficiary) -> list[str]:
    return [
        "/beneficiaires",
        "/beneficiaires/nouveau",
        f"/beneficiaires/{person.id}",
        f"/beneficiaires/{person.id}/modifier",
    ]


# --- Who may knock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REFERENT])
def test_other_roles_never_reach_files(session: Session, sign_in: SignIn, role: Role) -> None:
    person = make_beneficiary(session)
    browser = sign_in(make_user(session, role))
    for url in pages_of(person):
        page = browser.get(url, status=403)
        assert person.nom not in page.text
    for url in ("/beneficiaires/nouveau", f"/beneficiaires/{person.id}/modifier"):
        browser.post(url, TYPED, status=403)
    assert [kind for kind, _ in accesses(session, person)] == [AccessKind.CREATION]


def test_nobody_signed_in_is_sent_to_the_door(session: Session, browser: Browser) -> None:
    person = make_beneficiary(session)
    session.commit()
    for url in pages_of(person):
        response = browser.client.get(url)
        assert response.status_code in {302, 303}
        assert "/connexion" in response.headers["Location"]
    assert [kind for kind, _ in accesses(session, person)] == [AccessKind.CREATION]


def test_a_referent_reaches_the_pages_of_their_people(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    browser = sign_in(referent)
    for url in pages_of(person):
        browser.get(url)


def test_another_referents_person_does_not_exist(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    before = accesses(session, person)
    browser = sign_in(make_user(session))
    for url in pages_of(person)[2:]:
        assert person.nom not in browser.get(url, status=404).text
    browser.post(f"/beneficiaires/{person.id}/modifier", TYPED, status=404)
    assert accesses(session, person) == before
    assert session.get_one(Beneficiary, person.id).prenom == "Dominique"
    browser.get(f"/beneficiaires/{uuid.uuid4()}", status=404)


# --- The portfolio ------------------------------------------------------------------------------------------------


def test_the_list_tells_what_one_looks_for(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    mine = make_beneficiary(session, referent, nom="Visible", freins=["mobilite", "garde-denfants"])
    make_beneficiary(session, nom="Ailleurs")
    page = sign_in(referent).get("/beneficiaires")
    assert "1 personne" in page.text
    assert "Équilibrée" in page.text
    assert "Garde d’enfants et parentalité, Mobilité" in page.text
    assert "Rennes" in page.text
    assert " ans" in page.text
    assert "Ailleurs" not in page.text
    assert page.click("Dominique Visible").path == f"/beneficiaires/{mine.id}"


def test_the_list_writes_nothing_in_the_journal(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    sign_in(referent).get("/beneficiaires")
    assert [kind for kind, _ in accesses(session, person)] == [AccessKind.CREATION]


def test_a_search_with_and_without_a_script_says_the_same(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent, prenom="Élodie", nom="Trouvée")
    make_beneficiary(session, referent, nom="Autre")
    browser = sign_in(referent)
    page = browser.get("/beneficiaires").form("beneficiaries-search").submit("Chercher", q="elodie")
    assert "Élodie Trouvée" in page.text
    assert "Autre" not in page.text
    assert page.response.request.query_string == b"", "no address holds a name"
    fragment = browser.fragment("/beneficiaires", "beneficiaries-list", {"q": "elodie"}).select_one(
        "#beneficiaries-list"
    )
    shown = page.soup.select_one("#beneficiaries-list")
    assert fragment is not None
    assert shown is not None
    assert fragment.get_text(" ", strip=True) == shown.get_text(" ", strip=True)


def test_a_search_that_finds_nobody_leads_back(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent)
    page = (
        sign_in(referent)
        .get("/beneficiaires")
        .form("beneficiaries-search")
        .submit("Chercher", q="introuvable")
    )
    assert "Personne de ce nom" in page.text
    assert page.form("beneficiaries-search").values["q"] == "introuvable"
    assert "1 personne" in page.click("Voir tous mes dossiers").text


def test_an_empty_portfolio_offers_the_first_step(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get("/beneficiaires")
    assert "Vous ne suivez encore personne" in page.text
    assert page.click("Ouvrir un dossier").h1 == "Ouvrir un dossier"


def test_pages_of_the_list(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    for number in range(21):
        make_beneficiary(session, referent, nom=f"Nombreux{number:02d}")
    browser = sign_in(referent)
    first, second = browser.get("/beneficiaires"), browser.get("/beneficiaires?page=2")
    assert "21 personnes" in first.text
    assert "Nombreux20" not in first.text
    assert "Nombreux20" in second.text
    assert first.soup.select_one('.pager a[href*="page=2"]')
    for wrong in ("3", "0", "x", "-1"):
        browser.get(f"/beneficiaires?page={wrong}", status=404)


def test_a_search_answers_on_one_page(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    for number in range(101):
        make_beneficiary(session, referent, nom=f"Nombreux{number:03d}")
    page = sign_in(referent).post("/beneficiaires", {"q": "nombreux"})
    assert "101 personnes" in page.text
    assert "Nombreux099" in page.text
    assert "Nombreux100" not in page.text
    assert "précisez le nom" in page.text
    assert not page.soup.select(".pager")


def test_the_list_takes_as_many_statements_for_one_as_for_ten(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent)
    browser = sign_in(referent)
    with count_statements(session) as one:
        browser.get("/beneficiaires")
    for _ in range(9):
        make_beneficiary(session, referent)
    session.commit()
    with count_statements(session) as ten:
        browser.get("/beneficiaires")
    assert len(one) == len(ten) <= 3


# --- Opening a file -----------------------------------------------------------------------------------------------


def test_a_file_is_opened(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    page = sign_in(referent).get("/beneficiaires/nouveau").form("beneficiary-form").submit(**TYPED)
    assert page.h1 == "Élodie Fictive"
    assert "Le dossier de Élodie Fictive est ouvert." in page.text
    person = session.exec(select(Beneficiary).where(col(Beneficiary.referent_id) == referent.id)).one()
    assert (person.commune, person.telephone, person.freins) == (
        "Redon",
        "+33600000000",
        ["mobilite", "sante"],
    )
    assert accesses(session, person) == [
        (AccessKind.CREATION, referent.id),
        (AccessKind.LECTURE, referent.id),
    ]


def test_a_second_press_opens_nothing_twice(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    form = sign_in(referent).get("/beneficiaires/nouveau").form("beneficiary-form")
    first, second = form.submit(**TYPED), form.submit(**TYPED)
    assert first.path == second.path
    mine = select(func.count()).select_from(Beneficiary).where(col(Beneficiary.referent_id) == referent.id)
    assert session.exec(mine).one() == 1


def test_the_key_of_anothers_file_opens_nothing(session: Session, sign_in: SignIn) -> None:
    foreign, referent = make_beneficiary(session), make_user(session)
    page = (
        sign_in(referent)
        .get("/beneficiaires/nouveau")
        .form("beneficiary-form")
        .submit(**TYPED, cle=str(foreign.id), status=422)
    )
    assert "Ce dossier n’est pas le vôtre" in page.text
    assert foreign.nom not in page.text
    assert session.get_one(Beneficiary, foreign.id).referent_id != referent.id


def test_a_wrong_form_keeps_what_was_typed(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    page = (
        sign_in(referent)
        .get("/beneficiaires/nouveau")
        .form("beneficiary-form")
        .submit(**{**TYPED, "date_naissance": "2999-01-01", "telephone": "12"}, status=422)
    )
    assert page.errors == {
        "date_naissance": "La date de naissance est dans le futur : corrigez-la.",
        "telephone": "Écrivez un seul numéro de téléphone, par exemple 02 99 00 00 00.",
    }
    kept = page.form("beneficiary-form").values
    assert kept["prenom"] == "Élodie"
    assert kept["date_naissance"] == "2999-01-01"
    assert kept["telephone"] == "12"
    assert kept["commune"] == "Redon (35600)"
    assert kept["dominante"] == "emploi"
    assert kept["freins"] == ["mobilite", "sante"]
    assert page.soup.title is not None
    assert page.soup.title.text.startswith("Erreur : ")
    mine = select(Beneficiary).where(col(Beneficiary.referent_id) == referent.id)
    assert session.exec(mine).all() == []
    assert page.form("beneficiary-form").submit(**TYPED).h1 == "Élodie Fictive"


def test_a_twin_is_told_beside_its_field(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent, numero_allocataire="DEMO-1")
    page = (
        sign_in(referent).get("/beneficiaires/nouveau").form("beneficiary-form").submit(**TYPED, status=422)
    )
    assert list(page.errors) == ["numero_allocataire"]


# --- One file -----------------------------------------------------------------------------------------------------


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


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
