"""``afserver``: options, the data folder, start and end of the server.

An option that is not given is a setting: a variable, a file or the default (:mod:`af.settings`).
SIGHUP reads the files again, the farm file too. ``afserver doctor`` with the same options looks
whether it can work (:mod:`afanasy.server.doctor`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import ipaddress
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import IO, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError

import afanasy
from af.settings import BY_KEY
from af.toml_files import Found
from afanasy.core import events
from afanasy.core.job.submit import found_system_job
from afanasy.core.restore import restore
from afanasy.core.state import Farm
from afanasy.model.clock import read_clocks
from afanasy.model.errors import UserError
from afanasy.server.change.farm_file import FarmFileReader
from afanasy.server.change.settings import Reloader, first_settings, from_layers
from afanasy.server.deliver import Deliverer
from afanasy.server.listener import Listener
from afanasy.server.loop import FarmLoop
from afanasy.server.mail import login_warning
from afanasy.server.matcher import Masks
from afanasy.server.render_peer import RenderPeer
from afanasy.server.request_peer import HttpPeer, TextPeer
from afanasy.server.requests import Requests
from afanasy.server.show.get import Inside
from afanasy.server.show.get_sql import DatabasePort
from afanasy.server.show.history_port import StoreHistory
from afanasy.server.traffic import Traffic
from afanasy.server.zones import utc_offset_s
from afanasy.store import database, history
from afanasy.store.outputs import OutputFiles
from afanasy.store.writer import Deposed, Writer
from afanasy.wire.sniff import Kind

log = structlog.get_logger("server")

#: Option → the setting that it stands for.
SETTINGS: Final = {
    "port": "af_serverport",
    "data": "af_store_folder",
    "bind": "af_server_bind",
    "trust": "af_server_trust",
    "log_level": "af_server_log_level",
    "farm": "af_farm_file",
}
#: Exit code when the server must be started again to agree with its database.
EXIT_RESTORE: Final = 75
#: Open files that we ask the host for.
FILES_MAX: Final = 65_536


def make_parser(prog: str = "afserver") -> argparse.ArgumentParser:
    """The options of ``afserver``."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="The Afanasy server: schedules the farm's work.",
        epilog="What is not given here is looked for in the environment and in afanasy.toml. "
        "afserver doctor, with the same options, looks whether it can work here.",
    )
    parser.add_argument("--version", action="version", version=afanasy.__version__)
    parser.add_argument(
        "--port",
        type=int,
        help="TCP port for everything; 0 takes a free one (default: af_serverport, 51000)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the database and the outputs (default: af_store_folder, else "
        f"{_data_default()})",
    )
    parser.add_argument(
        "--bind",
        action="append",
        metavar="ADDRESS",
        help="address to listen on, more than once if wished (default: af_server_bind, 127.0.0.1)",
    )
    parser.add_argument(
        "--trust",
        action="append",
        metavar="NET",
        help="network whose hosts may use the farm and render for it, as 10.1.0.0/16 "
        "(default: af_server_trust)",
    )
    parser.add_argument(
        "--farm",
        type=Path,
        metavar="FILE",
        help="the farm file: patterns of hosts and limits, in XML or JSON (default: af_farm_file, "
        "else farm.xml or farm.json in the data folder)",
    )
    level = BY_KEY["af_server_log_level"]
    parser.add_argument(
        "--log-level", choices=level.choices, help=f"(default: {level.key}, {level.default})"
    )
    return parser


def _data_default() -> Path:
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "afanasy" / "server"


def fill(options: argparse.Namespace) -> dict[str, Found]:
    """Give ``options`` what the settings say where they are not given; returns the given ones.

    Raises UserError for an option, a file or a variable that cannot be.
    """
    given: dict[str, Found] = {}
    for name, key in SETTINGS.items():
        value = getattr(options, name)
        if value is None:
            continue
        option = "--" + name.replace("_", "-")
        try:
            checked = BY_KEY[key].check(str(value) if isinstance(value, Path) else value)
        except ValueError as error:
            raise UserError("bad_option", str(error), field=option) from None
        given[key] = Found(checked, f"option {option}")
    layers = from_layers(given)
    for name, key in SETTINGS.items():
        found = layers.get(key)
        setattr(options, name, BY_KEY[key].default if found is None else found.value)
    options.data = Path(options.data) if options.data else _data_default()
    return given


