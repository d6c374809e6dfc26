"""Scripts that may change a job before it is sent.

A script is a Python file with a function ``change(job, shot)``: the :class:`af.Job` with its
blocks, and the :class:`~afanasy.afjob.program.Shot` that it was made of. Those of the variable
``AF_JOB_SCRIPT`` are a studio's and run for each job, unless ``--no-script`` is said; those of
``--script`` run behind them. A name without ``.py`` is ``FOLDER/afjob/scripts/NAME.py`` of a
plug-in folder. What a script raises keeps the job from being sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from af import Job
from afanasy.afjob.errors import Exit, JobError
from afanasy.afjob.program import Shot

VARIABLE = "AF_JOB_SCRIPT"


def change(
    job: Job, shot: Shot, given: Iterable[str], *, studio: bool, folders: Iterable[Path]
) -> None:
    """Run the scripts in order. Raises :class:`JobError` naming the script that failed."""
    known = list(folders)
    for word, where in _words(given, studio=studio):
        path = _path(word, known)
        if path is None:
            raise JobError(f"there is no script {word}", option=where, exit_code=Exit.NOT_FOUND)
        try:
            _load(path)(job, shot)
        except JobError:
            raise
        except (Exception, SystemExit) as error:
            raise JobError(
                f"{path} failed: {type(error).__name__}: {error}",
                "--no-script leaves it out" if where == VARIABLE else "",
                option=where,
            ) from error


def _words(given: Iterable[str], *, studio: bool) -> Iterator[tuple[str, str]]:
    if studio:
        for word in os.environ.get(VARIABLE, "").split(os.pathsep):
            if word.strip():
                yield word, VARIABLE
    for word in given:
        yield word, "--script"


def _path(word: str, folders: list[Path]) -> Path | None:
    if word.endswith(".py") or os.sep in word:
        return Path(word) if Path(word).is_file() else None
    found = (folder / "afjob" / "scripts" / f"{word}.py" for folder in reversed(folders))
    return next((path for path in found if path.is_file()), None)


def _load(path: Path) -> Callable[[Job, Shot], Any]:
    from importlib import util  # only who has scripts needs it

    spec = util.spec_from_file_location(f"afjob_script_{path.stem}", path)
    assert spec is not None, f"{path} is no Python file"
    assert spec.loader is not None, f"{path} has no loader"
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "change", None)
    if not callable(found):
        raise TypeError("it has no function change(job, shot)")
    return found
