"""Pages of people's files: their référent only, and every opening written down."""

import uuid
from collections.abc import Callable

import pytest
from sqlmodel import Session, col, func, select

from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessKind, Beneficiary
from tests.beneficiaries.files import TYPED, accesses, pages_of
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.pages import Browser
from tests.statements import count_statements

pytestmark = pytest.mark.usefixtures("read_prescriptions")

SignIn = Callable[[User], Browser]


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


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
