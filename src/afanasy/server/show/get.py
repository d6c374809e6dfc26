"""``get``: everything that can be asked (PROTOCOL 2.2 and our own modes).

Answers about the living farm are made at once, from memory. Answers that need the database or the
files of output are awaitables; the loop goes on meanwhile. Nothing here changes the farm.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, NamedTuple

from afanasy.core.state import Farm
from afanasy.model.clock import Now, read_clocks
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader
from afanasy.server.change.limits import limits_answer
from afanasy.server.change.settings import settings_view
from afanasy.server.matcher import Masks
from afanasy.server.show.get_config import config_answer
from afanasy.server.show.get_farm import farm_answer
from afanasy.server.show.get_jobs import get_jobs
from afanasy.server.show.get_nodes import (
    get_branches,
    get_files,
    get_monitors,
    get_pools,
    get_renders,
    get_users,
)
from afanasy.server.show.get_request import GetRequest, check_mode, read_get
from afanasy.server.show.get_sql import DatabasePort
from afanasy.server.show.get_stats import stats_answer
from afanasy.server.show.history_port import HistoryPort
from afanasy.server.show.views import View
from afanasy.server.traffic import Traffic

TYPES: Final = (
    "jobs", "renders", "users", "monitors", "branches", "pools", "files", "config", "stats", "db",
    "sql", "farm", "limits",
)  # fmt: skip


class Inside(NamedTuple):
    """What can be asked about the server itself."""

    traffic: Traffic
    database: DatabasePort


def get(
    farm: Farm,
    raw: Raw,
    reader: Reader,
    _masks: Masks,
    history: HistoryPort,
    now: Now | None = None,
    inside: Inside | None = None,
) -> View | Awaitable[View]:
    """The answer to the value of a ``get`` request, or an awaitable of it.

    Raises UserError, the sender's fault, as the awaitable may. What was ignored in a lenient
    request is in the answer's ``warnings``. ``now`` is this moment when it is not given. Without
    ``inside`` only the farm can be asked.
    """
    request = read_get(raw, reader)
    answer = _answer(farm, request, history, now or read_clocks(), inside)
    if not reader.warnings:
        return answer
    if isinstance(answer, dict):
        return _with_warnings(answer, reader)
    return _warned(answer, reader)


async def _warned(answer: Awaitable[View], reader: Reader) -> View:
    return _with_warnings(await answer, reader)


def _with_warnings(answer: View, reader: Reader) -> View:
    return {**answer, "warnings": list(reader.warnings)}


def _answer(
    farm: Farm, request: GetRequest, history: HistoryPort, now: Now, inside: Inside | None
) -> View | Awaitable[View]:
    match request.type:
        case "jobs":
            return get_jobs(farm, request, now, history)
        case "renders":
            return get_renders(farm, request, now)
        case "users":
            return get_users(farm, request)
        case "monitors":
            return get_monitors(request)
        case "branches":
            return get_branches(farm, request)
        case "pools":
            return get_pools(farm, request, now)
        case "files":
            return get_files(request)
        case "config":
            check_mode(request, ("origins",))
            return settings_view(farm) if request.mode == "origins" else config_answer(farm)
        case "limits":
            check_mode(request, ())
            return limits_answer(farm)
        case "farm":
            return farm_answer(farm, request)
        case "stats" if inside is not None:
            return stats_answer(inside.traffic, request, now)
        case "db" if inside is not None:
            return inside.database.db(request)
        case "sql" if inside is not None:
            return inside.database.sql(request)
        case other:
            raise UserError(
                "unknown_type",
                f"Invalid get type = '{other}'",
                f"there are {', '.join(TYPES)}",
                field="get.type",
            )
