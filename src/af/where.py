"""Where-clauses: one small grammar that chooses jobs, tasks, renders and users (R58).

``user=anna and (state~ERR or age>2h)``: comparisons ``FIELD OP VALUE``, joined by ``and``, ``or``
and ``not`` (``not`` binds closest, then ``and``), with parentheses. It is pure: :func:`parse` makes
a predicate over dictionaries with the members of the wire JSON, and the moment is an argument.

========  ======================================================================================
OP        holds when
========  ======================================================================================
``=``     the text is the same (``*`` stands for any characters, unless quoted), the number is
          equal, the state has exactly these words, the moment lies in that day, minute or second
``!=``    ``=`` does not hold
``~``     the state has this word; the text contains this one, in any case
``< <=``  numbers, sizes, durations and moments in their order; texts alphabetically
``> >=``  likewise
========  ======================================================================================

Fields are names of the wire; ``a.b`` goes into objects and lists, of which any item may match.
Short names: ``user``, ``host``, and ``age``, the seconds since the node was made. A value with
blanks or parentheses is quoted, ``'…'`` or ``"…"``. ``2h``, ``1h30m``, ``2d`` are durations,
``10GB`` and ``500MB`` sizes in steps of 1024 (compared by the unit of the field), ``2026-11-23``
and ``2026-11-23T14:30`` moments of local time.
"""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Iterator, NamedTuple, cast

#: Short names of fields; callers may give others (:data:`af.fields.SHORT`).
SHORT = {"user": "user_name", "host": "host_name"}
#: A longer clause is refused, as one that is nested deeper.
LENGTH_MAX = 4000
DEPTH_MAX = 50

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_OPERATOR = re.compile(r"!=|<=|>=|[=~<>]")
_VALUE = re.compile(r"[^\s()'\"=~<>!][^\s()'\"]*")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?$")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|[kKMGTP]i?B)$")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+$")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_MOMENT = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d))?)?$")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
#: What one of a field's units is in bytes; fields are known by the end of their name.
_UNITS = (
    ("need_memory", 1 << 20),
    ("need_hdd", 1 << 30),
    ("_kbsec", 1 << 10),
    ("_kb", 1 << 10),
    ("_mb", 1 << 20),
    ("_gb", 1 << 30),
)
#: Fields that hold a moment, besides those that begin with ``time_``; ``time_life`` is a length.
_MOMENTS = frozenset({"idle_time", "busy_time", "task_start_finish_time", "tst", "tdn"})
_NO_MOMENTS = frozenset({"time_life"})
#: Members that answers leave out when they are 0; other absent members match nothing.
_COUNTERS = re.compile(
    r"(?:p_|running_|tasks_|jobs_num|capacity_used|errors$|starts$|percent$|frame$|str$|err$|per$)"
)
_STATES = frozenset({"state"})
#: Words of a state that differ only in their case.
_CASED = frozenset({"NbY", "NBY"})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_TIMES_MADE = ("time_creation", "time_register", "time_started")

Predicate = Callable[["dict[str, Any]", float], bool]


