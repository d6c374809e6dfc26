"""``af`` in other programs' own Python: this machine's Blender builds and sends a job."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.canned_farm import CannedFarm

SRC = Path(__file__).parents[2] / "src"
SCRIPT = """\
import af
job = af.Job("shot \\u00e9")
block = af.Block("render", "blender")
block.setNumeric(1, 10, 2)
block.setCommand("blender -b a.blend -s @#@ -e @#@ -a")
job.blocks.append(block)
ok, answer = job.send()
found = af.query.jobs("user=kim and state~ERR")
print("SENT", ok, answer["serial"], [one.name for one in found])
"""


def programs() -> list[list[str]]:
    """Commands that run a Python text given to them last; a plain Python stands for the rest."""
    found = [[sys.executable, "-S", "-c"]]
    blender = shutil.which("blender")
    if blender:
        found.append([blender, "-b", "--factory-startup", "--python-expr"])
    return found


@pytest.mark.parametrize("program", programs(), ids=lambda words: Path(words[0]).name)
def test_a_job_is_built_and_sent(program: list[str]) -> None:
    with CannedFarm() as farm:
        done = subprocess.run(
            [*program, SCRIPT], capture_output=True, text=True, timeout=240,
            env={**os.environ, "PYTHONPATH": str(SRC), "AF_SERVERNAME": farm.address},
        )  # fmt: skip
        assert "SENT True 109 ['broken job']" in done.stdout, done.stdout + done.stderr
        sent = farm.last("job")
        assert sent["name"] == "shot \u00e9"
        assert sent["blocks"][0]["frames_per_task"] == 2
