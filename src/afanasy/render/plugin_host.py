"""The service and the parser of one run, called so that no plug-in can hurt the agent.

Loading and calling are guarded where they are (:mod:`afanasy.services.base`,
:mod:`afanasy.parsers.base`); what a plug-in does wrong becomes a line of the task's log. Here is
what the render makes of them: what to spawn, which verdict the parser has, what progress to report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from af.settings import CATALOGUE
from afanasy.model.states import RunEnd
from afanasy.parsers.base import Parser
from afanasy.parsers.registry import make_parser
from afanasy.render.events import OutputRead
from afanasy.services.base import (
    FLAG_CHECK_RENDERED_FILES,
    FLAG_SKIP_EXISTING_FILES,
    Service,
    TaskInfo,
    ask,
)
from afanasy.services.registry import make_service
from afanasy.wire.stream import Block, Start

#: Output that a service may look at to class an error.
TAIL_BYTES: Final = 16 * 1024
#: Variables that are not for the eyes of tasks.
SECRETS: Final = ("AF_TOKEN", *(setting.variable for setting in CATALOGUE if setting.secret))


class ToSpawn(NamedTuple):
    """What the wrapper is given."""

    command: str
    directory: str
    environment: dict[str, str]


def task_info(start: Start, block: Block, run_dir: str, host: str) -> TaskInfo:
    """What a service may know, from the two messages."""
    return TaskInfo(
        job_id=block.job_id,
        job_serial=block.job_serial,
        job_name=block.job_name,
        user_name=block.user_name,
        block_num=block.block_num,
        block_name=block.block_name,
        task_num=start.task,
        task_name=start.task_name,
        number=start.number,
        service=block.service,
        parser=block.parser,
        parser_coeff=block.parser_coeff,
        command_block=block.command,
        command_task=start.command,
        working_directory=block.working_directory,
        environment={**block.environment, **start.environment},
        files_block=block.files,
        files_task=start.files,
        flags=block.flags,
        frame_start=start.frame_start,
        frame_finish=start.frame_finish,
        frames_inc=block.frames_inc,
        frames_num=start.frames_num,
        capacity=block.capacity,
        capacity_coeff=start.capacity_coeff,
        hosts=[host],
        tickets=block.tickets,
        file_size_min=block.file_size_min,
        file_size_max=block.file_size_max,
        job_custom_data=block.job_custom_data,
        block_custom_data=block.block_custom_data,
        user_custom_data=block.user_custom_data,
        run_dir=run_dir,
        job_folders=block.job_folders,
    )


class TaskHost:
    """Service and parser of one run."""

    def __init__(
        self, start: Start, block: Block, run_dir: str, host: str, folders: Sequence[Path]
    ) -> None:
        self.run = start.run
        self.log: list[str] = []
        self._told = 0
        self.info = info = task_info(start, block, run_dir, host)
        self.service, note = make_service(info, folders)
        self._note(note)
        self.parser: Parser | None
        name = ask(self.service, "", self.service.parser_name)
        self.parser, note = make_parser(
            name,
            folders,
            max(1, info.frames_num) * max(1, info.parser_coeff),
            info.frame_start,
            info.frames_inc,
        )
        self._note(note)
        self.checks_files = bool(info.flags & FLAG_CHECK_RENDERED_FILES)
        #: Skipping looks at files, which may take long: not for the loop's thread.
        self.may_skip = bool(info.flags & FLAG_SKIP_EXISTING_FILES) or (
            type(self.service).skip is not Service.skip
        )

    def _note(self, note: str) -> None:
        if note:
            self.log.append(note)

    # ------------------------------------------------------------------------- the start

    def skip(self) -> bool:
        """The service says that there is nothing to do."""
        return self.may_skip and ask(self.service, False, self.service.skip)

    def to_spawn(
        self, inherited: Mapping[str, str], tag: int, programs: str = ""
    ) -> ToSpawn | None:
        """Command, directory and environment; None = cannot start, the reason is in the log.

        ``programs`` is the folder of our own programs: tasks find them behind all others (R23).
        """
        service, info = self.service, self.info
        command = ask(service, "", service.command)
        if not command.strip():
            if not service.log:
                service.log.append(f"service {info.service} gave no command")
            return None
        directory = ask(service, "", service.working_directory)
        # The tag comes first, where a look at a large environment finds it.
        environment = {"AF_TAG": str(tag), **inherited}
        for name in SECRETS:
            environment.pop(name, None)
        environment.update(ask(service, dict[str, str](), service.environment))
        if programs:
            environment["PATH"] = with_programs(environment.get("PATH", ""), programs)
        environment["AF_JOB_ID"] = str(info.job_id)
        environment["AF_JOB_SERIAL"] = str(info.job_serial)
        environment["AF_BLOCK_ID"] = str(info.block_num)
        environment["AF_TASK_ID"] = str(info.task_num)
        environment["AF_TASK_NUMBER"] = str(info.number)
        environment["AF_RUN_ID"] = str(self.run)
        fault = _spawn_fault(command, directory, environment)
        if fault:
            service.log.append(fault)
            return None
        return ToSpawn(command, directory, environment)

    # ---------------------------------------------------------------------- the running

    def feed(self, data: bytes, gap: bool) -> bool:
        """Give output to the parser; whether there was progress (R19)."""
        parser = self.parser
        if parser is None:
            return bool(data)
        if gap:
            parser.gap()
        parser.feed(data)
        return self._progress()

    def idle(self) -> bool:
        """No newline for a while; whether there was progress."""
        if self.parser is None:
            return False
        self.parser.idle()
        return self._progress()

    def _progress(self) -> bool:
        changed = bool(self.parser and self.parser.progress_changed)
        if self.parser is not None:
            self.parser.progress_changed = False
        return changed

    def verdict(self) -> tuple[RunEnd, str] | None:
        """The parser decided how the run ends: fatal before error before success."""
        parser = self.parser
        if parser is None:
            return None
        if parser.fatal_error:
            return RunEnd.PARSER_FATAL, parser.fatal_error
        if parser.error:
            return RunEnd.PARSER_ERROR, parser.error
        if parser.finished_success:
            return RunEnd.PARSER_SUCCESS, parser.finished_success
        return None

    def standing(self) -> tuple[int, int, int, bool, str, str]:
        """percent, frame, percentframe, warning, activity, report."""
        parser = self.parser
        if parser is None:
            return -1, -1, -1, False, "", ""
        return (
            parser.percent, parser.frame, parser.percentframe,
            parser.warning, parser.activity, parser.report,
        )  # fmt: skip

    # -------------------------------------------------------------------------- the end

    def finish(self, status: int) -> None:
        """The output is complete."""
        if self.parser is not None:
            self.parser.finish(status)

    def end_state(self, status: int, text_end: str, memory_peak_mb: int) -> OutputRead:
        """All that service and parser say about an end with ``status`` (-n: signal n)."""
        service, parser = self.service, self.parser
        exit_ok = ask(service, status == 0, service.exit_ok, status)
        error_class = parser.error_class if parser is not None else ""
        if not error_class and not exit_ok:
            error_class = ask(service, "", service.error_class, status, text_end)
        percent, frame, percentframe, warning, activity, report = self.standing()
        self._told = len(service.log)
        return OutputRead(
            self.run,
            exit_ok,
            percent,
            frame,
            percentframe,
            warning,
            activity,
            report,
            parser.bad_result if parser is not None else "",
            error_class,
            self._parsed_files(),
            self.log_lines(),
            memory_peak_mb,
            self.checks_files,
        )

    def _parsed_files(self) -> list[str]:
        names = list(self.parser.files) if self.parser is not None else []
        return ask(self.service, names, self.service.parsed_files, names) if names else []

    def late_lines(self) -> list[str]:
        """Lines that the service wrote after :meth:`end_state`."""
        late = self.service.log[self._told :]
        self._told = len(self.service.log)
        return late

    def check_files(self) -> str:
        """Why the rendered files are bad, "" = good."""
        return ask(self.service, "", self.service.check_files)

    def post_commands(self) -> list[str]:
        """What to run after a success."""
        commands = ask(self.service, list[str](), self.service.post_commands)
        return [command for command in commands if command]

    def log_lines(self) -> list[str]:
        """Lines of loader, service and parser."""
        return [*self.log, *self.service.log, *(self.parser.log if self.parser else ())]


def with_programs(path: str, folder: str) -> str:
    """A PATH with our programs at its end: a program of the same name on it goes before ours."""
    if folder in path.split(os.pathsep):
        return path
    return f"{path or os.defpath}{os.pathsep}{folder}"


def _spawn_fault(command: str, directory: str, environment: dict[str, str]) -> str:
    """What no process can be given, before it is tried."""
    if "\0" in command or "\0" in directory:
        return "the command or the working directory contains a NUL character"
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            return f"environment variable {name!r} is no variable for a process"
    try:
        os.fsencode(command)
        os.fsencode(directory)
    except UnicodeEncodeError:
        return "the command or the working directory is not valid text"
    return ""
