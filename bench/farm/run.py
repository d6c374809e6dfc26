"""Whole-farm figures: real server process, real sockets, real database file on disk.

``python bench/farm/run.py`` runs everything and prints one table beside the figures of the
incumbent; ``--only NAME`` runs one row, ``--json FILE`` keeps the figures. Figures are medians of
``--rounds`` rounds with the lowest and highest. Nothing here asserts a time: machines differ, the
table says which one it was.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from harness.processes import Farm, Process, program, wait_until

HERE = Path(__file__).parent
#: Row → (the incumbent's figure, our goal), from its measurement on a machine of this size.
ANCHORS = {
    "durable tasks/s, 100 simulated renders": (
        "79; 883 with limits lifted",
        "≥ 8,000, then 20,000",
    ),
    "server CPU per task at saturation, µs": ("400 to 9,200", "≤ 50"),
    "end → next start, simulated, p50 ms": ("2,000", "< 10"),
    "end → next start, simulated, p99 ms": ("2,000", "< 30"),
    "end → next start, real processes, p50 ms": ("2,000", "< 10"),
    "end → next start, real processes, p99 ms": ("2,000", "< 30"),
    "submit → first start, p50 ms": ("520", "< 20"),
    "tasks/s, one real render": ("42", "≥ 500"),
    "tasks/s, four real renders": ("138", "≥ 70 % of the bare loop"),
    "tasks/s, bare wrapper loop": ("", ""),
    "four renders / bare loop": ("", "≥ 0.7"),
    "1,000,000-task job: submit ms": ("480", "< 10"),
    "1,000,000-task job: memory MB": ("600", "< 1"),
    "1,000,000-task job: idle % of a core": ("4.6", "0"),
    "ten such jobs: submit ms": ("16,000", "< 100"),
    "ten such jobs: memory MB": ("5,800", "< 10"),
    "jobs submitted/s, 8 connections": ("556", "≥ 2,000"),
    "server CPU per submission, µs": ("", ""),
    "jobs submitted/s, 8 connections, same name": ("36", "no slower"),
    "afrender idle: % of a core": ("", "< 0.5"),
    "afrender idle: memory MB": ("", "< 40"),
    "afserver idle: % of a core": ("4.6", "0"),
}


#: Folders are kept until the end: on ext4 making folders is slow just after mass deletes.
ROOT = Path(tempfile.mkdtemp(prefix="afbench-"))


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=ROOT))


@contextlib.contextmanager
def farm() -> Iterator[Farm]:
    with Farm(new_folder()) as found:
        yield found


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def numeric(last: int, command: str = "true", **more: object) -> dict[str, object]:
    return {"flags": 1, "frame_first": 1, "frame_last": last, "command": command, **more}


def sims(real: Farm, **options: object) -> Process:
    command = [sys.executable, str(HERE / "sim_renders.py"), "--port", str(real.port)]
    for key, value in options.items():
        command += [f"--{key.replace('_', '-')}", str(value)]
    process = Process(command, real.folder / "sims.log")
    process.wait_line("connected")
    return process


def sims_said(process: Process) -> dict[str, float]:
    process.end()
    return json.loads(process.text().splitlines()[-1])


def saturation(tasks: int) -> dict[str, float]:
    with farm() as real:
        assert real.server is not None
        process = sims(real, renders=100, slots=4)
        before = cpu_s(real.server.pid)
        begun = time.perf_counter()
        job = real.submit(numeric(tasks, capacity=1000))
        wait_until(lambda: "DON" in real.job(job)["state"], "the job", deadline_s=600, pause_s=0.1)
        seconds = time.perf_counter() - begun
        used = cpu_s(real.server.pid) - before
        sims_said(process)
    return {
        "durable tasks/s, 100 simulated renders": tasks / seconds,
        "server CPU per task at saturation, µs": used / tasks * 1e6,
    }


def waiting(tasks: int) -> dict[str, float]:
    """Tasks of about 40 ms on 400 slots: slots wait for nothing but us."""
    with farm() as real:
        process = sims(real, renders=100, slots=4, task_ms=100)
        job = real.submit(numeric(tasks, capacity=1000))
        wait_until(lambda: "DON" in real.job(job)["state"], "the job", deadline_s=600, pause_s=0.1)
        said = sims_said(process)
    return {
        "end → next start, simulated, p50 ms": said["wait_ms_p50"],
        "end → next start, simulated, p99 ms": said["wait_ms_p99"],
    }


def stamps(fifo: int, count: int) -> list[tuple[str, float]]:
    """Read ``count`` one-letter marks from a pipe, each with the moment it came."""
    found: list[tuple[str, float]] = []
    while len(found) < count:
        data = os.read(fifo, 1)
        found.append((data.decode(), time.perf_counter()))
    return found


@contextlib.contextmanager
def pipe(folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / "fifo"
    os.mkfifo(path)
    fifo = os.open(path, os.O_RDWR)
    try:
        yield path, fifo
    finally:
        os.close(fifo)


def real_latency(tasks: int) -> dict[str, float]:
    with farm() as real, pipe(real.folder) as (path, fifo):
        real.start_render("a", "--capacity", "1000")
        real.submit(numeric(tasks, f"printf b >{path}; printf e >{path}"))
        marks = stamps(fifo, tasks * 2)
        gaps = sorted(
            (marks[n + 1][1] - marks[n][1]) * 1000
            for n in range(1, len(marks) - 1)
            if marks[n][0] == "e"
        )
        firsts: list[float] = []
        for _ in range(20):
            begun = time.perf_counter()
            job = real.submit(numeric(1, f"printf b >{path}"))
            firsts.append((stamps(fifo, 1)[0][1] - begun) * 1000)
            real.wait_job(job, "DON")
    return {
        "end → next start, real processes, p50 ms": gaps[len(gaps) // 2],
        "end → next start, real processes, p99 ms": gaps[int(len(gaps) * 0.99)],
        "submit → first start, p50 ms": statistics.median(firsts),
    }


def real_rate(renders: int, tasks: int) -> float:
    with farm() as real:
        for n in range(renders):
            real.start_render(f"r{n}", "--capacity", "8000", "--max-tasks", "8")
        begun = time.perf_counter()
        job = real.submit(numeric(tasks))
        wait_until(lambda: "DON" in real.job(job)["state"], "the job", deadline_s=600, pause_s=0.05)
        return tasks / (time.perf_counter() - begun)


BARE = r"""
import os, sys, time
folder, count, flight = sys.argv[1], int(sys.argv[2]), 8
wrapper = ('d=$1; trap : TERM INT HUP; read -r stat </proc/$$/stat;'
           ' read -r boot </proc/sys/kernel/random/boot_id; set -C; echo "$boot $stat" >"$d/pid"'
           ' || exit 125; set +C; (eval "$2") >>"$d/out" 2>&1 </dev/null; rc=$?;'
           ' echo $rc >"$d/rc"; exit $rc')
