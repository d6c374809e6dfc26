"""systemd's unit files, read as far as ours go."""

from __future__ import annotations

from pathlib import Path

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


def read_unit(path: Path) -> dict[str, dict[str, str]]:
    """Section → key → value; a key given twice is a mistake of ours."""
    unit: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
        if line.startswith("["):
            section = unit.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            assert key not in section, f"{path.name}: {key} twice"
            section[key] = value
    return unit
