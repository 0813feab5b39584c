"""What the tests of alerts share."""

import pytest
from sqlmodel import Session

from portal import jobs
from portal.config import Config
from portal.db import Database
from tests.catalogue.alerting import Run


@pytest.fixture
def run(session: Session, database: Database, config: Config) -> Run:
    """Run the job as the command does."""

    def job() -> str:
        session.commit()
        session.expire_all()
        return jobs.JOBS["alertes"](database, config)

    return job
