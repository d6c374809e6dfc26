"""Pools and branches that somebody names and that are not there: most often slips of the pen."""

from __future__ import annotations

import difflib
import json
from typing import Final

from afanasy.core.job.branch_edits import clean_path
from afanasy.core.place.checks_host import pool_matches
from afanasy.core.state import Farm, Job
from afanasy.core.system.system_job import job_folders

#: More sentences than this about one job help nobody.
WARNINGS_MAX: Final = 20


def pool_warnings(farm: Farm, pools: dict[str, int], path: str) -> list[str]:
    """A sentence for each key of a ``pools`` map that means no pool of the farm (SEMANTICS 3.7)."""
    found: list[str] = []
    for key, value in pools.items():
        if any(pool_matches(key, pool) for pool in farm.pools):
            continue
        close = difflib.get_close_matches(key, farm.pools, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        follows = ", and nothing starts outside of those that do" if value >= 100 else ""
        name = json.dumps(key, ensure_ascii=False)
        found.append(f"{path}[{name}]: no pool has that name{follows}{hint}")
    return [*found[:WARNINGS_MAX], "and more of that kind"] if len(found) > WARNINGS_MAX else found


def branch_warnings(job: Job, asked: str) -> list[str]:
    """A sentence when a new job is not in the branch that it asked for (PROTOCOL 2.4).

    Submitters that ask for none name one of the job's folders (SEMANTICS 14.3): nobody meant that.
    """
    assert job.branch is not None
    wanted, got = clean_path(asked), job.branch.path
    if wanted == got or wanted in map(clean_path, job_folders(job)):
        return []
    why = "" if job.branch.spec.create_childs else f", and jobs make none in {got!r}"
    return [f"job.branch: there is no branch {wanted!r}{why}; the job is in {got!r}"]
