"""Jobs that wait for jobs: depend_mask, depend_mask_global, depend_jobs (SEMANTICS 4, R17, R32).

A job waits while any *other* living job of the same user whose whole name its depend_mask matches
(any user's for the global mask), or whose serial stands in depend_jobs, is not done. A mask that
matches nothing makes nobody wait; a deleted job releases; a job that comes later and matches makes
the job wait again, which leaves what is running alone.

**What it costs.** Every different mask is one :class:`Gate` with all jobs it matches. A mask that
is just a name is found by that name. A regular expression is tried once against each name: when the
mask is new, against the names there are (the user's, or all for a global one); when a job is new,
against the masks there are. What cannot match by its first letters is not even tried, so ten
thousand jobs with masks such as ``shot_010_.*`` cost a look-up for each letter of a new name. When
a job is done, only gates it is a member of are touched, and of their waiters only those it opens
for. The server's own job is nobody's business.

**A mask that takes too long** (R21) is switched off by the matcher, which cannot say of new names
then whether they match. A job must not start before what it waits for, so such names count as
named: the job waits for more than it asked for, and its log, its warnings and ``explain`` say so.

The functions return the jobs that began or ceased to wait. Whoever calls them passes these on to
:func:`afanasy.core.transitions.jobs_wait_anew`, which keeps the queues.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from afanasy.core.depend.gates import Gate
from afanasy.core.host.masks import is_plain, literal_start, shown
from afanasy.core.state import Farm, Job

#: The key of a global mask has this instead of a user's name.
EVERYBODY = ""


def gate_keys(job: Job) -> list[Hashable]:
    """What the job waits for: ("name" | "regex", user, mask), ("serial", number)."""
    if job.system:
        return []
    spec = job.spec
    keys: list[Hashable] = []
    for user, mask in ((job.user.name, spec.depend_mask), (EVERYBODY, spec.depend_mask_global)):
        if mask:
            keys.append(("name" if is_plain(mask) else "regex", user, mask))
    return [*dict.fromkeys(keys), *(("serial", n) for n in dict.fromkeys(spec.depend_jobs))]


def enter(farm: Farm, job: Job) -> list[Job]:
    """The job came, or has another owner: it stands at its gates, and in those of others."""
    concerned = _join(farm, job)
    _wait_at(farm, job, gate_keys(job), scan=True)
    return _look_again([*concerned, job])


def enter_all(farm: Farm) -> list[Job]:
    """The same for all jobs of a farm that was restored: no mask is tried against all names."""
    jobs = list(farm.jobs.values())
    for job in jobs:
        _wait_at(farm, job, gate_keys(job), scan=False)
    for job in jobs:
        _join(farm, job, tell=False)
    return _look_again(jobs)


def leave(farm: Farm, job: Job) -> list[Job]:
    """The job is gone, or gets another owner."""
    concerned: list[Job] = []
    for gate in job.member_of.values():
        concerned += gate.leave(job.serial)
    job.member_of = {}
    _wait_no_more(farm, job, list(job.gates))
    return _look_again(other for other in concerned if other is not job)


def deleted(farm: Farm, job: Job) -> list[Job]:
    """The job is gone. Who waited for its serial gets a line in his log (R32)."""
    gate = farm.job_gates.get(("serial", job.serial))
    for waiter in gate.waiters.values() if gate else ():
        if waiter is not job:
            waiter.say(f"job {job.spec.name} ({job.serial}) was deleted: not waited for any more")
            farm.changes.jobs[waiter.serial] = waiter
    return leave(farm, job)


def masks_edited(farm: Farm, job: Job) -> list[Job]:
    """The job's masks or serials were edited."""
    keys = dict.fromkeys(gate_keys(job))
    _wait_no_more(farm, job, [key for key in job.gates if key not in keys])
    _wait_at(farm, job, keys, scan=True)
    return _look_again([job])


def done_changed(job: Job) -> list[Job]:
    """The job may have become done, or undone."""
    concerned: list[Job] = []
    if job.member_of:
        undone = not job.done
        for gate in job.member_of.values():
            concerned += gate.set_undone(job.serial, job, undone)
    return _look_again(concerned)


def waits(job: Job) -> bool:
    """One of its gates is shut for the job."""
    return any(gate.shut_for(job.serial) for gate in job.gates.values())


def blockers(job: Job) -> Iterator[Job]:
    """The jobs that this one waits for, each once."""
    seen: set[int] = set()
    for gate in job.gates.values():
        for other in gate.blockers(job.serial):
            if other.serial not in seen:
                seen.add(other.serial)
                yield other


