"""Actions of a convention and the ledger of their places, by the pages; nobody's name is in them."""

from sqlmodel import Session, col, func, select

from portal.accounts.models import Role, User
from portal.conventions import taking
from portal.conventions.models import FinancedAction, PlaceMode
from portal.prescriptions.states import State
from tests.conventions.hands import ACTION, SignIn, address, cells, made, movements, readings, writings
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_structure

# --- Actions ---------------------------------------------------------------------------------------------------------


def test_an_action_is_written_once(session: Session, sign_in: SignIn, officer: User) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure)
    public = make_offer(session, structure, nom="Atelier publié")
    draft = make_offer(session, structure, nom="Atelier à venir", published=False)
    foreign = make_offer(session, nom="Atelier d’un autre")
    page = sign_in(officer).get(f"/conventions/{convention.id}").click("Ajouter une action")
    assert "Atelier à venir (brouillon)" in page.text
    assert foreign.nom not in page.text
    assert PlaceMode.ENTREE.help in page.text
    form = page.form("action-form")
    chosen = {**ACTION, "offer_ids": [str(public.id), str(draft.id)]}
    for _ in range(2):
        assert "Modules de permis" in form.submit(**chosen).text
    actions = session.exec(
        select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
    ).all()
    assert [(a.places_financees, a.cout_unitaire_centimes, a.mode) for a in actions] == [
        (12, 150_000, PlaceMode.ENTREE)
    ]


def test_a_wrong_action_keeps_what_was_typed(session: Session, sign_in: SignIn, officer: User) -> None:
    structure = make_structure(session)
    convention = make_convention(session, structure)
    offer = make_offer(session, structure)
    form = sign_in(officer).get(f"/conventions/{convention.id}/actions/nouvelle").form("action-form")
    typed = {**ACTION, "places_financees": "beaucoup", "mode": "file_active", "offer_ids": str(offer.id)}
    page = form.submit(**typed, status=422)
    assert page.errors == {"places_financees": "Écrivez un nombre entier, par exemple 12."}
    kept = page.form("action-form").values
    assert {name: kept[name] for name in typed} == typed
    foreign = make_offer(session)
    session.commit()
    page = form.submit(**{**ACTION, "offer_ids": str(foreign.id)}, status=422)
    assert list(page.errors) == ["offer_ids"]
    assert session.exec(select(func.count()).select_from(FinancedAction)).one() == 0


def test_a_partner_without_offers_is_told_before_the_form(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    convention = make_convention(session, make_structure(session))
    page = sign_in(officer).get(f"/conventions/{convention.id}/actions/nouvelle")
    assert "Ce partenaire n’a pas encore d’offre" in page.text
    assert not page.soup.select("main form")


def test_an_action_is_changed(session: Session, sign_in: SignIn, officer: User) -> None:
    action = made(make_scene(session, places=3))
    form = sign_in(officer).get(address(action, "/modifier")).form("action-form")
    assert form.values["places_financees"] == "3"
    assert form.values["cout_unitaire"] == "1\u202f500"
    assert form.values["mode"] == "entree"
    page = form.submit("Enregistrer", places_financees="7", cout_unitaire="99,90", mode="file_active")
    assert page.path == f"/conventions/{action.convention_id}"
    found = session.get_one(FinancedAction, action.id)
    assert (found.places_financees, found.cout_unitaire_centimes) == (7, 9990)
    assert found.mode is PlaceMode.FILE_ACTIVE


def test_an_action_with_places_taken_refuses_to_shrink_below(
    session: Session, sign_in: SignIn, officer: User
) -> None:
    scene = make_scene(session, places=3)
    for _ in range(2):
        make_prescription(session, scene, State.ACCEPTEE)
    form = sign_in(officer).get(address(made(scene), "/modifier")).form("action-form")
    page = form.submit("Enregistrer", places_financees="1", status=422)
    assert "2 places sont déjà" in page.errors["places_financees"]
    assert page.form("action-form").values["places_financees"] == "1"
    assert session.get_one(FinancedAction, made(scene).id).places_financees == 3


# --- The ledger ------------------------------------------------------------------------------------------------------


def test_the_ledger_names_prescriptions_by_reference(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session, places=3)
    prescription = make_prescription(session, scene, State.TERMINEE)
    page = sign_in(scene.partner).get(address(made(scene)))
    reference = str(prescription.id)[:8].upper()
    assert [tuple(cells(line)[1:]) for line in movements(page)] == [
        ("Place utilisée", reference, "0", "0", "1"),
        ("Place occupée", reference, "0", "1", "0"),
        ("Place retenue", reference, "1", "0", "0"),
    ]
    assert str(prescription.id) not in page.response.text
    # Who does not know whom it is about follows nobody line after line.
    page = sign_in(make_user(session, Role.ETAT)).get(address(made(scene)))
    assert [tuple(cells(line)[1:]) for line in movements(page)][0] == ("Place utilisée", "0", "0", "1")
    assert reference not in page.text


def test_a_ledger_without_lines_tells_what_will_be_there(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    assert "Aucun mouvement" in sign_in(scene.partner).get(address(made(scene))).text


def test_a_long_ledger_has_pages(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session, places=60)
    for _ in range(51):
        make_prescription(session, scene, State.ACCEPTEE)
    first = sign_in(scene.partner).get(address(made(scene)))
    assert "51 mouvements" in first.text
    assert cells(movements(first)[0])[3:] == ["51", "0", "0"]
    second = first.click("Page 2")
    assert cells(movements(second)[0])[3:] == ["1", "0", "0"]


def test_no_page_names_a_beneficiary(session: Session, sign_in: SignIn, officer: User) -> None:
    scene = make_scene(session, places=2)
    person = make_beneficiary(
        session,
        scene.referent,
        prenom="Xénophon",
        nom="Introuvable",
        numero_allocataire="SECRET77",
        telephone="+33611223344",
        courriel="xenophon@exemple.example.org",
    )
    make_prescription(session, scene, State.ENTREE, person)
    make_prescription(session, scene, State.ACCEPTEE)
    waits = make_beneficiary(session, scene.referent, prenom="Xanthippe", nom="Patiente")
    prescription = make_prescription(session, scene, State.ENVOYEE, waits)
    taking.join_waiting_list(session, offer_id=scene.offer.id, prescription_id=prescription.id)
    action = made(scene)
    for user, urls in ((officer, readings(action) + writings(action)), (scene.partner, readings(action))):
        browser = sign_in(user)
        for url in urls:
            html = browser.get(url).response.text
            for secret in (
                *("Xénophon", "Introuvable", "SECRET77", "11223344", "11 22 33 44", "xenophon@"),
                *("Xanthippe", "Patiente", str(person.id), str(waits.id), scene.referent.nom),
            ):
                assert secret not in html, f"{url} tells {secret}"
