"""The file for the business software of the département: one prescription a line, with our own words."""

import csv
import io
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_
from sqlmodel import Session, col, func, select

from portal import tabular
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.prescriptions import exports
from portal.prescriptions.models import Prescription, Transition
from portal.structures.models import Structure

# Word for word what the département's software reads.
BUSINESS_COLUMNS = (
    "id_prescription",
    "id_beneficiaire_departement",
    "numero_allocataire",
    "offre_id",
    "offre_nom",
    "structure_siret",
    "convention_numero",
    "date_prescription",
    "statut",
    "date_statut",
    "motif",
    "date_entree",
    "date_sortie",
    "motif_sortie",
    "prescripteur_email",
)


def business_csv(session: Session, ids: Sequence[uuid.UUID]) -> Iterator[bytes]:
    """Yield the file for the business software: `;`, UTF-8, days as 2026-11-21, our own words for states and reasons."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(BUSINESS_COLUMNS)
    for chunk in exports.chunks(ids):
        for row in _business_rows(session, chunk):
            writer.writerow([tabular.harmless(str(value)) if value is not None else "" for value in row])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _business_rows(session: Session, ids: Sequence[uuid.UUID]) -> Iterator[tuple[Any, ...]]:
    since: dict[uuid.UUID, datetime] = {
        id: at
        for id, at in session.execute(
            select(col(Transition.prescription_id), func.max(col(Transition.at)))
            .join(
                Prescription,
                and_(
                    col(Prescription.id) == col(Transition.prescription_id),
                    col(Prescription.state) == col(Transition.to_state),
                ),
            )
            .where(
                col(Transition.prescription_id).in_(ids),
                col(Transition.from_state) != col(Transition.to_state),
            )
            .group_by(col(Transition.prescription_id))
        )
    }
    places = exports.places_of(session, ids)
    found = {
        row[0].id: row
        for row in session.execute(
            select(
                Prescription, col(Beneficiary.numero_allocataire), col(Structure.siret), col(User.courriel)
            )
            .join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
            .join(Structure, col(Structure.id) == col(Prescription.structure_id))
            .join(User, col(User.id) == col(Prescription.referent_id))
            .where(col(Prescription.id).in_(ids))
        )
    }
    for id in ids:
        one, number, siret, email = found[id]
        place = places.get(id)
        yield (
            one.id,
            one.beneficiary_id,
            number,
            one.offer_id,
            one.offre_nom,
            siret,
            place[2] if place else None,
            exports.day_of(one.sent_at),
            one.state.value,
            exports.day_of(since.get(id)),
            one.motif_refus.value if one.motif_refus else None,
            one.date_entree,
            one.date_sortie,
            one.motif_sortie.value if one.motif_sortie else None,
            email,
        )
    session.expunge_all()
