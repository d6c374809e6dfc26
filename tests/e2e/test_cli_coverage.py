"""Every command, every verb of every noun and every classic verb of ``afcmd``, on a real farm.

Each line of :data:`LINES` is run for people, and as JSON; commands also on a narrow terminal that
knows no UTF-8. Names in braces are things of the farm (:class:`Scene`), made anew where a verb uses
them up.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from afanasy.cli.classic import CLASSIC
from afanasy.cli.main import COMMANDS, NOUNS
from harness.processes import Farm, program, wait_until

pytestmark = pytest.mark.e2e

#: A word of afcmd → what stands behind it. A new verb needs its line here.
LINES: dict[str, str] = {
    # -------------------------------------------------------------------------- commands
    "top": "--once",
    "jobs": "",
    "job": "{job}",
    "blocks": "{job}",
    "tasks": "{job}",
    "why": "{new}",
    "log": "{logged}",
    "output": "{job} beauty 1",
    "submit": "{jobfile}",
    "export": "{serial}",
    "resubmit": "{serial} --set priority=7 --pause",
    "run": "echo hello",
    "append": "{new} {blocksfile}",
    "wait": "{job}",
    "pause": "{new}",
    "start": "{new}",
    "stop": "{new}",
    "restart": "{job}.list #0",
    "restart-pause": "{new}",
    "restart-errors": "{new}",
    "restart-running": "{new}",
    "restart-done": "{new}",
    "restart-skipped": "{new}",
    "restart-warnings": "{new}",
    "reset-errors": "{new}",
    "try-next": "{new}.beauty 2",
    "reset-tries": "{new}",
    "skip": "{new}.beauty 1-2",
    "done": "{new}",
    "delete": "{new}",
    "set": "{new} priority=50",
    "renders": "--resources",
    "render": "a",
    "users": "",
    "user": "anna",
    "pools": "",
    "pool": "/film",
    "branches": "",
    "branch": "/",
    "move": "up {job}",
    "server": "",
    "services": "pool add /film nuke",
    "config": "",
    "limits": "",
    "farm": "{farmfile}",
    "stats": "",
    "db": "drivers",
    "plugins": "",
    "json": "send {request}",
    "rx": "shot10 shot.*",
    "numeric": "1 20 2 3",
    "numcmd": "generic 1 5 'echo @#@'",
    "path": "abs x",
    "str": "upper ☃x",
    "net": "interfaces",
    "md5": "x",
    "completion": "bash",
    # ------------------------------------------------------------------------------ nouns
    "jobs list": "'user=anna and tasks_num>1'",
    "jobs show": "{job}",
    "jobs why": "{new}",
    "jobs log": "{logged}",
    "jobs output": "{job} --grep frame -C 1",
    "jobs submit": "{jobfile} {jobfile} --pause",
    "jobs export": "{gone}",
    "jobs resubmit": "{gone} --pause",
    "jobs run": "echo hello",
    "jobs append": "{new} {blocksfile}",
    "jobs wait": "{job} --timeout 60",
    **{
        f"jobs {verb}": "{new}"
        for verb in (
            "pause", "start", "stop", "restart", "restart-pause", "restart-errors",
            "restart-running", "restart-done", "restart-skipped", "restart-warnings",
            "reset-errors", "reset-tries", "skip", "done", "delete",
        )
    },
    "jobs move": "bottom {new}",
    "jobs set": "{new} annotation=☃",
    "blocks list": "{job} 'tasks_num>1'",
    "blocks show": "{job}.beauty",
    "blocks why": "{new}.beauty",
    "blocks output": "{job}.beauty --save {folder}",
    "blocks append": "{new}.list {tasksfile}",
    "blocks set": "{new}.beauty capacity=500",
    "tasks list": "{job}.beauty",
    "tasks show": "{job}.beauty 1",
    "tasks log": "{job}.beauty 1",
    "tasks why": "{new}.beauty 2",
    "tasks output": "{job}.beauty 1-3 --grep 'frame [12]' --last",
    "tasks append": "{new}.list {tasksfile}",
    "tasks try-next": "{new}.beauty 2",
    **{
        f"{noun} {verb}": words
        for noun, words in (("blocks", "{new}.beauty"), ("tasks", "{new}.beauty 1-2"))
        for verb in (
            "pause", "start", "restart", "restart-errors", "restart-running", "restart-done",
            "restart-skipped", "reset-errors", "skip", "done",
        )
    },
    "renders list": "state~ONL",
    "renders show": "a",
    "renders log": "a",
    "renders why": "a",
    "renders set": "a annotation=☃",
    **{
        f"renders {verb}": "a"
        for verb in (
            "nimby", "NIMBY", "free", "pause", "unpause", "eject", "eject-others", "heal",
        )
    },
    **{
        f"renders {verb}": "{offline}"
        for verb in ("restart", "wake", "reboot", "shutdown")
    },
    "renders sleep": "{online}",
    "renders defaults": "{online}",
    "renders move": "{online} /film",
    "renders reassign": "{online}",
    "renders exit": "{online}",
    "renders delete": "{offline}",
    "renders services": "disable {online} nuke",
    "pools list": "renders_online>0",
    "pools show": "/film",
    "pools log": "/film",
    "pools add": "/film/{pool} priority=50 capacity_host=2000",
    "pools set": "/film annotation=☃ tickets_pool=nuke:5:2",
    **{
        f"pools {verb}": "/film"
        for verb in ("pause", "unpause", "heal", "eject", "exit", "delete-renders")
    },
    "pools services": "remove /film '.*'",
    "pools delete": "{emptypool}",
    "branches list": "branches_total=0",
    "branches show": "/",
    "branches log": "/",
    "branches pause": "/film",
    "branches start": "/film",
    "branches set": "/film max_running_tasks=50",
    "branches delete": "{emptybranch}",
    "branches delete-done": "/film",
    "users list": "user=anna",
    "users show": "anna",
    "users log": "anna",
    "users add": "{nobody} priority=50",
    "users delete": "{user}",
    "users pause": "{user}",
    "users unpause": "{user}",
    "users set": "{user} priority=60",
    "server show": "",
    "server stats": "",
    "limits list": "",
    "limits set": "nuke 10 --hosts 5",
    "limits unset": "{limited}",
    "farm show": "",
    "farm check": "a desk7 --file {farmfile}",
    "farm verify": "{farmfile}",
    "farm reload": "",
    "stats show": "--sort count",
    "plugins list": "--plugins {plugins}",
    "plugins check": "{plugins}",
    "plugins show": "blender",
    "plugins try": "generic {jobfile}",
    "db sql": "'SELECT name FROM v_users'",
    "db tables": "v_runs",
    "db drivers": "",
    "db check": "",
    "config list": "--origin",
    "config show": "",
    "config get": "af_priority",
    "config set": "af_priority 98",
    "config unset": "af_priority",
    "config reload": "",
    "config files": "",
    "config map": "/shots/city",
    # ---------------------------------------------------------------------- classic verbs
    "jlist": "",
    "jweight": "",
    "jid": "{job}",
    "jlog": "{logged}",
    "jprog": "{job}",
    "jpause": "{newname}",
    "jstop": "{newname}",
    "jstart": "{newname}",
    "jrestart": "{newname}",
    "jdel": "{newname}",
    "jpri": "{newname} 50",
    "jtmax": "{newname} -1",
    "jhmask": "{newname} a",
    "juser": "{newname} {user}",
    "tlog": "{job} 0 0",
    "tout": "{job} 0 0 1",
    "trestart": "{new} 0 0",
    "rlist": "",
    "rrlist": "a",
    "rpri": "a 50",
    "rnimby": "a",
    "rNIMBY": "a",
    "rfree": "a",
    "ruser": "a anna",
    "rpause": "a",
    "runpause": "a",
    "reject": "a",
    "rejnotmy": "a",
    "rexit": "{online}",
    "rdel": "{offline}",
    "rsleep": "{online}",
    "rwake": "{offline}",
    "rsrvon": "{online} nuke",
    "rsrvoff": "{online} nuke",
    "plist": "",
    "plog": "1",
    "ppri": "/film 50",
    "ppause": "/film",
    "punpause": "/film",
    "psrvadd": "/film nuke",
    "psrvdel": "/film .*",
    "ulist": "",
    "ujobs": "{uid}",
    "uadd": "{nobody}",
    "udel": "{user}",
    "upri": "{user} 50",
    "utmax": "{user} 5",
    "uhmask": "{user} a",
    "cload": "",
    "fload": "",
    "fcheck": "a",
    "stat": "3 count",
    "parse": "generic 5",
    "db_check": "",
    "db_drivers": "",
}  # fmt: skip
NARROW = {"COLUMNS": "40", "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "TERM": "dumb"}


def words_of_afcmd() -> list[str]:
    """Every word or pair of words by which something can be asked for."""
    nouns = [f"{noun} {verb}" for noun, verbs in NOUNS.items() for verb in verbs]
    return [*COMMANDS, *nouns, *CLASSIC]


def test_every_verb_has_its_line() -> None:
    missing = [f'    "{words}": "…",' for words in words_of_afcmd() if words not in LINES]
    assert not missing, "add to LINES, with arguments that work:\n" + "\n".join(missing)
    assert set(LINES) <= set(words_of_afcmd()), "LINES of verbs that there are not"


# ------------------------------------------------------------------------------------ the farm


class Scene(dict[str, str]):
    """The things of a farm by name, made when they are asked for."""

    def __init__(self, farm: Farm) -> None:
        super().__init__()
        self.farm = farm
        self.folder = farm.folder / "scene"
        self.folder.mkdir()
        self._made = 0
        self._add_pool("/", "film")
        self._submit("in a branch", offline=True, branch="/film")
        self._jobs_done()
        self._write_files()

    def __missing__(self, name: str) -> str:
        """Something new of its kind."""
        self._made += 1
        number = self._made
        if name in ("new", "newname"):
            job = self._submit(f"fresh{number}", offline=True)
            return str(job) if name == "new" else f"fresh{number}"
        if name == "user":
            self.farm.ask({"user": {"name": f"user{number}"}})
            return f"user{number}"
        if name in ("online", "offline"):
            render = self.farm.start_render(f"r{number}")
            if name == "offline":
                render.end()
                wait_until(lambda: "OFF" in self._state(f"r{number}"), "an offline render")
            return f"r{number}"
        if name == "limited":
            operation = {"type": "set", "name": f"limited{number}", "max_count": 3}
            who = {"user_name": "anna", "host_name": "desk", "type": "limits"}
            self.farm.ask({"action": {**who, "operation": operation}})
            return f"limited{number}"
        if name == "emptypool":
            self._add_pool("/film", f"empty{number}")
            return f"/film/empty{number}"
        if name == "emptybranch":
            job = self._submit(f"passing{number}", offline=True, branch=f"/empty{number}")
            self.farm.action(job, "delete")
            wait_until(lambda: not self._jobs_in(f"/empty{number}"), "a branch without jobs")
            return f"/empty{number}"
        assert name in ("nobody", "pool", "folder"), f"the farm has no {name!r}"
        return str(self.folder / f"out{number}") if name == "folder" else f"{name}{number}"

    def _add_pool(self, parent: str, name: str) -> None:
        operation = {"type": "add_pool", "name": name}
        who = {"user_name": "anna", "host_name": "desk", "type": "pools", "mask": parent}
        self.farm.ask({"action": {**who, "operation": operation}})

    def _jobs_in(self, branch: str) -> int:
        (found,) = self.farm.ask({"get": {"type": "branches", "mask": branch}})["branches"]
        return int(found.get("jobs_total", 0))

    def _submit(self, name: str, **members: Any) -> int:
        return self.farm.submit(
            {"name": "beauty", "flags": 1, "frame_first": 1, "frame_last": 3, "capacity": 100,
             "command": "echo frame @#@ ☃"},
            {"name": "list", "capacity": 100, "tasks": [{"name": "плохо", "command": "echo ☃"}]},
            name=name, **members,
        )  # fmt: skip

    def _jobs_done(self) -> None:
        done, gone = self._submit("шот ☃ 01"), self._submit("gone")
        for job in (done, gone):
            self.farm.wait_job(job, "DON")
        self["serial"], self["gone"] = (str(self.farm.job(job)["serial"]) for job in (done, gone))
        self.farm.action(gone, "delete")
        self["job"] = str(done)
        self["logged"] = self["new"]
        self.farm.action(int(self["logged"]), "start")
        (anna,) = self.farm.ask({"get": {"type": "users", "mask": "anna"}})["users"]
        self["uid"] = str(anna["id"])

    def _write_files(self) -> None:
        block = {"name": "more", "service": "generic", "tasks": [{"command": "true"}]}
        for name, content in (
            ("jobfile", {"job": {"name": "file", "offline": True, "blocks": [block]}}),
            ("blocksfile", [block]),
            ("tasksfile", [{"name": "t", "command": "true"}]),
            ("request", {"get": {"type": "users"}}),
        ):
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            self[name] = str(path)
        self["farmfile"] = str(self.folder / "farm.xml")
        Path(self["farmfile"]).write_text(
            '<farm><pattern name="всё ☃"><service name="generic"/></pattern></farm>', "utf-8"
        )
        plugin = self.folder / "plugins" / "services" / "toon.py"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(
            "from afanasy.services.base import Service\n\nclass Toon(Service):\n    pass\n"
        )
        self["plugins"] = str(plugin.parents[1])

    def _state(self, name: str) -> str:
        (render,) = self.farm.ask({"get": {"type": "renders", "mask": name}})["renders"]
        return str(render["state"])

    def afcmd(self, words: str, *options: str, env: dict[str, str] | None = None) -> Any:
        """Run a line of the table."""
        line = shlex.split(LINES[words].format_map(self))
        server = ["--server", f"127.0.0.1:{self.farm.port}"]
        return subprocess.run(
            [program("afcmd"), *server, *options, *words.split(), *line],
            input=b"a line of output\n", capture_output=True, timeout=60, cwd=self.folder,
            env={**os.environ, "AF_USERNAME": "anna", "AF_HOSTNAME": "desk", **(env or {})},
        )  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("farm")
    with Farm(folder) as farm:
        farm.start_render("a", "--capacity", "8000", "--max-tasks", "80")
        yield Scene(farm)


# ---------------------------------------------------------------------------------- the verbs


@pytest.mark.parametrize("words", LINES)
def test_for_people_and_as_json(scene: Scene, words: str) -> None:
    done = scene.afcmd(words)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, (out, err)
    assert out.strip()
    assert "Traceback" not in out + err
    assert not re.match(r"\s*[{\[]\"", out) or words in ("export", "jobs export", "json"), out
    done = scene.afcmd(words, "--json")
    assert done.returncode == 0, done
    assert isinstance(json.loads(done.stdout), dict), done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_on_a_narrow_terminal_without_utf_8(scene: Scene, words: str) -> None:
    done = scene.afcmd(words, env=NARROW)
    assert done.returncode == 0, done
    assert done.stdout.strip()
    assert done.stdout.isascii()
    assert b"Traceback" not in done.stderr
