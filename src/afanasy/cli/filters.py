"""What lists let through: a where-clause (R58), ``--state`` and ``--mask``; all must hold."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.farm import Json
from afanasy.cli.humans import state_words

#: So long a mask may take on one name, in seconds.
_MATCH_S = 1.0
#: Every so often ``--watch`` looks, in seconds.
EVERY_S = 2.0


def add_where(parser: argparse.ArgumentParser) -> None:
    """The where-clause."""
    parser.add_argument(
        "where", metavar="WHERE", nargs="?", default="", help="as 'user=anna and state~ERR'"
    )


def add_filters(parser: argparse.ArgumentParser, *, state: bool = True) -> None:
    """The filters of all lists."""
    add_where(parser)
    if state:
        parser.add_argument(
            "--state", metavar="WORD", action="append", help="with this word in the state, as ERR"
        )
    parser.add_argument("--mask", metavar="RE", help="whose whole name matches")


def add_watch(parser: argparse.ArgumentParser) -> None:
    """The options of live lists."""
    parser.add_argument("--watch", action="store_true", help="show it live, until q or Ctrl-C")
    parser.add_argument(
        "--every", metavar="TIME", default="", help=f"how often to look ({EVERY_S:g}s)"
    )


class Filter:
    """What the filters let through. Raises CliError when one makes no sense.

    ``kind`` is a type of nodes, or blocks or tasks; the clause is about the fields of
    :mod:`af.fields`, so nodes are given as the server sent them.
    """

    def __init__(self, options: argparse.Namespace, kind: str) -> None:
        words = getattr(options, "state", None) or ()
        self._words = {word for text in words for word in text.upper().split(",")}
        mask = getattr(options, "mask", None)
        self._mask = named_by(mask) if mask else None
        self._where = None
        if options.where:
            from af import fields, query
            from af.where import WhereError

            try:
                self._where = query.clause(kind, options.where)
            except WhereError as error:
                raise CliError(Exit.BAD_INPUT, str(error), field="WHERE") from None
            makers: dict[str, Callable[[Json], fields.Node]] = {
                "jobs": fields.job, "renders": fields.render, "users": fields.user,
                "pools": fields.pool, "branches": fields.branch,
            }  # fmt: skip
            self._made = makers.get(kind, fields.Node)

    @property
    def empty(self) -> bool:
        """Everything is let through."""
        return not (self._words or self._mask or self._where)

    def uses(self, *names: str) -> bool:
        """Whether the clause looks at one of these fields; the mask is about ``name``."""
        return (self._mask is not None and "name" in names) or (
            self._where is not None and self._where.uses(*names)
        )

    def must_equal(self, field: str) -> list[str]:
        """Texts of which the field must be one; [] = any."""
        return self._where.must_equal(field) if self._where else []

    def __call__(self, node: Json) -> bool:
        """Whether the node is shown."""
        if self._words and not self._words & {word.upper() for word in state_words(node)}:
            return False
        if self._mask is not None and not self._mask(str(node.get("name"))):
            return False
        return self._where is None or self._where(self._made(node))


def named_by(mask: str) -> Callable[[str], bool]:
    """Whether the whole of a name matches. Raises CliError when the mask does not compile.

    So does the call when it takes too long on a name (R21).
    """
    compiled(mask)
    import regex

    pattern = regex.compile(mask)

    def matches(name: str) -> bool:
        try:
            return pattern.fullmatch(name, timeout=_MATCH_S) is not None
        except TimeoutError:
            raise CliError(
                Exit.BAD_INPUT, f"{mask!r} takes too long on the name {name[:80]!r}",
                "avoid repeats inside repeats, as in (a+)+", field="--mask",
            ) from None  # fmt: skip

    return matches


def compiled(mask: str, field: str = "--mask", flags: int = 0) -> re.Pattern[str]:
    """The regular expression. Raises CliError when it does not compile."""
    try:
        return re.compile(mask, flags)
    except re.error as error:
        raise CliError(
            Exit.BAD_INPUT, f"{mask!r} does not compile: {error}", "as 'shot10.*'", field=field
        ) from None