class WhereError(ValueError):
    """A clause that cannot be understood; ``position`` counts its characters from 0."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__("%s (at character %d of %r)" % (reason, position + 1, text))
        self.text = text
        self.position = position
        self.reason = reason

    def pointer(self) -> str:
        """The clause, and below it a mark at the place."""
        line = self.text.replace("\n", " ").replace("\t", " ")
        return "%s\n%s^ %s" % (line, " " * self.position, self.reason)


class Value(NamedTuple):
    """The right side of a comparison, in every reading that it has; None = it has not."""

    text: str
    quoted: bool
    number: float | None
    size: float | None
    duration: float | None
    moment: tuple[float, float] | None


class Where:
    """A clause: ``where(node)`` is whether it holds, ``where(node, now)`` at that unix time."""

    def __init__(self, text: str, tree: Tree, predicate: Predicate) -> None:
        self.text = text
        self.tree = tree
        self._predicate = predicate

    def __call__(self, node: dict[str, Any], now: float | None = None) -> bool:
        """Whether the clause holds for the node."""
        moment = time.time() if now is None else now  # noqa: TID251 - scripts give no moment
        return self._predicate(node, moment)

    def __str__(self) -> str:
        """The clause in its plain form, which means the same."""
        return _written(self.tree)

    def must_equal(self, field: str) -> list[str]:
        """Texts of which the field must be one for the clause to hold; [] = no such rule.

        With it a client asks the server for ``users=[…]`` only, instead of all.
        """
        return _must_equal(self.tree, field)

    def uses(self, *names: str) -> bool:
        """Whether the clause looks at one of these fields."""
        return _uses(self.tree, frozenset(names))


class Tree(NamedTuple):
    """A node of a clause: ``kind`` is and, or, not, all, or an operator with field and value."""

    kind: str
    parts: tuple[Tree, ...] = ()
    field: str = ""
    value: Value | None = None


def parse(
    text: str, short: dict[str, str] | None = None, known: frozenset[str] | None = None
) -> Where:
    """Read a clause; the empty one holds always. Raises WhereError, the writer's fault.

    ``short`` are the short names of fields; with ``known`` any other first name is refused.
    """
    if len(text) > LENGTH_MAX:
        raise WhereError(text[:40] + "…", 0, "a clause has at most %d characters" % LENGTH_MAX)
    tree = _Reader(text, SHORT if short is None else short, known).whole()
    return Where(text, tree, _predicate(tree))


# --------------------------------------------------------------------------------------- reading


class _Reader:
    """Recursive descent over the text."""

    def __init__(self, text: str, short: dict[str, str], known: frozenset[str] | None) -> None:
        self.text = text
        self.short = short
        self.known = known
        self.at = 0
        self.depth = 0

    def whole(self) -> Tree:
        """All of it."""
        self._blanks()
        if self.at == len(self.text):
            return Tree("all")
        tree = self._joined("or", lambda: self._joined("and", self._not))
        if self.at < len(self.text):
            if self.text[self.at] == ")":
                raise self._error("this parenthesis was never opened")
            raise self._error("and, or, or the end was expected")
        return tree

    def _error(self, reason: str, at: int | None = None) -> WhereError:
        return WhereError(self.text, self.at if at is None else at, reason)

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _keyword(self, word: str) -> bool:
        """Step over this word when it is next."""
        found = _WORD.match(self.text, self.at)
        if found is None or found.group().lower() != word:
            return False
        rest = self.text[found.end() :].lstrip()
        if _OPERATOR.match(rest) or self.text[found.end() : found.end() + 1] in ("_", "."):
            return False  # a field of that name
        self.at = found.end()
        self._blanks()
        return True

    def _joined(self, word: str, one: Callable[[], Tree]) -> Tree:
        parts = [one()]
        while self._keyword(word):
            parts.append(one())
        return parts[0] if len(parts) == 1 else Tree(word, tuple(parts))

    def _not(self) -> Tree:
        start = self.at
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self._error("this is nested too deeply", start)
        if self._keyword("not"):
            tree = Tree("not", (self._not(),))
        elif self.text[self.at : self.at + 1] == "(":
            self.at += 1
            self._blanks()
            tree = self._joined("or", lambda: self._joined("and", self._not))
            if self.text[self.at : self.at + 1] != ")":
                if self.at < len(self.text):
                    raise self._error("and, or, or a closing parenthesis was expected")
                raise self._error("this parenthesis is never closed", start)
            self.at += 1
            self._blanks()
        else:
            tree = self._comparison()
        self.depth -= 1
        return tree

    def _comparison(self) -> Tree:
        start = self.at
        found = _FIELD.match(self.text, self.at)
        if found is None:
            raise self._error("a comparison was expected, as state~ERR")
        name = found.group()
        self.at = found.end()
        self._blanks()
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None:
            raise self._error("one of = != ~ < <= > >= was expected after %r" % name)
        field = self._field(name, start)
        self.at = operator.end()
        self._blanks()
        where = self.at
        value = self._value(name + operator.group())
        _check(self, field, operator.group(), value, where)
        return Tree(operator.group(), (), field, value)

    def _field(self, name: str, start: int) -> str:
        first, dot, rest = name.partition(".")
        first = self.short.get(first, first)
        if self.known is not None and first not in self.known and first != "age":
            raise self._error(_unknown(name, sorted(self.known | set(self.short))), start)
        return first + dot + rest

    def _value(self, before: str) -> Value:
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is not None:
            inner = quoted.group(1) if quoted.group(1) is not None else quoted.group(2)
            self.at = quoted.end()
            if self.at < len(self.text) and _VALUE.match(self.text, self.at):
                raise self._error("a blank was expected behind the quoted value")
            self._blanks()
            return read_value(re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL), quoted=True)
        if self.text[self.at : self.at + 1] in ("'", '"'):
            raise self._error("this quote is never closed")
        bare = _VALUE.match(self.text, self.at)
        if bare is None:
            raise self._error("a value was expected after %r" % before)
        self.at = bare.end()
        self._blanks()
        return read_value(bare.group())


def _unknown(name: str, names: list[str]) -> str:
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name, names, 1)
    return "there is no field %r%s" % (name, "; did you mean %r?" % close[0] if close else "")


def _check(reader: _Reader, field: str, operator: str, value: Value, at: int) -> None:
    """Refuse values that the field can never have. Raises WhereError."""
    if field == "age" and value.duration is None and value.number is None:
        raise reader._error("age needs a duration, as 2h or 1d12h", at)
    if field == "age" and operator == "~":
        raise reader._error("age is compared by = != < <= > >=", at)
    if _is_moment(field) and value.moment is None and value.number is None:
        reason = "%s needs a date, as 2026-11-23 or 2026-11-23T14:30" % field
        if value.duration is not None:
            reason += "; how long ago is asked by age"
        raise reader._error(reason, at)


def read_value(text: str, quoted: bool = False) -> Value:
    """A value in all its readings; quoted ones may be dates and numbers too."""
    number = float(text) if _NUMBER.match(text) else None
    size = None
    found = _SIZE.match(text)
    if found:
        size = float(found.group(1)) * _BYTES[found.group(2)[0].upper()]
    duration = None
    if _DURATION.match(text):
        duration = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))
    return Value(text, quoted, number, size, duration, _moment(text))


def _moment(text: str) -> tuple[float, float] | None:
    """Begin and end (not included) of a day, minute or second of local time."""
    found = _MOMENT.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 23 and minute <= 59 and second <= 59):
        return None
    try:
        start = time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
        if time.localtime(start).tm_mon != month:  # the 30th of February
            return None
        if found.group(4) is None:  # days of summer time have 23 or 25 hours
            return start, time.mktime((year, month, day + 1, 0, 0, 0, 0, 0, -1))
    except (OverflowError, ValueError):
        return None
    return start, start + (60 if found.group(6) is None else 1)


# -------------------------------------------------------------------------------------- deciding


def _predicate(tree: Tree) -> Predicate:
    if tree.kind == "all":
        return lambda node, now: True
    if tree.kind == "not":
        inner = _predicate(tree.parts[0])
        return lambda node, now: not inner(node, now)
    if tree.kind in ("and", "or"):
        tests = [_predicate(part) for part in tree.parts]
        if tree.kind == "and":
            return lambda node, now: all(test(node, now) for test in tests)
        return lambda node, now: any(test(node, now) for test in tests)
    assert tree.value is not None
    return _comparing(tree.kind, tree.field, tree.value)


def _comparing(operator: str, field: str, value: Value) -> Predicate:
    if operator == "!=":
        equal = _comparing("=", field, value)
        return lambda node, now: not equal(node, now)
    if field == "age":
        seconds = value.number if value.duration is None else value.duration
        assert seconds is not None
        return lambda node, now: _age_compares(operator, _age(node, now), seconds)
    path = field.split(".")
    last = path[-1]
    zero = bool(_COUNTERS.match(last))

    def holds(node: dict[str, Any], now: float) -> bool:
        found = False
        for one in _found(node, path):
            found = True
            if _compares(operator, last, one, value):
                return True
        if found:
            return False
        return _compares(operator, last, 0 if zero else None, value)

    return holds


def _age(node: dict[str, Any], now: float) -> float | None:
    for name in _TIMES_MADE:
        made = node.get(name)
        if made:
            return now - float(made)
    return None


def _age_compares(operator: str, age: float | None, seconds: float) -> bool:
    if age is None:
        return False
    return _ordered(operator, float(int(age)), seconds)


def _found(node: Any, path: list[str]) -> Iterator[Any]:
    """What stands at the path; each item of lists on the way and at its end."""
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            for one in _found(item, path):
                yield one
    elif not path:
        yield node
    elif isinstance(node, dict):
        members = cast("dict[str, Any]", node)
        if path[0] in members:
            for one in _found(members[path[0]], path[1:]):
                yield one


def _compares(operator: str, field: str, have: Any, value: Value) -> bool:
    if field in _STATES:
        return _state_compares(operator, str(have or ""), value)
    if isinstance(have, bool) or (have is None and value.text.lower() in ("true", "false")):
        return _boolean_compares(operator, bool(have), value)
    if isinstance(have, (int, float)):
        return _number_compares(operator, field, float(have), value)
    if have is None:
        return operator == "=" and value.text == ""
    if isinstance(have, dict):  # as services: the names in it
        return any(_text_compares(operator, str(key), value) for key in cast("Any", have))
    return _text_compares(operator, str(have), value)


def _state_compares(operator: str, state: str, value: Value) -> bool:
    wanted = value.text.split()
    if operator == "~":
        return bool(wanted) and all(_has_word(state.split(), word) for word in wanted)
    if operator == "=":
        have = state.split()
        return len(have) == len(wanted) and all(_has_word(have, word) for word in wanted)
    return False


def _has_word(words: list[str], word: str) -> bool:
    if word in _CASED:
        return word in words
    return word.lower() in [one.lower() for one in words]


def _boolean_compares(operator: str, have: bool, value: Value) -> bool:
    wanted = _TRUE if have else _FALSE
    return operator in ("=", "~") and value.text.lower() in wanted


def _number_compares(operator: str, field: str, have: float, value: Value) -> bool:
    if value.moment is not None:
        start, end = value.moment
        return {
            "=": start <= have < end,
            "<": have < start,
            "<=": have < end,
            ">": have >= end,
            ">=": have >= start,
        }.get(operator, False)
    if value.number is not None:
        return _ordered(operator, have, value.number)
    if value.size is not None:
        return _ordered(operator, have * _unit(field), value.size)
    if value.duration is not None:
        return _ordered(operator, have, value.duration)
    return False


def _ordered(operator: str, have: float, wanted: float) -> bool:
    if operator in ("=", "~"):
        return have == wanted
    return {
        "<": have < wanted,
        "<=": have <= wanted,
        ">": have > wanted,
        ">=": have >= wanted,
    }[operator]


def _text_compares(operator: str, have: str, value: Value) -> bool:
    wanted = value.text
    if operator == "=":
        return have == wanted if value.quoted or "*" not in wanted else _like(wanted, have)
    if operator == "~":
        return wanted.lower() in have.lower()
    return {
        "<": have < wanted,
        "<=": have <= wanted,
        ">": have > wanted,
        ">=": have >= wanted,
    }[operator]


def _like(pattern: str, text: str) -> bool:
    """Whether the text has the parts of the pattern in order; its cost is linear, unlike re's."""
    first, *rest = pattern.split("*")
    if not text.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        place = text.find(part, at)
        if place < 0:
            return False
        at = place + len(part)
    return len(text) - len(rest[-1]) >= at and text.endswith(rest[-1])


