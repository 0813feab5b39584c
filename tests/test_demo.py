"""The demo: it loads, it is whole, and nobody in it could be taken for a real person."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest
from data_inclusion.schema import v1
from sqlmodel import Session, SQLModel, col, func, select

from portal import clock, demo, geography, vocabulary
from portal.accounts import rules as account_rules
from portal.accounts.models import OutgoingMail, Role, User
from portal.beneficiaries.models import Beneficiary
from portal.budget import accounts, bilans, expenses, fiches
from portal.budget.models import (
    BilanState,
    Bloc,
    BudgetEvent,
    Expense,
    PaymentKind,
    StateAmendment,
    StateConvention,
)
from portal.catalogue import records
from portal.catalogue.criteria import Criteria
from portal.catalogue.engine import Catalogue
from portal.catalogue.models import CatalogueIndex, KnownService, KnownStructure
from portal.conventions import queries as convention_queries
from portal.conventions import waiting
from portal.conventions.engagements import (
    ConventionEvent,
    PartnerPayment,
    PartnerReport,
    ReportState,
)
from portal.conventions.ledger import places_of_actions
from portal.conventions.models import Convention, FinancedAction, PlaceChange
from portal.conventions.states import Standing
from portal.db import Database
from portal.demo import budget, elsewhere, engaged
from portal.demo.offers import LATER_OFFERS
from portal.demo.partners import NEW_STRUCTURE
from portal.errors import RuleBroken
from portal.exchanges import exports
from portal.offers import rules as offer_rules
from portal.offers.models import Offer, OfferState, Signalement
from portal.prescriptions import attention
from portal.prescriptions.models import (
    ContractType,
    ExitReason,
    HoursDone,
    Prescription,
    PrescriptionDocument,
    Transition,
)
from portal.prescriptions.states import Act, State
from portal.programme.models import Activity, WeeklyTarget
from portal.structures.models import Revision, Structure, StructureState
from tests.factories.accounts import make_user
from tests.pages import Browser
from tests.races.databases import own_database

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")

OPTIONS = {"source": "portail-demo", "public_url": "http://127.0.0.1:5000"}
# What anybody sees: the rest waits for the animator, or for its partner.
IN_CATALOGUE = {
    *(demo.demo_id("offre", o.slug) for o in demo.OFFERS if o.published),
    *(
        demo.demo_id("offre", o.slug)
        for o in LATER_OFFERS
        if o.structure != NEW_STRUCTURE.slug and not o.suspended_days
    ),
}
# Whoever reads one of these knows that the person is invented.
INVENTED_NAMES = {
    "Exemple",
    "Fictif",
    "Inventée",
    "Modèle",
    "Spécimen",
    "Témoin",
    "Essai",
    "Factice",
    "Imaginaire",
    "Figurant",
    "Prototype",
    "Maquette",
    "Untel",
    "Quidam",
    "Gabarit",
}
# Ranges that the regulator keeps for fiction: they ring nowhere.
FICTION = re.compile(r"\+33(19900|26191|35301|46571|53649|63998)\d{4}")


@pytest.fixture(scope="module")
def demo_database(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The demo in a database of its own, loaded once: the tests below only read it."""
    with own_database(engine_name, request, tmp_path_factory.mktemp("demo")) as database:
        with database.writing() as writing:
            demo.load(writing)
        yield database


@pytest.fixture
def loaded(demo_database: Database) -> Iterator[Session]:
    with demo_database.session(read_only=True) as reading:
        yield reading


def exported(session: Session, folder: Path) -> dict[str, bytes]:
    """Every file of the export, by name."""
    written = exports.write_all(folder, session, **OPTIONS)
    return {name: (folder / name).read_bytes() for name, _ in written}


def everyone(session: Session, table: type[SQLModel]) -> list:  # type: ignore[type-arg]
    return list(session.exec(select(table)))


