"""Refusals for the same reason as one: "12 renders: needs capacity 1000; 200 to 600 is free now".

Hosts that are refused for the same reason differ in figures: what is free, how many errors, for how
many seconds. Those make one group, with the figures from the least to the most. 0 stands apart: a
limit of 0 lets nothing start, ever, and is another thing than one that is reached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from afanasy.core.place.reasons import Reason

S = TypeVar("S")

#: Names that a group lists.
NAMES_SHOWN: Final = 5
#: Texts that a sentence lists.
_TEXTS_SHOWN: Final = 3
#: Code → the figure that is a text of the host, and is listed.
_LISTED: Final = {
    "need_os": 2, "need_properties": 2, "pool_other": 1, "pool_forbidden": 1,
    "service_absent": 1,
}  # fmt: skip
#: Code → (figure, sign): the host for which it is the most, or with -1 the least, is the nearest
#: to a start; what would help is said of that one.
_NEAREST: Final = {
    "capacity_total": (1, 1), "capacity_free": (1, 1), "need_memory": (1, 1), "need_hdd": (1, 1),
    "need_gpus": (1, 1), "need_gpus_total": (1, 1), "need_gpu_mem_mb": (1, 1), "need_cpu": (2, 1),
    "need_memory_total": (1, 1), "need_hdd_total": (1, 1), "need_gpu_mem_total": (1, 1),
    "limit_over": (2, 1), "limit_host_over": (2, 1),
    "need_power": (2, 1), "render_cooling": (0, -1), "block_avoids": (0, -1),
    "task_avoids": (0, -1), "task_ejected": (0, 1),
}  # fmt: skip


class _Span:
    """Figures of several hosts: "200 to 600"."""

    def __init__(self, figures: list[int]) -> None:
        self.least, self.most = min(figures), max(figures)

    def __str__(self) -> str:
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


class _Texts:
    """Texts of several hosts: "linux, windows"."""

    def __init__(self, figures: list[object]) -> None:
        self._texts = list(dict.fromkeys(str(one) or "nothing" for one in figures))

    def __str__(self) -> str:
        more = len(self._texts) - _TEXTS_SHOWN
        return ", ".join(self._texts[:_TEXTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


@dataclass(slots=True)
class Group(Generic[S]):
    """Those of one kind that are refused for the same reason."""

    #: The reason of the nearest to a start, and who that is.
    reason: Reason
    nearest: S
    count: int = 0
    #: The first few names.
    names: list[str] = field(default_factory=list[str])
    _reasons: list[Reason] = field(default_factory=list[Reason])

    def add(self, reason: Reason, name: str, subject: S) -> None:
        """One more."""
        self.count += 1
        if len(self.names) < NAMES_SHOWN:
            self.names.append(name)
        self._reasons.append(reason)
        figure, sign = _NEAREST.get(reason.code, (-1, 1))
        if figure < 0:
            return
        new, old = reason.figures[figure], self.reason.figures[figure]
        assert isinstance(new, int)
        assert isinstance(old, int)
        if sign * (new - old) > 0:
            self.reason, self.nearest = reason, subject

    def shown(self) -> Reason:
        """The reason with the figures of all of them."""
        code = self.reason.code
        figures: list[object] = []
        for place, figure in enumerate(self.reason.figures):
            if _LISTED.get(code) == place:
                figures.append(_Texts([reason.figures[place] for reason in self._reasons]))
            elif _is_number(figure):
                numbers = [reason.figures[place] for reason in self._reasons]
                figures.append(_Span([one for one in numbers if isinstance(one, int)]))
            else:
                figures.append(figure)
        return Reason(code, tuple(figures))


def _is_number(figure: object) -> bool:
    return isinstance(figure, int) and not isinstance(figure, bool)


def add(
    groups: dict[tuple[str, ...], Group[S]], reason: Reason, name: str, subject: S
) -> Group[S] | None:
    """Put a refusal to those of the same reason; the group when that is a new one."""
    key = (
        reason.code,
        *(
            ""
            if _LISTED.get(reason.code) == place or (_is_number(figure) and figure)
            else str(figure)
            for place, figure in enumerate(reason.figures)
        ),
    )
    group = groups.get(key)
    new = group is None
    if group is None:
        group = groups[key] = Group(reason, subject)
    group.add(reason, name, subject)
    return group if new else None
