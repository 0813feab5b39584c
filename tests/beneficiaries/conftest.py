"""What the tests of people's pages share."""

import uuid

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import User
from portal.beneficiaries import dossier
from portal.prescriptions import queries as prescription_queries


@pytest.fixture
def read_prescriptions(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of prescriptions of the tests' own, so that they do not hang on the room above."""

    def read(session: Session, user: User, beneficiary_id: uuid.UUID) -> list[dossier.Line]:
        found = session.execute(prescription_queries.of_beneficiary(user, beneficiary_id)).scalars()
        return [
            dossier.Line(p.id, p.offre_nom, p.structure.nom, p.state.label, "accent", "send", p.updated_at)
            for p in found
        ]

    monkeypatch.setitem(app.extensions, "beneficiary_prescriptions", read)
