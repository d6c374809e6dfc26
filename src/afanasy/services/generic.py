"""Any command, as it is."""

from __future__ import annotations

from afanasy.services.base import Service


class Generic(Service):
    """The service of a block that names no program."""

    parser = "generic"
