"""The reader of ``key = value`` files for old Pythons agrees with the standard library's."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import toml_text
from harness.pythons import pythons

SRC = Path(__file__).parents[2] / "src"
SAMPLE = """\
# a remark
af_priority = 50          # another
timeformat = "a\\tb \\"q\\" \\u00e9 \\\\"
previewcmds = ['C:\\dir|x', "two", ]
pathsmap = [
    ["P:/", "/prj/"],  # first
    # nothing
    ["//nas/", "/n/"]
]
"quoted key" = true
'literal' = [ ]
float = -1_0.5e-1
"""


@given(st.one_of(st.text(), st.text(st.sampled_from("ab=12.0_+-e\"'[], #\n\r\t\\u"))))
def test_whatever_is_read_is_read_alike(text: str) -> None:
    """Every text that ours takes means the same to the standard library."""
    try:
        ours = toml_text.read(text)
    except ValueError:
        return
    assert ours == tomllib.loads(text)


PLAIN = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


VALUES = st.recursive(
    st.one_of(
        st.text().filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text)).map(quoted),
        st.text(PLAIN).filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
        st.integers(-(2**63), 2**63 - 1).map(str),
        st.integers(0, 10**9).map(lambda number: f"+{number:_}"),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.sampled_from(["true", "false"]),
    ),
    lambda inner: st.tuples(
        st.lists(inner, max_size=4),
        st.sampled_from([", ", ",", "\n , # more, ]\n  "]),
        st.sampled_from(["", ",", " \n", ", # end\n"]),
    ).map(lambda parts: f"[{parts[1].join(parts[0])}{parts[2] if parts[0] else ''}]"),
    max_leaves=8,
)
KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True), st.text(PLAIN).map(quoted))
LINES = st.one_of(
    st.tuples(st.just("set"), KEYS, VALUES, st.sampled_from(["", "  # why", "\t"])),
    st.sampled_from(["", "   ", "# remark", "\t# é"]),
)


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_is_documented_is_read(lines: list[Any], end: str) -> None:
    """Everything that the page promises is taken, by both."""
    text = "\n".join(
        line if isinstance(line, str) else f"{line[1]} = {line[2]}{line[3]}" for line in lines
    ).replace("\n", end)
    try:
        theirs = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # a key twice
        with pytest.raises(ValueError, match="twice"):
            toml_text.read(text)
        return
    assert toml_text.read(text) == theirs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\n[server]\n", r"no \[table\] \(at line 2\)"),
        ("a = 1\na = 2", r"'a' is set twice \(at line 2\)"),
        ("\n\na", r"'a' needs a = and a value \(at line 3\)"),
        ("a =", r"is no value.*line 1"),
        ("a = yes", r"'yes' is no value: a text stands in quotes \(at line 1\)"),
        ("a = 1 2", r"only a comment may stand behind a value \(at line 1\)"),
        ('a = "x', r"a text has no end \(at line 1\)"),
        ("a = 'x\n'", r"a text has no end \(at line 1\)"),
        ('a = """x"""', r"must stand on one line \(at line 1\)"),
        ('a = "\\q"', r"\\q means nothing.*line 1"),
        ('a = "\\ud800"', r"means nothing.*line 1"),
        ("a = [1,\n2", r"commas \(at line 2\)"),
        ("a = [1,\n2,\n", r"an array has no end \(at line 1\)"),
        ("a = [1\n2]", r"between commas \(at line 2\)"),
        ("= 1", r"must begin with the name of a setting \(at line 1\)"),
        ("a = {b = 1}", r"is no value.*line 1"),
        ("a = 9223372036854775808", r"is no value.*line 1"),
        ("a = 01", r"'01' is no value"), ("a = 1.", r"'1\.' is no value"),
        ("a = 1979-05-27", r"is no value"), ("a.b = 1", r"'a' needs a ="),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        toml_text.read(text)


def test_lines_of_keys() -> None:
    lines = toml_text.lines_of(SAMPLE)
    assert (lines["af_priority"], lines["pathsmap"]) == (2, 5)
    assert (lines["quoted key"], lines["literal"], lines["float"]) == (10, 11, 12)


@pytest.mark.parametrize("python", pythons())
def test_every_python_reads_the_same(python: str, tmp_path: Path) -> None:
    (tmp_path / "sample.toml").write_text(SAMPLE, encoding="utf-8")
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1])\n"
        "from af import toml_text\n"
        "text = open(sys.argv[2], encoding='utf-8').read()\n"
        "print(json.dumps([toml_text.loads(text), toml_text.read(text)]))\n"
    )
    done = subprocess.run(
        [python, "-I", "-B", "-S", "-W", "error", "-c", code, str(SRC),
         str(tmp_path / "sample.toml")],
        capture_output=True, text=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, other = json.loads(done.stdout)
    assert one == other
    assert one["timeformat"] == 'a\tb "q" é \\'
    assert one["pathsmap"] == [["P:/", "/prj/"], ["//nas/", "/n/"]]
    assert math.isclose(one["float"], -1.05)
