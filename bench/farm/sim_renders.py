"""Simulated renders in a process of their own: real sockets and messages, no processes started.

Each render keeps one connection of the render stream. A start is answered by a finished result at
once, or after ``--task-ms`` on average (drawn per task from a seeded generator). Frames are
coalesced as the real agent does. At the end (SIGTERM) one JSON line tells how many tasks were done
and how long the slots waited: the time from sending a result to receiving the next start on that
connection, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import time

from afanasy.model.states import RunEnd
from afanasy.wire import stream


class SimRender(asyncio.Protocol):
    def __init__(self, name: str, options: argparse.Namespace, chance: random.Random) -> None:
        self.name = name
        self.options = options
        self.chance = chance
        self.reader = stream.FrameReader(at_server=False)
        self.outbox: list[object] = []
        self.flush_due = False
        self.done = 0
        self.waits_ms: list[float] = []
        self.free_since: list[float] = []
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        hello = stream.Hello(
            protocol=stream.PROTOCOL_VERSION, name=self.name, instance=self.name,
            boot_id="bench", user_name="bench", engine="bench", os="linux", time_launch=0,
            farm_id="", epoch=0, capacity=self.options.slots * 1000,
            max_tasks=self.options.slots, runs=[], resources={},
        )  # fmt: skip
        transport.write(stream.GREETING + stream.encode_frame([hello]))
        self.ping = self.loop.call_later(stream.PING_PERIOD_S, self.send_ping)

    def send_ping(self) -> None:
        self.say(stream.Ping())
        self.ping = self.loop.call_later(stream.PING_PERIOD_S, self.send_ping)

    def data_received(self, data: bytes) -> None:
        for message in self.reader.feed(data):
            if isinstance(message, stream.Start):
                if self.free_since:
                    self.waits_ms.append((time.perf_counter() - self.free_since.pop(0)) * 1000)
                if self.options.task_ms:
                    delay = self.chance.expovariate(1 / self.options.task_ms) / 1000
                    self.loop.call_later(delay, self.finish, message.run, delay)
                else:
                    self.finish(message.run, 0.0)
            elif isinstance(message, stream.Refuse):
                print(f"refused: {message.text}", file=sys.stderr)

    def finish(self, run: int, elapsed_s: float) -> None:
        self.done += 1
        if len(self.waits_ms) < 200_000:
            self.free_since.append(time.perf_counter())
        self.say(
            stream.Finished(run, RunEnd.SUCCESS, 0, 0, elapsed_s, 100, cpu_s=0.0,
                            memory_peak_mb=1, output_size=0)
        )  # fmt: skip

    def say(self, message: object) -> None:
        self.outbox.append(message)
        if not self.flush_due:
            self.flush_due = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        self.flush_due = False
        self.transport.write(stream.encode_frame(self.outbox))
        self.outbox = []


async def run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    chance = random.Random(options.seed)
    renders: list[SimRender] = []
    for n in range(options.renders):
        _, render = await loop.create_connection(
            lambda n=n: SimRender(f"{options.prefix}{n:04}", options, chance),
            options.host, options.port,
        )  # fmt: skip
        renders.append(render)
    print("connected", flush=True)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    waits = sorted(wait for render in renders for wait in render.waits_ms)

    def quantile(share: float) -> float:
        return round(waits[min(len(waits) - 1, int(share * len(waits)))], 3) if waits else 0.0

    print(
        json.dumps({
            "done": sum(render.done for render in renders),
            "wait_ms_p50": quantile(0.5),
            "wait_ms_p99": quantile(0.99),
        }),
        flush=True,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--renders", type=int, default=100)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--task-ms", type=float, default=0.0)
    parser.add_argument("--prefix", default="sim")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
