"""Find a Blender, or get one: the program, Debian's package, or the `bpy` module.

Each way is tried in turn, and what happened to it is said. When none works, a note is left in the
work folder so that the next run does not try the network again; deleting the note tries again.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.trouble import Trouble, check, pause

#: The module's Python and its newest releases that fit it.
BPY_PYTHON = "3.11"
BPY = "bpy>=4.2,<5"
#: What the module's library asks of Debian (R45); the program's package brings its own.
BPY_PACKAGES = (
    "libgl1", "libgomp1", "libsm6", "libx11-6", "libxext6", "libxfixes3", "libxi6",
    "libxkbcommon0", "libxrender1", "libxxf86vm1",
)  # fmt: skip

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(slots=True, frozen=True)
class Blender:
    """A `blender` command that works when ``folder`` (if any) is in front of PATH."""

    what: str
    folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """PATH for whoever runs it."""
        if self.folder is None:
            return {}
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def find(work: Path) -> Blender | None:
    """A Blender, installed if need be; ``None`` when this machine can have none."""
    found = program() or module(work)
    if found:
        return found
    note = work / "no-blender"
    if note.exists():
        print(f"No Blender here: {note.read_text(encoding='utf-8').strip()}")
        print(f"(remembered; remove {note} to try again)")
        return None
    reasons: list[str] = []
    for way in (install_program, install_module):
        try:
            found = way(work)
        except Trouble as trouble:
            reasons.append(str(trouble))
            print(f"  {trouble}")
        else:
            return found
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("; ".join(reasons) + "\n", encoding="utf-8")
    return None


def program() -> Blender | None:
    """The `blender` of the PATH, when it runs."""
    path = shutil.which("blender")
    if not path:
        return None
    version = _says([path, "-b", "--version"])
    return Blender(f"{version} ({path})") if version.startswith("Blender") else None


def module(work: Path) -> Blender | None:
    """The runner over `bpy` that an earlier demo has set up, when it still runs."""
    runner = work / "bin" / "blender"
    if not runner.exists():
        return None
    version = _says([str(runner), "-b", "--version"])
    if not version.startswith("Blender"):
        return None
    return Blender(f"{version}, the bpy module ({runner})", runner.parent)


def install_program(_work: Path) -> Blender:
    """Debian's package, by apt-get. Raises :class:`Trouble`."""
    if not shutil.which("apt-get"):
        raise Trouble("Debian's blender: there is no apt-get here")
    print("Installing Debian's blender (once, some hundred megabytes) ...", flush=True)
    if run([str(CHECKOUT / "tools" / "debian.sh"), "blender"]) != 0:
        raise Trouble("Debian's blender could not be installed")
    found = program()
    if not found:
        raise Trouble("Debian's blender was installed, but does not start")
    return found


def install_module(work: Path) -> Blender:
    """The `bpy` wheel in a virtual environment of its own. Raises :class:`Trouble`."""
    python = _python_for_bpy()
    environment = work / "bpy-venv"
    print("Installing Blender's Python module bpy (once, some hundred megabytes) ...", flush=True)
    inside = environment / "bin" / "python"
    pip = [str(inside), "-m", "pip", "install"]
    commands = [
        [python, "-m", "venv", "--clear", str(environment)],
        [*pip, "--quiet", "--disable-pip-version-check", "--only-binary=bpy", BPY],
    ]
    for command in commands:
        if run(command) != 0:
            raise Trouble("the bpy module could not be installed")
    found = make_runner(work, inside)
    if not found and shutil.which("apt-get"):
        run([str(CHECKOUT / "tools" / "debian.sh"), *BPY_PACKAGES])
        found = module(work)
    if not found:
        wanted = " ".join(BPY_PACKAGES)
        raise Trouble(f"the bpy module does not start; it needs the libraries of {wanted}")
    return found


def make_runner(work: Path, python: Path) -> Blender | None:
    """Write the `blender` command that runs our runner by ``python``, and try it."""
    runner = work / "bin" / "blender"
    runner.parent.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("blender_runner.py")
    line = f'exec {shlex.quote(str(python))} {shlex.quote(str(script))} "$@"'
    runner.write_text(f"#!/bin/sh\n# Blender's command line over the bpy module.\n{line}\n")
    runner.chmod(0o755)
    return module(work)


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, log: Path | None = None
) -> int:
    """Run a command with its output on ours or in ``log``; it is ended when the demo is."""
    with contextlib.ExitStack() as open_files:
        out = open_files.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environment or {})},
        )
    try:
        while process.poll() is None:
            pause(0.1)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    return process.returncode


def _python_for_bpy() -> str:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == BPY_PYTHON:
        return sys.executable
    path = shutil.which(f"python{BPY_PYTHON}")
    if not path:
        raise Trouble(f"the bpy module: there is no Python {BPY_PYTHON} here")
    return path


def _says(command: Sequence[str]) -> str:
    """The first line a command prints, "" when it fails."""
    check()
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace").strip().split("\n")[0]
