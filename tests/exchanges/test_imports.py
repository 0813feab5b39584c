"""Imports from the table to the catalogue: what goes in, what is refused and why, what a second time changes."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, col, func, select

from portal import clock
from portal.errors import RuleBroken
from portal.exchanges import exports
from portal.exchanges.imports import runs
from portal.exchanges.models import ImportLine, ImportOutcome, ImportState
from portal.offers import rules as offer_rules
from portal.offers.models import Offer, OfferState
from portal.structures import rules as structure_rules
from portal.structures.models import Act, Revision, Structure, StructureState
from tests.exchanges.catalogue import URL, make_catalogue
from tests.exchanges.import_tables import (
    OWN,
    PARTNER,
    SERVICE,
    SIRET,
    STRUCTURE,
    as_xlsx,
    both,
    bring,
    exported,
    lines,
    only,
    outcomes,
    table,
    workbook,
)
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure


class TestWhatGoesIn:
    def test_a_structure_and_its_offer_are_published(self, session: Session) -> None:
        run = bring(session, both())
        assert run.state is ImportState.TERMINE
        assert outcomes(session, run) == ["cree", "cree"]
        structure = only(session, Structure, import_id="s1")
        assert structure.import_source == PARTNER
        assert structure.state is StructureState.PUBLIEE
        assert (structure.commune, structure.code_postal, structure.siret) == ("Redon", "35600", SIRET)
        assert structure.telephone == "+33299000001"
        assert structure.date_maj == date(2026, 1, 15)
        offer = only(session, Offer, import_id="o1")
        assert offer.state is OfferState.PUBLIEE
        assert offer.structure_id == structure.id
        assert offer.thematiques == ["mobilite--financer-ma-mobilite", "mobilite--preparer-un-permis"]
        assert (offer.volume_horaire_hebdomadaire, offer.nombre_semaines) == (7.5, 12)
        assert offer.date_maj == date(2026, 2, 1)
        acts = session.exec(select(Revision.act).where(col(Revision.offer_id) == offer.id)).all()
        assert set(acts) == {Act.IMPORT, Act.PUBLICATION}

    def test_nothing_is_written_before_the_yes(self, session: Session) -> None:
        run = bring(session, both(), write=False)
        assert run.state is ImportState.APERCU
        assert session.exec(select(func.count()).select_from(Structure)).one() == 0
        assert session.exec(select(func.count()).select_from(Revision)).one() == 0

    def test_drafts_when_asked(self, session: Session) -> None:
        bring(session, both(), publish=False)
        assert only(session, Structure, import_id="s1").state is StructureState.BROUILLON
        assert only(session, Offer, import_id="o1").state is OfferState.BROUILLON

    def test_what_is_incomplete_stays_a_draft_that_says_why(self, session: Session) -> None:
        run = bring(session, both(service={"frais": "", "publics": ""}))
        assert only(session, Offer, import_id="o1").state is OfferState.BROUILLON
        missing = (lines(session, run)[1].record or {})["missing"]
        assert set(missing) == {"frais", "publics"}

    def test_lines_marked_to_be_ignored_are(self, session: Session) -> None:
        rows = [
            {"__ignore__": "exemple", **STRUCTURE},
            {"__ignore__": "", **STRUCTURE, "id": "s2", "siret": ""},
        ]
        run = bring(session, workbook({"Structures": rows}, {"Structures": list(rows[0])}))
        assert sorted(outcomes(session, run)) == ["cree", "ignore"]
        assert only(session, Structure, nom=STRUCTURE["nom"]).import_id == "s2"

    def test_labels_stand_for_values_even_with_commas(self, session: Session) -> None:
        told = (
            "Préparer un permis, Utiliser des services de mobilité douce, partagée ou collective, Lien social"
        )
        bring(session, both(service={"thematiques": told, "frais": "Gratuit", "publics": "Tous publics"}))
        offer = only(session, Offer, import_id="o1")
        assert offer.thematiques == [
            "mobilite--mobilite-douce-partagee-collective",
            "mobilite--preparer-un-permis",
            "remobilisation--lien-social",
        ]
        assert (offer.frais, offer.publics) == ("gratuit", ["tous-publics"])

    def test_prefixed_ids_are_the_producers_own(self, session: Session) -> None:
        content = workbook(
            {
                "Structures": [STRUCTURE | {"id": f"{PARTNER}--s1", "source": PARTNER}],
                "Services": [
                    SERVICE | {"id": f"{PARTNER}--o1", "structure_id": f"{PARTNER}--s1", "source": PARTNER}
                ],
            }
        )
        bring(session, content, source=None)
        assert only(session, Offer, import_id="o1").import_source == PARTNER

    def test_numbers_of_a_spreadsheet_are_read_as_written(self, session: Session) -> None:
        bring(
            session,
            workbook(
                {
                    "Structures": [
                        STRUCTURE | {"siret": int(SIRET), "code_postal": 35600, "telephone": 299000001}
                    ],  # type: ignore[dict-item]
                    "Services": [SERVICE | {"nombre_semaines": 12, "volume_horaire_hebdomadaire": 7.5}],  # type: ignore[dict-item]
                }
            ),
        )
        structure = only(session, Structure, import_id="s1")
        assert (structure.siret, structure.telephone) == (SIRET, "+33299000001")
        assert only(session, Offer, import_id="o1").nombre_semaines == 12

    def test_a_formula_is_text_on_the_way_in_and_out(self, session: Session) -> None:
        danger = '=HYPERLINK("http://mal.example.org";"Cliquez")'
        bring(session, both(service={"nom": danger, "publics_precisions": "@SUM(1;2)"}))
        offer = only(session, Offer, import_id="o1")
        assert (offer.nom, offer.publics_precisions) == (danger, "@SUM(1;2)")
        rows = list(exports.rows_of("services", session, source=OWN, public_url=URL))
        assert f"'{danger}".replace('"', '""') in b"".join(exports.as_csv("services", rows)).decode()
        from tests.exchanges.files import read_sheets

        sheets = read_sheets(
            as_xlsx({"structures": [], "services": rows})
        )  # refuses any cell that is not a text
        assert any(danger in row for row in sheets["Services"])

    def test_our_own_export_comes_back_as_it_left(self, session: Session) -> None:
        make_catalogue(session)
        before = exported(session)
        content = as_xlsx(before)
        # Elsewhere: nothing of ours is there.
        for offer in session.exec(select(Offer)):
            offer_rules.archive_offer(session, offer, by=make_user(session))
            offer.nom = f"Ancienne {offer.nom}"
        for structure in session.exec(select(Structure)):
            structure.nom, structure.siret = f"Ancienne {structure.nom}"[:150], None
            structure.search_text = "ancienne"
            structure.state = StructureState.BROUILLON
        session.commit()
        run = bring(session, content, source="autre-portail")
        assert set(outcomes(session, run)) == {"cree"}, [line.errors for line in lines(session, run)]
        after = exported(session)
        ours = {"id", "structure_id", "lien_source"}
        for kind in before:
            # A cell is trimmed as it is read.
            told = [
                {k: v.strip() if isinstance(v, str) else v for k, v in row.items() if k not in ours}
                for row in before[kind]
            ]
            found = [{k: v for k, v in row.items() if k not in ours} for row in after[kind]]
            assert sorted(found, key=str) == sorted(told, key=str)


class TestTheSecondTime:
    def test_the_same_file_changes_nothing(self, session: Session) -> None:
        content = both()
        bring(session, content)
        history = session.exec(select(func.count()).select_from(Revision)).one()
        run = bring(session, content)
        assert outcomes(session, run) == ["inchange", "inchange"]
        assert session.exec(select(func.count()).select_from(Revision)).one() == history
        with pytest.raises(RuleBroken, match="Rien n’est à enregistrer"):
            runs.accept(session, run.id, publish=True)

    def test_what_changed_is_shown_then_written(self, session: Session) -> None:
        bring(session, both())
        run = bring(session, both(service={"nom": "Le permis en douze semaines", "date_maj": "2026-03-01"}))
        assert outcomes(session, run) == ["inchange", "modifie"]
        assert lines(session, run)[1].changes == {
            "nom": ["Passer le permis, autrement", "Le permis en douze semaines"]
        }
        offer = only(session, Offer, import_id="o1")
        assert (offer.nom, offer.date_maj) == ("Le permis en douze semaines", date(2026, 3, 1))

    def test_a_new_date_alone_is_no_change(self, session: Session) -> None:
        bring(session, both())
        run = bring(session, both(service={"date_maj": "2026-03-01"}))
        assert outcomes(session, run) == ["inchange", "inchange"]
        assert only(session, Offer, import_id="o1").date_maj == date(2026, 2, 1)

    def test_a_change_without_a_date_is_of_today(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        bring(session, both())
        move_clock(2026, 3, 10, 10)
        run = bring(session, both(service={"frais": "payant", "frais_precisions": "2 €", "date_maj": ""}))
        assert outcomes(session, run) == ["inchange", "modifie"], [
            line.errors for line in lines(session, run)
        ]
        assert only(session, Offer, import_id="o1").date_maj == date(2026, 3, 10)

    def test_our_own_table_changes_our_rows(self, session: Session) -> None:
        offer = make_offer(session, documents_a_apporter="Pièce d’identité", contact_public=False)
        rows = exported(session)
        run = bring(session, as_xlsx(rows), source=None)
        assert set(outcomes(session, run)) == {"inchange"}, [line.changes for line in lines(session, run)]
        rows["services"][0]["nom"] = "Atelier renommé"
        run = bring(session, as_xlsx(rows), source=None)
        assert [line.changes for line in lines(session, run)][-1] == {
            "nom": ["Atelier mobilité d’exemple", "Atelier renommé"]
        }
        session.refresh(offer)
        # What did not leave is still there.
        assert (offer.nom, offer.courriel) == ("Atelier renommé", "accueil@association.example.org")
        assert offer.import_id is None

    def test_what_partners_keep_is_only_completed(self, session: Session) -> None:
        _, structure = make_partner(
            session, make_structure(session, siret=SIRET, nom="La Régie", telephone=None, site_web=None)
        )
        run = bring(session, both({"site_web": "https://regie.example.org"}))
        assert lines(session, run)[0].changes == {
            "telephone": [None, "+33299000001"],
            "site_web": [None, "https://regie.example.org"],
        }
        session.refresh(structure)
        assert (structure.nom, structure.commune) == ("La Régie", "Rennes")
        assert (structure.import_source, structure.import_id) == (PARTNER, "s1")
        assert only(session, Offer, import_id="o1").structure_id == structure.id
        # Linked by now, it still belongs to its members.
        again = bring(session, both({"nom": "Autre nom"}))
        assert outcomes(session, again) == ["inchange", "inchange"]

    def test_the_same_name_in_the_same_commune_is_the_same_structure(self, session: Session) -> None:
        structure = make_structure(session, nom="Régie d'exemple", code_insee="35236")
        run = bring(session, both({"siret": ""}))
        assert lines(session, run)[0].target_id == structure.id
        assert lines(session, run)[0].outcome is ImportOutcome.INCHANGE
        assert session.exec(select(func.count()).select_from(Structure)).one() == 1

    def test_an_offer_archived_since_is_left_alone(self, session: Session) -> None:
        bring(session, both())
        offer = only(session, Offer, import_id="o1")
        offer_rules.archive_offer(session, offer, by=make_user(session))
        assert outcomes(session, bring(session, both())) == ["inchange", "inchange"]
        run = bring(session, both(service={"nom": "Autrement nommée"}), write=False)
        assert lines(session, run)[1].outcome is ImportOutcome.REFUSE
        assert "archivée" in lines(session, run)[1].errors[0][2]  # type: ignore[index]

    def test_an_offer_merged_since_is_told_before_the_yes(self, session: Session) -> None:
        bring(session, both())
        offer = only(session, Offer, import_id="o1")
        offer.merged_into_id = make_offer(session).id
        offer.state = OfferState.FUSIONNEE
        session.flush()
        assert outcomes(session, bring(session, both())) == ["inchange", "inchange"]
        run = bring(session, both(service={"nom": "Autrement nommée"}), write=False)
        assert lines(session, run)[1].outcome is ImportOutcome.REFUSE
        assert "réunie à une autre" in lines(session, run)[1].errors[0][2]  # type: ignore[index]

    def test_what_changed_since_the_preview_is_not_overwritten(self, session: Session) -> None:
        bring(session, both())
        run = bring(session, both({"nom": "Nom du tableau"}), write=False)
        structure = only(session, Structure, import_id="s1")
        structure_rules.change_structure(session, structure, {"nom": "Nom écrit entre-temps"}, by=None)
        runs.accept(session, run.id, publish=True)
        runs.go_on(session, run.id, by=None)
        session.refresh(structure)
        assert structure.nom == "Nom écrit entre-temps"
        line = lines(session, run)[0]
        assert line.outcome is ImportOutcome.REFUSE
        assert "pendant que vous écriviez" in line.errors[0][2]  # type: ignore[index]

    def test_what_was_created_since_the_preview_stops_its_line_only(self, session: Session) -> None:
        run = bring(
            session,
            workbook({"Structures": [STRUCTURE, STRUCTURE | {"id": "s2", "siret": "", "nom": "Deux"}]}),
            write=False,
        )
        make_structure(session, siret=SIRET, nom="Déjà là")
        runs.accept(session, run.id, publish=True)
        runs.go_on(session, run.id, by=None)
        assert outcomes(session, run) == ["refuse", "cree"]
        assert run.state is ImportState.TERMINE


class TestManyLines:
    def test_a_cut_resumes_where_it_stopped(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs, "READ_STEP", 3)
        monkeypatch.setattr(runs, "WRITE_STEP", 3)
        rows = [STRUCTURE | {"id": f"s{n}", "siret": "", "nom": f"Structure {n:02d}"} for n in range(10)]
        run = runs.start(
            session,
            filename="t.csv",
            content=table(rows),
            source=PARTNER,
            by=None,
            own_source=OWN,
            departement="35",
        )
        seen = []
        while run.state is ImportState.LECTURE:
            run = runs.go_on(session, run.id, by=None)
            seen.append(run.done)
            session.commit()
            session.expire_all()  # another request, another day
        assert seen == [3, 6, 9, 10]
        runs.accept(session, run.id, publish=True)
        runs.go_on(session, run.id, by=None)
        session.commit()
        assert session.exec(select(func.count()).select_from(Structure)).one() == 3
        while run.state is ImportState.ECRITURE:
            run = runs.go_on(session, run.id, by=None)
        assert session.exec(select(func.count()).select_from(Structure)).one() == 10
        assert all(line.written_at for line in lines(session, run))
        # Once more is nothing more.
        assert runs.go_on(session, run.id, by=None).state is ImportState.TERMINE
        assert session.exec(select(func.count()).select_from(Structure)).one() == 10

    def test_a_handful_is_checked_in_few_statements(self, session: Session) -> None:
        from tests.statements import count_statements

        def statements(number: int) -> int:
            rows = [
                STRUCTURE | {"id": f"s{n}", "siret": "", "nom": f"Structure {n:03d}"} for n in range(number)
            ]
            offers = [
                SERVICE | {"id": f"o{n}", "structure_id": f"s{n}", "nom": f"Offre {n:03d}"}
                for n in range(number)
            ]
            run = runs.start(
                session,
                filename="t.xlsx",
                content=workbook({"Structures": rows, "Services": offers}),
                source=PARTNER,
                by=None,
                own_source=OWN,
                departement="35",
            )
            with count_statements(session) as counted:
                runs.go_on(session, run.id, by=None)
            return len(counted)

        # Lines are updated together; a few statements more for lists of parameters in several parts.
        assert statements(100) <= statements(5) + 4

    def test_old_tables_are_emptied_and_their_numbers_stay(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        done, waiting = (
            bring(session, both()),
            bring(session, both(service={"nom": "Autre nom"}), write=False),
        )
        assert runs.forget(session, now=clock.now()) == 0
        later = clock.today() + timedelta(days=280)
        assert runs.forget(session, now=move_clock(later.year, later.month, later.day, 8)) == 2
        session.expire_all()
        assert (done.contenu, done.columns, done.state) == (b"", None, ImportState.TERMINE)
        assert waiting.state is ImportState.ABANDONNE
        assert outcomes(session, done) == ["cree", "cree"]
        assert all(line.record is None for line in session.exec(select(ImportLine)))
        assert runs.forget(session, now=clock.now()) == 0
