"""A block as JSON, in four levels of detail (PROTOCOL 3.3).

Each level has all of the one before: *progress* (what changes while it runs), *list* (in lists of
jobs), *properties* (commands and texts), *full* (the tasks of a list block).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from afanasy.core.state import Block
from afanasy.core.tasks import Code
from afanasy.model.attributes import FLAG_MULTIHOST, FLAG_VARCAPACITY
from afanasy.model.clock import Now
from afanasy.server.show.view_bar import progress_bar
from afanasy.server.show.views import View, given, state_text


class Level(IntEnum):
    """How much of a block is shown. The names in lower case are the modes of a request."""

    PROGRESS = 0
    LIST = 1
    PROPERTIES = 2
    FULL = 3


FLAG_DEPEND_SUB_TASK: Final = 1 << 4
#: Members of the level *properties*, with the names they have in answers.
_PROPERTIES: Final = {
    "parser": "parser", "working_directory": "working_directory", "files": "files",
    "command_pre": "cmd_pre", "command_post": "cmd_post",
    "multihost_service": "multihost_service", "custom_data": "custom_data",
    "environment": "environment",
}  # fmt: skip
_ELSEWHERE: Final = frozenset(_PROPERTIES) | {"command", "tasks_name", "parser_coeff", "srv_info"}
_COEFFICIENTS: Final = frozenset({"capacity_coeff_min", "capacity_coeff_max"})
_MULTIHOST: Final = frozenset(
    {"multihost_min", "multihost_max", "multihost_max_wait", "multihost_service_wait"}
)
#: Shown only when greater than zero.
_POSITIVE: Final = ("task_max_run_time", "task_min_run_time")


def block_view(block: Block, now: Now, level: Level = Level.LIST) -> View:
    """The block in one level of detail."""
    spec = block.spec
    view: View = {}
    if level >= Level.LIST:
        found = given(spec)
        if level >= Level.PROPERTIES:
            view["command"] = spec.command
            view["tasks_name"] = spec.tasks_name
            for name, shown in _PROPERTIES.items():
                if name in found:
                    view[shown] = found[name]
        _add_list(view, block, found)
    _add_progress(view, block, now)
    if level >= Level.FULL and block.tasks is not None:
        view["tasks"] = [
            {"name": task.name, "command": task.command, "files": task.files}
            if task.files
            else {"name": task.name, "command": task.command}
            for task in block.tasks
        ]
    return view


def _add_list(view: View, block: Block, found: View) -> None:
    spec = block.spec
    flags = spec.flags
    hidden = _ELSEWHERE
    if not flags & FLAG_VARCAPACITY:
        hidden |= _COEFFICIENTS
    if not flags & FLAG_MULTIHOST:
        hidden |= _MULTIHOST
    for name, value in found.items():
        if name not in hidden:
            view[name] = value
    view["name"] = spec.name
    view["service"] = spec.service
    view["capacity"] = spec.capacity
    view["flags"] = flags
    view["tasks_num"] = block.tasks_num
    view["frame_first"] = spec.frame_first
    view["frame_last"] = spec.frame_last
    view["frames_per_task"] = spec.frames_per_task
    view["frames_inc"] = spec.frames_inc
    if flags & FLAG_VARCAPACITY:
        view["capacity_coeff_min"] = spec.capacity_coeff_min
        view["capacity_coeff_max"] = spec.capacity_coeff_max
    if flags & FLAG_MULTIHOST:
        for name in _MULTIHOST:
            view[name] = getattr(spec, name)
    if flags & FLAG_DEPEND_SUB_TASK:
        view["depend_sub_task"] = True
    for name in _POSITIVE:
        if name in view and view[name] <= 0:
            del view[name]
    if block.time_started:
        view["time_started"] = block.time_started
    if block.time_done:
        view["time_done"] = block.time_done


def _add_progress(view: View, block: Block, now: Now) -> None:
    counts = block.counts
    view["block_num"] = block.num
    st = view["st"] = block.st()
    if st:
        view["state"] = state_text(st)
    view["job_id"] = block.job.id
    run_time_max = block.run_time_max
    if block.open:
        view["running_tasks_counter"] = len(block.open)
        view["running_capacity_total"] = block.running_capacity
        longest = max(run.elapsed_at(now.mono) for run in block.open.values())
        run_time_max = max(run_time_max, int(longest))
    ready = counts[Code.READY] + counts[Code.RETRY]
    if ready != block.tasks_num:
        _add_counts(view, block)
    if ready:
        view["p_tasks_ready"] = ready
    if block.error_hosts:
        view["p_error_hosts"] = len(block.error_hosts)
        avoided = sum(map(block.avoids, block.error_hosts))
        if avoided:
            view["p_avoid_hosts"] = avoided
    if block.run_time_min:
        view["p_tasks_run_time_min"] = block.run_time_min
    if run_time_max:
        view["p_tasks_run_time_max"] = run_time_max
    if block.run_time_sum:
        view["p_tasks_run_time_sum"] = block.run_time_sum
    last = block.spec.srv_info or block.last_render
    if last:
        view["srv_info"] = last
    view["p_progressbar"] = progress_bar(block)


def _add_counts(view: View, block: Block) -> None:
    counts = block.counts
    for name, count in (
        ("p_percentage", percentage(block)),
        ("p_tasks_done", counts[Code.DONE] + counts[Code.SKIPPED]),
        ("p_tasks_error", counts[Code.ERROR]),
        ("p_tasks_skipped", counts[Code.SKIPPED]),
        ("p_tasks_warning", block.warnings),
        ("p_tasks_waitrec", counts[Code.RECONNECT]),
        ("p_tasks_waitdep", counts[Code.WAITING]),
        ("p_tasks_suspended", counts[Code.SUSPENDED]),
    ):
        if count:
            view[name] = count


def percentage(block: Block) -> int:
    """Integer mean of the tasks' percents: finished 100, running 0 … 99, others 0."""
    if not block.tasks_num:
        return 0
    counts = block.counts
    total = 100 * (counts[Code.DONE] + counts[Code.SKIPPED])
    total += sum(min(max(run.percent, 0), 99) for run in block.open.values())
    return total // block.tasks_num
