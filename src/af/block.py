"""A block: tasks of one kind, derived from a frame range or listed one by one."""

from __future__ import annotations

import warnings
from typing import Any

from af import config, numeric, rules
from af.needs import Needs
from af.rules import AfWarning, classic, to_server
from af.task import Task

FLAG_NUMERIC = 1 << 0
FLAG_MULTIHOST = 1 << 2
FLAG_MASTER_ON_SLAVE = 1 << 3
FLAG_DEPEND_SUB_TASK = 1 << 4
FLAG_SKIP_THUMBNAILS = 1 << 5
FLAG_SKIP_EXISTING_FILES = 1 << 6
FLAG_CHECK_RENDERED_FILES = 1 << 7
FLAG_SLAVE_LOST_IGNORE = 1 << 8
FLAG_SUSPEND_NEW_TASKS = 1 << 10


class Block(Needs):
    """Tasks of one service. Call ``setNumeric``, or append :class:`af.Task` objects to ``tasks``.

    ``data`` is the JSON that will be sent (PROTOCOL 2.4).
    """

    def __init__(self, blockname: str = "block", service: str = "generic") -> None:
        super().__init__()
        self.tasks: list[Task] = []
        self.data.update(
            flags=0,
            name=str(blockname),
            service=str(service),
            capacity=config.capacity(),
            working_directory=config.working_directory(),
        )
        classic(Block.set_working_directory)(self, self.data["working_directory"])

    @property
    def numeric(self) -> bool:
        """The tasks are derived from a frame range."""
        return bool(self.data["flags"] & FLAG_NUMERIC)

    def _add_flag(self, flag: int) -> None:
        self.data["flags"] |= flag

    # -------------------------------------------------------------------------------- identity

    def set_name(self, name: str) -> None:
        """The block's name; depend masks match it."""
        self.data["name"] = rules.text("name", name)

    def set_tasks_name(self, pattern: str) -> None:
        """Pattern of the tasks' names, as ``frame @#@-@#@``."""
        self.data["tasks_name"] = rules.text("tasks_name", pattern)

    def set_service(self, name: str, nocheck: bool = False) -> None:
        """The service; the server knows which exist and warns in its answer."""
        self.data["service"] = rules.text("service", name, empty=False)

    def set_parser(self, name: str, nocheck: bool = False) -> None:
        """The parser instead of the service's own; "-" means none."""
        self.data["parser"] = rules.text("parser", name)

    def set_parser_coeff(self, value: int) -> None:
        """Multiply what the parser calls one frame."""
        self.data["parser_coeff"] = rules.whole("parser_coeff", value, 1)

    # ----------------------------------------------------------------------------------- tasks

    def set_numeric(
        self, start: int = 1, end: int = 1, pertask: int = 1, increment: int = 1
    ) -> None:
        """Derive the tasks from frames ``start`` to ``end``, ``pertask`` frames in each."""
        first = rules.whole("frame_first", start)
        last = rules.whole("frame_last", end, first)
        per_task = rules.whole("frames_per_task", pertask, 1)
        self._set_numeric(first, last, per_task, rules.whole("frames_inc", increment, 1))

    def setNumeric(
        self, start: int = 1, end: int = 1, pertask: int = 1, increment: int = 1
    ) -> None:
        """As :meth:`set_numeric`, but numbers out of bounds are brought to them, with a warning."""
        try:
            given = (
                rules.whole("frame_first", start),
                rules.whole("frame_last", end),
                rules.whole("frames_per_task", pertask),
                rules.whole("frames_inc", increment),
            )
            clean = numeric.clean_range(*given)
            self._set_numeric(*clean)
        except ValueError as error:
            warnings.warn("%s; ignored" % error, AfWarning, stacklevel=2)
            return
        if clean != given:
            warnings.warn(
                "frames %d to %d, %d in a task, step %d: taken as %d to %d, %d, %d"
                % (given + clean),
                AfWarning,
                stacklevel=2,
            )

    def _set_numeric(self, first: int, last: int, per_task: int, inc: int) -> None:
        if self.tasks:
            raise ValueError("a block with listed tasks cannot become numeric")
        self._add_flag(FLAG_NUMERIC)
        self.data.update(
            frame_first=first, frame_last=last, frames_per_task=per_task, frames_inc=inc
        )

    def set_frames_per_task(self, value: int) -> None:
        """Frames that a listed task stands for; -n means that n tasks share a frame."""
        number = rules.whole("frames_per_task", value)
        if number == 0:
            raise ValueError("frames_per_task must not be 0")
        self.data["frames_per_task"] = number

    def set_sequential(self, value: int) -> None:
        """Order of the tasks: 1 in a row, n each n-th first, 0 by halving, negative backwards."""
        self.data["sequential"] = rules.whole("sequential", value)

    def fillTasks(self) -> None:
        """Put the listed tasks into ``data``."""
        if not self.numeric:
            self.data["tasks"] = [task.data for task in self.tasks]

    # -------------------------------------------------------------------------------- commands

    def set_working_directory(self, path: str, transfer: bool = True, **words: Any) -> None:
        """Folder in which the tasks run."""
        self.data["working_directory"] = to_server(
            rules.text("working_directory", path), transfer, words
        )

    def set_command(
        self, command: str, prefix: bool = True, transfer: bool = True, **words: Any
    ) -> None:
        """Command pattern of the tasks; with ``prefix`` the configured one stands before it."""
        command = to_server(rules.text("command", command), transfer, words)
        self.data["command"] = config.command_prefix() + command if prefix else command

    def set_command_pre(self, command: str, transfer: bool = True, **words: Any) -> None:
        """Command before the block."""
        self.data["command_pre"] = to_server(rules.text("command_pre", command), transfer, words)

    def set_command_post(self, command: str, transfer: bool = True, **words: Any) -> None:
        """Command after the block."""
        self.data["command_post"] = to_server(rules.text("command_post", command), transfer, words)

    def set_files(self, files: list[str], transfer: bool = True, **words: Any) -> None:
        """Add patterns of result files, as ``img.@####@.exr``."""
        new = to_server(rules.texts("files", files), transfer, words)
        self.data.setdefault("files", []).extend(new)

    def set_env(self, name: str, value: Any, transfer: bool = True, **words: Any) -> None:
        """Set an environment variable of the tasks."""
        key = rules.variable("environment", name)
        self.data.setdefault("environment", {})[key] = to_server(str(value), transfer, words)

    # ------------------------------------------------------------------------- flags and masks

    def set_tasks_depend_mask(self, mask: str) -> None:
        """Each task waits for the tasks of the matching blocks that hold its frames."""
        self.data["tasks_depend_mask"] = rules.mask("tasks_depend_mask", mask)

    def set_depend_sub_task(self) -> None:
        """Tasks of other blocks may begin when their part of a task here is done."""
        self._add_flag(FLAG_DEPEND_SUB_TASK)

    def skip_thumbnails(self) -> None:
        """Make no thumbnails of the result files."""
        self._add_flag(FLAG_SKIP_THUMBNAILS)

    def set_tasks_suspended(self) -> None:
        """New tasks are suspended until a person continues them."""
        self._add_flag(FLAG_SUSPEND_NEW_TASKS)

    def skip_existing_files(self, size_min: int = -1, size_max: int = -1) -> None:
        """A task whose result files exist, with sizes in these bounds, is done without running."""
        self._set_sizes(size_min, size_max)
        self._add_flag(FLAG_SKIP_EXISTING_FILES)

    def check_rendered_files(self, size_min: int = -1, size_max: int = -1) -> None:
        """A task fails when a result file is missing or its size is out of these bounds."""
        self._set_sizes(size_min, size_max)
        self._add_flag(FLAG_CHECK_RENDERED_FILES)

    def _set_sizes(self, size_min: int, size_max: int) -> None:
        low = rules.whole("file_size_min", size_min)
        high = rules.whole("file_size_max", size_max)
        if low > 0:
            self.data["file_size_min"] = low
        if high > 0:
            self.data["file_size_max"] = high

    def set_multi_host(
        self,
        min: int,
        max: int,
        max_wait: int,
        master_on_slave: bool = False,
        service: str | None = None,
        service_wait: int = -1,
    ) -> None:
        """Run each task on several renders at once."""
        low = rules.whole("multihost_min", min, 1, 100)
        high = rules.whole("multihost_max", max, low, 100)
        new: dict[str, Any] = {
            "multihost_min": low,
            "multihost_max": high,
            "multihost_max_wait": rules.whole("multihost_max_wait", max_wait, 0, 65535),
        }
        if service:
            new["multihost_service"] = rules.text("multihost_service", service)
        wait = rules.whole("multihost_service_wait", service_wait, -1, 65535)
        if wait > 0:
            new["multihost_service_wait"] = wait
        self.data.update(new)
        self._add_flag(FLAG_MULTIHOST | (FLAG_MASTER_ON_SLAVE if master_on_slave else 0))

    def set_slave_lost_ignore(self) -> None:
        """A task on several renders goes on when it loses one of them."""
        self._add_flag(FLAG_SLAVE_LOST_IGNORE)

    setName = classic(set_name)
    setTasksName = classic(set_tasks_name)
    setService = classic(set_service)
    setParser = classic(set_parser)
    setParserCoeff = classic(set_parser_coeff)
    setFramesPerTask = classic(set_frames_per_task)
    setSequential = classic(set_sequential)
    setWorkingDirectory = classic(set_working_directory)
    setCommand = classic(set_command)
    setCmdPre = classic(set_command_pre)
    setCmdPost = classic(set_command_post)
    setFiles = classic(set_files)
    setEnv = classic(set_env)
    setTasksDependMask = classic(set_tasks_depend_mask)
    setDependSubTask = set_depend_sub_task
    skipThumbnails = skip_thumbnails
    setTasksSuspended = set_tasks_suspended
    skipExistingFiles = classic(skip_existing_files)
    checkRenderedFiles = classic(check_rendered_files)
    setMultiHost = classic(set_multi_host)
    setSlaveLostIgnore = set_slave_lost_ignore
