"""Write the reference pages, or look whether those of the checkout are what the code says.

The pages must not depend on who makes them: parsers take defaults from variables and from the home
folder, so both are put aside while the pages are made.
"""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from afanasy.reference import cli, config, python_api, requests, states

FOLDER: Final = Path("docs/reference")
PAGES: Final[dict[str, Callable[[], str]]] = {
    "cli.md": cli.page,
    "python.md": python_api.page,
    "config.md": config.page,
    "requests.md": requests.page,
    "states.md": states.page,
}
#: Variables that would reach a page.
_OURS: Final = ("AF_", "CGRU_", "XDG_", "COLUMNS")
_HOME: Final = "/the-home-folder"


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m afanasy.reference", description="Makes the reference pages of the code."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a page is not as it must be"
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where they are (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    made = make()
    if options.check:
        return _check(options.folder, made)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (options.folder / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages in {options.folder}")
    return 0


def make() -> dict[str, str]:
    """Name → text of every page."""
    with _nobodys_environment():
        return {name: page().replace(_HOME, "~") for name, page in PAGES.items()}


@contextmanager
def _nobodys_environment() -> Generator[None]:
    """Nobody's home, no settings, and one width of usages."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OURS):
            del os.environ[name]
    os.environ["HOME"] = _HOME
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _check(folder: Path, made: dict[str, str]) -> int:
    code = 0
    for name, text in made.items():
        path = folder / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if there == text:
            continue
        code = 1
        print(f"{path} is not what the code says; `make reference` writes it:")
        lines = difflib.unified_diff(
            there.splitlines(), text.splitlines(), "the page", "the code", lineterm="", n=0
        )
        print("\n".join(list(lines)[:40]))
    return code
