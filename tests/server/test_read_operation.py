"""What an operation is on, and how: read whole, or refused (R49)."""

from __future__ import annotations

from typing import Any

import pytest

from afanasy.core.effects import InstructRender
from afanasy.core.tasks import Code
from afanasy.model.errors import UserError
from afanasy.model.reading import Reader
from afanasy.server.change.action import act
from afanasy.server.change.read_operation import operation_alone
from afanasy.server.matcher import Masks
from harness.farm import StoryFarm


def action(farm: StoryFarm, *, strict: bool = False, **members: Any) -> dict[str, Any]:
    request = {"user_name": "anna", "host_name": "desk", "type": "jobs", **members}
    reader = Reader(strict=strict)
    try:
        return act(farm.core, request, reader, Masks(), farm.apply)
    except UserError as error:
        return {"info": {"kind": "error", "text": error.classic()}}


def done(farm: StoryFarm, n: int) -> Any:
    """A job whose tasks are done."""
    job = farm.submit(n)
    farm.operate_tasks(job.blocks[0], "done")
    return job


def restarted(farm: StoryFarm, job: Any) -> list[int]:
    codes = farm.codes(job.blocks[0])
    return [task for task, code in enumerate(codes) if code == Code.READY]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "selection",
    [
        {"task_ids": "x"},
        {"task_ids": 1},
        {"task_ids": None},
        {"task_ids": {"1": 2}},
        {"task_ids": ["x"]},
        {"task_ids": [1.0]},
        {"task_ids": [True]},
        {"task_ranges": "1-2"},
        {"task_ranges": {"1": 2}},
        {"task_ranges": [[1]]},
        {"task_ranges": [[1, "2", 3]]},
        {"task_ranges": [[False, 2]]},
        {"task_ranges": [5]},
    ],
)
def test_a_selection_that_cannot_be_read_is_refused(
    farm: StoryFarm, selection: dict[str, Any], strict: bool
) -> None:
    """It restarted the whole block."""
    job = done(farm, 5)
    operation = {"type": "restart", "mode": "downstream", **selection}
    answer = action(farm, strict=strict, ids=[job.id], block_ids=[0], operation=operation)
    assert answer["info"]["kind"] == "error"
    assert answer["count"] == 0
    assert restarted(farm, job) == []
    if strict:
        (member,) = selection
        assert answer["error"]["field"].startswith(f"operation.{member}")


def test_one_element_that_is_no_number_is_left_out(farm: StoryFarm) -> None:
    job = done(farm, 5)
    operation = {"type": "restart", "task_ids": [1, "x", 3, None]}
    answer = action(farm, ids=[job.id, "y"], block_ids=[0, 2.5], operation=operation)
    assert restarted(farm, job) == [1, 3]
    assert answer["warnings"] == [
        "action.ids[1]: must be int, not str; ignored",
        "action.block_ids[1]: must be int, not float; ignored",
        "operation.task_ids[1]: must be int, not str; ignored",
        "operation.task_ids[3]: must be int, not null; ignored",
    ]
    answer = action(farm, strict=True, ids=[job.id], block_ids=[0], operation=operation)
    assert answer["error"]["field"] == "operation.task_ids[1]"


def test_an_empty_selection_is_everything(farm: StoryFarm) -> None:
    job = done(farm, 3)
    action(farm, ids=[job.id], block_ids=[0], operation={"type": "restart", "task_ids": []})
    assert restarted(farm, job) == [0, 1, 2]


@pytest.mark.parametrize("ids", ["x", ["x"], None, 5])
def test_ids_that_cannot_be_read_do_not_leave_it_to_the_mask(farm: StoryFarm, ids: Any) -> None:
    job = done(farm, 1)
    for members in ({"ids": ids}, {"serials": ids}):
        operation = {"type": "restart"}
        answer = action(farm, mask=".*", operation=operation, **members)
        (member,) = members
        assert answer["info"]["kind"] == "error"
        assert answer["info"]["text"].startswith(f"action.{member}: must be a list of whole num")
    assert restarted(farm, job) == []
    action(farm, mask=job.spec.name, ids=[], operation={"type": "restart"})
    assert restarted(farm, job) == [0]


def test_tasks_are_not_chosen_on_a_whole_job(farm: StoryFarm) -> None:
    job = done(farm, 5)
    for selection in ({"task_ids": [1]}, {"task_ranges": [[1, 2]]}):
        answer = action(farm, ids=[job.id], operation={"type": "restart", **selection})
        (member,) = selection
        rule = f"operation.{member}: an operation on a job is on all of its tasks"
        assert answer["info"]["text"].startswith(rule)
    assert restarted(farm, job) == []


