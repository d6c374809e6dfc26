"""What a seed draws of needs: what work asks of hosts, and what its commands take of them.

A command never takes more than its block needs. Commands of blocks that say nothing may take
something too, as in life; nobody promised that to them.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

#: Paths of branches that jobs and people name; those of pools.
BRANCHES: Final = ("/film", "/film", "/film/shot", "/tv")
POOLS: Final = ("/a", "/a/b", "/c")
TICKETS: Final = ("rlm", "usd")
SERVICES: Final = ("generic", "generic", "generic", "nuke", "nuke", "maya", "houdini")
PROPERTIES: Final = ("fast", "fast|ssd", "ssd")
#: Members that take all needs of a job, user or branch back.
NO_NEEDS: Final[dict[str, Any]] = {
    "need_memory": -1, "need_hdd": -1, "need_power": -1, "need_os": "", "need_properties": "",
    "pools": {},
}  # fmt: skip
_POOL_MAPS: Final[tuple[dict[str, int], ...]] = (
    {"/a": 100}, {"/a": -100}, {"b": 50, "/c": -20}, {"/a/b": -100, "/a": 10}, {"/c": 100, "/x": 5},
    {"nowhere": 100, "/": 1}, {"/a": 0, "/c": 100},
)  # fmt: skip


def _some(random: Random, probability: float, members: dict[str, Any], **values: Any) -> None:
    if random.random() < probability:
        members.update(values)


def needs_of_block(random: Random) -> dict[str, Any]:
    """Members of a block."""
    needs: dict[str, Any] = {}
    memory = random.choice((500, 1500, 3000, 3000, 3000, 6000, 6000, 14_000))
    _some(random, 0.4, needs, need_memory=memory)
    _some(random, 0.15, needs, need_hdd=random.choice((5, 30, 40, 60, 300)))
    _some(random, 0.03, needs, need_power=random.choice((0, 1, 5)))
    _some(random, 0.02, needs, need_properties=random.choice(PROPERTIES))
    _some(random, 0.06, needs, need_cpu_cores=random.choice((2, 4, 8, 16)))
    _some(random, 0.04, needs, need_cpu_freq_mgz=random.choice((2000, 2400, 3000)))
    _some(random, 0.04, needs, need_cpu_freq_cores=random.choice((6000, 12_000, 24_000)))
    _some(random, 0.08, needs, need_gpus=random.choice((1, 1, 2)))
    _some(random, 0.06, needs, need_gpu_mem_mb=random.choice((1000, 2000, 4000, 6000)))
    if random.random() < 0.4:
        names = random.choice((("rlm",), ("rlm",), ("usd",), TICKETS))
        needs["tickets"] = {name: random.choice((1, 1, 2)) for name in names}
    return needs


def load_of_command(random: Random, needs: dict[str, Any]) -> dict[str, Any]:
    """What a command of such a block takes (:class:`afanasy.sim.memory.Load`)."""
    load: dict[str, Any] = {}
    if "need_memory" in needs:
        load["mem"] = needs["need_memory"]
    else:
        _some(random, 0.3, load, mem=random.choice((200, 900, 2500)))
    if "need_hdd" in needs:
        load["hdd"] = random.choice((0, needs["need_hdd"]))
    if "need_gpu_mem_mb" in needs:
        load["gpu"] = needs["need_gpu_mem_mb"]
    return load


def needs_of_work(random: Random, rarity: float = 1.0) -> dict[str, Any]:
    """Members of a job, user or branch."""
    needs: dict[str, Any] = {}
    _some(random, 0.06 * rarity, needs, need_memory=random.choice((1000, 4000, 9000)))
    _some(random, 0.05 * rarity, needs, need_hdd=random.choice((10, 60)))
    _some(random, 0.02 * rarity, needs, need_power=random.choice((0, 0, 1)))
    _some(random, 0.04 * rarity, needs, need_os=random.choice(("linux", "linux|mac", "windows")))
    _some(random, 0.01 * rarity, needs, need_properties=random.choice(PROPERTIES))
    _some(random, 0.06 * rarity, needs, pools=dict(random.choice(_POOL_MAPS)))
    return needs
