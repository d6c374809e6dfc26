"""``wolwake``: what it sends, and where."""

from __future__ import annotations

import socket

import pytest

from afanasy.tools import wolwake


def test_a_packet_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sleeper:
        sleeper.bind(("127.0.0.1", 0))
        sleeper.settimeout(30)
        port = str(sleeper.getsockname()[1])
        words = ["--address", "127.0.0.1", "--port", port, "--count", "1", "--hostname", "n1"]
        assert wolwake.main([*words, "52:54:00:AB:cd:01", "--ip", "10.0.0.1"]) == 0
        packet = sleeper.recv(1024)
    assert packet == b"\xff" * 6 + bytes.fromhex("525400abcd01") * 16
    assert "n1: 1 packet for 52:54:00:ab:cd:01" in capsys.readouterr().out


@pytest.mark.parametrize("mac", ["52:54:00:AB:cd", "zz:54:00:AB:cd:01", "", "525400abcd0102"])
def test_no_mac(mac: str) -> None:
    with pytest.raises(SystemExit) as caught:
        wolwake.main([mac])
    assert caught.value.code == 2


def test_nothing_could_be_sent(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--address", "no.such.host.invalid", "--count", "1", "52-54-00-ab-cd-01"]
    assert wolwake.main(words) == 1
    assert "no.such.host.invalid" in capsys.readouterr().err


def test_everybody_is_among_the_places() -> None:
    assert wolwake.broadcast_addresses()[-1] == "255.255.255.255"
