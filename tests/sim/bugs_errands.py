"""Bugs in what the server does of its own accord: post commands, lives, messages, sleep, frames."""

from __future__ import annotations

from bug import Bug

ERRANDS = (
    Bug(
        "a deleted job's post command is forgotten",
        "afanasy.core.run.runs",
        "    system_job.post_commands(farm, job, now)\n",
        "    job.blocks and None\n",
    ),
    Bug(
        "a post command waits for no tasks of its job",
        "afanasy.core.run.runs",
        "    if not job.deleting or job.running or job.serial not in farm.jobs:\n        return\n",
        "    if not job.deleting or job.serial not in farm.jobs:\n        return\n"
        "    if job.running:\n        system_job.post_commands(farm, job, now)\n        return\n",
    ),
    Bug(
        "messages are forgotten by a restart",
        "afanasy.core.system.messages",
        "    farm.effects += [Send(message) for message in farm.messages.values()]\n",
        "",
    ),
    Bug(
        "nobody is told that a job is done",
        "afanasy.core.system.notify",
        "    _by_parameters(plan, user.spec, names)\n",
        "",
    ),
    Bug(
        "a restarted server forgets the lives of jobs",
        "afanasy.core.restore",
        "        lives.watch(farm, job, now)\n",
        "        pass\n",
    ),
    Bug(
        "a host that runs something is told to sleep",
        "afanasy.core.host.power",
        "    if render.runs:\n",
        "    if not render.runs and render.runs:\n",
    ),
    Bug(
        "a sleeping host is forgotten by a restart",
        "afanasy.core.host.power",
        "    if render.sleeping:\n        farm.sleepers[render.name] = render\n",
        "",
    ),
    Bug(
        "a host works on in the hours that its week keeps it",
        "afanasy.core.host.schedule",
        "    if not render.schedule:\n        return NOTHING\n",
        '    if not render.schedule or "NIMBY" in render.schedule:\n        return NOTHING\n',
    ),
    Bug(
        "a sub-task dependence counts a frame too many",
        "afanasy.core.depend.task_depends",
        "    return overlap.needed_frames(link.mine, task, link.theirs, other) <= run.frame\n",
        "    return overlap.needed_frames(link.mine, task, link.theirs, other) <= run.frame + 1\n",
    ),
    Bug(
        "a pre command that failed lets its job begin",
        "afanasy.core.system.pre_commands",
        "        if code in FINISHED:\n            del work.owners[task]\n",
        "        if code in FINISHED or code == Code.ERROR:\n            del work.owners[task]\n",
    ),
)
