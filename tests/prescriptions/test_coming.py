"""Who comes, and how it ends: meetings, presence and absence, exits with their outcome."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.prescriptions.models import ContractType, ExitReason
from portal.prescriptions.states import Act, State
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.answered import AGREE
from tests.prescriptions.hands import SignIn, address, badge
from tests.prescriptions.ledger import everything, last


class TestMeetingsAndPresence:
    def test_something_must_be_proposed(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = sign_in(scene.partner).get(address(prescription, "rendez-vous"))
        page = page.form("/rendez-vous").submit(AGREE, status=422)
        assert page.errors == {"rendez_vous": "Écrivez un jour et une heure, ou choisissez une session."}
        day = clock.today() + timedelta(days=2)
        page = page.form("/rendez-vous").submit(AGREE, rendez_vous=day.isoformat(), heure="14 h")
        assert "Le rendez-vous est proposé." in page.text
        assert prescription.state is State.ENVOYEE

    @pytest.mark.parametrize(("act", "word"), [("presence", "La présence"), ("absence", "L’absence")])
    def test_a_day_that_came(self, session: Session, sign_in: SignIn, act: str, word: str) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        page = sign_in(scene.partner).get(address(prescription, act))
        today = clock.today()
        for day, sentence in (
            (today + timedelta(days=1), "Ce jour est dans le futur : attendez qu’il soit passé."),
            (
                today - timedelta(days=1),
                "Ce jour est avant l’envoi de la prescription : corrigez la date.",
            ),
        ):
            page = page.form(f"/{act}").submit(jour=day.isoformat(), message="Voilà.", status=422)
            assert page.errors == {"jour": sentence}
            assert page.form(f"/{act}").values["message"] == "Voilà."
        page = page.form(f"/{act}").submit(jour=today.isoformat())
        assert word in page.text
        assert (last(session, prescription).jour, prescription.state) == (today, State.ACCEPTEE)

    def test_a_day_noted_twice_is_noted_once(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ENTREE)
        browser, today = sign_in(scene.partner), clock.today()
        form = browser.get(address(prescription, "absence")).form("/absence")
        form.submit(jour=today.isoformat())
        before = everything(session)
        page = form.submit(jour=today.isoformat())
        assert f"L’absence du {today:%d/%m/%Y} est déjà notée : rien n’a été changé." in page.text
        assert everything(session) == before
        # Noted by mistake, it is noted the other way, and back.
        for act in ("presence", "absence"):
            browser.get(address(prescription, act)).form(f"/{act}").submit(jour=today.isoformat())
            assert last(session, prescription).act == Act(act)


class TestTheEnd:
    def test_with_a_job(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ENTREE)
        page = sign_in(scene.partner).get(address(prescription, "terminer"))
        assert "jamais venue" not in page.text
        page = page.form("/terminer").submit("Déclarer la fin", message="Bravo.", status=422)
        assert page.errors == {"motif_sortie-0": "Choisissez ce qui suit pour la personne."} or list(
            page.errors
        ) == ["motif_sortie"]
        page = page.form("/terminer").submit(
            "Déclarer la fin", motif_sortie="formation", type_contrat="cdi", status=422
        )
        assert page.errors == {
            "type_contrat": "Un type de contrat va avec un emploi : corrigez l’un ou l’autre."
        }
        page = page.form("/terminer").submit("Déclarer la fin", motif_sortie="emploi", type_contrat="cdi")
        assert badge(page) == "Terminée"
        assert prescription.motif_sortie is ExitReason.EMPLOI
        assert prescription.type_contrat is ContractType.CDI

    @pytest.mark.parametrize(
        ("state", "there", "absent"),
        [
            (State.ACCEPTEE, "jamais-venue", "objectif-atteint"),
            (State.ENTREE, "demenagement", "jamais-venue"),
        ],
    )
    def test_outcomes_go_with_what_happened(
        self, session: Session, sign_in: SignIn, state: State, there: str, absent: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        page = sign_in(scene.partner).get(address(prescription, "abandonner"))
        values = {str(tag["value"]) for tag in page.soup.select("input[name=motif_sortie]")}
        assert there in values and absent not in values
        page.form("/abandonner").submit("Déclarer l’abandon", motif_sortie=absent, status=422)
        page = page.form("/abandonner").submit("Déclarer l’abandon", motif_sortie=there)
        assert badge(page) == "Abandonnée"
        assert prescription.motif_sortie == there

    def test_not_before_the_entry(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ENTREE)
        entry = clock.today()
        later = clock.now() + timedelta(days=30)
        move_clock(later.year, later.month, later.day, 10)
        page = sign_in(scene.partner).get(address(prescription, "terminer"))
        page = page.form("/terminer").submit(
            jour=(entry - timedelta(days=1)).isoformat(), motif_sortie="emploi", status=422
        )
        assert page.errors == {"jour": "La date de sortie est avant l’entrée : corrigez-la."}
        assert page.form("/terminer").values["motif_sortie"] == "emploi"
        assert prescription.state is State.ENTREE


def test_the_first_of_a_month_is_said_as_people_say_it() -> None:
    from portal.prescriptions.answer_forms import week_label

    assert week_label(date(2026, 11, 9)) == "semaine du 9 au 15 novembre 2026"
    assert week_label(date(2026, 11, 30)) == "semaine du 30 novembre au 6 décembre 2026"
    assert week_label(date(2026, 6, 1)) == "semaine du 1er au 7 juin 2026"
    assert week_label(date(2026, 12, 28)) == "semaine du 28 décembre 2026 au 3 janvier 2027"
