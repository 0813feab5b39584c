"""A draft is thrown away: by whom, what goes with it, what of it is told afterwards."""

import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget.models import FicheAction, FicheFinancedAction
from portal.conventions import (
    history,
    life,
    papers,
    payments,
    queries,
    renewal,
    report_schedule,
    reports,
    rules,
)
from portal.conventions.engagements import ConventionDocument, PartnerPayment, PartnerReport, ReportKind
from portal.conventions.models import ActionOffer, Convention, FinancedAction
from portal.conventions.states import Standing
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from portal.structures.models import Structure
from tests.conventions.hands import SignIn
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure


def draft(session: Session, **values: object) -> Convention:
    """A draft with everything that may hang on it."""
    structure = make_structure(session)
    convention = make_convention(session, structure, signee_le=None, **values)
    action = make_action(session, convention, [make_offer(session, structure)], intitule="Permis")
    payments.plan(
        session,
        convention,
        {
            "intitule": "Acompte",
            "prevu_le": clock.today(),
            "montant_centimes": 100,
            "action_id": action.id,
        },
        by=None,
    )
    report_schedule.schedule(session, convention, 12, by=None)
    papers.attach(
        session,
        convention,
        filename="projet.pdf",
        content=b"%PDF-",
        by=make_user(session, Role.CONVENTIONNEMENT),
    )
    session.flush()
    return convention


def test_everything_goes_but_the_history(session: Session, officer: User) -> None:
    convention = draft(session, numero="2026-50")
    version = convention.version
    assert life.discard(session, convention, by=officer, motif="Doublon", version=version) == "2026-50"
    assert convention.supprimee_le == clock.today()
    for rows in (FinancedAction, PartnerPayment, PartnerReport, ConventionDocument):
        assert session.exec(select(rows)).all() == []
    assert session.exec(select(ActionOffer)).all() == []
    line, who = history.lines(session, convention)[0]
    assert (line.fait, line.motif, who) == ("Brouillon supprimé", "Doublon", officer.full_name)
    assert line.detail == {"numero": ["2026-50", None], "action": ["Permis", None]}
    assert session.execute(queries.visible_to(officer)).scalars().all() == []
    assert queries.number_by_standing(session, officer, clock.today())[Standing.BROUILLON] == 0
    # The number serves again, and what is gone is not thrown away twice.
    make_convention(session, make_structure(session), numero="2026-50", signee_le=None)
    with pytest.raises(AlreadyDone, match="déjà supprimé"):
        life.discard(session, convention, by=officer)


def test_nothing_is_written_of_what_was_thrown_away(session: Session, officer: User) -> None:
    convention = draft(session)
    life.discard(session, convention, by=officer)
    planned = {"intitule": "Acompte", "prevu_le": clock.today(), "montant_centimes": 100}
    for verb in (
        lambda: life.sign(session, convention, signee_le=clock.today(), by=officer),
        lambda: payments.plan(session, convention, planned, by=officer),
        lambda: papers.attach(session, convention, filename="a.pdf", content=b"%PDF-", by=officer),
    ):
        with pytest.raises(AlreadyDone, match="il n’en reste que l’historique"):
            verb()


def test_a_draft_alone_is_thrown_away_and_no_sentence_does_it(session: Session, officer: User) -> None:
    convention = draft(session)
    history.record(session, convention, "Brouillon supprimé", by=officer)
    session.flush()
    assert session.execute(queries.visible_to(officer)).scalars().all() == [convention]
    signed = make_convention(session, make_structure(session))
    signed.supprimee_le = clock.today()
    with pytest.raises(IntegrityError, match="thrown_away_as_a_draft"):
        session.flush()
    session.rollback()


def test_what_is_not_a_draft_or_not_as_it_was_stays(session: Session, officer: User) -> None:
    signed = make_convention(session, make_structure(session))
    with pytest.raises(AlreadyDone, match="signée"):
        life.discard(session, signed, by=officer)
    convention = draft(session)
    with pytest.raises(ChangedMeanwhile):
        life.discard(session, convention, by=officer, version=convention.version + 1)
    for role in (Role.PARTENAIRE, Role.ETAT, Role.ADMINISTRATION):
        with pytest.raises(NotAllowed):
            life.discard(session, convention, by=make_user(session, role))
    assert len(session.exec(select(PartnerPayment)).all()) == 1


