"""Traffic: how many messages of each kind came and went, their bytes, and the time they took.

**Requests** (text frames and HTTP POST) are counted once, when their answer is handed over: bytes
of the request as it came, bytes of the answer as it goes, and the time between. Part of that time
is the wait for the commit (run contract 2), which is counted beside it. The kind is what PROTOCOL 2
calls the request: ``job``, ``get jobs full``, ``action jobs skip``.

**Messages of renders** travel many in a frame. Their count and time are exact. The bytes of a frame
of several kinds are shared out: pieces of output have what they carry, the rest is divided evenly.

Counting is on the way of every message, so it is two additions and an entry of a dict. Words of a
request are the sender's: kinds are bounded in length and number.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final, cast

from afanasy.model.reading import Raw
from afanasy.wire import stream

#: Kinds of requests that are told apart; what comes later counts as "other".
KINDS_MAX: Final = 400
WORD_MAX: Final = 32
OTHER: Final = "other"
#: A request that could not be read.
UNREADABLE: Final = "unreadable"
ROOTS: Final = ("get", "action", "job", "monitor", "user", "reload_config", "announce", "save")
#: Bytes in base64.
_BASE64: Final = 4 / 3


class Count:
    """One kind of message."""

    __slots__ = ("bytes_in", "bytes_out", "commit_s", "count", "time_max_s", "time_s")

    def __init__(self) -> None:
        self.count = 0
        self.bytes_in = 0.0
        self.bytes_out = 0.0
        #: Seconds in our hands: all together, and the longest.
        self.time_s = 0.0
        self.time_max_s = 0.0
        #: Seconds of these in which the commit was waited for.
        self.commit_s = 0.0

    def took(self, seconds: float) -> None:
        """One message was in our hands that long."""
        self.count += 1
        self.time_s += seconds
        if seconds > self.time_max_s:  # noqa: PLR1730 (a call would cost as much as all the rest)
            self.time_max_s = seconds


class Connections:
    """Connections of one protocol."""

    __slots__ = ("now", "total")

    def __init__(self) -> None:
        self.now = 0
        self.total = 0

    def opened(self) -> None:
        """One more."""
        self.now += 1
        self.total += 1

    def closed(self) -> None:
        """One less."""
        self.now -= 1


class Traffic:
    """All counts since the server's start. Used in the loop's thread alone."""

    def __init__(self, wall_s: float = 0.0, mono_s: float = 0.0) -> None:
        #: When counting began, by both clocks.
        self.since_wall = wall_s
        self.since_mono = mono_s
        self.requests: dict[str, Count] = {}
        self.from_renders: dict[type[stream.ToServer], Count] = {}
        self.to_renders: dict[type[stream.ToRender], Count] = {}
        self.connections = {name: Connections() for name in ("text", "http", "render")}

    # ---------------------------------------------------------------------------- requests

    def request(self, kind: str, bytes_in: int, bytes_out: int, seconds: float) -> None:
        """A request was answered."""
        count = self._of_request(kind)
        count.took(seconds)
        count.bytes_in += bytes_in
        count.bytes_out += bytes_out

    def waited(self, kind: str, seconds: float) -> None:
        """A request of the kind waited for its commit."""
        self._of_request(kind).commit_s += seconds

    def _of_request(self, kind: str) -> Count:
        count = self.requests.get(kind)
        if count is None:
            if len(self.requests) >= KINDS_MAX:
                kind = OTHER
            count = self.requests.setdefault(kind, Count())
        return count

    # ----------------------------------------------------------------------------- renders

    def came(self, message: stream.ToServer, began_s: float) -> float:
        """A message of a render was taken; ``began_s`` and the answer are of ``perf_counter``."""
        kind = type(message)
        count = self.from_renders.get(kind)
        if count is None:
            count = self.from_renders[kind] = Count()
        now = perf_counter()
        count.took(now - began_s)
        return now

    def frames_came(self, messages: list[stream.ToServer], size: int) -> None:
        """Share out the ``size`` bytes in which these messages came."""
        if len(messages) == 1:
            self.from_renders[type(messages[0])].bytes_in += size
            return
        loads = [_load(message) for message in messages]
        rest = max(0.0, size - sum(loads)) / len(messages)
        for message, load in zip(messages, loads, strict=True):
            self.from_renders[type(message)].bytes_in += rest + load

    def sent(self, messages: list[stream.ToRender], size: int, seconds: float) -> None:
        """A frame was made of these messages in so many seconds."""
        share = size / len(messages)
        each_s = seconds / len(messages)
        for message in messages:
            kind = type(message)
            count = self.to_renders.get(kind)
            if count is None:
                count = self.to_renders[kind] = Count()
            count.took(each_s)
            count.bytes_out += share


def _load(message: stream.ToServer) -> float:
    """Bytes of output that the message carries."""
    if isinstance(message, stream.Output):
        return len(message.data) * _BASE64
    if isinstance(message, stream.Finished):
        return len(message.output) * _BASE64
    return 0.0


def kind_of(body: Raw) -> str:
    """The kind of a request: its root and the words that say what it wants."""
    for root in ROOTS:
        if root in body:
            break
    else:
        return "unknown"
    if root not in ("get", "action"):
        return root
    value: Any = body[root]
    if not isinstance(value, dict):
        return root
    members = cast(Raw, value)
    what = ""
    if root == "get":
        if "mode" in members:
            what = _word(members["mode"])
    elif isinstance(members.get("operation"), dict):
        what = _word(cast(Raw, members["operation"]).get("type"))
    elif "params" in members:
        what = " params"
    return root + _word(members.get("type")) + what


def _word(value: object) -> str:
    """A word of a request, with a blank before it; modes of blocks may be several."""
    if isinstance(value, list) and value:
        value = cast("list[object]", value)[0]
    if not isinstance(value, str) or not value:
        return ""
    word = value[:WORD_MAX]
    return f" {word}" if word.isprintable() else f" {word!r}"
