"""Settings of this computer: where the server is, who the user is, defaults of new jobs, and more.

All of them are in :mod:`af.settings`. Each is looked for in layers; the first that says something
wins:

1. options of the command line, where a program has one for it;
2. the environment: ``AF_`` and the key in capitals (``AF_SERVERNAME``), then ``CGRU_`` and the key
   in capitals (``CGRU_AF_SERVERNAME``);
3. ``afanasy.toml``: the file of ``AF_CONFIG``, the user's, the system's (:mod:`af.toml_files`);
4. the files of an existing CGRU installation (:mod:`af.config_files`);
5. the default.

The environment is read when it is asked, so a script may set ``os.environ`` after its imports;
files are read again when they changed. What is wrong in our own layers is a *problem*: our programs
refuse to start with one (:func:`check`), scripts and DCCs get a warning and go on without it.
Values of CGRU's layers that make no sense are passed over: they were written for other programs.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import warnings
from typing import Any, NamedTuple

from af import config_files, toml_files
from af.pathmap import PathMap, read_pairs
from af.rules import AfWarning
from af.settings import BY_KEY, CATALOGUE, NUMBER, PAIRS, Setting
from af.toml_files import Found

_PLATFORMS = {"darwin": "macosx", "win32": "windows", "cygwin": "windows"}


def servers(text: str = "") -> list[tuple[str, int]]:
    """``(host, port)`` of every server to try, in order.

    ``text`` (``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``, several with commas) wins over the
    environment. Raises ValueError when a port is none.
    """
    port_text = _first("AF_SERVERPORT", "CGRU_AF_SERVERPORT")
    port = _port(port_text or str(value("af_serverport")), "AF_SERVERPORT")
    text = text.strip() or " ".join(value("af_servername"))
    found = [_server(word, port) for word in re.split(r"[,;\s]+", text) if word]
    return found or [(BY_KEY["af_servername"].default[0], port)]


def user_name() -> str:
    """The user's name: lower case, ``DOMAIN\\name`` and ``name@domain`` cut to the name."""
    name = _first("CGRU_USERNAME", "AF_USERNAME") or value("af_username")
    name = name or _first("USER", "USERNAME") or _login_name()
    if value("af_user_cut_domain_name"):
        name = re.split(r"[\\/]", name)[-1].split("@")[0]
    return name.strip().lower() or "unknown"


def host_name() -> str:
    """This computer's name in lower case; the system's own name loses its domain."""
    given = value("af_hostname").strip()
    if given:
        return given.lower()
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    cut = value("af_render_cut_domain_name") and short and not short.isdigit()
    return short if cut else name


def priority() -> int:
    """Priority of new jobs."""
    return value("af_priority")


def capacity() -> int:
    """Capacity of new blocks."""
    return value("af_task_default_capacity")


def command_prefix() -> str:
    """What stands before the commands of blocks."""
    return value("af_cmdprefix")


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


class Loaded(NamedTuple):
    """What all files say."""

    #: Values of CGRU's files, unchecked.
    values: dict[str, Any]
    #: Key → the file that said it last.
    origins: dict[str, str]
    #: Values of our own files.
    own: dict[str, Found]
    #: Files that were read, in order.
    files: list[str]
    #: Sentences about CGRU's files, and about our own.
    problems: list[str]
    own_problems: list[str]


_state: dict[str, Any] = {"key": None, "loaded": Loaded({}, {}, {}, [], [], [])}
#: Problems that a script was warned of.
_told: set[str] = set()


def _read_files() -> Loaded:
    """What the files say; read again when one of them changed."""
    paths = [*config_files.candidates(), *toml_files.candidates()]
    old: Loaded = _state["loaded"]
    wanted = [os.environ.get(name, "") for name in ("CGRU_CUSTOM_CONFIG", "AF_CONFIG")]
    key = (paths, wanted, [_stamp(path) for path in [*paths, *old.files]])
    if key != _state["key"]:
        own = toml_files.load(toml_files.candidates(), tuple(filter(None, wanted[1:])))
        theirs = config_files.load(
            config_files.candidates(), wanted=tuple(filter(None, wanted[:1]))
        )
        loaded = Loaded(
            theirs.values, theirs.origins, own.values, theirs.files + own.files,
            theirs.problems, own.problems,
        )  # fmt: skip
        _state["loaded"] = loaded
        _state["key"] = (paths, wanted, [_stamp(path) for path in [*paths, *loaded.files]])
    return _state["loaded"]


