"""Who the pages of conventions are tried by."""

import pytest
from sqlmodel import Session

from portal.accounts.models import User
from tests.conventions.hands import OFFICER
from tests.factories.accounts import make_user


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, OFFICER)
