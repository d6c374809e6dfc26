"""The standard fields of a host, against what the kernel says (SEMANTICS 10)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from afanasy.render import resources
from afanasy.render.resources import Sampler, gpu_fields, hardware, rates

FIELDS = {
    "cpu_num", "cpu_mhz", "cpu_temp", "cpu_loadavg", "cpu_user", "cpu_nice", "cpu_system",
    "netifs", "cpu_idle", "cpu_iowait", "cpu_irq", "cpu_softirq", "mem_total_mb", "mem_free_mb",
    "mem_cached_mb", "mem_buffers_mb", "swap_total_mb", "swap_used_mb", "hdd_total_gb",
    "hdd_free_gb", "hdd_rd_kbsec", "hdd_wr_kbsec", "hdd_busy", "net_recv_kbsec",
    "net_send_kbsec", "gpu_gpu_util", "gpu_gpu_temp", "gpu_mem_total_mb", "gpu_mem_used_mb",
    "gpu_string", "hw_info", "logged_in_users",
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split(":")[1].split()[0]) for line in lines}


def test_all_fields_and_their_types() -> None:
    values = Sampler(Clock()).sample()
    assert set(values) == FIELDS
    for name, value in values.items():
        if name in ("hw_info", "gpu_string"):
            assert isinstance(value, str)
        elif name in ("cpu_loadavg", "logged_in_users", "netifs"):
            assert isinstance(value, list)
        else:
            assert isinstance(value, int), name
            assert value >= 0, name
    json.dumps(values)


def test_against_the_kernel() -> None:
    before = meminfo()
    values = Sampler(Clock()).sample()
    after = meminfo()
    assert values["cpu_num"] == os.cpu_count()
    assert values["mem_total_mb"] == before["MemTotal"] // 1024
    free = values["mem_free_mb"]
    assert isinstance(free, int)
    between = sorted((before["MemAvailable"] // 1024, after["MemAvailable"] // 1024))
    assert between[0] - 300 <= free <= between[1] + 300
    assert values["swap_total_mb"] == before["SwapTotal"] // 1024
    disk = os.statvfs("/")
    assert values["hdd_total_gb"] == disk.f_frsize * disk.f_blocks >> 30
    free_gb = values["hdd_free_gb"]
    assert isinstance(free_gb, int)
    assert abs(free_gb - (disk.f_frsize * disk.f_bavail >> 30)) <= 1
    load = values["cpu_loadavg"]
    assert isinstance(load, list)
    assert abs(load[2] - float(Path("/proc/loadavg").read_text().split()[2]) * 10) <= 2


def test_cpu_shares_of_a_busy_moment() -> None:
    clock = Clock()
    sampler = Sampler(clock)
    first = sampler.sample()
    assert all(first[name] == 0 for name in FIELDS if name.endswith("kbsec"))
    assert first["cpu_idle"] == 0
    used = os.times().user
    while os.times().user - used < 0.3:
        sum(range(1000))
    clock.now += 1
    values = sampler.sample()
    shares = [values[f"cpu_{part}"] for part in ("user", "nice", "system", "idle", "iowait")]
    assert sum(share for share in shares if isinstance(share, int)) <= 104
    user = values["cpu_user"]
    nice = values["cpu_nice"]
    assert isinstance(user, int)
    assert isinstance(nice, int)
    assert user + nice > 10


def test_network_rate_of_one_interface() -> None:
    clock = Clock()
    only_loopback = Sampler(clock, networks="lo")
    only_loopback.sample()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = socket.create_connection(listener.getsockname())
        taker, _ = listener.accept()
        for _ in range(100):
            sender.sendall(b"x" * 10240)
            left = 10240
            while left:
                left -= len(taker.recv(left))
        sender.close()
        taker.close()
    clock.now += 1
    assert only_loopback.sample()["net_recv_kbsec"] == 0  # loopback never counts


def counters(mono: float, **given: object) -> resources._Counters:
    base: dict[str, object] = {
        "cpu": {"user": 0.0, "idle": 0.0}, "disks": {}, "received": 0, "sent": 0, **given,
    }  # fmt: skip
    cpu = dict.fromkeys((*resources._CPU_PARTS, "steal"), 0.0) | base.pop("cpu")  # type: ignore[operator] # a dict
    return resources._Counters(mono, cpu, **base)  # type: ignore[arg-type] # as given


def test_rates() -> None:
    before = counters(10.0, disks={"sda": (0, 0, 0)}, received=1000)
    after = counters(
        12.0,
        cpu={"user": 1.5, "system": 0.5, "idle": 2.0},
        disks={"sda": (4096 * 1024, 2048 * 1024, 500), "sdb": (9 << 30, 0, 9999)},
        received=1000 + 200 * 1024,
        sent=100 * 1024,
    )
    values = rates(before, after)
    assert (values["cpu_user"], values["cpu_system"], values["cpu_idle"]) == (38, 12, 50)
    assert (values["hdd_rd_kbsec"], values["hdd_wr_kbsec"], values["hdd_busy"]) == (2048, 1024, 25)
    assert (values["net_recv_kbsec"], values["net_send_kbsec"]) == (100, 50)
    assert set(rates(before, before).values()) == {0}


def test_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu_fields("")["gpu_mem_total_mb"] == 0
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\necho '37, 61, 24576, 1024, NVIDIA RTX A5000'\necho '1, 2, 3, 4, x'\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert resources.has_gpu_tool()
    sampler = Sampler(Clock())
    sampler.read_gpu()
    values = sampler.sample()
    assert [values[f"gpu_{name}"] for name in ("gpu_util", "gpu_temp")] == [37, 61]
    assert [values[f"gpu_mem_{name}_mb"] for name in ("total", "used")] == [24576, 1024]
    assert values["gpu_string"] == "NVIDIA RTX A5000"
    tool.write_text("#!/bin/sh\nexit 9\n")
    sampler.read_gpu()
    assert sampler.sample()["gpu_mem_total_mb"] == 0


def test_other_machines(tmp_path: Path) -> None:
    """Files of a kernel that this machine does not have."""
    proc, sys_ = tmp_path / "proc", tmp_path / "sys"
    proc.mkdir()
    (proc / "cpuinfo").write_text("model name\t: Intel(R) Xeon(R)  Gold\ncpu MHz\t\t: 3100.5\n")
    (proc / "meminfo").write_text("SwapTotal: 2048 kB\nSwapFree: 1024 kB\n")
    (sys_ / "class/hwmon/hwmon0").mkdir(parents=True)
    (sys_ / "class/hwmon/hwmon0/temp1_input").write_text("41000\n")
    (sys_ / "class/hwmon/hwmon0/temp2_input").write_text("67400\n")
    (sys_ / "class/dmi/id").mkdir(parents=True)
    (sys_ / "class/dmi/id/chassis_type").write_text("23\n")
    (sys_ / "devices/system/cpu/cpu0/cpufreq").mkdir(parents=True)
    (sys_ / "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").write_text("4200000\n")
    values = Sampler(Clock(), proc=proc, sys=sys_).sample()
    assert (values["cpu_temp"], values["cpu_mhz"]) == (67, 4200)
    assert (values["swap_total_mb"], values["swap_used_mb"]) == (2, 1)
    assert values["hw_info"] == "Intel Xeon Gold, rack"
    (proc / "cpuinfo").write_text("flags\t\t: fpu hypervisor lm\n")
    assert hardware(proc, sys_) == "virtual"


def test_print_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "afanasy.render.main", "--resources", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == FIELDS
    assert list(tmp_path.iterdir()) == []
