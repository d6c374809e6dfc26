"""What a job was made of, kept with the history also after its end (R39).

The JSON is stored as it came: the job, then what was appended to it. ``get`` jobs in mode
``submission`` puts it together again, so that it can be submitted once more.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from afanasy.core.job.submit import TASKS_PART
from afanasy.core.state import Farm
from afanasy.model.errors import UserError
from afanasy.model.ids import split_task_key
from afanasy.server.show.get_request import GetRequest
from afanasy.server.show.history_port import HistoryPort
from afanasy.server.show.views import View

#: Longer JSON is not kept, in bytes.
TEXT_MAX_KEPT: Final = 8 * 1024 * 1024


def kept_text(value: object) -> str:
    """The JSON of a submission as it is stored; "" when it is too long to be kept."""
    text = msgspec.json.encode(value)
    return text.decode() if len(text) <= TEXT_MAX_KEPT else ""


async def submission_answer(farm: Farm, request: GetRequest, history: HistoryPort) -> View:
    """The job that was submitted, with what was appended. Raises UserError."""
    serial = _serial(farm, request)
    parts = await history.submission(serial)
    if not parts and serial in farm.jobs:  # its commit may be on its way
        await history.settled()
        parts = await history.submission(serial)
    if not parts or parts[0][0] != 0:
        raise UserError(
            "not_found",
            f"there is no submission of a job with serial {serial}",
            f"those of more than {TEXT_MAX_KEPT >> 20} MB are not kept",
            field="get.serials",
        )
    return {"submission": {"serial": serial, "job": _joined(parts)}}


def _serial(farm: Farm, request: GetRequest) -> int:
    """The only job that is named; a serial may be one of a deleted job. Raises UserError."""
    if len(request.serials) == 1 and not request.ids:
        return request.serials[0]
    if len(request.ids) == 1 and not request.serials:
        job = farm.jobs_by_id.get(request.ids[0])
        if job is not None:
            return job.serial
        raise UserError("not_found", f"there is no job {request.ids[0]}", field="get.ids")
    raise UserError("not_one", "this needs one job", "name it by serials", field="get.serials")


def _joined(parts: list[tuple[int, str]]) -> dict[str, Any]:
    job = cast("dict[str, Any]", msgspec.json.decode(parts[0][1]))
    blocks = cast("list[dict[str, Any]]", job["blocks"])
    for part, text in parts[1:]:
        more = cast("list[dict[str, Any]]", msgspec.json.decode(text))
        if part < TASKS_PART:
            blocks += more
            continue
        num = split_task_key(part ^ TASKS_PART)[0]
        if num < len(blocks):
            blocks[num].setdefault("tasks", []).extend(more)
    return job
