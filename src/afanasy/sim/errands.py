"""What the server does of its own accord, watched: pre and post commands, lives, notices.

Nobody asks for these, so nobody would miss one that is forgotten. What is owed is read from the
disk when a job's deletion gets there; what was done is seen on the hosts and at the receiver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from afanasy.core.rows import Rows
from afanasy.core.state import Block, Farm
from afanasy.core.system.system_job import POST_COMMANDS, SERIAL
from afanasy.core.system.system_state import PRE_COMMANDS
from afanasy.model.states import RunEnd
from afanasy.sim.books import RunFact
from afanasy.sim.host import Folder

if TYPE_CHECKING:
    from afanasy.sim.promises import Promises
    from afanasy.sim.safety import Safety
    from afanasy.sim.server_side import SimServer
    from afanasy.sim.world import World

#: A post command: the serial of its job, its text.
_Post = tuple[int, str]
#: Events of jobs that are told to users who asked for them and never took that back.
_DONE: Final = "JOB_DONE"


class Errands:
    """Books of what the server owes without being asked."""

    def __init__(self, world: World, server: SimServer, promises: Promises) -> None:
        self._world = world
        self._server = server
        self._promises = promises
        #: Jobs whose deletion is on the disk.
        self.deleted: dict[int, None] = {}
        self._owed: dict[_Post, None] = {}
        self._latest_wall = 0.0
        #: Post commands of which a run came to its end, whichever.
        self._ran: dict[_Post, None] = {}
        #: Pre commands of which a run ended well.
        self.pre_done: dict[_Post, None] = {}

    # ------------------------------------------------------------------------ post commands

    def on_commit(self, rows: Rows) -> None:
        """A batch is on the disk."""
        self._latest_wall = max(self._latest_wall, self._world.clocks().wall)
        for serial, _, _ in rows.jobs_deleted:
            durable = self._server.disk.durable
            row = durable.get("jobs", serial)
            if row is None:
                continue
            self.deleted[serial] = None
            spec: dict[str, Any] = msgspec.json.decode(row[13])["spec"]
            self._check_life(serial, spec, row[3])
            texts = [spec.get("command_post", "")]
            texts += [
                msgspec.json.decode(block[6]).get("command_post", "")
                for block in durable.tables.get("blocks", {}).values()
                if block[1] == serial
            ]
            for text in texts:
                if text:
                    self._world.say("server", f"owes a post command of job {serial}")
                    self._world.mark("post command")
                    self._owed[serial, text] = None

    def on_began(self, folder: Folder) -> None:
        """A command begins somewhere: a post command only when its job is gone for good."""
        post = _post_of(folder)
        if post is not None and post[0] not in self.deleted:
            self._world.fail(
                "a post command runs when its job is deleted (SEMANTICS 1.6)",
                f"job {post[0]} is there", folder.task,
            )  # fmt: skip

    def on_ended(self, folder: Folder, status: int) -> None:
        """A result of a run was stored by its render."""
        post = _post_of(folder)
        if post is not None:
            self._ran[post] = None
        pre = _post_of(folder, PRE_COMMANDS)
        if pre is not None and status == RunEnd.SUCCESS:
            self.pre_done[pre] = None

    # --------------------------------------------------------------------------------- lives

    def _check_life(self, serial: int, spec: dict[str, Any], user: str) -> None:
        """A job that nobody deleted was deleted by its life, and not before (SEMANTICS 1.1).

        It goes when its tasks have ended; the clock may have been set back meanwhile.
        """
        if self._promises.may_be_deleted(serial):
            return
        life = spec.get("time_life", -1)
        if life < 0:
            row = self._server.disk.durable.get("users", user)
            life = msgspec.json.decode(row[2])["spec"].get("jobs_life_time", 0) if row else 0
        end = spec.get("time_creation", 0) + life
        self._world.mark("life over")
        if life <= 0 or self._latest_wall < end:
            self._world.fail(
                "a job is deleted by its life, not before",
                f"job {serial} at {self._latest_wall:.1f}, its life of {life} s ends at {end}",
            )

    # ------------------------------------------------------------------------------- the end

    def check_end(self, farm: Farm, safety: Safety) -> None:
        """Everything that was owed was done, or its task tells why not."""
        kept = set(_kept(farm))
        for post in self._owed:
            if post not in self._ran and post not in kept and post not in self._world.given_up:
                self._world.fail("post commands are not forgotten", f"of job {post[0]}: {post[1]}")
        for serial, asked_at in self._promises.confirmed_at.items():
            job = farm.jobs.get(serial)
            if job is None or serial in self._promises.touched or not job.done:
                continue
            since = self._promises.hooks.get(job.user.name)
            if since is None or asked_at < since:
                continue
            if not safety.receiver.told[_DONE, serial]:
                self._world.fail("who asked for it is told that a job is done", f"job {serial}")


def pre_commands(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Pre commands of the job and of the block have ended well (R31)."""
    serial = block.job.serial
    for num, text in safety.promises.pre.get(serial, ()):
        if num in (-1, block.num):
            if (serial, text) not in safety.errands.pre_done:
                return "its pre command did not end well yet"
            safety.world.mark("pre command")
    return ""


def _post_of(folder: Folder, number: int = POST_COMMANDS) -> _Post | None:
    """The post command, or pre command, that a run of the system job is."""
    if folder.block.job_serial != SERIAL or folder.block.block_num != number:
        return None
    return int(folder.start.environment["AF_OF_JOB_SERIAL"]), folder.start.command


def _kept(farm: Farm) -> list[_Post]:
    """Post commands that the system job has, done or not."""
    found = [farm.system.waiting.get(POST_COMMANDS, {}).values()]
    block = farm.jobs[SERIAL].blocks[POST_COMMANDS]
    specs = [*(block.tasks or ()), *(spec for kept in found for spec in kept)]
    return [
        (int(environment["AF_OF_JOB_SERIAL"]), spec.command)
        for spec in specs
        if (environment := spec.environment or {}).get("AF_OF_JOB_SERIAL")
    ]
