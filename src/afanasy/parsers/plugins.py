"""Files of a studio's plug-in folders: found by name, loaded, and loaded again when they changed.

A plug-in folder has ``services/NAME.py`` and ``parsers/NAME.py``. Nothing is registered and nothing
is restarted: each load looks at the file's time, size and inode, and takes the new text when one of
them changed. A file that cannot be loaded is a note for the log of the task, never an exception.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, TypeVar, cast

_Base = TypeVar("_Base")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class PlugInProblem(Exception):
    """A plug-in file that is no use, said for people: file, line, what."""


class _Loaded(NamedTuple):
    stamp: tuple[int, int, int]
    found: type[object] | None
    problem: str


_loaded: dict[tuple[Path, type[object]], _Loaded] = {}
_built_in: dict[tuple[str, str, type[object]], type[object] | None] = {}


def valid_name(name: str) -> bool:
    """Whether a service or parser may be called so; such a name cannot leave its folder."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def from_folders(
    kind: str, name: str, folders: Sequence[Path], base: type[_Base]
) -> tuple[type[_Base] | None, list[str]]:
    """The class of ``FOLDER/kind/NAME.py`` in the first folder where it loads, and problems met."""
    problems: list[str] = []
    for folder in folders:
        path = folder / kind / f"{name}.py"
        try:
            found = _from_file(kind, name, path, base)
        except FileNotFoundError:
            continue
        except (PlugInProblem, OSError) as problem:
            problems.append(str(problem))
            continue
        return found, problems
    return None, problems


def built_in(kind: str, name: str, base: type[_Base]) -> type[_Base] | None:
    """The class of a program's own module in ``afanasy.services`` or ``afanasy.parsers``."""
    key = (kind, name, base)
    if key not in _built_in:  # the search of the import system costs more than the rest of a load
        known = name.isidentifier() and importlib.util.find_spec(f"afanasy.{kind}.{name}")
        module = importlib.import_module(f"afanasy.{kind}.{name}") if known else None
        _built_in[key] = _class_in(module, name, base) if module else None
    return cast("type[_Base] | None", _built_in[key])


def names_in(kind: str, folder: Path) -> list[str]:
    """Names of the files of one plug-in folder."""
    stems = (path.stem for path in (folder / kind).glob("*.py"))
    return sorted(stem for stem in stems if valid_name(stem) and not stem.startswith("_"))


def _from_file(kind: str, name: str, path: Path, base: type[_Base]) -> type[_Base]:
    status = path.stat()
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    known = _loaded.get((path, base))
    if known is None or known.stamp != stamp:
        known = _load(kind, name, path, base, stamp)
        _loaded[path, base] = known
    if known.found is None:
        raise PlugInProblem(known.problem)
    return cast("type[_Base]", known.found)


def _load(
    kind: str, name: str, path: Path, base: type[object], stamp: tuple[int, int, int]
) -> _Loaded:
    module = ModuleType(f"afanasy_plugins.{kind}.{name}")
    module.__file__ = str(path)
    before = sys.modules.get(module.__name__)
    # Dataclasses and others look their module up here. No .pyc is used: its time has one second.
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
        found = _class_in(module, name, base)
    except (Exception, SystemExit) as problem:
        sys.modules.pop(module.__name__)
        if before is not None:
            sys.modules[module.__name__] = before
        return _Loaded(stamp, None, f"{path}: {_told(problem, path)}")
    if found is None:
        return _Loaded(stamp, None, f"{path}: has no subclass of {base.__name__}")
    return _Loaded(stamp, found, "")


def _class_in(module: ModuleType, name: str, base: type[_Base]) -> type[_Base] | None:
    """The subclass that the module defines: the one called like the file, else the last one."""
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value is not base
        and value.__module__ == module.__name__
    ]
    plain = re.sub(r"\W|_", "", name).lower()
    named = [value for value in own if value.__name__.replace("_", "").lower() == plain]
    return (named or own or [None])[-1]


def _told(problem: BaseException, path: Path) -> str:
    """The problem with the line of the plug-in file where it happened."""
    what = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, SyntaxError):
        return what
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(problem.__traceback__)
        if frame.filename == str(path)
    ]
    return f"line {lines[-1]}: {what}" if lines else what
