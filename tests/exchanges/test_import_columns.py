"""Tables whose columns are said by people."""

from typing import Any

import pytest
from sqlmodel import Session, select

from portal.errors import RuleBroken
from portal.exchanges.imports import runs
from portal.exchanges.models import ImportMapping, ImportState
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.exchanges.import_tables import (
    OWN,
    PARTNER,
    SIRET,
    both,
    only,
    outcomes,
    table,
)


class TestMapping:
    ROWS = [
        {
            "Organisme": "Régie d’Exemple",
            "SIRET": SIRET,
            "Intitulé de l’action": "Passer le permis",
            "Descriptif": "On prépare le code de la route en petit groupe. " * 3,
            "Thèmes": "Préparer un permis",
            "Ville": "Redon",
            "CP": "35600",
            "Mail": "contact@regie.example.org",
            "Remarques": "à relire",
        },
        {
            "Organisme": "Régie d’Exemple",
            "SIRET": SIRET,
            "Intitulé de l’action": "Réparer son vélo",
            "Descriptif": "On répare son vélo avec de bons outils et des conseils. " * 3,
            "Thèmes": "Entretenir et réparer son véhicule",
            "Ville": "Redon",
            "CP": "35600",
            "Mail": "contact@regie.example.org",
            "Remarques": "",
        },
    ]

    def start(self, session: Session, content: bytes, source: str | None = None) -> Any:
        return runs.start(
            session,
            filename="actions.csv",
            content=content,
            source=source,
            by=None,
            own_source=OWN,
            departement="35",
        )

    def test_words_that_people_use_are_guessed(self, session: Session) -> None:
        run = self.start(session, table(self.ROWS))
        assert run.state is ImportState.COLONNES
        assert (run.columns or {})["mapping"][""] == {
            "Organisme": "structures.nom",
            "SIRET": "structures.siret",
            "Intitulé de l’action": "services.nom",
            "Descriptif": "services.description",
            "Thèmes": "services.thematiques",
            "Ville": "services.commune",
            "CP": "services.code_postal",
            "Mail": "services.courriel",
            "Remarques": "",
        }

    def test_a_structure_on_each_line_is_one_structure(self, session: Session) -> None:
        run = self.start(session, table(self.ROWS))
        mapping = (run.columns or {})["mapping"]
        runs.choose_columns(session, run, mapping, source="Réseau Exemple", departement="35", by=None)
        run = runs.go_on(session, run.id, by=None)
        assert outcomes(session, run) == ["cree", "cree", "cree"]
        runs.accept(session, run.id, publish=True)
        runs.go_on(session, run.id, by=None)
        structure = only(session, Structure, siret=SIRET)
        assert structure.import_source == "reseau-exemple"
        assert {offer.nom for offer in session.exec(select(Offer))} == {
            "Passer le permis",
            "Réparer son vélo",
        }
        # No id in the table: the same lines are found again.
        again = self.start(session, table(self.ROWS))
        assert again.state is ImportState.LECTURE
        assert (again.columns or {})["remembered"] is True
        again = runs.go_on(session, again.id, by=None)
        assert outcomes(session, again) == ["inchange", "inchange", "inchange"]

    def test_what_was_said_of_the_columns_can_be_said_again(self, session: Session) -> None:
        run = self.start(session, table(self.ROWS))
        mapping = (run.columns or {})["mapping"]
        runs.choose_columns(session, run, mapping, source=PARTNER, departement="35", by=None)
        other = {"": {**mapping[""], "Remarques": "services.publics_precisions"}}
        runs.go_on(session, run.id, by=None)
        runs.choose_columns(session, run, other, source=PARTNER, departement="35", by=None)
        assert (run.state, run.done, run.total) == (ImportState.LECTURE, 0, 3)
        [kept] = session.exec(select(ImportMapping)).all()
        assert kept.columns["mapping"][""]["remarques"] == "services.publics_precisions"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"Intitulé de l’action": ""}, "Aucune colonne ne donne le nom de l’offre"),
            ({"Organisme": "", "SIRET": ""}, "de quelle structure est l’offre"),
            ({"Remarques": "services.nom"}, "donnent la même chose (Nom de l’offre)"),
        ],
    )
    def test_a_mapping_that_cannot_be_used(self, session: Session, change: dict[str, str], said: str) -> None:
        run = self.start(session, table(self.ROWS))
        mapping = {"": {**(run.columns or {})["mapping"][""], **change}}
        with pytest.raises(runs.WrongColumns) as wrong:
            runs.choose_columns(session, run, mapping, source=PARTNER, departement="35", by=None)
        assert any(said in problem.sentence for problem in wrong.value.problems), wrong.value.problems

    def test_the_source_must_be_known(self, session: Session) -> None:
        with pytest.raises(RuleBroken, match="Dites d’où vient ce tableau") as broken:
            self.start(session, both())
        assert broken.value.field == "source"
