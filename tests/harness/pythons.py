"""The Pythons of this machine from 3.7 on (R63)."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

OLDEST = (3, 7)


def pythons() -> list[str]:
    """One program for each minor version, this one's own included."""
    found = {sys.version_info[:2]: sys.executable}
    for path in sorted(Path.home().glob(".pyenv/versions/*/bin/python")):
        version = re.match(r"(\d+)\.(\d+)", path.parts[-3])
        if version:
            found.setdefault((int(version[1]), int(version[2])), str(path))
    for minor in range(OLDEST[1], 30):
        program = shutil.which(f"python3.{minor}")
        if program:
            found.setdefault((3, minor), program)
    return [program for version, program in sorted(found.items()) if version >= OLDEST]