begun, running, started = time.perf_counter(), 0, 0
while started < count or running:
    while started < count and running < flight:
        d = f"{folder}/{started}"; os.mkdir(d)
        os.posix_spawn("/bin/sh", ["sh", "-c", wrapper, "sh", d, "true"], os.environ, setsid=True)
        started += 1; running += 1
    os.wait(); running -= 1
print(count / (time.perf_counter() - begun))
"""


def bare_loop(tasks: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(new_folder()), str(tasks)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def rates(tasks: int) -> dict[str, float]:
    bare = bare_loop(tasks)
    one = real_rate(1, tasks)
    four = real_rate(4, tasks)
    return {
        "tasks/s, one real render": one,
        "tasks/s, four real renders": four,
        "tasks/s, bare wrapper loop": bare,
        "four renders / bare loop": four / bare,
    }


def idle_share(pid: int, seconds: float = 10.0) -> float:
    before = cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - before) / seconds * 100


def million() -> dict[str, float]:
    with farm() as real:
        assert real.server is not None
        pid = real.server.pid
        real.submit(numeric(10))
        before = rss_mb(pid)
        begun = time.perf_counter()
        real.submit(numeric(1_000_000))
        submit_ms = (time.perf_counter() - begun) * 1000
        one_mb = rss_mb(pid) - before
        idle = idle_share(pid)
        begun = time.perf_counter()
        for _ in range(10):
            real.submit(numeric(1_000_000))
        ten_ms = (time.perf_counter() - begun) * 1000
        ten_mb = rss_mb(pid) - before - one_mb
    return {
        "1,000,000-task job: submit ms": submit_ms,
        "1,000,000-task job: memory MB": one_mb,
        "1,000,000-task job: idle % of a core": idle,
        "ten such jobs: submit ms": ten_ms,
        "ten such jobs: memory MB": ten_mb,
    }


async def submit_all(port: int, jobs: int, connections: int, *, same_name: bool) -> None:
    """Jobs of one block, each over a connection of its own, so many at a time."""
    numbers = iter(range(jobs))

    async def one_after_another() -> None:
        for number in numbers:
            name = "same" if same_name else f"job {number}"
            job = {"name": name, "user_name": "anna", "blocks": [numeric(10)]}
            body = json.dumps({"job": job}).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"AFANASY %d JSON%s" % (len(body), body))
            answer = await reader.read()
            assert b'"id":0' not in answer, answer
            writer.close()

    await asyncio.gather(*(one_after_another() for _ in range(connections)))


def submissions(jobs: int, connections: int = 8) -> dict[str, float]:
    figures: dict[str, float] = {}
    with farm() as real:
        assert real.server is not None
        for words, same_name in (("", False), (", same name", True)):
            before = cpu_s(real.server.pid)
            begun = time.perf_counter()
            asyncio.run(submit_all(real.port, jobs, connections, same_name=same_name))
            seconds = time.perf_counter() - begun
            figures[f"jobs submitted/s, 8 connections{words}"] = jobs / seconds
            if not same_name:
                used = cpu_s(real.server.pid) - before
                figures["server CPU per submission, µs"] = used / jobs * 1e6
    return figures


def idle() -> dict[str, float]:
    with farm() as real:
        assert real.server is not None
        render = real.start_render("a")
        time.sleep(2)
        return {
            "afrender idle: % of a core": idle_share(render.pid, 20),
            "afrender idle: memory MB": rss_mb(render.pid),
            "afserver idle: % of a core": idle_share(real.server.pid, 20),
        }


def rows(options: argparse.Namespace) -> dict[str, object]:
    scale = options.scale
    return {
        "saturation": lambda: saturation(int(200_000 * scale)),
        "waiting": lambda: waiting(int(40_000 * scale)),
        "latency": lambda: real_latency(int(300 * scale) or 10),
        "rates": lambda: rates(int(2_000 * scale)),
        "million": million,
        "submissions": lambda: submissions(int(2_000 * scale)),
        "idle": idle,
    }


def main() -> int:
    try:
        return measure_all()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)


def measure_all() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual work")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subprocess.run([program("afserver"), "--version"], check=True, stdout=subprocess.DEVNULL)
    figures: dict[str, list[float]] = {}
    for name, measure in rows(options).items():
        if options.only and name not in options.only:
            continue
        for _ in range(options.rounds):
            for key, value in measure().items():
                figures.setdefault(key, []).append(value)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    head = f"{'what':42} {'median':>10} {'low':>10} {'high':>10}   {'incumbent':28} goal"
    print(head + "\n" + "-" * len(head))
    for key, values in figures.items():
        incumbent, goal = ANCHORS.get(key, ("", ""))
        numbers = [statistics.median(values), min(values), max(values)]
        text = " ".join(f"{n:>10,.0f}" if n >= 100 else f"{n:>10,.2f}" for n in numbers)
        print(f"{key:42} {text}   {incumbent:28} {goal}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
