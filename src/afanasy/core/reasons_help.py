"""When each reason of :mod:`afanasy.core.checks` holds and what ends it, for the reference pages.

Beside the sentences and not among them: no program that runs needs these. A test makes sure that no
reason lacks one.
"""

from __future__ import annotations

from typing import Final

HELP: Final = {
    # the work
    "user_priority_zero": "Set the user's priority above 0.",
    "user_paused": "`afcmd user unpause NAME`.",
    "user_max_running": "A task of the user ends, or his `max_running_tasks` is raised.",
    "user_rate": "A second passes, or his `max_tasks_per_second` is raised.",
    "job_paused": "`afcmd start JOB`.",
    "job_waits_time": "The moment comes, or `time_wait` is set.",
    "job_deleting": "It ends when its running tasks are stopped.",
    "job_priority_zero": "Set the job's priority above 0.",
    "job_max_running": "A task of the job ends, or its `max_running_tasks` is raised.",
    "job_rate": "A second passes, or its `max_tasks_per_second` is raised.",
    "block_waits": "That block is done, or the block's `depend_mask` is changed.",
    "block_max_running": "A task of the block ends, or its `max_running_tasks` is raised.",
    "service_held": "The time is over: one task is tried then.",
    "service_probing": "The one task that is tried succeeds.",
    "task_waits": "The blocks that its block waits for are done.",
    "task_running": "It runs: nothing is to be done.",
    "task_stopping": "Its processes are gone; ten seconds after the stop they are killed.",
    "task_reconnect": "The render comes back with it, or the reconnect time-out gives it up. When "
    "the block says `hold`: the render comes back, or a person restarts the task.",
    "task_done": "It is done; `afcmd restart` does it again.",
    "task_skipped": "It is skipped; `afcmd restart-skipped` does it.",
    "task_error": "`afcmd restart-errors`, or more `errors_retries`.",
    "task_hosts_avoided": "`afcmd reset-errors`, a render that it may use, or the time after which "
    "errors are forgiven.",
    "task_suspended": "`afcmd start JOB.BLOCK TASKS`.",
    "task_held": "`afcmd start` or `afcmd restart` on it, when it is known why renders died.",
    "task_retry": "The time is over, or any operation on the task.",
    "behind_others": "Its turn comes.",
    # a render
    "render_offline": "Its agent connects.",
    "render_paused": "`afcmd render NAME unpause`.",
    "render_priority_zero": "Set the render's priority above 0.",
    "render_draining": "Its agent is started without `--drain`.",
    "render_full": "A task on it ends, or its capacity is raised.",
    "render_slots": "A task on it ends, or `max_tasks_host` is raised.",
    "render_cooling": "The time is over, or `afcmd render NAME heal`.",
    "render_probing": "The one task that it was given succeeds, or `afcmd render NAME heal`.",
    # the work on a render
    "NIMBY": "`afcmd render NAME free`, or the job's `ignorenimby`.",
    "nimby": "The same.",
    "user_per_host": "A task of the user there ends, or his limit is raised.",
    "job_per_host": "A task of the job there ends, or its limit is raised.",
    "block_per_host": "A task of the block there ends, or its limit is raised.",
    "capacity_total": "A smaller `capacity` of the block, or a larger one of the render.",
    "capacity_free": "Tasks on it end.",
    "block_avoids": "`afcmd reset-errors JOB.BLOCK`, or the time after which errors are forgiven.",
    "task_avoids": "The same for the task.",
    "task_ejected": "Ten minutes pass since the eject.",
}  # fmt: skip
