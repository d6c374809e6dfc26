"""State bits, their words, and the codes a run can end with.

Bits and words are those of PROTOCOL 3.4; the words are written each preceded by a space, in the
fixed order of :data:`JOB_WORDS`, because GUIs and scripts parse that text.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class St(IntFlag):
    """State bits of a job, block or task (SEMANTICS 2.1)."""

    RDY = 1 << 0
    RUN = 1 << 1
    WDP = 1 << 2
    WTM = 1 << 3
    DON = 1 << 4
    ERR = 1 << 5
    STO = 1 << 6
    STE = 1 << 7
    SKP = 1 << 8
    OFF = 1 << 9
    WRN = 1 << 10
    PER = 1 << 11
    PBR = 1 << 12
    PSC = 1 << 13
    FPO = 1 << 14
    BRF = 1 << 15
    PPA = 1 << 16
    RER = 1 << 17
    WRC = 1 << 18
    TRY = 1 << 19
    SUS = 1 << 20
    PFE = 1 << 21


JOB_WORDS: Final = (
    (St.RDY, "RDY"), (St.RUN, "RUN"), (St.DON, "DON"), (St.ERR, "ERR"), (St.SKP, "SKP"),
    (St.OFF, "OFF"), (St.WRN, "WRN"), (St.PER, "PER"), (St.PBR, "PBR"), (St.PSC, "PSC"),
    (St.WDP, "WDP"), (St.WTM, "WTM"), (St.STO, "STO"), (St.STE, "STE"), (St.PPA, "PPA"),
    (St.RER, "RER"), (St.WRC, "WRC"), (St.TRY, "TRY"), (St.SUS, "SUS"),
)  # fmt: skip


class RenderSt(IntFlag):
    """State bits of a render (SEMANTICS 2.4)."""

    ONL = 1 << 0
    NIMBY = 1 << 1
    NIMBY_ALL = 1 << 2
    RUN = 1 << 3
    DRT = 1 << 4
    WFL = 1 << 5
    WSL = 1 << 6
    WWK = 1 << 7
    PAU = 1 << 8
    SIC = 1 << 9


RENDER_WORDS: Final = (
    (RenderSt.NIMBY, "NbY"), (RenderSt.NIMBY_ALL, "NBY"), (RenderSt.RUN, "RUN"),
    (RenderSt.DRT, "DRT"), (RenderSt.WFL, "WFL"), (RenderSt.WSL, "WSL"), (RenderSt.WWK, "WWK"),
    (RenderSt.PAU, "PAU"), (RenderSt.SIC, "SIC"),
)  # fmt: skip


class RunEnd(IntEnum):
    """How a run ended, as a render reports it (the terminal codes of SEMANTICS 2.2)."""

    SUCCESS = 5
    ERROR = 6
    #: Stopped by us or ended by a signal.
    KILLED = 7
    PARSER_ERROR = 8
    PARSER_FATAL = 9
    BAD_RESULT = 10
    PARSER_SUCCESS = 11
    FAILED_POST = 12
    BAD_FILES = 13
    SKIP = 20
    FAILED_TO_START = 23


def job_state_text(st: int) -> str:
    """``" RDY OFF"`` for the bits of a job, block or task."""
    return "".join(" " + word for bit, word in JOB_WORDS if st & bit)


def render_state_text(st: int) -> str:
    """``" ONL NBY"`` for the bits of a render; ONL or OFF always comes first."""
    first = " ONL" if st & RenderSt.ONL else " OFF"
    return first + "".join(" " + word for bit, word in RENDER_WORDS if st & bit)
