"""JSON in and out: what is accepted, what is refused and in which words."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afanasy.wire import json_text
from afanasy.wire.errors import JsonError
from afanasy.wire.json_text import DEPTH_MAX, decode_json, encode_info, encode_json

texts = st.text(st.characters(exclude_categories=[]), max_size=20)  # lone surrogates included
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)  # fmt: skip
# What parsers stumble over, in any order.
tokens = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "\\", "\\u", "d800", "dc00", "1", "-", "1e999", "0", ".5",
     "true", "null", "NaN", "-Infinity", " ", "\n", "\x00", "\ufeff", "/*", "é", "a" * 50]
)  # fmt: skip
soup = st.lists(tokens, max_size=40).map("".join).map(str.encode) | st.binary(max_size=60)


@given(values)
@example({"\ud800": [1e308, 2**70, "\udfff\ud800", "\U0001f600"]})
def test_what_is_written_is_read_back(value: Any) -> None:
    written = encode_json(value)
    assert decode_json(written) == value
    assert json.loads(written.decode("utf-8")) == value


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_reads_what_the_standard_library_writes(
    value: Any, indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # only an escape can carry a lone surrogate
        data = json.dumps(value).encode()
    assert decode_json(data) == value


@given(soup)
@example(b"[" * 5000)
@example(b'{"":' * 5000)
@example(b'"\\ud800' + b"[" * 5000)
@example(b"-" + b"9" * 5000)
@example(b'"\\ud800' + b'",1e999]')
def test_any_bytes_give_a_value_or_a_json_error(data: bytes) -> None:
    try:
        value = decode_json(data)
    except JsonError:
        return
    assert value == json.loads(data.removeprefix(b"\xef\xbb\xbf"))


@given(st.lists(tokens, max_size=30).map("".join), st.integers(0, 100), st.binary(max_size=5))
def test_depth_is_counted_outside_of_strings(text: str, levels: int, padding: bytes) -> None:
    brackets = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '[[{{"'
    string = json.dumps(brackets)
    body = "[" * levels + string + ("]" * levels) + padding.decode("latin-1").replace('"', "")
    assert json_text._depth(body.encode()) >= levels
    assert json_text._depth(("[" * levels + string + "]" * levels).encode()) == levels


def test_a_bom_is_dropped_and_the_last_key_wins() -> None:
    assert decode_json(b'\xef\xbb\xbf{"a":1,"a":{"b":2}}') == {"a": {"b": 2}}
    assert decode_json(b'{"a":1,"a":"\\ud800"}') == {"a": "\ud800"}


def test_views_and_bytearrays_are_read() -> None:
    assert decode_json(memoryview(b"[1]")) == decode_json(bytearray(b"[1]")) == [1]


def test_integers_beyond_64_bits_reach_the_reader_of_the_member() -> None:
    assert decode_json(b'{"priority":123456789012345678901234567890}') == {
        "priority": 123456789012345678901234567890
    }


@pytest.mark.parametrize(
    ("body", "message", "position"),
    [
        (b'{"get":', "Expecting value (at character 7 of 7)", 7),
        (b"", "Expecting value (at character 0 of 0)", 0),
        (b"{} x", "Extra data (at character 3 of 4)", 3),
        (b'{"a":1/**/}', "Expecting ',' delimiter (at character 6 of 11)", 6),
        (b'["a\nb"]', "Invalid control character at (at character 3 of 7)", 3),
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte (at byte 6 of 9)", 6),
        (b'"\xed\xa0\x80"', "not UTF-8: invalid continuation byte (at byte 1 of 5)", 1),
        (b"[NaN]", "NaN is no JSON", -1),
        (b"[-Infinity]", "-Infinity is no JSON", -1),
        (b"[1e400]", "the number 1e400 is out of range", -1),
        (b"9" * 5000, "an integer of 5000 digits", -1),
        (b"[" * 65 + b"]" * 65, "JSON of 65 levels; the most is 64", -1),
        (b"[" * 1_000_000, "JSON of 1000000 levels; the most is 64", -1),
        (b'{"a":' * 100_000, "JSON of 100000 levels; the most is 64", -1),
        (b"[" + b"," * 8_000_000, "a request of about 8000001 values; the most is 8000000", -1),
    ],
)  # fmt: skip
def test_every_refusal_has_its_words(body: bytes, message: str, position: int) -> None:
    with pytest.raises(JsonError) as caught:
        decode_json(body)
    assert caught.value.message == message
    assert caught.value.position == position


def test_the_length_has_a_cap_of_its_own() -> None:
    with pytest.raises(JsonError, match="a request of 67108865 bytes; the most is 67108864"):
        decode_json(bytes(64 * 1024 * 1024 + 1))
    assert decode_json(b"[1]", bytes_max=3) == [1]
    with pytest.raises(JsonError, match="a request of 4 bytes; the most is 3") as caught:
        decode_json(b"[12]", bytes_max=3)
    assert "append_tasks" in caught.value.sentence()


def test_64_levels_are_fine_also_with_brackets_in_strings() -> None:
    body = b"[" * DEPTH_MAX + b'"[[[[ \\" {{{{ \\\\", "[", "]"' + b"]" * DEPTH_MAX
    value = decode_json(body)
    for _ in range(DEPTH_MAX - 1):
        assert isinstance(value, list)
        value = value[0]
    assert value == ['[[[[ " {{{{ \\', "[", "]"]


def test_lone_surrogates_are_sent_escaped_and_infinities_are_null() -> None:
    value = {"file": "a\udcff", "load": [math.nan, math.inf, 1.5], 7: (1, 2)}
    assert encode_json(value) == b'{"file":"a\\udcff","load":[null,null,1.5],"7":[1,2]}'
    assert encode_json({"load": math.inf}) == b'{"load":null}'


def test_structs_are_written_in_both_ways() -> None:
    class Shot(msgspec.Struct):
        name: str

    assert encode_json([Shot("a")]) == b'[{"name":"a"}]'
    assert encode_json([Shot("\udcff")]) == b'[{"name":"\\udcff"}]'


def test_what_json_cannot_say_is_our_fault() -> None:
    with pytest.raises(TypeError):
        encode_json({"a": object()})
    assert encode_info("error", 'say "no"') == b'{"info":{"kind":"error","text":"say \\"no\\""}}'
