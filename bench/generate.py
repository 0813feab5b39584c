"""Invented records of data.inclusion's schema v1, as many as wanted, the same for the same seed.

`python -m bench.generate 100000 FOLDER` writes `structures.ndjson` and `services.ndjson`: what `exchanges import` reads.
"""

import argparse
import itertools
import random
import sys
import time
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Generic, TypeVar

import orjson

from bench import words
from portal import clock, geography, vocabulary
from portal.geography import Commune

Item = TypeVar("Item")

# Shares of the services, of which the issue gives the first four.
WITH_ZONE = 1 / 3
WITHOUT_COMMUNE = 0.05
IN_35 = 0.15
IN_59 = 0.15
AGE_IN_DAYS = 3 * 365

# Source -> (share of structures, what it is known for; "" for everything).
_SOURCES: dict[str, tuple[float, str]] = {
    "soliguide": (0.30, ""),
    "dora": (0.20, ""),
    "mediation-numerique": (0.13, "numerique"),
    "monenfant": (0.07, "famille"),
    "ma-boussole-aidants": (0.06, "famille"),
    "emplois-de-linclusion": (0.06, "trouver-un-emploi"),
    "carif-oref": (0.06, "se-former"),
    "mes-aides": (0.04, ""),
    "reseau-alpha": (0.03, "lecture-ecriture-calcul"),
    "france-travail": (0.03, "preparer-sa-candidature"),
    "action-logement": (0.01, "logement-hebergement"),
    "agefiph": (0.01, "sante"),
}
# How many services a structure has: 1.8 on average, that is 0.55 structure for each service.
_SERVICES_EACH = {0: 0.10, 1: 0.53, 2: 0.17, 3: 0.08, 4: 0.04, 5: 0.03, 6: 0.02, 9: 0.02, 17: 0.01}
# Numbers set aside by the regulator for works of fiction: nobody is ever called.
_PHONES = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998")
_TWINS = 0.05


class _Draw(Generic[Item]):
    """Draws from a list of things, some more often than others."""

    def __init__(self, weighted: Iterable[tuple[Item, float]]) -> None:
        pairs = list(weighted)
        self.items = [item for item, _ in pairs]
        self._sums = list(itertools.accumulate(weight for _, weight in pairs))

    def one(self, rng: random.Random) -> Item:
        return self.items[min(bisect(self._sums, rng.random() * self._sums[-1]), len(self.items) - 1)]

    def some(self, rng: random.Random, number: int) -> list[Item]:
        """Return `number` different things at most."""
        return list(dict.fromkeys(self.one(rng) for _ in range(number)))


def _falling(items: Sequence[Item]) -> "_Draw[Item]":
    """Draw by rank, the first twice as often as the second: how often words are met."""
    return _Draw((item, 1 / (rank + 2)) for rank, item in enumerate(items))


@dataclass(slots=True)
class _Place:
    commune: Commune
    street: str
    latitude: float
    longitude: float
    is_located: bool


