"""What each request, mode, operation and error code means, for the reference pages.

Beside the code that answers and not in it: the server needs none of these sentences. A test reads
the code and makes sure that nothing there is without one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Root member → what the request does and what is answered.
ROOTS: Final = {
    "get": "Asks; nothing is changed.",
    "action": "Changes: new values, an operation, or both.",
    "job": "Submits a job: [attributes of jobs](#jobs), and `blocks`, a list of at least one "
    "object. The answer is `id` and `serial` when it is stored.",
    "user": "Adds a user: `name` and [attributes of users](#users). The answer is `user`; beside "
    'it `"error": "exists"` when there is one of that name, who is not changed.',
    "reload_config": "Lets the server read its configuration files again. The answer has `files`, "
    "`changed`, and `waiting`: settings that need a restart.",
}

#: Member of a ``get`` → meaning.
GET_MEMBERS: Final = {
    "type": "What is asked for: one of the types below.",
    "mode": "How, as a word; a list of words for blocks. Without it a list is answered.",
    "ids": "These nodes, in this order.",
    "serials": "The same by the numbers of jobs that are never used again.",
    "mask": "Nodes whose names begin with one of these words; between them `|` `;` `,` `:` or a "
    "blank. It is no regular expression.",
    "uids": "Jobs of the users of these ids, in the users' order.",
    "users": "Jobs of the users of these names, in the users' order.",
    "names": "Names of hosts, which need not be known; at most 200.",
    "runs": "Runs, as `run` in other answers names them; at most 500.",
    "block_ids": "Numbers of blocks, from 0.",
    "task_ids": "Numbers of tasks, from 0.",
    "number": "Which start of the task, from 1; 0 is the last one.",
    "offset": "Bytes of the output that are known already; only what follows is answered.",
    "first": "First task of a page.",
    "count": "Tasks of a page.",
    "path": "A folder.",
    "query": "One statement of SQL that reads.",
    "limit": "Most rows of an answer to `sql`.",
    "timeout_s": "Seconds that an answer to `sql` or `db` may take.",
    "mon_id": "A monitor; it changes nothing.",
    "binary": "Answers in the binary form of the classic server: ignored with a warning, refused "
    "in a strict request.",
    "user_name": "Who asks; read by nobody.",
    "host_name": "Where he sits; read by nobody.",
}

#: Type of a ``get`` → what is answered without a mode.
GET_TYPES: Final = {
    "jobs": "`jobs`, a list by priority, then age; the blocks of each without commands.",
    "renders": "`renders`, a list by priority, then age.",
    "users": "`users`, a list by priority, then age.",
    "monitors": "`monitors`, an empty list: monitors cannot be registered.",
    "branches": "`branches`, a list by priority, then age, with counts of jobs and tasks, "
    "`active_jobs` and `active_users`; what is below is counted too.",
    "pools": "`pools`, a list by priority, then age, with counts of renders; what is below is "
    "counted too.",
    "files": "`path`, and `files`, an empty list: no folder is served.",
    "farm": "`farm`: the [farm file](../howto-farm-file.md) in force as JSON has it, with "
    "`source`, its path, `time`, when it was read, and `lines`, those of its patterns. With "
    "`names` also `hosts`: for each its `patterns`, `values` and `services` with who says so, and "
    "whether it is `known`.",
    "config": "`cgru_config`: an object of the settings in force, and one with "
    "`cgru_environment`. Secrets are empty.",
    "stats": "`stats`: since when, and for each kind of message how many, their bytes in and out, "
    "the time they took in all and at most, and the wait for commits; and `connections`.",
    "limits": "`limits`: each service and ticket that is limited or held, with kind, scope and "
    "place, `max_count` and `max_hosts` (-1 = any), `used`, `hosts`, `held_on` (units of each "
    "render) and `holders` (jobs).",
    "db": "`db`: driver, version, schema and file of the database, and [the views](#sql-views) "
    "that `sql` can read.",
    "sql": "`sql`: `columns`, `rows`, `truncated` and `elapsed_s` of the statement `query` over "
    "[the views](#sql-views). Only what reads them is allowed.",
}

_RING: Final = "The last `af_node_log_lines_max` (100) lines since the server's start are kept."
#: (type, mode) of a ``get`` → what is answered.
GET_MODES: Final = {
    ("jobs", "full"): "`jobs` with commands, folders, environment and listed tasks.",
    ("jobs", "progress"): "`job_progress`: the state of every task of a job, a list for each "
    "block. With one of `block_ids`, `first` and `count`: a page of one block.",
    ("jobs", "log"): "`message`: what was done to a job. With a block and a task: `task`, whose "
    "`data` is the log of its starts.",
    ("jobs", "explain"): "`explain`: why tasks do not run. Each has `summary`, `work` (the reason "
    "that stops the work itself, or null), `renders` (reasons, how many renders give it, some "
    "of their names), `suggestions` (what would let it start, as `text`, the reason that it is "
    "`about`, and `commands`, lines for a terminal that do it; none when something must happen), "
    "and `warnings` (what is odd about what it waits for). Without tasks it is about the first "
    "waiting task of each block, with `tasks`: how many are in which state. Beside a limit that "
    "is reached, `renders` has those that refuse for another reason. Of the system job, when none "
    "of its tasks waits and it would start none, the answer itself has a `summary` and "
    "`suggestions`.",
    ("jobs", "thumbnail"): "The list; no thumbnails are made.",
    ("jobs", "info"): "`task` with `exec`: what a task executes. Needs a block and a task.",
    ("jobs", "error_hosts"): "`message`: the hosts that failed, and which of them are avoided. "
    "With a block and a task: `task`, whose `data` has that of one task.",
    ("jobs", "files"): "`task_files`, with an empty list. Needs a block and a task.",
    ("jobs", "output"): "`task`, whose `data` is what the task wrote, also while it runs. Beside "
    "it `run`, `offset` (bytes after this text) and `running`. Needs a block and a task.",
    ("jobs", "story"): "`story`: every start of a task with render, times, end, exit status, class "
    "of error and size of output. Needs a block and a task.",
    ("jobs", "runs"): "`job_runs`: all starts of the tasks of a block, each with task, render, "
    "times, end, size of output, and whether it failed. Needs a block; `first` and `count` choose "
    "tasks. With `next` there is more: from that task on.",
    ("jobs", "outputs"): "`outputs`: what these `runs` of a job wrote, in their order; `kept` is "
    "false when it is gone. An answer has some 2 MB: ask again for runs that are missing.",
    ("jobs", "submission"): "`submission`: the `job` as it was submitted, with what was appended. "
    "Needs one of `serials` (deleted jobs too) or `ids`.",
    ("blocks", "progress"): "What changes while a block runs: state, counts, times, the bar.",
    ("blocks", "properties"): "Besides, attributes, command, folders and environment.",
    ("blocks", "full"): "Besides, the tasks of a list block.",
    ("renders", "full"): "`object`: one render with the load of its host.",
    ("renders", "resources"): "`renders`: the load of every host that is online.",
    ("renders", "log"): "`message`: when a render came and went, and what was "
    "done to it: new values (old to new), operations, each with who said it. " + _RING,
    ("renders", "tasks_log"): "`message`: what a render works on.",
    ("renders", "explain"): "`explain_render`: why nothing (more) starts on a render. `own` is the "
    "reason that stops the render itself, or null; `work` has the reasons why waiting blocks do "
    "not start there, the first in order first, how many, and some of their names; `suggestions` "
    "as for jobs.",
    ("users", "jobs_order"): "`events` with `jobs_order`: ids of a user's jobs in their order.",
    ("users", "log"): "`message`: since when a user is known, and what was changed, by "
    "whom. " + _RING,
    ("pools", "log"): "`message`: since when there is a pool, and what was done to it, by "
    "whom. " + _RING,
    ("branches", "log"): "`message`: since when there is a branch, and what was done to it, "
    "by whom. " + _RING,
    ("monitors", "events"): '`{"monitor": {"id": 0}}`: the monitor must register again.',
    ("monitors", "log"): "The same.",
    ("db", "check"): "`db_check`: whether the database is well; `ok`, a list `checks` of what was "
    "looked at and found, and `sizes`.",
    ("config", "origins"): "`settings`: each with its value, where that comes from, whether it is "
    "live, who set it on the fly, and what waits for a restart.",
}

#: Member of an ``action`` → meaning.
ACTION_MEMBERS: Final = {
    "user_name": "Who asks. Needed.",
    "host_name": "Where he sits. Needed.",
    "type": "`jobs`, `renders`, `users`, `pools`, `branches`, `config`, `farm` or `limits`. "
    "Needed.",
    "ids": "These nodes.",
    "serials": "Jobs by the numbers that are never used again.",
    "mask": "Nodes whose whole name matches this regular expression; when no ids are given.",
    "block_ids": "Blocks of the jobs, from 0; `[-1]` is all of them.",
    "block_mask": "Blocks whose names begin with one of these words.",
    "operation": "What to do: `type`, one of the operations below, and its members.",
    "params": "New values of attributes that can be edited.",
}

#: Type of an ``action`` → what it is about.
ACTION_TYPES: Final = {
    "jobs": "Jobs; with `block_ids` or `block_mask` their blocks, with `task_ids` in the operation "
    "tasks of these.",
    "renders": "Renders.",
    "users": "Users.",
    "pools": "Pools. With an operation, `params` are ignored.",
    "branches": "Branches. With an operation, `params` are ignored.",
    "config": "[Settings](config.md) of the server. It needs no ids.",
    "farm": "The [farm file](../howto-farm-file.md). It needs no ids.",
    "limits": "Limits of services on the farm. It needs no ids.",
}


class Operation(NamedTuple):
    """One operation: its meaning, and the members it has beside ``type``."""

    help: str
    members: str = ""


_TASKS = "`task_ids`, `task_ranges`, `mode`, `ask`"
_JOBS = "`jids`, `serials`"
#: Target of an action → operation.
OPERATIONS: Final[dict[str, dict[str, Operation]]] = {
    "jobs": {
        "start": Operation("Goes on after a pause."),
        "pause": Operation("Starts no more tasks; running ones go on."),
        "stop": Operation("Pauses and stops the running tasks, which are ready again."),
        "restart": Operation("Does all tasks again; running ones are stopped first. Error counts "
                             "and lists of the tasks are cleared, those of the blocks stay."),
        "restart_pause": Operation("As restart, and the job is paused."),
        "restart_errors": Operation("Does failed tasks again."),
        "restart_running": Operation("Stops the running tasks and does them again."),
        "restart_skipped": Operation("Does skipped tasks after all."),
        "restart_done": Operation("Does done tasks again, skipped ones not."),
        "restart_warnings": Operation("Does done tasks with warnings again."),
        "reset_error_hosts": Operation("Forgets which hosts failed, for all blocks and tasks."),
        "reset_trying_next_tasks": Operation("Forgets which tasks are to be tried first."),
        "delete": Operation("Deletes the job; running tasks are stopped first. The system job "
                            "cannot be deleted."),
        "append_blocks": Operation("Adds blocks. The answer is `object` with `block_ids`.",
                                   "`blocks`"),
    },
    "blocks": {
        "skip": Operation("What is not done becomes done and skipped.", _TASKS),
        "done": Operation("What is not done becomes done.", _TASKS),
        "suspend": Operation("Tasks do not start until they are continued; running ones are "
                             "stopped.", _TASKS),
        "continue": Operation("Suspended tasks may start.", _TASKS),
        "restart": Operation("Does tasks again; running ones are stopped first.", _TASKS),
        "restart_running": Operation("Stops running tasks and does them again.", _TASKS),
        "restart_errors": Operation("Does failed tasks again.", _TASKS),
        "restart_skipped": Operation("Does skipped tasks after all.", _TASKS),
        "restart_done": Operation("Does done tasks again, skipped ones not.", _TASKS),
        "reset_error_hosts": Operation("Forgets which hosts failed; with tasks only theirs.",
                                       "`task_ids`, `task_ranges`"),
        "trynext": Operation("Tries tasks before all others, in this order, or no longer; a job "
                             "can have 10,000 of them. A wait for a retry ends. "
                             '`mode` is "append" or "remove".',
                             "`task_ids`, `task_ranges`, `mode`"),
        "tickets": Operation("Sets how many tickets of a name each task holds; -1 removes it.",
                             "`name`, `count`"),
        "append_tasks": Operation("Adds tasks to a list block. The answer is `object` with "
                                  "`task_ids`.", "`tasks`"),
    },
    "renders": {
        "eject_tasks": Operation("Sends its tasks elsewhere. No error; they stay away from it for "
                                 "ten minutes."),
        "eject_tasks_keep_my": Operation("The same, but tasks of the action's user go on."),
        "exit": Operation("Ends its agent, and its tasks."),
        "restart": Operation("Its agent executes itself again; tasks go on."),
        "reboot": Operation("Its agent runs the command of the setting `af_render_cmd_reboot`."),
        "shutdown": Operation("The same with `af_render_cmd_shutdown`."),
        "launch_cmd": Operation("Its agent runs a command beside all tasks, and exits if `exit` "
                                "says so.", "`cmd`, `exit`"),
        "wol_sleep": Operation("Puts its host to sleep; it must be online, idle, and have told a "
                               "MAC address."),
        "wol_wake": Operation("A task of the system job wakes its host by a magic packet."),
        "delete": Operation("Forgets it; it must be offline."),
        "heal_sick": Operation("Forgets the errors that made it cool off, or sick."),
        "set_pool": Operation("Puts it into another pool; it must be idle.", "`name`"),
        "reassign_pool": Operation("Puts it into the deepest pool whose `pattern` names it; it "
                                   "must be idle."),
        "restore_defaults": Operation("Takes back what was set on it of `capacity_host`, "
                                      "`max_tasks_host`, `power_host`, `properties_host`, "
                                      "`services` and `services_disabled`: its agent, its pools "
                                      "and the farm file say that again."),
        "farm": Operation("Changes its services. `mode` is `service_add` with `name` (several with "
                          "commas or blanks between them), `service_remove`, `service_enable` or "
                          "`service_disable` with `mask`, or `clear_services`.",
                          "`mode`, `name`, `mask`"),
        "tickets": Operation("Sets how many tickets of a name its tasks may hold; -1 takes that "
                             "back.", "`name`, `count`"),
    },
    "limits": {
        "set": Operation("Limits a service on the farm, on the fly: `max_count` tasks at once, on "
                         "`max_hosts` hosts; one may be left as it is. -1 is no limit. It stays "
                         "over restarts and wins over the farm file.",
                         "`name`, `max_count`, `max_hosts`"),
        "unset": Operation("Takes that back: the farm file's limit holds again.", "`name`"),
    },
    "farm": {
        "reload": Operation("Lets the server read it again. The answer has its `file`, whether "
                            "something `changed`, and the `renders` that did. A bad one changes "
                            "nothing; all that is wrong is in the message, line by line."),
    },
    "users": {
        "delete": Operation("Deletes a user who has no jobs. With jobs it is refused in a strict "
                            "request, else nothing happens."),
        "move_jobs_up": Operation("Moves jobs of the user before the next one of the same "
                                  "priority. The answer counts the jobs whose places changed.",
                                  _JOBS),
        "move_jobs_down": Operation("The same behind the next one.", _JOBS),
        "move_jobs_top": Operation("Moves them before all others of the same priority.", _JOBS),
        "move_jobs_bottom": Operation("The same behind all others.", _JOBS),
    },
    "pools": {
        "add_pool": Operation("Makes a pool in this one. What is no letter, digit or one of "
                              "`:;<=>?@[\\]^_` in its name becomes `_`.", "`name`"),
        "delete": Operation("Deletes it; it must be empty, and not the root."),
        "delete_renders": Operation("Forgets its renders that are offline."),
        "eject_tasks": Operation("Sends the tasks of its renders elsewhere."),
        "exit": Operation("Ends the agents of its renders, and their tasks."),
        "heal_sick": Operation("Forgets the errors that made its renders cool off, or sick."),
        "launch_cmd": Operation("Its agents run a command beside all tasks, as for renders.",
                                "`cmd`, `exit`"),
        "restart": Operation("Its agents execute themselves again; tasks go on."),
        "wol_sleep": Operation("Puts its hosts to sleep, those that can be woken again."),
        "wol_wake": Operation("Wakes its hosts."),
        "farm": Operation("Changes its services, as for renders.", "`mode`, `name`, `mask`"),
        "tickets": Operation("Declares a ticket: its renders together hold `count` at most, on "
                             "`max_hosts` hosts; one may be left as it is. With `host` true each "
                             "of them holds `count`. -1 is no limit; without any the ticket is "
                             "declared no more.", "`name`, `count`, `max_hosts`, `host`"),
    },
    "branches": {
        "start": Operation("Its jobs go on."),
        "pause": Operation("None of its jobs start tasks; running ones go on."),
        "delete": Operation("Deletes it; it must be empty, and not the root."),
        "delete_done_jobs": Operation("Deletes the jobs in it that are done."),
    },
    "config": {
        "set": Operation("Sets settings on the fly; they stay set over restarts. All are checked "
                         "before the first is set.", "`values`: an object of keys and values"),
        "unset": Operation("Takes back what was set on the fly.", "`keys`: a list"),
    },
}  # fmt: skip

#: Member of an operation → meaning.
OPERATION_MEMBERS: Final = {
    "ask": "true: nothing is done, the answer has the `warnings` that there would be. For "
    "operations on jobs, blocks and tasks that stop what runs.",
    "cmd": "A command line.",
    "exit": "true or false.",
    "blocks": "A list of [blocks](#blocks).",
    "count": "A number.",
    "keys": "A list of settings.",
    "jids": "Ids of jobs.",
    "host": "true: of each host.",
    "mask": "A regular expression of whole names of services; `service_disable` takes one that "
    "names none of the list as a name.",
    "max_count": "Tasks at once.",
    "max_hosts": "Hosts at once.",
    "mode": '"append" or "remove" for `trynext`. Elsewhere "affect_depends" names the tasks that '
    'these depend on too, one step by `tasks_depend_mask`; "downstream" everything that depends on '
    "these, to the end: tasks, blocks and jobs, also of other users; "
    '"both" does both. Operations on jobs take it, too.',
    "name": "A name; for `set_pool` the path of a pool.",
    "serials": "Jobs by the numbers that are never used again.",
    "task_ids": "Tasks of the blocks, from 0; without it all of them.",
    "task_ranges": "The same as `[first, last]` pairs.",
    "tasks": "A list of [tasks](#tasks).",
    "values": "An object of settings and their values.",
}

#: ``code`` of a refusal → when it comes.
CODES: Final = {
    "bad_action": "The action is no object, or has no type.",
    "bad_farm_file": "The farm file is wrong, or cannot be read.",
    "bad_field": "A member has a wrong type or value; `field` names it.",
    "bad_query": "The query is no SQL that the views can answer.",
    "bad_mask": "A mask is no regular expression, or is too long.",
    "bad_task": "There is no task of that number.",
    "bad_selection": "What an action is on cannot be read, or stands in the wrong place; it would "
    "be on more than was meant.",
    "bad_text": "A text has a NUL character or a lone surrogate.",
    "bad_variable": "The name of an environment variable is empty, or has a `=` in it.",
    "bad_config": "A configuration file or a variable says what cannot be.",
    "busy": "Too many questions are being answered; ask again in a moment. Or the render runs "
    "tasks.",
    "cannot_sleep": "The host is offline, works, or could not be woken again.",
    "cannot_wake": "The host told no MAC address, or is awake.",
    "deleting": "The job is being deleted.",
    "exists": "There is one of that name already.",
    "full": "The farm has as many jobs, or pools, as it can have.",
    "has_jobs": "The user has jobs.",
    "missing": "A member is missing.",
    "needs_restart": "The setting cannot be changed while the server runs.",
    "not_allowed": "The query would do something else than read the views.",
    "not_empty": "The pool or branch has something in it.",
    "not_found": "There is no such job, block, task, render, user, pool, branch or setting.",
    "not_of_the_server": "The setting is one of other programs.",
    "not_one": "The mode needs exactly one job.",
    "numeric": "A numeric block has no list of tasks.",
    "online": "The render is online.",
    "root_branch": "The root branch cannot be deleted.",
    "root_pool": "The root pool cannot be deleted, and has no pattern.",
    "slow_mask": "A mask takes too long to try.",
    "secret": "The setting is a secret: a file or a variable of the server says it.",
    "stopping": "The server is just ending.",
    "store_unavailable": "The database does not answer; nothing was changed.",
    "system_job": "The system job cannot be changed like that.",
    "timed_out": "The query took too long and was stopped.",
    "too_big": "The query needs too much memory.",
    "too_large": "The answer would be too long: ask for pages.",
    "too_many_blocks": "More blocks than a job may have.",
    "too_many_masks": "The masks of the job would take too long to try.",
    "too_many_serials": "More jobs to wait for than `depend_jobs` may name.",
    "too_many_tasks": "More tasks than a block or job may have.",
    "unknown_field": "A strict request, or one of config, limits or farm, has an unknown member.",
    "unknown_mode": "The type has no such mode.",
    "unknown_operation": "There is no such operation.",
    "unknown_request": "The request has no root member that is known.",
    "unknown_type": "There is no such type.",
}
#: Codes of refusals that are told at the start of the server and never in an answer.
AT_START: Final = frozenset(
    {"bad_option", "cannot_listen", "data_folder", "data_in_use", "database", "port_in_use",
     "schema", "untrusted"}
)  # fmt: skip

#: Root member → a request as an example; the ones on the reference page are sent by a test.
EXAMPLES: Final = {
    "get": """{"get": {"type": "jobs", "ids": [5], "mode": "explain"}}""",
    "action": """{"action": {
    "user_name": "anna", "host_name": "desk",
    "type": "jobs", "ids": [5], "block_ids": [0],
    "operation": {"type": "restart", "task_ranges": [[0, 4], [7, 7]]}
}}""",
    "job": """{"job": {
    "name": "city flyby", "user_name": "anna", "host_name": "desk", "offline": true,
    "blocks": [{
        "name": "beauty", "service": "blender", "flags": 1,
        "frame_first": 1, "frame_last": 100, "frames_per_task": 2,
        "command": "blender -b city.blend -s @#@ -e @#@ -a",
        "working_directory": "/shots/city", "files": ["render/city.@####@.png"]
    }]
}}""",
    "user": """{"user": {"name": "bob", "priority": 120, "max_running_tasks": 20}}""",
    "reload_config": """{"reload_config": true}""",
}
