"""Reading a submitted job: JSON members into checked attributes (PROTOCOL 2.4, R20, R49).

The original's leniency is kept for classic requests: what has a wrong type is ignored with a
warning. What no request may bring: masks that do not compile, texts that no database stores, and
whatever made the original crash (blocks that are no objects, tasks that are no objects …).
"""

from __future__ import annotations

import re
from typing import Final, cast

from afanasy.core.events import BlockSubmission
from afanasy.core.settings import Settings
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
_LOST_CHOICES: Final = ("reschedule", "hold")
#: A hosts mask of these characters alone is read as today's prefix words (R20).
_FIND_MASK = re.compile(r"[\w.\-|;,: ]*\Z")


def read_job(
    raw: object, reader: Reader, masks: Masks, settings: Settings
) -> tuple[JobSpec, list[BlockSubmission]]:
    """The attributes of a job and its blocks. Raises UserError, the sender's fault.

    What they do not say comes from ``settings``.
    """
    if not isinstance(raw, dict):
        raise UserError("bad_field", "must be an object", "send {…}", field="job")
    members = cast(Raw, raw)
    said = reader.members(JobSpec, members, "job", also=_IGNORED)
    spec = JobSpec(**{**settings.job_defaults(), **said})
    spec.pools = clean_pools(spec.pools)
    check_job_masks(spec, "job", masks)
    blocks = members.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        raise UserError(
            "missing", "must be a list of at least one block", "add one", field="job.blocks"
        )
    return spec, read_blocks(cast("list[object]", blocks), "job.blocks", reader, masks, settings)


def read_blocks(
    raws: list[object], path: str, reader: Reader, masks: Masks, settings: Settings
) -> list[BlockSubmission]:
    """The blocks of a job, or those of the operation ``append_blocks``."""
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
        check_block_masks(block.spec, f"{path}[{n}]", masks, names, tried)
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
        )
        spec.capacity_coeff_min, spec.capacity_coeff_max = (
            spec.capacity_coeff_max, spec.capacity_coeff_min,
        )  # fmt: skip
    check_block_choices(spec, path)
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


def check_job_masks(spec: JobSpec, path: str, masks: Masks) -> None:
    """Every mask of a job compiles. Raises UserError (refused in every request, R49)."""
    for key in ("depend_mask", "depend_mask_global"):
        masks.check_mask(getattr(spec, key), f"{path}.{key}")
    check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, spec.hosts_mask_type, path, masks)


def check_hosts_masks(mask: str, exclude: str, kind: str, path: str, masks: Masks) -> None:
    """The hosts masks compile in the type they will be read with."""
    if kind not in ("", "find", "regex"):
        raise UserError(
            "bad_field", f"{kind!r} is no type of mask", 'use "find" or "regex"',
            field=f"{path}.hosts_mask_type",
        )  # fmt: skip
    for key, text in (("hosts_mask", mask), ("hosts_mask_exclude", exclude)):
        if kind == "regex" or (not kind and not _FIND_MASK.match(text)):
            masks.check_mask(text, f"{path}.{key}")


def check_block_masks(
    spec: BlockSpec, path: str, masks: Masks, names: list[str], tried: set[str]
) -> None:
    """Every mask of a block compiles, and is not slow on the block names. Raises UserError.

    ``tried``: masks of the same request that need not be tried again; this one's are added.
    """
    for key in ("depend_mask", "tasks_depend_mask"):
        mask = getattr(spec, key)
        if mask not in tried:
            masks.check_mask(mask, f"{path}.{key}", names)
            tried.add(mask)
    check_hosts_masks(spec.hosts_mask, spec.hosts_mask_exclude, "", path, masks)


def check_block_choices(spec: BlockSpec, path: str) -> None:
    """Words that must be one of a few. Raises UserError."""
    if spec.on_lost_render not in _LOST_CHOICES:
        raise UserError(
            "bad_field",
            f"{spec.on_lost_render!r} is not one of {', '.join(_LOST_CHOICES)}",
            "leave it out for reschedule",
            field=f"{path}.on_lost_render",
        )
