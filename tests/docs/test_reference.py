"""The reference pages are those of the code, and nothing that the code has is forgotten.

What there is, is enumerated here a second time, on other ways than the generator's: from parsers,
tables, attribute structs, and the source itself. A name without its heading or row fails.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import af
from af import afcmd_compat, config, numeric, pathmap, query, settings, where
from af.exits import Exit
from afanasy.afjob import arguments as afjob
from afanasy.afjob import catalog
from afanasy.cli import branch as cli_branch
from afanasy.cli import classic
from afanasy.cli import main as afcmd
from afanasy.cli import pool as cli_pool
from afanasy.cli.render import VERBS
from afanasy.core import tasks
from afanasy.core.host import pool_edits
from afanasy.core.job import branch_edits, edit, job_order, operations
from afanasy.core.place import reasons
from afanasy.core.run import cool_off
from afanasy.core.run import errors as core_errors
from afanasy.core.why import reasons_help
from afanasy.model import attributes, attributes_help, states, states_help
from afanasy.reference.main import PAGES, main
from afanasy.render.main import make_parser as afrender_parser
from afanasy.server import requests, requests_help
from afanasy.server.change import read_operation
from afanasy.server.main import make_parser as afserver_parser
from afanasy.server.show import get, get_jobs, get_nodes, get_request, view_bar
from afanasy.store import views
from afanasy.up.main import make_parser as afanasy_parser
from harness.packages import ROOT

FOLDER = ROOT / "docs" / "reference"
SRC = ROOT / "src"


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def headings(name: str) -> list[str]:
    return re.findall(r"^#{2,4} (.*)$", text(name), re.MULTILINE)


def section(name: str, heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text(name), re.MULTILINE | re.DOTALL
    )
    assert found, f"{name} has no heading {heading!r}"
    return found[1]


def rows(part: str) -> list[list[str]]:
    """The cells of all rows of tables in a text."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in part.splitlines()
        if line.startswith("| ")
    ]


def first_cells(part: str) -> set[str]:
    return {row[0].strip("`") for row in rows(part)}


def missing(wanted: Iterator[str] | list[str], there: Any) -> list[str]:
    return [name for name in wanted if name not in there]


# ------------------------------------------------------------------------------ the generator


def test_the_pages_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--folder", str(FOLDER)]) == 0, capsys.readouterr().out
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_the_check_tells_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    page = tmp_path / "states.md"
    page.write_text(page.read_text("utf-8").replace("It is done.", "It is."), "utf-8")
    (tmp_path / "cli.md").unlink()
    capsys.readouterr()
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "states.md is not what the code says" in said
    assert "It is done." in said
    assert "cli.md is not what the code says" in said


def test_a_page_does_not_depend_on_who_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AF_SERVERPORT", "4711")
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["--check", "--folder", str(FOLDER)]) == 0


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_a_page_lead_somewhere(name: str) -> None:
    known = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(name)
    }
    assert missing(re.findall(r"\]\(#([^)]*)\)", text(name)), known) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_word_of_the_workplace_reaches_a_page(name: str) -> None:
    assert re.findall(r"SEMANTICS|PROTOCOL|\bR\d+\b|:(?:class|func|meth):", text(name)) == []


# ------------------------------------------------------------------------------- command lines


def shown(parser: argparse.ArgumentParser) -> list[str]:
    """Every option that the help shows."""
    return [
        option
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for option in action.option_strings
    ]


def told(part: str) -> set[str]:
    """Every option in the first column of a table."""
    return {word for row in rows(part) for word in re.findall(r"`(-[\w-]+)", row[0])}


EVERYWHERE = {"--server", "--json", "--no-color"}


@pytest.mark.parametrize("command", afcmd.COMMANDS)
def test_a_command_of_afcmd(command: str) -> None:
    part = section("cli.md", f"afcmd {command}")
    parser = afcmd.command_parser(command)
    assert set(shown(parser)) - EVERYWHERE == told(part)
    for action in parser._actions:
        if not action.option_strings and action.help != argparse.SUPPRESS:
            assert f"`{action.metavar}`" in part
    assert "Exit codes: 0, " in part
    assert f"\nafcmd {command}" in part