class Generator:
    """Makes the records. `until`: the last date anything was changed."""

    def __init__(self, *, seed: int = 1, until: date) -> None:
        rng = self._rng = random.Random(seed)
        self._until = until
        everywhere = geography.communes()
        self._france = _Draw((c, c.population**0.8 + 1) for c in everywhere)
        self._around = {
            code: _Draw((c, c.population**0.8 + 1) for c in everywhere if c.code_departement == code)
            for code in ("35", "59")
        }
        self._departements = [d.code for d in geography.departements()]
        self._sources = _Draw((source, share) for source, (share, _) in _SOURCES.items())
        self._services_each = _Draw(_SERVICES_EACH.items())
        leaves = [choice.value for choice in vocabulary.choices("thematiques")]
        rng.shuffle(leaves)
        self._themes = _falling(leaves)
        self._themes_of = {
            category: _falling([leaf for leaf in leaves if vocabulary.category_of(leaf) == category])
            for category in words.TOPICS
        }
        self._publics = _falling(
            [c.value for c in vocabulary.choices("publics") if c.value != "tous-publics"]
        )
        self._types = _falling([c.value for c in vocabulary.choices("type")])
        self._networks = _falling([c.value for c in vocabulary.choices("reseaux_porteurs")])
        self._actions = _falling(words.ACTIONS)
        self._trades = _falling(words.TRADES)
        self._things = _falling(words.THINGS)
        self._general = _falling(words.GENERAL)
        self._about = _falling(words.ABOUT)

    def records(self, services: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Yield handfuls of (structures, their services) until there are `services` services in all."""
        made = 0
        while made < services:
            first = self._structure(None)
            structures = [first]
            if self._rng.random() < _TWINS:
                twins = [self._structure(first) for _ in range(1 + (self._rng.random() < 0.2))]
                structures += [twin for twin in twins if twin["source"] != first["source"]]
                for structure in structures:
                    structure["doublons"] = [
                        {"source": other["source"], "id": other["id"]}
                        for other in structures
                        if other is not structure
                    ]
            offered = [
                self._service(structure)
                for structure in structures
                for _ in range(self._services_each.one(self._rng))
            ][: services - made]
            made += len(offered)
            yield structures, offered

    # ── Structures ──

    def _structure(self, twin_of: dict[str, Any] | None) -> dict[str, Any]:
        rng = self._rng
        source = self._sources.one(rng)
        structure_id = f"{source}--{rng.getrandbits(64):016x}"
        if twin_of is not None:
            return {
                **twin_of,
                "source": source,
                "id": structure_id,
                "date_maj": self._date(),
                "siret": None if rng.random() < 0.5 else twin_of["siret"],
                "doublons": [],
            }
        place = self._place()
        name = self._name()
        slug = name.lower()
        nom = f"{rng.choice(words.ORGANISATIONS)} {name}"
        if rng.random() < 0.3:
            nom += f" de {place.commune.nom}"
        return {
            "source": source,
            "id": structure_id,
            "nom": nom[:150],
            "date_maj": self._date(),
            "description": self._text("", place.commune.nom, rng.randint(80, 600))
            if rng.random() < 0.7
            else None,
            "lien_source": f"https://{source}.example.org/structures/{slug}" if rng.random() < 0.5 else None,
            "siret": self._siret() if rng.random() < 0.6 else None,
            **self._address(place),
            "telephone": self._phone() if rng.random() < 0.7 else None,
            "courriel": f"accueil@{slug}.example.org" if rng.random() < 0.7 else None,
            "site_web": f"https://{slug}.example.org/" if rng.random() < 0.5 else None,
            "horaires_accueil": rng.choice(words.HOURS) if rng.random() < 0.4 else None,
            "accessibilite_lieu": f"https://acces.example.org/{slug}" if rng.random() < 0.05 else None,
            "reseaux_porteurs": sorted(self._networks.some(rng, 2)) if rng.random() < 0.35 else None,
            "adresse_certifiee": rng.random() < 0.7,
            "doublons": [],
        }

    # ── Services ──

    def _service(self, structure: dict[str, Any]) -> dict[str, Any]:
        rng = self._rng
        commune = geography.commune(structure["code_insee"])
        known_for = _SOURCES[structure["source"]][1]
        themes = (self._themes_of[known_for] if known_for and rng.random() < 0.8 else self._themes).some(
            rng, rng.choice((1, 1, 2, 2, 3))
        )
        category = vocabulary.category_of(themes[0])
        kind = self._types.one(rng)
        city = commune.nom if commune else "France"
        service_id = f"{structure['source']}--{rng.getrandbits(64):016x}"
        reached = _chosen(
            rng, ((0.76, ["en-presentiel"]), (0.84, ["a-distance"]), (0.95, ["a-distance", "en-presentiel"]))
        )
        mobilisation = sorted(
            {rng.choice(("envoyer-un-courriel", "telephoner", "se-presenter")), "telephoner"}
            | ({"utiliser-lien-mobilisation"} if rng.random() < 0.15 else set())
        )
        price = _chosen(rng, ((0.70, "gratuit"), (0.86, "payant")))
        slug = structure["id"].partition("--")[2]
        has_link = "utiliser-lien-mobilisation" in mobilisation
        description = self._text(category, city, min(1500, max(200, int(rng.gauss(650, 320)))))
        return {
            "source": structure["source"],
            "structure_id": structure["id"],
            "id": service_id,
            "nom": self._service_name(kind, category, city),
            "description": description,
            "date_maj": self._date(),
            "lien_source": f"https://{structure['source']}.example.org/services/{service_id.partition('--')[2]}",
            "type": kind if rng.random() < 0.93 else None,
            "thematiques": sorted(themes) if rng.random() < 0.98 else None,
            "frais": price,
            "frais_precisions": rng.choice(words.PRICES)
            if price == "payant" and rng.random() < 0.7
            else None,
            "publics": self._publics_of(),
            "publics_precisions": rng.choice(words.PUBLICS_WORDS) if rng.random() < 0.3 else None,
            "conditions_acces": rng.choice(words.CONDITIONS) if rng.random() < 0.35 else None,
            **self._service_address(structure),
            "telephone": structure["telephone"] or (self._phone() if rng.random() < 0.5 else None),
            "courriel": f"offres@{slug}.example.org" if rng.random() < 0.65 else None,
            "modes_accueil": reached,
            "zone_eligibilite": self._zone(commune) if rng.random() < WITH_ZONE else None,
            "contact_nom_prenom": f"{rng.choice(words.FIRST_NAMES)} {self._name()}"
            if rng.random() < 0.25
            else None,
            "lien_mobilisation": f"https://rendez-vous.example.org/{slug}" if has_link else None,
            "modes_mobilisation": mobilisation if rng.random() < 0.95 else None,
            "mobilisable_par": _chosen(
                rng, ((0.62, ["professionnels", "usagers"]), (0.80, ["usagers"]), (0.94, ["professionnels"]))
            ),
            "mobilisation_precisions": "Demandez l’accueil, qui propose un premier rendez-vous."
            if rng.random() < 0.2
            else None,
            "volume_horaire_hebdomadaire": float(rng.choice((1, 2, 3, 4, 6, 7.5, 12, 15, 20, 35)))
            if rng.random() < 0.25
            else None,
            "nombre_semaines": rng.choice((1, 2, 4, 6, 8, 12, 16, 26, 52)) if rng.random() < 0.2 else None,
            "horaires_accueil": rng.choice(words.HOURS) if rng.random() < 0.35 else None,
            "adresse_certifiee": rng.random() < 0.7,
        }

    def _publics_of(self) -> list[str] | None:
        rng = self._rng
        draw = rng.random()
        if draw < 0.10:
            return None
        return ["tous-publics"] if draw < 0.45 else sorted(self._publics.some(rng, rng.choice((1, 2, 3))))

    def _service_name(self, kind: str, category: str, city: str) -> str:
        rng = self._rng
        made, about = words.TOPICS[category]
        pattern = rng.random()
        if pattern < 0.4:
            nom = f"{rng.choice(words.KINDS[kind])} : {rng.choice(about)}"
        elif pattern < 0.7:
            nom = f"{rng.choice(made).capitalize()} et {rng.choice(about)}"
        elif pattern < 0.85:
            nom = f"{rng.choice(words.KINDS[kind])} {self._trades.one(rng)} à {city}"
        else:
            nom = f"{rng.choice(made).capitalize()} {self._name()}"
        return nom[:150]

    def _service_address(self, structure: dict[str, Any]) -> dict[str, Any]:
        if self._rng.random() < WITHOUT_COMMUNE:
            return dict.fromkeys(_ADDRESS)
        return {name: structure[name] for name in _ADDRESS}

    def _zone(self, commune: Commune | None) -> list[str]:
        rng = self._rng
        if commune is None:
            return ["france"]
        draw = rng.random()
        if draw < 0.15:
            return [commune.code]
        if draw < 0.40 and commune.code_epci:
            return [commune.code_epci]
        if draw < 0.88:
            return [commune.code_departement]
        if draw < 0.93:
            return sorted({commune.code_departement, rng.choice(self._departements)})
        return ["france"] if draw < 0.98 else ["99100"]

    # ── What both have ──

    def _place(self) -> _Place:
        rng = self._rng
        draw = rng.random()
        where = (
            self._around["35"]
            if draw < IN_35
            else self._around["59"]
            if draw < IN_35 + IN_59
            else self._france
        )
        commune = where.one(rng)
        return _Place(
            commune,
            f"{rng.randint(1, 120)} {rng.choice(words.STREETS)}",
            # A kilometre or two around the middle of the commune.
            round(commune.latitude + rng.gauss(0, 0.012), 6),
            round(commune.longitude + rng.gauss(0, 0.016), 6),
            rng.random() < 0.97,
        )

    def _address(self, place: _Place) -> dict[str, Any]:
        rng = self._rng
        return {
            "commune": place.commune.nom,
            "code_postal": place.commune.codes_postaux[0],
            "code_insee": place.commune.code,
            "adresse": place.street,
            "complement_adresse": f"Bâtiment {rng.choice('ABCD')}" if rng.random() < 0.1 else None,
            "longitude": place.longitude if place.is_located else None,
            "latitude": place.latitude if place.is_located else None,
        }

    def _text(self, category: str, city: str, length: int) -> str:
        """Return sentences until there are about `length` characters, on the subject first."""
        rng = self._rng
        sentences: list[str] = []
        size = 0
        said: set[str] = set()
        while size < length:
            pattern = (self._about if category and rng.random() < 0.4 else self._general).one(rng)
            if pattern in said:
                continue
            said.add(pattern)
            sentence = self._fill(pattern, category, city)
            if size + len(sentence) > 1500:
                break
            sentences.append(sentence)
            size += len(sentence) + 1
        text = " ".join(sentences)
        # The schema asks for nothing more; the score wants 200 characters.
        return text if len(text) >= min(length, 200) else f"{text} {words.GENERAL[1]}"

    def _fill(self, pattern: str, category: str, city: str) -> str:
        filled = []
        for text, slot in _parts(pattern):
            filled.append(text)
            if slot:
                filled.append(self._word(slot, category, city))
        return "".join(filled)

    def _word(self, slot: str, category: str, city: str) -> str:
        rng = self._rng
        match slot.rstrip("2"):
            case "action":
                return self._actions.one(rng)
            case "metier":
                return self._trades.one(rng)
            case "chose":
                return self._things.one(rng)
            case "jour":
                return rng.choice(words.DAYS)
            case "ville":
                return city if rng.random() < 0.8 else self._france.one(rng).nom
            case "faire":
                return rng.choice(words.TOPICS[category][0])
            case "quoi":
                return rng.choice(words.TOPICS[category][1])
        return self._name()

    def _name(self) -> str:
        # Raised to a power, so that some names come back and most are met once.
        rng = self._rng
        numbers = [int(len(words.SYLLABLES) * rng.random() ** 1.7) for _ in range(rng.choice((2, 3, 3, 4)))]
        return "".join(words.SYLLABLES[number] for number in numbers).capitalize()

    def _date(self) -> str:
        # More were looked at lately than long ago.
        days = int(AGE_IN_DAYS * self._rng.random() ** 1.6)
        return (self._until - timedelta(days=days)).isoformat()

    def _phone(self) -> str:
        return f"{self._rng.choice(_PHONES)}{self._rng.randrange(10_000):04d}"

    def _siret(self) -> str:
        siren = f"999{self._rng.randrange(100_000):05d}"
        siren += _luhn(siren)
        establishment = f"{siren}{self._rng.randrange(1, 40):04d}"
        return establishment + _luhn(establishment)


_ADDRESS = ("commune", "code_postal", "code_insee", "adresse", "complement_adresse", "longitude", "latitude")


@cache
def _parts(pattern: str) -> tuple[tuple[str, str | None], ...]:
    """Return (text, slot after it) for each piece of a sentence to fill in."""
    return tuple((text, slot) for text, slot, _, _ in Formatter().parse(pattern))


def _luhn(digits: str) -> str:
    """Return the digit that makes `digits` a number valid by Luhn's rule."""
    total = 0
    for rank, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if rank % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def _chosen(rng: random.Random, steps: Sequence[tuple[float, Item]]) -> Item | None:
    """Return the value of the first step above a number drawn; None above the last."""
    draw = rng.random()
    return next((value for limit, value in steps if draw < limit), None)


def write(services: int, folder: Path, *, seed: int = 1, until: date | None = None) -> tuple[Path, Path]:
    """Write `services` services and their structures in `folder`; return the two files (structures first).

    `until` is today unless it is given: the same seed gives the same files on the same day.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "structures.ndjson", folder / "services.ndjson"
    generator = Generator(seed=seed, until=until or clock.today())
    with paths[0].open("wb") as structures_file, paths[1].open("wb") as services_file:
        for structures, offered in generator.records(services):
            structures_file.writelines(_line(record) for record in structures)
            services_file.writelines(_line(record) for record in offered)
    return paths


def _line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument("services", type=int, help="how many services")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--until", type=date.fromisoformat, help="the last date of a change; today by default"
    )
    asked = parser.parse_args(arguments)
    start = time.perf_counter()
    for path in write(asked.services, asked.folder, seed=asked.seed, until=asked.until):
        print(f"{path}\t{path.stat().st_size / 1e6:.1f} MB")
    print(f"{time.perf_counter() - start:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
