"""``deletefiles``: delete files, patterns and folders, but only inside the allowed roots.

A job's post command is a line of text that somebody wrote weeks before it runs, on a host where it
may see other disks. So this program refuses whatever it was not meant for: a path outside the
roots, also one that only gets there by a symbolic link or by ``..``; a root itself, and what holds
one. Everything is checked before anything is deleted. A symbolic link is deleted as a link.

The roots are the options ``--root``, else the variable ``AF_DELETE_ROOTS`` (the job's folders and
its blocks' working directories, R23), else the current working directory. What is not there any
more is no error: a post command may run twice.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from afanasy import __version__

ROOTS_VARIABLE = "AF_DELETE_ROOTS"

OK = 0
#: Something could not be deleted.
FAILED = 1
#: A wrong command line, or a path that must not be deleted: nothing was.
REFUSED = 2


class Refused(Exception):
    """A path, or a root, that this program does not touch; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deleted: the name as it was given, and the real place."""

    name: str
    path: Path


def main(argv: list[str] | None = None) -> int:
    """The program; returns the exit code."""
    options = _parser().parse_args(argv)
    code = _run(options)
    return OK if options.success else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deletefiles",
        description="Delete files, patterns and folders inside the allowed roots.",
        epilog=f"The roots are those of --root, else of {ROOTS_VARIABLE}"
        f" (several with {os.pathsep!r} between them), else the current folder.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-s", "--success", action="store_true", help="exit with 0 whatever happens")
    add("-q", "--quiet", action="store_true", help="say nothing but errors")
    add("-d", "--dry", action="store_true", help="delete nothing, say what would be deleted")
    add("--root", metavar="DIR", action="append", help="delete inside this folder only")
    add("--version", action="version", version=f"deletefiles {__version__}")
    add("paths", metavar="PATH", nargs="+", help="a file, a folder, or a pattern with * ? [ ]")
    return parser


def _run(options: argparse.Namespace) -> int:
    try:
        roots = allowed_roots(options.root, os.environ.get(ROOTS_VARIABLE, ""))
    except Refused as refusal:
        _error(str(refusal))
        return REFUSED
    targets: dict[Path, Target] = {}
    refused = 0
    for word in options.paths:
        found = expand(word)
        if not found and not options.quiet:
            print(f"deletefiles: {word} is not there")
        for name in found:
            try:
                target = checked(name, roots)
            except Refused as refusal:
                _error(str(refusal))
                refused += 1
            else:
                targets.setdefault(target.path, target)
    if refused:
        _error("nothing was deleted")
        return REFUSED
    failed = 0
    for target in targets.values():
        problem = "" if options.dry else delete(target.path)
        if problem:
            _error(f"{target.name} cannot be deleted: {problem}")
            failed += 1
        elif not options.quiet:
            print(f"{'would delete' if options.dry else 'deleted'} {target.name}")
    return FAILED if failed else OK


def allowed_roots(given: Iterable[str] | None, environment: str) -> list[Path]:
    """The real paths of the roots. Raises :class:`Refused` when one is none."""
    words = list(given or ())
    where = "--root"
    if not words:
        words = [word for word in environment.split(os.pathsep) if word.strip()]
        where = ROOTS_VARIABLE
    if not words:
        words, where = [os.getcwd()], "the current folder"  # noqa: PTH109 - a text is wanted
    roots: list[Path] = []
    for word in words:
        root = Path(os.path.realpath(word))
        if root.parent == root:
            raise Refused(f"{where}: {word or root} is a whole disk, and no root")
        if where == ROOTS_VARIABLE and not Path(word).is_absolute():
            raise Refused(f"{where}: {word} is no absolute path")
        # A root that is not mounted here holds nothing that could be deleted.
        roots.append(root)
    return roots


def expand(word: str) -> list[str]:
    """The paths that a word stands for: itself when it exists, else what its pattern matches."""
    if os.path.lexists(word):
        return [word]
    return sorted(glob.glob(word)) if glob.has_magic(word) else []  # noqa: PTH207 - texts are wanted


def checked(name: str, roots: Iterable[Path]) -> Target:
    """The real place of a path inside the roots. Raises :class:`Refused`."""
    stripped = name.rstrip("/" if os.sep == "/" else "/\\")
    folder, last = os.path.split(stripped)
    if last in ("", ".", ".."):
        path = Path(os.path.realpath(name))
    else:
        # The folders above are followed, the name itself is not: a link is deleted as a link.
        path = Path(os.path.realpath(folder or os.curdir)) / last
    if path.parent == path:
        raise Refused(f"{name} is a whole disk")
    for root in roots:
        if path == root:
            raise Refused(f"{name} is the root {root} itself, which stays")
        if path in root.parents:
            raise Refused(f"{name} holds the root {root}, which stays")
    if not any(root in path.parents for root in roots):
        named = ", ".join(map(str, roots))
        real = "" if stripped == str(path) else f" (it is {path})"
        raise Refused(f"{name}{real} is outside the allowed roots: {named}")
    return Target(name, path)


def delete(path: Path) -> str:
    """Delete a file, a link or a folder with all in it; "" or why it cannot be."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)  # does not follow links
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return ""  # somebody else was faster
    except OSError as error:
        inside = f" ({error.filename})" if error.filename not in (None, str(path)) else ""
        return f"{error.strerror or error}{inside}"
    return ""


def _error(text: str) -> None:
    print(f"deletefiles: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
