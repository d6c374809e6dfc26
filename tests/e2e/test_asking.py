"""Who restarts a task that may still run is asked first, at a real terminal (R8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.processes import Farm, program, wait_until
from harness.terminal import Terminal as Screen
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e


def test_a_held_task_is_given_up_after_a_yes_and_not_before(real: Farm, tmp_path: Path) -> None:
    at = Terminal(real)
    at.say("config", "set", "af_task_reconnect_timeout", "1")
    render, began = real.start_render("a"), tmp_path / "began"
    command = f"echo x >>{began}; sleep 300"
    job = real.submit(
        {"tasks": [{"name": "1", "command": command}], "on_lost_render": "hold"},
    )
    wait_until(began.exists, "the task")
    render.kill9()
    given_up = "give it up: restart the task"
    wait_until(lambda: given_up in at.say("why", f"{job}.0", "#0"), "the hold")
    restart = [program("afcmd"), "--server", f"127.0.0.1:{real.port}", "restart", str(job)]
    for answer, says, state in (
        ("n\n", "nothing was done", "WRC"),
        ("\n", "nothing was done", "WRC"),
        ("y\n", "restart job", "RDY"),
    ):
        with Screen(restart) as screen:
            screen.wait(
                lambda screen=screen: "all the same? [y/N] " in screen.text(), "the question"
            )
            assert "may still run it" in screen.text()
            screen.keys(answer)
            assert screen.ended() == 0
            assert says in screen.text()
        assert state in real.task_state(job, 0, 0).split()
    real.start_render("a")  # ends what it still has, and gets it anew
    wait_until(lambda: began.read_text() == "x\nx\n", "the second start")
    at.say("stop", str(job))
    real.wait_job(job, "OFF")
