"""What a task finds on its render: our programs, the roots of deletefiles, paths of this host."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from afanasy.render.launcher import programs_folder
from afanasy.render.plugin_host import with_programs
from harness.processes import Farm
from render.stand import StandRender, StandServer

PROGRAMS = str(Path(sys.executable).parent)


def test_the_folder_of_our_programs() -> None:
    assert programs_folder() == PROGRAMS
    assert (Path(PROGRAMS) / "afrender").exists()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/opt/nuke:/bin", "/opt/nuke:/bin:/our"),
        ("/our:/bin", "/our:/bin"),
        ("", f"{os.defpath}:/our"),
    ],
)
def test_our_programs_hide_none_of_a_studio(path: str, found: str) -> None:
    assert with_programs(path, "/our") == found


@pytest.mark.e2e
def test_a_task_finds_deletefiles_and_where_it_may_delete(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    for folder in (out, other):
        folder.mkdir()
        (folder / "a.exr").touch()
    # As systemd starts it: our folder is not on its path.
    cold_render.boot(environment={"PATH": "/usr/bin:/bin"})
    server.wait_registered()
    command = (
        'echo "$AF_JOB_ID $AF_JOB_SERIAL $AF_BLOCK_ID $AF_TASK_ID"; '
        f"deletefiles {shlex.quote(str(other))}/a.exr; echo status $?; "
        f"deletefiles {shlex.quote(str(out))}/a.exr; echo status $?"
    )
    run = server.start(command, job_folders=[str(out), "relative"])
    assert server.wait_finished(run).exit_status == 0
    text = server.text(run)
    assert text.startswith("7 5 2 3\n"), text
    assert "other/a.exr is outside the allowed roots" in text
    assert text.count("status 2") == 1
    assert text.count("status 0") == 1
    assert not (out / "a.exr").exists()
    assert (other / "a.exr").exists()


@pytest.mark.e2e
def test_a_studios_own_program_of_that_name_goes_first(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    (tmp_path / "deletefiles").write_text("#!/bin/sh\necho the studio\n")
    (tmp_path / "deletefiles").chmod(0o755)
    cold_render.boot()
    server.wait_registered()
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    run = server.start("deletefiles x; afrender --version", environment=environment)
    assert server.wait_finished(run).exit_status == 0
    assert server.text(run).startswith("the studio\nafrender ")


@pytest.mark.e2e
def test_a_render_has_folders_elsewhere(
    server: StandServer, cold_render: StandRender, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    cold_render.boot(environment={"CGRU_PATHSMAP": f'[["{mine}", "/farm/prj"]]'})
    server.wait_registered()
    run = server.start(
        'pwd; echo "$MINE"; touch /farm/prj/a.exr; echo @IMAGE@$PWD/a.exr',
        working_directory="/farm/prj",
        environment={"MINE": "/farm/prj/x"},
        files=["/farm/prj/a.exr"],
        flags=1 | 1 << 7,
        job_folders=["/farm/prj"],
    )
    finished = server.wait_finished(run)
    assert (finished.exit_status, finished.error_class) == (0, ""), finished
    assert server.text(run).splitlines()[:2] == [str(mine), f"{mine}/x"]
    assert (mine / "a.exr").exists()
    assert finished.files == ["/farm/prj/a.exr"]


@pytest.mark.e2e
def test_one_job_three_names_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, host = tmp_path / "desk", tmp_path / "host"
    for folder in (desk, host):
        folder.mkdir()
        (folder / "work.sh").write_text('#!/bin/sh\necho "$0 in $PWD"\ntouch "$OUT/$1"\n')
        (folder / "work.sh").chmod(0o755)
    with Farm(tmp_path / "farm") as farm:
        with monkeypatch.context() as patch:
            patch.setenv("CGRU_PATHSMAP", f'[["{host}", "/farm/prj"]]')
            farm.start_render("a")
        sent = subprocess.run(
            [sys.executable, "-m", "afanasy.afjob.main", "work.sh", "7", "7", "--images", "#",
             "--check-files", "--env", f"OUT={desk}", "--server", f"127.0.0.1:{farm.port}"],
            cwd=desk, capture_output=True, text=True,
            env={**os.environ, "PWD": str(desk), "CGRU_PATHSMAP": f'[["{desk}", "/farm/prj"]]'},
        )  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        job = int(sent.stdout.split()[1])
        (full,) = farm.ask({"get": {"type": "jobs", "ids": [job], "mode": "full"}})["jobs"]
        assert str(desk) not in repr(full), "the server knows its own paths only"
        assert full["blocks"][0]["working_directory"] == "/farm/prj"
        assert full["blocks"][0]["command"].startswith("/farm/prj/work.sh ")
        farm.wait_task(job, 0, 0, "DON")
        assert f"{host}/work.sh in {host}" in farm.output(job)
    assert (host / "7").exists()
    assert not (desk / "7").exists()
