"""How an ended run is judged (SEMANTICS 8.2, R18). Pure.

The order: the parser's verdict (error, fatal, success) is kept whatever the exit code says, because
it is what the text of the program said and because the stop that follows it is ours; then a stop
that somebody asked for; then a signal; then the exit code; then a bad result. Only what is left is
a success so far, to be confirmed by the check of the files and the post commands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from afanasy.model.states import RunEnd
from afanasy.render.events import OutputRead

#: Signals that a program gets for its own fault: SIGILL, SIGABRT, SIGBUS, SIGSEGV.
CRASH_SIGNALS: Final = frozenset({4, 6, 7, 11})
SIGKILL: Final = 9
_SIGNAL_NAMES: Final = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip
#: Ends that confirm a success: files are checked and post commands run.
GOOD: Final = frozenset({RunEnd.SUCCESS, RunEnd.PARSER_SUCCESS})


class Judgement(NamedTuple):
    """How the run ended, and what the task's log says about it."""

    status: RunEnd
    #: Exit code to report, -1 when there is none.
    exit_status: int
    signal: int
    error_class: str
    log: list[str]


def signal_of_status(status: int) -> int:
    """The signal n in a shell's 128 + n, 0 when the status is an ordinary exit code."""
    return status - 128 if 128 < status <= 192 else 0


def plain_status(status: int, wrapper_signal: int) -> int:
    """What parsers and services are told: the exit code, or -n for signal n."""
    signal = signal_of_status(status) if status >= 0 else wrapper_signal or SIGKILL
    return -signal if signal else status


def signal_name(number: int) -> str:
    """``SIGSEGV``, or ``signal 42`` for the others."""
    return _SIGNAL_NAMES.get(number, f"signal {number}")


def judge_end(
    *,
    status: int,
    wrapper_signal: int,
    stop_cause: str,
    verdict: int,
    verdict_line: str,
    read: OutputRead,
) -> Judgement:
    """The end of a run from its exit ``status`` (-1: none), its stop, its parser and service.

    ``verdict`` is the latched RunEnd of the parser or 0. A stop cause together with a verdict means
    that the verdict came first.
    """
    signal = signal_of_status(status) if status >= 0 else wrapper_signal
    exit_status = -1 if signal or status < 0 else status
    error_class = read.error_class
    if verdict:
        end = RunEnd(verdict)
        words = {
            RunEnd.PARSER_ERROR: "error found in the output",
            RunEnd.PARSER_FATAL: "fatal error found in the output",
            RunEnd.PARSER_SUCCESS: "success found in the output",
        }[end]
        good = end == RunEnd.PARSER_SUCCESS
        return Judgement(
            end, exit_status, signal, "" if good else error_class, [f"{words}: {verdict_line}"]
        )
    if stop_cause:
        return Judgement(RunEnd.KILLED, exit_status, signal, "", [f"stopped: {stop_cause}"])
    if read.exit_ok and status >= 0:
        if read.bad_result:
            line = f"bad result found in the output: {read.bad_result}"
            return Judgement(
                RunEnd.BAD_RESULT, exit_status, signal, error_class or "bad_output", [line]
            )
        return Judgement(RunEnd.SUCCESS, exit_status, signal, "", [])
    if signal == SIGKILL or status < 0:
        return Judgement(
            RunEnd.KILLED,
            -1,
            signal or SIGKILL,
            error_class or "crash",
            ["killed by the system, out of memory?"],
        )
    if signal:
        crash = "crash" if signal in CRASH_SIGNALS else ""
        return Judgement(
            RunEnd.KILLED, -1, signal, error_class or crash, [f"ended by {signal_name(signal)}"]
        )
    return Judgement(
        RunEnd.ERROR, exit_status, 0, error_class, [f"ended with exit status {exit_status}"]
    )
