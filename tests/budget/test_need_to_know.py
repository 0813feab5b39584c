"""What the State's services do not read yet: texts that nobody signed, bilans in preparation, and what hangs on them."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import agreement, amendments, bilan_writing, expenses, fiches, history, papers, planning
from portal.budget.bilan_models import BilanKind, BilanState
from portal.budget.models import BudgetDocument, FicheAction, Nature, StateAmendment, StateConvention, Volet
from portal.budget.papers import Kind
from portal.budget.spending_models import Expense
from portal.errors import AlreadyDone, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.factories.conventions import make_convention
from tests.factories.structures import make_structure
from tests.pages import Browser

SignIn = Callable[[User], Browser]
PDF = b"%PDF-1.4 projet"


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 3, 1, 10)
    return make_state_convention(session, {(2023, Volet.SOLUTIONS): 10_000_00})


@pytest.fixture
def draft(session: Session, convention: StateConvention, officer: User) -> StateAmendment:
    """An avenant that is being written: amounts, a plan, a document."""
    made = amendments.create(session, convention, objet="Année 2024", by=officer)
    amendments.change(
        session,
        convention,
        made,
        objet="Année 2024",
        cible=None,
        date_fin=None,
        amounts={(2024, Volet.SOLUTIONS): 76_543_21},
        by=officer,
    )
    sheet = fiches.write(session, convention, 2024, {"titre": "Mobilité"}, by=officer)
    planning.write(
        session,
        made,
        2024,
        {
            "volet": Volet.SOLUTIONS,
            "nature": Nature.MOBILITE,
            "objet": "Permis secret",
            "montant_centimes": 65_432_10,
            "fiche_id": sheet.id,
        },
        by=officer,
    )
    papers.attach(session, convention, Kind.AVENANT, made.id, filename="projet.pdf", content=PDF, by=officer)
    session.commit()
    return made


def test_the_history_of_a_draft_is_not_the_states(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention, draft: StateAmendment
) -> None:
    state, mine = sign_in(make_user(session, Role.ETAT)), sign_in(officer)
    base = f"/budget/{convention.id}"
    for end in ("", "/historique"):
        told = " ".join(mine.get(f"{base}{end}").text.split())
        assert "Permis secret" in told and "Avenant n° 1 : texte modifié" in told and "projet.pdf" in told
        said = " ".join(state.get(f"{base}{end}").text.split())
        for secret in ("Permis secret", "Avenant n° 1", "76 543,21", "65 432,10", "projet.pdf"):
            assert secret not in said, f"{end} tells {secret}"
    amendments.sign(session, convention, draft, signe_le=date(2024, 2, 1), by=officer)
    session.commit()
    said = state.get(f"{base}/historique").text
    assert "Avenant n° 1 signé" in said and "texte modifié" not in said


def test_what_was_written_of_a_draft_convention_stays_the_departements(
    session: Session, sign_in: SignIn, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2024, 3, 1, 10)
    made = agreement.create(
        session,
        {
            "numero": "2024-35",
            "intitule": "Insertion",
            "date_debut": date(2024, 1, 1),
            "date_fin": date(2024, 12, 31),
            "etat": "Préfecture",
            "departement": "Département",
        },
        objet="Année 2024",
        by=officer,
    )
    agreement.change(session, made, {"taux_avance": 4321}, by=officer)
    fiches.write(session, made, 2024, {"titre": "Garde d’enfants"}, by=officer)
    initial = agreement.initial_text(session, made)
    amendments.change(
        session,
        made,
        initial,
        objet="Année 2024",
        cible=None,
        date_fin=None,
        amounts={(2024, Volet.SOLUTIONS): 76_543_21},
        by=officer,
    )
    agreement.sign(session, made, signe_le=date(2024, 2, 1), by=officer)
    # What it says is no matter: only when it was written.
    fiches.write(session, made, 2024, {"titre": "Après : document ajouté"}, by=officer)
    papers.attach(session, made, Kind.CONVENTION, made.id, filename="a.pdf", content=PDF, by=officer)
    session.commit()
    told = [line.fait for line, _ in history.lines(session, made, history.without_drafts())]
    assert sorted(told) == [
        "Convention signée",
        "Document ajouté",
        "Fiche action 2024 ajoutée : Après : document ajouté",
    ]
    assert len(history.lines(session, made)) == 7
    said = sign_in(make_user(session, Role.ETAT)).get(f"/budget/{made.id}/historique").text
    assert "Convention signée" in said and "43,21" not in said and "Garde" not in said


def test_what_a_draft_plans_is_in_no_sheet_that_the_state_reads(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention, draft: StateAmendment
) -> None:
    sheet = session.exec(select(FicheAction)).one()
    base = f"/budget/{convention.id}"
    state, mine = sign_in(make_user(session, Role.ETAT)), sign_in(officer)
    for address in (f"{base}/fiche/{sheet.id}", f"{base}/fiches/2024"):
        shown = [" ".join(me.get(address).text.split()) for me in (mine, state)]
        assert ["65 432,10" in text.replace("\u202f", " ").replace("\xa0", " ") for text in shown] == [
            True,
            False,
        ]


def test_documents_of_a_draft_and_of_a_bilan_in_preparation(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention, draft: StateAmendment
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    papers.attach(session, convention, Kind.BILAN, bilan.id, filename="piece.pdf", content=PDF, by=officer)
    papers.attach(
        session, convention, Kind.CONVENTION, convention.id, filename="a.pdf", content=PDF, by=officer
    )
    session.commit()
    found = {
        one.nom: f"/budget/{convention.id}/documents/{one.id}" for one in session.exec(select(BudgetDocument))
    }
    state, mine = make_user(session, Role.ETAT), officer

    def opened(user: User) -> dict[str, int]:
        me = sign_in(user)
        return {name: me.client.get(address).status_code for name, address in found.items()}

    assert opened(mine) == {"projet.pdf": 200, "piece.pdf": 200, "a.pdf": 200}
    assert opened(state) == {"projet.pdf": 404, "piece.pdf": 404, "a.pdf": 200}
    amendments.sign(session, convention, draft, signe_le=date(2024, 2, 1), by=officer)
    bilan.state, bilan.figures, bilan.remis_at = BilanState.REMIS, {}, datetime(2024, 3, 1, 10).astimezone()
    session.commit()
    assert opened(state) == {"projet.pdf": 200, "piece.pdf": 200, "a.pdf": 200}
    # Frozen with its documents.
    with pytest.raises(AlreadyDone, match="ses documents ne changent plus"):
        papers.attach(session, convention, Kind.BILAN, bilan.id, filename="b.pdf", content=PDF, by=officer)


def test_no_expense_is_tied_to_a_partners_draft(
    session: Session, officer: User, convention: StateConvention
) -> None:
    partner = make_convention(session, make_structure(session), signee_le=None)
    with pytest.raises(RuleBroken, match="signez-la d’abord") as refused:
        expenses.write(
            session, convention, 2023, expense_values(partner_convention_id=partner.id), by=officer
        )
    assert refused.value.field == "partenaire"
    assert session.exec(select(Expense)).all() == []
