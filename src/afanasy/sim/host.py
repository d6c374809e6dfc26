"""A render's host: its disk, its processes, its boots; what an agent's death does not touch.

**Run folders** keep what :mod:`afanasy.render.rundir` keeps, as members instead of files. **The
wrapper** makes ``pid`` a few milliseconds after it was spawned, if nobody claimed the folder
meanwhile (R40); then the command runs for its time and ends, with or without leftovers.

What a command does is its text: ``{"run": [2, 9], "fail": 0.1, …}`` (:class:`Behaviour`), drawn by
:mod:`afanasy.sim.draw`, cast anew for each run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from afanasy.sim.memory import Load
from afanasy.sim.plan import Machine
from afanasy.sim.world import Owner, World
from afanasy.wire.stream import Block, Finished, Start

if TYPE_CHECKING:
    from afanasy.sim.network import Network
    from afanasy.sim.render_side import SimAgent
    from afanasy.sim.safety import Safety


class Folder:
    """One run folder."""

    def __init__(self, start: Start, block: Block) -> None:
        self.start = start
        self.block = block
        self.claimed = False
        #: Boot id of the wrapper, once it made its ``pid``.
        self.pid_boot = ""
        self.began_at = 0.0
        #: Exit status, None = no ``rc``.
        self.rc: int | None = None
        self.ended_at = 0.0
        #: (by, cause, verdict), R41.
        self.stopping: tuple[str, str, int] | None = None
        self.result: Finished | None = None
        self.out_size = 0

    @property
    def task(self) -> str:
        """``job.block.task``, for the history."""
        return task_label(self.start, self.block)


def task_label(start: Start, block: Block) -> str:
    """``job.block.task``."""
    return f"{block.job_serial}.{block.block_num}.{start.task}"


class Behaviour:
    """What one run of a command does, cast from its text."""

    def __init__(self, world: World, folder: Folder, host: Host) -> None:
        start, block = folder.start, folder.block
        text = start.command or block.command
        doc: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        low, high = doc.get("run", (1.0, 5.0))
        self.seconds = world.between(low, high)
        self.status = 0
        self.error_class = ""
        #: RunEnd of the parser, and when it comes.
        faulty = world.faulty
        fails = faulty and world.chance(doc.get("fail", 0.0))
        self.verdict = int(doc.get("verdict", 0)) if fails else 0
        if start.frame_start in doc.get("bad", ()):
            self.status = 1
        elif faulty and host.broken:
            self.status, self.error_class = 1, "crash"
            self.seconds = world.between(0.05, 0.5)
        elif faulty and world.chance(doc.get("licence", 0.0)):
            self.status, self.error_class = 1, "licence"
        elif fails and not self.verdict:
            self.status = world.random.choice((1, 1, 2, 139, 137))
            self.error_class = world.random.choice(("", "", "crash", "memory", "storage"))
        if faulty and world.chance(doc.get("hang", 0.0)):
            self.seconds = 900.0
        #: Seconds that a left-over process lives on; it may ignore TERM.
        self.leftover_s = world.between(1, 60) if world.chance(doc.get("daemon", 0.0)) else 0.0
        self.obeys_term = not world.chance(doc.get("deaf", 0.0))
        self.check_files = bool(doc.get("check"))
        #: Its parser counts frames; a sub-task dependence hears of them.
        self.counts_frames = bool(doc.get("counts"))
        #: Whom a magic packet of it wakes.
        self.wakes = _woken(text)
        self.output = int(doc.get("output", 200))
        self.load = Load(world, doc, self.seconds)


def _woken(text: str) -> str:
    """The host that a command of the system job wakes, or ""."""
    words = text.split()
    return words[words.index("--hostname") + 1] if text.startswith("wolwake") else ""


class Command:
    """The processes of one run: the wrapper with the command, and what outlives it."""

    def __init__(self, host: Host, folder: Folder, behaviour: Behaviour) -> None:
        self.host = host
        self.folder = folder
        self.does = behaviour
        self.run = folder.start.run
        #: The command runs (its wrapper has begun and not ended).
        self.running = False
        self.ended = False
        #: A left-over process lives.
        self.leftover = False
        self.killed = False

    @property
    def alive(self) -> bool:
        """Some process of the run lives."""
        return self.running or self.leftover

    def frames_done(self) -> int:
        """How many of its frames are finished, as its parser counts them."""
        folder, does = self.folder, self.does
        if not (does.counts_frames and folder.pid_boot):
            return 0
        age = (folder.ended_at if self.ended else self.host.world.now) - folder.began_at
        frames = folder.start.frames_num
        return min(frames - self.running, int(frames * age / does.seconds))


class Host:
    """One machine with an agent on it."""

    def __init__(
        self,
        world: World,
        network: Network,
        name: str,
        machine: Machine,
        *,
        capacity: int,
        max_tasks: int,
    ) -> None:
        self.world = world
        self.network = network
        self.name = name
        self.machine = machine
        self.capacity = capacity
        self.max_tasks = max_tasks
        self.boots = 0
        self.up = False
        #: Every command that is started here fails at once.
        self.broken = False
        self.slow_disk = False
        #: The kernel of this boot: it owns what its processes do.
        self.kernel = Owner(f"{name} kernel")
        # What the disk keeps.
        self.folders: dict[int, Folder] = {}
        self.farm_id = ""
        self.epoch = 0
        self.commands: dict[int, Command] = {}
        self.agent: SimAgent | None = None
        self.nimby = ""
        #: It was told to sleep and waits for its magic packet.
        self.asleep = False
        #: A command here sent the magic packet of that host; this host boots.
        self.on_magic_packet: Callable[[str], None] = lambda name: None
        self.on_boot: Callable[[str], None] = lambda name: None

    # ------------------------------------------------------------------------------- power

    @property
    def boot_id(self) -> str:
        """Identifies this boot."""
        return f"{self.name} boot {self.boots}"

    def power_on(self) -> None:
        """Boot."""
        if not self.up:
            self.up = True
            self.boots += 1
            self.kernel = Owner(f"{self.name} kernel")
            self.network.host_up(self.name)

    def power_off(self, safety: Safety) -> None:
        """Everything that runs here is gone; the disk stays."""
        if not self.up:
            return
        self.world.say(self.name, "FAULT: the host goes down")
        self.world.mark("host crash")
        self.go_down(safety)

    def go_down(self, safety: Safety) -> None:
        """No process lives any more; the disk stays."""
        self.up = False
        self.network.host_down(self.name)
        if self.agent is not None:
            self.agent.kill()
        self.kernel.alive = False
        for command in list(self.commands.values()):
            command.running = command.leftover = False
            safety.on_gone(command)
        self.commands.clear()

    def obey(self, what: str, safety: Safety) -> None:
        """Its own system suspends, reboots or ends it."""
        if not self.up:
            return
        self.asleep = what == "sleep"
        self.go_down(safety)
        if what == "reboot":
            self.world.after(self.world.between(15.0, 60.0), None, self.on_boot, self.name)

    @property
    def mac(self) -> str:
        """Address of its network card."""
        return f"02:00:00:00:00:{int(self.name[1:]):02x}"

    # --------------------------------------------------------------------------- processes

    def spawn(self, folder: Folder, safety: Safety) -> Command:
        """Start the wrapper; the command begins a moment later."""
        command = Command(self, folder, Behaviour(self.world, folder, self))
        self.commands[command.run] = command
        self.world.after(
            self.world.between(0.0005, 0.004), self.kernel, self._begin, command, safety
        )
        return command

    def _begin(self, command: Command, safety: Safety) -> None:
        folder = command.folder
        if folder.claimed or command.killed:
            self.commands.pop(command.run, None)
            if command.killed:
                self._end(command, None, safety)
            return
        folder.pid_boot, folder.began_at = self.boot_id, self.world.now
        command.running = True
        safety.on_began(command)
        self.world.after(command.does.seconds, self.kernel, self._end, command, None, safety)

    def _end(self, command: Command, status: int | None, safety: Safety) -> None:
        """The command ends: by itself (None), or with a status; -1 = killed without ``rc``."""
        if command.ended:
            return
        command.ended = True
        folder, does = command.folder, command.does
        was_running, command.running = command.running, False
        folder.ended_at = self.world.now
        if command.killed:
            status = -1
        elif status is None:
            status = does.status
            folder.out_size = does.output
        if status >= 0:
            folder.rc = status
        if status == 0 and does.wakes:
            self.on_magic_packet(does.wakes)
        if does.leftover_s and was_running and not command.killed:
            command.leftover = True
            self.world.after(does.leftover_s, self.kernel, self.leftover_ends, command, safety)
        else:
            self._gone(command, safety)
        if self.agent is not None:
            self.agent.on_command_over(command)

    def leftover_ends(self, command: Command, safety: Safety) -> None:
        """The last process of the run is gone."""
        if command.leftover:
            command.leftover = False
            self._gone(command, safety)

    def _gone(self, command: Command, safety: Safety) -> None:
        self.commands.pop(command.run, None)
        safety.on_gone(command)

    def terminate(self, command: Command, safety: Safety) -> None:
        """TERM to everything of the run."""
        if not command.does.obeys_term:
            return
        delay = self.world.between(0.005, 2.0)
        if command.leftover:
            self.world.after(delay, self.kernel, self.leftover_ends, command, safety)
        elif not command.ended:
            self.world.after(delay, self.kernel, self._end, command, 143, safety)

    def kill(self, command: Command, safety: Safety) -> None:
        """KILL to everything of the run."""
        command.killed = True
        delay = self.world.between(0.005, 0.1)
        if command.leftover:
            self.world.after(delay, self.kernel, self.leftover_ends, command, safety)
        elif not command.ended:
            self.world.after(delay, self.kernel, self._end, command, -1, safety)
