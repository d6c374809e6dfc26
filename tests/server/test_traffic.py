"""Traffic: kinds of requests, and the bytes of frames shared out to their messages."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from afanasy.model.clock import Now
from afanasy.model.reading import Reader
from afanasy.server.show.get_request import GetRequest
from afanasy.server.show.get_stats import stats_answer
from afanasy.server.traffic import KINDS_MAX, OTHER, Traffic, kind_of
from afanasy.wire import stream


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"get": {"type": "jobs", "mode": "full"}}, "get jobs full"),
        ({"strict": True, "get": {"type": "renders"}}, "get renders"),
        ({"get": {"type": "jobs", "mode": ["progress", "info"]}}, "get jobs progress"),
        ({"get": {"type": 5, "mode": {}}}, "get"),
        ({"get": 5}, "get"),
        ({"action": {"type": "jobs", "operation": {"type": "skip"}}}, "action jobs skip"),
        ({"action": {"type": "renders", "params": {}}}, "action renders params"),
        ({"action": {"type": "jobs", "operation": 1}}, "action jobs"),
        ({"job": {}}, "job"),
        ({"user": {"name": "anna"}}, "user"),
        ({"x": 1}, "unknown"),
        ({}, "unknown"),
        ({"get": {"type": "a\nb"}}, "get 'a\\nb'"),
        ({"get": {"type": "x" * 5000}}, "get " + "x" * 32),
    ],
)
def test_kinds_of_requests(body: dict[str, Any], kind: str) -> None:
    assert kind_of(body) == kind


def test_requests_are_summed_up() -> None:
    traffic = Traffic()
    traffic.request("job", 100, 20, 0.5)
    traffic.request("job", 50, 30, 0.25)
    traffic.waited("job", 0.125)
    count = traffic.requests["job"]
    assert (count.count, count.bytes_in, count.bytes_out) == (2, 150, 50)
    assert (count.time_s, count.time_max_s, count.commit_s) == (0.75, 0.5, 0.125)


def test_kinds_are_bounded() -> None:
    traffic = Traffic()
    for n in range(KINDS_MAX * 2):
        traffic.request(f"get {n}", 1, 1, 0.0)
    assert len(traffic.requests) == KINDS_MAX + 1
    assert traffic.requests[OTHER].count == KINDS_MAX


def test_bytes_of_frames_are_shared_out() -> None:
    traffic = Traffic()
    messages: list[stream.ToServer] = [
        stream.Output(1, 0, b"x" * 3000), stream.Ping(), stream.Ping(),
    ]  # fmt: skip
    for message in messages:
        traffic.came(message, perf_counter())
    traffic.frames_came(messages, 4300)
    output, ping = (traffic.from_renders[kind] for kind in (stream.Output, stream.Ping))
    assert (output.count, output.bytes_in) == (1, 4100)
    assert (ping.count, ping.bytes_in) == (2, 200)
    traffic.sent([stream.Ack([1]), stream.Ping()], 30, 0.5)
    traffic.sent([stream.Ping()], 10, 0.125)
    ping = traffic.to_renders[stream.Ping]
    assert (ping.count, ping.bytes_out, ping.time_s, ping.time_max_s) == (2, 25, 0.375, 0.25)


def test_what_is_told() -> None:
    traffic = Traffic(wall_s=1000.0, mono_s=5.0)
    traffic.request("job", 100, 20, 0.5)
    traffic.came(stream.Ping(), perf_counter())
    traffic.sent([stream.Ping()], 10, 0.125)
    traffic.connections["http"].opened()
    traffic.connections["http"].closed()
    stats = stats_answer(traffic, GetRequest(Reader(strict=True)), Now(12.5, 2000.0))["stats"]
    assert (stats["since"], stats["uptime_s"]) == (1000, 7.5)
    assert stats["connections"]["http"] == {"now": 0, "total": 1}
    kinds = [(one["kind"], one["direction"], one["count"]) for one in stats["messages"]]
    assert kinds == [("job", "request", 1), ("ping", "from render", 1), ("ping", "to render", 1)]
