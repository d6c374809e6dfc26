"""Reasons: why something does not start, as values (DESIGN 2).

A :class:`Reason` is a code and figures; its sentence is made when somebody reads it. The checks
that give them are :mod:`afanasy.core.place.checks` (the work itself) and
:mod:`afanasy.core.place.checks_host` (a render, and the work on a render).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Reason(NamedTuple):
    """One refusal."""

    code: str
    figures: tuple[object, ...] = ()

    def text(self) -> str:
        """The sentence for people."""
        return SENTENCES[self.code].format(*self.figures)


SENTENCES: Final = {
    # the work
    "user_priority_zero": "user {0} has priority 0",
    "user_paused": "user {0} is paused",
    "user_max_running": "user {0} already runs {1} tasks, his limit",
    "user_rate": "user {0} may start {1} tasks a second",
    "job_paused": "the job is paused",
    "job_waits_time": "the job waits for its start time",
    "job_waits_jobs": "the job waits for job {0}{1}",
    "job_deleting": "the job is being deleted",
    "job_priority_zero": "the job has priority 0",
    "job_max_running": "the job already runs {0} tasks, its limit",
    "job_rate": "the job may start {0} tasks a second",
    "branch_paused": "branch {0} is paused",
    "branch_priority_zero": "branch {0} has priority 0",
    "branch_max_running": "branch {0} already runs {1} tasks, its limit",
    "branch_rate": "branch {0} may start {1} tasks a second",
    "job_ppa": "the preview is done; the rest waits until ppa is switched off",
    "block_waits": "the block waits for block {0}",
    "block_max_running": "the block already runs {0} tasks, its limit",
    "limit_full": "{0} {1}/{2} held by {3}",
    "limit_short": "{0} {1}/{2} held by {3}; {4} are needed",
    "service_held": "{0} found no licence; it is tried again {1} s after that",
    "service_probing": "{0} found no licence before; one task at a time is tried",
    "task_waits": "the task waits for {0}",
    "task_running": "the task is running on {0}",
    "task_stopping": "the task is being stopped on {0}: {1}",
    "task_reconnect": "the task runs on {0}, which is away; it is waited for",
    "task_done": "the task is done",
    "task_skipped": "the task is skipped",
    "task_error": "the task failed {0} times; restart it when the cause is mended",
    "task_hosts_avoided": "{0}",
    "task_suspended": "the task is suspended",
    "task_held": "{0}",
    "task_retry": "the task failed and is tried again in {0} s",
    "behind_others": "it can start; other work comes first there",
    # a render
    "render_offline": "offline",
    "render_paused": "paused{0}",
    "render_priority_zero": "priority 0",
    "render_sick": "sick: tasks of too many users failed there; heal_sick clears that",
    "render_falling": "is going to sleep",
    "render_reserved": "is kept free for block {1} of job {0}, which needs more room",
    "pool_not_ready": "its pool {0} is paused or has priority 0",
    "render_draining": "takes no new work (--drain)",
    "render_full": "all its capacity is used ({0} of {1})",
    "render_slots": "already runs {0} tasks, its limit",
    "render_cooling": "cools off after too many errors, for {0} s",
    "render_probing": "is tried with one task at a time after its errors",
    # the work on a render
    "NIMBY": "NIMBY{0}: takes no tasks",
    "nimby": "nimby{1}: takes only tasks of {0}",
    "user_per_host": "user {0} already runs {1} tasks there, his limit per host",
    "job_per_host": "the job already runs {0} tasks there, its limit per host",
    "block_per_host": "the block already runs {0} tasks there, its limit per host",
    "branch_per_host": "branch {0} already runs {1} tasks there, its limit per host",
    "hosts_mask": "the hosts mask of the {0} does not name it: {1}",
    "hosts_mask_exclude": "the exclude mask of the {0} names it: {1}",
    "need_os": "the {0} needs the OS {1}; it has {2}",
    "need_properties": "the {0} needs the property {1}; it has {2}",
    "need_power": "the {0} needs power {1}; it has {2}",
    "need_cpu": "needs {0} {1}; it has {2}",
    "need_gpus_total": "needs {0} GPUs; it has {1}",
    "need_gpus": "needs {0} GPUs; {1} are free now",
    "need_gpu_mem_mb": "needs {0} MB of GPU memory; {1} MB are free now",
    "need_memory": "needs {0} MB of memory; {1} MB are free and promised to nobody",
    "need_hdd": "needs {0} GB of disk; {1} GB are free and promised to nobody",
    "limit_hosts": "{0}: on {1} hosts, the most; held by {2}",
    "limit_host": "{0}: {1} of {2} on this host",
    "service_absent": "service {0} is not on this host",
    "service_no_pattern": "service {0} is not on this host: no pattern of the farm file matches it",
    "service_disabled": "service {0} is disabled on {1}",
    "pool_forbidden": "the {0} does not want the pool {1}",
    "pool_other": "the {0} wants other pools than {1}",
    "task_maintenance": "the task is for {0} alone",
    "capacity_total": "needs capacity {0}; it has {1} in all",
    "capacity_free": "needs capacity {0}; {1} is free now",
    "block_avoids": "avoided by the block: {0} errors there",
    "task_avoids": "avoided by the task: {0} errors there",
    "task_ejected": "the task was ejected there {0} s ago",
}
