"""The objects of the classic ``afcmd`` module: jobs, blocks, renders, pools and monitors.

Scripts that say ``import afcmd`` run when a file ``afcmd.py`` on their path holds the line
``from af.afcmd_compat import *``. The names and arguments are the classic ones; nothing raises
because of a value or a missing server, both are warnings. Every object has ``data``, the JSON that
the server sent, and its members as attributes.
"""

from __future__ import annotations

from typing import Any, cast

from af import cmd
from af.block import Block as NewBlock
from af.task import Task as NewTask

__all__ = [
    "Block",
    "Job",
    "Monitor",
    "Pool",
    "Render",
    "Task",
    "getJob",
    "getJobList",
    "getPoolList",
    "getRenderList",
    "getRenderResources",
]

Json = Any
_FLAG_NUMERIC = 1 << 0
_FLAG_APPENDED_TASKS = 1 << 9
_FULL = {"mode": "full"}


def getJobList(ids: list[int] | None = None, full: bool = False) -> list[Job]:
    """All jobs, or those of these ids; [] when no server answers."""
    members = {"ids": list(ids)} if ids else {}
    found = _nodes("jobs", **members, **(_FULL if full else {}))
    return [Job(data["id"], data, full) for data in found]


def getJob(jobId: int, full: bool = False) -> Job | None:
    """One job, None when there is none."""
    jobs = getJobList([jobId], full)
    return jobs[0] if jobs else None


def getRenderList(mask: str | None = None, ids: list[int] | None = None) -> list[Render]:
    """All renders, those whose names begin with a word of ``mask``, or those of these ids."""
    members: dict[str, Any] = {"ids": list(ids)} if ids else {"mask": mask} if mask else {}
    return [Render(data["id"], data) for data in _nodes("renders", **members)]


def getRenderResources() -> list[Json]:
    """The load of every online render."""
    return _nodes("renders", mode="resources")


def getPoolList(ids: list[int] | None = None) -> list[Pool]:
    """All pools, or those of these ids."""
    members = {"ids": list(ids)} if ids else {}
    return [Pool(data["id"], data) for data in _nodes("pools", **members)]


def _nodes(kind: str, **members: Any) -> list[Json]:
    answer = cmd._get(kind, **members)
    found = cmd._part(answer, kind)
    return cast("list[Json]", found) if isinstance(found, list) else []


def _list(data: Json, member: str) -> list[Json]:
    return cast("list[Json]", data.get(member) or [])


class _Node:
    """Something with ``data`` whose members are attributes."""

    def __init__(self, data: Json) -> None:
        self.data: Json = data or {}

    def __getattr__(self, name: str) -> Any:
        data: dict[str, Any] = self.__dict__.get("data") or {}
        if name in data:
            return data[name]
        raise AttributeError("%s has no member %r" % (type(self).__name__, name))


class Job(_Node):
    """A job that the server has. Without ``data`` it is asked for."""

    def __init__(self, jobId: int, data: Json = None, full: bool = False) -> None:
        super().__init__(data)
        self.id = jobId
        self.full = full
        self.blocks: list[Block] = []
        if data is None:
            self.fillInfo(full)
        else:
            self.fillBlocks()

    def fillInfo(self, full: bool = False) -> None:
        """Ask the server for the job again."""
        found = _nodes("jobs", ids=[self.id], **(_FULL if full else {}))
        self.full = full
        if found:
            self.data = found[0]
        self.fillBlocks()

    def fillBlocks(self) -> None:
        """Make the blocks of what is known."""
        self.blocks = [Block(data, self.full) for data in _list(self.data, "blocks")]

    def setState(self, state: str) -> Any:
        """Any operation on the job."""
        return cmd._action("jobs", ids=[self.id], operation={"type": state})

    def pause(self) -> Any:
        """Start no more tasks."""
        return self.setState("pause")

    def start(self) -> Any:
        """Go on after a pause."""
        return self.setState("start")

    def stop(self) -> Any:
        """Stop running tasks and pause."""
        return self.setState("stop")

    def delete(self) -> Any:
        """Delete it."""
        return self.setState("delete")

    def getProgress(self) -> int:
        """The mean of its blocks' percents."""
        percents = [int(block.data.get("p_percentage", 0)) for block in self.blocks]
        return sum(percents) // len(percents) if percents else 0

    def hasAppendedBlocks(self) -> bool:
        """Whether blocks were added after its submission, as far as the server says."""
        return bool(self.data.get("appendedblocks"))

    def appendBlocks(self, blocks: list[NewBlock]) -> Any:
        """Add blocks; the answer's ``object`` has their ``block_ids``."""
        for block in blocks:
            block.fillTasks()
        what = {"type": "append_blocks", "blocks": [block.data for block in blocks]}
        return cmd._action("jobs", ids=[self.id], operation=what)


