"""What an import refuses: each error told with its line, its column and its value."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, func, select

from portal.exchanges.imports import values
from portal.offers import forms as offer_forms
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.exchanges.import_tables import (
    SERVICE,
    SIRET,
    STRUCTURE,
    both,
    bring,
    errors_of,
    only,
    outcomes,
    workbook,
)
from tests.factories.structures import make_structure


class TestTenKindsOfError:
    def test_each_is_told_with_its_line_its_column_and_its_value(self, session: Session) -> None:
        structures = [
            STRUCTURE,
            STRUCTURE | {"id": "s2", "siret": "35600000000049"},
            STRUCTURE | {"id": "s3", "siret": "", "commune": "Rédonn", "code_insee": ""},
            STRUCTURE | {"id": "s4", "siret": "", "courriel": "contact chez regie"},
            STRUCTURE | {"id": "s5", "siret": "", "telephone": "02 99 00"},
            STRUCTURE | {"id": "s6", "siret": "", "nom": ""},
            STRUCTURE | {"id": "s1", "siret": "", "nom": "Deux fois"},
        ]
        services = [
            SERVICE,
            SERVICE | {"id": "o2", "thematiques": "mobilite--preparer-son-permis"},
            SERVICE | {"id": "o3", "date_maj": "31/02/2026"},
            SERVICE | {"id": "o4", "structure_id": "s9"},
            SERVICE | {"id": "o5", "nombre_semaines": "une douzaine"},
            SERVICE | {"id": "o6", "nom": "x" * 151},
            SERVICE | {"id": "o7", "frais": "gratuitt", "type": "atelié", "modes_accueil": "présentiel"},
            SERVICE | {"id": "o8", "structure_id": "s6"},
            SERVICE | {"id": "o9", "zone_eligibilite": "Ile et Vilène"},
        ]
        content = workbook({"Structures": structures, "Services": services})
        found = {
            (kind, line, column): (cell, said)
            for kind, line, column, cell, said in errors_of(session, content)
        }
        expected = {
            ("structures", 3, "siret"): ("35600000000049", "Ce SIRET n’existe pas"),
            ("structures", 4, "commune"): ("Rédonn", "Vouliez-vous dire « Redon (35600) »"),
            ("structures", 5, "courriel"): (
                "contact chez regie",
                "Écrivez une adresse électronique complète",
            ),
            ("structures", 6, "telephone"): ("02 99 00", "Écrivez un seul numéro de téléphone"),
            ("structures", 7, "nom"): ("", "Le nom de la structure manque"),
            ("structures", 8, "id"): ("s1", "Cet identifiant est déjà à la ligne 2"),
            ("services", 3, "thematiques"): (
                "mobilite--preparer-son-permis",
                "Vouliez-vous dire « mobilite--preparer-un-permis » ?",
            ),
            ("services", 4, "date_maj"): ("31/02/2026", "Ce jour n’existe pas"),
            ("services", 5, "structure_id"): ("s9", "Aucune structure de ce tableau ni du portail"),
            ("services", 6, "nombre_semaines"): ("une douzaine", "Écrivez un nombre entier de semaines"),
            ("services", 7, "nom"): ("x" * 120, "Ce texte fait 151 caractères : 150 au plus"),
            ("services", 8, "frais"): ("gratuitt", "Vouliez-vous dire « Gratuit » ?"),
            ("services", 8, "type"): ("atelié", "Vouliez-vous dire « Atelier » ?"),
            ("services", 8, "modes_accueil"): ("présentiel", "Vouliez-vous dire « En présentiel » ?"),
            ("services", 9, "structure_id"): ("s6", "à la ligne 7, est refusée"),
            ("services", 10, "zone_eligibilite"): ("Ile et Vilène", "Ille-et-Vilaine (35)"),
        }
        assert set(found) == set(expected), set(found) ^ set(expected)
        for where, (cell, said) in expected.items():
            assert found[where][0] == cell, where
            assert said in found[where][1], found[where][1]

    def test_the_good_lines_go_in_all_the_same(self, session: Session) -> None:
        run = bring(
            session,
            workbook(
                {
                    "Structures": [STRUCTURE, STRUCTURE | {"id": "s2", "siret": "123"}],
                    "Services": [SERVICE, SERVICE | {"id": "o2", "structure_id": "s2"}],
                }
            ),
        )
        assert outcomes(session, run) == ["cree", "refuse", "cree", "refuse"]
        assert session.exec(select(func.count()).select_from(Offer)).one() == 1

    def test_a_siret_of_another_structure(self, session: Session) -> None:
        bring(session, workbook({"Structures": [STRUCTURE | {"siret": ""}]}))
        make_structure(session, siret=SIRET, nom="Une autre", code_insee="35238")
        [(_, line, column, cell, said)] = errors_of(session, workbook({"Structures": [STRUCTURE]}))
        assert (line, column, cell) == (2, "siret", SIRET)
        assert "« Une autre » porte déjà ce SIRET" in said

    def test_two_lines_of_one_siret(self, session: Session) -> None:
        content = workbook({"Structures": [STRUCTURE, STRUCTURE | {"id": "s2"}]})
        [(_, line, column, _, said)] = errors_of(session, content)
        assert (line, column, said) == (3, "siret", "Ce SIRET est déjà celui de la ligne 2.")

    def test_a_date_to_come(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        move_clock(2026, 3, 3, 10)
        [(*_, said)] = errors_of(session, both(service={"date_maj": "2026-03-04"}))
        assert "Cette date est à venir" in said

    def test_a_published_offer_is_not_made_incomplete(self, session: Session) -> None:
        bring(session, both())
        found = errors_of(session, both(service={"frais": ""}))
        assert [(column, said) for *_, column, _, said in found] == [
            (
                "frais",
                "L’offre est publiée et ne pourrait plus l’être. Dites si l’offre est gratuite ou payante.",
            )
        ]

    def test_a_point_far_from_its_commune(self, session: Session) -> None:
        (_, _, column, cell, said), _its_offer = errors_of(
            session, both({"latitude": "43,3", "longitude": "5,4"})
        )
        assert (column, cell) == ("latitude", "43.3, 5.4")
        assert "de Redon" in said

    def test_a_family_is_not_a_thematique(self, session: Session) -> None:
        [(*_, said)] = errors_of(session, both(service={"thematiques": "Mobilité"}))
        assert said.startswith(
            "« Mobilité » est une famille : choisissez une de ses thématiques, « Accéder à un"
        )

    def test_a_company_postal_code_is_of_its_town(self, session: Session) -> None:
        bring(session, both({"code_insee": "", "commune": "RENNES CEDEX 7", "code_postal": "35042"}))
        assert only(session, Structure, import_id="s1").code_insee == "35238"


def test_the_limits_are_those_of_the_form() -> None:
    assert (values.MAX_HOURS, values.MAX_WEEKS) == (offer_forms.MAX_HOURS, offer_forms.MAX_WEEKS)
