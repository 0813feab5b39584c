"""People and offers are listed as in a directory, in the same order on both engines."""

import random
import uuid

from sqlalchemy import String, bindparam, literal, select, union_all
from sqlmodel import Session, col
from sqlmodel import select as select_of

from portal.accounts import queries as account_queries
from portal.accounts.models import Organisation, OrganisationKind, Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.beneficiaries.models import Beneficiary
from portal.engines.alphabetical import by_name, folded
from portal.prescriptions import filters, lots
from portal.prescriptions import queries as prescription_queries
from portal.prescriptions.asked import Asked
from portal.prescriptions.states import Side
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene

# As people look for them.
NAMES = [
    "Abel",
    "Çelik",
    "Cherif",
    "D’Alès",
    "d'Alessandro",
    "Élodie",
    "Emile",
    "Émilie",
    "Le Goff",
    "Le-Hénaff",
    "Legoff",
    "Ñuñez",
    "Oberlin",
    "Œdipe",
    "Ogier",
    "Šimić",
    "zoé",
    "Zola",
]


def shuffled() -> list[str]:
    names = list(NAMES)
    random.Random(7).shuffle(names)
    return names


def test_each_letter_is_sorted_as_python_has_it(session: Session) -> None:
    words = [chr(code) * 2 for code in range(0x20, 0x250) if chr(code).isprintable()] + NAMES
    sort = by_name(bindparam("word", type_=String))
    for word in words:
        assert session.execute(select(sort), {"word": word}).scalar_one() == folded(word)


def test_both_engines_sort_alike(session: Session) -> None:
    words = [*shuffled(), "l a", "l-b", "l’c", "lA", "l.d", "L_e", "l1", "“l”", "日本", "ل"]
    rows = union_all(*(select(literal(word).label("word")) for word in words)).subquery()
    found = session.execute(select(rows.c.word).order_by(by_name(rows.c.word))).scalars().all()
    assert found == sorted(words, key=lambda word: (folded(word) or "").encode())
    assert session.execute(select(by_name(literal(None, String)))).scalar_one() is None


def test_the_people_one_follows(session: Session) -> None:
    user = make_user(session)
    for name in shuffled():
        make_beneficiary(session, user, nom=name, prenom="Zoé")
        make_beneficiary(session, user, nom=name, prenom="Éva")
        make_beneficiary(session, user, nom=name, prenom="Fanny")
    found: list[Beneficiary] = list(session.execute(beneficiary_queries.portfolio_of(user)).scalars())
    assert [(one.nom, one.prenom) for one in found] == [
        (name, first) for name in NAMES for first in ("Éva", "Fanny", "Zoé")
    ]


def test_colleagues_and_accounts(session: Session) -> None:
    user = make_user(session, nom="Aaa")
    for name in shuffled():
        make_user(session, nom=name, organisation_id=user.organisation_id)
    assert [one.nom for one in session.execute(prescription_queries.colleagues_of(user)).scalars()] == NAMES
    for statement in (account_queries.all_users(), account_queries.active_of_role(Role.REFERENT)):
        found = [one.nom for one in session.execute(statement).scalars() if one.nom in NAMES]
        assert found == NAMES
    for name in shuffled():
        session.add(Organisation(nom=name, kind=OrganisationKind.DEPARTEMENT))
    session.flush()
    organisations = [one.nom for one in session.execute(account_queries.all_organisations()).scalars()]
    assert [name for name in organisations if name in NAMES] == NAMES


def test_a_lot_and_the_choices_of_a_list(session: Session) -> None:
    scene = make_scene(session)
    session.refresh(scene.offer, ["structure"])
    people = [make_beneficiary(session, scene.referent, nom=name) for name in shuffled()]
    lots.create_lot(
        session,
        lot_id=(lot_id := uuid.uuid4()),
        people=people,
        offers=[scene.offer],
        by=scene.referent,
        partage=[],
    )
    names = [one.beneficiary.nom for one in lots.of_lot(session, lot_id, scene.referent)]
    assert names == NAMES

    scene = make_scene(session)
    for name in shuffled():
        scene.offer = make_offer(session, scene.structure, nom=name)
        make_prescription(session, scene)
    asked = Asked(side=Side.REFERENT)
    assert [row.offre for row in filters.choices(session, scene.referent, asked)] == NAMES


def test_the_names_are_all_there(session: Session) -> None:
    """Sorted, none is lost: what sorts is not what is kept."""
    user = make_user(session)
    for name in NAMES:
        make_beneficiary(session, user, nom=name)
    kept = session.exec(select_of(Beneficiary.nom).where(col(Beneficiary.referent_id) == user.id)).all()
    assert sorted(kept) == sorted(NAMES)
