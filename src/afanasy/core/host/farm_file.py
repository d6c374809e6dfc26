"""The farm file in force, and limits that are set on the fly: changed while tasks run.

Nothing that runs is stopped by a change. Hosts of which the file says something else now get their
new values; those that gained room are tried at once, those that lost some start nothing until
enough has ended. What is held of services is carried over to the new limits.

The setup is stored: a server whose file became bad goes on with what it had.
"""

from __future__ import annotations

import msgspec

from afanasy.core.effects import Note
from afanasy.core.events import SetFarmSetup, SetLimit
from afanasy.core.host.host_change import hosts_changed
from afanasy.core.host.host_setup import refresh_setup
from afanasy.core.limit import limits
from afanasy.core.limit.usages import ChosenLimit
from afanasy.core.state import Farm
from afanasy.model.clock import Now
from afanasy.model.errors import UserError
from afanasy.model.farm_setup import FarmSetup, SetupSource


def set_setup(farm: Farm, event: SetFarmSetup, now: Now) -> bool:
    """A farm file was read, or there is none any more. Returns whether it says something else."""
    source = SetupSource(event.path, int(now.wall), event.lines)
    changed = event.setup != farm.setup
    if source.path != farm.setup_source.path or source.lines != farm.setup_source.lines or changed:
        farm.setup_source = source
        farm.changes.farm_setup = True
    if not changed:
        return False
    farm.setup = event.setup
    limits.service_limits_changed(farm)
    others = [render for render in farm.renders.values() if _says_otherwise(farm, render.name)]
    hosts_changed(farm, others, now)
    patterns = len(event.setup.patterns) if event.setup is not None else 0
    fields: dict[str, object] = {
        "file": event.path,
        "patterns": patterns,
        "hosts_changed": len(others),
    }
    farm.effects.append(Note("farm_file_changed", fields))
    return True


def _says_otherwise(farm: Farm, name: str) -> bool:
    render = farm.renders[name]
    before = render.setup
    refresh_setup(farm, render)
    return render.setup != before


def set_limit(farm: Farm, event: SetLimit, now: Now) -> None:
    """Set the limit of a service on the fly, or take that back. Raises UserError."""
    name = event.service
    if event.max_count is None and event.max_hosts is None:
        if name not in farm.limits_chosen:
            raise UserError(
                "not_found", f"no limit of {name!r} was set on the fly", "afcmd limits lists them"
            )
        del farm.limits_chosen[name]
    else:
        old = farm.limited.get(name)
        count = event.max_count if event.max_count is not None else old.max_count if old else -1
        hosts = event.max_hosts if event.max_hosts is not None else old.max_hosts if old else -1
        farm.limits_chosen[name] = ChosenLimit(count, hosts, event.by, int(now.wall))
    farm.changes.limits = True
    limits.service_limits_changed(farm)
    fields: dict[str, object] = {"service": name, "by": event.by}
    farm.effects.append(Note("limit_changed", fields))


# ----------------------------------------------------------------------------------------- store


def setup_doc(farm: Farm) -> object:
    """What is stored of the farm file."""
    return {"setup": farm.setup, "source": farm.setup_source}


def restore_setup(farm: Farm, text: str) -> None:
    """The same, backwards. Limits are derived when the runs are there."""
    doc = msgspec.json.decode(text)
    setup = doc["setup"]
    farm.setup = msgspec.convert(setup, FarmSetup) if setup is not None else None
    farm.setup_source = msgspec.convert(doc["source"], SetupSource)


def restore_limits(farm: Farm, text: str) -> None:
    """Limits that were set on the fly."""
    chosen: dict[str, tuple[int, int, str, int]] = msgspec.json.decode(text)
    farm.limits_chosen = {name: ChosenLimit(*values) for name, values in chosen.items()}
