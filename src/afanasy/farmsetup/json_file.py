"""A farm file in JSON, brought into the shape of the XML one.

::

    {"farm": {"limits": [{"service": "nuke", "maxcount": 10, "maxhosts": 5}],
              "patterns": [{"name": "Render", "mask": "render.*", "capacity": 4000,
                            "services": [{"name": "nuke", "count": 2}, {"name": "generic"}],
                            "remservices": ["maya"]}]}}

An empty ``remservices`` clears all services, as ``<clearservices/>`` and ``"clearservices": true``
do. ``"match": "last"`` stands beside ``patterns``.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import Final, cast

from afanasy.farmsetup.json_text import Placed, read_json
from afanasy.farmsetup.tree import Complaints, Element

#: Member of a pattern that is a list → the element that each of its items is.
_LISTS: Final = {"services": "service"}


def read_json_file(data: bytes, complaints: Complaints) -> Element | None:
    """The root element, or None when it is no JSON; then ``complaints`` has the reason."""
    try:
        placed = read_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        complaints.add(line, "", "no UTF-8 text", "save the file as UTF-8")
        return None
    except JSONDecodeError as error:
        complaints.add(error.lineno, "", f"no JSON: {error.msg} in column {error.colno}",
                       "correct it there")  # fmt: skip
        return None
    root = _object(placed, "the file", complaints)
    if root is None:
        return None
    if list(root) != ["farm"]:
        names = ", ".join(repr(name) for name in root) or "nothing"
        complaints.add(placed.line, "", f"the root must have the member 'farm' alone, not {names}",
                       'write {"farm": {"patterns": […]}}')  # fmt: skip
        return None
    members = _object(root["farm"], "farm", complaints)
    if members is None:
        return None
    farm = Element("farm", root["farm"].line, "farm")
    for name, member in members.items():
        where = f"farm.{name}"
        if name == "limits":
            farm.children += _limits(member, where, complaints)
        elif name == "patterns":
            for n, item in enumerate(_list(member, where, complaints)):
                pattern = _pattern(item, f"{where}[{n}]", complaints)
                if pattern is not None:
                    farm.children.append(pattern)
        else:  # "match", or one that the rules refuse
            farm.attributes[name] = member.value
    return farm


def _object(placed: Placed, where: str, complaints: Complaints) -> dict[str, Placed] | None:
    if isinstance(placed.value, dict):
        return cast("dict[str, Placed]", placed.value)
    complaints.add(placed.line, where, "must be an object", "write {…}")
    return None


def _list(placed: Placed, where: str, complaints: Complaints) -> list[Placed]:
    if isinstance(placed.value, list):
        return cast("list[Placed]", placed.value)
    complaints.add(placed.line, where, "must be a list", "write […]")
    return []


def _limits(placed: Placed, where: str, complaints: Complaints) -> list[Element]:
    """Limits are top-level ``service`` elements in XML."""
    found: list[Element] = []
    for n, item in enumerate(_list(placed, where, complaints)):
        members = _object(item, f"{where}[{n}]", complaints)
        if members is not None:
            element = Element("service", item.line, f"{where}[{n}]")
            if "name" not in members:
                element.called["name"] = "service"
            for name, member in members.items():
                element.attributes["name" if name == "service" else name] = member.value
            found.append(element)
    return found


def _pattern(placed: Placed, where: str, complaints: Complaints) -> Element | None:
    members = _object(placed, where, complaints)
    if members is None:
        return None
    pattern = Element("pattern", placed.line, where)
    for name, member in members.items():
        inside = f"{where}.{name}"
        if name == "name":
            pattern.attributes["name"] = member.value
        elif name in _LISTS:
            for n, item in enumerate(_list(member, inside, complaints)):
                element = _item(_LISTS[name], item, f"{inside}[{n}]", complaints)
                if element is not None:
                    pattern.children.append(element)
        elif name == "remservices":
            pattern.children += _removed(member, inside, complaints)
        elif name == "clearservices":
            if member.value is True:
                pattern.children.append(Element(name, member.line, inside))
            elif member.value is not False:
                complaints.add(member.line, inside, "must be true or false", "write true")
        elif isinstance(member.value, (dict, list)):
            complaints.add(member.line, inside, "must be a text or a number", "write it plainly")
        else:
            pattern.children.append(Element(name, member.line, inside, value=member.value))
    return pattern


def _item(tag: str, placed: Placed, where: str, complaints: Complaints) -> Element | None:
    """``{"name": "nuke", "count": 2}``, or ``"nuke"`` alone."""
    if isinstance(placed.value, str):
        return Element(tag, placed.line, where, {"name": placed.value})
    members = _object(placed, where, complaints)
    if members is None:
        return None
    attributes: dict[str, object] = {name: member.value for name, member in members.items()}
    return Element(tag, placed.line, where, attributes)


def _removed(placed: Placed, where: str, complaints: Complaints) -> list[Element]:
    items = _list(placed, where, complaints)
    if not items and isinstance(placed.value, list):
        return [Element("clearservices", placed.line, where)]
    found = [_item("remservice", one, f"{where}[{n}]", complaints) for n, one in enumerate(items)]
    return [element for element in found if element is not None]
