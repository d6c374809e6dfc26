"""Every setting that our programs know: name, type, default, bounds, and who uses it.

One table, :data:`CATALOGUE`, for all: the configuration files and variables are read by it
(:mod:`af.config`), the server checks by it what is set on the fly, and the reference page is made
of it. Names are those that studios know (SEMANTICS 13.2); what they do not have is ours.

A setting is *live* when a change of its file, or ``afcmd config set`` for a setting of the server,
takes effect while programs run. The others are read when the program that uses them starts.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

#: Kinds of values. LIST is a list of texts, FOLDERS one of paths, PAIRS a list of [text, text].
TEXT, NUMBER, SWITCH, LIST, FOLDERS, PAIRS = "text", "number", "switch", "list", "folders", "pairs"
CLIENT, SERVER, RENDER, GUI = "client", "server", "render", "gui"

_INT32 = 2**31 - 1


class Setting(NamedTuple):
    """One setting."""

    key: str
    #: One of the kinds above.
    kind: str
    default: Any
    help: str
    #: Programs that use it: CLIENT is afcmd, afjob and ``import af``; GUI is told by the server.
    used_by: tuple[str, ...]
    #: A change takes effect without a restart.
    live: bool = True
    #: Bounds of a number.
    low: int = -_INT32
    high: int = _INT32
    #: The only texts there may be; empty = any.
    choices: tuple[str, ...] = ()
    #: Options of programs that win over it.
    flags: tuple[str, ...] = ()
    #: Further environment variables that hold it, after AF_… .
    variables: tuple[str, ...] = ()
    #: It is also taken from CGRU's files and from the variable ``CGRU_KEY``.
    classic: bool = True
    #: Nobody is shown it, and nobody sets it by a request: it would be read on its way.
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable: ``af_task_post_limit_sec`` → ``AF_TASK_POST_LIMIT_SEC``."""
        name = self.key.upper()
        return name if name.startswith("AF_") else "AF_" + name

    @property
    def settable(self) -> bool:
        """``afcmd config set`` can change it: the server has it, and needs no restart."""
        mine = SERVER in self.used_by or GUI in self.used_by
        return self.live and not self.secret and mine

    def told(self, value: Any) -> Any:
        """A value as people and programs may see it: of a secret the empty text (R54)."""
        return "" if self.secret else value

    def rule(self) -> str:
        """What a value must be, as the end of a sentence that begins with "must be"."""
        if self.kind == NUMBER:
            return "a whole number from %d to %d" % (self.low, self.high)
        if self.choices:
            return "one of %s" % ", ".join(repr(choice) for choice in self.choices)
        return {
            TEXT: "a text",
            SWITCH: "true or false",
            LIST: "a list of texts",
            FOLDERS: "a list of folders",
            PAIRS: "a list of pairs of texts",
        }[self.kind]

    def check(self, value: Any) -> Any:
        """The value as it is used. Raises ValueError, the rule that it breaks."""
        if self.kind in (LIST, FOLDERS) and isinstance(value, str):
            value = [value]
        if not self._fits(value):
            if self.secret:
                raise ValueError("must be %s" % self.rule())
            raise ValueError("must be %s, not %s" % (self.rule(), shown(value)))
        return value

    def _fits(self, value: Any) -> bool:
        if self.kind == NUMBER:
            return type(value) is int and self.low <= value <= self.high
        if self.kind == SWITCH:
            return isinstance(value, bool)
        if self.kind == TEXT:
            return _is_text(value) and (not self.choices or value in self.choices)
        if self.kind == PAIRS:
            return isinstance(value, list) and all(_is_pair(one) for one in value)  # pyright: ignore[reportUnknownVariableType] - of a file
        return isinstance(value, list) and all(_is_text(one) for one in value)  # pyright: ignore[reportUnknownVariableType] - of a file

    def from_text(self, text: str) -> Any:
        """The value of a variable or a command line. Raises ValueError, the rule it breaks."""
        text = text.strip() if self.kind != TEXT else text
        value: Any = text
        if self.kind == NUMBER:
            try:
                value = int(text)
            except ValueError:
                pass
        elif self.kind == SWITCH:
            word = text.lower()
            if word in ("1", "true", "yes", "on"):
                value = True
            elif word in ("0", "false", "no", "off"):
                value = False
        elif self.kind == PAIRS or (self.kind in (LIST, FOLDERS) and text.startswith("[")):
            try:
                value = json.loads(text)
            except ValueError:
                pass
        elif self.kind in (LIST, FOLDERS):
            between = os.pathsep if self.kind == FOLDERS else ","
            value = [part.strip() for part in text.split(between) if part.strip()]
        return self.check(value)


