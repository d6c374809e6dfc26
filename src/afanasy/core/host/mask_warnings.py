"""Hosts masks that name nobody: what the answer to a submission or an edit says of them (R20).

A mask is often right for the other reading (``r.*`` as words, ``r1,r2`` as an expression), so a
sentence says what it would name then. Each different mask is tried once against the known renders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from afanasy.core.host.mask_syntax import compile_mask
from afanasy.core.host.masks import host_matches, resolved_type, shown, type_of
from afanasy.core.state import Block, Farm, Job, User
from afanasy.model.attributes import BlockSpec, WorkSpec
from afanasy.model.errors import UserError

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20
_READ: Final = {"find": "as beginnings of names", "regex": "as a regular expression"}


class _Asked(NamedTuple):
    """A mask that somebody has, and the type by which it is read."""

    name: str
    whose: str
    mask: str
    kind: str


def hosts_warnings(farm: Farm, job: Job, blocks: Iterable[Block] | None = None) -> list[str]:
    """A sentence for each mask of the job and its blocks that no known render has a name for.

    ``blocks``: which of them; all if None.
    """
    return _warnings(farm, _of_job(job, blocks))


def block_warnings(farm: Farm, job: Job, blocks: Iterable[Block]) -> list[str]:
    """The same of some blocks."""
    return _warnings(farm, _of_blocks(job, blocks))


def work_warnings(farm: Farm, spec: WorkSpec, whose: str) -> list[str]:
    """The same of a user or branch, by the type that it says."""
    return _warnings(farm, _of(spec, whose, spec.hosts_mask_type))


def user_warnings(farm: Farm, user: User, *, jobs: bool = False) -> list[str]:
    """The same of a user; with ``jobs`` also of his jobs that are read by his type."""
    asked = list(_of(user.spec, f"user {user.name}", user.spec.hosts_mask_type))
    for job in user.jobs.values() if jobs else ():
        if not job.spec.hosts_mask_type and not job.done:
            name = f"job {job.id}"
            asked += [
                one._replace(whose=name if one.whose == "job" else f"{one.whose} of {name}")
                for one in _of_job(job)
            ]
    return _warnings(farm, asked)


def _of_job(job: Job, blocks: Iterable[Block] | None = None) -> Iterator[_Asked]:
    yield from _of(job.spec, "job", type_of(job))
    yield from _of_blocks(job, job.blocks if blocks is None else blocks)


def _of_blocks(job: Job, blocks: Iterable[Block]) -> Iterator[_Asked]:
    kind = type_of(job)
    for block in blocks:
        yield from _of(block.spec, f"block {block.spec.name}", kind)


def _of(spec: WorkSpec | BlockSpec, whose: str, kind: str) -> Iterator[_Asked]:
    for name in ("hosts_mask", "hosts_mask_exclude"):
        mask = getattr(spec, name)
        if mask:
            yield _Asked(name, whose, mask, kind)


def _warnings(farm: Farm, asked: Iterable[_Asked]) -> list[str]:
    if not farm.renders:
        return []
    found: list[str] = []
    tried: dict[tuple[str, str], bool] = {}
    for name, whose, mask, kind in asked:
        read = resolved_type(mask, kind)
        named = tried.get((mask, read))
        if named is None:  # blocks often have the same
            named = any(host_matches(farm, mask, read, host) for host in farm.renders)
            tried[mask, read] = named
        if not named:
            if len(found) == WARNINGS_MAX:
                return [*found, "and more of that kind"]
            found.append(
                f"{name} of {whose}: {shown(mask)} names no known render {_READ[read]};"
                f" {_otherwise(farm, mask, read)}"
            )
    return found


def _otherwise(farm: Farm, mask: str, read: str) -> str:
    """What it would name if it were read in the other way."""
    other = "regex" if read == "find" else "find"
    if other == "regex":
        try:
            compile_mask(mask)
        except UserError:
            return "it is no regular expression"
    count = sum(host_matches(farm, mask, other, host) is True for host in farm.renders)
    return f"{_READ[other]} it would name {count}"