@pytest.mark.parametrize(
    ("mode", "rule"),
    [
        ("sideways", "must be affect_depends, both or downstream, not 'sideways'"),
        (5, "must be affect_depends, both or downstream, not int"),
    ],
)
@pytest.mark.parametrize("blocks", [{}, {"block_ids": [0]}])
def test_a_mode_that_nobody_knows(
    farm: StoryFarm, mode: object, rule: str, blocks: dict[str, Any]
) -> None:
    """Ignored, it does less than was meant; that is said."""
    job = done(farm, 2)
    operation = {"type": "restart", "mode": mode}
    strict = action(farm, strict=True, ids=[job.id], operation=operation, **blocks)
    assert (strict["error"]["field"], strict["error"]["message"]) == ("operation.mode", rule)
    assert restarted(farm, job) == []
    answer = action(farm, ids=[job.id], operation=operation, **blocks)
    assert answer["warnings"] == [f"operation.mode: {rule}; ignored"]
    assert restarted(farm, job) == [0, 1]


def test_a_mode_where_there_is_none(farm: StoryFarm) -> None:
    job = farm.submit(1)
    operation = {"type": "pause", "mode": "downstream"}
    answer = action(farm, ids=[job.id], operation=operation)
    assert answer["warnings"] == ["operation.mode: pause has no mode; ignored"]
    assert job.off


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("jobs", {"type": "pause"}),
        ("renders", {"type": "heal_sick"}),
        ("renders", {"type": "launch_cmd", "cmd": "true", "exit": True}),
        ("renders", {"type": "tickets", "name": "a", "count": 1, "host": True, "max_hosts": -1}),
        ("pools", {"type": "farm", "mode": "service_add", "name": "nuke"}),
        ("pools", {"type": "tickets", "name": "a", "count": 1, "host": False, "max_hosts": 2}),
        ("users", {"type": "move_jobs_top", "jids": []}),
        ("branches", {"type": "delete_done_jobs"}),
    ],
)
def test_members_of_operations(farm: StoryFarm, kind: str, operation: dict[str, Any]) -> None:
    """Each has its own; others are warned of."""
    farm.render("a")
    job = farm.submit(1)
    mask = {"jobs": job.spec.name, "renders": "a", "users": "anna"}.get(kind, "/")
    assert "warnings" not in action(farm, type=kind, mask=mask, operation=operation)
    assert "error" not in action(farm, strict=True, type=kind, mask=mask, operation=operation)
    operation = {**operation, "frobnicate": 1}
    answer = action(farm, type=kind, mask=mask, operation=operation)
    assert answer["warnings"] == ["operation.frobnicate: no such member; ignored"]
    strict = action(farm, strict=True, type=kind, mask=mask, operation=operation)
    assert strict["error"]["field"] == "operation.frobnicate"
    farm.take(InstructRender)


def test_a_number_of_hosts_is_not_each_hosts(farm: StoryFarm) -> None:
    operation = {"type": "tickets", "name": "a", "count": 3, "host": True, "max_hosts": 2}
    strict = action(farm, strict=True, type="pools", mask="/", operation=operation)
    assert strict["error"]["field"] == "operation.max_hosts"
    assert farm.core.pools["/"].spec.tickets_host == {}
    answer = action(farm, type="pools", mask="/", operation=operation)
    assert answer["warnings"][0].startswith("operation.max_hosts: ")
    assert farm.core.pools["/"].spec.tickets_host == {"a": 3}


@pytest.mark.parametrize("blocks", [{}, {"block_ids": [0]}])
def test_giving_up_what_a_lost_host_may_run(farm: StoryFarm, blocks: dict[str, Any]) -> None:
    """The answer warns (R8); a question changes nothing."""
    farm.render("a")
    job = farm.submit(blocks=[{"frames": 1, "on_lost_render": "hold"}])
    farm.start(1)
    farm.drop_link(farm.core.renders["a"])
    operation = {"type": "restart", "ask": True}
    asked = action(farm, strict=True, ids=[job.id], operation=operation, **blocks)
    assert "the render a may still run it" in asked["warnings"][0]
    assert asked["count"] == 0
    assert farm.codes(job.blocks[0])[0] == Code.RECONNECT
    assert not job.blocks[0].open[0].stop_cause
    answer = action(farm, strict=True, ids=[job.id], operation={"type": "restart"}, **blocks)
    assert answer["warnings"] == asked["warnings"]
    assert job.blocks[0].open[0].stop_cause == "restart"


