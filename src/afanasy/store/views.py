"""What the views of the database mean: the contract of ``afcmd db sql`` (SEMANTICS 12.5, S63).

Tables may change with every version; views and their columns are only ever added to. The migration
``0003`` makes them, and a test compares both. Nothing here is a secret: no hash, token, command,
environment or custom data.

**Conventions.** Times are unix seconds, 0 when there was none. ``_s`` are seconds, ``_mb``
megabytes. 0 and 1 are no and yes. ``block_key`` names a block in all views; ``serial`` a job, for
ever.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class ViewHelp(NamedTuple):
    """What a view has: one sentence, and one for each column."""

    text: str
    columns: dict[str, str]


_BLOCK: Final = {
    "job_serial": "serial of the job",
    "job_name": "name of the job",
    "user_name": "owner of the job",
    "block_num": "number of the block in its job, from 0",
    "block_name": "name of the block",
}
_OWNER: Final = "owner of the job at that time"

VIEWS: Final[dict[str, ViewHelp]] = {
    "v_users": ViewHelp(
        "Users.",
        {
            "id": "number of the protocol",
            "name": "name",
            "priority": "priority, 99 by default",
            "paused": "1: nothing of his starts",
            "max_running_tasks": "most tasks at a time; -1 any number",
            "max_running_tasks_per_host": "the same on one render",
            "jobs_life_time": "seconds after which his jobs are deleted in any state; 0 never",
            "hosts_mask": "renders for his jobs",
            "host_name": "computer of his last job",
            "time_register": "when he was added",
            "time_activity": "when he did something last",
        },
    ),
    "v_renders": ViewHelp(
        "Renders that were not deleted. Whether one is online is known to the server alone.",
        {
            "id": "number of the protocol",
            "name": "name",
            "user_name": "owner",
            "address": "address it connected from last",
            "os": "operating system",
            "engine": "version of its agent",
            "priority": "priority, 99 by default",
            "paused": "1: takes nothing new",
            "nimby": "nimby, NIMBY or empty",
            "capacity": "capacity set for it or given by its agent; -1 the farm's default",
            "max_tasks": "most tasks at a time, likewise",
            "time_register": "when it came first",
            "time_launch": "when its agent was started",
        },
    ),
    "v_jobs": ViewHelp(
        "Jobs, deleted ones too.",
        {
            "serial": "number that is never used again",
            "id": "number of the protocol; used again after the job's end",
            "name": "name",
            "user_name": "owner",
            "host_name": "computer it was sent from",
            "state": "waiting (nothing began), started, done or deleted",
            "paused": "1: nothing of it starts",
            "priority": "priority, 99 by default",
            "project": "project",
            "department": "department",
            "branch": "branch",
            "annotation": "note of a person",
            "description": "description",
            "depend_mask": "jobs of the user that it waits for",
            "hosts_mask": "renders for it",
            "time_creation": "when it was sent",
            "time_wait": "does not start before",
            "time_started": "its first start",
            "time_done": "when its last task was done",
            "time_deleted": "when it was deleted",
        },
    ),
    "v_blocks": ViewHelp(
        "Blocks of all jobs, deleted ones too.",
        {
            "block_key": "names the block in all views",
            "job_serial": _BLOCK["job_serial"],
            "job_name": _BLOCK["job_name"],
            "block_num": _BLOCK["block_num"],
            "block_name": _BLOCK["block_name"],
            "service": "service",
            "tasks_num": "tasks",
            "is_numeric": "1: its tasks are frames",
            "frame_first": "first frame",
            "frame_last": "last frame",
            "frames_per_task": "frames of a task",
            "frames_inc": "step of frames",
            "capacity": "what a task takes of a render",
            "max_running_tasks": "most tasks at a time; -1 any number",
            "hosts_mask": "renders for it",
            "depend_mask": "blocks that it waits for",
            "tasks_depend_mask": "blocks whose tasks its tasks wait for",
            "time_started": "its first start",
            "time_done": "when its last task was done",
            "run_time_min_s": "shortest run of a done task",
            "run_time_max_s": "longest run of a done task",
            "run_time_sum_s": "all runs of done tasks together",
        },
    ),
    "v_tasks": ViewHelp(
        "Tasks that something happened to. A task that nobody touched has no row anywhere, and what"
        " an operation does to hundreds of tasks at once is stored packed, without rows: v_blocks"
        " has the numbers of tasks.",
        {
            "block_key": "its block",
            "task_num": "number of the task in its block, from 0",
            **_BLOCK,
            "state": "ready, waiting, running, reconnecting, done, skipped, error, suspended or"
            " retry",
            "starts": "how often it was started",
            "errors": "errors that count",
            "render_id": "render of its last run; 0 none",
            "render": "name of that render; NULL when it was deleted",
            "time_started": "start of its last run",
            "time_done": "end of its last run",
        },
    ),
    "v_runs": ViewHelp(
        "Runs that ended, one row each, kept when their job is deleted.",
        {
            "run": "number that is never used again; text in JSON, being too long for its numbers",
            "block_key": "its block",
            "task_num": "number of the task in its block, from 0",
            "job_serial": _BLOCK["job_serial"],
            "job_name": _BLOCK["job_name"],
            "user_name": _OWNER,
            "project": "project of the job at that time",
            "department": "department of the job at that time",
            "branch": "branch of the job at that time",
            "block_num": _BLOCK["block_num"],
            "block_name": _BLOCK["block_name"],
            "service": "service at that time",
            "number": "which start of the task it was, from 1",
            "render_id": "render",
            "render": "name of the render; NULL when it was deleted",
            "time_started": "when it was started, with fractions",
            "time_ended": "when it ended, with fractions",
            "elapsed_s": "how long it ran",
            "waited_s": "how long its task had been ready before",
            "cpu_s": "processor time; NULL when unknown",
            "memory_peak_mb": "most memory; NULL when unknown",
            "capacity": "what it took of the render",
            "result": "success, error, killed, parser error, parser fatal, bad result, bad files,"
            " post command failed, skipped, failed to start, render left, render lost, never began,"
            " other",
            "status": "the same as the protocol's number",
            "exit_status": "exit code of the command; -1 none",
            "error_class": "licence, memory, missing_input, scene, storage, crash, bad_output or"
            " empty",
            "output_bytes": "what the command printed",
        },
    ),
    "v_open_runs": ViewHelp(
        "Runs that have not ended.",
        {
            "run": "number that is never used again",
            "block_key": "its block",
            "task_num": "number of the task in its block, from 0",
            **_BLOCK,
            "service": "service of the block",
            "number": "which start of the task it is, from 1",
            "render": "name of the render",
            "time_started": "when it was started, with fractions",
            "waited_s": "how long its task had been ready before",
            "capacity": "what it takes of the render",
            "counts": "0: its task was started elsewhere meanwhile, its result is ignored",
            "stop_cause": "why it is being stopped; empty when it is not",
        },
    ),
}
