"""Reasons: why something does not start, as values (DESIGN 2).

A :class:`Reason` is a code and figures; its sentence is made when somebody reads it. The checks
that give them are :mod:`afanasy.core.place.checks` (the work itself) and
:mod:`afanasy.core.place.checks_host` (a render, and the work on a render).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from af.words import filled

#: Characters of one figure that a sentence shows.
_FIGURE_MAX: Final = 500


class Reason(NamedTuple):
    """One refusal."""

    code: str
    figures: tuple[object, ...] = ()

    def text(self) -> str:
        """The sentence for people."""
        sentence = OF_ZERO[self.code] if self.of_zero else SENTENCES[self.code]
        return filled(sentence, tuple(map(_short, self.figures)))

    @property
    def of_zero(self) -> bool:
        """A limit of 0, that no end of a task makes room in; a limit is the last figure."""
        return self.code in OF_ZERO and str(self.figures[-1]) == "0"


def _short(figure: object) -> object:
    """A mask may list thousands of hosts; a sentence shows its beginning."""
    if isinstance(figure, str) and len(figure) > _FIGURE_MAX:
        return figure[:_FIGURE_MAX] + "…"
    return figure


#: ``{0}`` is the first figure, ``{1:task}`` the second one as a count of tasks.
SENTENCES: Final = {
    # the work
    "user_priority_zero": "user {0} has priority 0",
    "user_paused": "user {0} is paused",
    "user_max_running": "user {0} already runs {1:task}; his limit is {2}",
    "user_rate": "user {0} may start {1:task} a second",
    "job_paused": "the job is paused{0}",
    "job_waits_pre": "the job waits for its pre command{0}",
    "job_pre_failed": "its pre command failed: {0}{1}",
    "job_waits_time": "the job waits for its start time, {0}",
    "job_waits_jobs": "the job waits for job {0}{1}",
    "job_deleting": "the job is being deleted",
    "job_priority_zero": "the job has priority 0",
    "job_max_running": "the job already runs {0:task}; its limit is {1}",
    "job_rate": "the job may start {0:task} a second",
    "branch_paused": "branch {0} is paused",
    "branch_priority_zero": "branch {0} has priority 0",
    "branch_max_running": "branch {0} already runs {1:task}; its limit is {2}",
    "branch_rate": "branch {0} may start {1:task} a second",
    "job_ppa": "{0}; the rest waits until ppa is switched off",
    "block_waits_pre": "the block waits for its pre command{0}",
    "block_pre_failed": "the block's pre command failed: {0}{1}",
    "block_waits": "the block waits for block {0}",
    "block_max_running": "the block already runs {0:task}; its limit is {1}",
    "limit_over": "{0}: a task holds {1}; there are {2} in all",
    "limit_no_host": "{0}: no host may have it",
    "limit_full": "{0} {1}/{2} held by {3}",
    "limit_short": "{0} {1}/{2} held by {3}; needed: {4}",
    "service_held": "{0} found no licence; it is tried again {1} s after that",
    "service_probing": "{0} found no licence before; one task at a time is tried",
    "task_waits": "the task waits for {0}",
    "task_running": "the task is running on {0}",
    "task_stopping": "the task is being stopped on {0}: {1}",
    "task_reconnect": "the task runs on {0}, which is away; it is waited for",
    "task_done": "the task is done",
    "task_skipped": "the task is skipped",
    "task_error": "the task failed {0:time}; restart it when the cause is mended",
    "task_hosts_avoided": "{0}",
    "task_suspended": "the task is suspended",
    "task_held": "{0}",
    "task_retry": "the task failed and is tried again in {0} s",
    "behind_others": "it can start; other work comes first there",
    # a render
    "render_offline": "offline",
    "render_asleep": "sleeps",
    "render_waking": "is being woken{0}",
    "render_paused": "paused{0}",
    "render_priority_zero": "priority 0",
    "render_sick": "sick: tasks of too many users failed there; heal_sick clears that",
    "render_falling": "is going to sleep",
    "render_reserved": "is kept free for block {1} of job {0}, which needs more room",
    "pool_not_ready": "its pool {0} is paused or has priority 0",
    "render_draining": "takes no new work (--drain)",
    "render_leaving": "was told to exit after {0} s without a task (exit_no_task_time)",
    "render_full": "all its capacity is used ({0} of {1})",
    "render_slots": "already runs {0:task}; its limit is {1}",
    "render_cooling": "cools off after too many errors, for {0} s",
    "render_probing": "is tried with one task at a time after its errors",
    # the work on a render
    "NIMBY": "NIMBY{0}: takes no tasks",
    "nimby": "nimby{1}: takes only tasks of {0}",
    "user_per_host": "user {0} already runs {1:task} there; his limit per host is {2}",
    "job_per_host": "the job already runs {0:task} there; its limit per host is {1}",
    "block_per_host": "the block already runs {0:task} there; its limit per host is {1}",
    "branch_per_host": "branch {0} already runs {1:task} there; its limit per host is {2}",
    "hosts_mask": "the hosts mask of the {0} does not name it: {1}, read as {2}",
    "hosts_mask_exclude": "the exclude mask of the {0} names it: {1}, read as {2}",
    "hosts_mask_off": "{1} of the {0} is switched off, it takes too long to match: {2}",
    "need_os": "the {0} needs the OS {1}; it has {2}",
    "need_properties": "the {0} needs the property {1}; it has {2}",
    "need_power": "the {0} needs power {1}; it has {2}",
    "need_cpu": "needs {0} {1}; it has {2}",
    "need_gpus_total": "needs {0:GPU}; it has {1}",
    "need_gpu_mem_total": "needs {0} MB of GPU memory; it has {1} in all",
    "need_memory_total": "needs {0} MB of memory; it has {1} in all",
    "need_hdd_total": "needs {0} GB of disk; it has {1} in all",
    "need_gpus": "needs {0:GPU}; {1} free now",
    "need_gpu_mem_mb": "needs {0} MB of GPU memory; {1} MB are free now",
    "need_memory": "needs {0} MB of memory; {1} MB are free and promised to nobody",
    "need_hdd": "needs {0} GB of disk; {1} GB are free and promised to nobody",
    "limit_hosts": "{0}: on {1:host}, {3} at most; held by {2}",
    "limit_host": "{0}: {1} of {2} on this host",
    "limit_host_over": "{0}: a task holds {1}; this host has {2} in all",
    "service_absent": "service {0} is not on this host: others are listed by {1}",
    "service_no_pattern": "service {0} is not on this host: no pattern of the farm file matches it",
    "service_disabled": "service {0} is disabled on {1}",
    "pool_forbidden": "the {0} does not want the pool {1}",
    "pool_other": "the {0} wants other pools than {1}",
    "task_maintenance": "the task is for {0} alone",
    "capacity_total": "needs capacity {0}; it has {1} in all",
    "capacity_free": "needs capacity {0}; {1} is free now",
    "block_avoids": "avoided by the block: {0:error} there{1}",
    "task_avoids": "avoided by the task: {0:error} there",
    "task_ejected": "the task was ejected there {0} s ago",
}

#: What some of them say when their limit, the last figure, is 0: that is nothing to wait for.
OF_ZERO: Final = {
    "user_max_running": "nothing of user {0} may start: his max_running_tasks is 0",
    "user_per_host": "nothing of user {0} may start: his max_running_tasks_per_host is 0",
    "user_rate": "nothing of user {0} may start: his max_tasks_per_second is 0",
    "branch_max_running": "nothing of branch {0} may start: its max_running_tasks is 0",
    "branch_per_host": "nothing of branch {0} may start: its max_running_tasks_per_host is 0",
    "branch_rate": "nothing of branch {0} may start: its max_tasks_per_second is 0",
    "job_max_running": "nothing of the job may start: its max_running_tasks is 0",
    "job_per_host": "nothing of the job may start: its max_running_tasks_per_host is 0",
    "job_rate": "nothing of the job may start: its max_tasks_per_second is 0",
    "block_max_running": "nothing of the block may start: its max_running_tasks is 0",
    "block_per_host": "nothing of the block may start: its max_running_tasks_per_host is 0",
    "limit_over": "{0} is 0: nothing that holds it may start",
    "limit_host_over": "{0} is 0 on this host: nothing that holds it may start there",
    "render_full": "takes no tasks: its capacity is 0",
    "render_slots": "takes no tasks: it may run 0 at a time",
}
