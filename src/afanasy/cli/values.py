"""``key=value`` words of ``afcmd set`` as JSON of the right type (PROTOCOL 2.3)."""

from __future__ import annotations

import json
import re
from typing import Any

from afanasy.cli.exits import CliError, Exit
from afanasy.cli.humans import parse_duration

WORD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_BOOLEANS = frozenset(
    {"hidden", "offline", "ppa", "maintenance", "ignorenimby", "ignorepaused", "nimby", "NIMBY",
     "paused", "new_nimby", "new_paused", "create_childs", "solve_jobs"}
)  # fmt: skip
_SECONDS = frozenset(
    {"time_life", "task_max_run_time", "task_min_run_time", "task_progress_change_timeout",
     "errors_forgive_time", "jobs_life_time", "zombie_time", "exit_no_task_time",
     "no_task_event_time", "overload_event_time", "idle_wolsleep_time", "idle_free_time",
     "busy_nimby_time"}
)  # fmt: skip
_INTEGERS = frozenset(
    {"priority", "max_running_tasks", "max_running_tasks_per_host", "max_tasks_per_second",
     "need_power", "need_memory", "need_hdd", "need_cpu_freq_mgz", "need_cpu_cores",
     "need_cpu_freq_cores", "need_gpu_mem_mb", "time_wait", "capacity", "errors_retries",
     "errors_avoid_host", "errors_task_same_host", "parser_coeff", "sequential", "capacity_host",
     "max_tasks_host", "power_host", "need_gpus", "errors_job_max", "sick_errors_count",
     "heartbeat_sec", "resources_update_period",
     *(f"{when}_{what}" for when in ("idle", "busy")
       for what in ("cpu", "mem", "swp", "hddgb", "hddio", "netmbs"))}
)  # fmt: skip
_OBJECTS = frozenset({"pools", "folders", "environment", "tickets", "tickets_host", "tickets_pool"})
#: Paths, which may have blanks: only ; and , are between them.
_PATHS = frozenset({"files"})
#: Lists of words, with commas, semicolons or blanks between them.
_WORDS = frozenset({"notify", "services", "services_disabled"})
_BETWEEN = re.compile(r"[,;\s]+")
#: Objects whose values are numbers.
_COUNTS = frozenset({"pools", "tickets", "tickets_host"})


def parse_words(words: list[str]) -> dict[str, Any]:
    """The parameters that ``key=value`` words name. Raises CliError, the person's to mend."""
    params: dict[str, Any] = {}
    for word in words:
        match = WORD.fullmatch(word)
        if match is None:
            raise CliError(Exit.BAD_INPUT, f"{word!r} is no key=value", "as priority=120")
        key, text = match.groups()
        try:
            params[key] = parse_value(key, text)
        except ValueError as error:
            raise CliError(Exit.BAD_INPUT, str(error), field=key) from None
    return params


def parse_value(key: str, text: str) -> Any:
    """The value of one parameter; what no table knows is a text. Raises ValueError."""
    if key in _BOOLEANS:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"must be true or false, not {text!r}")
    if key in _SECONDS and text != "-1":
        return int(parse_duration(text))
    if key in _INTEGERS or key in _SECONDS:
        if re.fullmatch(r"-?\d+", text):
            return int(text)
        raise ValueError(f"must be a whole number, not {text!r}")
    if key == "depend_jobs":
        if text.startswith("["):
            return _json(text, list)
        serials = [word for word in _BETWEEN.split(text) if word]
        if all(re.fullmatch(r"\d+", word, re.ASCII) for word in serials):
            return [int(word) for word in serials]
        raise ValueError(f"must be serials of jobs, as 12,15, not {text!r}")
    if key in _PATHS | _WORDS and text.startswith("["):
        return _json(text, list)
    if key in _PATHS:
        return [path for part in re.split("[;,]", text) if (path := part.strip())]
    if key in _WORDS:
        return [word for word in _BETWEEN.split(text) if word]
    if key in _OBJECTS:
        found = _json(text, dict) if text.startswith("{") else _pairs(key, text)
        for name in found if key == "environment" else ():
            if not name or "=" in name:
                raise ValueError(f'{name!r} is no name of a variable: it has no "=", as NAME:VALUE')
        return found
    return text


def _json(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(value, kind):
        raise ValueError(f"must be a {kind.__name__}, not {text!r}")
    return value


def _pairs(key: str, text: str) -> dict[str, Any]:
    """``A:1,B:2`` as an object; the values of some are numbers, of ``tickets_pool`` two."""
    pairs: dict[str, Any] = {}
    # Names and values of the others may have blanks.
    parts = _BETWEEN.split(text) if key in _COUNTS or key == "tickets_pool" else text.split(",")
    for part in filter(None, parts):
        name, colon, value = part.partition(":")
        if not (name and colon):
            raise ValueError(f"{part!r} is no NAME:VALUE")
        if key == "tickets_pool":
            numbers = re.fullmatch(r"(-?\d+)(?::(-?\d+))?", value)
            if not numbers:
                raise ValueError(f"the value of {name!r} must be COUNT or COUNT:HOSTS")
            pairs[name] = [int(numbers[1]), int(numbers[2] or -1)]
        elif key in _COUNTS:
            if not re.fullmatch(r"-?\d+", value):
                raise ValueError(f"the value of {name!r} must be a whole number, not {value!r}")
            pairs[name] = int(value)
        else:
            pairs[name] = value
    return pairs
