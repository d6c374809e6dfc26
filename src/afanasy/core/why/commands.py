"""Events of cures as lines that a person can type: ``afcmd set 5 max_running_tasks=3``.

Made of the events themselves, so that a suggestion and its line cannot say different things; a test
types every line that cures give, and the task must start.
"""

from __future__ import annotations

import json
from shlex import quote
from typing import Final, cast

from afanasy.core import events
from afanasy.core.host.pools import ROOT
from afanasy.core.state import Farm

#: Operations on tasks, and on renders → the verbs of afcmd.
_OF_TASKS: Final = {"restart": "restart", "continue": "start", "reset_error_hosts": "reset-errors"}
_OF_RENDERS: Final = {"heal_sick": "heal", "wol_wake": "wake"}
#: Edits that have a verb of their own: (kind, what is set) → the line with the name to fill in.
_VERBS: Final = {
    ("user", "paused=false"): "afcmd user unpause {}",
    ("render", "paused=false"): "afcmd render {} unpause",
    ("render", "nimby=false NIMBY=false"): "afcmd render {} free",
    ("pool", "paused=false"): "afcmd pool unpause {}",
    ("branch", "paused=false"): "afcmd branch start {}",
}


def command(farm: Farm, event: events.Event) -> str:
    """The line for one event of a cure. Asserts that it is of a kind that cures have."""
    match event:
        case events.EditJob(serial, params):
            return f"afcmd set {farm.jobs[serial].id} {_words(params)}"
        case events.EditBlocks(serial, [num], params):
            return f"afcmd set {_block(farm, serial, num)} {_words(params)}"
        case events.EditUser(name, params):
            return _edit("user", name, params)
        case events.EditRender(name, params):
            return _edit("render", name, params)
        case events.EditPool(path, params):
            return _edit("pool", path, params)
        case events.EditBranch(path, params):
            return _edit("branch", path, params)
        case events.OperateJob(serial, operation):
            return f"afcmd {operation} {farm.jobs[serial].id}"
        case events.OperateBlocks(serial, [num], operation, parts):
            tasks = "".join(f" {quote(f'#{part.start}')}" for part in parts or ())
            return f"afcmd {_OF_TASKS[operation]} {_block(farm, serial, num)}{tasks}"
        case events.OperateRender(name, operation):
            return f"afcmd render {_name(name)} {_OF_RENDERS[operation]}"
        case events.ChangeServices(render, pool, mode, text):
            kind = "renders" if render else "pools"
            verb = mode.removeprefix("service_")
            return f"afcmd {kind} services {verb} {_name(render or pool)} {quote(text)}"
        case events.SetLimit(service, count, hosts):
            return _limit(quote(service), count, hosts)
        case events.ChangeTickets("", pool, name, count, False, hosts):
            where = f" --pool {quote(pool)}" if pool != ROOT else ""
            most = hosts if hosts is not None and hosts >= 0 else None
            return _limit(f"--ticket {quote(name)}", count, most) + where
        case _:
            raise AssertionError(f"no line for {event}")


def _limit(what: str, count: int | None, hosts: int | None) -> str:
    number = "" if count is None else f" {_number(count)}"
    return f"afcmd limits set {what}{number}" + ("" if hosts is None else f" --hosts {hosts}")


def _number(count: int) -> str:
    return "any" if count < 0 else str(count)


def _edit(kind: str, name: str, params: dict[str, object]) -> str:
    words = _words(params)
    verb = _VERBS.get((kind, words))
    if verb:
        return verb.format(_name(name))
    between = "=" if name.startswith("-") else " "
    return f"afcmd set --{kind}{between}{quote(name)} {words}"


def _name(name: str) -> str:
    """A word of its own; what begins with a dash would be taken for an option."""
    return ("-- " if name.startswith("-") else "") + quote(name)


def _block(farm: Farm, serial: int, num: int) -> str:
    """JOB.BLOCK; by number when the name is not its own, or would be read as another."""
    job = farm.jobs[serial]
    name = job.blocks[num].spec.name
    same = sum(block.spec.name == name for block in job.blocks)
    return f"{job.id}.{num}" if same > 1 or not name else quote(f"{job.id}.{name}")


def _words(params: dict[str, object]) -> str:
    return " ".join(quote(f"{key}={_value(value)}") for key, value in params.items())


def _value(value: object) -> str:
    """As ``afcmd set`` reads it (:mod:`afanasy.cli.values`)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value)
        odd = any(not key or set(key) & set(",:{") for key in pairs)
        return json.dumps(pairs) if odd else ",".join(f"{k}:{v}" for k, v in pairs.items())
    if isinstance(value, list):
        names = [str(one) for one in cast("list[object]", value)]
        odd = any(not name or ";" in name or name.startswith("[") for name in names)
        return json.dumps(names) if odd else ";".join(names)
    return str(value)
