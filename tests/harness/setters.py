"""Every classic setter of ``af`` and the JSON it makes: the table of the Python API.

Also a script without any dependency: ``python setters.py SRC`` runs all of it under any Python from
3.7 on and prints what came out as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

#: Class, method, arguments, and the members of ``data`` that must have changed. The argument list
#: may end in a dictionary of keyword arguments.
GOOD = [
    ("Job", "setName", ["shot"], {"name": "shot"}),
    ("Job", "setUserName", ["JimMy"], {"user_name": "jimmy"}),
    ("Job", "setAnnotation", ["a"], {"annotation": "a"}),
    ("Job", "setDescription", ["d"], {"description": "d"}),
    ("Job", "setProject", ["p"], {"project": "p"}),
    ("Job", "setDepartment", ["d"], {"department": "d"}),
    ("Job", "setPriority", [7], {"priority": 7}),
    ("Job", "setPriority", ["7"], {"priority": 7}),
    ("Job", "setPriority", [900], {"priority": 250}),
    ("Job", "setCmdPre", ["a"], {"command_pre": "a"}),
    ("Job", "setCmdPre", ["a", False], {"command_pre": "a"}),
    ("Job", "setCmdPost", ["b", {"TransferToServer": False}], {"command_post": "b"}),
    ("Job", "setPostDeleteFiles", ["/a b/c"], {"command_post": 'deletefiles "/a b/c"'}),
    ("Job", "setFolder", ["output", "/o"], {"folders": {"output": "/o"}}),
    ("Job", "setFolder", ["x", "/o", {"i_transferToServer": 0}], {"folders": {"x": "/o"}}),
    ("Job", "setBranch", ["/prj", {"i_transfer_to_server": 0}], {"branch": "/prj"}),
    ("Job", "setPools", [{"/a": 10, "/b": -5}, {}], {"pools": {"/a": 10, "/b": -5}}),
    ("Job", "setWaitTime", [99999999999], {"time_wait": 99999999999}),
    ("Job", "setTimeLife", [3600], {"time_life": 3600}),
    ("Job", "setTimeLife", ["3600"], {"time_life": 3600}),
    ("Job", "setMaxRunningTasks", [0], {"max_running_tasks": 0}),
    ("Job", "setMaxRunTasksPerHost", [3], {"max_running_tasks_per_host": 3}),
    ("Job", "setHostsMask", ["r.*"], {"hosts_mask": "r.*"}),
    ("Job", "setHostsMaskExclude", ["r.*"], {"hosts_mask_exclude": "r.*"}),
    ("Job", "setDependMask", ["a.*"], {"depend_mask": "a.*"}),
    ("Job", "setDependMaskGlobal", ["b.*"], {"depend_mask_global": "b.*"}),
    ("Job", "setNeedOS", ["linux"], {"need_os": "linux"}),
    ("Job", "setNeedProperties", ["gpu"], {"need_properties": "gpu"}),
    ("Job", "setAnyOS", [], {"need_os": ""}),
    ("Job", "setPPApproval", [], {"ppa": True}),
    ("Job", "setMaintenance", [], {"maintenance": True}),
    ("Job", "setIgnoreNimby", [], {"ignorenimby": True}),
    ("Job", "setIgnorePaused", [], {"ignorepaused": True}),
    ("Job", "pause", [], {"offline": True}),
    ("Job", "setPaused", [], {"offline": True}),
    ("Job", "setOffline", [], {"offline": True}),
    ("Job", "offline", [], {"offline": True}),
    ("Job", "offLine", [], {"offline": True}),
    ("Job", "tryTask", [1, 2], {"try_this_blocks_num": [1], "try_this_tasks_num": [2]}),
    ("Block", "setName", ["n"], {"name": "n"}),
    ("Block", "setTasksName", ["f @#@"], {"tasks_name": "f @#@"}),
    ("Block", "setParserCoeff", [2], {"parser_coeff": 2}),
    ("Block", "setService", ["nuke"], {"service": "nuke"}),
    ("Block", "setService", ["nuke", True], {"service": "nuke"}),
    ("Block", "setParser", ["nuke", {"nocheck": True}], {"parser": "nuke"}),
    (
        "Block",
        "setNumeric",
        [1, 100, 10, 2],
        {"flags": 1, "frame_first": 1, "frame_last": 100, "frames_per_task": 10, "frames_inc": 2},
    ),
    (
        "Block",
        "setNumeric",
        [{"start": -5, "end": 5}],
        {"flags": 1, "frame_first": -5, "frame_last": 5, "frames_per_task": 1, "frames_inc": 1},
    ),
    ("Block", "setFramesPerTask", [-4], {"frames_per_task": -4}),
    ("Block", "setSequential", [0], {"sequential": 0}),
    ("Block", "setSequential", [-10], {"sequential": -10}),
    ("Block", "setCapacity", [55], {"capacity": 55}),
    ("Block", "setVariableCapacity", [1, 4], {"capacity_coeff_min": 1, "capacity_coeff_max": 4}),
    ("Block", "setWorkingDirectory", ["/w"], {"working_directory": "/w"}),
    ("Block", "setCommand", ["nuke"], {"command": "nuke"}),
    ("Block", "setCommand", ["nuke", False, False], {"command": "nuke"}),
    ("Block", "setCmdPre", ["a"], {"command_pre": "a"}),
    ("Block", "setCmdPost", ["b"], {"command_post": "b"}),
    ("Block", "setFiles", [["a.@#@", "b"]], {"files": ["a.@#@", "b"]}),
    ("Block", "setFiles", ["one"], {"files": ["one"]}),
    ("Block", "setEnv", ["A", "b"], {"environment": {"A": "b"}}),
    ("Block", "setEnv", ["A", 5, {"i_transfer_to_server": False}], {"environment": {"A": "5"}}),
    ("Block", "addTicket", ["gpu", 2], {"tickets": {"gpu": 2}}),
    ("Block", "setErrorsRetries", [5], {"errors_retries": 5}),
    ("Block", "setErrorsAvoidHost", [5], {"errors_avoid_host": 5}),
    ("Block", "setErrorsTaskSameHost", [5], {"errors_task_same_host": 5}),
    ("Block", "setErrorsForgiveTime", [500], {"errors_forgive_time": 500}),
    ("Block", "setNeedMemory", [4096], {"need_memory": 4096}),
    ("Block", "setNeedHDD", [10], {"need_hdd": 10}),
    ("Block", "setNeedPower", [9], {"need_power": 9}),
    ("Block", "setNeedCPUCores", [8], {"need_cpu_cores": 8}),
    ("Block", "setNeedGPUMemGB", [1.5], {"need_gpu_mem_mb": 1536}),
    ("Block", "setNeedCPUFreqGHz", [2.5], {"need_cpu_freq_mgz": 2500}),
    ("Block", "setNeedCPUFreqCores", [20], {"need_cpu_freq_cores": 20000}),
    ("Block", "setTaskMaxRunTime", [60], {"task_max_run_time": 60}),
    ("Block", "setTasksMaxRunTime", [60.0], {"task_max_run_time": 60}),
    ("Block", "setTaskMinRunTime", [2], {"task_min_run_time": 2}),
    ("Block", "setTaskProgressChangeTimeout", [9], {"task_progress_change_timeout": 9}),
    ("Block", "setMaxRunningTasks", [4], {"max_running_tasks": 4}),
    ("Block", "setMaxRunTasksPerHost", [1], {"max_running_tasks_per_host": 1}),
    ("Block", "setHostsMask", ["r"], {"hosts_mask": "r"}),
    ("Block", "setHostsMaskExclude", ["r"], {"hosts_mask_exclude": "r"}),
    ("Block", "setDependMask", ["b"], {"depend_mask": "b"}),
    ("Block", "setTasksDependMask", ["b"], {"tasks_depend_mask": "b"}),
    ("Block", "setNeedProperties", ["gpu"], {"need_properties": "gpu"}),
    ("Block", "setDependSubTask", [], {"flags": 1 << 4}),
    ("Block", "skipThumbnails", [], {"flags": 1 << 5}),
    ("Block", "setTasksSuspended", [], {"flags": 1 << 10}),
    ("Block", "skipExistingFiles", [], {"flags": 1 << 6}),
    (
        "Block",
        "skipExistingFiles",
        [10, 99],
        {"flags": 1 << 6, "file_size_min": 10, "file_size_max": 99},
    ),
    ("Block", "checkRenderedFiles", [10], {"flags": 1 << 7, "file_size_min": 10}),
    (
        "Block",
        "setMultiHost",
        [2, 4, 60],
        {"flags": 4, "multihost_min": 2, "multihost_max": 4, "multihost_max_wait": 60},
    ),
    (
        "Block",
        "setMultiHost",
        [{"min": 2, "max": 4, "max_wait": 60, "master_on_slave": True, "service": "s",
          "service_wait": 5}],
        {"flags": 12, "multihost_min": 2, "multihost_max": 4, "multihost_max_wait": 60,
         "multihost_service": "s", "multihost_service_wait": 5},
    ),
    ("Block", "setSlaveLostIgnore", [], {"flags": 1 << 8}),
    ("Task", "setName", ["left"], {"name": "left"}),
    ("Task", "setCommand", ["ls", {"TransferToServer": False}], {"command": "ls"}),
    ("Task", "setFiles", [["a", "b"]], {"files": ["a", "b"]}),
    ("Task", "setEnv", ["A", "b"], {"environment": {"A": "b"}}),
]  # fmt: skip

#: Calls that are ignored with a warning.
BAD = [
    *[("Job", name, [""]) for name in (
        "setName", "setUserName", "setProject", "setDepartment", "setHostsMask",
        "setHostsMaskExclude", "setDependMask", "setDependMaskGlobal", "setNeedOS",
        "setNeedProperties")],
    *[("Job", name, ["("]) for name in (
        "setHostsMask", "setHostsMaskExclude", "setDependMask", "setDependMaskGlobal", "setNeedOS",
        "setNeedProperties")],
    ("Job", "setName", [5]),
    ("Job", "setPriority", [-1]),
    ("Job", "setPriority", ["high"]),
    ("Job", "setPriority", [True]),
    ("Job", "setPriority", [1.5]),
    ("Job", "setWaitTime", [1]),
    ("Job", "setTimeLife", ["2 days"]),
    ("Job", "setTimeLife", [-1]),
    ("Job", "setMaxRunningTasks", [-1]),
    ("Job", "setMaxRunTasksPerHost", [-2]),
    ("Job", "setPools", [["/a"]]),
    ("Job", "setPools", [{"/a": "much"}, {}]),
    ("Job", "tryTask", [0, -1]),
    *[("Block", name, ["("]) for name in (
        "setHostsMask", "setHostsMaskExclude", "setDependMask", "setTasksDependMask",
        "setNeedProperties")],
    *[("Block", name, [0]) for name in (
        "setCapacity", "setFramesPerTask", "setNeedMemory", "setNeedHDD", "setNeedPower",
        "setNeedCPUCores", "setNeedGPUMemGB", "setNeedCPUFreqGHz", "setNeedCPUFreqCores",
        "setTaskMaxRunTime", "setTaskMinRunTime", "setTaskProgressChangeTimeout",
        "setParserCoeff")],
    ("Block", "setVariableCapacity", [4, 2]),
    ("Block", "setErrorsRetries", [200]),
    ("Block", "setErrorsAvoidHost", [-2]),
    ("Block", "setFiles", [5]),
    ("Block", "setFiles", [["a", 5]]),
    ("Block", "setEnv", ["", "a"]),
    ("Block", "addTicket", ["gpu", "two"]),
    ("Block", "setMultiHost", [4, 2, 60]),
    ("Block", "setMultiHost", [0, 2, 60]),
    ("Block", "setNumeric", ["a", 2]),
    ("Block", "skipExistingFiles", ["big"]),
    ("Task", "setCommand", [5]),
    ("Task", "setFiles", [[None]]),
]  # fmt: skip


def call(kind, method, arguments):
    """``(changed members, warnings)`` of one call on a new object."""
    import af

    thing = getattr(af, kind)()
    before = json.loads(json.dumps(thing.data))
    arguments = list(arguments)
    keywords = {}
    if arguments and isinstance(arguments[-1], dict):
        keywords = arguments.pop()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        getattr(thing, method)(*arguments, **keywords)
    after = json.loads(json.dumps(thing.data))
    changed = {key: value for key, value in after.items() if before.get(key, ...) != value}
    return changed, [str(warning.message) for warning in told]


def run_all():
    """What every call makes; for comparing Pythons."""
    return {
        "good": [call(*row[:3]) for row in GOOD],
        "bad": [[call(*row)[0], len(call(*row)[1])] for row in BAD],
    }


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    os.environ.update(AF_USERNAME="anna", AF_HOSTNAME="desk")
    print(json.dumps({"version": list(sys.version_info[:2]), "result": run_all()}))
