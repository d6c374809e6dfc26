"""Which regular expressions people may write, and what is said about the others (R21).

Compiling unrolls a repeat up to its lower bound, so ``a{1000000000}`` or twenty nested ``+`` would
take all memory. So a mask is weighed before it is compiled. What matching may cost is the matter of
whoever matches: the server bounds its time (:mod:`afanasy.server.matcher`).
"""

from __future__ import annotations

import re
from typing import Final

import regex

from afanasy.model.errors import UserError

MASK_LENGTH_MAX: Final = 1000
#: Items a mask may unroll to, estimated from above; about 5 MB and 10 ms.
EXPANSION_MAX: Final = 20_000

#: Before the patterns of pools; nobody wrote it.
_ANY_CASE: Final = "(?i)"

#: A repeat with a lower bound, and whether what it repeats may itself have repeats inside.
_REPEAT = re.compile(r"([)}]?)\s*(?:\+|\{\s*([0-9]+))")
#: Comments and the flag x could hide a repeat from that pattern; no mask of names needs them.
_HIDING = re.compile(r"\(\?(?:#|[a-zA-Z0-9]*x)")


def expansion(mask: str) -> int:
    """How many items the mask compiles to, at most: lower bounds of nested repeats multiply."""
    outer = inner = 1
    for bracket, bound in _REPEAT.findall(mask):
        factor = 2 if not bound else 1 + (int(bound) if len(bound) < 10 else 10**9)
        if bracket:
            outer *= factor
        else:
            inner = max(inner, factor)
    return len(mask) * outer * inner


def compile_mask(mask: str, field: str = "mask") -> regex.Pattern[str]:
    """Compile a regular expression. Raises UserError: it is the person's who wrote it."""
    if len(mask.removeprefix(_ANY_CASE)) > MASK_LENGTH_MAX:
        raise UserError(
            "bad_mask",
            f"the mask has {len(mask)} characters; a regular expression has {MASK_LENGTH_MAX}"
            " at most",
            "use a pattern that covers them, or plain names with | between them",
            field=field,
        )
    if _HIDING.search(mask):
        raise UserError(
            "bad_mask", "a mask has no comments and no flag x", "leave them out", field=field
        )
    if expansion(mask) > EXPANSION_MAX:
        raise UserError(
            "bad_mask",
            "the mask has too many or too large repeats",
            "nest fewer repeats, and use * instead of large counts",
            field=field,
        )
    try:
        return regex.compile(mask)
    except regex.error as error:
        # The package's stubs do not name these two attributes.
        position: int = getattr(error, "pos", None) or 0
        rule: str = getattr(error, "msg", str(error))
        raise UserError(
            "bad_mask",
            f"the mask {mask!r} is no regular expression: {rule} at position {position}",
            _hint(mask, position),
            field=field,
        ) from None
    except (RecursionError, OverflowError, MemoryError, ValueError, KeyError) as error:
        raise UserError(
            "bad_mask",
            f"the mask is too complicated ({type(error).__name__})",
            "write a simpler one",
            field=field,
        ) from None


def _hint(mask: str, position: int) -> str:
    """What to do about the character at fault."""
    before = mask[:position]
    if mask[:1] in ("*", "+", "?") or before[-1:] in ("*", "+", "?"):
        return 'to say "anything" write .*'
    if "(" in mask or "[" in mask:
        return "to mean the character itself, write a backslash before it"
    return "look at that character"
