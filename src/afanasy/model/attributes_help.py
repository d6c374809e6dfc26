"""What each attribute of :mod:`afanasy.model.attributes` means, for the reference pages.

Beside the table and not in it: no program that runs needs these sentences. A test makes sure that
no attribute lacks one. :data:`KEPT` names what is stored and shown and decides nothing; the same
test looks whether that is still so.
"""

from __future__ import annotations

from typing import Final

from afanasy.model.attributes import (
    BlockSpec,
    BranchSpec,
    JobSpec,
    PoolSpec,
    RenderSpec,
    TaskSpec,
    UserSpec,
)

#: Attributes that mean the same wherever they stand.
COMMON: Final = {
    "annotation": "A short remark shown in lists.",
    "custom_data": "A text of the studio's own, often JSON; services of tasks can read it.",
    "hidden": "Left out of plain lists.",
    "hosts_mask": "Renders that may be used, by name; how it is read says `hosts_mask_type`. A "
    "regular expression has 1,000 characters at most, plain names may have more.",
    "hosts_mask_exclude": "Renders that may not be used, read in the same way.",
    "hosts_mask_type": '"find": words that names begin with; "regex": an expression over the whole '
    'name; "": the type of the user counts, else the looks of each mask: plain words are "find", '
    'anything else is "regex". Answers say how the masks are read, "" if they look different.',
    "max_running_tasks": "Most tasks that run at a time; -1 is no limit, 0 starts none.",
    "max_running_tasks_per_host": "The same for one render.",
    "max_tasks_per_second": "Most starts in any second; -1 is no limit, 0 starts none.",
    "need_hdd": "Disk space in GB that must be free on a render, and that a running task holds "
    "there; -1 is none.",
    "need_memory": "Memory in MB that must be free on a render, and that a running task holds "
    "there; -1 is none.",
    "need_os": "Words of which a render's system must contain one.",
    "need_power": "Power that a render must have; -1 is any.",
    "need_properties": "Words of which a render's properties must contain one.",
    "pools": "Pool to preference, -100 to 100: -100 forbids it, 100 asks for the pools that are "
    "named, what is between moves its renders forward or back. A key with `/` in front is the "
    "beginning of a path, any other one a part of it.",
    "solve_method": '"solve_order" or "solve_priority": how the work of one node is ordered.',
    "solve_need": '"solve_capacity" or "solve_tasksnum": what a share is counted in.',
}

JOB: Final = {
    "branch": "Branch of the tree of jobs, as a path; a new one is made where the branch above "
    "has `create_childs`. An edit moves the job to a branch that there is.",
    "command_post": "A command that some render runs when the job is deleted.",
    "command_pre": "A command that some render runs before its first task, when the setting "
    "`af_command_pre` is on as it is submitted; else kept.",
    "department": "For statistics.",
    "depend_jobs": "Serials of jobs that must be done first; 10,000 at most.",
    "depend_mask": "Jobs of the same user that must be done first: an expression over whole names.",
    "depend_mask_global": "Jobs of any user that must be done first.",
    "description": "A longer remark.",
    "errors_job_max": "Failed tasks at which the job is paused; 0 is never, -1 is the user's "
    "value.",
    "folders": "Folders of the job by name, as `input` and `output`. An edit is merged.",
    "host_name": "The computer that sends it.",
    "ignorenimby": "Its tasks also start on renders that are nimby or NIMBY.",
    "ignorepaused": "Its tasks also start on renders that are paused.",
    "maintenance": "A task runs only on the render that has its name, as for an update of "
    "software.",
    "name": "Shown in lists and made unique: a living job's name gets `-1`, `-2` …",
    "offline": "Submitted, or set, paused: nothing starts. Only the operation `start` ends it.",
    "ppa": "Of a block with `sequential` n above 1 only every n-th task starts; the rest waits "
    "until this is switched off.",
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
    "command_post": "A command that some render runs when the job is deleted.",
    "command_pre": "A command that some render runs before the block's first task, when the "
    "setting `af_command_pre` is on as it is submitted; else kept.",
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
    "need_gpu_mem_mb": "Graphics memory in MB that must be free on a render, and that a running "
    "task holds; above 0 it means one graphics card at least.",
    "need_gpus": "Graphics cards that a task has for itself, in `CUDA_VISIBLE_DEVICES`.",
    "on_lost_render": '"reschedule": when its render is lost a task starts elsewhere; "hold": it '
    "waits for that render or for a person.",
    "parser": 'The parser; empty is the default of the service, "-" is none.',
    "parser_coeff": "What the parser calls one frame counts so many times.",
    "sequential": "Order of the tasks: 1 in a row, n every n-th first, 0 by halving, negative from "
    "the end.",
    "service": "The program: how the command is built and what its end means. A name has letters, "
    "digits, _, - and . only.",
    "srv_info": "Shown beside the block instead of the last render.",
    "task_max_run_time": "Seconds after which a task is stopped with an error; 0 is never.",
    "task_min_run_time": "Seconds before which a success counts as an error; 0 is none.",
    "task_progress_change_timeout": "Seconds without output after which a task is stopped with an "
    "error; -1 is the setting `af_task_progress_change_timeout`.",
    "tasks_depend_mask": "Blocks of which [only the tasks of the same frames]"
    "(../explain/how-it-decides.md#by-frames) must be done first.",
    "tasks_name": "Pattern of the tasks' names.",
    "tickets": "Tickets that each running task holds, by name. Edits are merged; -1 is none.",
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
    "email": "Addresses that hear of his jobs, with commas, semicolons or blanks between them; "
    "sent by the server.",
    "webhook": "URL of http or https that hears of his jobs: the server posts a JSON document "
    "there.",
    "notify": "What his addresses hear of: `created`, `done`, `error`, `deleted`; empty is done "
    "and error.",
    "errors_job_max": "For jobs that say -1: failed tasks at which a job is paused; 0 is never.",
    "jobs_life_time": "For jobs that say -1: seconds after which they are deleted, "
    "whatever their state; 0 is never.",
    "paused": "Nothing of this user starts.",
    "priority": "His share of the farm: each step is a tenth more.",
    "solve_method": '"solve_order": his jobs go one behind the other; "solve_priority": beside '
    "each other, each with a share by its priority.",
    "solve_need": 'What the shares of his jobs are counted in with "solve_priority": '
    '"solve_capacity" or "solve_tasksnum".',
}

