"""Questions of people: one read-only statement over the views of :mod:`afanasy.store.views`.

**What can be read.** Each question has a connection of its own, opened read-only. SQLite asks our
*authorizer* about everything a statement would do while it is prepared; it lets through selecting,
functions, and reading a view. Base tables hold secrets and may be read *by the views* only. SQLite
names the view on whose behalf it reads, but takes that name from the FROM clause: ``WITH v_users AS
(SELECT doc FROM users)`` would read in the name of ``v_users``. So the view that reads the tables
is a temporary copy whose name is random and new for every question, and the public name is a view
of that copy. Who asks cannot know the name in time.

**How long, how much.** SQLite calls back every few thousand steps; the callback ends a statement
that is over its time. A single step, and the preparing of a statement, cannot be ended that way:
``instr`` of two long texts takes minutes, and tables that are made of each other twice, fourteen
deep, all memory there is. So :data:`_LIMITS` bound values and patterns, only :data:`FUNCTIONS` may
be called, whose work grows evenly with their arguments, and the server asks in a process of its own
that can be killed (:mod:`afanasy.store.sql_process`). Rows, cells and the whole answer are cut at
their limits.
"""

from __future__ import annotations

import difflib
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from afanasy.model.errors import UserError
from afanasy.store.views import VIEWS

TIMEOUT_DEFAULT_S: Final = 10
TIMEOUT_MAX_S: Final = 60
ROWS_DEFAULT: Final = 1000
ROWS_MAX: Final = 1_000_000
#: Characters of one cell, and of all cells together.
CELL_MAX: Final = 64 * 1024
ANSWER_MAX: Final = 16 * 1024 * 1024
#: Steps of SQLite's machine between two looks at the clock: about a millisecond.
_STEPS: Final = 10_000
#: Larger integers are texts in JSON (R1).
_EXACT_MAX: Final = 2**53

_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 8 * 1024 * 1024,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
FUNCTIONS: Final = frozenset({
    # of one value
    "abs", "ceil", "ceiling", "coalesce", "exp", "floor", "format", "glob", "ifnull", "iif",
    "length", "like", "ln", "log", "log10", "lower", "max", "min", "mod", "nullif", "pow", "power",
    "printf", "quote", "round", "sign", "sqrt", "substr", "substring", "typeof", "upper",
    # of times
    "current_date", "current_time", "current_timestamp", "date", "datetime", "julianday",
    "strftime", "time", "unixepoch",
    # of many rows
    "avg", "count", "cume_dist", "dense_rank", "first_value", "group_concat", "lag", "last_value",
    "lead", "nth_value", "ntile", "percent_rank", "rank", "row_number", "sum", "total",
})  # fmt: skip
#: Blanks and comments before the first word of a statement.
_BEFORE: Final = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*", re.DOTALL)
_FIRST_WORD: Final = re.compile(r"[A-Za-z]+")
_READING: Final = frozenset({"SELECT", "WITH", "VALUES", "EXPLAIN"})
_HINT_VIEWS: Final = f"there are {', '.join(VIEWS)}"


class Table(NamedTuple):
    """The answer of a question."""

    columns: list[str]
    rows: list[list[object]]
    #: There were more rows than the limit, or an answer or a cell was too long.
    truncated: bool
    elapsed_s: float


def ask(
    path: Path,
    query: str,
    *,
    limit: int = ROWS_DEFAULT,
    timeout_s: float = TIMEOUT_DEFAULT_S,
) -> Table:
    """The rows of one statement; blocks until they are there. Raises UserError: the asker's fault.

    It may still need more memory or time than there is, so a server asks by
    :mod:`afanasy.store.sql_process`.
    """
    _check_first_word(query)
    began_s = time.perf_counter()

    def is_over() -> int:
        return int(time.perf_counter() - began_s > timeout_s)

    try:
        connection = _open(path, timeout_s)
    except sqlite3.Error as error:
        raise _away(error) from None
    try:
        connection.set_progress_handler(is_over, _STEPS)
        columns, rows, truncated = _rows(connection, query, limit)
    except MemoryError:
        raise too_big() from None
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        raise (timed_out(timeout_s) if is_over() else _refusal(error)) from None
    finally:
        connection.close()
    return Table(columns, rows, truncated, round(time.perf_counter() - began_s, 4))


def timed_out(timeout_s: float) -> UserError:
    """The refusal of a statement that takes too long."""
    return UserError(
        "timed_out",
        f"the query was not done after {timeout_s:g} s",
        f"ask for less, or give it more time (at most {TIMEOUT_MAX_S} s)",
        field="get.timeout_s",
    )


def too_big() -> UserError:
    """The refusal of a statement that needs too much memory."""
    return UserError(
        "too_big", "the query needs too much memory", "ask for less", field="get.query"
    )


def _check_first_word(query: str) -> None:
    before = _BEFORE.match(query)
    found = _FIRST_WORD.match(query, before.end() if before else 0)
    word = found[0].upper() if found else ""
    if word not in _READING:
        raise UserError(
            "not_allowed" if word else "bad_query",
            f"only questions are answered, not {word}" if word else "there is no statement",
            "begin with SELECT",
            field="get.query",
        )


# ------------------------------------------------------------------------------- the connection


def read_only(path: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that cannot write the file. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=True,
    )


