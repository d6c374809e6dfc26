"""What each attribute of :mod:`afanasy.model.attributes` means, for the reference pages.

Beside the table and not in it: no program that runs needs these sentences. A test makes sure that
no attribute lacks one. :data:`KEPT` names what is stored and shown and decides nothing; the same
test looks whether that is still so.
"""

from __future__ import annotations

from typing import Final

from afanasy.model.attributes import BlockSpec, JobSpec, RenderSpec, TaskSpec, UserSpec

#: Attributes that mean the same wherever they stand.
COMMON: Final = {
    "annotation": "A short remark shown in lists.",
    "custom_data": "A text of the studio's own, often JSON; services of tasks can read it.",
    "hidden": "Left out of plain lists.",
    "hosts_mask": "Renders that may be used, by name; how it is read says `hosts_mask_type`.",
    "hosts_mask_exclude": "Renders that may not be used, read in the same way.",
    "hosts_mask_type": '"find": words that names begin with; "regex": an expression over the whole '
    'name; "": plain words are "find", anything else is "regex".',
    "max_running_tasks": "Most tasks that run at a time; -1 is no limit, 0 starts none.",
    "max_running_tasks_per_host": "The same for one render.",
    "max_tasks_per_second": "Most starts in any second; -1 is no limit, 0 starts none.",
    "need_hdd": "Free disk space that a render must have, in GB; -1 is any.",
    "need_memory": "Free memory that a render must have, in MB; -1 is any.",
    "need_os": "Words of which a render's system must contain one.",
    "need_power": "Power that a render must have; -1 is any.",
    "need_properties": "Words of which a render's properties must contain one.",
    "pools": "Pool to preference, -100 to 100; zeros are left out.",
    "solve_method": '"solve_order" or "solve_priority": how the work of one node is ordered.',
    "solve_need": '"solve_capacity" or "solve_tasksnum": what a share of the farm is counted in.',
}

JOB: Final = {
    "branch": "Branch of the tree of jobs, as a path.",
    "command_post": "A command for the time when the job is deleted.",
    "command_pre": "A command for the time before its first task.",
    "department": "For statistics.",
    "depend_mask": "Jobs of the same user that must be done first: an expression over whole names.",
    "depend_mask_global": "Jobs of any user that must be done first.",
    "description": "A longer remark.",
    "folders": "Folders of the job by name, as `input` and `output`. An edit is merged.",
    "host_name": "The computer that sends it.",
    "ignorenimby": "Its tasks also start on renders that are nimby or NIMBY.",
    "ignorepaused": "Its tasks also start on renders that are paused.",
    "maintenance": "One task for each render, as for an update of software.",
    "name": "Shown in lists and made unique: a living job's name gets `-1`, `-2` …",
    "offline": "Submitted, or set, paused: nothing starts. Only the operation `start` ends it.",
    "ppa": "Done tasks wait for a person's approval.",
    "priority": "Among the jobs of its user; the higher one comes first.",
    "project": "For statistics.",
    "report": "What a parser reported last.",
    "thumb_path": "The newest thumbnail.",
    "time_creation": "When it was made; 0 is when the server receives it.",
    "time_life": "Seconds from its creation after which it is deleted; -1 is the user's value.",
    "time_wait": "Nothing starts before this moment.",
    "try_this_blocks_num": "Blocks of the tasks that are to be tried first.",
    "try_this_tasks_num": "Tasks that are to be tried first, each beside its block.",
    "user_name": "The owner. An edit gives the job to another existing user.",
}

BLOCK: Final = {
    "capacity": "What a task takes of the capacity of its render.",
    "capacity_coeff_max": "With it a task takes a multiple of the capacity: at most so many times.",
    "capacity_coeff_min": "The least multiple of the capacity with which a task starts.",
    "command": "The command line, with `@#@` for the frames of a task, or for its own command in a "
    "list block.",
    "command_post": "A command for the time after the block.",
    "command_pre": "A command for the time before the block.",
    "depend_mask": "Blocks of the same job that must be done first: an expression over names.",
    "environment": "Environment variables of the tasks. An edit is merged.",
    "errors_avoid_host": "Errors on a render after which the block avoids it; 0 is never, -1 is "
    "the user's value.",
    "errors_forgive_time": "Seconds after its last error after which a render is forgiven; 0 is "
    "never, -1 is the user's value.",
    "errors_retries": "Errors of a task that are retried; -1 is the user's value.",
    "errors_task_same_host": "Errors on a render after which a task avoids it; 0 is never, -1 is "
    "the user's value.",
    "file_size_max": "Most bytes that a result file may have; -1 is any.",
    "file_size_min": "Least bytes that a result file must have; -1 is any.",
    "files": "Patterns of result files, as `img.@####@.exr`; also one text with `;` between them.",
    "flags": "[Bits](#flags-of-a-block); bit 0 makes the block numeric.",
    "frame_first": "First frame of a numeric block.",
    "frame_last": "Last frame; before the first one it counts as the first.",
    "frames_inc": "Step between frames.",
    "frames_per_task": "Frames in one task; in a list block -n means that n tasks share a frame.",
    "multihost_max": "Most renders for one task.",
    "multihost_max_wait": "Seconds to wait for more renders than the least.",
    "multihost_min": "Least renders for one task.",
    "multihost_service": "Command that prepares the further renders.",
    "multihost_service_wait": "Seconds to wait for that command.",
    "name": "Shown in lists and matched by depend masks; empty is `block N`.",
    "need_cpu_cores": "Processor cores that a render must have.",
    "need_cpu_freq_cores": "Clock rate times cores that a render must have, in MHz.",
    "need_cpu_freq_mgz": "Clock rate that a render must have, in MHz.",
    "need_gpu_mem_mb": "Free graphics memory that a render must have, in MB.",
    "on_lost_render": '"reschedule": when its render is lost a task starts elsewhere; "hold": it '
    "waits for that render or for a person.",
    "parser": 'The parser; empty is the default of the service, "-" is none.',
    "parser_coeff": "What the parser calls one frame counts so many times.",
    "sequential": "Order of the tasks: 1 in a row, n every n-th first, 0 by halving, negative from "
    "the end.",
    "service": "The program: how the command is built and what its end means.",
    "srv_info": "Shown beside the block instead of the last render.",
    "task_max_run_time": "Seconds after which a task is stopped with an error; 0 is never.",
    "task_min_run_time": "Seconds before which a success counts as an error; 0 is none.",
    "task_progress_change_timeout": "Seconds without output after which a task is stopped with an "
    "error; -1 is the setting `af_task_progress_change_timeout`.",
    "tasks_depend_mask": "Blocks of which only the tasks of the same frames must be done first.",
    "tasks_name": "Pattern of the tasks' names.",
    "tickets": "Tickets that each task holds, by name.",
    "working_directory": "Folder in which the tasks run.",
}

