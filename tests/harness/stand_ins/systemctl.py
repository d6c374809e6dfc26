"""``systemctl`` for the pages of the documentation: it runs our unit files without systemd.

Command lines, environment files, the state folder, TERM and ExecReload are taken from the unit, as
systemd would; the root of the file system is ``STAND_IN_ROOT``. After a start it waits until the
program says on its output that it works, so that the next line of a page meets no race.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from harness.units import read_unit

ROOT = Path(os.environ["STAND_IN_ROOT"])
READY = re.compile(r"^afserver: ready on |^afrender: \S+ registered with ", re.MULTILINE)
LIMIT_S = 60.0


def main(words: list[str]) -> int:
    now = "--now" in words
    verb, *units = [word for word in words if not word.startswith("--")]
    for unit in (name.removesuffix(".service") for name in units):
        service = read_unit(ROOT / "etc/systemd/system" / f"{unit}.service")["Service"]
        if verb == "start" or (verb == "enable" and now):
            start(unit, service)
        elif verb == "stop" or (verb == "disable" and now):
            stop(unit)
        elif verb == "restart":
            stop(unit)
            start(unit, service)
        elif verb == "reload":
            log = ROOT / "run" / f"{unit}.log"
            seen = log.stat().st_size
            command = service["ExecReload"].replace("$MAINPID", str(pid_of(unit)))
            subprocess.run(shlex.split(command), check=True)
            wait_ready(unit, seen)
        elif verb not in ("enable", "status"):
            raise SystemExit(f"systemctl {verb} has no stand-in")
    return 0


def environment(service: dict[str, str]) -> dict[str, str]:
    """This one, the unit's file, and its state folder."""
    env = dict(os.environ)
    file = ROOT / service["EnvironmentFile"].lstrip("-/")
    if file.exists():
        for line in file.read_text().splitlines():
            name, _, value = line.partition("=")
            env[name] = value
    state = ROOT / "var/lib" / service["StateDirectory"]
    state.mkdir(parents=True, exist_ok=True)
    env["STATE_DIRECTORY"] = str(state)
    return env


def arguments(line: str, env: dict[str, str]) -> list[str]:
    """``${NAME}`` is put in as it is, ``$NAME`` as words (systemd.service(5))."""
    words: list[str] = []
    for word in line.split():
        if re.fullmatch(r"\$\w+", word):
            words += env.get(word[1:], "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda found: env.get(found[1], ""), word))
    return [str(ROOT / words[0].lstrip("/")), *words[1:]]


def start(unit: str, service: dict[str, str]) -> None:
    env = environment(service)
    log = ROOT / "run" / f"{unit}.log"
    seen = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments(service["ExecStart"], env),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, env=env, cwd=ROOT,
        )  # fmt: skip
    (ROOT / "run" / f"{unit}.pid").write_text(str(process.pid))
    wait_ready(unit, seen)


def wait_ready(unit: str, seen: int) -> None:
    log = ROOT / "run" / f"{unit}.log"
    deadline = time.monotonic() + LIMIT_S
    while not READY.search(text := log.read_bytes()[seen:].decode(errors="replace")):
        if time.monotonic() > deadline or not alive(pid_of(unit)):
            raise SystemExit(f"{unit} does not run:\n{text}")
        time.sleep(0.02)


def stop(unit: str) -> None:
    pid = pid_of(unit)
    if alive(pid):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + LIMIT_S
    while alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise SystemExit(f"{unit} did not end")
        time.sleep(0.02)
    (ROOT / "run" / f"{unit}.pid").unlink(missing_ok=True)


def pid_of(unit: str) -> int:
    file = ROOT / "run" / f"{unit}.pid"
    return int(file.read_text()) if file.exists() else 0


def alive(pid: int) -> bool:
    """Whether it runs; whoever has become its parent may not have asked for its status yet."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return pid > 0 and text.rpartition(")")[2].split()[0] not in ("Z", "X")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
