"""Searches that people keep: what is kept of them, by whom they are seen, and how an alert is stopped from its message."""

import uuid
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import Session, func, select
from werkzeug.datastructures import MultiDict

from portal import links
from portal.accounts.models import Role, User
from portal.catalogue import address, place, saved
from portal.catalogue.address import Typed
from portal.catalogue.filters import FILTERS
from portal.catalogue.models import Frequence, SavedSearch
from portal.config import Config
from portal.errors import AlreadyDone, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.catalogue import index as make_index
from tests.factories.catalogue import known_service, known_structure
from tests.factories.offers import make_offer
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
MoveClock = Callable[..., datetime]
PERMIS = "quoi=permis&ou=Redon+(35600)&public=femmes&places=1"


def typed(query: str) -> Typed:
    return address.read(MultiDict([(k, v) for k, values in parse_qs(query).items() for v in values]))


def keep(session: Session, user: User, query: str = PERMIS, **values: object) -> SavedSearch:
    wanted = {"nom": "Le permis à Redon", "frequence": Frequence.HEBDOMADAIRE} | values
    search = saved.save_search(session, typed(query), by=user, **wanted)  # type: ignore[arg-type]
    session.flush()
    return search


# --- Rules --------------------------------------------------------------------------------------------------------


def test_every_filter_is_kept_and_read_back(session: Session) -> None:
    everything = (
        "quoi=permis&exact=1&ou=Redon+(35600)&rayon=20&thematique=mobilite&thematique=sante--addictions"
        "&places=1&pro=1&public=femmes&type=atelier&mode=a-distance&frais=gratuit&dominante=emploi"
        "&heures=5-a-15&session=1-mois&finance=etat&finance=35-2026-001&structure=dora--1&source=dora"
        "&fraicheur=6-mois&qualite=0.8&tri=fraicheur"
    )
    wanted = typed(everything)
    assert not wanted.errors
    search = keep(session, make_user(session), everything)
    session.commit()
    session.expire_all()
    again = address.from_kept(session.get_one(SavedSearch, search.id).criteres)
    assert again == wanted
    assert set(parse_qs(everything)) == set(search.criteres)


def test_neither_the_page_nor_the_person_is_kept(session: Session) -> None:
    whom = uuid.uuid4()
    search = keep(session, make_user(session), f"{PERMIS}&page=3&vue=carte&beneficiaire={whom}")
    assert set(search.criteres) == {"quoi", "ou", "public", "places"}
    # A place that comes from the person says where they live: it is left out too.
    theirs = typed(f"quoi=permis&beneficiaire={whom}").at(place.find("Fougères"))
    search = saved.save_search(
        session, theirs, nom="Permis", frequence=Frequence.JAMAIS, by=make_user(session)
    )
    assert search.criteres == {"quoi": ["permis"]}


@pytest.mark.parametrize(
    "query", ["", "tri=fraicheur", "beneficiaire=42664963-3eea-4a0e-8662-ac7b006488bf", "vue=carte"]
)
def test_a_search_that_says_nothing_is_not_kept(session: Session, query: str) -> None:
    with pytest.raises(RuleBroken, match="Choisissez d’abord"):
        keep(session, make_user(session), query)


def test_the_same_key_keeps_one_search(session: Session) -> None:
    user, key = make_user(session), uuid.uuid4()
    first = keep(session, user, id=key)
    assert keep(session, user, id=key) is first
    assert first.id == key


def test_the_key_of_somebody_else_gives_nothing_away(session: Session) -> None:
    first = keep(session, make_user(session), id=uuid.uuid4(), nom="À moi")
    with pytest.raises(RuleBroken, match="plus à jour") as refused:
        keep(session, make_user(session), id=first.id)
    assert "À moi" not in refused.value.message


def test_the_same_search_is_kept_once_a_person(session: Session) -> None:
    user = make_user(session)
    keep(session, user)
    with pytest.raises(AlreadyDone, match="Le permis à Redon"):
        keep(session, user, nom="Autrement", query=f"{PERMIS}&page=2")
    keep(session, make_user(session))


def test_people_keep_fifty_searches_at_most(session: Session) -> None:
    user = make_user(session)
    for number in range(saved.MOST):
        keep(session, user, f"quoi=mot{number}")
    with pytest.raises(RuleBroken, match="supprimez-en une"):
        keep(session, user, "quoi=encore")
    keep(session, make_user(session), "quoi=encore")


