"""An example of a program's output and what its parser must conclude of it.

Every parser carries its own in ``EXAMPLES``. One test runs those of all built-in parsers, and
``python -m afanasy.parsers.check --examples --plugins FOLDER`` those of a studio's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from afanasy.parsers.base import Parser


@dataclass(frozen=True, slots=True)
class Example:
    """``output`` of a task of ``frames_num`` frames, and the state of the parser after it.

    ``None`` means "not looked at". The five verdicts and ``error_class`` are always compared, so
    an example of good output proves that nothing is taken for an error. ``files`` and ``activity``
    are compared when they are given. ``exit_status`` None leaves the program running: ``end`` is
    not called. ``tail`` is an unfinished last line that stood still.
    """

    frames_num: int
    output: str
    percent: int | None = None
    frame: int | None = None
    percentframe: int | None = None
    warning: bool = False
    error: bool = False
    fatal_error: bool = False
    bad_result: bool = False
    finished_success: bool = False
    error_class: str = ""
    files: Sequence[str] = ()
    activity: str = ""
    report: str = ""
    tail: str = ""
    exit_status: int | None = None

    def differences(self, parser_class: type[Parser]) -> list[str]:
        """What a new parser concludes otherwise than this example says; empty = it holds."""
        parser = parser_class(self.frames_num)
        parser.feed(self.output.encode())
        if not self.output.endswith(("\n", "\r")):
            parser.feed(b"\n")
        if self.tail:
            parser.feed(self.tail.encode())
            parser.idle()
        if self.exit_status is not None:
            parser.finish(self.exit_status)
        found: list[tuple[str, object, object]] = [
            ("warning", self.warning, parser.warning),
            ("error", self.error, bool(parser.error)),
            ("fatal_error", self.fatal_error, bool(parser.fatal_error)),
            ("bad_result", self.bad_result, bool(parser.bad_result)),
            ("finished_success", self.finished_success, bool(parser.finished_success)),
            ("error_class", self.error_class, parser.error_class),
        ]
        wanted: list[tuple[str, object, object]] = [
            ("percent", self.percent, parser.percent),
            ("frame", self.frame, parser.frame),
            ("percentframe", self.percentframe, parser.percentframe),
            ("files", list(self.files) or None, parser.files),
            ("activity", self.activity or None, parser.activity),
            ("report", self.report or None, parser.report),
        ]
        found += [row for row in wanted if row[1] is not None]
        different = [
            f"{name} is {got!r}, the example says {expected!r}"
            for name, expected, got in found
            if got != expected
        ]
        return different + (parser.log if parser.failures else [])
