"""One seed from its plan to its end.

The world begins with a server, a farm and nothing to do; deeds and faults happen when the plan says
so. At ``calm_at`` everything heals: hosts and agents are started, ways are opened, disks are quick.
From then on all work must end, or have a lasting reason, within :data:`PATIENCE_S`; at the end
nothing may be left over: no process, no run folder, no stale run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from afanasy.core.invariants import snapshot
from afanasy.core.restore import restore
from afanasy.core.state import Farm
from afanasy.sim.compare import differences
from afanasy.sim.draw import draw
from afanasy.sim.host import Host
from afanasy.sim.liveness import owed
from afanasy.sim.network import SERVER, Network
from afanasy.sim.people import People
from afanasy.sim.plan import Fault, Plan
from afanasy.sim.render_side import SimAgent
from afanasy.sim.safety import Safety
from afanasy.sim.server_side import FARM_ID, SimServer
from afanasy.sim.world import Violation, World

#: How long all work may take once everything is well again. A host that cools off gets one task in
#: half an hour, and some tasks always fail.
PATIENCE_S: Final = 12 * 3600.0
#: How much a seed draws, and how often everything is recounted.
STEPS: Final = 60
#: A server that stood still looks at its clocks within that time.
LOOKS_ROUND_S: Final = 10.0
CHECK_EVERY: Final = 4


@dataclass(slots=True)
class Result:
    """What a seed did."""

    seed: int
    digest: str
    marks: Counter[str]
    history: list[str]
    events: int
    virtual_s: float
    failure: Violation | None = None

    def story(self) -> list[str]:
        """The life of the task that the failure names."""
        name = f"<{self.failure.task}>" if self.failure is not None else "<>"
        return [line for line in self.history if name in line or "FAULT: " in line]


class Simulation:
    """One world and everybody in it."""

    def __init__(self, seed: int, *, steps: int = STEPS, check_every: int = CHECK_EVERY) -> None:
        self.world = world = World(seed)
        self.plan: Plan = draw(world.random, steps)
        self.network = Network(world)
        self.server = SimServer(world, self.network)
        machines = {plan.name: plan.machine for plan in self.plan.hosts}
        self.safety = Safety(world, self.network, self.server, machines, check_every=check_every)
        self.server.safety = self.safety
        self.people = People(world, self.network)
        self.hosts = {
            plan.name: Host(
                world,
                self.network,
                plan.name,
                plan.machine,
                capacity=plan.capacity,
                max_tasks=plan.max_tasks,
            )
            for plan in self.plan.hosts
        }

    def run(self) -> Result:
        """Live through it."""
        failure = None
        with _logs_to(self.world):
            try:
                self._live()
            except Violation as violation:
                failure = violation
            finally:
                self._bury()
        world = self.world
        return Result(
            world.seed, world.digest(), world.marks, world.history, world.events, world.now, failure
        )

    def _live(self) -> None:
        world, plan = self.world, self.plan
        if plan.farm_file is not None:
            self.server.disk.write(plan.farm_file)
        self.server.boot()
        for one in plan.hosts:
            host = self.hosts[one.name]
            host.nimby = one.nimby
            host.on_boot, host.on_magic_packet = self._start_agent, self._wake
            world.at(one.begins_at, None, self._start_agent, one.name)
        for deed in plan.deeds:
            if deed.file is not None:
                world.at(deed.at, None, self.server.disk.write, deed.file)
            world.at(deed.at, None, self.people.do, deed)
        for fault in plan.faults:
            world.at(fault.at, None, self._happen, fault)
        world.run(plan.calm_at)
        self._heal()
        end = world.now + PATIENCE_S
        left: list[tuple[str, str]] = [("", "")]
        pause = 5.0
        while left and world.now < end:
            world.run(world.now + pause)
            pause = min(pause * 1.2, 120.0)
            self._keep_agents()
            left = self._left()
        if left:
            task, why = left[0]
            world.fail("everything ends", f"{len(left)} are left, first <{task}>: {why}", task)
        self._check_end()

    def _left(self) -> list[tuple[str, str]]:
        farm, process = self.server.farm, self.server.process
        assert farm is not None
        assert process is not None
        if process.paused_until + LOOKS_ROUND_S > self.world.now:
            return [("0.0.0", "the server stood still and has not looked at its clock again")]
        self.safety.hosts_up = [host.name for host in self.hosts.values() if host.up]
        left = owed(self.safety, farm, process.clocks())
        if not left:
            for run in farm.runs.values():
                task = f"{run.block.job.serial}.{run.block.num}.{run.task}"
                left.append((task, f"run {run.id} on {run.render.name} is still open"))
            for host in self.hosts.values():
                for folder in host.folders.values():
                    left.append((folder.task, f"{host.name} keeps run {folder.start.run}"))
            for message in farm.messages.values():
                left.append(("0.0.0", f"message {message.id} is still to be sent"))
        return left

    def _check_end(self) -> None:
        farm, process = self.server.farm, self.server.process
        assert farm is not None
        assert process is not None
        self.safety.recount(farm)
        self.safety.errands.check_end(farm, self.safety)
        self.safety.receiver.check_end()
        now = process.clocks()
        other = Farm(FARM_ID, farm.epoch + 1, farm.matcher, serving_mono=now.mono)
        restore(other, self.server.memory.rows(), now)
        # A job that began before the clock was set back waits for its time again.
        again = [f"/jobs/{n}/" for n, job in farm.jobs.items() if job.spec.time_wait > now.wall]
        wrong = [
            line
            for line in differences(snapshot(farm), snapshot(other))
            if not line.startswith(tuple(again))
        ]
        if wrong:
            self.world.fail("a restored state equals the live one (R35)", "; ".join(wrong[:5]))
        for run in self.safety.live:
            self.world.fail("nothing is left over", f"run {run}", self.safety.runs[run].task)

    # ------------------------------------------------------------------------------- faults

    def _start_agent(self, name: str) -> None:
        host = self.hosts[name]
        if host.asleep:
            return
        host.power_on()
        if host.agent is None:
            SimAgent(host, self.safety)

    def _wake(self, name: str) -> None:
        """A magic packet was sent: the host comes up, if it heard it."""
        world = self.world
        if world.faulty and world.chance(0.2):
            world.say(name, "FAULT: does not hear its magic packet")
            return
        world.after(world.between(5.0, 40.0), None, self._wakes, name)

    def _wakes(self, name: str) -> None:
        host = self.hosts[name]
        if host.asleep:
            self.world.say(name, "wakes up")
            self.world.mark("wake")
        host.asleep = False
        self._start_agent(name)

    def _happen(self, fault: Fault) -> None:
        world, host = self.world, self.hosts[fault.host]
        agent, seconds = host.agent, fault.seconds

        def undo(call: Callable[..., object], *args: object) -> None:
            world.after(seconds, None, call, *args)

        match fault.kind:
            case "partition":
                self._part(host.name, seconds)
            case "cut":
                world.say(host.name, "FAULT: its links are cut")
                self.network.cut(host.name)
            case "agent kill" if agent is not None:
                world.say(host.name, "FAULT: kill -9 of the agent")
                world.mark("agent restart")
                agent.kill()
                undo(self._start_agent, host.name)
            case "agent stop" if agent is not None:
                world.say(host.name, "FAULT: SIGTERM of the agent")
                agent.leave()
                undo(self._start_agent, host.name)
            case "drain" if agent is not None:
                world.say(host.name, "FAULT: the agent drains")
                agent.drain()
            case "host crash":
                host.power_off(self.safety)
                undo(self._start_agent, host.name)
            case "server kill":
                self.server.kill()
                undo(self.server.boot)
            case "server stop":
                self.server.stop()
                undo(self.server.boot)
            case "slow disk":
                world.say("server", "FAULT: the disk is slow")
                self.server.slow_disk_s = world.between(0.5, 8.0)
                undo(self._quick_disk)
            case "database away":
                world.say("server", "FAULT: the database is away")
                self.server.database_away = True
                undo(self._database_back)
            case "clock jump":
                world.say("server", f"FAULT: the clock jumps by {seconds} s")
                world.mark("clock jump")
                world.wall_jump += seconds
                world.jumped_at = world.now
            case "server stall":
                self.server.stall(seconds)
            case "agent stall" if agent is not None:
                world.say(host.name, f"FAULT: the agent stands still for {seconds} s")
                until = world.now + seconds
                agent.process.paused_until = max(agent.process.paused_until, until)
            case "broken host":
                world.say(host.name, "FAULT: every command fails here")
                host.broken = True
                undo(setattr, host, "broken", False)
            case "slow host":
                host.slow_disk = True
                undo(setattr, host, "slow_disk", False)
            case _:
                pass

    def _part(self, host: str, seconds: float) -> None:
        ways = self.world.random.choice(
            (((host, SERVER), (SERVER, host)), ((host, SERVER),), ((SERVER, host),))
        )
        self.world.say(host, f"FAULT: parted for {seconds} s: {ways}")
        for way in ways:
            self.network.block(*way)
            self.world.after(seconds, None, self.network.unblock, *way)

    def _quick_disk(self) -> None:
        self.server.slow_disk_s = 0.0

    def _database_back(self) -> None:
        self.server.database_away = False

    def _heal(self) -> None:
        world = self.world
        world.say("world", "FAULT: none any more, everything heals")
        world.faulty = False
        self._quick_disk()
        self._database_back()
        self.network.open_all()
        for host in self.hosts.values():
            host.broken = host.slow_disk = False
        self._keep_agents()

    def _keep_agents(self) -> None:
        """Service managers start what has ended."""
        self.server.boot()
        for name in self.hosts:
            self._start_agent(name)

    def _bury(self) -> None:
        """End every process, so that nothing of asyncio is left waiting."""
        for host in self.hosts.values():
            if host.agent is not None:
                host.agent.kill()
        if self.server.process is not None and self.server.process.alive:
            self.server.process.kill()
        self.people.loop.kill()


@contextmanager
def _logs_to(world: World) -> Generator[None]:
    """What the programs log becomes lines of the history; nothing is printed."""

    def take(_logger: Any, _method: str, entry: Any) -> Any:
        code = entry.pop("event")
        if code == "render_cools_off":
            world.mark("cool-off")
        elif code == "service_held":
            world.mark("licence hold")
        elif code == "system_task_too_old" and entry["of_job"]:
            world.given_up[int(entry["of_job"]), entry["command"]] = None
        elif code == "render_reserved":
            world.mark("reservation")
        fields = ", ".join(f"{key}={value}" for key, value in entry.items() if key != "exc_info")
        world.say("log", f"{code} {fields}")
        raise structlog.DropEvent

    before = structlog.get_config()
    agents = logging.getLogger("afrender")
    level = agents.level
    structlog.configure(
        processors=[take],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    agents.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        agents.setLevel(level)


def simulate(seed: int, *, steps: int = STEPS, check_every: int = CHECK_EVERY) -> Result:
    """Live through one seed."""
    return Simulation(seed, steps=steps, check_every=check_every).run()