def _look_again(jobs: Iterable[Job]) -> list[Job]:
    """Set who waits; returns those that changed, each once."""
    changed: list[Job] = []
    for job in jobs:
        waiting = waits(job)
        if waiting != job.waiting_jobs:
            job.waiting_jobs = waiting
            changed.append(job)
    return changed


# ---------------------------------------------------------------------------------------- gates


def _join(farm: Farm, job: Job, *, tell: bool = True) -> list[Job]:
    """Become a member of every gate whose mask or serial names the job, or may name it.

    ``tell``: the waiters' logs say when a mask takes too long.
    """
    if job.system or not farm.job_gates:
        return []
    name, undone = job.spec.name, not job.done
    found = [farm.job_gates.get(("serial", job.serial))]
    for user in (job.user.name, EVERYBODY):
        found.append(farm.job_gates.get(("name", user, name)))
        by_start = farm.job_patterns.get(user)
        if by_start:
            for end in range(len(name) + 1):
                for mask, gate in by_start.get(name[:end], {}).items():
                    said = farm.matcher(mask, name)
                    if said is not False:
                        found.append(gate)
                    if said is None and gate.unsure is None:
                        gate.unsure = name
                        if tell:
                            _tell_unsure(farm, gate)
    concerned: list[Job] = []
    for gate in found:
        if gate is not None and gate.key not in job.member_of:
            job.member_of[gate.key] = gate
            concerned += gate.join(job.serial, job, undone)
    return concerned


def _wait_at(farm: Farm, job: Job, keys: Iterable[Hashable], *, scan: bool) -> None:
    """Stand at these gates; those nobody stood at yet are made, and with ``scan`` filled."""
    for key in keys:
        gate = farm.job_gates.get(key)
        if gate is None:
            gate = farm.job_gates[key] = Gate[Job](key)
            _file(farm, gate)
            for member in _named(farm, gate) if scan else ():
                member.member_of[key] = gate
                gate.join(member.serial, member, not member.done)
        gate.waiters[job.serial] = job
        job.gates[key] = gate


def _wait_no_more(farm: Farm, job: Job, keys: list[Hashable]) -> None:
    """Go away from these gates; one that nobody stands at is taken down."""
    for key in keys:
        gate = job.gates.pop(key)
        del gate.waiters[job.serial]
        if gate.waiters:
            continue
        for member in gate.members.values():
            del member.member_of[key]
        del farm.job_gates[key]
        match key:
            case ("regex", str(user), str(mask)):
                start = literal_start(mask)
                masks = farm.job_patterns[user][start]
                del masks[mask]
                if not masks:
                    del farm.job_patterns[user][start]
                if not farm.job_patterns[user]:
                    del farm.job_patterns[user]
            case _:
                pass


def _file(farm: Farm, gate: Gate[Job]) -> None:
    """A regular expression is found by its user and its first letters."""
    match gate.key:
        case ("regex", str(user), str(mask)):
            by_start = farm.job_patterns.setdefault(user, {})
            by_start.setdefault(literal_start(mask), {})[mask] = gate
        case _:
            pass


def _tell_unsure(farm: Farm, gate: Gate[Job]) -> None:
    text = unsure_text(gate)
    for waiter in gate.waiters.values():
        waiter.say(text)
        farm.changes.jobs[waiter.serial] = waiter


def unsure_text(gate: Gate[Job]) -> str:
    """That the mask of the gate is switched off, and what follows; "" if it is not."""
    match gate.key:
        case ("regex", str(user), str(mask)) if gate.unsure is not None:
            field = "depend_mask_global" if user == EVERYBODY else "depend_mask"
            return (
                f"{field}: {shown(mask)} takes too long on the name {shown(gate.unsure)} and is"
                " switched off; every job is waited for that it may name"
            )
        case _:
            return ""


def _named(farm: Farm, gate: Gate[Job]) -> list[Job]:
    """The living jobs that a new gate names, or may name."""
    key = gate.key
    match key:
        case ("serial", int(serial)):
            found = [farm.jobs.get(serial)]
        case ("name", str(user), str(name)):
            job = farm.jobs_by_name.get(name)
            found = [job if job and user in (EVERYBODY, job.user.name) else None]
        case ("regex", str(user), str(mask)):
            start, matcher = literal_start(mask), farm.matcher
            jobs = farm.jobs if user == EVERYBODY else farm.users[user].jobs
            found: list[Job | None] = []
            for job in jobs.values():
                name = job.spec.name
                said = matcher(mask, name) if name.startswith(start) else False
                if said is not False:
                    found.append(job)
                if said is None and gate.unsure is None:
                    gate.unsure = name
        case _:
            raise AssertionError(f"no key of a gate: {key!r}")
    return [job for job in found if job is not None and not job.system]
