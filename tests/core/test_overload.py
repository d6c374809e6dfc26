"""Hosts short of memory, swap or disk: RENDER_OVERLOAD (SEMANTICS 8.6, 12.2)."""

from __future__ import annotations

import json

import pytest

from afanasy.core import events
from afanasy.core.effects import Send
from harness.farm import StoryFarm

HOOK = "http://hooks.example/farm"
ROOMY = {
    "mem_total_mb": 1000, "mem_free_mb": 500, "swap_total_mb": 1000, "swap_used_mb": 100,
    "hdd_total_gb": 100, "hdd_free_gb": 50,
}  # fmt: skip


def settings(farm: StoryFarm, **values: int) -> None:
    farm.apply(events.ChangeSettings({f"af_render_overflow_{k}": v for k, v in values.items()}))


def pool(farm: StoryFarm, path: str = "/", **params: object) -> None:
    farm.apply(events.EditPool(path, params))


def report(farm: StoryFarm, seconds: int = 0, **values: int) -> list[str]:
    """Reports of ``a`` every five seconds, one at least; subjects of what was told."""
    for number in range(max(1, seconds // 5)):
        if number or seconds:
            farm.wait(5)
        farm.apply(events.RenderResources("a", {**ROOMY, **values}))
    found = [effect.message for effect in farm.take(Send)]
    for message in found:
        assert json.loads(message.text)["host_resources"]["mem_total_mb"] == 1000
        farm.apply(events.MessageSettled(message.key))
    return [message.subject for message in found]


@pytest.fixture
def short(farm: StoryFarm) -> StoryFarm:
    """Hosts with 10 % of free memory, or less, are told of after 60 seconds."""
    farm.edit("afadmin", webhook=HOOK)
    settings(farm, mem=10)
    pool(farm, overload_event_time=60)
    farm.render("a")
    return farm


def test_it_doubles_until_it_is_over(short: StoryFarm) -> None:
    farm = short
    assert report(farm, mem_free_mb=100) == []
    assert report(farm, 55, mem_free_mb=100) == []
    assert report(farm, 5, mem_free_mb=100) == ["RENDER_OVERLOAD - a"]
    assert report(farm, 55, mem_free_mb=50) == []
    assert report(farm, 5, mem_free_mb=50) == ["RENDER_OVERLOAD - a"]
    assert report(farm, 115, mem_free_mb=50) == []
    assert len(report(farm, 5, mem_free_mb=50)) == 1
    assert report(farm, mem_free_mb=101) == []
    assert report(farm, 60, mem_free_mb=0) == []
    assert len(report(farm, 5, mem_free_mb=0)) == 1


@pytest.mark.parametrize(
    ("key", "values", "enough"),
    [
        ("mem", {"mem_free_mb": 50}, {"mem_free_mb": 51}),
        ("swap", {"swap_used_mb": 950}, {"swap_used_mb": 949}),
        ("hdd", {"hdd_free_gb": 5}, {"hdd_free_gb": 6}),
    ],
)
def test_each_threshold(
    short: StoryFarm, key: str, values: dict[str, int], enough: dict[str, int]
) -> None:
    farm = short
    settings(farm, mem=-1)
    report(farm)
    assert report(farm, 100, **values) == [], "it is off"
    settings(farm, **{key: 5})
    report(farm, **enough)
    assert report(farm, 100, **enough) == []
    report(farm, **values)
    assert len(report(farm, 60, **values)) == 1


def test_a_host_without_swap_is_not_short_of_it(short: StoryFarm) -> None:
    settings(short, mem=-1, swap=100)
    assert report(short, 200, swap_total_mb=0, swap_used_mb=0) == []
    assert len(report(short, 65)) == 1


def test_the_pools_value_and_the_pool_change(short: StoryFarm) -> None:
    farm = short
    assert report(farm, 50, mem_free_mb=10) == []
    pool(farm, overload_event_time=30)
    assert len(report(farm, 5, mem_free_mb=10)) == 1
    farm.apply(events.OperatePool("/", "add_pool", name="quiet"))
    pool(farm, "/quiet", overload_event_time=0)
    farm.apply(events.OperateRender("a", "set_pool", pool="/quiet"))
    assert report(farm, 200, mem_free_mb=10) == []
    farm.apply(events.OperateRender("a", "set_pool", pool="/"))
    assert report(farm, 30, mem_free_mb=10) == [], "it begins anew"
    assert len(report(farm, 5, mem_free_mb=10)) == 1


def test_a_render_that_was_away_begins_anew(short: StoryFarm) -> None:
    farm = short
    report(farm, 55, mem_free_mb=10)
    farm.drop_link(farm.core.renders["a"])
    farm.wait(30)
    farm.come_back("a")
    assert report(farm, 60, mem_free_mb=10) == []
    assert len(report(farm, 5, mem_free_mb=10)) == 1


def test_a_restarted_server_counts_anew(short: StoryFarm) -> None:
    farm = short
    report(farm, 55, mem_free_mb=10)
    farm.restart_server()
    farm.come_back("a")
    assert report(farm, 60, mem_free_mb=10) == []
    assert len(report(farm, 5, mem_free_mb=10)) == 1


def test_a_mail_says_what_is_free(short: StoryFarm) -> None:
    farm = short
    farm.apply(events.ChangeSettings({"email_smtp_server": "mail.example"}))
    farm.edit("afadmin", webhook="", email="admin@example.org")
    for _ in range(14):
        farm.wait(5)
        farm.apply(events.RenderResources("a", {**ROOMY, "mem_free_mb": 20}))
    (effect,) = farm.take(Send, 1)
    assert "free memory: 2 %\nfree swap: 90 %\nfree disk: 50 %" in effect.message.text
    farm.apply(events.MessageSettled(effect.message.key))
