"""Where the server is, who the user is, and the defaults of new jobs, all from the environment.

========================================  =======================================================
AF_SERVERNAME, CGRU_AF_SERVERNAME         server, default 127.0.0.1; several as ``a,b:51001``
AF_SERVERPORT, CGRU_AF_SERVERPORT         port of servers named without one, default 51000
CGRU_USERNAME, AF_USERNAME, USER, …       the user's name, lower case, without a domain
AF_HOSTNAME                               this computer's name; else the system's, domain cut
CGRU_AF_PRIORITY                          priority of new jobs, default 99
CGRU_AF_TASK_DEFAULT_CAPACITY             capacity of new blocks, default 1000
AF_CMD_PREFIX, CGRU_AF_CMDPREFIX          text put before the commands of blocks
========================================  =======================================================

Everything is read when it is asked, so a script may set ``os.environ`` after its imports.
"""

from __future__ import annotations

import os
import re
import socket
import sys

SERVER_NAME = "127.0.0.1"
SERVER_PORT = 51000
PRIORITY = 99
CAPACITY = 1000

_USER_VARIABLES = ("CGRU_USERNAME", "AF_USERNAME", "USER", "USERNAME")
_PLATFORMS = {"darwin": "macosx", "win32": "windows", "cygwin": "windows"}


def servers(text: str = "") -> list[tuple[str, int]]:
    """``(host, port)`` of every server to try, in order.

    ``text`` (``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``, several with commas) wins over the
    environment. Raises ValueError when a port is none.
    """
    port_text = _first("AF_SERVERPORT", "CGRU_AF_SERVERPORT")
    port = _port(port_text, "AF_SERVERPORT") if port_text else SERVER_PORT
    text = text.strip() or _first("AF_SERVERNAME", "CGRU_AF_SERVERNAME") or SERVER_NAME
    found = [_server(word, port) for word in re.split(r"[,;\s]+", text) if word]
    return found or [(SERVER_NAME, port)]


def user_name() -> str:
    """The user's name: lower case, ``DOMAIN\\name`` and ``name@domain`` cut to the name."""
    name = _first(*_USER_VARIABLES) or _login_name()
    name = re.split(r"[\\/]", name)[-1].split("@")[0].strip().lower()
    return name or "unknown"


def host_name() -> str:
    """This computer's name in lower case; the system's own name loses its domain."""
    given = _first("AF_HOSTNAME")
    if given:
        return given.lower()
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    return name if not short or short.isdigit() else short


def priority() -> int:
    """Priority of new jobs."""
    return _number("CGRU_AF_PRIORITY", PRIORITY, 250)


def capacity() -> int:
    """Capacity of new blocks."""
    return _number("CGRU_AF_TASK_DEFAULT_CAPACITY", CAPACITY, 2**31 - 1) or CAPACITY


def command_prefix() -> str:
    """What stands before the commands of blocks."""
    return os.environ.get("AF_CMD_PREFIX") or os.environ.get("CGRU_AF_CMDPREFIX") or ""


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


def _number(variable: str, default: int, high: int) -> int:
    text = _first(variable)
    return min(int(text), high) if text.isdigit() else default


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
