"""Logs of real programs come out as their table says, however their bytes are cut."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afanasy.parsers.base import Parser
from afanasy.parsers.blender import MISSING_FILE
from afanasy.parsers.registry import make_parser

LOGS = Path(__file__).parents[1] / "data" / "logs"


class Row(NamedTuple):
    file: str
    service: str
    status: int | None
    frames: int
    percent: int
    error_class: str
    verdict: str
    files: list[str]


def rows() -> list[Row]:
    with (LOGS / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return [
            Row(
                row["file"],
                row["service"],
                int(row["rc"]) if row["rc"] else None,
                int(row["numframes"]),
                -1 if row["percent"] == "-" else int(row["percent"]),
                row["class"],
                row["verdict"],
                row["files"].split(),
            )
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def output(row: Row) -> bytes:
    text = (LOGS / row.file).read_bytes()
    if "_missingtex" in row.file:
        # Blender's own log does not tell; the service's look before the render prints this.
        text = f"{MISSING_FILE}/mnt/prj/shot010/does_not_exist.png\n".encode() + text
    return text if text.endswith(b"\n") else text + b"\n"


def new_parser(row: Row) -> Parser:
    parser, note = make_parser(row.service, (), row.frames)
    assert parser is not None
    assert note == ""
    return parser


def state(parser: Parser) -> dict[str, object]:
    hidden = {"_tail_told", "progress_changed"}
    return {name: value for name, value in vars(parser).items() if name not in hidden}


def whole(row: Row) -> Parser:
    parser = new_parser(row)
    parser.feed(output(row))
    if row.status is not None:
        parser.finish(row.status)
    return parser


ROWS = rows()
IDS = [row.file for row in ROWS]


def test_every_log_has_a_row() -> None:
    logs = {path.name for path in LOGS.glob("*.log")} | {"ffmpeg_progress_pipe.stdout"}
    assert logs - {row.file for row in ROWS} == {"ffmpeg_progress_pipe.log"}
    assert len(ROWS) == 20


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_log_comes_out_as_the_table_says(row: Row) -> None:
    parser = whole(row)
    assert parser.verdict(row.status) == row.verdict
    assert parser.percent == row.percent
    assert parser.error_class == row.error_class
    assert len(parser.files) == len(row.files)
    for got, expected in zip(parser.files, row.files, strict=True):
        assert got == expected or got.endswith("/" + expected)
    assert parser.log == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.status is not None], ids=str)
def test_the_exit_status_of_the_table_is_the_recorded_one(row: Row) -> None:
    recorded = (LOGS / row.file).with_suffix(".rc")
    if recorded.exists():
        assert recorded.read_text().strip() == f"rc={row.status}"


@pytest.mark.parametrize("row", ROWS, ids=IDS)
@given(data=st.data())
def test_any_cutting_gives_the_same(row: Row, data: st.DataObject) -> None:
    text = output(row)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    idle = data.draw(st.booleans())
    parser = new_parser(row)
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        parser.feed(text[start:stop])
        if idle:
            parser.idle()
    if row.status is not None:
        parser.finish(row.status)
    assert state(parser) == state(whole(row))


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_byte_by_byte_gives_the_same(row: Row) -> None:
    parser = new_parser(row)
    for byte in output(row):
        parser.feed(bytes([byte]))
    if row.status is not None:
        parser.finish(row.status)
    assert state(parser) == state(whole(row))


@pytest.mark.parametrize("row", [row for row in ROWS if "_missingtex" in row.file], ids=str)
def test_a_missing_texture_cannot_be_told_from_the_log_alone(row: Row) -> None:
    parser = new_parser(row)
    parser.feed((LOGS / row.file).read_bytes())
    parser.finish(0)
    assert parser.verdict(0) == "ok"


def test_status_lines_and_progress_blocks_in_one_stream() -> None:
    """With ``-progress pipe:1`` and both streams in one file the verdict is the same."""
    parser, _ = make_parser("ffmpeg", (), 192)
    assert parser is not None
    parser.feed((LOGS / "ffmpeg_progress_pipe.log").read_bytes())
    parser.feed((LOGS / "ffmpeg_progress_pipe.stdout").read_bytes())
    parser.finish(0)
    assert (parser.percent, parser.verdict(0)) == (100, "ok")


def test_a_complete_encode_of_unknown_length_is_good() -> None:
    parser, _ = make_parser("ffmpeg", (), 1)
    assert parser is not None
    parser.feed((LOGS / "ffmpeg_encode_ok.log").read_bytes())
    parser.finish(0)
    assert (parser.percent, parser.verdict(0)) == (-1, "ok")


def test_a_gap_is_found_without_a_frame_count() -> None:
    parser, _ = make_parser("ffmpeg", (), 1)
    assert parser is not None
    parser.feed((LOGS / "ffmpeg_sequence_gap.log").read_bytes())
    parser.finish(0)
    assert (parser.verdict(0), parser.error_class) == ("bad_output", "missing_frames")
    assert "f.0010.png" in parser.bad_result
