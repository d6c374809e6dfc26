"""What an operation gives up that a lost host may still run (R8).

A block with ``on_lost_render: hold`` says that its tasks must never run twice at a time. While the
render of such a task is away, its task waits for it; a person who knows better may stop the run
all the same, by a restart, say. Then he is told what that means: the render may still work, and
will only be stopped when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from af.words import plural
from afanasy.core.depend import spread
from afanasy.core.state import Block, Farm, Render, Run
from afanasy.core.tasks import Code

#: More sentences than this help nobody.
WARNINGS_MAX: Final = 20


def warnings(farm: Farm, blocks: list[Block], parts: list[range] | None, mode: str) -> list[str]:
    """A sentence for each render that may still run some of these tasks; None = all tasks."""
    if not any(render.runs and not render.link for render in farm.renders.values()):
        return []
    if mode in spread.MODES:
        chosen = list(spread.spread(blocks, parts, mode).values())
    else:
        chosen = [
            (block, parts if parts is not None else [range(block.tasks_num)]) for block in blocks
        ]
    found: dict[Render, list[Run]] = {}
    for block, ranges in chosen:
        for task, run in sorted(block.open.items()):
            if is_held(run) and any(task in part for part in ranges):
                found.setdefault(run.render, []).append(run)
    return _sentences(found)


def of_render(render: Render, runs: Iterable[Run]) -> list[str]:
    """The same of some runs of one render, which are given up with their render, or ejected."""
    held = [run for run in runs if run.current and is_held(run)]
    return _sentences({render: held} if held else {})


def _sentences(found: dict[Render, list[Run]]) -> list[str]:
    said = [_sentence(render, runs) for render, runs in found.items()]
    if len(said) > WARNINGS_MAX:
        more = plural(len(said) - WARNINGS_MAX, "more render")
        said[WARNINGS_MAX:] = [f"and {more} in the same way"]
    return said


def is_held(run: Run) -> bool:
    """Its task waits for its render, which is away, and nobody has asked for its end yet."""
    return (
        run.block.spec.on_lost_render == "hold"
        and not run.render.link
        and not run.stop_cause
        and run.block.code(run.task) == Code.RECONNECT
    )


def _sentence(render: Render, runs: list[Run]) -> str:
    block, task = runs[0].block, runs[0].task
    name = block.task_name(task) or f"#{task}"
    one = f"task {name} of block {block.spec.name} of job {block.job.id}"
    if len(runs) == 1:
        return (
            f"{one}: the render {render.name} may still run it; if it comes back, that run is"
            " stopped and does not count"
        )
    return (
        f"{one} and {plural(len(runs) - 1, 'other task')}: the render {render.name} may still run"
        " them; if it comes back, those runs are stopped and do not count"
    )