class TestLoading:
    def test_it_fills_an_empty_database(self, loaded: Session) -> None:
        assert len(everyone(loaded, Structure)) == len(demo.STRUCTURES) + 1
        assert len(everyone(loaded, Offer)) == len(demo.OFFERS) + len(LATER_OFFERS)
        # Two more: a draft, and one that is over.
        assert len(everyone(loaded, Convention)) == len(demo.CONVENTIONS) + 2
        assert len(everyone(loaded, Beneficiary)) == len(INVENTED_NAMES)

    def test_it_shows_what_waits_for_the_animator(self, loaded: Session) -> None:
        offers = everyone(loaded, Offer)
        assert [o.nom for o in offers if o.state is OfferState.SUSPENDUE] == ["Café des créateurs"]
        assert any(o.reviewed_at is None and o.state is OfferState.PUBLIEE for o in offers)
        assert [s.answered_at for s in everyone(loaded, Signalement)] == [None]
        lines = everyone(loaded, Revision)
        assert max(line.at for line in lines) <= clock.now()
        assert min(line.at for line in lines) < clock.now() - timedelta(days=365)

    def test_it_refuses_where_there_are_people(self, session: Session) -> None:
        make_user(session)
        with pytest.raises(RuleBroken, match="contient déjà des personnes"):
            demo.load(session)
        assert everyone(session, Structure) == []

    def test_loading_twice_changes_nothing(self, loaded: Session) -> None:
        before = {
            table: everyone(loaded, table)
            for table in (
                Prescription,
                Transition,
                PlaceChange,
                Activity,
                PartnerPayment,
                Expense,
                BudgetEvent,
            )
        }
        with pytest.raises(RuleBroken):
            demo.load(loaded)
        assert not loaded.new
        assert {table: everyone(loaded, table) for table in before} == before

    @pytest.mark.parametrize(
        "moment",
        [(2024, 2, 29, 0, 5), (2025, 1, 1, 12), (2025, 8, 31, 23, 55)],
    )
    def test_it_loads_whatever_the_day(
        self, session: Session, move_clock: Callable[..., datetime], moment: tuple[int, ...]
    ) -> None:
        move_clock(*moment)
        demo.load(session)
        today = clock.today()
        running = [c for c in everyone(session, Convention) if c.numero not in {engaged.DRAFT, engaged.OVER}]
        assert len(running) == len(demo.CONVENTIONS)
        assert all(convention.runs_on(today) for convention in running)
        assert all(offer.date_maj <= today for offer in everyone(session, Offer))

    def test_it_shows_the_states_that_people_will_meet(self, loaded: Session) -> None:
        assert {p.state for p in everyone(loaded, Prescription)} == set(State)

    def test_what_it_tells_happened_in_order_and_in_the_past(self, loaded: Session) -> None:
        now = clock.now()
        for prescription in everyone(loaded, Prescription):
            lines = loaded.exec(
                select(Transition)
                .where(col(Transition.prescription_id) == prescription.id)
                .order_by(col(Transition.at))
            ).all()
            assert all(line.at <= now for line in lines)
            assert lines[-1].to_state is prescription.state
            assert now - lines[0].at < timedelta(days=90)

    def test_places_add_up(self, loaded: Session) -> None:
        actions = everyone(loaded, FinancedAction)
        total = {}
        for action, places in zip(actions, places_of_actions(loaded, actions).values(), strict=True):
            assert 0 <= places.libres <= places.financees
            total[action.id] = places.financees
            added = sum(
                line.d_financees for line in everyone(loaded, PlaceChange) if line.action_id == action.id
            )
            assert places.financees == action.places_financees + added
        assert sum(total.values()) > sum(action.places_financees for action in actions)
        conventions = {c.id: c for c in everyone(loaded, Convention)}
        for action in actions:
            planned = total[action.id] * action.cout_unitaire_centimes
            assert planned <= conventions[action.convention_id].montant_centimes, action.intitule

    def test_somebody_waits_behind_somebody_to_whom_a_place_is_proposed(self, loaded: Session) -> None:
        offer_id = demo.demo_id("offre", "volant")
        first, second = loaded.exec(waiting.in_order(offer_id)).all()
        proposals = waiting.proposals_of(loaded, offer_id)
        assert proposals[first.id].expires_at > clock.now()
        assert second.id not in proposals

    def test_what_happens_on_the_way_is_there(self, loaded: Session) -> None:
        told = everyone(loaded, Prescription)
        lines = everyone(loaded, Transition)
        assert {line.act for line in lines} >= {Act.RELANCER, Act.ABSENCE, Act.SUIVRE}
        assert any(line.act is Act.REFUSER and line.message and line.message_personne for line in lines)
        tomorrow = clock.today() + timedelta(days=1)
        assert [
            p
            for p in told
            if p.rendez_vous_at and p.rendez_vous_at.astimezone(clock.PARIS).date() == tomorrow
        ]
        job = [p for p in told if p.motif_sortie is ExitReason.EMPLOI]
        assert [p.type_contrat for p in job] == [ContractType.CDD_LONG]
        by_id = {p.id: p for p in told}
        assert [by_id[p.origine_id].state for p in told if p.origine_id] == [State.REFUSEE]
        done = everyone(loaded, HoursDone)
        assert 3 in {
            sum(line.prescription_id == p.id for line in done) for p in told if p.state is State.ENTREE
        }
        assert len({p.lot_id for p in told if p.lot_id}) == 1
        assert [document.content_type for document in everyone(loaded, PrescriptionDocument)] == [
            "application/pdf"
        ]
        assert len({target.beneficiary_id for target in everyone(loaded, WeeklyTarget) if target.raison}) == 2
        assert len({activity.beneficiary_id for activity in everyone(loaded, Activity)}) == 2

    @pytest.mark.parametrize("local", ["referent", "partenaire"])
    def test_each_side_has_a_message_to_read(self, loaded: Session, local: str) -> None:
        user = account_rules.find_user(loaded, f"{local}@demo.example.org")
        assert user is not None
        news = attention.news_among(loaded, user, [p.id for p in everyone(loaded, Prescription)])
        assert sum(of_one.messages for of_one in news.values()) >= 1

    def test_no_mail_is_waiting_to_leave(self, loaded: Session) -> None:
        assert everyone(loaded, OutgoingMail) == []

    def test_two_machines_show_the_same_demo(self, loaded: Session) -> None:
        ids = {row.id for table in (Structure, Offer, Beneficiary) for row in everyone(loaded, table)}
        assert ids == {
            *(demo.demo_id("structure", s.slug) for s in (*demo.STRUCTURES, NEW_STRUCTURE)),
            *(demo.demo_id("offre", o.slug) for o in (*demo.OFFERS, *LATER_OFFERS)),
            *(demo.demo_id("beneficiaire", f"DEMO-{n:04d}") for n in range(1, len(INVENTED_NAMES) + 1)),
        }


