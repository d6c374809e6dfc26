"""``afcmd top``: jobs and hosts at a glance, live."""

from __future__ import annotations

import argparse
from typing import cast

from afanasy.cli import server
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.figures import counts_of
from afanasy.cli.filters import EVERY_S
from afanasy.cli.humans import bar, size, state_colour, state_words
from afanasy.cli.jobs import chosen, row
from afanasy.cli.renders import capacity_of, with_resources
from afanasy.cli.screen import every_s, live
from afanasy.cli.show import Cell, Show

#: Jobs and hosts come in this order of their states.
_JOBS_FIRST = ("RUN", "ERR", "RDY", "WDP", "WTM", "OFF", "DON")
_HOSTS_FIRST = ("RUN", "ONL", "OFF")
_BAR = 10
#: Lines of a panel besides its rows: a blank one and the titles.
_FRAME = 2


class View:
    """What is shown: keys change it."""

    def __init__(self, panels: str = "jr") -> None:
        self.panels = panels
        self.done = True

    def key(self, key: str) -> bool:
        """Whether the key means something."""
        if key in ("j", "r"):
            self.panels = key
        elif key == "b":
            self.panels = "jr"
        elif key == "d":
            self.done = not self.done
        else:
            return key == " "
        return True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which jobs, and how often."""
    parser.description = (
        "Live view of jobs and hosts. Keys: q ends, j only jobs, r only renders, b both, "
        "d done jobs or not, space looks at once."
    )
    parser.add_argument(
        "where", metavar="WHERE", nargs="?", default="", help="of jobs, as user=anna"
    )
    parser.add_argument("--user", metavar="NAME", action="append", help="jobs of this user")
    parser.add_argument(
        "--every", metavar="TIME", default="", help=f"how often to look ({EVERY_S:g}s)"
    )
    parser.add_argument("--once", action="store_true", help="print it once, all of it")
    parser.set_defaults(all=False, uid=None, state=None, mask=None)


def run(options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Show it."""
    view = View()
    period_s = every_s(options.every)
    if show.as_json:
        jobs, renders = _look(options, farm)
        counts = {**server.count_jobs(jobs), **server.count_renders(renders)}
        show.json({"summary": counts, "jobs": jobs, "renders": renders})
        return Exit.OK
    if options.once:
        _draw(options, farm, show, view, 0)
        return Exit.OK

    def draw(height: int) -> None:
        _draw(options, farm, show, view, height)

    return live("afcmd top", draw, show, period_s, view.key)


def _look(options: argparse.Namespace, farm: Farm) -> tuple[list[Json], list[Json]]:
    jobs, renders = chosen(options, farm), farm.nodes("renders")
    with_resources(farm, renders)
    jobs.sort(key=lambda job: _rank(job, _JOBS_FIRST))
    renders.sort(key=lambda render: (_rank(render, _HOSTS_FIRST), str(render.get("name"))))
    return jobs, renders


def _rank(node: Json, first: tuple[str, ...]) -> int:
    words = state_words(node)
    return next((n for n, word in enumerate(first) if word in words), len(first))


def _draw(options: argparse.Namespace, farm: Farm, show: Show, view: View, height: int) -> None:
    """The head and the panels in ``height`` lines; 0 = as many as it takes."""
    jobs, renders = _look(options, farm)
    show.line(server.sentence({**server.count_jobs(jobs), **server.count_renders(renders)}))
    if not view.done:
        jobs = [job for job in jobs if "DON" not in state_words(job)]
    rows_jobs = len(jobs) if "j" in view.panels else 0
    rows_renders = len(renders) if "r" in view.panels else 0
    if height:
        room = height - 1 - _FRAME * len(view.panels)
        rows_jobs, rows_renders = shares(room, rows_jobs, rows_renders)
    if "j" in view.panels:
        show.line()
        show.table(
            [">ID", "~NAME", "~USER", "STATE", ">PRI", "PROGRESS", ">TASKS", ">RUN", ">ERR",
             ">AGE"],
            [_job(job) for job in jobs[:rows_jobs]],
        )  # fmt: skip
    if "r" in view.panels:
        show.line()
        show.table(
            ["~HOST", "STATE", ">TASKS", ">CAPACITY", "CPU", "MEMORY", ">FREE", "~WORK"],
            [_render(render) for render in renders[:rows_renders]],
        )


def shares(room: int, one: int, other: int) -> tuple[int, int]:
    """How many of ``room`` lines two panels get that want ``one`` and ``other``."""
    room = max(room, 0)
    half = room // 2
    if one + other <= room:
        return one, other
    if one <= half:
        return one, room - one
    if other <= room - half:
        return room - other, other
    return half, room - half


def _job(job: Json) -> list[Cell]:
    return row(job, bar(counts_of(job).percent, _BAR))


def _render(render: Json) -> list[Cell]:
    words = state_words(render)
    tasks = cast("list[Json]", render.get("tasks") or [])
    load: Json = render.get("host_resources") or {}
    total_mb = load.get("mem_total_mb", 0)
    cpu = memory = free = ""
    if load:
        cpu = bar(sum(load.get(f"cpu_{name}", 0) for name in ("user", "nice", "system")), _BAR)
    if total_mb:
        free_mb = load.get("mem_free_mb", 0)
        memory = bar(100 - 100 * free_mb / total_mb, _BAR)
        free = size(free_mb, "MB")
    limit = render.get("max_tasks", render.get("max_tasks_host", -1))
    capacity = capacity_of(render)
    work = ", ".join(
        f"{task.get('job_name')}.{task.get('block_name')} {task.get('name')}" for task in tasks
    )
    return [
        str(render.get("name")),
        (" ".join(words), state_colour(words)),
        f"{len(tasks)}/{limit}" if limit >= 0 else str(len(tasks)),
        f"{render.get('capacity_used', 0)}/{capacity}" if capacity >= 0 else "",
        cpu,
        memory,
        free,
        work,
    ]
