"""`make run`: start a small farm, render a movie on it, show how it goes, check the movie.

    python -m demo.run [--frames N] [--without-blender] [--exit]

A server and two renders run on loopback with their data in ``.afanasy/demo-N`` of the checkout. One
job is sent with `import af`: a numeric block with a task for every frame, and a block that depends
on it and encodes the movie. On a terminal the farm stays up until Ctrl-C, so that it can be looked
at; otherwise the demo exits with the result: 0, or 1 and the reason.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import af
from demo import blender, movie, trouble
from demo.blender import CHECKOUT
from demo.farm import Farm
from demo.show import TaskView, make_display, spans
from demo.trouble import Interrupted, Trouble, pause

RENDERS = ("render01", "render02")
FRAMES = 24
#: The whole demo takes at most so long, downloads apart.
LIMIT_S = 300.0
POLL_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 when the movie is whole, 1 with the reason when it is not."""
    options = parse_arguments(arguments)
    trouble.listen()
    try:
        demo = Demo(options.work, options.frames, options.limit)
        demo.prepare(with_blender=not options.without_blender)
        with Farm(demo.folder) as farm:
            demo.perform(farm)
            if sys.stdout.isatty() and not options.exit:
                stay(farm)
    except Trouble as problem:
        print(f"\nThe demo FAILED: {problem}", file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        print(f"\nThe demo was stopped ({interrupted}); everything it started has ended.")
        return 128 + interrupted.number
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the demo."""
    parser = argparse.ArgumentParser(prog="demo", description="Render a movie on a small farm.")
    parser.add_argument("--frames", type=int, default=FRAMES, metavar="N", help="default: 24")
    parser.add_argument(
        "--without-blender", action="store_true", help="frames by ffmpeg's test picture"
    )
    parser.add_argument("--exit", action="store_true", help="exit at the end, on a terminal too")
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, metavar="S", help="give up after (default: 300)"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=CHECKOUT / ".afanasy",
        metavar="DIR",
        help="folder for what is written (default: .afanasy in the checkout)",
    )
    options = parser.parse_args(arguments)
    options.work = options.work.resolve()
    if not 2 <= options.frames <= 9999:
        parser.error("--frames must be 2 to 9999 (two renders share them)")
    return options


class Demo:
    """One demo: its folder, its job, and what became of it."""

    def __init__(self, work: Path, frames: int, limit_s: float) -> None:
        self.frames = frames
        self.work = work
        self.folder = _new_folder(self.work)
        self.environment: dict[str, str] = {}
        self.source = movie.ffmpeg_source()
        self._limit_s = limit_s
        self._deadline = 0.0

    def prepare(self, *, with_blender: bool) -> None:
        """Get the programs, and the scene. This part may take downloads, so it has no deadline."""
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            print("ffmpeg is missing", flush=True)
            if blender.run([str(CHECKOUT / "tools" / "debian.sh"), "ffmpeg"]) != 0:
                raise Trouble("there is no ffmpeg")
        found = blender.find(self.work) if with_blender else None
        self._deadline = time.monotonic() + self._limit_s
        (self.folder / "frames").mkdir()
        if found:
            self.environment = found.environment()
            self.source = movie.blender_source(found, movie.threads_each(len(RENDERS)))
            print(f"Building a scene with {found.what}", flush=True)
            movie.build_scene(self.folder, self.frames, self.environment)
        elif with_blender:
            print("WITHOUT BLENDER: the frames are ffmpeg's test picture instead.", flush=True)

    def perform(self, farm: Farm) -> None:
        """Start the farm, send the job, watch it, check the movie, tell."""
        farm.start(RENDERS, self.environment)
        print(f"A server and {len(RENDERS)} renders run on 127.0.0.1:{farm.port}")
        os.environ.update(AF_SERVERNAME="127.0.0.1", AF_SERVERPORT=str(farm.port))
        job = self._send()
        print(f"Job {job}: {self.frames} frames by {self.source.what}, then a movie\n", flush=True)
        frames, encoding = self._watch(farm, job)
        missing = movie.missing_frames(self.folder, self.frames)
        if missing:
            raise Trouble(f"no file of the frames {spans(missing)} in {self.folder / 'frames'}")
        about = movie.check_movie(self.folder / movie.MOVIE, self.frames)
        self._tell(farm, job, frames, encoding, about)
        hosts = {task.host for task in frames}
        if hosts != set(RENDERS):
            raise Trouble(f"only {', '.join(sorted(hosts))} took part")

    def _send(self) -> int:
        """Submit the job as any script would."""
        job = af.Job("demo movie")
        frames = af.Block("frames", self.source.service)
        frames.setNumeric(1, self.frames)
        frames.setCommand(self.source.command)
        frames.setFiles([movie.FRAMES_PATTERN])
        encoding = af.Block("movie", "ffmpeg")
        encoding.setDependMask("frames")
        task = af.Task("encode")
        task.setCommand(movie.encode_command())
        encoding.tasks.append(task)
        for block in (frames, encoding):
            block.setWorkingDirectory(str(self.folder))
            block.setErrorsRetries(1)
            job.blocks.append(block)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            ok, answer = job.send()
        if not ok:
            raise Trouble("; ".join(str(warning.message) for warning in told))
        return answer["id"]

    def _watch(self, farm: Farm, job: int) -> tuple[list[TaskView], TaskView]:
        """Show the job until it is done. Raises :class:`Trouble` when it cannot be."""
        display = make_display(RENDERS)
        try:
            while True:
                frames, encoding = look(job)
                display.show(frames, encoding)
                if encoding.done and all(frame.done for frame in frames):
                    return frames, encoding
                farm.check()
                for block, tasks in enumerate((frames, [encoding])):
                    for number, task in enumerate(tasks):
                        if task.failed:
                            raise Trouble(f"{task.name} failed:\n{output(job, block, number)}")
                if time.monotonic() > self._deadline:
                    raise Trouble(f"not done after {self._limit_s:.0f} s: {why(job)}")
                pause(POLL_S)
        finally:
            display.leave()

    def _tell(
        self, farm: Farm, job: int, frames: Sequence[TaskView], encoding: TaskView, about: str
    ) -> None:
        """The movie, who made what, and where everything is."""
        by_host: defaultdict[str, list[int]] = defaultdict(list)
        seconds: Counter[str] = Counter()
        for number, task in enumerate(frames, 1):
            by_host[task.host].append(number)
            seconds[task.host] += task.seconds
        print(f"\nMovie     {self.folder / movie.MOVIE}")
        print(f"          {about}")
        print("\nhost       frames  seconds  which")
        for host in sorted(by_host):
            made = by_host[host]
            print(f"{host:10} {len(made):6}  {seconds[host]:7}  {spans(made)}")
        print(f"The movie was encoded on {encoding.host}.")
        here = Path.cwd()
        inside = self.folder.is_relative_to(here)
        relative = self.folder.relative_to(here) if inside else self.folder
        print(f"\nLogs      {relative}/server.log, {', '.join(f'{name}.log' for name in RENDERS)}")
        print(f"Outputs   {relative}/server/outputs, to be read through the server:")
        if not sys.stdout.isatty():
            print(f"          .venv/bin/afserver --port 51000 --data {relative}/server &")
            at = "127.0.0.1:51000"
        else:
            at = f"127.0.0.1:{farm.port}"
        for words in ("jobs", f"job {job}", f"output {job}.frames 1", f"log {job}.frames 1"):
            print(f"          .venv/bin/afcmd --server {at} {words}")
        sys.stdout.flush()


def look(job: int) -> tuple[list[TaskView], TaskView]:
    """How the job's tasks stand. Raises :class:`Trouble`."""
    answer = _ask({"get": {"type": "jobs", "ids": [job], "mode": "progress"}})
    frames, encoding = answer["job_progress"]["progress"]
    views = [view(f"frame {number}", task) for number, task in enumerate(frames, 1)]
    return views, view("movie", encoding[0])


def view(name: str, task: dict[str, Any]) -> TaskView:
    """The members of PROTOCOL 3.5 that are shown here."""
    seconds = max(0, task.get("tdn", 0) - task.get("tst", 0))
    return TaskView(
        name=name,
        words=frozenset(task.get("state", "").split()),
        percent=task.get("per", -1),
        host=task.get("hst", ""),
        seconds=seconds,
    )


def output(job: int, block: int, task: int, lines: int = 20) -> str:
    """The end of what the task's last run wrote."""
    get = {"type": "jobs", "ids": [job], "mode": "output"}
    answer = _ask({"get": {**get, "block_ids": [block], "task_ids": [task]}})
    text: str = answer.get("task", {}).get("data", "")
    return "\n".join(text.splitlines()[-lines:])


def why(job: int) -> str:
    """The farm's own answer to why the waiting tasks do not run."""
    answer = _ask({"get": {"type": "jobs", "ids": [job], "mode": "explain"}})
    found = [f"{item['task_name']}: {item['summary']}" for item in answer.get("explain", [])]
    return "; ".join(found) or "nothing waits"


def stay(farm: Farm) -> None:
    """Leave the farm up until somebody stops it, or one of its programs dies."""
    print("\nThe farm stays up for you to look around. Ctrl-C ends it.", flush=True)
    while True:
        farm.check()
        try:
            pause(0.5)
        except Interrupted:
            print("\nEnding the farm.", flush=True)
            return


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    trouble.check()
    try:
        return af.request(request)
    except af.ServerError as error:
        raise Trouble(f"the server does not answer: {error}") from None


def _new_folder(work: Path) -> Path:
    """The next free ``demo-N``."""
    work.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.name[5:]) for path in work.glob("demo-*") if path.name[5:].isdigit()]
    number = max(numbers, default=0) + 1
    while True:
        folder = work / f"demo-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


if __name__ == "__main__":
    sys.exit(main())
