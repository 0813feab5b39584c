"""Prescriptions that leave as files: which, in which columns, for whom, and who is told."""

import csv
import io
import tracemalloc
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from python_calamine import CalamineWorkbook
from sqlalchemy import insert
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, AccessKind
from portal.prescriptions import dora, exports
from portal.prescriptions.exports import Filters
from portal.prescriptions.fiche import reference
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Browser
from tests.prescriptions.hands import SignIn

BOM = b"\xef\xbb\xbf"


def table(browser: Browser, **fields: str) -> list[dict[str, str]]:
    """The rows of the CSV that this person gets."""
    response = ask(browser, fichier="csv", **fields)
    assert response.status_code == 200, response.text
    assert response.data.startswith(BOM)
    assert response.headers["Content-Disposition"].startswith('attachment; filename="prescriptions-')
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(response.data[3:].decode()), delimiter=";"))


def ask(browser: Browser, path: str = "/prescriptions/export", **fields: str) -> Any:
    return browser.client.post(
        path, data={**fields, "csrf_token": browser.token()}, headers={"Origin": "http://localhost"}
    )


def exported(session: Session) -> list[tuple[uuid.UUID | None, uuid.UUID]]:
    """(who, about whom) of the exports in the access journal."""
    lines = session.exec(select(AccessEntry).where(col(AccessEntry.kind) == AccessKind.EXPORT))
    return sorted((line.user_id, line.beneficiary_id) for line in lines)  # type: ignore[type-var]


def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