def shown(value: Any) -> str:
    """A value in a sentence or a table: as JSON writes it, and never long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):  # a date of a TOML file
        text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_text(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - of a file


CATALOGUE: tuple[Setting, ...] = (
    # -- where the server is, who we are
    Setting(
        "af_servername", LIST, ["127.0.0.1"],
        "Name or address of the server, `:PORT` behind it if it has its own; several are tried in "
        "order. A render that loses its server begins with that one.",
        (CLIENT, RENDER), flags=("afcmd --server", "afrender --server"),
    ),
    Setting(
        "af_serverport", NUMBER, 51000,
        "TCP port of the server, and of servers named without one; for 0 the server takes a free "
        "one.",
        (CLIENT, SERVER, RENDER), live=False, low=0, high=65535, flags=("afserver --port",),
    ),
    Setting(
        "af_username", TEXT, "",
        "Name of the user, owner of his jobs and of a render; empty is the name of the account.",
        (CLIENT, RENDER), flags=("afrender --user",), classic=False,
    ),
    Setting(
        "af_hostname", TEXT, "",
        "Name of this computer and of its render; empty is the name that the system gives.",
        (CLIENT, RENDER), flags=("afrender --hostname",), classic=False,
    ),
    Setting(
        "af_user_cut_domain_name", SWITCH, True,
        "Cut `DOMAIN\\name` and `name@domain` to the name of the user.",
        (CLIENT, RENDER),
    ),
    Setting(
        "af_render_cut_domain_name", SWITCH, True,
        "Cut the domain from the name that the system gives this computer.",
        (CLIENT, RENDER),
    ),
    # -- jobs
    Setting(
        "af_priority", NUMBER, 99,
        "Priority of new jobs that name none, and of new users.",
        (CLIENT, SERVER), low=0, high=250,
    ),
    Setting(
        "af_task_default_capacity", NUMBER, 1000,
        "Capacity units that a task takes when its block names none.",
        (CLIENT, SERVER), low=1,
    ),
    Setting(
        "af_task_default_service", TEXT, "generic",
        "Service of blocks that name none.",
        (SERVER,),
    ),
    Setting(
        "af_cmdprefix", TEXT, "",
        "Text put before the commands of blocks when a job is made.",
        (CLIENT,), variables=("AF_CMD_PREFIX",),
    ),
    Setting(
        "pathsmap", PAIRS, [],
        "Pairs of [path here, path on the server]: names of the same folders on this computer and "
        "on the server.",
        (CLIENT, RENDER),
    ),
    # -- defaults of new users; a user's own are changed with `afcmd set --user`
    Setting(
        "af_max_running_tasks", NUMBER, -1,
        "Tasks of a new user that may run at a time; -1 is no limit.",
        (SERVER,), low=-1,
    ),
    Setting(
        "af_max_run_tasks_per_host", NUMBER, -1,
        "Tasks of a new user that may run on one host at a time; -1 is no limit.",
        (SERVER,), low=-1,
    ),
    Setting(
        "af_errors_avoid_host", NUMBER, 3,
        "Default of new users: errors of a host after which a block avoids it; 0 is never.",
        (SERVER,), low=0, high=127,
    ),
    Setting(
        "af_task_errors_same_host", NUMBER, 3,
        "Default of new users: errors of a host after which a task avoids it; 0 is never.",
        (SERVER,), low=0, high=127,
    ),
    Setting(
        "af_task_error_retries", NUMBER, 3,
        "Default of new users: errors of a task that are retried; 0 is none.",
        (SERVER,), low=0, high=127,
    ),
    Setting(
        "af_errors_forgivetime", NUMBER, 18000,
        "Default of new users: seconds after which a host's errors are forgiven; 0 is never.",
        (SERVER,), low=0,
    ),
    Setting(
        "af_jobs_life_time", NUMBER, 0,
        "Default of new users: seconds after which a job of theirs is deleted; 0 is never.",
        (SERVER,), low=0,
    ),
    # -- the server
    Setting(
        "af_server_bind", LIST, ["127.0.0.1"],
        "Addresses of its machine on which the server listens; `0.0.0.0` is all of them.",
        (SERVER,), live=False, flags=("afserver --bind",), classic=False,
    ),
    Setting(
        "af_server_trust", LIST, [],
        "Networks whose hosts may use the farm and render for it, as `10.1.0.0/16`.",
        (SERVER,), live=False, flags=("afserver --trust",), classic=False,
    ),
    Setting(
        "af_store_folder", TEXT, "",
        "Folder of the database and the outputs; empty is `afanasy/server` in the folder of the "
        "account's data.",
        (SERVER,), live=False, flags=("afserver --data",), classic=False,
    ),
    Setting(
        "af_farm_file", TEXT, "",
        "The farm file: patterns of hosts and limits, in XML or JSON; empty is `farm.xml` or "
        "`farm.json` in the folder of the database, if one is there.",
        (SERVER,), live=False, flags=("afserver --farm",), classic=False,
    ),
    Setting(
        "af_server_log_level", TEXT, "info",
        "How much the server says in its log.",
        (SERVER,), live=False, choices=("debug", "info", "warning"),
        flags=("afserver --log-level",), classic=False,
    ),
    Setting(
        "af_solve_branches", SWITCH, False,
        "The farm is shared by the tree of branches; else between users, wherever their jobs are.",
        (SERVER,), classic=False,
    ),
    Setting(
        "af_task_reconnect_timeout", NUMBER, 60,
        "Seconds after the last word of a render until its tasks are given to others.",
        (SERVER,), low=1, high=86400 * 30,
    ),
    Setting(
        "af_task_progress_change_timeout", NUMBER, -1,
        "Seconds without progress after which a task is stopped with an error, for blocks that "
        "name none; -1 is never.",
        (SERVER,), low=-1,
    ),
    Setting(
        "af_sysjob_tasksmax", NUMBER, 1000,
        "Places for tasks in each block of the system job; what is finished is written over.",
        (SERVER,), low=1, high=100000,
    ),
    Setting(
        "af_sysjob_tasklife", NUMBER, 1800,
        "Seconds after which a task of the system job that no host takes is an error.",
        (SERVER,), low=1,
    ),
    Setting(
        "af_command_pre", SWITCH, False,
        "Pre commands (`command_pre`) of jobs and blocks are run by tasks of the system job before "
        "anything of theirs starts; off keeps them and runs none. It counts for jobs that are "
        "submitted from then on.",
        (SERVER,), classic=False,
    ),
    Setting(
        "email_smtp_server", TEXT, "",
        "Mail server that takes the server's mails, as `host` or `host:port`; empty sends none. "
        "Without a port it is 465 where `email_smtp_tls` is `tls`, 587 with `email_smtp_user`, "
        "else 25.",
        (SERVER,),
    ),
    Setting(
        "email_smtp_user", TEXT, "",
        "Name by which the server logs in at its mail server; empty does not log in.",
        (SERVER,), classic=False,
    ),
    Setting(
        "email_smtp_password", TEXT, "",
        "Password of `email_smtp_user`. It is never shown, and only said by a file or a variable.",
        (SERVER,), classic=False, secret=True,
    ),
    Setting(
        "email_smtp_tls", TEXT, "auto",
        "How mails are encrypted on their way to the mail server. `tls`: from the first byte; "
        "`starttls`: after a word in plain text; both want a valid certificate. `none`: not at "
        "all. `auto`: `tls` on port 465, else `starttls` where the mail server offers it; a "
        "password wants a valid certificate, and leaves without one to this host only.",
        (SERVER,), choices=("auto", "none", "starttls", "tls"), classic=False,
    ),
    Setting(
        "email_sender_address_host", TEXT, "localhost",
        "What stands behind `noreply@` in the sender's address of mails.",
        (SERVER,),
    ),
    Setting(
        "af_timezone", TEXT, "",
        "Time zone of the farm, as `Europe/Berlin`: the clocks that `nimby_schedule` goes by. "
        "Empty is the zone of the server's host.",
        (SERVER,), classic=False,
    ),
    Setting(
        "af_render_cmd_wolwake", TEXT, "wolwake",
        "Command that wakes a sleeping render; its name, address and MAC addresses are put behind.",
        (SERVER,),
    ),
    Setting(
        "af_render_overflow_mem", NUMBER, -1,
        "Percent of free memory down to which a render is overloaded, for the event "
        "RENDER_OVERLOAD; -1 is none.",
        (SERVER,), low=-1, high=100,
    ),
    Setting(
        "af_render_overflow_swap", NUMBER, -1,
        "The same for percent of free swap.",
        (SERVER,), low=-1, high=100,
    ),
    Setting(
        "af_render_overflow_hdd", NUMBER, -1,
        "The same for percent of free disk.",
        (SERVER,), low=-1, high=100,
    ),
    # -- the render
    Setting(
        "af_render_capacity", NUMBER, -1,
        "Capacity units of this host; -1 is the farm's default.",
        (RENDER,), live=False, low=-1, flags=("afrender --capacity",), classic=False,
    ),
    Setting(
        "af_render_max_tasks", NUMBER, -1,
        "Tasks that this host runs at a time; -1 is the farm's default.",
        (RENDER,), live=False, low=-1, flags=("afrender --max-tasks",), classic=False,
    ),
    Setting(
        "af_render_nimby", TEXT, "",
        "How the render starts: `nimby` with tasks of its owner only, `NIMBY` without any.",
        (RENDER,), live=False, choices=("", "nimby", "NIMBY"),
        flags=("afrender --nimby", "afrender --NIMBY"), classic=False,
    ),
    Setting(
        "af_render_nice", NUMBER, 10,
        "Niceness of tasks.",
        (RENDER,), live=False, low=0, high=19, flags=("afrender --nice",),
    ),
    Setting(
        "af_render_data", TEXT, "",
        "Folder of running tasks and of the render's identity; empty is "
        "`afanasy/render/NAME` in the folder of the account's state.",
        (RENDER,), live=False, flags=("afrender --data",), classic=False,
    ),
    Setting(
        "af_plugins", FOLDERS, [],
        "Folders with `services/` and `parsers/` of the studio; the first that has a file wins.",
        (RENDER,), live=False, flags=("afrender --plugins",), classic=False,
    ),
    Setting(
        "af_task_post_limit_sec", NUMBER, 16,
        "Seconds that a command after a task may take.",
        (RENDER,), live=False, low=1,
    ),
    Setting(
        "af_render_hddspace_path", TEXT, "/",
        "Folder of the disk whose space the render reports.",
        (RENDER,), live=False,
    ),
    Setting(
        "af_render_cmd_wolsleep", TEXT, "systemctl suspend",
        "Command by which the render puts its host to sleep.",
        (RENDER,), live=False,
    ),
    Setting(
        "af_render_cmd_reboot", TEXT, "systemctl reboot",
        "Command by which the render restarts its host.",
        (RENDER,), live=False,
    ),
    Setting(
        "af_render_cmd_shutdown", TEXT, "systemctl poweroff",
        "Command by which the render switches its host off.",
        (RENDER,), live=False,
    ),
    Setting(
        "af_render_macs", LIST, [],
        "MAC addresses by which this host is woken; empty is those of its network interfaces.",
        (RENDER,), live=False, classic=False,
    ),
    Setting(
        "af_render_networkif", TEXT, "",
        "Regular expression of the network interfaces whose traffic the render reports; empty is "
        "all but the loopback.",
        (RENDER,), live=False,
    ),
    # -- what graphical programs are told
    Setting(
        "af_perm_user_mod_his_priority", SWITCH, True,
        "Graphical programs let a user change his own priority.",
        (GUI,),
    ),
    Setting(
        "af_perm_user_mod_job_priority", SWITCH, True,
        "Graphical programs let a user change the priority of his jobs.",
        (GUI,),
    ),
    Setting(
        "af_monitor_render_idle_bar_max", NUMBER, 3600,
        "Seconds of idleness that fill the idle bar of a render.",
        (GUI,), low=1,
    ),
    Setting(
        "af_monitor_render_cpu_hot_min", NUMBER, 80,
        "Per cent of processor load from which a render is drawn warm.",
        (GUI,), low=0, high=100,
    ),
    Setting(
        "af_monitor_render_cpu_hot_max", NUMBER, 100,
        "Per cent of processor load from which a render is drawn hot.",
        (GUI,), low=0, high=100,
    ),
    Setting(
        "af_watch_get_events_sec", NUMBER, 1,
        "Seconds between two questions of a graphical program for news.",
        (GUI,), low=1, high=3600,
    ),
    Setting(
        "af_watch_refresh_gui_sec", NUMBER, 5,
        "Seconds between two drawings of what changes by itself, as elapsed times.",
        (GUI,), low=1, high=3600,
    ),
    Setting(
        "af_watch_connection_lost_time", NUMBER, 20,
        "Seconds without an answer after which a graphical program says that the server is gone.",
        (GUI,), low=1, high=3600,
    ),
    Setting(
        "af_watch_work_user_visible", SWITCH, True,
        "Graphical programs show the list of users and branches to everybody.",
        (GUI,),
    ),
    Setting(
        "timeformat", TEXT, "ddd dd.MM.yyyy hh:mm",
        "How graphical programs write a time.",
        (GUI,),
    ),
    Setting(
        "file_name_size_max", NUMBER, 250,
        "Characters of the longest file name that graphical programs make.",
        (GUI,), low=1, high=65535,
    ),
    Setting(
        "annotations", LIST, ["APPROVED", "FAILED"],
        "Annotations that graphical programs offer.",
        (GUI,),
    ),
    Setting(
        "previewcmds", LIST, [],
        "Commands that graphical programs offer for a file, as `Name|command @ARG@`.",
        (GUI,),
    ),
    Setting(
        "af_rendercmds", LIST, [],
        "Commands that graphical programs offer for a render, as `Name|command @ARG@`.",
        (GUI,),
    ),
    Setting(
        "af_rendercmds_admin", LIST, [],
        "The same for administrators.",
        (GUI,),
    ),
)  # fmt: skip

BY_KEY: dict[str, Setting] = {setting.key: setting for setting in CATALOGUE}


def nearest(key: str) -> str:
    """The known key that is most like ``key``, or ""."""
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(key, BY_KEY, 1)
    return close[0] if close else ""


def unknown(key: str) -> str:
    """The sentence about a key that does not exist."""
    close = nearest(key)
    hint = "did you mean '%s'?" % close if close else "afcmd config list shows those there are"
    return "there is no setting '%s' (%s)" % (key, hint)
