"""Around the person one looks for: for their référent only, and written in the journal."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.beneficiaries import rules
from portal.beneficiaries.models import AccessEntry, AccessKind
from tests.factories import catalogue
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.structures import REDON
from tests.pages import Browser


def readings(session: Session, beneficiary_id: uuid.UUID) -> list[uuid.UUID]:
    """Return who read a file, the first first."""
    session.expire_all()
    rows = session.exec(
        select(AccessEntry)
        .where(col(AccessEntry.beneficiary_id) == beneficiary_id, col(AccessEntry.kind) == AccessKind.LECTURE)
        .order_by(col(AccessEntry.at))
    )
    return [row.user_id for row in rows]


def test_the_search_starts_from_their_commune(session: Session, sign_in: Callable[[User], Browser]) -> None:
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=REDON, nom="Fictif-Caché")
    catalogue.known_service(session)
    catalogue.index(session)
    page = sign_in(referent).get(f"/offres?beneficiaire={person.id}")
    assert page.soup.select_one("#ou")["value"] == "Redon (35600)"  # type: ignore[index]
    assert "pour une personne de Redon" in page.text
    # Nothing in the page's addresses says who, nor where they live.
    links = " ".join(str(tag["href"]) for tag in page.soup.select("main a[href]"))
    assert "Redon" not in links
    assert "Fictif" not in page.response.text


def test_what_was_typed_comes_first(session: Session, sign_in: Callable[[User], Browser]) -> None:
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=REDON)
    page = sign_in(referent).get(f"/offres?beneficiaire={person.id}&ou=Rennes+(35000)")
    assert page.soup.select_one("#ou")["value"] == "Rennes (35000)"  # type: ignore[index]


def test_nobody_else_learns_anything(
    session: Session, sign_in: Callable[[User], Browser], browser: Browser
) -> None:
    person = make_beneficiary(session, make_user(session, Role.REFERENT), code_insee=REDON)
    session.commit()
    visitors = [browser, *(sign_in(make_user(session, role)) for role in Role)]
    for visitor in visitors:
        page = visitor.get(f"/offres?beneficiaire={person.id}")
        assert page.soup.select_one("#ou")["value"] == ""  # type: ignore[index]
        # The same as for somebody who does not exist.
        other = visitor.get(f"/offres?beneficiaire={uuid.uuid4()}")
        assert "bénéficiaires :" not in page.text
        assert page.text == other.text
    assert readings(session, person.id) == []


def test_a_person_without_a_commune(session: Session, sign_in: Callable[[User], Browser]) -> None:
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=None)
    page = sign_in(referent).get(f"/offres?beneficiaire={person.id}")
    assert page.soup.select_one("#ou")["value"] == ""  # type: ignore[index]
    assert page.soup.select_one(f'a[href="/beneficiaires/{person.id}"]')
    assert readings(session, person.id) == [referent.id]


def test_one_search_is_one_line_of_the_journal(
    session: Session, sign_in: Callable[[User], Browser], move_clock: Callable[..., Any]
) -> None:
    move_clock(2026, 3, 3, 10)
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=REDON)
    me = sign_in(referent)
    address = f"/offres?beneficiaire={person.id}"
    me.get(address)
    assert readings(session, person.id) == [referent.id]
    # Each letter, each filter, the map.
    me.fragment(f"{address}&quoi=permis", "offers-results")
    me.get(f"{address}&vue=carte")
    me.client.get(f"/offres/points.json?beneficiaire={person.id}")
    assert readings(session, person.id) == [referent.id]
    move_clock(2026, 3, 3, 10, 31)
    me.get(address)
    assert readings(session, person.id) == [referent.id] * 2


def test_another_reading_of_the_file_does_not_hide_this_one(
    session: Session, sign_in: Callable[[User], Browser]
) -> None:
    first, referent = make_user(session, Role.REFERENT), make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=REDON)
    # A reading by somebody else, and another act of one's own, are other lines.
    rules.journal(session, person.id, by=first, kind=AccessKind.LECTURE)
    rules.journal(session, person.id, by=referent, kind=AccessKind.PRESCRIPTION)
    sign_in(referent).get(f"/offres?beneficiaire={person.id}")
    assert sorted(readings(session, person.id)) == sorted([first.id, referent.id])


def test_from_a_barrier_the_search_is_filled_in(session: Session, sign_in: Callable[[User], Browser]) -> None:
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(
        session, referent, code_insee=REDON, freins=["mobilite", "numerique"], nom="Fictif-Caché"
    )
    catalogue.known_service(session, nom="Numérique à Redon", code_insee=REDON)
    catalogue.index(session)
    page = sign_in(referent).get(f"/beneficiaires/{person.id}")
    links = {
        tag.get_text(" ", strip=True): str(tag["href"]) for tag in page.soup.select('main a[href^="/offres"]')
    }
    for label in ("Chercher des offres : Mobilité", "Chercher des offres : Numérique"):
        address = links[label]
        assert f"beneficiaire={person.id}" in address
        assert "Redon" not in address and "Fictif" not in address
    found = page.browser.get(links["Chercher des offres : Numérique"])
    chosen = [tag.get_text(" ", strip=True) for tag in found.soup.select(".chosen-item span:nth-of-type(2)")]
    assert chosen == ["Redon (35600)", "Numérique"]
    everything = page.browser.get(links["Chercher pour tous ces freins"])
    chosen = [
        tag.get_text(" ", strip=True) for tag in everything.soup.select(".chosen-item span:nth-of-type(2)")
    ]
    assert set(chosen) == {"Redon (35600)", "Numérique", "Mobilité"}
    by_dominante = page.browser.get(links["Offres de dominante équilibrée"])
    chosen = [
        tag.get_text(" ", strip=True) for tag in by_dominante.soup.select(".chosen-item span:nth-of-type(2)")
    ]
    assert chosen == ["Redon (35600)", "Équilibrée"]


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