@pytest.mark.parametrize("name", ["pause", "start", "reset_error_hosts"])
def test_no_question_where_nothing_is_stopped(farm: StoryFarm, name: str) -> None:
    job = farm.submit(1)
    answer = action(farm, strict=True, ids=[job.id], operation={"type": name, "ask": True})
    assert answer["error"]["field"] == "operation.ask"
    assert job.log == []


def declare(farm: StoryFarm, **members: Any) -> dict[str, Any]:
    operation = {"type": "tickets", "name": "t", **members}
    return action(farm, strict=True, type="pools", mask="/", operation=operation)


def test_what_is_not_said_of_a_ticket_stays(farm: StoryFarm) -> None:
    """As the limit of a service: the number of tasks and that of hosts are two things."""
    spec = farm.core.pools["/"].spec
    declare(farm, count=5, max_hosts=1)
    declare(farm, count=6)
    assert spec.tickets_pool == {"t": (6, 1)}
    declare(farm, max_hosts=2)
    assert spec.tickets_pool == {"t": (6, 2)}
    declare(farm, count=-1)
    assert spec.tickets_pool == {"t": (-1, 2)}
    declare(farm, max_hosts=-1)
    assert spec.tickets_pool == {}
    declare(farm, count=3)
    assert spec.tickets_pool == {"t": (3, -1)}


@pytest.mark.parametrize("members", [{}, {"host": True}, {"host": True, "max_hosts": -1}])
def test_a_ticket_without_a_number(farm: StoryFarm, members: dict[str, Any]) -> None:
    answer = declare(farm, **members)
    assert answer["error"]["field"] == "operation.count"
    assert answer["info"]["text"] == "Ticket 'count' integer is not specified."


def test_flags_are_true_or_false(farm: StoryFarm) -> None:
    """A ticket of each host would have become one of the farm."""
    operation = {"type": "tickets", "name": "a", "count": 3, "host": "yes"}
    strict = action(farm, strict=True, type="pools", mask="/", operation=operation)
    assert strict["error"]["field"] == "operation.host"
    assert farm.core.pools["/"].spec.tickets_pool == {}
    answer = action(farm, type="pools", mask="/", operation=operation)
    assert answer["warnings"] == ["operation.host: must be bool, not str; ignored"]


@pytest.mark.parametrize("kind", ["jobs", "blocks", "renders", "users", "pools", "branches"])
def test_unknown_params_of_all_nodes(farm: StoryFarm, kind: str) -> None:
    farm.render("a")
    farm.render("b")
    job = farm.submit(1)
    mask = {"renders": ".*", "users": "anna", "pools": "/", "branches": "/"}.get(kind)
    blocks = {"block_ids": [0]} if kind == "blocks" else {}
    answer = action(
        farm,
        type="jobs" if mask is None else kind,
        mask=mask or job.spec.name,
        params={"max_tasks": 5, "foo": 1, "annotation": "x"},
        **blocks,
    )
    said = [warning.partition(", did")[0].partition(";")[0] for warning in answer["warnings"]]
    assert said == ["params.max_tasks: no such member", "params.foo: no such member"]
    assert answer["count"] >= 1


def test_a_ticket_of_less_than_none_goes(farm: StoryFarm) -> None:
    """SEMANTICS 2.4."""
    job = farm.submit(blocks=[{"tickets": {"a": 1, "b": 2}}])
    params = {"tickets": {"a": -1, "c": 3}}
    action(farm, ids=[job.id], block_ids=[0], params=params)
    assert job.blocks[0].spec.tickets == {"b": 2, "c": 3}
    farm.check_restored()


def test_refusals_that_are_ours_name_the_field(farm: StoryFarm) -> None:
    """R36, R49: in classic answers too."""
    farm.submit(1, user="anna")
    for params, field in (
        ({"annotation": "a\0b"}, "params.annotation"),
        ({"hosts_mask": "("}, "params.hosts_mask"),
        ({"hosts_mask": "r" * 65_537}, "params.hosts_mask"),
        ({"hosts_mask_exclude": "r.*" * 400}, "params.hosts_mask_exclude"),
    ):
        answer = action(farm, type="users", mask="anna", params=params)
        assert answer["info"]["kind"] == "error"
        assert answer["info"]["text"].startswith(f"{field}: ")
    assert farm.core.users["anna"].spec.hosts_mask == ""


