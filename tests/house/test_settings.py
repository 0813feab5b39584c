"""Settings: told in one place, the same in the README, and refused when they cannot be used."""

import re
from pathlib import Path

import pytest

from portal.config import SETTINGS, ConfigError, load_config

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_tells_every_setting() -> None:
    rows = re.findall(r"^\| `(PORTAL_\w+)` \| (.*?) \| (.*?) \|$", (ROOT / "README.md").read_text(), re.M)
    told = {name: (default.strip("`"), sentence) for name, default, sentence in rows}
    assert set(told) == {s.name for s in SETTINGS}, (
        "the README's table and portal/config.py name other settings"
    )
    for setting in SETTINGS:
        assert told[setting.name] == (setting.default or "–", setting.sentence), (
            f"{setting.name} is told differently"
        )


def test_nobody_else_reads_the_environment() -> None:
    for path in (ROOT / "portal").rglob("*.py"):
        if path.name in {"config.py", "start.py"}:
            continue
        assert "os.environ" not in path.read_text(), f"{path.name}: settings come from portal/config.py"


def test_a_start_open_to_others_without_a_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PORTAL_SECRET_KEY is required"):
        load_config({"PORTAL_PUBLIC_URL": "https://insertion.example.org"}, tmp_path)
    with pytest.raises(ConfigError, match="too short"):
        load_config({"PORTAL_SECRET_KEY": "court"}, tmp_path)


def test_a_local_start_keeps_its_own_secret(tmp_path: Path) -> None:
    first = load_config({}, tmp_path)
    assert len(first.secret_key) >= 32
    assert load_config({}, tmp_path).secret_key == first.secret_key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_PUBLIC_URL", "insertion.example.org"),
        ("PORTAL_DATABASE_URL", "mysql://portail@localhost/portail"),
        ("PORTAL_PROXIES", "deux"),
        ("PORTAL_ANTIVIRUS_URL", "http://clamav:3310"),
        ("PORTAL_ANTIVIRUS_URL", "tcp://clamav:porte"),
        ("PORTAL_ACCENT", "teal"),
        ("PORTAL_ACCENT", "#ffee00"),
        ("PORTAL_SOURCE", "a--b"),
        ("PORTAL_SOURCE_CODE_URL", "javascript:alert(1)"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config({"PORTAL_SECRET_KEY": "x" * 40, name: value}, tmp_path)
