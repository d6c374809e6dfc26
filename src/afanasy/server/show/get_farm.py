"""``get`` farm: the farm file in force, and what it and everybody else say of hosts.

With ``names`` the answer has these hosts, each attribute with the value in force and who says it
(R22). A host that no render of the farm has is looked at as a new render of that name would be:
in the pool whose pattern takes it, with no override and no option of an agent.
"""

from __future__ import annotations

import json
from typing import Any, Final

from afanasy.core.host.host_values import origins, refresh_host, sleep_after
from afanasy.core.host.pool_edits import place_by_pattern
from afanasy.core.host.services_here import others_allowed, services_here
from afanasy.core.state import Farm, Render
from afanasy.farmsetup.write import as_json
from afanasy.model.attributes import RenderSpec
from afanasy.model.errors import UserError
from afanasy.model.farm_setup import FarmSetup, HostSetup
from afanasy.server.show.get_request import GetRequest, check_mode
from afanasy.server.show.views import View

#: Hosts of one request; each is matched with every pattern.
NAMES_MAX: Final = 200
#: Attributes that only the farm file has: of the host's setup → name in answers.
_OF_THE_FILE: Final = {
    "description": "description",
    "os": "os",
    "resources": "resources",
    "data": "data",
    "wol_idle_sleep_time_s": "wolidlesleeptime",
}


def farm_answer(farm: Farm, request: GetRequest) -> View:
    """The farm file, as JSON has it, with its source and the lines of its patterns."""
    check_mode(request, ())
    if len(request.names) > NAMES_MAX:
        raise UserError(
            "too_large", f"{NAMES_MAX} names are the most", "ask more than once", field="get.names"
        )
    source = farm.setup_source
    shown: View = {
        "source": source.path,
        "time": source.time,
        "lines": list(source.lines),
        "match": "merge",
        "limits": [],
        **json.loads(as_json(farm.setup or FarmSetup()))["farm"],
    }
    answer: View = {"farm": shown}
    if request.names:
        answer["hosts"] = [host_view(farm, name) for name in dict.fromkeys(request.names)]
    return answer


def host_view(farm: Farm, name: str) -> View:
    """One host: its patterns, values and services, each with who says so."""
    known = farm.renders.get(name)
    render = known or _as_if_new(farm, name)
    setup = render.setup or HostSetup()
    values: dict[str, View] = {
        key: {"value": found.value, "origin": found.origin}
        for key, found in origins(farm, render).items()
    }
    for attribute, word in _OF_THE_FILE.items():
        if attribute in setup.origins:
            origin = f"pattern {setup.origins[attribute]!r} of the farm file"
            values[word] = {"value": getattr(setup, attribute), "origin": origin}
    if "wol_idle_sleep_time_s" in setup.origins:  # a pool may know better
        sleep = sleep_after(farm, render)
        values["wolidlesleeptime"] = {"value": sleep.seconds, "origin": sleep.origin}
    services: dict[str, Any] = {
        service: {
            "allowed": found.allowed,
            "origin": found.origin,
            "count": setup.services.get(service, 0),
        }
        for service, found in services_here(farm, render).items()
    }
    return {
        "name": name,
        "known": known is not None,
        "farm_file": farm.setup is not None,
        "pool": render.spec.pool,
        "patterns": list(setup.patterns),
        "values": values,
        "services": services,
        "other_services": others_allowed(farm, render),
    }


def _as_if_new(farm: Farm, name: str) -> Render:
    """A render that the farm does not know, as it would be after its first hello."""
    render = Render(name=name, id=0, spec=RenderSpec(pool=place_by_pattern(farm, name).path))
    refresh_host(farm, render)
    return render
