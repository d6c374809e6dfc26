"""What all actions on nodes share: the checked request, its answer, and how params are read.

Unknown members of params are ignored with a warning; strict requests refuse them (R49).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
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
#: Attributes that say which hosts are wanted, and how masks of them are read.
HOSTS_MASKS: Final = frozenset({"hosts_mask", "hosts_mask_exclude", "hosts_mask_type"})
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
    """Warn of what is odd about the job's dependences and tickets, each sentence once."""
    warn(request, depend_warnings(request.farm, job), ticket_warnings(request.farm, job))


def warn(request: Request[Any], *warnings: Iterable[str]) -> None:
    """The answer has these sentences, too, each once."""
    said = dict.fromkeys(request.reader.warnings)
    for text in chain.from_iterable(warnings):
        if text not in said:
            said[text] = None
            request.reader.warnings.append(text)


def checked_params(request: Request[Any], spec: type[Any], editable: frozenset[str]) -> Raw:
    """The checked new values; members that cannot be edited are ignored or refused (R49)."""
    assert request.params is not None
    params = only_editable(request, request.params, spec, editable)
    return request.reader.members(spec, params, "params")


def only_editable(
    request: Request[Any], params: Raw, spec: type[Any], editable: frozenset[str]
) -> Raw:
    """``params`` without attributes that cannot be edited; each is complained of."""
    fixed = [key for key in params if key in spec.__struct_fields__ and key not in editable]
    for key in fixed:
        request.reader.complain(f"params.{key}", "cannot be edited", "submit a new job")
    return {key: value for key, value in params.items() if key not in fixed}


def check_work_params(
    request: Request[Any], old: WorkSpec, params: Raw, kinds: tuple[str, str] | None = None
) -> None:
    """Pools and hosts masks of a job, user or branch; a new type reads the old masks anew.

    ``kinds``: the types of the masks before and after; if None what the attributes say. Raises
    UserError.
    """
    if "pools" in params:
        params["pools"] = clean_pools(params["pools"])
        request.reader.warnings += pool_warnings(request.farm, params["pools"], "params.pools")
    said = old.hosts_mask_type
    before, kind = kinds or (said, params.get("hosts_mask_type", said))
    new_kind = kind != before
    mask = params.get("hosts_mask", old.hosts_mask if new_kind else "")
    exclude = params.get("hosts_mask_exclude", old.hosts_mask_exclude if new_kind else "")
    check_hosts_masks(mask, exclude, kind, "params", request.masks)
