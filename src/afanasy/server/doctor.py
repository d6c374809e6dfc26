"""``afserver doctor``: can a server work here, and what to do when it cannot.

It looks at what the server will meet: port, data folder, disk, database, clock, open files, and at
plug-in folders that are named. Each look gives findings of three levels: **ok**, **warn** (it
works, but something will hurt some day) and **fail** (it cannot work). The exit code is 1 when one
fails.

It may look while the server runs. It writes nothing that stays: its own file on the disk is
removed, and the migration of an older database is tried on a copy. Called by root for a data folder
of somebody else it becomes that user first; files of root beside the database would lock the server
out.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import platform
import pwd
import resource
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import psutil

import afanasy
from af import config
from af.words import plural
from afanasy.farmsetup.load import load_file
from afanasy.farmsetup.tree import FarmFileError
from afanasy.model.errors import UserError
from afanasy.parsers.base import Parser
from afanasy.parsers.check import example_failures
from afanasy.parsers.plugins import from_folders, names_in
from afanasy.server.change.farm_file import place_of
from afanasy.server.doctor_data import (
    Finding,
    check_clock,
    check_database,
    check_disk,
    check_folder,
    is_locked,
    nearest_existing,
    settings_on_the_fly,
)
from afanasy.server.mail import login_warning
from afanasy.services.base import Service

FILES_WANTED: Final = 4096
ASK_S: Final = 3.0
_LEVELS: Final = {"ok": "\x1b[32m", "warn": "\x1b[33m", "fail": "\x1b[31m"}
#: Settings of the way to the mail server.
_MAIL: Final = ("email_smtp_server", "email_smtp_user", "email_smtp_password", "email_smtp_tls")
_NET: Final = Path("/proc/sys/net/ipv4")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only the doctor is told; port, data folder and addresses are the server's options."""
    parser.description = "Looks whether a server can work here, and says what to do."
    parser.add_argument(
        "--plugins",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a plug-in folder of the renders, whose files are tried; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def run(options: argparse.Namespace, allow: Callable[[], object]) -> int:
    """All checks of these options; prints the findings and returns the exit code.

    ``allow`` raises UserError for addresses that the server would refuse to listen on.
    """
    addresses: list[str] = options.bind or ["127.0.0.1"]
    findings = [_program(), *_become_owner(options.data)]
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("addresses", lambda: check_addresses(allow)),
        ("port", lambda: check_port(addresses, options.port, is_locked(options.data))),
        ("data folder", lambda: check_folder(options.data)),
        ("disk", lambda: check_disk(options.data)),
        ("database", lambda: check_database(options.data)),
        ("farm file", lambda: check_farm_file(options.farm, options.data)),
        ("mail", lambda: check_mail(options.data)),
        ("clock", lambda: check_clock(options.data)),
        ("open files", check_files),
        ("plug-ins", lambda: check_plugins(options.plugins)),
    ]
    for name, check in checks:
        try:
            findings += check()
        except (OSError, sqlite3.Error) as error:
            findings.append(Finding(name, "fail", f"cannot be looked at: {error}"))
    return _tell(findings, as_json=options.json)


def _tell(findings: Sequence[Finding], *, as_json: bool) -> int:
    failed = sum(one.level == "fail" for one in findings)
    warned = sum(one.level == "warn" for one in findings)
    if as_json:
        print(json.dumps({"ok": not failed, "checks": [asdict(one) for one in findings]}, indent=1))
        return int(failed > 0)
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for one in findings:
        level = f"{one.level:4}"
        if colours:
            level = f"{_LEVELS[one.level]}{level}\x1b[0m"
        print(f"{level}  {one.check}: {one.text}")
        if one.hint:
            print(f"      {one.hint}")
    if failed or warned:
        print(f"{failed} failed, {warned} to look at")
    else:
        print("all is well")
    return int(failed > 0)


def _program() -> Finding:
    text = f"afanasy {afanasy.__version__}, Python {platform.python_version()}"
    return Finding("program", "ok", f"{text}, SQLite {sqlite3.sqlite_version}")


def _become_owner(data: Path) -> list[Finding]:
    """As root: the user to whom the data folder belongs, for the rest of this process."""
    owner = nearest_existing(data).stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return []
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
        os.initgroups(name, owner.st_gid)
    except KeyError:
        name = str(owner.st_uid)
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    return [Finding("user", "ok", f"looking as {name}, to whom {nearest_existing(data)} belongs")]


# -- addresses and port


def check_addresses(allow: Callable[[], object]) -> list[Finding]:
    """--bind and --trust as the server reads them."""
    try:
        allow()
    except UserError as error:
        return [Finding("addresses", "fail", f"{error.field}: {error.message}", error.hint)]
    return []


def check_port(addresses: Sequence[str], port: int, locked: bool) -> list[Finding]:
    """Whether the port can be had, or is already served by the server of this folder."""
    if port == 0:
        return [Finding("port", "ok", "0: the server takes a free one")]
    findings = [_check_address(address, port, locked) for address in addresses]
    first, last = _ephemeral_range()
    if first <= port <= last and port not in _reserved_ports():
        findings.append(
            Finding(
                "port",
                "warn",
                f"Linux gives ports {first} to {last} to outgoing connections; one of them can"
                f" hold {port} when the server starts",
                f"sysctl -w net.ipv4.ip_local_reserved_ports={port}, and the same line without"
                " 'sysctl -w' in /etc/sysctl.d/51-afanasy.conf",
            )
        )
    return findings