def trusted(nets: list[str], addresses: list[str]) -> Callable[[str], bool]:
    """Answers whether a peer's address may connect. Raises UserError for what cannot work.

    Loopback always may. Listening elsewhere without naming who may come is refused: whoever
    connects can run commands on every render.
    """
    try:
        known = [ipaddress.ip_network(net, strict=False) for net in nets]
    except ValueError as error:
        raise UserError("bad_option", str(error), "as 10.1.0.0/16", field="--trust") from None
    outside = [a for a in addresses if not _is_loopback(a)]
    if outside and not known:
        example = f"{outside[0]}/24" if outside[0] not in ("0.0.0.0", "::") else "10.1.0.0/16"
        raise UserError(
            "untrusted",
            f"listening on {outside[0]} lets everybody who reaches it run commands on the farm",
            f"name the network that may: --trust {example}",
            field="--bind",
        )

    def allowed(address: str) -> bool:
        ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
        mapped = getattr(ip, "ipv4_mapped", None)
        ip = mapped or ip
        return ip.is_loopback or any(ip in net for net in known)

    return allowed


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def set_up_logging(level: str) -> None:
    """Lines on standard error, coloured on a terminal only."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.processors.add_log_level,
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer())
            if level == "debug"
            else structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, level.upper())  # the level words are the same
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def lock_data(folder: Path) -> IO[str]:
    """The data folder, made when needed and held by this process alone. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "server.lock").open("a+")
    except OSError as error:
        raise UserError(
            "data_folder", str(error), "choose a folder you may write", field="--data"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(
            "data_in_use",
            f"another afserver works in {folder}",
            "stop it, or give this one its own --data",
            field="--data",
        ) from None
    return file


def tame_collector() -> None:
    """Keep Python's cycle collector off the farm: what was restored lives for ever.

    Jobs and runs are freed by counting references; a full collection would look at every object of
    the farm again and again and stop the loop meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def raise_file_limit() -> None:
    """Open files as the host lets us: each render and each client is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_database(path: Path, wall_s: float) -> tuple[sa.Engine, database.TakeOver]:
    """The farm's database, brought to our schema and taken over. Raises UserError."""
    engine = database.open_sqlite(path)
    try:
        database.migrate(engine)
        return engine, database.take_over(engine, wall_s)
    except DBAPIError as error:
        hint = (
            "stop the program that keeps it locked"
            if "locked" in str(error.orig)
            else "restore a backup; sqlite3's .recover may save what can be read"
        )
        raise UserError("database", f"{path}: {error.orig}", hint, field="--data") from None


async def serve(options: argparse.Namespace, given: dict[str, Found]) -> int:
    """Run until a signal, or until the store fails for good. Returns the exit code.

    ``given`` are the settings that are options of the command line (:func:`fill`).
    """
    bind: list[str] = options.bind
    allowed = trusted(options.trust, bind)
    settings = first_settings(given, options.data)
    lock = lock_data(options.data)
    raise_file_limit()
    now = read_clocks()
    engine, (farm_id, epoch) = open_database(options.data / "farm.db", now.wall)
    masks = Masks()
    farm = Farm(
        farm_id, epoch, masks.full_match, serving_mono=now.mono, settings=settings,
        utc_offset_s=utc_offset_s,
    )  # fmt: skip
    masks.known_names = lambda: chain(farm.renders, farm.jobs_by_name)
    restore(farm, database.load(engine), now)
    found_system_job(farm, now)
    if warning := login_warning(settings.value):
        log.warning("mails_without_password", reason=warning, hint="set AF_EMAIL_SMTP_PASSWORD")
    outputs = OutputFiles(options.data / "outputs")

    def writer_of(loop: FarmLoop) -> Writer:
        return Writer(
            engine, outputs, epoch, on_fatal=loop.store_failed, on_away=loop.store_is_away
        )

    loop = FarmLoop(farm, writer_of)
    live = outputs.live_sizes()
    loop.output_sizes = {run: size for run, size in live.items() if run in farm.runs}
    ended = [run for run in live if run not in farm.runs]
    leftovers = history.strays(engine, ended)
    for run in set(ended) - {piece.run for piece in leftovers}:
        outputs.drop_live(run)
    deliverer = Deliverer(
        settings.value,
        lambda key, problem: loop.apply(events.MessageSettled(key, problem)),
    )
    loop.deliver = deliverer.send
    reloader = Reloader(given)
    traffic = Traffic(now.wall, now.mono)
    port = DatabasePort(options.data / "farm.db", options.data / "outputs")
    stored = StoreHistory(engine, outputs, loop.durable)
    farm_file = FarmFileReader(loop, masks, options.farm, options.data)
    requests = Requests(loop, masks, stored, reloader, Inside(traffic, port), farm_file)

    stopping = asyncio.Event()
    aio = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        aio.add_signal_handler(number, stopping.set)
    aio.add_signal_handler(signal.SIGHUP, _reload, loop, reloader, farm_file)
    tame_collector()
    farm_file.start()
    loop.start(leftovers)
    listener = Listener(
        {
            Kind.TEXT: lambda: TextPeer(requests.handle, traffic=traffic),
            Kind.POST: lambda: HttpPeer(requests.handle, traffic=traffic),
            Kind.HTTP: lambda: HttpPeer(requests.handle, traffic=traffic),
            Kind.STREAM: lambda: RenderPeer(loop, traffic),
        },
        allowed=allowed,
    )
    places = await listener.start([(address, options.port) for address in bind])
    if "af_serverport" in given:  # 0 took a free one
        settings.said["af_serverport"] = given["af_serverport"]._replace(value=places[0][1])
    log.info(
        "serving", version=afanasy.__version__, epoch=epoch, jobs=len(farm.jobs) - 1,
        open_runs=len(farm.runs), data=str(options.data),
    )  # fmt: skip
    print(f"afserver: ready on {places[0][0]}:{places[0][1]}", flush=True)
    stop = aio.create_task(stopping.wait(), name="stopping")
    await asyncio.wait([stop, loop.fatal], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    listener.stop_accepting()
    port.close()
    deliverer.close()
    code = 0
    if loop.fatal.done():
        error = loop.fatal.result()
        code = 1 if isinstance(error, Deposed) else EXIT_RESTORE
        log.error("store_failed", error=repr(error), hint="start the server again")
    else:
        log.info("stopping")
    await loop.close()  # requests that waited for their commit get their answers now
    await listener.close()
    engine.dispose()
    lock.close()
    return code


def _reload(loop: FarmLoop, reloader: Reloader, farm_file: FarmFileReader) -> None:
    """SIGHUP: read the farm file and the configuration again. A wrong one changes nothing."""
    farm_file.on_signal()
    try:
        answer = reloader.reload(loop.farm, loop.apply)
    except UserError as error:
        log.error("configuration_refused", reason=error.sentence())
        return
    changed = {one["key"]: one["value"] for one in answer["changed"]}
    waiting = [one["key"] for one in answer["waiting"]]
    log.info("configuration_read", changed=changed, waits_for_a_restart=waiting)


def main() -> int:
    """Entry point of ``afserver``."""
    words = sys.argv[1:]
    if words[:1] == ["doctor"]:
        return _doctor(words[1:])
    options = make_parser().parse_args(words)
    new_loop = None
    with contextlib.suppress(ImportError):
        import uvloop

        new_loop = uvloop.new_event_loop
    try:
        given = fill(options)
        set_up_logging(options.log_level)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(serve(options, given))
    except UserError as error:
        print(f"afserver: {error.sentence()}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _doctor(words: list[str]) -> int:
    from afanasy.server import doctor

    parser = make_parser("afserver doctor")
    parser.epilog = "Exit code: 0 it can work, 1 it cannot."
    doctor.add_arguments(parser)
    options = parser.parse_args(words)
    try:
        fill(options)
    except UserError as error:
        print(f"afserver doctor: {error.sentence()}", file=sys.stderr)
        return 2
    return doctor.run(options, lambda: trusted(options.trust, options.bind))


if __name__ == "__main__":
    sys.exit(main())