def test_options_of_all_commands_of_afcmd() -> None:
    assert set(shown(afcmd.root_parser())) == told(section("cli.md", "afcmd"))


@pytest.mark.parametrize(
    ("noun", "verb"), [(noun, verb) for noun, verbs in afcmd.NOUNS.items() for verb in verbs]
)
def test_a_verb_of_afcmd(noun: str, verb: str) -> None:
    part = section("cli.md", f"afcmd {noun} {verb}")
    words = afcmd.NOUNS[noun][verb]
    assert f"`afcmd {words[0]}" in part
    assert "(#afcmd-" in part


def test_verbs_of_renders_say_what_they_do() -> None:
    for verb, (_, meaning) in VERBS.items():
        assert meaning[1:] in section("cli.md", f"afcmd renders {verb}")
    for noun, verbs in (("pools", cli_pool.VERBS), ("branches", cli_branch.VERBS)):
        for verb, (_, meaning) in verbs.items():
            assert meaning[1:] in section("cli.md", f"afcmd {noun} {verb}")


@pytest.mark.parametrize("name", classic.CLASSIC)
def test_a_classic_verb(name: str) -> None:
    part = section("cli.md", f"afcmd {name}")
    verb = classic.CLASSIC[name]
    assert f"afcmd {name} {verb.arguments}".strip() in part
    assert f"`afcmd {verb.words[0]}" in part


@pytest.mark.parametrize(
    ("heading", "codes"),
    # afjob waits for no job.
    [("Exit codes of afcmd", set(Exit)), ("afjob", set(Exit) - {Exit.JOB_ERROR, Exit.JOB_DELETED})],
)
def test_exit_codes(heading: str, codes: set[Exit]) -> None:
    assert {str(int(code)) for code in codes} <= first_cells(section("cli.md", heading))


@pytest.mark.parametrize(
    ("heading", "make"),
    [
        ("afserver", afserver_parser),
        ("afrender", afrender_parser),
        ("afjob", lambda: afjob.make_parser(catalog.load())),
        ("afanasy", afanasy_parser),
    ],
)
def test_another_program(heading: str, make: Any) -> None:
    assert set(shown(make())) == told(section("cli.md", heading))


def test_programs_without_a_parser_of_their_own() -> None:
    for heading, source in (
        ("afserver doctor", "server/doctor.py"),
        ("deletefiles", "tools/deletefiles.py"),
        ("afanasy up", "up/main.py"),
    ):
        code = (SRC / "afanasy" / source).read_text(encoding="utf-8")
        options = set(re.findall(r'"(--[a-z-]+)"', code)) - {"--version"}
        assert options
        assert missing(sorted(options), told(section("cli.md", heading))) == [], heading


def test_everything_has_its_meaning() -> None:
    """No cell of any table is empty where something is to be told."""
    for name in ("cli.md", "requests.md"):
        assert [row[0] for row in rows(text(name)) if not row[-1]] == [], name


def test_programs_of_afjob() -> None:
    part = section("cli.md", "Programs of afjob")
    for program in catalog.load().programs:
        assert program.TITLE in part
        for ending in program.EXTENSIONS:
            assert f"`.{ending}`" in part


# ---------------------------------------------------------------------------------- Python API


def names_of(heading: str) -> list[str]:
    """``Job.set_name, setName`` → both names."""
    return re.split(r", ", heading.partition(".")[2])


def headings_of_class(heading: str) -> list[str]:
    """The names below the heading of a class, up to the next class or module."""
    level = 2 if heading.count(".") == 1 else 3
    found = re.search(
        rf"^#{{{level}}} {re.escape(heading)}\n(.*?)(?=^#{{2,{level}}} |\Z)",
        text("python.md"),
        re.MULTILINE | re.DOTALL,
    )
    assert found, heading
    return [
        name
        for one in re.findall(r"^#{3,4} (.*)$", found[1], re.MULTILINE)
        for name in names_of(one)
    ]


CLASSES = [
    ("af.Job", af.Job),
    ("af.Block", af.Block),
    ("af.Task", af.Task),
    ("af.Cmd", af.Cmd),
    ("af.WhereError", af.WhereError),
    ("af.where.Where", where.Where),
    ("af.pathmap.PathMap", pathmap.PathMap),
    *(
        (f"af.afcmd_compat.{name}", getattr(afcmd_compat, name))
        for name in ("Job", "Block", "Task", "Render", "Pool", "Monitor")
    ),
]


