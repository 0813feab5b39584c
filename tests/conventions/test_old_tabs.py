"""A page left open while the convention was closed, ended or thrown away: said plainly, at its place, nothing typed lost."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.conventions import life, payments, report_schedule, rules
from portal.conventions.engagements import PartnerPayment, PartnerReport, ReportKind
from portal.conventions.models import Convention, FinancedAction
from portal.conventions.states import ConventionState
from portal.errors import RuleBroken
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure
from tests.conventions.hands import SignIn
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner

MoveClock = Callable[..., datetime]
KEY = str(uuid.uuid4())
PAYMENT = {
    "cle": KEY,
    "intitule": "Acompte tapé",
    "prevu_le": "2030-09-01",
    "montant": "1 234,50",
    "action_id": "",
}
ACTION = {"cle": KEY, "intitule": "Action tapée", "places_financees": "7", "cout_unitaire": "1 500"}
DATES = {"cle": KEY, "kind": "activite", "debut": "2030-02-01", "fin": "2030-03-31", "du_le": "2030-09-02"}


@pytest.fixture(autouse=True)
def _in_august(move_clock: MoveClock) -> None:
    move_clock(2030, 8, 1, 10)


class Scene:
    """A convention of 2030 with an action, a payment planned, another one made, and a report asked for."""

    def __init__(self, session: Session, officer: User, *, signed: bool = True) -> None:
        self.partner, structure = make_partner(session)
        self.offer: Offer = make_offer(session, structure)
        self.convention: Convention = make_convention(
            session,
            structure,
            date_debut=date(2030, 1, 1),
            date_fin=date(2030, 12, 31),
            signee_le=date(2030, 1, 1) if signed else None,
        )
        self.action: FinancedAction = make_action(session, self.convention, [self.offer])
        self.payment, self.paid = (
            payments.plan(
                session,
                self.convention,
                {"intitule": name, "prevu_le": date(2030, 3, 1), "montant_centimes": 100_000},
                by=officer,
            )
            for name in ("Acompte", "Solde")
        )
        if signed:
            payments.pay(
                session,
                self.convention,
                self.paid.id,
                verse_le=date(2030, 3, 2),
                verse_centimes=100_000,
                reference="M-1",
                by=officer,
            )
        self.report: PartnerReport = report_schedule.ask(
            session,
            self.convention,
            {
                "kind": ReportKind.ACTIVITE,
                "debut": date(2030, 1, 1),
                "fin": date(2030, 6, 30),
                "du_le": date(2030, 8, 31),
            },
            by=officer,
        )
        session.commit()

    def url(self, template: str) -> str:
        """An address of the convention, `{action}`, `{payment}`, `{paid}` and `{report}` being those of the scene."""
        end = template.format(
            action=self.action.id, payment=self.payment.id, paid=self.paid.id, report=self.report.id
        )
        return f"/conventions/{self.convention.id}{end}"


# --- Closed, or ended before its time ---

AMENDMENT = {"cle": KEY, "signe_le": "2030-07-30", "effet_le": "2030-08-01"}
WRITTEN = [
    ("/modifier", {"cle": KEY, "intitule": "TAPÉ"}),
    ("/actions/nouvelle", ACTION | {"intitule": "TAPÉ"}),
    ("/actions/{action}/modifier", ACTION | {"intitule": "TAPÉ"}),
    ("/actions/{action}/avenant", AMENDMENT | {"sens": "ajouter", "places": "2", "motif": "TAPÉ"}),
    ("/avenant", AMENDMENT | {"objet": "TAPÉ", "d_montant": "500"}),
    ("/resilier", {"resiliee_le": "2030-08-01", "motif": "TAPÉ"}),
]
# What a convention that was ended still takes.
OWED = [
    ("/versements/nouveau", PAYMENT | {"intitule": "TAPÉ"}),
    ("/versements/{payment}/modifier", PAYMENT | {"intitule": "TAPÉ"}),
    ("/versements/{payment}/verse", {"verse_le": "2030-07-30", "montant": "1", "reference": "TAPÉ"}),
    ("/versements/{paid}/annuler", {"motif": "TAPÉ"}),
    ("/rapports/nouveau", DATES),
    ("/rapports/{report}/dates", DATES),
]


@pytest.mark.parametrize(
    ("ended", "path", "data"),
    [*((False, *one) for one in [*WRITTEN, *OWED]), *((True, *one) for one in WRITTEN)],
)
def test_what_no_longer_changes_is_refused_in_a_sentence_and_what_was_typed_stays(
    session: Session, officer: User, sign_in: SignIn, ended: bool, path: str, data: dict[str, Any]
) -> None:
    scene = Scene(session, officer)
    convention = scene.convention
    if path == "/modifier":
        data = {
            **data,
            "numero": convention.numero,
            "structure_id": str(convention.structure_id),
            "date_debut": "2030-01-01",
            "date_fin": "2030-12-31",
            "montant": "30 000",
        }
    elif path.startswith("/actions/") and "avenant" not in path:
        data = {**data, "mode": "entree", "offer_ids": [str(scene.offer.id)]}
    if ended:
        life.terminate(session, convention, last_day=date(2030, 8, 1), motif="Fin", by=officer)
    else:
        convention.state = ConventionState.CLOSE
    page = sign_in(officer).post(scene.url(path), data, status=422)
    assert ("est résiliée" if ended else "est close") in page.soup.select("#error-summary")[0].get_text()
    assert data.get("du_le", "TAPÉ") in page.response.text


def test_what_the_partner_wrote_under_a_closed_convention_is_given_back(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = Scene(session, officer)
    form = sign_in(scene.partner).get(scene.url("/rapports/{report}")).form("report-form")
    scene.convention.state = ConventionState.CLOSE
    session.commit()
    page = form.submit("Enregistrer le brouillon", realise="Deux modules.", status=422)
    assert "est close" in page.text and "Deux modules." in page.text


# --- A draft thrown away ---


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("/modifier", {"cle": KEY, "intitule": "Mobilité tapée", "montant": "30 000,5"}, "30 000,5"),
        ("/signer", {"signee_le": "2030-07-30"}, "2030-07-30"),
        ("/actions/nouvelle", ACTION, "Action tapée"),
        ("/actions/{action}/modifier", ACTION, "1 500"),
        ("/versements/nouveau", PAYMENT, "Acompte tapé"),
        ("/versements/{payment}/modifier", PAYMENT, ""),
        ("/rapports/nouveau", DATES, "2030-09-02"),
        ("/rapports/{report}/dates", DATES, "2030-03-31"),
        ("/rapports/calendrier", {"mois": "12"}, ""),
        ("/rapports/{report}/retirer", {}, ""),
        ("/versements/{payment}/oter", {"version": "1"}, ""),
    ],
)
def test_a_draft_thrown_away_meanwhile_says_by_whom_and_gives_back_what_was_typed(
    session: Session, officer: User, sign_in: SignIn, path: str, data: dict[str, Any], told: str
) -> None:
    scene = Scene(session, officer, signed=False)
    url, home = scene.url(path), scene.url("")
    browser = sign_in(officer)
    life.discard(session, scene.convention, by=make_user(session, officer.role), motif="Doublon")
    session.commit()
    page = browser.post(url, data, status=410)
    assert page.h1 == "Ce brouillon a été supprimé"
    assert "l’a supprimé jeudi 1er août 2030" in page.text
    assert told in page.text and KEY not in page.text
    assert "Doublon" in page.click("Voir son historique").text
    assert page.browser.get(home).h1 == "Brouillon supprimé"


def test_nobody_else_learns_that_there_was_a_draft(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = Scene(session, officer, signed=False)
    url = scene.url("/rapports/{report}")
    life.discard(session, scene.convention, by=officer)
    page = sign_in(scene.partner).post(url, {"realise": "Tapé"}, status=404)
    assert "brouillon" not in page.text


# --- A payment taken out ---


def test_a_payment_taken_out_meanwhile_is_planned_again_with_what_was_typed(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = Scene(session, officer)
    form = sign_in(officer).get(scene.url("/versements/{payment}/modifier")).form("payment-form")
    payments.remove(session, scene.convention, scene.payment.id, by=officer)
    session.commit()
    page = form.submit("Enregistrer", intitule="Acompte tapé", status=422)
    assert "quelqu’un d’autre l’a ôté" in page.text
    again = page.form("payment-form")
    assert again.values["intitule"] == "Acompte tapé"
    again.submit("Enregistrer")
    names = session.exec(select(PartnerPayment.intitule).order_by(PartnerPayment.intitule)).all()
    assert names == ["Acompte tapé", "Solde"]


def test_what_was_typed_of_a_payment_that_is_gone_is_given_back(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = Scene(session, officer)
    browser = sign_in(officer)
    payments.remove(session, scene.convention, scene.payment.id, by=officer)
    payments.undo(session, scene.convention, scene.paid.id, motif="Erreur", by=officer)
    payments.remove(session, scene.convention, scene.paid.id, by=officer)
    session.commit()
    paid = {"verse_le": "2030-07-30", "montant": "1 234,50", "reference": "M-77", "version": "1"}
    page = browser.post(scene.url("/versements/{payment}/verse"), paid, status=410)
    assert "quelqu’un d’autre l’a ôté" in page.h1
    assert "M-77" in page.text and "1 234,50" in page.text
    page = browser.post(
        scene.url("/versements/{paid}/annuler"), {"motif": "Tapé", "version": "2"}, status=410
    )
    assert "Tapé" in page.text
    # Nothing was typed: back to the schedule.
    page = browser.post(scene.url("/versements/{payment}/oter"), {"version": "1"})
    assert "n’est plus dans le calendrier" in page.text
    assert page.path == scene.url("/versements")
    for end in ("modifier", "verse", "annuler", "documents"):
        browser.get(scene.url(f"/versements/{{payment}}/{end}"), status=404)


# --- A report no longer asked for ---


def test_what_the_partner_wrote_in_a_report_that_is_gone_is_given_back(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = Scene(session, officer)
    form = sign_in(scene.partner).get(scene.url("/rapports/{report}")).form("report-form")
    report_schedule.withdraw(session, scene.convention, scene.report.id, by=officer)
    session.commit()
    page = form.submit("Enregistrer le brouillon", realise="Deux modules.\nTrois ateliers.", status=410)
    assert page.h1 == "Ce rapport n’est plus demandé"
    assert "Trois ateliers." in page.text
    assert page.click("Voir les rapports demandés").path == scene.url("/rapports")
    page = sign_in(officer).post(scene.url("/rapports/{report}/dates"), DATES, status=410)
    assert "2030-09-02" in page.text
    other = Scene(session, officer)
    foreign = f"/conventions/{other.convention.id}/rapports/{uuid.uuid4()}"
    sign_in(scene.partner).post(foreign, {"realise": "Tapé"}, status=404)


# --- An offer that is there no more ---


def test_an_offer_made_one_with_another_meanwhile_is_told_by_its_field(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = Scene(session, officer)
    gone = make_offer(session, session.get_one(Structure, scene.convention.structure_id), nom="Autre atelier")
    session.commit()
    form = sign_in(officer).get(scene.url("/actions/{action}/modifier")).form("action-form")
    gone.state, gone.merged_into_id = OfferState.FUSIONNEE, scene.offer.id
    session.commit()
    ticked = [str(scene.offer.id), str(gone.id)]
    page = form.submit("Enregistrer", intitule="Action tapée", offer_ids=ticked, status=422)
    assert "réunie à une autre" in page.errors["offer_ids"]
    again = page.form("action-form")
    assert (again.values["intitule"], again.values["offer_ids"]) == ("Action tapée", str(scene.offer.id))
    assert "Action tapée" in again.submit("Enregistrer").text
    with pytest.raises(RuleBroken, match="réunie à une autre"):
        rules.create_action(
            session,
            scene.convention,
            {
                "intitule": "X",
                "places_financees": 1,
                "cout_unitaire_centimes": 0,
                "mode": "entree",
                "offer_ids": [gone.id],
            },
            by=officer,
        )


def test_an_offer_says_where_it_stands(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = Scene(session, officer)
    scene.offer.state = OfferState.ARCHIVEE
    session.commit()
    browser = sign_in(officer)
    assert "(archivée)" in browser.get(scene.url("/actions/{action}/modifier")).text
    assert "Archivée" in browser.get(scene.url("")).text
