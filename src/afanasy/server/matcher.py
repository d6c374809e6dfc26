"""Regular expressions of people, which may cost only so much (R21).

How the text of a mask is read otherwise is :mod:`afanasy.core.host.masks`.

**What a mask can cost.** Two things can hurt: compiling and matching (backtracking). So a mask is
weighed before it is compiled (:mod:`afanasy.core.host.mask_syntax`), and every match has a time
limit. Plain names with ``|`` between them need neither: they are looked up, and may be many.
:meth:`Masks.check_mask` is the edge where people's masks come in: there a bad one is refused with a
sentence. A stored mask that runs over its time later is switched off: from then on it costs
nothing, and of names that are new it is not known whether it matches them. The core is told just
that, and the log says so once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple

import regex
import structlog

from afanasy.core.host.mask_syntax import compile_mask
from afanasy.core.host.masks import plain_names
from afanasy.model.errors import UserError

log = structlog.get_logger("masks")

#: Time for trying a new mask against all known names, in seconds (R21).
CHECK_S: Final = 0.05
#: Time for checking all masks of one request; the first half may be spent on trying names.
REQUEST_S: Final = 0.5
#: Time for one match of a stored mask.
MATCH_S: Final = 0.01
#: Known names that a new mask is tried against: enough to see that it is slow.
NAMES_TRIED_MAX: Final = 1000
#: Compiled masks kept, and results of one mask.
MASKS_MAX: Final = 4096
RESULTS_MAX: Final = 20_000
#: Characters of a mask or name in a line of the log.
_LOGGED_MAX: Final = 200


class _Mask(NamedTuple):
    """A compiled mask and what is known of it."""

    pattern: regex.Pattern[str]
    #: Name → whether it matches.
    results: dict[str, bool]


class Masks:
    """Compiled masks and remembered results. Owned by the loop's thread."""

    def __init__(self, known_names: Callable[[], Iterable[str]] | None = None) -> None:
        #: Names that a new mask is tried against when the caller names none.
        self.known_names = known_names
        self._masks: dict[str, _Mask] = {}
        #: Masks that passed the edge, and masks that are switched off: wrong or too slow.
        self._checked: dict[str, None] = {}
        self.switched_off: dict[str, None] = {}
        #: Time that is left to the masks of this request.
        self._left_s = REQUEST_S

    def new_request(self) -> None:
        """The masks that come now are another request's, with a time of their own."""
        self._left_s = REQUEST_S

    def full_match(self, mask: str, name: str) -> bool | None:
        """The whole of ``name`` matches the regular expression ``mask``.

        Never raises and never takes longer than :data:`MATCH_S`. None: nobody knows, since the
        mask does not compile (an old one from a store) or is too slow.
        """
        if not mask:
            return True
        names = plain_names(mask)
        if names is not None:
            return name in names
        known = self._masks.get(mask)
        result = known.results.get(name) if known is not None else None
        if result is None and mask not in self.switched_off:
            if known is None:
                try:
                    known = self._keep(mask, compile_mask(mask))
                except UserError:
                    self._switch_off(mask, name)
                    return None
            try:
                result = known.pattern.fullmatch(name, timeout=MATCH_S) is not None
            except (TimeoutError, MemoryError, RecursionError):
                self._switch_off(mask, name)
                return None
            if len(known.results) >= RESULTS_MAX:
                known.results.clear()
            known.results[name] = result
        return result

    def check_mask(self, mask: str, field: str, names: Iterable[str] | None = None) -> None:
        """Refuse a regular expression that is wrong or slow. Raises UserError naming ``field``.

        It is tried against ``names``, else against the names that the server knows.
        """
        if not mask or (mask in self._checked and names is None):
            return
        if plain_names(mask) is not None:
            return  # names, which match themselves
        if self._left_s <= 0:
            raise UserError(
                "too_many_masks",
                "the masks of this request take too long to check",
                "use fewer different masks",
                field=field,
            )
        # CPU time, not wall time: a busy machine must not make a good mask a slow one.
        began = time.thread_time()
        try:
            pattern = compile_mask(mask, field)
            if self._left_s > REQUEST_S / 2:  # else its matches are timed when they are needed
                self._try(mask, pattern, field, names)
        finally:
            self._left_s -= time.thread_time() - began
        if len(self._checked) >= MASKS_MAX:
            self._checked.clear()
        self._checked[mask] = None
        self.switched_off.pop(mask, None)

    def _try(
        self, mask: str, pattern: regex.Pattern[str], field: str, names: Iterable[str] | None
    ) -> None:
        if names is None:
            names = self.known_names() if self.known_names is not None else ()
        deadline = time.thread_time() + CHECK_S
        for name in islice(names, NAMES_TRIED_MAX):
            left = deadline - time.thread_time()
            try:
                if left <= 0:
                    raise TimeoutError
                pattern.fullmatch(name, timeout=left)
            except (TimeoutError, MemoryError, RecursionError):
                raise UserError(
                    "slow_mask",
                    f"the mask {mask!r} takes too long on the name {name[:80]!r}",
                    "avoid repeats inside repeats, as in (a+)+",
                    field=field,
                ) from None

    def _keep(self, mask: str, pattern: regex.Pattern[str]) -> _Mask:
        if len(self._masks) >= MASKS_MAX:
            self._masks.pop(next(iter(self._masks)))
        known = self._masks[mask] = _Mask(pattern, {})
        return known

    def _switch_off(self, mask: str, name: str) -> None:
        """It is not tried any more; what it said of other names is still known."""
        log.warning("mask_switched_off", mask=mask[:_LOGGED_MAX], name=name[:_LOGGED_MAX])
        self._checked.pop(mask, None)
        if len(self.switched_off) >= MASKS_MAX:
            self.switched_off.pop(next(iter(self.switched_off)))
        self.switched_off[mask] = None
