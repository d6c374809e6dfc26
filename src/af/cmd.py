"""Ask and steer the farm: one request a call, with the names of the classic API.

The requests about monitors are those of PROTOCOL 2.5; a server without monitors refuses them, and
the refusal is a warning like any other.
"""

from __future__ import annotations

import json
import warnings
from typing import Any, cast

from af import config
from af.answers import refusal, warnings_of
from af.block import Block
from af.rules import AfWarning
from af.send import ServerError, exchange, request
from af.task import Task


class Cmd:
    """Requests about jobs and about this computer's render.

    Every call returns the answer, or the part of it that is named; None with a warning when no
    server answers. A refusal is a warning too, and the answer says it.
    """

    # ------------------------------------------------------------------------------------- jobs

    def getJobList(self, verbose: bool = False, ids: list[int] | None = None) -> Any:
        """All jobs, or those of these ids: a list."""
        members = {"ids": list(ids)} if ids else {}
        jobs = _part(_get("jobs", **members), "jobs")
        if verbose:
            print(json.dumps(jobs, indent=4, sort_keys=True))
        return jobs

    def getJobInfo(self, jobId: int) -> Any:
        """A list of one job with everything about it."""
        return _part(_get("jobs", ids=[jobId], mode="full"), "jobs")

    def getJobProgress(self, jobId: int) -> Any:
        """The progress of every task: ``{"id", "progress": [[…] of each block]}``."""
        return _part(_get("jobs", ids=[jobId], mode="progress"), "job_progress")

    def deleteJob(self, mask: str) -> Any:
        """Delete the jobs whose whole name matches."""
        return _operate("jobs", "delete", mask=mask)

    def deleteJobById(self, jobId: int) -> Any:
        """Delete a job."""
        return _operate("jobs", "delete", ids=[jobId])

    def stopJobById(self, jobId: int) -> Any:
        """Stop a job's tasks and pause it."""
        return _operate("jobs", "stop", ids=[jobId])

    def jobOperationById(self, operation: str, jobId: int) -> Any:
        """Any operation on a job."""
        return _operate("jobs", operation, ids=[jobId])

    def setJobState(self, jobId: int, operation: str) -> Any:
        """Any operation on a job."""
        return _operate("jobs", operation, ids=[jobId])

    def setBlockState(
        self, jobId: int, blockNum: int, operation: str, taskIds: list[int] | tuple[int, ...] = ()
    ) -> Any:
        """Any operation on a block, or on these tasks of it."""
        what: dict[str, Any] = {"type": operation}
        if taskIds:
            what["task_ids"] = list(taskIds)
        return _action("jobs", ids=[jobId], block_ids=[blockNum], operation=what)

    def setJobPriorityById(self, jobId: int, priority: int) -> Any:
        """Set a job's priority."""
        return _action("jobs", ids=[jobId], params={"priority": priority})

    def appendBlocks(self, jobId: int, blocks: list[Block]) -> Any:
        """Add blocks to a job; the answer's ``object`` has their ``block_ids``."""
        for block in blocks:
            block.fillTasks()
        what = {"type": "append_blocks", "blocks": [block.data for block in blocks]}
        return _action("jobs", ids=[jobId], operation=what)

    def appendTasks(self, jobId: int, blockNum: int, tasks: list[Task]) -> Any:
        """Add tasks to a list block; the answer's ``object`` has their ``task_ids``."""
        what = {"type": "append_tasks", "tasks": [task.data for task in tasks]}
        return _action("jobs", ids=[jobId], block_ids=[blockNum], operation=what)

    # --------------------------------------------------------------------------------- monitors

    def monitorRegister(self) -> int:
        """Register a monitor: its id, 0 when the server gives none."""
        answer = _ask({"monitor": dict(_who(), engine="python")})
        monitor = _part(answer, "monitor")
        return int(monitor.get("id", 0)) if isinstance(monitor, dict) else 0  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - of JSON

    def monitorChangeUid(self, monitorId: int, uid: int) -> Any:
        """Get events of this user's jobs; 0 = of all jobs."""
        return _watch(monitorId, {"type": "watch", "class": "perm", "uid": uid})

    def monitorSubscribe(self, monitorId: int, className: str) -> Any:
        """Get events of jobs, renders, users, monitors, branches or pools."""
        return _watch(monitorId, {"type": "watch", "class": className, "status": "subscribe"})

    def monitorEvents(self, monitorId: int) -> Any:
        """The events since the last call: the whole answer."""
        return _get("monitors", ids=[monitorId], mode="events")

    def monitorUnregister(self, monitorId: int) -> None:
        """Deregister a monitor; the server answers nothing."""
        what = {"type": "deregister"}
        message = {"action": dict(_who(), type="monitors", ids=[monitorId], operation=what)}
        try:
            exchange(json.dumps(message))
        except ServerError as error:
            _warn(str(error), 3)

    def monitorExit(self) -> Any:
        """Ask the monitors of this user on this computer to end."""
        mask = "%s@%s.*" % (config.user_name(), config.host_name())
        what = {"type": "exit"}
        return _action("monitors", mask=mask, operation=what)

    # ---------------------------------------------------------------------------------- renders

    def renderGetList(self, mask: str | None = None) -> Any:
        """All renders, or those whose names begin with a word of ``mask``: a list."""
        members = {"mask": mask} if mask else {}
        return _part(_get("renders", **members), "renders")

    def renderGetLocal(self) -> Any:
        """This computer's renders: a list."""
        return _part(_get("renders", mask=config.host_name()), "renders")

    def renderGetId(self, renderId: int, mode: str | None = None) -> Any:
        """The answer about one render."""
        members = {"mode": mode} if mode else {}
        return _get("renders", ids=[renderId], **members)

    def renderGetResources(self) -> Any:
        """The load of every online render: a list."""
        return _part(_get("renders", mode="resources"), "renders")

    def renderSetUserName(self, name: str) -> Any:
        """Give this computer's render another owner."""
        return _on_local(params={"user_name": name})

    def renderSetNimby(self) -> Any:
        """Let this computer's render take only tasks of its owner."""
        return _on_local(params={"nimby": True})

    def renderSetNIMBY(self) -> Any:
        """Let this computer's render take no tasks."""
        return _on_local(params={"NIMBY": True})

    def renderSetFree(self) -> Any:
        """Let this computer's render take all tasks."""
        return _on_local(params={"nimby": False})

    def renderSetFreeUnpause(self) -> Any:
        """Let this computer's render take all tasks, also when it was paused."""
        return _on_local(params={"nimby": False, "paused": False})

    def renderEjectTasks(self) -> Any:
        """Send the tasks of this computer's render elsewhere."""
        return _on_local(operation={"type": "eject_tasks"})

    def renderEjectNotMyTasks(self) -> Any:
        """Send the tasks of other users elsewhere."""
        return _on_local(operation={"type": "eject_tasks_keep_my"})

    def renderEjectAndNIMBY(self) -> Any:
        """Send the tasks elsewhere and take no new ones."""
        return _on_local(operation={"type": "eject_tasks"}, params={"NIMBY": True})

    def renderExit(self) -> Any:
        """End this computer's render."""
        return _on_local(operation={"type": "exit"})


