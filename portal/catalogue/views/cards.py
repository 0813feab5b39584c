"""What a card says of an offer, as plain values: the template only lays them out, twenty at a time."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

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

# As the package's criterion of freshness.
STALE_MONTHS = 6
_MOST_PRICE = 80
_FINANCEURS = {financeur.value: financeur.label for financeur in Financeur}
_DOMINANTES = {dominante.value: dominante.label for dominante in Dominante}
_COUNTRY = frozenset({"france", "99100"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A card: `tags` are on top, `points` are its facts, a line each; `offer_id` is there for our own offers."""

    url: str
    nom: str
    subtitle: str
    tags: Markup
    points: Markup
    offer_id: uuid.UUID | None
    kept: bool


def show(
    cards: Sequence[Card],
    *,
    base: str,
    suffix: str,
    place: Place | None,
    kept: Collection[uuid.UUID] = (),
) -> list[Shown]:
    """Return the cards as they are shown. `base` is the address of the catalogue, `suffix` what an offer's keeps of it.

    `kept`: the favourites of the reader. `place`: where they look.
    """
    today = clock.today()
    asked = place.nom if place and place.commune else None
    return [_shown(card, base, suffix, asked, kept, today) for card in cards]


def _shown(
    card: Card, base: str, suffix: str, asked: str | None, kept: Collection[uuid.UUID], today: date
) -> Shown:
    record = card.record
    day = date.fromisoformat(record["date_maj"])
    subtitle = str(card.structure.get("nom") or "Structure inconnue")
    if card.offer_id is None:
        subtitle += f" · publiée par {sources.label(record['source'])}"
    subtitle += f" · mise à jour {_ago(day, today)}"
    return Shown(
        f"{base}/{card.offer_id or quote(card.hit.id, safe='')}{suffix}",
        record["nom"],
        subtitle,
        _tags(card, day, today),
        _points(card, asked, today),
        card.offer_id,
        card.offer_id in kept,
    )


def _tags(card: Card, day: date, today: date) -> Markup:
    tags = []
    if card.places:
        free = card.places.libres > 0
        tags.append(
            ("success", "people", places_words(card.places))
            if free
            else ("warning", "clock", places_words(card.places))
        )
    if "a-distance" in (card.record.get("modes_accueil") or ()):
        tags.append(("accent", "remote", "À distance"))
    tags += [("neutral", "flag", _DOMINANTES.get(value, value)) for value in card.dominantes]
    if _is_stale(day, today):
        tags.append(("warning", "warning", "À vérifier avec la structure"))
    return Markup("".join([_tag(*tag) for tag in tags]))


def _points(card: Card, asked: str | None, today: date) -> Markup:
    record, points = card.record, []
    if where := _where(card):
        points.append(("place", where))
    if publics := record.get("publics"):
        points.append(("people", _publics(tuple(publics))))
    if duration := duration_words(record):
        points.append(("clock", duration))
    if card.next_session:
        points.append(("door", f"Prochaine session {_on(card.next_session, today)}"))
    if price := price_words(record, _MOST_PRICE):
        points.append(("euro", price))
    if card.financeurs:
        points.append(("flag", "Financée par " + some([_FINANCEURS.get(v, v) for v in card.financeurs])))
    if zone := _zone(card, asked):
        points.append(("info", zone))
    return Markup("".join([_point(*point) for point in points]))


# The same words come back from one card and one search to the next: they are written once.
@lru_cache(maxsize=8192)
def _tag(kind: str, icon: str, words: str) -> str:
    return f'<span class="tag tag-{kind}">{_drawing(icon)}<span>{escape(words)}</span></span>'


@lru_cache(maxsize=8192)
def _point(icon: str, words: str) -> str:
    return f"<li>{_drawing(icon)}<span>{escape(words)}</span></li>"


def _drawing(icon: str) -> str:
    # The drawings themselves are in _icons.html.
    return f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><use href="#i-{icon}"></use></svg>'


@lru_cache(maxsize=4096)
def _publics(values: tuple[str, ...]) -> str:
    return some(vocabulary.labels("publics", values))


def _where(card: Card) -> str | None:
    commune = card.record.get("commune") or ""
    if card.hit.distance_km is not None:
        away = distance_words(card.hit.distance_km)
        return f"{commune}, {away}" if commune else away[0].upper() + away[1:]
    if (card.record.get("modes_accueil") or ()) == ["a-distance"]:
        return None
    return commune or None


def _zone(card: Card, asked: str | None) -> str | None:
    if asked is not None:
        return f"Ouverte aux habitants de {asked}" if Why.ZONE in card.hit.why else None
    zones = card.record.get("zone_eligibilite") or ()
    if not zones or _COUNTRY.intersection(zones):
        return None
    return "Ouverte aux habitants de " + some([geography.zone_label(code) for code in zones], 2)


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
def _ago(day: date, today: date) -> str:
    # `today` is what the words depend on.
    return formats.ago(day)


@lru_cache(maxsize=4096)
def _on(day: date, today: date) -> str:
    if day == today:
        return "aujourd’hui"
    return f"le {formats.short_day(day)}"


@lru_cache(maxsize=4096)
def _is_stale(day: date, today: date) -> bool:
    return today >= months_after(day, STALE_MONTHS)
