"""A partner arrives: by SIRET, by name, by hand; what is asked of the register, and what is said when it is silent."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.clients import http
from portal.structures import rules
from portal.structures.models import JoinRequest, Membership, Structure, StructureState
from tests.factories.accounts import make_user
from tests.factories.structures import REDON, make_chief, make_partner, make_structure
from tests.pages import Browser
from tests.peers import Peer, patient

SignIn = Callable[[User], Browser]
LA_POSTE, SISTER = "35600000000048", "35600000049837"
FREE = "73282932000074"


@pytest.fixture
def register(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """The register of companies, on this machine."""
    patient(monkeypatch)
    with Peer() as peer:
        config = replace(app.config["PORTAL"], sirene_url=peer.url)
        monkeypatch.setitem(app.config, "PORTAL", config)
        yield peer
    http.wake()


def establishment(siret: str = FREE, **place: object) -> dict[str, object]:
    return {
        "results": [
            {
                "nom_raison_sociale": "TREMPLIN MOBILITE",
                "siege": {
                    "siret": siret,
                    "adresse": "12 RUE DE LA GARE 35600 REDON",
                    "code_postal": "35600",
                    "libelle_commune": "REDON",
                    "commune": REDON,
                    "etat_administratif": "A",
                    **place,
                },
            }
        ]
    }


@pytest.fixture
def newcomer(session: Session, sign_in: SignIn) -> Browser:
    return sign_in(make_user(session, Role.PARTENAIRE))


def by_siret(browser: Browser, siret: str, **options: int) -> object:
    return browser.get("/structures/rejoindre").form("siret-form").submit(siret=siret, **options)


# --- With a SIRET ---


def test_a_siret_that_is_there_leads_to_a_request(session: Session, newcomer: Browser) -> None:
    chief, structure = make_chief(session, make_structure(session, siret=LA_POSTE))
    session.commit()
    page = newcomer.get("/structures/rejoindre").form("siret-form").submit(siret="356 000 000 00048")
    assert "déjà sur le portail" in page.text
    page = page.click(f"Demander à rejoindre {structure.nom}")
    page = page.form("ask-form").submit("Envoyer ma demande", message="Je suis la directrice.")
    assert "Votre demande est envoyée" in page.text
    assert page.path == "/structures"
    assert "Envoyée aujourd’hui" in page.text
    assert session.exec(select(OutgoingMail)).one().recipient == chief.courriel
    again = newcomer.post(f"/structures/{structure.id}/rejoindre", {"message": ""})
    assert "déjà envoyée" in again.text
    assert len(session.exec(select(JoinRequest)).all()) == 1
    assert len(session.exec(select(OutgoingMail)).all()) == 1
    assert "Votre demande est envoyée" in newcomer.get(f"/structures/rejoindre?siret={LA_POSTE}").text


def test_the_key_of_a_siret_is_said_at_its_field(newcomer: Browser) -> None:
    form = newcomer.get("/structures/rejoindre").form("siret-form")
    for typed in ("73282932000075", "123"):
        page = form.submit(siret=typed, status=422)
        assert "SIRET" in page.errors["siret"]
        assert page.form("siret-form").values["siret"] == typed


def test_the_register_fills_the_form(session: Session, newcomer: Browser, register: Peer) -> None:
    register.answer("/search", establishment())
    page = newcomer.get("/structures/rejoindre").form("siret-form").submit(siret="732 829 320 00074")
    assert page.h1 == "Créer la structure"
    assert "Le registre des entreprises a rempli" in page.text
    form = page.form("structure-form")
    found = {name: form.values[name] for name in ("siret", "nom", "commune", "adresse", "code_postal")}
    assert found == {
        "siret": FREE,
        "nom": "Tremplin Mobilite",
        "commune": "Redon (35600)",
        "adresse": "12 rue de la Gare",
        "code_postal": "35600",
    }
    assert [asked.query["q"] for asked in register.asked] == [FREE]
    page = form.submit("Créer la structure", nom="Tremplin mobilité")
    assert page.h1 == "Tremplin mobilité"
    structure = session.exec(select(Structure)).one()
    assert (structure.siret, structure.code_insee) == (FREE, REDON)


def test_a_closed_establishment_is_told(newcomer: Browser, register: Peer) -> None:
    register.answer("/search", establishment(etat_administratif="F"))
    page = newcomer.get(f"/structures/rejoindre?siret={FREE}")
    assert "cet établissement est fermé" in page.text
    assert page.form("structure-form").values["nom"] == "Tremplin Mobilite"


def test_a_siret_unknown_to_the_register_goes_on_by_hand(newcomer: Browser, register: Peer) -> None:
    register.answer("/search", {"results": []})
    page = newcomer.get(f"/structures/rejoindre?siret={FREE}")
    assert "ne connaît pas ce SIRET" in page.text
    form = page.form("structure-form")
    assert (form.values["siret"], form.values["nom"]) == (FREE, "")
    assert form.submit("Créer la structure", nom="Par hand").h1 == "Par hand"


@pytest.mark.parametrize("status", [500, 302])
def test_a_silent_register_stops_nobody(newcomer: Browser, register: Peer, status: int) -> None:
    register.answer("/search", "panne", status=status)
    page = newcomer.get(f"/structures/rejoindre?siret={FREE}")
    assert "ne répond pas en ce moment" in page.text
    assert page.form("structure-form").submit("Créer la structure", nom="À la main").h1 == "À la main"


def test_a_portal_without_register_says_so(newcomer: Browser) -> None:
    page = newcomer.get(f"/structures/rejoindre?siret={FREE}")
    assert "ne consulte pas le registre" in page.text
    assert page.form("structure-form").values["siret"] == FREE


def test_other_establishments_of_the_entity_are_shown_first(session: Session, newcomer: Browser) -> None:
    make_structure(session, nom="Agence de Redon", siret=SISTER)
    make_structure(session, nom="Autre entité", siret=FREE)
    session.commit()
    page = newcomer.get(f"/structures/rejoindre?siret={LA_POSTE}")
    assert "Agence de Redon" in page.text
    assert "Autre entité" not in page.text
    form = page.click(f"Créer l’établissement {LA_POSTE}").form("structure-form")
    assert form.values["siret"] == LA_POSTE
    # What is there has the others beside.
    make_structure(session, nom="Le siège", siret=LA_POSTE)
    session.commit()
    page = newcomer.get(f"/structures/rejoindre?siret={LA_POSTE}")
    assert page.text.index("Le siège") < page.text.index("Autres établissements de la même entité")
    assert "Agence de Redon" in page.text


def test_a_siret_of_another_structure_has_a_way_on(session: Session, sign_in: SignIn) -> None:
    structure = make_structure(session, nom="La Poste d’exemple", siret=LA_POSTE)
    browser = sign_in(make_user(session, Role.PARTENAIRE))
    page = (
        browser.get("/structures/nouvelle")
        .form("structure-form")
        .submit("Créer la structure", status=422, nom="Doublon", siret=LA_POSTE)
    )
    assert "déjà ce SIRET" in page.errors["siret"]
    assert page.form("structure-form").values["nom"] == "Doublon"
    page = page.click("Demander à la rejoindre")
    assert structure.nom in page.text
    keeper = sign_in(make_user(session, Role.ANIMATION))
    page = (
        keeper.get("/structures/nouvelle")
        .form("structure-form")
        .submit("Créer la structure", status=422, nom="Doublon", siret=LA_POSTE)
    )
    assert page.click("Ouvrir sa fiche").h1 == structure.nom


# --- With a name ---


def test_a_name_and_a_commune_find_drafts_too(session: Session, newcomer: Browser) -> None:
    make_structure(session, nom="Épicerie solidaire", code_insee=REDON, adresse="3 rue Publique")
    make_structure(
        session, nom="Épicerie en brouillon", code_insee=REDON, adresse="4 rue Cachée", published=False
    )
    make_structure(session, nom="Épicerie de Rennes")
    gone = make_structure(session, nom="Épicerie fermée", code_insee=REDON)
    rules.close_structure(session, gone, note=None, by=make_user(session, Role.ANIMATION))
    session.commit()
    page = newcomer.get("/structures/rejoindre").form("name-form").submit(nom="epicerie", commune="redon")
    assert "2 structures trouvées" in page.text
    for words in ("Épicerie solidaire", "3 rue Publique", "Épicerie en brouillon", "Redon"):
        assert words in page.text
    # Of what is not published, its name and commune only.
    for words in ("4 rue Cachée", "02 99 00 00 00", "accueil@", "Épicerie de Rennes", "Épicerie fermée"):
        assert words not in page.text
    page = page.click("Demander à rejoindre Épicerie en brouillon")
    assert "4 rue Cachée" not in page.text
    page.form("ask-form").submit("Envoyer ma demande")
    assert session.exec(select(JoinRequest)).one().message is None


def test_nothing_found_leads_to_the_form(newcomer: Browser) -> None:
    page = newcomer.get("/structures/rejoindre").form("name-form").submit(nom="Tremplin", commune="Redon")
    assert "Aucune structure trouvée" in page.text
    form = page.click("Créer la structure").form("structure-form")
    assert (form.values["nom"], form.values["commune"]) == ("Tremplin", "Redon (35600)")


def test_an_unknown_commune_is_said_at_its_field(newcomer: Browser) -> None:
    page = newcomer.get("/structures/rejoindre").form("name-form").submit(commune="Rednn", status=422)
    assert "Redon (35600)" in page.errors["commune"]


def test_many_names_ask_for_more_words(session: Session, newcomer: Browser) -> None:
    for number in range(21):
        make_structure(session, nom=f"Association {number:02d}")
    session.commit()
    page = newcomer.get("/structures/rejoindre?nom=association")
    assert "20 structures trouvées" in page.text
    assert "ajoutez un mot" in page.text


# --- Who goes where ---


def test_a_member_is_told_that_they_are_in(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, siret=LA_POSTE))
    browser = sign_in(partner)
    page = browser.get(f"/structures/rejoindre?siret={LA_POSTE}")
    assert "Vous faites partie de cette structure" in page.text
    assert browser.get(f"/structures/{structure.id}/rejoindre").path == f"/structures/{structure.id}"
    page = browser.post(f"/structures/{structure.id}/rejoindre", {"message": "x"})
    assert "faites déjà partie" in page.text


def test_keepers_go_to_the_form(session: Session, sign_in: SignIn) -> None:
    structure = make_structure(session, siret=LA_POSTE)
    browser = sign_in(make_user(session, Role.ANIMATION))
    assert browser.get("/structures/rejoindre").path == "/structures/nouvelle"
    assert browser.get(f"/structures/rejoindre?siret={LA_POSTE}").path == f"/structures/{structure.id}"
    browser.get(f"/structures/{structure.id}/rejoindre", status=403)


def test_a_request_with_nobody_to_answer_reaches_the_animators(session: Session, newcomer: Browser) -> None:
    animator = make_user(session, Role.ANIMATION)
    structure = make_structure(session)
    session.commit()
    newcomer.get(f"/structures/{structure.id}/rejoindre").form("ask-form").submit("Envoyer ma demande")
    mail = session.exec(select(OutgoingMail)).one()
    assert mail.recipient == animator.courriel


def test_a_long_message_is_refused_and_kept(session: Session, newcomer: Browser) -> None:
    structure = make_structure(session)
    session.commit()
    form = newcomer.get(f"/structures/{structure.id}/rejoindre").form("ask-form")
    page = form.submit("Envoyer ma demande", message="x" * 1001, status=422)
    assert "Raccourcissez" in page.errors["message"]
    assert len(page.form("ask-form").values["message"]) == 1001
    assert session.exec(select(JoinRequest)).all() == []


# --- Submission, seen by the partner ---


def test_a_submission_is_told_to_the_animators_once(session: Session, sign_in: SignIn) -> None:
    animator = make_user(session, Role.ANIMATION)
    chief, structure = make_chief(session, make_structure(session, published=False))
    browser = sign_in(chief)
    form = browser.get(f"/structures/{structure.id}").form("/publier")
    page = form.submit("Publier la structure")
    assert "En attente de validation" in page.text
    assert "écrivez vos offres" in page.text
    form.submit("Publier la structure")
    mail = session.exec(select(OutgoingMail)).one()
    assert (mail.recipient, mail.subject) == (animator.courriel, "Une structure attend votre validation")
    rules.send_back_structure(session, structure, note="Ajoutez un téléphone.", by=animator)
    session.commit()
    page = browser.get(f"/structures/{structure.id}")
    assert "Ajoutez un téléphone." in page.text
    assert "À compléter" in page.text
    assert "Ajoutez un téléphone." in browser.get(f"/structures/{structure.id}/modifier").text
    page = page.form("/publier").submit("Renvoyer à la validation")
    assert structure.state is StructureState.A_VALIDER
    assert "Ajoutez un téléphone." not in page.text
    assert len(session.exec(select(OutgoingMail)).all()) == 2


def test_a_closed_structure_says_since_when(session: Session, sign_in: SignIn) -> None:
    chief, structure = make_chief(session)
    rules.close_structure(session, structure, note="Fusion.", by=make_user(session, Role.ANIMATION))
    page = sign_in(chief).get(f"/structures/{structure.id}")
    assert "Cette structure est fermée depuis le" in page.text
    assert "Fusion." in page.text
    assert not page.soup.select('form[action$="/publier"]')
    assert session.exec(select(Membership).where(col(Membership.user_id) == chief.id)).one()
