"""Requests and their answers, whatever framing they came in (PROTOCOL 2, R49, R50).

A request is one JSON object; its first known root member says what it wants. ``get`` reads memory
and may be one batch ahead of the disk; what changes something is answered when it is committed
(run contract 2). A refusal is an answer too: :class:`UserError` becomes the error shape of the
request's kind, and nothing that a client sends stops the server.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from time import perf_counter
from typing import Final, cast

import structlog

from afanasy.core import events
from afanasy.core.depend.depend_warnings import depend_warnings
from afanasy.core.host.mask_warnings import hosts_warnings, user_warnings
from afanasy.core.job.place_warnings import branch_warnings, pool_warnings
from afanasy.core.limit.limit_warnings import ticket_warnings
from afanasy.core.state import Farm, Job, User
from afanasy.core.system import pre_commands
from afanasy.model.attributes import UserSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader, check_texts
from afanasy.server.change.action import act, error_object
from afanasy.server.change.farm_file import FarmFileReader
from afanasy.server.change.read_job import check_hosts_masks, clean_pools, read_job
from afanasy.server.change.read_operation import check_action
from afanasy.server.change.settings import Reloader
from afanasy.server.change.submissions import kept_text
from afanasy.server.loop import FarmLoop
from afanasy.server.matcher import Masks
from afanasy.server.show import get as getting
from afanasy.server.show.history_port import HistoryPort
from afanasy.server.show.view_user import user_view
from afanasy.server.traffic import kind_of

log = structlog.get_logger("requests")

#: Root members in the order in which today's server looks for them.
ROOTS: Final = ("get", "action", "job", "user", "reload_config")


class Requests:
    """Answers requests for one farm."""

    def __init__(
        self,
        loop: FarmLoop,
        masks: Masks,
        history: HistoryPort,
        reloader: Reloader | None = None,
        inside: getting.Inside | None = None,
        farm_file: FarmFileReader | None = None,
    ) -> None:
        self._loop = loop
        self._inside = inside
        self._farm_file = farm_file
        self._reloader = reloader or Reloader()
        self._masks = masks
        self._history = history

    async def handle(self, body: Raw, _peer: object) -> object:
        """The answer to one request: a JSON-able object."""
        root = next((name for name in ROOTS if name in body), "")
        reader = Reader(strict=body.get("strict") is True)
        self._masks.new_request()
        try:
            if root == "get":
                return await self._get(body, reader)
            if root == "action":
                return await self._action(body, reader)
            if root == "job":
                return await self._job(body, reader)
            if root == "user":
                return await self._user(body, reader)
            if root == "reload_config":
                return self._reloader.reload(self._loop.farm, self._loop.apply)
            raise UserError(
                "unknown_request",
                "Invalid action.",
                f"send an object with one of {', '.join(ROOTS)}",
            )
        except UserError as error:
            return _refusal(root, error, reader)

    async def _get(self, body: Raw, reader: Reader) -> object:
        if not isinstance(body["get"], dict):
            raise UserError("bad_field", "Invalid action.", "send an object", field="get")
        result = getting.get(
            self._loop.farm, cast(Raw, body["get"]), reader, self._masks, self._history,
            inside=self._inside,
        )  # fmt: skip
        if inspect.isawaitable(result):
            return await cast("Awaitable[object]", result)
        return result

    async def _action(self, body: Raw, reader: Reader) -> object:
        self._loop.check_store()
        check_texts(body["action"], "action")
        raw = cast(object, body["action"])
        action = cast(Raw, raw) if isinstance(raw, dict) else {}
        answer: object
        if action.get("type") == "farm" and self._farm_file is not None:
            check_action(action, "farm", reader)
            answer = reader.told(await self._farm_file.act(action))
        else:
            answer = act(self._loop.farm, body["action"], reader, self._masks, self._loop.apply)
        await self._durable(body)
        return answer

    async def _job(self, body: Raw, reader: Reader) -> object:
        self._loop.check_store()
        farm = self._loop.farm
        spec, blocks = read_job(
            body["job"], reader, self._masks, farm.settings, lambda name: _type_of(farm, name)
        )
        asked_branch = spec.branch
        event = events.Submit(spec, blocks, kept_text(body["job"]))
        job = cast(Job, self._loop.apply(event))
        reader.warnings += branch_warnings(job, asked_branch)
        reader.warnings += depend_warnings(farm, job)
        reader.warnings += ticket_warnings(farm, job)
        reader.warnings += hosts_warnings(farm, job)
        reader.warnings += pool_warnings(farm, job.spec.pools, "job.pools")
        job.log.extend(f"warning: {warning}" for warning in reader.warnings)
        reader.warnings += pre_commands.warnings(farm, job)  # its log has them already
        answer: dict[str, object] = {"id": job.id, "serial": job.serial}
        if reader.warnings:
            answer["warnings"] = reader.warnings
        await self._durable(body)
        return answer

    async def _user(self, body: Raw, reader: Reader) -> object:
        self._loop.check_store()
        raw = body["user"]
        if not isinstance(raw, dict):
            raise UserError("bad_field", "must be an object", 'send {"name": …}', field="user")
        members = cast(Raw, raw)
        check_texts(members, "user")
        name = members.get("name")
        if not isinstance(name, str) or not name:
            raise UserError("missing", "a user needs a name", "set it", field="user.name")
        params = reader.members(UserSpec, members, "user", also=frozenset({"name"}))
        if "pools" in params:
            params["pools"] = clean_pools(params["pools"])
            reader.warnings += pool_warnings(self._loop.farm, params["pools"], "user.pools")
        masks = (params.get("hosts_mask", ""), params.get("hosts_mask_exclude", ""))
        check_hosts_masks(*masks, params.get("hosts_mask_type", ""), "user", self._masks)
        user, new = cast("tuple[User, bool]", self._loop.apply(events.AddUser(name, params)))
        if new:
            reader.warnings += user_warnings(self._loop.farm, user)
        await self._durable(body)
        answer: dict[str, object] = {"user": user_view(user)}
        if not new:
            answer["error"] = "exists"
        if reader.warnings:
            answer["warnings"] = reader.warnings
        return answer

    async def _durable(self, body: Raw) -> None:
        """Return when everything that was applied is committed; the wait is counted."""
        began_s = perf_counter()
        await self._loop.durable()
        if self._inside is not None:
            self._inside.traffic.waited(kind_of(body), perf_counter() - began_s)


def _type_of(farm: Farm, user: str) -> str:
    """How the hosts masks of the user's jobs are read when they do not say it; "" = by looks."""
    found = farm.users.get(user)
    return found.spec.hosts_mask_type if found is not None else ""


def _refusal(root: str, error: UserError, reader: Reader) -> dict[str, object]:
    """The shapes of R50: a job's answer has ids and a sentence, others an info."""
    if root == "job":
        answer: dict[str, object] = {"id": 0, "serial": 0, "error": error.sentence()}
        if reader.strict:
            answer["refusal"] = error_object(error)
        return answer
    answer = {"info": {"kind": "error", "text": error.classic()}}
    if root == "user":
        answer["error"] = error.sentence()
    elif reader.strict:
        answer["error"] = error_object(error)
    return answer
