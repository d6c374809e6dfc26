"""Code blocks of the documentation, run as a reader would run them.

A block says behind its language what it is for; a Markdown viewer shows only the language:

======================================  ===========================================================
```sh run                               run it in the reader's shell; it must succeed
```sh background until="WORDS"          one command that stays: started, and waited for these words
```console run                          each ``$ command`` with its output, in which … stands for
                                        anything
```python run                           run it; it must succeed
```python go-on name=N                  the same, behind the text of the Python block ``name=N``
```LANGUAGE file=NAME                   written to that file
```sh read why="REASON"                 not run: the shell only reads it (``sh -n``)
```json                                 one JSON document
```json send                            sent to the server of the page, which must not refuse it
```toml                                 a configuration file
```xml                                  one XML document
```text                                 anything else that nobody types
======================================  ===========================================================

``on=HOST`` is another computer: a home, a host name and a ``/`` of its own. On one host variables
and the current folder go on from block to block, as in one terminal. A block with ``in=checkout``
runs in the clone of the repository. ``name=N`` at a background block: Ctrl-C for the one of that
name before. ``exit=N``: it ends with this exit code.

Paths at the root, and addresses, are replaced (:class:`Reader`) by those of the test; the programs
that need a root account have stand-ins in ``tests/harness/stand_ins``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from harness.packages import ROOT, clean_environment
from harness.processes import Process, wait_until

STAND_INS = Path(__file__).with_name("stand_ins")
LANGUAGES = ("sh", "console", "python")
OTHERS = ("json", "toml", "text", "xml")
#: Folders at the root which a page may write to.
AT_THE_ROOT = ("opt", "etc", "var/lib", "backup", "srv", "shots")
_BLOCK = re.compile(r"^(```+)([^\n`]*)\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)
LIMIT_S = 180


@dataclass(slots=True)
class Block:
    """One block: its language, what it is for, and where it is."""

    page: str
    line: int
    language: str
    text: str
    verb: str = ""
    options: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        language, *words = shlex.split(match[2]) or [""]
        block = Block(page.name, text.count("\n", 0, match.start()) + 1, language, match[3])
        for word in words:
            name, is_option, value = word.partition("=")
            if is_option:
                block.options[name] = value
            else:
                block.verb = name
        if "file" in block.options:
            block.verb = "file"
        found.append(block)
    return found


def unmarked(page: Path) -> list[str]:
    """Blocks of code for which nobody said whether they are run."""
    known = {"run", "go-on", "background", "file", "read"}
    blocks = blocks_of(page)
    return [
        f"{block.where}: say what is to be done with this {block.language} block"
        for block in blocks
        if block.language in LANGUAGES
        and (block.verb not in known or (block.verb == "read" and not block.options.get("why")))
    ] + [
        f"{block.where}: {block.language!r} is no language of a block"
        for block in blocks
        if block.language not in (*LANGUAGES, *OTHERS)
    ]


def needs_a_farm(page: Path) -> bool:
    """Something of the page is done, not only read."""
    return any(block.verb not in ("", "read", "file") for block in blocks_of(page))


class Reader:
    """Somebody who types a page's blocks, on computers below ``folder``."""

    def __init__(
        self,
        folder: Path,
        env: dict[str, str],
        replaced: dict[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        """``programs`` is a folder of what the page's computers have installed."""
        self.folder = folder
        self._programs = programs
        self._python: dict[str, str] = {}
        #: What the shells of all hosts have.
        self.env = env
        self._replaced = replaced or {}
        self._background: dict[str, Process] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._background.values()):
            process.end(signal.SIGINT)
        for root in sorted(self.folder.iterdir()):
            for unit in sorted((root / "run").glob("*.pid")):
                self._stop_unit(root, unit.stem)

    def read(self, page: Path) -> list[str]:
        """Every block of the page in order; what each of them said."""
        return [self.do(block) for block in blocks_of(page)]

    def do(self, block: Block) -> str:
        """What one block is for; its output."""
        host = block.options.get("on", "one")
        place = self._place(host)
        text = self._moved(block.text, place)
        if block.verb == "file":
            path = place / "home" / block.options["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.verb == "background":
            return self._stay(block, place, text)
        elif block.verb == "read":
            if block.language == "sh":
                subprocess.run(["/bin/sh", "-n"], input=text, text=True, check=True)
        elif block.language == "console" and block.verb == "run":
            return self._console(block, place, text)
        elif block.language == "sh" and block.verb == "run":
            return self._run(block, place, text)
        elif block.language == "python":
            name = block.options.get("name", "")
            if block.verb == "go-on":
                text = self._python[name] + text
            self._python[name] = text
            return self._run(block, place, f"python3 - <<'PYTHON'\n{text}PYTHON\n")
        elif block.language == "json":
            json.loads(text)
            if block.verb == "send":
                return self._run(block, place, f"afcmd json send <<'JSON'\n{text}JSON\n")
        elif block.language == "toml":
            tomllib.loads(text)
        elif block.language == "xml":
            ElementTree.fromstring(text)
        return ""

    def type(self, host: str, text: str) -> str:
        """A line of the test's own at one of the computers; its output."""
        return self.do(Block("the test", 0, "sh", text, "run", {"on": host}))

    def stay(self, host: str, text: str, until: str) -> str:
        """A program of the test's own that stays at one of the computers; what it said."""
        options = {"on": host, "until": until, "name": f"{host}: {text}"}
        return self.do(
            Block(f"{host}-{len(self._background)}", 0, "sh", text, "background", options)
        )

    # -- one host

    def _place(self, host: str) -> Path:
        place = self.folder / host
        for name in ("home", "run", *AT_THE_ROOT):
            (place / name).mkdir(parents=True, exist_ok=True)
        for name in ("etc/systemd/system", "etc/default", "etc/sysctl.d"):
            (place / name).mkdir(parents=True, exist_ok=True)
        return place

    def _environment(self, place: Path) -> dict[str, str]:
        own = Path(sys.executable).parent
        path = [str(STAND_INS), str(own), "/usr/local/bin", "/usr/bin", "/bin"]
        if self._programs is not None:
            path.insert(0, str(self._programs))
        return clean_environment(
            **self.env,
            HOME=str(place / "home"),
            AF_HOSTNAME=place.name,
            PATH=os.pathsep.join(path),
            STAND_IN_ROOT=str(place),
            STAND_IN_PYTHON=sys.executable,
        )

    def _moved(self, text: str, place: Path) -> str:
        for old, new in self._replaced.items():
            text = text.replace(old, new)
        folders = "|".join(AT_THE_ROOT)
        return re.sub(rf"(?<![\w.~/}}-])/({folders})(?=[/\s:'\"]|$)", rf"{place}/\1", text)

    def _shell(self, block: Block, place: Path, text: str) -> str:
        """The text in a shell that goes on where the last one of this host ended."""
        memory = place / "home" / ".exported"
        cwd = place / "home" / ".cwd"
        before = f"[ ! -e {memory} ] || . {memory}\n"
        after = f"\nexport -p | grep -v '^export PWD' >{memory}\n"
        if block.options.get("in") == "checkout":
            before += f"cd {ROOT}\n"
        else:
            before += f'cd {place}/home; if [ -e {cwd} ]; then cd "$(cat {cwd})"; fi\n'
            after += f"pwd >{cwd}\n"
        return f"{before}set -eu\n{text}{after}"

    def _run(self, block: Block, place: Path, text: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", self._shell(block, place, text)],
            cwd=place / "home", env=self._environment(place), timeout=LIMIT_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        expected = int(block.options.get("exit", 0))
        assert done.returncode == expected, (
            f"{block.where} ended with {done.returncode}:\n{done.stdout}"
        )
        return done.stdout

    def _console(self, block: Block, place: Path, text: str) -> str:
        said = ""
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            output = self._run(block, place, command)
            pattern = ".*".join(map(re.escape, expected.strip().split("…")))
            assert re.fullmatch(pattern, output.strip(), re.DOTALL), (
                f"{block.where}: $ {command}\nis said to print\n{expected}\nbut prints\n{output}"
            )
            said += output
        return said

    def _stay(self, block: Block, place: Path, text: str) -> str:
        name = block.options.get("name", block.where)
        if name in self._background:
            self._background.pop(name).end(signal.SIGINT)
        log = self.folder / f"{block.page}-{block.line}.log"
        command = self._shell(block, place, f"exec {text.strip()}")
        env = [f"{key}={value}" for key, value in self._environment(place).items()]
        process = Process(["/usr/bin/env", "-i", *env, "/bin/sh", "-c", command], log)
        self._background[name] = process

        def has_said_it() -> bool:
            assert process.alive(), f"{block.where} ended: {process.tail()}"
            return block.options["until"] in process.text()

        wait_until(has_said_it, f"{block.options['until']!r} of {block.where}")
        return process.text()

    def _stop_unit(self, place: Path, unit: str) -> None:
        subprocess.run(
            ["systemctl", "stop", unit], env=self._environment(place), check=True, timeout=LIMIT_S,
            executable=STAND_INS / "systemctl",
        )  # fmt: skip
