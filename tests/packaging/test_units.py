"""The systemd units: systemd accepts them, and they do what tasks and upgrades need.

The admin's page runs their command lines (tests/docs).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.units import UNITS, read_unit

NAMES = sorted(path.name for path in UNITS.glob("*.service"))
#: With another User= than root each of these sets NoNewPrivileges too (systemd.exec(5)).
IMPLY_NO_NEW_PRIVILEGES = {
    "SystemCallFilter", "SystemCallArchitectures", "RestrictAddressFamilies", "RestrictNamespaces",
    "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
    "ProtectClock", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "DynamicUser",
    "LockPersonality", "ProtectHostname", "SystemCallLog", "RestrictFileSystems",
}  # fmt: skip
#: These hide or hold back from a task what it may need.
HURT_TASKS = {
    "NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateNetwork", "PrivateUsers",
    "RuntimeDirectory", "ProtectProc", "ProtectControlGroups", "MemoryMax", "CPUQuota",
    "RuntimeMaxSec", "WatchdogSec", "SendSIGHUP",
}  # fmt: skip


def test_there_are_two() -> None:
    assert NAMES == ["afrender.service", "afserver.service"]


@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_it(name: str, tmp_path: Path) -> None:
    """With the programs of this checkout in the place of installed ones: it looks for them."""
    text = (UNITS / name).read_text(encoding="utf-8")
    assert "/opt/afanasy/bin/" in text
    text = text.replace("/opt/afanasy/bin", str(Path(sys.executable).parent))
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, complaints) == (0, [])


def test_tasks_survive_the_agent() -> None:
    service = read_unit(UNITS / "afrender.service")["Service"]
    assert service["KillMode"] == "process"
    # Whatever ends it but an order to exit: that is a clean end, and is obeyed.
    assert service["Restart"] == "on-failure"
    assert service["RestartForceExitStatus"] == "SIGHUP"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["OOMPolicy"] == "continue"
    assert service["LimitFSIZE"] == "infinity"


def test_hardening_does_not_reach_tasks() -> None:
    service = read_unit(UNITS / "afrender.service")["Service"]
    assert set(service) & (IMPLY_NO_NEW_PRIVILEGES | HURT_TASKS) == set()
    assert service["ProtectSystem"] == "yes"
    assert service["CapabilityBoundingSet"].startswith("~")


def test_the_server_is_held_tight() -> None:
    service = read_unit(UNITS / "afserver.service")["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["Restart"] == "always"
    assert int(service["LimitNOFILE"]) >= 4096


def test_both_come_back_without_end_and_not_as_root() -> None:
    for name in NAMES:
        unit = read_unit(UNITS / name)
        assert unit["Unit"]["StartLimitIntervalSec"] == "0"
        assert unit["Service"]["User"] != "root"
        assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_port_is_reserved() -> None:
    text = (UNITS.parent / "sysctl" / "51-afanasy.conf").read_text(encoding="utf-8")
    settings = [line for line in text.splitlines() if not line.startswith("#")]
    assert settings == ["net.ipv4.ip_local_reserved_ports = 51000"]
