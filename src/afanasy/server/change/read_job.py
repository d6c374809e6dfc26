"""Reading a submitted job: JSON members into checked attributes (PROTOCOL 2.4, R20, R49).

The original's leniency is kept for classic requests: what has a wrong type is ignored with a
warning. What no request may bring: masks that do not compile or are too long, texts that no
database stores, and whatever made the original crash (blocks that are no objects, tasks that are no
objects …).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from afanasy.core.events import BlockSubmission
from afanasy.core.host.masks import looks_like_words
from afanasy.core.place import try_next
from afanasy.core.settings import Settings
from afanasy.core.state import Job
from afanasy.model.attributes import (
    BLOCKS_PER_JOB_MAX,
    FLAG_MASTER_ON_SLAVE,
    FLAG_MULTIHOST,
    FLAG_NUMERIC,
    FLAG_VARCAPACITY,
    BlockSpec,
    JobSpec,
    TaskSpec,
)
from afanasy.model.errors import UserError
from afanasy.model.ids import TASKS_PER_BLOCK_MAX
from afanasy.model.reading import Raw, Reader
from afanasy.server.matcher import Masks

#: Members of a job that are read as from a store file by the original, and ignored here.
_IGNORED: Final = frozenset(
    {"blocks", "id", "serial", "st", "state", "locked", "time_started", "time_done",
     "user_list_order", "blocks_num"}
)  # fmt: skip
_BLOCK_IGNORED: Final = frozenset(
    {"tasks", "tasks_num", "st", "state", "block_num", "job_id", "numeric"}
)

#: A user → the type of hosts masks that say none.
TypeOfUser = Callable[[str], str]


def _no_type(_user: str) -> str:
    return ""


def read_job(
    raw: object,
    reader: Reader,
    masks: Masks,
    settings: Settings,
    type_of_user: TypeOfUser = _no_type,
) -> tuple[JobSpec, list[BlockSubmission]]:
    """The attributes of a job and its blocks. Raises UserError, the sender's fault.

    What they do not say comes from ``settings``; how hosts masks without a type are read says
    ``type_of_user``.
    """
    if not isinstance(raw, dict):
        raise UserError("bad_field", "must be an object", "send {…}", field="job")
    members = cast(Raw, raw)
    said = reader.members(JobSpec, members, "job", also=_IGNORED)
    spec = JobSpec(**{**settings.job_defaults(), **said})
    _check_try_next(spec, reader)
    spec.pools = clean_pools(spec.pools)
    kind = spec.hosts_mask_type or type_of_user(spec.user_name)
    check_job_masks(spec, "job", kind, masks)
    blocks = members.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        raise UserError(
            "missing", "must be a list of at least one block", "add one", field="job.blocks"
        )
    raws = cast("list[object]", blocks)
    return spec, read_blocks(raws, "job.blocks", reader, masks, settings, kind)


def read_blocks(
    raws: list[object],
    path: str,
    reader: Reader,
    masks: Masks,
    settings: Settings,
    kind: str,
) -> list[BlockSubmission]:
    """The blocks of a job, or those of the operation ``append_blocks``.

    ``kind`` is the type of the job's hosts masks.
    """
    if len(raws) > BLOCKS_PER_JOB_MAX:
        raise UserError(
            "too_many_blocks",
            f"{len(raws)} blocks; a job may have {BLOCKS_PER_JOB_MAX}",
            "make several jobs",
            field=path,
        )
    defaults = settings.block_defaults()
    blocks = [read_block(raw, f"{path}[{n}]", reader, defaults) for n, raw in enumerate(raws)]
    names = list(dict.fromkeys(block.spec.name for block in blocks))
    tried: set[str] = set()
    for n, block in enumerate(blocks):
        check_block_masks(block.spec, f"{path}[{n}]", kind, masks, names, tried)
    return blocks


def read_block(raw: object, path: str, reader: Reader, defaults: Raw) -> BlockSubmission:
    """One block with the tasks of its list, if it is not numeric."""
    if not isinstance(raw, dict):
        raise UserError("bad_field", "must be an object", "send {…}", field=path)
    members = dict(cast(Raw, raw))
    files = members.get("files")
    if isinstance(files, str):  # the form of the product text: parts separated by semicolons
        members["files"] = [part for part in files.split(";") if part]
    numeric = is_numeric(members)
    said = reader.members(BlockSpec, members, path, also=_BLOCK_IGNORED)
    spec = BlockSpec(**{**defaults, **said})
    if numeric:
        spec.flags |= FLAG_NUMERIC
    if "capacity_coeff_min" in members or "capacity_coeff_max" in members:
        spec.flags |= FLAG_VARCAPACITY
    if spec.capacity_coeff_max >= 0 and spec.capacity_coeff_max < spec.capacity_coeff_min:
        reader.complain(
            f"{path}.capacity_coeff_max",
            f"{spec.capacity_coeff_max} is below capacity_coeff_min {spec.capacity_coeff_min}",
            "swap them",
            done="the two were swapped",
        )
        spec.capacity_coeff_min, spec.capacity_coeff_max = (
            spec.capacity_coeff_max, spec.capacity_coeff_min,
        )  # fmt: skip
    if numeric:
        _check_range(said, path, reader)
    if not spec.flags & FLAG_MULTIHOST:
        spec.flags &= ~FLAG_MASTER_ON_SLAVE
    else:
        reader.warnings.append(f"{path}: multihost tasks run on one host, with that host's name")
    if numeric:
        if "tasks" in members:
            reader.complain(
                f"{path}.tasks", "a numeric block has no list of tasks", "clear bit 0 of flags"
            )
        return BlockSubmission(spec)
    return BlockSubmission(spec, read_tasks(members.get("tasks"), f"{path}.tasks", reader))


def _check_range(said: Raw, path: str, reader: Reader) -> None:
    """Say what becomes of a range that makes no sense (:func:`af.numeric.clean_range`)."""
    per_task = said.get("frames_per_task", 1)
    if per_task < 1:
        reader.complain(
            f"{path}.frames_per_task", f"must be 1 or more in a numeric block, not {per_task}",
            "list the tasks to have several of them for a frame", done="it is 1",
        )  # fmt: skip
    first, last = said.get("frame_first", 0), said.get("frame_last", 0)
    if last < first:
        reader.warn(
            f"{path}.frame_last: {last} is below frame_first {first}; the block has only that frame"
        )


def _check_try_next(spec: JobSpec, reader: Reader) -> None:
    """Say which tasks to try next are none (:func:`afanasy.core.place.try_next.submitted`)."""
    blocks, tasks = spec.try_this_blocks_num, spec.try_this_tasks_num
    if len(blocks) != len(tasks):
        reader.complain(
            "job.try_this_tasks_num",
            f"must name a task for each block of try_this_blocks_num: {len(tasks)} for"
            f" {len(blocks)}",
            "write both for each task",
            done="what has no counterpart is ignored",
        )
    for n, (block, task) in enumerate(zip(blocks, tasks, strict=False)):
        for key, number in (("blocks", block), ("tasks", task)):
            if number < 0:
                reader.complain(
                    f"job.try_this_{key}_num[{n}]", f"must be 0 or more, not {number}",
                    "the first one is 0", done="this task is ignored",
                )  # fmt: skip
    count = len(try_next.named(spec))
    if count > try_next.TRY_NEXT_MAX:
        reader.complain(
            "job.try_this_tasks_num",
            f"{count} tasks; at most {try_next.TRY_NEXT_MAX} of a job can be tried next",
            "name fewer", done="the rest is ignored",
        )  # fmt: skip


def is_numeric(members: Raw) -> bool:
    """Numeric = flag bit 0, or no flags and no tasks but a range (R49)."""
    flags = members.get("flags")
    if type(flags) is int:
        return bool(flags & FLAG_NUMERIC)
    return "tasks" not in members and all(
        type(members.get(key)) is int for key in ("frame_first", "frame_last")
    )


def read_tasks(raws: object, path: str, reader: Reader) -> list[TaskSpec]:
    """Records of a list block. Raises UserError, also for elements that are no objects."""
    if not isinstance(raws, list) or not raws:
        raise UserError(
            "missing",
            "a block needs tasks",
            "list them in `tasks`, or make it numeric: flags 1, frame_first and frame_last",
            field=path,
        )
    records = cast("list[object]", raws)
    if len(records) > TASKS_PER_BLOCK_MAX:
        raise UserError(
            "too_many_tasks",
            f"{len(records)} tasks; a block may have {TASKS_PER_BLOCK_MAX}",
            "split the block",
            field=path,
        )
    tasks: list[TaskSpec] = []
    for n, record in enumerate(records):
        if not isinstance(record, dict):
            raise UserError("bad_field", "must be an object", "send {…}", field=f"{path}[{n}]")
        tasks.append(reader.struct(TaskSpec, cast(Raw, record), f"{path}[{n}]"))
    return tasks


def clean_pools(pools: dict[str, int]) -> dict[str, int]:
    """Values within ±100, nothing for zeros and empty names (SEMANTICS 3.7)."""
    return {name: min(max(n, -100), 100) for name, n in pools.items() if name and n}


# --------------------------------------------------------------------------------------- checks


def check_job_masks(spec: JobSpec, path: str, kind: str, masks: Masks) -> None:
    """Every mask of a job compiles. Raises UserError (refused in every request, R49)."""
    for key in ("depend_mask", "depend_mask_global"):
        masks.check_mask(getattr(spec, key), f"{path}.{key}")
    check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, kind, path, masks)


def check_hosts_masks(mask: str, exclude: str, kind: str, path: str, masks: Masks) -> None:
    """The hosts masks compile in the type they will be read with. Raises UserError."""
    for key, text in (("hosts_mask", mask), ("hosts_mask_exclude", exclude)):
        if kind == "regex" or (not kind and not looks_like_words(text)):
            masks.check_mask(text, f"{path}.{key}")


def check_blocks_anew(job: Job, kind: str, path: str, masks: Masks) -> None:
    """The same of all blocks of a job whose type becomes ``kind``. Raises UserError."""
    for block in job.blocks:
        spec, where = block.spec, f"{path}.blocks[{block.num}]"
        check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, kind, where, masks)


def check_block_masks(
    spec: BlockSpec, path: str, kind: str, masks: Masks, names: list[str], tried: set[str]
) -> None:
    """Every mask of a block compiles, and is not slow on the block names. Raises UserError.

    ``kind`` is the type of the job's hosts masks. ``tried``: masks of the same request that need
    not be tried again; this one's are added.
    """
    for key in ("depend_mask", "tasks_depend_mask"):
        mask = getattr(spec, key)
        if mask not in tried:
            masks.check_mask(mask, f"{path}.{key}", names)
            tried.add(mask)
    check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, kind, path, masks)
