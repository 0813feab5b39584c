"""Two people on one structure, its history, its antennes, and where its address stands."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.clients import http
from portal.structures import members
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.structures import RENNES, make_chief, make_partner, make_structure
from tests.pages import Browser
from tests.peers import Peer, patient

SignIn = Callable[[User], Browser]
SIEGE, SISTER, FREE = "35600000000048", "35600000049837", "73282932000074"


def cells(page: object) -> dict[str, list[str]]:
    """{question: [before, after]} of the table of changes."""
    rows = page.soup.select("table tbody tr")  # type: ignore[attr-defined]
    return {
        row.select_one("th").get_text(strip=True): [cell.get_text(strip=True) for cell in row.select("td")]
        for row in rows
    }


# --- Two people ---


def test_the_second_of_two_is_told_shown_both_and_chooses(session: Session, sign_in: SignIn) -> None:
    first, structure = make_chief(session)
    first.prenom = "Prime"
    second, _ = make_partner(session, structure)
    url = f"/structures/{structure.id}/modifier"
    mine = sign_in(second).get(url).form("structure-form")
    sign_in(first).get(url).form("structure-form").submit(
        "Enregistrer", nom="Nom de la première", telephone=""
    )
    page = mine.submit("Enregistrer", status=409, nom="Nom du second", commune="Redon")
    assert "Quelqu’un d’autre a modifié cette fiche" in page.text
    assert first.full_name in page.text
    assert cells(page) == {
        "Nom de la structure": ["Nom de la première", "Nom du second"],
        "Téléphone": ["Rien", "02 99 00 00 00"],
        "Commune": ["Rennes (35000)", "Redon (35600)"],
    }
    session.refresh(structure)
    assert (structure.nom, structure.telephone) == ("Nom de la première", None)
    # What the second wrote is still there, and is kept when it is sent again.
    form = page.form("structure-form")
    assert (form.values["nom"], form.values["commune"]) == ("Nom du second", "Redon (35600)")
    assert "enregistrées" in form.submit("Enregistrer").text
    session.refresh(structure)
    assert (structure.nom, structure.telephone) == ("Nom du second", "+33299000000")


def test_the_second_may_start_from_what_the_first_saved(session: Session, sign_in: SignIn) -> None:
    first, structure = make_chief(session)
    second, _ = make_partner(session, structure)
    url = f"/structures/{structure.id}/modifier"
    mine = sign_in(second).get(url).form("structure-form")
    sign_in(first).get(url).form("structure-form").submit("Enregistrer", nom="Nom de la première")
    page = mine.submit("Enregistrer", status=409, nom="Nom du second")
    page = page.form("/repartir").submit()
    assert page.form("structure-form").values["nom"] == "Nom de la première"


def test_saving_the_same_answers_twice_is_no_conflict(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    form = sign_in(chief).get(f"/structures/{structure.id}/modifier").form("structure-form")
    form.submit("Enregistrer")
    form.submit("Enregistrer", nom="Un autre nom")
    page = form.submit("Enregistrer", status=409, nom="Un autre nom")
    assert "Vos réponses sont les mêmes" in page.text


# --- History ---


def test_the_history_tells_who_and_each_answer(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session, make_structure(session, siret=SIEGE, reseaux_porteurs=["ai"]))
    head = make_structure(session, nom="Le grand siège", siret=SISTER)
    browser = sign_in(chief)
    form = browser.get(f"/structures/{structure.id}/modifier").form("structure-form")
    form.submit("Enregistrer", commune="Redon", antenne_of_id=str(head.id), reseaux_porteurs="aci")
    page = browser.get(f"/structures/{structure.id}").click("Historique")
    assert page.h1 == f"Historique de {structure.nom}"
    assert f"par {chief.full_name}" in page.text
    told = cells(page)
    for label, after in (("Commune", "Redon (35600)"), ("Antenne de", "Le grand siège")):
        # The latest line comes first; the creation told the same questions below.
        assert label in told
        assert after in page.text
    assert "Ateliers" in page.text
    stranger, _ = make_partner(session)
    sign_in(stranger).get(f"/structures/{structure.id}/historique", status=404)


# --- Antennes ---


def test_an_antenne_is_added_from_its_head(session: Session, sign_in: SignIn) -> None:
    chief, head = make_chief(session, make_structure(session, nom="Le siège", siret=SIEGE))
    browser = sign_in(chief)
    page = browser.get(f"/structures/{head.id}").click("Ajouter une antenne")
    assert "commence aussi par 356 000 000" in page.text
    form = page.form("structure-form")
    assert (form.values["nom"], form.values["telephone"]) == ("Le siège", "02 99 00 00 00")
    assert (form.values["antenne_of_id"], form.values["siret"]) == (str(head.id), "")
    page = form.submit("Créer la structure", nom="L’antenne", commune="Redon", siret=SISTER)
    antenne = next(s for s in _all(session) if s.nom == "L’antenne")
    assert antenne.antenne_of_id == head.id
    assert "Autres établissements" in page.text
    assert page.click("Le siège").path == f"/structures/{head.id}"
    assert "(antenne)" in browser.get(f"/structures/{head.id}").text
    assert "Ajouter une antenne" not in browser.get(f"/structures/{antenne.id}").text


def test_everybody_sees_the_published_establishments(session: Session, browser: Browser) -> None:
    head = make_structure(session, nom="Le siège", siret=SIEGE)
    make_structure(session, nom="Agence ouverte", siret=SISTER)
    make_structure(session, nom="Antenne en brouillon", antenne_of_id=head.id, published=False)
    make_structure(session, nom="Étrangère", siret=FREE)
    session.commit()
    page = browser.get(f"/structures/{head.id}")
    assert "Agence ouverte" in page.text
    assert "Antenne en brouillon" not in page.text
    assert "Étrangère" not in page.text
    alone = make_structure(session, nom="Seule")
    session.commit()
    assert "Autres établissements" not in browser.get(f"/structures/{alone.id}").text


def test_only_possible_heads_are_offered(session: Session, sign_in: SignIn) -> None:
    chief, mine = make_chief(session, make_structure(session, nom="La mienne", siret=SIEGE))
    own, _ = make_structure(session, nom="Mon autre"), None
    members.join(session, own, chief)
    sister = make_structure(session, nom="Même SIREN", siret=SISTER)
    antenne = make_structure(session, nom="Une antenne", antenne_of_id=sister.id)
    members.join(session, antenne, chief)
    stranger = make_structure(session, nom="Étrangère", siret=FREE)
    form = sign_in(chief).get(f"/structures/{mine.id}/modifier").form("structure-form")
    offered = {str(option["value"]) for option in form.tag.select("#antenne_of_id option")}
    assert offered == {"", str(own.id), str(sister.id)}
    page = form.submit("Enregistrer", status=422, antenne_of_id=str(stranger.id))
    assert "antenne_of_id" in page.errors
    page = form.submit("Enregistrer", antenne_of_id=str(own.id))
    assert "enregistrées" in page.text
    session.refresh(mine)
    assert mine.antenne_of_id == own.id


def test_a_form_that_does_not_ask_leaves_the_antenne_as_it_is(session: Session, sign_in: SignIn) -> None:
    head = make_structure(session, nom="Le siège")
    chief, antenne = make_chief(session, make_structure(session, antenne_of_id=head.id))
    form = sign_in(chief).get(f"/structures/{antenne.id}/modifier").form("structure-form")
    assert form.values.pop("antenne_of_id") == str(head.id)
    form.submit("Enregistrer", nom="Un autre nom")
    session.refresh(antenne)
    assert (antenne.nom, antenne.antenne_of_id) == ("Un autre nom", head.id)


# --- The address on the map ---


@pytest.fixture
def geocoder(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    patient(monkeypatch)
    with Peer() as peer:
        monkeypatch.setitem(app.config, "PORTAL", replace(app.config["PORTAL"], geocoder_url=peer.url))
        yield peer
    http.wake()


def test_a_new_address_is_placed_and_asked_for_once(
    session: Session, sign_in: SignIn, geocoder: Peer
) -> None:
    geocoder.answer(
        "/search",
        {
            "features": [
                {
                    "properties": {
                        "label": "2 Rue de l’Exemple 35000 Rennes",
                        "name": "2 Rue de l’Exemple",
                        "citycode": RENNES,
                        "postcode": "35000",
                        "score": 0.97,
                        "type": "housenumber",
                    },
                    "geometry": {"coordinates": [-1.67, 48.11]},
                }
            ]
        },
    )
    chief, structure = make_chief(session)
    browser = sign_in(chief)
    form = browser.get(f"/structures/{structure.id}/modifier").form("structure-form")
    form.submit("Enregistrer", adresse="2 rue de l’Exemple")
    session.refresh(structure)
    assert (structure.latitude, structure.longitude) == (48.11, -1.67)
    browser.get(f"/structures/{structure.id}/modifier").form("structure-form").submit(
        "Enregistrer", nom="Autre nom"
    )
    session.refresh(structure)
    assert (structure.nom, structure.latitude) == ("Autre nom", 48.11)
    assert len(geocoder.asked) == 1
    # When nobody answers, the address is kept and the commune's centre does.
    geocoder.answer("/search", "panne", status=500)
    form = browser.get(f"/structures/{structure.id}/modifier").form("structure-form")
    assert "enregistrées" in form.submit("Enregistrer", adresse="3 rue de l’Exemple").text
    session.refresh(structure)
    assert (structure.adresse, structure.latitude != 48.11) == ("3 rue de l’Exemple", True)


def test_the_address_completes_itself(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session, Role.PARTENAIRE)).get("/structures/nouvelle")
    field = page.soup.select_one("#adresse")
    assert field is not None
    assert (field["list"], field["hx-get"]) == ("adresses", "/adresses")
    assert page.soup.select_one("datalist#adresses")


def _all(session: Session) -> list[Structure]:
    from sqlmodel import select

    return list(session.exec(select(Structure)).all())