class TestColumns:
    def test_each_column_says_who_gets_it(self) -> None:
        labels = [column.label for column in exports.COLUMNS]
        assert len(labels) == len(set(labels))
        assert all(column.roles and column.roles <= exports.READERS for column in exports.COLUMNS)

    def test_a_referent_reads_names(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        one = make_prescription(session, scene, State.TERMINEE, beneficiary=person)
        make_prescription(session, scene, State.BROUILLON)
        (row,) = table(sign_in(scene.referent))
        today = clock.today().strftime("%d/%m/%Y")
        assert row["Personne"] == person.full_name
        assert row["Numéro"] == reference(one.id)
        assert (row["Offre"], row["Structure"]) == (scene.offer.nom, scene.structure.nom)
        assert (row["État"], row["Envoyée le"], row["Entrée le"]) == ("Terminée", today, today)
        assert row["Jours avant la réponse"] == "0"
        assert row["Place"] == "Place utilisée"
        assert row["Convention"]
        assert str(person.numero_allocataire) not in str(row)
        assert "Statut DORA" not in row
        assert exported(session) == [(scene.referent.id, person.id)]

    def test_a_colleague_reads_the_name_as_it_was_shared(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, beneficiary=person)
        shared = person.full_name
        person.nom = "Autrement"
        make_prescription(session, other)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        (row,) = table(sign_in(colleague))
        assert row["Personne"] == shared
        assert row["Référent"] == scene.referent.full_name

    def test_a_partner_reads_what_was_shared(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        person = make_beneficiary(session, scene.referent)
        make_prescription(session, scene, beneficiary=person)
        refused = make_prescription(session, scene, State.REFUSEE)
        make_prescription(session, scene, State.BROUILLON)
        make_prescription(session, other)
        rows = {row["Numéro"]: row for row in table(sign_in(scene.partner))}
        assert len(rows) == 2
        assert "Personne" not in rows[reference(refused.id)]
        one = next(row for row in rows.values() if row["État"] == "Envoyée")
        assert one["Prénom et nom"] == person.full_name
        assert one["Téléphone et courriel"] == "06 00 00 00 00"
        # In the file, and not shared.
        assert one["Numéro d’allocataire"] == one["Freins repérés"] == ""
        # It came to nothing: the name alone.
        gone = rows[reference(refused.id)]
        assert gone["Prénom et nom"]
        assert gone["Téléphone et courriel"] == gone["Commune"] == ""
        assert len(exported(session)) == 2

    def test_an_officer_reads_of_no_person(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        one = make_prescription(session, scene, State.REFUSEE, beneficiary=person)
        browser = sign_in(officer(session))
        rows = {row["Identifiant"]: row for row in table(browser)}
        row = rows[str(one.id)]
        assert (row["Statut DORA"], row["Raison DORA"]) == ("REFUSÉE", "autre")
        for said in (person.nom, str(person.numero_allocataire), "06 00 00", str(person.id)):
            assert said not in str(rows)
        # Nobody is named, and yet it is told about whom something left.
        assert [about for _, about in exported(session)] == [person.id]
        assert "ne nomme aucune personne" in browser.get("/prescriptions/export").text

    @pytest.mark.parametrize("role", [Role.ANIMATION, Role.ADMINISTRATION])
    def test_others_get_nothing(self, session: Session, sign_in: SignIn, role: Role) -> None:
        scene = make_scene(session)
        make_prescription(session, scene)
        user = make_user(session, role)
        assert sign_in(user).client.get("/prescriptions/export").status_code == 403
        assert exports.ids_of(session, user, Filters(), limit=None) == []
        assert exports.columns_for(user) == []


class TestFilters:
    def test_each_of_them(self, session: Session) -> None:
        scene, other = make_scene(session), make_scene(session)
        assert scene.action is not None
        mine = make_prescription(session, scene, State.ACCEPTEE)
        theirs = make_prescription(session, other)
        theirs.sent_at = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # the first of April in Paris
        session.flush()
        user = officer(session)

        def found(**chosen: Any) -> set[uuid.UUID]:
            return set(exports.ids_of(session, user, Filters(**chosen), limit=None)) & {mine.id, theirs.id}

        assert found() == {mine.id, theirs.id}
        assert found(structure_id=scene.structure.id) == {mine.id}
        assert found(referent_id=other.referent.id) == {theirs.id}
        assert found(state=State.ACCEPTEE) == {mine.id}
        assert found(convention_id=scene.action.convention_id) == {mine.id}
        april, march = datetime(2026, 4, 1, tzinfo=UTC).date(), datetime(2026, 3, 31, tzinfo=UTC).date()
        assert found(since=april, until=april) == {theirs.id}
        assert found(until=march) == set()

    def test_by_the_page(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        assert scene.action is not None
        make_prescription(session, scene)
        one = make_prescription(session, scene, State.ACCEPTEE)
        browser = sign_in(scene.referent)
        page = browser.get("/prescriptions/export")
        form = page.form("/export")
        assert {"structure", "convention", "etat", "du", "au", "fichier"} <= form.names()
        convention = str(scene.action.convention_id)
        (row,) = table(browser, convention=convention, structure=str(scene.structure.id), etat="acceptee")
        assert row["Numéro"] == reference(one.id)
        page = form.submit("Exporter", du="2026-05-01", au="2026-04-01", status=422)
        assert "avant le début" in page.errors["au"]
        page = form.submit("Exporter", du="2001-01-01", au="2001-01-02")
        assert "rien à exporter" in page.text

    def test_a_choice_that_is_not_theirs_is_refused(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        make_prescription(session, scene)
        make_prescription(session, other)
        for name, value in (("structure", str(other.structure.id)), ("referent", "x"), ("fichier", "pdf")):
            response = ask(sign_in(scene.referent), **{"fichier": "csv", name: value})
            assert response.status_code == 422
        assert exported(session) == []

    def test_too_many_at_once(
        self, session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "MAX_ROWS", 1)
        scene = make_scene(session)
        make_prescription(session, scene)
        browser = sign_in(scene.referent)
        assert len(table(browser)) == 1
        make_prescription(session, scene)
        session.commit()
        response = ask(browser, fichier="csv")
        assert response.status_code == 422
        assert "période plus courte" in response.text


class TestFiles:
    def formula(self, session: Session) -> tuple[Scene, Prescription]:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent, prenom="=1+1", nom="@SUM")
        one = make_prescription(session, scene, beneficiary=person)
        one.offre_nom = '=HYPERLINK("http://exemple.example.org")'
        session.flush()
        return scene, one

    def test_a_table_runs_no_formula(self, session: Session, sign_in: SignIn) -> None:
        scene, _ = self.formula(session)
        (row,) = table(sign_in(scene.referent))
        assert row["Personne"] == "'=1+1 @SUM"
        assert row["Offre"].startswith("'=HYPERLINK")

    def test_a_workbook_holds_text_days_and_numbers(self, session: Session, sign_in: SignIn) -> None:
        scene, _ = self.formula(session)
        response = ask(sign_in(scene.referent), fichier="xlsx")
        assert response.status_code == 200
        head, row = (
            CalamineWorkbook.from_filelike(io.BytesIO(response.data)).get_sheet_by_index(0).to_python()
        )
        found = dict(zip(head, row, strict=True))
        assert found["Personne"] == "=1+1 @SUM"
        assert str(found["Offre"]).startswith("=HYPERLINK")
        assert found["Envoyée le"] == clock.today()
        assert b"<f>" not in response.data

    def test_thousands_of_rows_in_little_memory(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        now = clock.now()
        session.execute(
            insert(Prescription),
            [
                {
                    "id": uuid.uuid4(),
                    "form_key": uuid.uuid4(),
                    "beneficiary_id": person.id,
                    "offer_id": scene.offer.id,
                    "structure_id": scene.structure.id,
                    "referent_id": scene.referent.id,
                    "state": State.REFUSEE,
                    "motif_refus": RefusalReason.AUTRE,
                    "motif": "x" * 500,
                    "offre_nom": scene.offer.nom,
                    "lien_cle": uuid.uuid4(),
                    "ecrire_personne": False,
                    "consentement_at": now,
                    "sent_at": now,
                    "created_at": now,
                    "updated_at": now,
                }
                for _ in range(6_000)
            ],
        )
        ids = exports.ids_of(session, scene.referent, Filters(), limit=exports.MAX_ROWS + 1)
        assert len(ids) == 6_000
        assert exports.note(session, ids, by=scene.referent) == 1
        session.expunge_all()
        tracemalloc.start()
        try:
            size = sum(
                len(piece)
                for piece in exports.as_csv(scene.referent, exports.rows(session, scene.referent, ids))
            )
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert size > 300_000
        # The same as for a thousand rows.
        assert most < 12_000_000


class TestBusinessFile:
    HEAD = (
        "id_prescription;id_beneficiaire_departement;numero_allocataire;offre_id;offre_nom;structure_siret;"
        "convention_numero;date_prescription;statut;date_statut;motif;date_entree;date_sortie;motif_sortie;"
        "prescripteur_email"
    )

    def test_its_columns_and_who_is_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        one = make_prescription(session, scene, State.TERMINEE, beneficiary=person)
        user = officer(session)
        browser = sign_in(user)
        form = browser.get("/prescriptions/export").form("/metier.csv")
        assert form.names() == {"csrf_token", "metier-du", "metier-au"}
        response = ask(browser, "/prescriptions/export/metier.csv")
        assert response.status_code == 200
        lines = response.data.decode().splitlines()
        assert lines[0] == self.HEAD
        rows = {row["id_prescription"]: row for row in csv.DictReader(lines, delimiter=";")}
        row, today = rows[str(one.id)], clock.today().isoformat()
        assert row["id_beneficiaire_departement"] == str(person.id)
        assert row["numero_allocataire"] == person.numero_allocataire
        assert row["prescripteur_email"] == scene.referent.courriel
        assert (row["statut"], row["date_statut"], row["date_entree"]) == ("terminee", today, today)
        assert row["convention_numero"]
        assert (user.id, person.id) in exported(session)
        # A period in which nothing was sent.
        page = browser.get("/prescriptions/export").form("/metier.csv")
        page = page.submit(**{"metier-du": "2001-01-01", "metier-au": "2001-01-02"})
        assert "rien à exporter" in page.text
        page = browser.get("/prescriptions/export").form("/metier.csv")
        page = page.submit(status=422, **{"metier-du": "2001-01-02", "metier-au": "2001-01-01"})
        assert set(page.errors) == {"metier-au"}

    def test_nobody_but_the_officer(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        for user in (scene.referent, scene.partner, make_user(session, Role.ADMINISTRATION)):
            assert ask(sign_in(user), "/prescriptions/export/metier.csv").status_code == 403

    def test_by_the_command(self, app: Flask, session: Session, tmp_path: Any) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent)
        one = make_prescription(session, scene, beneficiary=person)
        user = officer(session)
        session.commit()
        runner = app.test_cli_runner()
        words = ["prescriptions", "export-metier", str(tmp_path / "sortie"), "--by"]
        refused = runner.invoke(args=[*words, scene.referent.courriel])
        assert refused.exit_code == 1
        assert "conventionnement" in refused.output
        assert not (tmp_path / "sortie").exists()
        assert exported(session) == []
        done = runner.invoke(args=[*words, user.courriel.upper()])
        assert done.exit_code == 0, done.output
        written = tmp_path / "sortie" / "metier.csv"
        assert written.stat().st_mode & 0o077 == 0
        assert str(one.id) in written.read_text()
        assert (user.id, person.id) in exported(session)


class TestDora:
    def test_every_state_has_its_status(self) -> None:
        assert set(dora.DORA_STATUSES) == set(State)
        said = {dora.dora_status(state) for state in State if state is not State.BROUILLON}
        assert said == {"OUVERTE", "VALIDÉE", "REFUSÉE", "EXPIRÉE"}
        assert dora.dora_status(State.BROUILLON) is None

    def test_every_reason_has_its_code(self) -> None:
        assert set(dora.DORA_REFUSALS) == set(RefusalReason)
