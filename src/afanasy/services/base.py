"""How a task becomes a command line, and what its exit means: the base class of services.

One service object is made for each start of a task, on the render. It fills the patterns of the
block with the task's frames (SEMANTICS 1.4), names the files the task is to make, and judges exit
status and files (SEMANTICS 9.1). A program that needs nothing of its own has an empty subclass with
its default parser.

Checks and post commands may be asked again by a restarted agent, so they change nothing (R43).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, ParamSpec, TypeVar

from af import config, numeric
from af.pathmap import PathMap
from af.words import plural

#: Bits of a block's flags.
FLAG_NUMERIC: Final = 1 << 0
FLAG_SKIP_EXISTING_FILES: Final = 1 << 6
FLAG_CHECK_RENDERED_FILES: Final = 1 << 7

CAPACITY_MARK: Final = "@AF_CAPACITY@"
HOSTS_MARK: Final = "@AF_HOSTS@"
#: Where ``deletefiles`` may delete (R23).
ROOTS_VARIABLE: Final = "AF_DELETE_ROOTS"

#: Signals that mean the program itself broke, by name: Windows lacks some.
_CRASHES: Final = frozenset(
    int(getattr(signal, name))
    for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE")
    if hasattr(signal, name)
)
_TAIL_WORDS: Final = (
    ("no space left on device", "storage"),
    ("read-only file system", "storage"),
    ("cannot allocate memory", "memory"),
    ("memoryerror", "memory"),
    ("std::bad_alloc", "memory"),
)


@dataclass(slots=True)
class TaskInfo:
    """Everything a service may know of the task that starts; lists and texts as submitted."""

    job_id: int = 0
    job_serial: int = 0
    job_name: str = ""
    user_name: str = ""
    block_num: int = 0
    block_name: str = ""
    task_num: int = 0
    task_name: str = ""
    #: Which start of the task this is, from 1.
    number: int = 1
    service: str = "generic"
    #: "" = the service's default, "-" and "none" = none (R47).
    parser: str = ""
    parser_coeff: int = 1
    command_block: str = ""
    command_task: str = ""
    working_directory: str = ""
    #: The block's values with the task's over them.
    environment: dict[str, str] = field(default_factory=dict[str, str])
    files_block: list[str] = field(default_factory=list[str])
    files_task: list[str] = field(default_factory=list[str])
    flags: int = 0
    frame_start: int = 1
    frame_finish: int = 1
    frames_inc: int = 1
    frames_num: int = 1
    capacity: int = 1000
    capacity_coeff: int = 1
    hosts: list[str] = field(default_factory=list[str])
    tickets: dict[str, int] = field(default_factory=dict[str, int])
    #: Bytes; ≤ 0 = no bound.
    file_size_min: int = -1
    file_size_max: int = -1
    job_custom_data: str = ""
    block_custom_data: str = ""
    user_custom_data: str = ""
    run_dir: str = ""
    #: The job's folders and the working directories of its blocks.
    job_folders: list[str] = field(default_factory=list[str])

    @property
    def numeric(self) -> bool:
        """A task of frames; else a task of a list block, with a text of its own."""
        return bool(self.flags & FLAG_NUMERIC)


class Service:
    """The service of one start of a task. Lines in ``log`` are shown in the task's log."""

    #: Name of the default parser, "" = none.
    parser: ClassVar[str] = ""

    def __init__(self, task: TaskInfo) -> None:
        self.task = task
        self.log: list[str] = []
        self._path_map: PathMap | None = None

    # -- before the start

    @property
    def path_map(self) -> PathMap:
        """This host's paths map, read once for each start. Raises ValueError: it makes no sense."""
        if self._path_map is None:
            self._path_map = config.path_map()
        return self._path_map

    def client_path(self, text: str) -> str:
        """A path, or a text with paths in it, as this host spells it (SEMANTICS 11)."""
        return self.path_map.to_client(text)

    def server_path(self, text: str) -> str:
        """The other way round: a path of this host as the server and other hosts know it."""
        return self.path_map.to_server(text)

    def command(self) -> str:
        """The command line for the shell; "" = the task cannot start, the reason is in ``log``.

        Paths are mapped when the pattern is filled, before capacity and hosts (SEMANTICS 9.1).
        """
        task = self.task
        if task.numeric:
            filled = numeric.fill_numbers(task.command_block, task.frame_start, task.frame_finish)
        else:
            filled = numeric.fill_text(task.command_block, task.command_task)
        filled = self.apply_hosts(self.apply_capacity(self.client_path(filled)))
        if not filled.strip():
            self.log.append("the command is empty")
            return ""
        return filled

    def apply_capacity(self, command: str) -> str:
        """The coefficient of variable capacity, 1 without (SEMANTICS 3.8, R28)."""
        return command.replace(CAPACITY_MARK, str(max(1, self.task.capacity_coeff)))

    def apply_hosts(self, command: str) -> str:
        """``-H host,host`` of the hosts of the task; nothing when there are none (R31)."""
        hosts = ",".join(self.task.hosts)
        return command.replace(HOSTS_MARK, f"-H {hosts}" if hosts else "")

    def working_directory(self) -> str:
        """Where the command runs, "" = not said."""
        return self.client_path(self.task.working_directory)

    def environment(self) -> dict[str, str]:
        """Values for the command, over those of the render itself (SEMANTICS 1.6)."""
        task = self.task
        values = {name: self.client_path(value) for name, value in task.environment.items()}
        if roots := self.delete_roots():
            values.setdefault(ROOTS_VARIABLE, os.pathsep.join(roots))
        values["AF_JOB_ID"] = str(task.job_id)
        values["AF_JOB_SERIAL"] = str(task.job_serial)
        values["AF_BLOCK_ID"] = str(task.block_num)
        values["AF_TASK_ID"] = str(task.task_num)
        return values

    def delete_roots(self) -> list[str]:
        """Folders in which ``deletefiles`` may delete: the job's own (R23), as this host has them.

        What is no absolute path, a whole disk, or cannot be told apart in a list is none.
        """
        return allowed_roots([self.client_path(path) for path in self.task.job_folders if path])

    def files(self) -> list[str]:
        """The files that the task is to make, each once, as the block's patterns name them."""
        task = self.task
        if task.numeric:
            start, finish = task.frame_start, task.frame_finish
            found = numeric.numeric_files(task.files_block, start, finish, task.frames_inc)
        else:
            found = numeric.list_files(task.files_block, task.files_task)
        return [self.client_path(name) for name in dict.fromkeys(found) if name]

    def skip(self) -> bool:
        """Whether all is there already: the flag ``skipexistingfiles``, and all files exist."""
        if not self.task.flags & FLAG_SKIP_EXISTING_FILES:
            return False
        names = self.files()
        if not names or any(self._file_fault(name) for name in names):
            return False
        self.log.append(f"skipped: {len(names)} file(s) exist already")
        return True

    def parser_name(self) -> str:
        """The parser to use: the block's own, else this service's default; "" = none (R47)."""
        name = self.task.parser or self.parser
        return "" if name in ("-", "none") else name

    # -- after the end

    def parsed_files(self, names: list[str]) -> list[str]:
        """The files that the parser saw, as the server knows them."""
        return [self.server_path(name) for name in names]

    def exit_ok(self, status: int) -> bool:
        """Whether an exit status is a success; negative ones are signals."""
        return status == 0

    def check_files(self) -> str:
        """Why the rendered files are bad, "" = good: the flag ``checkrenderedfiles``."""
        if not self.task.flags & FLAG_CHECK_RENDERED_FILES:
            return ""
        names = self.files()
        faults = [fault for name in names if (fault := self._file_fault(name))]
        more = f" (and {len(faults) - 1} of {len(names)} more)" if len(faults) > 1 else ""
        return faults[0] + more if faults else ""

    def post_commands(self) -> list[str]:
        """Commands to run after a success, none by default."""
        return []

    def error_class(self, status: int, text_tail: str) -> str:
        """Class of an error that the parser did not class (R18); "" = unknown.

        ``text_tail`` is the end of the output.
        """
        if -status in _CRASHES or status - 128 in _CRASHES:
            return "crash"
        low = text_tail.lower()
        return next((found for words, found in _TAIL_WORDS if words in low), "")

    def _file_fault(self, name: str) -> str:
        path = Path(self.working_directory()) / name
        try:
            size = path.stat().st_size if path.is_file() else -1
        except OSError as problem:
            return f"{name} cannot be looked at: {problem.strerror}"
        low, high = self.task.file_size_min, self.task.file_size_max
        if size < 0:
            return f"{name} does not exist"
        if 0 < low > size:
            return f"{name} has {plural(size, 'byte')}, less than {low}"
        if 0 < high < size:
            return f"{name} has {plural(size, 'byte')}, more than {high}"
        return ""


def allowed_roots(paths: Iterable[str]) -> list[str]:
    """Each path once, without those in which nothing may be deleted."""
    return [
        path
        for path in dict.fromkeys(os.path.normpath(path) for path in paths)
        if Path(path).is_absolute() and Path(path).parent != Path(path)
        if os.pathsep not in path
    ]


_Params = ParamSpec("_Params")
_Answer = TypeVar("_Answer")


def ask(
    service: Service,
    fallback: _Answer,
    method: Callable[_Params, _Answer],
    *args: _Params.args,
    **named: _Params.kwargs,
) -> _Answer:
    """The answer of a service's method; ``fallback`` when a studio's plug-in fails in it.

    An exception, or an answer of another type than the fallback's, is written to the service's
    log: no plug-in may hurt the agent.
    """
    name = f"service {type(service).__name__}: {getattr(method, '__name__', 'method')}"
    try:
        answer = method(*args, **named)
    except (Exception, SystemExit) as problem:
        service.log.append(f"{name} failed: {type(problem).__name__}: {problem}")
        return fallback
    if not isinstance(answer, type(fallback)):
        service.log.append(f"{name} answered {answer!r}: {fallback!r} is used")
        return fallback
    return answer
