"""Who hears of an event, and how (SEMANTICS 12.2, R66).

Two ways to ask for it:

* a user's own parameters ``email``, ``webhook`` and ``notify`` (words of :data:`WORDS`; none of
  them means done and error);
* JSON in ``custom_data``, as studios have it: ``events: {NAME: {methods: [...]}}``,
  ``emails: [...]``, ours ``webhooks: [...]``. That of the user and of the job, or of a render's
  pools, the render, the system user and the system job, are merged: objects recursively, lists one
  behind the other, other values by the later one; members whose names begin with ``-`` are ignored.

The methods ``email`` and ``webhook`` are sent by the server; any other word is a command, which
runs as a task of the system job. Nobody hears of one event twice by the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote
from typing import Any, Final, cast

import msgspec

from af.words import plural
from afanasy.core.effects import Note
from afanasy.core.host import overload
from afanasy.core.state import Farm, Job, Render
from afanasy.core.system import happenings, messages, system_job
from afanasy.core.tasks import Code
from afanasy.model.addresses import ADDRESS, email_fault, split_addresses, webhook_fault
from afanasy.model.attributes import UserSpec
from afanasy.model.clock import Now
from afanasy.model.states import job_state_text

#: Word of a user's ``notify`` → what it stands for.
WORDS: Final = {
    "created": (happenings.JOB_CREATED,),
    "done": (happenings.JOB_DONE,),
    "error": (
        happenings.JOB_ERROR, happenings.JOB_PAUSED, happenings.RENDER_SICK,
        happenings.RENDER_ZOMBIE, happenings.RENDER_NO_TASK, happenings.RENDER_OVERLOAD,
    ),
    "deleted": (happenings.JOB_DELETED,),
}  # fmt: skip
WORDS_DEFAULT: Final = ("done", "error")
#: Objects in objects of custom data that are merged; what lies deeper is taken as it is (R51).
MERGED_LEVELS: Final = 64

Data = dict[str, Any]


@dataclass(slots=True)
class _Plan:
    """Address, URL or command → the names of events it is for."""

    mails: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    hooks: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    commands: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])


def flush(farm: Farm, now: Now) -> None:
    """Tell who asked of everything that happened."""
    while farm.happened:
        node = next(iter(farm.happened))
        names = farm.happened.pop(node)
        if isinstance(node, Job):
            _of_job(farm, node, names, now)
        else:
            _of_render(farm, node, names, now)


def _of_job(farm: Farm, job: Job, names: list[str], now: Now) -> None:
    user = job.user
    plan = _Plan()
    _by_custom_data(plan, merged(user.spec.custom_data, job.spec.custom_data), names)
    _by_parameters(plan, user.spec, names)
    payload: Data = {
        "job": job_payload(job),
        "user": {"name": user.name, "id": user.id, "custom_data": user.spec.custom_data},
    }
    what = f"-jobname {quote(job.spec.name)} -jobserial {job.serial}"
    _carry_out(farm, plan, job.spec.name, payload, what, system_job.about(job), now)


def _of_render(farm: Farm, render: Render, names: list[str], now: Now) -> None:
    system = farm.jobs.get(system_job.SERIAL)
    pools = list(render.pool.upwards()) if render.pool is not None else []
    texts = [pool.spec.custom_data for pool in reversed(pools)]
    texts.append(render.spec.custom_data)
    if system is not None:
        texts += [system.user.spec.custom_data, system.spec.custom_data]
    plan = _Plan()
    _by_custom_data(plan, merged(*texts), names)
    if system is not None:
        _by_parameters(plan, system.user.spec, names)
    payload: Data = {
        "render": {
            "name": render.name, "id": render.id, "user_name": render.user_name,
            "pool": render.spec.pool, "address": render.address, "sick": render.sick,
        },
        "host_resources": render.resources,
        "pools": [pool.path for pool in pools],
    }  # fmt: skip
    environment = {"AF_OF_RENDER_NAME": render.name}
    what = f"-rendername {quote(render.name)}"
    _carry_out(farm, plan, render.name, payload, what, environment, now)


# ----------------------------------------------------------------------------------- who asked


def merged(*texts: str) -> Data:
    """Custom data of several objects as one. What is no JSON object says nothing."""
    result: Data = {}
    for text in texts:
        if not text.lstrip().startswith("{"):
            continue
        try:
            found = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        _merge(result, found, MERGED_LEVELS)
    return result


def _merge(into: Data, more: Data, levels: int) -> None:
    for key, value in more.items():
        if key.startswith("-"):
            continue
        old = into.get(key)
        if isinstance(value, dict) and levels > 1:
            base = cast(Data, old) if isinstance(old, dict) else {}
            _merge(base, cast(Data, value), levels - 1)
            into[key] = base
        elif isinstance(value, list):
            before = cast("list[Any]", old) if isinstance(old, list) else []
            into[key] = [*before, *cast("list[Any]", value)]
        else:
            into[key] = value


def _texts(value: object) -> list[str]:
    """The texts of a list, each once; of anything else none."""
    found = cast("list[object]", value) if isinstance(value, list) else []
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and one))


def _by_custom_data(plan: _Plan, data: Data, names: list[str]) -> None:
    events = data.get("events")
    if not isinstance(events, dict):
        return
    for name in names:
        asked = cast(Data, events).get(name)
        methods = cast(Data, asked).get("methods") if isinstance(asked, dict) else None
        for method in _texts(methods):
            if method == "email":
                _add(plan.mails, _texts(data.get("emails")), name, _is_address)
            elif method == "webhook":
                _add(plan.hooks, _texts(data.get("webhooks")), name, _is_url)
            else:
                plan.commands.setdefault(method, []).append(name)


def _by_parameters(plan: _Plan, spec: UserSpec, names: list[str]) -> None:
    if not (spec.email or spec.webhook):
        return
    wanted = {name for word in spec.notify or WORDS_DEFAULT for name in WORDS[word]}
    for name in names:
        if name in wanted:
            if not email_fault(spec.email):  # else an older version stored it
                _add(plan.mails, split_addresses(spec.email), name, _is_address)
            _add(plan.hooks, [spec.webhook], name, _is_url)


def _is_address(text: str) -> bool:
    return ADDRESS.fullmatch(text) is not None


def _is_url(text: str) -> bool:
    return bool(text) and not webhook_fault(text)


def _add(
    places: dict[str, list[str]], found: list[str], name: str, good: Callable[[str], bool]
) -> None:
    for place in found:
        if good(place):
            known = places.setdefault(place, [])
            if name not in known:
                known.append(name)


# --------------------------------------------------------------------------------- carrying out


def _carry_out(
    farm: Farm,
    plan: _Plan,
    name: str,
    payload: Data,
    what: str,
    environment: dict[str, str],
    now: Now,
) -> None:
    if plan.mails and not farm.settings.value("email_smtp_server"):
        farm.effects.append(Note("mail_without_server", {"about": name}))
        plan.mails.clear()
    job = int(payload.get("job", {}).get("serial", 0))
    together: dict[tuple[str, ...], list[str]] = {}
    for address, names in plan.mails.items():
        together.setdefault(tuple(names), []).append(address)
    for names, addresses in together.items():
        subject = one_line(f"{', '.join(names)} - {name}")
        text = mail_text(names, payload)
        messages.post(farm, "mail", addresses, subject, text, now, job=job)
    for url, names in plan.hooks.items():
        document = {**payload, "events": names, "time": int(now.wall)}
        subject = one_line(f"{', '.join(names)} - {name}")
        text = msgspec.json.encode(document).decode()
        messages.post(farm, "webhook", [url], subject, text, now, job=job)
    for method, names in plan.commands.items():
        if method == "notify-send":
            command = f"notify-send {quote(', '.join(names) + ' - ' + name)}"
        else:
            command = f"{method} {what}"
        told = {**environment, "AF_EVENTS": ",".join(names)}
        why = f"{', '.join(names)} of {name!r}"
        system_job.request(farm, system_job.EVENTS, command, told, why, now, name=names[0])


def one_line(text: str) -> str:
    """A text for a header: no control characters, not long."""
    return " ".join(text.split())[:200]


def job_payload(job: Job) -> Data:
    """What a hook is told of a job."""
    spec = job.spec
    return {
        "id": job.id,
        "serial": job.serial,
        "name": spec.name,
        "user_name": job.user.name,
        "st": job.st(),
        "state": job_state_text(job.st()).strip(),
        "priority": spec.priority,
        "project": spec.project,
        "department": spec.department,
        "branch": spec.branch,
        "annotation": spec.annotation,
        "custom_data": spec.custom_data,
        "folders": spec.folders,
        "time_creation": spec.time_creation,
        "time_started": job.time_started,
        "time_done": job.time_done,
        "blocks": [
            {
                "block_num": block.num,
                "name": block.spec.name,
                "service": block.spec.service,
                "tasks_num": block.tasks_num,
                "p_tasks_done": block.counts[Code.DONE] + block.counts[Code.SKIPPED],
                "p_tasks_error": block.counts[Code.ERROR],
                "p_tasks_run_time": block.run_time_sum,
            }
            for block in job.blocks
        ],
    }


def mail_text(names: tuple[str, ...], payload: Data) -> str:
    """The body of a mail: a few lines that a person reads."""
    lines = [", ".join(names), ""]
    job, render = payload.get("job"), payload.get("render")
    if job:
        lines += [
            f"job {job['id']}: {job['name']}",
            f"owner: {job['user_name']}",
            f"state: {job['state']}",
        ]
        lines += [
            f"block {b['block_num']} {b['name']}: {b['p_tasks_done']} of"
            f" {plural(b['tasks_num'], 'task')} done, {b['p_tasks_error']} in error"
            for b in job["blocks"][:20]
        ]
        if len(job["blocks"]) > 20:
            lines.append(f"and {plural(len(job['blocks']) - 20, 'block')} more")
    elif render:
        lines += [f"render {render['name']} of {render['user_name']}, pool {render['pool'] or '/'}"]
        if happenings.RENDER_OVERLOAD in names:
            free = overload.free_percents(payload["host_resources"])
            lines += [f"free {what}: {percent:.0f} %" for what, percent in free.items()]
    return "\n".join(lines) + "\n"
