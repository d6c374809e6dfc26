"""Make jobs, send them and steer the farm from scripts (the Afanasy Python API).

Standard library only, Python 3.7 and newer, because it is imported inside Maya, Nuke, Houdini and
Blender. The three objects of a submission are :class:`Job`, :class:`Block` and :class:`Task`;
:class:`Cmd` asks and steers. Every setter exists twice: ``setCapacity`` warns and goes on when a
value makes no sense, as scripts are used to; ``set_capacity`` raises ``ValueError``.
"""

from __future__ import annotations

from af.block import Block
from af.cmd import Cmd
from af.job import Job
from af.rules import AfWarning
from af.send import ServerError, request, sendServer
from af.task import Task

__all__ = ["AfWarning", "Block", "Cmd", "Job", "ServerError", "Task", "request", "sendServer"]
