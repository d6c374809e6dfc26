"""Configuration files in the form that studios have: ``{"cgru_config": {…}}`` (PROTOCOL 5).

Read in this order, later values win:

1. ``$CGRU_LOCATION/config_default.json``, and after it the files of its ``include`` list;
2. the file named by ``CGRU_CUSTOM_CONFIG``;
3. ``.cgru/config.json`` in ``APPDATA`` or the home folder.

``include`` entries are relative to the including file and may include others; a file that
includes itself, directly or not, is refused. A key that begins with ``-`` is switched off, the
empty key is a remark. Sections ``OS_unix``, ``OS_linux``, ``OS_macosx`` and ``OS_windows`` count on
that system only, unix before the others; they win over the rest of their file. Objects are merged,
everything else is replaced. No file needs to exist and none is ever written.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple, cast

_INCLUDE_DEPTH_MAX = 20
_OTHERS = {"darwin": "OS_macosx", "win32": "OS_windows", "cygwin": "OS_windows"}


class Loaded(NamedTuple):
    """What the files say."""

    values: dict[str, Any]
    #: Files that were read, in order.
    files: list[str]
    #: Sentences about files that could not be read or were refused.
    problems: list[str]
    #: Key → the file that said it last.
    origins: dict[str, str]


def candidates(environment: Any = None) -> list[str]:
    """The files to begin with, in order, whether they exist or not."""
    env = os.environ if environment is None else environment
    found: list[str] = []
    if env.get("CGRU_LOCATION"):
        found.append(os.path.join(env["CGRU_LOCATION"], "config_default.json"))
    if env.get("CGRU_CUSTOM_CONFIG"):
        found.append(env["CGRU_CUSTOM_CONFIG"])
    home = env.get("APPDATA") or env.get("HOME") or env.get("USERPROFILE")
    if home:
        found.append(os.path.join(home, ".cgru", "config.json"))
    return found


def sections(platform: str = "") -> list[str]:
    """The names of the sections that count on a platform (``sys.platform``), the general first."""
    special = _OTHERS.get(platform or sys.platform, "OS_linux")
    return [special] if special == "OS_windows" else ["OS_unix", special]


def load(paths: list[str], platform: str = "", wanted: tuple[str, ...] = ()) -> Loaded:
    """Read these files and what they include; those of ``wanted`` are missed when not there."""
    loaded = Loaded({}, [], [], {})
    for path in paths:
        if os.path.exists(path) or path in wanted:
            _read(os.path.abspath(path), [], loaded, sections(platform))
    return loaded


def _read(path: str, including: list[str], loaded: Loaded, names: list[str]) -> None:
    own = os.path.realpath(path)
    if own in including:
        loaded.problems.append("%s: includes itself; refused" % path)
        return
    if len(including) >= _INCLUDE_DEPTH_MAX:
        loaded.problems.append("%s: included by too many files in turn; refused" % path)
        return
    try:
        with open(path, "rb") as file:
            root = json.loads(file.read().decode("utf-8-sig"), strict=False)
    except OSError as error:
        loaded.problems.append("%s: %s" % (path, (error.strerror or str(error)).lower()))
        return
    except (ValueError, RecursionError) as error:
        loaded.problems.append("%s: is no JSON: %s" % (path, error))
        return
    if not isinstance(root, dict) or not isinstance(cast("Any", root).get("cgru_config"), dict):
        loaded.problems.append('%s: has no object "cgru_config"' % path)
        return
    loaded.files.append(path)
    config = cast("dict[str, Any]", root["cgru_config"])
    parts = [config, *(config.get(name) for name in names)]
    for part in parts:
        if isinstance(part, dict):
            said = _plain(cast("dict[str, Any]", part))
            merge(loaded.values, said)
            loaded.origins.update(dict.fromkeys(said, path))
    includes: Any = config.get("include")
    if isinstance(includes, str):
        includes = [includes]
    for name in cast("list[Any]", includes) if isinstance(includes, list) else []:
        inner = os.path.join(os.path.dirname(path), str(name))
        if os.path.exists(inner):  # the installation's own config.json need not be there
            _read(inner, [*including, own], loaded, names)


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in config.items()
        if key and not key.startswith(("-", "OS_")) and key != "include"
    }


def merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    """Later values win; objects are merged, without their remarks."""
    for key, value in new.items():
        old = into.get(key)
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            inner = {k: v for k, v in inner.items() if k and not k.startswith("-")}
            base: dict[str, Any] = dict(cast("Any", old)) if isinstance(old, dict) else {}
            merge(base, inner)
            into[key] = base
        else:
            into[key] = value


def from_text(text: str, like: Any) -> Any:
    """The value of an environment variable, with the type of the value that it replaces."""
    if isinstance(like, bool):
        return text.strip().lower() in ("1", "true", "yes", "on")
    try:
        if isinstance(like, int):
            return int(text)
        if isinstance(like, float):
            return float(text)
        if isinstance(like, (list, dict)):
            found = json.loads(text)
            return found if type(found) is type(cast("Any", like)) else cast("Any", like)
    except ValueError:
        return cast("Any", like)
    return text
