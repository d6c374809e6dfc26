"""``afcmd net``: the network interfaces of this computer, and whether an address is in a network.

What is asked is what ``afserver --bind`` and ``--trust`` need. Linux tells everything; elsewhere
only names of interfaces are known.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import socket
import struct
from pathlib import Path
from typing import Any, Final, cast

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Farm
from afanasy.cli.show import Cell, Show

#: Questions to the kernel about an interface: its address, its mask.
_GET_ADDRESS: Final = 0x8915
_GET_MASK: Final = 0x891B
_OF_LINUX: Final = Path("/sys/class/net")
_SIX: Final = Path("/proc/net/if_inet6")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to tell."""
    parser.usage = "afcmd net [options] (interfaces | masks [ADDRESS NET…])"
    parser.add_argument(
        "operation", metavar="OPERATION", choices=("interfaces", "masks"),
        help="interfaces: those of this computer; masks: their networks, or whether ADDRESS is in "
        "one of the networks NET (exit code 0 or 5)",
    )  # fmt: skip
    parser.add_argument("words", metavar="ADDRESS NET", nargs="*", help="as 10.1.2.3 10.1.0.0/16")


def run(options: argparse.Namespace, _farm: Farm, show: Show) -> int:
    """Tell it."""
    words = cast("list[str]", options.words)
    if words and (options.operation == "interfaces" or len(words) == 1):
        raise CliError(Exit.BAD_INPUT, "wrong words", "as net masks 10.1.2.3 10.1.0.0/16")
    if words:
        return _inside(show, words[0], words[1:])
    found = interfaces()
    if options.operation == "masks":
        nets = sorted({str(ipaddress.ip_interface(a).network) for one in found
                       for a in one["addresses"]})  # fmt: skip
        if show.as_json:
            show.json({"networks": nets})
        for net in () if show.as_json else nets:
            show.line(net)
        return Exit.OK
    if show.as_json:
        show.json({"interfaces": found})
        return Exit.OK
    rows: list[list[Cell]] = [
        [one["name"], one["mac"], ", ".join(one["addresses"])] for one in found
    ]
    show.table(["NAME", "MAC", "~ADDRESSES"], rows)
    return Exit.OK


def _inside(show: Show, address: str, nets: list[str]) -> int:
    try:
        place = ipaddress.ip_address(address)
        networks = [ipaddress.ip_network(net) for net in nets]
    except ValueError as error:
        raise CliError(Exit.BAD_INPUT, str(error), "as 10.1.2.3 10.1.0.0/16") from None
    inside = [str(net) for net in networks if place in net]
    if show.as_json:
        show.json({"inside": inside})
    else:
        show.line(f"in {', '.join(inside)}" if inside else "in none of them")
    return Exit.OK if inside else Exit.NOT_FOUND


def interfaces() -> list[dict[str, Any]]:
    """Name, hardware address, and addresses with the length of their networks."""
    six = _addresses_six()
    found: list[dict[str, Any]] = []
    for _, name in socket.if_nameindex():
        mac = ""
        with contextlib.suppress(OSError):
            mac = (_OF_LINUX / name / "address").read_text("ascii").strip()
        addresses = [*_address_four(name), *six.get(name, ())]
        found.append({"name": name, "mac": mac, "addresses": addresses})
    return found


def _address_four(name: str) -> list[str]:
    try:
        import fcntl
    except ImportError:  # Windows
        return []
    asked = struct.pack("256s", name.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            address, mask = (
                socket.inet_ntoa(fcntl.ioctl(sock, question, asked)[20:24])
                for question in (_GET_ADDRESS, _GET_MASK)
            )
        except OSError:  # it has none
            return []
    return [ipaddress.ip_interface(f"{address}/{mask}").with_prefixlen]


def _addresses_six() -> dict[str, list[str]]:
    """Interface → its addresses of version 6."""
    found: dict[str, list[str]] = {}
    with contextlib.suppress(OSError):
        for line in _SIX.read_text("ascii").splitlines():
            digits, _, length, _, _, name = line.split()
            address = ipaddress.IPv6Address(bytes.fromhex(digits))
            found.setdefault(name, []).append(f"{address}/{int(length, 16)}")
    return found
