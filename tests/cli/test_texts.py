"""``path``, ``str``, ``md5`` and ``net``: what this computer says, without a server."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from afanasy.cli import net
from afanasy.cli.texts import PATHS, TEXTS
from harness.canned_farm import CannedFarm
from harness.commands import Afcmd


def test_paths(afcmd: Afcmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.txt").touch()
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/jimmy")
    said = {
        "abs a/../b.txt": f"{tmp_path}/b.txt",
        "fname a/b.txt": "b.txt",
        "fpath a/b.txt": "a",
        "up a": str(tmp_path),
        "up /x/y/": "/x",
        "home ~/x": "/home/jimmy/x",
        "home": "/home/jimmy",
        "isdir a": "yes",
        "listdir": "a\nb.txt",
    }
    assert {line.split()[0] for line in said} == set(PATHS)
    for line, text in said.items():
        assert afcmd("path", *line.split()).out == text + "\n"
    assert afcmd("path", "isdir", "b.txt", code=5).out == "no\n"
    assert afcmd("path", "isdir", "b.txt", "--json", code=5).json == {"result": False}
    assert afcmd("path", "listdir", "--json").json == {"result": ["a", "b.txt"]}
    assert "cannot list nowhere" in afcmd("path", "listdir", "nowhere", code=5).err
    assert "cannot list b.txt" in afcmd("path", "listdir", "b.txt", code=2).err


@pytest.mark.parametrize(
    ("operation", "text", "found"),
    [
        ("lower", "ÄBc", "äbc"), ("upper", "äbc", "ÄBC"), ("strip", "  a b ", "a b"),
        ("length", "ä☃", 2), ("escape", "shot.v1", "shot\\.v1"), ("quote", "a b", "'a b'"),
    ],
)  # fmt: skip
def test_texts(afcmd: Afcmd, operation: str, text: str, found: str | int) -> None:
    assert afcmd("str", operation, text).out == f"{found}\n"
    assert afcmd("str", operation, text, "--json").json == {"result": found}
    assert operation in TEXTS


def test_md5(afcmd: Afcmd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert afcmd("md5", "idkfa").out == "1832116180fdc61b64fd978401e462e9\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00")))
    assert afcmd("md5", "-").out == "e0e8bfafbb0689563b2fba789c97b3cc\n"


def test_interfaces(afcmd: Afcmd) -> None:
    found = {one["name"]: one["addresses"] for one in afcmd("net", "interfaces", "--json").json[
        "interfaces"]}  # fmt: skip
    assert "127.0.0.1/8" in found["lo"]
    assert "127.0.0.1/8" in afcmd("net", "interfaces").out
    assert "127.0.0.0/8" in afcmd.lines("net", "masks")
    assert "127.0.0.0/8" in afcmd("net", "masks", "--json").json["networks"]


def test_addresses_of_version_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "if_inet6"
    file.write_text("fd000000000000000000000000000002 04 40 00 80     eth0\n")
    monkeypatch.setattr(net, "_SIX", file)
    assert net._addresses_six() == {"eth0": ["fd00::2/64"]}
    monkeypatch.setattr(net, "_SIX", tmp_path / "nothing")
    assert net._addresses_six() == {}


def test_whether_an_address_is_in_a_network(afcmd: Afcmd) -> None:
    line = ["net", "masks", "10.1.2.3", "10.1.0.0/16", "192.168.0.0/24", "fd00::/8"]
    assert afcmd(*line).out == "in 10.1.0.0/16\n"
    assert afcmd("net", "masks", "10.2.2.3", "10.1.0.0/16", code=5).out == "in none of them\n"
    assert afcmd("net", "masks", "fd00::1", "fd00::/8", "--json").json == {"inside": ["fd00::/8"]}
    for words in (["masks", "10.1.2.3"], ["masks", "x", "10.0.0.0/8"], ["interfaces", "a", "b"],
                  ["masks", "10.1.2.3", "10.1.2.3/8"], ["dance"]):  # fmt: skip
        afcmd("net", *words, code=2)


def test_no_server_is_asked(afcmd: Afcmd, farm: CannedFarm) -> None:
    for words in (["net", "masks"], ["md5", "x"], ["str", "lower", "x"], ["path", "home"]):
        afcmd(*words)
    assert farm.requests == []
