"""What is typed in the form of an offer is kept: restored, dropped, one's own, never written over somebody else's."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import saisies
from portal.offers.models import Offer, Saisie
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.offers.typed import autosave, keep, said
from tests.pages import Browser

SignIn = Callable[[User], Browser]


# --- Without pages ---


def test_the_latest_answers_replace_the_former_ones(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    move_clock(2026, 3, 3, 10)
    keep(session, partner, offer, nom="Un")
    later = move_clock(2026, 3, 3, 11)
    keep(session, partner, offer, nom="Deux", csrf_token="secret", acte="publier", besoin="permis")
    session.flush()
    (kept,) = session.exec(select(Saisie)).all()
    assert kept.champs == [["nom", "Deux"]], "neither the token nor the button is an answer"
    assert kept.saved_at == later
    assert saisies.answer(kept, "nom") == "Deux"
    assert saisies.answer(kept, "type") == ""


def test_each_person_has_their_own(session: Session) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    offer = make_offer(session, structure)
    keep(session, partner, offer, nom="La mienne")
    assert saisies.find(session, user=colleague, offer_id=offer.id) is None
    assert saisies.of_user(session, colleague) == []
    keep(session, colleague, offer, nom="La sienne")
    saisies.drop(session, user=partner, offer_id=offer.id)
    assert saisies.find(session, user=partner, offer_id=offer.id) is None
    assert [saisies.answer(kept, "nom") for kept in saisies.of_user(session, colleague)] == ["La sienne"]


def test_endless_answers_are_refused_and_the_former_ones_stay(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    keep(session, partner, offer, nom="Courte")
    with pytest.raises(RuleBroken, match="raccourcissez"):
        keep(session, partner, offer, description="x" * 200_001)
    found = saisies.find(session, user=partner, offer_id=offer.id)
    assert found is not None and saisies.answer(found, "nom") == "Courte"


def test_what_became_an_offer_is_no_longer_begun(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False)

    def begin(offer_id: uuid.UUID) -> Saisie:
        kept = saisies.save(
            session,
            user=partner,
            structure_id=structure.id,
            offer_id=offer_id,
            version=None,
            champs=[("nom", "Vélo")],
        )
        session.flush()
        return kept

    begin(offer.id)
    assert saisies.latest_new(session, user=partner, structure_id=structure.id) is None
    new = begin(uuid.uuid4())
    assert saisies.latest_new(session, user=partner, structure_id=structure.id) == new


def test_one_s_own_change_beside_the_form_is_followed(session: Session) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    kept = keep(session, partner, offer, nom="En cours", version=str(offer.version))
    offer.version += 1
    saisies.follow(session, user=partner, offer=offer)
    assert (kept.version, saisies.answer(kept, "version")) == (offer.version, str(offer.version))
    offer.version += 2
    saisies.follow(session, user=partner, offer=offer)
    assert kept.version == offer.version - 2, "somebody else changed it meanwhile: it is told at saving"


def test_what_nobody_came_back_to_is_forgotten(session: Session, move_clock: Callable[..., datetime]) -> None:
    partner, structure = make_partner(session)
    now = move_clock(2026, 6, 1, 10)
    old, recent = make_offer(session, structure), make_offer(session, structure)
    keep(session, partner, old, nom="Vieille").saved_at = now - timedelta(days=91)
    keep(session, partner, recent, nom="Récente").saved_at = now - timedelta(days=89)
    session.flush()
    assert saisies.purge(session) == 1
    assert [saisies.answer(kept, "nom") for kept in saisies.of_user(session, partner)] == ["Récente"]
    assert saisies.purge(session) == 0


# --- A new offer ---


def test_a_reload_finds_everything_again(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    typed = {
        "nom": "Réparer son vélo",
        "publics": ["femmes", "jeunes"],
        "description": "Deux\nlignes",
        "nombre_semaines": "douze",
        "sessions-0-debut": "2030-01-15",
        "sessions-0-places": "huit",
    }
    answer = autosave(browser, structure, form, form.values["cle"], **typed)
    assert "Vos réponses sont gardées" in said(answer, "#offer-kept")
    assert not session.exec(select(Offer)).all(), "nothing is an offer before it is saved"
    page = browser.get(address)
    assert "Voici ce que vous écriviez" in page.text
    again = page.form("offer-form")
    assert {name: again.values[name] for name in typed} == typed
    assert again.values["cle"] == form.values["cle"]
    assert "contact_public" in again.values
    assert not page.soup.select(".field-error, #error-summary"), "what is half typed is not a fault yet"
    session.expire_all()
    page = again.submit("Enregistrer le brouillon", nombre_semaines="12", **{"sessions-0-places": "8"})
    assert "Voici ce que vous écriviez" not in page.text
    assert str(session.exec(select(Offer)).one().id) == form.values["cle"]
    assert not session.exec(select(Saisie)).all()
    assert browser.get(address).form("offer-form").values["nom"] == ""


def test_an_unticked_box_stays_unticked(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    assert form.values.pop("contact_public") == "y"
    autosave(browser, structure, form, form.values["cle"], nom="Sans contact")
    assert "contact_public" not in browser.get(address).form("offer-form").values


def test_another_one_can_be_begun(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    address = f"/structures/{structure.id}/offres/nouvelle"
    form = browser.get(address).form("offer-form")
    autosave(browser, structure, form, form.values["cle"], nom="À oublier")
    page = browser.get(address).form("/oublier").submit("Commencer une autre offre")
    assert page.path == address
    fresh = page.form("offer-form").values
    assert fresh["nom"] == "" and fresh["cle"] != form.values["cle"]
    assert not session.exec(select(Saisie)).all()


def test_answers_that_arrive_after_the_save_bring_nothing_back(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    form.submit("Enregistrer le brouillon", nom="Enregistrée")
    offer = session.exec(select(Offer)).one()
    late = autosave(browser, structure, form, offer.id, nom="Enregistré")
    assert "Non enregistré" in said(late, "#offer-kept")
    page = browser.get(f"/offres/{offer.id}/modifier")
    assert "Voici ce que vous écriviez" not in page.text
    assert page.form("offer-form").values["nom"] == "Enregistrée"


# --- An offer that exists ---


def test_changes_wait_for_their_author_only(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    colleague, _ = make_partner(session, structure)
    offer = make_offer(session, structure, nom="Comme elle est")
    browser = sign_in(partner)
    form = browser.get(f"/offres/{offer.id}/modifier").form("offer-form")
    autosave(browser, structure, form, offer.id, nom="Comme elle sera")
    assert browser.get(f"/offres/{offer.id}/modifier").form("offer-form").values["nom"] == "Comme elle sera"
    other = sign_in(colleague).get(f"/offres/{offer.id}/modifier")
    assert other.form("offer-form").values["nom"] == "Comme elle est"
    assert "Comme elle sera" not in other.text
    session.refresh(offer)
    assert offer.nom == "Comme elle est"
    page = browser.get(f"/offres/{offer.id}/modifier").form("/oublier").submit()
    assert page.form("offer-form").values["nom"] == "Comme elle est"


def test_who_left_the_structure_finds_nothing_of_it(session: Session, sign_in: SignIn) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    keep(session, stranger, offer, nom="Restée là")
    browser = sign_in(stranger)
    browser.get(f"/offres/{offer.id}/modifier", status=404)
    browser.get(f"/structures/{offer.structure_id}/offres/nouvelle", status=404)
    browser.post(f"/structures/{offer.structure_id}/saisie/{offer.id}", {"nom": "Encore"}, status=404)
    browser.post(f"/structures/{offer.structure_id}/saisie/{offer.id}/oublier", {}, status=404)


def test_an_offer_of_another_structure_is_not_kept_under_one_s_own(session: Session, sign_in: SignIn) -> None:
    keeper = make_user(session, Role.ANIMATION)
    offer, elsewhere = make_offer(session), make_structure(session)
    sign_in(keeper).post(f"/structures/{elsewhere.id}/saisie/{offer.id}", {"nom": "Ailleurs"}, status=404)
    assert not session.exec(select(Saisie)).all()


def test_endless_answers_are_said_beside_the_form(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    answer = autosave(browser, structure, form, form.values["cle"], description="x" * 200_001)
    line = answer.select_one("#offer-kept")
    assert line is not None and line["role"] == "alert"
    assert "Non enregistré : Ces réponses sont trop longues" in said(answer, "#offer-kept")
    assert "Non enregistré" in said(answer, "#offer-bar")


def test_an_expired_session_says_so_and_keeps_nothing(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    session.commit()
    headers = {"HX-Request": "true", "HX-Target": "offer-aside", "Origin": "http://localhost"}
    response = browser.client.post(
        f"/structures/{structure.id}/saisie/{uuid.uuid4()}", data={"nom": "Tard"}, headers=headers
    )
    assert response.status_code == 401, "the line beside the form says that nothing is kept"
    assert not session.exec(select(Saisie)).all()


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
