"""One question by SQL in a process of its own, which is killed when it does not end.

Of a statement that a stranger wrote nobody knows what it costs, not even to prepare (see
:mod:`afanasy.store.sql`). The process has little memory, little processor time, low priority, and
no connection of the server; starting it takes some hundredths of a second. It reads the question
from standard input and writes the answer to standard output, both as JSON.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from afanasy.model.errors import UserError
from afanasy.store import sql

#: Address space of the process.
MEMORY_BYTES: Final = 1 << 30
#: What starting and answering may take besides the statement.
GRACE_S: Final = 10
_NICE: Final = 10


class _Question(msgspec.Struct):
    path: str
    query: str
    limit: int
    timeout_s: int


class _Answer(msgspec.Struct, omit_defaults=True):
    table: sql.Table | None = None
    #: Code, message, hint, field.
    error: tuple[str, str, str, str] | None = None


class Processes:
    """The questions that are being asked, to be ended together."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def close(self) -> None:
        """Kill all, now and in the future."""
        self._closed = True
        for process in list(self._running):
            process.kill()

    def ask(self, path: Path, query: str, limit: int, timeout_s: int) -> sql.Table:
        """The rows of one statement; blocks until they are there. Raises UserError."""
        question = msgspec.json.encode(_Question(str(path), query, limit, timeout_s))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "afanasy.store.sql_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._running.add(process)
        try:
            if self._closed:
                process.kill()
            told, complaint = process.communicate(question, timeout_s + GRACE_S)
        except subprocess.TimeoutExpired:
            raise sql.timed_out(timeout_s) from None
        finally:
            process.kill()
            process.communicate()
            self._running.discard(process)
        if self._closed:
            raise UserError("stopping", "the server stops", "ask again when it is back")
        if process.returncode == -signal.SIGXCPU:
            raise sql.timed_out(timeout_s)
        if process.returncode < 0 or b"MemoryError" in complaint:
            raise sql.too_big()
        if process.returncode:
            raise RuntimeError(complaint.decode("utf-8", "replace")[-2000:])
        answer = msgspec.json.decode(told, type=_Answer)
        if answer.error is not None:
            code, message, hint, field = answer.error
            raise UserError(code, message, hint, field=field)
        assert answer.table is not None, "an answer has a table or an error"
        return answer.table


def main() -> int:
    """The process itself."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=_Question)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    cpu_s = question.timeout_s + GRACE_S
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)
    try:
        table = sql.ask(
            Path(question.path), question.query,
            limit=question.limit, timeout_s=question.timeout_s,
        )  # fmt: skip
        answer = msgspec.json.encode(_Answer(table=table))
    except UserError as error:
        told = (error.code, error.message, error.hint, error.field)
        answer = msgspec.json.encode(_Answer(error=told))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
