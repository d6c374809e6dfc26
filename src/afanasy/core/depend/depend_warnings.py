"""What is odd about the dependencies of a job: masks that name nobody, and waiting in a ring.

Asked after a submission or an edit, whose answer carries the sentences, and by ``explain``. None of
it stops anything: a mask that names nobody makes nobody wait, and a ring waits until a person
breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from afanasy.core.depend.depends import blockers, unsure_text
from afanasy.core.depend.gates import Gate
from afanasy.core.host.masks import shown
from afanasy.core.state import Block, Farm, Job

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20
_NAMED_MAX: Final = 8
#: So many jobs are looked at when a ring of jobs is sought.
LOOKED_AT_MAX: Final = 1000


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
        if gate.unsure is not None:
            found.append(unsure_text(gate))
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
    ring, ahead = _ring(job)
    if ring:
        names = [one.spec.name for one in ring]
        found.append(f"{_field_to(job, ahead)}: {_ring_text('jobs', names)}")
    return found


def _field_to(job: Job, ahead: Job) -> str:
    """The attribute by which the job waits for the one ahead of it."""
    for key, gate in job.gates.items():
        if ahead.serial in gate.undone:
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


def _ring(job: Job) -> tuple[list[Job], Job]:
    """Jobs that wait for each other in a ring: one with ``job`` in it, else one that it runs into.

    And whom ``job`` waits for in it, or on the way to it. Jobs that are done wait for nobody.
    Behind a job may stand thousands of others, and every submission asks: after
    :data:`LOOKED_AT_MAX` looks nothing is said of a ring.
    """
    if not job.waiting_jobs or job.done:
        return [], job
    ring = _ring_through(job)
    return (ring, ring[1]) if ring else _ring_ahead(job)


def _ring_through(start: Job) -> list[Job]:
    """The shortest ring with ``start`` in it; each job and each gate is looked into once."""
    came_from: dict[int, Job] = {}
    seen_gates: set[int] = set()
    todo = [start]
    looks = 0
    for job in todo:  # grows: breadth first, so the ring is the shortest
        for gate in job.gates.values():
            if job is not start and start.serial in gate.undone:
                return _way(came_from, start, job)
            if id(gate) in seen_gates:
                continue
            seen_gates.add(id(gate))
            for other in gate.undone.values():
                looks += 1
                if looks > LOOKED_AT_MAX:
                    return []
                if other.waiting_jobs and other is not start and other.serial not in came_from:
                    came_from[other.serial] = job
                    todo.append(other)
    return []


def _way(came_from: dict[int, Job], start: Job, last: Job) -> list[Job]:
    way = [last]
    while way[-1] is not start:
        way.append(came_from[way[-1].serial])
    return way[::-1]


def _ring_ahead(start: Job) -> tuple[list[Job], Job]:
    """Some ring that ``start`` waits for, and whom for the sake of it; depth first."""
    way = [start]
    place: dict[int, int] = {start.serial: 0}
    # Whom the jobs of the way wait for, as far as they were not followed yet.
    ahead = [blockers(start)]
    seen = {start.serial}
    looks = 0
    while way:
        for other in ahead[-1]:
            looks += 1
            if looks > LOOKED_AT_MAX:
                return [], start
            if other.serial in place:
                return way[place[other.serial] :], way[1]
            if other.waiting_jobs and other.serial not in seen:
                seen.add(other.serial)
                place[other.serial] = len(way)
                way.append(other)
                ahead.append(blockers(other))
                break
        else:
            ahead.pop()
            del place[way.pop().serial]
    return [], start


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
