"""How the text of a mask is read (R20, SEMANTICS 3.6, PROTOCOL 2.4 "Pattern modes").

Three readings, each with an empty mask matching everything:

* *regex*: a Perl-like regular expression that must match the whole name; the matcher is the farm's,
  injected, because a slow one needs a clock (R21);
* *find*: words split at ``| ; , :`` and blanks; a name that *starts with* one of them matches;
* *contain*: the same words; a name that has one of them somewhere matches.

Host masks without a type are read by their user's type, else each by its looks. What the looks say
is never stored: a mask that is edited is read anew.

The matcher has three answers: yes, no, and None for "that took too long". Nothing may start because
of a None: who waits takes such a name for named (:func:`may_name`), a hosts mask takes no host.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from afanasy.core.state import Farm, Job, User

MASKS_MAX: Final = 4096
_WORDS = re.compile(r"[|;,: ]+")
#: A hosts mask of these characters alone is read as today's prefix words (R20).
_FIND_MASK = re.compile(r"[\w.\-|;,: ]*\Z")


#: Longer masks are remembered too, but fewer of them.
_LONG: Final = 1000
_LONG_KEPT: Final = 64
#: So many words are looked up by their lengths; fewer are quicker tried one by one.
_FEW_WORDS: Final = 32
_SHOWN_MAX: Final = 120

R = TypeVar("R")


def _remembered(read: Callable[[str], R]) -> Callable[[str], R]:
    """``read`` with its results kept, so many that long masks cannot fill the memory."""
    short, long = lru_cache(MASKS_MAX)(read), lru_cache(_LONG_KEPT)(read)
    return lambda mask: short(mask) if len(mask) <= _LONG else long(mask)


#: Characters that make a mask more than a name.
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}#")
#: A repeat after it makes a character optional.
_REPEATS: Final = frozenset("?*{")


def is_plain(mask: str) -> bool:
    """The regular expression is just a name: it matches itself and nothing else."""
    return _SPECIAL.isdisjoint(mask)


@_remembered
def plain_names(mask: str) -> frozenset[str] | None:
    """The names that a regular expression of plain names, ``a|b|c``, matches; None: it is more."""
    names = mask.split("|")
    return frozenset(names) if all(map(is_plain, names)) else None


def shown(mask: str) -> str:
    """The mask for a sentence: quoted, and the beginning of a long one."""
    if len(mask) <= _SHOWN_MAX:
        return repr(mask)
    return f"{mask[:_SHOWN_MAX]!r}… ({len(mask)} characters)"


@_remembered
def literal_start(mask: str) -> str:
    """Letters that everything the regular expression matches begins with; "" when in doubt."""
    if "|" in mask or "(?" in mask:  # other ways to begin, or flags
        return ""
    end = next((n for n, letter in enumerate(mask) if letter in _SPECIAL), len(mask))
    if end < len(mask) and mask[end] in _REPEATS:
        end -= 1
    return mask[: max(end, 0)]


@_remembered
def split_words(mask: str) -> tuple[str, ...]:
    """The words of a *find* or *contain* mask."""
    return tuple(word for word in _WORDS.split(mask) if word)


@_remembered
def _by_length(mask: str) -> tuple[tuple[int, ...], frozenset[str]]:
    """The words of a long *find* mask, with the lengths that they have."""
    words = frozenset(split_words(mask))
    return tuple(sorted({len(word) for word in words})), words


def find_match(mask: str, name: str) -> bool:
    """``name`` starts with a word of ``mask``. An empty mask matches all."""
    if not mask:
        return True
    words = split_words(mask)
    if len(words) <= _FEW_WORDS:
        return name.startswith(words)
    lengths, known = _by_length(mask)
    return any(name[:length] in known for length in lengths if length <= len(name))


def contain_match(mask: str, name: str) -> bool:
    """``name`` has a word of ``mask`` somewhere. An empty mask matches all."""
    return not mask or any(word in name for word in split_words(mask))


@_remembered
def looks_like_words(mask: str) -> bool:
    """A mask without a type that is read as prefix words, not as a regular expression."""
    return _FIND_MASK.match(mask) is not None


def type_of(job: Job) -> str:
    """The type of the hosts masks of a job and its blocks: its own, else its user's, else ""."""
    return job.spec.hosts_mask_type or job.user.spec.hosts_mask_type


def may_name(farm: Farm, mask: str, name: str) -> bool:
    """The regular expression matches ``name``, or it took too long to tell (R21)."""
    return farm.matcher(mask, name) is not False


def host_matches(farm: Farm, mask: str, kind: str, host: str) -> bool | None:
    """``host`` is one of those that a hosts mask means; ``kind`` "" reads it by its looks.

    None: it took too long to tell.
    """
    if not mask:
        return True
    if kind == "find" or (kind != "regex" and looks_like_words(mask)):
        return find_match(mask, host)
    return farm.matcher(mask, host)


def resolved_type(mask: str, kind: str) -> str:
    """The reading in force, for people: "find" or "regex"."""
    return kind or ("find" if looks_like_words(mask) else "regex")


#: Readings, in a sentence that ends with "read as …".
READ_AS: Final = {"find": "words that names begin with", "regex": "a regular expression"}


def read_as(mask: str, kind: str) -> str:
    """The reading in force as words."""
    return READ_AS[resolved_type(mask, kind)]


def shown_type(job: Job) -> str:
    """The type of the job's masks, for people: "" when they look different."""
    kind = type_of(job)
    if kind:
        return kind
    masks = {job.spec.hosts_mask, job.spec.hosts_mask_exclude}
    for block in job.blocks:
        masks.add(block.spec.hosts_mask)
        masks.add(block.spec.hosts_mask_exclude)
    masks.discard("")
    kinds = list(dict.fromkeys(resolved_type(mask, "") for mask in masks))
    return "find" if not kinds else kinds[0] if len(kinds) == 1 else ""


def user_type(user: User) -> str:
    """The type of a user's own masks."""
    return user.spec.hosts_mask_type
