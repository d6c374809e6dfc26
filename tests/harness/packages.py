"""The built package, and a package index of what is installed here: ``pip`` without a network.

The index is a folder of wheels that are packed again from the installed files of each requirement,
so ``pip install`` resolves what our metadata *declares*; what is not declared is not found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
#: Written by the installer, not part of a wheel.
OF_THE_INSTALLER = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}


def build(kind: str, source: Path, target: Path) -> Path:
    """The ``wheel`` or ``sdist`` of a source folder, as the only one in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("afanasy-*")
    return built


def make_index(folder: Path, *requirements: str) -> dict[str, str]:
    """A folder of wheels of these and all they require; the environment that makes pip use it."""
    folder.mkdir()
    for distribution in _closure(requirements):
        _pack(distribution, folder)
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_COMPILE": "1",  # half of the time
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def ready_to_build(index: Path, folder: Path) -> dict[str, str]:
    """The environment in which ``pip install SOURCE`` makes no environment of its own to build in.

    That takes seconds each time. What a build needs is unpacked from ``index`` to ``folder``.
    """
    for distribution in _closure(_project()["build-system"]["requires"]):
        name = distribution.metadata["Name"].replace("-", "_")
        (wheel,) = index.glob(f"{name}-{distribution.version}-*.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(folder)
    return {"PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": str(folder)}  # 0 means: no isolation


def our_requirements() -> list[str]:
    """What the package needs to run, and to be built."""
    project = _project()
    return [*project["project"]["dependencies"], *project["build-system"]["requires"]]


def _project() -> dict[str, Any]:
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without what points a Python at our own ``.venv`` or checkout."""
    unwanted = ("PYTHON", "VIRTUAL_ENV", "AF_", "CGRU_", "PIP_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, **more}


def _closure(requirements: Iterable[str]) -> list[metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.name in found or not _applies(requirement):
            continue
        distribution = found[requirement.name] = metadata.distribution(requirement.name)
        waiting += [Requirement(text) for text in distribution.requires or []]
    return list(found.values())


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _pack(distribution: metadata.Distribution, folder: Path) -> None:
    tags = [line[5:] for line in (distribution.read_text("WHEEL") or "").splitlines()
            if line.startswith("Tag: ")]  # fmt: skip
    name = distribution.metadata["Name"].replace("-", "_")
    files = [
        file
        for file in distribution.files or []
        if ".." not in file.parts and file.suffix != ".pyc" and file.name not in OF_THE_INSTALLER
    ]
    info = next(file.parts[0] for file in files if file.parts[0].endswith(".dist-info"))
    record = "".join(f"{file.as_posix()},,\n" for file in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{distribution.version}-{tags[0]}.whl", "w") as wheel:
        for file in files:
            wheel.write(str(file.locate()), file.as_posix())
        wheel.writestr(f"{info}/RECORD", record)
