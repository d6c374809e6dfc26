"""What jobs and blocks share: limits of running tasks and masks."""

from __future__ import annotations

from typing import Any

from af import rules
from af.rules import classic


class Work:
    """Base of :class:`af.Job` and :class:`af.Block`; ``data`` is the JSON that will be sent."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    def set_max_running_tasks(self, value: int) -> None:
        """At most so many tasks at once; 0 = none."""
        self.data["max_running_tasks"] = rules.whole("max_running_tasks", value, 0)

    def set_max_running_tasks_per_host(self, value: int) -> None:
        """At most so many tasks at once on one render; 0 = none."""
        self.data["max_running_tasks_per_host"] = rules.whole(
            "max_running_tasks_per_host", value, 0
        )

    def set_hosts_mask(self, mask: str) -> None:
        """Only renders whose whole name matches."""
        self.data["hosts_mask"] = rules.mask("hosts_mask", mask)

    def set_hosts_mask_exclude(self, mask: str) -> None:
        """No render whose whole name matches."""
        self.data["hosts_mask_exclude"] = rules.mask("hosts_mask_exclude", mask)

    def set_depend_mask(self, mask: str) -> None:
        """Wait until what matches is done: jobs of the same user, or blocks of the same job."""
        self.data["depend_mask"] = rules.mask("depend_mask", mask)

    def set_need_properties(self, mask: str) -> None:
        """Only renders with one of these properties."""
        self.data["need_properties"] = rules.mask("need_properties", mask)

    setMaxRunningTasks = classic(set_max_running_tasks)
    setMaxRunTasksPerHost = classic(set_max_running_tasks_per_host)
    setHostsMask = classic(set_hosts_mask)
    setHostsMaskExclude = classic(set_hosts_mask_exclude)
    setDependMask = classic(set_depend_mask)
    setNeedProperties = classic(set_need_properties)