def _who() -> dict[str, Any]:
    return {"user_name": config.user_name(), "host_name": config.host_name()}


def _get(kind: str, **members: Any) -> Any:
    return _ask({"get": dict(_who(), type=kind, **members)})


def _action(kind: str, **members: Any) -> Any:
    return _ask({"action": dict(_who(), type=kind, **members)})


def _operate(kind: str, operation: str, **members: Any) -> Any:
    what = {"type": operation}
    return _ask({"action": dict(_who(), type=kind, operation=what, **members)})


def _watch(monitor: int, operation: dict[str, Any]) -> Any:
    return _ask({"action": dict(_who(), type="monitors", ids=[monitor], operation=operation)})


def _on_local(**members: Any) -> Any:
    mask = config.host_name()
    return _ask({"action": dict(_who(), type="renders", mask=mask, **members)})


def _ask(message: dict[str, Any]) -> Any:
    try:
        answer = request(message)
    except ServerError as error:
        _warn(str(error))
        return None
    for line in warnings_of(answer):
        _warn(line)
    refused = refusal(answer)
    if refused is not None:
        _warn(refused.sentence())
    return answer


def _part(answer: Any, member: str) -> Any:
    if not isinstance(answer, dict):
        return None
    return cast("dict[str, Any]", answer).get(member)


def _warn(text: str, level: int = 5) -> None:
    # Shown at the line of the script, which is below the method, its helper and _ask.
    warnings.warn(text, AfWarning, stacklevel=level)
