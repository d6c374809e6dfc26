"""Our own configuration files, ``afanasy.toml``: a line ``key = value`` for each setting.

Read in this order, later values win; none needs to exist but the last, and none is ever written:

1. the system's: ``/etc/afanasy/afanasy.toml``, on Windows the same in ``PROGRAMDATA``
   (``AF_CONFIG_SYSTEM`` names another one);
2. the user's: ``afanasy/afanasy.toml`` in ``XDG_CONFIG_HOME`` or ``~/.config``, on Windows in
   ``APPDATA``;
3. the file that ``AF_CONFIG`` names.

A key that no program knows, or a value that its setting does not take, is a problem with the file
and the line, and counts as not said. Who refuses to work with problems and who only warns decides
the caller (:mod:`af.config`).
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from af.settings import BY_KEY, unknown


class Found(NamedTuple):
    """The value of a setting, and where it comes from."""

    value: Any
    #: "default", ``FILE:LINE``, ``FILE``, ``variable NAME``, ``option NAME``.
    origin: str


class Loaded(NamedTuple):
    """What the files say."""

    values: dict[str, Found]
    #: Files that were read, in order.
    files: list[str]
    #: Sentences that name file, line and rule.
    problems: list[str]


def candidates(environment: Any = None, platform: str = "") -> list[str]:
    """The files to look for, in order."""
    env = os.environ if environment is None else environment
    windows = (platform or sys.platform) in ("win32", "cygwin")
    system = "/etc"
    user = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME") or "~", ".config")
    if windows:
        system = env.get("PROGRAMDATA") or "C:\\ProgramData"
        user = env.get("APPDATA") or user
    own = os.path.join("afanasy", "afanasy.toml")
    found = [env.get("AF_CONFIG_SYSTEM") or os.path.join(system, own)]
    found.append(os.path.join(os.path.expanduser(user), own))
    if env.get("AF_CONFIG"):
        found.append(env["AF_CONFIG"])
    return found


def load(paths: list[str], wanted: tuple[str, ...] = ()) -> Loaded:
    """Read those that are there; those of ``wanted`` are missed when they are not."""
    loaded = Loaded({}, [], [])
    for path in paths:
        if os.path.exists(path) or path in wanted:
            _read(path, loaded)
    return loaded


def _read(path: str, loaded: Loaded) -> None:
    from af import toml_text  # most computers have no file, and a command must start quickly

    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
        said = toml_text.loads(text)
    except OSError as error:
        loaded.problems.append("%s: %s" % (path, (error.strerror or str(error)).lower()))
        return
    except (ValueError, RecursionError) as error:
        loaded.problems.append("%s: cannot be read: %s" % (path, error))
        return
    loaded.files.append(path)
    lines = toml_text.lines_of(text)
    for key, value in said.items():
        origin = "%s:%d" % (path, lines[key]) if key in lines else path
        setting = BY_KEY.get(key)
        if setting is None:
            loaded.problems.append("%s: %s" % (origin, unknown(key)))
            continue
        try:
            loaded.values[key] = Found(setting.check(value), origin)
        except ValueError as error:
            loaded.problems.append("%s: %s %s" % (origin, key, error))
