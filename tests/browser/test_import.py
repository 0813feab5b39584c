"""Import of a table with ten kinds of error: they are listed, nothing is written, and the good lines go in when asked."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlmodel import col, select

from portal import demo
from portal.offers.models import Offer
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.exchanges.import_tables import SERVICE, STRUCTURE, workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def the_table(source: str) -> FilePayload:
    """Two good offers of one good structure, and ten kinds of error."""
    good = STRUCTURE | {"siret": "", "nom": f"Régie {source}"}
    structures = [
        good,
        good | {"id": "s2", "siret": "35600000000049"},
        good | {"id": "s3", "commune": "Rédonn", "code_insee": ""},
        good | {"id": "s4", "courriel": "contact chez regie"},
        good | {"id": "s5", "telephone": "02 99 00"},
        good | {"id": "s6", "nom": ""},
        good | {"nom": "Deux fois"},
    ]
    offers: list[dict[str, Any]] = [
        SERVICE | {"nom": f"Passer le permis {source}"},
        SERVICE | {"id": "o2", "nom": f"Réparer son vélo {source}"},
        SERVICE | {"id": "o3", "thematiques": "mobilite--preparer-son-permis"},
        SERVICE | {"id": "o4", "date_maj": "31/02/2026"},
        SERVICE | {"id": "o5", "structure_id": "s9"},
        SERVICE | {"id": "o6", "nombre_semaines": "une douzaine"},
    ]
    content = workbook({"Structures": structures, "Services": offers})
    return {"name": f"{source}.xlsx", "mimeType": XLSX, "buffer": content}


def names(portal: Portal, source: str) -> list[str]:
    with portal.database.session(read_only=True) as session:
        return sorted(session.exec(select(Offer.nom).where(col(Offer.import_source) == source)))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_ten_kinds_of_error_and_the_good_lines(
    open_page: Callable[..., Page], portal: Portal, script: bool
) -> None:
    source = "avec-script" if script else "sans-script"
    page = open_page(javascript=script)
    # By hand: the usual hands wait for the script.
    page.goto("/connexion")
    page.get_by_label("Adresse électronique").fill("animation@demo.example.org")
    page.get_by_label("Mot de passe").first.fill(demo.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.goto("/imports")
    page.get_by_label("Tableau (XLSX ou CSV)").set_input_files(files=[the_table(source)])
    page.get_by_label("D’où vient ce tableau ?").fill(source)
    page.get_by_role("button", name="Envoyer le tableau").click()
    heading = page.get_by_role("heading", level=1)
    if not script:
        expect(heading).to_have_text("Lecture du tableau")
        page.get_by_role("button", name="Continuer").click()
    expect(heading).to_have_text("Aperçu de l’import")
    if script:
        check(page)
    page.get_by_role("link", name="Refusées").click()
    refused = page.get_by_role("main")
    for sentence in (
        "Ce SIRET n’existe pas",
        "Vouliez-vous dire « Redon (35600) »",
        "Écrivez une adresse électronique complète",
        "Écrivez un seul numéro de téléphone",
        "Le nom de la structure manque",
        "Cet identifiant est déjà à la ligne 2",
        "Vouliez-vous dire « mobilite--preparer-un-permis » ?",
        "Ce jour n’existe pas",
        "Aucune structure de ce tableau ni du portail",
        "Écrivez un nombre entier de semaines",
    ):
        expect(refused).to_contain_text(sentence)
    assert names(portal, source) == []
    page.get_by_role("button", name="Enregistrer les 3 lignes justes").click()
    if not script:
        page.get_by_role("button", name="Continuer").click()
    expect(heading).to_have_text("Résultat de l’import")
    assert names(portal, source) == [f"Passer le permis {source}", f"Réparer son vélo {source}"]
    if script:
        check(page)
