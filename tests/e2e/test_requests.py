"""Requests with mistakes in them, at a real server: what is done, refused and said (R49)."""

from __future__ import annotations

from typing import Any

import pytest

from harness.processes import Farm
from harness.terminal_user import Terminal

pytestmark = pytest.mark.e2e


def job(**members: Any) -> dict[str, Any]:
    block = {"name": "b", "service": "generic", "tasks": [{"command": "true"}]}
    block.update(members.pop("block", {}))
    return {"job": {"name": "j", "user_name": "anna", "blocks": [block], **members}}


def act(real: Farm, kind: str, mask: str, **members: Any) -> Any:
    who = {"user_name": "anna", "host_name": "desk"}
    return real.ask({"action": {**who, "type": kind, "mask": mask, **members}})


def test_requests_with_mistakes(real: Farm) -> None:
    # A mask is never lost on the way: the job would run anywhere.
    hosts = "|".join(f"render{n:03}" for n in range(120))
    answer = real.ask(job(hosts_mask=hosts, offline=True))
    assert real.job(answer["id"])["hosts_mask"] == hosts
    for member, mask in (
        ("hosts_mask", "r" * 65_537), ("depend_mask_global", "a.*" * 334), ("need_os", "x" * 1001),
    ):  # fmt: skip
        answer = real.ask(job(**{member: mask}))
        assert (answer["id"], answer["serial"]) == (0, 0)
        assert answer["error"].startswith(f"job.{member}: ")
    # One bad element costs no other; what is not there is said.
    first = real.ask(job(offline=True))
    answer = real.ask(
        job(
            depend_jobs=[first["serial"], "x"],
            pools={"/nosuch": 100, "x": "a"},
            branch="/film/s1",
            hosts_mask=" ",
            solve_method="foo",
            block={"tickets": {"rlm": "x", "foo": 3}},
        )
    )
    fields = [warning.partition(": ")[0] for warning in answer["warnings"]]
    assert fields == [
        "job.depend_jobs[1]", 'job.pools["x"]', "job.hosts_mask", "job.solve_method",
        'job.blocks[0].tickets["rlm"]', "job.branch", "job.blocks[0].tickets",
        'job.pools["/nosuch"]',
    ]  # fmt: skip
    view = real.job(answer["id"])
    assert "WDP" in view["state"]
    assert "hosts_mask" not in view
    assert view["solve_method"] == "solve_order"
    assert view["branch"] == "/film"
    # Users: masks as they will be read, addresses, words.
    user = {"name": "ben", "email": "not an address\r\nBcc: x@y", "webhook": "ftp://x", "foo": 1}
    answer = real.ask({"user": user})
    assert [warning.partition(": ")[0] for warning in answer["warnings"]] == [
        "user.email", "user.webhook", "user.foo",
    ]  # fmt: skip
    answer = real.ask({"user": {"name": "eve", "hosts_mask": "(", "hosts_mask_type": "regex"}})
    assert answer["error"].startswith("user.hosts_mask: ")
    act(real, "users", "anna", params={"hosts_mask_type": "regex"})
    long = "|".join(f"r{n}.local" for n in range(200))
    assert real.ask(job(hosts_mask=long))["error"].startswith("job.hosts_mask: ")
    # Refusals that are ours name the field in classic answers, too.
    answer = act(real, "users", "anna", params={"annotation": "a\0b"})
    assert answer["info"]["text"].startswith("action.params.annotation: ")


def test_values_on_the_command_line(real: Farm) -> None:
    """Lists are split, an empty value clears, and what has no place is refused."""
    at = Terminal(real)
    real.start_render("r2")
    at.say("set", "--render", "r2", "services=generic,nuke maya")
    (render,) = real.ask({"get": {"type": "renders", "mask": "r2"}})["renders"]
    assert render["services"] == ["generic", "nuke", "maya"]
    ident = real.submit({"name": "b", "tasks": [{"command": "true"}]}, offline=True)

    def tickets() -> dict[str, int]:
        return real.job(ident)["blocks"][0].get("tickets", {})

    at.say("set", f"{ident}.b", "tickets=a:1 b:2;c:3")
    assert tickets() == {"a": 1, "b": 2, "c": 3}
    at.say("set", f"{ident}.b", "tickets=a:-1")
    assert tickets() == {"b": 2, "c": 3}
    at.say("set", f"{ident}.b", "tickets=")
    assert tickets() == {}
