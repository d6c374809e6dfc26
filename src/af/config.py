"""Where the server is, who the user is, the defaults of new jobs, and the paths map.

From the environment, then the configuration files of :mod:`af.config_files`, then defaults:

========================================  =======================================================
AF_SERVERNAME, CGRU_AF_SERVERNAME         server, default 127.0.0.1; several as ``a,b:51001``
AF_SERVERPORT, CGRU_AF_SERVERPORT         port of servers named without one, default 51000
CGRU_USERNAME, AF_USERNAME, USER, …       the user's name, lower case, without a domain
AF_HOSTNAME                               this computer's name; else the system's, domain cut
CGRU_AF_PRIORITY                          priority of new jobs, default 99
CGRU_AF_TASK_DEFAULT_CAPACITY             capacity of new blocks, default 1000
AF_CMD_PREFIX, CGRU_AF_CMDPREFIX          text put before the commands of blocks
CGRU_PATHSMAP                             JSON list of [client, server] (:mod:`af.pathmap`)
========================================  =======================================================

A variable ``CGRU_KEY`` stands for the key ``key`` of the files. The environment is read when it is
asked, so a script may set ``os.environ`` after its imports; files are read again when they changed.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import warnings
from typing import Any

from af import config_files
from af.config_files import Loaded
from af.pathmap import PathMap, read_pairs
from af.rules import AfWarning

SERVER_NAME = "127.0.0.1"
SERVER_PORT = 51000
PRIORITY = 99
CAPACITY = 1000

#: Keys that we ask for, with their defaults; what files say besides is kept for others.
DEFAULTS: dict[str, Any] = {
    "af_servername": SERVER_NAME,
    "af_serverport": SERVER_PORT,
    "af_priority": PRIORITY,
    "af_task_default_capacity": CAPACITY,
    "af_cmdprefix": "",
    "af_user_cut_domain_name": True,
    "af_render_cut_domain_name": True,
    "pathsmap": [],
}
_USER_VARIABLES = ("CGRU_USERNAME", "AF_USERNAME", "USER", "USERNAME")
_PLATFORMS = {"darwin": "macosx", "win32": "windows", "cygwin": "windows"}


def servers(text: str = "") -> list[tuple[str, int]]:
    """``(host, port)`` of every server to try, in order.

    ``text`` (``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``, several with commas) wins over the
    environment. Raises ValueError when a port is none.
    """
    port_text = _first("AF_SERVERPORT", "CGRU_AF_SERVERPORT")
    port = _port(port_text or str(value("af_serverport")), "AF_SERVERPORT")
    text = text.strip() or _first("AF_SERVERNAME", "CGRU_AF_SERVERNAME")
    if not text:
        named: Any = value("af_servername")
        text = " ".join(map(str, named)) if isinstance(named, list) else str(named)  # pyright: ignore[reportUnknownArgumentType] - of JSON
    found = [_server(word, port) for word in re.split(r"[,;\s]+", text) if word]
    return found or [(SERVER_NAME, port)]


def user_name() -> str:
    """The user's name: lower case, ``DOMAIN\\name`` and ``name@domain`` cut to the name."""
    name = _first(*_USER_VARIABLES) or _login_name()
    if value("af_user_cut_domain_name"):
        name = re.split(r"[\\/]", name)[-1].split("@")[0]
    return name.strip().lower() or "unknown"


def host_name() -> str:
    """This computer's name in lower case; the system's own name loses its domain."""
    given = _first("AF_HOSTNAME")
    if given:
        return given.lower()
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    cut = value("af_render_cut_domain_name") and short and not short.isdigit()
    return short if cut else name


def priority() -> int:
    """Priority of new jobs."""
    return _number("af_priority", PRIORITY, 250)


def capacity() -> int:
    """Capacity of new blocks."""
    return _number("af_task_default_capacity", CAPACITY, 2**31 - 1) or CAPACITY


def command_prefix() -> str:
    """What stands before the commands of blocks."""
    return os.environ.get("AF_CMD_PREFIX") or str(value("af_cmdprefix") or "")


def path_map(unix_separators: bool = False) -> PathMap:
    """The paths map of this computer (SEMANTICS 11). Raises ValueError when it makes no sense."""
    windows = sys.platform in ("win32", "cygwin")
    return PathMap(read_pairs(value("pathsmap")), windows, unix_separators)


def platform() -> str:
    """This platform's word in ``need_os``: linux, windows or macosx."""
    return _PLATFORMS.get(sys.platform, "linux")


def working_directory() -> str:
    """The shell's idea of the current folder (links kept) when it is true, else the system's."""
    shell = os.environ.get("PWD", "")
    try:
        current = os.getcwd()
        if shell and os.path.samefile(shell, current):
            return shell
    except OSError:
        return shell
    return current


# ------------------------------------------------------------------------------- files and keys

_state: dict[str, Any] = {"key": None, "loaded": Loaded({}, [], [])}


def files() -> Loaded:
    """What the configuration files say; read again when one of them changed.

    Files that cannot be read are told once, as a warning.
    """
    paths = config_files.candidates()
    old: Loaded = _state["loaded"]
    key = (paths, [_stamp(path) for path in [*paths, *old.files]])
    if key != _state["key"]:
        custom = os.environ.get("CGRU_CUSTOM_CONFIG", "")
        loaded = config_files.load(paths, wanted=(custom,) if custom else ())
        _state["loaded"] = loaded
        _state["key"] = (paths, [_stamp(path) for path in [*paths, *loaded.files]])
        for problem in loaded.problems:
            if problem not in old.problems:
                warnings.warn("configuration: %s" % problem, AfWarning, stacklevel=3)
    return _state["loaded"]


def value(key: str) -> Any:
    """A setting: the variable ``CGRU_KEY``, else the files, else the default, else None."""
    values = files().values
    found = values.get(key, DEFAULTS.get(key))
    if key in DEFAULTS and found is None:
        found = DEFAULTS[key]
    text = os.environ.get("CGRU_" + key.upper())
    if text is None or (key not in values and key not in DEFAULTS):
        return found
    return config_files.from_text(text, DEFAULTS.get(key, found))


def settings() -> dict[str, Any]:
    """Every known setting with the value in force."""
    return {key: value(key) for key in sorted({*DEFAULTS, *files().values})}


def _stamp(path: str) -> Any:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _first(*variables: str) -> str:
    for variable in variables:
        value = os.environ.get(variable, "").strip()
        if value:
            return value
    return ""


def _login_name() -> str:
    import getpass  # rarely needed, and slow to import

    try:
        return getpass.getuser()
    except Exception:  # without an account it raises KeyError, ImportError or OSError, by version
        return ""


def _number(key: str, default: int, high: int) -> int:
    found = value(key)
    return min(found, high) if type(found) is int and found >= 0 else default


def _server(word: str, port: int) -> tuple[str, int]:
    match = re.match(r"\[(.+)\](?::(.*))?$", word) or re.match(r"([^:]+)(?::([^:]*))?$", word)
    if match is None:  # an IPv6 address without brackets
        return word, port
    port_text = match.group(2)
    return match.group(1), port if port_text is None else _port(port_text, word)


def _port(text: str, where: str) -> int:
    if not (text.isdigit() and 0 < int(text) < 65536):
        raise ValueError("%s: %r is no port number (1 to 65535)" % (where, text))
    return int(text)
