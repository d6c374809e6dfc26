"""``wolwake``: wake sleeping hosts by their MAC addresses (SEMANTICS 12.3).

A magic packet is six bytes FF and sixteen times the address. It goes by UDP to the broadcast
addresses of this host's networks, or to those that are named; three times, for nobody confirms it.
"""

from __future__ import annotations

import argparse
import fcntl
import re
import socket
import struct
import sys
import time
from collections.abc import Iterable

from af.words import plural
from afanasy import __version__

PORT = 9
COUNT = 3
PAUSE_S = 0.2
EVERYBODY = "255.255.255.255"
#: Linux: the broadcast address of an interface (SIOCGIFBRDADDR).
_BROADCAST_OF = 0x8919
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}[:-]?){5}[0-9a-fA-F]{2}")

OK = 0
FAILED = 1


def main(argv: list[str] | None = None) -> int:
    """The program; returns the exit code."""
    options = _parser().parse_args(argv)
    packets = [magic_packet(mac) for mac in options.macs]
    places = options.address or broadcast_addresses()
    sent = send(packets, places, options.port, options.count)
    name = f"{options.hostname}: " if options.hostname else ""
    packets_sent = plural(sent, "packet")
    print(f"wolwake: {name}{packets_sent} for {', '.join(options.macs)} to {', '.join(places)}")
    return OK if sent else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wolwake", description="Wake hosts by magic packets.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--hostname", metavar="NAME", default="", help="whose addresses they are, for the output")
    add("--ip", metavar="ADDRESS", default="", help="its last address; it sleeps, and has none")
    add(
        "--address",
        metavar="ADDRESS",
        action="append",
        help="where to send to, instead of the broadcast addresses of this host",
    )
    add("--port", type=int, default=PORT, help=f"UDP port (default: {PORT})")
    add("--count", type=int, default=COUNT, help=f"how often (default: {COUNT})")
    add("--wake", action="store_true", help=argparse.SUPPRESS)  # of the classic utility
    add("--version", action="version", version=f"wolwake {__version__}")
    add("macs", metavar="MAC", nargs="+", type=_mac, help="as 52:54:00:12:34:56")
    return parser


def _mac(text: str) -> str:
    if _MAC.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no MAC address")
    return text.lower()


def magic_packet(mac: str) -> bytes:
    """The packet for one address."""
    return b"\xff" * 6 + bytes.fromhex(re.sub("[:-]", "", mac)) * 16


def broadcast_addresses() -> list[str]:
    """Broadcast addresses of this host's networks, and that of everybody."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(sock, _BROADCAST_OF, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # it has none, as the loopback
            address = socket.inet_ntoa(answer[20:24])
            if address not in ("0.0.0.0", "255.255.255.255"):
                found.append(address)
    return list(dict.fromkeys([*found, EVERYBODY]))


def send(packets: Iterable[bytes], places: Iterable[str], port: int, count: int) -> int:
    """Send each packet ``count`` times to each place; how many left."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for n in range(count):
            if n:
                time.sleep(PAUSE_S)  # networks drop what comes in a burst
            for place in places:
                for packet in packets:
                    try:
                        sock.sendto(packet, (place, port))
                        sent += 1
                    except OSError as error:
                        print(f"wolwake: {place}: {error.strerror or error}", file=sys.stderr)
    return sent


if __name__ == "__main__":
    sys.exit(main())