class Block(_Node):
    """A block of a job that the server has."""

    def __init__(self, data: Json, full: bool = False) -> None:
        super().__init__(data)
        self.full = full
        self.tasks: list[Task] = []
        self.fillTasks()

    def fillTasks(self) -> None:
        """Make the tasks of what is known: only full blocks with listed tasks have some."""
        self.tasks = [Task(task) for task in _list(self.data, "tasks")]

    def setState(self, state: str, taskIds: list[int] | tuple[int, ...] = ()) -> Any:
        """Any operation on the block, or on these tasks of it."""
        what: dict[str, Any] = {"type": state}
        if taskIds:
            what["task_ids"] = list(taskIds)
        place = {"ids": [self.data.get("job_id")], "block_ids": [self.data.get("block_num")]}
        return cmd._action("jobs", operation=what, **place)

    def restart(self, taskIds: list[int] | tuple[int, ...] = ()) -> Any:
        """Do it again."""
        return self.setState("restart", taskIds)

    def skip(self, taskIds: list[int] | tuple[int, ...] = ()) -> Any:
        """Treat what is not done as done."""
        return self.setState("skip", taskIds)

    def isNumeric(self) -> bool:
        """Its tasks are derived from frames."""
        return bool(int(self.data.get("flags", 0)) & _FLAG_NUMERIC)

    def hasAppendedTasks(self) -> bool:
        """Tasks were added after the job's submission."""
        return bool(int(self.data.get("flags", 0)) & _FLAG_APPENDED_TASKS)

    def appendTasks(self, tasks: list[NewTask]) -> Any:
        """Add tasks to a list block; the answer's ``object`` has their ``task_ids``."""
        what = {"type": "append_tasks", "tasks": [task.data for task in tasks]}
        place = {"ids": [self.data.get("job_id")], "block_ids": [self.data.get("block_num")]}
        return cmd._action("jobs", operation=what, **place)


class Task(_Node):
    """A listed task of a block."""


class _Farm(_Node):
    """What renders and pools share: services."""

    kind = ""

    def __init__(self, nodeId: int, data: Json = None) -> None:
        if data is None:
            found = _nodes(self.kind, ids=[nodeId])
            data = found[0] if found else {}
        super().__init__(data)
        self.id = nodeId

    def _params(self, **params: Any) -> Any:
        return cmd._action(self.kind, ids=[self.id], params=params)

    def _operation(self, **operation: Any) -> Any:
        return cmd._action(self.kind, ids=[self.id], operation=operation)

    def addService(self, name: str) -> Any:
        """Let it run this service."""
        return self._operation(type="farm", mode="service_add", name=name)

    def removeService(self, mask: str) -> Any:
        """Take these services off its list."""
        return self._operation(type="farm", mode="service_remove", mask=mask)

    def disableService(self, mask: str) -> Any:
        """Do not let it run these services."""
        return self._operation(type="farm", mode="service_disable", mask=mask)

    def enableService(self, mask: str) -> Any:
        """Let it run these services again."""
        return self._operation(type="farm", mode="service_enable", mask=mask)

    def clearServices(self) -> Any:
        """Forget its own list."""
        return self._operation(type="farm", mode="clear_services")


class Render(_Farm):
    """A render. Without ``data`` it is asked for."""

    kind = "renders"

    def setUserName(self, name: str) -> Any:
        """Give it another owner."""
        return self._params(user_name=name)

    def setNimby(self) -> Any:
        """Let it take only tasks of its owner."""
        return self._params(nimby=True)

    def setNIMBY(self) -> Any:
        """Let it take no tasks."""
        return self._params(NIMBY=True)

    def setFree(self) -> Any:
        """Let it take all tasks."""
        return self._params(nimby=False)

    def setFreeUnpause(self) -> Any:
        """Let it take all tasks, also when it was paused."""
        return self._params(nimby=False, paused=False)

    def ejectNotMyTasks(self) -> Any:
        """Send the tasks of other users elsewhere."""
        return self._operation(type="eject_tasks_keep_my")

    def exit(self) -> Any:
        """End it."""
        return self._operation(type="exit")

    def setPool(self, pool: str) -> Any:
        """Move it to a pool, named by its path."""
        return self._operation(type="set_pool", name=pool)

    def reassignPool(self) -> Any:
        """Let the pools' patterns decide again."""
        return self._operation(type="reassign_pool")


class Pool(_Farm):
    """A pool of renders. Without ``data`` it is asked for."""

    kind = "pools"

    def setMaxCapacity(self, value: int) -> Any:
        """The capacity of its renders."""
        return self._params(capacity_host=value)


class Monitor:
    """A client of events: registers when it is made, deregisters when it is dropped."""

    def __init__(self) -> None:
        self.id = 0  # first of all: __del__ looks at it
        self._cmd = cmd.Cmd()
        self.id = self._cmd.monitorRegister()

    def __del__(self) -> None:
        if self.id:
            self._cmd.monitorUnregister(self.id)

    def changeUid(self, uid: int) -> Any:
        """Get events of this user's jobs; 0 = of all jobs."""
        return self._cmd.monitorChangeUid(self.id, uid)

    def subscribe(self, className: str) -> Any:
        """Get events of jobs, renders, users, monitors, branches or pools."""
        return self._cmd.monitorSubscribe(self.id, className)

    def events(self) -> Any:
        """The events since the last call: the whole answer."""
        return self._cmd.monitorEvents(self.id)
