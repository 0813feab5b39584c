"""Who the pages of the convention with the State are tried by."""

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from tests.factories.accounts import make_user


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def readers(session: Session) -> tuple[User, User]:
    return make_user(session, Role.ETAT), make_user(session, Role.ETAT)
