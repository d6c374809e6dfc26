"""A job: blocks of tasks, sent to the server as one JSON object."""

from __future__ import annotations

import json
import os
import time
import warnings
from typing import Any, Iterable, cast

from af import config, rules
from af.answers import refusal, warnings_of
from af.block import Block
from af.rules import AfWarning, classic, to_server
from af.send import ServerError, request
from af.work import Work

PRIORITY_MAX = 250


class Job(Work):
    """What a user submits. Append :class:`af.Block` objects to ``blocks``, then :meth:`send`.

    ``data`` is the JSON that will be sent (PROTOCOL 2.4).
    """

    def __init__(self, jobname: str | None = None) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        #: What the server answered to the last :meth:`send` that it accepted: id and serial.
        self.answer: dict[str, Any] | None = None
        self.data.update(
            name=str(jobname or "noname"),
            user_name=config.user_name(),
            host_name=config.host_name(),
            priority=config.priority(),
            time_creation=_now(),
            folders={},
        )

    # -------------------------------------------------------------------------------- identity

    def set_name(self, name: str) -> None:
        """The job's name; the server makes it unique."""
        self.data["name"] = rules.text("name", name, empty=False)

    def set_user_name(self, name: str) -> None:
        """The owner; user names are lower case."""
        self.data["user_name"] = rules.text("user_name", name, empty=False).lower()

    def set_annotation(self, text: str) -> None:
        """A short remark shown in lists."""
        self.data["annotation"] = rules.text("annotation", text)

    def set_description(self, text: str) -> None:
        """A longer remark."""
        self.data["description"] = rules.text("description", text)

    def set_project(self, name: str) -> None:
        """The project, for statistics."""
        self.data["project"] = rules.text("project", name, empty=False)

    def set_department(self, name: str) -> None:
        """The department, for statistics."""
        self.data["department"] = rules.text("department", name, empty=False)

    def set_priority(self, value: int) -> None:
        """0 to 250; more than 250 is 250."""
        self.data["priority"] = min(rules.whole("priority", value, 0), PRIORITY_MAX)

    def set_folder(self, name: str, path: str, transfer: bool = True, **words: Any) -> None:
        """A folder of the job, as "input" or "output"."""
        key = rules.text("folders", name, empty=False)
        self.data["folders"][key] = to_server(rules.text("folders." + key, path), transfer, words)

    def set_branch(self, path: str, transfer: bool = True, **words: Any) -> None:
        """The branch; without one it follows the job's folders."""
        self.data["branch"] = to_server(rules.text("branch", path), transfer, words)

    def set_pools(self, pools: dict[str, int]) -> None:
        """Prefer or avoid pools: path → -100 to 100."""
        if not isinstance(pools, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - scripts are untyped
            raise ValueError("pools must be a dictionary, not %r" % (pools,))
        self.data["pools"] = {
            rules.text("pools", path, empty=False): rules.whole("pools." + path, value)
            for path, value in pools.items()
        }

    # ------------------------------------------------------------------------ commands and times

    def set_command_pre(self, command: str, transfer: bool = True, **words: Any) -> None:
        """Command before the job's first task."""
        self.data["command_pre"] = to_server(rules.text("command_pre", command), transfer, words)

    def set_command_post(self, command: str, transfer: bool = True, **words: Any) -> None:
        """Command when the job is deleted."""
        self.data["command_post"] = to_server(rules.text("command_post", command), transfer, words)

    def set_post_delete_files(self, path: str, transfer: bool = True, **words: Any) -> None:
        """Delete these files when the job is deleted."""
        path = to_server(rules.text("command_post", path, empty=False), transfer, words)
        self.data["command_post"] = 'deletefiles "%s"' % path

    def set_wait_time(self, unix_s: int) -> None:
        """Do not start before this moment."""
        moment = rules.whole("time_wait", unix_s)
        if moment <= _now():
            raise ValueError("time_wait must lie in the future, not at %d" % moment)
        self.data["time_wait"] = moment

    def set_time_life(self, seconds: int) -> None:
        """Delete the job so long after its creation."""
        self.data["time_life"] = rules.whole("time_life", seconds, 0)

    # -------------------------------------------------------------------------- masks and needs

    def set_hosts_mask(self, mask: str, mask_type: str = "regex") -> None:
        """Only these renders: "regex" matches whole names, "find" lists prefixes of names."""
        if mask_type not in ("regex", "find"):
            raise ValueError('hosts_mask_type must be "regex" or "find", not %r' % (mask_type,))
        if mask_type == "regex":
            super().set_hosts_mask(mask)
        else:
            self.data["hosts_mask"] = rules.text("hosts_mask", mask, empty=False)
        self.data["hosts_mask_type"] = mask_type

    def set_depend_mask_global(self, mask: str) -> None:
        """Wait until the matching jobs of all users are done."""
        self.data["depend_mask_global"] = rules.mask("depend_mask_global", mask)

    def set_depend_jobs(self, serials: Iterable[int]) -> None:
        """Wait until the jobs of these serials are done, as the answer to ``send`` names them."""
        self.data["depend_jobs"] = [rules.whole("depend_jobs", one, 1) for one in serials]

    def set_need_os(self, mask: str) -> None:
        """Only renders of this system."""
        self.data["need_os"] = rules.mask("need_os", mask)

    def set_errors_job_max(self, count: int) -> None:
        """Pause the job when so many of its tasks have failed; 0 never."""
        self.data["errors_job_max"] = rules.whole("errors_job_max", count, 0)

    def set_native_os(self) -> None:
        """Only renders of this computer's system."""
        self.data["need_os"] = config.platform()

    def set_any_os(self) -> None:
        """Renders of any system."""
        self.data["need_os"] = ""

    # ----------------------------------------------------------------------------------- states

    def set_pp_approval(self) -> None:
        """Wait for a person's approval after the preview tasks."""
        self.data["ppa"] = True

    def set_maintenance(self) -> None:
        """Tasks are named after renders and run on them, whatever their state."""
        self.data["maintenance"] = True

    def set_ignore_nimby(self) -> None:
        """Run also on renders that are nimby."""
        self.data["ignorenimby"] = True

    def set_ignore_paused(self) -> None:
        """Run also on renders that are paused."""
        self.data["ignorepaused"] = True

    def pause(self) -> None:
        """Submit the job paused."""
        self.data["offline"] = True

    def try_task(self, block_num: int, task_num: int) -> None:
        """Run this task before all others."""
        block = rules.whole("try_this_blocks_num", block_num, 0)
        task = rules.whole("try_this_tasks_num", task_num, 0)
        self.data.setdefault("try_this_blocks_num", []).append(block)
        self.data.setdefault("try_this_tasks_num", []).append(task)

    # ---------------------------------------------------------------------------------- sending

    def fillBlocks(self) -> None:
        """Put the blocks and their tasks into ``data``."""
        for block in self.blocks:
            block.fillTasks()
        self.data["blocks"] = [block.data for block in self.blocks]

    def problem(self) -> str:
        """What keeps this job from being sent; "" when nothing does."""
        if not self.blocks:
            return "the job %r has no blocks" % self.data["name"]
        for block in self.blocks:
            name = block.data["name"]
            if not block.numeric and not block.tasks:
                return "the block %r has no tasks and is not numeric" % name
            if block.numeric and block.tasks:
                return "the block %r is numeric and has listed tasks too" % name
        return ""

    def checkJob(self) -> bool:
        """Whether the job can be sent; a warning says why not."""
        problem = self.problem()
        if problem:
            warnings.warn(problem, AfWarning, stacklevel=2)
        return not problem

    def filled(self) -> dict[str, Any]:
        """The whole job as it is sent: ``data`` with its blocks, folders and branch."""
        self.fillBlocks()
        folders = dict(self.data["folders"])
        for block in self.blocks:
            files = block.data.get("files")
            folder = os.path.dirname(files[0]) if files else ""
            if folder:
                folders.setdefault(block.data["name"], folder)
        job = dict(self.data, folders=folders)
        if "branch" not in job:
            first = self.blocks[0].data.get("working_directory") if self.blocks else ""
            branch = folders.get("output") or folders.get("input") or first
            if branch:
                job["branch"] = branch
        return job

    def output(self) -> None:
        """Print the job as sorted JSON."""
        print(json.dumps({"job": self.filled()}, indent=4, sort_keys=True))

    def send(self, verbose: bool = False) -> tuple[bool, Any]:
        """Send the job: ``(True, answer)`` with its ``id`` and ``serial``.

        ``(False, answer)`` when the server refused it: ``answer["error"]`` names the field and the
        rule. ``(False, None)`` when it cannot be sent or no server answers. A warning says why.
        """
        problem = self.problem()
        if problem:
            warnings.warn("%s; not sent" % problem, AfWarning, stacklevel=2)
            return False, None
        if verbose:
            self.output()
        try:
            answer: Any = request({"job": self.filled()})
        except ServerError as error:
            warnings.warn("the job was not sent: %s" % error, AfWarning, stacklevel=2)
            return False, None
        if verbose:
            print(json.dumps(answer, sort_keys=True))
        for line in warnings_of(answer):
            warnings.warn(line, AfWarning, stacklevel=2)
        refused = refusal(answer)
        if refused is not None:
            warnings.warn(
                "the server refused the job: %s" % refused.sentence(), AfWarning, stacklevel=2
            )
        elif isinstance(answer, dict):
            self.answer = cast("dict[str, Any]", answer)
        return refused is None, cast("Any", answer)

    setName = classic(set_name)
    setUserName = classic(set_user_name)
    setAnnotation = classic(set_annotation)
    setDescription = classic(set_description)
    setProject = classic(set_project)
    setDepartment = classic(set_department)
    setPriority = classic(set_priority)
    setFolder = classic(set_folder)
    setBranch = classic(set_branch)
    setPools = classic(set_pools)
    setCmdPre = classic(set_command_pre)
    setCmdPost = classic(set_command_post)
    setPostDeleteFiles = classic(set_post_delete_files)
    setWaitTime = classic(set_wait_time)
    setTimeLife = classic(set_time_life)
    setDependMaskGlobal = classic(set_depend_mask_global)
    setNeedOS = classic(set_need_os)
    setNativeOS = set_native_os
    setAnyOS = set_any_os
    setPPApproval = set_pp_approval
    setMaintenance = set_maintenance
    setIgnoreNimby = set_ignore_nimby
    setIgnorePaused = set_ignore_paused
    setPaused = pause
    setOffline = pause
    offline = pause
    offLine = pause
    tryTask = classic(try_task)


def _now() -> int:
    return int(time.time())  # noqa: TID251 - a script has no clock but this one
