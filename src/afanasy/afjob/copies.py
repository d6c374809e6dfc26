"""``--temp-scene``: the job renders a copy of the scene, so that an artist may go on with it.

The copy lies beside the scene, so that what the scene names relatively is found, under a name of
its own. The job's post command deletes it with the job.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from afanasy.afjob.errors import Exit, JobError


def copy_name(scene: str) -> str:
    """A name beside the scene that nothing has: ``city.afjob-3f2a9c1b.blend``."""
    stem, extension = os.path.splitext(scene)  # noqa: PTH122 - the scene may be of another system
    return f"{stem}.afjob-{os.urandom(4).hex()}{extension}"


def make_copy(scene: str, copy: str) -> None:
    """Copy the scene with its permissions. Raises :class:`JobError`; nothing half is left."""
    try:
        with Path(scene).open("rb") as source, Path(copy).open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        shutil.copystat(scene, copy)
    except OSError as error:
        if not isinstance(error, FileExistsError):
            remove_copy(copy)
        missing = isinstance(error, FileNotFoundError)
        raise JobError(
            f"the scene cannot be copied to {copy}: {error.strerror}",
            option="--temp-scene",
            exit_code=Exit.NOT_FOUND if missing else Exit.BAD_INPUT,
        ) from None


def remove_copy(copy: str) -> None:
    """Take it away again: the job was not sent."""
    with contextlib.suppress(OSError):
        Path(copy).unlink(missing_ok=True)
