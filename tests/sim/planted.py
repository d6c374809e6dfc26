"""Bugs planted into the programs, one at a time, to see that the simulator finds them.

A bug is one change of the source of one module. It is made while the module is imported, in a
process of its own::

    python tests/sim/planted.py "adoption restarts the time" 0-299

prints the first seed that fails and the check that failed, as JSON; without a failing seed it
prints ``null``. A patch whose text is not exactly once in its module stops the process with an
error: the code it was made for has moved, and the patch must follow.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any

from bug import Bug
from bugs_errands import ERRANDS

BUGS = (
    Bug(
        "adoption restarts the time",
        "afanasy.core.run.stops",
        "run.elapsed_s, run.reported_mono = elapsed_s, now.mono",
        "run.elapsed_s, run.reported_mono = 0.0, now.mono",
    ),
    Bug(
        "a stale result counts",
        "afanasy.core.reactor",
        "    elif run.current:\n        ends.settle",
        "    elif True:\n        run.current = True\n        run.block.open[run.task] = run\n"
        "        ends.settle",
    ),
    Bug(
        "capacity is given back twice",
        "afanasy.core.run.runs",
        "    render.running -= 1\n",
        "    render.running -= 1\n    render.capacity_used -= capacity\n",
    ),
    Bug(
        "a counter is not restored",
        "afanasy.core.restore",
        "    render.running += 1\n",
        "    pass\n",
    ),
    Bug(
        "a stop's target is ignored",
        "afanasy.core.run.ends",
        "    set_code(farm, block, task, run.stop_target, now)\n",
        "    set_code(farm, block, task, Code.READY, now)\n",
    ),
    Bug(
        "a result is acknowledged before its commit",
        "afanasy.server.loop",
        "messages.add_ack(outbox.setdefault(peer, []), run_id)",
        "peer.send([stream.Ack([run_id])])",
    ),
    Bug(
        "a submission is confirmed before its commit",
        "afanasy.server.requests",
        '            answer["warnings"] = reader.warnings\n        await self._durable(body)\n',
        '            answer["warnings"] = reader.warnings\n',
    ),
    Bug(
        "the epoch is not raised above the stored one",
        "afanasy.model.ids",
        "max(stored + 1, ",
        "max(stored, ",
    ),
    Bug(
        "a retry ignores the task's list of hosts",
        "afanasy.core.place.checks_host",
        "if extra.error_hosts and block.task_avoids(task, render.name):",
        "if False and block.task_avoids(task, render.name):",
    ),
    Bug(
        "a dependency is released by tasks in error",
        "afanasy.core.transitions",
        "    done = counts[Code.DONE] + counts[Code.SKIPPED] == block.tasks_num\n"
        "    if done != block.done:\n",
        "    done = counts[Code.DONE] + counts[Code.SKIPPED] + counts[Code.ERROR]"
        " == block.tasks_num\n    if done != block.done:\n",
    ),
    Bug(
        "a hold is given up after the time-out",
        "afanasy.core.host.links",
        'if run.block.spec.on_lost_render == "hold" and not run.stop_cause:',
        "if False and not run.stop_cause:",
    ),
    Bug(
        "a lost run frees its host while it still lives",
        "afanasy.core.host.links",
        "        ends.lose(farm, run, now, runs.END_LOST, why, died=True)\n",
        "        ends.lose_for_good(farm, run, now, runs.END_LOST, why, died=True)\n",
    ),
    Bug(
        "a result is told while processes of the run live",
        "afanasy.render.core",
        "        if run.empty:\n            self._read_out(run)\n",
        "        if True:\n            self._read_out(run)\n",
    ),
    Bug(
        "nobody is woken when a service's wait is over",
        "afanasy.core.run.holds",
        "        hold.held = False\n        farm.changes.services = True\n"
        "        _wake(farm, service)\n",
        "        hold.held = False\n        farm.changes.services = True\n",
    ),
    *ERRANDS,
)
#: What hosts have, what work needs, limits, pools, branches, the farm file.
BUGS += (
    Bug(
        "a run holds nothing of what it needs",
        "afanasy.core.run.runs",
        "        needs.take(run, needs.held_by(block, task))\n",
        "        pass\n",
    ),
    Bug(
        "memory that was taken after the report is promised again",
        "afanasy.core.place.needs",
        "run.memory_need_mb - run.memory_counted_mb",
        "run.memory_need_mb - max(run.memory_mb, 0)",
    ),
    Bug(
        "a GPU is given to two runs",
        "afanasy.core.place.needs",
        "range(gpu_count(render)) if device not in taken",
        "range(gpu_count(render)) if len(taken) < gpu_count(render)",
    ),
    Bug(
        "nobody is woken by a report of free memory",
        "afanasy.core.place.needs",
        "    return bool(met)\n",
        "    return False\n",
    ),
    Bug(
        "a task asks for one ticket, however many it holds",
        "afanasy.core.limit.limits",
        "    if 0 <= count < held.units + units:\n        return _full(usage, held.units, count,",
        "    if 0 <= count < held.units + 1:\n        return _full(usage, held.units, count,",
    ),
    Bug(
        "tickets of a pool are not counted below it",
        "afanasy.core.limit.limits",
        "    held = usage.below(pool.path)\n",
        "    held = usage.below(render.pool.path)\n",
    ),
    Bug(
        "a limit of hosts counts them only when it is full",
        "afanasy.core.limit.limits",
        "    if not here and 0 <= usage.max_hosts <= hosts:\n",
        "    if not here and 0 <= usage.max_hosts < hosts:\n",
    ),
    Bug(
        "a service that a pool disables runs there",
        "afanasy.core.host.services_here",
        "        if service in level.disabled or service in level.services:\n",
        "        if service in level.services:\n",
    ),
    Bug(
        "a pool that is paused keeps only its own renders",
        "afanasy.core.host.pools",
        "pool.spec.priority > 0 for pool in self.upwards())",
        "pool.spec.priority > 0 for pool in (self,))",
    ),
    Bug(
        "a branch goes on counting what has ended",
        "afanasy.core.run.runs",
        "        branch.running -= 1\n",
        "        pass\n",
    ),
    Bug(
        "a limit of a branch holds for its own jobs alone",
        "afanasy.core.job.branch_edits",
        "tuple(above for above in below.upwards() if above.strict)",
        "tuple(above for above in (below,) if above.strict)",
    ),
    Bug(
        "limits stay as they were in the old farm file",
        "afanasy.core.host.farm_file",
        "    farm.setup = event.setup\n    limits.service_limits_changed(farm)\n",
        "    farm.setup = event.setup\n",
    ),
    Bug(
        "the first pattern of the farm file wins",
        "afanasy.core.host.host_setup",
        "                values[name] = value\n",
        "                values.setdefault(name, value)\n",
    ),
    Bug(
        "a restarted server does not know the equipment of hosts",
        "afanasy.core.restore",
        '    render.resources = doc.get("equipment", {})\n',
        "",
    ),
)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with the bug in it, past every cache of compiled modules."""

    bug: Bug

    def get_code(self, fullname: str) -> Any:
        source = self.get_data(self.get_filename(fullname)).decode()
        count = source.count(self.bug.old)
        if count != 1:
            raise SystemExit(f"the patch {self.bug.name!r} fits {count} places of {fullname}")
        return compile(source.replace(self.bug.old, self.bug.new), self.path, "exec")


