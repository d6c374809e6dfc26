"""Orders to the agent itself: restart, sleep, reboot, launch (SEMANTICS 8.5, R11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from afanasy.model.states import RunEnd
from afanasy.render.resources import interfaces
from afanasy.wire.stream import Bye, Instruct
from harness.processes import wait_until
from render.stand import StandRender, StandServer, gone

pytestmark = pytest.mark.e2e


def test_restart_leaves_the_tasks_running(server: StandServer, render: StandRender) -> None:
    run = server.start("echo pid $$; while [ ! -e go ]; do sleep 0.05; done; echo done")
    server.wait_output(run, b"pid ")
    pid = int(server.text(run).split()[1])
    server.send(Instruct("restart"))
    assert [held.run for held in server.wait_registered(2).runs] == [run]
    assert render.process is not None
    assert render.process.poll() is None
    assert not gone(pid)
    (render.data / "runs" / str(run) / "work" / "go").touch()
    assert server.wait_finished(run).status == RunEnd.SUCCESS
    assert not [message for message in server.messages if isinstance(message, Bye)]


def test_commands_of_the_host(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    slept, told = tmp_path / "slept", tmp_path / "told"
    cold_render.boot(
        environment={
            "AF_RENDER_CMD_WOLSLEEP": f"touch {slept}",
            "AF_RENDER_CMD_REBOOT": "exit 7",
            "AF_RENDER_MACS": "52:54:00:00:00:01",
        }
    )
    hello = server.wait_registered()
    assert hello.resources["netifs"] == [{"name": "named0", "mac": "52:54:00:00:00:01"}]
    server.send(Instruct("sleep"))
    wait_until(slept.exists, "the sleep command")
    server.send(Instruct("reboot"))
    wait_until(lambda: "exit 7: ended with 7" in cold_render.log(), "the line of the reboot")
    server.send(Instruct("launch", f"echo $0 > {told}"))
    wait_until(lambda: told.exists() and told.read_text(), "the launched command")
    server.send(Instruct("dance"))
    wait_until(lambda: "'dance', which this agent does not know" in cold_render.log(), "the line")
    server.send(Instruct("launch_exit", f"sleep 1; rm {told}"))
    assert cold_render.process is not None
    assert cold_render.process.wait(30) == 0
    wait_until(lambda: not told.exists(), "what goes on after the agent")


def test_interfaces_have_what_wakes_them() -> None:
    for one in interfaces():
        assert len(str(one["mac"]).split(":")) == 6
        assert one["addresses"]
