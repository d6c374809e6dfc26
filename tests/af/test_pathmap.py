"""The paths map: both ways, on both systems, inside commands (SEMANTICS 11)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import af
from af import config
from af.pathmap import PathMap, read_pairs

LINUX = PathMap([("/mnt/prj/", "/prj/"), ("/home/", "/srv/home/"), ("/mnt/", "/m/")])
PAIRS = [("P:/", "/prj/"), ("//nas/cache/", "/cache/"), ("C:/Users", "/home")]
WINDOWS = PathMap(PAIRS, windows=True)
NUKE = PathMap(PAIRS, windows=True, unix_separators=True)
STYLES = PathMap([("x\\a", "/a"), ("noslash", "/n/")])


@pytest.mark.parametrize(
    ("paths", "here", "there"),
    [
        (LINUX, "/mnt/prj/a.exr", "/prj/a.exr"),
        (LINUX, "nuke -F 1-2 -x /mnt/prj/s.nk", "nuke -F 1-2 -x /prj/s.nk"),
        (LINUX, "/mnt/prj/a:/mnt/prj/b;/home/x", "/prj/a:/prj/b;/srv/home/x"),
        (LINUX, "--out=/mnt/prj/o,'/mnt/prj/p q' \"/home/r\"",
         "--out=/prj/o,'/prj/p q' \"/srv/home/r\""),
        (LINUX, " '/mnt/prj/a", " '/prj/a"),
        (LINUX, "/mnt/other", "/m/other"),
        (LINUX, "/data/mnt/prj/a", "/data/mnt/prj/a"),
        (LINUX, "/mnt/prj/a\\ b", "/prj/a\\ b"),
        (LINUX, "/MNT/prj/a", "/MNT/prj/a"),
        (LINUX, "", ""),
        (LINUX, " ;", " ;"),
        (WINDOWS, "P:\\shots\\a.exr", "/prj/shots/a.exr"),
        (WINDOWS, "p:/shots\\a.exr", "/prj/shots/a.exr"),
        (WINDOWS, "nuke.exe -x P:\\s.nk -o \\\\NAS\\Cache\\c.exr", "nuke.exe -x /prj/s.nk -o "
         "/cache/c.exr"),
        (WINDOWS, "c:\\users\\anna", "/home/anna"),
        (WINDOWS, "D:\\x P:\\y", "D:\\x /prj/y"),
        (WINDOWS, "echo a\\b", "echo a\\b"),
        (STYLES, "x\\a\\b\\c d\\e", "/a/b/c d\\e"),
        (STYLES, "noslash\\b", "/n/\\b"),
    ],
)  # fmt: skip
def test_to_the_server(paths: PathMap, here: str, there: str) -> None:
    assert paths.to_server(here) == there


@pytest.mark.parametrize(
    ("paths", "there", "here"),
    [
        (LINUX, "/prj/a.exr /srv/home/b", "/mnt/prj/a.exr /home/b"),
        (WINDOWS, "/prj/shots/a.exr", "P:\\shots\\a.exr"),
        (WINDOWS, "nuke -x /prj/s.nk -o /cache/c/d.exr -t 1/2", "nuke -x P:\\s.nk -o "
         "\\\\nas\\cache\\c\\d.exr -t 1/2"),
        (WINDOWS, "/PRJ/a", "/PRJ/a"),
        (NUKE, "/prj/shots/a.exr;/cache/b", "P:/shots/a.exr;//nas/cache/b"),
        (STYLES, "/a/b/c", "x\\a\\b\\c"),
    ],
)  # fmt: skip
def test_to_the_client(paths: PathMap, there: str, here: str) -> None:
    assert paths.to_client(there) == here


def test_lines_of_a_file() -> None:
    lines = ["file /prj/a\n", "name /prj/b\n"]
    assert list(LINUX.lines_to_client(lines)) == ["file /mnt/prj/a\n", "name /mnt/prj/b\n"]
    assert list(LINUX.lines_to_client(lines, ["file "])) == ["file /mnt/prj/a\n", "name /prj/b\n"]


@given(st.text())
def test_an_empty_map_changes_nothing(text: str) -> None:
    assert PathMap().to_server(text) == text
    assert LINUX.to_server(text) == text or "/mnt" in text or "/home" in text


@given(st.lists(st.sampled_from(["P:\\", "p:/", "\\\\nas\\cache\\", "a", "\\", "/", " ", "="])))
def test_there_and_back_is_the_same_path(parts: list[str]) -> None:
    once = WINDOWS.to_server("".join(parts))
    again = WINDOWS.to_server(WINDOWS.to_client(once))
    assert again.replace("\\", "/") == once.replace("\\", "/")


@pytest.mark.parametrize("value", ["P:/", [["P:/"]], [["P:/", ""]], [["a", 5]], {"P:/": "/prj/"}])
def test_pairs_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="pathsmap"):
        read_pairs(value)


def test_no_pairs() -> None:
    assert read_pairs(None) == read_pairs([]) == []


# ------------------------------------------------------------------------------- in submissions


@pytest.fixture
def _mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRU_PATHSMAP", json.dumps([["/mnt/prj/", "/prj/"]]))


def made(transfer: bool) -> dict[str, Any]:
    """A job with a path in every place that has one."""
    job, block, task = af.Job("j"), af.Block("b"), af.Task("t")
    path = "/mnt/prj/x/y"
    job.setCmdPre("rm " + path, transfer)
    job.setCmdPost("rm " + path, transfer)
    job.setFolder("output", path, transfer)
    job.setBranch(path, transfer)
    block.setWorkingDirectory(path, transfer)
    block.setCommand("ls " + path, True, transfer)
    block.setCmdPre("ls " + path, transfer)
    block.setCmdPost("ls " + path, transfer)
    block.setFiles([path], transfer)
    block.setEnv("DIR", path, transfer)
    task.setCommand("ls " + path, transfer)
    task.setFiles([path], transfer)
    task.setEnv("DIR", path, transfer)
    block.tasks.append(task)
    job.blocks.append(block)
    return job.filled()


@pytest.mark.usefixtures("_mapped")
def test_a_submission_is_mapped_unless_told_otherwise() -> None:
    kept, mapped = json.dumps(made(False)), json.dumps(made(True))
    assert kept.count("/mnt/prj/x/y") == 13
    assert "/mnt/prj" not in mapped
    assert mapped == kept.replace("/mnt/prj/", "/prj/")


@pytest.mark.usefixtures("_mapped")
def test_files_to_delete_and_the_current_folder_are_mapped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = af.Job()
    job.setPostDeleteFiles("/mnt/prj/x")
    assert job.data["command_post"] == 'deletefiles "/prj/x"'
    job.setPostDeleteFiles("/mnt/prj/x", TransferToServer=False)
    assert job.data["command_post"] == 'deletefiles "/mnt/prj/x"'
    monkeypatch.setenv("CGRU_PATHSMAP", json.dumps([[str(tmp_path), "/there"]]))
    monkeypatch.chdir(tmp_path)
    assert af.Block().data["working_directory"] == "/there"


def test_a_map_that_makes_no_sense_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    block = af.Block()
    monkeypatch.setenv("CGRU_PATHSMAP", '[["/mnt/"]]')
    with pytest.raises(ValueError, match=r"pathsmap: \['/mnt/'\] is no pair"):
        block.set_command("ls")
    with pytest.warns(af.AfWarning, match="pathsmap"):
        block.setCommand("ls")


def test_the_map_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRU_PATHSMAP", json.dumps([["P:/", "/prj/"]]))
    assert config.path_map().to_client("/prj/a/b") == "P:/a/b"
    monkeypatch.setattr(sys, "platform", "win32")
    assert config.path_map().to_client("/prj/a/b") == "P:\\a\\b"
    assert config.path_map(unix_separators=True).to_client("/prj/a/b") == "P:/a/b"
