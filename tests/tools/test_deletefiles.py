"""deletefiles: what it deletes, and above all what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from afanasy.tools.deletefiles import main

Run = Callable[..., tuple[str, str]]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files in it and others beside it."""
    root = tmp_path / "job"
    for name in ("a.0001.exr", "a.0002.exr", "b.txt", "sub/deep/c.txt", "sub/d.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/precious").touch()
    monkeypatch.chdir(root)
    monkeypatch.delenv("AF_DELETE_ROOTS", raising=False)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run it; standard output and error."""

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        ended = main(list(words))
        out, err = capsys.readouterr()
        assert ended == code, (out, err)
        return out, err

    return run


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


# ------------------------------------------------------------------------------- what it deletes


def test_files_patterns_and_folders(run: Run, root: Path) -> None:
    out, err = run("a.*.exr", "sub", str(root / "b.txt"))
    assert out.splitlines() == [
        "deleted a.0001.exr", "deleted a.0002.exr", "deleted sub", f"deleted {root}/b.txt"
    ]  # fmt: skip
    assert err == ""
    assert list(root.iterdir()) == []


def test_dry_deletes_nothing(run: Run, root: Path) -> None:
    before = left(root)
    out, _ = run("-d", "sub", "a.*")
    assert out.splitlines() == [
        "would delete sub", "would delete a.0001.exr", "would delete a.0002.exr"
    ]  # fmt: skip
    assert left(root) == before


def test_quiet_says_only_errors(run: Run) -> None:
    assert run("-q", "b.txt", "nothing*") == ("", "")
    out, err = run("-q", "/etc", code=2)
    assert out == ""
    assert "/etc" in err


def test_what_is_not_there_is_no_error(run: Run) -> None:
    out, err = run("gone", "gone.*.exr", "b.txt", "b.txt")
    assert out.splitlines() == [
        "deletefiles: gone is not there", "deletefiles: gone.*.exr is not there", "deleted b.txt"
    ]  # fmt: skip
    assert err == ""


def test_a_name_that_looks_like_a_pattern_is_a_name_first(run: Run, root: Path) -> None:
    (root / "a.*").touch()
    run("a.*")
    assert {"a.0001.exr", "a.0002.exr"} <= left(root)
    assert "a.*" not in left(root)


def test_names_that_begin_with_a_dash(run: Run, root: Path) -> None:
    (root / "-s").touch()
    run("--", "-s")
    assert "-s" not in left(root)


def test_links_are_deleted_as_links(run: Run, root: Path, tmp_path: Path) -> None:
    (root / "file").symlink_to(tmp_path / "other/precious")
    (root / "folder").symlink_to(tmp_path / "other")
    (root / "sub/inside").symlink_to(tmp_path / "other")
    (root / "broken").symlink_to("nowhere")
    out, _ = run("file", "folder/", "sub", "broken")
    assert "deleted folder/" in out
    assert left(root) == {"a.0001.exr", "a.0002.exr", "b.txt"}
    assert left(tmp_path / "other") == {"precious"}


def test_a_link_that_stays_inside_is_followed(run: Run, root: Path) -> None:
    (root / "way").symlink_to("sub")
    run("way/d.txt")
    assert "sub/d.txt" not in left(root)


# ---------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "/ is a whole disk"),
        ("//", "is a whole disk"),
        ("/etc/passwd", "/etc/passwd is outside the allowed roots"),
        ("..", "holds the root"),
        ("../..", "holds the root"),
        (".", "is the root"),
        ("./", "is the root"),
        ("sub/..", "is the root"),
        ("sub/../../other", "outside the allowed roots"),
        ("../other/precious", "(it is "),
        ("../other/*", "outside the allowed roots"),
        ("../job", "is the root"),
        ("way/precious", "outside the allowed roots"),
        ("way/.", "outside the allowed roots"),
        ("way/*", "outside the allowed roots"),
        ("*/precious", "outside the allowed roots"),
        ("back/sub/../..", "holds the root"),
    ],
)
def test_refused(run: Run, root: Path, tmp_path: Path, path: str, says: str) -> None:
    (root / "way").symlink_to(tmp_path / "other")
    (root / "back").symlink_to(root)
    before = left(tmp_path)
    out, err = run(path, "b.txt", code=2)
    assert says in err
    assert err.endswith("deletefiles: nothing was deleted\n")
    assert out == ""
    assert left(tmp_path) == before


def test_a_whole_absolute_path_to_the_root_itself(run: Run, root: Path) -> None:
    assert "is the root" in run(str(root), code=2)[1]
    assert "is the root" in run(f"{root}/", code=2)[1]
    assert "holds the root" in run(str(root.parent), code=2)[1]


def test_success_is_the_exit_status_whatever_happens(run: Run, tmp_path: Path) -> None:
    _, err = run("-s", "../other/precious")
    assert "outside the allowed roots" in err
    assert left(tmp_path / "other") == {"precious"}


def test_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--frobnicate", "a"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 2
    assert "usage: deletefiles" in capsys.readouterr().err


def test_what_cannot_be_deleted_is_told(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", denied)
    out, err = run("b.txt", "sub", code=1)
    assert err == "deletefiles: b.txt cannot be deleted: Permission denied\n"
    assert out == "deleted sub\n"


# ------------------------------------------------------------------------------------ the roots


def test_roots_by_the_environment(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [str(tmp_path / "other"), str(root / "sub"), ""]
    monkeypatch.setenv("AF_DELETE_ROOTS", os.pathsep.join(roots))
    run("sub/d.txt", "../other/precious")
    assert left(tmp_path / "other") == set()
    # Now the current folder is none.
    assert "outside the allowed roots" in run("b.txt", code=2)[1]
    assert "is the root" in run("sub", code=2)[1]


def test_roots_by_the_option_win(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_DELETE_ROOTS", str(tmp_path / "other"))
    run("--root", "sub", "--root", str(root / "elsewhere"), "sub/deep")
    assert left(root) == {"a.0001.exr", "a.0002.exr", "b.txt", "sub/d.txt"}
    _, err = run("--root", "sub", "../other/precious", code=2)
    assert f"outside the allowed roots: {root}/sub" in err


def test_a_root_within_a_folder_keeps_that_folder(run: Run, root: Path) -> None:
    _, err = run("--root", ".", "--root", "sub/deep", "sub", code=2)
    assert f"sub holds the root {root}/sub/deep" in err


def test_a_root_behind_a_link_is_the_real_folder(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    run("--root", str(tmp_path / "link"), "b.txt")
    assert "is the root" in run("--root", str(tmp_path / "link"), f"{tmp_path}/link/.", code=2)[1]


@pytest.mark.parametrize(
    ("environment", "words", "says"),
    [
        ("/", [], "AF_DELETE_ROOTS: / is a whole disk"),
        ("", ["--root", "/"], "--root: / is a whole disk"),
        ("job", [], "AF_DELETE_ROOTS: job is no absolute path"),
    ],
)
def test_roots_that_are_none(
    run: Run, monkeypatch: pytest.MonkeyPatch, environment: str, words: list[str], says: str
) -> None:
    monkeypatch.setenv("AF_DELETE_ROOTS", environment)
    assert says in run(*words, "b.txt", code=2)[1]


def test_in_the_top_folder_nothing_is_allowed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "afanasy.tools.deletefiles", str(tmp_path / "other")],
        cwd="/", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the current folder: / is a whole disk" in done.stderr
    assert left(tmp_path / "other") == {"precious"}


def test_the_products_sample(root: Path) -> None:
    scene = root / "path/to/some.scene"
    scene.parent.mkdir(parents=True)
    scene.touch()
    done = subprocess.run(
        [sys.executable, "-m", "afanasy.tools.deletefiles", "path/to/some.scene"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "deleted path/to/some.scene\n")
    assert not scene.exists()
