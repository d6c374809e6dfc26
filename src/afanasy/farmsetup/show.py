"""A farm file and what it means for a host, as lines for people.

Both are shown from their JSON, as :func:`afanasy.farmsetup.write.as_json` writes it and as the
server answers ``get`` farm.
"""

from __future__ import annotations

from typing import Any, Final, cast

from af.words import plural

Json = dict[str, Any]

_WIDTH: Final = 18
#: Members of a pattern that are shown as they are, in this order.
_PLAIN: Final = (
    "mask", "description", "capacity", "maxtasks", "power", "os", "properties", "nimby_schedule",
    "resources", "data", "wolidlesleeptime",
)  # fmt: skip


def farm_lines(farm: Json) -> list[str]:
    """The patterns from top to bottom, then the limits."""
    lines: list[str] = []
    if farm.get("match") == "last":
        lines.append("of several matching patterns the last one alone counts")
    places = cast("list[int]", farm.get("lines") or [])
    for number, pattern in enumerate(cast("list[Json]", farm.get("patterns") or [])):
        if lines:
            lines.append("")
        place = f" (line {places[number]})" if number < len(places) else ""
        lines.append(f"pattern {pattern['name']}{place}")
        lines += _pattern_lines(pattern)
    limits = cast("list[Json]", farm.get("limits") or [])
    if limits:
        lines += ["", "limits of the whole farm"]
        lines += [_field(str(limit["service"]), _limit_text(limit)) for limit in limits]
    return lines


def _pattern_lines(pattern: Json) -> list[str]:
    lines = [_field(word, _one_line(pattern[word])) for word in _PLAIN if word in pattern]
    if "mask" not in pattern:
        lines.insert(0, _field("mask", "none: every host"))
    removed = cast("list[str] | None", pattern.get("remservices"))
    if removed == [] or pattern.get("clearservices"):
        lines.append(_field("clears", "all services of the patterns above"))
    if removed:
        lines.append(_field("takes away", ", ".join(removed)))
    services = cast("list[Json]", pattern.get("services") or [])
    if services:
        lines.append(_field("services", ", ".join(_service_text(one) for one in services)))
    return lines


def _service_text(service: Json) -> str:
    count = service.get("count") or 0
    return f"{service['name']} ({count} at once)" if count else str(service["name"])


def _limit_text(limit: Json) -> str:
    count, hosts = limit.get("maxcount", -1), limit.get("maxhosts", -1)
    parts = [f"{count} at once"] if count >= 0 else []
    if hosts >= 0:
        parts.append(f"on {plural(hosts, 'host')}")
    return ", ".join(parts)


def host_lines(host: Json) -> list[str]:
    """What a host gets, and who says so."""
    patterns = cast("list[str]", host["patterns"])
    known = "" if host.get("known", True) else "  (no render of this name is known)"
    lines = [f"{host['name']}{known}"]
    if not host.get("farm_file", True):
        lines.append(_field("patterns", "there is no farm file"))
    else:
        lines.append(_field("patterns", ", ".join(patterns) or "none matches"))
    for name, value in cast("dict[str, Json]", host["values"]).items():
        shown = _one_line(value["value"])
        if shown not in ("", "-1"):
            lines.append(f"{_field(name, shown):<{_WIDTH + 30}}  {value['origin']}")
    for name, service in cast("dict[str, Json]", host["services"]).items():
        count = service.get("count") or 0
        shown = "yes" if service["allowed"] else "no"
        if service["allowed"] and count:
            shown = f"{count} at once"
        lines.append(f"{_field('service ' + name, shown):<{_WIDTH + 30}}  {service['origin']}")
    lines.append(_field("other services", "yes" if host["other_services"] else "no"))
    return lines


def _field(name: str, value: str) -> str:
    return f"  {name:<{_WIDTH - 2}} {value}"


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