@pytest.mark.parametrize(("heading", "cls"), CLASSES)
def test_every_method_of_a_class_has_its_heading(heading: str, cls: type[Any]) -> None:
    there = headings_of_class(heading)
    wanted = [
        name
        for name in dir(cls)
        if not name.startswith("_")
        and name not in dir(Exception)
        and (
            callable(getattr(cls, name)) or isinstance(inspect.getattr_static(cls, name), property)
        )
    ]
    assert missing(wanted, there) == []


@pytest.mark.parametrize("name", af.__all__)
def test_every_name_of_af_has_its_heading(name: str) -> None:
    assert f"af.{name}" in headings("python.md")


@pytest.mark.parametrize("module", [query, config, where, pathmap, numeric, afcmd_compat])
def test_every_function_of_a_module_has_its_heading(module: ModuleType) -> None:
    own = [
        name
        for name, member in inspect.getmembers(module, inspect.isfunction)
        if member.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert own
    assert missing([f"{module.__name__}.{name}" for name in own], headings("python.md")) == []


def public_things() -> Iterator[tuple[str, Any]]:
    for _, cls in CLASSES:
        yield cls.__qualname__, cls
        for name, member in inspect.getmembers(cls, callable):
            if not name.startswith("_") and name not in dir(Exception):
                yield f"{cls.__qualname__}.{name}", member
    for name in af.__all__:
        yield name, getattr(af, name)


def test_every_public_thing_says_what_it_does() -> None:
    assert [name for name, thing in public_things() if not inspect.getdoc(thing)] == []


# ------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize("setting", settings.CATALOGUE, ids=lambda one: one.key)
def test_a_setting(setting: settings.Setting) -> None:
    part = section("config.md", setting.key)
    assert setting.help in part
    assert f"`{setting.variable}`" in part
    for flag in setting.flags:
        assert f"`{flag}`" in part
    assert f"| without a restart | {'yes' if setting.live else 'no'} |" in part
    lists = {
        live: section("config.md", f"Settings that need {'no' if live else 'a'} restart")
        for live in (True, False)
    }
    assert f"[`{setting.key}`]" in lists[setting.live]
    assert f"[`{setting.key}`]" not in lists[not setting.live]


# ------------------------------------------------------------------------------------ requests

STRUCTS = {
    "Jobs": (attributes.JobSpec, edit.JOB_EDITABLE),
    "Blocks": (attributes.BlockSpec, edit.BLOCK_EDITABLE),
    "Tasks": (attributes.TaskSpec, frozenset[str]()),
    "Users": (attributes.UserSpec, edit.USER_EDITABLE),
    "Renders": (attributes.RenderSpec, edit.RENDER_EDITABLE),
    "Pools": (attributes.PoolSpec, pool_edits.POOL_EDITABLE),
    "Branches": (attributes.BranchSpec, branch_edits.BRANCH_EDITABLE),
}


@pytest.mark.parametrize("title", STRUCTS)
def test_attributes(title: str) -> None:
    spec, editable = STRUCTS[title]
    found = {row[0].strip("`"): row for row in rows(section("requests.md", title))[1:]}
    assert set(found) == set(spec.__struct_fields__)
    for name, (_, kind, _, edited, meaning) in found.items():
        assert kind
        assert (edited == "yes") == (name in editable)
        assert len(meaning) > 10, name


def test_every_attribute_has_its_sentence_and_every_sentence_its_attribute() -> None:
    for spec, own in attributes_help.OWN.items():
        assert issubclass(spec, msgspec.Struct)
        fields = spec.__struct_fields__
        assert [name for name in fields if not attributes_help.help_of(spec, name)] == []
        assert missing(list(own), fields) == []
        assert missing(sorted(attributes_help.KEPT[spec]), fields) == []
    assert set(attributes_help.OWN) == {spec for spec, _ in STRUCTS.values()}


def deciding() -> str:
    """The source of all that decides: the core and the render, without what only stores."""
    folders = ("core", "render", "services")
    left_out = {"edit.py", "rows.py", "restore.py", "reasons_help.py"}
    return "\n".join(
        path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((SRC / "afanasy" / folder).rglob("*.py"))
        if path.name not in left_out
    )


def test_what_is_called_kept_decides_nothing() -> None:
    """When the core begins to use one of them, its sentence must no longer say so."""
    code = deciding()
    used = {
        name
        for spec, names in attributes_help.KEPT.items()
        for name in names
        if re.search(rf'\bspec\.{name}\b|"{name}"', code)
    }
    # Users and branches have those that are obeyed, jobs keep theirs.
    shared = {"solve_method", "solve_need"}
    assert used - shared == set()
    assert "user.spec.solve_method" in code
    assert "branch.spec.solve_jobs" in code
    assert "job.spec.solve" not in code


def test_the_page_about_deciding_names_all_that_is_kept() -> None:
    page = (ROOT / "docs/explain/how-it-decides.md").read_text(encoding="utf-8")
    part = page.split("## What is kept and decides nothing\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", part))
    kept = {name for names in attributes_help.KEPT.values() for name in names}
    assert kept - named == set()


