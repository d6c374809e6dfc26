"""The verbs of the classic ``afcmd`` as other names of ours (SEMANTICS 14.1).

Only a word that is no command of ours is looked for here. Their masks are regular expressions that
must match whole names; their tasks are numbers from 0, written ``#3`` by ours.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from afanasy.cli.exits import CliError, Exit


class Verb(NamedTuple):
    """One classic verb: its arguments, of which ``[…]`` may be left out, and the words it means.

    Of an argument ``[NAME…]`` there may be any number; they stand behind the words.
    """

    arguments: str
    words: tuple[str, ...]

    def expand(self, name: str, given: list[str]) -> list[str]:
        """Our words for it; options stay behind them. Raises CliError."""
        values = [word for word in given if not _OPTION.match(word)]
        options = [word for word in given if _OPTION.match(word)]
        names = self.arguments.split()
        least = sum(not one.startswith("[") for one in names)
        if self.arguments.endswith("…]"):
            return [*self.words, *values, *options]
        if not least <= len(values) <= len(names):
            usage = f"{name} {self.arguments}".strip()
            raise CliError(Exit.BAD_INPUT, f"{name} takes {_count(least, len(names))}", usage)
        words = [word for word in self.words if _highest(word) < len(values)]
        return [word.format(*values) for word in words] + options


#: Negative numbers are values.
_OPTION = re.compile(r"--?[A-Za-z]")
_PLACE = re.compile(r"\{(\d)\}")


def _highest(word: str) -> int:
    return max((int(number) for number in _PLACE.findall(word)), default=-1)


def _count(least: int, most: int) -> str:
    numbers = str(most) if least == most else f"{least} to {most}"
    return "no words" if most == 0 else f"{numbers} word{'s' * (most != 1)}"


def _on_jobs(verb: str) -> Verb:
    return Verb("MASK", (verb, "--mask", "{0}"))


def _on_renders(verb: str, arguments: str = "MASK") -> Verb:
    return Verb(arguments, ("render", "--regex", "--do", verb, "{0}"))


def _on_pools(verb: str) -> Verb:
    return Verb("MASK", ("pool", "--regex", verb, "{0}"))


def _services(kind: str, verb: str) -> Verb:
    return Verb("MASK SERVICE", ("services", "--regex", kind, verb, "{0}", "{1}"))


def _set(kind: str, key: str, arguments: str) -> Verb:
    if kind == "jobs":
        return Verb(arguments, ("set", "--mask", "{0}", key + "={1}"))
    return Verb(arguments, ("set", "--regex", f"--{kind[:-1]}", "{0}", key + "={1}"))


_WEIGHT = (
    "SELECT serial, name, user_name, COUNT(*) AS blocks, SUM(tasks_num) AS tasks FROM v_jobs"
    " JOIN v_blocks ON job_serial = serial WHERE time_deleted = 0 GROUP BY serial"
    " ORDER BY tasks DESC"
)

CLASSIC: dict[str, Verb] = {
    "jlist": Verb("", ("jobs", "--all")),
    "jpause": _on_jobs("pause"),
    "jstop": _on_jobs("stop"),
    "jstart": _on_jobs("start"),
    "jrestart": _on_jobs("restart"),
    "jdel": _on_jobs("delete"),
    "jweight": Verb("", ("db", "sql", _WEIGHT)),
    "jid": Verb("ID", ("job", "{0}")),
    "jlog": Verb("ID", ("log", "{0}")),
    "jprog": Verb("ID", ("tasks", "{0}")),
    "jpri": _set("jobs", "priority", "MASK N"),
    "jtmax": _set("jobs", "max_running_tasks", "MASK N"),
    "jhmask": _set("jobs", "hosts_mask", "MASK HOSTS"),
    "juser": _set("jobs", "user_name", "MASK USER"),
    "tlog": Verb("JOB BLOCK TASK", ("log", "{0}.{1}", "#{2}")),
    "tout": Verb("JOB BLOCK TASK [START]", ("output", "{0}.{1}", "#{2}", "--number={3}")),
    "trestart": Verb("JOB BLOCK TASK", ("restart", "{0}.{1}", "#{2}")),
    "rlist": Verb("", ("renders",)),
    "rrlist": Verb("[MASK]", ("renders", "--resources", "--mask={0}")),
    "rpri": _set("renders", "priority", "MASK N"),
    "rnimby": _on_renders("nimby"),
    "rNIMBY": _on_renders("NIMBY"),
    "rfree": _on_renders("free"),
    "ruser": _set("renders", "user_name", "MASK USER"),
    "rpause": _on_renders("pause"),
    "runpause": _on_renders("unpause"),
    "reject": _on_renders("eject"),
    "rejnotmy": _on_renders("eject-others"),
    "rsleep": _on_renders("sleep"),
    "rwake": _on_renders("wake"),
    "rsrvon": _services("render", "enable"),
    "rsrvoff": _services("render", "disable"),
    "rexit": Verb("[MASK]", ("render", "--do", "exit", "{0}")),
    "rdel": Verb("[MASK]", ("render", "--do", "delete", "{0}")),
    "plist": Verb("", ("pools",)),
    "plog": Verb("ID", ("pool", "--log", "{0}")),
    "ppri": _set("pools", "priority", "MASK N"),
    "ppause": _on_pools("pause"),
    "punpause": _on_pools("unpause"),
    "psrvadd": _services("pool", "add"),
    "psrvdel": _services("pool", "remove"),
    "ulist": Verb("", ("users",)),
    "ujobs": Verb("ID", ("jobs", "--all", "--uid", "{0}")),
    "uadd": Verb("NAME", ("user", "add", "{0}")),
    "udel": Verb("NAME", ("user", "delete", "{0}")),
    "upri": _set("users", "priority", "MASK N"),
    "utmax": _set("users", "max_running_tasks", "MASK N"),
    "cload": Verb("", ("config", "reload")),
    "uhmask": _set("users", "hosts_mask", "MASK HOSTS"),
    "stat": Verb("[COLUMNS] [SORT]", ("stats", "--columns={0}", "--sort={1}")),
    "parse": Verb("PARSER [FRAMES]", ("plugins", "try", "{0}", "-", "--frames={1}")),
    "fload": Verb("", ("farm", "reload")),
    "fcheck": Verb("[HOST…]", ("farm", "check")),
    "db_check": Verb("", ("db", "check")),
    "db_drivers": Verb("", ("db", "drivers")),
}
#: Verbs that destroyed data → what to do instead.
GONE: dict[str, str] = {
    "db_reset_logs": "logs go with their job: afcmd delete JOB",
    "db_reset_jobs": "afcmd delete --mask RE deletes jobs; their runs stay in the history",
    "db_reset_tasks": "runs are the history of the farm and stay; afcmd db sql reads them",
    "db_reset_all": "stop the server, move its data folder away, start it",
    "db_updatetables": "the server brings its tables up to date when it starts",
}
#: With a mask they are for all renders that match, without one for this computer's.
_OWN = frozenset({"rexit", "rdel"})


def expand(name: str, given: list[str]) -> list[str] | None:
    """Our words for a classic command; None when there is no such verb. Raises CliError."""
    if name in GONE:
        raise CliError(Exit.BAD_INPUT, f"{name} is no verb any more", GONE[name])
    verb = CLASSIC.get(name)
    if verb is None:
        return None
    words = verb.expand(name, given)
    if name == "fcheck" and not given:
        words.append("-")
    if name in _OWN and any(not _OPTION.match(word) for word in given):
        words.append("--regex")
    return words


def help_text() -> str:
    """The table for people."""
    rows = [(f"{name} {verb.arguments}".strip(), " ".join(verb.words)) for name, verb in
            CLASSIC.items()]  # fmt: skip
    width = max(len(left) for left, _ in rows) + 2
    lines = [f"  {left:<{width}}afcmd {right}" for left, right in rows]
    gone = [f"  {name:<{width}}{text}" for name, text in GONE.items()]
    return "\n".join(
        [
            "The classic verbs and what they mean; {0} is the first word.\n",
            *lines,
            "\nVerbs that destroyed data, and what to do instead:\n",
            *gone,
        ]
    )
