"""Make jobs, send them and steer the farm from scripts (the Afanasy Python API).

Standard library only, Python 3.7 and newer, because it is imported inside Maya, Nuke, Houdini and
Blender. The three objects of a submission are :class:`Job`, :class:`Block` and :class:`Task`;
:mod:`af.query` reads the farm, :func:`wait` waits for a job, :class:`Cmd` asks and steers with the
classic calls. Every setter exists twice: ``setCapacity`` warns and goes on when a value makes no
sense, as scripts are used to; ``set_capacity`` raises ``ValueError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from af import query
    from af.block import Block
    from af.cmd import Cmd
    from af.job import Job
    from af.rules import AfWarning
    from af.send import ServerError, request, sendServer
    from af.task import Task
    from af.waiting import wait
    from af.where import WhereError

__all__ = [
    "AfWarning",
    "Block",
    "Cmd",
    "Job",
    "ServerError",
    "Task",
    "WhereError",
    "query",
    "request",
    "sendServer",
    "wait",
]

#: Where each name is; a module is imported when its first name is asked for, because a short
#: command needs only the client (R61).
_HOME = {
    "AfWarning": "rules",
    "Block": "block",
    "Cmd": "cmd",
    "Job": "job",
    "ServerError": "send",
    "Task": "task",
    "WhereError": "where",
    "query": "query",
    "request": "send",
    "sendServer": "send",
    "wait": "waiting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError("module 'af' has no attribute %r" % name)
    from importlib import import_module

    module = import_module("af." + _HOME[name])
    found = module if name == "query" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
