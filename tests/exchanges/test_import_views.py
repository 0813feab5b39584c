"""The pages of imports, from the file to the report, with and without script."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, func, select

from portal import spreadsheets
from portal.accounts.models import Role, User
from portal.exchanges.imports import runs
from portal.exchanges.models import ImportRun, ImportState
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.exchanges.files import read_sheets
from tests.exchanges.import_tables import SERVICE, STRUCTURE, lines, only, table, workbook
from tests.exchanges.test_import_columns import TestMapping
from tests.factories.accounts import make_user
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]


@pytest.fixture
def keeper(session: Session, sign_in: SignIn) -> Browser:
    return sign_in(make_user(session, Role.ANIMATION))


def send(
    keeper: Browser, content: bytes, filename: str = "tableau.xlsx", *, status: int = 200, **values: str
) -> Page:
    form = keeper.get("/imports").form("send-table")
    return form.submit(
        "Envoyer le tableau",
        status=status,
        fichier=(io.BytesIO(content), filename),
        **{"source": "Réseau Exemple", **values},
    )


def go_to_the_end(page: Page) -> Page:
    """Press « Continuer » as long as there is such a button."""
    while "Continuer" in page.buttons():
        page = page.form("continue").submit("Continuer")
    return page


BOTH = workbook(
    {"Structures": [STRUCTURE], "Services": [SERVICE, SERVICE | {"id": "o2", "frais": "gratuitt"}]}
)


def test_from_the_file_to_the_report(keeper: Browser, session: Session) -> None:
    page = send(keeper, BOTH)
    assert page.h1 == "Lecture du tableau"
    assert page.soup.select_one("progress") is not None
    page = go_to_the_end(page)
    assert page.h1 == "Aperçu de l’import"
    assert "Vouliez-vous dire « Gratuit » ?" in page.text
    assert session.exec(select(func.count()).select_from(Structure)).one() == 0
    page = go_to_the_end(page.form("save").submit("Enregistrer les 2 lignes justes", etat="publier"))
    assert page.h1 == "Résultat de l’import"
    assert only(session, Offer, import_id="o1").is_public
    refused = keeper.get(page.path + "?lignes=refusees")
    assert "frais : « gratuitt »" in refused.text
    assert "Passer le permis" in refused.text
    assert "2 créées, 1 refusée" in keeper.get("/imports").text


def test_the_errors_leave_as_a_table_without_formulas(keeper: Browser, session: Session) -> None:
    bad = SERVICE | {"nom": "=1+1", "frais": "@gratuitt", "telephone": "+"}
    page = go_to_the_end(send(keeper, workbook({"Structures": [STRUCTURE], "Services": [bad]})))
    response = keeper.get(page.path + "/erreurs.csv").response
    assert response.headers["Content-Disposition"].startswith("attachment")
    rows = response.data.decode("utf-8-sig").splitlines()
    assert rows[0] == "feuille;ligne;nom;colonne;valeur;à corriger"
    cells = {row.rsplit(";", 1)[0] for row in rows[1:]}
    assert cells == {"Services;2;'=1+1;frais;'@gratuitt", "Services;2;'=1+1;telephone;'+"}


def test_htmx_asks_again_until_it_is_done(
    keeper: Browser, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "READ_STEP", 2)
    page = send(keeper, BOTH)
    soup = keeper.fragment(page.path + "/continuer", "import-progress", {})
    bar = soup.select_one("#import-progress progress")
    assert bar is not None
    assert (bar["value"], bar["max"]) == ("2", "3")
    assert soup.select_one("#import-progress[hx-post]") is not None
    response = keeper.client.post(
        page.path + "/continuer",
        data={"csrf_token": keeper.token()},
        headers={"HX-Request": "true", "HX-Target": "import-progress", "Origin": "http://localhost"},
    )
    assert response.headers["HX-Redirect"] == page.path


def test_columns_are_asked_once_and_known_again(keeper: Browser, session: Session) -> None:
    content = table(TestMapping.ROWS, encoding="cp1252")
    page = send(keeper, content, "actions.csv", source="")
    assert page.h1 == "Colonnes du tableau"
    assert "Régie d’Exemple" in page.text
    again = page.form("columns").submit("Lire le tableau", status=422)
    assert again.errors == {"source": "Dites d’où vient ce tableau."}
    again = again.form("columns").submit("Lire le tableau", status=422, source="Réseau", **{"c0-2": ""})
    assert any("nom de l’offre" in row.get_text() for row in again.soup.select("#error-summary li"))
    page = go_to_the_end(
        again.form("columns").submit("Lire le tableau", source="Réseau", **{"c0-2": "services.nom"})
    )
    assert page.h1 == "Aperçu de l’import"
    second = send(keeper, content, "actions.csv", source="")
    assert "reconnues comme la dernière fois" in second.text
    asked = second.click("Les changer")
    assert asked.h1 == "Colonnes du tableau"


def test_a_double_press_sends_once(keeper: Browser, session: Session) -> None:
    form = keeper.get("/imports").form("send-table")
    for _ in range(2):
        form.submit("Envoyer le tableau", fichier=(io.BytesIO(BOTH), "t.xlsx"), source="réseau")
    assert session.exec(select(func.count()).select_from(ImportRun)).one() == 1


def test_given_up_nothing_stays(keeper: Browser, session: Session) -> None:
    page = go_to_the_end(send(keeper, BOTH))
    back = page.form("abandonner").submit("Abandonner cet import")
    assert "rien n’a été enregistré" in back.text
    run = only(session, ImportRun)
    assert (run.state, run.contenu) == (ImportState.ABANDONNE, b"")
    assert lines(session, run) == []
    assert keeper.get(page.path).h1 == "Import abandonné"


@pytest.mark.parametrize(
    ("content", "filename", "said"),
    [
        (b"", "vide.csv", "Ce fichier est vide"),
        (b"coucou", "faux.xlsx", "n’est pas un vrai classeur XLSX"),
        (b"nom;siret\n", "t.csv", "n’a que ses en-têtes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_beside_its_field(
    keeper: Browser, session: Session, content: bytes, filename: str, said: str
) -> None:
    page = send(keeper, content, filename, status=422)
    assert said in page.errors["fichier"]
    field = page.soup.select_one("#source")
    assert field is not None
    assert field["value"] == "Réseau Exemple"
    assert session.exec(select(func.count()).select_from(ImportRun)).one() == 0


def test_no_file_and_no_source(keeper: Browser) -> None:
    form = keeper.get("/imports").form("send-table")
    assert "fichier" in form.submit("Envoyer le tableau", status=422, source="x").errors
    page = send(keeper, BOTH, status=422, source="")
    assert "Dites d’où vient ce tableau" in page.errors["source"]


def test_twenty_megabytes_are_refused_with_what_to_do(keeper: Browser, session: Session) -> None:
    # The envelope is made by hand: the test client would leave a big one open.
    start = (
        f'--cut\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{keeper.token()}\r\n'
        '--cut\r\nContent-Disposition: form-data; name="fichier"; filename="gros.csv"\r\n\r\n'
    )
    response = keeper.client.post(
        "/imports",
        data=start.encode() + b"nom;siret\n" * 2_000_000 + b"\r\n--cut--\r\n",
        content_type="multipart/form-data; boundary=cut",
        headers={"Origin": "http://localhost"},
    )
    page = keeper._page(response, 413, follow=False)
    assert page.h1 == "Ce fichier est trop gros"
    assert spreadsheets.too_big in page.text
    assert session.exec(select(func.count()).select_from(ImportRun)).one() == 0


def test_an_empty_workbook_to_fill_in(keeper: Browser, session: Session) -> None:
    content = keeper.get("/imports/modele.xlsx").response.data
    sheets = read_sheets(content)
    assert sheets["Structures"][0][:3] == ["__ignore__", "source", "id"]
    assert "structure_id" in sheets["Services"][0]
    # Sent as it is, its explanations are ignored.
    page = go_to_the_end(send(keeper, content))
    assert "Rien n’est à enregistrer" in page.text


def test_only_those_who_keep_the_catalogue(session: Session, sign_in: SignIn, browser: Browser) -> None:
    for role in set(Role) - {Role.ANIMATION, Role.ADMINISTRATION}:
        sign_in(make_user(session, role)).get("/imports", status=403)
    assert browser.get("/imports").path == "/connexion"


def test_lines_beyond_one_page(keeper: Browser, session: Session) -> None:
    rows: list[dict[str, Any]] = [
        STRUCTURE | {"id": f"s{n}", "siret": "", "nom": f"Structure {n:02d}"} for n in range(25)
    ]
    page = go_to_the_end(send(keeper, table(rows), "t.csv"))
    assert len(page.soup.select("article")) == 20
    assert len(keeper.get(page.path + "?lignes=a-creer&page=2").soup.select("article")) == 5
    keeper.get(page.path + "?lignes=inventees", status=404)


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