def _is_moment(field: str) -> bool:
    last = field.rsplit(".", 1)[-1]
    return (last.startswith("time_") and last not in _NO_MOMENTS) or last in _MOMENTS


def _unit(field: str) -> int:
    for end, unit in _UNITS:
        if field.endswith(end):
            return unit
    return 1


# --------------------------------------------------------------------------------------- writing


def _written(tree: Tree) -> str:
    if tree.kind == "all":
        return ""
    if tree.kind == "not":
        return "not " + _inner(tree.parts[0])
    if tree.kind in ("and", "or"):
        return (" %s " % tree.kind).join(_inner(part) for part in tree.parts)
    assert tree.value is not None
    text = tree.value.text
    if tree.value.quoted:
        text = '"%s"' % re.sub(r"([\\\"])", r"\\\1", text)
    return tree.field + tree.kind + text


def _inner(tree: Tree) -> str:
    text = _written(tree)
    return "(%s)" % text if tree.kind in ("and", "or") else text


def _uses(tree: Tree, names: frozenset[str]) -> bool:
    return tree.field.split(".")[0] in names or any(_uses(part, names) for part in tree.parts)


def _must_equal(tree: Tree, field: str) -> list[str]:
    if tree.kind == "and":
        for part in tree.parts:
            found = _must_equal(part, field)
            if found:
                return found
        return []
    if tree.kind == "or":
        all_found = [_must_equal(part, field) for part in tree.parts]
        if not all(all_found):
            return []
        return sorted({text for found in all_found for text in found})
    if tree.kind == "=" and tree.field == field and tree.value is not None:
        plain = tree.value.quoted or "*" not in tree.value.text
        return [tree.value.text] if plain and tree.value.text else []
    return []
