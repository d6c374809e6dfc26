"""A farm setup as a farm file: XML or JSON, in which both say the same."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from afanasy.farmsetup.rules import NUMBERS, TEXTS
from afanasy.model.farm_setup import FarmSetup, Pattern

#: Element → attribute of a pattern, in the order in which they are written.
_VALUES = {**TEXTS, **NUMBERS}


def as_xml(setup: FarmSetup) -> str:
    """The setup as a farm file in XML."""
    lines = ['<farm match="last">' if setup.last_match else "<farm>"]
    for limit in setup.limits:
        words = f"<service name={quoteattr(limit.service)}"
        words += f' maxcount="{limit.max_count}"' if limit.max_count >= 0 else ""
        words += f' maxhosts="{limit.max_hosts}"' if limit.max_hosts >= 0 else ""
        lines.append(f"   {words} />")
    for pattern in setup.patterns:
        lines += _pattern_xml(pattern)
    return "\n".join([*lines, "</farm>", ""])


def _pattern_xml(pattern: Pattern) -> list[str]:
    lines = [f"   <pattern name={quoteattr(pattern.name)}>"]
    for tag, attribute in _VALUES.items():
        value = getattr(pattern, attribute)
        if value not in (None, ""):
            text = escape(str(value), {"\r": "&#13;"})
            lines.append(f"      <{tag}>{text}</{tag}>")
    if pattern.clear_services:
        lines.append("      <clearservices />")
    lines += [f"      <remservice name={quoteattr(name)} />" for name in pattern.remove_services]
    for rule in pattern.services:
        count = f' count="{rule.count}"' if rule.count else ""
        lines.append(f"      <service name={quoteattr(rule.name)}{count} />")
    return [*lines, "   </pattern>"]


def as_json(setup: FarmSetup) -> str:
    """The setup as a farm file in JSON."""
    farm: dict[str, Any] = {"match": "last"} if setup.last_match else {}
    if setup.limits:
        farm["limits"] = [
            {
                "service": limit.service,
                **({"maxcount": limit.max_count} if limit.max_count >= 0 else {}),
                **({"maxhosts": limit.max_hosts} if limit.max_hosts >= 0 else {}),
            }
            for limit in setup.limits
        ]
    farm["patterns"] = [_pattern_json(pattern) for pattern in setup.patterns]
    return json.dumps({"farm": farm}, indent=2, ensure_ascii=False) + "\n"


def _pattern_json(pattern: Pattern) -> dict[str, Any]:
    found: dict[str, Any] = {"name": pattern.name}
    for tag, attribute in _VALUES.items():
        value = getattr(pattern, attribute)
        if value not in (None, ""):
            found[tag] = value
    if pattern.clear_services or pattern.remove_services:
        found["remservices"] = list(pattern.remove_services)
    if pattern.clear_services and pattern.remove_services:
        found["clearservices"] = True
    if pattern.services:
        found["services"] = [
            {"name": rule.name, **({"count": rule.count} if rule.count else {})}
            for rule in pattern.services
        ]
    return found
