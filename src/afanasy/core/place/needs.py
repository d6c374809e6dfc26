"""What work needs of a host, and what of that is free (R26, R27, SEMANTICS 3.4).

A report of resources says what was free when it was made. Work that was started since, or that
still loads its scene, will take more; so every run holds what it *needs* for its whole life:

    free memory = reported free - sum over the host's open runs of max(0, need - counted memory)

the same without measuring for disk. *Counted* is what was known of a run's memory
when the report came: what it took later is in neither the report nor the rest of its promise until
the next report, and would be promised to somebody else. So a burst of starts cannot overbook a
host, nor can a scene that loads slowly. A need of a block, its job, its user and its branches each
have to be met; the greatest of them is what a run holds.

Of GPU memory a report says how much is in use, not by whom. So the server keeps an estimate of what
*others* use there, programs of the host's owner for one:

    free GPU memory = total - others - sum of needs of the host's open runs

With every report the estimate moves only as far as it must: others use no more than all that is in
use, and no less than what of it is beyond the needs of the runs. While nothing runs it is exact.
Worked example: 8000 MB, 3000 in use, nothing runs: others 3000. A run that needs 3000 starts, 2000
are free. It loads, 6000 are in use: others between 3000 and 6000, so still 3000; its own memory is
not counted twice. The owner goes and 3000 are in use: they may be anybody's, and others stay 3000
until the run ends.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from afanasy.core.host.masks import contain_match
from afanasy.core.host.render_state import Render
from afanasy.core.place.reasons import Reason
from afanasy.core.state import Block, Job, Run
from afanasy.model.attributes import BlockSpec, WorkSpec

#: Reasons that a report of resources may lift: refused work registers its threshold (R27).
THRESHOLDS: Final = {
    "need_memory": "mem_free_mb",
    "need_hdd": "hdd_free_gb",
    "need_gpu_mem_mb": "gpu_mem_free_mb",
}


class Held(NamedTuple):
    """What a run of a block holds of its host."""

    memory_mb: int
    hdd_gb: int
    gpu_mb: int
    gpus: int


def greatest(block: Block, name: str) -> int:
    """The greatest value of a need of the block, its job, its user and its branches; or -1."""
    job = block.job
    found = max(getattr(block.spec, name), getattr(job.spec, name), getattr(job.user.spec, name))
    if job.branch is not None:
        for branch in job.branch.asked:
            found = max(found, getattr(branch.spec, name))
    return found


def held_by(block: Block, task: int) -> Held:
    """What a run of ``task`` will hold (need_memory of a task rises after it ran out, R18)."""
    spec = block.spec
    memory = greatest(block, "need_memory")
    extra = block.extras.get(task) if block.extras else None
    if extra is not None and extra.need_memory_mb > memory:
        memory = extra.need_memory_mb
    return Held(
        max(memory, 0), max(greatest(block, "need_hdd"), 0), max(spec.need_gpu_mem_mb, 0),
        gpus_needed(spec),
    )  # fmt: skip


def gpus_needed(spec: BlockSpec) -> int:
    """Devices that a task takes: ``need_gpu_mem_mb`` implies one (R26)."""
    return max(spec.need_gpus, 1 if spec.need_gpu_mem_mb > 0 else 0)


def _reported(render: Render, key: str) -> int:
    value = render.resources.get(key, 0)
    return int(value) if isinstance(value, (int, float)) else 0


def memory_free(render: Render) -> int:
    """MB that nobody was promised."""
    promised = sum(
        max(0, run.memory_need_mb - run.memory_counted_mb)
        for run in render.runs.values()
        if run.memory_need_mb
    )
    return _reported(render, "mem_free_mb") - promised


def hdd_free(render: Render) -> int:
    """GB that nobody was promised."""
    return _reported(render, "hdd_free_gb") - sum(r.hdd_need_gb for r in render.runs.values())


def gpu_free(render: Render) -> int:
    """MB of GPU memory that nobody uses or was promised."""
    total = _reported(render, "gpu_mem_total_mb")
    return total - render.gpu_others_mb - _gpu_promised(render)


def _gpu_promised(render: Render) -> int:
    return sum(run.gpu_need_mb for run in render.runs.values())


def gpu_reported(render: Render) -> None:
    """A report came: what of the GPU memory in use is that of others?"""
    used = _reported(render, "gpu_mem_used_mb")
    at_least = used - _gpu_promised(render)
    render.gpu_others_mb = min(max(render.gpu_others_mb, at_least), used)


def gpu_count(render: Render) -> int:
    """Devices of the host: as reported, else one when it reports GPU memory."""
    return _reported(render, "gpu_num") or int(_reported(render, "gpu_mem_total_mb") > 0)


def free_gpus(render: Render) -> list[int]:
    """Devices that no run has, lowest first."""
    taken = {device for run in render.runs.values() for device in run.gpus}
    return [device for device in range(gpu_count(render)) if device not in taken]


def value_now(render: Render, field: str) -> int:
    """The free amount of a threshold's field."""
    return {
        "mem_free_mb": memory_free,
        "hdd_free_gb": hdd_free,
        "gpu_mem_free_mb": gpu_free,
    }[field](render)


# ------------------------------------------------------------------------------------ lasting


def work_never_on(spec: WorkSpec, render: Render, whose: str) -> Reason | None:
    """What the host can never give to a job, user or branch: OS, properties, power, amounts."""
    if spec.need_os and not contain_match(spec.need_os, render.os_text):
        return Reason("need_os", (whose, spec.need_os, render.os_text))
    if spec.need_properties and not contain_match(spec.need_properties, render.properties):
        return Reason("need_properties", (whose, spec.need_properties, render.properties))
    if spec.need_power > max(render.power, 0):
        return Reason("need_power", (whose, spec.need_power, max(render.power, 0)))
    return _beyond(spec.need_memory, spec.need_hdd, render)


