"""Checks of a start: the host has what the work needs, also when everything takes its all.

The promise about amounts is physical (R26): what all living and coming commands of a host need,
each as it was at its start, is not more than the machine has. Nothing that the server measured or
counted comes into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from afanasy.core.state import Block, Farm
from afanasy.sim import reading
from afanasy.sim.books import Holds, OnRender, RunFact

if TYPE_CHECKING:
    from afanasy.sim.safety import Safety


def holds_of(farm: Farm, block: Block, task: int) -> Holds:
    """What a run that starts now holds as long as it lives (R18, R26, R29)."""
    spec = block.spec
    works = [spec for _, spec in reading.works_of(farm, block.job)]
    memory = max(spec.need_memory, *(work.need_memory for work in works), 0)
    hdd = max(spec.need_hdd, *(work.need_hdd for work in works), 0)
    extra = block.extras.get(task)
    if extra is not None:
        memory = max(memory, extra.need_memory_mb)
    gpu_mb = max(spec.need_gpu_mem_mb, 0)
    gpus = max(spec.need_gpus, int(gpu_mb > 0))
    tickets = {name: units for name, units in spec.tickets.items() if units > 0}
    return Holds(spec.service, tickets, memory, hdd, gpu_mb, gpus)


def _beside(safety: Safety, fact: RunFact) -> Iterator[RunFact]:
    """Runs of the host that live or may still begin, the new one too."""
    for run in safety.open:
        one = safety.runs[run]
        if one.render == fact.render and (run in safety.live or safety.behaviour_of(run) is None):
            yield one
    for run in safety.live:
        one = safety.runs[run]
        if one.render == fact.render and run not in safety.open and not one.disowned:
            yield one


def amounts(safety: Safety, farm: Farm, fact: RunFact, block: Block) -> str:
    """Memory, disk and GPU memory of the machine are not promised twice (R26)."""
    if not (fact.holds.memory_mb or fact.holds.hdd_gb or fact.holds.gpus):
        return ""
    has = safety.machines[fact.render]
    beside = [one.holds for one in _beside(safety, fact)]
    for what, needed, there in (
        ("MB of memory", [one.memory_mb for one in beside], has.memory_mb),
        ("GB of disk", [one.hdd_gb for one in beside], has.hdd_gb),
        ("MB of GPU memory", [one.gpu_mb for one in beside], has.gpu_mem_mb),
        ("GPUs", [one.gpus for one in beside], has.gpu_num),
    ):
        if sum(needed) > there:
            return f"{sum(needed)} {what} are promised there ({needed}), it has {there}"
    if fact.holds.gpus:
        return _devices(safety, fact, has.gpu_num)
    return ""


def _devices(safety: Safety, fact: RunFact, there: int) -> str:
    """Each device is one run's, by the rows of the runs."""
    taken: dict[int, int] = {}
    for one in _beside(safety, fact):
        held = safety.open.get(one.run, one.row)[12]
        devices: list[int] = msgspec.json.decode(held).get("gpus", []) if held else []
        for device in devices:
            if device >= there:
                return f"run {one.run} has GPU {device}, there are {there}"
            if device in taken:
                return f"runs {taken[device]} and {one.run} both have GPU {device}"
            taken[device] = one.run
    mine = sum(run == fact.run for run in taken.values())
    return f"it has {mine} GPUs, it needs {fact.holds.gpus}" if mine != fact.holds.gpus else ""


def equipment(safety: Safety, farm: Farm, fact: OnRender, block: Block) -> str:
    """OS, properties, power and processors (SEMANTICS 3.4)."""
    spec, render, has = block.spec, farm.renders[fact.render], safety.machines[fact.render]
    works = reading.works_of(farm, block.job)
    for whose, work in works:
        if work.need_os and not reading.words_match(
            work.need_os, words := reading.os_of(safety, farm, render)
        ):
            return f"the {whose} needs the OS {work.need_os}, it has {words}"
    for whose, asked in (("block", spec), *works):
        if asked.need_properties:
            said = str(reading.value_of(safety, farm, render, "properties"))
            if not reading.words_match(asked.need_properties, said):
                return f"the {whose} needs {asked.need_properties}, it has {said}"
        if asked.need_power > 0:
            power = reading.number_of(safety, farm, render, "power")
            if asked.need_power > power:
                return f"the {whose} needs power {asked.need_power}, it has {power}"
    for what, needed, there in (
        ("cores", spec.need_cpu_cores, has.cpu_num),
        ("MHz", spec.need_cpu_freq_mgz, has.cpu_mhz),
        ("MHz of all cores", spec.need_cpu_freq_cores, has.cpu_num * has.cpu_mhz),
    ):
        if needed > there:
            return f"it needs {needed} {what}, the machine has {there}"
    return ""
