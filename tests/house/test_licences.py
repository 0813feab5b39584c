"""What others wrote is named, with its version and licence; nothing is fetched and no lock holds an address."""

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_vendored_files_are_told_and_unchanged() -> None:
    told = (ROOT / "static" / "vendor" / "README.md").read_text()
    for folder in (ROOT / "static" / "vendor", ROOT / "tests" / "browser" / "vendor"):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in {".css", ".js", ".json"}:
                assert hashlib.sha256(path.read_bytes()).hexdigest() in told, (
                    f"{path.name}: write its sha256 down"
                )
        for library in (p for p in folder.iterdir() if p.is_dir()):
            assert any(p.name.upper().startswith("LICEN") for p in library.iterdir()), (
                f"{library.name} has no licence"
            )


def test_locks_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text, f"{name} holds an address"
        pins = re.findall(r"^[a-z0-9][\w.\-\[\]]*==", text, re.M)
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    told = (ROOT / "docs" / "dependencies.md").read_text()
    for requirement in wanted:
        name = re.match(r"[\w.\-]+", requirement)
        assert name is not None
        assert f"`{name.group()}`" in told, (
            f"{name.group()}: say in docs/dependencies.md why it earns its place"
        )
