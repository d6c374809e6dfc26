"""The where-grammar: what holds, what is refused and where, and what never breaks it (R58)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from af import fields
from af.where import DEPTH_MAX, SHORT, WhereError, parse

NOW = 1_795_000_000.0
NODE: dict[str, Any] = {
    "id": 5, "name": "shot10_v2 (a)", "user_name": "anna", "host_name": "desk", "priority": 120,
    "state": " RDY RUN OFF", "time_creation": int(NOW) - 7200, "need_memory": 16 * 1024,
    "need_hdd": 20, "time_life": 86400, "hidden": True, "services": ["nuke", "blender"],
    "folders": {"output": "/prj/out"}, "blocks": [{"service": "nuke", "tasks_num": 3},
    {"service": "ffmpeg", "tasks_num": 10}], "host_resources": {"mem_free_mb": 2048},
    "net_recv_kbsec": 1024, "per": 5.5,
}  # fmt: skip


def local(*moment: int) -> int:
    return int(time.mktime((*moment, *[0] * (6 - len(moment)), 0, 0, -1)))


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "user=anna", "user_name=anna", "user!=kim", "host=desk", "USER_NAME='' or id=5",
        "name='shot10_v2 (a)'", 'name="shot10_v2 (a)"', "name=shot10*", "name=*10*a*", "name=*",
        "name~SHOT", "name~'v2 ('", "user<b", "user>=anna", "not user=kim", "not not user=anna",
        "state~RUN", "state~run", "state~'RDY OFF'", "state='OFF RDY RUN'", "state!=RUN",
        "not state~ERR", "state~RUN and not state~DON",
        "priority=120", "priority!=99", "priority>99", "priority<=120", "priority>=120.0",
        "priority<1e9 or id=5", "id=5", "id~5", "per>5", "per<5.6",
        "age>1h", "age<3h", "age=2h", "age>=2h", "age<=7200", "age>1h30m", "age!=3h",
        "need_memory>10GB", "need_memory=16GB", "need_memory<=16384MB", "need_memory>10000",
        "need_hdd>=20GB", "need_hdd<1TB", "host_resources.mem_free_mb<=2GB",
        "net_recv_kbsec=1MB", "time_life=1d", "time_life>12h", "time_life<2w",
        "hidden=true", "hidden=yes", "hidden!=no", "locked=false", "locked!=true",
        "services=nuke", "services=blender", "services~ENDER", "services!=maya",
        "folders=output", "folders.output=/prj/*", "blocks.service=ffmpeg", "blocks.tasks_num>5",
        "blocks.service!=maya", "annotation=''", "annotation!=x", "running_tasks_num=0",
        "p_tasks_error<1", "tasks_error<=0", "not max_running_tasks<5", "max_running_tasks!=3",
        "user=kim or user=anna", "user=kim and id=4 or id=5", "id=5 or user=kim and id=4",
        "(user=kim or user=anna) and (id=4 or id=5)", "( user = anna )", "user=anna AND id=5",
        "user=anna\nand\tid=5", r'name="shot10_v2 \(a\)"', "and=''", "not_there=''",
    ],
)  # fmt: skip
def test_it_holds(text: str) -> None:
    where = parse(text)
    assert where(NODE, NOW), text
    assert not parse(f"not ({text})")(NODE, NOW) if text.strip() else True


def test_moments_are_days_minutes_and_seconds() -> None:
    node = {"time_done": local(2026, 11, 23, 14, 30, 20), "tst": local(2026, 11, 23)}
    for text in (
        "time_done=2026-11-23", "time_done>=2026-11-23", "time_done<=2026-11-23",
        "time_done>2026-11-22", "time_done<2026-11-24", "time_done=2026-11-23T14:30",
        "time_done='2026-11-23 14:30'", "time_done=2026-11-23T14:30:20",
        "time_done>2026-11-23T14:29", "time_done!=2026-11-23T14:31", "tst=2026-11-23",
        f"time_done={node['time_done']}",
    ):  # fmt: skip
        assert parse(text)(node, NOW), text
    for text in ("time_done>2026-11-23", "time_done<2026-11-23", "time_done=2026-11-23T14:30:21"):
        assert not parse(text)(node, NOW), text


def test_words_that_differ_in_case_only() -> None:
    assert parse("state~NBY")({"state": " ONL NBY"}, NOW)
    assert not parse("state~NBY")({"state": " ONL NbY"}, NOW)
    assert parse("state~nby")({"state": " ONL NbY"}, NOW)


def test_age_counts_from_when_the_node_was_made() -> None:
    assert parse("age>1m")({"time_register": NOW - 100}, NOW)
    assert not parse("age>1m or age<1m")({"name": "x"}, NOW)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("user=", 5, "a value was expected after 'user='"),
        ("user", 4, "one of = != ~ < <= > >= was expected"),
        ("user anna", 5, "one of = != ~ < <= > >= was expected"),
        ("=anna", 0, "a comparison was expected"),
        ("user=anna and", 13, "a comparison was expected"),
        ("user=anna state~ERR", 10, "and, or, or the end was expected"),
        ("(user=anna", 0, "this parenthesis is never closed"),
        ("(user=anna id=5)", 11, "and, or, or a closing parenthesis"),
        ("user=anna)", 9, "this parenthesis was never opened"),
        ("name='shot", 5, "this quote is never closed"),
        ("name='a'b", 8, "a blank was expected"),
        ("user==anna", 5, "a value was expected after 'user='"),
        ("age>soon", 4, "age needs a duration"),
        ("age~2h", 4, "age is compared by"),
        ("time_done>2h", 10, "how long ago is asked by age"),
        ("time_done=yesterday", 10, "time_done needs a date"),
        ("time_done=2026-02-30", 10, "time_done needs a date"),
        ("usr=anna", 0, "there is no field 'usr'; did you mean 'user'?"),
        ("id=5 and frobnicate=1", 9, "there is no field 'frobnicate'"),
        ("(" * 60 + "id=5", DEPTH_MAX, "nested too deeply"),
        ("not " * 60 + "id=5", 4 * DEPTH_MAX, "nested too deeply"),
    ],
)
def test_it_is_refused_at_its_place(text: str, position: int, reason: str) -> None:
    with pytest.raises(WhereError) as caught:
        parse(text, fields.SHORT["jobs"], fields.known("jobs"))
    assert reason in str(caught.value)
    assert caught.value.position == position
    assert f"at character {position + 1} of" in str(caught.value)
    line, mark = caught.value.pointer().splitlines()
    assert line == text
    assert mark.index("^") == position


def test_a_clause_has_a_greatest_length() -> None:
    with pytest.raises(WhereError, match="at most 4000 characters"):
        parse("id=" + "5" * 4000)


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("user=anna", ["anna"]), ("user=anna and state~ERR", ["anna"]),
        ("state~ERR and (user=kim or user=anna)", ["anna", "kim"]), ("user='an*'", ["an*"]),
        ("user=an*", []), ("user=anna or state~ERR", []), ("not user=anna", []), ("", []),
        ("user!=anna", []), ("user~anna", []), ("user=''", []),
    ],
)  # fmt: skip
def test_what_a_field_must_equal(text: str, users: list[str]) -> None:
    assert parse(text).must_equal("user_name") == users


@pytest.mark.parametrize("kind", fields.TABLES)
def test_short_names_lead_to_documented_fields(kind: str) -> None:
    assert set(fields.SHORT[kind].values()) <= set(fields.TABLES[kind])
    for name in ("age", *fields.SHORT[kind]):
        value = "2h" if name == "age" else "x"
        parse(f"{name}={value}", fields.SHORT[kind], fields.known(kind))


# ------------------------------------------------------------------------------------ properties

names = st.sampled_from(["user", "name", "priority", "state", "need_memory", "age", "not_there"])
words = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=8)


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    name = draw(names)
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", *["~"] * (name != "age")]))
    if name == "age":
        return f"age{operator}{draw(st.sampled_from(['2h', '1h30m', '7', '3d']))}"
    word = draw(words)
    quoted = word.replace("\\", r"\\").replace('"', r"\"")
    return f'{name}{operator}"{quoted}"'


clauses = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda part: f"({part[0]} {part[1]} {part[2]})"
        ),
        inner.map(lambda text: f"not {text}"),
    ),
    max_leaves=12,
)
nodes = st.fixed_dictionaries(
    {},
    optional={
        "user_name": words,
        "name": words,
        "priority": st.integers(-5, 200),
        "state": st.lists(st.sampled_from(["RUN", "ERR", "NbY", "NBY"])).map(" ".join),
        "need_memory": st.integers(0, 10**6),
        "time_creation": st.integers(0, int(NOW)),
    },
)


@given(clauses, nodes)
def test_the_plain_form_means_the_same(text: str, node: dict[str, Any]) -> None:
    where = parse(text)
    again = parse(str(where), {})
    assert str(again) == str(where)
    assert again(node, NOW) is where(node, NOW)


@given(clauses, clauses, nodes)
def test_the_laws_of_logic_hold(one: str, other: str, node: dict[str, Any]) -> None:
    def holds(text: str) -> bool:
        return parse(text)(node, NOW)

    assert holds(f"not ({one})") is not holds(one)
    assert holds(f"{one} and {other}") is (holds(one) and holds(other))
    assert holds(f"{one} or {other}") is (holds(one) or holds(other))
    assert holds(f"not ({one} and {other})") is holds(f"not ({one}) or not ({other})")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_at_a_place_within_it(text: str) -> None:
    place = 0
    try:
        parse(text)(NODE, NOW)
    except WhereError as error:
        place = error.position
    assert 0 <= place <= len(text)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_stars_stand_for_any_characters(pattern: str, name: str) -> None:
    import fnmatch

    if pattern:
        assert parse(f"name={pattern}")({"name": name}, NOW) is fnmatch.fnmatchcase(name, pattern)


@given(clauses, nodes)
def test_what_must_be_equal_is_no_lie(text: str, node: dict[str, Any]) -> None:
    where = parse(text, SHORT)
    users = where.must_equal("user_name")
    if users and where(node, NOW):
        assert node["user_name"] in users
