"""Load and equipment of this host: the standard fields of SEMANTICS 10.

Rates (``*_kbsec``, CPU percentages, ``hdd_busy``) are differences between two samples; the first
sample has zeros there. Everything is a whole number, sizes in MB or GB of 2**20 and 2**30 bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

import psutil

_MB: Final = 1 << 20
_GB: Final = 1 << 30
CPU_MHZ_UNKNOWN: Final = 2000
GPU_QUERY: Final = (
    "nvidia-smi",
    "--query-gpu=utilization.gpu,temperature.gpu,memory.total,memory.used,name",
    "--format=csv,noheader,nounits",
)
GPU_TIMEOUT_S: Final = 5.0
#: Network interfaces are looked at so often.
NETIFS_PERIOD_S: Final = 60.0
_CPU_PARTS: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq")
_WHOLE_DISKS_NOT: Final = re.compile(r"loop|ram|zram|sr|fd|dm-|md")
_CHASSIS: Final = {"3": "desktop", "7": "tower", "9": "laptop", "10": "laptop", "17": "rack",
                   "23": "rack", "28": "blade"}  # fmt: skip


class _DiskCounters(Protocol):
    read_bytes: int
    write_bytes: int
    busy_time: int


class _Counters(NamedTuple):
    """What the system counts up, at one moment."""

    mono: float
    cpu: dict[str, float]
    #: Per whole disk: bytes read, bytes written, milliseconds busy.
    disks: dict[str, tuple[int, int, int]]
    received: int
    sent: int


def interfaces() -> list[dict[str, object]]:
    """``name``, ``mac`` and ``addresses`` of each interface that has both."""
    found: list[dict[str, object]] = []
    for name, parts in psutil.net_if_addrs().items():
        macs = [one.address for one in parts if one.family == psutil.AF_LINK]
        addresses = [
            one.address.partition("%")[0]
            for one in parts
            if one.family in (socket.AF_INET, socket.AF_INET6)
        ]
        if macs and addresses and macs[0].replace("-", ":") != "00:00:00:00:00:00":
            found.append({"name": name, "mac": macs[0].replace("-", ":"), "addresses": addresses})
    return found


class Sampler:
    """Takes samples; remembers the last one for the rates.

    ``hdd_path`` is the file system whose space is reported (af_render_hddspace_path), ``networks``
    a regular expression of interfaces that count (af_render_networkif; "" = all but loopback),
    ``monotonic`` the clock of the rates, ``proc`` and ``sys`` where the kernel's files are.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        hdd_path: str = "/",
        networks: str = "",
        macs: Sequence[str] = (),
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
    ) -> None:
        self._monotonic = monotonic
        self._hdd_path = hdd_path
        self._networks = re.compile(networks) if networks else None
        self._macs = list(macs)
        self._netifs: list[dict[str, object]] = []
        self._netifs_at = -NETIFS_PERIOD_S
        self._proc = proc
        self._sys = sys
        self._last: _Counters | None = None
        self._mhz_max = 0.0
        self._hw_info = hardware(proc, sys)
        self._gpu: dict[str, object] = gpu_fields("")

    def sample(self) -> dict[str, object]:
        """All standard fields, now."""
        values: dict[str, object] = {"cpu_num": os.cpu_count() or 1}
        values["cpu_mhz"] = self._mhz()
        values["cpu_temp"] = self._temperature()
        values["cpu_loadavg"] = [min(255, round(load * 10)) for load in os.getloadavg()]
        values.update(self._memory())
        values.update(self._disk_space())
        counters = self._count()
        values.update(rates(self._last or counters, counters))
        self._last = counters
        values.update(self._gpu)
        values["hw_info"] = self._hw_info
        values["netifs"] = self._interfaces(counters.mono)
        values["logged_in_users"] = sorted({user.name for user in psutil.users()})
        return values

    def _interfaces(self, mono: float) -> list[dict[str, object]]:
        """Network interfaces with a MAC address; what the operator named wakes the host."""
        if mono - self._netifs_at >= NETIFS_PERIOD_S:
            self._netifs_at = mono
            named = [{"name": f"named{n}", "mac": mac} for n, mac in enumerate(self._macs)]
            self._netifs = [dict(one) for one in named] or interfaces()
        return self._netifs

    def read_gpu(self) -> None:
        """Ask for the first GPU; takes long, so it is for a thread. No tool: no GPU."""
        self._gpu = gpu_fields(query_gpu())

    def _mhz(self) -> int:
        """The most seen; the frequency of an idle core says nothing."""
        for line in _text(self._proc / "cpuinfo").splitlines():
            if line.startswith("cpu MHz"):
                self._mhz_max = max(self._mhz_max, float(line.partition(":")[2]))
        top = _text(self._sys / "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").strip()
        if top.isdigit():
            self._mhz_max = max(self._mhz_max, int(top) / 1000)
        return round(self._mhz_max) or CPU_MHZ_UNKNOWN

    def _temperature(self) -> int:
        """The hottest sensor in °C, 0 = unknown."""
        hottest = 0.0
        for path in self._sys.glob("class/hwmon/hwmon*/temp*_input"):
            text = _text(path).strip()
            if text.isdigit():
                hottest = max(hottest, int(text) / 1000)
        return round(hottest)

    def _memory(self) -> dict[str, object]:
        memory = psutil.virtual_memory()
        swap_total, swap_free = self._swap()
        return {
            "mem_total_mb": memory.total // _MB,
            "mem_free_mb": memory.available // _MB,
            "mem_cached_mb": getattr(memory, "cached", 0) // _MB,
            "mem_buffers_mb": getattr(memory, "buffers", 0) // _MB,
            "swap_total_mb": swap_total // 1024,
            "swap_used_mb": (swap_total - swap_free) // 1024,
        }

    def _swap(self) -> tuple[int, int]:
        """Total and free swap in kB."""
        found = {"SwapTotal": 0, "SwapFree": 0}
        for line in _text(self._proc / "meminfo").splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0])
        return found["SwapTotal"], found["SwapFree"]

    def _disk_space(self) -> dict[str, object]:
        try:
            usage = psutil.disk_usage(self._hdd_path)
        except OSError:
            return {"hdd_total_gb": 0, "hdd_free_gb": 0}
        return {"hdd_total_gb": usage.total // _GB, "hdd_free_gb": usage.free // _GB}

    def _count(self) -> _Counters:
        cpu = psutil.cpu_times()
        disks: dict[str, tuple[int, int, int]] = {}
        counted = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        for name, raw in counted.items():
            if _WHOLE_DISKS_NOT.match(name) or not (self._sys / "block" / name).exists():
                continue
            disk = cast(_DiskCounters, raw)
            disks[name] = (disk.read_bytes, disk.write_bytes, getattr(disk, "busy_time", 0))
        received = sent = 0
        for name, net in psutil.net_io_counters(pernic=True, nowrap=False).items():
            if name == "lo" or (self._networks and not self._networks.fullmatch(name)):
                continue
            received += net.bytes_recv
            sent += net.bytes_sent
        parts = {part: float(getattr(cpu, part, 0.0)) for part in (*_CPU_PARTS, "steal")}
        return _Counters(self._monotonic(), parts, disks, received, sent)


def rates(before: _Counters, after: _Counters) -> dict[str, object]:
    """The fields that are differences of two samples."""
    spent = {part: max(0.0, after.cpu[part] - before.cpu[part]) for part in after.cpu}
    total = sum(spent.values())
    values: dict[str, object] = {
        f"cpu_{part}": round(100 * spent[part] / total) if total else 0 for part in _CPU_PARTS
    }
    seconds = after.mono - before.mono
    read = written = busy = 0.0
    for name, (now_read, now_written, now_busy) in after.disks.items():
        old = before.disks.get(name, (now_read, now_written, now_busy))
        read += now_read - old[0]
        written += now_written - old[1]
        busy = max(busy, now_busy - old[2])

    def per_second(amount: float, unit: float = 1024.0) -> int:
        return max(0, round(amount / unit / seconds)) if seconds > 0 else 0

    values["hdd_rd_kbsec"] = per_second(read)
    values["hdd_wr_kbsec"] = per_second(written)
    values["hdd_busy"] = min(100, per_second(busy, 10.0))
    values["net_recv_kbsec"] = per_second(after.received - before.received)
    values["net_send_kbsec"] = per_second(after.sent - before.sent)
    return values


def has_gpu_tool() -> bool:
    """Whether there is a tool to ask about a GPU."""
    return shutil.which(GPU_QUERY[0]) is not None


def query_gpu() -> str:
    """The tool's answer, "" when there is none."""
    try:
        done = subprocess.run(
            GPU_QUERY, capture_output=True, timeout=GPU_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def gpu_fields(answer: str) -> dict[str, object]:
    """The GPU fields from the first line of the tool's answer."""
    words = [word.strip() for word in answer.partition("\n")[0].split(",")]
    numbers = [int(word) if word.isdigit() else 0 for word in words[:4]]
    numbers += [0] * (4 - len(numbers))
    return {
        "gpu_gpu_util": numbers[0],
        "gpu_gpu_temp": numbers[1],
        "gpu_mem_total_mb": numbers[2],
        "gpu_mem_used_mb": numbers[3],
        "gpu_string": ", ".join(words[4:]),
    }


def hardware(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> str:
    """Processor model and kind of machine, in one line."""
    model, virtual = "", False
    for line in _text(proc / "cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name" and not model:
            model = " ".join(value.replace("(R)", "").replace("(TM)", "").split())
        elif name.strip() == "flags" and " hypervisor" in value:
            virtual = True
    number = _text(sys / "class/dmi/id/chassis_type").strip()
    kind = "virtual" if virtual else _CHASSIS.get(number, "")
    return ", ".join(part for part in (model, kind) if part)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