def test_a_convention_is_renewed_again_once_its_renewal_is_thrown_away(
    session: Session, officer: User
) -> None:
    today = clock.today()
    former = make_convention(
        session,
        make_structure(session),
        date_debut=today - timedelta(days=364),
        date_fin=today,
        signee_le=today - timedelta(days=364),
    )
    values = {
        "numero": "2027-01",
        "date_debut": today + timedelta(days=1),
        "date_fin": today + timedelta(days=365),
        "montant_centimes": 100,
    }
    made = renewal.renew(session, former, values, by=officer)
    life.discard(session, made, by=officer)
    assert (
        history.lines(session, former)[0][0].fait
        == "Renouvellement abandonné\u00a0: brouillon 2027-01 supprimé"
    )
    assert renewal.renew(session, former, values, by=officer).id != made.id


def test_an_action_that_something_names_keeps_the_draft(session: Session, officer: User) -> None:
    convention = draft(session, numero="2026-51")
    action = session.exec(select(FinancedAction)).one()
    fiche = FicheAction(convention_id=make_state_convention(session).id, annee=2024, titre="Mobilité")
    session.add(fiche)
    session.flush()
    session.add(FicheFinancedAction(fiche_id=fiche.id, action_id=action.id))
    session.flush()
    with pytest.raises(RuleBroken, match="ôtez-la d’abord"):
        life.discard(session, convention, by=officer)
    assert convention.numero == "2026-51"
    assert len(session.exec(select(PartnerPayment)).all()) == 1


def test_the_same_form_sent_again_makes_another_draft(session: Session, officer: User) -> None:
    key = uuid.uuid4()
    values = {
        "numero": "2026-52",
        "intitule": "Mobilité",
        "structure_id": make_structure(session).id,
        "date_debut": date(2026, 1, 1),
        "date_fin": date(2026, 12, 31),
        "montant_centimes": 100,
    }
    made = rules.create_convention(session, values, by=officer, id=key)
    life.discard(session, made, by=officer)
    with pytest.raises(AlreadyDone, match="Enregistrez de nouveau"):
        rules.create_convention(session, values, by=officer, id=key)


def test_the_pages(session: Session, officer: User, sign_in: SignIn) -> None:
    convention = draft(session, numero="2026-53", intitule="Permis pour tous")
    session.commit()
    path = f"/conventions/{convention.id}"
    browser = sign_in(officer)
    page = browser.get(path).click("Supprimer")
    assert "Permis pour tous" in page.text
    form = page.form("discard-form")
    page = form.submit(motif="Écrite deux fois")
    assert page.h1 == "Brouillon supprimé"
    assert "Écrite deux fois" in page.text and "2026-53" in page.text
    # Pressed twice.
    assert form.submit(motif="Écrite deux fois").h1 == "Brouillon supprimé"
    for end in ("/modifier", "/signer", "/versements", "/rapports", "/actions/nouvelle", "/documents"):
        assert browser.client.get(f"{path}{end}").status_code == 404
    assert "Permis pour tous" not in browser.get("/conventions").text
    member, _ = make_partner(session, session.get_one(Structure, convention.structure_id))
    for user in (member, make_user(session, Role.ETAT)):
        assert sign_in(user).client.get(path).status_code == 404


def test_a_signed_convention_is_not_offered_to_be_thrown_away(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    convention = draft(session)
    session.commit()
    browser = sign_in(officer)
    form = browser.get(f"/conventions/{convention.id}/supprimer").form("discard-form")
    life.sign(session, convention, signee_le=clock.today(), by=officer)
    session.commit()
    page = form.submit(status=422)
    assert "elle ne se supprime plus" in page.text
    assert "Supprimer" not in browser.get(f"/conventions/{convention.id}").text
    assert reports.of_convention(session, convention.id)[0].kind in set(ReportKind)
