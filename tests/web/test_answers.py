"""What a line of a convention's history says changed."""

import pytest

from portal.web.answers import Row, changes_of


@pytest.mark.parametrize(
    ("name", "pair", "row"),
    [
        ("montant_centimes", [None, "123456"], ("Montant", "Rien", "1\u202f234,56\u00a0€")),
        ("date_fin", ["2026-03-01", "2026-12-31"], ("Fin", "1er mars 2026", "31 décembre 2026")),
        ("signe_le", ["", "2026-01-02"], ("Signe le", "Rien", "2 janvier 2026")),
        ("taux_avance", ["6000", "3333"], ("Taux avance", "60\u00a0%", "33,33\u00a0%")),
        ("cible_etp", ["150", "100"], ("Cible etp", "1,5", "1")),
        ("hors_convention", ["False", "True"], ("Hors convention", "Non", "Oui")),
        ("mode", ["a", "b"], ("Mode", "A", "B")),
        ("post_id", [None, "12"], ("Post id", "Rien", "Un autre")),
        ("post_id", ["12", None], ("Post id", "Un", "Rien")),
        # Written otherwise by an older version.
        ("date_fin", ["fin mars", "2026-12-31"], ("Fin", "fin mars", "31 décembre 2026")),
    ],
)
def test_each_field_is_read_by_its_name(name: str, pair: list[str | None], row: tuple[str, str, str]) -> None:
    found = changes_of({name: pair}, {"date_fin": "Fin"}, {"mode": str.upper}, ids={"post_id"})
    assert found == [Row(name, *row)]
