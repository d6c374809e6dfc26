"""Post commands of deleted jobs and pre commands of new ones, run by the system job (SEMANTICS
12.1, R23, R31).

Every task of that block is for another job: its folder and what ``deletefiles`` may delete are in
the task's environment and not the block's.
"""

from __future__ import annotations

import os
from typing import Final

from afanasy.services.base import ROOTS_VARIABLE, Service, allowed_roots

DIRECTORY: Final = "AF_POST_DIRECTORY"


class PostCommand(Service):
    """A post or pre command."""

    parser = "generic"

    def working_directory(self) -> str:
        """The working directory of the job that it is for."""
        found = self.task.environment.get(DIRECTORY, "")
        return self.client_path(found) if found else super().working_directory()

    def environment(self) -> dict[str, str]:
        """Values for the command; each root is a path of its own."""
        values = super().environment()
        values.pop(ROOTS_VARIABLE, None)
        if roots := self.delete_roots():
            values[ROOTS_VARIABLE] = os.pathsep.join(roots)
        return values

    def delete_roots(self) -> list[str]:
        """Folders of the job that it is for, as this host has them."""
        found = self.task.environment.get(ROOTS_VARIABLE, "").split(os.pathsep)
        return allowed_roots([self.client_path(path) for path in found if path])
