"""When each reason of :mod:`afanasy.core.place.reasons` holds and what ends it, for the reference.

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
    "job_waits_pre": "Its pre command ends well, or its `command_pre` is cleared.",
    "job_pre_failed": "`afcmd restart JOB` runs it again; `afcmd set JOB command_pre=` goes on "
    "without it.",
    "job_waits_time": "The moment comes, or `time_wait` is set.",
    "job_waits_jobs": "Those jobs are done or deleted, or `depend_mask`, `depend_mask_global` and "
    "`depend_jobs` of the job are changed.",
    "job_deleting": "It ends when its running tasks are stopped.",
    "job_priority_zero": "Set the job's priority above 0.",
    "job_max_running": "A task of the job ends, or its `max_running_tasks` is raised.",
    "job_rate": "A second passes, or its `max_tasks_per_second` is raised.",
    "branch_paused": "`afcmd branches start BRANCH`.",
    "branch_priority_zero": "Set the branch's priority above 0.",
    "branch_max_running": "A task of the branch ends, or its `max_running_tasks` is raised.",
    "branch_rate": "A second passes, or its `max_tasks_per_second` is raised.",
    "job_ppa": "`afcmd set JOB ppa=false`, when the preview is good.",
    "block_waits_pre": "Its pre command ends well, or its `command_pre` is cleared.",
    "block_pre_failed": "`afcmd restart JOB.BLOCK` runs it again; `afcmd set JOB.BLOCK "
    "command_pre=` goes on without it.",
    "block_waits": "That block is done, or the block's `depend_mask` is changed.",
    "block_max_running": "A task of the block ends, or its `max_running_tasks` is raised.",
    "limit_full": "A task that holds one ends, or the limit is raised: `afcmd limits set`, the "
    "farm file, or `tickets_pool` of the pool.",
    "limit_short": "The same, until as many are free as a task takes.",
    "limit_over": "The limit is raised to what one task takes; or `tickets` of the block is "
    "lowered.",
    "limit_no_host": "More hosts are allowed: `afcmd limits set … --hosts`, the farm file, or "
    "`tickets_pool` of the pool.",
    "service_held": "The time is over: one task is tried then.",
    "service_probing": "The one task that is tried succeeds.",
    "task_waits": "Those tasks are done, or `tasks_depend_mask` of the block is changed.",
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
    "render_asleep": "Work that could run there wakes it, or `afcmd renders wake NAME`.",
    "render_waking": "Its agent connects; ten minutes later it is taken for asleep. The packet is "
    "sent by a render that is online and takes tasks of the system job.",
    "render_paused": "`afcmd render NAME unpause`.",
    "render_priority_zero": "Set the render's priority above 0.",
    "render_sick": "`afcmd renders heal NAME`, when its fault is found.",
    "render_falling": "It falls asleep in a moment; then work that waits for it wakes it.",
    "render_reserved": "That block starts there, or needs the host no more, as when its job is "
    "paused.",
    "pool_not_ready": "`afcmd pools unpause POOL`, or a priority above 0, of it and those above.",
    "render_draining": "Its agent is started without `--drain`.",
    "render_leaving": "Its agent exits and is started again; `exit_no_task_time` of its pool says "
    "after how long it exits.",
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
    "branch_per_host": "A task of the branch there ends, or its limit is raised.",
    "hosts_mask": "Another mask of whoever it says: the user, a branch, the job or the block; or "
    "another `hosts_mask_type`, by which it is read.",
    "hosts_mask_exclude": "The same.",
    "hosts_mask_off": "A simpler mask of whoever it says.",
    "need_os": "Another `need_os` of whoever it says; the system of a host does not change.",
    "need_properties": "The word among the properties of the render, its pool or its pattern; or "
    "another need.",
    "need_power": "More power of the render, its pool or its pattern; or a lower need.",
    "need_cpu": "A lower need; a host does not grow.",
    "need_gpus_total": "The same.",
    "need_gpu_mem_total": "The same.",
    "need_memory_total": "The same. After an error for want of memory a task needs more than its "
    "block; a restart forgets that.",
    "need_hdd_total": "A lower need; a host does not grow.",
    "need_gpus": "Tasks that have the cards end.",
    "need_gpu_mem_mb": "Tasks that were promised it end, or a report says that more is free.",
    "need_memory": "The same. After an error for want of memory a task needs more than its block.",
    "need_hdd": "The same.",
    "service_absent": "`afcmd renders services add NAME SERVICE`, or the same of its pool, or its "
    "pattern of the farm file.",
    "service_no_pattern": "The farm file gets a pattern that matches the render's name.",
    "service_disabled": "`afcmd renders services enable NAME SERVICE`, or the same of its pool, or "
    "it is taken out of `remservice`.",
    "limit_hosts": "No task of that kind is left on one of those hosts, or the limit is raised.",
    "limit_host": "A task that holds one there ends, or more is allowed: `tickets_host` of the "
    "render, or `count` of the service in the farm file.",
    "limit_host_over": "`tickets_host` of the render is raised to what one task takes, or "
    "`tickets` of the block is lowered.",
    "pool_forbidden": "Another `pools` of whoever it says, or another pool of the render.",
    "pool_other": "The same.",
    "task_maintenance": "Nothing: another render has its name.",
    "capacity_total": "A smaller `capacity` of the block, or a larger one of the render.",
    "capacity_free": "Tasks on it end.",
    "block_avoids": "`afcmd reset-errors JOB.BLOCK`, or the time after which errors are forgiven.",
    "task_avoids": "The same for the task.",
    "task_ejected": "Ten minutes pass since the eject.",
}  # fmt: skip
