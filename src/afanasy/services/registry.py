"""Services by name: a studio's plug-in folders first, then the built-in ones."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import afanasy.services
from afanasy.parsers.plugins import built_in, from_folders, names_in, valid_name
from afanasy.services.base import Service, TaskInfo
from afanasy.services.generic import Generic

#: Modules of the package that are no program.
_TOOLS: Final = frozenset({"base", "registry"})


def load_service(name: str, folders: Sequence[Path] = ()) -> tuple[type[Service], str]:
    """The class and a note for the task's log ("" = all is well).

    An unknown name, and a plug-in file that cannot be loaded, give a built-in service of that name
    or the generic one, with the reason in the note. The empty name is generic.
    """
    if not name:
        return Generic, ""
    if not valid_name(name):
        return Generic, f"service {name!r} is no name of a service: generic is used"
    found, problems = from_folders("services", name, folders, Service)
    if found is not None:
        return found, "; ".join(problems)
    known = None if name in _TOOLS else built_in("services", name, Service)
    if not problems:
        note = "" if known else f"service {name} is unknown: generic is used"
    else:
        used = f"the built-in {name} is used" if known else "generic is used"
        note = f"service {name} cannot be loaded: {used}: {'; '.join(problems)}"
    return known or Generic, note


def make_service(task: TaskInfo, folders: Sequence[Path] = ()) -> tuple[Service, str]:
    """The service of one start, made; one that fails in its constructor becomes the generic."""
    service_class, note = load_service(task.service, folders)
    try:
        return service_class(task), note
    except (Exception, SystemExit) as problem:
        what = f"{type(problem).__name__}: {problem}"
        return Generic(task), f"service {task.service} cannot begin: generic is used: {what}"


def service_names(folder: Path | None = None) -> list[str]:
    """Names of the built-in services, or of those of one plug-in folder."""
    if folder is not None:
        return names_in("services", folder)
    modules = pkgutil.iter_modules(afanasy.services.__path__)
    return sorted(module.name for module in modules if module.name not in _TOOLS)
