"""Files as people send them: encodings, separators, spreadsheets that are not, and those that would fill the memory."""

import io
import zipfile

import pytest
import xlsxwriter

from portal import spreadsheets
from portal.errors import RuleBroken
from portal.exchanges.imports.columns import guess, kind_of
from portal.spreadsheets import read_sheets
from tests.exchanges.import_tables import workbook

TEXT = 'nom;précisions\n"deux\nlignes";"œuvre ; dix €"\n\nÉté;l’été\n'


def refused(filename: str, content: bytes) -> str:
    with pytest.raises(RuleBroken) as broken:
        read_sheets(filename, content)
    assert broken.value.field == "fichier"
    return broken.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_csv_is_read_whatever_its_encoding(encoding: str) -> None:
    [sheet] = read_sheets("t.csv", TEXT.encode(encoding))
    assert sheet.headers == ("nom", "précisions")
    assert [(row.line, row.cells) for row in sheet.rows] == [
        (2, ("deux\nlignes", "œuvre ; dix €")),
        (4, ("Été", "l’été")),
    ]


@pytest.mark.parametrize("sign", [";", ",", "\t"])
def test_the_separator_is_found(sign: str) -> None:
    [sheet] = read_sheets("t.csv", sign.join(["nom", '"a;b,c\td"', "ville"]).encode() + b"\n1,2;3\t4\n")
    assert len(sheet.headers) == 3


def test_a_spreadsheets_own_line_is_skipped() -> None:
    [sheet] = read_sheets("t.csv", b"sep=;\r\nnom;ville\r\nA;B\r\n")
    assert sheet.headers == ("nom", "ville")


def test_headers_alike_are_told_apart() -> None:
    [sheet] = read_sheets("t.csv", b"nom;nom;;ville\nA;B;C;D\n")
    assert sheet.headers == ("nom", "nom (2)", "Colonne 3", "ville")


def test_a_line_longer_than_its_headers_says_so() -> None:
    [sheet] = read_sheets("t.csv", b"nom;ville\nA;B;C\n")
    assert sheet.rows[0].beyond == "C"


@pytest.mark.parametrize(
    ("filename", "content", "said"),
    [
        ("t.csv", b"", "est vide"),
        ("t.csv", b"\r\n \r\n", "est vide"),
        ("t.csv", b"nom;ville\n", "n’a que ses en-têtes"),
        ("t.xlsx", b"nom;ville\nA;B\n", "pas un vrai classeur XLSX"),
        ("t.xlsx", b"PK\x03\x04 coup\xc3\xa9", "pas un vrai classeur XLSX"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "mot de passe, ou d’un ancien format"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "n’est pas un tableau"),
        ("t.csv", b"nom\n" + b"A\n" * (spreadsheets.MAX_LINES + 1), "dépasse 20000 lignes"),
        ("t.csv", b"x" * (spreadsheets.MAX_BYTES + 1), "10 Mo au plus"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(filename: str, content: bytes, said: str) -> None:
    assert said in refused(filename, content)


def test_a_cut_workbook_and_a_zip_that_is_none() -> None:
    whole = workbook({"Services": [{"nom": "A"}]})
    assert "pas un vrai classeur" in refused("t.xlsx", whole[: len(whole) // 2])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert "pas un vrai classeur" in refused("t.xlsx", out.getvalue())


def test_a_workbook_that_unfolds_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "MAX_UNPACKED", 3_000_000)
    out = io.BytesIO(workbook({"Services": [{"nom": "A"}]}))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * 4_000_000)
    assert len(out.getvalue()) < 20_000
    assert "trop étendu" in refused("t.xlsx", out.getvalue())


def test_a_cell_far_away_and_colours_far_away() -> None:
    def with_cell(text: str) -> bytes:
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out)
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["nom", "ville"])
        sheet.write_row(1, 0, ["A", "B"])
        red = book.add_format({"bg_color": "red"})
        if text:
            sheet.write(1_048_575, 16_383, text)
        else:
            sheet.write_blank(1_048_575, 16_383, None, red)
        book.close()
        return out.getvalue()

    assert "trop étendu" in refused("t.xlsx", with_cell("loin"))
    [sheet] = read_sheets("t.xlsx", with_cell(""))
    assert [row.cells for row in sheet.rows] == [("A", "B")]


def test_formulas_give_their_last_value_and_text_stays_text() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula(1, 0, "=1+1", None, 2)
    sheet.write_string(1, 1, "=1+1")
    book.close()
    [read] = read_sheets("t.xlsx", out.getvalue())
    assert read.rows[0].cells == ("2", "=1+1")


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ("id;nom;siret;code_insee", "structures"),
        ("ID;Nom;Code INSEE;Réseaux porteurs", "structures"),
        ("id;structure_id;nom;thematiques", "services"),
        ("__ignore__;nom;structure_id", "services"),
        ("nom;ville", None),
        ("id;nom;description", None),
    ],
)
def test_the_valideurs_layout_is_known(headers: str, kind: str | None) -> None:
    [sheet] = read_sheets("t.csv", f"{headers}\n{';'.join('x' for _ in headers.split(';'))}\n".encode())
    assert kind_of(sheet) == kind


def test_a_near_word_is_guessed_and_a_far_one_is_not() -> None:
    [sheet] = read_sheets("t.csv", "Nom de l'offre;Thématqiues;Nom de la structure;Xyz\na;b;c;d\n".encode())
    assert list(guess(sheet).values()) == ["services.nom", "services.thematiques", "structures.nom", ""]
