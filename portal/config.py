"""Every setting of the portal: its name, its default and the sentence that explains it.

The README's table is compared with `SETTINGS` by a test; nothing else in the code reads the environment.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"


class ConfigError(Exception):
    """A setting is missing or cannot be used; the message says which one and what to write."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: `name`, `default` (as text, "" when unset) and `sentence` for the operator."""

    name: str
    default: str
    sentence: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "PORTAL_DATABASE_URL",
        "sqlite:///instance/portal.db",
        "Where the data live: SQLite, or `postgresql+psycopg://user:password@host/name`.",
    ),
    Setting(
        "PORTAL_SECRET_KEY",
        "",
        "Signs sessions and links, 32 characters or more. Required as soon as `PORTAL_PUBLIC_URL` is not this "
        "machine; otherwise one is made and kept in `instance/`.",
    ),
    Setting(
        "PORTAL_PUBLIC_URL",
        "http://127.0.0.1:5000",
        "The address people and data.inclusion use; links in e-mails and exports start with it.",
    ),
    Setting("PORTAL_SOURCE", "portail-demo", "Our slug in data.inclusion, in lower case with hyphens."),
    Setting("PORTAL_DEPARTEMENT", "35", "Code of the département that runs the portal."),
    Setting("PORTAL_NAME", "Passerelle insertion", "Name shown at the top of every page."),
    Setting(
        "PORTAL_LOGO_URL",
        "",
        "Address of the département's logo, served by the same host; our mark otherwise.",
    ),
    Setting(
        "PORTAL_ACCENT", "", "Accent colour as `#rrggbb`, dark enough for white text; our own otherwise."
    ),
    Setting(
        "PORTAL_MAIL_URL",
        "",
        "`smtp://user:password@host:port` (`smtps://` for TLS from the start). Without it mail stays in the outbox, "
        "readable by the administrator where only this machine reaches the portal; elsewhere they see what waits, not what "
        "it says.",
    ),
    Setting("PORTAL_MAIL_FROM", "ne-pas-repondre@portail.example.org", "Sender of the e-mails."),
    Setting(
        "PORTAL_RATE_LIMIT_URL",
        "memory://",
        "Where failed sign-ins and requests to the API are counted; with several workers use a shared store such as "
        "`redis://host`.",
    ),
    Setting(
        "PORTAL_SIRENE_URL",
        "https://recherche-entreprises.api.gouv.fr",
        "The company register that fills in a structure from its SIRET; `off` to do without.",
    ),
    Setting(
        "PORTAL_GEOCODER_URL",
        "https://data.geopf.fr/geocodage",
        "The geocoder that completes addresses and places them on the map; `off` to do without.",
    ),
    Setting(
        "PORTAL_TILES_URL",
        "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
        "&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&STYLE=normal&TILEMATRIXSET=PM&FORMAT=image/png"
        "&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}",
        "The map’s background (`{z}`, `{x}` and `{y}` stand for the tile); `off` shows the points on a plain one.",
    ),
    Setting(
        "PORTAL_API_OPEN",
        "",
        "`on`: the read API answers without a key; `off`: a key is needed. Otherwise `on` only when "
        "`PORTAL_PUBLIC_URL` is this machine.",
    ),
    Setting(
        "PORTAL_API_RATE",
        "600",
        "Requests a minute that each key of the API, or each address without a key, may send; `off` for no limit.",
    ),
    Setting(
        "PORTAL_SOURCE_CODE_URL",
        "",
        "Where the source code of what runs can be had, said on “À propos”: a portal whose code was changed owes it to "
        "those who use it (AGPL, section 13).",
    ),
    Setting(
        "PORTAL_ANTIVIRUS_URL",
        "",
        "The antivirus that reads each document before it is kept, clamd over TCP: `tcp://host:3310`. Without it "
        "documents are recognised by their content only.",
    ),
    Setting(
        "PORTAL_PROXIES",
        "0",
        "Number of trusted reverse proxies in front (their `X-Forwarded-*` is believed).",
    ),
)


_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Config:
    """The settings once read and checked; see `SETTINGS` for what each means."""

    database_url: str
    secret_key: str
    public_url: str
    source: str
    departement: str
    name: str
    logo_url: str
    accent: str
    mail_url: str
    mail_from: str
    rate_limit_url: str
    # "" when the portal does without.
    sirene_url: str
    geocoder_url: str
    tiles_url: str
    # The read API answers without a key.
    api_open: bool
    # Requests a minute to the API; 0 for no limit.
    api_rate: int
    source_code_url: str
    # "" when documents are not scanned.
    antivirus_url: str
    proxies: int
    # Where what a start makes for itself is kept: the secret, the SQLite file, the files of the index.
    instance: Path = INSTANCE

    @property
    def is_https(self) -> bool:
        """True when people reach the portal over TLS, so that cookies can be kept to it."""
        return self.public_url.startswith("https://")

    @property
    def tiles_origin(self) -> str:
        """Where the tiles of the map come from, as a content policy names it; "" without tiles, or when we serve them."""
        parts = urlsplit(self.tiles_url)
        return f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}" if parts.netloc else ""

    @property
    def is_local(self) -> bool:
        """True when only this machine reaches the portal: the one case where demo accounts may be opened unasked."""
        return urlsplit(self.public_url).hostname in _LOCAL


