"""Looking back: who changed what, a former version read, and put back."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.offers import rules, saisies
from portal.offers.models import Offer, OfferState
from portal.structures import history
from portal.structures.models import Act, Revision, Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_partner
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]


def lines(session: Session, offer: Offer) -> Sequence[Revision]:
    """The history, the latest first."""
    return session.execute(history.of_offer(offer.id)).scalars().all()


def change(session: Session, offer: Offer, by: User, **values: object) -> Revision:
    structure = session.get_one(Structure, offer.structure_id)
    assert rules.change_offer(session, offer, values, structure=structure, by=by)
    session.flush()
    return lines(session, offer)[0]


def scene(session: Session, **values: Any) -> tuple[User, Offer]:
    partner, structure = make_partner(session)
    return partner, make_offer(session, structure, **values)


def version_page(browser: Browser, offer: Offer, line: Revision, status: int = 200) -> Page:
    return browser.get(f"/offres/{offer.id}/historique/{line.id}", status=status)


def test_who_did_what_and_each_answer_before_and_after(session: Session, sign_in: SignIn) -> None:
    partner, offer = scene(session, nom="Atelier vélo")
    animator = make_user(session, Role.ANIMATION, prenom="Ariane", nom="Relectrice")
    change(
        session,
        offer,
        partner,
        nom="Atelier trottinette",
        publics=["femmes"],
        date_fin=date(2031, 3, 1),
        contact_public=False,
        telephone="+33299010203",
    )
    rules.send_back_offer(session, offer, note="Précisez les horaires.", by=animator)
    page = sign_in(partner).get(f"/offres/{offer.id}/historique")
    items = [" ".join(li.text.split()) for li in page.soup.select(".timeline > li")]
    assert len(items) == 4
    assert "Renvoyée avec une remarque" in items[0] and "Ariane Relectrice" in items[0]
    assert "Précisez les horaires." in items[0]
    assert partner.full_name in items[1] and "5 réponses changées" in items[1]
    for said in (
        "Nom de l’offre Atelier vélo Atelier trottinette",
        "Femmes",
        "Dernier jour de l’offre Rien 1er mars 2031",
        "Oui Non",
        "02 99 01 02 03",
    ):
        assert said in items[1], said
    assert "par le portail" in items[2] and "Publiée" in items[2]
    assert "Créée" in items[3]
    assert "beneficiaires-des-minimas-sociaux" not in page.text, "values are said by their labels"


def test_a_version_is_read_then_put_back(
    session: Session, sign_in: SignIn, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    partner, offer = scene(session, nom="Atelier vélo", date_fin=date(2030, 1, 31), nombre_semaines=4)
    first = lines(session, offer)[-1]
    move_clock(2026, 4, 4, 10)
    change(
        session,
        offer,
        partner,
        nom="Atelier trottinette",
        date_fin=None,
        code_insee=REDON,
        publics=["femmes"],
    )
    change(session, offer, partner, nombre_semaines=6)
    move_clock(2026, 5, 5, 10)
    page = sign_in(partner).get(f"/offres/{offer.id}/historique")
    assert len(page.soup.select(f'main a[href*="/offres/{offer.id}/historique/"]')) == 2, (
        "the latest is not offered"
    )
    page = version_page(page.browser, offer, first)
    said = " ".join(page.soup.select_one("table").text.split())  # type: ignore[union-attr]
    assert "Nom de l’offre Atelier trottinette Atelier vélo" in said
    assert "Les sessions et les documents ne reviennent pas en arrière" in page.text
    assert "Rien 31 janvier 2030" in said and "Redon" in said and "Rennes" in said
    page = page.form(f"/historique/{first.id}").submit("Revenir à cette version")
    assert "revenue à cette version. Ses sessions et ses documents sont restés les mêmes." in page.text
    session.refresh(offer)
    assert (offer.nom, offer.date_fin, offer.commune, offer.nombre_semaines) == (
        "Atelier vélo",
        date(2030, 1, 31),
        "Rennes",
        4,
    )
    assert (offer.publics, offer.state) == (["beneficiaires-des-minimas-sociaux"], OfferState.PUBLIEE)
    assert offer.date_maj == clock.today(), "a restored version is a change"
    last = lines(session, offer)[0]
    assert (last.act, last.by_id, last.note) == (Act.RESTAURATION, partner.id, "Version n° 1")
    assert len(lines(session, offer)) == 5, "both versions are kept"


def test_an_answer_in_the_middle_is_found_again(session: Session) -> None:
    partner, offer = scene(session, nom="Premier nom")
    marks = [
        change(session, offer, partner, nom=nom) for nom in ("Deuxième nom", "Troisième nom", "Quatrième nom")
    ]
    now = history.snapshot(offer, rules.FIELDS)
    read = [history.values_at(now, lines(session, offer), mark.id) for mark in marks]
    assert [values and values["nom"] for values in read] == ["Deuxième nom", "Troisième nom", "Quatrième nom"]
    first = history.values_at(now, lines(session, offer), lines(session, offer)[-1].id)
    assert first is not None and first["nom"] == "Premier nom"
    assert {k: v for k, v in first.items() if k != "nom"} == {k: v for k, v in now.items() if k != "nom"}


def test_a_version_that_could_not_be_published_is_refused_with_its_points(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False, description="Court.", publics=None)
    first = lines(session, offer)[0]
    change(
        session,
        offer,
        partner,
        description="On y va ensemble, avec un accompagnateur. " * 4,
        publics=["femmes"],
    )
    rules.publish_offer(session, offer, structure=structure, by=partner)
    page = (
        version_page(sign_in(partner), offer, first)
        .form(f"/historique/{first.id}")
        .submit("Revenir à cette version")
    )
    assert "50 caractères" in page.text and "au moins un public" in page.text
    session.refresh(offer)
    assert offer.publics == ["femmes"] and offer.is_public
    assert lines(session, offer)[0].act is Act.PUBLICATION


def test_somebody_else_s_change_meanwhile_is_not_written_over(session: Session, sign_in: SignIn) -> None:
    partner, offer = scene(session, nom="Premier nom")
    first = lines(session, offer)[-1]
    change(session, offer, partner, nom="Deuxième nom")
    page = version_page(sign_in(partner), offer, first)
    change(session, offer, make_user(session, Role.ANIMATION), nom="Troisième nom")
    session.commit()
    page = page.form(f"/historique/{first.id}").submit("Revenir à cette version")
    assert "Quelqu’un d’autre a modifié" in page.text
    session.refresh(offer)
    assert offer.nom == "Troisième nom"


def test_what_was_being_typed_gives_way_to_the_restored_version(session: Session, sign_in: SignIn) -> None:
    partner, offer = scene(session, nom="Premier nom")
    first = lines(session, offer)[-1]
    change(session, offer, partner, nom="Deuxième nom")
    saisies.save(
        session,
        user=partner,
        structure_id=offer.structure_id,
        offer_id=offer.id,
        version=offer.version,
        champs=[("nom", "Nom tapé")],
    )
    browser = sign_in(partner)
    version_page(browser, offer, first).form(f"/historique/{first.id}").submit("Revenir à cette version")
    assert browser.get(f"/offres/{offer.id}/modifier").form("offer-form").values["nom"] == "Premier nom"


@pytest.mark.parametrize("state", [OfferState.ARCHIVEE, OfferState.FUSIONNEE])
def test_what_is_closed_is_read_and_not_put_back(
    session: Session, sign_in: SignIn, state: OfferState
) -> None:
    partner, offer = scene(session, nom="Premier nom")
    first = lines(session, offer)[-1]
    change(session, offer, partner, nom="Deuxième nom")
    if state is OfferState.ARCHIVEE:
        rules.archive_offer(session, offer, by=partner)
    else:
        other = make_offer(session, session.get_one(Structure, offer.structure_id))
        offer.state, offer.merged_into_id = state, other.id
    browser = sign_in(partner)
    page = browser.get(f"/offres/{offer.id}/historique")
    assert "y revenir" not in page.text and "Deuxième nom" in page.text
    browser.post(f"/offres/{offer.id}/historique/{first.id}", {"version": str(offer.version)})
    session.refresh(offer)
    assert (offer.nom, offer.state) == ("Deuxième nom", state)


def test_history_is_for_its_editors(session: Session, sign_in: SignIn, browser: Browser) -> None:
    partner, offer = scene(session)
    first = lines(session, offer)[-1]
    stranger, elsewhere = make_partner(session)
    other = make_offer(session, elsewhere)
    away = sign_in(stranger)
    away.get(f"/offres/{offer.id}/historique", status=404)
    version_page(away, offer, first, status=404)
    away.post(f"/offres/{offer.id}/historique/{first.id}", {}, status=404)
    # A line of another offer is not a version of this one.
    version_page(away, other, first, status=404)
    referent = sign_in(make_user(session, Role.REFERENT))
    referent.get(f"/offres/{offer.id}/historique", status=403)
    assert "Créée" in sign_in(make_user(session, Role.ANIMATION)).get(f"/offres/{offer.id}/historique").text
    assert browser.get(f"/offres/{offer.id}/historique").path == "/connexion"
