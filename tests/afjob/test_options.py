"""Options and the members of the job they become; and refusals, which name the option."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from .conftest import Refuse, Simulate

#: Long spelling, classic spelling ("" = none), member, its value.
JOB: list[tuple[str, str, str, Any]] = [
    ("--name shot", "-name shot", "name", "shot"),
    ("--user Anna", "", "user_name", "anna"),
    ("--project film", "", "project", "film"),
    ("--department fx", "", "department", "fx"),
    ("--annotation 'a remark'", "", "annotation", "a remark"),
    ("--branch /film", "", "branch", "/film"),
    ("--priority 50", "-priority 50", "priority", 50),
    ("--pause", "-pause", "offline", True),
    ("--os linux", "-os linux", "need_os", "linux"),
    ("--os any", "-os any", "need_os", ""),
    ("--hosts-mask 'a.*'", "-hostsmask 'a.*'", "hosts_mask", "a.*"),
    ("--hosts-mask-exclude b", "-hostsexcl b", "hosts_mask_exclude", "b"),
    ("--depend-mask x", "-depmask x", "depend_mask", "x"),
    ("--depend-mask-global y", "-depglbl y", "depend_mask_global", "y"),
    ("--max-running 5", "-maxruntasks 5", "max_running_tasks", 5),
    ("--max-per-host 1", "-maxtasksperhost 1", "max_running_tasks_per_host", 1),
    ("--life-time 7d", "-lifetime 604800", "time_life", 604800),
    ("--delete-scene", "-deletescene", "command_post", "deletefiles /p/s.nk"),
]
BLOCK: list[tuple[str, str, str, Any]] = [
    ("--by 2", "-by 2", "frames_inc", 2),
    ("--per-task 10", "-fpt 10", "frames_per_task", 10),
    ("--sequential=-1", "-seq=-1", "sequential", -1),
    ("--sequential 0", "-seq 0", "sequential", 0),
    ("--working-directory /w", "-pwd /w", "working_directory", "/w"),
    ("--capacity 500", "-capacity 500", "capacity", 500),
    ("--capacity-min 2 --capacity-max 8", "-capmin 2 -capmax 8", "capacity_coeff_max", 8),
    ("--capacity-min 2", "-capmin 2", "capacity_coeff_min", 2),
    ("--max-run-time 2h", "-maxruntime 7200", "task_max_run_time", 7200),
    ("--min-run-time 1.5m", "", "task_min_run_time", 90),
    ("--retries 0", "", "errors_retries", 0),
    ("--need-memory 2000", "", "need_memory", 2000),
    ("--need-properties gpu", "", "need_properties", "gpu"),
    ("--service mine", "", "service", "mine"),
    ("--parser -", "", "parser", "-"),
    ("--env A=1 --env B=x=y", "", "environment", {"A": "1", "B": "x=y"}),
    ("--ticket nuke=1", "", "tickets", {"nuke": 1}),
    ("--images /r/a.%04d.exr", "-images /r/a.####.exr", "files", ["/r/a.@####@.exr"]),
    ("--images /r/a.#.exr --skip-existing", "", "flags", 1 | 1 << 6),
    ("--images /r/a.#.exr --check-files", "", "flags", 1 | 1 << 7),
]


@pytest.mark.parametrize(("long", "classic", "member", "value"), JOB)
def test_options_of_the_job(
    simulate: Simulate, long: str, classic: str, member: str, value: object
) -> None:
    for words in filter(None, (long, classic)):
        assert simulate("/p/s.nk", "1", "10", *shlex.split(words))[member] == value


@pytest.mark.parametrize(("long", "classic", "member", "value"), BLOCK)
def test_options_of_the_block(
    simulate: Simulate, long: str, classic: str, member: str, value: object
) -> None:
    for words in filter(None, (long, classic)):
        (block,) = simulate("/p/s.nk", "1", "10", *shlex.split(words))["blocks"]
        assert block[member] == value


def test_a_job_without_options(simulate: Simulate, here: Path) -> None:
    job = simulate("shots/s.nk", "-3", "10")
    assert isinstance(job.pop("time_creation"), int)
    assert job == {
        "name": "s.nk", "user_name": "jimmy", "host_name": "desk", "priority": 99,
        "folders": {"input": f"{here}/shots"}, "branch": f"{here}/shots",
        "blocks": [
            {
                "name": "render", "service": "nuke", "flags": 1, "capacity": 1000,
                "working_directory": str(here), "frame_first": -3, "frame_last": 10,
                "frames_per_task": 1, "frames_inc": 1,
                "command": f"nuke -F @#@-@#@x1 -x {here}/shots/s.nk",
            }
        ],
    }  # fmt: skip


def test_options_may_stand_anywhere(simulate: Simulate) -> None:
    one = simulate("--priority", "5", "/p/s.nk", "--by", "2", "1", "10", "--node", "W")
    two = simulate("/p/s.nk", "1", "10", "--priority", "5", "--by", "2", "--node", "W")
    one.pop("time_creation")
    two.pop("time_creation")
    assert one == two


def test_classic_spellings_of_what_programs_take(simulate: Simulate) -> None:
    words = "-node W -extrargs '--cont' -exec Nuke15 -simulate"
    (block,) = simulate("/p/s.nk", "1", "2", *shlex.split(words))["blocks"]
    assert block["command"] == "Nuke15 -F @#@-@#@x1 -X W --cont -x /p/s.nk"
    (block,) = simulate("/p/s.ma", "1", "2", "-proj", "/p", "-type", "sw")["blocks"]
    assert block["command"] == "Render -r sw -s @#@ -e @#@ -b 1 -proj /p /p/s.ma"
    (block,) = simulate("/p/s.c4d", "1", "2", "-take", "A", "-output", "/r/a.png")["blocks"]
    assert block["command"].endswith("-oimage /r/a -oformat PNG -take A")


def test_folders_of_the_job_lead_people_to_scene_and_images(simulate: Simulate) -> None:
    job = simulate("/p/s.blend", "1", "2", "--output", "/r/out/a.png")
    assert job["folders"] == {"input": "/p", "output": "/r/out", "render": "/r/out"}
    assert job["branch"] == "/r/out"


@pytest.mark.parametrize(
    ("words", "option", "says"),
    [
        ("s.nk 1 10 --priority high", "--priority", "invalid int value: 'high'"),
        ("s.nk 1 10 --priority -5", "--priority", "at least 0"),
        ("s.nk 1 10 --hosts-mask '('", "--hosts-mask", "does not compile"),
        ("s.nk 1 10 --os '('", "--os", "does not compile"),
        ("s.nk 1 10 --depend-mask-global '['", "--depend-mask-global", "does not compile"),
        ("s.nk 1 10 --capacity 0", "--capacity", "at least 1"),
        ("s.nk 1 10 --capacity-min 4 --capacity-max 2", "--capacity-max", "at least 4"),
        ("s.nk 1 10 --max-run-time soon", "--max-run-time", "'soon' is no time"),
        ("s.nk 1 10 --max-run-time 0", "--max-run-time", "at least 1"),
        ("s.nk 1 10 --retries 1000", "--retries", "at most 127"),
        ("s.nk 1 10 --env A", "--env", "NAME=VALUE"),
        ("s.nk 1 10 --ticket a=x", "--ticket", "whole number"),
        ("s.nk 1 10 --by 0", "--by", "at least 1"),
        ("s.nk 1 10 --per-task 0", "--per-task", "at least 1"),
        ("s.nk 1 10 --threads 0", "--threads", "at least 1"),
        ("s.nk 10 1", "LAST", "before FIRST"),
        ("s.nk one 10", "FIRST", "invalid int value"),
        ("s.nk 1 10 --node ''", "--node", "empty"),
        ("s.nk 1 10 --name -v", "--name", "--name=VALUE"),
        ("s.nk 1 10 --skip-existing", "--skip-existing", "not known"),
        ("s.nk 1 10 --check-files", "--check-files", "not known"),
        ("s.nk 1 10 --server here:port", "--server", "no port number"),
        ("s.nk 1 10 --movie a", "--movie", "--output or --images"),
        ("s.nk 1 10 --tiles 2x2", "--tiles", "--output"),
        ("s.nk 1 10 --images /r/#.png --tiles 2x2", "--tiles", "Nuke renders no tiles"),
        ("s.nk 1 10 --images /r/#.png --tiles 2x2 --extra '-r {x0}'", "--extra", "--resolution"),
        ("s.c4d 1 10 --output /r/a.png --tiles 2x2 --extra '-r {row}'", "--tiles", "names of"),
        ("s.nk 1 10 --resolution 10x10", "--resolution", "only tiles"),
        ("s.blend 1 10 --output a.png --tiles 2x2 --stitch x", "--stitch", "oiiotool"),
        ("s.xyz 1 1 --output a.png --tiles 2x2 --command '{width}'", "--command", "--resolution"),
        ("s.#.ass 1 10 --output a.exr --tiles 2x2", "--tiles", "--resolution"),
        ("s.#.ass 1 10 --output a.png --tiles 2x2 --resolution 8x8", "--output", ".exr"),
        ("s.usd 1 10 --output a.exr --tiles 2x2 --stitch convert", "--stitch", "summed"),
        ("s.ma 1 10 --output a.exr --tiles 2x2", "--tiles", "--renderer arnold"),
        (
            "s.blend 1 1 --output /r/a.png --tiles 32x32 --images /r/" + "x" * 99 + "#.png",
            "--tiles",
            "no command line",
        ),
        ("s.blend 1 10 --output a.png --tiles 1x1", "--tiles", "grid"),
        ("s.blend 1 10 --output a.png --tiles 2", "--tiles", "no size"),
        ("s.blend 1 10 --output a.png --tiles 2x2 --per-task 2", "--per-task", "one frame"),
        ("s.blend 1 100000 --output a.png --tiles 2x2", "--tiles", "200000"),
        ("s.xyz 1 10 --output a.png --tiles 2x2", "--tiles", "--command"),
        ("s.blend 1 10 --output a.png --movie m --movie-codec x", "--movie-codec", "h264"),
        ("s.blend 1 10 --output a.png --movie m --movie-rate 0", "--movie-rate", "second"),
        ("s.blend 1 10 --output a.png --movie m --movie-size 5x4", "--movie-size", "even"),
        ("s.blend 1 10 --output a.exr --movie m --by 2", "--movie", ".png"),
        ("s.nk 1 10 --frobnicate", "", "--frobnicate"),
        ("s.nk 1", "", "LAST"),
    ],
)
def test_refusals_name_the_option(refuse: Refuse, words: str, option: str, says: str) -> None:
    error = refuse("--no-check", *shlex.split(words))
    assert error["field"] == option
    assert says in f"{error['message']}; {error['hint']}"


def test_the_scene_must_exist(refuse: Refuse, simulate: Simulate, here: Path) -> None:
    error = refuse("s.nk", "1", "10", code=5)
    assert (error["field"], error["code"]) == ("FILE", "not_found")
    assert str(here / "s.nk") in error["message"]
    (here / "s.0005.ass").touch()
    assert refuse("s.####.ass", "1", "10", code=5)["message"].endswith("s.0001.ass")
    assert refuse("s.####.ass", "5", "10", "--take", "a")["field"] == "--take"
