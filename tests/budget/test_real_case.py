"""Ille-et-Vilaine, 2023 and 2024 (domain §6): every figure of the accounts and of the statement, to the cent."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import expenses, payments
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import Bloc, Nature, StateConvention, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import PaymentKind
from portal.errors import RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention

# (nature, object, cents) of the statement for 2024, as the source gives it.
STATEMENT_2024 = [
    (Nature.INGENIERIE, "Ingénierie", 15_005_032),
    (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement", 40_596_088),
    (Nature.ACCOMPAGNEMENT, "CCAS", 4_417_750),
    (Nature.ACCOMPAGNEMENT, "Missions locales", 3_466_800),
    (Nature.ACCOMPAGNEMENT, "Infirmières", 10_926_954),
    (Nature.MOBILITE, "En route vers le permis", 4_700_000),
    (Nature.COMPLEMENTAIRES, "Résilience", 200_000),
    (Nature.AUTRE_FREIN, "ASL", 4_500_000),
    (Nature.COMPLEMENTAIRES, "Boutique de gestion", 3_000_000),
    (Nature.GARDE_ENFANT, "Garde d’enfants", 3_000_000),
    (Nature.REMOBILISATION, "Jeunes", 500_000),
    (Nature.COMPLEMENTAIRES, "Enveloppe des territoires", 5_000_000),
    (Nature.COMPLEMENTAIRES, "Formation des professionnels", 500_000),
    (Nature.SI, "Système d’information", 4_000_000),
]


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def cd35(session: Session) -> StateConvention:
    """The convention of 2023 and 2024, signed for 2023; the pilots' credits are those of volet 3."""
    return make_state_convention(
        session, {(2023, Volet.DEPLOIEMENT): 71_968_900}, numero="CD35-2023", signe_le=date(2023, 5, 2)
    )


def spend(
    session: Session,
    convention: StateConvention,
    annee: int,
    nature: Nature,
    objet: str,
    cents: int,
    by: User,
) -> None:
    values: dict[str, Any] = {
        "volet": Volet.DEPLOIEMENT,
        "nature": nature,
        "objet": objet,
        "unite": "forfait",
        "nombre": 1_000,
        "cout_unitaire_centimes": cents,
        "date_debut": date(annee, 1, 1),
        "date_fin": date(annee, 12, 31),
    }
    expenses.write(session, convention, annee, values, by=by)


def pay(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: PaymentKind,
    cents: int,
    by: User,
    le: date,
) -> None:
    for step in Step:
        payments.take_step(
            session, convention, annee, kind, step, le=le, centimes=cents, reference="EJ 2104", by=by
        )


def hand_in(session: Session, convention: StateConvention, annee: int, at: datetime) -> None:
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=annee,
            kind=BilanKind.INTERMEDIAIRE,
            state=BilanState.REMIS,
            remis_at=at,
            figures={},
        )
    )
    session.flush()


def test_2023_and_what_it_leaves_to_2024(
    session: Session, cd35: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 6, 1, 10)
    (year, _) = payments.accounts(session, cd35)
    assert year.account.montant == 71_968_900
    assert year.account.avance_brute == year.account.avance_due == 43_181_300
    with pytest.raises(RuleBroken, match="0,01\xa0€ de trop"):
        pay(session, cd35, 2023, PaymentKind.AVANCE, 43_181_301, officer, date(2023, 6, 1))
    pay(session, cd35, 2023, PaymentKind.AVANCE, 43_181_300, officer, date(2023, 6, 1))

    spend(session, cd35, 2023, Nature.ACCOMPAGNEMENT, "Dépenses de 2023", 42_327_135, officer)
    move_clock(2024, 3, 20, 10)
    hand_in(session, cd35, 2023, datetime(2024, 3, 20, 9, tzinfo=UTC))
    make_state_amendment(
        session, cd35, {(2024, Volet.DEPLOIEMENT): 99_812_624}, numero=1, signe_le=date(2024, 3, 21)
    )
    move_clock(2024, 3, 21, 10)
    first, second = payments.accounts(session, cd35)
    assert first.account.retenu == 42_327_135
    assert first.account.solde_du == first.account.reversement == 0
    assert first.account.trop_percu == first.account.reporte == 854_165
    assert second.account.montant == 99_812_624
    # 60 % of 998 126,24 € are 598 875,744 €: rounded to the euro, then the deduction.
    assert second.account.avance_brute == 59_887_600
    assert second.account.deduction == 854_165
    assert second.account.avance_due == 59_033_435
    with pytest.raises(RuleBroken, match="bilan intermédiaire 2023 est remis"):
        spend(session, cd35, 2023, Nature.SI, "Une dépense oubliée", 1, officer)


def test_the_statement_of_2024(
    session: Session, cd35: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 6, 1, 10)
    pay(session, cd35, 2023, PaymentKind.AVANCE, 43_181_300, officer, date(2023, 6, 1))
    spend(session, cd35, 2023, Nature.ACCOMPAGNEMENT, "Dépenses de 2023", 42_327_135, officer)
    hand_in(session, cd35, 2023, datetime(2024, 3, 20, 9, tzinfo=UTC))
    make_state_amendment(
        session, cd35, {(2024, Volet.DEPLOIEMENT): 99_812_624}, numero=1, signe_le=date(2024, 3, 21)
    )
    move_clock(2024, 12, 1, 10)
    pay(session, cd35, 2024, PaymentKind.AVANCE, 59_033_435, officer, date(2024, 4, 2))
    for nature, objet, cents in STATEMENT_2024:
        spend(session, cd35, 2024, nature, objet, cents, officer)

    told = expenses.statement(session, cd35, 2024)
    assert {bloc.bloc: bloc.montant for bloc in told.blocs} == {
        Bloc.EQUIPES: 74_412_624,
        Bloc.SOLUTIONS: 21_400_000,
        Bloc.SI: 4_000_000,
    }
    natures = {group.nature: group.montant for bloc in told.blocs for group in bloc.natures}
    assert natures[Nature.INGENIERIE] == 15_005_032
    # The four parts that the source gives make its subtotal, to the cent.
    assert natures[Nature.ACCOMPAGNEMENT] == 59_407_592
    assert natures[Nature.COMPLEMENTAIRES] == 8_700_000
    assert told.montant == told.part_etat == 99_812_624
    assert len(told.lines) == 14

    _, second = payments.accounts(session, cd35)
    assert second.account.retenu == 99_812_624
    assert second.account.disponible == 0
    # Received in advance: 590 334,35 € paid and 8 541,65 € kept from 2023.
    assert second.account.avance_acquise == 59_887_600
    assert second.account.solde_du == 39_925_024
    assert second.verse + 854_165 + second.account.solde_du == 99_812_624
    hand_in(session, cd35, 2024, datetime(2025, 3, 20, 9, tzinfo=UTC))
    move_clock(2025, 3, 30, 10)
    _, second = payments.accounts(session, cd35)
    assert second.dues[PaymentKind.SOLDE].echeance == date(2025, 4, 20)
    pay(session, cd35, 2024, PaymentKind.SOLDE, 39_925_024, officer, date(2025, 3, 30))
    _, second = payments.accounts(session, cd35)
    assert second.dues[PaymentKind.SOLDE].reste == 0
    assert second.account.trop_percu == second.account.reversement == 0
    received = 43_181_300 + 59_033_435 + 39_925_024
    assert received == 42_327_135 + 99_812_624
