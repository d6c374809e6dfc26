"""A workstation by the week on a real farm (R65): set, shown, explained, refused, switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.processes import Farm
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e

#: No test knows what day it is.
ALWAYS = "mon-sun 00:00-24:00 NIMBY"
FILE = """<farm>
<pattern name="desks">
  <nimby_schedule>mon-sun 00:00-24:00
     NIMBY</nimby_schedule>
  <service name="generic"/>
</pattern>
</farm>
"""


def states(at: Terminal) -> list[str]:
    return at.data("render", "desk7")["render"]["state"].split()


def test_a_week_is_set_shown_explained_and_switched_off(real: Farm, tmp_path: Path) -> None:
    at = Terminal(real)
    real.start_render("desk7")
    error = at.say("renders", "set", "desk7", "nimby_schedule=mon-fri 9-19 nimby", code=2)
    assert "nimby_schedule: '9' in 'mon-fri 9-19 nimby' is no time" in error
    assert "as mon-fri 09:00-19:00 nimby" in error
    at.say("pools", "set", "/", f"nimby_schedule={ALWAYS}")
    assert "NBY" in at.say("renders")
    shown = at.say("render", "desk7")
    assert f"{ALWAYS} (NIMBY now)" in shown
    assert "by schedule since " in shown
    assert "pool /" in at.say("farm", "check", "desk7").split("nimby_schedule")[1].split("\n")[0]
    job = real.submit({"tasks": [{"name": "t", "command": "true"}]})
    assert f"NIMBY by schedule ({ALWAYS}): takes no tasks" in at.say("why", str(job))
    # A restart knows it; none of its own is the operator's word.
    assert real.server is not None
    real.server.kill9()
    real.start_server()
    assert "NBY" in states(at)
    at.say("renders", "set", "desk7", "nimby_schedule=none")
    real.wait_job(job, "DON")
    at.say("pools", "set", "/", "nimby_schedule=")
    at.say("renders", "set", "desk7", "nimby_schedule=")
    assert "NBY" not in states(at)
    # The farm file.
    (real.folder / "server" / "farm.xml").write_text(FILE)
    at.say("farm", "reload")
    assert "NBY" in states(at)
    assert at.data("render", "desk7")["render"]["schedule"] == {
        "text": ALWAYS, "says": "NIMBY", "until": 0,
    }  # fmt: skip
    assert ALWAYS in at.say("farm", "show")


def test_the_clocks_of_the_farm(real: Farm) -> None:
    at = Terminal(real)
    error = at.say("config", "set", "af_timezone", "Europe/Nowhere", code=2)
    assert "there is no time zone 'Europe/Nowhere'" in error
    at.say("config", "set", "af_timezone", "Asia/Kathmandu")
    real.start_render("desk7")
    # Noon is at another time there than in UTC: whatever the time is, one of the two differs.
    at.say("renders", "set", "desk7", "nimby_schedule=mon-sun 00:00-12:00 nimby; "
           "mon-sun 12:00-24:00 NIMBY")  # fmt: skip
    ends = {at.data("render", "desk7")["render"]["schedule"]["until"] % 86400}
    at.say("config", "set", "af_timezone", "UTC")
    ends |= {at.data("render", "desk7")["render"]["schedule"]["until"] % 86400}
    assert ends <= {22_500, 65_700, 0, 43_200}  # 12:00 there is 6:15 of UTC
    assert len(ends) == 2