def test_a_new_type_reads_the_masks_that_are_there(farm: StoryFarm) -> None:
    """A list of prefixes can be too long for a regular expression, which would match nobody."""
    long = "|".join(f"r{n}.local" for n in range(200))
    job = farm.submit(blocks=[{"hosts_mask": long}], job={"hosts_mask_type": "find"})
    answer = action(farm, ids=[job.id], params={"hosts_mask_type": "regex"})
    assert answer["info"]["text"].startswith("job.blocks[0].hosts_mask: the mask has ")
    assert job.spec.hosts_mask_type == "find"
    params = {"hosts_mask": long}
    action(farm, type="users", mask="anna", params=params)
    answer = action(farm, type="users", mask="anna", params={"hosts_mask_type": "regex"})
    assert answer["info"]["kind"] == "error"
    assert farm.core.users["anna"].spec.hosts_mask_type == ""


def test_pools_that_are_not_there_are_said(farm: StoryFarm) -> None:
    job = farm.submit(1)
    answer = action(farm, ids=[job.id], params={"pools": {"/nosuch": 300, "/": 5}})
    assert answer["warnings"] == [
        'params.pools["/nosuch"]: no pool has that name,'
        " and nothing starts outside of those that do"
    ]
    assert job.spec.pools == {"/nosuch": 100, "/": 5}


# ------------------------------------------------------------------- members of the action itself


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("member", "hint"),
    [
        ({"task_ids": [0]}, "put task_ids into operation, and block_ids beside it"),
        ({"task_ranges": [[0, 1]]}, "put task_ranges into operation, and block_ids beside it"),
        ({"tasks": [0]}, "put tasks into operation, and block_ids beside it"),
        ({"task_id": 0}, "task_ids or task_ranges of the operation"),
        ({"block": "a"}, "block_ids or block_mask"),
        ({"ask": True}, "put ask into operation"),
    ],
)
@pytest.mark.parametrize("blocks", [{}, {"block_ids": [0]}])
def test_a_selection_in_the_wrong_place_is_refused(
    farm: StoryFarm, member: dict[str, Any], hint: str, blocks: dict[str, Any], strict: bool
) -> None:
    """It skipped the whole block, or did what was only to be asked."""
    job = done(farm, 3)
    request = {"ids": [job.id], "operation": {"type": "restart"}, **blocks, **member}
    answer = action(farm, strict=strict, **request)
    assert answer["info"]["kind"] == "error"
    (name,) = member
    assert answer["info"]["text"].startswith(f"action.{name}: ")
    assert hint in answer["info"]["text"]
    assert restarted(farm, job) == []


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("member", [{"block_ids": [0]}, {"block_mask": "b"}, {"tasks": [1]}])
@pytest.mark.parametrize("blocks", [{}, {"block_ids": [0]}])
def test_blocks_named_in_the_operation_are_refused(
    farm: StoryFarm, member: dict[str, Any], blocks: dict[str, Any], strict: bool
) -> None:
    """It was on the whole job."""
    job = done(farm, 2)
    operation = {"type": "restart", **member}
    answer = action(farm, strict=strict, ids=[job.id], operation=operation, **blocks)
    (name,) = member
    assert answer["info"]["text"].startswith(f"operation.{name}: ")
    assert restarted(farm, job) == []


def test_nodes_without_tasks_are_not_told_to_name_them(farm: StoryFarm) -> None:
    farm.render("a")
    operation = {"type": "eject_tasks"}
    answer = action(farm, type="renders", mask="a", task_ids=[0], operation=operation)
    assert "action.task_ids" in answer["info"]["text"]
    assert "only actions on jobs have them" in answer["info"]["text"]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("jobs", {"mask": ".*", "block_ids": [0]}),
        ("jobs", {"mask": ".*"}),
        ("renders", {"mask": "a"}),
        ("users", {"mask": "anna"}),
        ("pools", {"mask": "/"}),
        ("branches", {"mask": "/"}),
    ],
)
def test_unknown_members_of_actions(farm: StoryFarm, kind: str, members: dict[str, Any]) -> None:
    farm.render("a")
    farm.submit(1)
    request = {"type": kind, "params": {"priority": 7}, **members}
    assert "warnings" not in action(farm, **request)
    for name, more in (("frob", ""), ("mode", ", put mode into operation")):
        answer = action(farm, **request, **{name: "downstream"})
        said = f"action.{name}: no such member{more}; ignored"
        assert said in answer["warnings"]
        assert answer["count"] == action(farm, **request)["count"]
    with pytest.raises(UserError) as caught:
        act(
            farm.core, {"user_name": "a", "host_name": "d", "mode": 1, **request},
            Reader(strict=True), Masks(), farm.apply,
        )  # fmt: skip
    assert (caught.value.code, caught.value.field) == ("unknown_field", "action.mode")