def files() -> Loaded:
    """What the configuration files say; read again when one of them changed.

    Files that cannot be read, and what cannot be used of them, are told once, as a warning.
    """
    loaded = _read_files()
    for problem in [*loaded.problems, *loaded.own_problems]:
        _warn(problem)
    return loaded


def value(key: str) -> Any:
    """The value of a setting in force; of a key that is none, what CGRU's files say, or None."""
    return _found(key, files(), _warn).value


def found(key: str) -> Found:
    """The same with its origin. Raises KeyError for a key that nobody knows."""
    loaded = _read_files()
    if key not in BY_KEY and key not in loaded.values:
        raise KeyError(key)
    return _found(key, loaded, _say_nothing)


def found_all() -> dict[str, Found]:
    """Every known setting, and what else CGRU's files say, with value and origin."""
    loaded = _read_files()
    return {key: _found(key, loaded, _say_nothing) for key in sorted({*BY_KEY, *loaded.values})}


def settings() -> dict[str, Any]:
    """Every known setting with the value in force."""
    return {key: one.value for key, one in found_all().items()}


def problems() -> list[str]:
    """What is wrong in our own files and variables, in sentences."""
    return [*_read_files().own_problems, *_bad_variables()]


def check() -> None:
    """For programs that refuse to work with a wrong setting. Raises ValueError, all problems."""
    wrong = problems()
    if wrong:
        raise ValueError("; ".join(wrong))


def _found(key: str, loaded: Loaded, complain: Any) -> Found:
    setting = BY_KEY.get(key)
    if setting is None:
        known = loaded.values.get(key)
        text = os.environ.get("CGRU_" + key.upper()) if key in loaded.values else None
        if text is not None:
            return Found(config_files.from_text(text, known), "variable CGRU_" + key.upper())
        return Found(known, loaded.origins.get(key, ""))
    for name in (setting.variable, *setting.variables):
        text = os.environ.get(name, "")
        if text.strip():
            try:
                return Found(setting.from_text(text), "variable " + name)
            except ValueError as error:
                complain("%s: %s %s" % (name, key, error))
    if setting.classic:
        name = "CGRU_" + key.upper()
        text = os.environ.get(name, "")
        if text.strip():
            like: Any = "" if setting.key == "af_servername" else setting.default
            lenient = _lenient(setting, config_files.from_text(text, like))
            if lenient is not None:
                return Found(lenient, "variable " + name)
    if key in loaded.own:
        return loaded.own[key]
    if setting.classic and key in loaded.values:
        lenient = _lenient(setting, loaded.values[key])
        if lenient is not None:
            return Found(lenient, loaded.origins[key])
    return Found(setting.default, "default")


def _lenient(setting: Setting, said: Any) -> Any:
    """A value of CGRU's layers as we can use it, or None."""
    if setting.kind == NUMBER and type(said) is int:
        said = min(said, setting.high)
    if setting.kind == PAIRS:
        return said  # judged where the paths map is made
    try:
        return setting.check(said)
    except ValueError:
        return None


def _bad_variables() -> list[str]:
    wrong: list[str] = []
    for setting in CATALOGUE:
        for name in (setting.variable, *setting.variables):
            text = os.environ.get(name, "")
            if text.strip():
                try:
                    setting.from_text(text)
                except ValueError as error:
                    wrong.append("%s: %s %s" % (name, setting.key, error))
    return wrong


def _warn(problem: str) -> None:
    if problem not in _told:
        _told.add(problem)
        warnings.warn("configuration: %s" % problem, AfWarning, stacklevel=4)


def _say_nothing(problem: str) -> None:
    pass


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
