"""Post commands of a run: one by one, each with a time limit (SEMANTICS 8.2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from afanasy.render.ender import Ender
from afanasy.render.live_run import LiveRun
from afanasy.render.process_posix import POST_WRAPPER, open_end, reap, spawn_command

#: af_task_post_limit_sec
POST_LIMIT_S: Final = 16.0


async def run_posts(
    live: LiveRun,
    commands: list[str],
    directory: str,
    environment: Mapping[str, str],
    ender: Ender,
    *,
    nice: int,
    limit_s: float = POST_LIMIT_S,
) -> str:
    """Run the commands; "" or why one failed. Nothing of them is left afterwards."""
    for command in commands:
        why = await _run_one(live, command, directory, environment, ender, nice, limit_s)
        if why:
            return f"{why}: {command}"
    return ""


async def _run_one(
    live: LiveRun,
    command: str,
    directory: str,
    environment: Mapping[str, str],
    ender: Ender,
    nice: int,
    limit_s: float,
) -> str:
    try:
        pid = spawn_command(
            live.folder, command, directory, environment, nice=nice, script=POST_WRAPPER
        )
    except OSError as error:
        return f"cannot start ({error.strerror})"
    live.sessions.add(pid)
    ender.wrappers.add(pid)
    why = ""
    pidfd = open_end(pid)
    assert pidfd is not None, f"the child {pid} was reaped by somebody else"
    try:
        async with asyncio.timeout(limit_s):
            await readable(pidfd)
    except TimeoutError:
        why = f"longer than {limit_s:g} s"
    await kill_all(live.run, ender)
    await readable(pidfd)
    os.close(pidfd)
    ender.wrappers.discard(pid)
    reaped = reap(pid)
    if why or reaped is None:
        return why
    status, signal, _ = reaped
    if signal:
        return f"ended by signal {signal}"
    return f"exit status {status}" if status else ""


async def readable(fd: int) -> None:
    """Wait until ``fd`` is readable."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def kill_all(run: int, ender: Ender) -> None:
    """Kill what is left of the run."""
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    ender.kill(run, lambda: gone.set_result(None))
    await gone
