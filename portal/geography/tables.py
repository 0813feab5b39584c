"""The communes, EPCI and départements of France, read once from the files of `data/` (see its README)."""

import csv
import io
import lzma
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from portal.geography.text import fold


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of the official geographical code, with the position of its centre (degrees, WGS 84)."""

    code: str
    nom: str
    codes_postaux: tuple[str, ...]
    code_epci: str | None
    code_departement: str
    code_region: str
    population: int
    latitude: float
    longitude: float

    @property
    def label(self) -> str:
        """The name with the first postal code, "Redon (35600)"; no two communes share a label."""
        return f"{self.nom} ({self.codes_postaux[0]})"

    @property
    def key(self) -> str:
        """The folded name, to compare or sort with."""
        return fold(self.nom)


@dataclass(frozen=True, slots=True)
class Epci:
    """An intercommunal body levying its own taxes; `code` is its SIREN."""

    code: str
    nom: str


@dataclass(frozen=True, slots=True)
class Departement:
    """A département, or an inhabited overseas collectivité (its `code_region` then equals its `code`)."""

    code: str
    nom: str
    code_region: str


class Tables:
    """Everything read from the files, with the look-ups by code. Built once; never changed afterwards."""

    def __init__(self) -> None:
        self.departements: dict[str, Departement] = {
            code: Departement(code, nom, code_region) for code, nom, code_region in _rows("departements.csv")
        }
        self.epcis: dict[str, Epci] = {code: Epci(code, nom) for code, nom in _rows("epci.csv.xz")}
        regions = {code: departement.code_region for code, departement in self.departements.items()}
        # One tuple for all the communes that share the same postal codes keeps memory low.
        postal: dict[str, tuple[str, ...]] = {}
        communes: list[Commune] = []
        for code, nom, codes_postaux, code_epci, departement, population, latitude, longitude in _rows(
            "communes.csv.xz"
        ):
            shared = postal.get(codes_postaux)
            if shared is None:
                shared = postal[codes_postaux] = tuple(codes_postaux.split())
            communes.append(
                Commune(
                    code,
                    nom,
                    shared,
                    self.epcis[code_epci].code if code_epci else None,
                    self.departements[departement].code,
                    regions[departement],
                    int(population),
                    float(latitude),
                    float(longitude),
                )
            )
        self.communes: tuple[Commune, ...] = tuple(communes)
        self.by_code: dict[str, Commune] = {commune.code: commune for commune in communes}
        #: (commune, name) for each municipal arrondissement: "Paris 12e Arrondissement" is a name of Paris.
        self.arrondissements: list[tuple[Commune, str]] = []
        for code, current, nom in _rows("codes_rattaches.csv.xz"):
            commune = self.by_code[current]
            self.by_code[code] = commune
            if nom:
                self.arrondissements.append((commune, nom))

    @cached_property
    def epcis_by_departement(self) -> dict[str, list[Epci]]:
        """The EPCI that have at least one commune in each département, by name."""
        members = {(c.code_departement, c.code_epci) for c in self.communes if c.code_epci}
        grouped: dict[str, list[Epci]] = {code: [] for code in self.departements}
        for departement_code, epci_code in members:
            grouped[departement_code].append(self.epcis[epci_code])
        for bodies in grouped.values():
            bodies.sort(key=lambda body: (fold(body.nom), body.code))
        return grouped


def _rows(name: str) -> Iterator[list[str]]:
    """Yield the rows of a file of `data/`, heading left out."""
    content = files("portal.geography").joinpath("data", name).read_bytes()
    if name.endswith(".xz"):
        content = lzma.decompress(content)
    rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    next(rows)
    return rows


_lock = threading.Lock()
_tables: Tables | None = None


def tables() -> Tables:
    """Return the tables, read at the first call (about a quarter of a second), the same object ever after."""
    global _tables
    if _tables is None:
        with _lock:
            if _tables is None:
                _tables = Tables()
    return _tables


def commune(code: str) -> Commune | None:
    """Return the commune of this INSEE code, or None.

    The code of a municipal arrondissement (Paris, Lyon, Marseille) or of a commune since merged into another
    gives the present commune: store `commune(code).code` rather than what was received.
    """
    return tables().by_code.get(code)


def communes() -> Sequence[Commune]:
    """Return every commune of the 101 départements, by code."""
    return tables().communes


def epci(code: str) -> Epci | None:
    """Return the EPCI of this SIREN, or None."""
    return tables().epcis.get(code)


def departement(code: str) -> Departement | None:
    """Return the département or collectivité of this code ("35", "2A", "974", "975"), or None."""
    return tables().departements.get(code)


def departements() -> Sequence[Departement]:
    """Return the 101 départements by code, then the inhabited overseas collectivités."""
    return tuple(tables().departements.values())


def epcis_of_departement(code: str) -> list[Epci]:
    """Return the EPCI with at least one commune in this département, by name; an unknown code has none."""
    return list(tables().epcis_by_departement.get(code, ()))