class TestMoney:
    @pytest.fixture
    def convention(self, loaded: Session) -> StateConvention:
        return loaded.get_one(StateConvention, budget.CONVENTION_ID)

    def test_the_real_case_comes_out_to_the_cent(self, loaded: Session, convention: StateConvention) -> None:
        first, second, _ = accounts.of(loaded, convention)
        assert first.annee == clock.today().year - 2
        assert first.account.montant == 71_968_900
        assert first.dues[PaymentKind.AVANCE].verse == 43_181_300
        assert first.account.retenu == 42_327_135
        assert first.account.reporte == second.account.deduction == 854_165
        assert second.account.montant == 99_812_624
        assert second.dues[PaymentKind.AVANCE].verse == 59_887_600 - 854_165
        told = expenses.statement(loaded, convention, second.annee)
        assert {bloc.bloc: bloc.montant for bloc in told.blocs} == {
            Bloc.EQUIPES: 74_412_624,
            Bloc.SOLUTIONS: 21_400_000,
            Bloc.SI: 4_000_000,
        }
        assert told.montant == 99_812_624
        assert [line.non_eligible is not None for line in told.apart] == [True]

    def test_a_bilan_is_settled_by_two_readers_and_an_avenant_waits(
        self, loaded: Session, convention: StateConvention
    ) -> None:
        first = bilans.expected(loaded, convention, clock.today())[0].bilan
        assert first is not None and first.state is BilanState.ARRETE
        assert first.relu_by_id != first.arrete_by_id
        texts = {text.numero: text.signe_le for text in everyone(loaded, StateAmendment)}
        assert [numero for numero, signed in texts.items() if signed is None] == [3]
        year = clock.today().year
        sheets = fiches.of_year(loaded, convention, year)
        tied = fiches.told_of(loaded, convention, year, sheets)
        assert sorted(len(one.actions) for one in tied.values()) == [1, 1]

    def test_partners_owe_and_are_paid(self, loaded: Session) -> None:
        reports = everyone(loaded, PartnerReport)
        assert [r.state for r in reports if r.state is not ReportState.A_REMETTRE] == [ReportState.REMIS]
        due = clock.today() + timedelta(days=10)
        assert [r.du_le for r in reports if clock.today() <= r.du_le <= due] == [due]
        assert {p.verse_le is None for p in everyone(loaded, PartnerPayment)} == {True, False}
        standing = {c.numero: c.standing_on(clock.today()) for c in everyone(loaded, Convention)}
        assert standing[engaged.DRAFT] is Standing.BROUILLON
        assert standing[engaged.OVER] is Standing.ECHUE

    def test_what_it_tells_happened_in_the_past(self, loaded: Session) -> None:
        now = clock.now()
        for table in (BudgetEvent, ConventionEvent):
            assert all(line.at <= now for line in everyone(loaded, table))

    def test_what_is_invented_says_so(self, convention: StateConvention) -> None:
        assert "(démonstration)" in convention.intitule
        assert "DEMO" in convention.numero and convention.iban and "DEMO" in convention.iban
        for name in ("etat_signataire", "departement_signataire", "ordonnateur", "comptable"):
            assert getattr(convention, name).endswith("-Démo")


