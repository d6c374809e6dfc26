"""The page of the Python API: every public name of ``af``, from its signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import af
from af import afcmd_compat, config, fields, numeric, pathmap, query, where
from afanasy.reference.markdown import block, code, head, join, table

#: Classes that scripts make or get, in the order of the page.
_CLASSES = (af.Job, af.Block, af.Task, af.Cmd)
_ERRORS = (af.ServerError, af.WhereError, af.AfWarning)
#: Further modules that scripts may use: heading, module.
_MODULES = (
    ("af.query", query),
    ("af.config", config),
    ("af.where", where),
    ("af.pathmap", pathmap),
    ("af.numeric", numeric),
    ("af.afcmd_compat", afcmd_compat),
)
#: A simple table of reStructuredText: its three lines of = and what is between them.
_TABLE = re.compile(r"^=+ .*\n(?:.*\n)+?=+ .*\n(?:.*\n)+?=+ .*$", re.MULTILINE)
_ROLE = re.compile(r":(?:class|meth|func|mod|data|attr):`~?([^`]*)`")
#: Sections of the specification and rulings, which nobody has who reads this page.
_SECTION = re.compile(
    r"\s*\((?:(?:SEMANTICS|PROTOCOL|R)[ \d.,R]*(?:and )?)+\)|, R\d+(?=[,)])"
    r"|(?:,| of) (?:SEMANTICS|PROTOCOL) [\d.]*\d"
)


def page() -> str:
    """The whole page."""
    return join(
        [
            head(
                "Reference: the Python API",
                "Every public name of `import af`. [howto-python.md](../howto-python.md) tells how "
                "they are used.",
            ),
            "**Two names, two ways.** Every setter has a snake_case and a classic name, written "
            "side by side. The snake_case one raises `ValueError` with the field and the rule when "
            "a value makes no sense; the classic one warns with `af.AfWarning` and leaves the "
            "object as it was. Sizes, times and other units are in the names of the arguments.",
            "**Paths.** `transfer=False` leaves a path or command as it is; else it goes through "
            "the paths map. The classic spellings of that word are accepted as well.",
            *_functions_of_af(),
            *(part for cls in _CLASSES for part in _class("af", cls)),
            *(part for cls in _ERRORS for part in _class("af", cls)),
            *(part for heading, module in _MODULES for part in _module(heading, module)),
        ]
    )


def _functions_of_af() -> Iterator[str]:
    yield "## Functions of af"
    for name in ("wait", "request", "sendServer"):
        yield from _function(f"af.{name}", getattr(af, name), "###")


# --------------------------------------------------------------------------------------- classes


def _class(module: str, cls: type[Any]) -> Iterator[str]:
    name = f"{module}.{cls.__name__}"
    level = "##" if module == "af" else "###"
    yield f"{level} {name}"
    made = "" if issubclass(cls, Exception) else _construction(cls)
    if made:
        yield block(f"{name}{made}", "text")
    yield _text(cls)
    for names, member in public_members(cls):
        yield f"{level}# {cls.__name__}.{', '.join(names)}"
        if isinstance(member, property):
            yield _text(member)
            continue
        yield block("\n".join(f"{one}{_signature(member, leave_out='self')}" for one in names))
        yield _text(member)


def _construction(cls: type[Any]) -> str:
    names = getattr(cls, "_fields", None)  # of a NamedTuple, whose own signature tells nothing
    if names:
        return f"({', '.join(names)})"
    if "__init__" not in {name for base in cls.__mro__[:-1] for name in vars(base)}:
        return "()"
    return _signature(cls.__init__, leave_out="self")


def public_members(cls: type[Any]) -> list[tuple[list[str], Any]]:
    """The members of a class and its bases: names of the same thing together, in their order."""
    found: dict[Any, list[str]] = {}
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.split(".")[0] != "af":
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or not (callable(member) or isinstance(member, property)):
                continue
            if name not in seen:  # else a class nearer to us has its own
                seen.add(name)
                found.setdefault(_unwrapped(member), []).append(name)
    return [(names, member) for member, names in found.items()]


def _unwrapped(member: Any) -> Any:
    return member if isinstance(member, property) else inspect.unwrap(member)


# --------------------------------------------------------------------------------------- modules


def _module(heading: str, module: ModuleType) -> Iterator[str]:
    yield f"## {heading}"
    yield _text(module)
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(member):
            yield from _function(f"{heading}.{name}", member, "###")
        elif inspect.isclass(member) and f"af.{name}" not in {f"af.{c.__name__}" for c in _ERRORS}:
            yield from _class(heading, member)
    if module is query:
        for kind, of_kind in fields.TABLES.items():
            yield f"### Fields of {kind}"
            yield table(
                ["field", "when the server says nothing", "meaning"],
                [[code(name), code(repr(value)), text] for name, (value, text) in of_kind.items()],
            )


def _function(name: str, function: Callable[..., Any], level: str) -> Iterator[str]:
    yield f"{level} {name}"
    yield block(f"{name}{_signature(function)}")
    yield _text(function)


# ------------------------------------------------------------------------------------------ texts


def _signature(function: Callable[..., Any], leave_out: str = "") -> str:
    """``(name: str, transfer: bool = True)``; every Python writes it the same."""
    parts: list[str] = []
    for parameter in inspect.signature(inspect.unwrap(function)).parameters.values():
        if parameter.name == leave_out:
            continue
        if parameter.kind == parameter.VAR_KEYWORD:
            continue  # the classic spellings of transfer
        star = "*" if parameter.kind == parameter.VAR_POSITIONAL else ""
        text = star + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {_type(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        parts.append(text)
    returns = inspect.signature(inspect.unwrap(function)).return_annotation
    arrow = ""
    if returns not in (inspect.Signature.empty, "None", None) and leave_out != "cls":
        arrow = f" -> {_type(returns)}"
    return f"({', '.join(parts)}){arrow}"


def _type(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


def _text(thing: object) -> str:
    """A docstring as Markdown: its roles and sections of the specification mean nothing here."""
    text = inspect.getdoc(thing) or ""
    text = _TABLE.sub(_table_as_code, text)
    text = _ROLE.sub(lambda found: f"`{found[1].lstrip('.')}`", text)
    text = re.sub("(?<!`)``(?!`)", "`", _SECTION.sub("", text))
    return _indented_as_code(text)


def _table_as_code(found: re.Match[str]) -> str:
    """The columns stay where they are, without the marks of code in them."""
    return "```text\n" + found[0].replace("``", "  ") + "\n```"


def _indented_as_code(text: str) -> str:
    """``word::`` and an indented text become a block of code."""
    out: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside and line.strip() and not line.startswith(" "):
            while out and not out[-1].strip():
                out.pop()
            out += ["```", ""]
            inside = False
        if not inside and line.endswith("::"):
            out += [line[:-1], "", "```text"]
            inside = True
        elif not (inside and not line.strip() and out[-1] == "```text"):
            out.append(line[4:] if inside and line.startswith("    ") else line)
    if inside:
        out.append("```")
    return "\n".join(out)
