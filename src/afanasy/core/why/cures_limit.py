"""Cures of limits: of services and tickets, and of tasks on each host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from af.words import plural
from afanasy.core import events
from afanasy.core.limit.limits import Limited
from afanasy.core.limit.usages import SERVICE
from afanasy.core.why.case import Case, Cure, Maker, until_ended


def _limited(case: Case) -> Limited:
    limited = case.reason.figures[0]
    assert isinstance(limited, Limited)
    return limited


def _more_units(case: Case) -> Cure:
    """Raise the count until one more task can start."""
    limited = _limited(case)
    usage = limited.usage
    held = usage.below(limited.path)
    over = case.reason.code == "limit_over"
    wait = ""
    if not over:
        most = case.reason.figures[2]
        assert isinstance(most, int)
        units = 1 if usage.kind == SERVICE else case.block.spec.tickets[usage.name]
        wait = _given_back(held.units + units - most, "of those")
    if usage.kind == SERVICE:
        count = held.units + 1
        text = f"{wait}raise the limit to {count}"
        return Cure(text, (events.SetLimit(usage.name, max_count=count),))
    count = held.units + case.block.spec.tickets[usage.name]
    pool = case.farm.pools[limited.path]
    hosts = pool.spec.tickets_pool[usage.name][1]
    text = f"{wait}raise {usage.label} of pool {pool.path} to {count}{_fewer(case, over=over)}"
    return Cure(text, (events.ChangeTickets("", pool.path, usage.name, count, False, hosts),))


def _given_back(missing: int, where: str) -> str:
    """What to wait for, when a limit is reached, or was lowered below what is held."""
    if missing <= 1:
        return f"wait until one {where} ends, or "
    return f"wait until {missing} {where} are given back, or "


def _fewer(case: Case, *, over: bool) -> str:
    """What a task asks for may be too much; 0 says that nobody shall have any."""
    most = case.reason.figures[-1]
    return f", or let a task of the block hold {most} at most" if over and most else ""


def _more_hosts(case: Case) -> Cure:
    """Raise the number of hosts until one more may have it."""
    limited = _limited(case)
    usage = limited.usage
    held = usage.below(limited.path).hosts
    hosts = held + 1
    wait = "allow"
    if case.reason.code == "limit_hosts":
        most = case.reason.figures[-1]
        assert isinstance(most, int)
        if usage.hosts.get(case.host.name, 0):
            hosts = held  # it has some already, and may go on when no host is too many
        number = "one" if hosts - most == 1 else str(hosts - most)
        wait = f"wait until none is left on {number} of those hosts, or allow"
    if usage.kind == SERVICE:
        text = f"{wait} {plural(hosts, 'host')}"
        return Cure(text, (events.SetLimit(usage.name, max_hosts=hosts),))
    pool = case.farm.pools[limited.path]
    count = pool.spec.tickets_pool[usage.name][0]
    text = f"{wait} {usage.label} of pool {pool.path} on {plural(hosts, 'host')}"
    return Cure(text, (events.ChangeTickets("", pool.path, usage.name, count, False, hosts),))


def _more_here(case: Case) -> Cure:
    """Raise what one host may have; what the farm file says of a service only its writer can."""
    usage, host = _limited(case).usage, case.host
    over = case.reason.code == "limit_host_over"
    wait = "raise"
    if not over:
        here, most = case.reason.figures[1:]
        assert isinstance(here, int)
        assert isinstance(most, int)
        units = 1 if usage.kind == SERVICE else case.block.spec.tickets[usage.name]
        wait = _given_back(here + units - most, "there") + "raise"
    if usage.kind == SERVICE:
        setup = host.setup
        pattern = setup.origins.get(f"service {usage.name}", "") if setup is not None else ""
        return Cure(f"{wait} count of service {usage.name} in pattern {pattern!r} of the farm file")
    count = usage.hosts.get(host.name, 0) + case.block.spec.tickets[usage.name]
    tickets = {**host.spec.tickets_host, usage.name: count}
    text = f"{wait} {usage.label} of {host.name} to {count}{_fewer(case, over=over)}"
    return case.edit_host(text, tickets_host=tickets)


def _per_host(who: Callable[[Case], tuple[str, dict[str, int], Callable[..., Cure]]]) -> Maker:
    """Raise ``max_running_tasks_per_host`` of somebody by as much as is needed."""

    def cure(case: Case) -> Cure:
        word, running_on, edit = who(case)
        running = running_on.get(case.render.name, 0) if case.render is not None else 0
        text = f"raise max_running_tasks_per_host of {word} to {running + 1}"
        return edit(
            until_ended(case.reason, "there") + text, max_running_tasks_per_host=running + 1
        )

    return cure


def _branch(case: Case) -> tuple[str, dict[str, int], Callable[..., Cure]]:
    branch = case.farm.branches[str(case.reason.figures[0])]
    return f"branch {branch.path}", branch.running_on, case.branch


CURES: Final[dict[str, Maker]] = {
    "limit_over": _more_units,
    "limit_full": _more_units,
    "limit_short": _more_units,
    "limit_no_host": _more_hosts,
    "limit_hosts": _more_hosts,
    "limit_host": _more_here,
    "limit_host_over": _more_here,
    "user_per_host": _per_host(
        lambda c: (f"user {c.block.job.user.name}", c.block.job.user.running_on, c.user)
    ),
    "job_per_host": _per_host(lambda c: ("the job", c.block.job.running_on, c.job)),
    "block_per_host": _per_host(lambda c: ("the block", c.block.running_on, c.of_block)),
    "branch_per_host": _per_host(_branch),
}
