"""What the words of states and the ends of runs mean, for the reference pages.

Beside :mod:`afanasy.model.states` and not in it: no program that runs needs these sentences. A test
makes sure that no bit and no end lacks one.
"""

from __future__ import annotations

from typing import Final

from afanasy.model.states import RenderSt, RunEnd, St

#: Bit → (its meaning for a task, its meaning for a block or job; "" = it never has it).
STATES: Final[dict[St, tuple[str, str]]] = {
    St.RDY: ("It can start.", "Some task can start."),
    St.RUN: ("It runs.", "Some task runs."),
    St.WDP: (
        "Its block waits for other blocks, or it for tasks of the same frames.",
        "It waits for other blocks or jobs to be done.",
    ),
    St.WTM: ("", "The job waits for its start time."),
    St.DON: ("It is done.", "All tasks are done or skipped."),
    St.ERR: ("It failed and is not tried again by itself.", "Some task is in that state."),
    St.STO: ("", ""),
    St.STE: ("", ""),
    St.SKP: ("It was skipped; it counts as done.", "Some task was skipped."),
    St.OFF: ("", "The job is paused, or goes when its tasks are stopped."),
    St.WRN: ("Its output has a warning.", "Some task has a warning."),
    St.PER: ("The parser found an error.", ""),
    St.PBR: ("The parser found a bad result.", ""),
    St.PSC: ("The parser called it a success.", ""),
    St.FPO: ("A command after the task failed; the task is done.", ""),
    St.BRF: ("A result file is missing or of a wrong size.", ""),
    St.PPA: ("", "The preview of the job is done; the rest waits until `ppa` is switched off."),
    St.RER: ("It failed and is tried again, after a while when it is not RDY at once.", ""),
    St.WRC: ("Its render is away; it is waited for.", "Some task waits for its render."),
    St.TRY: ("It is tried before all others.", ""),
    St.SUS: ("A person suspended it, or it is held.", "Some task is suspended."),
    St.PFE: ("The parser found an error that another try cannot mend.", ""),
}

RENDERS: Final[dict[RenderSt, str]] = {
    RenderSt.ONL: "Its agent is connected; the word is OFF when it is not.",
    RenderSt.NIMBY: "It takes only tasks of its owner.",
    RenderSt.NIMBY_ALL: "It takes no tasks.",
    RenderSt.RUN: "It runs tasks.",
    RenderSt.DRT: "An operator set its capacity or its most tasks.",
    RenderSt.WFL: "It falls asleep.",
    RenderSt.WSL: "It sleeps.",
    RenderSt.WWK: "It is being woken.",
    RenderSt.PAU: "It takes no new tasks.",
    RenderSt.SIC: "It cools off after too many errors, or is sick: the tasks of too many users "
    "failed there.",
}
#: Bits of the protocol which this server never sets.
NEVER: Final = frozenset({St.STO, St.STE})
RENDERS_NEVER: Final[frozenset[RenderSt]] = frozenset()

ENDS: Final[dict[RunEnd, str]] = {
    RunEnd.SUCCESS: "The command succeeded. The task is done.",
    RunEnd.ERROR: "The exit status is none that the service accepts. An error.",
    RunEnd.KILLED: "Stopped by us, or ended by a signal. An error unless somebody asked for it.",
    RunEnd.PARSER_ERROR: "The parser found an error and the command was stopped. An error.",
    RunEnd.PARSER_FATAL: "The parser found an error that another try cannot mend. An error, final.",
    RunEnd.BAD_RESULT: "The command ended well and its result is bad, says the parser. An error.",
    RunEnd.PARSER_SUCCESS: "The parser saw that all is done and the command was stopped. Done.",
    RunEnd.FAILED_POST: "The command succeeded, a command after it failed. Done.",
    RunEnd.BAD_FILES: "A result file is missing or of a wrong size. An error.",
    RunEnd.SKIP: "The result files exist already. The task is skipped.",
    RunEnd.FAILED_TO_START: "The command could not be started. An error.",
}

#: Class of an error → what follows from it (R18).
ERROR_CLASSES: Final = {
    "": "No class: an error like any other. The task is tried again; the host is counted.",
    "licence": "No error of task or host: the task is ready again, and its *service* rests on the "
    "whole farm for 30 seconds, doubling up to 10 minutes; then one task is tried.",
    "memory": "Tried again, counted for the lists of hosts; the host does not cool off for it.",
    "missing_input": "Final at once; not counted against the host.",
    "scene": "Final at once; not counted against the host.",
    "storage": "Tried again; the block avoids the host at once.",
    "crash": "Tried again; the host is counted.",
    "bad_output": "Tried again, counted for the lists of hosts; the host does not cool off for it.",
    "missing_frames": "A film is shorter than its task. As `bad_output`.",
    "timeout": "The task ran too long, or without progress. As `bad_output`.",
}
