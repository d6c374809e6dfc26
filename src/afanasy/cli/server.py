"""``afcmd server``: who answers, how fast, and what it holds."""

from __future__ import annotations

import argparse
import time
from typing import Any, cast

from af import send
from af.words import plural
from afanasy.cli.exits import Exit
from afanasy.cli.farm import Farm, Json
from afanasy.cli.humans import state_words
from afanasy.cli.show import Show


def arguments(_parser: argparse.ArgumentParser) -> None:
    """There is nothing to say."""


def run(_options: argparse.Namespace, farm: Farm, show: Show) -> int:
    """Ask it."""
    began = time.perf_counter()
    settings = cast("list[Json]", farm.get("config")["cgru_config"])
    took_ms = (time.perf_counter() - began) * 1000
    about: Json = settings[-1].get("cgru_environment", {}) if settings else {}
    counts = summary(farm)
    if show.as_json:
        show.json({"server": {**about, "answer_ms": round(took_ms, 2), **counts}})
        return Exit.OK
    addresses = ", ".join(send.address_text(*address) for address in farm.servers)
    show.field("server", addresses, "bold")
    show.field("version", about.get("version"))
    show.field("host", about.get("hostname"))
    show.field("user", about.get("username"))
    show.field("platform", about.get("platform"))
    show.field("answer time", f"{took_ms:.1f} ms")
    for name, value in counts.items():
        show.field(name.replace("_", " "), value or "0")
    return Exit.OK


def summary(farm: Farm) -> dict[str, Any]:
    """Counts of jobs, renders, tasks and users, for this command and for ``top``."""
    jobs = [job for job in farm.nodes("jobs") if job.get("id") != 1]
    renders = farm.nodes("renders")
    return {**count_jobs(jobs), **count_renders(renders), "users": len(farm.nodes("users"))}


def count_jobs(jobs: list[Json]) -> dict[str, int]:
    """Jobs, how many run, failed or are done, and their running tasks."""
    words = [set(state_words(job)) for job in jobs]
    return {
        "jobs": len(jobs),
        "jobs_running": sum("RUN" in one for one in words),
        "jobs_error": sum("ERR" in one for one in words),
        "jobs_done": sum("DON" in one for one in words),
        "tasks_running": sum(int(job.get("running_tasks_num", 0)) for job in jobs),
        "tasks_ready": sum(int(job.get("tasks_ready", 0)) for job in jobs),
    }


def count_renders(renders: list[Json]) -> dict[str, int]:
    """Renders, how many are online and busy."""
    words = [set(state_words(render)) for render in renders]
    return {
        "renders": len(renders),
        "renders_online": sum("ONL" in one for one in words),
        "renders_busy": sum("RUN" in one for one in words),
    }


def sentence(counts: dict[str, int]) -> str:
    """``3 jobs, 1 running, …`` for the head of a live view."""
    return (
        f"{plural(counts['jobs'], 'job')}: {counts['jobs_running']} running, "
        f"{counts['jobs_error']} failed, {counts['jobs_done']} done    "
        f"{plural(counts['renders'], 'render')}: {counts['renders_online']} online, "
        f"{counts['renders_busy']} busy    "
        f"tasks: {counts['tasks_running']} running, {counts['tasks_ready']} ready"
    )
