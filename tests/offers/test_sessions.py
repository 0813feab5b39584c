"""Sessions of an offer: dates and seats, in rows that need no script; the last day of an offer."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select
from werkzeug.datastructures import MultiDict

from portal import clock
from portal.accounts.models import User
from portal.offers import rules, sessions
from portal.offers.forms import OfferForm
from portal.offers.models import Offer, OfferSession
from portal.prescriptions import answers
from portal.prescriptions.seats import Meeting
from portal.structures.models import Revision
from tests.factories.offers import COMPLETE, make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser

SignIn = Callable[[User], Browser]
SAVE = "Enregistrer les changements"


def row(debut: date, **values: Any) -> dict[str, Any]:
    return {"debut": debut, "fin": None, "places": None, "precisions": None, **values}


def filled(**rows: str) -> OfferForm:
    """The form with one row of sessions."""
    form = OfferForm(
        MultiDict({"nom": "Couture", "type": ""} | {f"sessions-0-{k}": v for k, v in rows.items()})
    )
    form.commune.departement = "35"
    return form


def dates(session: Session, offer: Offer) -> list[tuple[date, int | None]]:
    return [(s.debut, s.places) for s in sessions.of_offer(session, offer.id)]


# --- Without pages ---


def test_sessions_replace_the_former_ones_and_say_what_changed(session: Session) -> None:
    offer = make_offer(session)
    first, second = row(date(2030, 3, 1), places=8), row(date(2030, 1, 15), fin=date(2030, 1, 20))
    assert sessions.set_sessions(session, offer, []) == {}
    changed = sessions.set_sessions(session, offer, [first, second])
    assert [kept["debut"] for kept in changed["sessions"][1]] == ["2030-01-15", "2030-03-01"], "by date"
    assert changed["sessions"][0] == []
    session.flush()
    assert sessions.set_sessions(session, offer, [first, second]) == {}, "the same ones are no change"
    assert sessions.set_sessions(session, offer, [second, first]) == {}, "nor is their order"
    session.flush()
    changed = sessions.set_sessions(session, offer, [first])
    assert [len(some) for some in changed["sessions"]] == [2, 1]
    session.flush()
    assert dates(session, offer) == [(date(2030, 3, 1), 8)]


def test_sessions_of_the_same_day_do_not_change_places(session: Session) -> None:
    offer = make_offer(session)
    same_day = [row(date(2030, 3, 1), precisions=words) for words in ("Matin", "Après-midi", "Soir", None)]
    sessions.set_sessions(session, offer, same_day)
    session.flush()
    for _ in range(4):
        same_day.append(same_day.pop(0))
        assert sessions.set_sessions(session, offer, same_day) == {}


def test_a_session_is_to_come_until_its_last_day(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2030, 1, 20, 12)
    offer = make_offer(session, published=False)
    rows = [
        row(date(2030, 1, 19)),
        row(date(2030, 1, 15), fin=date(2030, 1, 20)),
        row(date(2030, 1, 20)),
        row(date(2030, 1, 10), fin=date(2030, 1, 19)),
    ]
    sessions.set_sessions(session, offer, rows)
    session.flush()
    assert [s.debut.day for s in sessions.of_offer(session, offer.id, to_come=True)] == [15, 20]


def test_a_session_that_stays_is_the_same_row(session: Session) -> None:
    offer = make_offer(session)
    early, late = row(date(2030, 1, 15)), row(date(2030, 3, 1), places=8)
    sessions.set_sessions(session, offer, [early, late])
    session.flush()
    before = {s.debut: s.id for s in sessions.of_offer(session, offer.id)}
    # The same first day with other seats, one more of that day, one less of another.
    sessions.set_sessions(session, offer, [late, row(date(2030, 3, 1), places=9), row(date(2030, 6, 1))])
    session.flush()
    after = {(s.debut, s.places): s.id for s in sessions.of_offer(session, offer.id)}
    assert len(after) == 3
    assert after[date(2030, 3, 1), 8] == before[date(2030, 3, 1)]
    assert before[date(2030, 1, 15)] not in after.values()
    sessions.set_sessions(session, offer, [row(date(2030, 3, 1), places=12)])
    session.flush()
    (kept,) = sessions.of_offer(session, offer.id)
    assert (kept.places, kept.id in after.values()) == (12, True)


def test_a_session_that_somebody_chose_is_not_removed(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    scene.offer.telephone = "+33299000000"
    day = clock.today() + timedelta(days=20)
    sessions.set_sessions(session, scene.offer, [row(day, places=8)])
    session.flush()
    (chosen,) = sessions.of_offer(session, scene.offer.id)
    prescription = make_prescription(session, scene)
    answers.agree_meeting(session, prescription, Meeting(session_id=chosen.id), by=scene.partner)
    browser = sign_in(scene.partner)
    path = f"/offres/{scene.offer.id}/modifier"

    def without_it(**others: str) -> str:
        form = browser.get(path).form("offer-form")
        gone = {"sessions-0-debut": "", "sessions-0-places": ""}
        page = form.submit(SAVE, status=422, **gone, **others)
        assert page.form("offer-form").values["nom"] == others["nom"], "what was typed stays"
        return page.errors["sessions-0"]

    said = without_it(nom="En train d’écrire")
    assert said == (
        f"La session du {day:%d/%m/%Y} est écrite dans une prescription : gardez-la. Si cette prescription est en cours, "
        "changez d’abord son rendez-vous."
    )
    answers.accept(session, prescription, by=scene.partner, meeting=Meeting(session_id=chosen.id))
    session.commit()
    said = without_it(nom="En train d’écrire")
    assert said.startswith(
        f"1 personne a une place dans la session du {day:%d/%m/%Y} : gardez-la, ou proposez"
    )
    browser.get(path).form("offer-form").submit(SAVE, **{"sessions-0-places": "9"})
    session.expire_all()
    (kept,) = sessions.of_offer(session, scene.offer.id)
    assert (kept.id, kept.places) == (chosen.id, 9)


def test_a_session_keeps_a_seat_for_each_person_who_has_one(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    scene.offer.telephone = "+33299000000"
    day = clock.today() + timedelta(days=20)
    sessions.set_sessions(session, scene.offer, [row(day - timedelta(days=9)), row(day, places=8)])
    session.flush()
    _, chosen = sessions.of_offer(session, scene.offer.id)
    for _ in range(2):
        prescription = make_prescription(session, scene)
        answers.accept(session, prescription, by=scene.partner, meeting=Meeting(session_id=chosen.id))
    # Proposed, and not accepted: no seat is theirs yet.
    proposed = make_prescription(session, scene)
    answers.agree_meeting(session, proposed, Meeting(session_id=chosen.id), by=scene.partner)
    browser = sign_in(scene.partner)
    path = f"/offres/{scene.offer.id}/modifier"
    # A row left empty on the way does not move the sentence to another session.
    first = {"sessions-0-debut": "", "sessions-2-debut": f"{day - timedelta(days=9):%Y-%m-%d}"}
    page = (
        browser.get(path)
        .form("offer-form")
        .submit(SAVE, status=422, nom="En train d’écrire", **first, **{"sessions-1-places": "1"})
    )
    assert page.errors == {
        "sessions-1-places": "2 personnes ont déjà une place dans cette session : écrivez au moins 2."
    }
    again = page.form("offer-form")
    assert (again.values["nom"], again.values["sessions-1-places"]) == ("En train d’écrire", "1")
    session.expire_all()
    assert [places for _, places in dates(session, scene.offer)] == [None, 8]
    for places in ("2", ""):
        browser.get(path).form("offer-form").submit(SAVE, **{"sessions-1-places": places})
        session.expire_all()
        _, kept = sessions.of_offer(session, scene.offer.id)
        assert (kept.id, kept.places) == (chosen.id, int(places) if places else None)


# --- The form ---


@pytest.mark.parametrize(
    ("written", "field", "sentence"),
    [
        ({"fin": "2030-01-20"}, "debut", "Écrivez le premier jour"),
        ({"places": "8"}, "debut", "Écrivez le premier jour"),
        ({"debut": "2030-01-20", "fin": "2030-01-19"}, "fin", "vient avant le premier"),
        ({"debut": "hier"}, "debut", ""),
        ({"debut": "2030-01-20", "places": "huit"}, "places", "par exemple 8"),
        ({"debut": "2030-01-20", "places": "0"}, "places", "par exemple 8"),
        ({"debut": "2030-01-20", "places": "-3"}, "places", "par exemple 8"),
        ({"debut": "2030-01-20", "precisions": "x" * 301}, "precisions", "Raccourcissez"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(written: dict[str, str], field: str, sentence: str) -> None:
    form = filled(**written)
    assert not form.validate()
    assert list(form.errors) == ["sessions"]
    (wrong,) = [{name: said for name, said in entry.items() if said} for entry in form.errors["sessions"]]
    assert list(wrong) == [field]
    assert sentence in wrong[field][0]


def test_an_empty_row_is_no_session() -> None:
    form = filled(debut="", fin="", places=" ", precisions="")
    assert form.validate(), form.errors
    assert form.rows() == []


def test_rows_are_written_emptied_and_added_without_a_script(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, telephone="+33299000000")
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    assert sum(name.endswith("-debut") for name in form.names()) == 2, "there are rows to fill in"
    page = form.submit(
        "Enregistrer et ajouter d’autres sessions",
        **{"sessions-0-debut": "2030-03-01", "sessions-0-places": "8", "sessions-1-debut": "2030-01-15"},
    )
    assert dates(session, offer) == [(date(2030, 1, 15), None), (date(2030, 3, 1), 8)]
    form = page.form("offer-form")
    assert page.path == f"/offres/{offer.id}/modifier"
    assert sum(name.endswith("-debut") for name in form.names()) == 4, "and more once these are full"
    form.submit(SAVE, **{"sessions-0-debut": ""})
    session.expire_all()
    assert dates(session, offer) == [(date(2030, 3, 1), 8)]
    told = session.exec(
        select(Revision).where(Revision.offer_id == offer.id).order_by(Revision.number.desc())  # type: ignore[attr-defined]
    ).first()
    assert told is not None and list(told.changes) == ["sessions"]


def test_a_wrong_row_keeps_everything_and_is_reached_from_the_summary(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    typed = {"sessions-0-debut": "2030-03-02", "sessions-0-fin": "2030-03-01", "sessions-1-places": "3"}
    page = form.submit(SAVE, status=422, nom="En train d’écrire", **typed)
    assert list(page.errors) == ["sessions-0-fin", "sessions-1-debut"]
    again = page.form("offer-form")
    assert {name: again.values[name] for name in typed} == typed
    assert not session.exec(select(OfferSession)).all()


def test_saving_the_same_sessions_is_no_change(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    # As people write it: the form trims.
    offer = make_offer(session, structure, description=COMPLETE["description"].strip())
    sessions.set_sessions(session, offer, [row(date(2030, 3, 1), places=8, precisions="Salle 2")])
    offer.date_maj = before = clock.today() - timedelta(days=40)
    sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form").submit(SAVE)
    session.refresh(offer)
    assert (offer.date_maj, offer.version) == (before, 1)


# --- The last day ---


def test_a_last_day_that_is_past_is_refused_unless_it_was_there(
    session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    yesterday, today = clock.today() - timedelta(days=1), clock.today()
    browser = sign_in(partner)

    def save(day: str, status: int = 200, **others: str) -> dict[str, str]:
        form = browser.get(f"/offres/{offer.id}/modifier").form("offer-form")
        return form.submit(SAVE, status=status, date_fin=day, **others).errors

    assert "Ce jour est passé" in save(yesterday.isoformat(), 422)["date_fin"]
    assert save(today.isoformat()) == {}
    session.refresh(offer)
    assert offer.date_fin == today
    rules.change_offer(session, offer, {"date_fin": yesterday}, structure=structure, by=None)
    session.commit()
    assert save(yesterday.isoformat(), nom="Autre chose") == {}, (
        "what is already saved does not block the rest"
    )
    session.refresh(offer)
    assert (offer.nom, offer.date_fin) == ("Autre chose", yesterday)
    save("")
    session.refresh(offer)
    assert offer.date_fin is None