BRANCH: Final = {
    "create_childs": "A job makes a branch below this one by naming it.",
    "hosts_mask_type": '"find", "regex", or "": by the looks of each mask.',
    "paused": "None of the jobs in it and below start tasks.",
    "priority": "0 starts nothing. With `af_solve_branches` its share of the branch above: each "
    "step is a tenth more.",
    "solve_jobs": "With `af_solve_branches`: its jobs take turns, whoever owns them; else its "
    "users do.",
    "solve_method": 'With `af_solve_branches`, who in it is first: "solve_priority" by need, '
    '"solve_order" by priority alone.',
    "solve_need": 'What shares are counted in, "solve_tasksnum" or "solve_capacity": of the root '
    "those of users, with `af_solve_branches` of each branch those of what is in it.",
}

#: What may be set on a render and on a pool.
HOST: Final = {
    "nimby_schedule": "When it is nimby, NIMBY or free, by the week: "
    "[`mon-fri 09:00-19:00 nimby`](../howto-admin.md#workstations-by-the-week). Empty is what "
    "others say; `none` is no schedule.",
    "power_host": "Power, as `need_power` asks for it.",
    "properties_host": "Words that `need_properties` asks for.",
    "services": "Services that run there, and no others; none: as the next level says.",
    "services_disabled": "Services that do not run there.",
    "tickets_host": "Ticket to the most of it on each host.",
}

RENDER: Final = {
    **HOST,
    "NIMBY": "It takes no tasks. true ends `nimby`; false on either makes it free.",
    "capacity_host": "Its capacity; -1 is [what others say]"
    "(../explain/how-it-decides.md#what-a-render-has), at last 1100.",
    "max_tasks_host": "Most tasks at a time; -1 is what others say, at last 4.",
    "nimby": "It takes only tasks of its owner.",
    "nimby_by": "Who said nimby or NIMBY.",
    "nimby_reason": "Why; shown by `why`.",
    "nimby_since": "Since when.",
    "nimby_until": "When it gives itself back; 0 is never.",
    "paused": "It takes no new tasks.",
    "paused_by": "Who paused it.",
    "paused_reason": "Why; shown by `why`.",
    "paused_since": "Since when.",
    "paused_until": "When the pause ends by itself; 0 is never.",
    "pool": "Path of its pool; the operations `set_pool` and `reassign_pool` change it.",
    "priority": "Among renders that are equally free the higher one is used first; 0 takes none.",
    "user_name": "The owner; empty is what its agent says.",
}

