"""States × acts × people, whole, through the pages: what each door answers to each, and what it writes, cell by cell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, select
from werkzeug.test import TestResponse

from portal import clock
from portal.accounts.views import limiter
from portal.db import Database
from portal.links import sign
from portal.prescriptions import hours, links
from portal.prescriptions.answer_forms import week_name
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side
from tests import multipart
from tests.house.test_access import RULES
from tests.pages import Browser
from tests.prescriptions.grid import (
    COLUMNS,
    LINK_VOID,
    PDF,
    PEOPLE,
    READ,
    READING,
    ROWS,
    SIGNED_IN,
    UNSENT,
    Grid,
    Watch,
    make_grid,
    tomorrow,
)
from tests.undone import undone

SECRET = "t" * 40

# `to`: the letters of the roles that may knock. `ok`: what is answered to those who may. `late`: to those whose act it
# is, when it is not the time; with "late" alone, the page of the prescription says why. `other`: to the other side.
# {p} is the prescription, {l} its link, {d} and {s} the documents of the référent and of the structure.
_DOORS = """
endpoint                         to  act               ok  late        other address
prescriptions.send               R   envoyer           303 303,409     -     {p}/envoi
prescriptions.lot                R   envoyer           303 303         -     /prescriptions/lots/{lot}
prescriptions.act                RM  annuler           303 409         404   {p}/annuler
prescriptions.remind             R   relancer          303 409         -     {p}/relancer
prescriptions.hand_over          R   confier           303 409         -     {p}/confier
prescriptions.place              R   prendre-la-place  303 409         -     {p}/place
prescriptions.place              R   laisser-la-place  303 409         -     {p}/place
prescriptions.act                RM  etudier           303 409         404   {p}/etudier
prescriptions.act                RM  mettre-en-attente 303 409         404   {p}/mettre-en-attente
prescriptions.act                RM  accepter          303 409         404   {p}/accepter
prescriptions.act                RM  refuser           303 409         404   {p}/refuser
prescriptions.act                RM  rendez-vous       303 409         404   {p}/rendez-vous
prescriptions.act                RM  presence          303 409         404   {p}/presence
prescriptions.act                RM  absence           303 409         404   {p}/absence
prescriptions.act                RM  entrer            303 409         404   {p}/entrer
prescriptions.act                RM  terminer          303 409         404   {p}/terminer
prescriptions.act                RM  abandonner        303 409         404   {p}/abandonner
prescriptions.assign             M   suivre            303 303         -     {p}/suivre
prescriptions.answer_several     M   etudier           200 200         -     /prescriptions/plusieurs
prescriptions.answer_several     M   accepter          200 200         -     /prescriptions/plusieurs
prescriptions.answer_several     M   refuser           200 200         -     /prescriptions/plusieurs
prescriptions.answer_several     M   suivre            200 200         -     /prescriptions/plusieurs
prescriptions.paper              R   accepter          303 404,409     -     {p}/papier?reponse=accepter
prescriptions.paper              R   refuser           303 404,409     -     {p}/papier?reponse=refuser
prescriptions.paper              R   entrer            303 404,409     -     {p}/papier?reponse=entrer
prescriptions.paper              R   terminer          303 404,409     -     {p}/papier?reponse=terminer
prescriptions.paper              R   abandonner        303 404,409     -     {p}/papier?reponse=abandonner
reponse.act                      L   annuler           -   404         404   {l}/annuler
reponse.act                      L   etudier           303 409         404   {l}/etudier
reponse.act                      L   mettre-en-attente 303 409         404   {l}/mettre-en-attente
reponse.act                      L   accepter          303 409         404   {l}/accepter
reponse.act                      L   refuser           303 409         404   {l}/refuser
reponse.act                      L   rendez-vous       303 409         404   {l}/rendez-vous
reponse.act                      L   presence          303 409         404   {l}/presence
reponse.act                      L   absence           303 409         404   {l}/absence
reponse.act                      L   entrer            303 409         404   {l}/entrer
reponse.act                      L   terminer          303 409         404   {l}/terminer
reponse.act                      L   abandonner        303 409         404   {l}/abandonner
prescriptions.edit               R   modifier          303 409         -     {p}/modifier
prescriptions.keep               R   modifier          200 200         -     {p}/garder
prescriptions.keep_lot           R   modifier          200 200         -     /prescriptions/lots/{lot}/garder
prescriptions.write              RM  ecrire            303 422         -     {p}/messages
reponse.write                    L   ecrire            303 422         -     {l}/message
prescriptions.week               RM  semaine           303 303         -     {p}/semaine
reponse.week                     L   semaine           303 303         -     {l}/semaine
prescriptions.hours              M   heures            303 303         -     {p}/heures
reponse.hours                    L   heures            303 303         -     {l}/heures
prescriptions.add_document       RM  joindre           303 422         -     {p}/documents
prescriptions.lot_documents      R   joindre           303 422         -     /prescriptions/lots/{lot}/documents/{b}
reponse.add_document             L   joindre           303 422         -     {l}/documents
prescriptions.withdraw_document  RM  retirer-referent  303 422         303,422 {p}/documents/{d}/retirer
prescriptions.withdraw_document  RM  retirer-structure 303 303,422     303,422 {p}/documents/{s}/retirer
reponse.withdraw_document        L   retirer-structure 303 303,422     422   {l}/documents/{s}/retirer
reponse.withdraw_document        L   retirer-referent  -   422         422   {l}/documents/{d}/retirer
prescriptions.show               RM  lire              200 404         -     {p}
reponse.show                     L   lire              200 404         -     {l}
prescriptions.document           RM  telecharger       200 404         -     {p}/documents/{d}
reponse.document                 L   telecharger       200 404         -     {l}/documents/{d}
prescriptions.fiche              RM  fiche             200 404         -     {p}/fiche.pdf
reponse.fiche                    L   fiche             200 404         -     {l}/fiche.pdf
prescriptions.elsewhere          R   autre-offre       200 404         -     {p}/autre-offre
reponse.renew                    L   nouveau-lien      200 200         -     {l}/nouveau-lien
"""
# Pages that change nothing of a prescription that exists, and show none alone: lists, files, and what makes drafts.
APART = {
    "prescriptions.index",
    "prescriptions.waiting_list",
    "prescriptions.export",
    "prescriptions.export_business",
    "prescriptions.new",
    "prescriptions.create",
    "prescriptions.keep_new",
    "prescriptions.choose_person",
    "prescriptions.create_lot",
    # Only once the account of the référent is closed, as nobody's is here: `test_taking_over.py`.
    "prescriptions.take_over",
}
# Acts that have no page: time does them.
WITHOUT_PAGE = {"expirer", "proposer-la-place", "constater-absence"}


@dataclass(frozen=True, slots=True)
class Door:
    """A page by which an act is done: see the table."""

    endpoint: str
    to: str
    act: str
    ok: set[int]
    late: set[int]
    other: set[int]
    address: str

    @property
    def method(self) -> str:
        """Reading is a GET; asking for another link is not."""
        return "GET" if self.act in READ and self.act != "nouveau-lien" else "POST"

    @property
    def letters(self) -> str:
        """Those who may try it: by the link, or signed in or not."""
        return "LK" if self.to == "L" else "RCEMXOADSN"

    def stands_for(self, letter: str) -> str:
        """On paper it is the référent who knocks, and nobody else; to all of a lot, a référent alone."""
        if self.endpoint.endswith(".lot_documents") and letter == "M":
            return "-"
        return {"R": "P", "C": "Q"}.get(letter, "-") if self.endpoint.endswith(".paper") else letter


def _numbers(text: str) -> set[int]:
    return {int(part) for part in text.split(",")} if text != "-" else set()


def _doors() -> list[Door]:
    found = []
    for line in _DOORS.strip().splitlines()[1:]:
        endpoint, to, act, ok, late, other, address = line.split()
        found.append(Door(endpoint, to, act, _numbers(ok), _numbers(late), _numbers(other), address))
    return found


DOORS = _doors()


def test_every_page_of_prescriptions_is_a_door_or_apart(app: Flask) -> None:
    named = {name for name in RULES if name.startswith(("prescriptions.", "reponse."))}
    doors = {door.endpoint for door in DOORS}
    assert not doors & APART
    assert named == doors | APART, (
        f"write in tests/prescriptions/test_grid_pages.py who may do what by {sorted(named - doors - APART)}"
    )
    assert {door.act for door in DOORS} == set(ROWS) - WITHOUT_PAGE


@dataclass
class Street:
    """The grid, with a browser for each who signs in, and one for those who do not."""

    app: Flask
    grid: Grid
    browsers: dict[str, Browser]
    tokens: dict[str, str] = field(default_factory=dict)
    # On the second engine those whom their role stops are left out: they are told before any row is read.
    second: bool = False

    def address(self, door: Door, column: str, letter: str) -> str:
        prescription = self.grid.prescriptions[column]
        key = self.grid.other.lien_cle if letter == "K" else prescription.lien_cle
        opened = sign(SECRET, links.PURPOSE, [prescription.id.hex, key.hex])
        return door.address.format(
            p=f"/prescriptions/{prescription.id}",
            l=f"/reponse/{opened}",
            lot=prescription.lot_id,
            b=prescription.beneficiary_id,
            d=self.grid.document(column, Side.REFERENT),
            s=self.grid.document(column, Side.PARTENAIRE),
        )

    def knock(self, door: Door, column: str, letter: str) -> TestResponse:
        """Send the form of the door as this person would, all that it asks for filled in."""
        who = letter if letter in self.browsers else "N"
        client = self.browsers[who].client
        address = self.address(door, column, letter)
        if door.method == "GET":
            answer = client.get(address)
        else:
            fields = {**self.fields(door, column), "csrf_token": self.tokens[who]}
            headers = {"Origin": "http://localhost"}
            if door.act == "joindre" or door.endpoint == "prescriptions.paper":
                body = multipart.encode(fields, ("autre.pdf", PDF))
                answer = client.post(address, data=body, content_type=multipart.KIND, headers=headers)
            else:
                answer = client.post(address, data=fields, headers=headers)
        if "Set-Cookie" in answer.headers:
            with client.session_transaction() as kept:
                # Nobody opens the page that would show them: they would pile up.
                kept.pop("_flashes", None)
        return answer

    def fields(self, door: Door, column: str) -> dict[str, Any]:
        """What is typed, right in every point."""
        prescription, people = self.grid.prescriptions[column], self.grid.people
        today = clock.today().isoformat()
        leaving = {"jour": today, "motif_sortie": "formation", "message": "Un mot."}
        typed: dict[str, dict[str, Any]] = {
            "envoyer": {"consentement": "y"},
            "confier": {"collegue": people["C"].id, "message": "Un mot."},
            "prendre-la-place": {"acte": "prendre-la-place", "message": "Un mot."},
            "laisser-la-place": {"acte": "laisser-la-place", "message": "Un mot."},
            "refuser": {"motif_refus": "autre", "message": "Non."},
            "rendez-vous": {
                "rendez_vous": tomorrow().date().isoformat(),
                "heure": "9 h 30",
                "message": "Un mot.",
            },
            "presence": {"jour": today, "message": "Un mot."},
            "absence": {"jour": today, "message": "Un mot."},
            "suivre": {"suivi_par": people["M"].id},
            "entrer": {"jour": today, "message": "Un mot."},
            "terminer": leaving,
            "abandonner": leaving,
            "modifier": {"motif": "Autre chose.", "partage": "contact"},
            "ecrire": {"texte": "Un mot."},
            "semaine": {"heures": "12"},
            "heures": {week_name(hours.monday_of(clock.today())): "7h30"},
        }
        found = typed.get(door.act, {"message": "Un mot."})
        if door.endpoint == "prescriptions.lot":
            return {"suite": "envoi", "motif": "Autre.", f"q-{prescription.beneficiary_id}-consentement": "y"}
        if door.endpoint == "prescriptions.answer_several":
            return {**found, "acte": door.act, "prescription": prescription.id, "confirme": "1"}
        return found


@pytest.fixture(scope="module")
def street(app: Flask, database: Database) -> Iterator[Street]:
    """Made once for all the tests of this file: each cell undoes what it did."""
    with undone(database) as session:
        limiter.reset()
        app.extensions["catalogue"].forget()
        grid = make_grid(session)
        made = Street(app, grid, {}, second=database.engine.name == "postgresql")
        for letter in "".join(SIGNED_IN.values()):
            made.browsers[letter] = Browser(app, session, grid.people[letter])
        made.browsers["N"] = Browser(app, session)
        made.tokens = {letter: browser.token() for letter, browser in made.browsers.items()}
        yield made


@pytest.mark.parametrize("act", sorted(set(ROWS) - WITHOUT_PAGE))
def test_each_cell(street: Street, act: str) -> None:
    wrong = []
    session = street.grid.session
    doors = [door for door in DOORS if door.act == act]
    for column in COLUMNS:
        with session.begin_nested() as ripe:
            session.connection()
            street.grid.ripen(act, column)
            wrong += [
                f"{door.endpoint} {act}, {column}, {PEOPLE[letter]}: {problem}"
                for door in doors
                for letter in door.letters
                for problem in _try(street, door, column, letter)
            ]
            ripe.rollback()
    assert wrong == [], "\n".join(["", *wrong])


def test_no_address_does_what_time_does(street: Street) -> None:
    for act in WITHOUT_PAGE:
        for letter, browser in street.browsers.items():
            prescription = street.grid.prescriptions["etude"]
            where = f"/prescriptions/{prescription.id}/{act}"
            data = {"csrf_token": street.tokens[letter]}
            answer = browser.client.post(where, data=data, headers={"Origin": "http://localhost"})
            assert answer.status_code == 404, (act, letter)


def _expected(door: Door, column: str, letter: str) -> tuple[bool, set[int]]:
    """Return whether the table lets this cell be, and what the door answers."""
    row = ROWS[door.act]
    if door.stands_for(letter) in row.cells[column]:
        return True, door.ok
    if letter == "N":
        return False, {303} if door.method == "GET" else {401}
    if letter in "LK":
        if door.act == "nouveau-lien":
            return False, door.late
        if letter == "K" or column in LINK_VOID:
            return False, {410}
        return False, door.late
    roles = "".join(letters for letters in SIGNED_IN.values() if set(letters) & set(door.to))
    if letter not in roles:
        return False, {403}
    unknown = {303} if door.endpoint == "prescriptions.answer_several" else {404}
    if letter in "CEX" or (letter == "M" and column in UNSENT):
        return False, unknown
    return False, door.late if door.stands_for(letter) in row.hands else door.other


def _try(street: Street, door: Door, column: str, letter: str) -> list[str]:
    """Try one cell, undo it, and return what is not as the tables say."""
    allowed, statuses = _expected(door, column, letter)
    if statuses <= {401, 403} and street.second:
        return []
    limiter.reset()
    problems = []
    session = street.grid.session
    # A message refused for a draft comes back on the page of the prescription, which is then read.
    watch = Watch(session, apart=READING if door.act == "ecrire" else frozenset())
    with watch.cell() as cell:
        answer = street.knock(door, column, letter)
        if answer.status_code not in statuses:
            problems.append(f"answered {answer.status_code}, not {sorted(statuses)}")
        typed = street.fields(door, column)
        if answer.status_code == 409 and typed.get("message", typed.get("motif", "")) not in answer.text:
            problems.append("lost what was written")
        if allowed:
            state = _state(session, street.grid.prescriptions[column])
            if state is not (ROWS[door.act].then or COLUMNS[column]):
                problems.append(f"led to {state}")
            if not watch.writes:
                problems.append("wrote nothing")
        else:
            cell.look()
    if cell.differs:
        problems.append("changed something although it was refused")
    return problems


def _state(session: Session, prescription: Prescription) -> Any:
    return session.exec(select(Prescription.state).where(col(Prescription.id) == prescription.id)).one()