def block_never_on(spec: BlockSpec, render: Render) -> Reason | None:
    """What the host can never give to a block: properties, power, processors, GPUs, amounts."""
    if spec.need_properties and not contain_match(spec.need_properties, render.properties):
        return Reason("need_properties", ("block", spec.need_properties, render.properties))
    if spec.need_power > max(render.power, 0):
        return Reason("need_power", ("block", spec.need_power, max(render.power, 0)))
    if spec.need_cpu_cores > 0 or spec.need_cpu_freq_mgz > 0 or spec.need_cpu_freq_cores > 0:
        for _, word, needed, has in processors(spec, render):
            if needed > has:
                return Reason("need_cpu", (needed, word, has))
    gpus = gpus_needed(spec)
    if gpus and gpus > gpu_count(render):
        return Reason("need_gpus_total", (gpus, gpu_count(render)))
    if 0 < (total := _reported(render, "gpu_mem_total_mb")) < spec.need_gpu_mem_mb:
        return Reason("need_gpu_mem_total", (spec.need_gpu_mem_mb, total))
    return _beyond(spec.need_memory, spec.need_hdd, render)


def task_never_on(block: Block, task: int, render: Render) -> Reason | None:
    """What the host can never give to a task that ran out of memory (R18)."""
    extra = block.extras.get(task)
    return _beyond(extra.need_memory_mb, -1, render) if extra is not None else None


def _beyond(memory_mb: int, hdd_gb: int, render: Render) -> Reason | None:
    """More than the host has at all; a total that it did not report is not known."""
    if memory_mb > 0 and 0 < (total := _reported(render, "mem_total_mb")) < memory_mb:
        return Reason("need_memory_total", (memory_mb, total))
    if hdd_gb > 0 and 0 < (total := _reported(render, "hdd_total_gb")) < hdd_gb:
        return Reason("need_hdd_total", (hdd_gb, total))
    return None


def processors(spec: BlockSpec, render: Render) -> tuple[tuple[str, str, int, int], ...]:
    """What is asked of processors: attribute, word, how much is needed, how much there is."""
    cores, mhz = _reported(render, "cpu_num"), _reported(render, "cpu_mhz")
    return (
        ("need_cpu_cores", "cores", spec.need_cpu_cores, cores),
        ("need_cpu_freq_mgz", "MHz", spec.need_cpu_freq_mgz, mhz),
        ("need_cpu_freq_cores", "MHz times cores", spec.need_cpu_freq_cores, mhz * cores),
    )


# ----------------------------------------------------------------------------------- momentary


def job_not_on(job: Job, render: Render) -> Reason | None:
    """Amounts that a job, its user or its branches need and that are not free now."""
    spec, user = job.spec, job.user.spec
    memory = max(spec.need_memory, user.need_memory)
    hdd = max(spec.need_hdd, user.need_hdd)
    if job.branch is not None:
        for branch in job.branch.asked:
            memory = max(memory, branch.spec.need_memory)
            hdd = max(hdd, branch.spec.need_hdd)
    return _amounts(memory, hdd, render)


def block_not_on(block: Block, render: Render) -> Reason | None:
    """Amounts that a block needs and that are not free now."""
    spec = block.spec
    if spec.need_memory > 0 or spec.need_hdd > 0:
        refused = _amounts(spec.need_memory, spec.need_hdd, render)
        if refused is not None:
            return refused
    gpus = gpus_needed(spec)
    if gpus:
        free = free_gpus(render)
        if gpus > len(free):
            return Reason("need_gpus", (gpus, len(free)))
        if spec.need_gpu_mem_mb > gpu_free(render) and _knows_free(render):
            return Reason("need_gpu_mem_mb", (spec.need_gpu_mem_mb, max(gpu_free(render), 0)))
    return None


def task_not_on(need_memory_mb: int, render: Render) -> Reason | None:
    """A task that ran out of memory needs more than its block (R18)."""
    return _amounts(need_memory_mb, -1, render)


def _knows_free(render: Render) -> bool:
    """What the last report said was free is so, less what was promised since.

    Of a host that sleeps it is not so when it ran something at that time, and not known when the
    server was started since: then it is woken, and tells.
    """
    return bool(render.link) or ("mem_free_mb" in render.resources and not render.reported_busy)


def _amounts(memory_mb: int, hdd_gb: int, render: Render) -> Reason | None:
    if not _knows_free(render):
        return None
    if memory_mb > 0 and memory_mb > (free := memory_free(render)):
        return Reason("need_memory", (memory_mb, max(free, 0)))
    if hdd_gb > 0 and hdd_gb > (free := hdd_free(render)):
        return Reason("need_hdd", (hdd_gb, max(free, 0)))
    return None


def register(reason: Reason, render: Render) -> None:
    """Work was refused for want of an amount: look again when a report crosses it (R27)."""
    field = THRESHOLDS.get(reason.code)
    if field is not None:
        needed = float(str(reason.figures[0]))
        old = render.wanted.get(field)
        render.wanted[field] = needed if old is None else min(old, needed)


def crossed(render: Render) -> bool:
    """A report came: may some refused work start now? Forgets the thresholds that were crossed."""
    if not render.wanted:
        return False
    met = [field for field, needed in render.wanted.items() if value_now(render, field) >= needed]
    for field in met:
        del render.wanted[field]
    return bool(met)


def take(run: Run, held: Held) -> None:
    """The run begins to hold its needs."""
    run.memory_need_mb, run.hdd_need_gb, run.gpu_need_mb = held.memory_mb, held.hdd_gb, held.gpu_mb
    if held.gpus:
        run.gpus = tuple(free_gpus(run.render)[: held.gpus])
