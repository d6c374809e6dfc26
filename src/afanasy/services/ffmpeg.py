"""ffmpeg, as it is: its parser knows when a film came out too short."""

from __future__ import annotations

from afanasy.services.base import Service


class Ffmpeg(Service):
    """The service of encodes."""

    parser = "ffmpeg"