POOL: Final = {
    **HOST,
    "busy_cpu": "Load in percent at which a host is in use by people; -1 and 0 are none.",
    "busy_hddgb": "The same for GB of free disk: at most so many.",
    "busy_hddio": "The same for percent of time that the disk works.",
    "busy_mem": "The same for percent of memory.",
    "busy_netmbs": "The same for MB a second over the network.",
    "busy_nimby_time": "Seconds above a `busy_` value after which a free host without tasks "
    "becomes NIMBY.",
    "busy_swp": "The same for percent of swap.",
    "capacity_host": "Capacity of its renders; -1 is that of the pool above.",
    "exit_no_task_time": "Seconds without a task after which an agent that is online is told to "
    "exit; -1 and 0 are never.",
    "heartbeat_sec": "Seconds from one frame of progress of a render to the next, and the unit of "
    "`resources_update_period`; -1 and 0 are 1.",
    "idle_cpu": "Load in percent up to which a host is idle; -1 and 0 are none.",
    "idle_free_time": "Seconds idle after which nimby and NIMBY are taken back.",
    "idle_hddgb": "The same for GB of free disk: at least so many.",
    "idle_hddio": "The same for percent of time that the disk works.",
    "idle_mem": "The same for percent of memory.",
    "idle_netmbs": "The same for MB a second over the network.",
    "idle_swp": "The same for percent of swap.",
    "idle_wolsleep_time": "Seconds idle after which a host is put to sleep; the farm file's "
    "`wolidlesleeptime` comes before that of the root.",
    "max_tasks_host": "Most tasks at a time of its renders; -1 is that of the pool above.",
    "new_nimby": "New renders come nimby.",
    "new_paused": "New renders come paused.",
    "no_task_event_time": "Seconds that a render is online without a task until RENDER_NO_TASK is "
    "told, and again after twice, four times as many; -1 and 0 are never.",
    "overload_event_time": "Seconds with no more free memory, swap or disk than the settings "
    "`af_render_overflow_…` say until RENDER_OVERLOAD is told, and again after twice, four times "
    "as many; -1 and 0 are never.",
    "pattern": "Expression over whole names, in any case of letters: new renders that it names "
    "come into the pool.",
    "paused": "None of its renders, and none of those below, take new tasks.",
    "priority": "Renders of higher ones are tried first; it counts as the mean of its own and that "
    "of the pool above. 0 takes no tasks.",
    "resources_update_period": "Heartbeats (`heartbeat_sec`) from one report of a host's resources "
    "to the next; -1 and 0 are 5.",
    "sick_errors_count": "Users with failed tasks, no success between, that make a render sick; 0 "
    "is never, -1 is that of the pool above.",
    "tickets_pool": "Ticket to [most together, most hosts]; -1 is any.",
    "zombie_time": "Seconds of silence after which a render is lost; -1 is that of the pool above, "
    "at last `af_task_reconnect_timeout`.",
}

OWN: Final[dict[type, dict[str, str]]] = {
    JobSpec: JOB,
    BlockSpec: BLOCK,
    TaskSpec: TASK,
    UserSpec: USER,
    RenderSpec: RENDER,
    PoolSpec: POOL,
    BranchSpec: BRANCH,
}

#: Stored and shown; nothing that the server or a render does depends on them.
KEPT: Final[dict[type, frozenset[str]]] = {
    JobSpec: frozenset({"solve_method", "solve_need"}),
    BlockSpec: frozenset(
        {"multihost_max", "multihost_max_wait", "multihost_min", "multihost_service",
         "multihost_service_wait"}
    ),
    TaskSpec: frozenset(),
    UserSpec: frozenset(),
    RenderSpec: frozenset(),
    PoolSpec: frozenset(),
    BranchSpec: frozenset(),
}  # fmt: skip

#: Bits of a block's ``flags``: number → (name, meaning, whether anything depends on it).
FLAGS: Final[dict[int, tuple[str, str, bool]]] = {
    0: ("numeric", "The tasks are derived from the frame range.", True),
    1: ("varcapacity", "Tasks take a multiple of the capacity; set by the coefficients.", True),
    2: ("multihost", "A task on several renders; it runs on one.", False),
    3: ("masteronslave", "The first of several renders works too.", False),
    4: ("dependsubtask", "Tasks that need its frames may begin when a running task has finished "
        "these.", True),
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
