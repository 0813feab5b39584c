"""Conventions on a page: who may knock, the list, and one convention."""

import uuid
from datetime import timedelta

import pytest
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import queries, taking
from portal.conventions.models import Convention, PlaceMode
from portal.prescriptions.states import State
from portal.structures import rules as structure_rules
from tests.conventions.hands import ACTION, CONVENTION, SignIn, cells, made, readings, rows, writings
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser
from tests.statements import count_statements

# --- Who may knock ---------------------------------------------------------------------------------------------------


def test_the_officer_reads_and_writes(session: Session, sign_in: SignIn, officer: User) -> None:
    action = made(make_scene(session))
    browser = sign_in(officer)
    for url in readings(action) + writings(action):
        browser.get(url)


def test_a_partner_reads_its_own_and_writes_nothing(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    action = made(scene)
    browser = sign_in(scene.partner)
    for url in readings(action):
        page = browser.get(url)
        assert not page.soup.select('main form[method="post"]')
        assert not page.soup.select('main a[href$="/modifier"], main a[href$="/nouvelle"]')
    for url in writings(action):
        browser.get(url, status=403)
        browser.post(url, {**CONVENTION, **ACTION}, status=403)


def test_another_partner_finds_nothing(session: Session, sign_in: SignIn) -> None:
    action = made(make_scene(session))
    partner, _ = make_partner(session)
    browser = sign_in(partner)
    assert "Pas encore de convention" in browser.get("/conventions").text
    for url in readings(action)[1:]:
        browser.get(url, status=404)


@pytest.mark.parametrize("role", [Role.REFERENT, Role.ANIMATION, Role.ADMINISTRATION])
def test_others_have_no_access(session: Session, sign_in: SignIn, role: Role) -> None:
    action = made(make_scene(session))
    browser = sign_in(make_user(session, role))
    for url in readings(action) + writings(action):
        browser.get(url, status=403)
    for url in writings(action):
        browser.post(url, {**CONVENTION, **ACTION}, status=403)


def test_nobody_signed_in_is_sent_to_the_door(session: Session, browser: Browser) -> None:
    action = made(make_scene(session))
    session.commit()
    for url in readings(action) + writings(action):
        response = browser.client.get(url)
        assert response.status_code in {302, 303}
        assert "/connexion" in response.headers["Location"]


def test_what_is_not_there_is_not_found(session: Session, sign_in: SignIn, officer: User) -> None:
    action, elsewhere = made(make_scene(session)), made(make_scene(session))
    browser = sign_in(officer)
    for url in (
        f"/conventions/{uuid.uuid4()}",
        f"/conventions/{uuid.uuid4()}/modifier",
        f"/conventions/{action.convention_id}/actions/{uuid.uuid4()}",
        f"/conventions/{elsewhere.convention_id}/actions/{action.id}",
        f"/conventions/{elsewhere.convention_id}/actions/{action.id}/modifier",
        "/conventions?periode=jamais",
        "/conventions?etat=jamais",
        "/conventions?page=99",
    ):
        browser.get(url, status=404)


# --- The list --------------------------------------------------------------------------------------------------------


def test_the_list_counts_places_and_money(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session, places=5)
    for state in (State.ACCEPTEE, State.ENTREE, State.TERMINEE):
        make_prescription(session, scene, state)
    page = sign_in(scene.partner).get("/conventions")
    row, total = rows(page)
    assert " Active " in row[0]
    assert scene.structure.nom in row[0]
    assert row[1:7] == ["5", "1", "1", "1", "2", "0"]
    assert row[7:] == ["4 500,00 €", "7 500,00 €", "30 000,00 €"]
    assert total[0] == "Total : 1 convention"
    assert total[1:] == row[1:]


def test_the_list_by_standing(session: Session, sign_in: SignIn, officer: User) -> None:
    _, structure = make_partner(session)
    today = clock.today()
    for numero, begins, ends in (("PASSEE", -30, -1), ("PRESENTE", -30, 30), ("FUTURE", 1, 30)):
        make_convention(
            session,
            structure,
            numero=numero,
            date_debut=today + timedelta(days=begins),
            date_fin=today + timedelta(days=ends),
        )
    make_convention(session, structure, numero="PROJET", signee_le=None)
    browser = sign_in(officer)
    everything = browser.get("/conventions")
    assert len(rows(everything)) == 5
    for link, numero, word in (
        ("Échues (1)", "PASSEE", "Échue"),
        ("Actives (1)", "PRESENTE", "Active"),
        ("À venir (1)", "FUTURE", "Signée, à venir"),
        ("Brouillons (1)", "PROJET", "Brouillon"),
    ):
        page = everything.click(link)
        row, total = rows(page)
        assert row[0].startswith(f"{numero} {word} ")
        assert total[0] == "Total : 1 convention"
        assert page.soup.select_one('main nav a[aria-current="page"]').text.startswith(link[:4])  # type: ignore[union-attr]
    assert len(rows(page.click("Toutes (4)"))) == 5


@pytest.mark.parametrize(
    ("former", "now"), [("en-cours", "active"), ("a-venir", "signee"), ("terminees", "echue")]
)
def test_the_former_addresses_of_the_list_lead_on(
    session: Session, sign_in: SignIn, officer: User, former: str, now: str
) -> None:
    make_scene(session)
    answer = sign_in(officer).client.get(f"/conventions?periode={former}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/conventions?etat={now}")


def test_a_standing_without_conventions_leads_back(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    page = sign_in(scene.partner).get("/conventions?etat=close")
    assert "Aucune convention dans cet état" in page.text
    assert len(rows(page.click("Voir toutes les conventions"))) == 2


def test_a_draft_counts_for_nothing_and_its_partner_does_not_see_it(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    scene = make_scene(session, places=5)
    draft = make_convention(session, scene.structure, signee_le=None)
    make_action(session, draft, [scene.offer], places=7)
    session.commit()
    page = sign_in(officer).get("/conventions")
    assert rows(page)[-1][:2] == ["Total : 2 conventions", "5"]
    assert "Les brouillons ne comptent pas" in page.text
    places = queries.places_by_offer(session, [scene.offer.id])[scene.offer.id]
    assert (places.financees, places.libres) == (5, 5)
    partner = sign_in(scene.partner)
    assert len(rows(partner.get("/conventions"))) == 2
    partner.get(f"/conventions/{draft.id}", status=404)


def test_an_empty_list_offers_the_first_step(session: Session, sign_in: SignIn, officer: User) -> None:
    assert session.exec(select(func.count()).select_from(Convention)).one() == 0
    page = sign_in(officer).get("/conventions")
    assert "Pas encore de convention" in page.text
    assert page.click("Écrire une convention").h1 == "Écrire une convention"


def test_a_long_list_has_pages_and_the_total_of_all_is_asked_for(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    for _ in range(21):
        make_action(session, make_convention(session, structure), [offer], places=2)
    browser = sign_in(partner)
    first = browser.get("/conventions")
    second = first.click("Page 2")
    assert (len(rows(first)), len(rows(second))) == (21, 2)
    assert rows(first)[-1][:2] == ["Total de cette page : 20 conventions", "40"]
    whole = second.click("Total des 21 conventions")
    assert rows(whole)[-1][:2] == ["Total : 21 conventions", "42"]
    assert rows(whole)[-1][-1] == "630 000,00 €"
    assert rows(whole.click("Page 1"))[-1] == rows(whole)[-1]


def test_the_list_takes_as_many_statements_for_one_as_for_many(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    make_prescription(session, scene, State.ACCEPTEE)
    browser = sign_in(scene.partner)
    with count_statements(session) as one:
        browser.get("/conventions")
    for _ in range(6):
        make_action(session, make_convention(session, scene.structure), [scene.offer])
        make_prescription(session, scene, State.ENTREE)
    session.commit()
    with count_statements(session) as many:
        browser.get("/conventions")
    assert len(one) == len(many)


# --- Writing a convention --------------------------------------------------------------------------------------------


def test_a_convention_is_written_to_the_cent(session: Session, sign_in: SignIn, officer: User) -> None:
    structure = make_structure(session, nom="Partenaire publié")
    hidden = make_structure(session, nom="Pas encore publié", published=False)
    page = sign_in(officer).get("/conventions/nouvelle")
    assert "Partenaire publié (Rennes)" in page.text
    assert hidden.nom not in page.text
    shown = page.form("convention-form").submit(
        **CONVENTION, structure_id=str(structure.id), financeurs=["etat", "departement"]
    )
    assert shown.h1 == "Convention 2026-12"
    assert "Financeurs Département, État" in shown.text
    assert "La convention 2026-12 est enregistrée." in shown.text
    assert "30 000,50 €" in shown.text
    convention = session.exec(select(Convention).where(col(Convention.numero) == "2026-12")).one()
    assert (convention.montant_centimes, convention.structure_id) == (3_000_050, structure.id)


def test_a_second_press_writes_nothing_twice(session: Session, sign_in: SignIn, officer: User) -> None:
    structure = make_structure(session)
    form = sign_in(officer).get("/conventions/nouvelle").form("convention-form")
    first = form.submit(**CONVENTION, structure_id=str(structure.id))
    second = form.submit(**CONVENTION, structure_id=str(structure.id))
    assert first.path == second.path
    assert session.exec(select(func.count()).select_from(Convention)).one() == 1


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"montant": "30.000"}, "montant", "Écrivez un montant en euros"),
        ({"date_fin": "2025-12-31"}, "date_fin", "finit avant de commencer"),
        ({"numero": "PRISE"}, "numero", "Une autre convention porte ce numéro"),
        ({"structure_id": ""}, "structure_id", "Choisissez le partenaire"),
    ],
)
def test_a_wrong_convention_keeps_what_was_typed(
    session: Session, sign_in: SignIn, officer: User, change: dict[str, str], field: str, sentence: str
) -> None:
    structure = make_structure(session)
    make_convention(session, structure, numero="PRISE")
    typed = {**CONVENTION, "structure_id": str(structure.id), **change}
    page = sign_in(officer).get("/conventions/nouvelle").form("convention-form").submit(**typed, status=422)
    assert list(page.errors) == [field]
    assert sentence in page.errors[field]
    kept = page.form("convention-form").values
    assert {name: kept[name] for name in typed} == typed
    assert session.exec(select(func.count()).select_from(Convention)).one() == 1


def test_a_convention_is_changed(session: Session, sign_in: SignIn, officer: User) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure, montant_centimes=3_000_050)
    structure_rules.withdraw_structure(session, structure, by=officer)
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    # The partner stays, though its structure was withdrawn since.
    assert form.values["structure_id"] == str(structure.id)
    assert form.values["montant"] == "30\u202f000,50"
    page = form.submit("Enregistrer", intitule="Nouveau nom", montant="0", financeurs=["europe"])
    assert "Nouveau nom" in page.text
    assert "Financeur Union européenne (FSE+)" in page.text
    assert session.get_one(Convention, convention.id).montant_centimes == 0
    form = page.click("Modifier").form("convention-form")
    assert form.values["financeurs"] == "europe"