def test_unknown_members_of_an_action_on_settings(farm: StoryFarm) -> None:
    operation = {"type": "set", "values": {"af_priority": 50}}
    answer = action(farm, type="config", ids=[1], operation=operation)
    assert answer["warnings"] == ["action.ids: no such member; ignored"]
    strict = action(farm, strict=True, type="limits", frob=1, operation={"type": "unset"})
    assert strict["info"]["text"] == "no such member"


@pytest.mark.parametrize(
    ("kind", "operation", "said"),
    [
        ("config", {"type": "set", "values": {}, "value": 5}, "operation.value: no such member"),
        ("config", {"type": "unset", "values": {}}, "unset has keys"),
        ("limits", {"type": "set", "name": "nuke", "max": 3}, "set has max_count, max_hosts, name"),
        ("limits", {"type": "unset", "name": "nuke", "max_count": 3}, "unset has name"),
        ("farm", {"type": "reload", "file": "/tmp/x"}, "operation.file: no such member"),
        ("farm", {"type": "read"}, "the farm file has no operation 'read'"),
        ("farm", {}, "there is reload"),
        ("limits", [], "limits are changed by an operation"),
    ],
)
def test_nothing_is_guessed_of_an_operation_without_nodes(
    kind: str, operation: Any, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        operation_alone({"operation": operation}, kind)
    assert said in caught.value.sentence()


@pytest.mark.parametrize("value", [None, {}, []])
def test_rules_say_what_json_calls_it(farm: StoryFarm, value: object) -> None:
    shown = {"NoneType": "null", "dict": "object", "list": "array"}[type(value).__name__]
    job = farm.submit(1)
    operation = {"type": "restart", "mode": value}
    answer = action(farm, ids=[job.id], operation=operation)
    assert answer["warnings"] == [
        f"operation.mode: must be affect_depends, both or downstream, not {shown}; ignored"
    ]
    answer = action(farm, ids=[job.id], operation={"type": "delete", "ask": value})
    assert answer["warnings"] == [f"operation.ask: must be bool, not {shown}; ignored"]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("what", ["blocks", "tasks"])
def test_appending_names_the_bad_element(farm: StoryFarm, what: str, strict: bool) -> None:
    job = farm.submit(commands=["true"])
    good = {"flags": 1, "frame_first": 1, "frame_last": 2} if what == "blocks" else {"name": "t"}
    chosen = {} if what == "blocks" else {"block_ids": [0]}
    operation = {"type": f"append_{what}", what: [good, 5]}
    answer = action(farm, strict=strict, ids=[job.id], operation=operation, **chosen)
    assert answer["info"]["text"] == f"operation.{what}[1]: must be an object (send {{…}})"
    assert (len(job.blocks), len(farm.codes(job.blocks[0]))) == (1, 1)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ["", "A=", "=A", "="])
def test_names_that_no_process_can_be_given(farm: StoryFarm, name: str, strict: bool) -> None:
    """Each start would fail, and count as an error of the host."""
    job = farm.submit(commands=["true"])
    bad = {"environment": {"GOOD": "1", name: "x"}}
    numeric = {"flags": 1, "frame_first": 1, "frame_last": 2}
    for where, members in (
        ("params", {"block_ids": [0], "params": bad}),
        ("operation.tasks[0]",
         {"block_ids": [0], "operation": {"type": "append_tasks", "tasks": [bad]}}),
        ("operation.blocks[0]",
         {"operation": {"type": "append_blocks", "blocks": [{**numeric, **bad}]}}),
    ):  # fmt: skip
        answer = action(farm, strict=strict, ids=[job.id], **members)
        assert answer["info"]["kind"] == "error"
        assert answer["info"]["text"].startswith(f'{where}.environment["{name}"]: ')
        if strict:
            assert answer["error"]["code"] == "bad_variable"
    assert job.blocks[0].spec.environment == {}
    assert (len(job.blocks), len(farm.codes(job.blocks[0]))) == (1, 1)
