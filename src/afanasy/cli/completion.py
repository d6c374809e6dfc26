"""``afcmd completion``: the completion of bash and zsh.

The scripts are small: they ask ``afcmd completion candidates -- WORD…`` what may stand next, so
that they know every verb and option of the ``afcmd`` that is installed, and the names on the farm.
A server that does not answer at once is not waited for.
"""

from __future__ import annotations

import argparse
from typing import Any, Final, cast

from af import send
from afanasy.cli import main
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.show import Show

_BASH: Final = """\
# Completion of afcmd for bash: eval "$(afcmd completion bash)", as in ~/.bashrc.
_afcmd() {
    local IFS=$'\\n'
    local -a begun=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($("${COMP_WORDS[0]}" completion candidates -- "${begun[@]}" 2>/dev/null))
}
complete -o default -o bashdefault -F _afcmd afcmd
"""
_ZSH: Final = """\
#compdef afcmd
# Completion of afcmd for zsh: eval "$(afcmd completion zsh)" behind compinit, as in ~/.zshrc.
_afcmd() {
    local -a found
    found=(${(f)"$("${words[1]}" completion candidates -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -a found
    else
        _files
    fi
}
compdef _afcmd afcmd
"""
SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH}
_CONNECT_S, _ANSWER_S = 0.3, 1.0
#: What the words of a command name.
_NAMES: Final = {
    "render": "renders",
    "user": "users",
    "pool": "pools",
    "branch": "branches",
    **dict.fromkeys(("export", "resubmit"), "serials"),
    **dict.fromkeys(("job", "blocks", "tasks", "why", "log", "output", "wait", "append"), "jobs"),
}
#: Their first word is one of a few.
_OPERATIONS: Final = frozenset({"path", "str", "net", "move"})
_OPTION_NAMES: Final = {
    "--render": "renders", "--user": "users", "--pool": "pools", "--branch": "branches",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which shell."""
    parser.usage = "afcmd completion [options] (bash | zsh)"
    parser.add_argument(
        "shell", metavar="SHELL", choices=[*SCRIPTS, "candidates"], help="bash, zsh"
    )
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Print it."""
    words: list[str] = options.words
    if options.shell == "candidates":
        for word in candidates(farm, words[1:] if words[:1] == ["--"] else words):
            print(word)
    elif show.as_json:
        show.json({"shell": options.shell, "script": SCRIPTS[options.shell]})
    else:
        print(SCRIPTS[options.shell], end="")
    return Exit.OK


def candidates(farm: Farm, words: list[str]) -> list[str]:
    """What may stand at the place of the last word, which is begun or empty."""
    begun = words[-1] if words else ""
    return sorted({word for word in _next(farm, words[:-1], begun) if word.startswith(begun)})


def _next(farm: Farm, before: list[str], begun: str) -> list[str]:
    options = _options(main.root_parser())
    place = 0
    while place < len(before) and before[place].startswith("-"):
        place += 2 if before[place] == "--server" else 1
    if place > len(before):
        return []  # the value of --server
    if place == len(before):
        return options if begun.startswith("-") else [*main.COMMANDS, *main.NOUNS, "help"]
    command, rest = before[place], before[place + 1 :]
    if command == "help":
        return [*main.COMMANDS, "classic"] if not rest else []
    verbs = list(main.NOUNS.get(command, ()))
    if not rest and verbs and not begun.startswith("-"):
        return verbs
    extra: list[str] = []
    if rest and rest[0] in verbs:
        command, *extra = main.NOUNS[command][rest[0]]
        rest = rest[1:]
    if command not in main.COMMANDS:
        return []
    return _of_command(farm, command, extra, rest, begun)


def _of_command(
    farm: Farm, command: str, extra: list[str], rest: list[str], begun: str
) -> list[str]:
    last = [*extra, *rest][-1:]
    if last and last[0] in _OPTION_NAMES:
        return _names(farm, _OPTION_NAMES[last[0]])
    parser = main.command_parser(command)
    takes = [action for action in parser._actions if last and last[0] in action.option_strings]
    if takes and takes[0].nargs != 0:
        return list(takes[0].choices or ())
    if begun.startswith("-"):
        return _options(parser)
    if command == "completion":
        return list(SCRIPTS)
    if command in _OPERATIONS and not rest:
        return [
            str(word) for action in parser._actions if action.dest == "operation"
            for word in action.choices or ()
        ]  # fmt: skip
    if command in _NAMES and not rest:
        return _names(farm, _NAMES[command])
    if command == "move":
        return _names(farm, "jobs")
    if command == "render":
        if [*extra, *rest][-2:-1] == ["move"] or rest[1:] == ["move"]:
            return _names(farm, "pools")
        if len(rest) == 1 and not extra:
            from afanasy.cli.render import VERBS

            return list(VERBS)
    if command == "farm" and [*extra, *rest][:1] == ["check"]:
        return _names(farm, "renders")
    if command == "plugins":
        from afanasy.cli.plugins import KINDS, names

        words = [*extra, *rest]
        kinds = {"show": KINDS, "try": KINDS[1:]}.get(words[0] if len(words) == 1 else "", ())
        return [name for kind in kinds for name in names(kind, [])]
    if main.COMMANDS[command][0] in ("operate", "edit"):
        return _names(farm, "jobs")
    return []


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [
        option
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for option in action.option_strings
    ]


def _names(farm: Farm, kind: str) -> list[str]:
    """Ids or serials of jobs, names of others; [] when the server does not answer at once."""
    asked = "jobs" if kind == "serials" else kind
    try:
        answer: Any = send.request(
            {"get": {"type": asked}}, farm.servers, connect_s=_CONNECT_S, answer_s=_ANSWER_S
        )
    except (send.ServerError, CliError):
        return []
    if not isinstance(answer, dict):
        return []
    member = {"jobs": "id", "serials": "serial"}.get(kind, "name")
    nodes = cast("list[Json]", cast(Json, answer).get(asked) or [])
    return [str(node.get(member)) for node in nodes]
