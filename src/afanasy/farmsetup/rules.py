"""What a farm file may say: the tree of its elements, checked, becomes a FarmSetup (6.4, R24).

Everything wrong is gathered, not only the first: a person corrects a file once. Blanks around a
text mean nothing, and between the words of ``os``, ``properties`` and ``nimby_schedule`` any blanks
do, so that a long list may be broken into lines.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from afanasy.core.host.mask_syntax import compile_mask
from afanasy.farmsetup.tree import Complaints, Element
from afanasy.model.errors import UserError
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule
from afanasy.model.schedule import read_schedule
from afanasy.model.service_names import RULE, service_fault

NUMBER_MAX: Final = 2**31 - 1
TEXT_MAX: Final = 65_536
NAME_MAX: Final = 1024
PATTERNS_MAX: Final = 10_000
#: Element of a pattern → the attribute that it is.
TEXTS: Final = {
    "mask": "mask", "description": "description", "os": "os", "properties": "properties",
    "nimby_schedule": "nimby_schedule", "resources": "resources", "data": "data",
}  # fmt: skip
NUMBERS: Final = {
    "capacity": "capacity",
    "maxtasks": "max_tasks",
    "power": "power",
    "wolidlesleeptime": "wol_idle_sleep_time_s",
}
#: Texts that are lists of words.
_WORDS: Final = ("os", "properties", "nimby_schedule")
#: Texts with rules of their own; these raise UserError.
_CHECKS: Final[dict[str, Callable[[str], object]]] = {
    "mask": compile_mask,
    "nimby_schedule": read_schedule,
}
#: Element → the attributes that it may have.
_ATTRIBUTES: Final = {
    "service": ("name", "count"),
    "remservice": ("name",),
    "clearservices": (),
}
_OF_PATTERN: Final = (*TEXTS, *NUMBERS, *_ATTRIBUTES)
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")


class Loaded(NamedTuple):
    """A good farm file, and the line of each of its patterns."""

    setup: FarmSetup
    lines: tuple[int, ...]


def read_farm(root: Element, complaints: Complaints) -> Loaded:
    """The setup of a farm file. What is wrong is in ``complaints``; then the setup is no use."""
    return _Reader(complaints).farm(root)


class _Reader:
    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def farm(self, root: Element) -> Loaded:
        wrong = self._complaints.about
        if root.tag != "farm":
            wrong(root, f"the root element must be <farm>, not <{root.tag}>", "is it a farm file?")
            return Loaded(FarmSetup(), ())
        self._known_attributes(root, ("match",))
        match = root.attributes.get("match", "merge")
        if match not in ("merge", "last"):
            wrong(root, f"match must be 'merge' or 'last', not {match!r}", "merge is the default")
        self._no_text(root)
        patterns: list[Pattern] = []
        lines: list[int] = []
        named: dict[str, int] = {}
        limits: dict[str, Limit] = {}
        for child in root.children:
            if child.tag == "pattern":
                pattern = self._pattern(child)
                if pattern.name and pattern.name in named:
                    hint = f"the other one is in line {named[pattern.name]}; rename one of them"
                    wrong(child, f"pattern {pattern.name!r} is there twice", hint)
                named.setdefault(pattern.name, child.line)
                patterns.append(pattern)
                lines.append(child.line)
            elif child.tag == "service":
                self._limit(child, limits)
            else:
                wrong(child, f"unknown element <{child.tag}>", _nearest(child.tag,
                      ("pattern", "service")))  # fmt: skip
        if not any(child.tag == "pattern" for child in root.children):
            wrong(root, "there are no patterns", "add at least one, with the mask .*")
        elif len(patterns) > PATTERNS_MAX:
            wrong(root, f"there are {len(patterns)} patterns, {PATTERNS_MAX} are the most", "")
        setup = FarmSetup(tuple(patterns), tuple(limits.values()), last_match=match == "last")
        return Loaded(setup, tuple(lines))

    # -- a limit

    def _limit(self, element: Element, limits: dict[str, Limit]) -> None:
        wrong = self._complaints.about
        self._known_attributes(element, ("name", "maxcount", "maxhosts"))
        self._no_children(element)
        name = self._service_name(element)
        numbers = {
            key: self._number(element, element.attributes[key], key, low=-1)
            for key in ("maxcount", "maxhosts")
            if key in element.attributes
        }
        if not any(number is None or number >= 0 for number in numbers.values()):
            wrong(element, "limits nothing", "give maxcount or maxhosts, 0 or more")
        if name in limits:
            wrong(element, f"service {name!r} is limited twice", "keep one of them")
        elif name:
            count, hosts = numbers.get("maxcount"), numbers.get("maxhosts")
            limits[name] = Limit(
                name, count if count is not None else -1, hosts if hosts is not None else -1
            )

    # -- a pattern

    def _pattern(self, element: Element) -> Pattern:
        wrong = self._complaints.about
        self._known_attributes(element, ("name",))
        self._no_text(element)
        name = self._name(element)
        values: dict[str, str | int] = {}
        services: dict[str, ServiceRule] = {}
        removed: dict[str, None] = {}
        clear = False
        for child in element.children:
            tag = child.tag
            if tag in _ATTRIBUTES:
                self._known_attributes(child, _ATTRIBUTES[tag])
                self._no_text(child)
                self._no_children(child)
            if tag in TEXTS or tag in NUMBERS:
                self._value(child, values)
            elif tag == "service":
                self._service(child, services)
            elif tag == "remservice":
                service = self._service_name(child)
                if service in removed:
                    wrong(child, f"service {service!r} is removed twice", "keep one of them")
                if service:
                    removed[service] = None
            elif tag == "clearservices":
                clear = True
            else:
                wrong(child, f"unknown element <{tag}>", _nearest(tag, _OF_PATTERN))
        return Pattern(
            name=name,
            services=tuple(services.values()),
            remove_services=tuple(removed),
            clear_services=clear,
            **values,  # pyright: ignore[reportArgumentType] - each checked for its attribute
        )

    def _value(self, element: Element, values: dict[str, str | int]) -> None:
        wrong, tag = self._complaints.about, element.tag
        self._known_attributes(element, ())
        self._no_children(element)
        attribute = TEXTS.get(tag) or NUMBERS[tag]
        if attribute in values:
            wrong(element, f"{tag} is there twice", "keep one of them")
        value = element.value
        if isinstance(value, str):
            value = " ".join(value.split()) if tag in _WORDS else value.strip()
        if value in ("", None):
            wrong(element, f"{tag} is empty", "give it a value, or take it out")
            return
        if tag in NUMBERS:
            number = self._number(element, value, tag)
            if number is not None:
                values[attribute] = number
            return
        text = self._text(element, value, tag, TEXT_MAX)
        if text is None:
            return
        values[attribute] = text
        if tag in _CHECKS:
            try:
                _CHECKS[tag](text)
            except UserError as error:
                wrong(element, error.message, error.hint)

    def _service(self, element: Element, services: dict[str, ServiceRule]) -> None:
        name = self._service_name(element)
        count = 0
        if "count" in element.attributes:
            count = self._number(element, element.attributes["count"], "count") or 0
        if name in services:
            self._complaints.about(element, f"service {name!r} is there twice", "keep one of them")
        elif name:
            services[name] = ServiceRule(name, count)

    # -- values

    def _name(self, element: Element) -> str:
        value, called = element.attributes.get("name"), element.called.get("name", "name")
        value = value.strip() if isinstance(value, str) else value
        if value in ("", None):
            what = "a pattern" if element.tag == "pattern" else f"<{element.tag}>"
            hint = f'as "{called}": "…"' if element.called else 'as name="…"'
            self._complaints.about(element, f"{what} needs a name", hint)
            return ""
        text = self._text(element, value, called, NAME_MAX)
        return text if text is not None else ""

    def _service_name(self, element: Element) -> str:
        name = self._name(element)
        fault = service_fault(name)
        if fault:
            self._complaints.about(element, fault, RULE)
        return "" if fault else name

    def _text(self, element: Element, value: object, what: str, longest: int) -> str | None:
        wrong = self._complaints.about
        if not isinstance(value, str):
            wrong(element, f"{what} must be a text, not {_shown(value)}", "write it in quotes")
            return None
        if len(value) > longest:
            wrong(element, f"{what} has {len(value)} characters, {longest} are the most", "")
            return None
        if _BAD_TEXT.search(value):
            wrong(element, f"{what} has a character that cannot be stored", "take it out")
            return None
        return value

    def _number(self, element: Element, value: object, what: str, low: int = 0) -> int | None:
        wrong = self._complaints.about
        number = value if type(value) is int else None
        if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]{1,20}\s*", value):
            number = int(value)
        if number is None:
            wrong(element, f"{what} must be a whole number, not {_shown(value)}", "as 1000")
            return None
        if not low <= number <= NUMBER_MAX:
            wrong(element, f"{what} must be from {low} to {NUMBER_MAX}, not {number}", "")
            return None
        return number

    # -- form

    def _known_attributes(self, element: Element, known: Iterable[str]) -> None:
        known = tuple(known)
        for name in element.attributes:
            if name not in known:
                self._complaints.about(
                    element, f"<{element.tag}> has no {name!r}", _nearest(name, known)
                )

    def _no_text(self, element: Element) -> None:
        if element.value not in ("", None):
            self._complaints.add(
                element.text_line or element.line, element.where,
                f"text in <{element.tag}> means nothing: {_shown(element.value)}",
                "put it into an element",
            )  # fmt: skip

    def _no_children(self, element: Element) -> None:
        for child in element.children:
            self._complaints.about(
                child, f"<{element.tag}> has no elements inside, as <{child.tag}>", "take it out"
            )


def _nearest(word: str, known: Iterable[str]) -> str:
    known = tuple(known)
    close = difflib.get_close_matches(word, known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(known)}" if known else "take it out"


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
