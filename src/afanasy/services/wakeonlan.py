"""Magic packets for sleeping hosts, sent by ``wolwake`` as a task of the system job."""

from __future__ import annotations

from afanasy.services.base import Service


class WakeOnLan(Service):
    """A command that wakes a host."""

    parser = "generic"
