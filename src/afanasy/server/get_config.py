"""``get`` config: the settings in force (R54, SEMANTICS 13.2). Secrets are the empty string."""

from __future__ import annotations

import getpass
import platform
import socket
from typing import Final

import afanasy
from afanasy.core.state import Farm
from afanasy.model.attributes import CAPACITY_DEFAULT, PRIORITY_DEFAULT, UserSpec
from afanasy.server.views import View

#: Told to nobody.
_SECRETS: Final = ("af_db_conninfo", "af_digest_file", "pswd_visor", "pswd_god")
_DRAWING: Final[View] = {
    "af_monitor_render_idle_bar_max": 3600,
    "af_monitor_render_cpu_hot_min": 80,
    "af_monitor_render_cpu_hot_max": 100,
    "af_watch_get_events_sec": 1,
    "af_watch_refresh_gui_sec": 5,
    "af_watch_connection_lost_time": 20,
    "af_watch_work_user_visible": True,
    "timeformat": "ddd dd.MM.yyyy hh:mm",
    "file_name_size_max": 250,
    "annotations": ["APPROVED", "FAILED"],
    "previewcmds": [],
    "af_rendercmds": [],
    "af_rendercmds_admin": [],
}


def config_answer(farm: Farm) -> View:
    """The list that clients expect: objects with keys, the last one about the server itself."""
    user = UserSpec()
    settings: View = {
        "af_priority": PRIORITY_DEFAULT,
        "af_task_default_capacity": CAPACITY_DEFAULT,
        "af_task_default_service": "generic",
        "af_max_running_tasks": user.max_running_tasks,
        "af_max_run_tasks_per_host": user.max_running_tasks_per_host,
        "af_task_progress_change_timeout": -1,
        "af_task_reconnect_timeout": int(farm.reconnect_timeout_s),
        "af_errors_avoid_host": user.errors_avoid_host,
        "af_task_errors_same_host": user.errors_task_same_host,
        "af_task_error_retries": user.errors_retries,
        "af_errors_forgivetime": user.errors_forgive_time,
        "af_jobs_life_time": user.jobs_life_time,
        "af_node_log_lines_max": 100,
        "af_task_log_linesmax": 100,
        "af_monitor_zombietime": 16,
        "af_perm_user_mod_his_priority": True,
        "af_perm_user_mod_job_priority": True,
        **_DRAWING,
        **dict.fromkeys(_SECRETS, ""),
    }
    return {"cgru_config": [settings, {"cgru_environment": _environment()}]}


def _environment() -> View:
    try:
        user_name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user_name = ""
    return {
        "version": afanasy.__version__,
        "builddate": "",
        "buildrevision": "",
        "platform": f"{platform.system()} {platform.machine()}".lower(),
        "hostname": socket.gethostname(),
        "username": user_name,
        "location": "",
        "servedir": "",
    }
