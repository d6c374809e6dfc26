"""Reading of JSON objects into attribute structs, member by member, in two strictnesses (R49).

*Strict* (``/api``, or root member ``"strict": true``): an unknown member, a wrong type or a value
out of bounds is refused with the field, the rule and a hint. *Lenient* (classic requests): such a
member is ignored, as today's server does, and a warning says so; a few numbers are brought into
their bounds instead, where PROTOCOL says that (:data:`CLAMPED`). Of a list or an object only the
bad elements are ignored, each named; when none is left, the whole member is.

Refused in both: texts with NUL characters or lone surrogates (no database stores them, R36), masks
that are too long (without its mask a job would run anywhere at once), too many serials of jobs to
wait for (without them it would run too early), and names of environment
variables that no process can be given: each start would fail, and count as an error of the host.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from afanasy.model.addresses import email_fault, webhook_fault
from afanasy.model.attributes import DEPEND_JOBS_MAX, MOMENT_MAX, Mask, ShortMask
from afanasy.model.errors import UserError
from afanasy.model.service_names import RULE, service_fault

S = TypeVar("S", bound=msgspec.Struct)
Raw = dict[str, Any]

#: Numbers that a lenient request may exceed: brought to the nearest bound.
CLAMPED: Final[dict[str, tuple[int, int]]] = {
    "priority": (0, 255),
    "capacity": (1, 2**31 - 1),
    "frames_inc": (1, 2**61 - 1),
    "parser_coeff": (1, 2**31 - 1),
    "max_tasks_per_second": (-1, 10_000),
    "time_wait": (-(2**63), MOMENT_MAX),
}
#: Texts that are one of a few words.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "solve_method": ("solve_order", "solve_priority"),
    "solve_need": ("solve_tasksnum", "solve_capacity"),
    "hosts_mask_type": ("find", "regex"),
    "on_lost_render": ("reschedule", "hold"),
}
#: Words beside them that say nothing.
_UNSET_WORDS: Final = {"hosts_mask_type": ""}
#: Texts with a form of their own: what is wrong with one, as a rule, and what to do.
_FORMS: Final[dict[str, tuple[Callable[[str], str], str]]] = {
    "email": (email_fault, "as anna@studio, ben@studio"),
    "webhook": (webhook_fault, "as https://host/path"),
}
#: Lists of services.
_SERVICES: Final = frozenset({"services", "services_disabled"})
#: Lists that stand beside each other: an element less would shift the others.
_WHOLE: Final = frozenset({"try_this_blocks_num", "try_this_tasks_num"})
_MASKS: Final = (Mask, ShortMask)
#: A mask of these alone names nothing, and is never meant.
_BETWEEN_WORDS: Final = "|;,: \t\r\n"
#: Warnings that the reader itself adds to an answer.
WARNINGS_MAX: Final = 200
#: Bad elements of one member that are named.
_NAMED_MAX: Final = 20
_SHOWN_MAX: Final = 80
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_MSGSPEC_PATH = re.compile(r" - at `\$?(.*)`$")


class Reader:
    """Reads one request: remembers the strictness and gathers the warnings."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Say something odd; of very much only the beginning, each task could have something."""
        if len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(text)
        elif len(self.warnings) == WARNINGS_MAX:
            self.warnings.append("and more of that kind")

    def told(self, answer: dict[str, object]) -> dict[str, object]:
        """The answer with the warnings; of many nodes each sentence once."""
        if self.warnings:
            answer["warnings"] = list(dict.fromkeys(self.warnings))
        return answer

    def complain(self, field: str, rule: str, hint: str = "", done: str = "ignored") -> None:
        """Refuse (strict) or warn, with what was done (lenient).

        Raises UserError in a strict request.
        """
        if self.strict:
            raise UserError("bad_field", rule, hint, field=field)
        self.warn(f"{field}: {rule}; {done}")

    def unknown(self, path: str, key: str, known: Iterable[str], hint: str = "") -> None:
        """Refuse (strict) or warn of a member that nobody reads.

        Without a ``hint`` the nearest member that is read is named.
        """
        if not self.strict and len(self.warnings) > WARNINGS_MAX:
            return
        close = difflib.get_close_matches(key, known, 1)
        hint = hint or (f"did you mean {close[0]!r}?" if close else "")
        field = f"{path}.{key[:_SHOWN_MAX]}"
        if self.strict:
            raise UserError("unknown_field", "no such member", hint or "leave it out", field=field)
        self.warn(f"{field}: no such member{hint and f', {hint}'}; ignored")

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
                if key not in also:
                    self.unknown(path, key, types)
                continue
            field = f"{path}.{key}"
            check_texts(value, field)
            if key == "environment":
                _check_variables(value, field)
            good = self._value(key, value, kind, field)
            if good is not msgspec.UNSET:
                found[key] = good
        return found

    def _value(self, key: str, value: object, kind: Any, field: str) -> object:
        """The value to take, or UNSET when the member is ignored."""
        if key == "depend_jobs":
            _check_serials(value, field)
        try:
            good: object = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            return self._mended(key, value, kind, field, error)
        if key in _SERVICES:
            return self._named_services(cast("list[str]", good), field)
        if not isinstance(good, str):
            return good
        words = WORDS.get(key)
        if words and good not in words and good != _UNSET_WORDS.get(key):
            self.complain(field, _words_rule(words, good), "use one of these words")
            return msgspec.UNSET
        if key == "service" and (rule := service_fault(good)):
            # Another one in its place would run the command anywhere, and as something else.
            raise UserError("bad_field", rule, RULE, field=field)
        fault, example = _FORMS.get(key, (None, ""))
        if fault and (rule := fault(good)):
            self.complain(field, rule, example)
            return msgspec.UNSET
        if good and kind in _MASKS and not good.strip(_BETWEEN_WORDS):
            self.warn(f"{field}: {good[:_SHOWN_MAX]!r} names nothing; read as empty")
            return ""
        return good

    def _named_services(self, names: list[str], field: str) -> list[str]:
        """Those that are names of services; each other one is complained of."""
        good: list[str] = []
        for n, name in enumerate(names):
            rule = service_fault(name) if name else "must not be empty"
            if rule:
                self.complain(f"{field}[{n}]", rule, RULE)
            else:
                good.append(name)
        return good

    def _mended(
        self, key: str, value: object, kind: Any, field: str, error: msgspec.ValidationError
    ) -> object:
        """What a lenient request may keep of a value that is not as it should be."""
        low_high = CLAMPED.get(key)
        if low_high and not self.strict and type(value) is int:
            good = msgspec.convert(min(max(value, low_high[0]), low_high[1]), kind)
            self.warn(f"{field}: {_number(value)} was brought to {good}")
            return good
        if kind in _MASKS and isinstance(value, str):
            most = kind.__metadata__[0].max_length
            raise UserError(
                "bad_mask",
                f"the mask has {len(value)} characters; {most} are the most",
                "use fewer words, or a pattern that covers them",
                field=field,
            )
        parts = _parts_of(value, kind) if key not in _WHOLE else None
        if parts is None:
            self.complain(*_rule_of(error, field))
            return msgspec.UNSET
        return self._good_parts(parts, kind, field)

    def _good_parts(self, parts: list[tuple[object, object]], kind: Any, field: str) -> object:
        """Those elements of a list or object that are as they should be, or UNSET."""
        container, kinds = _container_of(kind)
        good: list[tuple[object, object]] = []
        bad = 0
        for name, item in parts:
            where = f"{field}[{json.dumps(name, ensure_ascii=False)[:_SHOWN_MAX]}]"
            try:
                key = msgspec.convert(name, kinds[0]) if container is dict else name
                good.append((key, msgspec.convert(item, kinds[-1])))
            except msgspec.ValidationError as error:
                bad += 1
                if bad > _NAMED_MAX:
                    continue
                if get_origin(kinds[-1]) is Literal and isinstance(item, str):
                    self.complain(where, _words_rule(get_args(kinds[-1]), item))
                else:
                    self.complain(*_rule_of(error, where))
        if bad > _NAMED_MAX:
            self.warn(f"{field}: {bad - _NAMED_MAX} more like that; ignored")
        if not good:  # nothing at all is not what was meant
            return msgspec.UNSET
        return dict(good) if container is dict else [item for _, item in good]


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


