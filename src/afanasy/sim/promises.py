"""What people were told, and whether it still holds (contract 2: a reply means committed).

A request is booked when the server takes it (from then on it *may* have happened) and again when
its reply leaves (from then on it *has*). Whatever is told must be on the disk at that moment, and
in every farm that is restored later, unless a later request may have changed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from afanasy.core.state import Farm, Job
from afanasy.sim.promises_farm import FarmPromises

if TYPE_CHECKING:
    from afanasy.sim.server_side import SimServer
    from afanasy.sim.world import World

#: Operations that pause or continue a job.
_OFF: Final = {"pause": True, "stop": True, "restart_pause": True, "start": False}
#: Attributes of a job whose edits are watched.
_WATCHED: Final = (
    "priority", "annotation", "max_running_tasks", "max_running_tasks_per_host",
    "max_tasks_per_second",
)  # fmt: skip


class Promises:
    """Confirmed submissions, edits and operations."""

    def __init__(self, world: World, server: SimServer) -> None:
        self._world = world
        self._server = server
        self.of_farm = FarmPromises(world)
        #: Serial → name as submitted.
        self.jobs: dict[int, str] = {}
        #: Jobs that people did something to besides submitting them, and when they did last.
        self.touched: dict[int, float] = {}
        #: When somebody edited branches last, or moved a job to another.
        self.branches_touched = -1e9
        self._deleted: dict[int, bool] = {}
        #: ``af_command_pre`` is on; it was when the request (by its id) came.
        self._pre_on = False
        self._pre_on_at: dict[int, bool] = {}
        #: Serial → pre commands that must end well before the job (-1) or that block begins.
        self.pre: dict[int, list[tuple[int, str]]] = {}
        #: Serial → when the submission was confirmed; user → when his web hook was.
        self.confirmed_at: dict[int, float] = {}
        self.hooks: dict[str, float] = {}
        #: (serial, attribute) → values that may be in force, in the order in which they were asked
        #: for; the first one is confirmed when the key stands in ``_confirmed``.
        self._values: dict[tuple[int, str], list[object]] = {}
        self._confirmed: dict[tuple[int, str], None] = {}

    def on_request(self, body: dict[str, Any]) -> None:
        """The server took a request: it may happen now."""
        self._pre_on_at[id(body)] = self._pre_on
        self.of_farm.on_request(body)
        for serial, name, value in _changes(body):
            if name == "deleted":
                self._deleted.setdefault(serial, False)
            else:
                self._values.setdefault((serial, name), []).append(value)
        action = body.get("action", {})
        if action.get("type") == "branches" or "branch" in action.get("params", ()):
            self.branches_touched = self._world.now
        if action.get("type") == "jobs":
            for serial in action.get("serials", ()):
                self.touched[serial] = self._world.now
        elif "user" in body or action.get("type") == "users":
            for serial in self.jobs:
                self.touched[serial] = self._world.now

    def on_reply(self, body: dict[str, Any], answer: dict[str, Any]) -> None:
        """The reply leaves: it has happened, and is on the disk."""
        if "job" in body and answer.get("serial"):
            serial = int(answer["serial"])
            self.jobs[serial] = body["job"]["name"]
            self.confirmed_at.setdefault(serial, self._world.now)
            if self._pre_on_at.pop(id(body), False):
                owners = enumerate([body["job"], *body["job"]["blocks"]], -1)
                pre = [(n, one["command_pre"]) for n, one in owners if one.get("command_pre")]
                self.pre[serial] = pre
            self._world.say("server", f"confirms job {serial}")
            if self._server.disk.durable.get("jobs", serial) is None:
                self._world.fail("a reply means committed", f"job {serial} is not on the disk")
        info = answer.get("info", {})
        values = body.get("action", {}).get("operation", {}).get("values", {})
        if values.get("af_command_pre") and "error" not in answer and info.get("kind") != "error":
            self._pre_on = True
        if body.get("user", {}).get("webhook") and "error" not in answer:
            self.hooks.setdefault(body["user"]["name"], self._world.now)
        if not answer.get("count") or info.get("kind") == "error":
            return
        self.of_farm.on_reply(body)
        action = body.get("action", {})
        if action.get("type") == "pools" and action.get("params", {}).get("paused"):
            self._world.mark("pool paused")
        for serial, name, value in _changes(body):
            self._world.say("server", f"confirms job {serial}: {name} {value!r}")
            if name == "deleted":
                self._deleted[serial] = True
                continue
            # What was asked before is over; what was asked meanwhile may still come after it.
            may_be = self._values.get((serial, name), [value])
            later = may_be[may_be.index(value) + 1 :] if value in may_be else []
            self._values[serial, name] = [value, *later]
            self._confirmed[serial, name] = None
            row = self._server.disk.durable.get("jobs", serial)
            if row is not None and not row[12]:
                doc: dict[str, Any] = msgspec.json.decode(row[13])
                stored = doc["off"] if name == "off" else doc["spec"].get(name, _default(name))
                self._check(serial, name, stored, "on the disk")

    def may_be_deleted(self, serial: int) -> bool:
        """Somebody asked for its deletion."""
        return serial in self._deleted

    def check_kept(self, farm: Farm) -> None:
        """A server was restored: everything that was told is there."""
        self.of_farm.check_kept(farm)
        for serial in self.jobs:
            job = farm.jobs.get(serial)
            gone = self._server.disk.durable.get("jobs", serial)
            over = gone is not None and gone[12]  # its life was (see errands)
            if job is None and serial not in self._deleted and not over:
                self._world.fail("confirmed submissions survive", f"job {serial} is gone")
            if job is not None and self._deleted.get(serial) and not job.deleting:
                self._world.fail("confirmed deletions survive", f"job {serial} is back")
        for serial, name in self._confirmed:
            job = farm.jobs.get(serial)
            if job is not None and not job.deleting:
                self._check(serial, name, _value(job, name), "restored")
        # Requests that were under way when the server died happened or not; from now on not.
        for key, values in self._values.items():
            job = farm.jobs.get(key[0])
            if job is not None:
                values[:] = [_value(job, key[1])]

    def _check(self, serial: int, name: str, value: object, where: str) -> None:
        allowed = self._values[serial, name]
        if value not in allowed:
            self._world.fail(
                "confirmed edits survive", f"job {serial}: {name} is {value!r} {where}: {allowed}"
            )


def _changes(body: dict[str, Any]) -> list[tuple[int, str, object]]:
    """(serial, attribute, value) of an action on whole jobs."""
    action = cast("dict[str, Any]", body.get("action", {}))
    found: list[tuple[int, str, object]] = []
    if action.get("type") != "jobs" or "block_ids" in action:
        return found
    for serial in action.get("serials", ()):
        operation = action.get("operation", {}).get("type")
        if operation in _OFF:
            found.append((serial, "off", _OFF[operation]))
        elif operation == "delete":
            found.append((serial, "deleted", True))
        params = action.get("params", {})
        found += [(serial, name, params[name]) for name in _WATCHED if name in params]
    return found


def _value(job: Job, name: str) -> object:
    return job.off if name == "off" else getattr(job.spec, name)


def _default(name: str) -> object:
    return {"priority": 99, "annotation": ""}.get(name, -1)