def load_config(environ: Mapping[str, str] | None = None, instance: Path = INSTANCE) -> Config:
    """Read the settings from `environ` (the process's by default) and return them checked.

    `instance` is the folder where the secret of a local start is kept. Raises ConfigError when a value cannot be
    used, and when a portal open to others has no secret of its own.
    """
    environ = os.environ if environ is None else environ
    values = {s.name: environ.get(s.name, "").strip() or s.default for s in SETTINGS}
    public_url = values["PORTAL_PUBLIC_URL"].rstrip("/")
    host = urlsplit(public_url).hostname
    if not public_url.startswith(("http://", "https://")) or not host:
        raise ConfigError("PORTAL_PUBLIC_URL must be an address such as https://insertion.example.org")
    if values["PORTAL_DATABASE_URL"].split(":")[0].split("+")[0] not in {"sqlite", "postgresql"}:
        raise ConfigError("PORTAL_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://")
    if not values["PORTAL_PROXIES"].isdigit():
        raise ConfigError("PORTAL_PROXIES must be a whole number: how many reverse proxies stand in front")
    accent = values["PORTAL_ACCENT"]
    if accent and not (
        len(accent) == 7 and accent[0] == "#" and all(c in "0123456789abcdefABCDEF" for c in accent[1:])
    ):
        raise ConfigError("PORTAL_ACCENT must be a colour such as #0b5563")
    if accent and _contrast_with_white(accent) < 5.2:
        raise ConfigError(
            "PORTAL_ACCENT is too light for white text on it (5.2:1 is needed): choose a darker colour"
        )
    if "--" in values["PORTAL_SOURCE"] or "/" in values["PORTAL_SOURCE"]:
        raise ConfigError("PORTAL_SOURCE is a slug: no double hyphen (it separates source and id), no slash")
    return Config(
        database_url=_absolute_sqlite(values["PORTAL_DATABASE_URL"], instance),
        secret_key=_secret(values["PORTAL_SECRET_KEY"], host, instance),
        public_url=public_url,
        source=values["PORTAL_SOURCE"],
        departement=values["PORTAL_DEPARTEMENT"],
        name=values["PORTAL_NAME"],
        logo_url=values["PORTAL_LOGO_URL"],
        accent=accent,
        mail_url=values["PORTAL_MAIL_URL"],
        mail_from=values["PORTAL_MAIL_FROM"],
        rate_limit_url=values["PORTAL_RATE_LIMIT_URL"],
        sirene_url=_service(values, "PORTAL_SIRENE_URL"),
        geocoder_url=_service(values, "PORTAL_GEOCODER_URL"),
        tiles_url=_tiles(values["PORTAL_TILES_URL"]),
        api_open=_on_or_off(values, "PORTAL_API_OPEN", otherwise=host in _LOCAL),
        api_rate=_rate(values["PORTAL_API_RATE"]),
        source_code_url=_source_code(values["PORTAL_SOURCE_CODE_URL"]),
        antivirus_url=_antivirus(values["PORTAL_ANTIVIRUS_URL"]),
        proxies=int(values["PORTAL_PROXIES"]),
        instance=instance,
    )


def _service(values: Mapping[str, str], name: str) -> str:
    address = values[name].rstrip("/")
    if address == "off":
        return ""
    if not address.startswith(("http://", "https://")):
        raise ConfigError(f"{name} must be an address such as https://service.example.org, or off")
    return address


def _source_code(address: str) -> str:
    if address and not address.startswith(("http://", "https://")):
        raise ConfigError("PORTAL_SOURCE_CODE_URL must be an address such as https://git.example.org/portail")
    return address


def _antivirus(address: str) -> str:
    if address in {"", "off"}:
        return ""
    parts = urlsplit(address)
    try:
        sound = parts.scheme == "tcp" and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
    except ValueError:
        sound = False  # the port is no number
    if not sound:
        raise ConfigError("PORTAL_ANTIVIRUS_URL must be an address such as tcp://clamav.example.org:3310")
    return address


def _tiles(address: str) -> str:
    if address == "off":
        return ""
    host = address.split("/")[2] if address.startswith(("http://", "https://")) else ""
    # The host goes into the content policy as it is: nothing in it may end the list.
    sound = (address.startswith("/") and not address.startswith("//")) or (
        host and all(c.isalnum() or c in "{}.:-" for c in host)
    )
    if not sound or any(part not in address for part in ("{z}", "{x}", "{y}")):
        raise ConfigError(
            "PORTAL_TILES_URL must be an address such as https://tiles.example.org/{z}/{x}/{y}.png, or off"
        )
    return address


def _on_or_off(values: Mapping[str, str], name: str, *, otherwise: bool) -> bool:
    said = values[name].lower()
    if said not in {"", "on", "off"}:
        raise ConfigError(f"{name} must be on or off")
    return otherwise if not said else said == "on"


def _rate(text: str) -> int:
    if text.lower() == "off":
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise ConfigError("PORTAL_API_RATE must be a whole number of requests a minute, or off")
    return int(text)


def _contrast_with_white(colour: str) -> float:
    """Return the contrast ratio of `#rrggbb` against white (WCAG 2.1, relative luminance)."""

    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[start : start + 2], 16)) for start in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _absolute_sqlite(url: str, instance: Path) -> str:
    # `sqlite:///instance/portal.db` must mean the same file from whichever folder the process was started.
    prefix = "sqlite:///instance/"
    if not url.startswith(prefix):
        return url
    instance.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{instance / url.removeprefix(prefix)}"


def _secret(given: str, host: str, instance: Path) -> str:
    if given:
        if len(given) < 32:
            raise ConfigError(
                "PORTAL_SECRET_KEY is too short: 32 characters or more, for instance `openssl rand -hex 32`"
            )
        return given
    if host not in _LOCAL:
        raise ConfigError(
            "PORTAL_SECRET_KEY is required when PORTAL_PUBLIC_URL is open to others: `openssl rand -hex 32` makes one"
        )
    kept = instance / "secret.key"
    instance.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two workers starting together only one writes, the other reads what it wrote.
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return kept.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_hex(32)
        file.write(secret)
    return secret
