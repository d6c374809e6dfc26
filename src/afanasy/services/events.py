"""Notifications by command, run by the system job (SEMANTICS 12.2). The command is complete."""

from __future__ import annotations

from afanasy.services.base import Service


class Events(Service):
    """A command that tells somebody of an event."""

    parser = "generic"
