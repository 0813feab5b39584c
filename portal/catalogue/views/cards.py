"""What a card says of an offer, as HTML: twenty of them in a template would cost more than the search itself.

The same facts come back from one card and one search to the next: each is written once, and kept.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from portal import clock, geography, vocabulary
from portal.catalogue import sources
from portal.catalogue.criteria import Why
from portal.catalogue.engine import Card
from portal.catalogue.place import Place
from portal.conventions.models import Financeur
from portal.offers.freshness import months_after
from portal.offers.places import Places
from portal.parcours import Dominante
from portal.web import formats

# As the package's criterion of freshness: offers of other sources. Ours say when they are to be confirmed.
STALE_MONTHS = 6
_MOST_PRICE = 80
_FINANCEURS = {financeur.value: financeur.label for financeur in Financeur}
_DOMINANTES = {dominante.value: dominante.label for dominante in Dominante}
_COUNTRY = frozenset({"france", "99100"})


def show(
    cards: Sequence[Card],
    *,
    base: str,
    suffix: str,
    place: Place | None,
    tools: Callable[[Card], str] | None = None,
) -> Markup:
    """Return the cards as HTML. `base` is the address of the catalogue, `suffix` what an offer's keeps of it.

    `place`: where the reader looks. `tools`: writes, as HTML, what they may do with one of our own offers.
    """
    today = clock.today()
    asked = place.nom if place and place.commune else None
    return Markup(
        "".join(
            [
                f'<article class="card result"><div class="card-body">{_body(card, base, suffix, asked, today)}'
                f"{tools(card) if tools and card.offer_id else ''}</div></article>"
                for card in cards
            ]
        )
    )


def drawing(icon: str) -> str:
    """Return a drawing of _icons.html as HTML."""
    return f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><use href="#i-{icon}"></use></svg>'


def _body(card: Card, base: str, suffix: str, asked: str | None, today: date) -> str:
    record = card.record
    updated, is_stale = _updated(record["date_maj"], card.confirmation_mois or STALE_MONTHS, today)
    tags, points = _tags(card, is_stale), _points(card, asked, today)
    if tags:
        tags = f'<p class="result-tags">{tags}</p>'
    if points:
        points = f'<ul class="points">{points}</ul>'
    published = "" if card.offer_id else _published(record["source"])
    return (
        f'{tags}<h3 class="result-title"><a href="{base}/{card.offer_id or quote(card.hit.id, safe="")}{suffix}">'
        f"{escape(record['nom'])}</a></h3>"
        f'<p class="result-subtitle">{escape(card.structure_nom or "Structure inconnue")}'
        f"{published} · mise à jour {updated}</p>{points}"
    )


@lru_cache(maxsize=4096)
def _updated(text: str, months: int, today: date) -> tuple[str, bool]:
    """Return how long ago a day was, in words, and whether it is too long. `today` is what both depend on."""
    day = date.fromisoformat(text)
    return formats.ago(day), today >= months_after(day, months)


@lru_cache(maxsize=512)
def _published(source: str) -> str:
    return f" · publiée par {escape(sources.label(source))}"


def _tags(card: Card, is_stale: bool) -> str:
    tags = ""
    if card.places:
        words = places_words(card.places)
        tags += (
            _tag("success", "people", words) if card.places.libres > 0 else _tag("warning", "clock", words)
        )
    if "a-distance" in (card.record.get("modes_accueil") or ()):
        tags += _tag("accent", "remote", "À distance")
    for value in card.dominantes:
        tags += _tag("neutral", "flag", _DOMINANTES.get(value, value))
    if is_stale:
        tags += _tag("warning", "warning", "À vérifier avec la structure")
    return tags


def _points(card: Card, asked: str | None, today: date) -> str:
    get = card.record.get
    points = ""
    kilometres, modes = card.hit.distance_km, get("modes_accueil")
    if kilometres is not None:
        points = _away(get("commune"), round(kilometres) if kilometres >= 1 else 0)
    elif (commune := get("commune")) and modes != ["a-distance"]:
        points = _point("place", commune)
    if publics := get("publics"):
        points += _publics(tuple(publics))
    if (hours := get("volume_horaire_hebdomadaire")) or get("nombre_semaines"):
        points += _duration(hours, get("nombre_semaines"))
    if card.next_session:
        points += _point("door", f"Prochaine session {_on(card.next_session, today)}")
    if frais := get("frais"):
        points += _price(frais, get("frais_precisions"))
    if card.financeurs:
        points += _point("flag", "Financée par " + some([_FINANCEURS.get(v, v) for v in card.financeurs]))
    if asked is not None:
        if Why.ZONE in card.hit.why:
            points += _point("info", f"Ouverte aux habitants de {asked}")
    elif zones := get("zone_eligibilite"):
        points += _zones(tuple(zones))
    return points


@lru_cache(maxsize=2048)
def _tag(kind: str, icon: str, words: str) -> str:
    return f'<span class="tag tag-{kind}">{drawing(icon)}<span>{escape(words)}</span></span>'


def _fact(icon: str, words: str) -> str:
    return f"<li>{drawing(icon)}<span>{escape(words)}</span></li>"


_point = lru_cache(maxsize=4096)(_fact)


@lru_cache(maxsize=8192)
def _away(commune: str | None, kilometres: int) -> str:
    # 0: less than one.
    away = distance_words(kilometres)
    return _fact("place", f"{commune}, {away}" if commune else away[0].upper() + away[1:])


@lru_cache(maxsize=4096)
def _publics(values: tuple[str, ...]) -> str:
    return _fact("people", some(vocabulary.labels("publics", values)))


@lru_cache(maxsize=2048)
def _duration(hours: float | None, weeks: int | None) -> str:
    return _fact("clock", duration_words({"volume_horaire_hebdomadaire": hours, "nombre_semaines": weeks}))


@lru_cache(maxsize=2048)
def _price(frais: str, said: str | None) -> str:
    return _fact("euro", price_words({"frais": frais, "frais_precisions": said}, _MOST_PRICE))


@lru_cache(maxsize=2048)
def _zones(codes: tuple[str, ...]) -> str:
    if _COUNTRY.intersection(codes):
        return ""
    labels = [geography.zone_label(code) for code in codes]
    return _fact("info", "Ouverte aux habitants de " + some(labels, 2))


def places_words(places: Places) -> str:
    """Return how many financed places are left today."""
    if places.libres > 0:
        return f"{formats.count(places.libres, 'place libre', 'places libres')} sur {places.financees}"
    return "Plus de place" + (f" · {places.en_attente} en attente" if places.en_attente else "")


def some(labels: Sequence[str], most: int = 3) -> str:
    """Return the first labels, and how many others."""
    rest = len(labels) - most
    return ", ".join(labels[:most]) + (f" et {formats.count(rest, 'autre')}" if rest > 0 else "")


def distance_words(km: float) -> str:
    """Return how far, in whole kilometres."""
    return "à moins d’1 km" if km < 1 else f"à {round(km)} km"


def duration_words(record: dict[str, Any]) -> str:
    """Return hours a week and weeks; nothing when neither is known."""
    hours, weeks = record.get("volume_horaire_hebdomadaire"), record.get("nombre_semaines")
    if hours:
        return f"{formats.hours(hours)} par semaine" + (
            f" × {formats.count(weeks, 'semaine')}" if weeks else ""
        )
    return formats.count(weeks, "semaine") if weeks else ""


def price_words(record: dict[str, Any], most: int | None = None) -> str:
    """Return free or not, with what is said of it, cut to about `most` characters."""
    if not record.get("frais"):
        return ""
    said = record.get("frais_precisions") or ""
    # A few letters more are not worth an ellipsis.
    if most and len(said) > most + 5:
        said = said[: most - 1].rsplit(" ", 1)[0] + "…"
    return vocabulary.label("frais", record["frais"]) + (f" : {said}" if said else "")


@lru_cache(maxsize=4096)
def _on(day: date, today: date) -> str:
    if day == today:
        return "aujourd’hui"
    return f"le {formats.short_day(day)}"
