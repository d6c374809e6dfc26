"""Settings that the server obeys: what its files said, and what people set on the fly.

The catalogue is :mod:`af.settings`; values that come here were checked by it. A value that somebody
set on the fly wins over files, variables and options, is stored, and holds until it is unset. What
the files say is not stored: each server reads its own, at its start and when it is told to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from af.settings import BY_KEY, CATALOGUE, GUI, SERVER
from af.toml_files import Found
from afanasy.model.attributes import BlockSpec

#: Keys that the server has: those it uses, and those it tells graphical programs.
SERVER_KEYS: Final = tuple(
    setting.key for setting in CATALOGUE if SERVER in setting.used_by or GUI in setting.used_by
)
#: Attribute of a user → the setting that is its default for new ones.
USER_DEFAULTS: Final = {
    "priority": "af_priority",
    "max_running_tasks": "af_max_running_tasks",
    "max_running_tasks_per_host": "af_max_run_tasks_per_host",
    "errors_avoid_host": "af_errors_avoid_host",
    "errors_task_same_host": "af_task_errors_same_host",
    "errors_retries": "af_task_error_retries",
    "errors_forgive_time": "af_errors_forgivetime",
    "jobs_life_time": "af_jobs_life_time",
}


class Chosen(NamedTuple):
    """A value that was set on the fly."""

    value: Any
    #: ``user@host`` and unix seconds.
    by: str
    time: int


@dataclass(slots=True)
class Settings:
    """Values in force, and where each comes from."""

    #: What options, variables and files say, of all keys that are not at their default.
    said: dict[str, Found] = field(default_factory=dict[str, Found])
    chosen: dict[str, Chosen] = field(default_factory=dict[str, Chosen])
    #: What the files say by now of settings that need a restart.
    waiting: dict[str, Found] = field(default_factory=dict[str, Found])

    def value(self, key: str) -> Any:
        """The value in force."""
        chosen = self.chosen.get(key)
        return chosen.value if chosen is not None else self.under(key).value

    def under(self, key: str) -> Found:
        """What is in force when nobody sets it on the fly."""
        said = self.said.get(key)
        return said if said is not None else Found(BY_KEY[key].default, "default")

    def user_defaults(self) -> dict[str, Any]:
        """Attributes of new users."""
        return {name: self.value(key) for name, key in USER_DEFAULTS.items()}

    def job_defaults(self) -> dict[str, Any]:
        """Attributes of jobs that do not name them."""
        return {"priority": self.value("af_priority")}

    def block_defaults(self) -> dict[str, Any]:
        """Attributes of blocks that do not name them."""
        return {
            "capacity": self.value("af_task_default_capacity"),
            "service": self.value("af_task_default_service"),
        }

    def progress_timeout_s(self, spec: BlockSpec) -> int:
        """Seconds without progress after which a task of the block is stopped; ≤ 0 = never."""
        own = spec.task_progress_change_timeout
        return own if own >= 0 else self.value("af_task_progress_change_timeout")
