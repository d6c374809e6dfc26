"""The page of states: bits and words, bars, reasons, codes of tasks, ends of runs, errors."""

from __future__ import annotations

from typing import Final

from af.words import filled
from afanasy.core.place import checks_host, draining, reasons
from afanasy.core.run import cool_off, errors, holds, runs
from afanasy.core.tasks import Code, st_of
from afanasy.core.why.reasons_help import HELP
from afanasy.model.states import JOB_WORDS, RENDER_WORDS, RenderSt, RunEnd, St, job_state_text
from afanasy.model.states_help import (
    ENDS,
    ERROR_CLASSES,
    NEVER,
    RENDERS,
    RENDERS_NEVER,
    STATES,
)
from afanasy.reference.markdown import code, head, join, table
from afanasy.server.show.view_bar import LETTERS, letter

#: Ends that no render reports.
_OWN_ENDS: Final = {
    runs.END_DEREGISTERED: "Its render said goodbye and ended it. The task is ready again.",
    runs.END_LOST: "Its render stayed away too long. The task is ready again.",
    runs.END_NEVER_BEGAN: "Its render came back without it. The task is ready again.",
}
#: Letter of a bar → what it stands for.
BARS: Final = {
    " ": "no task",
    "D": "done",
    "U": "suspended",
    "S": "skipped",
    "G": "done, with a warning",
    "r": "ready",
    "T": "tried next",
    "W": "waits for other blocks or tasks",
    "R": "running",
    "N": "running, with a warning",
    "Y": "failed, and tried again",
    "E": "failed",
    "C": "its render is away",
}
#: Circles of checks, in the order in which they are asked; each begins with this reason.
_CIRCLES: Final = (
    ("user_priority_zero", "Of the work itself"),
    ("render_offline", "Of a render"),
    ("NIMBY", "Of the work on a render"),
)


def page() -> str:
    """The whole page."""
    return join(
        [
            head(
                "Reference: states, reasons, ends",
                "What the words in lists and answers mean. "
                "[explain/how-it-decides.md](../explain/how-it-decides.md) tells how they come "
                "about.",
            ),
            "## States of jobs, blocks and tasks",
            "`st` has the bits, `state` their words.",
            table(
                ["word", "bit", "of a task", "of a block or job"],
                [
                    [
                        code(st.name or ""),
                        str(st.bit_length() - 1),
                        STATES[st][0],
                        STATES[st][1] if st not in NEVER else "never set",
                    ]
                    for st in St
                ],
            ),
            "The words stand in this order: "
            + " ".join(code(word) for _, word in JOB_WORDS)
            + ". PFE has no word.",
            "## What a task can be",
            table(
                ["task", "state", "letter"],
                [
                    [
                        one.name.lower(),
                        code(job_state_text(st_of(one, 0)).strip()),
                        code(letter(one)),
                    ]
                    for one in Code
                ],
            ),
            "## Letters of bars",
            "`p_progressbar` of a block has 128 letters; each shows the most important of the "
            "tasks that it stands for. By rising importance:",
            table(["letter", "meaning"], [[code(sign), BARS[sign]] for sign in LETTERS]),
            "## States of renders",
            table(
                ["word", "bit", "meaning"],
                [
                    [
                        code(_render_word(st)),
                        str(st.bit_length() - 1),
                        RENDERS[st] + (" Never set." if st in RENDERS_NEVER else ""),
                    ]
                    for st in RenderSt
                ],
            ),
            "## Reasons",
            "Why something does not start: `code` and sentence of `afcmd why` and of the mode "
            "`explain`, and what ends it.",
            *_reasons(),
            "## Ends of runs",
            table(
                ["status", "name", "meaning"],
                [
                    *([str(int(end)), code(end.name.lower()), ENDS[end]] for end in RunEnd),
                    *([str(number), "", text] for number, text in _OWN_ENDS.items()),
                ],
            ),
            "## Classes of errors",
            "A parser, a service or the server says what kind of error it was.",
            table(
                ["class", "what follows"],
                [[code(name) or "(none)", text] for name, text in ERROR_CLASSES.items()],
            ),
            "## Times and counts",
            table(["what", "how much"], _figures()),
        ]
    )


def _render_word(st: RenderSt) -> str:
    words = dict(RENDER_WORDS)
    return words.get(st, st.name or "")


def _reasons() -> list[str]:
    parts: list[str] = []
    rows: list[list[str]] = []
    circles = dict(_CIRCLES)

    def flush() -> None:
        if rows:
            parts.append(table(["code", "sentence", "what ends it"], rows))
            rows.clear()

    for reason, sentence in reasons.SENTENCES.items():
        if reason in circles:
            flush()
            parts.append(f"### {circles[reason]}")
        shown = filled(sentence, "……………").replace("……", "…")
        shown = "(says which)" if sentence == "{0}" else shown
        rows.append([code(reason), shown, HELP[reason]])
    flush()
    return parts


def _figures() -> list[list[str]]:
    return [
        ["wait before a retry", f"1, 2, 4 … at most {errors.RETRY_WAIT_MAX_S} s"],
        ["errors in a row on a host, no success between, after which it cools off",
         f"{cool_off.COOL_ERRORS}, of at least {cool_off.COOL_JOBS} jobs"],
        ["first cool-off, longest", f"{cool_off.COOL_FIRST_S:g} s, {cool_off.COOL_MAX_S:g} s"],
        ["first rest of a service without a licence, longest",
         f"{holds.FIRST_S:g} s, {holds.MAX_S:g} s"],
        ["an ejected task stays away", f"{checks_host.EJECT_AWAY_S:g} s"],
        ["work is refused for want of room before a host is kept free for it",
         f"{draining.STARVED_S:g} s"],
    ]  # fmt: skip
