"""What the words JOB, BLOCK and TASK of a command mean (R60).

``JOB`` is an id or a whole name; ``JOB.BLOCK`` also names a block. A block is named by name or
number. Tasks are *frames* in a numeric block (``10-20,35``) and names in a list block (``left``);
in both ``#index`` counts from 0 (``#3,#7-#9``).
"""

from __future__ import annotations

import re
from typing import cast

from af import numeric
from af.words import plural
from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm, Json

Range = tuple[int, int]

_FRAMES = re.compile(r"(-?\d+)(?:-(-?\d+))?")
_INDEXES = re.compile(r"#(\d+)(?:-#?(\d+))?")
_FLAG_NUMERIC = 1


def find_job(farm: Farm, word: str) -> Json:
    """The job of an id or name. Raises CliError when there is none."""
    job, block = find_place(farm, word)
    if block is not None:
        raise CliError(Exit.BAD_INPUT, f"{word!r} names a block", "name the job alone")
    return job


def find_place(farm: Farm, word: str) -> tuple[Json, Json | None]:
    """The job, and the block when ``word`` is JOB.BLOCK."""
    if word.isdigit():
        return farm.job_by_id(int(word)), None
    head, dot, tail = word.partition(".")
    if head.isdigit() and dot and tail:
        job = farm.job_by_id(int(head))
        return job, find_block(job, tail)
    job = farm.named("jobs", word)
    if job is not None:
        return job, None
    dots = [place for place, char in enumerate(word) if char == "."]
    for place in reversed(dots):
        job = farm.named("jobs", word[:place])
        if job is not None:
            return job, find_block(job, word[place + 1 :])
    raise CliError(Exit.NOT_FOUND, f"there is no job {word!r}", "afcmd jobs lists them")


def find_block(job: Json, word: str) -> Json:
    """The block of a name or number."""
    blocks = blocks_of(job)
    for block in blocks:
        if block.get("name") == word:
            return block
    if word.isdigit() and int(word) < len(blocks):
        return blocks[int(word)]
    names = ", ".join(str(block.get("name", "")) for block in blocks[:10])
    raise CliError(Exit.NOT_FOUND, f"job {job.get('id')} has no block {word!r}", f"it has {names}")


def only_block(job: Json) -> Json:
    """The block of a job that has just one."""
    blocks = blocks_of(job)
    if len(blocks) == 1:
        return blocks[0]
    names = ", ".join(str(block.get("name", "")) for block in blocks[:10])
    raise CliError(
        Exit.BAD_INPUT,
        f"job {job.get('id')} has {plural(len(blocks), 'block')}",
        f"say which: {job.get('id')}.BLOCK with one of {names}",
    )


def blocks_of(job: Json) -> list[Json]:
    """The blocks of a job's answer."""
    return cast("list[Json]", job.get("blocks") or [])


def is_numeric(block: Json) -> bool:
    """The tasks are frames."""
    return bool(int(block.get("flags", 0)) & _FLAG_NUMERIC)


def find_places(farm: Farm, words: list[str]) -> tuple[Json, Json | None, int | None]:
    """``JOB [BLOCK [TASK]]`` or ``JOB.BLOCK [TASK]``: job, block and number of the task."""
    job, block, ranges = find_selection(farm, words)
    return job, block, only_task(words[-1], ranges) if ranges is not None else None


def find_selection(farm: Farm, words: list[str]) -> tuple[Json, Json | None, list[Range] | None]:
    """``JOB [BLOCK [TASKS]]`` or ``JOB.BLOCK [TASKS]``: job, block and ranges of tasks."""
    job, block = find_place(farm, words[0])
    rest = words[1:]
    if block is None and rest:
        if len(rest) == 1 and len(blocks_of(job)) == 1 and not _names_block(job, rest[0]):
            block = only_block(job)
        else:
            block = find_block(job, rest.pop(0))
    if len(rest) > 1:
        raise CliError(Exit.BAD_INPUT, f"{rest[1]!r} is one word too many", "JOB BLOCK TASK")
    ranges = find_tasks(farm, block, rest[0]) if block is not None and rest else None
    return job, block, ranges


