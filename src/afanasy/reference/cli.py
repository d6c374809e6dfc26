"""The page of the command lines: every program, noun, verb, option and classic verb."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final, cast

from af.exits import Exit
from afanasy.afjob import arguments as afjob_arguments
from afanasy.afjob import catalog as afjob_catalog
from afanasy.cli import branch, pool
from afanasy.cli import main as afcmd
from afanasy.cli.classic import CLASSIC
from afanasy.cli.render import VERBS
from afanasy.reference.markdown import anchor, block, code, head, join, table
from afanasy.render.main import make_parser as afrender_parser
from afanasy.server.doctor import add_arguments as add_doctor_arguments
from afanasy.server.main import make_parser as afserver_parser
from afanasy.tools import deletefiles
from afanasy.up import main as up

EXITS: Final = {
    Exit.OK: "done",
    Exit.JOB_ERROR: "a job ended in error; a check found something bad",
    Exit.BAD_INPUT: "bad input: a wrong word, or a value that the server refuses",
    Exit.NO_SERVER: "no server answered, or it cannot reach its database",
    Exit.NOT_ALLOWED: "not allowed",
    Exit.NOT_FOUND: "not found: a job, block, task, render, user, file, output or setting",
    Exit.TIMED_OUT: "timed out",
    Exit.JOB_DELETED: "the job was deleted while it was waited for",
    Exit.INTERRUPTED: "ended by Ctrl-C",
}
AFJOB_EXITS: Final = {
    Exit.OK: "sent, or printed",
    Exit.BAD_INPUT: "a wrong command line, or a job that the server refused",
    Exit.NO_SERVER: "no server answered",
    Exit.NOT_ALLOWED: "not allowed",
    Exit.NOT_FOUND: "no such file",
    Exit.TIMED_OUT: "the server took too long and stopped",
    Exit.INTERRUPTED: "ended by Ctrl-C",
}
#: Commands that ask no server, those that wait for a job, and those that may find something bad.
_ALONE: Final = frozenset({"rx", "numeric", "numcmd", "plugins", "path", "str", "net", "md5"})
_WAITING: Final = frozenset({"wait", "submit", "resubmit", "run"})
_CHECKING: Final = frozenset({"db", "plugins"})
#: Program → what its exit codes mean.
_OTHER_EXITS: Final = {
    "afserver": {
        0: "ended by SIGTERM or Ctrl-C",
        1: "it cannot work: a sentence on standard error says why",
        2: "a wrong command line",
        75: "it must be started again to agree with its database; service managers do that",
    },
    "afserver doctor": {0: "all is well, or there are warnings", 1: "something fails"},
    "afrender": {
        0: "ended by SIGTERM, Ctrl-C, the server, or `--drain`",
        1: "its data folder cannot be used, or another agent uses it",
        2: "a wrong command line",
    },
    "deletefiles": {
        0: "deleted, or with `--success` whatever happens",
        1: "something could not be deleted",
        2: "refused, or a wrong command line",
    },
    "afanasy": {
        0: "done; `up`: ended by Ctrl-C",
        1: "`up`: one of its programs kept dying",
        2: "it could not start, or a wrong command line",
    },
}


def page() -> str:
    """The whole page."""
    return join(
        [
            head(
                "Reference: command lines",
                "Every program with its options and exit codes. [howto-cli.md](../howto-cli.md) "
                "and [howto-afjob.md](../howto-afjob.md) tell how they are used.",
            ),
            *_afcmd(),
            *_program("afserver", afserver_parser()),
            *_program("afserver doctor", _doctor(), "###"),
            *_program("afrender", afrender_parser()),
            *_afjob(),
            *_program("deletefiles", deletefiles._parser()),
            *_afanasy(),
        ]
    )


# --------------------------------------------------------------------------------------- afcmd


def _afcmd() -> Iterator[str]:
    root = afcmd.root_parser()
    yield "## afcmd"
    yield "See and steer the farm. These options stand before or behind the command:"
    yield block("afcmd [options] COMMAND …")
    yield _options(root)
    yield "### Exit codes of afcmd"
    yield table(["code", "meaning"], [[str(int(exit)), text] for exit, text in EXITS.items()])
    for command in afcmd.COMMANDS:
        yield from _command(command)
    yield "## Nouns and verbs of afcmd"
    yield "Each command also has a long form. Options and exit codes are those of the short one."
    for noun, verbs in afcmd.NOUNS.items():
        for verb, words in verbs.items():
            yield from _verb(noun, verb, words)
    yield "## Classic verbs of afcmd"
    yield (
        "The verbs of the classic `afcmd`, and the commands they stand for. MASK is a regular "
        "expression of whole names; BLOCK and TASK are numbers from 0. `v` before one prints JSON."
    )
    for name, verb in CLASSIC.items():
        yield f"### afcmd {name}"
        yield block(f"afcmd {name} {verb.arguments}")
        words = [word for word in verb.words if word != "--regex"]
        given = verb.arguments.replace("[", "").replace("]", "").split()
        yield f"Is {code('afcmd ' + ' '.join(words).format(*given))}."


def _command(command: str) -> Iterator[str]:
    parser = afcmd.command_parser(command)
    heading = f"afcmd {command}"
    yield f"### {heading}"
    yield _about(parser)
    yield block(_usage(parser))
    yield _positionals(parser)
    yield _options(parser, leave_out=("everywhere",))
    yield (
        f"Exit codes: {_codes(command)}. How it is used: "
        f"[howto-cli.md](../howto-cli.md{anchor(heading)})."
    )


def _codes(command: str) -> str:
    codes = [Exit.OK, Exit.BAD_INPUT]
    if command in _WAITING:
        codes += [Exit.JOB_ERROR, Exit.JOB_DELETED]
    if command in _CHECKING:
        codes.append(Exit.JOB_ERROR)
    if command == "wait":
        codes.append(Exit.TIMED_OUT)
    codes += [Exit.NOT_FOUND]
    if command not in _ALONE:
        codes += [Exit.NO_SERVER, Exit.NOT_ALLOWED]
    return ", ".join(str(int(one)) for one in sorted({*codes, Exit.INTERRUPTED}))


def _verb(noun: str, verb: str, words: list[str]) -> Iterator[str]:
    yield f"### afcmd {noun} {verb}"
    place = {"blocks": "JOB.BLOCK", "tasks": "JOB.BLOCK TASKS"}.get(noun, "")
    verb_of_render = words[-1] if words[:2] == ["render", "--do"] else ""
    trees = {"pool": pool.VERBS, "branch": branch.VERBS}.get(words[0], {})
    if verb_of_render:
        short, text = f"afcmd render NAME {verb}", VERBS[verb_of_render][1]
        short += " POOL" if verb == "move" else ""
    elif verb in trees:
        short, text = f"afcmd {words[0]} {verb} {words[0].upper()}", trees[verb][1]
    else:
        short = " ".join(["afcmd", *words, *([place] if words[0] == verb else [])])
        text = afcmd.COMMANDS[words[0]][1]
    yield f"{text.capitalize()}. Is {code(short)} ([options]({anchor('afcmd ' + words[0])}))."


# -------------------------------------------------------------------------------- other programs


def _program(name: str, parser: argparse.ArgumentParser, level: str = "##") -> Iterator[str]:
    yield f"{level} {name}"
    yield _about(parser)
    yield block(_usage(parser))
    yield _positionals(parser)
    yield _options(parser)
    exits = _OTHER_EXITS[name]
    yield table(["exit code", "meaning"], [[str(n), text] for n, text in exits.items()])


def _doctor() -> argparse.ArgumentParser:
    parser = afserver_parser("afserver doctor")
    add_doctor_arguments(parser)
    parser.epilog = None
    return parser


def _afjob() -> Iterator[str]:
    catalog = afjob_catalog.load()
    parser = afjob_arguments.make_parser(catalog)
    yield "## afjob"
    yield _about(parser)
    yield block(_usage(parser))
    yield _positionals(parser)
    yield _options(parser)
    yield table(
        ["exit code", "meaning"], [[str(int(exit)), text] for exit, text in AFJOB_EXITS.items()]
    )
    yield "### Programs of afjob"
    yield table(
        ["extensions", "program", "service", "its options"],
        [
            [
                " ".join(code("." + ending) for ending in program.EXTENSIONS) or "any other",
                program.TITLE,
                "by `--renderer`" if "service" in vars(program) else code(program.SERVICE),
                " ".join(code("--" + option.name) for option in program.OPTIONS) or "none",
            ]
            for program in catalog.programs
        ],
    )


def _afanasy() -> Iterator[str]:
    parser = up.make_parser()
    yield from _program("afanasy", parser)
    for name, one in _subparsers(parser).items():
        yield f"### afanasy {name}"
        yield _about(one) or _help_of_subparser(parser, name)
        yield block(_usage(one))
        yield _options(one)


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return cast("dict[str, argparse.ArgumentParser]", action.choices)
    return {}


def _help_of_subparser(parser: argparse.ArgumentParser, name: str) -> str:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in cast("list[Any]", action._choices_actions):
                if choice.dest == name:
                    return f"{choice.help}."
    return ""


# ------------------------------------------------------------------------------------- argparse


def _about(parser: argparse.ArgumentParser) -> str:
    return " ".join(part for part in (parser.description, _sentence(parser)) if part)


def _sentence(parser: argparse.ArgumentParser) -> str:
    """The epilog, when it is a sentence and not a list."""
    epilog = parser.epilog or ""
    return "" if "\n" in epilog else epilog


def _usage(parser: argparse.ArgumentParser) -> str:
    """One line; argparse's own is wrapped differently by each Python."""
    if parser.usage:
        return parser.usage % {"prog": parser.prog}
    words = [_form(action) for action in parser._get_positional_actions() if not _hidden(action)]
    return " ".join([parser.prog, "[options]", *words])


