"""The repository reads itself: rules of style that no linter knows.

Each rule is a test whose failure lists every place as ``file:line: what``.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "tests", "demo", "tools", "bench", "examples", "docs", "deploy", ".ci")
TEXTS = {
    ".py", ".sh", ".md", ".toml", ".json", ".mako", ".html", ".ts", ".css", ".service", ".conf", "",
}  # fmt: skip
LINES_MAX = 600

#: Modules that talk to a person on the terminal; everywhere else a print is a left-over.
MAY_PRINT = re.compile(
    r"src/afanasy/(cli/.*|up/.*|afjob/main|tools/(deletefiles|wolwake)|server/main|server/doctor|render/main|parsers/check|reference/main|sim/__main__)\.py|src/af/.*|demo/.*|bench/.*|tests/.*"
)
#: A sleep is part of a loop that looks at a clock, or its line says why it is there. In a test that
#: reason must be another one than waiting for something.
MAY_SLEEP = re.compile(r"bench/.*|src/afanasy/cli/.*")  # measuring; asking again while following
REASON = {True: "# not synchronisation: ", False: "# "}

MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
#: Places of one machine, and of this project's own workplace.
MACHINE = re.compile(
    "|".join(("/ro" + "ot/", "/wo" + r"rk/(?:main|shared)", "/ho" + r"me/(?!jimmy)\w+/"))
)


def files(*suffixes: str) -> list[Path]:
    """Our own files of these suffixes, in order."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(
        path
        for path in found
        if path.suffix in suffixes
        and "__pycache__" not in path.parts
        and "node_modules" not in path.parts
        and "data" not in path.relative_to(ROOT).parts  # recorded texts are not ours to tidy
    )


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every call in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.lineno, ast.unparse(node.func)


def report(places: list[str]) -> None:
    assert not places, "\n" + "\n".join(places)


def test_there_is_something_to_read():
    names = {name(path) for path in files(".py")}
    assert {"src/af/__init__.py", "src/afanasy/core/place/solve.py", "tests/test_tidy.py"} <= names


def test_every_module_says_what_it_is():
    report(
        [
            f"{name(path)}:1: no docstring"
            for path in files(".py")
            # Examples are what users write.
            if not ast.get_docstring(tree(path)) and not name(path).startswith("examples/")
        ]
    )


def test_no_file_is_too_long_to_read():
    report(
        [
            f"{name(path)}: {count} lines; the most is {LINES_MAX}"
            for path in files(".py", ".sh")
            if (count := path.read_text(encoding="utf-8").count("\n")) > LINES_MAX
        ]
    )


def test_print_is_for_programs_that_talk_to_a_person():
    report(
        [
            f"{name(path)}:{line}: print; use the log"
            for path in files(".py")
            if not MAY_PRINT.fullmatch(name(path))
            for line, call in calls(path)
            if call == "print"
        ]
    )


def polling_lines(path: Path) -> set[int]:
    """Lines of ``while`` loops in functions that look at the monotonic clock."""
    lines: set[int] = set()
    for function in ast.walk(tree(path)):
        if isinstance(function, ast.FunctionDef) and "monotonic()" in ast.unparse(function):
            for loop in ast.walk(function):
                if isinstance(loop, ast.While):
                    lines.update(range(loop.lineno, (loop.end_lineno or loop.lineno) + 1))
    return lines


def test_nobody_sleeps_instead_of_waiting_for_something():
    places: list[str] = []
    for path in files(".py"):
        sleeps = [line for line, call in calls(path) if call in ("time.sleep", "sleep")]
        if not sleeps or MAY_SLEEP.fullmatch(name(path)):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        reason = REASON[name(path).startswith("tests/")]
        places += [
            f"{name(path)}:{line}: wait for a condition, with a deadline"
            for line in sleeps
            if line not in polling_lines(path) and reason not in lines[line - 1]
        ]
    report(places)


def test_no_test_is_skipped():
    banned = {"pytest.skip", "pytest.importorskip", "unittest.skip"}
    marks = ("pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail")
    places: list[str] = []
    for path in files(".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute):
                text = ast.unparse(node)
                if text in banned or text in marks:
                    places.append(f"{name(path)}:{node.lineno}: {text}")
    report(places)


@pytest.mark.parametrize(
    ("pattern", "what"), [(MARKS, "finish it, or file an issue"), (MACHINE, "a machine's own path")]
)
def test_no_left_overs_in_texts(pattern: re.Pattern[str], what: str):
    places: list[str] = []
    for path in files(*TEXTS):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        places += [
            f"{name(path)}:{number}: {found.group()} ({what})"
            for number, line in enumerate(lines, 1)
            if (found := pattern.search(line))
        ]
    report(places)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> Iterator[str]:
    """Names a file imports; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


#: Loaded by their file names: plug-ins, programs, nouns of the command line, migrations.
BY_NAME = re.compile(r"afanasy\.(services|parsers|cli|afjob\.programs|store\.migrations)\..*")


def test_every_module_is_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    used = {entry.partition(":")[0] for entry in project["scripts"].values()}
    sources = [path for path in files(".py") if name(path).startswith("src/")]
    harness = [path for path in files(".py") if name(path).startswith("tests/harness/")]
    for path in sources + harness:
        own = module_name(path) if path in sources else ""
        used.update(imported for imported in imported_by(path) if imported != own)
    unused = [
        f"{name(path)}: nothing imports it"
        for path in sources
        if path.name not in ("__init__.py", "__main__.py")
        and module_name(path) not in used
        and not BY_NAME.fullmatch(module_name(path))
    ]
    report(unused)


def test_every_target_of_the_makefile_has_its_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][a-z0-9-]*):(.*)$", text, re.MULTILINE)
    assert targets
    report([f"Makefile: {target} has no ## line" for target, rest in targets if "## " not in rest])


def test_links_between_documents_lead_somewhere():
    places: list[str] = []
    for path in files(".md"):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target = link.partition("#")[0]
            if target and "://" not in target and not (path.parent / target).exists():
                places.append(f"{name(path)}: {link}")
    report(places)


def test_files_named_in_the_architecture_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|bench|demo|docs|tools|examples)/[\w./-]+)`", text))
    assert len(named) > 20
    report([f"ARCHITECTURE.md: {one}" for one in sorted(named) if not (ROOT / one).exists()])