def test_flags_of_a_block() -> None:
    part = first_cells(section("requests.md", "Flags of a block"))
    bits = {
        str(value.bit_length() - 1)
        for module in (attributes, af.block)
        for name, value in vars(module).items()
        if name.startswith("FLAG_")
    }
    assert bits <= part


def test_roots_and_members() -> None:
    assert set(requests.ROOTS) == set(requests_help.ROOTS) == set(requests_help.EXAMPLES)
    assert missing(list(requests.ROOTS), headings("requests.md")) == []
    assert set(get_request.MEMBERS) == set(requests_help.GET_MEMBERS)
    assert first_cells(section("requests.md", "Get")) >= get_request.MEMBERS
    assert set(requests_help.ACTION_MEMBERS) <= first_cells(section("requests.md", "Action"))


def modes() -> Iterator[tuple[str, str]]:
    """Every mode that the code knows, by its tables and by its calls of ``check_mode``."""
    for kind, known in (
        ("jobs", get_jobs._MODES),
        ("blocks", get_jobs._BLOCK_MODES),
        ("renders", get_nodes._RENDER_MODES),
        ("users", get_nodes._USER_MODES),
        ("monitors", get_nodes._MONITOR_MODES),
        ("pools", get_nodes._TREE_MODES),
        ("branches", get_nodes._TREE_MODES),
    ):
        for mode in known:
            yield kind, mode
    for path in (SRC / "afanasy/server").rglob("*.py"):
        for place in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(place, ast.match_case) and isinstance(place.pattern, ast.MatchValue):
                kind = ast.literal_eval(place.pattern.value)
            elif isinstance(place, ast.FunctionDef) and place.name in get.TYPES:
                kind = place.name
            else:
                continue
            for node in ast.walk(place):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "check_mode":
                    for mode in ast.literal_eval(node.args[1]):
                        yield kind, mode


def test_everything_that_can_be_asked() -> None:
    there = headings("requests.md")
    assert set(get.TYPES) == set(requests_help.GET_TYPES)
    assert missing([f"get {kind}" for kind in get.TYPES], there) == []
    known = set(modes())
    assert {("config", "origins"), ("db", "check")} <= known
    assert known == set(requests_help.GET_MODES)
    assert missing([f"get {kind} {mode}" for kind, mode in known], there) == []


def test_everything_that_can_be_done() -> None:
    there = headings("requests.md")
    on_hosts = {"farm", "tickets"}  # of host_changes
    wanted = {
        "jobs": {*operations.JOB_OPERATIONS, "append_blocks"},
        "blocks": {*operations.BLOCK_OPERATIONS, "append_tasks"},
        "renders": {*operations.RENDER_OPERATIONS, *on_hosts},
        "users": {"delete", *job_order.MOVES},
        "pools": {*pool_edits.POOL_OPERATIONS, *on_hosts},
        "branches": set(branch_edits.BRANCH_OPERATIONS),
        **{kind: set(operations) for kind, (*_, operations) in read_operation._ALONE.items()},
    }
    assert {kind: set(names) for kind, names in requests_help.OPERATIONS.items()} == wanted
    assert missing([f"{kind} {name}" for kind in wanted for name in wanted[kind]], there) == []
    # Operations that the server compares by name are all in the tables.
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((SRC / "afanasy/server/change").glob("*.py"))
        if path.name not in ("read_operation.py", "read_job.py")
    )
    compared = set(re.findall(r'\b(?:name|kind|word) == "(\w+)"', source))
    compared -= {"jobs", "limits", "config", "farm"}  # these are types
    assert compared <= {name for names in wanted.values() for name in names}