def _check_address(address: str, port: int, locked: bool) -> Finding:
    where = f"port {port} of {address}"
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(1)
    except socket.gaierror as error:
        return Finding("port", "fail", f"{address} is no address: {error.strerror}", _addresses())
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            text = f"{address} is no address of this machine"
            return Finding("port", "fail", text, _addresses())
        if error.errno == errno.EACCES:
            return Finding("port", "fail", f"{where} needs root", "choose a port above 1023")
        if error.errno != errno.EADDRINUSE:
            return Finding("port", "fail", f"{where}: {error.strerror}")
        return _in_use(address, port, where, locked)
    return Finding("port", "ok", f"{where} is free")


def _in_use(address: str, port: int, where: str, locked: bool) -> Finding:
    if not _is_afanasy("127.0.0.1" if address in ("0.0.0.0", "") else address, port):
        hint = "end that program, or choose another port with --port"
        return Finding("port", "fail", f"{where} is in use{_holder(port)}, not by Afanasy", hint)
    if not locked:
        hint = "give this one another --port, or the --data of that one"
        return Finding("port", "fail", f"{where} is served by another afserver", hint)
    return Finding("port", "ok", f"{where} is served by afserver")


def _is_afanasy(address: str, port: int) -> bool:
    """Whether it answers our protocol."""
    body = b'{"get":{"type":"config"}}'
    data = b""
    with contextlib.suppress(OSError), socket.create_connection((address, port), ASK_S) as sock:
        sock.sendall(b"AFANASY %d JSON%s" % (len(body), body))
        while len(data) < 7 and (piece := sock.recv(64)):
            data += piece
    return data.startswith(b"AFANASY")


def _holder(port: int) -> str:
    """Who has the port, where this user may see it."""
    try:
        for link in psutil.net_connections("tcp"):
            if link.laddr and link.laddr.port == port and link.pid:
                return f" by process {link.pid} ({psutil.Process(link.pid).name()})"
    except psutil.Error:
        pass
    return ""


def _addresses() -> str:
    known = sorted(
        one.address
        for links in psutil.net_if_addrs().values()
        for one in links
        if one.family == socket.AF_INET
    )
    return f"this machine has {', '.join(known)}"


def _ephemeral_range() -> tuple[int, int]:
    try:
        first, last = (_NET / "ip_local_port_range").read_text().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return 0, 0


def _reserved_ports() -> set[int]:
    """Ports that the kernel keeps for listeners, as ``51000,51010-51012``."""
    ports: set[int] = set()
    with contextlib.suppress(OSError, ValueError):
        for word in (_NET / "ip_local_reserved_ports").read_text().strip().split(","):
            first, _, last = word.partition("-")
            ports.update(range(int(first), int(last or first) + 1))
    return ports


# -- farm file, limits and plug-ins


def check_farm_file(named: str, data: Path) -> list[Finding]:
    """The farm file, when there is one. A bad one that is named keeps a new farm from starting."""
    path = place_of(named, data)
    if path is None:
        return []
    try:
        setup, _ = load_file(path)
    except FarmFileError as error:
        level = "fail" if named else "warn"
        hint = "correct it; afcmd farm verify looks at it again"
        return [Finding("farm file", level, one.text(), hint) for one in error.problems]
    return [Finding("farm file", "ok", f"{path}: {plural(len(setup.patterns), 'pattern')}")]


def check_mail(data: Path) -> list[Finding]:
    """Whether mails go to a mail server that wants a password which is not there."""
    values = {**{key: config.value(key) for key in _MAIL}, **settings_on_the_fly(data)}
    warning = login_warning(values.__getitem__)
    if not warning:
        return []
    hint = (
        "give the server AF_EMAIL_SMTP_PASSWORD; where only its unit has that, call the doctor"
        " with it too"
    )
    return [Finding("mail", "warn", warning, hint)]


def check_files() -> list[Finding]:
    """The limit of open files: each render and each client takes one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= FILES_WANTED:
        return [Finding("open files", "ok", f"{'no limit' if soft < 0 else soft}")]
    return [
        Finding(
            "open files",
            "warn",
            f"{soft} open files are enough for about {max(0, soft - 100)} renders and clients",
            "LimitNOFILE=65536 in the unit, or ulimit -n 65536 before the server starts",
        )
    ]


def check_plugins(folders: Sequence[Path]) -> list[Finding]:
    """Every file of these plug-in folders, loaded as a render would; parsers try their examples."""
    findings: list[Finding] = []
    for folder in folders:
        if not folder.is_dir():
            hint = "mount it, or correct --plugins"
            findings.append(Finding("plug-ins", "fail", f"{folder} is no folder", hint))
            continue
        good = 0
        for kind, base in (("services", Service), ("parsers", Parser)):
            for name in names_in(kind, folder):
                problems = _try_plugin(kind, name, folder, base)
                good += not problems
                findings += [
                    Finding("plug-ins", "fail", problem, "correct the file; no restart is needed")
                    for problem in problems
                ]
        if good:
            text = f"{folder}: {plural(good, 'file loads', 'files load')}"
            findings.append(Finding("plug-ins", "ok", text))
        elif not any(str(folder) in one.text for one in findings):
            hint = "a plug-in folder has services/NAME.py and parsers/NAME.py"
            findings.append(Finding("plug-ins", "warn", f"{folder} has no plug-ins", hint))
    return findings


def _try_plugin(kind: str, name: str, folder: Path, base: type[object]) -> list[str]:
    _, problems = from_folders(kind, name, [folder], base)
    if not problems and kind == "parsers":
        problems = [
            f"{folder}/parsers/{name}.py: {one}" for one in example_failures(name, [folder])
        ]
    return problems
