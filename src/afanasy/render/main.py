"""``afrender``: the program on a render host.

Its data folder holds the run folders, the lock, the instance id (R5) and the farm it served last.
One folder belongs to one host name and one process. Signals (R11): TERM and INT stop the tasks and
exit; a second one does not wait for them; HUP re-executes the program while the tasks go on; USR1
drains. An option that is not given is a setting: a variable, a file or the default
(:mod:`af.settings`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import resource
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from af import config
from af.settings import BY_KEY
from afanasy import __version__
from afanasy.model.clock import read_clocks
from afanasy.render.agent import Agent
from afanasy.render.files_posix import lock_folder, locked_by
from afanasy.render.options import Options
from afanasy.render.plugin_host import SECRETS
from afanasy.render.resources import Sampler, has_gpu_tool
from afanasy.render.rundir import RunFolders

#: Option → the setting that it stands for.
SETTINGS: Final = {
    "capacity": "af_render_capacity",
    "max_tasks": "af_render_max_tasks",
    "data": "af_render_data",
    "plugins": "af_plugins",
    "nice": "af_render_nice",
    "nimby": "af_render_nimby",
}
#: Variables of the agent's own environment that tasks must not inherit.
NOT_INHERITED: Final = (*SECRETS, "AF_RUN_ID", "AF_TAG")
LOCK_WAIT_S: Final = 2.0
#: They wait while the program is executed again: their default would end it.
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)

log = logging.getLogger("afrender")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``afrender``; the exit code."""
    args = make_parser().parse_args(argv)
    try:
        fill(args)
    except ValueError as error:
        print(f"afrender: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if args.resources:
        print(json.dumps(_resources_once(args), indent=1))
        return 0
    name = args.hostname
    data: Path = args.data
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = _lock(data, drain=args.drain)
        if lock is None:
            return _other_agent(data, drain=args.drain)
        options = _options(args, name, data)
        RunFolders(data)
    except OSError as error:
        print(f"afrender: the data folder {data} cannot be used: {error}", file=sys.stderr)
        return 1
    with lock:
        return asyncio.run(_serve(options, forget=args.forget))


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="afrender",
        description="Runs tasks of an Afanasy farm on this host.",
        epilog="What is not given here is looked for in the environment and in afanasy.toml.",
    )
    parser.add_argument(
        "--server",
        metavar="HOST:PORT",
        type=_servers,
        help="the server; several, with commas, are tried in order "
        "(default: af_servername and af_serverport, 127.0.0.1:51000)",
    )
    parser.add_argument(
        "--hostname",
        type=_host_name,
        help="name of this render (default: af_hostname, else the host's without domain)",
    )
    parser.add_argument("--user", help="owner of this host (default: af_username, the account)")
    parser.add_argument(
        "--capacity", type=int, help="capacity of this host (default: af_render_capacity)"
    )
    parser.add_argument(
        "--max-tasks", type=int, help="tasks at a time (default: af_render_max_tasks)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of runs and identity; one for each --hostname (default: af_render_data)",
    )
    parser.add_argument(
        "--plugins",
        type=Path,
        action="append",
        metavar="DIR",
        help="folder with services/ and parsers/ of the studio; may be repeated "
        "(default: af_plugins)",
    )
    parser.add_argument("--nice", type=int, help="niceness of tasks (default: af_render_nice, 10)")
    nimby = parser.add_mutually_exclusive_group()
    nimby.add_argument(
        "--nimby", dest="nimby", action="store_const", const="nimby",
        help="start as nimby: tasks of the owner only",
    )  # fmt: skip
    nimby.add_argument(
        "--NIMBY", dest="nimby", action="store_const", const="NIMBY",
        help="start as NIMBY: no tasks",
    )  # fmt: skip
    parser.add_argument(
        "--drain",
        action="store_true",
        help="take no new work and exit when idle; tells a running agent of the same data folder",
    )
    parser.add_argument(
        "--forget", action="store_true", help="kill and drop what is held of an earlier farm"
    )
    parser.add_argument(
        "--resources", action="store_true", help="print the host's resources as JSON and exit"
    )
    parser.add_argument("--verbose", action="store_true", help="say more in the log")
    parser.add_argument("--version", action="version", version=f"afrender {__version__}")
    return parser


def fill(args: argparse.Namespace) -> None:
    """Give ``args`` what the settings say where they are not given. Raises ValueError."""
    config.check()
    for name, key in SETTINGS.items():
        value = getattr(args, name)
        if value is None:
            setattr(args, name, config.value(key))
        elif not isinstance(value, (Path, list)):
            try:
                BY_KEY[key].check(value)
            except ValueError as error:
                raise ValueError(f"--{name.replace('_', '-')}: {error}") from None
    try:
        re.compile(config.value("af_render_networkif"))
    except re.error as error:
        raise ValueError(f"af_render_networkif is no regular expression: {error}") from None
    args.server = args.server or config.servers()
    args.hostname = args.hostname or config.host_name()
    args.user = args.user or config.user_name()
    args.data = Path(args.data) if args.data else _default_data(args.hostname)
    args.plugins = [Path(folder) for folder in args.plugins]


