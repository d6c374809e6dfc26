"""Which program a scene belongs to: our own files, and those of a studio.

A studio's plug-in folders (``--plugins``, or ``AF_PLUGINS``) may hold ``afjob/NAME.py``: a program
in it wins over ours for its extensions. A file that cannot be loaded is told and left out: one bad
file must not keep others from their work.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from types import ModuleType

import afanasy.afjob.programs
from afanasy.afjob.program import Option, Program
from afanasy.afjob.programs.generic import Generic

FOLDERS_VARIABLE = "AF_PLUGINS"


@dataclass(slots=True)
class Catalog:
    """All programs. The later ones win."""

    programs: list[type[Program]] = field(default_factory=list[type[Program]])
    #: Sentences about files that cannot be used.
    problems: list[str] = field(default_factory=list[str])

    def find(self, scene: str) -> type[Program]:
        """The program of a scene, by its extension; plain commands for all others."""
        name = scene.rsplit("/", 1)[-1].rsplit("\\", 1)[-1].lower()
        for program in reversed(self.programs):
            if any(name.endswith(f".{ending}") for ending in program.EXTENSIONS):
                return program
        return Generic

    def options(self) -> Mapping[Option, list[str]]:
        """Every option, each name once, with the titles of the programs that have it."""
        found: dict[str, tuple[Option, list[str]]] = {}
        for program in self.programs:
            for option in program.OPTIONS:
                titles = found.setdefault(option.name, (option, []))[1]
                if program.TITLE not in titles:
                    titles.append(program.TITLE)
        return dict(found.values())


def load(folders: Iterable[Path] = ()) -> Catalog:
    """Our programs, then those of the folders."""
    catalog = Catalog()
    for module in pkgutil.iter_modules(afanasy.afjob.programs.__path__):
        loaded = import_module(f"afanasy.afjob.programs.{module.name}")
        catalog.programs += programs_of(loaded)
    for folder in folders:
        for path in sorted((folder / "afjob").glob("*.py")):
            _load_file(catalog, path)
    return catalog


def plugin_folders(given: Iterable[str]) -> list[Path]:
    """The folders of the command line, and before them those of the environment."""
    words = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [Path(word) for word in (*words, *given) if word]


def programs_of(module: ModuleType) -> list[type[Program]]:
    """The programs that a module defines itself."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Program)
        and not isabstract(value)  # the base, and a studio's own bases
        and value.__module__ == module.__name__
    ]


def _load_file(catalog: Catalog, path: Path) -> None:
    if path.stem.startswith("_"):
        return
    from importlib import util  # only studios with programs of their own need it

    try:
        spec = util.spec_from_file_location(f"afjob_plugin_{path.stem}", path)
        assert spec is not None, f"{path} is no Python file"
        assert spec.loader is not None, f"{path} has no loader"
        module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        catalog.problems.append(f"{path} cannot be loaded: {type(error).__name__}: {error}")
        return
    found = programs_of(module)
    if not found:
        catalog.problems.append(f"{path} defines no subclass of Program that builds a command")
    for program in found:
        if not (program.TITLE and program.EXTENSIONS):
            catalog.problems.append(f"{path}: {program.__name__} has no TITLE or no EXTENSIONS")
        else:
            catalog.programs.append(program)
