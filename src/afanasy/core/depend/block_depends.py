"""Which blocks of a job wait for which: depend_mask and tasks_depend_mask (SEMANTICS 4).

The masks are regular expressions that match whole names of *other* blocks of the same job; a block
that its own mask matches does not wait for itself. They are tried again after every change that
could matter (submission, append, edit), each mask once against each name; what that may cost is
bounded by :func:`check_masks`. From then on the job's gates and links say who is concerned when a
block or task becomes done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from afanasy.core.depend import overlap
from afanasy.core.depend.gates import Gate, Link
from afanasy.core.host.masks import may_name, plain_names, shown
from afanasy.core.state import Block, Farm, Job
from afanasy.model.attributes import BlockSpec
from afanasy.model.errors import UserError

#: Most pairs of different masks and blocks that one job may make us try, and most links.
MASK_PAIRS_MAX: Final = 200_000


def check_masks(farm: Farm, specs: Sequence[BlockSpec], field: str) -> None:
    """Refuse a job whose depend masks would take too long. Raises UserError, the sender's fault."""
    masks = {  # asked in the order of the blocks
        mask: None
        for spec in specs
        for mask in (spec.depend_mask, spec.tasks_depend_mask)
        if plain_names(mask) is None
    }
    if len(masks) * len(specs) > MASK_PAIRS_MAX:
        raise UserError(
            "too_many_masks",
            f"{len(masks)} different depend masks for {len(specs)} blocks are too many",
            "use plain block names, or fewer different masks",
            field=field,
        )
    names = dict.fromkeys(spec.name for spec in specs)
    for mask in masks:
        for name in names:
            if farm.matcher(mask, name) is None:
                raise UserError(
                    "slow_mask",
                    f"the mask {shown(mask)} takes too long on the block name {shown(name)}",
                    "avoid repeats inside repeats, as in (a+)+",
                    field=field,
                )
    found = named(farm, (spec.name for spec in specs), (spec.tasks_depend_mask for spec in specs))
    pairs = sum(len(found[spec.tasks_depend_mask]) for spec in specs)
    if pairs > MASK_PAIRS_MAX:
        raise UserError(
            "too_many_masks",
            f"the blocks' tasks depend on {pairs} blocks in all, which are too many",
            "let the tasks of fewer blocks depend on each other, or use depend_mask",
            field=field,
        )


def named(farm: Farm, names: Iterable[str], masks: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Mask → numbers of the blocks whose names it matches, or may match."""
    by_name: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        by_name.setdefault(name, []).append(number)
    found: dict[str, tuple[int, ...]] = {"": ()}
    for mask in masks:
        if mask not in found:
            plain = plain_names(mask)
            if plain is not None:
                numbers = [n for name in sorted(plain & by_name.keys()) for n in by_name[name]]
            else:
                numbers = [
                    n for name in by_name if may_name(farm, mask, name) for n in by_name[name]
                ]
            found[mask] = tuple(sorted(numbers))
    return found


def build(farm: Farm, job: Job) -> list[Block]:
    """Make gates and links anew. Returns the blocks whose tasks must be looked at again."""
    blocks = job.blocks
    specs = [block.spec for block in blocks]
    found = named(
        farm,
        (spec.name for spec in specs),
        (mask for spec in specs for mask in (spec.depend_mask, spec.tasks_depend_mask)),
    )
    _build_gates(blocks, found)
    return _build_links(blocks, found)


def _build_gates(blocks: list[Block], found: dict[str, tuple[int, ...]]) -> None:
    gates: dict[str, Gate[Block]] = {}
    for block in blocks:
        block.gates = []
        block.gate = None
    for block in blocks:
        mask = block.spec.depend_mask
        if not found[mask]:
            continue
        gate = gates.get(mask)
        if gate is None:
            gate = gates[mask] = Gate[Block](mask)
            for number in found[mask]:
                gate.join(number, blocks[number], not blocks[number].done)
                blocks[number].gates.append(gate)
        gate.waiters[block.num] = block
        block.gate = gate


def _build_links(blocks: list[Block], found: dict[str, tuple[int, ...]]) -> list[Block]:
    before = {block.num: [_trait(link) for link in block.needs] for block in blocks}
    for block in blocks:
        block.feeds = []
    for block in blocks:
        block.needs = []
        for number in found[block.spec.tasks_depend_mask]:
            source = blocks[number]
            if source is not block:
                mine, theirs = overlap.lines(
                    block.spec, block.tasks_num, source.spec, source.tasks_num
                )
                link = Link(block, source, mine, theirs)
                block.needs.append(link)
                source.feeds.append(link)
    return [block for block in blocks if before[block.num] != [_trait(k) for k in block.needs]]


def _trait(link: Link) -> tuple[int, overlap.Line, overlap.Line]:
    """What of a link decides who waits."""
    return link.source.num, link.mine, link.theirs


def waits(block: Block) -> bool:
    """The block waits for another one to be done."""
    return block.gate is not None and block.gate.shut_for(block.num)
