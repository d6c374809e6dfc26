"""Parsers by name: built-in ones, plug-in folders, overriding, broken files, changed files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from afanasy.parsers.base import Parser
from afanasy.parsers.blender import Blender
from afanasy.parsers.generic import Generic
from afanasy.parsers.registry import load_parser, make_parser, parser_names


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "parsers" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def simple(word: str) -> str:
    return (
        "from afanasy.parsers.base import Parser\n"
        "class Mine(Parser):\n"
        f"    ERRORS = {{{word!r}: 'crash'}}\n"
    )


def test_built_in_parsers() -> None:
    assert load_parser("generic") == (Generic, "")
    assert load_parser("blender") == (Blender, "")
    assert parser_names() == ["blender", "ffmpeg", "generic"]


@pytest.mark.parametrize("name", ["", "-", "none"])
def test_no_parser(name: str) -> None:
    assert load_parser(name) == (None, "")
    assert make_parser(name) == (None, "")


@pytest.mark.parametrize("name", ["nosuch", "base", "registry", "plugins", "check", "example"])
def test_an_unknown_parser_is_generic_with_a_note(name: str) -> None:
    assert load_parser(name) == (Generic, f"parser {name} is unknown: generic is used")


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "a..b", "a b", "\0"])
def test_a_name_cannot_leave_its_folder(name: str, tmp_path: Path) -> None:
    write(tmp_path, "secret", simple("x"))
    found, note = load_parser(name, [tmp_path / "parsers"])
    assert found is Generic
    assert "is no name of a parser" in note


def test_a_file_in_a_folder_works_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "my-prog", simple("ouch"))
    parser, note = make_parser("my-prog", [tmp_path / "nothing", tmp_path], 3)
    assert note == ""
    assert parser is not None
    parser.feed(b"Ouch\n")
    assert (parser.error, parser.frames_num) == ("Ouch", 3)
    assert parser_names(tmp_path) == ["my-prog"]


def test_a_folder_overrides_a_built_in_and_may_derive_from_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        "blender",
        "from afanasy.parsers import blender\n"
        "class Blender(blender.Blender):\n"
        "    def line(self, text):\n"
        "        super().line(text)\n"
        "        self.activity = 'ours'\n",
    )
    parser, note = make_parser("blender", [tmp_path], 2)
    assert note == ""
    assert isinstance(parser, Blender)
    parser.feed(b"Fra:1 Mem:1M | Sample 1/2\n")
    assert (parser.percent, parser.activity) == (25, "ours")


def test_the_first_folder_wins(tmp_path: Path) -> None:
    write(tmp_path / "a", "p", simple("from a"))
    write(tmp_path / "b", "p", simple("from b"))
    found, _ = load_parser("p", [tmp_path / "a", tmp_path / "b"])
    assert found is not None
    assert list(found.ERRORS) == ["from a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_module_anywhere\n", "line 1: ModuleNotFoundError"),
        ("x = 1\n\nraise SystemExit(3)\n", "line 3: SystemExit: 3"),
        ("from afanasy.parsers.base import Parser\n", "has no subclass of Parser"),
        ("\0", "source code string cannot contain null bytes"),
    ],
)
def test_a_broken_file_is_a_note_and_generic(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, "p", text)
    found, note = load_parser("p", [tmp_path])
    assert found is Generic
    assert note.startswith(f"parser p cannot be loaded: generic is used: {path}: ")
    assert said in note
    assert load_parser("p", [tmp_path]) == (found, note)


def test_a_broken_file_falls_back_to_the_next_of_its_name(tmp_path: Path) -> None:
    write(tmp_path / "a", "blender", "oops\n")
    found, note = load_parser("blender", [tmp_path / "a"])
    assert found is Blender
    assert "the built-in blender is used" in note
    write(tmp_path / "b", "blender", simple("from b"))
    found, note = load_parser("blender", [tmp_path / "a", tmp_path / "b"])
    assert found is not None
    assert list(found.ERRORS) == ["from b"]
    assert "NameError" in note


def test_a_changed_file_is_loaded_again(tmp_path: Path) -> None:
    path = write(tmp_path, "p", simple("old"))
    before = path.stat()
    first, _ = load_parser("p", [tmp_path])
    again, _ = load_parser("p", [tmp_path])
    assert first is again
    path.write_text(simple("new"))  # the same length
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    found, note = load_parser("p", [tmp_path])
    assert (note, found is not None and list(found.ERRORS)) == ("", ["new"])
    path.write_text("broken(")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 2))
    assert load_parser("p", [tmp_path])[0] is Generic
    path.write_text(simple("mended"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 3))
    found, note = load_parser("p", [tmp_path])
    assert (note, found is not None and list(found.ERRORS)) == ("", ["mended"])
    path.unlink()
    assert load_parser("p", [tmp_path])[0] is Generic
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_parser_that_fails_in_its_constructor_becomes_generic(tmp_path: Path) -> None:
    write(
        tmp_path,
        "p",
        "from afanasy.parsers.base import Parser\n"
        "class P(Parser):\n"
        "    def __init__(self, *args):\n"
        "        raise OSError('no')\n",
    )
    parser, note = make_parser("p", [tmp_path], 7)
    assert type(parser) is Generic
    assert parser.frames_num == 7
    assert note == "parser p cannot begin: generic is used: OSError: no"


def test_the_class_called_like_the_file_is_taken(tmp_path: Path) -> None:
    write(
        tmp_path,
        "my_prog",
        "import dataclasses\n"
        "from afanasy.parsers.base import Parser\n"
        "@dataclasses.dataclass\n"
        "class Point:\n    x: 'int' = 0\n"
        "class MyProg(Parser):\n    pass\n"
        "class Another(MyProg):\n    pass\n",
    )
    found, note = load_parser("my_prog", [tmp_path])
    assert note == ""
    assert found is not None
    assert issubclass(found, Parser)
    assert found.__name__ == "MyProg"