TASK: Final = {
    "command": "The command, or what stands for `@#@` in the block's command.",
    "environment": "Environment variables; they win over the block's.",
    "files": "Result files.",
    "name": "Shown in lists.",
}

USER: Final = {
    "errors_avoid_host": "For blocks that say -1: errors on a render after which a block avoids "
    "it; 0 is never.",
    "errors_forgive_time": "For blocks that say -1: seconds after which a render is forgiven; 0 is "
    "never.",
    "errors_retries": "For blocks that say -1: errors of a task that are retried.",
    "errors_task_same_host": "For blocks that say -1: errors on a render after which a task avoids "
    "it; 0 is never.",
    "jobs_life_time": "For jobs that say -1: seconds after which they are deleted; 0 is never.",
    "paused": "Nothing of this user starts.",
    "priority": "His share of the farm: each step is a tenth more.",
}

RENDER: Final = {
    "NIMBY": "It takes no tasks. true ends `nimby`; false on either makes it free.",
    "capacity_host": "Its capacity; -1 is what its agent says, else 1100.",
    "max_tasks_host": "Most tasks at a time; -1 is what its agent says, else 4.",
    "nimby": "It takes only tasks of its owner.",
    "paused": "It takes no new tasks.",
    "priority": "Among renders that are equally free the higher one is used first; 0 takes none.",
    "user_name": "The owner; empty is what its agent says.",
}

OWN: Final[dict[type, dict[str, str]]] = {
    JobSpec: JOB,
    BlockSpec: BLOCK,
    TaskSpec: TASK,
    UserSpec: USER,
    RenderSpec: RENDER,
}

_MASKS_AND_NEEDS: Final = {
    "hosts_mask", "hosts_mask_exclude", "need_hdd", "need_memory", "need_power", "need_properties",
}  # fmt: skip
_OF_WORK: Final = {
    *_MASKS_AND_NEEDS, "hosts_mask_type", "need_os", "pools", "solve_method", "solve_need",
}  # fmt: skip
#: Stored and shown; nothing that the server or a render does depends on them.
KEPT: Final[dict[type, frozenset[str]]] = {
    JobSpec: frozenset(
        {*_OF_WORK, "branch", "command_post", "command_pre", "depend_mask", "depend_mask_global",
         "ignorepaused", "maintenance", "ppa", "time_life"}
    ),
    BlockSpec: frozenset(
        {*_MASKS_AND_NEEDS, "command_post", "command_pre", "multihost_max", "multihost_max_wait",
         "multihost_min", "multihost_service", "multihost_service_wait", "need_cpu_cores",
         "need_cpu_freq_cores", "need_cpu_freq_mgz", "need_gpu_mem_mb", "tasks_depend_mask",
         "tickets"}
    ),
    TaskSpec: frozenset(),
    UserSpec: frozenset({*_OF_WORK, "jobs_life_time"}),
    RenderSpec: frozenset(),
}  # fmt: skip

#: Bits of a block's ``flags``: number → (name, meaning, whether anything depends on it).
FLAGS: Final[dict[int, tuple[str, str, bool]]] = {
    0: ("numeric", "The tasks are derived from the frame range.", True),
    1: ("varcapacity", "Tasks take a multiple of the capacity; set by the coefficients.", True),
    2: ("multihost", "A task on several renders; it runs on one.", False),
    3: ("masteronslave", "The first of several renders works too.", False),
    4: ("dependsubtask", "Others may begin when a part of a task is done.", False),
    5: ("skipthumbnails", "No thumbnails of result files.", False),
    6: ("skipexistingfiles", "A task whose result files exist is skipped.", True),
    7: ("checkrenderedfiles", "A task whose result files are missing or wrong fails.", True),
    8: ("slavelostignore", "A task on several renders goes on without one of them.", False),
    9: ("appendedtasks", "Tasks were added after the submission; set by the server.", True),
    10: ("suspendnewtasks", "New tasks are suspended until a person continues them.", True),
}  # fmt: skip


def help_of(spec: type, name: str) -> str:
    """The sentence about an attribute; "" when there is none."""
    return OWN[spec].get(name) or COMMON.get(name, "")
