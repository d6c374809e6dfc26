"""What all actions on nodes share: the checked request, its answer, and how params are read.

Unknown members of params are ignored with a warning; strict requests refuse them (R49).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from afanasy.core import events
from afanasy.core.depend.depend_warnings import depend_warnings
from afanasy.core.host.pools import Pool
from afanasy.core.job.branches import Branch
from afanasy.core.job.operations import Outcome
from afanasy.core.job.place_warnings import pool_warnings
from afanasy.core.limit.limit_warnings import ticket_warnings
from afanasy.core.state import Farm, Job, Render, User
from afanasy.model.attributes import WorkSpec
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw, Reader
from afanasy.server.change.read_job import check_hosts_masks, clean_pools
from afanasy.server.matcher import Masks

Apply = Callable[[events.Event], Any]
#: Attributes whose text is a regular expression.
REGEX_MASKS: Final = frozenset({"depend_mask", "depend_mask_global", "tasks_depend_mask"})
#: Attributes that say, or change, what a job waits for.
DEPENDS: Final = REGEX_MASKS | {"depend_jobs", "user_name", "name"}

N = TypeVar("N", Job, Render, User, Pool, Branch)


@dataclass(slots=True)
class Answer:
    """What has been done so far, and what the answer will say."""

    count: int = 0
    kind: str = "log"
    text: str = ""
    #: Members of ``{"object": …}`` of the append operations.
    added: dict[str, object] = field(default_factory=dict)
    refused: UserError | None = None

    def say(self, text: str, kind: str = "info") -> None:
        """A later sentence replaces an earlier one."""
        self.text, self.kind = text, kind

    def refuse(self, error: UserError) -> None:
        """One node refused; the others go on."""
        self.refused = error
        self.say(error.classic(), "error")


@dataclass(slots=True)
class Request(Generic[N]):
    """A checked action on nodes of one kind."""

    farm: Farm
    apply: Apply
    reader: Reader
    masks: Masks
    by: str
    raw: Raw
    operation: Raw | None
    params: Raw | None
    answer: Answer

    def tell(self, outcome: Outcome) -> None:
        """The answer counts, warns and says what the core did."""
        self.answer.count += outcome.count
        self.reader.warnings += outcome.warnings
        if outcome.text:
            self.answer.say(outcome.text)


def warn_of_depends(request: Request[Job], job: Job) -> None:
    """The answer says what is odd about what the job waits for now, and about its tickets."""
    warnings = request.reader.warnings
    for text in (*depend_warnings(request.farm, job), *ticket_warnings(request.farm, job)):
        if text not in warnings:
            warnings.append(text)


def checked_params(request: Request[Any], spec: type[Any], editable: frozenset[str]) -> Raw:
    """The checked new values; members that cannot be edited are ignored or refused (R49)."""
    assert request.params is not None
    members = request.reader.members(spec, request.params, "params")
    return only_editable(request, members, editable)


def only_editable(request: Request[Any], params: Raw, editable: frozenset[str]) -> Raw:
    """``params`` without members that cannot be edited; each is complained of."""
    for key in [key for key in params if key not in editable]:
        request.reader.complain(f"params.{key}", "cannot be edited", "submit a new job")
        del params[key]
    return params


def check_work_params(
    request: Request[Any], old: WorkSpec, params: Raw, kind_unset: str = ""
) -> None:
    """Pools and hosts masks of a job, user or branch; a new type reads the old masks anew.

    ``kind_unset`` is the type of the masks when neither says one. Raises UserError.
    """
    if "pools" in params:
        params["pools"] = clean_pools(params["pools"])
        request.reader.warnings += pool_warnings(request.farm, params["pools"], "params.pools")
    kind = params.get("hosts_mask_type", old.hosts_mask_type) or kind_unset
    new_kind = kind != (old.hosts_mask_type or kind_unset)
    mask = params.get("hosts_mask", old.hosts_mask if new_kind else "")
    exclude = params.get("hosts_mask_exclude", old.hosts_mask_exclude if new_kind else "")
    check_hosts_masks(mask, exclude, kind, "params", request.masks)
