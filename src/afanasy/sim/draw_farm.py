"""What a seed draws of the farm itself: machines, and the farm files that its people write."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

from afanasy.sim.draw_needs import PROPERTIES, SERVICES
from afanasy.sim.plan import FarmFile, Machine, PatternPlan

_MASKS: Final = ("r0", "r[01]", "r[1-3]", "r[2-4]", "r.*", "x.*")


def machine(random: Random) -> Machine:
    """One computer."""
    gpus = random.choice((0, 1, 1, 1, 2))
    return Machine(
        memory_mb=random.choice((4000, 8000, 8000, 12_000, 16_000)),
        hdd_gb=random.choice((50, 100, 100, 200)),
        cpu_num=random.choice((4, 8, 16)),
        cpu_mhz=random.choice((2400, 3000, 3600)),
        gpu_num=gpus,
        gpu_mem_mb=random.choice((4000, 8000)) if gpus else 0,
        os=random.choice(("linux 64", "linux 64", "linux 64", "linux 64", "windows 64", "macosx")),
    )


def farm_file(random: Random, number: int, *, may_be_bad: bool = True) -> FarmFile:
    """The farm file that somebody writes; the first pattern is for every host."""
    patterns = [_pattern(random, 0)]
    patterns += [_pattern(random, n) for n in range(1, random.choice((1, 1, 2, 3)))]
    limits: dict[str, tuple[int, int]] = {}
    for service in ("nuke", "maya", "generic"):
        if random.random() < 0.35:
            count, hosts = random.choice(((1, -1), (2, -1), (3, 1), (-1, 1), (-1, 2), (2, 2)))
            limits[service] = (count, hosts)
    if random.random() < 0.02:
        limits["houdini"] = (0, -1)
    last = random.random() < 0.1
    bad = may_be_bad and random.random() < 0.25
    write, suffix = random.choice(((_xml, "xml"), (_json, "json")))
    text = write(patterns, limits, last=last, bad=bad)
    if bad:
        return FarmFile(f"/farm {number}.{suffix}", text, bad=True)
    return FarmFile(
        f"/farm {number}.{suffix}", text, last_match=last, patterns=tuple(patterns), limits=limits
    )


def _pattern(random: Random, number: int) -> PatternPlan:
    said: tuple[tuple[str, float, int | str], ...] = (
        ("capacity", 0.5, random.choice((1000, 2500, 4000))),
        ("maxtasks", 0.5, random.choice((1, 3, 5))),
        ("power", 0.5, random.choice((1, 5, 10))),
        ("properties", 0.4, random.choice((*PROPERTIES, "fast ssd big"))),
        ("os", 0.15, random.choice(("linux", "mac"))),
    )
    values = {name: value for name, probability, value in said if random.random() < probability}
    names: list[str] = []
    if number == 0:  # most work may run somewhere
        names = [name for name in dict.fromkeys(SERVICES) if random.random() < 0.94]
        if random.random() < 0.5:
            names = []  # it lists none: all may run
    else:
        names = [name for name in dict.fromkeys(SERVICES) if random.random() < 0.2]
    removed = ("maya",) if random.random() < 0.15 else ()
    return PatternPlan(
        f"pattern {number}",
        random.choice(_MASKS) if number else "",
        values,
        {name: random.choice((0, 0, 0, 1, 2)) for name in names},
        removed,
        clear=number > 0 and bool(names) and random.random() < 0.3,
    )


def _xml(
    patterns: list[PatternPlan], limits: dict[str, tuple[int, int]], *, last: bool, bad: bool
) -> str:
    lines = ['<farm match="last">' if last else "<farm>"]
    for one in patterns:
        lines.append(f'<pattern name="{one.name}">')
        if one.mask:
            lines.append(f"  <mask>{one.mask}</mask>")
        lines += [f"  <{name}>{value}</{name}>" for name, value in one.values.items()]
        lines += ["  <clearservices/>"] * one.clear
        lines += [f'  <remservice name="{name}"/>' for name in one.removed]
        for name, count in one.services.items():
            most = f' count="{count}"' if count else ""
            lines.append(f'  <service name="{name}"{most}/>')
        lines.append("</pattern>" if not bad else "</patern>")
    for name, (count, hosts) in limits.items():
        most = f' maxcount="{count}"' if count >= 0 else ""
        most += f' maxhosts="{hosts}"' if hosts >= 0 else ""
        lines.append(f'<service name="{name}"{most}/>')
    return "\n".join([*lines, "</farm>"])


def _json(
    patterns: list[PatternPlan], limits: dict[str, tuple[int, int]], *, last: bool, bad: bool
) -> str:
    farm: dict[str, Any] = {"match": "last"} if last else {}
    farm["limits"] = [
        {
            "service": name,
            **({"maxcount": count} if count >= 0 else {}),
            **({"maxhosts": hosts} if hosts >= 0 else {}),
        }
        for name, (count, hosts) in limits.items()
    ]
    farm["patterns"] = [
        {
            "name": one.name,
            **({"mask": one.mask} if one.mask else {}),
            **one.values,
            **({"clearservices": True} if one.clear else {}),
            **({"remservices": list(one.removed)} if one.removed else {}),
            "services": [
                {"name": name, "count": count} if count else name
                for name, count in one.services.items()
            ],
        }
        for one in patterns
    ]
    if bad:
        farm["patterns"][-1]["capacity"] = "much"
    return json.dumps({"farm": farm})