class TestCatalogue:
    def test_every_record_is_valid_without_a_warning(
        self, loaded: Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        structures = list(records.structure_records(loaded, **OPTIONS))
        services = list(records.service_records(loaded, **OPTIONS))
        assert caplog.messages == []
        assert len(structures) == len(demo.STRUCTURES)
        assert {service["id"] for service in services} == {str(offer_id) for offer_id in IN_CATALOGUE}
        for model, found in ((v1.Structure, structures), (v1.Service, services)):
            for record in found:
                model.model_validate(record, context={"ignore_warnings": False})
        known = {record["id"] for record in structures}
        assert all(record["structure_id"] in known for record in services)

    def test_exported_twice_it_is_the_same_to_the_byte(self, loaded: Session, tmp_path: Path) -> None:
        first = exported(loaded, tmp_path / "un")
        loaded.expire_all()
        assert first == exported(loaded, tmp_path / "deux")
        assert sorted(first) == [
            "data-inclusion.xlsx",
            "services.csv",
            "services.json",
            "services.ndjson",
            "structures.csv",
            "structures.json",
            "structures.ndjson",
        ]

    def test_every_place_is_real(self, loaded: Session) -> None:
        for row in [*everyone(loaded, Structure), *everyone(loaded, Offer), *everyone(loaded, Beneficiary)]:
            commune = geography.commune(row.code_insee)
            assert commune is not None
            assert row.commune == commune.nom
        for offer in everyone(loaded, Offer):
            for code in offer.zone_eligibilite or ():
                assert geography.parse_zone(code) == code
                assert geography.zone_label(code) != code

    def test_every_published_offer_is_a_good_one(self, loaded: Session) -> None:
        structures = {s.id: s for s in everyone(loaded, Structure)}
        waiting = {s.id for s in structures.values() if s.state is StructureState.A_VALIDER}
        assert waiting == {demo.demo_id("structure", NEW_STRUCTURE.slug)}
        published = [
            o
            for o in everyone(loaded, Offer)
            if o.state is OfferState.PUBLIEE and o.structure_id not in waiting
        ]
        assert {offer.id for offer in published} == IN_CATALOGUE
        for offer in published:
            assert offer_rules.missing_to_publish(offer, structures[offer.structure_id]) == {}
            quality = vocabulary.quality(offer_rules.as_record(offer))
            assert quality.score >= 0.8, (offer.nom, quality.missing)

    def test_no_siret_is_given_to_anybody(self, loaded: Session, tmp_path: Path) -> None:
        assert [s.nom for s in everyone(loaded, Structure) if s.siret] == []
        content = b"".join(data for name, data in exported(loaded, tmp_path).items() if "xlsx" not in name)
        assert not re.search(rb"\b\d{14}\b", content)

    def test_no_contact_reaches_anybody(self, loaded: Session) -> None:
        for row in [*everyone(loaded, Structure), *everyone(loaded, Offer)]:
            assert row.courriel is None or row.courriel.endswith(".example.org")
            assert row.telephone is None or FICTION.fullmatch(row.telephone), row.telephone
            assert not getattr(row, "contact_nom_prenom", None)
            assert not getattr(row, "site_web", None)
            assert not getattr(row, "lien_mobilisation", None)

    def test_every_financed_offer_shows_its_places(self, loaded: Session) -> None:
        financed = {demo.demo_id("offre", slug) for c in demo.CONVENTIONS for slug in c.offers}
        places = convention_queries.places_by_offer(loaded, financed)
        assert set(places) == financed
        assert all(p.libres > 0 for p in places.values())


class TestElsewhere:
    def test_other_sources_are_known_around_rennes_and_in_another_departement(self, loaded: Session) -> None:
        services = [orjson.loads(row.record) for row in everyone(loaded, KnownService)]
        assert {s["source"] for s in services} == {"dora", "emplois-de-linclusion"}
        assert {s["code_insee"][:2] for s in services} >= {"35", "44"}
        assert any(s["modes_accueil"] == ["a-distance"] for s in services)
        assert any(s["zone_eligibilite"] for s in services) and any(
            not s["zone_eligibilite"] for s in services
        )

    def test_they_are_good_records_of_visibly_invented_people(self, loaded: Session) -> None:
        for table, model in ((KnownStructure, v1.Structure), (KnownService, v1.Service)):
            for row in everyone(loaded, table):
                record = orjson.loads(row.record)
                model.model_validate({name: record[name] for name in model.model_fields})
                assert FICTION.fullmatch(record["telephone"])
                assert record["courriel"].endswith(".example.org")
                assert not record["lien_source"] and not record.get("contact_nom_prenom")
                if table is KnownStructure:
                    assert "(démonstration)" in record["nom"]

    def test_a_structure_is_told_by_two_sources_that_name_each_other(self, loaded: Session) -> None:
        told = {row.id: orjson.loads(row.record)["doublons"] for row in everyone(loaded, KnownStructure)}
        pairs = [(row_id, twin["id"]) for row_id, twins in told.items() for twin in twins]
        assert sorted(pairs) == sorted((twin, row_id) for row_id, twin in pairs) != []

    def test_the_search_finds_them(self, loaded: Session, tmp_path: Path) -> None:
        snapshot = Catalogue(**OPTIONS, folder=tmp_path).snapshot(loaded)
        for service in everyone(loaded, KnownService):
            nom = orjson.loads(service.record)["nom"]
            assert service.id in [hit.id for hit in snapshot.search(Criteria(words=nom)).hits]

    def test_telling_them_again_changes_nothing(self, session: Session) -> None:
        elsewhere.tell(session)
        before = [(row.id, row.record, row.received_at) for row in everyone(session, KnownService)]
        elsewhere.tell(session)
        assert [(row.id, row.record, row.received_at) for row in everyone(session, KnownService)] == before
        assert len(everyone(session, CatalogueIndex)) == 1


class TestPeople:
    def test_every_person_followed_is_visibly_invented(self, loaded: Session) -> None:
        people = everyone(loaded, Beneficiary)
        assert {person.nom for person in people} == INVENTED_NAMES
        assert len({person.nom for person in people}) == len(people)
        for person in people:
            assert person.numero_allocataire.startswith("DEMO-")
            assert FICTION.fullmatch(person.telephone)
            assert person.courriel is None or person.courriel.endswith("@demo.example.org")

    def test_every_account_is_visibly_invented(self, loaded: Session) -> None:
        for user in everyone(loaded, User):
            assert user.nom.endswith("-Démo")
            assert user.courriel.endswith("@demo.example.org")

    def test_one_account_of_each_role_is_told_and_each_can_sign_in(
        self, session: Session, browser: Browser
    ) -> None:
        demo.load(session)
        session.commit()
        told = demo.accounts_told()
        found = dict(re.findall(r"^  (\w+) +(\S+@\S+)$", told, re.MULTILINE))
        assert set(found) == {role.value for role in Role}
        assert demo.PASSWORD in told
        for role, address in found.items():
            user = account_rules.check_sign_in(session, courriel=address, password=demo.PASSWORD)
            assert user.role == role
        page = browser.get("/connexion").form("/connexion")
        page = page.submit("Se connecter", courriel=found["referent"], mot_de_passe=demo.PASSWORD)
        assert page.path == "/"
        assert "Renée Référente-Démo" in page.text

    def test_the_referent_has_a_portfolio_and_both_partners_something_to_answer(
        self, loaded: Session
    ) -> None:
        referent = account_rules.find_user(loaded, "referent@demo.example.org")
        assert referent is not None
        followed = loaded.exec(
            select(func.count()).select_from(Beneficiary).where(col(Beneficiary.referent_id) == referent.id)
        ).one()
        assert followed == 12
        for slug in ("ervp", "apase"):
            waiting = loaded.exec(
                select(Prescription).where(
                    col(Prescription.structure_id) == demo.demo_id("structure", slug),
                    col(Prescription.state) == State.ENVOYEE,
                )
            ).all()
            assert waiting

    def test_whether_it_is_loaded_can_be_asked(
        self, session: Session, database: Database, demo_database: Database
    ) -> None:
        make_user(session)
        session.commit()
        assert not demo.is_loaded(database)
        assert demo.is_loaded(demo_database)
