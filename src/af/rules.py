"""Rules of values, and the two ways of telling that one is broken.

The snake_case setters raise ``ValueError`` with field, rule and value. Their classic twins, made by
:func:`classic`, tell the same sentence as a warning and leave the object as it was.
"""

from __future__ import annotations

import functools
import os
import re
import warnings
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing import Callable, TypeVar

    Setter = TypeVar("Setter", bound=Callable[..., Any])

#: What the classic API calls the argument ``transfer`` in its various methods.
_TRANSFER_WORDS = ("TransferToServer", "i_transfer_to_server", "i_transferToServer")


class AfWarning(UserWarning):
    """A value that was ignored, or something the server had to say about a request."""


def classic(setter: Setter) -> Setter:
    """The classic twin of a setter: a broken rule is a warning at the caller's line."""

    @functools.wraps(setter)
    def lenient(*args: Any, **kwargs: Any) -> Any:
        try:
            return setter(*args, **kwargs)
        except ValueError as error:
            warnings.warn("%s; ignored" % error, AfWarning, stacklevel=2)
        return None

    return cast("Setter", lenient)


def whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """``value`` as an integer within the bounds; texts of digits and 5.0 count as integers."""
    number = None
    if isinstance(value, str):
        if re.match(r"\s*-?[0-9]+\s*$", value):
            number = int(value)
    elif not isinstance(value, bool):
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is not None and number != value:
            number = None
    if number is None:
        raise ValueError("%s must be a whole number, not %r" % (name, value))
    if low is not None and number < low:
        raise ValueError("%s must be at least %d, not %d" % (name, low, number))
    if high is not None and number > high:
        raise ValueError("%s must be at most %d, not %d" % (name, high, number))
    return number


def scaled(name: str, value: Any, factor: int) -> int:
    """``value`` · ``factor`` as an integer, for units that people write with a fraction; > 0."""
    try:
        number = int(float(value) * factor)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number <= 0:
        raise ValueError("%s must be above 0, not %r" % (name, value))
    return number


def text(name: str, value: Any, empty: bool = True) -> str:
    """``value`` as a text; paths are texts too. Refuses an empty one unless ``empty``."""
    if isinstance(value, os.PathLike):
        value = os.fspath(cast("os.PathLike[str]", value))
    if not isinstance(value, str):
        raise ValueError("%s must be a text, not %r" % (name, value))
    if not value and not empty:
        raise ValueError("%s must not be empty" % name)
    return value


def variable(name: str, value: Any) -> str:
    """``value`` as the name of an environment variable; no process can be given any other."""
    key = text(name, value, empty=False)
    if "=" in key or "\0" in key:
        raise ValueError('%s: a name has no "=" and no NUL, not %r' % (name, key))
    return key


def texts(name: str, value: Any) -> list[str]:
    """``value`` as a list of texts; a single text is a list of one."""
    if isinstance(value, (str, os.PathLike)):
        return [text(name, value)]
    try:
        items = list(value)
    except TypeError:
        raise ValueError("%s must be a list of texts, not %r" % (name, value)) from None
    return [text(name, item) for item in items]


def mask(name: str, value: Any) -> str:
    """``value`` as a regular expression that compiles.

    How long it may be says the server: to leave a mask out would let the job run anywhere.
    """
    pattern = text(name, value, empty=False)
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError("%s: %r does not compile: %s" % (name, pattern, error)) from None
    return pattern


def to_server(value: Any, transfer: Any, words: dict[str, Any]) -> Any:
    """A path, command or list of them through the paths map, unless ``transfer`` is off.

    ``words`` are further keyword arguments: the classic spellings of ``transfer`` are accepted.
    Raises TypeError for any other word, as Python does, and ValueError when the map makes no sense.
    """
    for word in words:
        if word not in _TRANSFER_WORDS:
            raise TypeError("unexpected keyword argument %r" % word)
    if not (transfer and all(words.values())):
        return value
    from af import config  # it imports this module

    paths = config.path_map()
    if isinstance(value, list):
        return [paths.to_server(item) for item in cast("list[str]", value)]
    return paths.to_server(value)
