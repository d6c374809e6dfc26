"""The demo's display, on a terminal and without one."""

from __future__ import annotations

import io
import re

import pytest

from demo.show import InPlace, Lines, TaskView, make_display, spans

WAITING = TaskView("frame 1", frozenset({"RDY"}))
MOVIE = TaskView("movie", frozenset({"WDP"}))


def running(percent: int, host: str = "render01", name: str = "frame 1") -> TaskView:
    return TaskView(name, frozenset({"RUN"}), percent, host)


def done(name: str, host: str) -> TaskView:
    return TaskView(name, frozenset({"DON"}), 100, host, 3)


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_display_fits_the_output():
    assert isinstance(make_display(["a"], io.StringIO()), Lines)
    assert isinstance(make_display(["a"], Terminal()), InPlace)


def test_lines_tell_each_thing_once():
    out = io.StringIO()
    lines = Lines(out)
    for frame in (WAITING, running(-1), running(10), running(40), running(50), running(70)):
        lines.show([frame], MOVIE)
    for _ in range(2):
        lines.show([done("frame 1", "render01")], running(20, "render02", "movie"))
    lines.show([done("frame 1", "render01")], done("movie", "render02"))
    assert out.getvalue().splitlines() == [
        "[  0/1] frame 1: started on render01",
        "[  0/1] frame 1: 40 % on render01",
        "[  0/1] frame 1: 70 % on render01",
        "[  1/1] frame 1: done on render01 in 3 s",
        "[  1/1] movie: started on render02",
        "[  1/1] movie: done on render02 in 3 s",
    ]


def test_lines_tell_a_second_start_and_an_error():
    out = io.StringIO()
    lines = Lines(out)
    for frame in (
        running(50),
        running(0, "render02"),
        TaskView("frame 1", frozenset({"ERR"}), -1, "render02"),
    ):
        lines.show([frame], MOVIE)
    assert out.getvalue().splitlines() == [
        "[  0/1] frame 1: started on render01",
        "[  0/1] frame 1: started on render02",
        "[  0/1] frame 1: ERROR on render02",
    ]


def picture(text: str) -> list[str]:
    """The last picture of a terminal, without its control sequences."""
    last = text.rsplit("\x1b[?25l", maxsplit=1)[-1]
    return re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", last).splitlines()


def test_in_place_draws_over_the_last_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    display = InPlace(["render01", "render02"], out)
    frames = [
        done("frame 1", "render01"),
        done("frame 2", "render02"),
        running(50, "render02", "frame 3"),
        WAITING,
    ]
    display.show(frames, MOVIE)
    display.show(frames, MOVIE)
    lines = picture(out.getvalue())
    assert " 62%  2 of 4" in lines[0]
    assert lines[1].strip() == "12▒·"
    assert lines[2] == "1 render01  idle"
    assert "50 %  frame 3" in lines[3]
    assert lines[4] == "movie     waits for the frames"
    assert f"\x1b[{len(lines)}A" in out.getvalue()  # the second picture covers the first
    display.leave()
    assert out.getvalue().endswith("\x1b[?25h")


def test_in_place_never_leaves_its_width(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    frames = [done(f"frame {n}", "render01") for n in range(100)]
    InPlace(["render01"], out).show(frames, MOVIE)
    lines = picture(out.getvalue())
    assert max(map(len, lines)) < 40
    assert sum(line.count("1") for line in lines if not line.strip("1 ")) == 100


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([4], "4"), ([3, 1, 2], "1-3"), ([1, 3, 4, 5, 9], "1, 3-5, 9")],
)
def test_spans(numbers: list[int], text: str):
    assert spans(numbers) == text
