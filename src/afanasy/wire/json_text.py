"""JSON in and out: the one pair of functions that every request and answer goes through (R51).

**Reading.** A body is first measured, then parsed. Measuring costs a few passes in C and refuses
what would hurt a parser or the memory: more than :data:`BODY_BYTES_MAX` bytes, more than
:data:`DEPTH_MAX` levels, more than :data:`VALUES_MAX` values (64 MiB of ``[],[],`` would become
gigabytes of lists). Then msgspec reads it. Whatever msgspec refuses is read again by the standard
library, for two reasons: it accepts lone surrogates, which scripts send in file names that are not
UTF-8, and its messages say where the mistake is.

The dialect is strict JSON: no comments, no trailing commas, nothing after the value, no NaN. A BOM
in front is dropped. Of a repeated key the last one wins. Integers may exceed 64 bits: it is the
reader of the member that knows its bounds and names the field (R49).

**Writing.** Always valid JSON: NaN and infinities become ``null``; a text with a lone surrogate is
written by the standard library, all in ASCII, the surrogate as its ``\\u`` escape.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Any, Final, NoReturn, cast

import msgspec

from afanasy.wire.errors import JsonError

#: The longest body that is accepted, in bytes (PROTOCOL 1.5).
BODY_BYTES_MAX: Final = 64 * 1024 * 1024
#: Levels of arrays and objects, the root counted.
DEPTH_MAX: Final = 64
#: Arrays, objects and commas of one body. A full body of ordinary tasks has about 3 million.
VALUES_MAX: Final = 8_000_000

_BOM = b"\xef\xbb\xbf"
_STRUCTURE = b'[]{}"'
_OTHERS = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
#: An opening bracket as +1, a closing one as -1 (255 read as a signed byte).
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_STRING = re.compile(rb'"[^"]*"?')
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode_json(data: bytes | bytearray | memoryview, *, bytes_max: int = BODY_BYTES_MAX) -> object:
    """The value that ``data`` holds. Raises JsonError, the sender's fault, and nothing else."""
    check_body_length(len(data), bytes_max)
    body = bytes(data).removeprefix(_BOM)
    _check_shape(body)
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_slowly(body)


def encode_json(value: object) -> bytes:
    """``value`` as JSON in UTF-8. Raises TypeError for what JSON cannot say: our own fault."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        plain = _without_infinities(msgspec.to_builtins(value))
        return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii")


def encode_info(kind: str, text: str) -> bytes:
    """The answer ``{"info":{"kind":…,"text":…}}`` (PROTOCOL 2.1)."""
    return encode_json({"info": {"kind": kind, "text": text}})


def check_body_length(length: int, bytes_max: int = BODY_BYTES_MAX) -> None:
    """Refuse a body of that many bytes. Raises JsonError; called before the body is awaited."""
    if length > bytes_max:
        raise JsonError(
            f"a request of {length} bytes; the most is {bytes_max}",
            hint="send a big job in pieces: append_blocks, append_tasks",
        )


# ---------------------------------------------------------------------------------- reading


def _check_shape(body: bytes) -> None:
    """Refuse too many levels and too many values before anything is parsed."""
    brackets = body.count(b"[") + body.count(b"{")
    values = brackets + body.count(b",")
    if values > VALUES_MAX:
        raise JsonError(
            f"a request of about {values} values; the most is {VALUES_MAX}",
            hint="send a big job in pieces: append_blocks, append_tasks",
        )
    depth = _depth(body) if brackets > DEPTH_MAX else 0
    if depth > DEPTH_MAX:
        raise JsonError(f"JSON of {depth} levels; the most is {DEPTH_MAX}")


def _depth(body: bytes) -> int:
    """How many brackets are open at once, at most; brackets in strings do not count."""
    if b"\\" in body:  # pairs first: in \\" the quote ends the string, in \" it does not
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Strings are now what stands between two quotes. Those without brackets vanish in one pass;
    # where an end meets the next beginning both strings are joined: the outside stays as it is.
    marks = body.translate(None, _OTHERS).replace(b'""', b"")
    if b'"' in marks:
        marks = _STRING.sub(b"", marks)
    steps = memoryview(marks.translate(_STEPS)).cast("b")
    return max(accumulate(steps), default=0)


def _decode_slowly(body: bytes) -> object:
    """Read with the standard library what msgspec refused, or say what is wrong with it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(
            f"not UTF-8: {error.reason} (at byte {error.start} of {len(body)})",
            position=error.start,
        ) from None
    try:
        return json.loads(
            text,
            parse_int=_read_int,
            parse_float=_read_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise JsonError(
            f"{error.msg} (at character {error.pos} of {len(text)})", position=error.pos
        ) from None
    except RecursionError:
        raise JsonError("JSON of too many levels") from None


def _read_int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # the interpreter's limit, 4,300 digits
        raise JsonError(f"an integer of {len(digits)} digits") from None


def _read_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonError(f"the number {digits[:40]} is out of range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is no JSON")


# ---------------------------------------------------------------------------------- writing


def _without_infinities(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        pairs = cast("dict[object, Any]", value)
        return {key: _without_infinities(item) for key, item in pairs.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(item) for item in cast("list[Any]", value)]
    return value
