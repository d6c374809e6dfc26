"""Hosts masks of a submission: how they are read, and which of them name nobody (R20)."""

from __future__ import annotations

from typing import Final

from afanasy.core.host.masks import host_matches, resolved_type, shown, type_of
from afanasy.core.state import Farm, Job
from afanasy.model.attributes import BlockSpec, JobSpec

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20


def resolve_type(farm: Farm, spec: JobSpec, blocks: list[BlockSpec]) -> None:
    """Store the reading of a job's masks, so that people see it and it stays as it is.

    Only when all masks of the job and its blocks are read alike; else each is read by its looks.
    """
    user = farm.users.get(spec.user_name)
    if spec.hosts_mask_type or (user is not None and user.spec.hosts_mask_type):
        return
    masks = [spec.hosts_mask, spec.hosts_mask_exclude]
    masks += [mask for block in blocks for mask in (block.hosts_mask, block.hosts_mask_exclude)]
    kinds = {resolved_type(mask, "") for mask in masks if mask}
    if len(kinds) == 1:
        spec.hosts_mask_type = kinds.pop()


def hosts_warnings(farm: Farm, job: Job) -> list[str]:
    """A sentence for each mask that no known render has a name for, with both readings."""
    if not farm.renders:
        return []
    kind = type_of(job)
    named = {"job": job.spec.hosts_mask}
    named.update({f"block {b.spec.name}": b.spec.hosts_mask for b in job.blocks})
    found: list[str] = []
    tried: dict[str, bool] = {"": True}
    for where, mask in named.items():
        if mask not in tried:  # blocks often have the same
            tried[mask] = any(host_matches(farm, mask, kind, name) for name in farm.renders)
        if not tried[mask]:
            if len(found) == WARNINGS_MAX:
                return [*found, "and more of that kind"]
            read = resolved_type(mask, kind)
            other = "regex" if read == "find" else "find"
            words = {"find": "as beginnings of names", "regex": "as a regular expression"}
            found.append(
                f"hosts_mask of {where}: {shown(mask)} names no known render {words[read]};"
                f" {words[other]} it would name {_count(farm, mask, other)}"
            )
    return found


def _count(farm: Farm, mask: str, kind: str) -> int:
    return sum(host_matches(farm, mask, kind, name) for name in farm.renders)