@pytest.mark.parametrize("nom", ["", "   ", "n" * 151])
def test_a_name_is_needed(session: Session, nom: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        keep(session, make_user(session), nom=nom)
    assert refused.value.field == "nom"


def test_alerts_that_begin_again_tell_what_comes_next(session: Session, move_clock: MoveClock) -> None:
    begun = move_clock(2026, 3, 1, 10)
    search = keep(session, make_user(session))
    move_clock(2026, 3, 5, 10)
    saved.change_search(session, search, nom="  Le   permis ", frequence=Frequence.MENSUELLE)
    assert (search.nom, search.frequence, search.seen_until) == ("Le permis", Frequence.MENSUELLE, begun)
    saved.stop_alerts(session, search)
    again = move_clock(2026, 5, 5, 10)
    saved.change_search(session, search, nom="Le permis", frequence=Frequence.HEBDOMADAIRE)
    assert search.seen_until == again


def test_a_name_is_proposed(session: Session) -> None:
    assert saved.proposed_name(typed(PERMIS)) == "« permis », Redon (35600), Places libres, Femmes"
    named = saved.proposed_name(typed("structure=dora--1"), {"dora--1": "La Recyclerie"})
    assert named == "La Recyclerie"
    long = "&".join(f"thematique={theme}" for theme in list(FILTERS["thematique"].labels or ())[16:40])
    assert 0 < len(saved.proposed_name(typed(long))) <= saved.NAME_LENGTH


# --- Pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_anybody_who_is_signed_in_keeps_a_search(session: Session, sign_in: SignIn, role: Role) -> None:
    make_offer(session, nom="Le permis autrement")
    browser = sign_in(make_user(session, role))
    results = browser.get("/offres?quoi=permis")
    page = results.click("Garder cette recherche")
    assert page.h1 == "Garder cette recherche"
    assert "1 offre y répond aujourd’hui" in page.text
    form = page.form("search-form")
    assert (form.values["nom"], form.values["frequence"]) == ("« permis »", "hebdomadaire")
    shown = form.submit("Garder", nom="Permis de conduire", frequence="mensuelle")
    assert shown.h1 == "Mes recherches"
    assert "« Permis de conduire » est gardée" in shown.text
    assert "Une fois par mois, par courriel" in shown.text
    assert "1 offre y répond aujourd’hui" in shown.text
    again = shown.click("Permis de conduire")
    assert urlsplit(again.response.request.url).path == "/offres"
    assert again.form("offers-search").values["quoi"] == "permis"


def test_whoever_is_not_signed_in_comes_back_after(session: Session, browser: Browser) -> None:
    page = browser.get("/recherches/nouvelle?quoi=permis", follow=False, status=303)
    assert "next=/recherches/nouvelle?quoi%3Dpermis" in page.response.headers["Location"].replace("%2F", "/")
    assert "Garder cette recherche" not in browser.get("/offres?quoi=permis").text


def test_a_second_press_keeps_one_search(session: Session, sign_in: SignIn) -> None:
    form = sign_in(make_user(session)).get("/recherches/nouvelle?quoi=permis").form("search-form")
    assert form.submit("Garder").h1 == form.submit("Garder").h1 == "Mes recherches"
    assert session.exec(select(func.count()).select_from(SavedSearch)).one() == 1


@pytest.mark.parametrize(
    "query", ["", "?tri=fraicheur", "?type=inconnu", "?quoi=permis&ou=Redonn", "?page=0"]
)
def test_what_cannot_be_kept_leads_back_to_the_search(session: Session, sign_in: SignIn, query: str) -> None:
    page = sign_in(make_user(session)).get(f"/recherches/nouvelle{query}")
    assert page.path == "/offres"
    assert "Choisissez d’abord un lieu, des mots ou un filtre" in page.text


def test_a_wrong_answer_keeps_what_was_typed(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_user(session)).get(f"/recherches/nouvelle?{PERMIS}")
    page = page.form("search-form").submit("Garder", nom=" ", frequence="mensuelle", status=422)
    assert list(page.errors) == ["nom"]
    form = page.form("search-form")
    assert form.values["frequence"] == "mensuelle"
    form.submit("Garder", nom="Permis")
    search = session.exec(select(SavedSearch)).one()
    assert search.criteres == typed(PERMIS).kept()


def test_a_search_kept_already_is_told(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    keep(session, user)
    page = (
        sign_in(user).get(f"/recherches/nouvelle?{PERMIS}").form("search-form").submit("Garder", status=422)
    )
    assert "Vous gardez déjà cette recherche" in page.text


def test_a_search_is_renamed_and_deleted(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    search_id = keep(session, user).id
    browser = sign_in(user)
    page = browser.get("/recherches").click("Modifier : Le permis à Redon")
    assert page.h1 == "Modifier la recherche Le permis à Redon"
    page = page.form("search-form").submit("Enregistrer", nom="Mobilité", frequence="jamais")
    assert "Pas de courriel" in page.text
    assert page.soup.select_one("h2.result-title").get_text() == "Mobilité"  # type: ignore[union-attr]
    page = page.form(f"/recherches/{search_id}/supprimer").submit()
    assert "« Mobilité » est supprimée" in page.text
    assert "Aucune recherche gardée" in page.text
    browser.post(f"/recherches/{search_id}/supprimer", {})
    assert session.exec(select(SavedSearch)).all() == []


def test_nobody_sees_the_searches_of_others(session: Session, sign_in: SignIn) -> None:
    search = keep(session, make_user(session))
    browser = sign_in(make_user(session, Role.ADMINISTRATION))
    assert "Le permis à Redon" not in browser.get("/recherches").text
    browser.get(f"/recherches/{search.id}/modifier", status=404)
    browser.post(f"/recherches/{search.id}/modifier", {"nom": "x", "frequence": "jamais"}, status=404)
    browser.post(f"/recherches/{search.id}/supprimer", {})
    session.refresh(search)
    assert search.nom == "Le permis à Redon"


def test_names_of_structures_and_sources_are_said(session: Session, sign_in: SignIn) -> None:
    structure = known_structure(session, key="1", nom="La Recyclerie")
    known_service(session, structure)
    make_index(session)
    page = sign_in(make_user(session)).get("/recherches/nouvelle?structure=dora--1&source=dora")
    assert page.form("search-form").values["nom"] == "La Recyclerie, DORA"


def test_a_search_whose_choice_is_gone_says_so(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    search = keep(session, user)
    search.criteres = {"type": ["un-type-retire"]}
    page = sign_in(user).get("/recherches")
    assert "À refaire" in page.text
    assert "n’existe plus" in page.text


def test_the_list_takes_as_many_statements_for_one_as_for_many(session: Session, sign_in: SignIn) -> None:
    user = make_user(session)
    browser = sign_in(user)

    def statements(number: int) -> int:
        for _ in range(number):
            keep(session, user, f"quoi=mot{uuid.uuid4().hex}")
        session.commit()
        browser.get("/recherches")
        with count_statements(session) as sent:
            browser.get("/recherches")
        return len(sent)

    assert statements(1) == statements(6)


# --- Stopping an alert from its message ---------------------------------------------------------------------------


def test_an_alert_is_stopped_from_its_message(session: Session, browser: Browser, config: Config) -> None:
    search = keep(session, make_user(session))
    session.commit()
    link = f"/recherches/arreter/{saved.make_stop_link(config.secret_key, search)}"
    page = browser.get(link)
    assert page.h1 == "Ne plus recevoir cette alerte ?"
    # Opening the link, as mail filters do, stops nothing.
    session.refresh(search)
    assert search.frequence is Frequence.HEBDOMADAIRE
    page = page.form(link).submit("Oui, arrêter cette alerte")
    assert page.h1 == "Cette recherche n’écrit plus"
    session.refresh(search)
    assert search.frequence is Frequence.JAMAIS
    assert "C’est déjà fait" in browser.get(link).text


def test_a_link_that_is_dead_stops_nothing(
    session: Session, browser: Browser, config: Config, move_clock: MoveClock
) -> None:
    move_clock(2026, 3, 1, 10)
    search = keep(session, make_user(session))
    session.commit()
    token = saved.make_stop_link(config.secret_key, search)
    other = links.sign(config.secret_key, "toujours-valable", [str(search.id), str(search.user_id)])
    for broken in (token[:-2], "x", saved.make_stop_link("autre" * 8, search), other):
        page = browser.get(f"/recherches/arreter/{broken}", status=410)
        assert "pas complet" in page.text and search.nom not in page.text
        browser.post(f"/recherches/arreter/{broken}", {}, status=410)
    move_clock(2027, 4, 20, 10)
    assert "trop ancien" in browser.post(f"/recherches/arreter/{token}", {}, status=410).text
    session.refresh(search)
    assert search.frequence is Frequence.HEBDOMADAIRE


def test_a_link_to_a_search_that_was_deleted_says_so(
    session: Session, browser: Browser, config: Config
) -> None:
    search = keep(session, make_user(session))
    token = saved.make_stop_link(config.secret_key, search)
    saved.delete_search(session, search)
    session.commit()
    assert "a été supprimée" in browser.post(f"/recherches/arreter/{token}", {}, status=410).text
