"""Reading of JSON objects into attribute structs, member by member, in two strictnesses (R49).

*Strict* (``/api``, or root member ``"strict": true``): an unknown member, a wrong type or a value
out of bounds is refused with the field, the rule and a hint. *Lenient* (classic requests): such a
member is ignored, as today's server does, and a warning says so; a few numbers are brought into
their bounds instead, where PROTOCOL says that (:data:`CLAMPED`).

Refused in both: texts with NUL characters or lone surrogates (no database stores them, R36).
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Final, TypeVar, cast, get_type_hints

import msgspec

from afanasy.model.errors import UserError

S = TypeVar("S", bound=msgspec.Struct)
Raw = dict[str, Any]

#: Numbers that a lenient request may exceed: brought to the nearest bound.
CLAMPED: Final[dict[str, tuple[int, int]]] = {
    "priority": (0, 255),
    "capacity": (1, 2**31 - 1),
    "frames_inc": (1, 2**61 - 1),
    "parser_coeff": (1, 2**31 - 1),
    "max_tasks_per_second": (-1, 10_000),
}
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_MSGSPEC_PATH = re.compile(r" - at `\$?(.*)`$")


class Reader:
    """Reads one request: remembers the strictness and gathers the warnings."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.warnings: list[str] = []

    def complain(self, field: str, rule: str, hint: str = "") -> None:
        """Refuse (strict) or warn (lenient). Raises UserError in a strict request."""
        if self.strict:
            raise UserError("bad_field", rule, hint, field=field)
        self.warnings.append(f"{field}: {rule}; ignored")

    def struct(self, cls: type[S], raw: Raw, path: str, *, also: frozenset[str] = frozenset()) -> S:
        """A new ``cls`` from ``raw``; members named in ``also`` belong to somebody else."""
        return cls(**self.members(cls, raw, path, also=also))

    def members(
        self, cls: type[S], raw: Raw, path: str, *, also: frozenset[str] = frozenset()
    ) -> Raw:
        """The checked members of ``raw`` that ``cls`` has. Raises UserError, the sender's fault."""
        types = _types_of(cls)
        found: Raw = {}
        for key, value in raw.items():
            kind = types.get(key)
            if kind is None:
                if key not in also and self.strict:
                    close = difflib.get_close_matches(key, types, 1)
                    hint = f"did you mean {close[0]!r}?" if close else "leave it out"
                    raise UserError("unknown_field", "no such member", hint, field=f"{path}.{key}")
                continue
            field = f"{path}.{key}"
            check_texts(value, field)
            try:
                found[key] = msgspec.convert(value, kind)
            except msgspec.ValidationError as error:
                low_high = CLAMPED.get(key)
                if low_high and not self.strict and type(value) is int:
                    found[key] = msgspec.convert(min(max(value, low_high[0]), low_high[1]), kind)
                    self.warnings.append(f"{field}: {value} was brought to {found[key]}")
                else:
                    self.complain(*_rule_of(error, field))
        return found


def check_texts(value: object, field: str) -> None:
    """Refuse NUL and lone surrogates anywhere in ``value``. Raises UserError naming the field."""
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            raise UserError(
                "bad_text",
                "has a NUL character or a lone surrogate, which cannot be stored",
                "send valid Unicode text",
                field=field,
            )
    elif isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            check_texts(key, field)
            check_texts(item, f"{field}.{key}")
    elif isinstance(value, list):
        for n, item in enumerate(cast("list[object]", value)):
            check_texts(item, f"{field}[{n}]")


_types_cache: dict[type, dict[str, Any]] = {}


def _types_of(cls: type[msgspec.Struct]) -> dict[str, Any]:
    types = _types_cache.get(cls)
    if types is None:
        hints = get_type_hints(cls, include_extras=True)
        types = _types_cache[cls] = {name: hints[name] for name in cls.__struct_fields__}
    return types


def _rule_of(error: msgspec.ValidationError, field: str) -> tuple[str, str]:
    """msgspec's words as a field and a rule: "must be int, not str"."""
    text = str(error)
    inner = _MSGSPEC_PATH.search(text)
    if inner:
        text = text[: inner.start()]
        field += inner.group(1)
    text = text.replace("Expected ", "must be ").replace(", got ", ", not ").replace("`", "")
    return field, text