def _form(action: argparse.Action) -> str:
    word = _metavar(action)
    if action.nargs == "?":
        return f"[{word}]"
    if action.nargs == "*":
        return f"[{word} …]"
    return f"{word} …" if action.nargs in ("+", argparse.REMAINDER) else word


def _metavar(action: argparse.Action) -> str:
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    if action.choices is not None and not isinstance(action, argparse._SubParsersAction):
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return action.dest.upper()


def _hidden(action: argparse.Action) -> bool:
    return action.help == argparse.SUPPRESS


def _positionals(parser: argparse.ArgumentParser) -> str:
    return table(
        ["argument", "meaning"],
        [
            [code(_metavar(action)), _help(parser, action)]
            for action in parser._get_positional_actions()
            if not _hidden(action)
        ],
    )


def _options(parser: argparse.ArgumentParser, leave_out: tuple[str, ...] = ()) -> str:
    elsewhere = {
        id(action)
        for group in parser._action_groups
        if group.title in leave_out
        for action in group._group_actions
    }
    return table(
        ["option", "meaning"],
        [
            [_spellings(action), _help(parser, action)]
            for action in parser._get_optional_actions()
            if not _hidden(action) and id(action) not in elsewhere
        ],
    )


def _spellings(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else " " + _metavar(action)
    return ", ".join(code(word + value) for word in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = action.help or ""
    if "%" in text:
        values = {**vars(action), "prog": parser.prog}
        text = text % {name: str(value) for name, value in values.items()}
    if text == "show this help message and exit":
        text = "print the help and exit"
    elif text == "show program's version number and exit":
        text = "print the version and exit"
    return text
