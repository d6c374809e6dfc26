"""Lines, words, files, bounds and failures of the parser base class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.parsers.base import LINE_BYTES_MAX, Parser
from afanasy.parsers.registry import make_parser, parser_names


class Recorder(Parser):
    """Writes down what it is told."""

    def __init__(self, frames_num: int = 1, frame_start: int = 1, frames_inc: int = 1) -> None:
        super().__init__(frames_num, frame_start, frames_inc)
        self.lines: list[str] = []
        self.tails: list[str] = []
        self.ends: list[int] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def tail(self, text: str) -> None:
        self.tails.append(text)

    def end(self, exit_status: int) -> None:
        self.ends.append(exit_status)


def test_lines_end_at_newline_return_and_both() -> None:
    parser = Recorder()
    parser.feed(b"a\nb\rc\r\nd\n\ne")
    assert parser.lines == ["a", "b", "c", "d", ""]
    parser.finish(3)
    assert parser.lines[-1] == "e"
    assert parser.ends == [3]


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"\r", "é".encode(), b"\xff", b"\x1b[31m", b"\x0c"])),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_cutting_never_matters(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    one = Recorder()
    one.feed(data)
    one.finish(0)
    other = Recorder()
    places = sorted(min(cut, len(data)) for cut in cuts)
    for start, stop in zip([0, *places], [*places, len(data)], strict=True):
        other.feed(data[start:stop])
    other.finish(0)
    assert one.lines == other.lines


def test_only_real_line_ends_cut() -> None:
    parser = Recorder()
    parser.feed("form\x0cfeed\x85\u2028x\n".encode())
    assert parser.lines == ["form\x0cfeed\x85\u2028x"]


def test_bad_bytes_and_colours() -> None:
    parser = Recorder()
    parser.feed(b"\xffx \x1b[1;31mred\x1b[0m\n")
    assert parser.lines == ["\ufffdx red"]


@pytest.mark.parametrize("piece", [1000, LINE_BYTES_MAX, 10 * LINE_BYTES_MAX])
def test_a_long_line_is_capped(piece: int) -> None:
    parser = Recorder()
    data = b"x" * (3 * LINE_BYTES_MAX) + b"\nshort\n" + b"y" * (2 * LINE_BYTES_MAX)
    for start in range(0, len(data), piece):
        parser.feed(data[start : start + piece])
    parser.finish(0)
    assert [len(text) for text in parser.lines] == [LINE_BYTES_MAX, 5, LINE_BYTES_MAX]


def test_the_tail_is_told_once_per_growth() -> None:
    parser = Recorder()
    parser.idle()
    parser.feed(b"Writing .1")
    parser.idle()
    parser.idle()
    parser.feed(b".2")
    parser.idle()
    parser.feed(b"\n")
    parser.idle()
    parser.feed(b"ne")
    parser.idle()
    assert parser.tails == ["Writing .1", "Writing .1.2", "ne"]
    assert parser.lines == ["Writing .1.2"]


def test_after_a_gap_a_new_line_begins() -> None:
    parser = Recorder()
    parser.feed(b"half a li")
    parser.gap()
    parser.feed(b"whole\n")
    assert parser.lines == ["whole"]


def test_progress_changed_is_set_by_bytes_and_cleared_by_the_render() -> None:
    parser = Recorder()
    parser.feed(b"")
    assert not parser.progress_changed
    parser.feed(b"x")
    assert parser.progress_changed
    parser.progress_changed = False
    parser.idle()
    parser.finish(0)
    assert not parser.progress_changed


class Words(Parser):
    WARNINGS = ("Watermark",)
    ERRORS = {"No Licence": "licence", "broken": ""}
    FATAL_ERRORS = {"no such scene": "scene"}
    BAD_RESULTS = {"black pixels": "bad_output"}
    SUCCESSES = ("all done",)


def test_words_are_found_anywhere_without_regard_to_case() -> None:
    parser = Words()
    parser.feed(b"x WATERMARK x\nsorry: no licence today\nIt is BROKEN\n")
    assert parser.warning
    assert parser.error == "sorry: no licence today"
    assert parser.error_class == "licence"
    assert parser.verdict(None) == "error"


@pytest.mark.parametrize(
    ("text", "status", "verdict"),
    [
        ("", None, "progress"),
        ("", 0, "ok"),
        ("", 1, "error"),
        ("watermark", None, "warning"),
        ("watermark", 0, "ok"),
        ("broken", 0, "error"),
        ("no such scene", 0, "error"),
        ("black pixels", None, "bad_output"),
        ("black pixels", 0, "bad_output"),
        ("black pixels", 2, "error"),
        ("all done", None, "ok"),
        ("all done", -15, "ok"),
        ("all done\nbroken", -15, "error"),
    ],
)
def test_verdicts(text: str, status: int | None, verdict: str) -> None:
    parser = Words()
    parser.feed(text.encode() + b"\n")
    if status is not None:
        parser.finish(status)
    assert parser.verdict(status) == verdict


def test_words_of_a_base_parser_are_inherited() -> None:
    class More(Words):
        WARNINGS = ("smoke",)

    parser = More()
    parser.feed(b"broken\nsmoke\n")
    assert parser.error == "broken"
    assert parser.warning


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(ValueError, match="every line"):
        type("Empty", (Parser,), {"WARNINGS": ("",)})


def test_common_words() -> None:
    parser = Recorder(4)
    parser.feed(
        b"ACTIVITY: loading\nACTIVITY: meshing\nREPORT: 4 shots\n"
        b"Image: /p/a.1.exr\nx @IMAGE@/p/a.1.exr\n@IMAGE!@ /p/b.1.exr\n"
    )
    assert (parser.activity, parser.report) == ("meshing", "4 shots")
    assert parser.files == ["/p/a.1.exr", "/p/b.1.exr"]
    assert (parser.frame, parser.percent) == (1, 25)


@given(st.integers(-5, 50), st.integers(-5, 500), st.integers(-3, 12))
def test_percent_stays_in_its_bounds(frame: int, part: int, frames_num: int) -> None:
    parser = Parser(frames_num)
    parser.frame, parser.percentframe = frame, part
    parser.calculate()
    assert 0 <= parser.percent <= 100
    assert 0 <= parser.frame <= parser.frames_num
    assert 0 <= parser.percentframe <= 100


class Failing(Parser):
    ERRORS = {"bad thing": "crash"}

    def line(self, text: str) -> None:
        if text == "exit":
            raise SystemExit(3)
        raise KeyError(text)

    def tail(self, text: str) -> None:
        raise ValueError(text)

    def end(self, exit_status: int) -> None:
        raise RuntimeError("at the end")


def test_a_failing_parser_is_noted_and_does_no_harm() -> None:
    parser = Failing()
    parser.feed(b"one\nexit\nbad thing\nfour\n")
    parser.feed(b"half")
    parser.idle()
    parser.finish(0)
    assert parser.failures == 7
    assert parser.log == [
        "parser Failing: line failed: KeyError: 'one'",
        "parser Failing: line failed: SystemExit: 3",
        "parser Failing: line failed: KeyError: 'bad thing'",
        "parser: 7 failures in all",
    ]
    assert (parser.error, parser.error_class) == ("bad thing", "crash")


def test_odd_values_of_a_plug_in_are_brought_in_order() -> None:
    class Odd(Parser):
        def line(self, text: str) -> None:
            self.percent = 400
            self.frame = -3
            self.percentframe = "50"  # type: ignore[assignment]  # what a plug-in may do
            self.error = True  # type: ignore[assignment]
            self.activity = None  # type: ignore[assignment]

    parser = Odd()
    parser.feed(b"x\n")
    assert (parser.percent, parser.frame, parser.percentframe) == (100, 0, 50)
    assert (parser.error, parser.activity) == ("True", "")


def test_a_percent_that_is_no_number_becomes_unknown() -> None:
    class Odd(Parser):
        def line(self, text: str) -> None:
            self.percent = "many"  # type: ignore[assignment]  # what a plug-in may do

    parser = Odd()
    parser.feed(b"x\n")
    assert parser.percent == -1
    assert "many" in parser.log[0]


def test_files_and_log_are_bounded() -> None:
    class Chatty(Parser):
        def line(self, text: str) -> None:
            self.append_file(text)
            self.note(text)

    parser = Chatty()
    parser.feed(b"".join(b"/p/%d.exr\n" % number for number in range(20_000)))
    assert len(parser.files) == 10_000
    assert len(parser.log) == 100


@pytest.mark.parametrize("name", parser_names())
@pytest.mark.parametrize(
    "piece",
    [
        "Saved: x ",
        "| Saved: '",
        " ",
        "Render error ",
        "PROGRESS: ",
        "9",
        "[a] ",
        "time=1:",
        "\x1b[0",
    ],
)
def test_hostile_lines_cost_little(name: str, piece: str) -> None:
    """Patterns that take the square of a line's length must not stop the agent: 64 KiB lines."""
    parser, _ = make_parser(name)
    assert parser is not None
    for begin in ("", "Saved: x", "Fra:1 | Sample ", "PROGRESS: 1", "  Duration: 1"):
        parser.feed((begin + piece * (LINE_BYTES_MAX // len(piece)) + "\n").encode())
    assert parser.failures == 0
