"""Files that people send: how they are named, and recognised by what they hold."""

import lzma
import math
import re
import unicodedata
import zipfile
import zlib
from io import BytesIO

from portal.errors import RuleBroken

MAX_BYTES = 5_000_000
ZIPPED = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_OLE = {"doc": "application/msword", "xls": "application/vnd.ms-excel"}
# extension -> (content type, what the file begins with)
_PLAIN: dict[str, tuple[str, bytes]] = {
    "pdf": ("application/pdf", b"%PDF-"),
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
}
EXTENSIONS = (*_PLAIN, *ZIPPED, *_OLE)


def recognised(filename: str, content: bytes) -> tuple[str, str]:
    """Return the clean name and the content type of a file that may be kept.

    Raises RuleBroken when it is empty, too big, or not what its name says: its first bytes tell.
    """
    name = clean_name(filename)
    if not content:
        raise RuleBroken("Ce fichier est vide : choisissez-en un autre.", field="fichier")
    if len(content) > MAX_BYTES:
        raise RuleBroken(too_big(len(content)), field="fichier")
    return name, recognise(name, content)


def too_big(size: int) -> str:
    """Return the sentence for a file of `size` bytes."""
    # Rounded up: a file that is too big by a little is not said to be as big as allowed.
    megabytes = f"{math.ceil(size / 100_000) / 10:g}".replace(".", ",")
    return (
        f"Ce fichier fait {megabytes} Mo : {MAX_BYTES // 1_000_000} Mo au plus. "
        "Réduisez-le (un PDF plutôt qu’une photo), puis recommencez."
    )


def clean_name(filename: str) -> str:
    """Return a file's name without its folders or anything a computer could take for something else."""
    name = unicodedata.normalize("NFC", filename).replace("\\", "/").rsplit("/", 1)[-1]
    name = re.sub(r"[^\w .()'’-]", "", name).rstrip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name.strip()[:100] or "document"
    return f"{stem.strip(' .')[:100].rstrip() or 'document'}.{extension.strip()}"


def recognise(name: str, content: bytes) -> str:
    """Return the content type of a document whose bytes are what its name says. Raises RuleBroken otherwise."""
    _, dot, extension = name.lower().rpartition(".")
    if not dot or extension not in EXTENSIONS:
        raise RuleBroken(
            "Ce type de fichier n’est pas accepté : envoyez un PDF, un texte, un tableau ou une image.",
            field="fichier",
        )
    if extension in _PLAIN and content.startswith(_PLAIN[extension][1]):
        return _PLAIN[extension][0]
    if extension in ZIPPED and content.startswith(b"PK\x03\x04") and _holds(content, extension):
        return ZIPPED[extension]
    if extension in _OLE and content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OLE[extension]
    raise RuleBroken(
        f"Ce fichier n’est pas un vrai fichier {extension.upper()} : ouvrez-le, enregistrez-le de nouveau, puis renvoyez-le.",
        field="fichier",
    )


def _holds(content: bytes, extension: str) -> bool:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
            if extension in ("odt", "ods"):
                wanted = ZIPPED[extension].encode()
                if "mimetype" not in names:
                    return False
                # Read by a little: what is a few bytes here may unfold without end.
                with archive.open("mimetype") as said:
                    return said.read(200).strip() == wanted
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError):
        return False
    return {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}[extension] in names
