"""One's own offers: what is to be done, many confirmed at once, put away and taken up, copied."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from bs4 import Tag
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers import queries, rules, saisies, sessions
from portal.offers.models import Offer, OfferState
from portal.offers.rules import FIELDS
from portal.structures import history
from portal.structures.models import Act, Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


def make(session: Session, structure: Structure, nom: str, state: OfferState, days: int = 0) -> Offer:
    """Give an offer in `state`, confirmed `days` ago."""
    offer = make_offer(session, structure, nom=nom, published=state is not OfferState.BROUILLON)
    by = make_user(session, Role.ANIMATION)
    if state is OfferState.ARCHIVEE:
        rules.archive_offer(session, offer, by=by)
    elif state is OfferState.SUSPENDUE:
        rules.suspend_offer(session, offer)
    elif state is OfferState.FUSIONNEE:
        offer.merged_into_id = make_offer(session, structure, nom=f"{nom}, gardée").id
        offer.state = state
    elif state is OfferState.A_VALIDER:
        offer.state, offer.published_at = state, None
    offer.date_maj = clock.today() - timedelta(days=days)
    session.flush()
    return offer


def names(page: Page) -> set[str]:
    return {a.text.strip() for a in page.soup.select(".result-title a")}


def card(page: Page, nom: str) -> Tag:
    for found in page.soup.select(".result"):
        title = found.select_one(".result-title")
        if title is not None and title.text.strip() == nom:
            return found
    raise AssertionError(f"no card {nom}")


def words(tag: Tag) -> str:
    return " ".join(tag.text.split())


@pytest.fixture
def everything(session: Session) -> tuple[User, dict[str, Offer]]:
    """A partner with an offer in each state, two of them published, one being late."""
    partner, structure = make_partner(session)
    wanted = {
        "Brouillon": (OfferState.BROUILLON, 0),
        "En attente": (OfferState.A_VALIDER, 0),
        "Fraîche": (OfferState.PUBLIEE, 10),
        "En retard": (OfferState.PUBLIEE, 200),
        "Suspendue": (OfferState.SUSPENDUE, 300),
        "Archivée": (OfferState.ARCHIVEE, 400),
    }
    made = {
        nom: make(session, structure, f"Offre {nom}", state, days) for nom, (state, days) in wanted.items()
    }
    return partner, made


# --- The list ---


def test_what_is_put_away_is_not_in_the_usual_list(
    session: Session, sign_in: SignIn, everything: tuple[User, dict[str, Offer]]
) -> None:
    partner, made = everything
    structure = session.get_one(Structure, made["Fraîche"].structure_id)
    make(session, structure, "Offre doublon", OfferState.FUSIONNEE)
    page = sign_in(partner).get("/mes-offres")
    usual = {"Brouillon", "En attente", "Fraîche", "En retard", "Suspendue"}
    assert names(page) == {f"Offre {nom}" for nom in usual} | {"Offre doublon, gardée"}


@pytest.mark.parametrize(
    ("tab", "label", "wanted"),
    [
        ("a-confirmer", "À confirmer 1", {"En retard"}),
        ("brouillons", "Brouillons 1", {"Brouillon"}),
        ("en-attente", "En attente de validation 1", {"En attente"}),
        ("publiees", "Publiées 2", {"Fraîche", "En retard"}),
        ("suspendues", "Suspendues 1", {"Suspendue"}),
        ("archivees", "Archivées 1", {"Archivée"}),
    ],
)
def test_each_tab_says_how_many_and_shows_them(
    sign_in: SignIn, everything: tuple[User, dict[str, Offer]], tab: str, label: str, wanted: set[str]
) -> None:
    partner, _ = everything
    page = sign_in(partner).get("/mes-offres").click(label)
    assert page.response.request.query_string.decode() == f"etat={tab}"
    assert names(page) == {f"Offre {nom}" for nom in wanted}
    current = page.soup.select(".tabs a[aria-current]")
    assert [words(a) for a in current] == [label]


def test_counts_are_one_s_own_and_an_unknown_tab_is_the_usual_list(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    make(session, structure, "Offre à moi", OfferState.PUBLIEE)
    stranger, elsewhere = make_partner(session)
    make(session, elsewhere, "Offre d’ailleurs", OfferState.ARCHIVEE)
    page = sign_in(partner).get("/mes-offres?etat=nimporte")
    assert names(page) == {"Offre à moi"}
    assert "Archivées" not in page.text
    assert names(sign_in(stranger).get("/mes-offres?etat=archivees")) == {"Offre d’ailleurs"}


def test_a_card_says_the_day_in_words_and_what_can_be_done(
    session: Session,
    sign_in: SignIn,
    everything: tuple[User, dict[str, Offer]],
    move_clock: Callable[..., object],
) -> None:
    partner, made = everything
    for nom, offer in made.items():
        session.refresh(offer)
        assert offer.nom == f"Offre {nom}"
    page = sign_in(partner).get("/mes-offres")
    fresh, late = card(page, "Offre Fraîche"), card(page, "Offre En retard")
    assert "à confirmer le" in words(fresh) and "À confirmer" not in words(fresh)
    assert "à confirmer depuis le" in words(late) and "À confirmer" in words(late)
    acts = {
        nom: {str(f["action"]).rpartition("/")[2] for f in card(page, f"Offre {nom}").select("form")}
        for nom in made
        if nom != "Archivée"
    }
    assert acts["Brouillon"] == {"dupliquer", "archiver"}
    assert acts["En attente"] == {"dupliquer", "archiver", "retirer"}
    assert acts["Fraîche"] == acts["Suspendue"] == {"dupliquer", "archiver", "retirer", "toujours-valable"}
    archived = card(sign_in(partner).get("/mes-offres?etat=archivees"), "Offre Archivée")
    assert {str(f["action"]).rpartition("/")[2] for f in archived.select("form")} == {"reprendre"}


def test_what_the_animator_asked_for_is_read_in_the_list(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    rules.send_back_offer(
        session, offer, note="Précisez les horaires.", by=make_user(session, Role.ANIMATION)
    )
    page = sign_in(partner).get("/mes-offres")
    assert "Précisez les horaires." in page.text and "À compléter" in page.text


def test_what_was_begun_and_not_saved_is_found_again(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    key = uuid.uuid4()
    for user, nom in ((partner, "Atelier cuisine"), (colleague, "Atelier d’un collègue")):
        saisies.save(
            session,
            user=user,
            structure_id=structure.id,
            offer_id=key,
            version=None,
            champs=[("nom", nom), ("cle", str(key))],
        )
    page = sign_in(partner).get("/mes-offres")
    assert "1 fiche commencée" in page.text and "collègue" not in page.text
    form = page.click("Atelier cuisine").form("offer-form")
    assert form.values["nom"] == "Atelier cuisine"


def test_each_thing_that_was_begun_has_its_own_way_back(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    for nom in ("Atelier un", "Atelier deux"):
        key = uuid.uuid4()
        saisies.save(
            session,
            user=partner,
            structure_id=structure.id,
            offer_id=key,
            version=None,
            champs=[("nom", nom), ("cle", str(key))],
        )
        session.flush()
    browser = sign_in(partner)
    for nom in ("Atelier un", "Atelier deux"):
        assert browser.get("/mes-offres").click(nom).form("offer-form").values["nom"] == nom


def test_the_list_costs_the_same_however_many_were_begun(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    costs = []
    for _ in range(2):
        for number in range(4):
            make_offer(session, structure)
            saisies.save(
                session,
                user=partner,
                structure_id=structure.id,
                offer_id=uuid.uuid4(),
                version=None,
                champs=[("nom", f"Atelier {number}")],
            )
        session.commit()
        with count_statements(session) as sent:
            browser.get("/mes-offres")
        costs.append(len(sent))
    assert costs[0] == costs[1]


# --- Many at once ---


def test_the_ticked_offers_are_confirmed_and_the_others_are_left(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    late = [make(session, structure, f"Offre {n}", OfferState.PUBLIEE, 200) for n in range(3)]
    before = late[2].date_maj
    page = sign_in(partner).get("/mes-offres?etat=a-confirmer")
    boxes = page.soup.select('input[name="offre"]')
    assert {box["form"] for box in boxes} == {"confirm-many"}
    token = page.form("confirm-many").values["csrf_token"]
    assert token
    page = page.browser.post(
        "/mes-offres/confirmer", {"offre": [str(late[0].id), str(late[1].id)], "etat": "a-confirmer"}
    )
    assert "2 offres sont à jour" in page.text
    assert names(page) == {"Offre 2"}, "one comes back to what is left to do"
    for offer in late:
        session.refresh(offer)
    assert [offer.date_maj for offer in late] == [clock.today(), clock.today(), before]
    line = session.execute(history.of_offer(late[0].id)).scalars().first()
    assert line is not None and (line.act, line.by_id) == (Act.CONFIRMATION, partner.id)


def test_what_cannot_be_confirmed_is_named_with_its_reason_and_the_rest_is(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    good = make(session, structure, "Offre entière", OfferState.SUSPENDUE, 300)
    bad = make(session, structure, "Offre à trous", OfferState.SUSPENDUE, 300)
    bad.description = "Court."
    draft = make(session, structure, "Offre brouillon", OfferState.BROUILLON)
    _, elsewhere = make_partner(session)
    theirs = make(session, elsewhere, "Offre d’ailleurs", OfferState.PUBLIEE, 200)
    before = theirs.date_maj
    page = sign_in(partner).post(
        "/mes-offres/confirmer",
        {"offre": [str(o.id) for o in (bad, good, draft, theirs)] + ["pas-un-id"], "etat": ""},
    )
    assert "1 offre est à jour" in page.text
    assert "« Offre à trous »" in page.text and "50 caractères" in page.text
    assert "« Offre brouillon »" in page.text and "d’ailleurs" not in page.text
    for offer in (good, bad, draft, theirs):
        session.refresh(offer)
    assert (good.state, bad.state, draft.state) == (
        OfferState.PUBLIEE,
        OfferState.SUSPENDUE,
        OfferState.BROUILLON,
    )
    assert theirs.date_maj == before


def test_nothing_ticked_says_what_to_do(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    make(session, structure, "Offre en retard", OfferState.PUBLIEE, 200)
    page = sign_in(partner).get("/mes-offres?etat=a-confirmer").form("confirm-many").submit()
    assert "Cochez d’abord" in page.text


# --- One at a time ---


def test_put_away_then_taken_up_again(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    page = browser.get("/mes-offres").form("/archiver").submit()
    assert page.path == "/mes-offres" and "rien n’est effacé" in page.text
    session.refresh(offer)
    assert offer.state is OfferState.ARCHIVEE
    assert not session.execute(queries.published()).scalars().all()
    assert names(browser.get("/mes-offres")) == set()
    page = browser.get("/mes-offres?etat=archivees").form("/reprendre").submit()
    session.refresh(offer)
    assert offer.state is OfferState.BROUILLON
    assert offer.description, "nothing was lost"
    acts = [line.act for line in session.execute(history.of_offer(offer.id)).scalars()]
    assert acts[:2] == [Act.REPRISE, Act.ARCHIVAGE]


def test_an_archived_offer_is_taken_up_before_anything_else(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make(session, structure, "Offre rangée", OfferState.ARCHIVEE)
    browser = sign_in(partner)
    assert "reprenez-la d’abord" in browser.post(f"/offres/{offer.id}/retirer", {}).text
    browser.post(f"/offres/{offer.id}/toujours-valable", {}, status=422)
    session.refresh(offer)
    assert offer.state is OfferState.ARCHIVEE
    assert browser.post(f"/offres/{offer.id}/archiver", {}).path == f"/offres/{offer.id}", "twice is once"


def test_a_suspended_offer_is_public_again_in_one_click(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make(session, structure, "Offre suspendue", OfferState.SUSPENDUE, 300)
    sign_in(partner).get("/mes-offres?etat=suspendues").form("/toujours-valable").submit()
    session.refresh(offer)
    assert (offer.state, offer.date_maj) == (OfferState.PUBLIEE, clock.today())


def test_a_suspended_offer_that_lacks_something_by_now_opens_its_form(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    offer = make(session, structure, "Offre suspendue", OfferState.SUSPENDUE, 300)
    offer.publics = None
    page = sign_in(partner).get("/mes-offres").form("/toujours-valable").submit(status=422)
    assert set(page.errors) == {"publics"}
    session.refresh(offer)
    assert offer.state is OfferState.SUSPENDUE


def test_a_copy_is_a_draft_with_the_same_answers_and_the_sessions_to_come(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, nom="Atelier vélo", freins=["mobilite"], frequence="le mardi")
    today = clock.today()
    sessions.set_sessions(
        session,
        offer,
        [
            {"debut": today - timedelta(days=90), "fin": None, "places": 4, "precisions": None},
            {"debut": today + timedelta(days=30), "fin": None, "places": 8, "precisions": "matin"},
        ],
    )
    page = sign_in(partner).get("/mes-offres").form("/dupliquer").submit()
    assert page.h1 == "Modifier l’offre"
    copy = session.exec(select(Offer).where(col(Offer.id) != offer.id)).one()
    assert (copy.nom, copy.state, copy.published_at) == ("Atelier vélo (copie)", OfferState.BROUILLON, None)
    same = [name for name in FIELDS if name != "nom"]
    assert history.snapshot(copy, same) == history.snapshot(offer, same)
    assert [row["places"] for row in sessions.as_rows(sessions.of_offer(session, copy.id))] == [8]
    session.refresh(offer)
    assert (offer.nom, offer.state) == ("Atelier vélo", OfferState.PUBLIEE)


def test_the_longest_name_can_be_copied(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, nom="A" * 150, published=False)
    sign_in(partner).post(f"/offres/{offer.id}/dupliquer", {})
    assert len(session.exec(select(Offer).where(col(Offer.id) != offer.id)).one().nom) <= 150


@pytest.mark.parametrize("act", ["archiver", "reprendre", "dupliquer"])
def test_another_structure_s_offer_is_not_there(session: Session, sign_in: SignIn, act: str) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    sign_in(stranger).post(f"/offres/{offer.id}/{act}", {}, status=404)
    session.refresh(offer)
    assert offer.state is OfferState.PUBLIEE
    assert len(session.exec(select(Offer)).all()) == 1