def _servers(text: str) -> list[tuple[str, int]]:
    try:
        return config.servers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: give HOST:PORT") from None


def _host_name(text: str) -> str:
    """Lower case, as every name of a host (SEMANTICS 8.1)."""
    name = text.strip().lower()
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no host name")
    return name


def _default_data(name: str) -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    base = Path(state) if state else Path.home() / ".local" / "state"
    return base / "afanasy" / "render" / name


def _lock(data: Path, *, drain: bool) -> IO[str] | None:
    """The data folder's lock; a predecessor that is just ending is waited for."""
    deadline = time.monotonic() + (0.0 if drain else LOCK_WAIT_S)
    while True:
        lock = lock_folder(data)
        if lock is not None or time.monotonic() >= deadline:
            return lock
        time.sleep(0.05)


def _other_agent(data: Path, *, drain: bool) -> int:
    pid = locked_by(data)
    if drain and pid:
        os.kill(pid, signal.SIGUSR1)
        print(f"afrender: the agent {pid} takes no new work and exits when it is idle")
        return 0
    print(
        f"afrender: another agent (process {pid}) uses the data folder {data};"
        " give each --hostname a --data folder of its own",
        file=sys.stderr,
    )
    return 1


def _options(args: argparse.Namespace, name: str, data: Path) -> Options:
    farm = _read_farm(data)
    options = Options(
        servers=args.server,
        name=name,
        data=data,
        user_name=args.user,
        capacity=args.capacity,
        max_tasks=args.max_tasks,
        plugins=args.plugins,
        nimby=args.nimby,
        nice=args.nice,
        post_limit_s=config.value("af_task_post_limit_sec"),
        hdd_path=config.value("af_render_hddspace_path"),
        networks=config.value("af_render_networkif"),
        commands={
            "sleep": config.value("af_render_cmd_wolsleep"),
            "reboot": config.value("af_render_cmd_reboot"),
            "shutdown": config.value("af_render_cmd_shutdown"),
        },
        macs=config.value("af_render_macs"),
        drain=args.drain,
        token=os.environ.get("AF_TOKEN", "") or _read_text(data / "token"),
        instance=_instance(data),
        time_launch=int(read_clocks().wall),
        farm_id=farm[0],
        epoch=farm[1],
        environment={k: v for k, v in os.environ.items() if k not in NOT_INHERITED},
    )
    options.on_registered = lambda address: print(
        f"afrender: {name} registered with {address}", flush=True
    )
    options.keep_farm = lambda farm_id, epoch: _replace_text(
        data / "farm", json.dumps({"farm_id": farm_id, "epoch": epoch})
    )
    return options


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _replace_text(path: Path, text: str) -> None:
    """Replace a small file as a whole, and durably."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _instance(data: Path) -> str:
    """The random id of this data folder (R5)."""
    known = _read_text(data / "instance")
    if known:
        return known
    made = uuid.uuid4().hex
    _replace_text(data / "instance", made)
    return made


def _read_farm(data: Path) -> tuple[str, int]:
    try:
        read = json.loads(_read_text(data / "farm"))
        return str(read["farm_id"]), int(read["epoch"])
    except (ValueError, KeyError, TypeError):
        return "", 0


def _resources_once(args: argparse.Namespace) -> dict[str, object]:
    sampler = Sampler(time.monotonic)
    if has_gpu_tool():
        sampler.read_gpu()
    sampler.sample()
    time.sleep(0.5)  # the rates need two moments
    return sampler.sample()


def _raise_file_limit() -> None:
    """A run needs two open files; the soft limit of a login is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(options: Options, *, forget: bool) -> int:
    _raise_file_limit()
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    loop = asyncio.get_running_loop()
    agent = Agent(options)
    if forget:
        log.info("%d held runs were dropped", await agent.forget_all())

    def hand_over() -> None:
        log.info("handing over to a new process of this program")
        agent.hand_over()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            os.execv(sys.executable, [sys.executable, *_own_arguments(agent.draining)])
        except OSError as error:
            log.critical("the program cannot be executed again: %s", error)
            os._exit(1)  # the service manager starts it again; the tasks go on

    options.restart = hand_over
    loop.add_signal_handler(signal.SIGTERM, agent.leave)
    loop.add_signal_handler(signal.SIGINT, agent.leave)
    loop.add_signal_handler(signal.SIGHUP, hand_over)
    loop.add_signal_handler(signal.SIGUSR1, agent.drain)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    reason = await agent.run()
    log.info("exit: %s", reason)
    return 0


def _own_arguments(draining: bool) -> list[str]:
    """Arguments of this interpreter for the next one."""
    words = [word for word in sys.orig_argv[1:] if word not in ("--forget", "--drain")]
    return [*words, "--drain"] if draining else words


if __name__ == "__main__":
    sys.exit(main())