def test_a_refused_change_leaves_the_convention_as_it_was(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    action, other = made(make_scene(session)), make_structure(session, nom="Autre partenaire")
    convention = session.get_one(Convention, action.convention_id)
    name, partner = convention.intitule, convention.structure_id
    form = sign_in(officer).get(f"/conventions/{convention.id}/modifier").form("convention-form")
    page = form.submit("Enregistrer", intitule="Changé", structure_id=str(other.id), status=422)
    assert list(page.errors) == ["structure_id"]
    assert page.form("convention-form").values["intitule"] == "Changé"
    assert page.h1 == f"Modifier la convention {convention.numero}"
    found = session.get_one(Convention, convention.id)
    assert (found.intitule, found.structure_id) == (name, partner)


# --- One convention --------------------------------------------------------------------------------------------------


def test_a_convention_tells_its_actions(session: Session, sign_in: SignIn, officer: User) -> None:
    scene = make_scene(session, places=3, mode=PlaceMode.FILE_ACTIVE)
    action = made(scene)
    draft = make_offer(session, scene.structure, nom="Offre à venir", published=False)
    convention = session.get_one(Convention, action.convention_id)
    make_action(session, convention, [draft], places=0, intitule="Deuxième action")
    make_prescription(session, scene, State.ENTREE)
    page = sign_in(officer).get(f"/conventions/{convention.id}")
    for words in (
        scene.structure.nom,
        "Deuxième action",
        scene.offer.nom,
        "Offre à venir Brouillon",
        PlaceMode.FILE_ACTIVE.help,
        "1 500,00 €, soit 1 500,00 € engagés sur 4 500,00 €",
        "2 sur 3",
    ):
        assert words in page.text
    tables = {tuple(cells(table)[1::2]) for table in page.soup.select("main section table")}
    assert tables == {("3", "0", "1", "0", "2", "0"), ("0",) * 6}
    assert page.soup.select_one(f'a[href="/offres/{scene.offer.id}"]')
    assert not page.soup.select_one(f'a[href="/offres/{draft.id}"]')
    assert page.soup.select_one(f'a[href="/conventions/{convention.id}/actions/nouvelle"]')


def test_places_that_cost_more_than_the_amount_are_told(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    scene = make_scene(session, places=3)
    convention = session.get_one(Convention, made(scene).convention_id)
    browser = sign_in(officer)
    warning = "Les places coûtent plus que le montant"
    for amount, told in ((450_000, False), (449_999, True)):
        convention = session.get_one(Convention, convention.id)
        convention.montant_centimes = amount
        session.commit()
        assert (warning in browser.get(f"/conventions/{convention.id}").text) is told
        assert ("Prévu plus que le montant" in browser.get("/conventions").text) is told


def test_people_who_wait_are_told(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session, places=0)
    prescription = make_prescription(session, scene)
    taking.join_waiting_list(session, offer_id=scene.offer.id, prescription_id=prescription.id)
    browser = sign_in(scene.partner)
    assert "1 personne attend une place" in browser.get(f"/conventions/{made(scene).convention_id}").text
    assert rows(browser.get("/conventions"))[0][6] == "1"


def test_a_convention_takes_as_many_statements_for_one_action_as_for_many(
    session: Session, sign_in: SignIn
) -> None:
    scene = make_scene(session)
    convention = session.get_one(Convention, made(scene).convention_id)
    browser = sign_in(scene.partner)
    with count_statements(session) as one:
        browser.get(f"/conventions/{convention.id}")
    for _ in range(5):
        make_action(session, convention, [scene.offer, make_offer(session, scene.structure)])
    session.commit()
    with count_statements(session) as many:
        browser.get(f"/conventions/{convention.id}")
    assert len(one) == len(many)
