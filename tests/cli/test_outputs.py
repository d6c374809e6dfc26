"""``output`` of many tasks: searching and saving, page by page."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from afanasy.cli import outputs
from afanasy.cli.grep import groups
from harness.canned_farm import CannedFarm
from harness.commands import Afcmd
from harness.terminal import Terminal

RUN_ID = 935341553767940098


class Outputs:
    """Answers the modes ``runs`` and ``outputs`` of a canned farm in small pages."""

    def __init__(self, farm: CannedFarm, page: int = 2) -> None:
        self.farm = farm
        self.page = page
        #: Runs of block 0: (task, number, failed, text; None = not kept any more).
        self.runs: list[tuple[int, int, bool, str | None]] = [
            (0, 1, False, "start 1\nWarning: slow\nend\n"),
            (2, 1, True, "start 3\nError: disk\nend\n"),
            (2, 2, False, "start 3\r again\nend"),
            (3, 1, False, None),
            (5, 1, True, "start 6\nerror: lens\nError: lens\n"),
        ]
        self._old = farm._get
        farm._get = self._get  # type: ignore[method-assign]

    def _get(self, get: dict[str, Any]) -> Any:
        if get.get("mode") == "runs":
            assert get["serials"] == [105]
            return {"job_runs": self._list(get)}
        if get.get("mode") == "outputs":
            assert get["serials"] == [105]
            return {"outputs": {"outputs": [self._text(run) for run in get["runs"][: self.page]]}}
        return self._old(get)

    def _list(self, get: dict[str, Any]) -> dict[str, Any]:
        first, last = get["first"], get["first"] + get["count"] - 1
        found = [n for n, run in enumerate(self.runs) if first <= run[0] <= last]
        found = found if get["block_ids"] == [0] else []
        shown = found[:3]  # all runs of a task come together
        page: dict[str, Any] = {"runs": [self._run(n) for n in shown]}
        if len(found) > len(shown):
            page["next"] = self.runs[found[len(shown)]][0]
        return page

    def _run(self, n: int) -> dict[str, Any]:
        task, number, failed, text = self.runs[n]
        size = 9 if text is None else len(text)
        return {"task_num": task, "task_name": f"frame {task}", "run": str(RUN_ID + n),
                "number": number, "render": "r1", "failed": failed, "current": False,
                "output_size": size}  # fmt: skip

    def _text(self, run: str) -> dict[str, Any]:
        text = self.runs[int(run) - RUN_ID][3]
        return {"run": run, "data": text or "", "kept": text is not None, "running": False}


@pytest.fixture
def texts(afcmd: Afcmd) -> Outputs:
    return Outputs(afcmd.farm)


# ----------------------------------------------------------------------------------------- grep


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["5", "--grep", "^Error"], ["frame 2#1: Error: disk", "frame 5#1: Error: lens"]),
        (["5", "--grep", "ERROR: L", "-i"], ["frame 5#1: error: lens", "frame 5#1: Error: lens"]),
        (["5", "--grep", "start", "--errors"], ["frame 2#1: start 3", "frame 5#1: start 6"]),
        (["5", "--grep", "start", "--last"],
         ["frame 0#1: start 1", "frame 2#2: start 3", "frame 5#1: start 6"]),
        (["5", "--grep", "start", "--run", "2"], ["frame 2#2: start 3"]),
        (["5", "--grep", "again$"], ["frame 2#2:  again"]),
        (["5.beauty", "--grep", "end"], ["frame 0#1: end", "frame 2#1: end", "frame 2#2: end"]),
        (["5.beauty", "11-19,41-49", "--grep", "st.rt"], []),
        (["5.beauty", "#0,#5", "--grep", "st.rt"], ["frame 0#1: start 1", "frame 5#1: start 6"]),
        (["5", "beauty", "21-29", "--grep", "st.rt"], ["frame 2#1: start 3", "frame 2#2: start 3"]),
        (["5", "--grep", "start", "--where", "state~ERR"],
         ["frame 2#1: start 3", "frame 2#2: start 3"]),
        (["5.beauty", "#0-#1", "--grep", "start", "--where", "state~DON or state~ERR"],
         ["frame 0#1: start 1"]),
    ],
)  # fmt: skip
def test_grep(afcmd: Afcmd, texts: Outputs, words: list[str], lines: list[str]) -> None:
    done = afcmd("output", *words, code=0 if lines else 5)
    expected = [f"beauty/{line.replace(':', ' r1:', 1)}" for line in lines]
    assert done.out.splitlines() == expected
    if not lines:
        assert "nothing matches in " in done.err


def test_context(afcmd: Afcmd, texts: Outputs) -> None:
    assert afcmd.lines("output", "5", "--grep", "disk|slow", "-C", "1") == [
        "beauty/frame 0#1 r1- start 1",
        "beauty/frame 0#1 r1: Warning: slow",
        "beauty/frame 0#1 r1- end",
        "--",
        "beauty/frame 2#1 r1- start 3",
        "beauty/frame 2#1 r1: Error: disk",
        "beauty/frame 2#1 r1- end",
    ]


@pytest.mark.parametrize(
    ("hits", "context", "expected"),
    [
        ([], 1, []),
        ([0], 0, [range(1)]),
        ([0, 1, 5], 0, [range(2), range(5, 6)]),
        ([1, 4], 1, [range(6)]),
        ([1, 5], 1, [range(3), range(4, 7)]),
        ([9], 3, [range(6, 10)]),
    ],
)
def test_groups_of_lines(hits: list[int], context: int, expected: list[range]) -> None:
    assert list(groups(hits, context, 10)) == expected


def test_grep_as_json(afcmd: Afcmd, texts: Outputs) -> None:
    found = afcmd("output", "5", "--grep", "Error", "-C", "1", "--json").json
    assert (found["outputs"], found["lost"]) == (4, 1)
    assert found["matches"][0] == {
        "block_num": 0, "block_name": "beauty", "task_num": 2, "task_name": "frame 2",
        "run": str(RUN_ID + 1), "number": 1, "render": "r1", "line": 2, "text": "Error: disk",
        "before": ["start 3"], "after": ["end"],
    }  # fmt: skip
    assert afcmd("output", "5", "--grep", "x", "--json", code=5).json["matches"] == []


def test_what_is_not_kept_is_said(afcmd: Afcmd, texts: Outputs) -> None:
    assert afcmd("output", "5", "--grep", "Error").err == "afcmd: 1 output not kept any more\n"


def test_no_more_is_asked_for_than_fits(
    afcmd: Afcmd, texts: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_ASK", 2)
    texts.page = 1
    assert len(afcmd.lines("output", "5", "--grep", "start")) == 4
    asked = [request["get"]["runs"] for request in afcmd.farm.requests
             if request["get"].get("mode") == "outputs"]  # fmt: skip
    assert {len(runs) for runs in asked} <= {1, 2}
    assert len(asked) == 5, asked


def test_a_colour_for_people_and_no_commands_for_the_terminal(
    farm: CannedFarm, texts: Outputs
) -> None:
    texts.runs = [(0, 1, False, "\x1b[2Jevil\n")]
    command = [sys.executable, "-m", "afanasy.cli.main", "--server", farm.address]
    with Terminal([*command, "output", "5", "--grep", "evil"]) as at:
        assert at.ended() == 0
        assert "beauty/frame 0#1 r1:" in at.text()
        assert "\x1b[34m" in at.raw.decode()
        assert " [2Jevil" in at.raw.decode()


# ----------------------------------------------------------------------------------------- save


def test_saving_one(afcmd: Afcmd, texts: Outputs, tmp_path: Path) -> None:
    file = tmp_path / "one.log"
    done = afcmd("output", "5.beauty", "#2", "--save", str(file))
    assert done.out == f"saved 1 output (18 B) to {file}\n"
    assert file.read_bytes() == b"start 3\r again\nend"
    afcmd("output", "5.beauty", "#2", "--save", str(file), "--run", "1")
    assert file.read_text() == "start 3\nError: disk\nend\n"
    found = afcmd("output", "5.beauty", "#2", "--save", str(tmp_path), "--json").json
    assert found["saved"][0]["file"] == str(tmp_path / "0_beauty/2_frame_2.2.log")


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["5"], ["0_frame_0.1", "2_frame_2.2", "5_frame_5.1"]),
        (["5", "--errors"], ["2_frame_2.1", "5_frame_5.1"]),
        (["5.beauty", "#2-#5", "--last"], ["2_frame_2.2", "5_frame_5.1"]),
        (["5.beauty", "--run", "1"], ["0_frame_0.1", "2_frame_2.1", "5_frame_5.1"]),
    ],
)
def test_saving_many(
    afcmd: Afcmd, texts: Outputs, tmp_path: Path, words: list[str], files: list[str]
) -> None:
    folder = tmp_path / "logs"
    afcmd("output", *words, "--save", str(folder))
    assert sorted(path.stem for path in folder.glob("0_beauty/*.log")) == files


def test_names_of_tasks_cannot_leave_the_folder(
    afcmd: Afcmd, texts: Outputs, tmp_path: Path
) -> None:
    afcmd.farm.jobs[1]["blocks"][0]["name"] = "../../x/y\n☃"
    afcmd("output", "5.0", "#0,#2", "--save", str(tmp_path / "a"))
    made = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.log")]
    assert sorted(made) == [f"a/0_.._.._x_y_/{name}" for name in ("0_frame_0.1.log",
                                                                 "2_frame_2.2.log")]  # fmt: skip


def test_what_cannot_be_saved(afcmd: Afcmd, texts: Outputs, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "x.log"
    assert "cannot write" in afcmd("output", "5.beauty", "#0", "--save", str(missing), code=2).err
    assert "there is no output" in afcmd("output", "5.beauty", "#1", "--save", "x", code=5).err
    assert "no output" in afcmd("output", "5.beauty", "#3", "--save", "x", code=5).err


# ---------------------------------------------------------------------------------------- words


def test_a_run_by_its_id(afcmd: Afcmd, texts: Outputs) -> None:
    assert afcmd("output", "5", "--run", str(RUN_ID + 1)).out == texts.runs[1][3]
    assert (
        afcmd("output", "5", "--run", str(RUN_ID), "--json").json["output"]["data"][:5] == "start"
    )
    done = afcmd("output", "5", "--run", str(RUN_ID + 3), code=5)
    assert "not kept any more" in done.err


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["5", "--grep", "("], "--grep: '(' does not compile", 2),
        (["5", "--grep", "x", "--save", "y"], "not allowed with argument", 2),
        (["5", "--grep", "x", "--follow"], "--follow is for one task", 2),
        (["5", "--grep", "x", "--run", str(RUN_ID)], "the id of a run is for one task", 2),
        (["5", "--run", str(RUN_ID), "--follow"], "--follow is for a task", 2),
        (["5", "--run", "-1"], "--run: must not be negative", 2),
        (["5", "--last"], "--last is for --grep and --save", 2),
        (["5", "-C", "2"], "-C is for --grep and --save", 2),
        (["5", "--grep", "x", "--where", "usr=5"], "there is no field 'usr'", 2),
        (["5", "--grep", "x", "--where", "state~SUS"], "no task matches", 5),
        (["5.frob", "--grep", "x"], "has no block 'frob'", 5),
        (["99", "--grep", "x"], "there is no job 99", 5),
    ],
)
def test_wrong_words(afcmd: Afcmd, texts: Outputs, words: list[str], said: str, code: int) -> None:
    assert re.search(re.escape(said), afcmd("output", *words, code=code).err)