def _open(path: Path, timeout_s: float) -> sqlite3.Connection:
    connection = read_only(path, timeout_s)
    try:
        connection.text_factory = _text
        connection.execute("PRAGMA temp_store = MEMORY")
        copies = _copy_views(connection)
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA trusted_schema = 0")
        for category, most in _LIMITS.items():
            connection.setlimit(category, most)
        connection.set_authorizer(_authorizer(copies))
    except BaseException:
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    """A text of the database; a cast can make one that is not UTF-8."""
    return data.decode("utf-8", "replace")


def _copy_views(connection: sqlite3.Connection) -> frozenset[str]:
    """Temporary views in front of the stored ones; the names of those that read the tables."""
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'view'").fetchall()
    copies: set[str] = set()
    secret = secrets.token_hex(16)
    for name, sql in found:
        if name not in VIEWS:
            continue
        copy = f"{name}_{secret}"
        _, _, body = str(sql).partition(" AS\n")
        connection.execute(f'CREATE TEMP VIEW "{copy}" AS {body}')
        connection.execute(f'CREATE TEMP VIEW {name} AS SELECT * FROM temp."{copy}"')
        copies.add(copy)
    return frozenset(copies)


Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def _authorizer(copies: frozenset[str]) -> Authorizer:
    """What a statement may do. ``copies`` are the views that may read base tables."""
    views = copies | VIEWS.keys()

    def may_read(table: str, column: str, base: str | None, view: str | None) -> bool:
        if view in copies:
            return base in (None, "main")
        if base is None:
            # No column is read, rows are only counted: of a table of the statement's own, of a
            # view's that SQLite has made a part of the statement, or, no secret, of another one.
            return not column and not table.startswith("sqlite_")
        return base == "temp" and table in views

    def allows(
        action: int, first: str | None, second: str | None, base: str | None, view: str | None
    ) -> int:
        match action:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
                allowed = True
            case sqlite3.SQLITE_FUNCTION:
                allowed = view in copies or (second or "").lower() in FUNCTIONS
            case sqlite3.SQLITE_READ:
                allowed = may_read((first or "").lower(), second or "", base, view)
            case _:
                allowed = False
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    return allows


# -------------------------------------------------------------------------------------- answers


def _rows(
    connection: sqlite3.Connection, query: str, limit: int
) -> tuple[list[str], list[list[object]], bool]:
    cursor = connection.execute(query)
    columns = [str(one[0]) for one in cursor.description or ()]
    rows: list[list[object]] = []
    left = ANSWER_MAX
    cut = False
    for row in cursor:
        if len(rows) >= limit or left <= 0:
            return columns, rows, True
        cells = [_cell(value) for value in row]
        cut = cut or any(isinstance(value, str | bytes) and len(value) > CELL_MAX for value in row)
        left -= sum(len(cell) if isinstance(cell, str) else 8 for cell in cells)
        rows.append(cells)
    return columns, rows, cut


def _cell(value: Any) -> object:
    """A value as JSON can say it."""
    if isinstance(value, bytes):
        value = f"x'{value[: CELL_MAX // 2].hex()}'" if value else "x''"
    if isinstance(value, str):
        return value if len(value) <= CELL_MAX else value[:CELL_MAX] + "…"
    if isinstance(value, int):
        return value if abs(value) <= _EXACT_MAX else str(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return repr(value)
    return value


_SAID = re.compile(
    r"not authorized to use function: (?P<function>\S+)|no such table: (?P<table>\S+)"
    r"|no such column: (?P<column>\S+)"
    r"|access to \S+ is prohibited|not authorized|unsafe use of|vtable constructor failed"
)


def _refusal(error: Exception) -> UserError:
    """The error for a statement that could not be answered."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT):
        return _away(error)
    text = str(error)
    found = _SAID.search(text)
    if found is None:
        return UserError("bad_query", text, field="get.query")
    if found["table"] is not None or found["column"] is not None:
        hint = _nearest(found["table"], found["column"])
        return UserError("bad_query", text, hint, field="get.query")
    if found["function"] is not None:
        hint = f"there are {', '.join(sorted(FUNCTIONS))}"
        text = f"the function {found['function']} cannot be called"
        return UserError("not_allowed", text, hint, field="get.query")
    text = "only the documented views can be read"
    return UserError("not_allowed", text, _HINT_VIEWS, field="get.query")


def _nearest(table: str | None, column: str | None) -> str:
    """Which view or column may be meant."""
    if table is not None:
        name = table.rpartition(".")[2]
        close = difflib.get_close_matches(name, VIEWS, 1, 0.5)
        close = close or [view for view in VIEWS if view == f"v_{name}"]
        return f"did you mean {close[0]}?" if close else _HINT_VIEWS
    name = (column or "").rpartition(".")[2]
    known = sorted({one for view in VIEWS.values() for one in view.columns})
    close = difflib.get_close_matches(name, known, 1)
    if not close:
        return "SELECT * shows the columns of a view"
    having = [view for view, told in VIEWS.items() if close[0] in told.columns]
    return f"did you mean {close[0]}? It is in {', '.join(having)}"


def _away(error: Exception) -> UserError:
    return UserError(
        "store_unavailable", f"the database cannot be read now: {error}", "try again in a moment"
    )
