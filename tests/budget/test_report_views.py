"""The pages of partners’ reports, as officers and partners use them."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.conventions import report_schedule, report_writing, reports
from portal.conventions.engagements import PartnerReport, ReportKind
from portal.prescriptions import answers
from portal.prescriptions.models import ExitReason
from portal.prescriptions.states import State
from tests.budget.report_hands import WRITTEN, MoveClock, address, asked, of, scene_of_2030
from tests.conventions.hands import SignIn
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.prescriptions import Scene, make_prescription
from tests.factories.structures import make_partner
from tests.statements import count_statements


@pytest.fixture
def scene(session: Session, move_clock: MoveClock) -> Scene:
    return scene_of_2030(session, move_clock)


# --- Pages ---


def test_from_the_schedule_to_the_acceptance(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    make_prescription(session, scene, State.ENTREE)
    convention = of(session, scene)
    session.commit()
    board = sign_in(officer)
    page = board.get(f"/conventions/{convention.id}").click("Calendrier des rapports")
    page = page.form("schedule-form").submit("Demander ces rapports", mois="6")
    assert "2 rapports ajoutés au calendrier." in page.text
    report = reports.of_convention(session, convention.id)[0]
    page = board.get(address(report))
    assert "Le rapport n’est pas remis" in page.text

    partner = sign_in(scene.partner)
    page = partner.get(f"/conventions/{convention.id}")
    assert "Ce que vous devez remettre" in page.text
    page = partner.get(address(report))
    assert page.buttons().count("Remettre au département") == 0, "the period is not over"
    page = page.form("report-form").submit(
        "Enregistrer le brouillon",
        realise="Un module.",
        personnes_hors_portail="-1",
        minutes_hors_portail="douze",
        depenses_centimes="1.500",
        status=422,
    )
    assert set(page.errors) >= {"personnes_hors_portail", "minutes_hors_portail", "depenses_centimes"}
    page = page.form("report-form").submit(
        "Enregistrer le brouillon",
        personnes_hors_portail="2",
        minutes_hors_portail="1 200,5 h",
        depenses_centimes="1 500,01",
    )
    values = page.form("report-form").values
    assert values["realise"] == "Un module."
    assert (values["minutes_hors_portail"], values["depenses_centimes"]) == ("1\u202f200,5", "1\u202f500,01")
    assert "Un module." not in sign_in(officer).get(address(report)).text, "a draft is the partner's own"

    move_clock(2030, 7, 2, 10)
    page = sign_in(scene.partner).get(address(report))
    page = page.form("report-form").submit("Remettre au département")
    assert "Le rapport est remis au département." in page.text and not page.soup.select("#report-form")

    board = sign_in(officer)
    page = board.get("/conventions/rapports?etat=remis")
    assert convention.numero in page.text
    page = board.get(address(report)).click("Demander une correction")
    page = page.form("correction-form").submit("Demander la correction", demande="", status=422)
    page.form("correction-form").submit("Demander la correction", demande="Dites combien de séances.")
    mails = session.exec(select(OutgoingMail).where(col(OutgoingMail.recipient) == scene.partner.courriel))
    mail = list(mails)[-1]
    assert mail.subject == "Un rapport est à corriger" and "combien de séances" in mail.body

    page = sign_in(scene.partner).get(address(report))
    assert "Dites combien de séances." in page.text
    page.form("report-form").submit("Remettre au département", realise="Un module, huit séances.")
    page = sign_in(officer).get(address(report)).form("accept-form").submit("Accepter le rapport")
    assert "Accepté" in page.text and "huit séances" in page.text
    assert "huit séances" in sign_in(make_user(session, Role.ETAT)).get(address(report)).text


def test_frozen_figures_are_those_shown_afterwards(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    first = make_prescription(session, scene, State.ENTREE)
    report = asked(session, scene, officer)
    move_clock(2030, 7, 2, 10)
    partner = sign_in(scene.partner)
    session.commit()
    partner.get(address(report)).form("report-form").submit("Remettre au département", realise="Fait.")
    before = _figures(sign_in(officer).get(address(report)))
    # Told late, of a day of the period.
    answers.finish(session, first, by=scene.partner, day=date(2030, 5, 1), reason=ExitReason.EMPLOI)
    session.commit()
    assert _figures(sign_in(officer).get(address(report))) == before
    report_writing.ask_correction(
        session,
        of(session, scene),
        report.id,
        demande="Les sorties.",
        du_le=date(2030, 9, 1),
        by=officer,
    )
    session.commit()
    assert _figures(sign_in(officer).get(address(report))) != before


def test_a_colleague_is_told_and_loses_nothing(
    session: Session, scene: Scene, officer: User, sign_in: SignIn
) -> None:
    report = asked(session, scene, officer)
    session.commit()
    partner = sign_in(scene.partner)
    page = partner.get(address(report))
    report_writing.save(session, of(session, scene), report.id, WRITTEN, by=scene.partner)
    session.commit()
    page = page.form("report-form").submit("Enregistrer le brouillon", realise="Mon texte.", status=409)
    assert "Deux modules." in page.text and page.form("report-form").values["realise"] == "Mon texte."
    page.form("report-form").submit("Enregistrer le brouillon")
    session.expire_all()
    assert session.get_one(PartnerReport, report.id).realise == "Mon texte."


def test_what_was_typed_is_shown_when_the_report_no_longer_changes(
    session: Session, scene: Scene, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    report = asked(session, scene, officer)
    session.commit()
    move_clock(2030, 7, 2, 10)
    partner = sign_in(scene.partner)
    page, other = partner.get(address(report)), partner.get(address(report))
    other.form("report-form").submit("Remettre au département", realise="Deux modules.")
    page = page.form("report-form").submit(
        "Enregistrer le brouillon", realise="Mon texte.", depenses_centimes="12,50", status=422
    )
    assert "déjà remis" in page.text
    assert "Ce n’est pas enregistré" in page.text and "Mon texte." in page.text and "12,50" in page.text
    assert "Ce n’est pas enregistré" not in partner.get(address(report)).text


def test_each_partner_its_own(session: Session, scene: Scene, officer: User, sign_in: SignIn) -> None:
    report = asked(session, scene, officer)
    session.commit()
    stranger, _ = make_partner(session)
    browser = sign_in(stranger)
    browser.get(address(report), status=404)
    browser.post(address(report), {"realise": "x", "version": "1"}, status=404)
    assert "Pas encore de rapport" in browser.get("/conventions/rapports").text
    assert of(session, scene).numero in sign_in(scene.partner).get("/conventions/rapports").text
    other = make_convention(session, make_partner(session)[1])
    session.commit()
    sign_in(officer).get(f"/conventions/{other.id}/rapports/{report.id}", status=404)


def test_dates_are_changed_and_a_report_withdrawn(
    session: Session, scene: Scene, officer: User, sign_in: SignIn
) -> None:
    convention = of(session, scene)
    board = sign_in(officer)
    page = board.get(f"/conventions/{convention.id}/rapports").click("Demander un autre rapport")
    page = page.form("dates-form").submit(
        kind="financier", debut="2030-01-01", fin="2029-01-01", du_le="2030-09-01", status=422
    )
    assert "fin" in page.errors
    page.form("dates-form").submit(fin="2030-06-30")
    report = reports.of_convention(session, convention.id)[0]
    page = board.get(address(report, "/dates"))
    page.form("dates-form").submit("Enregistrer", du_le="2030-10-01")
    session.expire_all()
    assert session.get_one(PartnerReport, report.id).du_le == date(2030, 10, 1)
    page = page.form("dates-form").submit("Enregistrer", du_le="2030-11-01", status=409)
    assert "1er octobre 2030" in page.text
    board.get(address(report, "/dates")).form("withdraw-form").submit("Ne plus demander ce rapport")
    assert reports.of_convention(session, convention.id) == []


def test_the_cost_does_not_grow(session: Session, scene: Scene, officer: User, sign_in: SignIn) -> None:
    report = asked(session, scene, officer)
    session.commit()
    board = sign_in(officer)
    pages = (address(report), f"/conventions/{report.convention_id}/rapports", "/conventions/rapports")

    def cost() -> list[int]:
        numbers = []
        for page in pages:
            with count_statements(session) as sent:
                board.get(page)
            numbers.append(len(sent))
        return numbers

    few = cost()
    for _ in range(4):
        make_prescription(session, scene, State.ENTREE)
    for n in range(2, 6):
        report_schedule.ask(
            session,
            of(session, scene),
            {
                "kind": ReportKind.ACTIVITE,
                "debut": date(2030, n, 1),
                "fin": date(2030, n, 28),
                "du_le": date(2030, 12, 1),
            },
            by=officer,
        )
    session.commit()
    assert cost() == few


def _figures(page: Any) -> list[str]:
    return [" ".join(cell.get_text(" ").split()) for cell in page.soup.select("table td")]