def test_members_of_operations() -> None:
    part = first_cells(section("requests.md", "Members of operations"))
    for kind in requests_help.OPERATIONS.values():
        for operation in kind.values():
            assert set(re.findall(r"`(\w+)`", operation.members)) <= part
    sources = [
        path.read_text("utf-8") for path in sorted((SRC / "afanasy/server/change").glob("*.py"))
    ]
    read = {
        name for source in sources for name in re.findall(r'operation(?:\.get\(|\[)"(\w+)"', source)
    }
    assert read - {"type"} <= part


def test_codes_of_refusals() -> None:
    codes: set[str] = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("UserError"):
                first = node.args[0]
                codes |= {
                    str(one.value) for one in ast.walk(first) if isinstance(one, ast.Constant)
                }
    codes = {code for code in codes if re.fullmatch("[a-z_]+", code)}
    known = set(requests_help.CODES)
    assert codes - known - requests_help.AT_START == set()
    assert known - codes == set()
    assert known <= first_cells(section("requests.md", "Refusals"))


def test_sql_views() -> None:
    assert views.VIEWS
    for name, told in views.VIEWS.items():
        assert set(told.columns) <= first_cells(section("requests.md", f"View {name}"))


# -------------------------------------------------------------------------------------- states


def test_states() -> None:
    assert set(states_help.STATES) == set(states.St)
    assert set(states_help.RENDERS) == set(states.RenderSt)
    assert set(states_help.ENDS) == set(states.RunEnd)
    part = first_cells(section("states.md", "States of jobs, blocks and tasks"))
    assert {st.name for st in states.St} <= part
    words = {word for _, word in states.RENDER_WORDS}
    assert words <= first_cells(section("states.md", "States of renders"))
    ends = first_cells(section("states.md", "Ends of runs"))
    assert {str(int(end)) for end in states.RunEnd} <= ends
    codes = first_cells(section("states.md", "What a task can be"))
    assert {code.name.lower() for code in tasks.Code} <= codes
    bars = [row[0].strip("`") for row in rows(section("states.md", "Letters of bars"))[1:]]
    assert [letter or " " for letter in bars] == list(view_bar.LETTERS)


def test_a_state_that_is_never_set_is_never_set() -> None:
    code = "\n".join(
        path.read_text("utf-8")
        for path in (SRC / "afanasy").rglob("*.py")
        if path.name not in ("states.py", "states_help.py")
    )
    never = {*states_help.NEVER, *states_help.RENDERS_NEVER}
    assert [st for st in never if re.search(rf"\b{type(st).__name__}\.{st.name}\b", code)] == []


def test_reasons() -> None:
    assert set(reasons_help.HELP) == set(reasons.SENTENCES)
    there = {
        cell
        for heading in ("Of the work itself", "Of a render", "Of the work on a render")
        for cell in first_cells(section("states.md", heading))
    }
    assert set(reasons.SENTENCES) <= there


def test_classes_of_errors() -> None:
    part = first_cells(section("states.md", "Classes of errors"))
    found = {"licence", "timeout", *core_errors.FATAL, *cool_off.COOLING} - {""}
    for folder in ("parsers", "services", "core", "render"):
        for path in (SRC / "afanasy" / folder).rglob("*.py"):
            source = path.read_text("utf-8")
            found |= set(re.findall(r'error_class(?:=| == )"(\w+)"', source))
            found |= set(re.findall(r'": "(\w+)"[,}]', source)) & set(states_help.ERROR_CLASSES)
    assert found <= part
    assert found == set(states_help.ERROR_CLASSES) - {""}
