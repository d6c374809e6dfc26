"""Where two snapshots of a farm differ (:func:`afanasy.core.invariants.snapshot`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast


def differences(live: object, other: object, path: str = "") -> Iterator[str]:
    """One line for each difference."""
    if isinstance(live, dict) and isinstance(other, dict):
        mine, others = cast("dict[Any, Any]", live), cast("dict[Any, Any]", other)
        for key in {**mine, **others}:
            yield from differences(mine.get(key), others.get(key), f"{path}/{key}")
    elif isinstance(live, list) and isinstance(other, list):
        one, two = cast("list[object]", live), cast("list[object]", other)
        if len(one) != len(two):
            yield f"{path}: {len(one)} and {len(two)} items"
        for n, pair in enumerate(zip(one, two, strict=False)):
            yield from differences(*pair, f"{path}/{n}")
    elif live != other:
        yield f"{path}: {live!r} and {other!r}"
