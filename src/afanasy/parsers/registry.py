"""Parsers by name: a studio's plug-in folders first, then the built-in ones."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import afanasy.parsers
from afanasy.parsers.base import Parser
from afanasy.parsers.generic import Generic
from afanasy.parsers.plugins import built_in, from_folders, names_in, valid_name

#: Names that mean "no parser" (R47); the empty one after the service's default was asked.
NO_PARSER: Final = frozenset({"", "-", "none"})
#: Modules of the package that are no program.
_TOOLS: Final = frozenset({"base", "check", "example", "plugins", "registry"})


def load_parser(name: str, folders: Sequence[Path] = ()) -> tuple[type[Parser] | None, str]:
    """The class and a note for the task's log ("" = all is well).

    ``None`` for "-", "none" and the empty name. An unknown name, and a plug-in file that cannot be
    loaded, give a built-in parser of that name or the generic one, with the reason in the note.
    """
    if name in NO_PARSER:
        return None, ""
    if not valid_name(name):
        return Generic, f"parser {name!r} is no name of a parser: generic is used"
    found, problems = from_folders("parsers", name, folders, Parser)
    if found is not None:
        return found, "; ".join(problems)
    known = None if name in _TOOLS else built_in("parsers", name, Parser)
    if not problems:
        note = "" if known else f"parser {name} is unknown: generic is used"
    else:
        used = f"the built-in {name} is used" if known else "generic is used"
        note = f"parser {name} cannot be loaded: {used}: {'; '.join(problems)}"
    return known or Generic, note


def make_parser(
    name: str,
    folders: Sequence[Path] = (),
    frames_num: int = 1,
    frame_start: int = 1,
    frames_inc: int = 1,
) -> tuple[Parser | None, str]:
    """As :func:`load_parser`, with the parser of a run made; a failing one becomes the generic."""
    parser_class, note = load_parser(name, folders)
    if parser_class is None:
        return None, note
    try:
        return parser_class(frames_num, frame_start, frames_inc), note
    except (Exception, SystemExit) as problem:
        note = f"parser {name} cannot begin: generic is used: {type(problem).__name__}: {problem}"
        return Generic(frames_num, frame_start, frames_inc), note


def parser_names(folder: Path | None = None) -> list[str]:
    """Names of the built-in parsers, or of those of one plug-in folder."""
    if folder is not None:
        return names_in("parsers", folder)
    modules = pkgutil.iter_modules(afanasy.parsers.__path__)
    return sorted(module.name for module in modules if module.name not in _TOOLS)