def _names_block(job: Json, word: str) -> bool:
    return any(block.get("name") == word for block in blocks_of(job))


def only_task(word: str, ranges: list[Range]) -> int:
    """The number of one task. Raises CliError when the word named several."""
    if len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
        raise CliError(
            Exit.BAD_INPUT, f"{word!r} names several tasks", "name one; #index is always one"
        )
    return ranges[0][0]


def find_tasks(farm: Farm, block: Json, text: str) -> list[Range]:
    """Ranges of task numbers, both ends included, in ascending order."""
    if is_numeric(block):
        words = [part.strip() for part in text.split(",") if part.strip()]
        parts = [_indexes(block, word) or _frames(block, word) for word in words]
    else:
        parts = _listed(farm, block, text)
    if not parts:
        raise CliError(Exit.BAD_INPUT, "the selection of tasks is empty", "as 1-5,8")
    return merged(parts)


def _indexes(block: Json, word: str) -> Range | None:
    """``#3`` and ``#7-#9``; None for anything else."""
    match = _INDEXES.fullmatch(word)
    if match is None:
        return None
    first = int(match.group(1))
    last = first if match.group(2) is None else int(match.group(2))
    count = int(block["tasks_num"])
    if not first <= last < count:
        raise CliError(
            Exit.NOT_FOUND,
            f"{word} is not in block {block.get('name')!r}",
            f"its tasks are #0 to #{count - 1}",
        )
    return first, last


def _frames(block: Json, part: str) -> Range:
    match = _FRAMES.fullmatch(part)
    if match is None:
        raise CliError(
            Exit.BAD_INPUT,
            f"{part!r} is no frame and no range of frames",
            f"block {block.get('name')!r} has frames, as 10-20,35",
        )
    first = int(match.group(1))
    last = first if match.group(2) is None else int(match.group(2))
    if last < first:
        raise CliError(Exit.BAD_INPUT, f"{part!r} ends before it begins", f"as {last}-{first}")
    return _task_of(block, first), _task_of(block, last)


def _task_of(block: Json, frame: int) -> int:
    low, high = int(block["frame_first"]), int(block["frame_last"])
    task, inside = numeric.frame_task(
        frame, low, high, int(block["frames_per_task"]), int(block["frames_inc"]),
        int(block["tasks_num"]),
    )  # fmt: skip
    if not inside:
        raise CliError(
            Exit.NOT_FOUND,
            f"frame {frame} is not in block {block.get('name')!r}",
            f"its frames are {low} to {high}",
        )
    return task


def _listed(farm: Farm, block: Json, text: str) -> list[Range]:
    names: list[tuple[str, str]] | None = None
    count = int(block["tasks_num"])
    found: list[Range] = []
    words = [word.strip() for word in text.split(",") if word.strip()]
    if "," in text and (whole := _named(task_names(farm, block), text)):
        return whole
    for word in words:
        numbers = _indexes(block, word)
        if numbers:
            found.append(numbers)
            continue
        names = task_names(farm, block) if names is None else names
        hits = _named(names, word)
        if not hits:
            raise CliError(
                Exit.NOT_FOUND,
                f"block {block.get('name')!r} has no task named {word!r}",
                f"its tasks have names, and indexes #0 to #{count - 1}",
            )
        found += hits
    return found


def _named(names: list[tuple[str, str]], word: str) -> list[Range]:
    return [(task, task) for task, both in enumerate(names) if word in both]


def task_names(farm: Farm, block: Json) -> list[tuple[str, str]]:
    """``(own name, shown name)`` of the tasks of a list block; asks the server when needed."""
    if "tasks" not in block:
        job = farm.job_by_id(int(block["job_id"]), mode="full")
        block = blocks_of(job)[int(block["block_num"])]
    pattern = str(block.get("tasks_name") or "")
    names = [str(task.get("name") or "") for task in cast("list[Json]", block.get("tasks") or [])]
    return [(name, numeric.list_task_name(pattern, name)) for name in names]


def merged(parts: list[Range]) -> list[Range]:
    """Neighbouring and overlapping ranges as one."""
    result: list[Range] = []
    for first, last in sorted(parts):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result