def _check_variables(value: object, field: str) -> None:
    """Every name can be one of a process's variables. Raises UserError naming the member."""
    for name in cast(Raw, value) if isinstance(value, dict) else ():
        if not name or "=" in name:
            shown = json.dumps(name[:_SHOWN_MAX], ensure_ascii=False)
            raise UserError(
                "bad_variable",
                'an environment variable needs a name, without "="',
                "write NAME and its value apart",
                field=f"{field}[{shown}]",
            )


def _check_serials(value: object, field: str) -> None:
    """So many jobs can be waited for. Raises UserError naming the member."""
    count = len(cast("list[object]", value)) if isinstance(value, list) else 0
    if count > DEPEND_JOBS_MAX:
        raise UserError(
            "too_many_serials",
            f"names {count} jobs; {DEPEND_JOBS_MAX} are the most",
            "give those jobs names that one depend_mask matches",
            field=field,
        )


def kind_of(value: object) -> str:
    """What a value is called in JSON, as the rules say it: "must be int, not null"."""
    name = type(value).__name__
    return {"NoneType": "null", "dict": "object", "list": "array"}.get(name, name)


_types_cache: dict[type, dict[str, Any]] = {}


def _types_of(cls: type[msgspec.Struct]) -> dict[str, Any]:
    types = _types_cache.get(cls)
    if types is None:
        hints = get_type_hints(cls, include_extras=True)
        types = _types_cache[cls] = {name: hints[name] for name in cls.__struct_fields__}
    return types


def _container_of(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """``list`` or ``dict`` with the types of what is in it; else something of neither."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (list, dict):
        return get_origin(kind), get_args(kind)
    return next((_container_of(one) for one in get_args(kind) if get_args(one)), (None, ()))


def _parts_of(value: object, kind: Any) -> list[tuple[object, object]] | None:
    """Number or name, and value, of what is in a list or object; None: the whole is no such."""
    container, _ = _container_of(kind)
    if container is list and isinstance(value, list):
        return list(enumerate(cast("list[object]", value)))
    if container is dict and isinstance(value, dict):
        return list(cast("dict[object, object]", value).items())
    return None


def _words_rule(words: Iterable[str], value: str) -> str:
    *first, last = words
    return f"must be {', '.join(first)} or {last}, not {value[:_SHOWN_MAX]!r}"


def _number(value: int) -> str:
    """A number for people; of one too long to be written (or read) its size."""
    return str(value) if abs(value) < 10**30 else f"a number of {value.bit_length()} bits"


def _rule_of(error: msgspec.ValidationError, field: str) -> tuple[str, str]:
    """msgspec's words as a field and a rule: "must be int, not str"."""
    text = str(error)
    inner = _MSGSPEC_PATH.search(text)
    if inner:
        text = text[: inner.start()]
        field += inner.group(1)
    text = text.replace("Expected ", "must be ").replace(", got ", ", not ").replace("`", "")
    return field, text
