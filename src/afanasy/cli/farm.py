"""The farm as a command sees it: requests to the server, and jobs found by id or name."""

from __future__ import annotations

import re
import sys
import time
from typing import Any, cast

from af import config, send
from af.answers import refusal, warnings_of
from afanasy.cli.exits import CliError, Exit, refused

Json = dict[str, Any]

#: How long a waiting command goes on while no server answers.
PATIENCE_S = 300.0
#: Between two tries to reach a server that is away.
_RETRY_S = 1.0
#: ``get`` cuts a mask here into prefixes of names (PROTOCOL 2.2).
_MASK_SEPARATORS = "|;,: "
#: How the server says that an action names an id that there is not.
_UNKNOWN_ID = re.compile(r"^Action node ID .*?: (-?\d+)")


class _NobodyMatches(CliError):
    """The mask of an action matches no node."""


class Farm:
    """Requests to the first server that answers; a refusal raises :class:`CliError`."""

    def __init__(self, servers: list[tuple[str, int]]) -> None:
        self.servers = servers
        #: Warnings that were printed: each is told once.
        self._warned: set[str] = set()

    def ask(self, message: Json, *, refusals: bool = True, answer_s: float = send.ANSWER_S) -> Json:
        """The answer. Raises CliError; with ``refusals`` off a refusal is returned instead."""
        try:
            answer = send.request(message, self.servers, answer_s=answer_s)
        except send.ServerError as error:
            hint = ""
            if error.kind == "unreachable":
                hint = "start afserver, or name it by --server HOST:PORT or AF_SERVERNAME"
            raise CliError(Exit.NO_SERVER, error.reason, hint, code=error.kind) from None
        if not isinstance(answer, dict):
            raise CliError(Exit.NO_SERVER, "the server's answer is no object", code="garbage")
        for line in warnings_of(answer):
            if line not in self._warned:
                self._warned.add(line)
                print(f"afcmd: warning: {line}", file=sys.stderr)
        found = refusal(answer) if refusals else None
        if found is not None:
            raise refused(found)
        return cast(Json, answer)

    def patiently(self, message: Json) -> Json:
        """As :meth:`ask`, for commands that wait: a server that is away is waited for."""
        away_since = -1.0
        while True:
            try:
                return self.ask(message)
            except CliError as error:
                now = time.monotonic()
                if error.exit_code != Exit.NO_SERVER:
                    raise
                if away_since < 0:
                    away_since = now
                    print(f"afcmd: {error.message}; waiting for it", file=sys.stderr)
                if now - away_since > PATIENCE_S:
                    raise
                time.sleep(_RETRY_S)

    def get(self, kind: str, **members: Any) -> Json:
        """A ``get`` request."""
        return self.ask({"get": {"type": kind, **members}})

    def nodes(self, kind: str, **members: Any) -> list[Json]:
        """The list that a ``get`` of nodes answers."""
        return cast("list[Json]", self.get(kind, **members).get(kind) or [])

    def action(self, kind: str, **members: Any) -> Json:
        """An ``action`` request under this user's name."""
        try:
            return self.ask({"action": {**whoami(), "type": kind, **members}})
        except CliError as error:
            unknown = _UNKNOWN_ID.search(error.message)
            if unknown:
                raise CliError(
                    Exit.NOT_FOUND,
                    f"there is no {one_of(kind)} {unknown[1]}",
                    f"afcmd {kind} lists them",
                ) from None
            if error.exit_code == Exit.NOT_FOUND and "No node matches" in error.message:
                raise _NobodyMatches(
                    Exit.NOT_FOUND,
                    f"no {one_of(kind)} matches {members.get('mask')!r}",
                    f"afcmd {kind} lists them",
                ) from None
            raise

    def on_named(self, kind: str, name: str, **members: Any) -> Json:
        """An ``action`` on the render, user, pool or branch of exactly this name."""
        try:
            return self.action(kind, mask=re.escape(name), **members)
        except _NobodyMatches:  # another thing that is not there has the server's own sentence
            raise _no_such(kind, name) from None

    # ---------------------------------------------------------------------------------- finding

    def job_by_id(self, number: int, **members: Any) -> Json:
        """One job. Raises CliError when there is none."""
        try:
            jobs = self.nodes("jobs", ids=[number], **members)
        except CliError as error:
            if error.exit_code != Exit.NOT_FOUND:
                raise
            jobs = []
        if not jobs:
            raise CliError(Exit.NOT_FOUND, f"there is no job {number}", "afcmd jobs lists them")
        return jobs[0]

    def named(self, kind: str, name: str) -> Json | None:
        """The node of exactly this name."""
        members = {} if not name or name[0] in _MASK_SEPARATORS else {"mask": name}
        for node in self.nodes(kind, **members):
            if node.get("name") == name:
                return node
        return None

    def node(self, kind: str, name: str) -> Json:
        """The node of exactly this name. Raises CliError when there is none."""
        found = self.named(kind, name)
        if found is None:
            raise _no_such(kind, name)
        return found

    def place(self, kind: str, word: str) -> Json:
        """The pool or branch of this path, or of this id. Raises CliError when there is none."""
        for node in self.nodes(kind) if word.isdigit() else ():
            if node.get("id") == int(word):
                return node
        return self.node(kind, word)

    def render(self, name: str) -> Json:
        """The render of this name. Raises CliError when there is none."""
        return self.node("renders", name)

    def user(self, name: str) -> Json:
        """The user of this name. Raises CliError when there is none."""
        return self.node("users", name)


def one_of(kind: str) -> str:
    """The word for one of them: "branch" of "branches"."""
    return "branch" if kind == "branches" else kind[:-1]


def _no_such(kind: str, name: str) -> CliError:
    text = f"there is no {one_of(kind)} {name!r}"
    return CliError(Exit.NOT_FOUND, text, f"afcmd {kind} lists them")


def whoami() -> Json:
    """The names that an action carries."""
    return {"user_name": config.user_name(), "host_name": config.host_name()}
