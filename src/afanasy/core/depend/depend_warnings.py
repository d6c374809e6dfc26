"""What is odd about the dependencies of a job: masks that name nobody, and waiting in a ring.

Asked after a submission or an edit, whose answer carries the sentences, and by ``explain``. None of
it stops anything: a mask that names nobody makes nobody wait, and a ring waits until a person
breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from afanasy.core.depend.depends import blockers
from afanasy.core.depend.gates import Gate
from afanasy.core.host.masks import shown
from afanasy.core.state import Block, Farm, Job

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20
_NAMED_MAX: Final = 8


def depend_warnings(farm: Farm, job: Job) -> list[str]:
    """Everything odd about the job and its blocks, as sentences that begin with the field."""
    found = [f"job.{text}" for text in job_warnings(farm, job)]
    for block in job.blocks:
        found += [f"job.blocks[{block.num}].{text}" for text in block_warnings(block)]
        if len(found) > WARNINGS_MAX:
            break
    found += [f"job.blocks: {text}" for text in ring_of_blocks(job)]
    if len(found) > WARNINGS_MAX:
        found[WARNINGS_MAX:] = ["and more of that kind"]
    return found


def warnings_about(farm: Farm, block: Block) -> list[str]:
    """The same for one block."""
    return [*job_warnings(farm, block.job), *block_warnings(block), *ring_of_blocks(block.job)]


def job_warnings(farm: Farm, job: Job) -> list[str]:
    """Masks and serials of the job that name no other job, and a ring that it waits in or for."""
    found: list[str] = []
    for key, gate in job.gates.items():
        match key:
            case ("serial", int(serial)):
                if serial == job.serial:
                    found.append(f"depend_jobs: {serial} is the job itself")
                elif serial not in farm.jobs:
                    found.append(f"depend_jobs: there is no job with serial {serial}")
            case (str(), str(user), str(mask)) if not gate.names_another(job.serial):
                field = "depend_mask" if user else "depend_mask_global"
                whose = f" of {user}" if user else ""
                found.append(f"{field}: {shown(mask)} matches no other job{whose}")
            case _:
                pass
    ring = ring_of_jobs(job)
    if ring:
        names = [one.spec.name for one in ring]
        found.append(f"{_field_to(job, ring)}: {_ring_text('jobs', names)}")
    return found


def _field_to(job: Job, ring: list[Job]) -> str:
    """The attribute by which the job waits for the next one in the ring, or for one before it."""
    ahead = ring[1 % len(ring)] if ring[0] is job else next(blockers(job), None)
    for key, gate in job.gates.items():
        if ahead is not None and ahead is not job and ahead.serial in gate.undone:
            match key:
                case ("serial", int()):
                    return "depend_jobs"
                case (str(), str(user), str()) if not user:
                    return "depend_mask_global"
                case _:
                    break
    return "depend_mask"


def block_warnings(block: Block) -> list[str]:
    """Masks of the block that name no other block, or the block itself."""
    found: list[str] = []
    spec = block.spec
    members = block.gate.members if block.gate is not None else {}
    if spec.depend_mask:
        found += _mask_warnings(
            "depend_mask", spec.depend_mask, len(members) > (block.num in members)
        )
        if block.num in members:
            found.append(f"depend_mask: {shown(spec.depend_mask)} names the block itself, too")
    if spec.tasks_depend_mask:
        found += _mask_warnings("tasks_depend_mask", spec.tasks_depend_mask, bool(block.needs))
    return found


def _mask_warnings(field: str, mask: str, names_others: bool) -> list[str]:
    return [] if names_others else [f"{field}: {shown(mask)} matches no other block of the job"]


def _ring_text(what: str, names: list[str]) -> str:
    shown = names if len(names) <= _NAMED_MAX else [*names[: _NAMED_MAX - 1], "…"]
    return f"{what} wait for each other: " + " waits for ".join([*shown, names[0]])


# ---------------------------------------------------------------------------------------- rings


def ring_of_jobs(job: Job) -> list[Job]:
    """Jobs that wait for each other in a ring: one with ``job`` in it, else one that it runs into.

    Jobs that are done wait for nobody. Each job and each gate is looked into once.
    """
    if not job.waiting_jobs or job.done:
        return []
    return _ring_through(job) or _ring_ahead(job)


def _ring_through(start: Job) -> list[Job]:
    came_from: dict[int, Job] = {}
    seen_gates: set[int] = set()
    todo = [start]
    for job in todo:  # grows: breadth first, so the ring is the shortest
        for gate in job.gates.values():
            if job is not start and start.serial in gate.undone:
                return _way(came_from, start, job)
            if id(gate) not in seen_gates:
                seen_gates.add(id(gate))
                for other in _stuck(gate):
                    if other is not start and other.serial not in came_from:
                        came_from[other.serial] = job
                        todo.append(other)
    return []


def _stuck(gate: Gate[Job]) -> Iterator[Job]:
    return (job for job in gate.undone.values() if job.waiting_jobs)


def _way(came_from: dict[int, Job], start: Job, last: Job) -> list[Job]:
    way = [last]
    while way[-1] is not start:
        way.append(came_from[way[-1].serial])
    return way[::-1]


def _ring_ahead(job: Job) -> list[Job]:
    """Follow the first job that each one waits for: that ends, or comes round."""
    place: dict[int, int] = {}
    way: list[Job] = []
    ahead: Job | None = job
    while ahead is not None and ahead.serial not in place:
        place[ahead.serial] = len(way)
        way.append(ahead)
        ahead = next(blockers(ahead), None)
    return way[place[ahead.serial] :] if ahead is not None else []


def ring_of_blocks(job: Job) -> list[str]:
    """A sentence about blocks of the job that wait for each other in a ring, if there are any.

    Blocks that wait for nothing are taken away, then those that waited for these only, and so on;
    who is left waits for a ring.
    """
    blocks = {block.num: block for block in job.blocks if not block.done}
    gates: dict[int, Gate[Block]] = {}
    free: list[Block] = []
    left: dict[int, int] = {}
    in_gates: dict[int, int] = {}
    for block in blocks.values():
        if block.gate is not None:
            gates[id(block.gate)] = block.gate
        left[block.num] = sum(not link.source.done for link in block.needs) + block.waiting
        if not left[block.num]:
            free.append(block)
    for key, gate in gates.items():
        in_gates[key] = len(gate.undone)
    freed: set[int] = set()
    for block in free:  # grows
        freed.add(block.num)
        ready = [link.block for link in block.feeds]
        for gate in block.gates:
            if id(gate) in in_gates:
                in_gates[id(gate)] -= 1
                ready += _opened_for(gate, in_gates[id(gate)], freed)
        for other in ready:
            if other.num in left:
                left[other.num] -= 1
                if left[other.num] == 0:
                    free.append(other)
    rest = {num: block for num, block in blocks.items() if num not in freed}
    if not rest:
        return []
    return [_ring_text("blocks", [block.spec.name for block in _ring_of(rest)])]


def _opened_for(gate: Gate[Block], left: int, freed: set[int]) -> list[Block]:
    """Waiters for whom the gate opens when ``left`` of its undone have not been taken away yet."""
    if left == 0:
        # The last one may have been a waiter himself: for him it was open before.
        return [w for n, w in gate.waiters.items() if n not in freed]
    if left == 1:
        return [waiter for n, waiter in gate.waiters.items() if n in gate.undone and n not in freed]
    return []


def _ring_of(rest: dict[int, Block]) -> list[Block]:
    block = next(iter(rest.values()))
    place: dict[int, int] = {}
    way: list[Block] = []
    while block.num not in place:
        place[block.num] = len(way)
        way.append(block)
        block = next(other for other in _behind(block) if other.num in rest)
    return way[place[block.num] :]


def _behind(block: Block) -> Iterable[Block]:
    """The blocks that this one waits for."""
    if block.gate is not None:
        yield from block.gate.blockers(block.num)
    for link in block.needs:
        yield link.source
