"""A host sleeps and is woken, by a person and by work (SEMANTICS 12.3)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.test_system_job import afcmd
from harness.processes import Farm, wait_until

pytestmark = pytest.mark.e2e
MAC = "52:54:00:12:34:56"


@pytest.fixture
def packets() -> Iterator[socket.socket]:
    """Where magic packets arrive."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        yield receiver


def words(farm: Farm, name: str) -> list[str]:
    renders = farm.ask({"get": {"type": "renders"}})["renders"]
    return next(one["state"].split() for one in renders if one["name"] == name)


def test_sleep_and_wake(
    real: Farm, tmp_path: Path, packets: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = packets.getsockname()[1]
    wake = f"wolwake --address 127.0.0.1 --port {port} --count 1"
    afcmd(real, "config", "set", "af_render_cmd_wolwake", wake)
    real.start_render("waker", "--max-tasks", "0")
    monkeypatch.setenv("AF_RENDER_MACS", MAC)
    # The host "falls asleep": its agent is gone in a moment.
    monkeypatch.setenv("AF_RENDER_CMD_WOLSLEEP", "kill -9 $PPID")
    real.start_render("sleeper")
    afcmd(real, "renders", "sleep", "sleeper")
    wait_until(lambda: "WSL" in words(real, "sleeper"), "sleep")
    # What is read may be a moment ahead of the disk (R33): an answered edit confirms it.
    afcmd(real, "renders", "set", "sleeper", "annotation=asleep")
    real.renders["sleeper"].popen.wait()
    assert real.server is not None
    real.server.kill9()
    real.start_server()
    assert "WSL" in words(real, "sleeper")
    wait_until(lambda: "ONL" in words(real, "waker"), "the waker")
    afcmd(real, "renders", "wake", "sleeper")
    assert packets.recv(1024) == b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) * 16
    assert "WWK" in words(real, "sleeper")
    real.wait_task(1, 1, 0, "DON")
    assert "sleeper" in real.output(1, 1, 0)
    real.start_render("sleeper")
    assert not {"WSL", "WWK", "WFL"} & set(words(real, "sleeper"))
    # Work that only it could do wakes it.
    afcmd(real, "rsleep", "sleeper")
    wait_until(lambda: "WSL" in words(real, "sleeper"), "sleep")
    real.renders["sleeper"].popen.wait()
    job = real.submit({"tasks": [{"name": "t", "command": "true"}], "hosts_mask": "sleeper"})
    assert packets.recv(1024).startswith(b"\xff" * 6)
    real.start_render("sleeper")
    real.wait_job(job, "DON")


def test_restart_and_launch(real: Farm, tmp_path: Path) -> None:
    render = real.start_render("a")
    go = tmp_path / "go"
    job = real.submit(
        {"tasks": [{"name": "t", "command": f"while [ ! -e {go} ]; do sleep 0.05; done"}]}
    )
    real.wait_task(job, 0, 0, "RUN")
    seen = render.log.stat().st_size
    afcmd(real, "renders", "restart", "a")
    render.wait_line("afrender: a registered", after=seen)
    action = {
        "type": "renders", "mask": "a", "user_name": "anna", "host_name": "desk",
        "operation": {"type": "launch_cmd", "cmd": f"touch {go}"},
    }  # fmt: skip
    assert json.dumps(real.ask({"action": action})).find("error") < 0
    real.wait_job(job, "DON")
    assert len(real.story(job)["runs"]) == 1
