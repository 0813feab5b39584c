"""The questions put to the portal: each is an address made from a case, so that no two requests are alike."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import orjson

from bench import words
from portal import geography, vocabulary
from portal.geography import Commune

COMMUNES = 50
THEMES = 30
IDS = 500
LISTED = 100
#: What htmx sends when only the results are to be replaced.
_FRAGMENT = {"HX-Request": "true", "HX-Target": "offers-results"}
_GZIP = {"Accept-Encoding": "gzip"}

Request = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """Who asks what: drawn anew for each request."""

    commune: Commune
    theme: str
    category: str
    publics: tuple[str, ...]
    types: tuple[str, ...]
    words: str
    mistyped: str
    departement: str
    service_id: str


def cases(services: Path, *, seed: int = 1) -> Iterator[Case]:
    """Yield cases without end, the same for the same seed; `services` is the file the ids are drawn from.

    50 communes, half of them where the catalogue is dense, and 30 thématiques.
    """
    rng = random.Random(seed)
    known = geography.communes()
    dense = [c for c in known if c.code_departement in ("35", "59")]
    populations = [c.population for c in known]
    communes = rng.choices(dense, [c.population for c in dense], k=COMMUNES // 2)
    communes += rng.choices(known, populations, k=COMMUNES - len(communes))
    themes = rng.sample([choice.value for choice in vocabulary.choices("thematiques")], THEMES)
    categories = [choice.value for choice in vocabulary.categories()]
    publics = [c.value for c in vocabulary.choices("publics") if c.value != "tous-publics"]
    types = [c.value for c in vocabulary.choices("type")]
    departements = sorted({c.code_departement for c in communes})
    searches = _searches(rng)
    ids = _ids(services, rng)
    while True:
        searched = rng.choice(searches)
        yield Case(
            commune=rng.choice(communes),
            theme=rng.choice(themes),
            category=rng.choice(categories),
            publics=tuple(sorted(rng.sample(publics, 2))),
            types=tuple(sorted(rng.sample(types, 2))),
            words=searched,
            mistyped=_mistyped(searched, rng),
            departement=rng.choice(departements),
            service_id=rng.choice(ids),
        )


def _searches(rng: random.Random) -> list[str]:
    """Return what people type: one to three words of the subjects, or of a trade."""
    told = [phrase for topic in words.TOPICS.values() for phrases in topic for phrase in phrases]
    told += list(words.TRADES)
    searches = []
    for phrase in told:
        kept = [word for word in phrase.replace("’", " ").split() if len(word) > 3]
        searches.append(" ".join(rng.sample(kept, min(len(kept), rng.choice((1, 2, 2, 3))))))
    return [search for search in searches if search]


def _mistyped(searched: str, rng: random.Random) -> str:
    """Return the same with two letters of its longest word exchanged."""
    longest = max(searched.split(), key=len)
    at = rng.randrange(1, max(2, len(longest) - 2))
    wrong = longest[:at] + longest[at + 1 : at + 2] + longest[at] + longest[at + 2 :]
    return searched.replace(longest, wrong)


def _ids(services: Path, rng: random.Random) -> list[str]:
    found = []
    with services.open("rb") as file:
        # The first ten thousand lines hold every kind of record.
        for line in itertools.islice(file, 10_000):
            found.append(orjson.loads(line)["id"])
    return rng.sample(found, min(IDS, len(found)))


@dataclass(frozen=True, slots=True)
class Question:
    """A question: `name` on the command line, `title` in the table, `floor`: the barest SQL that answers the same."""

    name: str
    title: str
    request: Callable[[Case], Request]
    floor: str


def _api(route: str, parameters: Callable[[Case], list[tuple[str, object]]]) -> Callable[[Case], Request]:
    return lambda case: (f"/api/v1/{route}?{urlencode([*parameters(case), ('size', 20)])}", {})


def _page(
    parameters: Callable[[Case], list[tuple[str, object]]], headers: dict[str, str]
) -> Callable[[Case], Request]:
    return lambda case: (f"/offres?{urlencode(parameters(case))}", headers)


def _with(headers: dict[str, str], request: Callable[[Case], Request]) -> Callable[[Case], Request]:
    def added(case: Case) -> Request:
        path, held = request(case)
        return path, held | headers

    return added


def _many(name: str, values: tuple[str, ...]) -> list[tuple[str, object]]:
    return [(name, value) for value in values]


# Name, title, parameters in the API, parameters in the page, route of the API.
_SEARCHES: tuple[tuple[str, str, str, Callable[[Case], list[tuple[str, object]]], Callable[[Case], list[tuple[str, object]]]], ...] = (
    (
        "theme",
        "commune + thématique",
        "search/services",
        lambda c: [("code_commune", c.commune.code), ("thematiques", c.theme)],
        lambda c: [("ou", c.commune.label), ("thematique", c.theme)],
    ),
    (
        "category",
        "commune + category + publics + types",
        "search/services",
        lambda c: [
            ("code_commune", c.commune.code),
            ("thematiques", c.category),
            *_many("publics", c.publics),
            *_many("types", c.types),
        ],
        lambda c: [
            ("ou", c.commune.label),
            ("thematique", c.category),
            *_many("public", c.publics),
            *_many("type", c.types),
        ],
    ),
    (
        "commune",
        "commune alone",
        "search/services",
        lambda c: [("code_commune", c.commune.code)],
        lambda c: [("ou", c.commune.label)],
    ),
    (
        "words",
        "words",
        "search",
        lambda c: [("q", c.words)],
        lambda c: [("quoi", c.words)],
    ),
    (
        "words-place",
        "words + place",
        "search",
        lambda c: [
            ("q", c.words),
            ("lat", c.commune.latitude),
            ("lon", c.commune.longitude),
            ("distance", 50),
        ],
        lambda c: [("quoi", c.words), ("ou", c.commune.label)],
    ),
)  # fmt: skip


def _all() -> Iterator[Question]:
    for name, title, route, asked, _ in _SEARCHES:
        yield Question(f"json-{name}", f"JSON: {title}", _api(route, asked), name)
    _, _, route, asked, shown = _SEARCHES[0]
    yield Question(
        "json-gzip", "JSON: commune + thématique, compressed", _with(_GZIP, _api(route, asked)), "theme"
    )
    yield Question(
        "json-detail",
        "JSON: one service with its structure",
        lambda c: (f"/api/v1/services/{quote(c.service_id)}", {}),
        "detail",
    )
    yield Question(
        "json-list",
        f"JSON: services of a département, {LISTED} a page",
        lambda c: (f"/api/v1/services?code_departement={c.departement}&size={LISTED}", {}),
        "list",
    )
    for kind, headers in (("fragment", _FRAGMENT), ("page", {})):
        for name, title, _, _, shown in _SEARCHES:
            yield Question(f"{kind}-{name}", f"HTML {kind}: {title}", _page(shown, headers), name)
    shown = _SEARCHES[0][4]
    for kind, headers in (("fragment", _FRAGMENT), ("page", {})):
        yield Question(
            f"{kind}-gzip",
            f"HTML {kind}: commune + thématique, compressed",
            _page(shown, headers | _GZIP),
            "theme",
        )
    yield Question(
        "fragment-mistyped",
        "HTML fragment: words with a typing error",
        _page(lambda c: [("quoi", c.mistyped)], _FRAGMENT),
        "words",
    )
    yield Question(
        "page-detail", "HTML page: one offer", lambda c: (f"/offres/{quote(c.service_id)}", {}), "detail"
    )


QUESTIONS: dict[str, Question] = {question.name: question for question in _all()}
