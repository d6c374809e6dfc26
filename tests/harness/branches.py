"""Branches in stories: made, edited, and the sharing by them switched on."""

from __future__ import annotations

from typing import Any

from afanasy.core import events
from afanasy.core.job import branch_edits
from harness.farm import StoryFarm


def share_by(farm: StoryFarm, *paths: str, on: bool = True) -> None:
    """Switch the setting, and make these branches."""
    farm.apply(events.ChangeSettings({"af_solve_branches": on}, by="anna@desk"))
    for path in paths:
        above = path.rpartition("/")[0] or "/"
        farm.apply(events.EditBranch(above, {"create_childs": True}))
        branch_edits.branch_for(farm.core, path, farm.now)


def edit_branch(farm: StoryFarm, path: str, **params: Any) -> None:
    """Set attributes of a branch."""
    farm.apply(events.EditBranch(path, params))
