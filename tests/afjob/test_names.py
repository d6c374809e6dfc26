"""Names of image sequences, and words of command lines."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from afanasy.afjob.programs.blender import expression, literal
from afanasy.afjob.sequence import absolute, parse, parse_digits
from afanasy.afjob.shell import Raw, line, quote


@pytest.mark.parametrize(
    ("text", "farm"),
    [
        ("/r/a.####.exr", "/r/a.@####@.exr"),
        ("/r/a.@##@.exr", "/r/a.@##@.exr"),
        ("/r/a.%04d.exr", "/r/a.@####@.exr"),
        ("/r/a.%d.exr", "/r/a.@#@.exr"),
        ("/r/a.$F4.exr", "/r/a.@####@.exr"),
        ("/r/a_$F.exr", "/r/a_@#@.exr"),
        ("/r/####/a.exr", "/r/####/a.exr"),
        ("/r/##/a##b###.exr", "/r/##/a##b@###@.exr"),
        ("C:\\r\\a.####.exr", "C:\\r\\a.@####@.exr"),
        ("/r/a.exr", "/r/a.exr"),
    ],
)
def test_every_spelling_is_the_same_sequence(text: str, farm: str) -> None:
    assert parse(text).farm() == farm


def test_one_sequence_in_all_spellings() -> None:
    found = parse("/r/a.####.exr")
    assert found.hashes() == "/r/a.####.exr"
    assert found.printf() == "/r/a.%04d.exr"
    assert found.houdini() == "/r/a.$F4.exr"
    assert (found.frame(7), found.frame(-7)) == ("/r/a.0007.exr", "/r/a.-007.exr")
    assert found.extension == ".exr"
    assert parse("50%/a").printf() == "50%%/a"


@pytest.mark.parametrize(
    ("text", "numbered"),
    [
        ("/r/a.exr", "/r/a.####.exr"),
        ("/r/a_.exr", "/r/a_####.exr"),
        ("/r/a", "/r/a.####"),
        ("/r/a.v2", "/r/a.####.v2"),
        ("/r/", "/r/####"),
        ("/r/a.#.exr", "/r/a.#.exr"),
    ],
)
def test_a_name_without_a_number_gets_one(text: str, numbered: str) -> None:
    assert parse(text).numbered().hashes() == numbered


@pytest.mark.parametrize(
    ("text", "farm"),
    [
        ("/p01/s.0001.ass", "/p01/s.@####@.ass"),
        ("/p/sh010_v2.ass", "/p/sh010_v@#@.ass"),
        ("/p01/s.ass", "/p01/s.ass"),
        ("/p/s1.##.ass", "/p/s1.@##@.ass"),
    ],
)
def test_the_last_digits_of_a_scene_are_its_frame(text: str, farm: str) -> None:
    assert parse_digits(text).farm() == farm


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/b.nk", "/here/a/b.nk"),
        ("./b.nk", "/here/b.nk"),
        ("../b.nk", "/here/../b.nk"),
        ("/b.nk", "/b.nk"),
        ("C:\\b.nk", "C:\\b.nk"),
        ("\\\\server\\b.nk", "\\\\server\\b.nk"),
        ("project://scene/image", "project://scene/image"),
    ],
)
def test_relative_paths_are_seen_from_here(path: str, found: str) -> None:
    assert absolute(path, "/here") == found


# ----------------------------------------------------------------------------------------- shell


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("a/b-c.####.exr", "a/b-c.####.exr"),
        ("a b", '"a b"'),
        ("#a", '"#a"'),
        ("~a", '"~a"'),
        ("C:\\a b", '"C:\\a b"'),
        ("a$b", "'a$b'"),
        ("a'$b", '"a\'\\$b"'),
        ("a;b", '"a;b"'),
    ],
)
def test_quotes_only_where_they_are_needed(word: str, quoted: str) -> None:
    assert quote(word) == quoted


TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@settings(deadline=None)
@given(st.lists(TEXTS))
@example(["a b", "$HOME", "`id`", "x'y", 'x"y', "'$\"`\\", "\\", "\\\\", "*", "!a", "a\\nb", "&;|"])
def test_a_shell_takes_a_line_apart_as_it_was_put_together(words: list[str]) -> None:
    command = line(Raw("printf '%s\\0'"), *words, "end")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode().split("\0") == [*words, "end", ""]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_name_gets_into_blender_whatever_it_holds(name: str) -> None:
    code = f"found.append({literal(name)})"
    flag, python = shlex.split(expression(code))[-2:]
    assert flag == "--python-expr"
    found: list[str] = []
    # What Blender runs; its module is not here.
    inner = python.removeprefix("exec('").removesuffix("')")
    program = inner.replace("\\n", "\n").replace("\\'", "'").removeprefix("import bpy\n")
    exec(program, {"found": found})
    assert found == [name]
