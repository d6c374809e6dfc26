"""Reading the members of a ``get`` (PROTOCOL 2.2), leniently or strictly (R49).

A member of the wrong type is ignored with a warning, an element of the wrong type in an array too;
a strict request is refused instead, and so are its unknown members.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader, check_texts

E = TypeVar("E", int, str)

_NUMBERS: Final = ("number", "mon_id", "offset", "first", "count", "limit", "timeout_s")
_TEXTS: Final = ("type", "mask", "path", "query")
_TEXT_LISTS: Final = ("users", "runs", "names")
_NUMBER_LISTS: Final = ("ids", "serials", "uids", "block_ids", "task_ids")
#: Members that say who asks; read by nobody.
_IGNORED: Final = ("user_name", "host_name")
MEMBERS: Final = frozenset(
    {*_NUMBERS, *_TEXTS, *_NUMBER_LISTS, *_TEXT_LISTS, *_IGNORED, "mode", "binary"}
)


@dataclass(slots=True)
class GetRequest:
    """A checked ``get``. What was not given is empty, or -1 for numbers."""

    reader: Reader
    type: str = ""
    #: The mode when it is one word; the modes when it is an array (block requests).
    mode: str = ""
    modes: list[str] = field(default_factory=list[str])
    mask: str = ""
    path: str = ""
    #: A statement of SQL.
    query: str = ""
    ids: list[int] = field(default_factory=list[int])
    serials: list[int] = field(default_factory=list[int])
    uids: list[int] = field(default_factory=list[int])
    users: list[str] = field(default_factory=list[str])
    #: Run ids, which are texts in JSON (R1).
    runs: list[str] = field(default_factory=list[str])
    #: Hosts, known or not.
    names: list[str] = field(default_factory=list[str])
    block_ids: list[int] = field(default_factory=list[int])
    task_ids: list[int] = field(default_factory=list[int])
    number: int = -1
    mon_id: int = -1
    offset: int = -1
    first: int = -1
    count: int = -1
    #: Rows of an answer at most, and how long it may take.
    limit: int = -1
    timeout_s: int = -1
    binary: bool = False

    @property
    def strict(self) -> bool:
        """Refuse instead of ignoring."""
        return self.reader.strict


def read_get(raw: Raw, reader: Reader) -> GetRequest:
    """The members of a ``get``. Raises UserError, the sender's fault."""
    check_texts(raw, "get")
    request = GetRequest(reader)
    for name, value in raw.items():
        path = f"get.{name}"
        if name not in MEMBERS:
            if reader.strict:
                close = difflib.get_close_matches(name, MEMBERS, 1)
                hint = f"did you mean {close[0]!r}?" if close else "leave it out"
                raise UserError("unknown_field", f"no such member: {name}", hint, field=path)
        elif name in _IGNORED:
            continue
        elif name in _TEXTS:
            if isinstance(value, str):
                setattr(request, name, value)
            else:
                reader.complain(path, "must be a text")
        elif name in _NUMBERS:
            if type(value) is int and value >= 0:
                setattr(request, name, value)
            else:
                reader.complain(path, "must be a number that is not negative")
        elif name == "binary":
            if value:
                reader.complain(path, "this server answers in JSON", "leave it out")
        elif name == "mode":
            _read_mode(request, value)
        elif name in _TEXT_LISTS:
            setattr(request, name, _elements(value, str, path, reader))
        else:
            setattr(request, name, _elements(value, int, path, reader))
    return request


def _read_mode(request: GetRequest, value: object) -> None:
    if isinstance(value, str):
        request.mode = value
    else:
        request.modes = _elements(value, str, "get.mode", request.reader)


def _elements(value: object, kind: type[E], path: str, reader: Reader) -> list[E]:
    """The elements of an array that have the right type."""
    word = "numbers" if kind is int else "texts"
    if not isinstance(value, list):
        reader.complain(path, f"must be an array of {word}")
        return []
    elements = cast("list[object]", value)
    # `type`, not isinstance: true and false are no numbers here.
    found = [cast(E, element) for element in elements if type(element) is kind]
    if len(found) < len(elements):
        reader.complain(path, f"must have {word} only")
    return found


def invalid_id(kind: str, request: GetRequest) -> UserError:
    """The refusal of a node that does not exist, in the words of today's server."""
    named = request.serials or request.ids or [request.mask]
    return UserError(
        "not_found",
        "Invalid ID",
        f"there is no {kind} {named[0]}; get the list of {kind}s to see which there are",
        field="get.serials" if request.serials else "get.ids",
    )


def check_found(kind: str, asked: list[int], found: set[int], request: GetRequest) -> None:
    """In a strict request every node that was named must exist. Raises UserError."""
    missing = [number for number in asked if number not in found]
    if missing and request.strict:
        raise UserError(
            "not_found",
            f"there is no {kind} {missing[0]}",
            f"get the list of {kind}s to see which there are",
            field="get.serials" if asked is request.serials else "get.ids",
        )


def check_mode(request: GetRequest, known: tuple[str, ...]) -> None:
    """In a strict request the mode must be one that the type has. Raises UserError."""
    if request.strict and request.mode and request.mode not in known:
        close = difflib.get_close_matches(request.mode, known, 1)
        raise UserError(
            "unknown_mode",
            f"{request.type} have no mode {request.mode!r}",
            f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}",
            field="get.mode",
        )