class _Finder:
    """Gives the loader for the one module."""

    def __init__(self, bug: Bug) -> None:
        self.bug = bug

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if name != self.bug.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert found is not None, f"there is no module {name}"
        assert found.origin is not None, f"module {name} has no file"
        loader = _Loader(name, found.origin)
        loader.bug = self.bug
        return importlib.util.spec_from_file_location(name, found.origin, loader=loader)


def main() -> None:
    """Plant the named bug and live through seeds until one finds it."""
    if sys.argv[1] == "--list":
        print("\n".join(bug.name for bug in BUGS))
        return
    name, seeds = sys.argv[1], sys.argv[2]
    bugs = (*BUGS, Bug("--moved", "afanasy.core.run.stops", "no such code", ""))
    bug = next(bug for bug in bugs if bug.name == name)
    sys.meta_path.insert(0, _Finder(bug))
    from afanasy.sim.simulation import simulate

    assert bug.module in sys.modules, f"the simulator does not use {bug.module}"
    first, last = map(int, seeds.split("-"))
    found = None
    for seed in range(first, last + 1):
        failure = simulate(seed).failure
        if failure is not None:
            found = {"seed": seed, "check": failure.check, "text": failure.text}
            break
    print(json.dumps(found))


if __name__ == "__main__":
    main()
