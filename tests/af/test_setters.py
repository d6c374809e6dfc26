"""Every setter: its JSON, its guards, and its snake_case twin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import af
from harness.setters import BAD, GOOD, call


def titles(rows: list[Any]) -> list[str]:
    return [f"{row[0]}.{row[1]}-{n}" for n, row in enumerate(rows)]


@pytest.mark.parametrize(("kind", "method", "arguments", "members"), GOOD, ids=titles(GOOD))
def test_a_setter_makes_its_json(
    kind: str, method: str, arguments: list[Any], members: dict[str, Any]
) -> None:
    changed, told = call(kind, method, arguments)
    assert changed == members
    assert told == []


@pytest.mark.parametrize(("kind", "method", "arguments"), BAD, ids=titles(BAD))
def test_a_bad_value_is_ignored_with_a_warning(
    kind: str, method: str, arguments: list[Any]
) -> None:
    changed, told = call(kind, method, arguments)
    assert changed == {}
    (line,) = told
    assert line.endswith("; ignored")


#: Twins whose name is not the classic one in snake case.
OTHER_NAMES = {
    "setCmdPre": "set_command_pre",
    "setCmdPost": "set_command_post",
    "setMaxRunTasksPerHost": "set_max_running_tasks_per_host",
    "setTasksMaxRunTime": "set_task_max_run_time",
    "setNeedOS": "set_need_os",
    "setAnyOS": "set_any_os",
    "setNeedHDD": "set_need_hdd",
    "setNeedCPUCores": "set_need_cpu_cores",
    "setNeedGPUMemGB": "set_need_gpu_mem_gb",
    "setNeedCPUFreqGHz": "set_need_cpu_freq_ghz",
    "setNeedCPUFreqCores": "set_need_cpu_freq_cores",
    "setPPApproval": "set_pp_approval",
    "setPaused": "pause",
    "setOffline": "pause",
    "offline": "pause",
    "offLine": "pause",
}


def twin(method: str) -> str:
    snake = re.sub("([A-Z])", lambda match: "_" + match[0].lower(), method)
    return OTHER_NAMES.get(method, snake)


@pytest.mark.parametrize(("kind", "method", "arguments"), BAD, ids=titles(BAD))
def test_the_snake_case_twin_raises(kind: str, method: str, arguments: list[Any]) -> None:
    thing = getattr(af, kind)()
    before = dict(thing.data)
    positional = arguments[:-1] if arguments[-1] == {} else arguments
    with pytest.raises(ValueError):
        getattr(thing, twin(method))(*positional)
    assert thing.data == before


@pytest.mark.parametrize("method", sorted({row[1] for row in GOOD}))
def test_every_setter_has_a_twin(method: str) -> None:
    kinds = {row[0] for row in GOOD if row[1] == method}
    for kind in kinds:
        assert callable(getattr(getattr(af, kind), twin(method)))


def test_what_the_original_has_not() -> None:
    """These have no classic name, and raise."""
    job, block = af.Job(), af.Block()
    job.set_depend_jobs([7, "12"])
    job.set_errors_job_max(50)
    block.set_need_gpus(2)
    assert (job.data["depend_jobs"], job.data["errors_job_max"]) == ([7, 12], 50)
    assert block.data["need_gpus"] == 2
    for refused in (
        lambda: job.set_depend_jobs([0]),
        lambda: job.set_errors_job_max(-1),
        lambda: block.set_need_gpus(65),
    ):
        with pytest.raises(ValueError, match="must be at"):
            refused()


def test_the_warning_points_at_the_script() -> None:
    with pytest.warns(af.AfWarning, match="priority must be at least 0, not -3") as told:
        af.Job().setPriority(-3)
    assert told[0].filename == __file__


def test_lists_grow_with_every_call() -> None:
    block, task, job = af.Block(), af.Task(), af.Job()
    for thing in (block, task):
        thing.setFiles(["a"])
        thing.setFiles(["b"])
        thing.setEnv("A", 1)
        thing.setEnv("B", 2)
        assert thing.data["files"] == ["a", "b"]
        assert thing.data["environment"] == {"A": "1", "B": "2"}
    block.addTicket("x", 1)
    block.addTicket("y", 2)
    assert block.data["tickets"] == {"x": 1, "y": 2}
    job.tryTask(0, 1)
    job.tryTask(2, 3)
    assert job.data["try_this_blocks_num"] == [0, 2]
    assert job.data["try_this_tasks_num"] == [1, 3]
    block.skipThumbnails()
    block.setNumeric(1, 5)
    assert block.data["flags"] == 1 | 1 << 5


@pytest.mark.parametrize("name", ["", "A=", "=A", "A\0"])
def test_a_variable_that_no_process_can_be_given(name: str) -> None:
    for thing in (af.Block(), af.Task()):
        with pytest.raises(ValueError, match="environment"):
            thing.set_env(name, "x")
        with pytest.warns(af.AfWarning, match="environment"):
            thing.setEnv(name, "x")
        assert "environment" not in thing.data


def test_a_list_of_files_is_all_or_nothing() -> None:
    block = af.Block()
    with pytest.warns(af.AfWarning):
        block.setFiles(["a", 5])
    assert "files" not in block.data


def test_paths_count_as_texts() -> None:
    block = af.Block()
    block.set_working_directory(Path("/w"))
    block.setFiles([Path("/w/a.exr")])
    assert block.data["working_directory"] == "/w"
    assert block.data["files"] == ["/w/a.exr"]


def test_numbers_of_frames_are_brought_into_their_bounds() -> None:
    block = af.Block()
    with pytest.warns(af.AfWarning, match="taken as 10 to 10, 1, 1"):
        block.setNumeric(10, 1, 0, 0)
    assert block.data["frame_last"] == 10
    assert block.numeric
    with pytest.raises(ValueError, match="frame_last must be at least 10"):
        block.set_numeric(10, 1)


def test_a_block_with_tasks_does_not_become_numeric() -> None:
    block = af.Block()
    block.tasks.append(af.Task("a"))
    with pytest.warns(af.AfWarning, match="listed tasks cannot become numeric"):
        block.setNumeric(1, 5)
    assert block.data["flags"] == 0


def test_the_prefix_of_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_CMD_PREFIX", "nice ")
    block = af.Block()
    block.setCommand("nuke")
    assert block.data["command"] == "nice nuke"
    block.setCommand("nuke", False)
    assert block.data["command"] == "nuke"
    task = af.Task()
    task.setCommand("ls")
    assert task.data["command"] == "ls"


def test_the_native_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, word in (("linux", "linux"), ("darwin", "macosx"), ("win32", "windows")):
        monkeypatch.setattr("sys.platform", platform)
        job = af.Job()
        job.setNativeOS()
        assert job.data["need_os"] == word


def test_a_mask_of_the_new_setter_says_that_it_is_a_regular_expression() -> None:
    """R20: classic masks leave the type to the server."""
    job = af.Job()
    job.setHostsMask("r.*")
    assert "hosts_mask_type" not in job.data
    job.set_hosts_mask("r.*")
    assert job.data["hosts_mask_type"] == "regex"
    job.set_hosts_mask("r(1,r2", "find")
    assert (job.data["hosts_mask"], job.data["hosts_mask_type"]) == ("r(1,r2", "find")
    with pytest.raises(ValueError, match="hosts_mask_type"):
        job.set_hosts_mask("r", "glob")


def test_a_wrong_keyword_is_still_an_error_of_python() -> None:
    with pytest.raises(TypeError, match="transferToSrv"):
        af.Block().setCommand("ls", transferToSrv=True)
