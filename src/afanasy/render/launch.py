"""Commands that an operator, or the farm, wants run on this host beside all tasks."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Mapping

log = logging.getLogger("afrender")


def launch(command: str, environment: Mapping[str, str]) -> None:
    """Start it in a session of its own; it goes on when the agent ends. How it ends is logged."""
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        log.error("%s: cannot be started: %s", command, error)
        return

    def wait() -> None:
        status = process.wait()
        level = logging.WARNING if status else logging.INFO
        log.log(level, "%s: ended with %d", command, status)

    threading.Thread(target=wait, name="launched", daemon=True).start()
