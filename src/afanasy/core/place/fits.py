"""Which renders could run a block at all: the lasting checks, remembered (SEMANTICS 3.4, R13).

Masks, operating systems, properties, powers, services, total capacities and equipment change
rarely, and most blocks of a farm ask for the same. So blocks that ask for the same share one
:class:`Fits`: the set of renders that pass. Solving looks a name up instead of trying masks; a job
that fits on no open render costs one look a pass, however many renders and jobs there are.

Blocks are told apart, too, by what makes all renders refuse some of them for a while: whether they
ignore that a host is taken, which branches limit them, and whether a limit of 0 stops them. So work
that shares a :class:`Fits` is refused alike (:mod:`afanasy.core.place.alike`).

Kept right from both ends: :func:`refresh_block` when what a block asks for changed (its own
attributes, its job's, user's or branches'), :func:`refresh_render` when what a render has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from afanasy.core.limit import limits
from afanasy.core.limit.usages import Asked
from afanasy.core.place import checks_host

if TYPE_CHECKING:
    from afanasy.core.state import Block, Farm, Job, Render

#: What a block asks for by itself, besides its least capacity.
_OF_BLOCK: Final = (
    "service", "hosts_mask", "hosts_mask_exclude", "need_properties", "need_power",
    "need_cpu_freq_mgz", "need_cpu_cores", "need_cpu_freq_cores", "need_gpu_mem_mb", "need_gpus",
    "need_memory", "need_hdd",
)  # fmt: skip
#: What jobs, users and branches ask for.
_OF_WORK: Final = (
    "hosts_mask", "hosts_mask_exclude", "need_os", "need_properties", "need_power", "need_memory",
    "need_hdd",
)  # fmt: skip
#: Attributes of users and branches that decide which renders fit their jobs.
WORK_ASKS: Final = frozenset({*_OF_WORK, "hosts_mask_type", "pools"})
#: Those that have no part in what starts where, nor when.
WORK_SAYS: Final = frozenset(
    {"annotation", "custom_data", "hidden", "create_childs", "jobs_life_time", "email", "webhook",
     "notify"}
)  # fmt: skip

#: A limit of 0 says that nothing starts.
_LIMITS: Final = ("max_running_tasks", "max_running_tasks_per_host")

Key = tuple[object, ...]


@dataclass(slots=True, eq=False)
class Fits:
    """Blocks that ask for the same, and the renders that have it."""

    key: Key
    blocks: dict[int, Block] = field(default_factory=dict)
    #: Names of the renders that pass every lasting check; in the order in which they came.
    names: dict[str, None] = field(default_factory=dict)
    #: What each of their tasks holds that is counted (:mod:`afanasy.core.limit.limits`).
    asks: tuple[Asked, ...] = ()


def _key(block: Block) -> Key:
    job = block.job
    spec, work, user = block.spec, job.spec, job.user.spec
    parts: list[object] = [checks_host.least_capacity(block), block.job.system]
    parts += [0 in [getattr(spec, name) for name in _LIMITS], work.ignorenimby, work.ignorepaused]
    parts += [0 in [work.max_tasks_per_second, *(getattr(work, name) for name in _LIMITS)]]
    parts += [getattr(spec, name) for name in _OF_BLOCK]
    parts += (len(spec.tickets), *sorted(spec.tickets.items()))
    parts += [getattr(work, name) for name in _OF_WORK]
    parts += [getattr(user, name) for name in _OF_WORK]
    parts += [work.hosts_mask_type, user.hosts_mask_type, *_pools(work.pools), *_pools(user.pools)]
    if job.branch is not None:
        for branch in job.branch.asked:
            parts.append(branch.path)
            parts += [getattr(branch.spec, name) for name in (*_OF_WORK, "hosts_mask_type")]
            parts += _pools(branch.spec.pools)
    return tuple(parts)


def _pools(pools: dict[str, int]) -> tuple[object, ...]:
    return (len(pools), *sorted(pools.items())) if pools else (0,)


def refresh_block(farm: Farm, block: Block) -> bool:
    """Attach the block to the others that ask for the same; True when that changed."""
    key = _key(block)
    old = block.fits
    if old is not None and old.key == key:
        return False
    if old is not None:
        _leave(farm, block, old)
    found = farm.fits.get(key)
    if found is None:
        found = farm.fits[key] = Fits(key)
        for render in farm.renders.values():
            if checks_host.block_never_on(farm, block, render) is None:
                found.names[render.name] = None
                render.fits[found] = None
        limits.attach(farm, found, block)
    found.blocks[block.key] = block
    block.fits = found
    return True


def refresh_job(farm: Farm, job: Job) -> bool:
    """The same for all blocks of a job; True when one changed."""
    changed = False
    for block in job.blocks:
        changed = refresh_block(farm, block) or changed
    if changed or not job.fits:
        job.fits = tuple({id(b.fits): b.fits for b in job.blocks if b.fits is not None}.values())
    return changed


def forget_block(farm: Farm, block: Block) -> None:
    """The block is deleted."""
    if block.fits is not None:
        _leave(farm, block, block.fits)
        block.fits = None


def _leave(farm: Farm, block: Block, fits: Fits) -> None:
    del fits.blocks[block.key]
    if not fits.blocks:
        del farm.fits[fits.key]
        limits.detach(farm, fits)
        for name in fits.names:
            del farm.renders[name].fits[fits]


def refresh_render(farm: Farm, render: Render) -> tuple[bool, bool]:
    """What the render has may have changed. Returns (it fits more now, it fits less now)."""
    more = less = False
    name = render.name
    for fits in farm.fits.values():
        block = next(iter(fits.blocks.values()))
        if checks_host.block_never_on(farm, block, render) is None:
            if name not in fits.names:
                fits.names[name] = None
                render.fits[fits] = None
                more = True
        elif name in fits.names:
            del fits.names[name]
            del render.fits[fits]
            less = True
    return more, less


def forget_render(farm: Farm, name: str) -> None:
    """The render is deleted."""
    for fits in farm.fits.values():
        fits.names.pop(name, None)
